r"""Domains with too many candidates to try all sets: bounds, heuristics and small programs.

Prices y of the energy of each step split a domain into its clients. With
:math:`\phi_i(y) = \max \sum_t (p_i - y_t) e_{i,t}` for client i alone, k clients are worth
at most

.. math:: B_k(y) = \sum_t r_t y_t + \text{the } k \text{ largest } \phi_i(y)

for every :math:`y \ge 0` (Lagrange). The linear relaxation gives good prices; one price
vector bounds all k. Clients whose choice would push the bound below a known solution are
left out, and what is left is enumerated or given to HiGHS.
"""

from __future__ import annotations

import math

import numpy as np

from footprint.scheduling.fedzero.candidates import Block
from footprint.scheduling.fedzero.enumeration import Batch, best_sets
from footprint.scheduling.fedzero.highs import Status, solve
from footprint.scheduling.fedzero.milp import chosen_of, most_clients, round_model
from footprint.scheduling.fedzero.problem import TOLERANCE, Floats, Indices, relative_gap
from footprint.scheduling.fedzero.transport import Transport, allocate

# Candidates up to which all sets of a domain are tried: 16 million operations.
ENUMERATED = 16


class LargeDomain:
    """Bounds on what the best k clients of a domain are worth, made tighter where it matters.

    Attributes
    ----------
    lower, upper : ndarray of shape (counts + 1,)
        Worth of the best known k clients, and a bound; minus infinity if unknown, impossible.
    sets : dict of int to ndarray
        The best known k clients, as places in the block.
    """

    def __init__(self, block: Block, count: int) -> None:
        self.block = block.merged()
        most = min(count, bound_of_count(self.block))
        self.lower: Floats = np.full(most + 1, -np.inf)
        self.lower[0] = 0.0
        self.sets: dict[int, Indices] = {0: np.zeros(0, dtype=np.int64)}
        self.upper: Floats = self._bounds(np.zeros(len(self.block.energy_ws)))
        self._prices: dict[int, Floats] = {}
        self._done: set[int] = {0}

    def is_open(self, count: int) -> bool:
        """Whether more work could tell more of `count` clients."""
        return count not in self._done and self.upper[count] > -np.inf

    def refine(self, count: int, *, gap: float, time_limit_s: float) -> None:
        """Tell more of `count` clients: first by prices and insertion, then exactly."""
        if count not in self._prices:
            self._price(count, time_limit_s)
            if relative_gap(self.lower[count], self.upper[count]) <= gap:
                self._done.add(count)
            return
        self._settle(count, gap, time_limit_s)
        self._done.add(count)

    def insert_all(self) -> None:
        """Find a set of each size quickly: those that need the least energy first."""
        order = np.argsort(self.block.low_ws, kind="stable")
        found = _insert(self.block, order, len(self.lower) - 1)
        for count in range(1, len(found) + 1):
            self._offer(np.array(found[:count], dtype=np.int64))

    def _bounds(self, prices: Floats) -> Floats:
        worth = -np.sort(-reduced_worth(self.block, prices))[: len(self.lower) - 1]
        supply = float(prices @ self.block.energy_ws)
        bounds = np.concatenate([[0.0], supply + np.cumsum(worth)])
        return np.asarray(np.append(bounds, np.full(len(self.lower) - len(bounds), -np.inf)))

    def _price(self, count: int, time_limit_s: float) -> None:
        block = self.block
        problem = block.round(count)
        model = round_model(problem, block.rate_ws)
        found = solve(model, gap=0.0, time_limit_s=time_limit_s, relaxed=True)
        if found.status is Status.INFEASIBLE:
            self.upper[count:] = -np.inf  # more clients are no easier
            return
        steps = len(block.energy_ws)
        prices = np.zeros(steps)
        if found.prices is not None:
            prices = np.maximum(found.prices[:steps], 0.0)
        self._prices[count] = prices
        self.upper = np.minimum(self.upper, self._bounds(prices))
        worth = reduced_worth(block, prices)
        for order in (np.argsort(-worth, kind="stable"), np.argsort(block.low_ws, kind="stable")):
            members = insert(block, order, count)
            if members is not None:
                self._offer(members)

    def _settle(self, count: int, gap: float, time_limit_s: float) -> None:
        """Choose `count` clients exactly, among those that the bound leaves."""
        known = self.lower[count]
        kept = self._promising(count, known)
        block = self.block.of(kept)
        if len(kept) <= ENUMERATED:
            values, sets = best_sets(_batch(block))
            best = float(values[count, 0]) if count <= len(kept) else -math.inf
            if best > known:
                self._offer(kept[members_of(int(sets[count, 0]))])
            # What was left out is no better than what was known.
            self._cap(count, max(best, known))
            return
        problem = block.round(count)
        found = solve(round_model(problem, block.rate_ws), gap=gap, time_limit_s=time_limit_s)
        if found.columns is not None:
            self._offer(kept[chosen_of(problem, found.columns)])
        if found.status is Status.INFEASIBLE:
            self._cap(count, known)
        else:
            self._cap(count, max(found.bound, known))

    def _cap(self, count: int, bound: float) -> None:
        if bound == -np.inf:
            self.upper[count:] = -np.inf
        self.upper[count] = max(min(self.upper[count], bound), self.lower[count])

    def _promising(self, count: int, known: float) -> Indices:
        """Clients that could be in a set that is better than the known one."""
        if known == -np.inf:
            return np.arange(len(self.block.clients))
        worth = reduced_worth(self.block, self._prices[count])
        last = -np.partition(-worth, count - 1)[count - 1]
        bound = float(self._bounds(self._prices[count])[count])
        # A client outside of the best k displaces one of them, at least the last.
        return np.flatnonzero(bound - np.maximum(last - worth, 0.0) >= known * (1 - TOLERANCE))

    def _offer(self, members: Indices) -> None:
        value = worth_of(self.block.of(members))
        if value is not None and value > self.lower[len(members)]:
            self.lower[len(members)] = value
            self.sets[len(members)] = members


