"""From runs and hardware to the inventories that an audit estimates.

An audit makes no arithmetic of its own on emissions: it says which lines there are, to whom
each belongs and what supplies it, and `footprint.assessment.estimate` does the rest. The
location-based and the market-based figures are two estimates of one inventory that differ in
their supplies alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from footprint.assessment import estimate
from footprint.audit.deployments import Deployment
from footprint.audit.holdings import Acquired, HardwareTable, UpstreamTable
from footprint.audit.occupancy import AT_REST
from footprint.audit.places import Standing
from footprint.audit.runs import RunRecord
from footprint.audit.supplies import Piece, Supplied, supply_sites
from footprint.factors import FactorCatalogue
from footprint.model import (
    Basis,
    Category,
    Finding,
    Inventory,
    InventoryLine,
    Phase,
    Role,
    Run,
    Severity,
    SignalKind,
)
from footprint.model.kinds import Vocabulary
from footprint.settings import Losses, Settings, Supply
from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED


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

    owners: dict[str, Owner]
    lines: list[InventoryLine]
    purchases: list[InventoryLine]
    supplies: dict[str, Supply]
    contracts: dict[str, Supply]
    losses: dict[str, Losses]
    makings: dict[str, float]
    lives: dict[str, float]
    unplaced: dict[str, Unplaced]
    findings: list[Finding]
    supplied: Supplied
    used_kwh: dict[str, float]


def keep_books(
    deployment: Deployment,
    records: Iterable[RunRecord],
    standings: dict[str, Standing],
    catalogue: FactorCatalogue,
) -> Books:
    """Enter everything that a deployment used, once."""
    books = Books({}, [], [], {}, {}, {}, {}, {}, {}, [], Supplied(), {})
    records = tuple(records)
    books.findings.extend(_unpinned(records))
    parts = list(_parts(deployment, records, books))
    whole_kwh = _site_energy(deployment, parts, standings, catalogue)
    shares = {name: standing.share for name, standing in standings.items()}
    books.used_kwh = {name: whole_kwh[name] * shares[name] for name in whole_kwh if shares[name]}
    books.supplied = supply_sites(deployment, whole_kwh, shares, catalogue)
    for owner, line in parts:
        if owner.use in (Use.DEVICES, Use.STORAGE):
            _enter_supplied(deployment, owner, line, books, catalogue)
        else:
            _enter(books, owner, line)
    for hardware in deployment.hardware:
        _enter_hardware(deployment, hardware, catalogue, books)
    books.lines = _merge(books.lines)
    return books


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


def _parts(
    deployment: Deployment, records: tuple[RunRecord, ...], books: Books
) -> Iterator[tuple[Owner, InventoryLine]]:
    """Take the lines of runs apart by what they are there for."""
    places = {place.name: place for place in deployment.places}
    silos = {silo.name: silo for silo in deployment.silos}
    for record in records:
        for line in record.inventory.lines:
            silo = silos[line.actor]
            place = places[silo.place]
            if not place.zone:
                books.unplaced.setdefault(place.name, Unplaced()).add(line)
                # Its hardware was made all the same.
                line = replace(line, **_EMPTY | {"duration_s": line.duration_s})
            elif line.zone not in (None, "", place.zone):
                books.findings.append(_moved(record.table.name, silo.name, line.zone, place.zone))
            whole = replace(line, zone=place.zone or None)
            owner = Owner(Use.DEVICES, record.table.name, silo.name, place.name)
            yield from _split(owner, whole, unregistered(deployment, place.name, line, record))


def unregistered(
    deployment: Deployment, place: str, line: InventoryLine, record: RunRecord
) -> float:
    """Part of the time of a line in which the register held no device of its class there [1]."""
    days = [
        one.purchased
        for one in deployment.hardware
        if (one.place, one.device) == (place, line.device)
    ]
    bought = [day for day in days if day is not None]
    if len(bought) < len(days):
        return 0.0
    if not bought:
        return 1.0
    works = line.phase not in AT_REST
    key = (line.actor, line.device, works)
    held = (one for one in record.held if (one.silo, one.device, one.works) == key)
    return next((one.share_before(moment(min(bought))) for one in held), 0.0)


_EMPTY: dict[str, Any] = {
    "duration_s": 0.0,
    "energy_kwh": None,
    "energy_low_kwh": None,
    "energy_high_kwh": None,
    "data_gb": 0.0,
    "transfer_s": 0.0,
    "stored_gb_h": 0.0,
    "unmetered": 0,
}


def _split(
    owner: Owner, line: InventoryLine, unregistered: float
) -> Iterator[tuple[Owner, InventoryLine]]:
    if line.energy_kwh is not None or line.unmetered:
        kept = ("energy_kwh", "energy_low_kwh", "energy_high_kwh", "unmetered")
        used = {name: getattr(line, name) for name in kept}
        unmetered = line.unmetered > 0
        yield replace(owner, unmetered=unmetered), replace(line, **_EMPTY | used)
    if line.data_gb:
        moved = {"data_gb": line.data_gb, "transfer_s": line.transfer_s}
        yield replace(owner, use=Use.NETWORK), replace(line, **_EMPTY | moved)
    if line.stored_gb_h:
        stored = {"stored_gb_h": line.stored_gb_h}
        yield replace(owner, use=Use.STORAGE), replace(line, **_EMPTY | stored)
        yield replace(owner, use=Use.MEDIUM), replace(line, **_EMPTY | stored)
    if line.duration_s and unregistered:
        reserved = {"duration_s": line.duration_s * unregistered}
        yield replace(owner, use=Use.RESERVED), replace(line, **_EMPTY | reserved)


def _site_energy(
    deployment: Deployment,
    parts: Iterable[tuple[Owner, InventoryLine]],
    standings: dict[str, Standing],
    catalogue: FactorCatalogue,
) -> dict[str, float]:
    """Sum the electricity of own sites, whoever reports it, with the building's overhead [kWh]."""
    first = Books({}, [], [], {}, {}, {}, {}, {}, {}, [], Supplied(), {})
    own = {
        site.name
        for site in deployment.sites
        if standings[site.name].category is Category.ELECTRICITY and site.zone
    }
    for owner, line in parts:
        if owner.place in own and owner.use in (Use.DEVICES, Use.STORAGE):
            _enter(first, owner, line)
    settings = replace(settings_of(deployment, first), draws=0)
    found = estimate(inventory_of("", first.lines, ()), settings, catalogue=catalogue)
    used: dict[str, list[float]] = {name: [] for name in sorted(own)}
    for part in found.contributions:
        if part.energy_kwh is not None:
            used[first.owners[part.actor].place].append(part.energy_kwh)
    return {name: math.fsum(parts) for name, parts in used.items()}


