"""Who used how much energy: from journal records to activities.

Energy comes from a counter where there is one (RAPL), at the host's energy per
busy second. Else it is modelled from CPU time and the power of the machine's
class. What a counter did not see, because it failed halfway say, is modelled too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from footprint.factors import FactorCatalogue, load_catalogue
from footprint.journal import ProcessRecords, WallLine, read_records
from footprint.measurement.accounts import Account, Sharing, share
from footprint.measurement.gpus import GpuSharing, share_gpus
from footprint.measurement.notices import host_findings, process_findings, record_findings
from footprint.measurement.others import (
    idle_of_nobody,
    memory_of_others,
    used_by_others,
    used_by_others_on_gpus,
)
from footprint.measurement.power import EnergyModel, energy_model
from footprint.measurement.reports import read_reports
from footprint.measurement.runs import (
    broken_finding,
    broken_rounds,
    count_rounds,
    is_repeated,
    one_run,
    training_finding,
)
from footprint.measurement.supply import Supply, energy_counters, measure_supply
from footprint.measurement.timeline import Curves, Timeline, align_clocks, host_timeline
from footprint.measurement.usage import DUST, Meters, activities_of, counted_cpu_s
from footprint.model import (
    Activity,
    Finding,
    IdlePolicy,
    Journal,
    Phase,
    Resolution,
    Severity,
    View,
)


def read_journal(
    *paths: Path | str,
    catalogue: FactorCatalogue | None = None,
    view: View | str = View.PROCESS,
    idle_policy: IdlePolicy | str = IdlePolicy.BY_TIME,
) -> Journal:
    """Read journals of one run and say how much energy each activity took.

    Parameters
    ----------
    *paths : path
        Journal files, or folders of them.
    catalogue : FactorCatalogue, optional
        For the power of processors without an energy counter.
    view : View or str
        Whose energy: of the tracked processes, of the machine, or of the machine
        less its idle power.
    idle_policy : IdlePolicy or str
        Who is charged the idle power of a host.

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
    run, rounds = one_run(records.processes), count_rounds(records.processes)
    catalogue, view = catalogue or load_catalogue(), View.parse(view)
    idle_policy = IdlePolicy.parse(idle_policy)
    reported = read_reports(records.processes)
    findings = [*records.findings, *record_findings(records.processes), *reported.findings]
    if broken := broken_rounds(records.processes):
        findings.append(broken_finding(broken))
    if is_repeated(records.processes):
        findings.append(training_finding(records.processes))
    # Nobody is charged for idle power: neither here nor where it was told.
    activities = [
        a
        for a in reported.activities
        if not (idle_policy is IdlePolicy.NONE and a.phase is Phase.IDLE)
    ]
    factors: dict[str, Resolution] = {}
    for processes in _by_host(map(reported.placed, records.processes)):
        models = [energy_model(p.machine, catalogue, p.calibration) for p in processes]
        host = attribute(processes, models, idle_policy)
        activities += [a for a in host.activities if not reported.is_replaced(a)]
        if view is not View.PROCESS:
            activities += [*host.others, *host.memory]
        # In the views of the machine, what others used is in the total.
        findings += [f for f in host.findings if view is View.PROCESS or f.code != "unattributed"]
        if view is View.MACHINE_LESS_IDLE and not host.idle_known:
            findings.append(_idle_unknown())
        factors |= {resolution.factor.id: resolution for resolution in host.factors}
    if view is View.MACHINE_LESS_IDLE:
        activities = [activity for activity in activities if activity.phase is not Phase.IDLE]
    return Journal.of(
        run,
        activities,
        view=view,
        idle_policy=idle_policy,
        factors=tuple(factors.values()),
        catalogue_digest=catalogue.digest,
        findings=tuple(dict.fromkeys(findings)),
        inputs=records.inputs,
        rounds=rounds,
    )


