"""What follows from activities and factors: assessments and comparisons."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.model.activities import InputFile, Run
from footprint.model.factors import STRICT, Finding, Source
from footprint.model.kinds import (
    Basis,
    BoundaryRule,
    CostKind,
    Currency,
    IdlePolicy,
    LifeCycle,
    Phase,
    ResolvedBy,
    Role,
    SignalKind,
    Stage,
    Tier,
    View,
)

LEAST_G = sys.float_info.min / sys.float_info.epsilon
"""Below it a product may lack digits, since one of its steps may be subnormal [gCO2e]."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A central value and its 90 % interval (5th and 95th percentile)."""

    value: float
    low: float
    high: float

    __pydantic_config__ = STRICT

    def __post_init__(self) -> None:
        if any(math.isnan(number) for number in (self.value, self.low, self.high)):
            raise UsageError(f"An interval needs three numbers, not {self!r}.")

    @property
    def width(self) -> float:
        """Distance between the two ends."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Boundary:
    """What is counted, what is left out, and by which rules.

    Two results can be compared only if their boundaries are equal; so its fields
    hold short codes, which reports put into words.
    """

    stages: tuple[Stage, ...]
    view: View
    signal: SignalKind
    network_model: str
    idle_policy: IdlePolicy
    embodied_rule: str
    rule: str = BoundaryRule.LIFE_CYCLE.value
    excluded: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    """Codes of what should be counted and could not be, for some of the activities."""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Term:
    """One uncertain quantity of a result: a factor used, or the error of a meter.

    Attributes
    ----------
    id : str
        Draws are made once per id and shared by every contribution, and by
        every scenario, that uses it.
    value, low, high : float
        Central value and 95 % bounds, in `unit`.
    bounds : str
        Where the bounds come from: ``"source"``, ``"default band"``, ``"tier"``,
        ``"none"``.
    requested : str
        What was asked for, if the answer is another.
    """

    id: str
    quantity: str
    value: float
    unit: str
    low: float
    high: float
    bounds: str
    resolved_by: ResolvedBy
    requested: str
    zone: str | None
    year: int | None
    source: Source
    note: str = ""

    __pydantic_config__ = STRICT


def split_inverse(name: str) -> tuple[str, bool]:
    """Id of a term, and whether the name divides by it (``"1/..."``)."""
    return (name[2:], True) if name.startswith("1/") else (name, False)


@dataclass(frozen=True, slots=True)
class Contribution:
    """Emissions of one kind of activity in one stage of the life cycle.

    `emissions_g` is the product of the activity and of the terms that `terms`
    names; `amount` and `amount_unit` say what the activity was.
    """

    stage: Stage
    phase: Phase
    actor: str
    role: Role
    device: str | None
    zone: str | None
    basis: Basis
    tier: Tier | None
    amount: float
    amount_unit: str
    terms: tuple[str, ...]
    emissions_g: Interval
    energy_kwh: float | None = None
    round: int | None = None
    life_cycle: LifeCycle = LifeCycle.TRAIN

    __pydantic_config__ = STRICT

    @property
    def category(self) -> str:
        """Name under which charts show it: the phase, or ``"embodied"``."""
        return self.stage.value if self.stage is Stage.EMBODIED else self.phase.value


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of activity costs: an amount times terms, one of which is a price."""

    kind: CostKind
    life_cycle: LifeCycle
    actor: str
    amount: float
    amount_unit: str
    terms: tuple[str, ...]
    cost: Interval

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Bill:
    """What a run costs, in one currency.

    Attributes
    ----------
    total : Interval
        Sum of `costs`.
    carbon : Interval or None
        Emissions times a price of carbon; apart, and in no total.
    """

    currency: Currency
    total: Interval
    costs: tuple[Cost, ...]
    carbon: Interval | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Assessment:
    """Emissions of one run, with everything that is needed to check them.

    The total is the sum of the contributions, and each contribution is the
    product of an amount and of named terms.

    Attributes
    ----------
    run : Run
    total_g : Interval
        Emissions [gCO2e].
    energy_kwh : float or None
        Electricity of the devices with the overhead of their data centres, and of
        the network [kWh]; None if no part of it is known.
    data_gb : float
        Data moved [GB].
    duration_s : float
        Time for which devices were reserved, added over all of them [s].
    rounds, clients : int
    contributions : tuple of Contribution
    terms : tuple of Term
        The factor register.
    boundary : Boundary
    findings : tuple of Finding
    inputs : tuple of InputFile
        The files that it was made from.
    catalogue_version, catalogue_digest : str
    seed, draws : int
        Of the intervals.
    tool_version : str
    bill : Bill or None
        What it costs, if prices were given.
    declared : tuple of (str, str)
        Keys and values of the manifest that it was planned in, as they were written.
    """

    run: Run
    total_g: Interval
    energy_kwh: float | None
    data_gb: float
    duration_s: float
    rounds: int
    clients: int
    contributions: tuple[Contribution, ...]
    terms: tuple[Term, ...]
    boundary: Boundary
    findings: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]
    catalogue_version: str
    catalogue_digest: str
    seed: int
    draws: int
    tool_version: str
    bill: Bill | None = None
    declared: tuple[tuple[str, str], ...] = ()

    __pydantic_config__ = STRICT