def _enter_supplied(
    deployment: Deployment,
    owner: Owner,
    line: InventoryLine,
    books: Books,
    catalogue: FactorCatalogue,
) -> None:
    """Enter a line by its supplies, and what its grid electricity takes on the way."""
    pieces = books.supplied.pieces.get(owner.place)
    if not pieces:
        _enter(books, owner, line)
        return
    for number, piece in enumerate(pieces):
        part = _scaled(line, piece.share)
        if number:  # what has no meter is said once
            part = replace(part, unmetered=0)
        actor = _enter(books, replace(owner, piece=piece), part)
        if piece.own is not None:
            books.supplies[actor] = piece.own
        if piece.contract is not None:
            books.contracts[actor] = piece.contract
    grid = math.fsum(piece.share for piece in pieces if piece.own is None)
    if grid:
        _enter_upstream(
            deployment.upstream,
            owner,
            replace(_scaled(line, grid), unmetered=0),
            books,
            catalogue.zones.lineage(line.zone or ""),
        )


def _enter_upstream(
    upstream: UpstreamTable,
    owner: Owner,
    line: InventoryLine,
    books: Books,
    lineage: Sequence[str],
) -> None:
    """Enter what is lost on the way to a line, and the making of the fuel of both.

    References
    ----------
    GHG Protocol, Technical Guidance for Calculating Scope 3 Emissions (2013), table 3.1: of
    electricity that is lost, combustion and upstream of the fuel.
    """
    losses = supply = None
    place = upstream_zone(upstream.losses, lineage)
    if place is not None and upstream.losses[place].share:
        lost = upstream.losses[place]
        losses = Losses(place, lost.share, lost.low, lost.high)
        books.losses[_enter(books, replace(owner, use=Use.LOSSES), line)] = losses
    place = upstream_zone(upstream.fuel, lineage)
    if place is not None:
        fuel = upstream.fuel[place]
        supply = Supply(f"upstream-fuel/{place}", fuel.intensity_g_per_kwh, place)
        books.supplies[_enter(books, replace(owner, use=Use.FUEL), line)] = supply
    if losses is not None and supply is not None:
        actor = _enter(books, replace(owner, use=Use.FUEL_LOST), line)
        books.losses[actor], books.supplies[actor] = losses, supply


