"""The example studies: what works, what each broken one says, and what a killed one leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from footprint.cli.main import app
from footprint.cli.methods import _asked
from footprint.documents import from_json
from footprint.errors import FootprintError, ManifestError, UsageError
from footprint.measurement.attribution import read_journal
from footprint.model import Phase
from footprint.reporting import extract_document
from footprint.studies import study
from footprint.studies.manifest import read_study, require_sense
from footprint.studies.study import study_methods

ROOT = Path(__file__).parents[2] / "examples" / "studies"
DIGITS = ROOT / "ok" / "digits.toml"
BROKEN = sorted((ROOT / "fails").glob("*.toml"))


def test_the_examples_are_there():
    assert len(BROKEN) >= 20


@pytest.mark.parametrize("path", sorted((ROOT / "ok").glob("*.toml")), ids=lambda path: path.stem)
def test_a_working_study_can_be_read(path):
    plan = read_study(path)
    assert not plan.method[0].label, "the reference is what saves nothing"


def test_a_study_makes_a_document_and_a_page(footprint):
    done = footprint("methods", DIGITS, "--rounds", 1, "--seeds", 1, "-o", "page.html", "--json")
    result = json.loads(done.stdout)
    assert result["format"] == "footprint-study"
    assert [one["method"]["name"] for one in result["methods"]][:2] == ["dense", "8-bit updates"]
    assert all(len(one["seeds"]) == 1 for one in result["methods"])
    assert "6 of 6 runs: method 'top 5 %, fed back', seed 0" in done.stderr.splitlines()
    page = (footprint.folder / "page.html").read_text()
    assert from_json(extract_document(page)) == from_json(done.stdout)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_study_raises_the_error_that_it_documents(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# error: ")
    with pytest.raises(FootprintError) as caught:
        study_methods(read_study(path))
    assert first.removeprefix("# error: ") in caught.value.message
    assert any(name in caught.value.message for name in (path.name, "not_there"))


def test_the_command_line_takes_the_place_of_the_manifest(tmp_path):
    plan = _asked(DIGITS, tmp_path, seeds=7, rounds=12, target=0.5)
    assert (plan.seeds, plan.rounds, plan.target) == (7, 12, 0.5)
    assert (plan.data.source, plan.data.folder) == ("folder", str(tmp_path))
    assert _asked(DIGITS, None, seeds=None, rounds=None, target=None) == read_study(DIGITS)
    with pytest.raises(UsageError, match="An accuracy of 2 cannot be reached"):
        _asked(DIGITS, None, seeds=None, rounds=None, target=2.0)


def test_an_interruption_shows_what_has_ended(monkeypatch):
    run = study.run_method

    def interrupted(world, method, journal):
        if method.name != "dense":
            raise KeyboardInterrupt
        return run(world, method, journal)

    monkeypatch.setattr(study, "run_method", interrupted)
    arguments = ["methods", str(DIGITS), "--rounds", "1", "--seeds", "1", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 130
    assert json.loads(done.stdout)["methods"][0]["seeds"]
    assert "interrupted: 1 of 6 runs ended" in done.stderr


def test_a_short_trial_says_that_it_has_no_target(capsys):
    plan = _asked(DIGITS, None, seeds=None, rounds=4, target=None)
    assert plan.target is None
    assert "the target of the manifest is left out" in capsys.readouterr().err
    # Who asks for one is told.
    with pytest.raises(ManifestError, match="4 round"):
        require_sense(_asked(DIGITS, None, seeds=None, rounds=4, target=0.5))


def test_a_killed_study_leaves_journals_that_can_be_read(tmp_path):
    command = [sys.executable, "-m", "footprint", "methods", str(DIGITS), "--rounds", "10000"]
    study = subprocess.Popen(
        [*command, "--journals", "journals"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        stderr=subprocess.DEVNULL,
    )
    folder = tmp_path / "journals" / "method-1" / "seed-0"
    try:
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and study.poll() is None:
            if any(path.read_text().count('"train"') >= 3 for path in folder.glob("*.jsonl")):
                break
            time.sleep(0.2)
    finally:
        study.send_signal(signal.SIGKILL)
        study.wait()
    journal = read_journal(folder)
    assert [activity.phase for activity in journal.activities()].count(Phase.TRAIN) >= 3
    assert "truncated" in " ".join(finding.code for finding in journal.findings)
