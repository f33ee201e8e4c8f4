"""What the books of a server hold of what a client told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from footprint.integrations.flower.history import Verdict
from footprint.integrations.flower.record import ClientRecord
from footprint.integrations.flower.requests import Request
from footprint.journal import Energy, Told
from footprint.measurement.meter import TIER_BANDS
from footprint.model import Basis, Phase, Tier

_NOTHING = Energy(0.0, 0.0, 0.0)


def told_of(
    record: ClientRecord, verdict: Verdict, request: Request, *, workers: bool = False
) -> Told:
    """Give what was accepted of a record; `workers` of the server may simulate the clients."""
    # What has no figure is in no total: of such messages before this one nothing is known.
    metered = verdict.unmetered <= (record.used_kwh is None)
    return Told(
        start_s=request.start_s if record.start_s is None else record.start_s,
        duration_s=record.duration_s,
        energy=_energy(record.energy_kwh, record.energy_low_kwh, record.energy_high_kwh),
        setup_s=record.startup_s or 0.0,
        setup=_energy(record.startup_kwh, record.startup_low_kwh, record.startup_high_kwh),
        idle=_bounded(record.idle_kwh, record) if record.idle_kwh else None,
        basis=record.basis,
        tier=record.tier,
        source=record.source,
        token=record.token,
        settled=verdict.settled and metered,
        lost=verdict.lost,
        unmetered=verdict.unmetered,
        worker=workers,
    )


def told_late(record: ClientRecord, verdict: Verdict, late: Request) -> Told:
    """Give what a record tells of contacts of which no record had come."""
    setup_kwh, idle_kwh = verdict.late_setup_kwh, verdict.late_idle_kwh
    work_kwh = max(0.0, (verdict.late_kwh or 0.0) - setup_kwh - idle_kwh)
    return Told(
        late.start_s,
        None,
        _bounded(work_kwh, record),
        setup=_bounded(setup_kwh, record) if setup_kwh else None,
        idle=_bounded(idle_kwh, record) if idle_kwh else None,
        basis=record.basis,
        tier=record.tier,
        source=record.source,
        contacts=verdict.late_contacts,
    )


def told_before(request: Request) -> Told:
    """Give what a reply adds whose energy came with a later one: no more."""
    return Told(request.start_s, None, _NOTHING)


def told_nothing(request: Request) -> Told:
    """Give what a simulated client used for a message that it never got: nothing."""
    return Told(request.start_s, 0.0, _NOTHING, basis=Basis.SIMULATED)


def took_kwh(told: Told | None) -> float | None:
    """Sum up all that taking part took, its start-up and idle power too [kWh]; None if unknown."""
    if told is None or told.energy is None:
        return None
    parts = (told.energy, None if told.worker else told.setup, told.idle)
    return math.fsum(part.kwh for part in parts if part is not None)


def busy_s(told: Told | None) -> float | None:
    """Time for which a client was at work or starting [s]; None if it did not say."""
    if told is None or told.duration_s is None:
        return None
    return told.duration_s + told.setup_s


def begin_at_most_s(found: Mapping[str, Any], request: Request, now_s: float) -> float:
    """When a contact began at the latest, by the time that it says it took (Unix time [s])."""
    took_s = found.get("duration_s")
    if isinstance(took_s, bool) or not isinstance(took_s, int | float) or not took_s >= 0:
        return now_s
    return max(request.start_s, now_s - min(took_s, now_s))


def one_for(opened: Sequence[Request], now: Request) -> Request:
    """Request that stands for those of which no record came: what they have in common."""
    rounds = {request.round for request in opened}
    phases = {request.phase for request in opened}
    return Request(
        "",
        now.node,
        phases.pop() if len(phases) == 1 else Phase.OTHER,
        rounds.pop() if len(rounds) == 1 else None,
        min((request.start_s for request in opened), default=now.start_s),
        0,
        0,
    )


def _energy(kwh: float | None, low_kwh: float | None, high_kwh: float | None) -> Energy | None:
    if kwh is None or low_kwh is None or high_kwh is None:
        return None
    return Energy(kwh, low_kwh, high_kwh)


def _bounded(kwh: float, record: ClientRecord) -> Energy:
    """Energy without bounds of its own, with those of the meter that the client has."""
    low, high = TIER_BANDS[record.tier or Tier.F]
    return Energy(kwh, kwh * low, kwh * high)
