"""Rounds of federated learning in virtual time: select, execute, account, and again.

Time passes in steps. A scheduler chooses among the clients that have energy and capacity
now; the round then runs on what there really is, step by step (`execution`). If nobody is
chosen, the clock moves on a little and the scheduler is asked again.

After P. Wiesner et al., "FedZero", arXiv 2305.15092, and github.com/dos-group/fedzero, commit
1c8ae6a3, in our reading; `docs/simulation.md` says what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.scheduling.base import (
    Candidates,
    ClientOutcome,
    Outcome,
    Scheduler,
    SelectionState,
    chosen,
    needs_of,
)
from footprint.scheduling.candidates import ClientTable
from footprint.simulation.accounts import Accounts
from footprint.simulation.arrays import Floats
from footprint.simulation.execution import Execution, execute
from footprint.simulation.learners import Learner, RoundWork
from footprint.simulation.results import SimulationRun
from footprint.simulation.spending import SpendingLimit, plan_spending, spending_of
from footprint.simulation.views import Observer, tabulate
from footprint.simulation.world import Rules, World
from footprint.units import joules_to_kwh


def simulate(
    world: World,
    scheduler: Scheduler,
    rules: Rules,
    *,
    seed: int = 0,
    budget: SpendingLimit | None = None,
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
    budget : SpendingLimit, optional
        The simulation ends before a round that it does not allow.
    learner : Learner, optional
        Trains in each round, and says what its clients' updates were worth.

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
    run = _Simulation(world, scheduler, rules, seed, budget, learner)
    run.advance()
    return run.result()


@dataclass(slots=True)
class _Simulation:
    """A simulation that runs."""

    world: World
    scheduler: Scheduler
    rules: Rules
    seed: int
    budget: SpendingLimit | None
    learner: Learner | None
    now_s: int = field(init=False)
    table: ClientTable = field(init=False)
    observer: Observer = field(init=False)
    accounts: Accounts = field(init=False)
    waited: int = 0
    waited_before: int = 0
    ended_by: str = "length"

    def __post_init__(self) -> None:
        self.world.require(self.rules)
        self.now_s = self.rules.start_s
        self.table = tabulate(self.world, self.rules)
        needs = needs_of(self.scheduler)
        self.observer = Observer(self.world, self.rules, self.table, needs)
        self.accounts = Accounts(self.world, self.rules)

    def advance(self) -> None:
        """Run rounds until the end."""
        rules = self.rules
        choices = np.random.default_rng([self.seed, 0])
        fates = np.random.default_rng([self.seed, 1])
        while self.now_s < rules.stop_s:
            number = len(self.accounts) + 1
            if number > rules.most_rounds:
                self.ended_by = "rounds"
                return
            state = self.observer.state(number, self.now_s)
            ids = () if state is None else chosen(self.scheduler, state, choices)
            if state is None or not ids:
                self._wait()
                continue
            clients = state.candidates.find(ids)
            if not self._is_allowed(Candidates(self.table, clients)):
                self.ended_by = "budget"
                return
            luck = fates.random(len(clients))
            done = execute(self.world, rules, clients, self.now_s, luck, self.accounts.ledger)
            self._finish(state, done)

    def _wait(self) -> None:
        steps = min(self.rules.retry, (self.rules.stop_s - self.now_s) // self.rules.step_s)
        self.waited += steps
        self.now_s += steps * self.rules.step_s

    def _finish(self, state: SelectionState, done: Execution) -> None:
        """Account for a round, and tell the scheduler of it."""
        start_s = self.now_s
        self.now_s += done.steps * self.rules.step_s
        metrics = self._train(state.round, done)
        self.accounts.add(start_s, self.waited - self.waited_before, done)
        self.waited_before = self.waited
        self._remember(state.round, done, metrics)
        self.observer.refresh()
        outcomes = _Outcomes(done, self.table, metrics)
        self.scheduler.observe(Outcome(state.round, start_s, self.now_s, outcomes))
        if self.budget is not None:
            self.budget = self.budget.book(spending_of(self.budget, self.rules, done))

    def _is_allowed(self, asked: Candidates) -> bool:
        """Whether the budget has enough for a round of these clients."""
        if self.budget is None:
            return True
        intensity = self.observer.intensity_now(self.now_s)
        planned = plan_spending(self.budget, self.world, self.rules, asked, intensity)
        return self.budget.allows(planned)

    def _train(self, number: int, done: Execution) -> dict[str, Floats]:
        """Let the learner train; its metrics, one value per accepted client."""
        if self.learner is None:
            return {}
        work = RoundWork(number, done.clients[done.accepted], done.units[done.accepted])
        metrics = {name: np.asarray(m, float) for name, m in self.learner.train(work).items()}
        for name, values in metrics.items():
            if values.shape != work.clients.shape:
                raise UsageError(
                    f"The learner gave {values.size} values of {name!r} for {len(work.clients)} "
                    "clients.",
                    "It must return one value per client.",
                )
        return metrics

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
            budget=self.budget,
            findings=(*world.findings(), *self.accounts.findings(self.table)),
        )


class _Outcomes(Sequence[ClientOutcome]):
    """What came of each client, made when somebody looks at it."""

    def __init__(self, done: Execution, table: ClientTable, metrics: dict[str, Floats]) -> None:
        self._done, self._ids = done, table.ids
        self._place = np.cumsum(done.accepted) - 1
        self._metrics = metrics

    def __len__(self) -> int:
        return len(self._done.clients)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        done = self._done
        accepted = bool(done.accepted[place])
        status = ReplyStatus.NO_REPLY if done.dropped[place] else ReplyStatus.LATE
        column = self._place[place]
        return ClientOutcome(
            self._ids[done.clients[place]],
            ReplyStatus.OK if accepted else status,
            float(joules_to_kwh(float(done.train_ws[place] + done.wait_ws[place]))),
            float(done.ready_s[place]) if accepted else None,
            {name: float(m[column]) for name, m in self._metrics.items()} if accepted else {},
        )
