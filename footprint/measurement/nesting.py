"""Trackers that count the same work for another run: each is right alone, and their sum is not."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

log = logging.getLogger("footprint")

PARENT_VARIABLE = "FOOTPRINT_PARENT"
"""Tells a tracked process which `footprint track` counts it as well."""
PARENT_RUN_VARIABLE = "FOOTPRINT_PARENT_RUN"
"""And for which run it does."""

NESTED = "trackers-nested"

_said: set[tuple[str, str]] = set()
"""Pairs of runs of which the log has spoken: a decorated function may be called in a loop."""


def runs_around(run: str, running: Iterable[str]) -> list[str]:
    """Name the runs that count this process already.

    Parameters
    ----------
    run : str
        Name of the run of the tracker that starts.
    running : iterable of str
        Runs of the trackers of this process that write elsewhere.

    Returns
    -------
    list of str
        Without duplicates. A command that tracks this process for the same run is none of
        them: a reader of both subtracts.
    """
    above = os.environ.get(PARENT_RUN_VARIABLE)
    launcher = [above] if above not in (None, run) else []
    return list(dict.fromkeys([*running, *launcher]))


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
