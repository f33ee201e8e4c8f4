r"""What nobody can beat: bounds that know the future, to judge policies by.

- A single job: `footprint.scheduling.temporal.cheapest_slots` on the intensity that came; an
  elastic one: `footprint.scheduling.carbon_scaler.scale_workers` on it.
- Slots with values that are known in advance: `knapsack_bound`.
- CAFE: there is no true oracle, since gradients depend on who worked before. `replay_bound` takes
  the values that one run recorded as given and chooses for all rounds together.

Print `oracle_gap` beside every saving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, amounts
from footprint.scheduling.coreset import subset_values


def knapsack_bound(
    values: npt.ArrayLike, needs: npt.ArrayLike, total: float
) -> tuple[float, Array]:
    r"""Largest value that fits, if one item may be taken in part.

    .. math:: \max \sum_j v_j a_j \quad \text{subject to} \quad
        \sum_j g_j a_j \le H, \; 0 \le a_j \le 1

    Parameters
    ----------
    values, needs : array_like, of one shape
        Of each item, such as each client in each slot; 0 or more.
    total : float
        H.

    Returns
    -------
    bound : float
        No choice of whole items exceeds it; dropping the one in part loses less than one item.
    taken : ndarray
        Shares of the items.

    References
    ----------
    G. B. Dantzig, "Discrete-variable extremum problems", Operations Research 5 (1957).
    """
    shape = np.shape(values)
    worth = amounts("values", np.ravel(np.asarray(values, dtype=np.float64)))
    cost = amounts("needs", np.ravel(np.asarray(needs, dtype=np.float64)), count=len(worth))
    rates = np.full(len(worth), np.inf)
    np.divide(worth, cost, out=rates, where=cost > 0)
    order = np.argsort(-rates, kind="stable")
    spent = np.cumsum(cost[order])
    fits = int(np.searchsorted(spent, total, side="right"))
    taken = np.zeros(len(worth))
    taken[order[:fits]] = 1.0
    if fits < len(order):
        before = float(spent[fits - 1]) if fits else 0.0
        taken[order[fits]] = max(0.0, total - before) / cost[order[fits]]
    return float(worth @ taken), taken.reshape(shape)


@dataclass(frozen=True, slots=True)
class ReplayBound:
    """Best choices of a recorded run, if all rounds had been known.

    Attributes
    ----------
    bound : float
        Sum of the values that no policy exceeds within the total [1].
    price : float
        Constant price of carbon at which that much is spent; value per unit of the total.
    value, spent : float
        What whole sets reach at that price: between `value` and `bound` lies the optimum.
    """

    bound: float
    price: float
    value: float
    spent: float


def replay_bound(
    covers: Sequence[Array], needs: Sequence[npt.ArrayLike], total: float
) -> ReplayBound:
    r"""Bound of the recorded values of a run.

    .. math:: \min_{\lambda \ge 0} \; \lambda H + \sum_t \max_S
        \left[U_t(S) - \lambda Y_t(S)\right]

    The best price is the one at which rounds that are solved exactly spend the total. It is found
    among the slopes of the upper hull of every round's sets, so no bisection has an end to choose.

    Parameters
    ----------
    covers : sequence of ndarray of shape (clients, candidates)
        See `footprint.scheduling.coreset.Coreset`, of every round; at most 14 candidates.
    needs : sequence of array_like of shape (candidates,)
        Emissions of the candidates of each round.
    total : float
        H, in the same unit.
    """
    if total < 0:
        raise UsageError(f"Found a total of {total}, expected 0 or more.")
    value, spent = 0.0, 0.0
    rises: list[Array] = []
    for cover, emitted in zip(covers, needs, strict=True):
        hull = _hull(cover, amounts("needs", emitted, count=cover.shape[1]))
        value += float(hull[0, 1])
        rises.append(np.diff(hull, axis=0))
    steps = np.concatenate([np.zeros((0, 2)), *rises])
    slopes = steps[:, 1] / steps[:, 0]
    order = np.argsort(-slopes, kind="stable")
    costs = np.cumsum(steps[order, 0])
    fits = int(np.searchsorted(costs, total, side="right"))
    value += float(steps[order[:fits], 1].sum())
    spent = float(costs[fits - 1]) if fits else 0.0
    price = float(slopes[order[fits]]) if fits < len(order) else 0.0
    return ReplayBound(value + price * (total - spent), price, value, spent)


def oracle_gap(oracle: float, policy: float, baseline: float) -> float:
    """Part of what could be gained over a baseline that a policy leaves [1].

    0 is the oracle, 1 the baseline; above 1 the policy is worse than the baseline.

    Raises
    ------
    UsageError
        If there is nothing to gain.
    """
    if oracle == baseline:
        raise UsageError("The oracle is no better than the baseline: there is nothing to gain.")
    return (oracle - policy) / (oracle - baseline)


def _hull(cover: Array, needs: Array) -> Array:
    """List sets on the upper hull of need and value, shape (sets, 2), by rising need."""
    sums = np.zeros(1)
    for need in needs:
        sums = np.concatenate([sums, sums + need])
    values = subset_values(cover)
    order = np.lexsort((-values, sums))
    best = np.maximum.accumulate(values[order])
    front = order[np.concatenate([[True], best[1:] > best[:-1]])]
    hull: list[tuple[float, float]] = []
    for point in zip(sums[front].tolist(), values[front].tolist(), strict=True):
        if hull and point[0] <= hull[-1][0]:
            continue
        while len(hull) > 1 and _rises_more(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return np.array(hull)


def _rises_more(
    first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]
) -> bool:
    """Whether the middle point lies on or below the line between the others."""
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (
        middle[0] - first[0]
    )
