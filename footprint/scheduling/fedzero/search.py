"""The shortest round that is possible, and the best plan for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal

from footprint.scheduling.fedzero.decomposition import is_feasible, plan_by_domains
from footprint.scheduling.fedzero.problem import Effort, Plan, RoundProblem


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
    feasible: the duration is doubled until it suffices, then halved into.

    Parameters
    ----------
    problem : RoundProblem
        With all steps that a round may take.
    time_limit_s : float
        For each question; a duration that is not decided by then counts as too short [s].
    scan : {"doubling", "linear"}
        Linear asks for 1, 2, 3, ... steps, as the public code of FedZero does.
    """
    unknown: set[int] = set()

    def suffices(steps: int) -> bool:
        answer = is_feasible(problem.first(steps), time_limit_s=time_limit_s)
        if answer is None:
            unknown.add(steps)
        return bool(answer)

    short, steps = 0, 1
    while not suffices(steps):
        if steps >= problem.steps:
            return None
        short = steps
        steps = min(steps + 1 if scan == "linear" else 2 * steps, problem.steps)
    while steps - short > 1:
        middle = (short + steps) // 2
        if suffices(middle):
            steps = middle
        else:
            short = middle
    # If the step below is known to be too short, all that are shorter still are, too.
    return Duration(steps, proven=steps - 1 not in unknown)


def shortest_plan(problem: RoundProblem, effort: Effort | None = None) -> Plan | None:
    """Choose the clients of the shortest possible round, at the most weighted work.

    Parameters
    ----------
    problem : RoundProblem
        With the clients that are available and not blocked, and all steps that a round
        may take.
    effort : Effort, optional

    Returns
    -------
    Plan or None
        None if no round is possible now, or none was found in time: wait, and ask again.

    Raises
    ------
    SolverError, MissingExtra
        As `highs.solve`; domains of up to 16 candidates need no solver.
    """
    effort = effort or Effort()
    start_s = time.perf_counter()
    duration = shortest_duration(problem, time_limit_s=effort.feasibility_limit_s)
    if duration is None:
        return None
    plan = plan_by_domains(problem.first(duration.steps), effort).plan
    if plan is None:
        return None
    return replace(plan, shortest=duration.proven, elapsed_s=time.perf_counter() - start_s)
