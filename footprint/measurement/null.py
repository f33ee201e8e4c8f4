"""A source that sees nothing; stands where a meter is wanted and none exists."""

from __future__ import annotations

from footprint.measurement.meter import Reading


class NullMeter:
    """Counts nothing, and says so by having no counters."""

    name = "null"

    def read(self) -> Reading:
        """Return a reading without counters."""
        return Reading({})
