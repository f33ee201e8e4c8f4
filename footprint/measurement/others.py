"""What a machine used beside the tracked processes: in no total but that of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from footprint.journal import ProcessRecords
from footprint.measurement.accounts import Account
from footprint.measurement.gpus import GpuSharing
from footprint.measurement.power import EnergyModel
from footprint.measurement.supply import Supply
from footprint.measurement.usage import energy_activity
from footprint.model import Activity, IdlePolicy, Phase, Role, Tier
from footprint.units import watt_seconds_to_kwh

OTHERS = "other processes"
"""Actor of what a machine used beside the tracked processes."""


def used_by_others(
    processes: Sequence[ProcessRecords],
    models: Sequence[EnergyModel],
    supply: Supply | None,
    busy_s: float,
) -> list[Activity]:
    """Energy of processes that nobody tracked, on the host of those that somebody did."""
    model = models[0]
    if supply is None:
        energy_kwh = watt_seconds_to_kwh(model.busy_w, max(0.0, busy_s))
        source = f"{model.source}/{model.machine.label}"
        return _of_others(processes, energy_kwh, model.tier, source, Phase.OTHER)
    source = f"{supply.meter}/{model.machine.label}"
    used_kwh = supply.rest_kwh - supply.rest_idle_kwh
    return [
        *_of_others(processes, used_kwh, supply.tier, source, Phase.OTHER),
        *_of_others(processes, supply.rest_idle_kwh, supply.tier, source, Phase.IDLE),
    ]


def used_by_others_on_gpus(
    processes: Sequence[ProcessRecords],
    models: Sequence[EnergyModel],
    gpus: GpuSharing,
) -> list[Activity]:
    """Energy of GPUs that no account holds, used and idle."""
    found: list[Activity] = []
    for counter, energy_kwh in gpus.rest_kwh.items():
        meter = counter.partition(".")[0]
        tiers = [p.process.tiers[meter] for p in processes if meter in p.process.tiers]
        source = f"{meter}/{models[0].machine.label}"
        tier, idle_kwh = max(tiers, default=Tier.B), gpus.rest_idle_kwh[counter]
        found += _of_others(processes, energy_kwh - idle_kwh, tier, source, Phase.OTHER)
        found += _of_others(processes, idle_kwh, tier, source, Phase.IDLE)
    return found


def idle_of_nobody(
    processes: Sequence[ProcessRecords],
    models: Sequence[EnergyModel],
    accounts: Mapping[int, Sequence[Account]],
    idle_policy: IdlePolicy,
) -> list[Activity]:
    """Modelled idle power of the machine, where the policy charges it to no process."""
    if idle_policy is not IdlePolicy.NONE:
        return []
    model = models[0]
    unread_s = sum(a.host_s - a.metered_host_s for own in accounts.values() for a in own)
    energy_kwh = watt_seconds_to_kwh(model.idle_w * model.machine.threads, unread_s)
    source = f"{model.source}/{model.machine.label}"
    return _of_others(processes, energy_kwh, model.tier, source, Phase.IDLE)


def memory_of_others(
    processes: Sequence[ProcessRecords],
    models: Sequence[EnergyModel],
    supply: Supply | None,
    accounts: Mapping[int, Sequence[Account]],
) -> list[Activity]:
    """Power of the memory that tracked processes do not hold: it draws it all the same."""
    model = models[0]
    if model.memory_w_per_gb is None or model.machine.memory_gb is None:
        return []
    if supply is not None and supply.holds_memory:
        return []
    spanned_s = sum(account.host_s for own in accounts.values() for account in own)
    held_gb_s = sum(
        account.counters.get("memory.gb_s", 0.0) for own in accounts.values() for account in own
    )
    left_gb_s = max(0.0, model.machine.memory_gb * spanned_s - held_gb_s)
    energy_kwh = watt_seconds_to_kwh(model.memory_w_per_gb, left_gb_s)
    source = f"memory-table/{model.machine.label}"
    return _of_others(processes, energy_kwh, Tier.E, source, Phase.IDLE)


def _of_others(
    processes: Sequence[ProcessRecords], energy_kwh: float, tier: Tier, source: str, phase: Phase
) -> list[Activity]:
    spans = [span for process in processes for span in process.spans]
    if energy_kwh <= 0 or not spans:
        return []
    # They run where the tracked ones do; nobody reserved a device for them.
    used = energy_activity(spans[0], energy_kwh, tier, source)
    return [replace(used, actor=OTHERS, role=Role.OTHER, phase=phase, round=None)]
