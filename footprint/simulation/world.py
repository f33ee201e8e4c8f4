"""What a simulation takes as given: clients, their power, their load, and the rules of rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from footprint.errors import UsageError
from footprint.model import Finding, SignalKind
from footprint.model.kinds import Vocabulary
from footprint.simulation.arrays import Floats, Integers
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Forecaster
from footprint.simulation.load import Load, LoadForecast, TraceLoad
from footprint.simulation.traces import Trace, moment
from footprint.units import S_PER_H


class Mode(Vocabulary):
    """What the clients of a domain may draw."""

    EXCESS = "excess"
    """Excess energy alone: what there is of it in a step; the rest of it is lost."""
    GRID = "grid"
    """As much as they like, from the grid."""
    BOTH = "both"
    """Excess energy first, and the grid for the rest."""


@dataclass(frozen=True, slots=True)
class PowerDomain:
    """Clients that share one source of energy.

    Attributes
    ----------
    name : str
        Column of its excess power.
    zone : str or None
        Grid zone, and column of its intensity; None if nobody said.
    mode : Mode
    """

    name: str
    zone: str | None = None
    mode: Mode = Mode.EXCESS


@dataclass(frozen=True, slots=True)
class Prices:
    """What energy from the grid costs. Excess energy costs nothing.

    Attributes
    ----------
    currency : str
        ``"eur"`` or ``"usd"``.
    per_kwh : mapping of str to float
        Of each zone [currency/kWh].
    """

    currency: str
    per_kwh: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.currency not in ("eur", "usd"):
            raise UsageError(f"Prices are in eur or usd, not {self.currency!r}.")
        if any(not math.isfinite(price) for price in self.per_kwh.values()):
            raise UsageError("A price of energy is not a finite number.")

    def of(self, zones: Sequence[str | None]) -> Floats:
        """Price in each of some zones; NaN where nobody said [currency/kWh]."""
        return np.array([self.per_kwh.get(zone or "", np.nan) for zone in zones])


@dataclass(frozen=True, slots=True)
class Server:
    """The machine that coordinates; it draws from the grid.

    Attributes
    ----------
    zone : str
        Column of its intensity.
    power_w : float
        As long as the simulation lasts [W].
    compute_w : float
        On top of it, while a scheduler computes [W].
    """

    zone: str
    power_w: float
    compute_w: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.power_w < math.inf and 0 <= self.compute_w < math.inf):
            raise UsageError("The power of a server is 0 or more.")


@dataclass(frozen=True, slots=True, eq=False)
class Supply:
    """Power of all domains over time.

    Attributes
    ----------
    domains : tuple of PowerDomain
    excess_w : Trace or None
        Power that nobody else uses, a column for each domain that draws it [W].
    intensity : Trace or None
        Of the grid, a column for each zone [gCO2e/kWh].
    excess_forecast, intensity_forecast : Forecaster or None
        Of the same columns, in the same units.
    signal : SignalKind
        What kind of intensity it is.
    prices : Prices or None
        Of energy from the grid.
    """

    domains: tuple[PowerDomain, ...]
    excess_w: Trace | None = None
    intensity: Trace | None = None
    excess_forecast: Forecaster | None = None
    intensity_forecast: Forecaster | None = None
    signal: SignalKind = field(default_factory=SignalKind)
    prices: Prices | None = None
    _excess_columns: Integers = field(init=False, repr=False)
    _zone_columns: Integers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len({domain.name for domain in self.domains}) < len(self.domains):
            raise UsageError("Two power domains have one name.")
        drawing = [domain for domain in self.domains if domain.mode is not Mode.GRID]
        there = () if self.excess_w is None else self.excess_w.columns
        missing = [domain.name for domain in drawing if domain.name not in there]
        if missing:
            raise UsageError(
                f"The power domain {missing[0]!r} draws excess energy, and no column says how much "
                "there is.",
                "Give Supply an excess_w with that column, or the mode 'grid'.",
            )
        if self.excess_w is not None and self.excess_w.values.min() < 0:
            raise UsageError("Excess power is 0 or more.")
        names = [domain.name for domain in self.domains]
        zones = [domain.zone or "" for domain in self.domains]
        for forecast, actual in (
            (self.excess_forecast, self.excess_w),
            (self.intensity_forecast, self.intensity),
        ):
            if forecast is not None and (actual is None or forecast.columns != actual.columns):
                raise UsageError("A forecast has other columns than what it forecasts.")
        object.__setattr__(self, "_excess_columns", _columns(self.excess_w, names))
        object.__setattr__(self, "_zone_columns", _columns(self.intensity, zones))

    @property
    def unlimited(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each domain may draw as much as it likes."""
        return np.array([domain.mode is not Mode.EXCESS for domain in self.domains])

    def excess_of(self, values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Floats:
        """Bring columns of excess power into the order of the domains; 0 where there is none."""
        return _spread(values, self._excess_columns, 0.0)

    def intensity_of(self, values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> Floats:
        """Bring columns of intensity into the order of the domains; NaN where nobody knows."""
        return _spread(values, self._zone_columns, np.nan)


def _columns(trace: Trace | None, names: list[str]) -> Integers:
    """Column of each domain, -1 for none."""
    there = {} if trace is None else {name: n for n, name in enumerate(trace.columns)}
    return np.array([there.get(name, -1) for name in names], dtype=np.int64)


def _spread(
    values: np.ndarray[tuple[int, ...], np.dtype[np.floating]], columns: Integers, nothing: float
) -> Floats:
    found = np.asarray(values[..., columns], dtype=np.float64)
    return np.where(columns >= 0, found, nothing)


@dataclass(frozen=True, slots=True)
class Rules:
    """How rounds run.

    Attributes
    ----------
    start_s : int
        Unix time at which the simulation begins [s].
    length_s : int
        How long it lasts [s]; a round that still runs then ends there.
    updates : int or None
        Clients that must have done their least work for a round to end, n; None for all
        that were chosen. Schedulers are told it as `wanted`.
    step_s : int
        Length of a step [s].
    deadline : int
        Steps after which a round ends anyway.
    retry : int
        Steps to wait if nobody was chosen.
    cadence : int
        Rounds begin at multiples of so many steps from the start on; 1 for as soon as they can.
    most_rounds : int

    Notes
    -----
    The defaults of step, deadline, retry and rounds are those of Wiesner et al.
    (dos-group/fedzero, commit 1c8ae6a3).
    """

    start_s: int
    length_s: int
    updates: int | None = 10
    step_s: int = 60
    deadline: int = 60
    retry: int = 5
    cadence: int = 1
    most_rounds: int = 10_000

    def __post_init__(self) -> None:
        counts = (self.length_s, self.step_s, self.deadline, self.retry, self.most_rounds)
        if min(*counts, self.cadence) < 1 or (self.updates is not None and self.updates < 1):
            raise UsageError(f"Rounds cannot run by these rules: {self!r}.", "All are 1 or more.")
        if int(S_PER_H) % self.step_s:
            raise UsageError(
                f"A step of {self.step_s} s is no part of an hour.",
                "Take one that divides an hour, such as 60 or 300 s.",
            )
        if self.length_s % self.step_s:
            raise UsageError(f"{self.length_s} s are no whole number of steps of {self.step_s} s.")

    @property
    def stop_s(self) -> int:
        """Unix time at which the simulation ends [s]."""
        return self.start_s + self.length_s

    @property
    def hours(self) -> int:
        """Hours that it touches, from its start on."""
        return math.ceil(self.length_s / S_PER_H)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Clients, their power and their load.

    Attributes
    ----------
    fleet : Fleet
    supply : Supply
    load : Load or None
        What the devices do beside; None for nothing.
    load_forecast : LoadForecast
        What policies are told of it.
    name : str
    server : Server or None
        Nothing of it is charged without.
    """

    fleet: Fleet
    supply: Supply
    load: Load | None = None
    load_forecast: LoadForecast = LoadForecast.RESERVED
    name: str = "simulation"
    server: Server | None = None

    def __post_init__(self) -> None:
        known = len(self.supply.domains)
        if len(self.fleet) and int(self.fleet.domain.max()) >= known:
            raise UsageError(
                f"The fleet has a client in the power domain {int(self.fleet.domain.max())}, and "
                f"there are {known}, counted from 0."
            )

    def excess_ws(self, start_s: int, step_s: int, steps: int) -> Floats:
        """Excess energy of each domain, shape (steps, domains) [Ws]."""
        trace = self.supply.excess_w
        if trace is None:
            return np.zeros((steps, len(self.supply.domains)))
        return self.supply.excess_of(trace.window(start_s, step_s, steps)) * step_s

    def intensity(self, start_s: int, step_s: int, steps: int) -> Floats:
        """Grid intensity of each domain, shape (steps, domains); NaN where nobody knows."""
        trace = self.supply.intensity
        if trace is None:
            return np.full((steps, len(self.supply.domains)), np.nan)
        return self.supply.intensity_of(trace.window(start_s, step_s, steps))

    def server_intensity(self, start_s: int, stop_s: int, step_s: int) -> float:
        """Mean intensity of the grid of the server; NaN where nobody knows [gCO2e/kWh]."""
        trace, steps = self.supply.intensity, (stop_s - start_s) // step_s
        if self.server is None or trace is None or self.server.zone not in trace.columns:
            return math.nan
        column = trace.columns.index(self.server.zone)
        return float(trace.window(start_s, step_s, steps)[:, column].mean()) if steps else math.nan

    def spare(self, clients: Integers, start_s: int, step_s: int, steps: int) -> Floats:
        """Work that clients can do beside their load, shape (steps, clients) [units]."""
        full = self.fleet.units_per_s[clients] * step_s
        if self.load is None:
            return np.broadcast_to(full, (steps, len(clients)))
        return (1 - self.load.used(clients, start_s, step_s, steps)) * full

    def findings(self) -> tuple[Finding, ...]:
        """Collect what was repaired in the series that it rests on."""
        traces = (self.supply.excess_w, self.supply.intensity)
        return tuple(finding for trace in traces if trace is not None for finding in trace.findings)

    def require(self, rules: Rules) -> None:
        """Check that all series cover the simulation, before it runs.

        Raises
        ------
        UsageError
            If one does not.
        """
        traces = [
            ("excess power", self.supply.excess_w),
            ("grid intensity", self.supply.intensity),
        ]
        if isinstance(self.load, TraceLoad):
            traces += [("load", self.load.actual), ("reserved load", self.load.booked)]
        for what, trace in traces:
            if trace is not None and not (
                trace.start_s <= rules.start_s and rules.stop_s <= trace.stop_s
            ):
                raise UsageError(
                    f"The simulation runs from {moment(rules.start_s)} to {moment(rules.stop_s)}; "
                    f"the {what} covers {moment(trace.start_s)} to {moment(trace.stop_s)}.",
                    "Traces are never continued: take another stretch of time.",
                )
