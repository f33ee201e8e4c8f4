"""What each line of an inventory contributes: an amount times terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from footprint.drafts import Draft
from footprint.errors import FactorNotFound
from footprint.lifecycle.embodied import embodied_share
from footprint.lifecycle.operational import operational_emissions
from footprint.lifecycle.storage import storage_embodied, storage_energy
from footprint.model import (
    BoundaryRule,
    EmbodiedRule,
    InventoryLine,
    LifeCycle,
    Phase,
    Role,
    Stage,
    Term,
)
from footprint.networks import draft_network
from footprint.register import Register
from footprint.settings import Settings
from footprint.units import S_PER_H, WH_PER_KWH

END_USER_DEVICES = ("phone", "tablet", "laptop", "desktop")
"""Classes of devices that exist anyway; see `EmbodiedRule.MARGINAL`."""

_TRAINING = (LifeCycle.EXPERIMENT, LifeCycle.TRAIN)
# Neither waiting nor idling, and no server: what the model after Qiu et al. charges.
_QIU_PHASES = (Phase.TRAIN, Phase.UPLOAD, Phase.DOWNLOAD)


def draft_contributions(
    line: InventoryLine, settings: Settings, register: Register
) -> Iterator[Draft]:
    """Draft what a line contributes in each stage; enters the terms that it needs.

    Raises
    ------
    FactorNotFound
        If the zone, the device or the network is not in the catalogue.
    UsageError
        If the network model needs to know a kind of link that nobody named.
    """
    if not is_inside(line, settings.boundary):
        return
    if line.zone and needs_place(line):
        yield from _draft_use(line, settings, register)
    if line.actor in settings.purchased and line.device:
        yield from _purchase(line, line.device, settings, register)
    elif line.duration_s and line.device and settings.boundary is not BoundaryRule.QIU:
        terms = _embodied_terms(line, line.device, settings, register)
        if terms is not None:
            yield _embodied(line, *terms)


def _draft_use(line: InventoryLine, settings: Settings, register: Register) -> Iterator[Draft]:
    """Draft what the electricity of a line emits; none of it is without a place."""
    grid = look_up_grid(line, settings, register)
    if line.energy_kwh is not None:
        used = _operation(line, line.energy_kwh, grid, look_up_pue(line, settings, register))
        yield _lost(used, settings, register)
    if line.data_gb:
        yield from draft_network(line, settings, register, grid)
    if line.stored_gb_h:
        yield from _storage(line, settings, register, grid)


def needs_place(line: InventoryLine) -> bool:
    """Whether a line is more than the reserved time of a device, made alike anywhere."""
    is_used = line.energy_kwh is not None or line.unmetered > 0
    return is_used or line.data_gb > 0 or line.stored_gb_h > 0


def is_inside(line: InventoryLine, boundary: BoundaryRule) -> bool:
    """Whether a boundary charges a line at all."""
    if boundary is BoundaryRule.LIFE_CYCLE:
        return True
    if line.life_cycle not in _TRAINING:
        return False
    if boundary is BoundaryRule.TRAINING:
        return True
    centre = line.role is Role.SERVER and line.phase is Phase.TRAIN
    return centre or (line.role is Role.CLIENT and line.phase in _QIU_PHASES)


def look_up_grid(line: InventoryLine, settings: Settings, register: Register) -> Term:
    """Intensity of what supplies a line: by default the grid of its place."""
    supply = settings.supplies.get(line.actor)
    if supply is not None:
        of_zone = {"zone": supply.zone} if supply.zone else None
        return register.declared(
            f"supply/{supply.name}",
            "grid_intensity",
            supply.intensity_g_per_kwh,
            unit="gCO2e/kWh",
            like=of_zone,
        )
    declared = settings.intensities.get(line.zone or "")
    if declared is None:
        return register.look_up("grid_intensity", zone=line.zone, year=line.year)
    term_id = f"grid/{line.zone}/declared"
    like = {"zone": line.zone or ""}
    return register.declared(term_id, "grid_intensity", declared, unit="gCO2e/kWh", like=like)


def look_up_pue(line: InventoryLine, settings: Settings, register: Register) -> Term:
    """Overhead of the data centre of a line.

    Only what stands in a data centre carries the overhead of one. That is every
    server, and whatever runs in a cloud region.
    """
    if settings.boundary is BoundaryRule.QIU and line.role is Role.CLIENT:
        return register.look_up("pue", subject="end_user_device")
    own = settings.pues.get(line.actor)
    if own is not None:
        building = settings.places.get(line.actor, line.actor)
        return _declared_pue(f"pue/declared/{building}", own, register)
    provider, is_cloud, _ = (line.zone or "").partition(":")
    server = (line.device or "").partition(".")[0] in ("server", "gpu", "board", "tpu")
    if not (server or is_cloud):
        return register.look_up("pue", subject="end_user_device")
    if settings.pue is not None:
        return _declared_pue("pue/declared", settings.pue, register)
    if is_cloud:
        for query in ({"zone": line.zone}, {"subject": provider.lower()}):
            try:
                return register.look_up("pue", year=line.year, **query)
            except FactorNotFound:
                continue  # the next one is coarser; the register shows which it was
    pue = register.look_up("pue", subject="industry_average", year=line.year)
    register.report_gap(
        "pue-default",
        f"{line.device or 'A server'} stands in a data centre that nobody described: its energy is "
        f"multiplied by {pue.value:g}, the average of the industry.",
        "Give the PUE (--pue, or pue in a manifest); 1 if there is no such overhead.",
    )
    return pue


def _declared_pue(term_id: str, pue: float, register: Register) -> Term:
    """Enter a PUE that somebody gave, as uncertain as a known operator's; 1 is a definition."""
    return register.declared(term_id, "pue", pue, like={} if pue > 1 else None)


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


