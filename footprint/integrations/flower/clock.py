"""What time it is: on the wall, or in a simulation.

Flower has no simulated time. A virtual clock moves only when somebody moves it, so
that a day of waiting costs nothing; the code that asks it does not know the difference.
"""

from __future__ import annotations

import math
import time
from typing import Protocol

from footprint.errors import UsageError


class Clock(Protocol):
    """Something that tells the time and can be told that some has passed."""

    def now_s(self) -> float:
        """Unix time [s]; never goes back."""
        ...

    def advance(self, duration_s: float) -> None:
        """Let time pass [s]."""
        ...


class VirtualClock:
    """A clock that stands still until it is moved.

    Parameters
    ----------
    start_s : float
        Unix time at the start [s]; the year of emission factors follows from it.

    Raises
    ------
    UsageError
        If `start_s` is not finite.
    """

    def __init__(self, start_s: float) -> None:
        if not math.isfinite(start_s):
            raise UsageError(f"A clock cannot start at {start_s} s.", "Give a Unix time.")
        self._now_s = float(start_s)

    def now_s(self) -> float:
        """Unix time in the simulation [s]."""
        return self._now_s

    def advance(self, duration_s: float) -> None:
        """Move the clock forward [s].

        Raises
        ------
        UsageError
            If `duration_s` is negative or not finite.
        """
        if not (math.isfinite(duration_s) and duration_s >= 0):
            raise UsageError(f"A clock cannot move by {duration_s} s.", "Time only passes.")
        self._now_s += duration_s


class SystemClock:
    """The clock of real runs: wall time at its start, and steady from there on."""

    def __init__(self) -> None:
        # The system's clock may be set back while a run goes on.
        self._offset_s = time.time() - time.monotonic()

    def now_s(self) -> float:
        """Unix time [s]."""
        return self._offset_s + time.monotonic()

    def advance(self, duration_s: float) -> None:
        """Do nothing: real time has passed by itself."""
