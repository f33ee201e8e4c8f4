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
from footprint.audit.run_tables import RunTable
from footprint.model import (
    AllocationRule,
    Approach,
    Category,
    Cause,
)
from footprint.model.scenario import (
    STRICT,
    PositiveShare,
    Share,
    Unit,
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
    """First and last day of what is reported, and the day as of which it was written."""

    start: date
    end: date
    as_of: date | None = None

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
