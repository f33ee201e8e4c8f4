"""Who used how much energy: from journal records to activities.

Energy comes from a counter where there is one (RAPL), shared by CPU time. Else
it is modelled from CPU time and the power of the machine's class.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from footprint.errors import UsageError
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.journal import ProcessRecords, SpanRecord, read_records
from footprint.measurement.accounts import Account, share_counters
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.power import EnergyModel, energy_model
from footprint.model import (
    Activity,
    Basis,
    Finding,
    Journal,
    Machine,
    Phase,
    Role,
    Run,
    Severity,
    Tier,
)
from footprint.units import UJ_PER_J, bytes_to_gb, joules_to_kwh, watt_seconds_to_kwh

IDLE_POLICY = (
    "idle power of the host is charged by time to the phase that is open; "
    "a counter that includes it is shared by CPU time"
)


def read_journal(*paths: Path | str, catalogue: FactorCatalogue | None = None) -> Journal:
    """Read journals of one run and say how much energy each activity took.

    Parameters
    ----------
    *paths : path
        Journal files, or folders of them.
    catalogue : FactorCatalogue, optional
        For the power of processors without an energy counter.

    Returns
    -------
    Journal
        Energies in kWh with 95 % bounds, data in GB.

    Raises
    ------
    JournalError
        If there is no usable span.
    UsageError
        If the files belong to more than one run.
    """
    records = read_records(Path(path) for path in paths)
    run = _one_run(process.run for process in records.processes)
    findings = list(records.findings)
    if len(records.processes) > 1:
        findings.append(
            Finding(
                "journal-processes",
                f"{len(records.processes)} journal files of the run {run.name!r} were added up.",
                Severity.INFO,
                "Use a fresh folder for each run if some of them are left from an earlier one.",
            )
        )
    catalogue = catalogue or load_catalogue()
    models: dict[Machine, EnergyModel] = {}
    activities: list[Activity] = []
    for process in records.processes:
        model = models.get(process.machine)
        if model is None:
            model = models[process.machine] = energy_model(process.machine, catalogue)
        activities += attribute(process, model, findings)
    return Journal.of(
        run,
        activities,
        factors=tuple(
            {r.factor.id: r for model in models.values() for r in model.factors}.values()
        ),
        findings=(*findings, *(f for model in models.values() for f in model.findings)),
        inputs=records.inputs,
    )


def _one_run(runs: Iterable[Run]) -> Run:
    found = list(runs)
    keys = {(run.name, run.architecture, run.functional_unit) for run in found}
    if len(keys) > 1:
        names = sorted({run.name for run in found})
        raise UsageError(
            f"The journals belong to different runs: {', '.join(names)}.",
            "Estimate each run on its own: name its folder.",
        )
    results = {key: value for run in found for key, value in run.results.items()}
    first = found[0]
    return Run(first.name, first.architecture, first.functional_unit, results)


def attribute(
    process: ProcessRecords, model: EnergyModel, findings: list[Finding]
) -> list[Activity]:
    """Turn the spans of one process into activities with energy and bounds.

    A span gives up to three activities: what it used itself, its share of the
    host's idle power (phase ``idle``), and the data that it moved.
    """
    known = {span.id for span in process.spans}
    if any(span.parent is not None and span.parent not in known for span in process.spans):
        findings.append(
            Finding(
                "truncated",
                "A process ended before its tracker did; what it did outside of finished "
                "phases is missing.",
                remedy="The true figures are higher.",
            )
        )
    accounts = share_counters(process.spans, findings.append)
    activities: list[Activity] = []
    unattributed_kwh = 0.0
    for span in process.spans:
        account = accounts[span.id]
        used, rest_kwh = _used(span, account, model)
        unattributed_kwh += rest_kwh
        activities.append(used)
        if not _has_counter(account) and account.host_s > 0 and used.energy_kwh is not None:
            idle_w = model.idle_w * model.machine.threads
            activities.append(_idle(span, watt_seconds_to_kwh(idle_w, account.host_s), model))
        if span.sent_bytes or span.received_bytes:
            activities.append(_moved(span))
    if unattributed_kwh:
        findings.append(
            Finding(
                "unattributed",
                f"{unattributed_kwh:.3g} kWh of the host's energy belong to other processes; "
                "they are not in the total.",
                Severity.INFO,
            )
        )
    return activities


def _has_counter(account: Account) -> bool:
    return any(name.startswith("rapl.") for name in account.counters)


def _used(span: SpanRecord, account: Account, model: EnergyModel) -> tuple[Activity, float]:
    """Energy of the span itself, and of others on the host meanwhile [kWh]."""
    counters = account.counters
    process_s = counters.get("cpu.process_s")
    if process_s is None:
        # No processor time, no figure: None, which is not the same as 0.
        return _activity(span, span.phase, account.reserved_s, None, None, "none"), 0.0
    held_gb_s = counters.get("memory.gb_s", 0.0)
    memory_kwh = watt_seconds_to_kwh(model.memory_w_per_gb, held_gb_s)
    if _has_counter(account):
        host_kwh = sum(
            joules_to_kwh(value / UJ_PER_J)
            for name, value in counters.items()
            if name.startswith("rapl.")
        )
        busy_s = counters.get("cpu.host_busy_s", 0.0)
        # The host's clock ticks coarsely: a process cannot use more than all of it.
        share = min(1.0, process_s / busy_s) if busy_s > 0 else float(process_s > 0)
        if any(name.startswith("rapl.dram") for name in counters):
            memory_kwh = 0.0
        energy_kwh = share * host_kwh + memory_kwh
        source, tier = f"rapl/{model.machine.label}", Tier.B
        rest_kwh = (1 - share) * host_kwh
    else:
        energy_kwh = watt_seconds_to_kwh(model.busy_w, process_s) + memory_kwh
        source, tier, rest_kwh = model.source, model.tier, 0.0
    return _activity(span, span.phase, account.reserved_s, energy_kwh, tier, source), rest_kwh


def _idle(span: SpanRecord, energy_kwh: float, model: EnergyModel) -> Activity:
    return _activity(span, Phase.IDLE, 0.0, energy_kwh, model.tier, model.source)


def _activity(
    span: SpanRecord,
    phase: Phase,
    duration_s: float,
    energy_kwh: float | None,
    tier: Tier | None,
    source: str,
) -> Activity:
    low, high = TIER_BANDS[tier] if tier else (1.0, 1.0)
    counted = tier in (Tier.A, Tier.B, Tier.C) or energy_kwh is None
    return Activity(
        actor=span.actor,
        role=Role(span.role),
        device=span.device,
        zone=span.zone,
        phase=phase,
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
    )


def _moved(span: SpanRecord) -> Activity:
    return Activity(
        actor=span.actor,
        role=Role(span.role),
        device=span.device,
        zone=span.zone,
        phase=span.phase,
        round=span.round,
        start_s=span.start_s,
        duration_s=0.0,
        energy_kwh=None,
        energy_low_kwh=None,
        energy_high_kwh=None,
        data_gb=bytes_to_gb(span.sent_bytes + span.received_bytes),
        basis=Basis.MEASURED,
        tier=None,
        source="bytes",
    )
