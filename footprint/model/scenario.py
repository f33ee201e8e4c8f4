"""A planned training: who takes part, where, with what, for how long.

The fields are what people write into a manifest (`footprint.manifest`), as quantities
with units there and as floats in canonical units here. ``None`` means that nobody said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from footprint.errors import UnitError
from footprint.model.factors import STRICT as _STRICT
from footprint.model.kinds import (
    Access,
    Architecture,
    BoundaryRule,
    Currency,
    EmbodiedRule,
    LifeCycle,
    Tier,
)

_SUFFIX = re.compile(
    "_(s|w|g|gb|kwh|eur|mbps|gbps|g_per_kwh|kwh_per_gb|w_per_mbps|nj_per_bit|kbit_per_j)$"
)


def manifest_key(name: str) -> str:
    """Key under which a field stands in a manifest: its name without the unit."""
    return _SUFFIX.sub("", name)


STRICT: dict[str, Any] = {**_STRICT, "alias_generator": manifest_key}


LARGEST = 1e40
"""Beyond all that is counted here, and small enough that squares of products stay numbers."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Canonical unit of a number that people write as a quantity, such as ``"250 W"``.

    Parameters
    ----------
    name : str
    minimum, maximum : float
        What is accepted, in that unit.
    positive : bool
        Whether 0 is refused.
    whole : bool
        Whether it is a count.
    """

    name: str
    minimum: float = 0.0
    maximum: float = float("inf")
    positive: bool = False
    whole: bool = False

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> Any:
        """Tell pydantic how to read one; called where a manifest is read."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def read(self, found: Any) -> float | None:
        """Read what a person wrote.

        Raises
        ------
        ValueError
            If it is no quantity of this unit, or out of range.
        """
        from footprint.units import parse_quantity

        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, (int, float, str)):
            raise ValueError(f"expected {self.expected}")  # noqa: TRY004 - pydantic's way
        if not isinstance(found, str) and self.name != "1":
            raise ValueError(f"{found!r} has no unit; expected {self.expected}")
        try:
            value = parse_quantity(str(found), self.name)
        except UnitError as error:
            raise ValueError(error.message.rstrip(".")) from error
        if not self.minimum <= value <= self.maximum or (self.positive and value == 0):
            raise ValueError(f"{found!r} is out of range; expected {self.expected}")
        if value > LARGEST or (self.positive and value < 1 / LARGEST):
            raise ValueError(f"{found!r} is beyond any quantity that can be calculated with")
        if not self.whole:
            return value
        if value != int(value):
            raise ValueError(f"{found!r} is no whole number; expected {self.expected}")
        return int(value)

    @property
    def expected(self) -> str:
        """What is accepted, in words."""
        what = "a whole number" if self.whole else "a number"
        if self.name != "1":
            what = f"a quantity such as {_EXAMPLES.get(self.name, repr(self.name))}"
        if self.maximum < float("inf"):
            return f"{what} from {self.minimum:g} to {self.maximum:g}"
        if self.positive:
            return f"{what} above {self.minimum:g}"
        return f"{what} of at least {self.minimum:g}"


_EXAMPLES = {
    "s": "'30 s', '6 min', '12 month'",
    "W": "'250 W', '1.2 kW'",
    "GB": "'44 MB', '2 TB'",
    "kWh": "'0.5 Wh', '12 kWh'",
    "Mbps": "'20 Mbps', '1 Gbps'",
}


