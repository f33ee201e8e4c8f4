"""A source that sees nothing; stands where a meter is wanted and none exists."""

from __future__ import annotations

from footprint.measurement.meter import Reading
from footprint.model import Tier


class NullMeter:
    """Counts nothing, and says so by having no counters."""

    name = "null"
    tier: Tier | None = None

    def read(self) -> Reading:
        """Return a reading without counters."""
        return Reading({})
