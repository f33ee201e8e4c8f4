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

    Energy of the grid is known by domain and hour, so whole hours are exact. Of the hour in which
    a round ends, the part counts that its energy, all domains together, is of that of the hour.

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
    end_s = rounds.start_s + rounds.steps * run.rules.step_s - run.rules.start_s
    hour = np.minimum((end_s // S_PER_H).astype(np.int64), len(each_g) - 1)
    # Rounds follow each other, so what was spent before the hour in which one ends is known.
    each_kwh = run.hours.energy_kwh.sum(axis=(0, 1, 2))
    before_kwh = np.append(0.0, np.cumsum(each_kwh))
    spent_kwh = np.cumsum(
        rounds.energy_kwh + rounds.wait_kwh + rounds.network_kwh + rounds.probe_kwh
    )
    inside_kwh = np.clip(spent_kwh - before_kwh[hour], 0.0, each_kwh[hour])
    part = np.divide(inside_kwh, each_kwh[hour], out=np.zeros(len(hour)), where=inside_kwh > 0)
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
