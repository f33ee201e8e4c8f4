r"""One option for each client: least loss within a limit of cost (multiple-choice knapsack).

.. math:: \min \sum_i l_i(m_i) \quad \text{such that} \quad \sum_i c_i(m_i) \le B

Of solutions with the least loss it is one with the least cost. So the cost of the solution never
falls when the limit grows, and of two clients who differ by a factor of all their costs alone, the
dearer one never gets a dearer option.

Solved by the states (cost, loss) that no other state beats, client by client; a state from which
the linear relaxation of the rest cannot reach what is known already is dropped. Losses and costs
are whole multiples of tiny units here, so that ties are ties. Where states become too many, the
steps of the relaxation are taken in their order, down to the first that does not fit: the same two
properties among such solutions, and a gap that is known. How many states there are depends on the
limit, too: between an exact solution and one by steps, a cost may fall where the limit grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, Indices, amounts

# States of a stage beyond which the relaxation must do, and clients times options.
_MOST_STATES = 100_000
_MOST_PAIRS = 1_500
# Sums in units of their largest possible value over this are exact in 64 bits, and in floats.
_FINENESS = 2.0**50
# What a limit may be passed by, because numbers are rounded; as in `budget`.
_ROUNDING = 1e-9

_Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """An option for each client.

    Attributes
    ----------
    options : ndarray of int, shape (clients,)
    loss, cost : float
        Sums over the clients, in the units that were given.
    fits : bool
        Whether the cost is within the limit. If not, no assignment's is, and this is the one of
        the least cost.
    gap : float
        How much the loss is above the least one, at most; 0 if it is that.
    """

    options: Indices
    loss: float
    cost: float
    fits: bool
    gap: float


def assign_options(
    loss: npt.ArrayLike,
    cost: npt.ArrayLike,
    limit: float,
    *,
    most_states: int = _MOST_STATES,
) -> Assignment:
    """Choose an option for each client.

    Parameters
    ----------
    loss, cost : array_like of shape (clients, options)
        Of each option, 0 or more.
    limit : float
        Of the sum of costs; may be infinite.
    most_states : int
        Beyond which the relaxation must do; 0 for always.

    Raises
    ------
    UsageError
        If the arrays do not fit, or the limit is no number of 0 or more.
    """
    losses, costs = amounts("loss", loss, dimensions=2), amounts("cost", cost, dimensions=2)
    if losses.shape != costs.shape or not losses.shape[1] or not limit >= 0:
        raise UsageError(f"No option can be chosen of {losses.shape} losses for {limit}.")
    problem = _Problem(_whole(losses), _whole(costs), _units(costs, limit))
    if problem.least_cost > problem.limit:
        options, gap, fits = problem.cheapest(), 0, False
    else:
        stepped, gap = problem.step()
        fits, options = True, stepped
        if gap and losses.size <= _MOST_PAIRS:
            exact = problem.solve(stepped, most_states)
            options, gap = (stepped, gap) if exact is None else (exact, 0)
    rows = np.arange(len(losses))
    return Assignment(
        options,
        float(losses[rows, options].sum()),
        float(costs[rows, options].sum()),
        fits,
        gap * _unit(losses),
    )


def _unit(values: Array) -> float:
    largest = float(values.max(axis=1).sum()) if values.size else 0.0
    return largest / _FINENESS or 1.0


def _whole(values: Array) -> _Whole:
    found: _Whole = np.rint(values / _unit(values)).astype(np.int64)
    return found


def _units(costs: Array, limit: float) -> int:
    most = _FINENESS + costs.size  # more than all together: no limit
    return int(min(limit * (1 + _ROUNDING) / _unit(costs), most))


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """Next options of clients on the lower hulls of their losses over cost, the steepest first."""

    client: Indices
    option: Indices
    cost: _Whole
    loss: _Whole


class _Problem:
    """Losses and costs as whole numbers."""

    def __init__(self, loss: _Whole, cost: _Whole, limit: int) -> None:
        self.loss, self.cost, self.limit = loss, cost, limit
        self.useful = [_useful(*pair) for pair in zip(loss, cost, strict=True)]

    @property
    def least_cost(self) -> int:
        return int(self.cost.min(axis=1).sum())

    def cheapest(self) -> Indices:
        """Least cost of each client, and of those the least loss."""
        return np.array([options[0] for options in self.useful], dtype=np.intp)

    def step(self) -> tuple[Indices, int]:
        """Take the steps of the relaxation that fit, and say how far it may be from the best."""
        steps, chosen = self._steps(), self.cheapest()
        spent = self.least_cost + np.cumsum(steps.cost)
        taken = int(np.searchsorted(spent, self.limit, side="right"))
        for client, option in zip(steps.client[:taken], steps.option[:taken], strict=True):
            chosen[client] = option
        if taken == len(steps.client):
            return chosen, 0
        # Of the first that does not fit, the part counts that would.
        before = self.least_cost if not taken else int(spent[taken - 1])
        part = (self.limit - before) / int(steps.cost[taken])
        return chosen, int(np.floor(part * int(steps.loss[taken])))

    def solve(self, known: Indices, most_states: int) -> Indices | None:
        """Find the best; None if there are too many states."""
        rows = np.arange(len(self.loss))
        best = int(self.loss[rows, known].sum())
        bounds = self._bounds()
        ahead = np.append(np.cumsum(self.cost.min(axis=1)[::-1])[::-1], 0)
        losses, costs = np.zeros(1, np.int64), np.zeros(1, np.int64)
        trail: list[tuple[Indices, Indices]] = []
        for client, options in enumerate(self.useful):
            if len(losses) * len(options) > most_states:
                return None
            total = (costs[:, None] + self.cost[client, options]).ravel()
            lost = (losses[:, None] + self.loss[client, options]).ravel()
            rest = self.limit - total
            least = lost + np.floor(np.interp(rest, *bounds[client + 1])).astype(np.int64) - 2
            kept = np.flatnonzero((rest >= ahead[client + 1]) & (least <= best))
            kept = kept[_unbeaten(total[kept], lost[kept])]
            losses, costs = lost[kept], total[kept]
            trail.append((kept // len(options), options[kept % len(options)]))
        return _walk_back(trail, len(losses) - 1)

    def _steps(self) -> _Step:
        found: list[tuple[int, int, int, int]] = []
        for client, options in enumerate(self.useful):
            hull = _hull(self.loss[client, options], self.cost[client, options])
            for before, after in zip(options[hull][:-1], options[hull][1:], strict=True):
                dearer = int(self.cost[client, after] - self.cost[client, before])
                gained = int(self.loss[client, before] - self.loss[client, after])
                found.append((client, int(after), dearer, gained))
        columns = np.array(found, dtype=np.int64).reshape(len(found), 4).T
        order = np.argsort(-(columns[3] / np.maximum(columns[2], 1)), kind="stable")
        return _Step(*columns[:, order])

    def _bounds(self) -> list[tuple[Array, Array]]:
        """Least loss of the last clients by what they may cost together, for np.interp."""
        steps, found = self._steps(), []
        cheapest = self.cheapest()
        rows = np.arange(len(cheapest))
        base = [np.append(np.cumsum(x[rows, cheapest][::-1])[::-1], 0) for x in self._both]
        for first in range(len(cheapest) + 1):
            later = steps.client >= first
            cost = base[0][first] + np.append(0, np.cumsum(steps.cost[later]))
            loss = base[1][first] - np.append(0, np.cumsum(steps.loss[later]))
            found.append((cost.astype(np.float64), loss.astype(np.float64)))
        return found

    @property
    def _both(self) -> tuple[_Whole, _Whole]:
        return self.cost, self.loss


def _unbeaten(cost: _Whole, loss: _Whole) -> Indices:
    """Places that lose less than all that cost no more, by rising cost; one of those alike."""
    order: Indices = np.lexsort((loss, cost))
    least = np.minimum.accumulate(loss[order])
    new = np.append(True, least[1:] < least[:-1])[: len(order)]
    found: Indices = order[new]
    return found


def _useful(loss: _Whole, cost: _Whole) -> Indices:
    return _unbeaten(cost, loss)


def _hull(loss: _Whole, cost: _Whole) -> list[int]:
    """Places of options, by rising cost, from which no mix of two others is better."""
    kept: list[int] = []
    for place in range(len(loss)):
        while len(kept) > 1:
            a, b = kept[-2], kept[-1]
            # Python's whole numbers: products do not overflow.
            first = int(loss[a] - loss[b]) * int(cost[place] - cost[b])
            second = int(loss[b] - loss[place]) * int(cost[b] - cost[a])
            if first > second:
                break
            kept.pop()
        kept.append(place)
    return kept


def _walk_back(trail: list[tuple[Indices, Indices]], place: int) -> Indices:
    chosen = np.zeros(len(trail), dtype=np.intp)
    for client in range(len(trail) - 1, -1, -1):
        origin, option = trail[client]
        chosen[client] = option[place]
        place = int(origin[place])
    return chosen
