"""What a client has done in a run so far, over all of its processes.

Flower starts a process for every message, drops replies that come too late, and does
not keep the state of a handler that raised. So each client has a file of its own: a line
when a message begins, and one when it ends, each with the totals up to then. A message
that began and never ended belongs to a process that died.

A copy of the totals goes into the context of the client, for a file that cannot be
written or is not on the machine where the client runs next.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from footprint.errors import JournalError
from footprint.journal.records import decode_line, encode_line
from footprint.journal.values import at_least_zero, count

try:
    import fcntl
except ImportError:  # not on Windows: there processes of one client must not overlap
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".ledger"

_TAIL_BYTES = 4096
"""Some ten lines: enough to find the last one that is whole, however long the run."""

_TRIES, _PAUSE_S = 100, 0.002
"""Of a lock that somebody else holds: a line takes microseconds, and training must go on."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a client has done so far.

    Attributes
    ----------
    begun, finished, failed : int
        Messages that began, that ended well, and whose handler raised.
    total_kwh : float
        Energy of those that ended, as far as it is known: a lower bound if some of them
        are unmetered [kWh].
    setup_kwh, idle_kwh : float
        Of that, the start of processes, and idle power [kWh].
    unmetered : int
        How many of them have no energy figure, or one of a part only.
    """

    begun: int = 0
    finished: int = 0
    failed: int = 0
    total_kwh: float = 0.0
    unmetered: int = 0
    setup_kwh: float = 0.0
    idle_kwh: float = 0.0

    @property
    def ended(self) -> int:
        """Messages that ended, one way or the other."""
        return self.finished + self.failed

    def begin(self) -> Totals:
        """Count a message that begins."""
        return replace(self, begun=self.begun + 1)

    def end(
        self,
        energy_kwh: float,
        *,
        failed: bool,
        metered: bool = True,
        setup_kwh: float = 0.0,
        idle_kwh: float = 0.0,
    ) -> Totals:
        """Count the end of a message, which took so much, start-up and idle power included.

        If it was not `metered` it took more.
        """
        return replace(
            self,
            finished=self.finished + (not failed),
            failed=self.failed + failed,
            total_kwh=math.fsum((self.total_kwh, energy_kwh)),
            unmetered=self.unmetered + (not metered),
            setup_kwh=self.setup_kwh + setup_kwh,
            idle_kwh=self.idle_kwh + idle_kwh,
        )


_KEY = "ledger"
_NAMES = tuple(column.name for column in fields(Totals))


class Ledger:
    """The totals of one client, in a file and in its context.

    Several processes may work for one client at once: one that was given up, and the
    next one. So each change is made to what the file says then, under a lock.

    Parameters
    ----------
    path : Path
        File of this client and run; made when it is first written.

    Attributes
    ----------
    problem : str
        Why the file cannot be used; empty if it can.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._latest = Totals()
        self._mark: tuple[int, int] | None = None
        """File and size as we left it: nobody wrote since."""
        self._text: str | None = None
        """What we left in the context."""

    def read(self, state: Mapping[str, Any] | None = None) -> Totals:
        """Read the totals: those of the file or of the context, whichever went on longer."""
        last = Totals()
        try:
            with self._opened(os.O_RDONLY) as descriptor:
                last = _last(descriptor)
        except FileNotFoundError:
            pass  # nothing has begun here yet
        except OSError as error:
            self.problem = error.strerror or str(error)
        return self._newest(last, state)

    def update(
        self,
        event: str,
        change: Callable[[Totals], Totals],
        state: MutableMapping[str, Any] | None = None,
    ) -> Totals:
        """Change the totals, and append them. What cannot be written is kept in `problem`."""
        problem = ""
        try:
            with (
                self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor,
                _locked(descriptor),
            ):
                totals = change(self._newest(self._last(descriptor), state))
                problem = self._append(descriptor, event, totals)
        except OSError as error:
            problem = error.strerror or str(error)
            totals = change(self._newest(self._latest, state))
        self._latest = totals
        self.problem = problem
        if state is not None:
            # One text: records of Flower check each value that is set, and copy it often.
            state[_KEY] = self._text = json.dumps(_fields(totals))
        return totals

    def _last(self, descriptor: int) -> Totals:
        info = os.fstat(descriptor)
        if self._mark == (info.st_ino, info.st_size):
            return self._latest
        self._mark = None
        return _last(descriptor)

    def _append(self, descriptor: int, event: str, totals: Totals) -> str:
        """Append a line; say what went wrong."""
        info = os.fstat(descriptor)
        line = encode_line({"event": event, **_fields(totals)})
        # A process that died while it wrote leaves the end of a line missing.
        if (
            self._mark is None
            and info.st_size
            and os.pread(descriptor, 1, info.st_size - 1) != b"\n"
        ):
            line = b"\n" + line
        if os.write(descriptor, line) != len(line):
            self._mark = None
            return "a line was cut off"
        self._mark = (info.st_ino, info.st_size + len(line))
        return ""

    def _newest(self, last: Totals, state: Mapping[str, Any] | None) -> Totals:
        found = [self._latest, last]
        text = state.get(_KEY) if state else None
        if state and (text is None or text != self._text):
            try:
                found.append(_totals(json.loads(text or "")))
            except (KeyError, TypeError, ValueError):
                self.problem = self.problem or "the context holds something else under our name"
        return max(found, key=lambda totals: (totals.begun, totals.ended))

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o644)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Keep other processes from changing a file, if they let go of it soon."""
    for _ in range(_TRIES if fcntl is not None else 0):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break  # closing the file unlocks it
        except OSError:
            time.sleep(_PAUSE_S)
    yield


_ledgers: dict[Path, Ledger] = {}


def open_ledger(path: Path) -> Ledger:
    """Give the ledger of a file; a process that goes on knows what it left there."""
    return _ledgers.setdefault(path, Ledger(path))


def _fields(totals: Totals) -> dict[str, float]:
    # Not `asdict`, which copies: this is done twice for every message.
    return {name: getattr(totals, name) for name in _NAMES}


def _last(descriptor: int) -> Totals:
    """Totals of the last line that is whole."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    for line in reversed(tail.split(b"\n")):
        try:
            return _totals(decode_line(line))
        except (JournalError, KeyError, TypeError, ValueError):
            continue  # torn, or the rest of a line in front of the tail
    return Totals()


def _totals(found: Mapping[str, Any]) -> Totals:
    totals = Totals(
        begun=count(found["begun"]),
        finished=count(found["finished"]),
        failed=count(found["failed"]),
        total_kwh=at_least_zero(found["total_kwh"]),
        unmetered=count(found["unmetered"]),
        setup_kwh=at_least_zero(found["setup_kwh"]),
        idle_kwh=at_least_zero(found["idle_kwh"]),
    )
    if totals.ended > totals.begun:
        raise ValueError("more messages ended than began")
    return totals
