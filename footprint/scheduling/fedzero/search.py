"""The shortest round that is possible, and the best plan for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from footprint.model.kinds import Vocabulary
from footprint.scheduling.fedzero.decomposition import is_feasible, plan_by_domains
from footprint.scheduling.fedzero.milp import plan_by_milp, usable
from footprint.scheduling.fedzero.problem import TOLERANCE, Effort, Plan, RoundProblem


class Solver(Vocabulary):
    """What finds the best plan of a duration. Both are exact, up to the gap."""

    DOMAINS = "domains"
    """Domain by domain: needs no solver where domains have up to 16 candidates."""
    ONE_MODEL = "one-model"
    """One program of HiGHS for all domains together."""


@dataclass(frozen=True, slots=True)
class Duration:
    """The shortest duration at which n clients can reach their least work.

    Attributes
    ----------
    steps : int
    proven : bool
        Whether all shorter ones are impossible, and none was given up for lack of time.
    """

    steps: int
    proven: bool


def shortest_duration(
    problem: RoundProblem,
    *,
    time_limit_s: float = 5.0,
    scan: Literal["doubling", "linear"] = "doubling",
) -> Duration | None:
    """Find the shortest feasible duration; None if all known steps do not suffice.

    A longer round only adds capacity that need not be used, so what is feasible stays
    feasible. From the shortest duration that bounds allow on, steps are added, twice as many
    each time, until it suffices; then what was added last is halved into.

    Parameters
    ----------
    problem : RoundProblem
        With all steps that a round may take.
    time_limit_s : float
        For each question; a duration that is not decided by then counts as too short [s].
    scan : {"doubling", "linear"}
        Linear adds one step at a time, as the public code of FedZero does.
    """
    unknown: set[int] = set()

    def suffices(steps: int) -> bool:
        answer = is_feasible(problem.first(steps), time_limit_s=time_limit_s)
        if answer is None:
            unknown.add(steps)
        return bool(answer)

    bound = least_duration(problem)
    if bound is None:
        return None
    short, steps, more = bound - 1, bound, 1
    while not suffices(steps):
        if steps >= problem.steps:
            return None
        short = steps
        steps = min(steps + more, problem.steps)
        more = 1 if scan == "linear" else 2 * more
    while steps - short > 1:
        middle = (short + steps) // 2
        if suffices(middle):
            steps = middle
        else:
            short = middle
    # If the step below is known to be too short, all that are shorter still are, too.
    return Duration(steps, proven=steps - 1 not in unknown)


def least_duration(problem: RoundProblem) -> int | None:
    """Find a duration that no round can be shorter than, by sums alone; None if all are too short.

    In each domain no more clients reach their least work together than do so alone, nor than
    find the energy for it if those that need the least come first.
    """
    if not problem.clients:
        return None
    needs_ws = problem.least * problem.energy_per_batch_ws
    order = np.lexsort((needs_ws, problem.domain))
    domains, start, of = np.unique(problem.domain[order], return_index=True, return_inverse=True)
    capacity = usable(problem)[order]
    enough = problem.least[order, None] * (1 - TOLERANCE)
    able = np.add.reduceat(np.cumsum(capacity, axis=1) >= enough, start, dtype=np.int64)
    used_ws = np.add.reduceat(capacity * problem.energy_per_batch_ws[order, None], start)
    supply_ws = np.cumsum(np.minimum(used_ws, problem.energy_ws[domains]), axis=1)
    together_ws = np.cumsum(needs_ws[order])
    before_ws = (together_ws - needs_ws[order])[start]
    wanted_ws = (together_ws - before_ws[of])[:, None] * (1 - 2 * TOLERANCE)
    # Sums over all domains leave more to rounding than those of one.
    dust_ws = TOLERANCE * together_ws[-1]
    fitting = np.add.reduceat(wanted_ws - dust_ws <= supply_ws[of], start, dtype=np.int64)
    suffices = np.minimum(able, fitting).sum(axis=0) >= problem.count
    return int(suffices.argmax()) + 1 if suffices.any() else None


def largest_count(problem: RoundProblem, *, time_limit_s: float = 5.0) -> int:
    """Find how many clients can reach their least work together in all known steps.

    Fewer clients are no harder, so the number is halved into. One that is not decided within
    the time limit counts as too many.
    """
    low, high = 0, problem.clients
    while low < high:
        middle = (low + high + 1) // 2
        if is_feasible(problem.for_count(middle), time_limit_s=time_limit_s):
            low = middle
        else:
            high = middle - 1
    return low


def shortest_plan(
    problem: RoundProblem, effort: Effort | None = None, solver: Solver = Solver.DOMAINS
) -> Plan | None:
    """Choose the clients of the shortest possible round, at the most weighted work.

    Parameters
    ----------
    problem : RoundProblem
        With the clients that are available and not blocked, and all steps that a round
        may take.
    effort : Effort, optional
    solver : Solver

    Returns
    -------
    Plan or None
        None if no round is possible now, or none was found in time: wait, and ask again.

    Raises
    ------
    SolverError, MissingExtra
        As `highs.solve`; by domains, those of up to 16 candidates need no solver.
    """
    effort = effort or Effort()
    start_s = time.perf_counter()
    plan_by = plan_by_domains if solver is Solver.DOMAINS else plan_by_milp
    duration = shortest_duration(problem, time_limit_s=effort.feasibility_limit_s)
    if duration is None:
        return None
    plan = plan_by(problem.first(duration.steps), effort).plan
    if plan is None:
        return None
    return replace(plan, shortest=duration.proven, elapsed_s=time.perf_counter() - start_s)
