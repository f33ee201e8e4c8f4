"""Methods of training side by side: what each reached, and what that took, on the same data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.model.activities import InputFile
from footprint.model.evaluations import Contrast, FailedSeed, Metric, Spread, common_seeds
from footprint.model.factors import STRICT, Finding
from footprint.model.kinds import Tier
from footprint.model.methods import TrainingMethod
from footprint.model.results import Term


@dataclass(frozen=True, slots=True)
class MethodCourse:
    """What had come of a run after each evaluated round; columns of one length.

    Attributes
    ----------
    round : tuple of int
        From 1 on.
    accuracy : tuple of float
        Of the model with weights as sparse as in its training [1].
    energy_kwh, emissions_g : tuple of float
        So far; empty where nobody knows.
    data_gb : tuple of float
        Sent so far, both ways.
    """

    round: tuple[int, ...]
    accuracy: tuple[float, ...]
    energy_kwh: tuple[float, ...]
    emissions_g: tuple[float, ...]
    data_gb: tuple[float, ...]

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        columns = (self.accuracy, self.energy_kwh, self.emissions_g, self.data_gb)
        wrong = [len(one) for one in columns if len(one) not in (0, len(self.round))]
        if wrong or len(self.accuracy) != len(self.round):
            raise UsageError(f"A course of {len(self.round)} rounds has other columns.")


@dataclass(frozen=True, slots=True)
class MethodRun:
    """One run of one method.

    Attributes
    ----------
    seed : int
    figures : mapping of Metric to (float or None)
        None where nobody knows, or the target was not reached.
    course : MethodCourse
    tiers : tuple of Tier
        Quality of the energy figures of what clients compute.
    refused : int
        Answers of clients whose training had diverged; none of them counts.
    stopped : tuple of (int, str) or None
        Round after which the carbon rate would have stopped it, and why; None if it would not.
    """

    seed: int
    figures: Mapping[Metric, float | None]
    course: MethodCourse
    tiers: tuple[Tier, ...] = ()
    refused: int = 0
    stopped: tuple[int, str] | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One method over all seeds.

    Attributes
    ----------
    method : TrainingMethod
    seeds : tuple of MethodRun
    failed : tuple of FailedSeed
    spreads : tuple of Spread
        One per metric that any seed of any method has.
    contrasts : tuple of Contrast
        Against the reference, seed by seed.
    """

    method: TrainingMethod
    seeds: tuple[MethodRun, ...]
    failed: tuple[FailedSeed, ...] = ()
    spreads: tuple[Spread, ...] = ()
    contrasts: tuple[Contrast, ...] = ()

    __pydantic_config__ = STRICT

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method.name

    def spread(self, metric: Metric) -> Spread | None:
        """Find a metric over the seeds; None if no method has it."""
        return next((one for one in self.spreads if one.metric is metric), None)

    def contrast(self, metric: Metric) -> Contrast | None:
        """Find a metric against the reference; None if there is nothing to pair."""
        return next((one for one in self.contrasts if one.metric is metric), None)

    def mean(self, metric: Metric) -> float | None:
        """Mean of a metric over the seeds that every method ran; None if one lacks it."""
        spread = self.spread(metric)
        return None if spread is None else spread.mean


@dataclass(frozen=True, slots=True)
class Projection:
    """What hardware is assumed to make of a theoretical saving; an assumption, never a figure.

    Attributes
    ----------
    assumption : str
        Which hardware, and who says so.
    realised : float
        Part of the theoretical saving that it would realise [1].
    """

    assumption: str
    realised: float

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        if not self.assumption.strip() or not 0 < self.realised <= 1:
            raise UsageError(
                f"A projection of {self.realised!r} by {self.assumption!r} rests on nothing.",
                "Name the hardware, and the part of the saving from 0 to 1 that it realises.",
            )


@dataclass(frozen=True, slots=True)
class MethodStudy:
    """Methods of training with the same data, clients, first models and seeds.

    Attributes
    ----------
    name : str
    facts : tuple of (str, str)
        What all runs share, in words.
    methods : tuple of MethodResult
        In the order in which they were named.
    reference : str
        Name of the method that the others are held against.
    target : float or None
        Accuracy that was to be reached [1].
    deciding : Metric
        What the methods are judged by.
    projection : Projection or None
    seeds : tuple of int
    terms : tuple of Term
        Factors behind the emissions of any run, at their central values.
    catalogue_version, catalogue_digest : str
    findings : tuple of Finding
    inputs : tuple of InputFile
    declared : tuple of (str, str)
        What the manifest says, key by key.
    tool_version : str
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    methods: tuple[MethodResult, ...]
    reference: str
    target: float | None
    deciding: Metric
    projection: Projection | None
    seeds: tuple[int, ...]
    terms: tuple[Term, ...] = ()
    catalogue_version: str = ""
    catalogue_digest: str = ""
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    declared: tuple[tuple[str, str], ...] = ()
    tool_version: str = ""

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        names = [one.name for one in self.methods]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"A study of the methods {names} has none, or one twice.")
        if self.reference not in names:
            raise UsageError(f"The reference {self.reference!r} is none of the methods.")

    @property
    def common_seeds(self) -> tuple[int, ...]:
        """Seeds that means and differences are of."""
        return common_seeds([run.seed for run in one.seeds] for one in self.methods)

    def compared(self, result: MethodResult) -> tuple[MethodRun, ...]:
        """List the runs of a method that means and differences are of."""
        common = self.common_seeds
        return tuple(run for run in result.seeds if run.seed in common)

    def method(self, name: str) -> MethodResult:
        """Find a method by its name."""
        return next(one for one in self.methods if one.name == name)

    @property
    def measured(self) -> bool:
        """Whether all energy of training comes from meters, and none from a table of power."""
        tiers = [tier for one in self.methods for run in one.seeds for tier in run.tiers]
        return bool(tiers) and all(tier in (Tier.A, Tier.B, Tier.C) for tier in tiers)
