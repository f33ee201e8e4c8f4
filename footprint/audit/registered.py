"""Hardware of the register: its time of service in a period, and what was bought in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from footprint.audit.books import NOTHING, Books, Owner, Use
from footprint.audit.deployments import Deployment
from footprint.audit.holdings import Acquired, HardwareTable
from footprint.audit.occupancy import moment
from footprint.factors import FactorCatalogue
from footprint.model import (
    Basis,
    InventoryLine,
    Phase,
    Role,
)


def enter_hardware(
    deployment: Deployment, hardware: HardwareTable, catalogue: FactorCatalogue, books: Books
) -> None:
    """Enter hardware over its life, and what was bought of it in the period."""
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
        **NOTHING | {"duration_s": served_s * hardware.count},
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
