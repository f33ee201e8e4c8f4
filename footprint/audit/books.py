"""Books of an audit: what was used and reserved, to whom it belongs, and how it is estimated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from footprint.audit.deployments import Deployment
from footprint.audit.runs import RunRecord
from footprint.audit.supplies import Piece, Supplied
from footprint.model import (
    Finding,
    Inventory,
    InventoryLine,
    Run,
    SignalKind,
)
from footprint.model.kinds import Vocabulary
from footprint.settings import Losses, Settings, Supply
from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED

NOTHING: dict[str, Any] = {
    "duration_s": 0.0,
    "energy_kwh": None,
    "energy_low_kwh": None,
    "energy_high_kwh": None,
    "data_gb": 0.0,
    "transfer_s": 0.0,
    "stored_gb_h": 0.0,
    "unmetered": 0,
}
"""A line that uses nothing: what it has of the rest is put over it."""


class Use(Vocabulary):
    """What a line of the inventory is there for."""

    DEVICES = "devices"
    NETWORK = "network"
    STORAGE = "storage"
    MEDIUM = "medium"
    """What data is kept on: its making, whoever supplies the electricity."""
    RESERVED = "reserved"
    """Time for which a device was taken: its share of the making."""
    HARDWARE = "hardware"
    """Hardware of the register, over its life."""
    LOSSES = "losses"
    FUEL = "upstream fuel"
    FUEL_LOST = "upstream fuel of losses"


UPSTREAM = (Use.LOSSES, Use.FUEL, Use.FUEL_LOST)
"""Uses that follow from what the own sites take of a grid: category 3.3."""


@dataclass(frozen=True, slots=True)
class Owner:
    """To whom a line of the inventory belongs; its actor is the key."""

    use: Use
    run: str
    silo: str
    place: str
    piece: Piece | None = None
    rented: bool = False
    unmetered: bool = False


@dataclass(slots=True)
class Unplaced:
    """What was used in a place without a grid zone, and so in no line."""

    energy_kwh: float = 0.0
    data_gb: float = 0.0
    stored_gb_h: float = 0.0
    unmetered: int = 0

    def add(self, line: InventoryLine) -> None:
        """Add what a line used there."""
        self.energy_kwh += line.energy_kwh or 0.0
        self.data_gb += line.data_gb
        self.stored_gb_h += line.stored_gb_h
        self.unmetered += line.unmetered

    def __str__(self) -> str:
        parts = (
            (self.energy_kwh, f"{self.energy_kwh:.6g} kWh"),
            (self.data_gb, f"{self.data_gb:.6g} GB moved"),
            (self.stored_gb_h, f"{self.stored_gb_h:.6g} GB h stored"),
            (self.unmetered, f"{self.unmetered} activities without an energy figure"),
        )
        return ", ".join(text for value, text in parts if value) or "0 kWh"


@dataclass(slots=True)
class Books:
    """All that is needed to estimate, and to read the result.

    Attributes
    ----------
    owners : dict of str to Owner
        By the actor of a line.
    lines, purchases : list of InventoryLine
        What was used and reserved; hardware that was bought in the period.
    supplies, contracts : dict of str to Supply
        By actor: generators and the like, and those of the market-based method alone.
    losses : dict of str to Losses
        By actor that stands for what is lost on the way.
    unplaced : dict of str to Unplaced
        What was used in places without a zone, which no line holds.
    """

    owners: dict[str, Owner] = field(default_factory=dict)
    lines: list[InventoryLine] = field(default_factory=list)
    purchases: list[InventoryLine] = field(default_factory=list)
    supplies: dict[str, Supply] = field(default_factory=dict)
    contracts: dict[str, Supply] = field(default_factory=dict)
    losses: dict[str, Losses] = field(default_factory=dict)
    makings: dict[str, float] = field(default_factory=dict)
    lives: dict[str, float] = field(default_factory=dict)
    unplaced: dict[str, Unplaced] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    supplied: Supplied = field(default_factory=Supplied)
    used_kwh: dict[str, float] = field(default_factory=dict)


def settings_of(deployment: Deployment, books: Books, *, market: bool = False) -> Settings:
    """Choices of an estimate, as a deployment makes them."""
    method = deployment.method
    pues = {place.name: getattr(place, "pue", None) for place in deployment.places}
    by_actor = {actor: owner.place for actor, owner in books.owners.items()}
    return Settings(
        network=method.network,
        pues={a: pue for a, place in by_actor.items() if (pue := pues[place]) is not None},
        places=by_actor,
        intensities={z: one.intensity_g_per_kwh for z, one in deployment.intensity.items()},
        supplies={**books.supplies, **books.contracts} if market else books.supplies,
        losses=books.losses,
        makings=books.makings,
        lives=books.lives,
        medium=method.medium,
        replication=method.replication,
        signal=SignalKind.parse(method.signal),
        seed=DEFAULT_SEED if method.seed is None else method.seed,
        draws=DEFAULT_DRAWS if method.draws is None else method.draws,
    )


def inventory_of(
    name: str, lines: Iterable[InventoryLine], records: Iterable[RunRecord]
) -> Inventory:
    """Put lines into one inventory, with what the journals of all runs say of themselves."""
    found = [record.inventory for record in records]
    factors = {one.factor.id: one for inventory in found for one in inventory.factors}
    return Inventory(
        run=Run(name),
        lines=tuple(lines),
        rounds=sum(inventory.rounds for inventory in found),
        clients=0,
        factors=tuple(factors.values()),
        findings=tuple(dict.fromkeys(f for inventory in found for f in inventory.findings)),
        inputs=tuple(dict.fromkeys(f for inventory in found for f in inventory.inputs)),
    )


def enter(books: Books, owner: Owner, line: InventoryLine) -> str:
    """Enter a line under its owner; the actor of the line is the owner's key."""
    words = [owner.run, owner.silo or owner.place, owner.use.value]
    if owner.piece is not None and owner.piece.name:
        words.append(owner.piece.name)
    key = " / ".join(word for word in words if word)
    while (known := books.owners.get(key)) is not None and not _same(known, owner):
        key += "'"
    unmetered = owner.unmetered or (known is not None and known.unmetered)
    books.owners[key] = replace(owner, unmetered=unmetered)
    books.lines.append(replace(line, actor=key))
    return key


def _same(one: Owner, other: Owner) -> bool:
    return replace(one, unmetered=False) == replace(other, unmetered=False)


_SUMS = (
    "duration_s",
    "energy_kwh",
    "energy_low_kwh",
    "energy_high_kwh",
    "data_gb",
    "transfer_s",
    "stored_gb_h",
    "activities",
    "unmetered",
)
_KEYS = tuple(one.name for one in fields(InventoryLine) if one.name not in _SUMS)


def merge_lines(lines: Iterable[InventoryLine]) -> list[InventoryLine]:
    """Sum lines that differ in nothing that an estimate looks at: a silo of many actors."""
    groups: dict[tuple[Any, ...], list[InventoryLine]] = {}
    for line in lines:
        known = line.energy_kwh is None, line.energy_low_kwh is None
        key = (*(getattr(line, name) for name in _KEYS), *known)
        groups.setdefault(key, []).append(line)
    return [_summed(group) for group in groups.values()]


def _summed(group: list[InventoryLine]) -> InventoryLine:
    sums: dict[str, Any] = {}
    for name in _SUMS:
        values = [getattr(line, name) for line in group]
        exact = name in ("activities", "unmetered")
        sums[name] = None if values[0] is None else sum(values) if exact else math.fsum(values)
    return replace(group[0], **sums)
