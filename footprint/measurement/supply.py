"""Energy that the counters of a host saw, and the rates at which it is shared.

The counters of a host see all its processes. What they saw is an idle part and a
dynamic part. Idle power is charged by time, the dynamic part by CPU seconds; what
remains belongs to processes that nobody tracked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from footprint.journal import Process, ProcessRecords, Sample
from footprint.measurement.accounts import Account
from footprint.measurement.meter import counter_kwh, part_of
from footprint.model import IdlePolicy
from footprint.units import kwh_to_watts, watt_seconds_to_kwh

# A host is idle in a window if less than this part of its threads was busy, and it
# takes so many of them to know its idle power. Choices of this project.
_IDLE_LOAD = 0.1
_FEWEST_WINDOWS = 10


_BUSY = "cpu.host_busy_s"
_CLOCK_S = 1e-3
"""Clocks of two processes of one host agree to this [s]."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Rates of one host.

    Attributes
    ----------
    kwh_per_busy_s : float
        Dynamic energy per CPU second [kWh/s].
    idle_w : float
        Idle power of the host [W]; 0 if it is part of the rate above.
    total_kwh, rest_kwh, rest_idle_kwh : float
        What the counters saw, the part of it that no account holds, and the idle
        power in that [kWh].
    holds_memory : bool
        Whether the counters include the memory.
    counters : tuple of str
        Those that were added up; all of one meter.
    """

    kwh_per_busy_s: float
    idle_w: float
    total_kwh: float
    rest_kwh: float
    rest_idle_kwh: float
    holds_memory: bool
    counters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """What the host did between two samples."""

    elapsed_s: float
    energy_kwh: float
    busy_s: float


def energy_counters(names: Iterable[str]) -> list[str]:
    """Choose the counters that add up to the host without overlap.

    Packages and memory add up. Without them, a board or a battery holds everything;
    beside them it would count twice, and a battery moves in coarse steps. The platform
    counter (psys) overlaps all of them, and GPUs are shared on their own.
    """
    found = sorted(set(names))
    parts = [name for name in found if part_of(name) in ("package", "dram")]
    if any(part_of(name) == "package" for name in parts):
        return [name for name in parts if name.partition(".")[0] == parts[0].partition(".")[0]]
    board = [name for name in found if part_of(name) == "board"]
    # Rails and a battery of one device see the same: take the first meter.
    return [name for name in board if name.partition(".")[0] == board[0].partition(".")[0]]


def measure_supply(
    processes: Sequence[ProcessRecords],
    accounts: Mapping[int, Sequence[Account]],
    used_s: float,
    idle_policy: IdlePolicy,
) -> Supply | None:
    """Find the rates of one host.

    Parameters
    ----------
    processes : sequence of ProcessRecords
    accounts : mapping of int to sequence of Account
        Accounts of each process, by its number.
    used_s : float
        CPU time that all accounts hold while a counter was read [s].
    idle_policy : IdlePolicy

    Returns
    -------
    Supply or None
        None if no counter of the host was read. The accounts and the rest add up
        to the total.
    """
    names = energy_counters(name for p in processes for s in p.spans for name in s.end)
    if not names:
        return None
    host_s = sum(a.metered_host_s for own in accounts.values() for a in own)
    windows = _sampled(processes, names) or _seen(accounts, names)
    total_kwh = sum(window.energy_kwh for window in windows)
    elapsed_s = sum(window.elapsed_s for window in windows)
    # The host's clock ticks coarsely: ours cannot have used more than all of it.
    busy_s = max(sum(window.busy_s for window in windows), used_s)
    idle_w = _idle_level(windows, processes[0].machine.threads)
    if elapsed_s > 0:
        idle_w = min(idle_w, kwh_to_watts(total_kwh, elapsed_s))
    dynamic_kwh = total_kwh - watt_seconds_to_kwh(idle_w, elapsed_s)
    rate = dynamic_kwh / busy_s if busy_s > 0 else 0.0
    # Spans may reach a little beyond the first and the last sample.
    idle_w *= min(1.0, elapsed_s / host_s) if host_s > 0 else 1.0
    charged_s = sum(a.idle_s(idle_policy)[0] for own in accounts.values() for a in own)
    rest_kwh = total_kwh - rate * used_s - watt_seconds_to_kwh(idle_w, charged_s)
    return Supply(
        kwh_per_busy_s=rate,
        idle_w=idle_w,
        total_kwh=total_kwh,
        rest_kwh=max(0.0, rest_kwh),
        rest_idle_kwh=min(
            max(0.0, rest_kwh), max(0.0, watt_seconds_to_kwh(idle_w, elapsed_s - charged_s))
        ),
        holds_memory=any(part_of(name) in ("dram", "board") for name in names),
        counters=tuple(names),
    )


def _sampled(processes: Sequence[ProcessRecords], names: Sequence[str]) -> list[_Window]:
    """Windows between samples of the host; each sampler counts from its own start."""
    return [
        _Window(
            after.time_s - before.time_s,
            sum(counter_kwh(n, after.readings[n] - before.readings[n]) for n in names),
            after.readings.get(_BUSY, 0.0) - before.readings.get(_BUSY, 0.0),
        )
        for before, after in _windows(processes)
        if all(n in before.readings and n in after.readings for n in names)
    ]


def _windows(processes: Sequence[ProcessRecords]) -> Iterator[tuple[Sample, Sample]]:
    """Neighbouring samples, each stretch of time once, whoever sampled it."""
    pairs = [pair for process in processes for pair in pairwise(process.samples)]
    covered_s = -math.inf
    for before, after in sorted(pairs, key=lambda pair: pair[0].time_s):
        # Clients with folders of their own each have a sampler; one of them counts.
        if before.time_s >= covered_s - _CLOCK_S:
            yield before, after
            covered_s = after.time_s


def _seen(accounts: Mapping[int, Sequence[Account]], names: Sequence[str]) -> list[_Window]:
    """Without samples: what the edges of the process that saw most of the host saw."""
    windows = [
        _Window(
            sum(a.metered_host_s for a in own),
            sum(counter_kwh(n, a.counters.get(n, 0.0)) for a in own for n in names),
            sum(a.metered_busy_s for a in own),
        )
        for own in accounts.values()
    ]
    return [max(windows, key=lambda window: window.energy_kwh)] if windows else []


def _idle_level(windows: Sequence[_Window], threads: int) -> float:
    """Mean power of the windows in which the host did next to nothing [W].

    0 if there were too few of them: the lowest power of a machine that was busy all
    the time is not its idle power.
    """
    idle = [w for w in windows if w.elapsed_s > 0 and w.busy_s < _IDLE_LOAD * threads * w.elapsed_s]
    if len(idle) < _FEWEST_WINDOWS:
        return 0.0
    elapsed_s = sum(window.elapsed_s for window in idle)
    return kwh_to_watts(sum(window.energy_kwh for window in idle), elapsed_s)


def gpu_share(
    number: int,
    counter: str,
    processes: Sequence[ProcessRecords],
    accounts: Mapping[int, Sequence[Account]],
) -> tuple[float, bool]:
    """Share of a GPU's energy that a process is charged, and whether it was measured.

    By the time that its kernels ran, where the driver tells, less that of children
    with journals of their own. Else in equal parts between the processes that could
    see the GPU at the same time.

    Parameters
    ----------
    number : int
        Of the process.
    counter : str
        Energy counter of the GPU, such as ``"nvml.gpu-0_mj"``.
    processes : sequence of ProcessRecords
    accounts : mapping of int to sequence of Account
    """

    def total(of: int, name: str) -> float:
        return sum(account.counters.get(name, 0.0) for account in accounts[of])

    gpu = counter.rpartition("_")[0]
    busy_s = total(number, f"{gpu}-busy_s")
    if busy_s > 0:
        tracked_s = sum(
            total(of, f"{gpu}-own_s")
            for of, child in enumerate(processes)
            if of != number and is_child(child.process, processes[number].process)
        )
        own_s = max(0.0, total(number, f"{gpu}-own_s") - tracked_s)
        return min(1.0, own_s / busy_s), True
    own = _lifetime(processes[number])
    seeing = [
        of
        for of, process in enumerate(processes)
        if any(counter in account.counters for account in accounts[of])
        and _overlap(own, _lifetime(process))
    ]
    return 1 / max(1, len(seeing)), len(seeing) <= 1


def is_child(process: Process, parent: Process) -> bool:
    """Whether what a process used is in what another one counts of its children.

    Directly, or through a shell or a launcher under `footprint track`.
    """
    return process.parent_pid == parent.pid or process.parent_token == parent.token


def _lifetime(process: ProcessRecords) -> tuple[float, float]:
    return (
        min((span.start_s for span in process.spans), default=0.0),
        max((span.start_s + span.duration_s for span in process.spans), default=0.0),
    )


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def host_busy_s(processes: Sequence[ProcessRecords]) -> float:
    """CPU time of all processes of a host while it was sampled [s]."""
    return sum(
        max(0.0, after.readings[_BUSY] - before.readings[_BUSY])
        for before, after in _windows(processes)
        if _BUSY in before.readings and _BUSY in after.readings
    )
