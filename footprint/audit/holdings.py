"""What a company has, as its manifest says it: places, silos, hardware, contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from footprint.model import Access, Category, InstrumentKind, Role
from footprint.model.kinds import Vocabulary
from footprint.model.scenario import (
    STRICT,
    Amount,
    Count,
    Overhead,
    PositiveShare,
    Share,
    Unit,
    Watts,
)

Energy = Annotated[float, Unit("kWh")]
PositiveEnergy = Annotated[float, Unit("kWh", positive=True)]
Emissions = Annotated[float, Unit("gCO2e")]
Intensity = Annotated[float, Unit("gCO2e/kWh")]
Year = Annotated[int, Unit("1", minimum=1990, maximum=2100, whole=True)]
Life = Annotated[float, Unit("s", positive=True)]
Losses = Annotated[float, Unit("1", maximum=0.5)]


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


class UpstreamPart(Vocabulary):
    """What category 3.3 holds."""

    LOSSES = "losses"
    """Of transmission and distribution."""
    FUEL = "fuel"
    """The making of the fuel."""
    GENERATORS = "generators"
    """The making of the fuel of own generators."""


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
        Power at rest of one device [W], 0 if it is switched off then; what no run holds is an
        exclusion by it.
    source : str
        Where `embodied_g` comes from.
    """

    name: str
    place: str
    device: str
    count: Count = 1
    acquired: Acquired = Acquired.BOUGHT
    purchased: date | None = None
    life_s: Life | None = None
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
class LossesTable:
    """Electricity of a grid that never arrives, with its source.

    Attributes
    ----------
    share : float
        Of what is fed in, lost in transmission and distribution [1].
    low, high : float or None
        95 % bounds of it [1]; None on either side if it is taken as exact there.
    year : int or None
        That it describes.
    """

    share: Losses
    source: str
    low: Losses | None = None
    high: Losses | None = None
    year: Year | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTable:
    """Category 3.3 by zone: what is lost on the way, and the making of the fuel."""

    losses: Mapping[str, LossesTable] = field(default_factory=dict)
    fuel: Mapping[str, SourcedIntensity] = field(default_factory=dict)

    __pydantic_config__ = STRICT
