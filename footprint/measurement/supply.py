"""Energy that the counters of a host saw, and the rates at which it is shared.

The counters of a host see all its processes. What they saw is an idle part and a
dynamic part. Idle power is charged by time, the dynamic part by CPU seconds; what
remains belongs to processes that nobody tracked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from footprint.journal import ProcessRecords
from footprint.measurement.accounts import Account
from footprint.measurement.meter import part_of
from footprint.measurement.timeline import Timeline, Window
from footprint.model import IdlePolicy, Tier
from footprint.units import kwh_to_watts, watt_seconds_to_kwh

# A host is idle in a window if less than this part of its threads was busy, and it
# takes so many of them to know its idle power. Choices of this project.
_IDLE_LOAD = 0.1
_FEWEST_WINDOWS = 10
_SMOOTH_S = 10.0


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
    highest_w : float
        Highest mean power over some ten seconds [W].
    holds_memory : bool
        Whether the counters include the memory.
    counters : tuple of str
        Those that were added up; all of one meter.
    meter : str
        That meter.
    tier : Tier
        Quality of its energy.
    """

    kwh_per_busy_s: float
    idle_w: float
    total_kwh: float
    rest_kwh: float
    rest_idle_kwh: float
    highest_w: float
    holds_memory: bool
    counters: tuple[str, ...]
    meter: str
    tier: Tier


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
    timeline: Timeline,
    names: Sequence[str],
    used_s: float,
    idle_policy: IdlePolicy,
) -> Supply | None:
    """Find the rates of one host.

    Parameters
    ----------
    processes : sequence of ProcessRecords
    accounts : mapping of int to sequence of Account
        Accounts of each process, by its number.
    timeline : Timeline
        What the counters `names` advanced.
    names : sequence of str
        Energy counters that are added up.
    used_s : float
        CPU time that all accounts hold while a counter was read [s].
    idle_policy : IdlePolicy

    Returns
    -------
    Supply or None
        None if no counter of the host was read. The accounts and the rest add up
        to the total.
    """
    if not names or not timeline.windows:
        return None
    total_kwh, elapsed_s = timeline.energy_kwh, timeline.elapsed_s
    # The host's clock ticks coarsely: ours cannot have used more than all of it.
    busy_s = max(timeline.busy_s, used_s)
    idle_w = _idle_level(timeline.windows, processes[0].machine.threads)
    idle_w = min(idle_w, kwh_to_watts(total_kwh, elapsed_s))
    dynamic_kwh = total_kwh - watt_seconds_to_kwh(idle_w, elapsed_s)
    rate = dynamic_kwh / busy_s if busy_s > 0 else 0.0
    charged_s = sum(a.idle_s(idle_policy)[0] for own in accounts.values() for a in own)
    rest_kwh = total_kwh - rate * used_s - watt_seconds_to_kwh(idle_w, charged_s)
    meter = names[0].partition(".")[0]
    tiers = [p.process.tiers[meter] for p in processes if meter in p.process.tiers]
    return Supply(
        kwh_per_busy_s=rate,
        idle_w=idle_w,
        total_kwh=total_kwh,
        rest_kwh=max(0.0, rest_kwh),
        rest_idle_kwh=min(
            max(0.0, rest_kwh), max(0.0, watt_seconds_to_kwh(idle_w, elapsed_s - charged_s))
        ),
        highest_w=_highest_w(timeline.windows),
        holds_memory=any(part_of(name) in ("dram", "board") for name in names),
        counters=tuple(names),
        meter=meter,
        tier=max(tiers, default=Tier.B),
    )


def _idle_level(windows: Iterable[Window], threads: int) -> float:
    """Mean power of the windows in which the host did next to nothing [W].

    0 if there were too few of them: the lowest power of a machine that was busy all
    the time is not its idle power.
    """
    idle = [
        w
        for w in windows
        if w.sampled and w.busy_s is not None and w.busy_s < _IDLE_LOAD * threads * w.elapsed_s
    ]
    if len(idle) < _FEWEST_WINDOWS:
        return 0.0
    elapsed_s = sum(window.elapsed_s for window in idle)
    return kwh_to_watts(sum(window.energy_kwh for window in idle), elapsed_s)


def _highest_w(windows: Sequence[Window]) -> float:
    """Highest mean power of stretches of some ten seconds: counters move in steps [W]."""
    highest_w, energy_kwh, elapsed_s = 0.0, 0.0, 0.0
    for window in windows:
        energy_kwh, elapsed_s = energy_kwh + window.energy_kwh, elapsed_s + window.elapsed_s
        if elapsed_s >= _SMOOTH_S:
            highest_w = max(highest_w, kwh_to_watts(energy_kwh, elapsed_s))
            energy_kwh = elapsed_s = 0.0
    return highest_w
