"""Random rounds of FedZero, and slow ways to solve them that share no code with the fast ones."""

from itertools import combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from footprint.scheduling.fedzero.problem import RoundProblem


def random_round(rng, clients, domains, count, steps, *, scarcity=None, whole=False):
    """A round in which some clients are able and energy is short; `whole` makes ties likely."""
    per_batch = rng.uniform(1.0, 4.0, clients)
    spare = rng.uniform(0.0, 3.0, (clients, steps)) * (rng.random((clients, steps)) < 0.8)
    least = rng.uniform(0.5, 1.5, clients) * steps / 2
    most = least * rng.uniform(1.0, 4.0, clients)
    scarcity = rng.uniform(0.3, 2.0) if scarcity is None else scarcity
    energy = rng.uniform(0.0, 4.0, (domains, steps)) * scarcity * clients / domains / 2
    weight = rng.random(clients) * (rng.random(clients) < 0.9)
    if whole:
        per_batch, spare = np.ceil(per_batch / 2), np.round(spare)
        least, most = np.ceil(least), np.ceil(least) + np.round(most)
        energy, weight = np.round(energy), np.round(2 * weight) / 2
    domain = rng.integers(domains, size=clients)
    return RoundProblem(spare, energy, domain, per_batch, least, most, weight, count)


def violations(problem, plan, tolerance=1e-7):
    """Names of the constraints (1) to (5) of the program that a plan breaks."""
    chosen, work = plan.chosen, plan.allocation
    scale = 1 + np.abs(problem.most[chosen])
    used = np.zeros((len(problem.energy_ws), plan.duration_steps))
    np.add.at(used, problem.domain[chosen], work * problem.energy_per_batch_ws[chosen, None])
    limit = problem.energy_ws[:, : plan.duration_steps]
    total = work.sum(axis=1)
    spare = problem.spare[chosen, : plan.duration_steps]
    broken = {
        "energy": np.any(used > limit + tolerance * (1 + limit)),
        "spare": np.any(work > spare + tolerance) or np.any(work < 0),
        "least": np.any(total < problem.least[chosen] - tolerance * scale),
        "most": np.any(total > problem.most[chosen] + tolerance * scale),
        "count": len(chosen) != problem.count or len(set(chosen.tolist())) != len(chosen),
        "shape": work.shape != (problem.count, plan.duration_steps),
        "value": abs(problem.weight[chosen] @ total - plan.value) > tolerance * (1 + plan.value),
    }
    return [name for name, wrong in broken.items() if wrong]


def best_of_set(problem, members):
    """Value of a fixed set by a linear program over batches; None if it is infeasible."""
    members = np.asarray(members)
    steps, size = problem.steps, len(members)
    energy = np.zeros((problem.energy_ws.size, size * steps))
    for place, client in enumerate(members):
        for step in range(steps):
            row = problem.domain[client] * steps + step
            energy[row, place * steps + step] = problem.energy_per_batch_ws[client]
    totals = np.kron(np.eye(size), np.ones(steps))
    done = linprog(
        -np.repeat(problem.weight[members], steps),
        A_ub=np.vstack([energy, totals, -totals]),
        b_ub=np.concatenate(
            [problem.energy_ws.ravel(), problem.most[members], -problem.least[members]]
        ),
        bounds=[(0.0, spare) for spare in problem.spare[members].ravel()],
        method="highs",
    )
    assert done.status in (0, 2), done.message
    return -done.fun if done.status == 0 else None


def best_by_brute_force(problem):
    """Value of the best set of all; None if none is feasible."""
    values = [
        value
        for members in combinations(range(problem.clients), problem.count)
        if (value := best_of_set(problem, members)) is not None
    ]
    return max(values, default=None)


def best_by_scipy(problem, gap=1e-9):
    """Value by scipy's solver, with m <= spare * b for every step instead of totals; or None."""
    clients, steps = problem.spare.shape
    size = clients * steps
    rows, low, high = [], [], []

    def row(low_, high_, *entries):
        one = np.zeros(size + clients)
        for columns, value in entries:
            one[columns] = value
        rows.append(one)
        low.append(low_)
        high.append(high_)

    for domain, energy in enumerate(problem.energy_ws):
        members = np.flatnonzero(problem.domain == domain)
        for step in range(steps):
            row(0.0, energy[step], (members * steps + step, problem.energy_per_batch_ws[members]))
    for client in range(clients):
        own = np.arange(client * steps, (client + 1) * steps)
        row(0.0, np.inf, (own, 1.0), (size + client, -problem.least[client]))
        row(-np.inf, 0.0, (own, 1.0), (size + client, -problem.most[client]))
        for step in range(steps):
            spare = problem.spare[client, step]
            row(-np.inf, 0.0, (own[step], 1.0), (size + client, -spare))
    row(problem.count, problem.count, (np.arange(size, size + clients), 1.0))
    done = milp(
        -np.concatenate([np.repeat(problem.weight, steps), np.zeros(clients)]),
        integrality=np.arange(size + clients) >= size,
        bounds=Bounds(0.0, np.concatenate([problem.spare.ravel(), np.ones(clients)])),
        constraints=LinearConstraint(np.array(rows), low, high),
        options={"mip_rel_gap": gap},
    )
    assert done.status in (0, 2), done.message
    return -done.fun if done.status == 0 else None
