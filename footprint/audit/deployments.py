"""What a manifest of a company says (`footprint.audit.manifest` reads it).

The fields are what people write, as quantities with units there and as floats in canonical
units here. ``None`` means that nobody said. Names bind the tables: a silo stands in a place,
a run is made by silos, hardware and contracts belong to places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated

from footprint.audit.disclosures import ProductTable
from footprint.model import (
    Access,
    AllocationRule,
    Approach,
    Category,
    Cause,
    InstrumentKind,
    LifeCycle,
    Phase,
    Role,
    Tier,
)
from footprint.model.kinds import Vocabulary
from footprint.model.scenario import (
    STRICT,
    Amount,
    Count,
    Gigabytes,
    Overhead,
    PositiveShare,
    Seconds,
    Share,
    Unit,
    Watts,
)

Energy = Annotated[float, Unit("kWh")]
PositiveEnergy = Annotated[float, Unit("kWh", positive=True)]
Emissions = Annotated[float, Unit("gCO2e")]
Intensity = Annotated[float, Unit("gCO2e/kWh")]
Year = Annotated[int, Unit("1", minimum=1990, maximum=2100, whole=True)]
Days = Annotated[float, Unit("s", positive=True)]
Losses = Annotated[float, Unit("1", maximum=0.5)]
Revenue = Annotated[float, Unit("EUR", positive=True)]
Seed = Annotated[int, Unit("1", whole=True)]


class Holding(Vocabulary):
    """Whose a site is."""

    OWN = "own"
    RENTED = "rented"
    """Colocation, dedicated rooms of others."""
    PARTNER = "partner"


class Service(Vocabulary):
    """What is rented of a cloud."""

    VIRTUAL = "virtual"
    """Virtual machines, hosted training, model services: category 3.1."""
    DEDICATED = "dedicated"
    """Dedicated hosts: category 3.8."""


class Acquired(Vocabulary):
    """How hardware came to the company."""

    BOUGHT = "bought"
    RENTED = "rented"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationTable:
    """Who reports.

    `about` is free text, such as that the company is fictional; `net_revenue_eur` is that of
    the period.
    """

    name: str
    approach: Approach
    goal: str = ""
    audience: str = ""
    about: str = ""
    net_revenue_eur: Revenue | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodTable:
    """First and last day of what is reported."""

    start: date
    end: date

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseYearTable:
    """The year that others are compared with; `trigger` is the share that recalculates it."""

    year: Year
    total_g: Emissions
    trigger: PositiveShare = 0.05

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionalUnitTable:
    """What is delivered, and how many of it in the period."""

    name: str
    count: Annotated[float, Unit("1", positive=True)]

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorTable:
    """A generator of a site, by the electricity that it made for the silos there."""

    name: str
    energy_kwh: PositiveEnergy
    intensity_g_per_kwh: Intensity
    """Direct emissions of a kWh that it makes, from its fuel."""
    source: str

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTable:
    """A site with equipment.

    Attributes
    ----------
    zone : str
    holding : Holding
    controlled : bool
        Whether the company has operational or financial control, whichever it reports by.
    equity_share : float
        Its share of the capital, for the approach ``equity share`` [1].
    reported_share : float or None
        Of a partner's site, with the allocation ``declared`` [1].
    pue : float or None
        None takes the catalogue's, which is a finding.
    market : str or None
        Electricity market of its contracts; None for the country of its zone.
    """

    name: str
    zone: str
    holding: Holding = Holding.OWN
    controlled: bool = True
    equity_share: Share = 1.0
    reported_share: Share | None = None
    pue: Overhead | None = None
    market: str | None = None
    generators: tuple[GeneratorTable, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudTable:
    """A region of a provider, such as the zone ``"aws:eu-west-3"``."""

    name: str
    zone: str
    service: Service = Service.VIRTUAL
    pue: Overhead | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsTable:
    """Devices of others that run the company's product."""

    name: str
    zone: str
    category: Category = Category.USE_OF_SOLD

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class SiloTable:
    """One party of the federation: where it stands, and on what.

    Attributes
    ----------
    place : str
        Name of a site, cloud or group of participants.
    role : Role
    device : str or None
        Class of its devices, of activities that say none.
    records : float or None
        Records that it trains on, for the allocation by data [1].
    access : Access or None
        Kind of its link, of activities that say none.
    """

    name: str
    place: str
    role: Role = Role.CLIENT
    device: str | None = None
    records: Amount | None = None
    access: Access | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareTable:
    """Devices of one class in one place.

    Attributes
    ----------
    purchased : date or None
        Needed for what was bought.
    life_s, embodied_g : float or None
        Of one device; None takes the catalogue's.
    share : float
        Part that is reserved for what is audited [1].
    idle_w : float or None
        Power at rest of one device [W]; idle times are checked with it.
    source : str
        Where `embodied_g` comes from.
    """

    name: str
    place: str
    device: str
    count: Count = 1
    acquired: Acquired = Acquired.BOUGHT
    purchased: date | None = None
    life_s: Days | None = None
    embodied_g: Emissions | None = None
    share: PositiveShare = 1.0
    idle_w: Watts | None = None
    source: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentTable:
    """A contract or certificate of electricity.

    Attributes
    ----------
    market : str
        Electricity market in which it counts, such as ``"FR"``.
    vintage : int
        Year in which its energy was generated.
    energy_kwh : float
        What was bought of it in the period [kWh].
    certificate : str
        Number of the certificate, if it has one.
    sites : tuple of str
        Sites that it is for, in this order; empty for all own sites of its market.
    claims : mapping of str to float
        Energy that is claimed for single sites [kWh]; empty for as much as they use.
    """

    name: str
    kind: InstrumentKind
    market: str
    vintage: Year
    energy_kwh: PositiveEnergy
    intensity_g_per_kwh: Intensity
    source: str
    certificate: str = ""
    sites: tuple[str, ...] = ()
    claims: Mapping[str, Energy] = field(default_factory=dict)

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedIntensity:
    """An intensity that the catalogue does not have, with its source.

    `signal` is its kind (basis/method/scope), for location-based ones; empty for the kind
    that the method names.
    """

    intensity_g_per_kwh: Intensity
    year: Year
    source: str
    signal: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTable:
    """Category 3.3 by zone: share lost on the way, and the making of the fuel."""

    losses: Mapping[str, Losses] = field(default_factory=dict)
    fuel: Mapping[str, SourcedIntensity] = field(default_factory=dict)
    source: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityTable:
    """Something that a silo did, as its bill or its meter says.

    Attributes
    ----------
    energy_kwh : float or None
        Of the devices, without the overhead of the building [kWh].
    rated_w : float or None
        Rated power, if nothing better is known: energy is that for the whole time [W].
    meter : str
        What the energy comes from; figures of one name share their error.
    tier : Tier or None
        Quality of the energy.
    data_gb : float
        Moved over its link [GB].
    stored_gb, kept_s : float
        Volume that was kept, and for how long.
    share : float or None
        Part of its device that was reserved [1].
    """

    silo: str
    phase: Phase = Phase.TRAIN
    duration_s: Seconds = 0.0
    energy_kwh: Energy | None = None
    rated_w: Watts | None = None
    meter: str = ""
    tier: Tier | None = None
    data_gb: Gigabytes = 0.0
    stored_gb: Gigabytes = 0.0
    kept_s: Seconds = 0.0
    share: PositiveShare | None = None
    device: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTable:
    """One run: its journals, its name in a ledger, or what is declared of it.

    Attributes
    ----------
    journal : str or None
        File or folder, relative to the manifest.
    ledger : str or None
        URL of a database that holds it.
    recorded : str or None
        Its name in the ledger; None for `name`.
    silo : str or None
        Whose all its activities are, but for `actors`.
    actors : mapping of str to str
        Silo of each actor of the journal; by default the silo of the same name.
    start : date or None
        Of declared activities; None for the first day of the period.
    life_cycle : LifeCycle
    kept : str
        What of its data and models is kept, and for how long.
    """

    name: str
    journal: str | None = None
    ledger: str | None = None
    recorded: str | None = None
    silo: str | None = None
    actors: Mapping[str, str] = field(default_factory=dict)
    start: date | None = None
    life_cycle: LifeCycle | None = None
    kept: str = ""
    activities: tuple[ActivityTable, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionTable:
    """What is left out, why, and how large it may be."""

    what: str
    reason: str
    estimate_g: Emissions | None = None
    category: Category | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialityTable:
    """Cut-off: the largest share of one exclusion, and of all together [1]."""

    each: Share = 0.01
    together: Share = 0.05
    primary: Share = 0.5
    """Share of primary data below which the audit says so."""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class RestatementTable:
    """A published figure that was corrected."""

    what: str
    year: Year
    old_g: Emissions
    new_g: Emissions
    cause: Cause
    reason: str
    date: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionTable:
    """How long data and models are kept, in words, for runs that do not say it themselves."""

    data: str = ""
    models: str = ""

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodTable:
    """Choices of the calculation.

    Attributes
    ----------
    signal : str
        Kind of grid intensity of the location-based figures.
    network : str
        Network model, or a subject of ``network_energy`` factors.
    medium : str
        What data is kept on.
    replication : float
        Copies that are kept [1].
    allocation : AllocationRule
        Of the work of partners.
    """

    signal: str = "average/location/life-cycle"
    network: str = "fixed_core_access"
    medium: str = "storage.hdd"
    replication: Annotated[float, Unit("1", minimum=1.0)] = 1.0
    allocation: AllocationRule = AllocationRule.DATA
    seed: Seed | None = None
    draws: Annotated[int, Unit("1", minimum=0, maximum=1e6, whole=True)] | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A company and what it ran in one period; see the tables.

    Attributes
    ----------
    intensity : mapping of str to SourcedIntensity
        Location-based intensity by zone, instead of the catalogue's, of the kind that the
        method names.
    residual_mix : mapping of str to SourcedIntensity
        By market; electricity without a contract takes it in the market-based figures.
    factors : tuple of str
        Folders of further factors, relative to the manifest.
    product : ProductTable or None
        What is delivered, for a product carbon footprint.
    assurance : str
        Level of assurance, and by whom.
    """

    name: str
    organisation: OrganisationTable
    period: PeriodTable
    functional_unit: FunctionalUnitTable | None = None
    base_year: BaseYearTable | None = None
    method: MethodTable = field(default_factory=MethodTable)
    materiality: MaterialityTable = field(default_factory=MaterialityTable)
    retention: RetentionTable = field(default_factory=RetentionTable)
    sites: tuple[SiteTable, ...] = ()
    clouds: tuple[CloudTable, ...] = ()
    participants: tuple[ParticipantsTable, ...] = ()
    silos: tuple[SiloTable, ...] = ()
    hardware: tuple[HardwareTable, ...] = ()
    instruments: tuple[InstrumentTable, ...] = ()
    residual_mix: Mapping[str, SourcedIntensity] = field(default_factory=dict)
    intensity: Mapping[str, SourcedIntensity] = field(default_factory=dict)
    upstream: UpstreamTable = field(default_factory=UpstreamTable)
    runs: tuple[RunTable, ...] = ()
    exclusions: tuple[ExclusionTable, ...] = ()
    restatements: tuple[RestatementTable, ...] = ()
    factors: tuple[str, ...] = ()
    product: ProductTable | None = None
    assurance: str = ""
    origin: str = ""
    """File that it was read from."""
    digest: str = ""
    """SHA-256 of that file."""
    outside: bool = False
    """Whether files and databases outside of the manifest's folder may be read."""
    declared: tuple[tuple[str, str], ...] = ()
    """Its keys and values as they were written, without passwords."""

    __pydantic_config__ = STRICT

    @property
    def places(self) -> tuple[SiteTable | CloudTable | ParticipantsTable, ...]:
        """All places, in the order of the manifest."""
        return (*self.sites, *self.clouds, *self.participants)

    @property
    def folder(self) -> Path:
        """Folder that the names of files are relative to."""
        return Path(self.origin).parent
