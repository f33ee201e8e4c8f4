"""Who used how much energy: from journal records to activities.

Energy comes from a counter where there is one (RAPL), at the host's energy per
busy second. Else it is modelled from CPU time and the power of the machine's
class. What a counter did not see, because it failed halfway say, is modelled too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from footprint.errors import UsageError
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.journal import ProcessRecords, SpanRecord, read_records
from footprint.measurement.accounts import Account, share
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.notices import process_findings, record_findings
from footprint.measurement.power import EnergyModel, energy_model
from footprint.model import (
    Activity,
    Basis,
    Finding,
    Journal,
    Machine,
    Phase,
    Resolution,
    Run,
    Severity,
    Tier,
)
from footprint.units import UJ_PER_J, bytes_to_gb, joules_to_kwh, watt_seconds_to_kwh

IDLE_POLICY = "by_time"
"""Idle power is charged by time to whoever has a phase open; see docs/methodology.md."""


# Differences of sums this small are rounding.
_DUST = 1e-9


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
    catalogue = catalogue or load_catalogue()
    findings = [*records.findings, *record_findings(records.processes)]
    activities: list[Activity] = []
    factors: dict[str, Resolution] = {}
    models: dict[Machine, EnergyModel] = {}
    for processes in _by_host(records.processes):
        for machine in {process.machine for process in processes}.difference(models):
            models[machine] = energy_model(machine, catalogue)
        host = attribute(processes, models)
        activities += host.activities
        findings += host.findings
        factors |= {resolution.factor.id: resolution for resolution in host.factors}
    return Journal.of(
        run,
        activities,
        factors=tuple(factors.values()),
        catalogue_digest=catalogue.digest,
        findings=tuple(dict.fromkeys(findings)),
        inputs=records.inputs,
    )


def _one_run(runs: Iterable[Run]) -> Run:
    found = list(runs)
    keys = {(run.name, run.architecture, run.functional_unit) for run in found}
    if len(keys) > 1:
        names = ", ".join(sorted({run.name for run in found}))
        raise UsageError(
            f"The journals do not belong to one run: {names}"
            + (", with different functional units or architectures." * (len(names) == 1) or "."),
            "Estimate each run on its own: name its folder.",
        )
    results = {key: value for run in found for key, value in run.results.items()}
    return replace(found[0], results=results)


def _by_host(processes: Iterable[ProcessRecords]) -> list[list[ProcessRecords]]:
    hosts: dict[object, list[ProcessRecords]] = defaultdict(list)
    for number, process in enumerate(processes):
        # Without a token a process may be on any host: take it for one of its own.
        hosts[process.process.host or number].append(process)
    return list(hosts.values())


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the processes of one host used."""

    activities: list[Activity]
    findings: list[Finding]
    factors: list[Resolution]


def attribute(
    processes: Sequence[ProcessRecords], models: dict[Machine, EnergyModel]
) -> Attribution:
    """Turn the spans of one host into activities with energy and bounds.

    A span gives up to five activities: what an energy counter saw of it, what was
    modelled of it, the memory that it held, its share of the host's idle power
    (phase ``idle``), and the data that it moved. The first of them counts its time.

    Parameters
    ----------
    processes : sequence of ProcessRecords
        All of one host.
    models : dict of Machine to EnergyModel

    Returns
    -------
    Attribution
    """
    sharing = share(processes)
    activities: list[Activity] = []
    findings = list(sharing.findings())
    factors: list[Resolution] = []
    for number, process in enumerate(processes):
        accounts = {span.id: sharing.accounts[number, span.id] for span in process.spans}
        rates = _rates(process, processes, sharing.accounts, number)
        model = models[process.machine]
        used = [
            activity
            for span in process.spans
            for activity in _activities(span, accounts[span.id], rates, model)
        ]
        activities += used
        findings += process_findings(process, accounts.values())
        if rates.rest_kwh:
            findings.append(_unattributed(rates.rest_kwh))
        sources = {activity.source.split("/")[0] for activity in used}
        if "cpu-table" in sources:
            findings += model.findings
            factors += model.factors
        if "memory-table" in sources:
            factors += model.memory_factors
    return Attribution(activities, findings, factors)


def _unattributed(energy_kwh: float) -> Finding:
    return Finding(
        "unattributed",
        f"{energy_kwh:.3g} kWh of the host's energy belong to other processes; "
        "they are not in the total.",
        Severity.INFO,
    )