def upstream_zone(table: Mapping[str, object], lineage: Sequence[str]) -> str | None:
    """Find the zone of category 3.3 that stands for a place: itself, or what contains it."""
    return next((zone for zone in lineage if zone in table), None)


def _scaled(line: InventoryLine, share: float) -> InventoryLine:
    changed: dict[str, Any] = {"stored_gb_h": line.stored_gb_h * share}
    for name in ("energy_kwh", "energy_low_kwh", "energy_high_kwh"):
        value = getattr(line, name)
        changed[name] = None if value is None else value * share
    return replace(line, **changed)


def _enter(books: Books, owner: Owner, line: InventoryLine) -> str:
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


def _enter_hardware(
    deployment: Deployment, hardware: HardwareTable, catalogue: FactorCatalogue, books: Books
) -> None:
    place = next(one for one in deployment.places if one.name == hardware.place)
    owner = Owner(Use.HARDWARE, "", "", place.name, rented=hardware.acquired is Acquired.RENTED)
    key = f"hardware / {hardware.name}"
    life_s = hardware.life_s
    if life_s is None:
        life_s = catalogue.resolve("lifespan", subject=hardware.device).factor.value
    served_s = _served(deployment, hardware, life_s)
    line = InventoryLine(
        actor=key,
        role=Role.OTHER,
        device=hardware.device,
        zone=place.zone or None,
        phase=Phase.OTHER,
        year=deployment.period.start.year,
        basis=Basis.DECLARED,
        tier=None,
        source="hardware",
        activities=hardware.count,
        resource_share=hardware.share,
        **_EMPTY | {"duration_s": served_s * hardware.count},
    )
    books.owners[key] = owner
    if hardware.embodied_g is not None:
        books.makings[key] = hardware.embodied_g
    if hardware.life_s is not None:
        books.lives[key] = hardware.life_s
    if served_s:
        books.lines.append(line)
    bought = hardware.purchased
    if not owner.rented and bought and _within(deployment, bought):
        books.purchases.append(replace(line, actor=key))


def _within(deployment: Deployment, day: date) -> bool:
    return deployment.period.start <= day <= deployment.period.end


def _served(deployment: Deployment, hardware: HardwareTable, life_s: float) -> float:
    """Time of its life that lies in the period, of one device [s]."""
    first, after = moment(deployment.period.start), moment(deployment.period.end, days=1)
    if hardware.purchased is None:
        return after - first
    bought = moment(hardware.purchased)
    return max(0.0, min(after, bought + life_s) - max(first, bought))


def moment(day: date, days: int = 0) -> float:
    """Begin a day, or one some days later: seconds since 1970 UTC [s]."""
    there = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=days)
    return there.timestamp()


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


def _merge(lines: Iterable[InventoryLine]) -> list[InventoryLine]:
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


def _unpinned(records: Iterable[RunRecord]) -> Iterator[Finding]:
    """Find runs of a ledger whose statement a later correction changes."""
    for record in records:
        table = record.table
        if table.ledger is not None and table.as_of is None:
            yield Finding(
                "ledger-unpinned",
                f"{table.name!r} is read from a ledger as it is now: a later correction changes "
                "this statement.",
                Severity.WARNING,
                "Name the change that it is as of: as_of (footprint ledger history).",
                table.name,
            )


def _moved(run: str, silo: str, found: str | None, zone: str) -> Finding:
    return Finding(
        "zone-differs",
        f"The journal of {run!r} says that {silo!r} was in {found}; the manifest says {zone}, "
        "which counts.",
        Severity.WARNING,
        "Correct the one that is wrong.",
        f"{run} / {silo}",
    )
