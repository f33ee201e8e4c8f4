"""Who used how much energy: from journal records to activities.

Energy comes from a counter where there is one (RAPL), at the host's energy per
busy second. Else it is modelled from CPU time and the power of the machine's
class. What a counter did not see, because it failed halfway say, is modelled too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from footprint.errors import UsageError
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.journal import ProcessRecords, WallLine, read_records
from footprint.measurement.accounts import Account, share
from footprint.measurement.meter import part_of
from footprint.measurement.notices import process_findings, record_findings
from footprint.measurement.power import EnergyModel, energy_model
from footprint.measurement.supply import Supply, gpu_share, host_busy_s, is_child, measure_supply
from footprint.measurement.usage import DUST, Meters, activities_of, counted_cpu_s, energy_activity
from footprint.model import (
    Activity,
    Finding,
    IdlePolicy,
    Journal,
    Phase,
    Resolution,
    Role,
    Run,
    Severity,
    Tier,
    View,
)
from footprint.units import watt_seconds_to_kwh

OTHERS = "other processes"
"""Actor of what a machine used beside the tracked processes."""


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
    run = _one_run(process.run for process in records.processes)
    catalogue, view = catalogue or load_catalogue(), View.parse(view)
    idle_policy = IdlePolicy.parse(idle_policy)
    findings = [*records.findings, *record_findings(records.processes)]
    activities: list[Activity] = []
    factors: dict[str, Resolution] = {}
    for processes in _by_host(records.processes):
        models = [energy_model(p.machine, catalogue, p.calibration) for p in processes]
        host = attribute(processes, models, idle_policy)
        activities += host.activities
        if view is not View.PROCESS:
            activities += host.others
        findings += host.findings
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
    """What the processes of one host used, and what others on it did meanwhile."""

    activities: list[Activity]
    others: list[Activity]
    findings: list[Finding]
    factors: list[Resolution]


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
    sharing = share(processes)
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
    supply = measure_supply(processes, accounts, metered_s, idle_policy)
    activities: list[Activity] = []
    findings = list(sharing.findings())
    factors: list[Resolution] = []
    for number, process in enumerate(processes):
        model, gap = models[number], _gap(process, supply)
        gpus = _gpus(number, processes, accounts)
        meters = Meters(process, model, supply, children[number], gpus, gap, idle_policy)
        used = [
            activity
            for span, account in zip(process.spans, accounts[number], strict=True)
            for activity in activities_of(span, account, meters)
        ]
        activities += used
        findings += process_findings(process, accounts[number])
        if not all(measured for _, measured in meters.gpus.values()):
            findings.append(_gpu_split(process.file))
        sources = {activity.source.split("/")[0] for activity in used}
        if model.source in sources:
            findings += model.findings
            factors += model.factors
        if "memory-table" in sources:
            factors += model.memory_factors
    if supply is not None and supply.rest_kwh > DUST * supply.total_kwh:
        findings.append(_unattributed(supply.rest_kwh))
    others = _others(processes, models, supply, _used_s(accounts, children))
    return Attribution(activities, others, findings, factors)


def _others(
    processes: Sequence[ProcessRecords],
    models: Sequence[EnergyModel],
    supply: Supply | None,
    used_s: float,
) -> list[Activity]:
    """Energy of processes that nobody tracked, on the host of those that somebody did."""
    spans = [span for process in processes for span in process.spans]
    model, idle_kwh = models[0], 0.0
    if supply is not None:
        meter = supply.counters[0].partition(".")[0]
        energy_kwh, tier = supply.rest_kwh, processes[0].process.tiers.get(meter, Tier.B)
        idle_kwh = supply.rest_idle_kwh
        source = f"{meter}/{model.machine.label}"
    else:
        busy_s = max(host_busy_s(processes) - used_s, 0.0)
        energy_kwh, tier = watt_seconds_to_kwh(model.busy_w, busy_s), model.tier
        source = f"{model.source}/{model.machine.label}"
    # They run where the tracked ones do; nobody reserved a device for them.
    return [
        replace(
            energy_activity(spans[0], part_kwh, tier, source),
            actor=OTHERS,
            role=Role.OTHER,
            phase=phase,
            round=None,
        )
        for phase, part_kwh in ((Phase.OTHER, energy_kwh - idle_kwh), (Phase.IDLE, idle_kwh))
        if part_kwh > 0 and spans
    ]


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


def _gpu_split(place: str) -> Finding:
    return Finding(
        "gpu-split",
        "The driver does not say which process used a GPU; its energy is split equally.",
        remedy="Give each process a GPU of its own for exact figures.",
        place=place,
    )


def _gpus(
    number: int, processes: Sequence[ProcessRecords], accounts: dict[int, list[Account]]
) -> dict[str, tuple[float, bool]]:
    counters = {
        name for account in accounts[number] for name in account.counters if part_of(name) == "gpu"
    }
    return {name: gpu_share(number, name, processes, accounts) for name in sorted(counters)}


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
        if other != number and is_child(child.process, processes[number].process)
    )
    return max(0.0, 1 - tracked_s / children_s)


def _used_s(accounts: dict[int, list[Account]], children: Sequence[float]) -> float:
    return sum(
        account.counters.get("cpu.process_s", 0.0)
        + account.counters.get("cpu.children_s", 0.0) * children[number]
        for number in accounts
        for account in accounts[number]
    )
