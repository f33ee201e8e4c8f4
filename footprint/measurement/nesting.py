"""Trackers that count the same work for another run: each is right alone, and their sum is not."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("footprint")

PARENT_VARIABLE = "FOOTPRINT_PARENT"
"""Tells a tracked process which `footprint track` counts it as well."""
PARENT_RUN_VARIABLE = "FOOTPRINT_PARENT_RUN"
"""And for which run it does."""

NESTED = "trackers-nested"

_said: set[tuple[str, str]] = set()
"""Pairs of runs of which the log has spoken: a decorated function may be called in a loop."""


@dataclass(frozen=True, slots=True)
class Counting:
    """What the trackers of one journal count, and for whom: the process, or its children alone."""

    run: str
    folder: Path
    children: bool


def runs_around(own: Counting, running: Iterable[Counting]) -> list[str]:
    """Name the runs that count the work of a tracker already.

    Parameters
    ----------
    own : Counting
        Of the tracker that starts.
    running : iterable of Counting
        Of the other trackers of this process.

    Returns
    -------
    list of str
        Without duplicates, and without those that are read together with it: there it is
        subtracted, or said.
    """
    inside = [
        other.run
        for other in running
        if (other.run, other.folder) != (own.run, own.folder)
        # One that counts children alone does not count this process.
        and (own.children or not other.children)
    ]
    above = os.environ.get(PARENT_RUN_VARIABLE)
    launcher = [] if above is None or above == own.run else [above]
    return list(dict.fromkeys([*inside, *launcher]))


def nesting_doubt(run: str, around: list[str]) -> tuple[str, str, str]:
    """Give the code, the message and the remedy of a doubt, and say it once in the log."""
    named = ", ".join(repr(name) for name in around)
    message = (
        f"While the run {run!r} was tracked, so was {named}, in the same process or around it: "
        "each counts all of that work. Added up, they count it twice."
    )
    remedy = (
        "Use one of them alone. To keep them together, give both the same run and folder: "
        "then nothing counts twice."
    )
    if (run, named) not in _said:
        _said.add((run, named))
        log.warning("footprint: %s %s", message, remedy)
    return NESTED, message, remedy
