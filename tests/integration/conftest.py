"""Run the command line as a person does: in a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class CommandLine:
    """The `footprint` command in a folder of its own."""

    folder: Path

    def __call__(self, *arguments, code=0, **options):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "footprint", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **options,
        )
        assert code is None or done.returncode == code, done.stderr
        if done.returncode:
            assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def footprint(tmp_path):
    return CommandLine(tmp_path)