def _by_host(processes: Iterable[ProcessRecords]) -> list[list[ProcessRecords]]:
    hosts: dict[object, list[ProcessRecords]] = defaultdict(list)
    for number, process in enumerate(processes):
        # Without a token a process may be on any host: take it for one of its own.
        hosts[process.process.host or number].append(process)
    return [align_clocks(processes) for processes in hosts.values()]


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the processes of one host used, what others on it did, and its other memory."""

    activities: list[Activity]
    others: list[Activity]
    memory: list[Activity]
    findings: list[Finding]
    factors: list[Resolution]
    idle_known: bool


def attribute_spans(
    processes: Sequence[ProcessRecords], models: Sequence[EnergyModel]
) -> list[Activity]:
    """Turn the spans of one host into activities, as `attribute` does, and nothing else."""
    return [used for own in _measure(processes, models).used for used in own]


def attribute(
    processes: Sequence[ProcessRecords],
    models: Sequence[EnergyModel],
    idle_policy: IdlePolicy = IdlePolicy.BY_TIME,
) -> Attribution:
    """Turn the spans of one host into activities with energy and bounds.

    A span gives up to five activities: what an energy counter saw of it, what was
    modelled of it, the memory that it held, its share of the host's idle power
    (phase ``idle``), and the data that it moved. The first of them counts its time.

    Parameters
    ----------
    processes : sequence of ProcessRecords
        All of one host.
    models : sequence of EnergyModel
        One per process.
    idle_policy : IdlePolicy

    Returns
    -------
    Attribution
    """
    host = _measure(processes, models, idle_policy)
    supply, gpus, accounts = host.supply, host.gpus, host.accounts
    findings = [*host.sharing.findings(), *host_findings(processes, accounts, supply)]
    factors: list[Resolution] = []
    for number, process in enumerate(processes):
        model = models[number]
        findings += process_findings(process, accounts[number])
        guesses = [use for use in gpus.uses[number] if not use.known]
        if guesses:
            findings.append(_gpu_split(process.file, alone=all(use.alone for use in guesses)))
        sources = {activity.source.split("/")[0] for activity in host.used[number]}
        if model.source in sources:
            findings += model.findings
            factors += model.factors
        if "memory-table" in sources:
            factors += model.memory_factors
    activities = [activity for used in host.used for activity in used]
    others_s = host.timeline.busy_s - _used_s(accounts, host.children)
    others = [
        *used_by_others(processes, models, supply, others_s),
        *used_by_others_on_gpus(processes, models, gpus),
        *idle_of_nobody(processes, models, accounts, idle_policy),
    ]
    rest_kwh = math.fsum(activity.energy_kwh or 0.0 for activity in others)
    counted_kwh = math.fsum(activity.energy_kwh or 0.0 for activity in activities)
    metered = supply is not None or any(gpus.rest_kwh.values())
    if metered and rest_kwh > DUST * (counted_kwh + rest_kwh):
        findings.append(_unattributed(rest_kwh))
    idle_known = supply is None or supply.idle_w > 0
    memory = memory_of_others(processes, models, supply, accounts)
    return Attribution(activities, others, memory, findings, factors, idle_known)


@dataclass(frozen=True, slots=True)
class _Host:
    """What was measured on one host; `used` and `accounts` by process."""

    sharing: Sharing
    accounts: dict[int, list[Account]]
    timeline: Timeline
    children: list[float]
    supply: Supply | None
    gpus: GpuSharing
    used: list[list[Activity]]


def _measure(
    processes: Sequence[ProcessRecords],
    models: Sequence[EnergyModel],
    idle_policy: IdlePolicy = IdlePolicy.BY_TIME,
) -> _Host:
    names = energy_counters(
        name
        for process in processes
        for readings in (*(s.end for s in process.spans), *(s.readings for s in process.samples))
        for name in readings
    )
    curves = Curves.of(processes)
    timeline = host_timeline(curves, names)
    sharing = share(processes, timeline if names else None)
    accounts = {
        number: [sharing.accounts[number, span.id] for span in process.spans]
        for number, process in enumerate(processes)
    }
    children = [_children_share(n, processes, accounts) for n in range(len(processes))]
    metered_s = sum(
        counted_cpu_s(account, children[number])
        for number in accounts
        for account in accounts[number]
    )
    supply = measure_supply(processes, accounts, timeline, names, metered_s, idle_policy)
    gpus = share_gpus(processes, accounts, sharing.steps, curves, idle_policy)
    used = []
    for number, process in enumerate(processes):
        gap = _gap(process, supply)
        meters = Meters(
            process, models[number], supply, children[number], gpus.uses[number], gap, idle_policy
        )
        used.append(
            [
                activity
                for span, account in zip(process.spans, accounts[number], strict=True)
                for activity in activities_of(span, account, meters)
            ]
        )
    return _Host(sharing, accounts, timeline, children, supply, gpus, used)


def _idle_unknown() -> Finding:
    return Finding(
        "idle-unknown",
        "The idle power of a host is not known: it was busy for too long, or tracked for too "
        "short; nothing was taken off.",
        remedy="Track half a minute of rest before the run.",
    )


def _gap(process: ProcessRecords, supply: Supply | None) -> WallLine | None:
    """Line of the wall over the counters, if it was fitted on the very same counters."""
    lines = process.calibration
    if supply is None or lines is None or lines.counters != supply.counters:
        return None
    return lines.counter


def _unattributed(energy_kwh: float) -> Finding:
    return Finding(
        "unattributed",
        f"{energy_kwh:.3g} kWh of the host's energy belong to other processes; "
        "they are not in the total.",
        Severity.INFO,
    )


def _gpu_split(place: str, *, alone: bool) -> Finding:
    return Finding(
        "gpu-split",
        "The driver does not say which process used a GPU; "
        + (
            "all of its energy is charged to the one that could and was tracked."
            if alone
            else "its energy is split equally between those that could."
        ),
        Severity.INFO if alone else Severity.WARNING,
        "Give each process a GPU of its own (CUDA_VISIBLE_DEVICES) for exact figures.",
        place,
    )


def _children_share(
    number: int, processes: Sequence[ProcessRecords], accounts: dict[int, list[Account]]
) -> float:
    def total(of: int, name: str) -> float:
        return sum(account.counters.get(name, 0.0) for account in accounts[of])

    children_s = total(number, "cpu.children_s")
    if children_s <= 0:
        return 1.0
    tracked_s = sum(
        total(other, "cpu.process_s") + total(other, "cpu.children_s")
        for other, child in enumerate(processes)
        if other != number
        and child.process.is_child_of(processes[number].process)
        # A child that still runs has not been waited for: nobody counted it yet.
        and _last_s(child) <= _last_s(processes[number])
    )
    return max(0.0, 1 - tracked_s / children_s)


def _last_s(process: ProcessRecords) -> float:
    return max((span.start_s + span.duration_s for span in process.spans), default=0.0)


def _used_s(accounts: dict[int, list[Account]], children: Sequence[float]) -> float:
    return sum(
        account.counters.get("cpu.process_s", 0.0)
        + account.counters.get("cpu.children_s", 0.0) * children[number]
        for number in accounts
        for account in accounts[number]
    )
