"""A provider that gives what it was given: for tests of whatever asks one."""

from __future__ import annotations

from collections.abc import Mapping

from footprint.errors import UsageError
from footprint.factors.intensity import IntensitySeries


class Replay:
    """Gives series that are at hand.

    Parameters
    ----------
    series : mapping of str to IntensitySeries
        By zone.
    """

    def __init__(self, series: Mapping[str, IntensitySeries]) -> None:
        self._series = dict(series)

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Cut a stretch out of the series of a zone; nothing is continued."""
        if zone not in self._series:
            raise UsageError(f"No series is of {zone!r}.", f"There is: {', '.join(self._series)}.")
        return self._series[zone].between(start_s, stop_s)