def _lost(draft: Draft, settings: Settings, register: Register) -> Draft:
    """Make of the use of electricity what is lost on the way to it, if its actor stands for that.

    Of what is fed in the share l never arrives: l / (1 - l) of what does.
    """
    losses = settings.losses.get(draft.line.actor)
    if losses is None:
        return draft
    value, low, high = losses.per_kwh
    term = register.declared(f"losses/{losses.zone}", "losses", value, within=(low, high))
    energy_kwh = None if draft.energy_kwh is None else draft.energy_kwh * term.value
    return replace(
        draft,
        terms=(*draft.terms, term.id),
        emissions_g=draft.emissions_g * term.value,
        energy_kwh=energy_kwh,
    )


def _storage(
    line: InventoryLine, settings: Settings, register: Register, grid: Term
) -> Iterator[Draft]:
    """Energy of the medium for the time of keeping, and the share of its making."""
    power = register.look_up("power_per_gb", subject=settings.medium, year=line.year)
    copies = register.declared(
        f"replication/{settings.replication:g}", "replication", settings.replication
    )
    pue = look_up_pue(line, settings, register)
    energy_kwh = storage_energy(line.stored_gb_h, power.value, copies.value)
    used = Draft(
        line,
        Stage.STORAGE,
        line.stored_gb_h / WH_PER_KWH,
        "1000 GB h",
        (power.id, copies.id, pue.id, grid.id),
        operational_emissions(energy_kwh, grid.value, pue.value),
        energy_kwh * pue.value,
    )
    yield _lost(used, settings, register)
    kind, _, medium = settings.medium.partition(".")
    try:
        made = register.look_up("embodied_per_gb", subject=medium or kind)
        lifespan = register.look_up("lifespan", subject=kind)
    except FactorNotFound as error:
        register.report_gap(
            # Not a gap of the boundary: only one of two architectures keeps data.
            "medium-embodied-unknown",
            f"The making of {settings.medium!r} is not in the total: {error.message}",
            "Add a factor for it (see docs/factors.md), or name another medium.",
        )
        return
    yield Draft(
        replace(line, device=settings.medium),
        Stage.EMBODIED,
        line.stored_gb_h * S_PER_H,
        "GB s",
        (made.id, copies.id, f"1/{lifespan.id}"),
        storage_embodied(line.stored_gb_h, made.value, lifespan.value, copies.value),
        None,
    )


