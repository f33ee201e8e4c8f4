"""Grid intensity over time, and who provides it.

A series has steps of one length, one kind of signal and one zone. What a source did not say is
NaN and stays so: series are neither filled nor continued. All times are Unix times (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from footprint.errors import DataError, UsageError
from footprint.factors.schema import QUANTITIES
from footprint.model import Finding, SignalKind, Source

Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]

# A series of this many steps is a year of 30 s; more is a wrong unit of time.
MOST_STEPS = 1_100_000


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a series comes from.

    Attributes
    ----------
    provider : str
        Name of what fetched or read it.
    source : Source
    boundary : str
        Of the electricity that is counted, such as ``"consumption, flow-traced"``.
    fetched_s : float or None
        When the oldest of its answers was fetched [s]; None for what was never fetched.
    findings : tuple of Finding
    """

    provider: str
    source: Source
    boundary: str
    fetched_s: float | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class IntensitySeries:
    """Grid intensity of one zone over time.

    Attributes
    ----------
    zone : str
    start_s, step_s : int
        Begin of the first step, and length of each [s].
    values : ndarray of shape (steps,)
        Mean over each step [gCO2e/kWh]; NaN where nobody said it.
    signal : SignalKind
    provenance : Provenance
    estimated, forecast : ndarray of bool, shape (steps,)
        What the publisher estimated, and what had not happened yet when it was said.

    Raises
    ------
    DataError
        If the arrays do not fit, all values are missing, or one cannot be an intensity.
    """

    zone: str
    start_s: int
    step_s: int
    values: Floats
    signal: SignalKind
    provenance: Provenance
    estimated: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    forecast: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def __post_init__(self) -> None:
        steps = len(self.values)
        if self.step_s < 1 or self.values.ndim != 1 or not 0 < steps <= MOST_STEPS:
            raise DataError(f"{self.name} has {steps} steps of {self.step_s} s.")
        for flags in ("estimated", "forecast"):
            if not len(getattr(self, flags)):
                object.__setattr__(self, flags, np.zeros(steps, dtype=np.bool_))
            elif len(getattr(self, flags)) != steps:
                raise DataError(f"{self.name}: {flags!r} has another length than its values.")
        if np.isnan(self.values).all():
            raise DataError(f"{self.name} has no value at all.")
        require_plausible(self.values, self.name)

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"The intensity of {self.zone!r} ({self.provenance.provider})"

    @property
    def stop_s(self) -> int:
        """End of the last step [s]."""
        return self.start_s + len(self.values) * self.step_s

    @property
    def starts_s(self) -> npt.NDArray[np.int64]:
        """Begin of each step [s]."""
        return self.start_s + self.step_s * np.arange(len(self.values), dtype=np.int64)

    def require(self, start_s: float, stop_s: float) -> None:
        """Refuse to be continued.

        Raises
        ------
        DataError
            If the series does not reach from `start_s` to `stop_s`.
        """
        if start_s < self.start_s or stop_s > self.stop_s:
            raise DataError(
                f"{self.name} reaches from {moment(self.start_s)} to {moment(self.stop_s)}; "
                f"{moment(start_s)} to {moment(stop_s)} is asked for.",
                "Series are never continued: fetch a longer one, or ask for less.",
            )

    def between(self, start_s: int, stop_s: int) -> IntensitySeries:
        """Cut out the steps that touch a stretch of time."""
        require_span(start_s, stop_s)
        self.require(start_s, stop_s)
        first = (start_s - self.start_s) // self.step_s
        last = -((self.start_s - stop_s) // self.step_s)
        rows = slice(first, last)
        return replace(
            self,
            start_s=self.start_s + first * self.step_s,
            values=self.values[rows],
            estimated=self.estimated[rows],
            forecast=self.forecast[rows],
        )

    def mean(self, start_s: float, stop_s: float) -> float:
        """Mean over a stretch of time, steps in part as far as they lie in it [gCO2e/kWh].

        Raises
        ------
        DataError
            If the series does not reach so far, or has a gap there.
        """
        if stop_s == start_s:
            stop_s = start_s + 1.0  # a moment has the value of its step
        self.require(start_s, stop_s)
        edges = np.append(self.starts_s, self.stop_s).astype(np.float64)
        inside = np.diff(np.clip(edges, start_s, stop_s))
        touched = inside > 0
        if np.isnan(self.values[touched]).any():
            raise DataError(
                f"{self.name} has a gap between {moment(start_s)} and {moment(stop_s)}.",
                "A gap is never filled: take another source for these hours, or leave them out.",
            )
        return float(self.values[touched] @ inside[touched] / (stop_s - start_s))

    def gaps(self) -> list[tuple[int, int]]:
        """Stretches without a value, as pairs of start and stop [s]."""
        return stretches(np.isnan(self.values), self.start_s, self.step_s)


@runtime_checkable
class IntensityProvider(Protocol):
    """Gives the grid intensity of a zone."""

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Give all steps that touch a stretch of time; NaN where the source says nothing.

        Raises
        ------
        SourceError
            If the source does not answer, or wrongly.
        DataError
            If it knows nothing of that time.
        """


@runtime_checkable
class ForecastProvider(Protocol):
    """Also remembers what it had forecast, so that its errors can be known."""

    def past_forecasts(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Give what was forecast for a stretch of the past."""


@runtime_checkable
class FileProvider(Protocol):
    """Has a beginning and an end of its own."""

    def span(self, zone: str) -> tuple[int, int]:
        """When the series of a zone begins and ends [s]."""


def stretches(flags: Flags, start_s: int, step_s: int) -> list[tuple[int, int]]:
    """Find runs of true steps, as pairs of start and stop [s]."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.view(np.int8), [0]))))
    return [
        (int(start_s + first * step_s), int(start_s + last * step_s))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]


def require_plausible(values: Floats, name: str) -> None:
    """Refuse values that no grid has: they have another unit, or a lost decimal point.

    An hour of 0 g/kWh exists (direct emissions of water power, curtailed wind), unlike for yearly
    means; a series that never reaches the least of these has another unit.

    Raises
    ------
    DataError
    """
    known = QUANTITIES["grid_intensity"]
    wrong = (values < 0) | (values > known.largest) | np.isinf(values)
    top = float(np.nanmax(values))
    if wrong.any() or 0 < top < known.smallest:
        raise DataError(
            f"{name} has a value of {values[wrong][0] if wrong.any() else top:g}; plausible are "
            f"{known.smallest:g} to {known.largest:g} gCO2e/kWh.",
            "Check the unit: kg/MWh are g/kWh, 1 lb/MWh is 0.454 g/kWh.",
        )


def require_span(start_s: int, stop_s: int) -> None:
    """Refuse a stretch of time that ends before it begins, or that nobody can mean.

    Raises
    ------
    UsageError
    """
    if not 0 <= start_s < stop_s:
        raise UsageError(
            f"Nothing lies between {moment(start_s)} and {moment(stop_s)}.",
            "Give a start that is before the stop.",
        )


def moment(unix_s: float) -> str:
    """Write a moment as people do: ``"2022-06-08 00:05 UTC"``."""
    when = datetime.fromtimestamp(unix_s, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when.second else f"{when:%Y-%m-%d %H:%M} UTC"


def iso(unix_s: float) -> str:
    """Write a moment for machines: ``"2022-06-08T00:05:00Z"``."""
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
