"""What an advisor proposes: options with their estimates, a choice, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model.activities import InputFile
from footprint.model.factors import STRICT, Finding
from footprint.model.kinds import Currency, Vocabulary
from footprint.model.results import Assessment, Interval


class DecisionKind(Vocabulary):
    """What is decided."""

    ARCHITECTURE = "architecture"
    """Centralise, federate, only count and summarise, or do not train."""
    DATASET = "dataset"
    """Keep, move to a colder medium, delete, or keep one of several copies."""
    APPLICATION = "application"
    """Keep, merge or retire applications."""
    RETRAINING = "retraining"
    """Train a model again now, or not."""
    SCHEDULE = "schedule"
    """Where and when to run."""
    COHORT = "cohort"
    """Which silos take part."""
    SERVING = "serving"
    """Where a model answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that could be done, over the horizon of the plan.

    Attributes
    ----------
    name : str
        Such as ``"federate"``.
    assessment : Assessment
        What it emits, uses and costs; its contributions are the lines of the estimate.
    barrier : str
        Why it is not possible, such as a law; empty if it is.
    gain, worth_g : float or None
        What it brings, in the unit of the decision, and the emissions that the company said
        it may cost [gCO2e]; None where options do not differ in what they bring.
    """

    name: str
    assessment: Assessment
    barrier: str = ""
    gain: float | None = None
    worth_g: float | None = None

    __pydantic_config__ = STRICT

    @property
    def net_g(self) -> float:
        """Emissions less what they may cost: what options are chosen by [gCO2e]."""
        return self.assessment.total_g.value - (self.worth_g or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurningPoint:
    """Where the choice changes, with everything else as it is.

    Attributes
    ----------
    quantity, unit : str
        What would have to change, such as ``"rows that drifted"``.
    present : float
    value : float
        Beyond it, seen from `present`, `option` is better.
    option : str
    """

    quantity: str
    unit: str
    present: float
    value: float
    option: str

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One decision that a person may take.

    Attributes
    ----------
    id : str
        The same whenever the same question is asked again, such as
        ``"dataset/lyon/bookings-2024"``.
    kind : DecisionKind
    subject : str
        What it is about, in words.
    options : tuple of Option
    current, recommended : str
        Names of two options: what is done today, and what should be; the same if nothing is
        to change.
    reason : str
        Why, with numbers, in one or two sentences.
    saving_g : Interval
        Current less recommended, draw by draw [gCO2e]; below 0 if it emits more, because it
        brings more.
    saving_kwh : float or None
    saving_cost : Interval or None
        In `currency`; None without prices.
    certainty : float
        Share of the draws in which no other possible option is better [1].
    turning_points : tuple of TurningPoint
    conditions : tuple of str
        What a person must check or promise before it is carried out.
    irreversible : bool
        Whether it cannot be undone, such as deleting.
    findings : tuple of Finding
    """

    id: str
    kind: DecisionKind
    subject: str
    options: tuple[Option, ...]
    current: str
    recommended: str
    reason: str
    saving_g: Interval
    saving_kwh: float | None
    saving_cost: Interval | None = None
    currency: Currency | None = None
    certainty: float
    turning_points: tuple[TurningPoint, ...] = ()
    conditions: tuple[str, ...] = ()
    irreversible: bool = False
    findings: tuple[Finding, ...] = ()

    __pydantic_config__ = STRICT

    @property
    def changes(self) -> bool:
        """Whether something is to be done."""
        return self.recommended != self.current

    def option(self, name: str) -> Option:
        """Find an option by its name."""
        return next(one for one in self.options if one.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvicePlan:
    """All advice to a company at one time.

    Attributes
    ----------
    company : str
    made_s : float
        Time that it was made for (Unix time [s]).
    horizon_s : float
        Over which every option is estimated [s].
    advice : tuple of Advice
        Largest saving first.
    findings : tuple of Finding
        Such as a silo without a catalogue.
    inputs : tuple of InputFile
    catalogue_version, catalogue_digest : str
        Of the factors.
    seed, draws : int
    tool_version : str
    declared : tuple of (str, str)
        Keys and values of the manifest as they were written.
    """

    company: str
    made_s: float
    horizon_s: float
    advice: tuple[Advice, ...]
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    catalogue_version: str
    catalogue_digest: str
    seed: int
    draws: int
    tool_version: str
    declared: tuple[tuple[str, str], ...] = ()

    __pydantic_config__ = STRICT
