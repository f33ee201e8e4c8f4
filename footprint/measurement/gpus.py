"""Who used the GPUs of a host.

By the time that kernels ran, where the driver tells whose they were. Else in equal
parts between the processes that could use a GPU at the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from footprint.journal import ProcessRecords
from footprint.measurement.accounts import Account, Step
from footprint.measurement.meter import counter_kwh, gpu_of, part_of
from footprint.measurement.timeline import Curves, Timeline, host_timeline
from footprint.model import IdlePolicy

# The driver samples the use of a GPU about once a second: over less than this the time
# of kernels says little about the energy meanwhile [s].
_LEAST_S = 5.0


@dataclass(frozen=True, slots=True)
class GpuUse:
    """How one process is charged the energy of one GPU.

    Attributes
    ----------
    counter : str
        Energy counter, such as ``"nvml.gpu-0_mj"``.
    known : bool
        The driver says who used the GPU.
    idle : bool
        It says that nobody did: its energy is idle energy.
    alone : bool
        No other tracked process could use the GPU at the same time.
    scale : float
        Takes back what shares promise beyond all that the counter saw, and what
        children with journals of their own used [1].
    """

    counter: str
    known: bool
    idle: bool = False
    alone: bool = False
    scale: float = 1.0

    def energy_kwh(self, account: Account) -> float:
        """Energy of one account [kWh]."""
        by_kernels = self.known and not self.idle
        held = account.used_kwh if by_kernels else account.equal_kwh
        return self.scale * held.get(self.counter, 0.0)


@dataclass(frozen=True, slots=True)
class GpuSharing:
    """The GPUs of one host.

    Attributes
    ----------
    uses : sequence of list of GpuUse
        Per process.
    rest_kwh, rest_idle_kwh : mapping of str to float
        Per counter: what no account holds, and the part of it in which the driver says
        that nobody used the GPU [kWh].
    """

    uses: Sequence[list[GpuUse]]
    rest_kwh: dict[str, float]
    rest_idle_kwh: dict[str, float]


def share_gpus(
    processes: Sequence[ProcessRecords],
    accounts: Mapping[int, Sequence[Account]],
    steps: Sequence[Step],
    curves: Curves,
    idle_policy: IdlePolicy,
) -> GpuSharing:
    """Share the energy of each GPU of a host between its processes.

    Parameters
    ----------
    processes : sequence of ProcessRecords
    accounts : mapping of int to sequence of Account
        Their `used_kwh` and `equal_kwh` are filled in.
    steps : sequence of Step
    curves : Curves
    idle_policy : IdlePolicy
        Says whether a GPU that nobody used is charged to those that could.

    Returns
    -------
    GpuSharing
        Accounts and rest of a counter add up to what the host saw of it.
    """
    counters = sorted({n for step in steps for n in step.after if part_of(n) == "gpu"})
    sharing = GpuSharing([[] for _ in processes], {}, {})
    for counter in counters:
        timeline = host_timeline(curves, (counter,))
        using = _using(counter, processes, steps)
        _share_equally(counter, using, timeline)
        uses = {
            number: _use(number, counter, processes, accounts, own) for number, own in using.items()
        }
        _charge(counter, uses, accounts, timeline.energy_kwh, idle_policy, sharing)
    return sharing


def _charge(
    counter: str,
    uses: Mapping[int, GpuUse],
    accounts: Mapping[int, Sequence[Account]],
    total_kwh: float,
    idle_policy: IdlePolicy,
    sharing: GpuSharing,
) -> None:
    """Charge what is known first, and share what remains between the others."""
    left_kwh, idle_kwh = total_kwh, 0.0
    for known in (True, False):
        group = {number: use for number, use in uses.items() if use.known is known}
        wanted = {
            number: sum(use.energy_kwh(account) for account in accounts[number])
            for number, use in group.items()
        }
        asked_kwh = sum(wanted.values())
        scale = min(1.0, left_kwh / asked_kwh) if asked_kwh > 0 else 1.0
        for number, use in group.items():
            if use.idle and idle_policy is IdlePolicy.NONE:
                idle_kwh += scale * wanted[number]
                continue
            sharing.uses[number].append(replace(use, scale=use.scale * scale))
            left_kwh -= scale * wanted[number]
    rest_kwh = max(0.0, left_kwh)
    sharing.rest_kwh[counter] = rest_kwh
    sharing.rest_idle_kwh[counter] = min(rest_kwh, idle_kwh)


def _using(
    counter: str, processes: Sequence[ProcessRecords], steps: Sequence[Step]
) -> dict[int, list[Step]]:
    """Find the steps of each process that may use a GPU and read its counter."""
    found: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        gpus = processes[step.process].process.gpus
        if (
            counter in step.before
            and counter in step.after
            and (gpus is None or gpu_of(counter) in gpus)
        ):
            found[step.process].append(step)
    # A launcher waits for its children: what they use is theirs.
    launchers = {
        number
        for number in found
        for child in found
        if child != number and processes[child].process.is_child_of(processes[number].process)
    }
    tells = f"{counter.rpartition('_')[0]}-busy_s"
    return {
        number: own
        for number, own in found.items()
        if number not in launchers or any(tells in step.after for step in own)
    }


def _share_equally(counter: str, using: Mapping[int, Sequence[Step]], timeline: Timeline) -> None:
    """Give each process an equal part of each moment in which it could use the GPU."""
    steps = [step for own in using.values() for step in own]
    moments = sorted({moment for step in steps for moment in (step.start_s, step.stop_s)})
    lives = {n: (own[0].start_s, own[-1].stop_s) for n, own in using.items()}
    part_until = {moments[0]: 0.0} if moments else {}
    alone = {moments[0]: 0} if moments else {}
    shared_kwh, crowded = 0.0, 0
    for start_s, stop_s in pairwise(moments):
        count = sum(1 for begin_s, end_s in lives.values() if begin_s <= start_s < end_s)
        step_kwh = timeline.energy_until(stop_s) - timeline.energy_until(start_s)
        shared_kwh += step_kwh / max(1, count)
        crowded += count > 1
        part_until[stop_s], alone[stop_s] = shared_kwh, crowded
    for step in steps:
        if alone[step.stop_s] == alone[step.start_s]:
            # Its own readings stand at its edges, which samples do not.
            whole = max(0.0, step.after[counter] - step.before[counter])
            part_kwh = counter_kwh(counter, whole)
        else:
            part_kwh = part_until[step.stop_s] - part_until[step.start_s]
        for account in step.holders:
            account.equal_kwh[counter] += part_kwh / len(step.holders)


@dataclass(slots=True)
class _Block:
    """Steps of one process that are long enough to compare kernels with energy."""

    since_s: float
    steps: list[Step] = field(default_factory=list)


def _share_by_kernels(counter: str, own: Sequence[Step]) -> tuple[float, float]:
    """Charge each block of steps by the time of the kernels in it; own and all time [s]."""
    gpu = counter.rpartition("_")[0]

    def moved(steps: Sequence[Step], name: str) -> float:
        return sum(max(0.0, s.after.get(name, 0.0) - s.before.get(name, 0.0)) for s in steps)

    blocks, block = [], _Block(own[0].start_s)
    for step in own:
        block.steps.append(step)
        long_enough = step.stop_s - block.since_s >= _LEAST_S
        if long_enough and moved(block.steps, f"{gpu}-busy_s") > 0:
            blocks.append(block)
            block = _Block(step.stop_s)
    if blocks:
        blocks[-1].steps += block.steps
    else:
        blocks = [block]
    for one in blocks:
        busy_s = moved(one.steps, f"{gpu}-busy_s")
        part = min(1.0, moved(one.steps, f"{gpu}-own_s") / busy_s) if busy_s > 0 else 0.0
        for step in one.steps:
            whole = max(0.0, step.after[counter] - step.before[counter])
            for account in step.holders:
                account.used_kwh[counter] += part * counter_kwh(counter, whole) / len(step.holders)
    return moved(own, f"{gpu}-own_s"), moved(own, f"{gpu}-busy_s")


def _use(
    number: int,
    counter: str,
    processes: Sequence[ProcessRecords],
    accounts: Mapping[int, Sequence[Account]],
    own: Sequence[Step],
) -> GpuUse:
    gpu = counter.rpartition("_")[0]
    if not any(f"{gpu}-busy_s" in step.after for step in own):
        equal_kwh = sum(account.equal_kwh.get(counter, 0.0) for account in accounts[number])
        whole_kwh = sum(
            counter_kwh(counter, max(0.0, step.after[counter] - step.before[counter]))
            for step in own
        )
        return GpuUse(counter, known=False, alone=equal_kwh >= (1 - 1e-9) * whole_kwh)
    own_s, busy_s = _share_by_kernels(counter, own)
    if busy_s <= 0:
        return GpuUse(counter, known=True, idle=True)
    # A parent counts what its children use; those with journals say so themselves.
    tracked_s = sum(
        account.counters.get(f"{gpu}-own_s", 0.0)
        for of, child in enumerate(processes)
        if of != number and child.process.is_child_of(processes[number].process)
        for account in accounts[of]
    )
    left = max(0.0, 1 - tracked_s / own_s) if own_s > 0 else 0.0
    return GpuUse(counter, known=True, scale=left)
