"""Rounds of federated learning in virtual time: select, execute, account, and again.

Time passes in steps. A scheduler chooses among the clients that have energy and capacity
now; the round then runs on what there really is, step by step (`execution`). If nobody is
chosen, the clock moves on a little and the scheduler is asked again.

After P. Wiesner et al., "FedZero", arXiv 2305.15092, and github.com/dos-group/fedzero, commit
1c8ae6a3, in our reading; `docs/simulation.md` says what differs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field, replace

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.base import (
    Candidates,
    Outcome,
    Scheduler,
    SelectionState,
    chosen,
    findings_of,
    horizon_of,
    methods_of,
    needs_of,
    weights_of,
)
from footprint.scheduling.budget import Budget
from footprint.scheduling.candidates import ClientTable
from footprint.simulation.accounts import Accounts
from footprint.simulation.arrays import Floats, Integers
from footprint.simulation.booking import Ledger
from footprint.simulation.execution import Execution, execute
from footprint.simulation.learners import (
    Learner,
    RoundWork,
    accuracy_of,
    differentiable,
    require_methods,
)
from footprint.simulation.methods import Methods
from footprint.simulation.outcomes import Outcomes
from footprint.simulation.probing import Followed, SimulatedProbes
from footprint.simulation.results import SimulationRun
from footprint.simulation.spending import Amounts, Verdict, Wallet, amounts_of
from footprint.simulation.tasks import Task
from footprint.simulation.views import Observer, tabulate
from footprint.simulation.world import Rules, World
from footprint.units import joules_to_kwh


def simulate(
    world: World,
    scheduler: Scheduler,
    rules: Rules,
    *,
    seed: int = 0,
    budgets: Sequence[Budget] = (),
    learner: Learner | None = None,
) -> SimulationRun:
    """Run federated learning in a simulated world.

    Parameters
    ----------
    world : World
    scheduler : Scheduler
    rules : Rules
    seed : int
        Of the scheduler's random numbers, and of who drops out.
    budgets : sequence of Budget
        Before a round that one that binds does not allow, the simulation ends. A round that would
        pass it nevertheless is broken off: what is hard is kept, by what was measured.
    learner : Learner, optional
        Trains in each round, and says what its clients' updates were worth. See also `Testable`
        and `Differentiable`.

    Returns
    -------
    SimulationRun

    Raises
    ------
    UsageError
        If the world does not cover the simulation, or the scheduler asks for what is not there
        or chooses whom it cannot.
    SimulationError
        If a domain used more energy than it had.
    """
    run = _Simulation(world, scheduler, rules, seed, tuple(budgets), learner)
    run.advance()
    return run.result()


@dataclass(slots=True)
class _Simulation:
    """A simulation that runs."""

    world: World
    scheduler: Scheduler
    rules: Rules
    seed: int
    budgets: InitVar[tuple[Budget, ...]]
    learner: Learner | None
    now_s: int = field(init=False)
    table: ClientTable = field(init=False)
    observer: Observer = field(init=False)
    accounts: Accounts = field(init=False)
    wallet: Wallet = field(init=False)
    methods: Methods = field(init=False)
    waited: int = 0
    waited_before: int = 0
    overhead_s: float = 0.0
    ended_by: str = ""

    def __post_init__(self, budgets: tuple[Budget, ...]) -> None:
        self.world.require(self.rules)
        require_methods(self.learner, self.scheduler)
        self.methods = Methods(self.world.fleet, len(self.world.supply.domains))
        self.now_s = self.rules.start_s
        self.table = tabulate(self.world, self.rules)
        self.observer = Observer(
            self.world,
            self.rules,
            self.table,
            needs_of(self.scheduler),
            horizon_of(self.scheduler),
        )
        self.accounts = Accounts(self.world, self.rules)
        self.wallet = Wallet(self.world, self.rules, budgets, self.now_s)

    def advance(self) -> None:
        """Run rounds until the end."""
        # Streams of their own: learners and worlds draw from the bare seed.
        choices, fates = (
            np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(stream,)))
            for stream in (1, 2)
        )
        while not self.ended_by and self.now_s < self.rules.stop_s:
            if len(self.accounts) >= self.rules.most_rounds:
                self.ended_by = "rounds"
            elif not self.wallet.fits(Amounts(), self.now_s):
                self.ended_by = "budget"
            else:
                self._try_round(choices, fates)
        self.ended_by = self.ended_by or "length"

    def _try_round(self, choices: np.random.Generator, fates: np.random.Generator) -> None:
        """Let the scheduler choose, and run a round if it chose somebody who may begin."""
        number = len(self.accounts) + 1
        state = self.observer.state(number, self.now_s)
        if state is None:
            self._wait(self.rules.retry)
            return
        probes = self._probes(state)
        asked = replace(state, budget=self.wallet.shown, probes=probes)
        begin = time.perf_counter()
        ids = chosen(self.scheduler, asked, choices)
        costs = methods_of(self.scheduler, ids, asked) if ids else None
        own_s = 0.0 if probes is None else probes.own_s
        self.overhead_s += time.perf_counter() - begin - own_s
        if not ids or self.now_s >= self.rules.stop_s:
            self._wait(self.rules.retry)
            return
        clients = state.candidates.find(ids)
        self.methods.begin(clients, costs)
        intensity = self.observer.intensity_now(self.now_s)
        asked_now = Candidates(self.table, clients)
        planned = self.methods.beside_last(asked_now, self.rules.updates)
        verdict = self.wallet.judge(asked_now, intensity, self.now_s, planned)
        if verdict is Verdict.END:
            self.ended_by = "budget"
        elif verdict is Verdict.PASS:
            self._pass()
        else:
            # Drawn for everybody, so that a client has one fate in a round, whoever else is asked.
            self._run_round(number, clients, fates.random(len(self.table))[clients])

    def _probes(self, state: SelectionState) -> SimulatedProbes | None:
        learner = differentiable(self.learner)
        if learner is None:
            return None
        there = frozenset(state.candidates.number.tolist())
        return SimulatedProbes(learner, there, self._run_probe)

    def _run_probe(self, clients: Integers, units: Floats) -> Execution | None:
        """Let clients compute gradients; its time passes, and the next round is charged."""
        if self.now_s >= self.rules.stop_s:
            return None
        done = self._run(Task.probing(clients, units, self.accounts.informed[clients]))
        if done is not None:
            taken = amounts_of(self.world, done)
            self.accounts.probe(done, taken)
            self.wallet.probed += taken
        return done

    def _wait(self, steps: int) -> None:
        """Let time pass in which nobody works, up to a moment at which a round may begin."""
        rules = self.rules
        after = self.now_s + steps * rules.step_s - rules.start_s
        beat_s = rules.cadence * rules.step_s
        until_s = min(rules.start_s + -(-after // beat_s) * beat_s, rules.stop_s)
        while not self.wallet.fits(Amounts(), until_s):
            # A server that waits spends, too.
            until_s -= rules.step_s
            self.ended_by = "budget"
        self.waited += (until_s - self.now_s) // rules.step_s
        self.now_s = until_s

    def _pass(self) -> None:
        """Let a round pass that a paced budget does not allow yet."""
        self._wait(self.rules.retry)
        self.wallet.book(Amounts(), self.now_s)

    def _run_round(self, number: int, clients: Integers, luck: Floats) -> None:
        """Run a round, account for it, and tell the scheduler of it."""
        start_s = self.now_s
        task = Task.training(
            self.world.fleet,
            self.rules,
            clients,
            self.accounts.informed[clients],
            self.methods.ratios(clients),
        )
        done = self._run(task, luck)
        if done is None:
            return
        metrics = self._train(number, done)
        self.methods.add(done)
        taken = amounts_of(self.world, done)
        booked = self.wallet.book(taken, self.now_s)
        self.accounts.add(
            start_s, self.waited - self.waited_before, done, taken, accuracy_of(self.learner)
        )
        self.waited_before = self.waited
        self._remember(number, done, metrics)
        self.observer.refresh()
        followed = self._followed(done)
        outcome = Outcome(
            number,
            start_s,
            self.now_s,
            Outcomes(done, self.table, metrics),
            booked.energy_kwh,
            None if np.isnan(booked.emissions_g) else booked.emissions_g,
            followed,
        )
        begin = time.perf_counter()
        self.scheduler.observe(outcome)
        followed.end()
        self.overhead_s += time.perf_counter() - begin
        self._wait(0)

    def _run(self, task: Task, luck: Floats | None = None) -> Execution | None:
        """Run a task now, and let its time pass; within what budgets allow.

        A task that would pass a budget which binds is run again, and broken off in the last step
        that does not; None if there is no such step.
        """
        before = self.accounts.ledger
        ledger = before.copy() if self.wallet.binds else before
        done = execute(self.world, self.rules, task, self.now_s, ledger, luck=luck)
        if not self._fits(done):
            self.ended_by = "budget"
            least, most = 0, done.steps
            while least < most:
                tried = (least + most + 1) // 2
                if self._fits(self._cut(task, luck, tried, before.copy())):
                    least = tried
                else:
                    most = tried - 1
            if not least:
                return None
            ledger = before.copy()
            done = self._cut(task, luck, least, ledger)
        self.accounts.ledger = ledger
        self.now_s += done.steps * self.rules.step_s
        return done

    def _cut(self, task: Task, luck: Floats | None, steps: int, ledger: Ledger) -> Execution:
        return execute(
            self.world, self.rules, task, self.now_s, ledger, luck=luck, most_steps=steps
        )

    def _fits(self, done: Execution) -> bool:
        if not self.wallet.binds:
            return True
        stop_s = self.now_s + done.steps * self.rules.step_s
        return self.wallet.fits(amounts_of(self.world, done), stop_s)

    def _train(self, number: int, done: Execution) -> dict[str, Floats]:
        """Let the learner train; its metrics, one value per accepted client."""
        if self.learner is None:
            return {}
        clients = done.clients[done.accepted]
        weights = weights_of(self.scheduler, self.table.ids[clients].tolist())
        units, methods = done.units[done.accepted], self.methods.of(clients)
        work = RoundWork(number, clients, units, weights, methods)
        metrics = {name: np.asarray(m, float) for name, m in self.learner.train(work).items()}
        for name, values in metrics.items():
            if values.shape != work.clients.shape:
                raise UsageError(
                    f"The learner gave {values.size} values of {name!r} for {len(work.clients)} "
                    "clients.",
                    "It must return one value per client.",
                )
        return metrics

    def _followed(self, done: Execution) -> Followed:
        learner = differentiable(self.learner)
        ids = [] if learner is None else self.table.ids[done.clients[done.accepted]].tolist()
        return Followed(learner, ids)

    def _remember(self, number: int, done: Execution, metrics: dict[str, Floats]) -> None:
        """Write what is known of the clients now."""
        table = self.table
        table.asked[done.clients] += 1
        good = done.clients[done.accepted]
        table.answered[good] += 1
        table.last_round[good] = number
        spent_ws = done.train_ws + done.wait_ws
        table.energy_kwh[good] = joules_to_kwh(spent_ws[done.accepted])
        table.duration_s[good] = done.ready_s[done.accepted]
        for name, values in metrics.items():
            column = table.utility if name == "utility" else table.metrics.get(name)
            if column is None:
                column = table.metrics[name] = np.full(len(table), np.nan)
            column[good] = values

    def result(self) -> SimulationRun:
        """Sum up."""
        world, rules = self.world, self.rules
        if self.wallet.booked_s < self.now_s:
            # What servers and probes took after the last round counts as well.
            self.wallet.book(Amounts(), self.now_s)
        server_kwh, server_g = self._server()
        return SimulationRun(
            name=world.name,
            policy=type(self.scheduler).__name__,
            seed=self.seed,
            rules=rules,
            domains=world.supply.domains,
            rounds=self.accounts.rounds(),
            clients=self.accounts.clients(self.table),
            hours=self.accounts.hours(),
            elapsed_s=float(self.now_s - rules.start_s),
            waited_s=float(self.waited * rules.step_s),
            signal=world.supply.signal,
            tier=world.fleet.tier,
            ended_by=self.ended_by,
            budgets=self.wallet.budgets,
            server=world.server,
            server_kwh=server_kwh,
            server_g=server_g,
            overhead_s=self.overhead_s,
            methods=self.methods.used(),
            findings=(
                *world.findings(),
                *self.accounts.findings(self.table),
                *findings_of(self.scheduler),
                *findings_of(self.learner),
            ),
        )

    def _server(self) -> tuple[float | None, float | None]:
        """Energy and emissions of the server, and of what the scheduler computed on it."""
        server = self.world.server
        if server is None:
            return None, None
        start_s = self.rules.start_s
        work_ws = server.power_w * (self.now_s - start_s) + server.compute_w * self.overhead_s
        energy_kwh = float(joules_to_kwh(work_ws))
        grams = energy_kwh * self.world.server_intensity(start_s, self.now_s, self.rules.step_s)
        return energy_kwh, None if np.isnan(grams) else grams
