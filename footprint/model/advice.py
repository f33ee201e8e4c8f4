"""What an advisor proposes: options with their estimates, a choice, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.model.activities import InputFile
from footprint.model.factors import STRICT, Finding
from footprint.model.kinds import Currency, Vocabulary
from footprint.model.results import Assessment, Contribution, Cost, Interval, Term


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
    certainty : float or None
        How robust the choice is to the factors: share of the draws in which no other possible
        option is better [1]. It holds nothing of what is not drawn, such as a drift, a forecast
        or rows outside of a sample. None if the draws say nothing: nothing was drawn, no other
        option is weighed, one of the two emits nothing, or what is not drawn decides.
    turning_points : tuple of TurningPoint
    conditions : tuple of str
        What a person must check or promise before it is carried out.
    irreversible : bool
        Whether it cannot be undone, such as deleting.
    part_of : str or None
        Id of the advice that it depends on: its saving is within that one's, or can only be had
        with it, and is not added to it.
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
    certainty: float | None
    turning_points: tuple[TurningPoint, ...] = ()
    conditions: tuple[str, ...] = ()
    irreversible: bool = False
    part_of: str | None = None
    findings: tuple[Finding, ...] = ()

    __pydantic_config__ = STRICT

    @property
    def changes(self) -> bool:
        """Whether something is to be done."""
        return self.recommended != self.current

    def option(self, name: str) -> Option:
        """Find an option by its name."""
        return next(one for one in self.options if one.name == name)


class AssetKind(Vocabulary):
    """What a silo holds."""

    DATASET = "dataset"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLine:
    """A dataset or an application of a silo, and what it costs to have it over the horizon.

    None is what nobody said.

    Attributes
    ----------
    silo : str
    kind : AssetKind
    name : str
        Its id in the catalogue of the silo.
    zone : str
        Grid zone of the silo.
    medium : str or None
        Of a dataset: subject of the ``power_per_gb`` factor of what it lies on.
    size_gb : float or None
        Of one copy [GB].
    rows : int or None
    written_s, used_s : float or None
        Last write, and last read or use (Unix time [s]).
    retention_days : float or None
        For how long it must be kept after the last write [d].
    calls : float or None
        Of an application, in the horizon [1].
    owner, legal : str or None
    emissions_g : Interval or None
        Sum of `contributions` [gCO2e].
    energy_kwh : float or None
    cost : Interval or None
        Sum of `costs`, in the currency of the state.
    contributions : tuple of Contribution
        Lines of the estimate; their terms are those of the state.
    costs : tuple of Cost
    """

    silo: str
    kind: AssetKind
    name: str
    zone: str
    medium: str | None = None
    size_gb: float | None = None
    rows: int | None = None
    written_s: float | None = None
    used_s: float | None = None
    retention_days: float | None = None
    calls: float | None = None
    owner: str | None = None
    legal: str | None = None
    emissions_g: Interval | None = None
    energy_kwh: float | None = None
    cost: Interval | None = None
    contributions: tuple[Contribution, ...] = ()
    costs: tuple[Cost, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyState:
    """What lies where, and what it costs over the horizon if nothing changes.

    Attributes
    ----------
    lines : tuple of StateLine
        By silo, kind and name.
    silos : tuple of str
        Whose catalogues are known; one that is empty holds nothing.
    terms : tuple of Term
        The factor register of all lines.
    emissions_g : Interval
        Of all lines that have an estimate [gCO2e]; factors that they share are drawn once.
    energy_kwh : float or None
    cost : Interval or None
        In `currency`; None without prices.
    findings : tuple of Finding
        Such as a dataset of which nobody said what it lies on.
    """

    lines: tuple[StateLine, ...]
    silos: tuple[str, ...]
    terms: tuple[Term, ...]
    emissions_g: Interval
    energy_kwh: float | None
    cost: Interval | None = None
    currency: Currency | None = None
    findings: tuple[Finding, ...] = ()

    __pydantic_config__ = STRICT


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
    state : CompanyState or None
        What lies where today; None if nobody looked.
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
    state: CompanyState | None = None
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    catalogue_version: str
    catalogue_digest: str
    seed: int
    draws: int
    tool_version: str
    declared: tuple[tuple[str, str], ...] = ()

    __pydantic_config__ = STRICT
