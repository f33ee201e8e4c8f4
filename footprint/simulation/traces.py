"""Series of power, intensity or load over time, in steps of one length.

The clock: a period reaches from its start to its end, and the moment of its end belongs
to it. So the value at a moment is that of the row whose end is the first at or after it,
as Wiesner et al. fill period ends backwards (dos-group/fedzero, commit 1c8ae6a3). Only the
very start of a trace, which no row before it can serve, is served by its first row.

All times are Unix times (UTC) in whole seconds, so a row is found by integer division.
A trace is never continued: what lies outside is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from footprint.errors import DataError, UsageError
from footprint.factors.intensity import moment as moment
from footprint.model import Finding

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Values of several columns over time.

    Attributes
    ----------
    start_s : int
        Unix time at which the first period begins [s].
    step_s : int
        Length of a period [s].
    columns : tuple of str
    values : ndarray of shape (periods, columns)
        Mean over each period, in `unit`.
    unit : str
        For example ``"W"``, ``"gCO2e/kWh"``; ``"1"`` for a pure number.
    findings : tuple of Finding
        What was repaired in the file.
    source : str
        Where it comes from.

    Raises
    ------
    DataError
        If the values do not fit, or one of them is missing.
    """

    start_s: int
    step_s: int
    columns: tuple[str, ...]
    values: Floats
    unit: str = "1"
    findings: tuple[Finding, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if self.step_s < 1:
            raise DataError(f"{self._name} has a step of {self.step_s} s; expected 1 s or more.")
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise DataError(
                f"{self._name} has {len(self.columns)} columns and values of shape "
                f"{self.values.shape}."
            )
        if not len(self.values):
            raise DataError(f"{self._name} has no rows.")
        if len(set(self.columns)) < len(self.columns):
            raise DataError(f"{self._name} has two columns of one name.")
        missing = ~np.isfinite(self.values)
        if missing.any():
            row, column = np.argwhere(missing)[0]
            raise DataError(
                f"{self._name} has no value for {self.columns[column]!r} in the period that ends "
                f"{moment(self.start_s + (int(row) + 1) * self.step_s)}.",
                "Say how to fill gaps, or take another stretch.",
            )

    @property
    def _name(self) -> str:
        return f"The trace {self.source!r}" if self.source else "A trace"

    @property
    def stop_s(self) -> int:
        """Unix time at which the last period ends [s]."""
        return self.start_s + len(self.values) * self.step_s

    def at(self, moment_s: int) -> Floats:
        """Values at a moment.

        Returns
        -------
        ndarray of shape (columns,)

        Raises
        ------
        DataError
            If the trace does not cover it.
        """
        self._require(moment_s, moment_s)
        row = max(_row(moment_s - self.start_s, self.step_s), 0)
        values: Floats = self.values[row]
        return values

    def window(self, start_s: int, step_s: int, steps: int) -> Floats:
        """Means over steps that follow each other.

        Parameters
        ----------
        start_s : int
            When the first one begins [s].
        step_s : int
            Length of a step [s]: divides the trace's, or is a multiple of it.
        steps : int

        Returns
        -------
        ndarray of shape (steps, columns)
            A step within a period has the period's value; one of several periods their mean.

        Raises
        ------
        DataError
            If the trace does not cover them, or a step would lie across the edge of a period.
        """
        stop_s = start_s + steps * step_s
        self._require(start_s, stop_s)
        self._require_edges(start_s, step_s)
        if step_s <= self.step_s:
            ends = np.arange(1, steps + 1) * step_s + (start_s - self.start_s)
            values: Floats = self.values[_row(ends, self.step_s)]
            return values
        first, many = (start_s - self.start_s) // self.step_s, step_s // self.step_s
        rows = self.values[first : first + steps * many]
        means: Floats = rows.reshape(steps, many, len(self.columns)).mean(axis=1)
        return means

    def past(self, now_s: int) -> int:
        """Count the periods that have ended at a moment."""
        return min(max((now_s - self.start_s) // self.step_s, 0), len(self.values))

    def scaled(self, factor: float, unit: str) -> Trace:
        """Make the trace of another quantity that is proportional to this one."""
        return replace(self, values=self.values * factor, unit=unit)

    def pick(self, columns: Sequence[str]) -> Trace:
        """Take some columns, in the order in which they are named.

        Raises
        ------
        UsageError
            If there is no such column.
        """
        unknown = [name for name in columns if name not in self.columns]
        if unknown:
            raise UsageError(
                f"{self._name} has no column {unknown[0]!r}.",
                f"Its columns are: {', '.join(self.columns[:12])}.",
            )
        places = [self.columns.index(name) for name in columns]
        return replace(self, columns=tuple(columns), values=self.values[:, places])

    def _require(self, start_s: int, stop_s: int) -> None:
        if start_s < self.start_s or stop_s > self.stop_s:
            raise DataError(
                f"{self._name} does not cover {moment(start_s)} to {moment(stop_s)}; it reaches "
                f"from {moment(self.start_s)} to {moment(self.stop_s)}.",
                "Traces are never continued: take a longer one, or a shorter simulation.",
            )

    def _require_edges(self, start_s: int, step_s: int) -> None:
        fine, coarse = sorted((step_s, self.step_s))
        if coarse % fine or (start_s - self.start_s) % fine:
            raise DataError(
                f"{self._name} has periods of {self.step_s} s from {moment(self.start_s)}; steps "
                f"of {step_s} s from {moment(start_s)} would lie across their edges.",
                "Take steps that divide the periods, and begin at an edge of one.",
            )


def unix_seconds(text: str) -> int:
    """Read a moment; without an offset it is UTC.

    Raises
    ------
    UsageError
        If it is no ISO 8601 date, or has parts of a second.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no moment.", "Write it like 2022-06-08 or 2022-06-08T12:00+02:00."
        ) from None
    if when.microsecond:
        raise UsageError(f"{text!r} has parts of a second; the clock counts whole ones.")
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _row(after_start_s: Any, step_s: int) -> Any:
    """Row whose end is the first at or after a moment."""
    return -(-after_start_s // step_s) - 1
