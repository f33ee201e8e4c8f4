"""What a simulation manifest says.

The fields are what people write (`footprint.trials.manifest`), as quantities with units there and
as floats in canonical units here. ``None`` means that nobody said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from footprint.model import Currency, Tier
from footprint.model.kinds import Vocabulary
from footprint.model.scenario import (
    STRICT,
    Amount,
    Count,
    Gigabytes,
    PositiveShare,
    Rate,
    Share,
    Unit,
    Watts,
)
from footprint.scheduling.budget import BudgetMode
from footprint.simulation.load import LoadForecast
from footprint.simulation.trace_files import Repair, Stamp
from footprint.simulation.world import Mode

_MASS = re.compile(r"(?<=[\d\s])(mg|g|kg|t)\s*$")


def of_carbon(text: str) -> str:
    """Read a mass as one of CO2e: what is emitted can be no other."""
    return _MASS.sub(r"\1CO2e", text)


class _Carbon(Unit):
    """Mass of emissions, whose kind need not be said."""

    def read(self, found: Any) -> float | None:
        return super().read(of_carbon(found) if isinstance(found, str) else found)


Span = Annotated[int, Unit("s", minimum=1, whole=True)]
PositiveSeconds = Annotated[float, Unit("s", positive=True)]
PositiveWatts = Annotated[float, Unit("W", positive=True)]
UnitEnergy = Annotated[float, Unit("kWh", positive=True)]
Work = Annotated[float, Unit("1", positive=True)]
Transfer = Annotated[float, Unit("kWh/GB")]
Grams = Annotated[float, _Carbon("gCO2e")]
Intensity = Annotated[float, Unit("gCO2e/kWh")]
Hour = Annotated[float, Unit("1", maximum=24.0)]
Seed = Annotated[int, Unit("1", whole=True)]
Options = Mapping[str, bool | int | float | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a simulation runs, and how its rounds do; see `footprint.simulation.world.Rules`.

    Attributes
    ----------
    start : str
        Moment in ISO 8601; UTC unless it has an offset.
    length_s : int
    updates : int or None
        That end a round; None for those of all who were chosen.
    step_s, deadline_s, retry_s : int
        Length of a step, of the longest round, and of the wait if nobody was chosen.
    cadence_s : int or None
        Rounds begin at multiples of it; None for as soon as they can.
    most_rounds : int
    """

    start: str
    length_s: Span
    updates: Count | None = None
    step_s: Span = 60
    deadline_s: Span = 3600
    retry_s: Span = 300
    cadence_s: Span | None = None
    most_rounds: Count = 10_000

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainTable:
    """A power domain: its name is the column of its excess power, its zone that of the grid."""

    name: str
    mode: Mode
    zone: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Clients that are alike.

    Attributes
    ----------
    domain : str
    count : int
    unit_time_s, unit_energy_kwh : float
        Of a unit of work at full speed.
    least, most : float
        Work below which an update does not count, and that is enough, per round [units].
    name : str or None
        Beginning of the ids; None for the domain's.
    """

    domain: str
    count: Count
    unit_time_s: PositiveSeconds
    unit_energy_kwh: UnitEnergy
    least: Work
    most: Work
    name: str | None = None
    samples: Amount | None = None
    device: str | None = None
    idle_w: Watts | None = None
    down_mbps: Rate | None = None
    up_mbps: Rate | None = None
    dropout: Share = 0.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTable:
    """What holds for all clients.

    Attributes
    ----------
    file : str or None
        CSV of `footprint.simulation.fleet_files.read_fleet`, instead of groups.
    model_gb, update_gb : float or None
        Messages; None if they are not counted, and for an update as large as the model.
    network_kwh_per_gb : float or None
        Of what carries them; None if it is not counted.
    tier : Tier
        Quality of the energy per unit.
    """

    file: str | None = None
    model_gb: Gigabytes | None = None
    update_gb: Gigabytes | None = None
    network_kwh_per_gb: Transfer | None = None
    tier: Tier = Tier.E

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFile:
    """A file of a series; see `footprint.simulation.trace_files.Reading`.

    Attributes
    ----------
    path : str
        Relative to the manifest.
    stamp : Stamp
    unit : str
        Of all values; ``"1"`` for shares of `peak_w`.
    peak_w : float or None
    """

    path: str
    stamp: Stamp
    unit: str
    time_column: str | None = None
    timezone: str = "UTC"
    step_s: Span | None = None
    repair: tuple[Repair, ...] = ()
    peak_w: PositiveWatts | None = None

    __pydantic_config__ = STRICT


class ForecastKind(Vocabulary):
    """Kinds of `footprint.simulation.forecasts`."""

    PERFECT = "perfect"
    PERSISTENCE = "persistence"
    NOISY = "noisy"
    ISSUED = "issued"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastTable:
    """What policies are told of a series.

    Attributes
    ----------
    kind : ForecastKind
    seed : int or None
        Of noise; None for one of each run's own.
    near, far : float or None
        Of noise.
    path, issue_column, target_column : str or None
        Of a file of forecasts as they were issued; its unit is that of the series' file.
    repair : tuple of Repair
    """

    kind: ForecastKind
    seed: Seed | None = None
    near: Share | None = None
    far: Share | None = None
    path: str | None = None
    issue_column: str | None = None
    target_column: str | None = None
    repair: tuple[Repair, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpSun:
    """Excess power that nobody measured: half a sine from one hour of the day (UTC) to another."""

    peak_w: PositiveWatts
    rises: Hour
    sets: Hour

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpGrid:
    """Intensity that nobody measured: a sine of a day around a mean.

    Attributes
    ----------
    mean_g_per_kwh : float
    swing : float
        Part of the mean by which it rises and falls [1].
    dirtiest : float
        Hour of the day (UTC) at which it is highest.
    """

    mean_g_per_kwh: Intensity
    swing: Share = 0.0
    dirtiest: Hour = 19.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """Solar panels; see `footprint.simulation.pv.SolarSite`."""

    peak_w: PositiveWatts
    latitude: float
    longitude: float
    tilt: float | None = None
    azimuth: float | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcessTable:
    """Excess power, a column per domain that draws it: from one source of three."""

    file: TraceFile | None = None
    panels: Mapping[str, Panels] = field(default_factory=dict)
    made_up: Mapping[str, MadeUpSun] = field(default_factory=dict)
    forecast: ForecastTable | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityTable:
    """Intensity of grids, a column per zone: from one source of three.

    Attributes
    ----------
    signal : str
        Kind, as basis/method/scope.
    electricity_maps : tuple of str
        Hourly files of its data portal.
    repair : tuple of Repair
        Of these files.
    """

    signal: str = "average/location/life-cycle"
    file: TraceFile | None = None
    electricity_maps: tuple[str, ...] = ()
    repair: tuple[Repair, ...] = ()
    made_up: Mapping[str, MadeUpGrid] = field(default_factory=dict)
    forecast: ForecastTable | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Series over time."""

    excess: ExcessTable | None = None
    intensity: IntensityTable | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpLoad:
    """Load that nobody measured; see `footprint.simulation.load.OnOffLoad`.

    Without a seed each run has a load of its own, the same for all policies.
    """

    busy: Share
    slot_s: Span = 3600
    lowest: Share = 0.3
    highest: Share = 1.0
    margin: Share = 0.4
    seed: Seed | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTable:
    """What devices do beside the training.

    Attributes
    ----------
    forecast : LoadForecast
        What policies are told of it.
    used, reserved : TraceFile or None
        Shares, a column per client in the order of the fleet.
    made_up : MadeUpLoad or None
    """

    forecast: LoadForecast
    used: TraceFile | None = None
    reserved: TraceFile | None = None
    made_up: MadeUpLoad | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """Prices of electricity by zone, as ``"0.25 EUR/kWh"``."""

    currency: Currency
    electricity: Mapping[str, str]

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTable:
    """The server; see `footprint.simulation.world.Server`."""

    zone: str
    power_w: Watts
    compute_w: Watts = 0.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerTable:
    """What stands for training; see `footprint.trials.learners`."""

    kind: str
    options: Options = field(default_factory=dict)

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetTable:
    """What a run may spend.

    Attributes
    ----------
    resource : str
        ``"carbon"``, ``"energy"``, ``"cost"`` or ``"time"``.
    total, reserve : str
        Quantities, such as ``"5 kg"``.
    """

    resource: str
    total: str
    mode: BudgetMode = BudgetMode.HARD
    rounds: Count | None = None
    reserve: str | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class KnobsTable:
    """How the clients of a policy train; see `footprint.scheduling.knobs.WithKnobs`.

    Attributes
    ----------
    table : str
        File of measured costs, relative to the manifest.
    method : str or None
        By which all train; None for those that lose least within what a round may emit.
    allowance_g : float or None
        What a round may emit; None for what the budget of carbon leaves it.
    rounds : int or None
        Over which the budget is spread; None for its own.
    among : tuple of str
        Names of the methods that may be chosen beside plain training; all if empty.
    """

    table: str
    method: str | None = None
    allowance_g: Grams | None = None
    rounds: Count | None = None
    among: tuple[str, ...] = ()

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTable:
    """A policy.

    Attributes
    ----------
    name : str
        For tables and options of the command line.
    rule : str or None
        Name in `footprint.scheduling.policies`; None for `name`.
    options : mapping
        Of the rule.
    knobs : KnobsTable or None
        None if all clients train alike, as the fleet says.
    """

    name: str
    rule: str | None = None
    options: Options = field(default_factory=dict)
    knobs: KnobsTable | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole manifest.

    Attributes
    ----------
    seeds : int
        How many; they are 0, 1, 2, ...
    target : float or None
        Accuracy to reach [1].
    baseline : str or None
        Name of a policy; None for the first.
    oracle : str or None
        Name of a policy that knows more than can be known.
    overhead_w : float or None
        Power of the processor that runs the policies [W].
    origin, digest : str
        File, and SHA-256 of what it says.
    declared : tuple of (str, str)
        Each key as it was written.
    """

    name: str
    simulation: Timing
    domain: tuple[DomainTable, ...]
    group: tuple[Group, ...] = ()
    fleet: FleetTable = field(default_factory=FleetTable)
    traces: Traces = field(default_factory=Traces)
    load: LoadTable | None = None
    second_signal: IntensityTable | None = None
    prices: PriceTable | None = None
    server: ServerTable | None = None
    learner: LearnerTable | None = None
    budget: tuple[BudgetTable, ...] = ()
    policy: tuple[PolicyTable, ...] = ()
    seeds: Count = 5
    target: PositiveShare | None = None
    baseline: str | None = None
    oracle: str | None = None
    overhead_w: Watts | None = None
    origin: str = ""
    digest: str = ""
    declared: tuple[tuple[str, str], ...] = ()

    __pydantic_config__ = STRICT