@dataclass(frozen=True, slots=True)
class _Rates:
    """What holds for all spans of a process.

    Attributes
    ----------
    counted_kwh_per_s : float
        Energy of the host's counters per busy second of a thread [kWh/s].
    rest_kwh : float
        Energy that the counters saw and other processes used [kWh].
    children_share : float
        The part of the CPU time of waited children that no journal of their own
        holds already [1].
    counted_memory : bool
        Whether the counters include the memory.
    """

    counted_kwh_per_s: float
    rest_kwh: float
    children_share: float
    counted_memory: bool


def _rates(
    process: ProcessRecords,
    processes: Sequence[ProcessRecords],
    accounts: dict[tuple[int, int], Account],
    number: int,
) -> _Rates:
    def total(of: int, name: str) -> float:
        return sum(accounts[of, span.id].counters.get(name, 0.0) for span in processes[of].spans)

    names = {name for span in process.spans for name in span.end}
    energy_names = [name for name in names if name.startswith("rapl.")]
    host_kwh = sum(joules_to_kwh(total(number, name) / UJ_PER_J) for name in energy_names)
    children_s = total(number, "cpu.children_s")
    tracked_s = sum(
        total(other, "cpu.process_s")
        for other, child in enumerate(processes)
        if child.process.parent_pid == process.process.pid and other != number
    )
    children_share = max(0.0, 1 - tracked_s / children_s) if children_s > 0 else 1.0
    metered_s = sum(_metered_s(accounts[number, span.id], children_share) for span in process.spans)
    # The host's clock ticks coarsely: a process cannot have used more than all of it.
    busy_s = max(total(number, "cpu.host_busy_s"), metered_s)
    rate = host_kwh / busy_s if busy_s > 0 else 0.0
    return _Rates(
        counted_kwh_per_s=rate,
        rest_kwh=max(0.0, host_kwh - rate * metered_s),
        children_share=children_share,
        counted_memory=any(name.startswith("rapl.dram") for name in names),
    )


def _metered_s(account: Account, children_share: float) -> float:
    return account.metered_s + account.metered_children_s * children_share


def _activities(
    span: SpanRecord, account: Account, rates: _Rates, model: EnergyModel
) -> Iterator[Activity]:
    machine, counters = model.machine.label, account.counters
    if span.sent_bytes or span.received_bytes:
        yield _moved(span)
    own_s = counters.get("cpu.process_s")
    if own_s is None:
        # No processor time, no figure: None, which is not the same as 0.
        yield _activity(span, None, None, "none", duration_s=account.reserved_s)
        return
    used_s = own_s + counters.get("cpu.children_s", 0.0) * rates.children_share
    metered_s = _metered_s(account, rates.children_share)
    modelled_s = used_s - metered_s
    table_kwh = watt_seconds_to_kwh(model.busy_w, modelled_s)
    counted = account.metered_host_s > 0
    if counted:
        counted_kwh = rates.counted_kwh_per_s * metered_s
        yield _activity(span, counted_kwh, Tier.B, f"rapl/{machine}", duration_s=account.reserved_s)
    if not counted or modelled_s > _DUST * used_s:
        reserved_s = 0.0 if counted else account.reserved_s
        yield _activity(span, table_kwh, model.tier, f"cpu-table/{machine}", duration_s=reserved_s)
    held_gb_s = counters.get("memory.gb_s")
    if held_gb_s is not None and not rates.counted_memory:
        memory_kwh = watt_seconds_to_kwh(model.memory_w_per_gb, held_gb_s)
        yield _activity(span, memory_kwh, Tier.E, f"memory-table/{machine}")
    idle_s = account.host_s - account.metered_host_s
    if idle_s > _DUST * account.host_s:
        idle_kwh = watt_seconds_to_kwh(model.idle_w * model.machine.threads, idle_s)
        idle = _activity(span, idle_kwh, model.tier, f"cpu-table/{machine}")
        yield replace(idle, phase=Phase.IDLE)


def _activity(
    span: SpanRecord,
    energy_kwh: float | None,
    tier: Tier | None,
    source: str,
    *,
    duration_s: float = 0.0,
) -> Activity:
    low, high = TIER_BANDS[tier] if tier else (1.0, 1.0)
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
    )


def _moved(span: SpanRecord) -> Activity:
    data_gb = bytes_to_gb(span.sent_bytes + span.received_bytes)
    return replace(_activity(span, None, None, "bytes"), data_gb=data_gb)
