"""What one span used: from what its account holds to activities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from footprint.journal import ProcessRecords, SpanRecord, WallLine
from footprint.measurement.accounts import Account
from footprint.measurement.gpus import GpuUse
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.power import EnergyModel
from footprint.measurement.supply import Supply
from footprint.model import Activity, Basis, IdlePolicy, Phase, Tier
from footprint.units import bytes_to_gb, watt_seconds_to_kwh

DUST = 1e-9
"""Differences of sums that are this small a part of them are rounding."""


@dataclass(frozen=True, slots=True)
class Meters:
    """What holds for all spans of a process.

    Attributes
    ----------
    children_share : float
        The part of the CPU time of waited children that no journal of their own
        holds already [1].
    gpus : sequence of GpuUse
        Its shares of GPUs.
    gap : WallLine or None
        Power at the wall over that of the counters, if the machine was calibrated.
    """

    process: ProcessRecords
    model: EnergyModel
    supply: Supply | None
    children_share: float
    gpus: Sequence[GpuUse]
    gap: WallLine | None = None
    idle_policy: IdlePolicy = IdlePolicy.BY_TIME

    def tier(self, meter: str) -> Tier:
        """Quality that a meter gave itself when it was read."""
        return self.process.process.tiers.get(meter, Tier.B)


def counted_cpu_s(account: Account, children_share: float) -> float:
    """CPU time of an account in which the host's counters were read [s]."""
    return account.metered_s + account.metered_children_s * children_share


def activities_of(span: SpanRecord, account: Account, meters: Meters) -> Iterator[Activity]:
    """Activities of a span; the first with a time holds all of its time."""
    model, counters = meters.model, account.counters
    if span.sent_bytes or span.received_bytes:
        yield _moved(span)
        if not span.duration_s and span.begin == span.end:
            return  # bytes that were counted without measuring anything for them
    for gpu in meters.gpus:
        if gpu.counter in account.used_kwh or gpu.counter in account.equal_kwh:
            meter = gpu.counter.partition(".")[0]
            used = energy_activity(
                span,
                gpu.energy_kwh(account),
                meters.tier(meter),
                f"{meter}/{model.machine.label}",
            )
            yield replace(used, phase=Phase.IDLE) if gpu.idle else used
    own_s = counters.get("cpu.process_s")
    if own_s is None:
        # No processor time, no figure: None, which is not the same as 0.
        yield energy_activity(span, None, None, "none", duration_s=account.reserved_s)
        yield from _idle(span, account, meters)
        return
    counted = meters.supply is not None and account.metered_host_s > 0
    if counted:
        yield from _counted(span, account, meters)
    used_s = own_s + counters.get("cpu.children_s", 0.0) * meters.children_share
    modelled_s = used_s - counted_cpu_s(account, meters.children_share)
    if not counted or modelled_s > DUST * used_s:
        modelled_kwh = watt_seconds_to_kwh(model.busy_w, modelled_s)
        reserved_s = 0.0 if counted else account.reserved_s
        yield _modelled(span, modelled_kwh, model, duration_s=reserved_s)
    held_gb_s = counters.get("memory.gb_s")
    if (
        held_gb_s is not None
        and model.memory_w_per_gb is not None
        and not _holds_memory(meters, counted)
    ):
        memory_kwh = watt_seconds_to_kwh(model.memory_w_per_gb, held_gb_s)
        yield energy_activity(span, memory_kwh, Tier.E, f"memory-table/{model.machine.label}")
    _, idle_s = account.idle_s(meters.idle_policy)
    if idle_s > DUST * account.host_s:
        idle_kwh = watt_seconds_to_kwh(model.idle_w * model.machine.threads, idle_s)
        yield replace(_modelled(span, idle_kwh, model), phase=Phase.IDLE)


def _holds_memory(meters: Meters, counted: bool) -> bool:  # noqa: FBT001
    supply = meters.supply
    return counted and supply is not None and (supply.holds_memory or meters.gap is not None)


