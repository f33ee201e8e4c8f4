"""FedZero as a scheduler: the shortest round that the forecasts allow, and the best one of those.

`problem` states a round, `search` plans it, `blocklist` keeps it fair; this is what joins
them with the contract of schedulers. Of a plan only the set of clients counts: neither its
duration nor its division of work binds the round that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from footprint.model import ReplyStatus
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.candidates import Integers
from footprint.scheduling.feasible import FORECASTS
from footprint.scheduling.fedzero.blocklist import Blocklist
from footprint.scheduling.fedzero.problem import Effort, Floats, Plan, RoundProblem
from footprint.scheduling.fedzero.search import Solver, largest_count, shortest_plan
from footprint.scheduling.fedzero.utility import normalised
from footprint.scheduling.oort import utility_of

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(slots=True)
class FedZero:
    """Choose the clients that finish soonest together, and of those sets the most useful one.

    After Wiesner et al., in our reading: see docs/scheduling.md.

    Parameters
    ----------
    blocklist : callable or None
        Makes the blocklist for a number of clients, for example
        ``partial(Blocklist, alpha=2.0)``; None for none.
    by_utility : bool
        Whether a client's work counts by its statistical utility, or all work alike.
    forecasts : bool
        Plan by forecasts, or as if energy and capacity stayed what they are now.
    effort : Effort
        Gap and time limits of a plan. A plan that ran into a limit depends on the machine.
    solver : Solver

    Attributes
    ----------
    plan : Plan or None
        The last plan, with its gap; None if no round was possible.
    """

    blocklist: Callable[[int], Blocklist] | None = Blocklist
    by_utility: bool = True
    forecasts: bool = True
    effort: Effort = field(default_factory=Effort)
    solver: Solver = Solver.DOMAINS
    plan: Plan | None = field(default=None, init=False)
    _blocklist: Blocklist | None = field(default=None, init=False)
    _asked: dict[str, int] = field(default_factory=dict, init=False)

    @property
    def needs(self) -> frozenset[Need]:
        """What it asks to be told."""
        return FORECASTS if self.forecasts else frozenset({Need.ENERGY, Need.SPARE})

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody if no round is possible now.

        Raises
        ------
        UsageError
            If there is no outlook, or a client has no domain or no least work.
        SolverError, MissingExtra
            As `search.shortest_plan`.
        """
        candidates = state.candidates
        utility = utility_of(candidates.everybody)
        free = self._free(state, utility, rng)
        self.plan = None
        if len(free) < max(1, state.wanted or 1) or state.wanted == 0:
            return []
        weight = normalised(utility) if self.by_utility else np.ones(len(utility))
        problem = self._problem(state, weight[candidates.number]).of_clients(free)
        count = state.wanted
        if count is None:
            # Nobody said how many: as many as can finish together in the longest round.
            count = largest_count(problem, time_limit_s=self.effort.feasibility_limit_s)
            if count == 0:
                return []
        problem = problem.for_count(count)
        self.plan = shortest_plan(problem, self.effort, self.solver)
        if self.plan is None:
            return []
        places = free[self.plan.chosen]
        names = candidates.names(places)
        self._asked = dict(zip(names, candidates.number[places].tolist(), strict=True))
        return names

    def observe(self, outcome: Outcome) -> None:
        """Remember who took part: those step back now."""
        if self._blocklist is None:
            return
        known = [client for client in outcome.clients if client.id in self._asked]
        good = np.array([client.status is ReplyStatus.OK for client in known], dtype=np.bool_)
        number = np.array([self._asked[client.id] for client in known], dtype=np.int64)
        self._blocklist.record(number[good], number[~good])

    def _free(self, state: SelectionState, utility: Floats, rng: Generator) -> Integers:
        """Places of the candidates that are not blocked."""
        candidates = state.candidates
        if self.blocklist is None:
            return np.arange(len(candidates))
        if self._blocklist is None:
            self._blocklist = self.blocklist(len(utility))
        known = max(len(utility), len(self._blocklist.blocked))
        self._blocklist.grow(known)
        available = np.zeros(known, dtype=np.bool_)
        available[candidates.number] = True
        blocked = self._blocklist.update(state.now_s, available, utility, rng)
        return np.flatnonzero(~blocked[candidates.number])

    def _problem(self, state: SelectionState, weight: Floats) -> RoundProblem:
        """State the coming round for all candidates, and for one client."""
        candidates, outlook = state.candidates, state.foreseen
        if self.forecasts:
            energy_ws, spare = outlook.energy.values, outlook.spare.values
        else:
            steps = outlook.steps
            energy_ws = np.repeat(outlook.energy_now[:, None], steps, axis=1)
            spare = np.repeat(outlook.spare_now[:, None], steps, axis=1)
        return RoundProblem(
            spare=spare,
            energy_ws=energy_ws,
            domain=candidates.domain,
            energy_per_batch_ws=candidates.energy_per_unit_ws,
            least=candidates.least,
            most=candidates.most,
            weight=weight,
            count=1,
        )
