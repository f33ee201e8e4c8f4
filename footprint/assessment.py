"""From an inventory to emissions: activities times factors, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from footprint._version import __version__
from footprint.errors import MissingPlace, UsageError
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.lifecycle.embodied import embodied_share
from footprint.lifecycle.network import transfer_energy
from footprint.lifecycle.operational import operational_emissions
from footprint.measurement.attribution import IDLE_POLICY
from footprint.model import (
    Assessment,
    Basis,
    Boundary,
    Contribution,
    Finding,
    Interval,
    Inventory,
    InventoryLine,
    SignalKind,
    Stage,
    Term,
)
from footprint.register import Register
from footprint.uncertainty import DEFAULT_DRAWS, DEFAULT_SEED, Sampler, interval

DEFAULT_NETWORK = "fixed_core_access"
EMBODIED_RULE = "share of the device's life that it was reserved for the run (SCI, wall-clock)"
EXCLUDED = (
    "waiting for other participants, unless it was recorded as a phase",
    "power supply losses, fans and boards that the meter does not see",
    "cooling and displays of end-user devices",
    "making and operating network equipment beyond the named intensity",
    "staff, buildings, and the development of the training code",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices of an estimate that the journal does not make.

    Attributes
    ----------
    zones, devices : mapping of str to str
        Replacements for what the journal says; the key ``""`` stands for
        activities that say nothing.
    network : str
        Subject of a `network_energy` factor.
    pue : float or None
        Power usage effectiveness of the data centres; by default it is taken
        from the catalogue for servers, and is 1 for everything else.
    resource_share : float
        Share of each device that was reserved (SCI's RR/ToR).
    signal : SignalKind
    seed, draws : int
    """

    zones: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    network: str = DEFAULT_NETWORK
    pue: float | None = None
    resource_share: float = 1.0
    signal: SignalKind = field(default_factory=SignalKind)
    seed: int = DEFAULT_SEED
    draws: int = DEFAULT_DRAWS

    def __post_init__(self) -> None:
        if self.pue is not None and not (math.isfinite(self.pue) and self.pue >= 1):
            raise UsageError(f"A PUE is at least 1, not {self.pue}.")
        if not 0 < self.resource_share <= 1:
            raise UsageError(
                f"A resource share lies above 0 and up to 1, not {self.resource_share}."
            )
        if self.draws < 100:
            raise UsageError(f"{self.draws} draws give no interval.", "Use at least 100.")


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
    register = Register(catalogue, settings.signal)
    for resolution in inventory.factors:
        register.enter(resolution)
    register.energy_terms(lines)
    network = register.look_up("network_energy", subject=settings.network)
    drafts = [draft for line in lines for draft in _drafts(line, settings, register)]
    findings = (*inventory.findings, *catalogue.findings, *register.findings, *_gaps(lines))

    sampler = Sampler(register.terms.values(), seed=settings.seed, draws=settings.draws)
    contributions = tuple(_with_interval(draft, sampler) for draft in drafts)
    total = math.fsum(c.emissions_g.value for c in contributions)
    return Assessment(
        run=inventory.run,
        total_g=interval(total, sampler.total(contributions)),
        energy_kwh=math.fsum(c.energy_kwh or 0.0 for c in contributions),
        data_gb=math.fsum(line.data_gb for line in lines),
        duration_s=math.fsum(line.duration_s for line in lines),
        rounds=inventory.rounds,
        clients=inventory.clients,
        contributions=contributions,
        terms=tuple(register.terms.values()),
        boundary=Boundary(
            stages=tuple(Stage),
            signal=settings.signal,
            network_model=f"average intensity, {network.id}",
            idle_policy=IDLE_POLICY,
            embodied_rule=EMBODIED_RULE,
            excluded=EXCLUDED,
        ),
        findings=tuple(dict.fromkeys(findings)),
        inputs=inventory.inputs,
        catalogue_version=catalogue.version,
        catalogue_digest=catalogue.digest,
        seed=settings.seed,
        draws=settings.draws,
        tool_version=__version__,
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A contribution before its interval is known."""

    line: InventoryLine
    stage: Stage
    amount: float
    amount_unit: str
    terms: tuple[str, ...]
    emissions_g: float
    energy_kwh: float | None


def _complete(line: InventoryLine, settings: Settings) -> InventoryLine:
    """Line with the zone and the device that the settings give it."""
    zone = settings.zones.get(line.zone or "", line.zone)
    device = settings.devices.get(line.device or "", line.device)
    return replace(line, zone=zone, device=device)


def _require_places(lines: Iterable[InventoryLine]) -> None:
    homeless = sorted({line.actor for line in lines if not line.zone})
    if homeless:
        named = ", ".join(homeless[:5]) + (", ..." if len(homeless) > 5 else "")
        raise MissingPlace(
            f"No grid zone is known for {named}.",
            "Give it when estimating (--zone FR), or to the tracker (zone='FR'). "
            "A place is never guessed.",
        )


def _gaps(lines: Iterable[InventoryLine]) -> list[Finding]:
    findings = []
    unmetered = sum(line.unmetered for line in lines)
    if unmetered:
        findings.append(
            Finding(
                "unmetered",
                f"{unmetered} activities took time but have no energy figure; "
                "they count as unknown, not as 0.",
                remedy="See which meter failed in the findings above.",
            )
        )
    bare = sorted({line.actor for line in lines if not line.device and line.duration_s})
    if bare:
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


def _drafts(line: InventoryLine, settings: Settings, register: Register) -> Iterable[_Draft]:
    grid = register.look_up("grid_intensity", zone=line.zone, year=line.year)
    if line.energy_kwh is not None:
        yield _operation(line, line.energy_kwh, grid, _pue(line.device, settings, register))
    if line.data_gb:
        path = register.look_up("network_energy", subject=settings.network)
        yield _network(line, grid, path)
    if line.duration_s and line.device:
        made = register.look_up("embodied", subject=line.device)
        lifespan = register.look_up("lifespan", subject=line.device)
        share = register.declared(
            "resource-share/declared", "resource_share", settings.resource_share
        )
        yield _embodied(line, made, lifespan, share)


def _pue(device: str | None, settings: Settings, register: Register) -> Term:
    """Only what stands in a data centre carries the overhead of one."""
    server = (device or "").partition(".")[0] == "server"
    if server and settings.pue is not None:
        return register.declared("pue/declared", "pue", settings.pue)
    return register.look_up("pue", subject="industry_average" if server else "end_user_device")


def _operation(line: InventoryLine, energy_kwh: float, grid: Term, pue: Term) -> _Draft:
    energy = (f"energy/{line.source}",) if line.tier else ()
    return _Draft(
        line,
        Stage.OPERATION,
        energy_kwh,
        "kWh",
        (*energy, pue.id, grid.id),
        operational_emissions(energy_kwh, grid.value, pue.value),
        energy_kwh * pue.value,
    )


def _network(line: InventoryLine, grid: Term, path: Term) -> _Draft:
    energy_kwh = transfer_energy(line.data_gb, path.value)
    return _Draft(
        line,
        Stage.NETWORK,
        line.data_gb,
        "GB",
        (path.id, grid.id),
        # An average network intensity holds the overhead of its sites already.
        operational_emissions(energy_kwh, grid.value, pue=1.0),
        energy_kwh,
    )


def _embodied(line: InventoryLine, made: Term, lifespan: Term, share: Term) -> _Draft:
    return _Draft(
        line,
        Stage.EMBODIED,
        line.duration_s,
        "s",
        (made.id, f"1/{lifespan.id}", share.id),
        embodied_share(made.value, line.duration_s, lifespan.value, share.value),
        None,
    )


def _with_interval(draft: _Draft, sampler: Sampler) -> Contribution:
    line = draft.line
    ratio = interval(1.0, sampler.product(draft.terms))
    value = draft.emissions_g
    # The time that a device was reserved is measured, whatever its energy is.
    basis = Basis.MEASURED if draft.stage is Stage.EMBODIED and line.tier else line.basis
    return Contribution(
        stage=draft.stage,
        phase=line.phase,
        actor=line.actor,
        role=line.role,
        device=line.device,
        zone=line.zone,
        basis=basis,
        tier=line.tier if draft.stage is Stage.OPERATION else None,
        amount=draft.amount,
        amount_unit=draft.amount_unit,
        terms=draft.terms,
        emissions_g=Interval(value, value * ratio.low, value * ratio.high),
        energy_kwh=draft.energy_kwh,
        round=line.round,
    )
