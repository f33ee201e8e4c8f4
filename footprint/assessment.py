"""From an inventory to emissions: activities times factors, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from footprint._version import __version__
from footprint.contributions import draft_contributions, is_inside, needs_place
from footprint.costs import draft_costs, finish_bill
from footprint.errors import MissingPlace
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.model import (
    Assessment,
    Boundary,
    BoundaryRule,
    Finding,
    Inventory,
    InventoryLine,
    Stage,
)
from footprint.networks import MODELS, network_model
from footprint.register import Register
from footprint.settings import Settings
from footprint.uncertainty import Sampler, interval

EXCLUDED = (
    "waiting",
    "supply_losses",
    "end_user_overhead",
    "network_equipment",
    "organisation",
    "repetition",
)
"""What no result of this release holds; `footprint.reporting.wording` has the sentences."""
GAPS = frozenset(
    (
        "active-share-missing",
        "client-unmeasured",
        "client-unmetered",
        "device-missing",
        "embodied-unknown",
        "reply-refused",
        "unmetered",
    )
)
"""Codes of findings that say that a part of what should be counted is missing."""
UNKNOWN_ENERGY = frozenset({"client-unmeasured", "client-unmetered", "reply-refused", "unmetered"})
"""Those of `GAPS` with which more energy was used than is known."""


def estimate(
    inventory: Inventory,
    settings: Settings | None = None,
    *,
    catalogue: FactorCatalogue | None = None,
) -> Assessment:
    """Estimate the emissions of a run.

    Parameters
    ----------
    inventory : Inventory
    settings : Settings, optional
    catalogue : FactorCatalogue, optional
        Default: the one that ships with the package.

    Returns
    -------
    Assessment
        Emissions in gCO2e. Its contributions add up to its total.

    Raises
    ------
    MissingPlace
        If an activity has no zone and `settings` gives none.
    FactorNotFound
        If a zone, device or network is not in the catalogue.
    """
    settings = settings or Settings()
    catalogue = catalogue or load_catalogue()
    lines = [_complete(line, settings) for line in inventory.lines]
    _require_places(lines)
    if settings.network not in MODELS:
        catalogue.resolve("network_energy", subject=settings.network)  # known, if used or not
    register = Register(catalogue, settings.signal)
    for resolution in inventory.factors:
        register.enter_covered(resolution)
    register.energy_terms(lines)
    drafts = [draft for line in lines for draft in draft_contributions(line, settings, register)]
    prices = settings.prices
    costs = (
        [] if prices is None else [*draft_costs(lines, prices, settings.staff, settings, register)]
    )
    sampler = Sampler(register.terms.values(), seed=settings.seed, draws=settings.draws)
    contributions = tuple(draft.finish(sampler) for draft in drafts)
    total = sampler.total(contributions)
    total_g = interval(math.fsum(c.emissions_g.value for c in contributions), total)
    energies_kwh = [c.energy_kwh for c in contributions if c.energy_kwh is not None]
    found = dict.fromkeys(
        (
            *inventory.findings,
            *catalogue.findings,
            *register.findings,
            *_gaps([line for line in lines if is_inside(line, settings.boundary)], settings),
            *_unused(inventory, settings, register),
        )
    )
    return Assessment(
        run=inventory.run,
        total_g=total_g,
        energy_kwh=math.fsum(energies_kwh) if energies_kwh else None,
        data_gb=math.fsum(line.data_gb for line in lines),
        duration_s=math.fsum(line.duration_s for line in lines),
        rounds=inventory.rounds,
        clients=inventory.clients,
        contributions=contributions,
        terms=tuple(register.terms.values()),
        boundary=_boundary(inventory, settings, found),
        findings=tuple(found),
        inputs=inventory.inputs,
        catalogue_version=catalogue.version,
        catalogue_digest=catalogue.digest,
        seed=settings.seed,
        draws=settings.draws,
        tool_version=__version__,
        bill=None if prices is None else finish_bill(costs, prices, total_g, total, sampler),
    )


def _boundary(inventory: Inventory, settings: Settings, findings: Iterable[Finding]) -> Boundary:
    return Boundary(
        stages=tuple(Stage),
        view=inventory.view,
        signal=settings.signal,
        network_model=network_model(settings.network),
        idle_policy=inventory.idle_policy,
        embodied_rule=settings.embodied.value,
        rule=settings.boundary.value,
        excluded=EXCLUDED,
        gaps=tuple(sorted({f.code for f in findings} & GAPS)),
    )


def _complete(line: InventoryLine, settings: Settings) -> InventoryLine:
    """Line with the zone and the device that the settings give it."""
    if not settings.zones and not settings.devices and settings.access is None:
        return line
    zone = settings.zones.get(line.zone or "", line.zone)
    device = settings.devices.get(line.device or "", line.device)
    return replace(line, zone=zone, device=device, access=line.access or settings.access)


def _require_places(lines: Iterable[InventoryLine]) -> None:
    homeless = sorted({line.actor for line in lines if not line.zone and needs_place(line)})
    if homeless:
        named = ", ".join(homeless[:5]) + (", ..." if len(homeless) > 5 else "")
        raise MissingPlace(
            f"No grid zone is known for {named}.",
            "Give it when estimating (--zone FR), or to the tracker (zone='FR'). "
            "A place is never guessed.",
        )


def _gaps(lines: Sequence[InventoryLine], settings: Settings) -> list[Finding]:
    findings = []
    unmetered = sum(line.unmetered for line in lines)
    if unmetered:
        findings.append(
            Finding(
                "unmetered",
                f"{unmetered} activities took time but have no energy figure; "
                "they count as unknown, not as 0.",
                remedy="Other findings say which meter failed, or who told no figures, if any did.",
            )
        )
    bare = sorted({line.actor for line in lines if not line.device and line.duration_s})
    if bare and settings.boundary is not BoundaryRule.QIU:  # which charges no hardware
        findings.append(
            Finding(
                "device-missing",
                f"No device is known for {len(bare)} actor(s); "
                "the making of their hardware is not in the total.",
                remedy="Give it when estimating (--device desktop), or to the tracker.",
                place=", ".join(bare[:5]),
            )
        )
    return findings


def _unused(inventory: Inventory, settings: Settings, register: Register) -> list[Finding]:
    """Choices that changed nothing: probably meant something else."""
    findings = []
    for what, given, said in (
        ("zone", settings.zones, {line.zone or "" for line in inventory.lines}),
        ("device", settings.devices, {line.device or "" for line in inventory.lines}),
    ):
        for old in sorted(set(given) - said):
            which = f"has the {what} {old!r}" if old else f"is without a {what}"
            findings.append(
                Finding(
                    f"{what}-unused",
                    f"The {what} {given[old]!r} applies to nothing: no activity {which}.",
                    remedy=f"Those here are: {', '.join(sorted(said - {''})) or 'none'}.",
                )
            )
    if settings.pue is not None and "pue/declared" not in register.terms:
        findings.append(
            Finding(
                "pue-unused",
                f"The PUE of {settings.pue:g} applies to nothing: no activity is in a data centre.",
                remedy="Servers (--device server) and cloud zones (aws:eu-west-3) are.",
            )
        )
    if inventory.catalogue_digest not in ("", register.catalogue_digest):
        findings.append(
            Finding(
                "catalogue-differs",
                "The energy figures were made with other factors than this estimate "
                f"({inventory.catalogue_digest[:12]} and {register.catalogue_digest[:12]}).",
                remedy="Read the journal with the same catalogue.",
            )
        )
    return findings
