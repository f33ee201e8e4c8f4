"""Power of machines whose energy no counter sees.

A thread draws

    P(load) = P_idle + load * (P_max - P_idle)

the linear form that Cloud Carbon Footprint uses for cloud instances. The idle
part is charged by time, as phase ``idle``; memory adds power per gigabyte held.
"""

from __future__ import annotations

from dataclasses import dataclass

from footprint.factors import FactorCatalogue
from footprint.journal import WallLines
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.processor import rated_power
from footprint.model import Finding, Machine, Resolution, ResolvedBy, Severity, Tier

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
    memory_w_per_gb : float or None
        Power of memory that is held [W/GB]; None if the line above holds it.
    tier : Tier
    band : tuple of float
        Multiplicative 95 % bounds [1].
    source : str
        What it is: ``"cpu-table"`` or ``"wall-line"``.
    findings : tuple of Finding
        What a reader must know if the model is used.
    factors, memory_factors : tuple of Resolution
        What it rests on.
    """

    machine: Machine
    idle_w: float
    busy_w: float
    memory_w_per_gb: float | None
    tier: Tier
    band: tuple[float, float]
    source: str
    findings: tuple[Finding, ...]
    factors: tuple[Resolution, ...]
    memory_factors: tuple[Resolution, ...]


def energy_model(
    machine: Machine, catalogue: FactorCatalogue, calibration: WallLines | None = None
) -> EnergyModel:
    """Choose the power model of a machine, and say what it rests on.

    A machine that was calibrated on a wall meter is taken at its own line, which
    holds the whole machine, memory and losses included.

    A processor that codecarbon's table knows is taken at its rated power, shared
    by threads; its idle part is the share that cloud threads have. In a virtual
    machine the table would charge a whole chip to a slice of it, so there, and
    for unknown processors, the average power of a cloud thread is taken.
    """
    if calibration is not None:
        return _calibrated(machine, calibration)
    idle = catalogue.resolve("power_idle", subject=_THREAD_SUBJECT)
    full = catalogue.resolve("power_max", subject=_THREAD_SUBJECT)
    memory = catalogue.resolve("power_per_gb", subject=_MEMORY_SUBJECT)
    thread_w, idle_share = full.factor.value, idle.factor.value / full.factor.value
    rated = None if machine.virtual else rated_power(machine.processor)
    factors: tuple[Resolution, ...] = (idle, full)
    tier = Tier.E if rated or machine.virtual else Tier.F
    if rated is not None:
        thread_w = rated.value * machine.sockets / machine.threads
        factors = (*factors, Resolution(rated, ResolvedBy.EXACT))
    return EnergyModel(
        machine,
        idle_w=thread_w * idle_share,
        busy_w=thread_w * (1 - idle_share),
        memory_w_per_gb=memory.factor.value,
        tier=tier,
        band=TIER_BANDS[tier],
        source="cpu-table",
        findings=(_finding(machine, thread_w, tier, rated=rated is not None),),
        factors=factors,
        memory_factors=(memory,),
    )


def _calibrated(machine: Machine, calibration: WallLines) -> EnergyModel:
    line = calibration.busy
    finding = Finding(
        "calibrated",
        f"Energy of {machine.label} follows the line fitted on a wall meter on "
        f"{calibration.made}: {line.intercept_w:g} W + {line.slope:g} W per busy thread, "
        f"within {line.error:.0%}.",
        Severity.INFO,
        place=machine.label,
    )
    return EnergyModel(
        machine,
        idle_w=line.intercept_w / machine.threads,
        busy_w=line.slope,
        memory_w_per_gb=None,
        tier=Tier.D,
        band=(max(0.0, 1 - line.error), 1 + line.error),
        source="wall-line",
        findings=(finding,),
        factors=(),
        memory_factors=(),
    )


def _finding(machine: Machine, thread_w: float, tier: Tier, *, rated: bool) -> Finding:
    low, high = TIER_BANDS[tier]
    band = f"{thread_w:.3g} W per busy thread, times {low:g} to {high:g}"
    if rated:
        return Finding(
            "processor-table",
            f"Energy is modelled from CPU time and the rated power of {machine.processor}: {band}.",
            Severity.INFO,
            "Make RAPL readable for a narrower figure.",
            machine.label,
        )
    where = "in a virtual machine" if machine.virtual else "without a known rated power"
    return Finding(
        "processor-default",
        f"No energy counter for {machine.label} {where}: the default is {band}.",
        remedy="A machine of your own with a readable RAPL counter gives a narrower figure."
        if machine.virtual
        else "Make RAPL readable for a narrower figure.",
        place=machine.label,
    )
