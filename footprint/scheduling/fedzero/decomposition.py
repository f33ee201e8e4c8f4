"""The best plan of a given duration, domain by domain; the same as the one large model finds.

Domains meet in nothing but the number of clients. So each domain is solved for every number
of its clients (`enumeration`, or bounds that are made exact only where it matters, `large`),
and the numbers are combined (`combination`).
"""

from __future__ import annotations

import math
import time

import numpy as np

from footprint.scheduling.fedzero.candidates import Candidates, candidates_of
from footprint.scheduling.fedzero.combination import Combination, combine
from footprint.scheduling.fedzero.enumeration import best_sets, largest_counts
from footprint.scheduling.fedzero.large import (
    ENUMERATED,
    LargeDomain,
    bound_of_count,
    exact_count,
    known_count,
    members_of,
)
from footprint.scheduling.fedzero.milp import Answer
from footprint.scheduling.fedzero.problem import (
    TOLERANCE,
    Effort,
    Floats,
    Indices,
    Plan,
    RoundProblem,
    relative_gap,
)
from footprint.scheduling.fedzero.transport import allocate


def plan_by_domains(problem: RoundProblem, effort: Effort | None = None) -> Answer:
    """Find the best plan that takes all steps of a problem.

    Raises
    ------
    SolverError, MissingExtra
        As `highs.solve`; domains of up to 16 candidates need no solver.
    """
    effort = effort or Effort()
    start_s = time.perf_counter()
    candidates = candidates_of(problem)
    curves = _Curves(candidates, problem.count)
    best, bound = _combined(curves, problem.count, effort, start_s + effort.time_limit_s)
    if best is None or bound is None:
        return Answer(None, proven=bound is None)
    chosen, allocation = _allocation(problem, candidates, curves, best)
    value = float(problem.weight[chosen] @ allocation.sum(axis=1))
    plan = Plan(
        chosen=chosen,
        allocation=allocation,
        value=value,
        bound=max(bound.value, value),
        duration_steps=problem.steps,
        solver="by domains",
        elapsed_s=time.perf_counter() - start_s,
    )
    return Answer(plan, proven=plan.gap <= effort.gap)


def _combined(
    curves: _Curves, count: int, effort: Effort, stop_s: float
) -> tuple[Combination | None, Combination | None]:
    """Best known numbers of clients, and what the bounds say; None if impossible, unknown."""
    while True:
        bound, best = combine(curves.upper, count), combine(curves.lower, count)
        if bound is None:
            return None, None
        if best is not None and relative_gap(best.value, bound.value) <= effort.gap:
            return best, bound
        left_s = stop_s - time.perf_counter()
        if left_s <= 0 or not curves.refine(bound, gap=effort.gap, time_limit_s=left_s):
            break
    if best is None:
        curves.fall_back()
        best = combine(curves.lower, count)
    return best, bound


def is_feasible(problem: RoundProblem, *, time_limit_s: float = math.inf) -> bool | None:
    """Say whether n clients can reach their least work together; None if time ran out.

    Raises
    ------
    SolverError, MissingExtra
        As `highs.solve`; only if bounds do not decide it.
    """
    start_s = time.perf_counter()
    candidates = candidates_of(problem)
    if len(candidates.clients) < problem.count:
        return False
    wanted, total = problem.count, 0
    for domains, size in _by_size(candidates):
        total += int(largest_counts(candidates.batch(domains, size)).sum())
        if total >= wanted:
            return True
    blocks = [
        candidates.block(domain).merged()
        for domain in np.flatnonzero(candidates.sizes > ENUMERATED).tolist()
    ]
    if total + sum(bound_of_count(block) for block in blocks) < wanted:
        return False
    counts = list[int]()
    for block in blocks:
        counts.append(known_count(block, wanted - total - sum(counts)))
        if total + sum(counts) >= wanted:
            return True
    decided = True
    for place, block in enumerate(blocks):
        left_s = time_limit_s - (time.perf_counter() - start_s)
        if left_s <= 0:
            return None
        counts[place], exact = exact_count(
            block, known=counts[place], wanted=wanted, time_limit_s=left_s
        )
        decided = decided and exact
        if total + sum(counts) >= wanted:
            return True
    return False if decided else None