def _embodied_terms(
    line: InventoryLine, device: str, settings: Settings, register: Register
) -> tuple[Term, Term, Term | None, Term | None] | None:
    """Embodied emissions, lifespan, reserved and active share, or None if there is nothing."""
    kind = device.partition(".")[0]
    if settings.embodied is EmbodiedRule.MARGINAL and kind in END_USER_DEVICES:
        return None
    found = _making_and_life(line, device, settings, register)
    if found is None:
        return None
    made, lifespan = found
    reserved, active = _reserved(line, settings, register), None
    works = settings.active_shares.get(line.actor)
    if settings.embodied is EmbodiedRule.ACTIVE_HOURS and works is not None:
        active = register.declared(f"active-share/{works:g}", "active_share", works)
    elif settings.embodied is EmbodiedRule.ACTIVE_HOURS:
        register.report_gap(
            "active-share-missing",
            f"Nobody said which part of its life the device of {line.actor!r} works; it is "
            "charged by the hours of its life.",
            "Give its active_share.",
        )
    return made, lifespan, reserved, active


def _reserved(line: InventoryLine, settings: Settings, register: Register) -> Term | None:
    """Share of a device that was reserved; None for all of it."""
    share = settings.resource_share if line.resource_share is None else line.resource_share
    if share == 1:
        return None
    # The choice of an estimate, or what the journal says of a device.
    of = "declared" if line.resource_share is None else f"{share:g}"
    return register.declared(f"resource-share/{of}", "resource_share", share)


def _making_and_life(
    line: InventoryLine, device: str, settings: Settings, register: Register
) -> tuple[Term, Term] | None:
    """Embodied emissions and lifespan of a device, declared or from the catalogue."""
    like = {"subject": device}
    making, life = settings.makings.get(line.actor), settings.lives.get(line.actor)
    try:
        return (
            register.look_up("embodied", subject=device)
            if making is None
            else register.declared(
                f"embodied/declared/{line.actor}", "embodied", making, "gCO2e", like=like
            ),
            register.look_up("lifespan", subject=device)
            if life is None
            else register.declared(
                f"lifespan/declared/{line.actor}", "lifespan", life, "s", like=like
            ),
        )
    except FactorNotFound as error:
        if not register.knows_device(device):
            raise
        register.report_gap(
            "embodied-unknown",
            f"The making of {device!r} is not in the total: {error.message}",
            "Add a factor for it (see docs/factors.md), or name another class of device.",
        )
        return None


def _purchase(
    line: InventoryLine, device: str, settings: Settings, register: Register
) -> Iterator[Draft]:
    """Charge the making of the devices of a line, of what is reserved: one per activity."""
    found = _making_and_life(line, device, settings, register)
    if found is not None:
        made, reserved = found[0], _reserved(line, settings, register)
        emissions_g = made.value * line.activities * (1.0 if reserved is None else reserved.value)
        terms = (made.id, *((reserved.id,) if reserved else ()))
        yield Draft(line, Stage.EMBODIED, line.activities, "device", terms, emissions_g, None)


def _embodied(
    line: InventoryLine, made: Term, lifespan: Term, reserved: Term | None, active: Term | None
) -> Draft:
    share = (1.0 if reserved is None else reserved.value) / (
        1.0 if active is None else active.value
    )
    return Draft(
        line,
        Stage.EMBODIED,
        line.duration_s,
        "s",
        (
            made.id,
            f"1/{lifespan.id}",
            *((reserved.id,) if reserved else ()),
            *((f"1/{active.id}",) if active else ()),
        ),
        embodied_share(made.value, line.duration_s, lifespan.value) * share,
        None,
    )