def _modelled(
    span: SpanRecord, energy_kwh: float, model: EnergyModel, *, duration_s: float = 0.0
) -> Activity:
    source = f"{model.source}/{model.machine.label}"
    return energy_activity(
        span, energy_kwh, model.tier, source, duration_s=duration_s, band=model.band
    )


def _counted(span: SpanRecord, account: Account, meters: Meters) -> Iterator[Activity]:
    """Activities of the time in which the host's counters were read."""
    supply = meters.supply
    if supply is None:
        return
    source, tier = f"{supply.meter}/{meters.model.machine.label}", supply.tier
    used_kwh = supply.kwh_per_busy_s * counted_cpu_s(account, meters.children_share)
    yield energy_activity(span, used_kwh, tier, source, duration_s=account.reserved_s)
    idle = list(_idle(span, account, meters))
    yield from idle
    used_kwh += sum(activity.energy_kwh or 0.0 for activity in idle)
    if meters.gap is not None:
        yield _gap(span, used_kwh, account.metered_host_s, meters.gap, meters.model)


def _idle(span: SpanRecord, account: Account, meters: Meters) -> Iterator[Activity]:
    """Charge the idle power of the host that its counters saw, whether we used it or not."""
    supply = meters.supply
    if supply is None or supply.idle_w <= 0:
        return
    idle_s, _ = account.idle_s(meters.idle_policy)
    if idle_s > 0:
        source = f"{supply.meter}/{meters.model.machine.label}"
        idle_kwh = watt_seconds_to_kwh(supply.idle_w, idle_s)
        idle = energy_activity(span, idle_kwh, supply.tier, source)
        yield replace(idle, phase=Phase.IDLE)


def _gap(
    span: SpanRecord, counted_kwh: float, duration_s: float, line: WallLine, model: EnergyModel
) -> Activity:
    """Charge what the wall gives beyond what counters see: supply, board, fans, disks."""
    gap_kwh = watt_seconds_to_kwh(line.intercept_w, duration_s) + (line.slope - 1) * counted_kwh
    # A wall gives no less than what a counter inside of the machine sees.
    gap_kwh = max(0.0, gap_kwh)
    # The line's error is that of the power at the wall, not of the gap alone.
    error_kwh = line.error * (gap_kwh + counted_kwh)
    gap = energy_activity(span, gap_kwh, Tier.D, f"wall-gap/{model.machine.label}")
    return replace(
        gap, energy_low_kwh=max(0.0, gap_kwh - error_kwh), energy_high_kwh=gap_kwh + error_kwh
    )


def energy_activity(
    span: SpanRecord,
    energy_kwh: float | None,
    tier: Tier | None,
    source: str,
    *,
    duration_s: float = 0.0,
    band: tuple[float, float] | None = None,
) -> Activity:
    """Activity of a span with an energy figure; its bounds are `band`, or those of the tier."""
    low, high = band or (TIER_BANDS[tier] if tier else (1.0, 1.0))
    counted = tier in (Tier.A, Tier.B, Tier.C) or energy_kwh is None
    return Activity(
        actor=span.actor,
        role=span.role,
        device=span.device,
        zone=span.zone,
        phase=span.phase,
        round=span.round,
        start_s=span.start_s,
        duration_s=duration_s,
        energy_kwh=energy_kwh,
        energy_low_kwh=None if energy_kwh is None else energy_kwh * low,
        energy_high_kwh=None if energy_kwh is None else energy_kwh * high,
        data_gb=0.0,
        basis=Basis.MEASURED if counted else Basis.DEFAULT if tier is Tier.F else Basis.MODELLED,
        tier=tier,
        source=source,
        resource_share=span.resource_share,
    )


def _moved(span: SpanRecord) -> Activity:
    data_gb = bytes_to_gb(span.sent_bytes + span.received_bytes)
    moved = energy_activity(span, None, None, "bytes")
    return replace(moved, data_gb=data_gb, transfer_s=span.duration_s)