def reduced_worth(block: Block, prices: Floats) -> Floats:
    """Value each client alone, if it pays for energy, of shape (clients,).

    Parameters
    ----------
    block : Block
    prices : ndarray of shape (steps,)
        Of energy, 0 or more [1/Ws].
    """
    order = np.argsort(prices, kind="stable")
    rate_ws = block.rate_ws[:, order]
    taken_ws = np.cumsum(rate_ws, axis=1)
    pays = block.gain[:, None] > prices[order]
    wanted_ws = np.where(pays, rate_ws, 0.0).sum(axis=1)
    total_ws = np.clip(wanted_ws, block.low_ws, block.high_ws)
    used_ws = np.clip(total_ws[:, None] - (taken_ws - rate_ws), 0.0, rate_ws)
    worth: Floats = block.gain * used_ws.sum(axis=1) - used_ws @ prices[order]
    return worth


def insert(block: Block, order: Indices, count: int) -> Indices | None:
    """Let clients in, one by one, as long as all can have their least energy.

    Parameters
    ----------
    block : Block
    order : ndarray of shape (clients,)
    count : int
        Stop there.

    Returns
    -------
    ndarray of shape (count,), or None
        None if fewer found a place in this order.
    """
    found = _insert(block, order, count)
    return np.array(found, dtype=np.int64) if len(found) == count else None


def _insert(block: Block, order: Indices, count: int) -> list[int]:
    domain, found = Transport(block.energy_ws), list[int]()
    for client in order.tolist():
        if len(found) == count:
            break
        if domain.insert(block.rate_ws[client], float(block.low_ws[client])):
            found.append(client)
    return found


def worth_of(block: Block) -> float | None:
    """Worth of all clients of a block together; None if they cannot all take part."""
    used_ws = allocate(block.rate_ws, block.energy_ws, block.low_ws, block.high_ws, block.gain)
    return None if used_ws is None else float(block.gain @ used_ws.sum(axis=1))


def members_of(bits: int) -> Indices:
    """Places whose bits are one."""
    return np.array([place for place in range(bits.bit_length()) if bits >> place & 1], np.int64)


def bound_of_count(block: Block) -> int:
    """More clients than this cannot reach their least work together."""
    energy_ws = np.minimum(block.energy_ws, block.rate_ws.sum(axis=0)).sum()
    needed_ws = np.cumsum(np.sort(block.low_ws))
    return int((needed_ws <= energy_ws * (1 + TOLERANCE)).sum())


def known_count(block: Block, wanted: int) -> int:
    """Clients that were found to reach their least work together, up to `wanted`."""
    return len(_insert(block, np.argsort(block.low_ws, kind="stable"), wanted))


def exact_count(block: Block, *, known: int, wanted: int, time_limit_s: float) -> tuple[int, bool]:
    """Most clients that reach their least work together, up to `wanted`.

    Returns
    -------
    int
        As many as are known.
    bool
        Whether no more are possible.
    """
    high = min(wanted, bound_of_count(block))
    problem = block.round(max(known, 1))
    for relaxed in (True, False):
        if known >= high:
            return known, True
        found = most_clients(problem, time_limit_s=time_limit_s, relaxed=relaxed)
        if found.bound < math.inf:
            high = min(high, math.floor(found.bound + 1e-6))
        if not relaxed and found.columns is not None:
            known = max(known, round(found.value))
    return known, known >= high


def _batch(block: Block) -> Batch:
    return Batch(
        np.ascontiguousarray(block.rate_ws)[:, :, None],
        block.energy_ws[:, None],
        block.low_ws[:, None],
        block.high_ws[:, None],
        block.gain[:, None],
    )
