"""What each line of an inventory contributes: an amount times terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from footprint.errors import FactorNotFound
from footprint.lifecycle.embodied import embodied_share
from footprint.lifecycle.network import transfer_energy
from footprint.lifecycle.operational import operational_emissions
from footprint.model import Basis, Contribution, Interval, InventoryLine, Stage, Term
from footprint.register import Register
from footprint.uncertainty import Sampler


@dataclass(frozen=True, slots=True)
class Choices:
    """What a line does not say itself.

    Attributes
    ----------
    network : str
        Subject of a `network_energy` factor.
    pue : float or None
        Of all data centres; None to take the catalogue's.
    resource_share : float
        Share of each device that was reserved [1].
    """

    network: str
    pue: float | None
    resource_share: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A contribution before its interval is known."""

    line: InventoryLine
    stage: Stage
    amount: float
    amount_unit: str
    terms: tuple[str, ...]
    emissions_g: float
    energy_kwh: float | None

    def finish(self, sampler: Sampler) -> Contribution:
        """Contribution with the interval that the draws of its terms give."""
        line, value = self.line, self.emissions_g
        ratio = sampler.ratio_interval(self.terms)
        tracked = self.stage is Stage.EMBODIED and line.tier is not None
        return Contribution(
            stage=self.stage,
            phase=line.phase,
            actor=line.actor,
            role=line.role,
            device=line.device,
            zone=line.zone,
            # The amount of an embodied share is time, which a tracker measures
            # whatever the energy of the line is.
            basis=Basis.MEASURED if tracked else line.basis,
            tier=line.tier if self.stage is Stage.OPERATION else None,
            amount=self.amount,
            amount_unit=self.amount_unit,
            terms=self.terms,
            emissions_g=Interval(value, value * ratio.low, value * ratio.high),
            energy_kwh=self.energy_kwh,
            round=line.round,
        )


def draft_contributions(
    line: InventoryLine, choices: Choices, register: Register
) -> Iterator[Draft]:
    """Draft what a line contributes in each stage; enters the terms that it needs.

    Raises
    ------
    FactorNotFound
        If the zone, the device or the network is not in the catalogue.
    """
    grid = register.look_up("grid_intensity", zone=line.zone, year=line.year)
    if line.energy_kwh is not None:
        yield _operation(line, line.energy_kwh, grid, _pue(line, choices, register))
    if line.data_gb:
        path = register.look_up("network_energy", subject=choices.network, year=line.year)
        yield _network(line, grid, path)
    if line.duration_s and line.device:
        made = _embodied_terms(line.device, choices, register)
        if made is not None:
            yield _embodied(line, *made)


def _pue(line: InventoryLine, choices: Choices, register: Register) -> Term:
    """Only what stands in a data centre carries the overhead of one.

    That is every server, and whatever runs in a cloud region.
    """
    provider, is_cloud, _ = (line.zone or "").partition(":")
    server = (line.device or "").partition(".")[0] == "server"
    if not (server or is_cloud):
        return register.look_up("pue", subject="end_user_device")
    if choices.pue is not None:
        return register.declared("pue/declared", "pue", choices.pue)
    if is_cloud:
        for query in ({"zone": line.zone}, {"subject": provider.lower()}):
            try:
                return register.look_up("pue", year=line.year, **query)
            except FactorNotFound:
                continue  # the next one is coarser; the register shows which it was
    return register.look_up("pue", subject="industry_average", year=line.year)


def _embodied_terms(
    device: str, choices: Choices, register: Register
) -> tuple[Term, Term, Term | None] | None:
    """Embodied emissions, lifespan and share of a device, or None if nobody knows them."""
    try:
        made = register.look_up("embodied", subject=device)
        lifespan = register.look_up("lifespan", subject=device)
    except FactorNotFound as error:
        if not register.knows_device(device):
            raise
        register.report_gap(
            "embodied-unknown",
            f"The making of {device!r} is not in the total: {error.message}",
            "Add a factor for it (see docs/factors.md), or name another class of device.",
        )
        return None
    if choices.resource_share == 1:
        return made, lifespan, None
    share = register.declared("resource-share/declared", "resource_share", choices.resource_share)
    return made, lifespan, share


def _operation(line: InventoryLine, energy_kwh: float, grid: Term, pue: Term) -> Draft:
    return Draft(
        line,
        Stage.OPERATION,
        energy_kwh,
        "kWh",
        (f"energy/{line.source}", pue.id, grid.id),
        operational_emissions(energy_kwh, grid.value, pue.value),
        energy_kwh * pue.value,
    )


def _network(line: InventoryLine, grid: Term, path: Term) -> Draft:
    energy_kwh = transfer_energy(line.data_gb, path.value)
    return Draft(
        line,
        Stage.NETWORK,
        line.data_gb,
        "GB",
        (path.id, grid.id),
        # An average network intensity holds the overhead of its sites already.
        operational_emissions(energy_kwh, grid.value, pue=1.0),
        energy_kwh,
    )


def _embodied(line: InventoryLine, made: Term, lifespan: Term, share: Term | None) -> Draft:
    resource_share = 1.0 if share is None else share.value
    return Draft(
        line,
        Stage.EMBODIED,
        line.duration_s,
        "s",
        (made.id, f"1/{lifespan.id}", *((share.id,) if share else ())),
        embodied_share(made.value, line.duration_s, lifespan.value, resource_share),
        None,
    )
