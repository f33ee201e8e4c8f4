"""From runs and hardware to the inventories that an audit estimates.

An audit makes no arithmetic of its own on emissions: it says which lines there are, to whom
each belongs and what supplies it, and `footprint.assessment.estimate` does the rest. The
location-based and the market-based figures are two estimates of one inventory that differ in
their supplies alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from footprint.assessment import estimate
from footprint.audit.books import (
    NOTHING,
    Books,
    Owner,
    Unplaced,
    Use,
    enter,
    inventory_of,
    merge_lines,
    settings_of,
)
from footprint.audit.deployments import Deployment
from footprint.audit.holdings import UpstreamTable
from footprint.audit.occupancy import AT_REST, moment
from footprint.audit.places import Standing
from footprint.audit.registered import enter_hardware
from footprint.audit.runs import RunRecord
from footprint.audit.supplies import supply_sites
from footprint.factors import FactorCatalogue
from footprint.model import (
    Category,
    Finding,
    InventoryLine,
    Severity,
)
from footprint.settings import Losses, Supply


def keep_books(
    deployment: Deployment,
    records: Iterable[RunRecord],
    standings: dict[str, Standing],
    catalogue: FactorCatalogue,
) -> Books:
    """Enter everything that a deployment used, once."""
    books = Books()
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
            enter(books, owner, line)
    for hardware in deployment.hardware:
        enter_hardware(deployment, hardware, catalogue, books)
    books.lines = merge_lines(books.lines)
    return books


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
                line = replace(line, **NOTHING | {"duration_s": line.duration_s})
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


def _split(
    owner: Owner, line: InventoryLine, unregistered: float
) -> Iterator[tuple[Owner, InventoryLine]]:
    if line.energy_kwh is not None or line.unmetered:
        kept = ("energy_kwh", "energy_low_kwh", "energy_high_kwh", "unmetered")
        used = {name: getattr(line, name) for name in kept}
        unmetered = line.unmetered > 0
        yield replace(owner, unmetered=unmetered), replace(line, **NOTHING | used)
    if line.data_gb:
        moved = {"data_gb": line.data_gb, "transfer_s": line.transfer_s}
        yield replace(owner, use=Use.NETWORK), replace(line, **NOTHING | moved)
    if line.stored_gb_h:
        stored = {"stored_gb_h": line.stored_gb_h}
        yield replace(owner, use=Use.STORAGE), replace(line, **NOTHING | stored)
        yield replace(owner, use=Use.MEDIUM), replace(line, **NOTHING | stored)
    if line.duration_s and unregistered:
        reserved = {"duration_s": line.duration_s * unregistered}
        yield replace(owner, use=Use.RESERVED), replace(line, **NOTHING | reserved)


def _site_energy(
    deployment: Deployment,
    parts: Iterable[tuple[Owner, InventoryLine]],
    standings: dict[str, Standing],
    catalogue: FactorCatalogue,
) -> dict[str, float]:
    """Sum the electricity of own sites, whoever reports it, with the building's overhead [kWh]."""
    first = Books()
    own = {
        site.name
        for site in deployment.sites
        if standings[site.name].category is Category.ELECTRICITY and site.zone
    }
    for owner, line in parts:
        if owner.place in own and owner.use in (Use.DEVICES, Use.STORAGE):
            enter(first, owner, line)
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
        enter(books, owner, line)
        return
    for number, piece in enumerate(pieces):
        part = _scaled(line, piece.share)
        if number:  # what has no meter is said once
            part = replace(part, unmetered=0)
        actor = enter(books, replace(owner, piece=piece), part)
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
        books.losses[enter(books, replace(owner, use=Use.LOSSES), line)] = losses
    place = upstream_zone(upstream.fuel, lineage)
    if place is not None:
        fuel = upstream.fuel[place]
        supply = Supply(f"upstream-fuel/{place}", fuel.intensity_g_per_kwh, place)
        books.supplies[enter(books, replace(owner, use=Use.FUEL), line)] = supply
    if losses is not None and supply is not None:
        actor = enter(books, replace(owner, use=Use.FUEL_LOST), line)
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
