"""From runs and hardware to the inventories that an audit estimates.

An audit makes no arithmetic of its own on emissions: it says which lines there are, to whom
each belongs and what supplies it, and `footprint.assessment.estimate` does the rest. The
location-based and the market-based figures are two estimates of one inventory that differ in
their supplies alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from footprint.assessment import estimate
from footprint.audit.books import (
    NOTHING,
    Books,
    Owner,
    Use,
    enter,
    inventory_of,
    merge_lines,
    settings_of,
)
from footprint.audit.deployments import Deployment
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
    books.used_kwh = _site_energy(deployment, parts, standings, catalogue)
    shares = {name: standing.share for name, standing in standings.items()}
    books.supplied = supply_sites(deployment, books.used_kwh, shares, catalogue)
    for owner, line in parts:
        if owner.use in (Use.DEVICES, Use.STORAGE):
            _enter_supplied(deployment, owner, line, books)
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
                known = books.unplaced_kwh.get(place.name, 0.0)
                books.unplaced_kwh[place.name] = known + (line.energy_kwh or 0.0)
                # Its hardware was made all the same.
                line = replace(line, **NOTHING | {"duration_s": line.duration_s})
            elif line.zone not in (None, "", place.zone):
                books.findings.append(_moved(record.table.name, silo.name, line.zone, place.zone))
            whole = replace(line, zone=place.zone or None)
            owner = Owner(Use.DEVICES, record.table.name, silo.name, place.name)
            owned = _is_registered(deployment, place.name, line.device, record.until)
            yield from _split(owner, whole, owned=owned)


def _is_registered(deployment: Deployment, place: str, device: str | None, day: date) -> bool:
    """Whether the register holds the making of a device that a run used until some day."""
    return any(
        (one.place, one.device) == (place, device)
        and (one.purchased is None or one.purchased <= day)
        for one in deployment.hardware
    )


def _split(
    owner: Owner, line: InventoryLine, *, owned: bool
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
    if line.duration_s and not owned:
        reserved = {"duration_s": line.duration_s}
        yield replace(owner, use=Use.RESERVED), replace(line, **NOTHING | reserved)


def _site_energy(
    deployment: Deployment,
    parts: Iterable[tuple[Owner, InventoryLine]],
    standings: dict[str, Standing],
    catalogue: FactorCatalogue,
) -> dict[str, float]:
    """Sum the company's electricity by own site, with the overhead of the building [kWh]."""
    first = Books()
    own = {
        site.name
        for site in deployment.sites
        if standings[site.name].category is Category.ELECTRICITY
        and standings[site.name].share
        and site.zone
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
    return {name: math.fsum(parts) * standings[name].share for name, parts in used.items()}


def _enter_supplied(
    deployment: Deployment, owner: Owner, line: InventoryLine, books: Books
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
    zone = line.zone or ""
    lost = deployment.upstream.losses.get(zone)
    if lost is not None and lost.share and grid:
        part = replace(_scaled(line, grid), unmetered=0)
        actor = enter(books, replace(owner, use=Use.LOSSES), part)
        books.losses[actor] = Losses(zone, lost.share, lost.low, lost.high)
    fuel = deployment.upstream.fuel.get(zone)
    if fuel is not None and grid:
        part = replace(_scaled(line, grid), unmetered=0)
        actor = enter(books, replace(owner, use=Use.FUEL), part)
        books.supplies[actor] = Supply(f"upstream-fuel/{zone}", fuel.intensity_g_per_kwh, zone)


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
