"""A source that plays back readings, for tests and for recorded runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from footprint.errors import MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier


class ReplayMeter:
    """Return given readings one after the other.

    Parameters
    ----------
    readings : iterable of mapping
        Cumulative counters, in the order in which they are to be read.
    name : str
    tier : Tier, optional
    """

    def __init__(
        self,
        readings: Iterable[Mapping[str, float]],
        name: str = "replay",
        tier: Tier | None = None,
    ) -> None:
        self._readings = iter(readings)
        self.name = name
        self.tier = tier

    def read(self) -> Reading:
        """Return the next reading.

        Raises
        ------
        MeterError
            If the recording is over; the last value is not repeated.
        """
        try:
            return Reading(dict(next(self._readings)))
        except StopIteration:
            raise MeterError("The recording has no further reading.") from None