def _by_size(candidates: Candidates) -> list[tuple[Indices, int]]:
    """Domains that are small enough to try all sets, by their number of candidates."""
    sizes = candidates.sizes
    found = np.unique(sizes[sizes <= ENUMERATED]).tolist()
    return [(np.flatnonzero(sizes == size), size) for size in found]


class _Curves:
    """Worth of the best k clients of each domain, between two bounds."""

    def __init__(self, candidates: Candidates, count: int) -> None:
        large = np.flatnonzero(candidates.sizes > ENUMERATED).tolist()
        self.large = {domain: LargeDomain(candidates.block(domain), count) for domain in large}
        small = _by_size(candidates)
        sizes = [size for _, size in small] + [len(one.lower) - 1 for one in self.large.values()]
        shape = (len(candidates.sizes), min(max(sizes, default=0), count) + 1)
        self.lower = np.full(shape, -np.inf)
        self.sets = np.zeros(shape, dtype=np.int64)
        for domains, size in small:
            values, sets = best_sets(candidates.batch(domains, size))
            width = min(size + 1, shape[1])
            self.lower[domains, :width] = values[:width].T
            self.sets[domains, :width] = sets[:width].T
        self.upper = self.lower.copy()
        for domain in self.large:
            self._read(domain)

    def _read(self, domain: int) -> None:
        one = self.large[domain]
        self.lower[domain, : len(one.lower)] = one.lower
        self.upper[domain, : len(one.upper)] = one.upper

    def refine(self, bound: Combination, *, gap: float, time_limit_s: float) -> bool:
        """Look closer at what the bound would choose; False if nothing is left to look at."""
        start_s = time.perf_counter()
        chosen = [
            (domain, count)
            for domain, count in ((d, int(bound.counts[d])) for d in self.large)
            if self.large[domain].is_open(count)
        ]
        for domain, count in chosen:
            left_s = time_limit_s - (time.perf_counter() - start_s)
            if left_s <= 0:
                break
            self.large[domain].refine(count, gap=gap / 2, time_limit_s=left_s)
            self._read(domain)
        return bool(chosen)

    def fall_back(self) -> None:
        """Look for any sets at all, where time ran out before some were found."""
        for domain, one in self.large.items():
            one.insert_all()
            self._read(domain)

    def members(self, domain: int, count: int) -> Indices:
        """Best known clients of a domain, as places among its candidates."""
        if domain in self.large:
            return self.large[domain].sets[count]
        return members_of(int(self.sets[domain, count]))


def _allocation(
    problem: RoundProblem, candidates: Candidates, curves: _Curves, best: Combination
) -> tuple[Indices, Floats]:
    """Chosen clients, ascending, and their work [batches] by step."""
    chosen, used_ws = [], []
    for domain in np.flatnonzero(best.counts):
        members = curves.members(int(domain), int(best.counts[domain]))
        whole = candidates.block(int(domain))
        block = whole.of(members)
        # What sets are allowed to miss by `enumeration`, which sums over the domain.
        slack_ws = TOLERANCE * float(whole.low_ws.sum())
        shares_ws = allocate(
            block.rate_ws, block.energy_ws, block.low_ws, block.high_ws, block.gain, slack_ws
        )
        assert shares_ws is not None  # these members were found feasible
        chosen.append(block.clients)
        used_ws.append(shares_ws)
    clients = np.concatenate(chosen)
    order = np.argsort(clients)
    work = np.concatenate(used_ws) / problem.energy_per_batch_ws[clients, None]
    return clients[order], work[order]
