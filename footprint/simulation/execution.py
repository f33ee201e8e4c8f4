"""A round or a probe, step by step, on the energy and the capacity that there really are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.errors import SimulationError
from footprint.model import Phase
from footprint.simulation.arrays import Flags, Floats, Integers
from footprint.simulation.booking import GRID, Ledger
from footprint.simulation.sharing import Grouping, share_alone, share_step
from footprint.simulation.tasks import Task
from footprint.simulation.traces import moment
from footprint.simulation.world import Rules, World
from footprint.units import J_PER_KWH, joules_to_kwh

ROUNDING = 1e-9
"""How far a sum may pass its limit because numbers are rounded, as a share of it."""
_FEW = 64  # clients up to which plain lists are faster than arrays
_CHUNK = 500_000  # numbers per array: rounds of many clients are run in shorter stretches
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Execution:
    """What the clients of a task did. Arrays have one value per client, in one order.

    Attributes
    ----------
    clients : ndarray of int
        Their numbers in the fleet.
    steps : int
        Its length.
    accepted, dropped : ndarray of bool
        Did at least their least work in time; were lost. The others were late.
    units : ndarray of float
        Work done [units].
    train_ws, wait_ws : ndarray of float
        Energy of work, and of being on without it [Ws].
    train_excess_ws, wait_excess_ws : ndarray of float
        Part of it that was excess energy [Ws].
    emissions_g : ndarray of float
        Of the part from the grid, by its actual intensity; NaN where nobody knows it [gCO2e].
    network_ws, network_g : ndarray of float
        Of carrying what follows: energy that is in none of the others [Ws], and the part of the
        emissions that it makes [gCO2e].
    busy_s, present_s : ndarray of float
        Time at work, and in the round at all [s].
    ready_s : ndarray of float
        Time from the start to the least work; NaN if it was not reached [s].
    down_gb, up_gb : ndarray of float
        Models received, and updates sent [GB].
    """

    clients: Integers
    steps: int
    accepted: Flags
    dropped: Flags
    units: Floats
    train_ws: Floats
    wait_ws: Floats
    train_excess_ws: Floats
    wait_excess_ws: Floats
    emissions_g: Floats
    busy_s: Floats
    present_s: Floats
    ready_s: Floats
    network_ws: Floats
    network_g: Floats
    down_gb: Floats
    up_gb: Floats


def execute(
    world: World,
    rules: Rules,
    task: Task,
    now_s: int,
    ledger: Ledger,
    *,
    luck: Floats | None = None,
    most_steps: int | None = None,
) -> Execution:
    """Run one task.

    Parameters
    ----------
    world : World
    rules : Rules
    task : Task
    now_s : int
        When it begins [s].
    ledger : Ledger
        Gets the energy of each domain and hour.
    luck : ndarray of float, optional
        A number from 0 to 1 per client, in their order: below its chance to drop out, it
        does, the earlier the smaller. Left out, nobody does.
    most_steps : int, optional
        Steps after which it ends at the latest, uploads apart. The deadline if left out.

    Raises
    ------
    SimulationError
        If a domain used more energy than it had.
    """
    order = np.lexsort((task.clients, world.fleet.domain[task.clients]))
    lucky = np.ones(len(order)) if luck is None else luck[order]
    work = _Work(world, rules, task.sorted_by(order), now_s, lucky)
    left = min(rules.deadline, (rules.stop_s - now_s) // rules.step_s)
    if most_steps is not None:
        left = min(left, most_steps)
    stretch = max(1, min(32, _CHUNK // len(order)))
    while left and not work.is_over:
        left -= work.run(min(stretch, left), ledger)
    if task.phase is Phase.TRAIN:
        work.upload(ledger)
    return work.result(ledger)


class _Work:
    """The state of a task that runs; arrays of one value per client, sorted by domain."""

    def __init__(self, world: World, rules: Rules, task: Task, now_s: int, luck: Floats) -> None:
        fleet, clients = world.fleet, task.clients
        self.world, self.rules, self.clients, self.start_s = world, rules, clients, now_s
        self.by = Grouping.by(fleet.domain[clients])
        ratios = task.ratios
        self.unit_ws = fleet.energy_per_unit_ws[clients] * ratios.energy
        self.slowness = ratios.time
        self.aims = (task.least_units * self.unit_ws, task.most_units * self.unit_ws)
        idle_w = fleet.idle_w[clients]
        self.idle_ws = np.where(np.isnan(idle_w), 0.0, idle_w) * rules.step_s
        speed = fleet.units_per_s[clients] / ratios.time
        self.full_ws = speed * self.unit_ws * rules.step_s
        self.down_gb = np.where(task.informed, 0.0, fleet.message_gb * ratios.down)
        self.up_ratio = ratios.up
        receiving_s = np.where(task.informed, 0.0, fleet.download_s(clients) * ratios.down)
        self.begins = _steps(receiving_s, rules.step_s)
        chance = task.chance
        # Of those that drop out, each step of the longest round is as likely as another.
        share = np.divide(luck, chance, out=np.ones(len(clients)), where=chance > 0)
        self.lost_at = np.where(luck < chance, (share * rules.deadline).astype(np.int64), _NEVER)
        self.enough, self.phase = task.enough, task.phase
        self.step = 0
        self.is_over = False
        self.ready = np.full(len(clients), _NEVER)
        self.sums = {name: np.zeros(len(clients)) for name in _SUMS}

    @property
    def done_ws(self) -> Floats:
        return self.sums["train_ws"]

    def run(self, steps: int, ledger: Ledger) -> int:
        """Run some steps, or fewer if the round is over before; returns how many it were."""
        now_s = self.start_s + self.step * self.rules.step_s
        units = self.world.spare(self.clients, now_s, self.rules.step_s, steps) / self.slowness
        spare = units * self.unit_ws
        number = self.step + np.arange(steps)[:, None]
        there = number < self.lost_at
        spare = np.where(there & (number >= self.begins), spare, 0.0)
        excess, energy = self._energy(now_s, steps)
        share = self._share_few if len(self.clients) <= _FEW else self._share_many
        given = share(energy, spare)
        ran = len(given)
        self._book(given, there[:ran], excess[:ran], energy[:ran], ledger)
        return ran

    def upload(self, ledger: Ledger) -> None:
        """Let the round last until the slowest of those that count has sent its update."""
        sending_s = self.world.fleet.upload_s(self.clients) * self.up_ratio
        times = _steps(sending_s, self.rules.step_s)
        now_s = self.start_s + self.step * self.rules.step_s
        steps = int(times[self._is_accepted()].max(initial=0))
        steps = min(steps, (self.rules.stop_s - now_s) // self.rules.step_s)
        if steps:
            there = self.step + np.arange(steps)[:, None] < self.lost_at
            excess, energy = self._energy(now_s, steps)
            self._book(np.zeros((steps, len(self.clients))), there, excess, energy, ledger)

    def result(self, ledger: Ledger) -> Execution:
        """Charge the network, and sum the round up."""
        up_gb = self.world.fleet.update_gb * self.up_ratio * self._is_accepted()
        down_ws, down_g = self._carry(self.down_gb, 0, Phase.DOWNLOAD, ledger)
        up_ws, up_g = self._carry(up_gb, max(0, self.step - 1), Phase.UPLOAD, ledger)
        network_g = down_g + up_g
        self.sums["emissions_g"] += network_g
        ready_s = np.where(self.ready < _NEVER, (self.ready + 1) * float(self.rules.step_s), np.nan)
        return Execution(
            clients=self.clients,
            steps=self.step,
            accepted=self._is_accepted(),
            dropped=self.lost_at < self.step,
            units=_whole(self.sums["train_ws"] / self.unit_ws),
            ready_s=ready_s,
            network_ws=down_ws + up_ws,
            network_g=network_g,
            down_gb=self.down_gb,
            up_gb=up_gb,
            **self.sums,
        )

    def _carry(
        self, data_gb: Floats, step: int, phase: Phase, ledger: Ledger
    ) -> tuple[Floats, Floats]:
        """Charge the network for messages in a step: energy, and what it emits."""
        spent_ws = data_gb * self.world.fleet.network_kwh_per_gb * J_PER_KWH
        if not spent_ws.any():
            return spent_ws, np.zeros(len(spent_ws))
        now_s = self.start_s + step * self.rules.step_s
        entries = np.zeros((1, 2, 1, len(self.by.domains)))
        entries[0, GRID, 0] = self.by.sums(spent_ws[None])[0]
        ledger.add(now_s, self.by.domains, (phase,), entries)
        intensity = self.world.intensity(now_s, self.rules.step_s, 1)[0, self.by.domains]
        grams = joules_to_kwh(spent_ws) * intensity[self.by.of]
        return spent_ws, np.where(spent_ws > 0, grams, 0.0)

    def _is_accepted(self) -> Flags:
        return (self.ready < _NEVER) & (self.lost_at >= self.step)

    def _energy(self, now_s: int, steps: int) -> tuple[Floats, Floats]:
        """Excess energy, and all that may be drawn, of the domains of this round [Ws]."""
        domains = self.by.domains
        excess = self.world.excess_ws(now_s, self.rules.step_s, steps)[:, domains]
        return excess, np.where(self.world.supply.unlimited[domains], np.inf, excess)

    def _share_many(self, energy: Floats, spare: Floats) -> Floats:
        given = np.zeros(spare.shape)
        done = self.done_ws.copy()
        enough_ws = self.aims[0] * (1 - ROUNDING)
        for n in range(len(spare)):
            room = np.minimum(spare[n], self.aims[1] - done)
            given[n] = share_step(energy[n], room, done, self.aims, self.by)
            done += given[n]
            reached = done >= enough_ws
            self.ready[reached & (self.ready == _NEVER)] = self.step + n
            if np.count_nonzero(reached & (self.lost_at > self.step + n)) >= self.enough:
                self.is_over = True
                return given[: n + 1]
        return given

    def _share_few(self, energy: Floats, spare: Floats) -> Floats:
        """Do the same with lists."""
        done: list[float] = self.done_ws.tolist()
        least, most = self.aims[0].tolist(), self.aims[1].tolist()
        lost_at, ready = self.lost_at.tolist(), self.ready.tolist()
        enough_ws = [aim * (1 - ROUNDING) for aim in least]
        edges = [*self.by.start.tolist(), len(done)]
        groups = [(g, edges[g], edges[g + 1]) for g in range(len(edges) - 1)]
        pending = [c for c, when in enumerate(ready) if when == _NEVER]
        given: list[list[float]] = []
        for step, powers, spares in zip(
            range(self.step, self.step + len(spare)), energy.tolist(), spare.tolist(), strict=True
        ):
            room = [s if s < m - d else m - d for s, m, d in zip(spares, most, done, strict=True)]
            for g, a, b in groups:
                if sum(room[a:b]) > powers[g]:
                    to_least = [least[c] - done[c] for c in range(a, b)]
                    to_most = [most[c] - done[c] for c in range(a, b)]
                    room[a:b] = share_alone(powers[g], room[a:b], (to_least, to_most))
            given.append(room)
            done = [d + e for d, e in zip(done, room, strict=True)]
            reached = [c for c in pending if done[c] >= enough_ws[c]]
            if reached:
                for c in reached:
                    ready[c] = step
                pending = [c for c in pending if ready[c] == _NEVER]
                if sum(r <= step < lost for r, lost in zip(ready, lost_at, strict=True)) >= (
                    self.enough
                ):
                    self.is_over = True
                    break
        self.ready = np.array(ready, dtype=np.int64)
        return np.array(given)

    def _book(
        self, given: Floats, there: Flags, excess: Floats, energy: Floats, ledger: Ledger
    ) -> None:
        """Charge waiting, split by source, check that no energy was used twice, add up."""
        by, of, step_s = self.by, self.by.of, self.rules.step_s
        now_s = self.start_s + self.step * step_s
        busy = given / self.full_ws
        train = by.sums(given)
        # Work comes first; who waits gets what is left, and is off where nothing is.
        wish = np.where(there, self.idle_ws * np.maximum(1 - busy, 0.0), 0.0)
        wished = by.sums(wish)
        rest = np.maximum(energy - train, 0.0)
        served = np.divide(rest, wished, out=np.ones(wished.shape), where=wished > rest)
        waiting = wish * served[:, of]
        wait = by.sums(waiting)
        self._check(train + wait, energy, now_s)
        # Without a grid all is excess energy, whatever rounding makes of the sums.
        grid = self.world.supply.unlimited[by.domains]
        excess_train = np.where(grid, np.minimum(train, excess), train)
        excess_wait = np.where(grid, np.minimum(wait, excess - excess_train), wait)
        entries = ((excess_train, train - excess_train), (excess_wait, wait - excess_wait))
        ledger.add(now_s, by.domains, (self.phase, Phase.WAIT), np.array(entries))
        from_excess = (
            given * _part(excess_train, train)[:, of],
            waiting * _part(excess_wait, wait)[:, of],
        )
        from_grid = given - from_excess[0] + waiting - from_excess[1]
        intensity = self.world.intensity(now_s, step_s, len(given))[:, by.domains][:, of]
        sums = self.sums
        sums["train_ws"] += given.sum(axis=0)
        sums["wait_ws"] += waiting.sum(axis=0)
        sums["train_excess_ws"] += from_excess[0].sum(axis=0)
        sums["wait_excess_ws"] += from_excess[1].sum(axis=0)
        # Where nothing came from the grid, its intensity does not matter.
        sums["emissions_g"] += joules_to_kwh(
            np.where(from_grid > 0, from_grid * intensity, 0.0).sum(axis=0)
        )
        sums["busy_s"] += busy.sum(axis=0) * step_s
        sums["present_s"] += there.sum(axis=0) * float(step_s)
        self.step += len(given)

    def _check(self, used: Floats, energy: Floats, now_s: int) -> None:
        wrong = used > energy * (1 + ROUNDING)
        if wrong.any():
            step, group = (int(n) for n in np.argwhere(wrong)[0])
            domain = self.world.supply.domains[int(self.by.domains[group])]
            raise SimulationError(
                f"The power domain {domain.name!r} used {used[step, group]:g} Ws of "
                f"{energy[step, group]:g} Ws in the step after "
                f"{moment(now_s + step * self.rules.step_s)}.",
                "This is an error of the simulation; please report it.",
            )


_SUMS = (
    "train_ws",
    "wait_ws",
    "train_excess_ws",
    "wait_excess_ws",
    "emissions_g",
    "busy_s",
    "present_s",
)


def _steps(times_s: Floats, step_s: int) -> Integers:
    """Count the steps that times take, rounded up."""
    return np.ceil(times_s / step_s - ROUNDING).astype(np.int64)


def _whole(units: Floats) -> Floats:
    """Work, whole where it is whole but for rounding: a learner does the whole units of it."""
    nearest = np.rint(units)
    return np.where(np.abs(units - nearest) <= ROUNDING * units, nearest, units)


def _part(some: Floats, whole: Floats) -> Floats:
    return np.divide(some, whole, out=np.zeros(whole.shape), where=whole > 0)
