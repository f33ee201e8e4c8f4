"""A simulation as the journal that a live training would have left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from footprint.errors import UsageError
from footprint.measurement.meter import TIER_BANDS
from footprint.model import Architecture, Basis, Finding, Journal, Phase, Role, Run
from footprint.model.kinds import Severity
from footprint.simulation.arrays import Flags, Floats, Labels
from footprint.simulation.execution import ROUNDING
from footprint.simulation.results import SimulationRun


def journal_of(
    run: SimulationRun, *, functional_unit: str = "", excess_zone: str | None = None
) -> Journal:
    """Make a journal of a simulation.

    An estimate of it multiplies energy by the yearly factors of zones, unless it is told the
    intensities of the run, see `intensities_of`.

    Parameters
    ----------
    run : SimulationRun
    functional_unit : str
    excess_zone : str, optional
        Zone under which excess energy is entered, for example ``"DE-excess"``. Whoever
        estimates has to declare its intensity. Left out, excess energy stands in the zone of
        its domain, and counts as energy of that grid.

    Returns
    -------
    Journal
        Activities of basis `simulated`, one per client, phase and source of energy; a finding
        says what excess energy counts as.

    Raises
    ------
    UsageError
        If the excess zone is also the zone of a domain.
    """
    if excess_zone is not None and excess_zone in {domain.zone for domain in run.domains}:
        raise UsageError(
            f"{excess_zone!r} is the zone of a grid; excess energy needs one of its own."
        )
    blocks = [block for block in _blocks(run, excess_zone) if block.who.any()]
    results = {"rounds": float(len(run.rounds)), "updates": float(run.rounds.accepted.sum())}
    return Journal(
        Run(run.name, Architecture.FEDERATED, functional_unit, results),
        _columns(run, blocks),
        findings=(*run.findings, *_on_excess(run, excess_zone)),
        rounds=len(run.rounds),
        clients=int((run.clients.asked > 0).sum()),
    )


def intensities_of(run: SimulationRun, *, excess_zone: str | None = None) -> dict[str, float]:
    r"""Give the mean intensity of each zone over the energy that was drawn from its grid.

    .. math:: \bar c_z = \frac{\sum_t E_z(t) c_z(t)}{\sum_t E_z(t)}

    With it, an estimate of the journal counts every kWh at the intensity of its own hour, as far
    as the central value goes: `footprint.settings.Settings.intensities`.

    Parameters
    ----------
    run : SimulationRun
    excess_zone : str, optional
        As for `journal_of`; its intensity is 0.

    Returns
    -------
    dict of str to float
        Of zones that something was drawn from [gCO2e/kWh].

    Raises
    ------
    UsageError
        If nobody knows the intensity of one of them.
    """
    drawn: dict[str, list[float]] = {}
    clients = run.clients
    used = clients.energy_kwh + clients.probe_kwh + np.nan_to_num(clients.wait_kwh)
    excess = clients.excess_kwh + clients.excess_probe_kwh + clients.excess_wait_kwh
    for number, domain in enumerate(run.domains):
        here = clients.domain == number
        kwh = float((used - excess)[here].sum())
        # The journal has the bytes that the network carried; an estimate gives them their energy.
        grams = float((clients.emissions_g - clients.network_g)[here].sum())
        if kwh > ROUNDING * float(used[here].sum()):
            drawn.setdefault(domain.zone or "", []).extend((kwh, grams))
    if run.server is not None and run.server_kwh:
        grams = np.nan if run.server_g is None else run.server_g
        drawn.setdefault(run.server.zone, []).extend((run.server_kwh, grams))
    found = {zone: sum(pairs[1::2]) / sum(pairs[::2]) for zone, pairs in drawn.items()}
    unknown = [zone for zone, value in found.items() if np.isnan(value) or not zone]
    if unknown:
        raise UsageError(
            f"The intensity of the grid {unknown[0]!r} is not known in this simulation.",
            "Give its Supply an intensity, or estimate by the factors of the catalogue.",
        )
    return found if excess_zone is None else {**found, excess_zone: 0.0}


@dataclass(frozen=True, slots=True)
class _Block:
    """Activities of one phase and source of energy: columns over the fleet, and who has one."""

    phase: Phase
    zone: Labels
    energy_kwh: Floats
    duration_s: Floats
    data_gb: Floats
    who: Flags


def _blocks(run: SimulationRun, excess_zone: str | None) -> Iterator[_Block]:
    clients = run.clients
    asked = (clients.asked > 0) | (clients.present_s > 0)  # for a round, or for a gradient
    nothing = np.zeros(len(asked))
    unknown = np.full(len(asked), np.nan)
    zones = np.array([*(domain.zone for domain in run.domains), None], dtype=object)
    grid = zones[clients.domain]
    own = grid if excess_zone is None else np.full(len(asked), excess_zone, dtype=object)
    wait_s = np.maximum(clients.present_s - clients.busy_s - clients.probe_s, 0.0)
    for phase, energy, excess, time_s in (
        (Phase.TRAIN, clients.energy_kwh, clients.excess_kwh, clients.busy_s),
        (Phase.WAIT, clients.wait_kwh, clients.excess_wait_kwh, wait_s),
        (Phase.EVALUATE, clients.probe_kwh, clients.excess_probe_kwh, clients.probe_s),
    ):
        # Time is split as the energy is, so that it counts once.
        share = np.divide(excess, energy, out=nothing.copy(), where=energy > 0)
        there = asked & ((time_s > 0) | (energy > 0))
        yield _Block(phase, own, excess, time_s * share, nothing, there & (share > 0))
        rest = np.maximum(energy - excess, 0.0)
        yield _Block(phase, grid, rest, time_s * (1 - share), nothing, there & (share < 1))
    # The time of a transfer is in that of waiting.
    yield _Block(Phase.DOWNLOAD, grid, unknown, nothing, clients.down_gb, clients.down_gb > 0)
    yield _Block(Phase.UPLOAD, grid, unknown, nothing, clients.up_gb, clients.up_gb > 0)


def _columns(run: SimulationRun, blocks: Sequence[_Block]) -> dict[str, Sequence[Any]]:
    low, high = TIER_BANDS[run.tier]
    columns: dict[str, list[Any]] = {name: [] for name in _NAMES}
    for block in blocks:
        who = np.flatnonzero(block.who)
        energy = block.energy_kwh[who]
        device = run.clients.devices[who].tolist()
        known = ~np.isnan(energy)
        columns["actor"] += run.clients.ids[who].tolist()
        columns["device"] += device
        columns["zone"] += block.zone[who].tolist()
        columns["phase"] += [block.phase] * len(who)
        columns["duration_s"] += block.duration_s[who].tolist()
        columns["energy_kwh"] += _known(energy)
        columns["energy_low_kwh"] += _known(low * energy)
        columns["energy_high_kwh"] += _known(high * energy)
        columns["data_gb"] += block.data_gb[who].tolist()
        columns["tier"] += [run.tier if there else None for there in known]
        # Like devices, told alike, err alike.
        columns["source"] += [f"simulation/{name or 'fleet'}" for name in device]
    roles = [Role.CLIENT] * len(columns["actor"])
    if run.server is not None and run.server_kwh is not None:
        roles.append(Role.SERVER)
        columns["actor"].append("server")
        columns["device"].append(None)
        columns["zone"].append(run.server.zone)
        columns["phase"].append(Phase.AGGREGATE)
        columns["duration_s"].append(run.elapsed_s)
        columns["energy_kwh"].append(run.server_kwh)
        columns["energy_low_kwh"].append(low * run.server_kwh)
        columns["energy_high_kwh"].append(high * run.server_kwh)
        columns["data_gb"].append(0.0)
        columns["tier"].append(run.tier)
        columns["source"].append("simulation/server")
    number = len(columns["actor"])
    constants = {
        "round": None,
        "start_s": float(run.rules.start_s),
        "basis": Basis.SIMULATED,
    }
    return {
        **columns,
        "role": roles,
        **{name: [value] * number for name, value in constants.items()},
    }


_NAMES = (
    "actor",
    "device",
    "zone",
    "phase",
    "duration_s",
    "energy_kwh",
    "energy_low_kwh",
    "energy_high_kwh",
    "data_gb",
    "tier",
    "source",
)


def _known(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]


def _on_excess(run: SimulationRun, zone: str | None) -> Sequence[Finding]:
    """Say what excess energy counts as."""
    clients = run.clients
    parts = (clients.excess_kwh, clients.excess_wait_kwh, clients.excess_probe_kwh)
    excess_kwh = float(sum(part.sum() for part in parts))
    if not excess_kwh:
        return ()
    what = f"{excess_kwh:.3g} kWh of {run.energy_kwh:.3g} kWh were excess energy"
    if zone is None:
        return (
            Finding(
                "excess-as-grid",
                f"{what}; they count as energy of the grid in their zone.",
                remedy="Enter them under a zone of their own (excess_zone), with its intensity.",
            ),
        )
    return (
        Finding(
            "excess-declared",
            f"{what}; they are entered under {zone!r} and emit what the estimate declares for it.",
            severity=Severity.INFO,
            remedy="0 g/kWh holds only if nobody else would have used that energy.",
        ),
    )
