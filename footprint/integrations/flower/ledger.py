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
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from footprint.errors import JournalError
from footprint.journal.records import decode_line, encode_line
from footprint.journal.values import at_least_zero, count

SUFFIX = ".ledger"

_TAIL_BYTES = 4096
"""Some ten lines: enough to find the last one that is whole, however long the run."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a client has done so far.

    Attributes
    ----------
    begun, finished, failed : int
        Messages that began, that ended well, and whose handler raised.
    total_kwh : float
        Energy of those that ended, as far as it is known [kWh].
    setup_kwh, idle_kwh : float
        Of that, the start of processes, and idle power [kWh].
    unmetered : int
        How many of them have no energy figure.
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
        energy_kwh: float | None,
        *,
        failed: bool,
        setup_kwh: float = 0.0,
        idle_kwh: float = 0.0,
    ) -> Totals:
        """Count the end of a message, which took so much, start-up and idle power included."""
        return replace(
            self,
            finished=self.finished + (not failed),
            failed=self.failed + failed,
            total_kwh=math.fsum((self.total_kwh, energy_kwh or 0.0)),
            unmetered=self.unmetered + (energy_kwh is None),
            setup_kwh=self.setup_kwh + setup_kwh,
            idle_kwh=self.idle_kwh + idle_kwh,
        )


_KEY = "ledger"
_NAMES = tuple(column.name for column in fields(Totals))


class Ledger:
    """The totals of one client, in a file and in its context.

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

    def read(self, state: Mapping[str, Any] | None = None) -> Totals:
        """Read the totals: those of the file or of the context, whichever went on longer."""
        found = [Totals()]
        try:
            found.append(_last(_tail(self.path)))
        except FileNotFoundError:
            pass  # nothing has begun here yet
        except OSError as error:
            self.problem = error.strerror or str(error)
        if state:
            try:
                found.append(_totals(json.loads(state[_KEY])))
            except (KeyError, TypeError, ValueError):
                self.problem = self.problem or "the context holds something else under our name"
        return max(found, key=lambda totals: (totals.begun, totals.ended))

    def write(
        self, event: str, totals: Totals, state: MutableMapping[str, Any] | None = None
    ) -> None:
        """Append the totals. What cannot be written is kept in `problem`."""
        # Not `asdict`, which copies: this is done twice for every message.
        found = {name: getattr(totals, name) for name in _NAMES}
        if state is not None:
            # One text: records of Flower check each value that is set, and copy it often.
            state[_KEY] = json.dumps(found)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
            descriptor = os.open(self.path, flags, 0o644)
            try:
                # A process that died while it wrote leaves the end of a line missing.
                size = os.lseek(descriptor, 0, os.SEEK_END)
                torn = size > 0 and _byte_at(descriptor, size - 1) != b"\n"
                line = b"\n" * torn + encode_line({"event": event, **found})
                written = os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.problem = error.strerror or str(error)
        else:
            self.problem = "" if written == len(line) else "a line was cut off"


def _byte_at(descriptor: int, place: int) -> bytes:
    os.lseek(descriptor, place, os.SEEK_SET)  # appending does not look at the place
    return os.read(descriptor, 1)


def _tail(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        return file.read().split(b"\n")


def _last(lines: list[bytes]) -> Totals:
    """Totals of the last line that is whole."""
    for line in reversed(lines):
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
