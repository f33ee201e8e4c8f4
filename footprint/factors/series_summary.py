"""A series of grid intensity in a few numbers, for whoever shows it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from footprint.factors.intensity import IntensitySeries


class Summary(NamedTuple):
    """A series in a few numbers.

    Attributes
    ----------
    low, mean, high : float
        Over all steps with a value [gCO2e/kWh].
    latest : tuple of (int, float, bool) or None
        Last step that happened: its start [s], value [gCO2e/kWh], whether it was estimated.
    forecast_until_s : int or None
        End of the last step that is forecast [s].
    missing : int
        Steps without a value.
    """

    low: float
    mean: float
    high: float
    latest: tuple[int, float, bool] | None
    forecast_until_s: int | None
    missing: int


def summarise(series: IntensitySeries) -> Summary:
    """Sum a series up."""
    known = ~np.isnan(series.values)
    values = series.values[known]
    past, ahead = np.flatnonzero(known & ~series.forecast), np.flatnonzero(known & series.forecast)
    latest = None
    if len(past):
        last = int(past[-1])
        start_s = int(series.starts_s[last])
        latest = (start_s, float(series.values[last]), bool(series.estimated[last]))
    until_s = int(series.starts_s[ahead[-1]]) + series.step_s if len(ahead) else None
    return Summary(
        float(values.min()),
        float(values.mean()),
        float(values.max()),
        latest,
        until_s,
        int((~known).sum()),
    )


def thin(series: IntensitySeries, parts: int) -> list[tuple[float, bool]]:
    """Make a series fit for a chart of some columns.

    Returns
    -------
    list of (float, bool)
        Mean of each part [gCO2e/kWh], NaN where all of it is missing; whether some is forecast.
    """
    found = []
    for part in np.array_split(np.arange(len(series.values)), min(parts, len(series.values))):
        known = series.values[part][~np.isnan(series.values[part])]
        mean = float(known.mean()) if len(known) else math.nan
        found.append((mean, bool(series.forecast[part].any())))
    return found


def plain_values(series: IntensitySeries) -> list[float | None]:
    """Values for documents: None where there is none [gCO2e/kWh]."""
    return [None if math.isnan(value) else float(value) for value in series.values]
