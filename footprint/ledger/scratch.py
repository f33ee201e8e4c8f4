"""Folders for copies, which are gone with the block, or with the next one after a kill."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

with suppress(ImportError):  # Windows: what a killed process left stays until it is deleted
    import fcntl

_PREFIX = "footprint-ledger-"
_LOCK = "lock"
_YOUNG_S = 60
"""A folder may be there a moment before its lock is held."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder; first delete those of processes that are no more."""
    _delete_left()
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX) as folder,
        Path(folder, _LOCK).open("w") as lock,
    ):
        if os.name == "posix":
            # The system gives it back however a process ends.
            fcntl.flock(lock, fcntl.LOCK_SH)
        inner = Path(folder, "copies")
        inner.mkdir()
        yield inner


def _delete_left() -> None:
    if os.name != "posix":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            young = time.time() - found.st_mtime < _YOUNG_S
            if found.st_uid != os.getuid() or young or folder.is_symlink():
                continue
            with (folder / _LOCK).open() as lock:
                # Fails if somebody holds it.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
