r"""The whole round as one mixed-integer program: the reference, and the tool for large domains.

.. math::

    \max \sum_{c,t} \sigma_c m_{c,t} \quad \text{subject to} \quad
    \sum_{c \in p} \delta_c m_{c,t} \le r_{p,t}, \quad
    m^{min}_c b_c \le \sum_t m_{c,t} \le h_c b_c, \quad
    0 \le m_{c,t} \le u_{c,t}, \quad \sum_c b_c = n, \quad b_c \in \{0, 1\}

with :math:`u_{c,t} = \min(m^{spare}_{c,t}, r_{p(c),t} / \delta_c, m^{max}_c)` and
:math:`h_c = \min(m^{max}_c, \sum_t u_{c,t})`. The public code of FedZero states it with
indicator constraints and a product of variables; this is the same without either.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from footprint.scheduling.fedzero.highs import Model, Solution, Status, solve
from footprint.scheduling.fedzero.problem import (
    TOLERANCE,
    Effort,
    Floats,
    Indices,
    Plan,
    RoundProblem,
)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A plan, or none.

    Attributes
    ----------
    plan : Plan or None
    proven : bool
        Without a plan: whether there is none. With one: whether it is within the gap.
    """

    plan: Plan | None
    proven: bool


def usable(problem: RoundProblem) -> Floats:
    """Find what each client could do alone, u [batches], of shape (clients, steps).

    No step needs more than what is enough for the round: this keeps "unlimited" finite.
    """
    alone = problem.energy_ws[problem.domain] / problem.energy_per_batch_ws[:, None]
    np.minimum(problem.spare, alone, out=alone)
    return np.minimum(alone, problem.most[:, None], out=alone)


def able(problem: RoundProblem, usable_batches: Floats) -> Indices:
    """Clients that reach their least work if they have their domain to themselves, F."""
    return np.flatnonzero(usable_batches.sum(axis=1) >= problem.least * (1 - TOLERANCE))


def plan_by_milp(problem: RoundProblem, effort: Effort | None = None) -> Answer:
    """Find the best plan that takes all steps of a problem.

    Raises
    ------
    SolverError, MissingExtra
        As `highs.solve`.
    """
    effort = effort or Effort()
    start_s = time.perf_counter()
    capacity = usable(problem)
    clients = able(problem, capacity)
    if len(clients) < problem.count:
        return Answer(None, proven=True)
    rows = problem.of_clients(clients)
    found = solve(
        round_model(rows, capacity[clients]), gap=effort.gap, time_limit_s=effort.time_limit_s
    )
    if found.columns is None:
        return Answer(None, proven=found.status is Status.INFEASIBLE)
    chosen = chosen_of(rows, found.columns)
    work = found.columns[: rows.spare.size].reshape(rows.spare.shape)[chosen]
    plan = Plan(
        chosen=clients[chosen],
        allocation=np.clip(work, 0.0, capacity[clients[chosen]]),
        value=found.value,
        bound=found.bound,
        duration_steps=problem.steps,
        solver="HiGHS, one model",
        elapsed_s=time.perf_counter() - start_s,
    )
    return Answer(plan, proven=found.status is Status.OPTIMAL)


def chosen_of(problem: RoundProblem, columns: Floats) -> Indices:
    """Clients whose binary is one in a solution of `round_model`, ascending."""
    return np.flatnonzero(columns[problem.spare.size :] > 0.5)


def most_clients(problem: RoundProblem, *, time_limit_s: float, relaxed: bool = False) -> Solution:
    """Find how many clients can reach their least work together; all must be able alone."""
    model = round_model(problem, usable(problem), counting=True)
    # Counts are whole: nothing below one client matters.
    return solve(model, gap=0.0, time_limit_s=time_limit_s, relaxed=relaxed)


def round_model(problem: RoundProblem, capacity: Floats, *, counting: bool = False) -> Model:
    """Write a round as columns m (by client, then step) and b, and rows.

    Parameters
    ----------
    problem : RoundProblem
        With candidates alone.
    capacity : ndarray of shape (clients, steps)
        As `usable` gives it.
    counting : bool
        Maximise the number of clients instead of their worth.

    Notes
    -----
    Every column stands in three rows, m in (energy, least, most) and b in (least, most,
    count), so the compressed matrix needs no sorting. Rows: energy by domain and step,
    least by client, most by client, count.
    """
    clients, steps = capacity.shape
    energy_rows = problem.energy_ws.size
    least_row = energy_rows + np.arange(clients)
    step_row = problem.domain[:, None] * steps + np.arange(steps)
    spread = (clients, steps)
    row_m = np.stack(
        [
            step_row,
            np.broadcast_to(least_row[:, None], spread),
            np.broadcast_to(least_row[:, None] + clients, spread),
        ],
        axis=-1,
    )
    entry_m = np.ones((*spread, 3))
    entry_m[..., 0] = problem.energy_per_batch_ws[:, None]
    high = np.minimum(problem.most, capacity.sum(axis=1))
    count_row = np.full(clients, energy_rows + 2 * clients)
    row_b = np.stack([least_row, least_row + clients, count_row], axis=-1)
    entry_b = np.stack([-np.minimum(problem.least, high), -high, np.ones(clients)], axis=-1)
    worth_m = np.zeros(spread) if counting else np.broadcast_to(problem.weight[:, None], spread)
    zeros, free = np.zeros(clients), np.full(clients, np.inf)
    no_floor = np.full(energy_rows, -np.inf)
    least_count, most_count = (0, clients) if counting else (problem.count, problem.count)
    return Model(
        worth=np.concatenate([worth_m.ravel(), np.full(clients, float(counting))]),
        upper=np.concatenate([capacity.ravel(), np.ones(clients)]),
        whole=np.arange(capacity.size + clients) >= capacity.size,
        row_low=np.concatenate([no_floor, zeros, -free, [least_count]]),
        row_high=np.concatenate([_limits(problem, capacity), free, zeros, [most_count]]),
        start=3 * np.arange(capacity.size + clients + 1),
        row=np.concatenate([row_m.ravel(), row_b.ravel()]),
        entry=np.concatenate([entry_m.ravel(), entry_b.ravel()]),
    )


def _limits(problem: RoundProblem, capacity: Floats) -> Floats:
    """Energy of each domain and step, infinite where all clients together cannot use it."""
    used = np.zeros_like(problem.energy_ws)
    np.add.at(used, problem.domain, capacity * problem.energy_per_batch_ws[:, None])
    return np.where(used <= problem.energy_ws, np.inf, problem.energy_ws).ravel()