Seconds = Annotated[float, Unit("s")]
Watts = Annotated[float, Unit("W")]
Gigabytes = Annotated[float, Unit("GB")]
Rate = Annotated[float, Unit("Mbps", positive=True)]
Share = Annotated[float, Unit("1", maximum=1.0)]
PositiveShare = Annotated[float, Unit("1", maximum=1.0, positive=True)]
Amount = Annotated[float, Unit("1")]
Count = Annotated[int, Unit("1", minimum=1, whole=True)]
Overhead = Annotated[float, Unit("1", minimum=1.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where something runs, and on what.

    Attributes
    ----------
    zone : str
        Grid zone, such as ``"FR"``.
    device : str or None
        Device class of the catalogue; None leaves its making out, which is a gap.
    power_w, idle_w : float or None
        Power in use, and at rest [W].
    power_tier : Tier
        Quality of these two: E for a rating or a table (the default), B or C if measured.
    pue : float or None
        Overhead of the data centre [1]; None to take the catalogue's, for servers and clouds.
    resource_share : float
        Share of the device that is reserved [1].
    active_share : float or None
        Part of its life in which the device works [1]; for the embodied rule ``active``.
    dedicated : bool
        Bought for this purpose alone: reserved for the whole horizon.
    instance : str or None
        Instance that is billed by the hour, under `Prices.instances`.
    host : str or None
        Device class of the server around an accelerator card, whose making is charged, too.
    host_share : float
        Share of that server: 0.125 for one of eight cards [1].
    """

    zone: str
    device: str | None = None
    power_w: Watts | None = None
    idle_w: Watts | None = None
    power_tier: Tier = Tier.E
    pue: Overhead | None = None
    resource_share: PositiveShare = 1.0
    active_share: PositiveShare | None = None
    dedicated: bool = False
    instance: str | None = None
    host: str | None = None
    host_share: PositiveShare = 1.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientGroup(Site):
    """Clients of one kind, in one place.

    Attributes
    ----------
    name : str
    count : int
        Clients [1].
    epoch_s : float
        Time of one local epoch [s].
    access : Access
        Kind of link.
    down_mbps, up_mbps : float or None
        Rates of the link [Mbit/s].
    line_users : float
        People who share the line, whose base power the network model ``power`` divides
        among them [1].
    data_gb : float
        Raw data of one client, newly collected per refresh [GB].
    availability : float
        Share of its clients that can be chosen at a time [1].
    dropout : float
        Share of chosen clients that do not finish; what they used is charged [1].
    """

    name: str
    count: Count = 1
    epoch_s: Seconds | None = None
    access: Access = Access.FIXED
    down_mbps: Rate | None = None
    up_mbps: Rate | None = None
    line_users: Annotated[float, Unit("1", minimum=1.0)] = 1.0
    data_gb: Gigabytes = 0.0
    availability: PositiveShare = 1.0
    dropout: Share = 0.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinator(Site):
    """The server of a federation; `aggregation_s` is its work in one round [s]."""

    aggregation_s: Seconds | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre(Site):
    """The data centre that would train instead.

    Attributes
    ----------
    training_s : float
        Time of one training [s].
    copied_share : float
        Share of the raw data that is copied to it [1].
    home : str or None
        Client group whose data is there already, and moves nowhere.
    """

    training_s: Seconds
    copied_share: Share = 1.0
    home: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The federated training.

    Attributes
    ----------
    rounds : int
    clients_per_round : float
        Clients whose updates are wanted [1].
    local_epochs : int
    model_gb, update_gb : float
        Size of the model that goes down, and of the update that comes up [GB]; by
        default the same.
    over_selection : float
        Clients chosen beyond those that are wanted, as a share of them [1].
    dropout_work : float
        Share of its work that a client has done when it drops out [1].
    runs : int
        Trainings in all: tuning, and the final one.
    retrainings : int
        Trainings later on.
    waiting : bool
        Charge the waiting for the slowest, at idle power.
    """

    rounds: Count
    clients_per_round: Annotated[float, Unit("1", positive=True)]
    local_epochs: Count = 1
    model_gb: Annotated[float, Unit("GB", positive=True)]
    update_gb: Gigabytes | None = None
    over_selection: Amount = 0.0
    dropout_work: Share = 1.0
    runs: Count = 1
    retrainings: Annotated[int, Unit("1", whole=True)] = 0
    waiting: bool = True

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Keeping the data that a centre copied.

    Attributes
    ----------
    horizon_s : float
        Time for which the project lasts and the data is kept [s].
    refreshes : int
        How often new data is collected in that time.
    medium : str
        Subject of a ``power_per_gb`` factor.
    replication : float
        Copies that the service keeps [1].
    billed_copies : float
        Copies that are billed [1].
    """

    horizon_s: Seconds = 0.0
    refreshes: Count = 1
    medium: str | None = None
    replication: Annotated[float, Unit("1", minimum=1.0)] | None = None
    billed_copies: Amount = 1.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Use of the model.

    Attributes
    ----------
    inferences : float
        Over the horizon [1].
    energy_kwh : float
        Of one inference [kWh].
    at_clients : bool
        Whether the clients serve themselves, also after a central training.
    query_gb : float
        Data that one inference moves if it is served centrally [GB].
    """

    inferences: Amount = 0.0
    energy_kwh: Annotated[float, Unit("kWh")] | None = None
    at_clients: bool = True
    query_gb: Gigabytes | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work of a stage that nothing else describes: collection, preparation, retirement.

    Attributes
    ----------
    name : str
    stage : LifeCycle
    zone : str
    energy_kwh : float
        Over the whole time, overhead of a data centre included [kWh].
    tier : Tier
        Quality of that figure.
    architecture : Architecture or None
        Which one does it; None for both.
    """

    name: str
    stage: LifeCycle
    zone: str
    energy_kwh: Annotated[float, Unit("kWh")]
    tier: Tier = Tier.E
    architecture: Architecture | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What things cost, in one currency.

    Attributes
    ----------
    currency : Currency
    electricity_per_kwh : float or None
        Everywhere; None to take the catalogue's, by zone.
    consumer : str
        Kind of consumer whose price the catalogue is asked for.
    instances_per_h : mapping of str to float
        By name of the instance.
    egress_per_gb : float or None
        Of what leaves a cloud.
    storage_per_gb_month : float or None
    carbon_per_g : float or None
        Of CO2e; shown apart, never added to a total.
    staff_federated, staff_centralised : float
        People and compliance, an input that nothing here can know.
    """

    currency: Currency
    electricity_per_kwh: float | None = None
    consumer: str = "non_household"
    instances_per_h: Mapping[str, float] = field(default_factory=dict)
    egress_per_gb: float | None = None
    storage_per_gb_month: float | None = None
    carbon_per_g: float | None = None
    staff_federated: float = 0.0
    staff_centralised: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A manifest: one purpose, met by federated or by centralised training.

    Attributes
    ----------
    name : str
    functional_unit : str
        What both deliver.
    year : int
        Of the factors.
    boundary : BoundaryRule
    embodied : EmbodiedRule
    network : str
        Network model, or a subject of ``network_energy`` factors.
    router_w : float or None
        Power of the router at the client's end, for the model ``last-hop`` [W]; None to
        take the catalogue's.
    intensity : mapping of str to float
        Grid intensity by zone, instead of the catalogue's [gCO2e/kWh].
    """

    name: str
    functional_unit: str
    year: Annotated[int, Unit("1", minimum=1990, maximum=2100, whole=True)]
    clients: tuple[ClientGroup, ...]
    training: Training
    server: Coordinator | None = None
    centralised: Centre | None = None
    storage: Retention = field(default_factory=Retention)
    deployment: Serving = field(default_factory=Serving)
    work: tuple[Work, ...] = ()
    prices: Prices | None = None
    boundary: BoundaryRule = BoundaryRule.LIFE_CYCLE
    embodied: EmbodiedRule = EmbodiedRule.WALL_CLOCK
    network: str
    router_w: Watts | None = None
    intensity: Mapping[str, Annotated[float, Unit("gCO2e/kWh")]] = field(default_factory=dict)
    factors: tuple[str, ...] = ()
    seed: int | None = None
    draws: int | None = None
    origin: str = ""
    """File that it was read from, for messages."""
    digest: str = ""
    """SHA-256 of that file."""
    declared: tuple[tuple[str, str], ...] = ()
    """Its keys and values as they were written."""

    __pydantic_config__ = STRICT
