"""What was expected of a series, at a moment, for the steps after it.

Three kinds never look ahead: forecasts as they were issued, persistence, and what nobody
foresaw. Two are made from what really happened and serve for comparison alone: the perfect
forecast, and the one with noise. No policy can act on these in the world.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.simulation.trace_files import (
    Repair,
    Seconds,
    load_table,
    read_stamps,
    time_column,
)
from footprint.simulation.traces import Floats, Trace, moment
from footprint.units import S_PER_H

DAY_S = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Expected means over coming steps.

    Attributes
    ----------
    values : ndarray of shape (steps, columns)
    issued_s : float
        Unix time since which they are known [s].
    """

    values: Floats
    issued_s: float


class Forecaster(Protocol):
    """Says what was expected at a moment."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the series."""

    def forecast(self, now_s: int, step_s: int, steps: int) -> Forecast:
        """Forecast the steps that follow a moment.

        Raises
        ------
        DataError
            If nothing was issued by then, or what was does not reach so far.
        """


@dataclass(frozen=True, slots=True)
class Perfect:
    """What will really happen: an upper bound, no forecast."""

    trace: Trace

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the series."""
        return self.trace.columns

    def forecast(self, now_s: int, step_s: int, steps: int) -> Forecast:
        """Forecast the steps that follow a moment."""
        return Forecast(self.trace.window(now_s, step_s, steps), now_s)


@dataclass(frozen=True, slots=True)
class Persistence:
    """The same hour yesterday; the floor that every scheduler must live with.

    Only periods that have ended count: where yesterday's has not, the day before serves.
    """

    trace: Trace

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the series."""
        return self.trace.columns

    def forecast(self, now_s: int, step_s: int, steps: int) -> Forecast:
        """Forecast the steps that follow a moment.

        Raises
        ------
        DataError
            If the trace does not reach back a day.
        """
        trace = self.trace
        known = trace.past(now_s)
        values = np.empty((steps, len(trace.columns)))
        done = 0
        days = 0
        while done < steps:
            days += 1
            start_s = now_s + done * step_s - days * DAY_S
            if start_s < trace.start_s:
                raise DataError(
                    f"What happened a day before {moment(now_s)} is not known: the trace begins at "
                    f"{moment(trace.start_s)}.",
                    "Begin the simulation later, or take another forecast.",
                )
            # Whole steps that end with, or before, the last period that has ended.
            ended_s = trace.start_s + known * trace.step_s
            many = min(steps - done, max((ended_s - start_s) // step_s, 0))
            values[done : done + many] = trace.window(start_s, step_s, many) if many else 0
            done += many
        return Forecast(values, known * trace.step_s + trace.start_s)


@dataclass(frozen=True, slots=True, eq=False)
class AsIssued:
    """Forecasts as they were published: the newest one that was out at the moment.

    Attributes
    ----------
    issues_s : ndarray of shape (issues,)
        Unix times, rising [s].
    lead_s : int
        Length of a forecast period; period `i` of an issue ends `(i + 1) lead_s` after it [s].
    names : tuple of str
    values : ndarray of shape (issues, leads, columns)
        NaN where an issue says nothing; the issue before it serves then.
    """

    issues_s: Seconds
    lead_s: int
    names: tuple[str, ...]
    values: Floats

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the series."""
        return self.names

    def scaled(self, factor: float) -> AsIssued:
        """Forecasts of another quantity that is proportional to this one."""
        return AsIssued(self.issues_s, self.lead_s, self.names, self.values * factor)

    def forecast(self, now_s: int, step_s: int, steps: int) -> Forecast:
        """Forecast the steps that follow a moment.

        Raises
        ------
        DataError
            If no issue was out, or they do not reach so far.
        """
        if self.lead_s % step_s or (now_s - int(self.issues_s[0])) % step_s:
            raise DataError(
                f"Forecasts of {self.lead_s} s cannot be cut into steps of {step_s} s from "
                f"{moment(now_s)}."
            )
        ends_s = now_s + step_s * np.arange(1, steps + 1)
        newest = int(np.searchsorted(self.issues_s, now_s, side="right")) - 1
        if newest < 0:
            raise DataError(
                f"No forecast was issued by {moment(now_s)}; the first is of "
                f"{moment(int(self.issues_s[0]))}."
            )
        values = self._of(newest, ends_s)
        older = newest
        while np.isnan(values).any():
            older -= 1
            reach_s = int(self.issues_s[older]) + self.values.shape[1] * self.lead_s
            if older < 0 or reach_s <= now_s:
                missing_s = int(ends_s[np.isnan(values).any(axis=1)][0])
                raise DataError(
                    f"The forecasts issued by {moment(now_s)} say nothing of {moment(missing_s)}.",
                    "Take a shorter deadline, or forecasts that reach farther.",
                )
            values = np.where(np.isnan(values), self._of(older, ends_s), values)
        return Forecast(values, int(self.issues_s[newest]))

    def _of(self, issue: int, ends_s: Seconds) -> Floats:
        """Give what one issue says of steps; NaN where it says nothing."""
        # As in a trace: the period whose end is the first at or after that of the step.
        leads = -(-(ends_s - self.issues_s[issue]) // self.lead_s) - 1
        inside = leads < self.values.shape[1]
        found = np.full((len(ends_s), len(self.names)), np.nan)
        found[inside] = self.values[issue, leads[inside]]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Noisy:
    r"""What really happens, times an error that grows with its distance.

    .. math::
        \hat c(t+j|t) = c(t+j) \exp(s_j z_j - s_j^2 / 2), \qquad
        z_j = \phi z_{j-1} + \sqrt{1 - \phi^2}\, \epsilon_j

    The mean of the error is 1 at every distance. A part of z belongs to the target and is
    the same for all issues; the rest is drawn anew for each: so forecasts of one moment
    come closer to each other, not at random, as it draws near.

    Attributes
    ----------
    trace : Trace
    seed : int
    near, far : float
        s at 1 h and at 96 h, straight in between and flat outside [1].
    phi : float
        Correlation of z over an hour [1].
    kept : float
        Part of the variance of z that belongs to the target [1].

    References
    ----------
    Own model, in the form of an AR(1) process with log-normal errors. `near`, `far` and `phi` are
    our choice: independent noise for each slot would be too kind.
    """

    trace: Trace
    seed: int
    near: float = 0.03
    far: float = 0.15
    phi: float = 0.9
    kept: float = 0.5
    _shared: list[Floats] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not (0 <= self.near <= self.far and 0 <= self.phi < 1 and 0 <= self.kept <= 1):
            raise UsageError(
                f"Noise of {self.near} to {self.far}, phi {self.phi}, kept {self.kept} cannot be.",
                "Give 0 <= near <= far, 0 <= phi < 1 and 0 <= kept <= 1.",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the series."""
        return self.trace.columns

    def forecast(self, now_s: int, step_s: int, steps: int) -> Forecast:
        """Forecast the steps that follow a moment."""
        trace = self.trace
        actual = trace.window(now_s, step_s, steps)
        if not self._shared:
            rng = np.random.default_rng(self.seed)
            self._shared.append(self._process(rng, len(trace.values)))
        # Errors change from period to period of the trace, not from step to step.
        rows = -(-(now_s + step_s * np.arange(1, steps + 1) - trace.start_s) // trace.step_s) - 1
        own = self._process(np.random.default_rng([self.seed, now_s]), int(np.ptp(rows)) + 1)
        z = np.sqrt(self.kept) * self._shared[0][rows]
        z += np.sqrt(1 - self.kept) * own[rows - rows[0]]
        spread = self.spread(step_s * np.arange(1, steps + 1))[:, None]
        return Forecast(actual * np.exp(spread * z - spread**2 / 2), now_s)

    def spread(self, distance_s: Seconds) -> Floats:
        """Find the standard deviation of the logarithm of the error at a distance [1]."""
        spread: Floats = np.interp(distance_s / S_PER_H, (1.0, 96.0), (self.near, self.far))
        return spread

    def _process(self, rng: np.random.Generator, periods: int) -> Floats:
        """AR(1) with variance 1, shape (periods, columns)."""
        phi = self.phi ** (self.trace.step_s / S_PER_H)
        drawn = rng.standard_normal((periods, len(self.columns)))
        drawn[1:] *= np.sqrt(1 - phi * phi)
        for period in range(1, periods):
            drawn[period] += phi * drawn[period - 1]
        return drawn


def read_issued(
    path: Path | str,
    *,
    issue_column: str,
    target_column: str,
    columns: tuple[str, ...] | None = None,
    repair: frozenset[Repair] = frozenset(),
) -> AsIssued:
    """Read forecasts with their times of issue, one row per issue and period end.

    This is the form of Solcast's files as Vessim publishes them. Stamps are UTC, or have
    an offset; the target is the end of its period.

    Parameters
    ----------
    path : path
    issue_column, target_column : str
    columns : tuple of str, optional
        Those to read; all others if left out.
    repair : frozenset of Repair
        `Repair.HOLD` lets the issue before serve where a cell is missing.

    Raises
    ------
    DataError
        If a row is doubled or off the grid, or a cell is missing.
    """
    table = load_table(path)
    stamps = (time_column(table, issue_column, path), time_column(table, target_column, path))
    issued, target = (read_stamps(table[name], "UTC", str(path)) for name in stamps)
    names = columns or tuple(str(name) for name in table.columns if name not in stamps)
    issues = np.unique(issued)
    distance = target - issued
    lead_s = int(distance.min())
    if lead_s <= 0:
        raise DataError(f"{path}: a forecast is issued after the end of its period.")
    leads, off = np.divmod(distance, lead_s)
    if off.any():
        raise DataError(f"{path}: distances of issue and target are no multiples of {lead_s} s.")
    rows = np.searchsorted(issues, issued)
    places = rows * leads.max() + leads - 1
    if len(np.unique(places)) < len(places):
        raise DataError(f"{path}: an issue says two things of one period.")
    values = np.full((len(issues) * int(leads.max()), len(names)), np.nan)
    values[places] = table[list(names)].to_numpy(dtype=np.float64)
    missing = int(np.isnan(values[places]).sum())
    if missing and Repair.HOLD not in repair:
        first = int(issued[np.isnan(values[places]).any(axis=1)].min())
        raise DataError(
            f"{path}: {missing} value(s) are missing, the first in the issue of {moment(first)}.",
            f"Repair the file, or allow the repair {Repair.HOLD.value!r}.",
        )
    return AsIssued(issues, lead_s, names, values.reshape(len(issues), -1, len(names)))
