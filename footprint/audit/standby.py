"""Devices at rest: how long, and the energy of it that no run holds."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from footprint.assessment import estimate
from footprint.audit.accounts import unregistered
from footprint.audit.books import Books, Owner, Use, inventory_of, settings_of
from footprint.audit.deployments import Deployment
from footprint.audit.holdings import HardwareTable
from footprint.audit.places import Standing
from footprint.audit.runs import RunRecord
from footprint.errors import FactorNotFound
from footprint.factors import FactorCatalogue
from footprint.model import Exclusion, InventoryLine, Phase
from footprint.units import watt_seconds_to_kwh

UNHELD = "stood by while no run held it"
"""Why energy at rest is in no line."""
ROUNDING = 1e-9
"""Share of their time [1] below which devices have no rest."""


def spare_shares(
    deployment: Deployment,
    records: Iterable[RunRecord],
    books: Books,
    without: Collection[Phase],
) -> dict[str, float]:
    """Share of their time that no run took of registered devices, by hardware [1].

    Parameters
    ----------
    deployment : Deployment
    records : iterable of RunRecord
    books : Books
    without : collection of Phase
        Phases of runs that do not count.
    """
    taken = taken_times(deployment, records, without)
    kinds: dict[str, tuple[str, str]] = {}
    reserved: dict[tuple[str, str], float] = {}
    for line in books.lines:
        owner = books.owners[line.actor]
        if owner.use is Use.HARDWARE and line.duration_s:
            kind = owner.place, line.device or ""
            kinds[line.actor.partition(" / ")[2]] = kind
            reserved[kind] = reserved.get(kind, 0.0) + _whole(line)
    return {
        name: max(0.0, 1.0 - taken.get(kind, 0.0) / reserved[kind]) for name, kind in kinds.items()
    }


def unheld_shares(
    deployment: Deployment, records: Iterable[RunRecord], books: Books
) -> dict[str, float]:
    """Share of their time in which no run held registered devices, by hardware [1].

    At rest a run may hold a device all the same, with its energy. Only what is above rounding.
    """
    found = spare_shares(deployment, records, books, (Phase.STORAGE,))
    return {name: share for name, share in found.items() if share > ROUNDING}


def spare_s(books: Books, hardware: HardwareTable, share: float) -> float:
    """Device time that is a share of what was reserved of hardware [s]."""
    line = next(one for one in books.lines if one.actor == f"hardware / {hardware.name}")
    return share * line.duration_s * hardware.share


def _whole(line: InventoryLine) -> float:
    return line.duration_s * (line.resource_share or 1.0)


def taken_times(
    deployment: Deployment, records: Iterable[RunRecord], without: Collection[Phase]
) -> dict[tuple[str, str], float]:
    """Device time that runs took of the register, by place and device class [s]."""
    places = {silo.name: silo.place for silo in deployment.silos}
    found: dict[tuple[str, str], float] = {}
    for record in records:
        for line in record.inventory.lines:
            if line.phase not in without:
                key = (places[line.actor], line.device or "")
                held = 1.0 - unregistered(deployment, key[0], line, record)
                found[key] = found.get(key, 0.0) + _whole(line) * held
    return found


def exclude_standby(
    deployment: Deployment,
    records: Iterable[RunRecord],
    books: Books,
    standings: Mapping[str, Standing],
    catalogue: FactorCatalogue,
) -> Iterator[Exclusion]:
    """Say what registered hardware used at rest that is in no line, without its share.

    The estimate is by location, with the overhead of the building, of the part that the company
    reports. It is None where nobody declared the power at rest, or the grid is not known.
    """
    shares = unheld_shares(deployment, records, books)
    unknown = []
    for hardware in deployment.hardware:
        share = shares.get(hardware.name)
        standing = standings[hardware.place]
        if share is None or not standing.share:
            continue
        if hardware.idle_w is None:
            unknown.append(hardware.name)
        if not hardware.idle_w:  # not known, or switched off
            continue
        time_s = spare_s(books, hardware, share)
        energy_kwh = watt_seconds_to_kwh(hardware.idle_w, time_s) * standing.share
        emitted_g = _estimate(deployment, hardware, energy_kwh, books, catalogue)
        what = f"{energy_kwh:.6g} kWh of {hardware.name!r} at rest"
        yield Exclusion(what, UNHELD, standing.category, emitted_g, None)
    if unknown:
        what = f"electricity at rest of {', '.join(map(repr, unknown))}"
        yield Exclusion(what, f"{UNHELD}; its idle power was not declared", None, None, None)


def _estimate(
    deployment: Deployment,
    hardware: HardwareTable,
    energy_kwh: float,
    books: Books,
    catalogue: FactorCatalogue,
) -> float | None:
    """Estimate what an energy at the place of hardware emits, by location [gCO2e]."""
    actor = f"hardware / {hardware.name}"
    line = next(one for one in books.lines if one.actor == actor)
    if not line.zone:
        return None
    used = replace(line, phase=Phase.IDLE, duration_s=0.0, energy_kwh=energy_kwh)
    owners = {actor: Owner(Use.DEVICES, "", "", hardware.place)}
    settings = settings_of(deployment, replace(books, owners=owners, supplies={}))
    try:
        found = estimate(
            inventory_of("", [used], ()), replace(settings, draws=0), catalogue=catalogue
        )
    except FactorNotFound:
        return None
    return math.fsum(part.emissions_g.value for part in found.contributions)
