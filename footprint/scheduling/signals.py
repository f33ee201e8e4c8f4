"""Emissions of a run under another kind of intensity than the one that decided."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.scheduling.arrays import Array
from footprint.simulation.results import SimulationRun
from footprint.units import S_PER_H


def emissions_under(
    run: SimulationRun, intensity_g_per_kwh: npt.NDArray[np.float64]
) -> tuple[Array, float]:
    """Emissions of clients under another kind of intensity.

    Energy of the grid is known by domain and hour, so whole hours are exact; the hour in which a
    round ends is divided in proportion to the energy of the rounds in it.

    Parameters
    ----------
    run : SimulationRun
    intensity_g_per_kwh : ndarray of shape (domains, hours)
        NaN where nobody knows.

    Returns
    -------
    by_round : ndarray of shape (rounds,)
        Up to the end of each round; NaN from the first hour on whose intensity matters and is
        not known [gCO2e].
    total : float
        Of the whole run [gCO2e].
    """
    grid_kwh = run.hours.energy_kwh.sum(axis=0)[1]
    each_g = np.where(grid_kwh > 0, grid_kwh * intensity_g_per_kwh, 0.0).sum(axis=0)
    before_g = np.append(0.0, np.cumsum(each_g))
    rounds = run.rounds
    start_s = (rounds.start_s - run.rules.start_s).astype(np.float64)
    end_s = start_s + rounds.steps * run.rules.step_s
    each_kwh = rounds.energy_kwh + rounds.wait_kwh + rounds.probe_kwh
    spent_kwh = np.cumsum(each_kwh)
    # Energy up to a moment, as straight lines: flat between rounds.
    times = np.append(0.0, np.column_stack([start_s, end_s]))
    energy = np.append(0.0, np.column_stack([spent_kwh - each_kwh, spent_kwh]))
    edges = np.interp(np.arange(len(each_g) + 1) * S_PER_H, times, energy)
    hour = np.minimum((end_s // S_PER_H).astype(np.int64), len(each_g) - 1)
    inside_kwh = np.interp(end_s, times, energy) - edges[hour]
    whole_kwh = edges[hour + 1] - edges[hour]
    part = np.divide(inside_kwh, whole_kwh, out=np.zeros(len(hour)), where=whole_kwh > 0)
    # Not 0 times what nobody knows.
    begun_g = np.where(part > 0, part * each_g[hour], 0.0)
    return before_g[hour] + begun_g, float(before_g[-1])


def hours_up_to(by_hour: npt.NDArray[np.float64], moments_s: npt.NDArray[np.float64]) -> Array:
    """Integral of hourly values up to some moments, such as g/kWh to g h/kWh.

    Parameters
    ----------
    by_hour : ndarray of shape (hours,)
    moments_s : ndarray
        Since the begin of the first hour [s].
    """
    total = np.append(0.0, np.cumsum(by_hour))
    found: Array = np.interp(moments_s / S_PER_H, np.arange(len(total)), total)
    return found
