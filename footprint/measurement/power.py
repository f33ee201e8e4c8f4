"""Power of machines whose energy no counter sees.

A thread draws

    P(load) = P_idle + load * (P_max - P_idle)

the linear form that Cloud Carbon Footprint uses for cloud instances. The idle
part is charged by time, as phase ``idle``; memory adds power per gigabyte held.
"""

from __future__ import annotations

from dataclasses import dataclass

from footprint.factors import FactorCatalogue
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.processor import rated_power_w
from footprint.model import Finding, Machine, Resolution, Tier

# Factors of the model for processors that no counter sees.
_THREAD_SUBJECT = "vcpu.aws_average"
_MEMORY_SUBJECT = "memory.ddr4"


@dataclass(frozen=True, slots=True)
class EnergyModel:
    """Power of a class of machines, for processors without a counter.

    Attributes
    ----------
    idle_w, busy_w : float
        Per thread: drawn always, and added by a thread that is busy [W].
    memory_w_per_gb : float
    tier : Tier
    source : str
        Figures of one source share their error.
    """

    machine: Machine
    idle_w: float
    busy_w: float
    memory_w_per_gb: float
    tier: Tier
    source: str
    factors: tuple[Resolution, ...]
    findings: tuple[Finding, ...]


def energy_model(machine: Machine, catalogue: FactorCatalogue) -> EnergyModel:
    """Choose the power model of a machine, and say what it rests on.

    A processor that codecarbon's table knows is taken at its rated power, shared
    by threads. In a virtual machine the table would charge a whole chip to a
    slice of it, so there, and for unknown processors, the average power of a
    cloud thread is taken.
    """
    idle = catalogue.resolve("power_idle", subject=_THREAD_SUBJECT)
    full = catalogue.resolve("power_max", subject=_THREAD_SUBJECT)
    memory = catalogue.resolve("power_per_gb", subject=_MEMORY_SUBJECT)
    thread_w, idle_share = full.factor.value, idle.factor.value / full.factor.value
    tier, findings = Tier.E, []
    rated_w = None if machine.virtual else rated_power_w(machine.processor)
    if rated_w is not None:
        thread_w = rated_w * machine.sockets / machine.threads
    else:
        tier = Tier.E if machine.virtual else Tier.F
        low, high = TIER_BANDS[tier]
        findings.append(
            Finding(
                "processor-default",
                f"No energy counter, and no rated power for {machine.label}"
                + (" in a virtual machine" if machine.virtual else "")
                + f": {thread_w:g} W per busy thread assumed, times {low:g} to {high:g}.",
                remedy="Make RAPL readable, or calibrate the machine, for a narrower figure.",
                place=machine.label,
            )
        )
    return EnergyModel(
        machine,
        idle_w=thread_w * idle_share,
        busy_w=thread_w * (1 - idle_share),
        memory_w_per_gb=memory.factor.value,
        tier=tier,
        source=f"cpu-table/{machine.label}",
        factors=(idle, full, memory),
        findings=tuple(findings),
    )
