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
from footprint.audit.holdings import (
    CloudTable,
    Emissions,
    Energy,
    HardwareTable,
    InstrumentTable,
    ParticipantsTable,
    SiloTable,
    SiteTable,
    SourcedIntensity,
    UpstreamPart,
    UpstreamTable,
    Year,
)
from footprint.model import (
    AllocationRule,
    Approach,
    Category,
    Cause,
    LifeCycle,
    Phase,
    Tier,
)
from footprint.model.scenario import (
    STRICT,
    Count,
    Gigabytes,
    PositiveShare,
    Seconds,
    Share,
    Unit,
    Watts,
)

Revenue = Annotated[float, Unit("EUR", positive=True)]
Day = date
Seed = Annotated[int, Unit("1", whole=True)]


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
class ActivityTable:
    """Something that a silo did, as its bill or its meter says.

    Attributes
    ----------
    duration_s : float
        By the clock [s].
    devices : float
        How many worked side by side, each for all of `duration_s`.
    energy_kwh : float or None
        Of the devices together, without the overhead of the building [kWh].
    rated_w : float or None
        Rated power of one, if nothing better is known: energy is that for the whole time [W].
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
    devices: Count = 1
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

    @property
    def device_time_s(self) -> float:
        """Time that all its devices were taken together [s]."""
        return self.duration_s * self.devices


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
    recorded_silo : str or None
        Its silo in the ledger; None for the runs of that name in every silo.
    as_of : int or None
        Number of a change of the ledger: the run as it was after it, whatever is corrected
        later. None for the run as it is.
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
    recorded_silo: str | None = None
    as_of: Count | None = None
    silo: str | None = None
    actors: Mapping[str, str] = field(default_factory=dict)
    start: date | None = None
    life_cycle: LifeCycle | None = None
    kept: str = ""
    activities: tuple[ActivityTable, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionTable:
    """What is left out, why, and how large it may be.

    Attributes
    ----------
    covers : tuple of UpstreamPart
        Parts of category 3.3 that it stands for: the audit lists them if nobody does.
    """

    what: str
    reason: str
    estimate_g: Emissions | None = None
    category: Category | None = None
    covers: tuple[UpstreamPart, ...] = ()

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
    """A published figure that was corrected.

    Attributes
    ----------
    what : str
        Which figure; corrections of one have one name, and each begins where the last ended.
    year : int
        That it is of.
    date : date or None
        When it was corrected.
    """

    what: str
    year: Year
    old_g: Emissions
    new_g: Emissions
    cause: Cause
    reason: str
    date: Day | None = None

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
