"""Scenarios side by side: comparisons, and what their difference hangs on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.model.factors import STRICT, Finding
from footprint.model.results import Assessment, Interval


@dataclass(frozen=True, slots=True)
class CategoryDifference:
    """How much one category of emissions differs between two scenarios."""

    category: str
    baseline_g: float
    candidate_g: float
    difference_g: Interval

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where baseline and candidate emit the same, all else equal.

    Attributes
    ----------
    quantity : str
        ``"data_volume"``, ``"retention"``, ``"rounds"`` or ``"candidate_intensity"``.
    unit : str
    present : float
        Its value in the study.
    value : float or None
        At the central values; None if they meet nowhere at 0 or above.
    low, high : float or None
        5th and 95th percentile of the draws that have a break-even.
    exists : float
        Share of the draws that have one [1].

    Raises
    ------
    UsageError
        If a number is not finite or out of range, or one of two ends is missing.
    """

    quantity: str
    unit: str
    present: float
    value: float | None
    low: float | None
    high: float | None
    exists: float

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        given = [one for one in (self.value, self.low, self.high) if one is not None]
        if not _are_finite([self.present, *given]) or self.present < 0:
            raise UsageError(f"The break-even of {self.quantity!r} has a number out of range.")
        if not 0 <= self.exists <= 1:
            raise UsageError(f"The break-even of {self.quantity!r} exists in {self.exists!r}.")
        if (self.low is None) != (self.high is None):
            raise UsageError(f"The break-even of {self.quantity!r} has one end of two.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UsageError(
                f"The break-even of {self.quantity!r} lies from {self.low!r} to {self.high!r}."
            )


def _are_finite(numbers: Iterable[float]) -> bool:
    return all(math.isfinite(number) for number in numbers)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Both scenarios under another network model [gCO2e]."""

    network_model: str
    baseline_g: float
    candidate_g: float

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Emissions of both scenarios along one quantity, all else equal.

    Attributes
    ----------
    quantity : str
        That of a break-even, or ``"time"``: what was emitted up to then.
    unit : str
    at : tuple of float
        Values of the quantity, two or more, never falling. One that stands twice is a
        step: before, and after.
    baseline, candidate : tuple of Interval
        Emissions there [gCO2e].

    Raises
    ------
    UsageError
        If the lengths differ, there are fewer than two points, `at` falls, or a number
        is not finite.
    """

    quantity: str
    unit: str
    at: tuple[float, ...]
    baseline: tuple[Interval, ...]
    candidate: tuple[Interval, ...]

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        lengths = [len(self.at), len(self.baseline), len(self.candidate)]
        if len(set(lengths)) != 1 or len(self.at) < 2:
            raise UsageError(f"The course along {self.quantity!r} has lengths {lengths}.")
        emitted = (
            number
            for one in (*self.baseline, *self.candidate)
            for number in (one.value, one.low, one.high)
        )
        if not _are_finite(self.at) or not _are_finite(emitted):
            raise UsageError(f"The course along {self.quantity!r} has a number that is not finite.")
        if any(b < a for a, b in zip(self.at, self.at[1:], strict=False)):
            raise UsageError(f"The course along {self.quantity!r} goes backwards.")


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """What one option of a plan reaches, round by round.

    Attributes
    ----------
    option : str
        Such as ``"training.local_epochs=5"``.
    accuracy : tuple of float
        After each round; measured, or supplied [1].
    emissions_g : tuple of float
        In all, up to the end of each round [gCO2e].
    duration_s : tuple of float
        Wall-clock, likewise [s].
    """

    option: str
    accuracy: tuple[float, ...]
    emissions_g: tuple[float, ...]
    duration_s: tuple[float, ...]

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        lengths = {len(self.accuracy), len(self.emissions_g), len(self.duration_s)}
        if len(lengths) != 1 or not self.accuracy:
            raise UsageError(f"The curve of {self.option!r} has columns of lengths {lengths}.")
        if any(b < a for a, b in zip(self.emissions_g, self.emissions_g[1:], strict=False)):
            raise UsageError(f"The emissions of {self.option!r} fall from one round to the next.")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate against a baseline, with paired draws.

    Attributes
    ----------
    difference_g : Interval
        Candidate minus baseline.
    ratio : Interval
        Candidate over baseline.
    candidate_lower : float
        Share of the draws in which the candidate emits less.
    categories : tuple of CategoryDifference
        By phase; they add up to `difference_g.value`.
    stages : tuple of CategoryDifference
        The same by stage of the life cycle.
    cost_difference : Interval or None
        Candidate minus baseline, if both have a bill in one currency.
    break_evens : tuple of BreakEven
    alternatives : tuple of Alternative
    trajectories : tuple of Trajectory
        Along the quantities of the break-evens, and along time.
    curves : tuple of LearningCurve
        Of the options of the candidate, if somebody gave their accuracies.
    """

    baseline: Assessment
    candidate: Assessment
    difference_g: Interval
    ratio: Interval
    candidate_lower: float
    categories: tuple[CategoryDifference, ...]
    findings: tuple[Finding, ...]
    seed: int
    draws: int
    stages: tuple[CategoryDifference, ...] = ()
    cost_difference: Interval | None = None
    break_evens: tuple[BreakEven, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    curves: tuple[LearningCurve, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Difference:
    """A candidate against a baseline, as in `Comparison`, without the two."""

    difference_g: Interval
    ratio: Interval
    candidate_lower: float
    cost_difference: Interval | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Ranking:
    """More than two scenarios; each is compared with the first, with paired draws.

    Attributes
    ----------
    scenarios : tuple of Assessment
        The baseline first.
    differences : tuple of Difference
        Of the second scenario, the third, and so on.
    lowest : tuple of float
        Share of the draws in which no other emits less than a scenario [1]; where several
        emit the same, each counts.
    findings : tuple of Finding
    seed, draws : int
    """

    scenarios: tuple[Assessment, ...]
    differences: tuple[Difference, ...]
    lowest: tuple[float, ...]
    findings: tuple[Finding, ...]
    seed: int
    draws: int

    __pydantic_config__ = STRICT
