"""Make up the hourly grid intensity of three countries for two weeks.

No value is measured or forecast by anybody: a daily swing, the sun at noon, and some windy
days, around a mean of a plausible size. Hours after the day of the example are marked as a
forecast.

    python examples/company/intensity/invent.py
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from footprint.factors.intensity import IntensitySeries, Provenance
from footprint.factors.series_files import write_series
from footprint.model import SignalKind, Source

START = datetime(2026, 11, 16, tzinfo=UTC)
TODAY = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOURS = 14 * 24
SHAPES = {
    "FR": (42.0, 9.0, 6.0, 8.0),
    "DE": (360.0, 40.0, 95.0, 90.0),
    "PL": (640.0, 45.0, 60.0, 50.0),
}
"""Mean, evening peak, dip at noon, and swing of the wind [gCO2e/kWh]."""


def main() -> None:
    hours = np.arange(HOURS)
    series = [
        IntensitySeries(
            zone,
            int(START.timestamp()),
            3600,
            np.round(shape(hours, *numbers), 1),
            SignalKind(),
            Provenance(
                "formula",
                Source("invented for this example", "", "CC0-1.0"),
                "made up by a formula",
            ),
            forecast=START.timestamp() + 3600 * hours >= TODAY.timestamp(),
        )
        for zone, numbers in SHAPES.items()
    ]
    print(f"wrote {write_series(series, Path(__file__).parent / 'hourly.csv')}")


def shape(hours: np.ndarray, mean: float, evening: float, noon: float, wind: float) -> np.ndarray:
    """Mean with a peak at 18 h, a dip at 12 h, and wind that comes and goes in 5 and 3 days."""
    day = hours % 24
    peak = evening * np.exp(-(((day - 18) / 3) ** 2))
    sun = noon * np.exp(-(((day - 12) / 2.5) ** 2))
    blow = wind * (np.sin(2 * np.pi * hours / 120) + 0.4 * np.sin(2 * np.pi * hours / 71 + mean))
    return mean + peak - sun - blow


if __name__ == "__main__":
    main()
