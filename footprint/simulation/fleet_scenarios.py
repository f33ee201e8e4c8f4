"""Scenarios of FedZero's kind: what they are made of, and the world that this makes.

A scenario is a pair of solar files, a table of clients, a source of load, a start, a length
and a peak power. Nothing of it is fixed here; `fleet_scenario_files` reads one from a TOML file.

References
----------
The form is that of the evaluation of P. Wiesner et al., "FedZero", arXiv 2305.15092, and of
github.com/dos-group/fedzero, commit 1c8ae6a3; in our reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.model.kinds import Vocabulary
from footprint.simulation.arrays import Floats
from footprint.simulation.fleet import Fleet
from footprint.simulation.fleet_files import deal_samples, read_fedzero_clients, read_fleet
from footprint.simulation.forecasts import AsIssued, Forecaster, Perfect, read_issued
from footprint.simulation.load import Load, LoadForecast, OnOffLoad, TraceLoad, Unloaded, deal_days
from footprint.simulation.trace_files import Reading, Repair, Stamp, read_trace, read_untimed
from footprint.simulation.traces import Trace
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

_STEP_S = 60


class Foresight(Vocabulary):
    """What policies are told of the coming hour."""

    ERROR = "error"
    """Forecasts of the sun as they were issued; of load, what is reserved."""
    NO_ERROR = "no_error"
    """What will really happen: an upper bound, no forecast."""
    ERROR_NO_LOAD_FC = "error_no_load_fc"
    """Forecasts of the sun as they were issued; all capacity is taken to be free."""


_LOAD_FORECASTS = {
    Foresight.ERROR: LoadForecast.RESERVED,
    Foresight.NO_ERROR: LoadForecast.PERFECT,
    Foresight.ERROR_NO_LOAD_FC: LoadForecast.NONE,
}


@dataclass(frozen=True, slots=True)
class SolarFiles:
    """Shares of peak power: what happened, and what was forecast.

    Attributes
    ----------
    actual : path
        A column of stamps, and one per power domain, whose names and order those of the world are.
    forecast : path or None
        The same columns by time of issue and end of period; None if nobody needs it.
    stamps : Stamp
        Which end of its period a row of `actual` bears.
    peak_w : float or mapping of str to float
        Of all domains, or of each [W].
    time_column : str or None
        Of `actual`; None for the first one.
    issue_column, target_column : str
        Of `forecast`.
    repair : frozenset of Repair
    """

    actual: Path
    stamps: Stamp
    peak_w: float | Mapping[str, float]
    forecast: Path | None = None
    time_column: str | None = None
    issue_column: str = ""
    target_column: str = ""
    repair: frozenset[Repair] = frozenset()

    def read(self) -> Trace:
        """Read what happened, as power [W]."""
        reading = Reading(self.stamps, self.time_column, repair=self.repair)
        shares = read_trace(self.actual, reading, unit="1")
        return replace(shares, values=shares.values * self._peaks(shares.columns), unit="W")

    def read_forecast(self, columns: tuple[str, ...]) -> AsIssued:
        """Read what was forecast, as power [W]."""
        if self.forecast is None:
            raise UsageError("The scenario has no file of solar forecasts.")
        issued = read_issued(
            self.forecast,
            issue_column=self.issue_column,
            target_column=self.target_column,
            columns=columns,
            repair=self.repair,
        )
        return replace(issued, values=issued.values * self._peaks(columns))

    def _peaks(self, columns: tuple[str, ...]) -> Floats:
        if not isinstance(self.peak_w, Mapping):
            return np.full(len(columns), float(self.peak_w))
        missing = [name for name in columns if name not in self.peak_w]
        unknown = [name for name in self.peak_w if name not in columns]
        if missing or unknown:
            wrong = f"none for {missing[0]!r}" if missing else f"one for {unknown[0]!r}"
            raise DataError(
                f"{self.actual}: of peak powers there is {wrong}.",
                f"Domains are: {', '.join(columns[:12])}.",
            )
        return np.array([float(self.peak_w[name]) for name in columns])


@dataclass(frozen=True, slots=True)
class Dealt:
    """Samples dealt by a Dirichlet distribution over the clients, class by class.

    Attributes
    ----------
    total, classes : int
    concentration : float
    """

    total: int
    classes: int
    concentration: float


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """The fleet: a file of our own form, or FedZero's table with a task and samples.

    Attributes
    ----------
    path : path
    task : str or None
        None for a file of our own form (`read_fleet`).
    samples : Dealt or None
        What FedZero's table does not hold.
    """

    path: Path
    task: str | None = None
    samples: Dealt | None = None

    def read(self, domains: tuple[str, ...], seed: int) -> Fleet:
        """Read the fleet; the seed deals its samples."""
        if self.task is None:
            return read_fleet(self.path, domains)
        if self.samples is None:
            raise UsageError(f"{self.path} holds no samples.", "Say how they are dealt.")
        dealt = self.samples
        return read_fedzero_clients(
            self.path,
            self.task,
            lambda clients: deal_samples(
                dealt.total, clients, dealt.classes, seed, concentration=dealt.concentration
            ),
        )


@dataclass(frozen=True, slots=True)
class LoadFiles:
    """Load from files without stamps, a row per minute from the start on, in percent.

    Attributes
    ----------
    used : path
        A column per client, in the order of the fleet.
    reserved : path or None
        The same; what policies are told of it.
    one_day : bool
        The file holds one day of other devices: each client and day is dealt a column of it.
    drop : tuple of str
        Columns that hold no load.
    """

    used: Path
    reserved: Path | None = None
    one_day: bool = False
    drop: tuple[str, ...] = ()

    def read(self, scenario: FleetScenario, clients: int, seed: int) -> Load:
        """Read the load of a scenario; the seed deals days."""
        used = self._shares(self.used, scenario.start_s)
        reserved = self.reserved and self._shares(self.reserved, scenario.start_s)
        if not self.one_day:
            return TraceLoad(used, reserved or None)
        days = -(-scenario.length_s // (24 * 3600))
        return deal_days(used, reserved or None, clients=clients, days=days, seed=seed)

    def _shares(self, path: Path, start_s: int) -> Trace:
        found = read_untimed(path, start_s=start_s, step_s=_STEP_S, unit="%", drop=self.drop)
        return found.scaled(0.01, "1")


@dataclass(frozen=True, slots=True)
class FleetScenario:
    """All that a simulation takes, but the policy and the seed.

    Attributes
    ----------
    name : str
    start_s, length_s : int
        [s]
    solar : SolarFiles
    clients : ClientFiles
    load : LoadFiles, OnOffLoad or None
        None for devices that do nothing else; the seed of an `OnOffLoad` is replaced.
    updates : int
        Updates that end a round, n.
    foresight : Foresight
    unlimited : tuple of str or None
        Domains with as much energy as they like, and without load; None for all.
    speed : float
        By this their clients are faster, too [1].
    """

    name: str
    start_s: int
    length_s: int
    solar: SolarFiles
    clients: ClientFiles
    load: LoadFiles | OnOffLoad | None
    updates: int
    foresight: Foresight = Foresight.ERROR
    unlimited: tuple[str, ...] | None = ()
    speed: float = 1.0

    @property
    def rules(self) -> Rules:
        """Start, length and updates; all else as FedZero's evaluation has it."""
        return Rules(self.start_s, self.length_s, updates=self.updates, step_s=_STEP_S)

    def world(self, seed: int) -> World:
        """Make the world.

        Parameters
        ----------
        seed : int
            Of the samples of clients, and of load that is dealt or made up.

        Raises
        ------
        DataError
            If a file is not as the scenario says.
        UsageError
            If something that it needs is not there.
        """
        excess = self.solar.read()
        names = excess.columns
        free = names if self.unlimited is None else self.unlimited
        unknown = [name for name in free if name not in names]
        if unknown:
            raise UsageError(
                f"There is no power domain {unknown[0]!r}.", f"They are: {', '.join(names[:12])}."
            )
        fleet = self.clients.read(names, seed)
        at_large = np.isin(fleet.domain, [names.index(name) for name in free])
        fleet = replace(fleet, units_per_s=fleet.units_per_s * np.where(at_large, self.speed, 1.0))
        domains = tuple(
            PowerDomain(name, mode=Mode.GRID if name in free else Mode.EXCESS) for name in names
        )
        supply = Supply(domains, excess, excess_forecast=self._forecaster(excess))
        load = self._load(len(fleet), seed)
        if load is not None and at_large.any():
            load = Unloaded(load, at_large)
        return World(fleet, supply, load, _LOAD_FORECASTS[self.foresight], self.name)

    def _forecaster(self, excess: Trace) -> Forecaster | None:
        if self.foresight is Foresight.NO_ERROR:
            return Perfect(excess)
        return None if self.solar.forecast is None else self.solar.read_forecast(excess.columns)

    def _load(self, clients: int, seed: int) -> Load | None:
        if isinstance(self.load, OnOffLoad):
            return replace(self.load, seed=seed)
        return None if self.load is None else self.load.read(self, clients, seed)
