"""Choices of an estimate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from footprint.errors import UsageError
from footprint.model import Access, BoundaryRule, EmbodiedRule, Prices, SignalKind
from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED

DEFAULT_NETWORK = "fixed_core_access"
MOST_DRAWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Supply:
    """Electricity of another intensity than that of its place: a generator, a contract.

    `zone` gives the intensity the default bounds of that zone; without one it is exact.
    """

    name: str
    intensity_g_per_kwh: float
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Losses:
    """Electricity of a grid that is lost on the way, of what is fed in [1].

    `low` and `high` are 95 % bounds; None for what is taken as exact.
    """

    zone: str
    share: float
    low: float | None = None
    high: float | None = None

    @property
    def per_kwh(self) -> tuple[float, float, float]:
        """Lost for each kWh that arrives, with its bounds: share / (1 - share) [kWh/kWh]."""
        shares = (
            self.share,
            self.share if self.low is None else self.low,
            self.share if self.high is None else self.high,
        )
        value, low, high = (share / (1.0 - share) for share in shares)
        return value, low, high


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices of an estimate that the journal does not make.

    Attributes
    ----------
    zones, devices : mapping of str to str
        Replacements for what the journal says; the key ``""`` stands for
        activities that say nothing.
    network : str
        Subject of a `network_energy` factor, or one of `footprint.networks.MODELS`.
    pue : float or None
        Power usage effectiveness of the data centres; by default it is taken
        from the catalogue for servers, and is 1 for everything else.
    pues : mapping of str to float
        The same for single actors, before `pue`.
    places : mapping of str to str
        Building of single actors: those of one share the error of its PUE.
    access : Access or None
        Kind of link of activities that say nothing.
    router_w : float or None
        Power of a router, for the network model ``last-hop`` [W].
    line_users : mapping of str to float
        People who share the line of an actor, for the network model ``power`` [1].
    intensities : mapping of str to float
        Grid intensity by zone, instead of the catalogue's [gCO2e/kWh].
    supplies : mapping of str to Supply
        Electricity of single actors that does not come from the grid of their place, or is
        not counted with it.
    losses : mapping of str to Losses
        Of actors that stand for what is lost on the way to others, and not for what these use.
    makings, lives : mapping of str to float
        Making of the device of an actor [gCO2e], and its life [s], instead of the catalogue's.
    purchased : frozenset of str
        Actors that stand for devices bought: one per activity, whose making is charged whole.
    medium : str
        What data is stored on: subject of a `power_per_gb` factor.
    replication, billed_copies : float
        Copies that are kept, and that are billed, of what is stored [1].
    embodied : EmbodiedRule
    active_shares : mapping of str to float
        Part of its life in which the device of an actor works [1].
    boundary : BoundaryRule
    prices : Prices or None
        To say what it costs.
    staff : float
        Cost of people and compliance, in the currency of `prices`.
    resource_share : float
        Share that was reserved of each device for which the journal says nothing
        (SCI's RR/ToR).
    signal : SignalKind
    seed, draws : int
        Of the intervals; 0 draws give central values alone.
    """

    zones: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    network: str = DEFAULT_NETWORK
    pue: float | None = None
    pues: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    access: Access | None = None
    router_w: float | None = None
    line_users: Mapping[str, float] = field(default_factory=dict)
    intensities: Mapping[str, float] = field(default_factory=dict)
    supplies: Mapping[str, Supply] = field(default_factory=dict)
    losses: Mapping[str, Losses] = field(default_factory=dict)
    makings: Mapping[str, float] = field(default_factory=dict)
    lives: Mapping[str, float] = field(default_factory=dict)
    purchased: frozenset[str] = frozenset()
    medium: str = "storage.hdd"
    replication: float = 3.0
    billed_copies: float = 1.0
    embodied: EmbodiedRule = EmbodiedRule.WALL_CLOCK
    active_shares: Mapping[str, float] = field(default_factory=dict)
    boundary: BoundaryRule = BoundaryRule.LIFE_CYCLE
    prices: Prices | None = None
    staff: float = 0.0
    resource_share: float = 1.0
    signal: SignalKind = field(default_factory=SignalKind)
    seed: int = DEFAULT_SEED
    draws: int = DEFAULT_DRAWS

    def __post_init__(self) -> None:
        for pue in (*self.pues.values(), *(() if self.pue is None else (self.pue,))):
            if not (math.isfinite(pue) and pue >= 1):
                raise UsageError(f"A PUE is at least 1, not {pue}.")
        if not 0 < self.resource_share <= 1:
            raise UsageError(
                f"A resource share lies above 0 and up to 1, not {self.resource_share}."
            )
        if self.draws and not 100 <= self.draws <= MOST_DRAWS:
            raise UsageError(
                f"{self.draws} draws are too few or too many.",
                f"Use between 100 and {MOST_DRAWS:,}, or 0 for central values alone.",
            )
