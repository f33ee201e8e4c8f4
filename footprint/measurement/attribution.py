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
from footprint.measurement.meter import TIER_BANDS, counter_kwh, part_of
from footprint.measurement.notices import process_findings, record_findings
from footprint.measurement.power import EnergyModel, energy_model
from footprint.measurement.supply import Supply, gpu_share, measure_supply
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
from footprint.units import bytes_to_gb, watt_seconds_to_kwh

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
    accounts = {
        number: [sharing.accounts[number, span.id] for span in process.spans]
        for number, process in enumerate(processes)
    }
    children = [_children_share(n, processes, accounts) for n in range(len(processes))]
    used_s = sum(
        _metered_s(account, children[number]) for number in accounts for account in accounts[number]
    )
    supply = measure_supply(processes, accounts, used_s)
    activities: list[Activity] = []
    findings = list(sharing.findings())
    factors: list[Resolution] = []
    for number, process in enumerate(processes):
        model = models[process.machine]
        meters = _Meters(process, model, supply, children[number], _gpus(number, accounts))
        used = [
            activity
            for span, account in zip(process.spans, accounts[number], strict=True)
            for activity in _activities(span, account, meters)
        ]
        activities += used
        findings += process_findings(process, accounts[number])
        if not all(measured for _, measured in meters.gpus.values()):
            findings.append(_gpu_split(process.file))
        sources = {activity.source.split("/")[0] for activity in used}
        if "cpu-table" in sources:
            findings += model.findings
            factors += model.factors
        if "memory-table" in sources:
            factors += model.memory_factors
    if supply is not None and supply.rest_kwh > _DUST * supply.total_kwh:
        findings.append(_unattributed(supply.rest_kwh))
    return Attribution(activities, findings, factors)


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


@dataclass(frozen=True, slots=True)
class _Meters:
    """What holds for all spans of a process.

    Attributes
    ----------
    children_share : float
        The part of the CPU time of waited children that no journal of their own
        holds already [1].
    gpus : dict of str to tuple
        Share of each GPU counter that is this process's, and whether it was measured.
    """

    process: ProcessRecords
    model: EnergyModel
    supply: Supply | None
    children_share: float
    gpus: dict[str, tuple[float, bool]]

    def tier(self, meter: str) -> Tier:
        return self.process.process.tiers.get(meter, Tier.B)


def _gpus(number: int, accounts: dict[int, list[Account]]) -> dict[str, tuple[float, bool]]:
    counters = {
        name for account in accounts[number] for name in account.counters if part_of(name) == "gpu"
    }
    return {name: gpu_share(number, name, accounts) for name in sorted(counters)}


def _children_share(
    number: int, processes: Sequence[ProcessRecords], accounts: dict[int, list[Account]]
) -> float:
    def total(of: int, name: str) -> float:
        return sum(account.counters.get(name, 0.0) for account in accounts[of])

    children_s = total(number, "cpu.children_s")
    if children_s <= 0:
        return 1.0
    pid = processes[number].process.pid
    tracked_s = sum(
        total(other, "cpu.process_s")
        for other, child in enumerate(processes)
        if child.process.parent_pid == pid and other != number
    )
    return max(0.0, 1 - tracked_s / children_s)


def _metered_s(account: Account, children_share: float) -> float:
    return account.metered_s + account.metered_children_s * children_share


def _activities(span: SpanRecord, account: Account, meters: _Meters) -> Iterator[Activity]:
    machine, counters = meters.model.machine.label, account.counters
    if span.sent_bytes or span.received_bytes:
        yield _moved(span)
    own_s = counters.get("cpu.process_s")
    if own_s is None:
        # No processor time, no figure: None, which is not the same as 0.
        yield _activity(span, None, None, "none", duration_s=account.reserved_s)
        return
    counted = meters.supply is not None and account.metered_host_s > 0
    if counted:
        yield from _counted(span, account, meters)
    used_s = own_s + counters.get("cpu.children_s", 0.0) * meters.children_share
    modelled_s = used_s - _metered_s(account, meters.children_share)
    if not counted or modelled_s > _DUST * used_s:
        table_kwh = watt_seconds_to_kwh(meters.model.busy_w, modelled_s)
        reserved_s = 0.0 if counted else account.reserved_s
        source = f"cpu-table/{machine}"
        yield _activity(span, table_kwh, meters.model.tier, source, duration_s=reserved_s)
    held_gb_s = counters.get("memory.gb_s")
    if held_gb_s is not None and not (counted and meters.supply and meters.supply.holds_memory):
        memory_kwh = watt_seconds_to_kwh(meters.model.memory_w_per_gb, held_gb_s)
        yield _activity(span, memory_kwh, Tier.E, f"memory-table/{machine}")
    idle_s = account.host_s - account.metered_host_s
    if idle_s > _DUST * account.host_s:
        idle_kwh = watt_seconds_to_kwh(meters.model.idle_w * meters.model.machine.threads, idle_s)
        idle = _activity(span, idle_kwh, meters.model.tier, f"cpu-table/{machine}")
        yield replace(idle, phase=Phase.IDLE)
    for counter, (part, _) in meters.gpus.items():
        if counter in counters:
            meter = counter.partition(".")[0]
            gpu_kwh = part * counter_kwh(counter, counters[counter])
            yield _activity(span, gpu_kwh, meters.tier(meter), f"{meter}/{machine}")


def _counted(span: SpanRecord, account: Account, meters: _Meters) -> Iterator[Activity]:
    """Activities of the time in which the host's counters were read."""
    supply = meters.supply
    if supply is None:
        return
    (meter,) = {name.partition(".")[0] for name in supply.counters}
    source, tier = f"{meter}/{meters.model.machine.label}", meters.tier(meter)
    used_kwh = supply.kwh_per_busy_s * _metered_s(account, meters.children_share)
    yield _activity(span, used_kwh, tier, source, duration_s=account.reserved_s)
    if supply.idle_w > 0:
        idle_kwh = watt_seconds_to_kwh(supply.idle_w, account.metered_host_s)
        yield replace(_activity(span, idle_kwh, tier, source), phase=Phase.IDLE)


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
