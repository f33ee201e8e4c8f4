r"""When to start a job before its deadline, on a series of grid intensity, and what that saves.

With intensity constant over each step, the emissions of a job that runs through are

.. math:: E(t) = P (F(t + d) - F(t)), \qquad F(t) = \int^t c

and F is made of straight lines. So E has its least where a start or an end lies on the edge of a
step, or at the ends of the time that there is: trying these few finds the optimum to the second.
A job that can be interrupted takes the cheapest seconds. Neither runs through a gap.

The idea of shifting in time, and the two kinds of job, are those of Wiesner et al., see
`temporal`, which does the same in whole slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import DataError, UsageError
from footprint.factors.intensity import IntensitySeries, moment
from footprint.model import Finding, Interval
from footprint.scheduling.arrays import Array
from footprint.scheduling.forecast_errors import ErrorModel, Ratios
from footprint.uncertainty import interval
from footprint.units import watt_seconds_to_kwh


@dataclass(frozen=True, slots=True)
class Job:
    """Work that takes a known time and may wait.

    Attributes
    ----------
    duration_s : int
        Time that it runs [s].
    release_s, deadline_s : int
        When it may begin, and when it must have ended [s].
    interruptible : bool
        Whether it may stop and go on, at no cost.
    power_w : float or None
        While it runs [W]; None where nobody knows, and then nothing is said in grams.

    Raises
    ------
    UsageError
        If it does not fit before its deadline.
    """

    duration_s: int
    release_s: int
    deadline_s: int
    interruptible: bool = False
    power_w: float | None = None

    def __post_init__(self) -> None:
        if self.duration_s < 1 or (self.power_w is not None and not self.power_w > 0):
            raise UsageError(
                f"A job of {self.duration_s} s at {self.power_w} W cannot be.",
                "Give a time and a power above 0.",
            )
        if self.release_s + self.duration_s > self.deadline_s:
            raise UsageError(
                f"A job of {self.duration_s / 3600:g} h does not fit between "
                f"{moment(self.release_s)} and {moment(self.deadline_s)}.",
                "Give it a later deadline.",
            )

    @property
    def energy_kwh(self) -> float | None:
        """Energy that it takes [kWh]."""
        return None if self.power_w is None else watt_seconds_to_kwh(self.power_w, self.duration_s)


@dataclass(frozen=True, slots=True)
class Plan:
    """When a job runs.

    Attributes
    ----------
    runs : tuple of (int, int)
        Starts and stops [s].
    g_per_kwh : float
        Mean intensity while it runs [gCO2e/kWh].
    """

    runs: tuple[tuple[int, int], ...]
    g_per_kwh: float


@dataclass(frozen=True, slots=True)
class BestWindow:
    """The best time for a job, held against starting at once.

    Attributes
    ----------
    job : Job
    best : Plan
    at_once : Plan or None
        None where the intensity of the first hours is not known.
    saving : Interval or None
        Share of the emissions of starting at once that the plan avoids [1]. Its ends equal its
        value where no error of the forecast is known: see `error`.
    saved_g_per_kwh : Interval or None
        The same per energy of the job [gCO2e/kWh].
    error : str
        Where the interval comes from, or why there is none.
    has_interval : bool
    findings : tuple of Finding
    """

    job: Job
    best: Plan
    at_once: Plan | None
    saving: Interval | None
    saved_g_per_kwh: Interval | None
    error: str
    has_interval: bool
    findings: tuple[Finding, ...]

    def grams(self, plan: Plan) -> float | None:
        """Emissions of a plan [gCO2e]; None without a power."""
        return None if self.job.energy_kwh is None else self.job.energy_kwh * plan.g_per_kwh

    @property
    def saved_g(self) -> Interval | None:
        """Emissions that are avoided [gCO2e]; None without a power, or a saving."""
        kwh, saved = self.job.energy_kwh, self.saved_g_per_kwh
        if kwh is None or saved is None:
            return None
        return Interval(kwh * saved.value, kwh * saved.low, kwh * saved.high)


NO_ERROR = "no interval: the error of the forecast is not known, and none is made up"
HAPPENED = "no interval: nothing in the series is marked as a forecast"


def find_best_window(
    series: IntensitySeries, job: Job, errors: ErrorModel | None = None
) -> BestWindow:
    """Find when a job emits least.

    Parameters
    ----------
    series : IntensitySeries
        Reaches over the time that the job has; gaps are left out, and said.
    job : Job
    errors : ErrorModel, optional
        Of the forecast; without it there is no interval.

    Raises
    ------
    DataError
        If the series does not reach so far, or its gaps leave no room for the job.
    """
    part = series.between(job.release_s, job.deadline_s)
    values = part.values.astype(np.float64)
    edges = np.clip(np.append(part.starts_s, part.stop_s), job.release_s, job.deadline_s)
    find = _cheapest_seconds if job.interruptible else _cheapest_run
    runs = find(edges, values, job.duration_s)
    now = ((job.release_s, job.release_s + job.duration_s),)
    shares, base = (_seconds(edges, one) / job.duration_s for one in (runs, now))
    best = Plan(runs, _mean(shares, values))
    findings = (*part.provenance.findings, *_on_gaps(part))
    if np.isnan(values[base > 0]).any():
        reason = "no saving: the intensity of the first hours is not known"
        return BestWindow(job, best, None, None, None, reason, False, findings)
    at_once = Plan(now, _mean(base, values))
    if at_once.g_per_kwh <= 0:
        reason = "no saving: starting at once emits nothing"
        return BestWindow(job, best, at_once, None, None, reason, False, findings)
    ratios: Ratios | str = NO_ERROR if part.forecast.any() else HAPPENED
    try:
        ratios = ratios if errors is None else errors.draw(part)
    except DataError as error:
        ratios = f"no interval: {error.message}"
    if isinstance(ratios, str):
        saving, saved = _savings(best.g_per_kwh, at_once.g_per_kwh, None)
        return BestWindow(job, best, at_once, saving, saved, ratios, False, findings)
    drawn = np.nan_to_num(values) * ratios.values
    saving, saved = _savings(best.g_per_kwh, at_once.g_per_kwh, (drawn @ shares, drawn @ base))
    findings += ratios.findings
    return BestWindow(job, best, at_once, saving, saved, ratios.basis, True, findings)


def _savings(
    best: float, at_once: float, drawn: tuple[Array, Array] | None
) -> tuple[Interval, Interval]:
    """Share that is saved, and mass per energy, with their intervals if there are draws."""
    share, mass = 1 - best / at_once, at_once - best
    if drawn is None:
        return Interval(share, share, share), Interval(mass, mass, mass)
    return interval(share, 1 - drawn[0] / drawn[1]), interval(mass, drawn[1] - drawn[0])


def _cheapest_run(
    edges: npt.NDArray[np.int64], values: Array, length_s: int
) -> tuple[tuple[int, int], ...]:
    """Find the cheapest stretch without a gap; of equal ones the first."""
    best: tuple[float, int] | None = None
    for first, last in _gapless(values):
        own = edges[first : last + 1]
        starts = np.unique(np.concatenate((own, own - length_s)))
        starts = starts[(starts >= own[0]) & (starts + length_s <= own[-1])]
        if not len(starts):
            continue
        sums = np.concatenate(([0.0], np.cumsum(values[first:last] * np.diff(own))))
        costs = np.interp(starts + length_s, own, sums) - np.interp(starts, own, sums)
        # Costs that differ in the last digits are equal: the earlier start is taken.
        near = costs <= costs.min() * (1 + 1e-12) + 1e-9
        place = int(np.argmax(near))
        if best is None or costs[place] < best[0] * (1 - 1e-12) - 1e-9:
            best = (float(costs[place]), int(starts[place]))
    if best is None:
        raise DataError(
            f"No stretch of {length_s / 3600:g} h is without a gap before the deadline.",
            "Give a later deadline, another source, or a job that can be interrupted.",
        )
    return ((best[1], best[1] + length_s),)


def _cheapest_seconds(
    edges: npt.NDArray[np.int64], values: Array, length_s: int
) -> tuple[tuple[int, int], ...]:
    """Take the cheapest steps, the last of them in part; of equal ones the first."""
    missing_s, runs = length_s, []
    for step in np.argsort(values, kind="stable"):
        if np.isnan(values[step]) or not missing_s:
            break
        start_s = int(edges[step])
        stop_s = min(int(edges[step + 1]), start_s + missing_s)
        missing_s -= stop_s - start_s
        runs.append((start_s, stop_s))
    if missing_s:
        raise DataError(
            f"Gaps leave {(length_s - missing_s) / 3600:g} h before the deadline, for a job of "
            f"{length_s / 3600:g} h.",
            "Give a later deadline, or another source.",
        )
    joined: list[tuple[int, int]] = []
    for start_s, stop_s in sorted(run for run in runs if run[0] < run[1]):
        if joined and joined[-1][1] == start_s:
            joined[-1] = (joined[-1][0], stop_s)
        else:
            joined.append((start_s, stop_s))
    return tuple(joined)


def _gapless(values: Array) -> list[tuple[int, int]]:
    """Find runs of steps with a value, as first and one past the last."""
    known = (~np.isnan(values)).astype(np.int8)
    turns = np.flatnonzero(np.diff(np.concatenate(([0], known, [0]))))
    return [(int(a), int(b)) for a, b in zip(turns[::2], turns[1::2], strict=True)]


def _seconds(edges: npt.NDArray[np.int64], runs: tuple[tuple[int, int], ...]) -> Array:
    """Seconds of each step in which the job runs."""
    found = np.zeros(len(edges) - 1)
    for start_s, stop_s in runs:
        found += np.diff(np.clip(edges, start_s, stop_s).astype(np.float64))
    return found


def _mean(shares: Array, values: Array) -> float:
    return float(shares @ np.nan_to_num(values))


def _on_gaps(part: IntensitySeries) -> list[Finding]:
    gaps = part.gaps()
    if not gaps:
        return []
    lost_s = sum(stop - start for start, stop in gaps)
    lost = f"{lost_s / 3600:g} h" if lost_s % 1800 == 0 else f"{lost_s / 60:.0f} min"
    return [
        Finding(
            "window-gap",
            f"{lost} before the deadline have no value and were not considered.",
            remedy="A better time may lie there; ask another source.",
        )
    ]
