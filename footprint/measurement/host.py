"""One sampler per host and run: the process that holds a lock.

The lock is an advisory one on an open file. It dies with its holder, so a killed
sampler leaves nothing behind, and the next process takes over.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: there nobody samples, and edges must do
    fcntl = None  # type: ignore[assignment]


_held: weakref.WeakSet[HostLock] = weakref.WeakSet()


def _release_in_child() -> None:
    for lock in list(_held):
        lock.release()


if fcntl is not None:
    # A forked child would share the open file, and hold the lock beyond our death.
    os.register_at_fork(after_in_child=_release_in_child)


class HostLock:
    """The right to sample this host for one run.

    Parameters
    ----------
    folder : Path
        Folder of the run's journals.
    host : str or None
        Token of the host; without one nobody gets the lock.
    """

    def __init__(self, folder: Path, host: str | None) -> None:
        self._path = folder / f".host-{host}.lock"
        self._possible = host is not None and fcntl is not None
        self._descriptor: int | None = None
        self._owner = os.getpid()

    @property
    def held(self) -> bool:
        """Whether this process samples the host."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Try to take the lock, without waiting; True if it is held now."""
        if self.held or not self._possible:
            return self.held
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            return False  # the journal cannot be written either, and says so
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor, self._owner = descriptor, os.getpid()
        _held.add(self)
        return True

    def release(self) -> None:
        """Give the lock back; the file stays, and means nothing without a holder."""
        if self._descriptor is not None:
            # In a forked child only our copy is closed; the lock is the parent's.
            if self._owner == os.getpid():
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None
