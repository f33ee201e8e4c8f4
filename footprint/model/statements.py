"""What an audit of a company says: its lines, its totals, and all that is needed to check them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from footprint.model.activities import InputFile
from footprint.model.factors import STRICT, Finding, Source
from footprint.model.kinds import Basis, LifeCycle, Phase, ResolvedBy, Stage, Tier, Vocabulary
from footprint.model.products import Product
from footprint.model.results import Interval


class Category(Vocabulary):
    """Where a line stands in a corporate inventory (GHG Protocol)."""

    COMBUSTION = "1"
    """Fuel burnt at own sites."""
    ELECTRICITY = "2"
    """Purchased electricity of own sites."""
    SERVICES = "3.1"
    """Purchased services: clouds, networks, the share of partners."""
    CAPITAL_GOODS = "3.2"
    """Making of hardware that was bought."""
    ENERGY_RELATED = "3.3"
    """Upstream fuel, and losses of transmission and distribution."""
    UPSTREAM_LEASED = "3.8"
    """Dedicated hosts and colocation."""
    USE_OF_SOLD = "3.11"
    """Devices of participants that run the company's product."""
    DOWNSTREAM_LEASED = "3.13"
    """Devices that were leased out to participants."""
    OTHERS = "outside"
    """Of others, who report it: in no total of the company."""

    @property
    def scope(self) -> str:
        """``"1"``, ``"2"``, ``"3"`` or ``"outside"``."""
        return self.value.partition(".")[0]


class Quality(Vocabulary):
    """How the activity of a line is known, best first."""

    MEASURED = "measured"
    METERED_ALLOCATED = "metered-allocated"
    """A meter's figure, divided among those who shared it."""
    MODELLED = "modelled"
    DEFAULT = "default"


class Approach(Vocabulary):
    """Organisational boundary (GHG Protocol Corporate Standard, chapter 3)."""

    OPERATIONAL = "operational control"
    FINANCIAL = "financial control"
    EQUITY = "equity share"


class AllocationRule(Vocabulary):
    """By what the work of partners is divided between them and the coordinator."""

    EQUAL = "equal"
    DATA = "data share"
    COMPUTE = "compute share"
    DECLARED = "declared"


class Cause(Vocabulary):
    """Why a figure was restated, or differs between two statements."""

    FACTOR = "factor"
    ACTIVITY = "activity"
    METHOD = "method"
    STRUCTURE = "structure"
    ERROR = "error"


class InstrumentKind(Vocabulary):
    """Contractual instruments of the market-based method."""

    PPA = "ppa"
    CERTIFICATE = "certificate"
    """Guarantee of origin, REC, REGO and their like, without the energy."""
    TARIFF = "tariff"
    """Product of a supplier, with its certificates."""


