"""Power of a whole machine over time, as a meter at the wall saw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.model import Finding
from footprint.units import joules_to_kwh

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class WallSeries:
    """Power of a machine over time.

    Attributes
    ----------
    time_s : array
        Unix time (UTC), rising [s]. Readings of an energy counter give steps: there
        a time stands twice, with the power before and after it.
    power_w : array
        Power at these times, straight lines between them [W].
    gaps : tuple of (float, float)
        Where the meter said nothing: first and last moment, unix time [s].
    findings : tuple of Finding
        What was wrong with the file.
    source : str
        Name of the file and of the column.
    """

    time_s: Array
    power_w: Array
    gaps: tuple[tuple[float, float], ...] = ()
    findings: tuple[Finding, ...] = ()
    source: str = ""


def energy_between(series: WallSeries, start_s: float, stop_s: float) -> float | None:
    """Energy that a meter saw, by the trapezoidal rule.

    Parameters
    ----------
    series : WallSeries
    start_s, stop_s : float
        Unix time [s].

    Returns
    -------
    float or None
        Energy [kWh]; None if the series does not cover the whole window, or has a
        gap in it. It is never extrapolated.
    """
    time_s, power_w = series.time_s, series.power_w
    if stop_s < start_s or len(time_s) == 0 or start_s < time_s[0] or stop_s > time_s[-1]:
        return None
    if any(start_s < end and stop_s > begin for begin, end in series.gaps):
        return None
    # Both of two points at one moment belong in: the step between them has no width.
    inside = slice(
        np.searchsorted(time_s, start_s, side="left"),
        np.searchsorted(time_s, stop_s, side="right"),
    )
    ends_w = np.interp((start_s, stop_s), time_s, power_w)
    t = np.concatenate(((start_s,), time_s[inside], (stop_s,)))
    p = np.concatenate((ends_w[:1], power_w[inside], ends_w[1:]))
    return joules_to_kwh(float(np.sum(np.diff(t) * (p[1:] + p[:-1]) / 2)))