@dataclass(frozen=True, slots=True)
class Pedigree:
    """Scores of the quality of a line, from 1 (best) to 5; docs/audit.md has the rules."""

    reliability: int
    completeness: int
    temporal: int
    geographical: int
    technological: int

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One kind of activity in one stage and one category, with what it emits.

    One of `location_g`, `purchase_g` and `amortised_g` is known: it is `activity` times
    `reported_share` times `factors`, of which those named ``"1/..."`` divide. `market_g` is
    the same with `market_factors`. Hardware that was bought has two lines, one for each of
    the last two.

    Attributes
    ----------
    id : str
        Unique in a statement and stable from one to the next.
    component : str
        ``"client"``, ``"server"``, ``"network"``, ``"storage"``, ``"hardware"``,
        ``"generator"``, ``"losses"``, ``"upstream fuel"``.
    run, silo, place : str
        Names of the manifest; empty where a line belongs to none.
    supply : str
        Instrument or generator that the energy comes from; empty for the grid.
    activity : float
        In `activity_unit`.
    energy_kwh : float or None
        Electricity with the overhead of its data centre [kWh].
    location_g : Interval or None
        Emissions, electricity by the grid of its place [gCO2e]. None for the making of
        hardware that was bought.
    market_g : Interval or None
        The same by contracts; None outside of scope 2, where there is but one value.
    purchase_g : Interval or None
        Making of hardware that was bought in the period, all of it [gCO2e].
    amortised_g : Interval or None
        Making of hardware, spread over its life [gCO2e]. Never added to `purchase_g`.
    in_sci : bool
        Whether the functional unit is charged with `location_g` and `amortised_g`.
    """

    id: str
    component: str
    stage: Stage
    life_cycle: LifeCycle
    phase: Phase
    category: Category
    run: str
    silo: str
    place: str
    device: str | None
    zone: str | None
    supply: str
    reported_share: float
    activity: float
    activity_unit: str
    factors: tuple[str, ...]
    market_factors: tuple[str, ...]
    energy_kwh: float | None
    location_g: Interval | None
    market_g: Interval | None
    purchase_g: Interval | None
    amortised_g: Interval | None
    in_sci: bool
    basis: Basis
    tier: Tier | None
    quality: Quality
    pedigree: Pedigree

    __pydantic_config__ = STRICT

    def figures(self, total: str) -> Iterator[tuple[tuple[str, ...], Interval]]:
        """Give what the line adds to a total of a name, with the factors behind each figure."""
        own = self.category is not Category.OTHERS
        wanted = {
            "location": own and (self.location_g, self.purchase_g),
            "market": own and (self.market_g or self.location_g, self.purchase_g),
            "scope 1": self.category is Category.COMBUSTION and (self.location_g,),
            "scope 2 location": self.category is Category.ELECTRICITY and (self.location_g,),
            "scope 2 market": self.category is Category.ELECTRICITY and (self.market_g,),
            "scope 3": self.category.scope == "3" and (self.location_g, self.purchase_g),
            "purchase": own and (self.purchase_g,),
            "amortised": own and (self.amortised_g,),
            "outside": not own and (self.location_g,),
            "sci": self.in_sci and (self.location_g, self.amortised_g),
            "sci operation": self.in_sci
            and self.stage is not Stage.EMBODIED
            and (self.location_g,),
            "sci embodied": self.in_sci
            and self.stage is Stage.EMBODIED
            and (self.location_g, self.amortised_g),
        }.get(total)
        if wanted is None and total in _SCOPE_3:
            wanted = self.category.value == total and (self.location_g, self.purchase_g)
        for figure in wanted or ():
            if figure is not None:
                by_contract = figure is self.market_g
                yield self.market_factors if by_contract else self.factors, figure


_SCOPE_3 = frozenset(one.value for one in Category if one.scope == "3")
TOTALS = (
    "location",
    "market",
    "scope 1",
    "scope 2 location",
    "scope 2 market",
    "scope 3",
    *sorted(_SCOPE_3, key=lambda category: int(category.partition(".")[2])),
    "purchase",
    "amortised",
    "outside",
    "sci operation",
    "sci embodied",
    "sci",
)
"""Names of the sums of a statement; a category that has no line has none."""


@dataclass(frozen=True, slots=True)
class Total:
    """One sum of a statement, by the one rule that its name says.

    Attributes
    ----------
    name : str
        One of `TOTALS`: ``"location"`` and ``"market"`` hold scopes 1 to 3 with hardware in
        the year of purchase, ``"sci"`` holds it amortised.
    emissions_g : Interval
    energy_kwh : float or None
        Electricity [kWh]; None where the sum holds none.
    """

    name: str
    emissions_g: Interval
    energy_kwh: float | None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Sci:
    """Software Carbon Intensity (ISO/IEC 21031): no market instrument is in it.

    `intensity_g` is (`operation_g` + `embodied_g`) over `units`.
    """

    functional_unit: str
    units: float
    operation_g: Interval
    embodied_g: Interval
    intensity_g: Interval

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class FactorEntry:
    """A factor that a line used.

    `sha256` is over value, bounds, unit and source: it changes if the factor does.
    `version` is that of the catalogue; ``"manifest"`` or ``"journal"`` for what came with
    the data. `valid_to` is the last year that the factor describes, if its source says so.
    """

    id: str
    quantity: str
    value: float
    unit: str
    low: float
    high: float
    bounds: str
    zone: str | None
    year: int | None
    valid_to: int | None
    resolved_by: ResolvedBy
    requested: str
    signal: str
    """Kind of grid intensity; empty for other quantities."""
    source: Source
    version: str
    sha256: str
    note: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Instrument:
    """A contract or certificate, and how much of it was used.

    `claimed_kwh` is what the manifest claims of it, `used_kwh` what met electricity of the
    right market and year. `refused` says why nothing of it counts; empty if it does.
    """

    name: str
    kind: InstrumentKind
    market: str
    vintage: int
    energy_kwh: float
    claimed_kwh: float
    used_kwh: float
    g_per_kwh: float
    certificate: str
    source: str
    refused: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is left out, why, and how large it may be.

    `estimate_g` is None if nobody estimated it; `share` is its part of the location-based
    total with all exclusions, None likewise.
    """

    what: str
    reason: str
    category: Category | None
    estimate_g: float | None
    share: float | None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class CutOff:
    """The rule for leaving out, and how near the exclusions come to it [1]."""

    each: float
    together: float
    largest: float
    sum: float
    unknown: int
    """Exclusions that nobody sized."""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Restatement:
    """A published figure that was corrected, with both values."""

    what: str
    year: int
    old_g: float
    new_g: float
    cause: Cause
    reason: str
    date: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class BaseYear:
    """The year that others are compared with, and when it is calculated again.

    `change` is what restatements change beyond `total_g`, as a share of it [1]; `recalculate`
    says that the trigger was passed.
    """

    year: int
    total_g: float
    trigger: float
    change: float
    recalculate: bool

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Driver:
    """What the location-based total hangs on.

    Attributes
    ----------
    factor : str
    variance_share : float
        Its variance over the sum of those of all factors, each drawn alone [1].
    at_low_g, at_high_g : float
        The total with the factor at its 95 % bounds, all else central [gCO2e].
    """

    factor: str
    variance_share: float
    at_low_g: float
    at_high_g: float

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Place:
    """One site, cloud or group of participants within the boundary.

    `kind` is ``"site"``, ``"cloud"`` or ``"participants"``; `holding` is ``"own"``,
    ``"rented"``, ``"partner"`` or, for the others, empty. `reported_share` is the part of its
    emissions that the company reports [1].
    """

    name: str
    kind: str
    holding: str
    zone: str
    category: Category
    pue: float | None
    reported_share: float
    reason: str
    """How the category and the share were chosen."""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who reports, for whom, within which boundary.

    `net_revenue_eur` is that of the period, for intensities; None if nobody said it.
    """

    name: str
    approach: Approach
    goal: str
    audience: str
    about: str = ""
    net_revenue_eur: float | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Reproduce:
    """What it takes to make a statement again; it names no machine and no path of one.

    `environment` holds names and versions, of the interpreter and of the libraries that
    compute.
    """

    tool_version: str
    manifest: str
    manifest_sha256: str
    inputs: tuple[InputFile, ...]
    catalogue_version: str
    catalogue_digest: str
    seed: int
    draws: int
    environment: tuple[tuple[str, str], ...]

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Statement:
    """The greenhouse-gas statement of a company for one period.

    Attributes
    ----------
    name : str
    organisation : Organisation
    start, end : str
        First and last day, as ``"2025-01-01"``.
    places : tuple of Place
    lines : tuple of StatementLine
    totals : tuple of Total
    sci : Sci or None
        None without a functional unit, or with none delivered.
    primary_share : float
        Part of the location-based total whose activity is measured or metered [1].
    drivers : tuple of Driver
    instruments, exclusions, register, restatements
    cut_off : CutOff
    base_year : BaseYear or None
    allocation : AllocationRule
    signal : str
        Kind of grid intensity of the location-based figures: basis/method/scope.
    network_model : str
    choices : tuple of (str, str)
        What the standards leave open, and how it was chosen.
    not_claimed : tuple of str
        What this statement is not.
    assurance : str
        Level of assurance, and by whom; empty if nobody checked it.
    declared : tuple of (str, str)
        Keys and values of the manifest, as they were written.
    product : Product or None
        What is delivered, for a product carbon footprint.
    """

    name: str
    organisation: Organisation
    start: str
    end: str
    places: tuple[Place, ...]
    lines: tuple[StatementLine, ...]
    totals: tuple[Total, ...]
    sci: Sci | None
    primary_share: float
    drivers: tuple[Driver, ...]
    instruments: tuple[Instrument, ...]
    exclusions: tuple[Exclusion, ...]
    cut_off: CutOff
    register: tuple[FactorEntry, ...]
    restatements: tuple[Restatement, ...]
    base_year: BaseYear | None
    allocation: AllocationRule
    signal: str
    network_model: str
    choices: tuple[tuple[str, str], ...]
    not_claimed: tuple[str, ...]
    assurance: str
    findings: tuple[Finding, ...]
    reproduce: Reproduce
    declared: tuple[tuple[str, str], ...] = ()
    product: Product | None = None

    __pydantic_config__ = STRICT

    def total(self, name: str) -> Total | None:
        """Give the sum of a name, if there is one."""
        return next((total for total in self.totals if total.name == name), None)
