r"""Which set of clients is worth most after its price: solvers for one round.

What they search is in `footprint.scheduling.priced_cover`. No solver returns a set that is worth
less than nobody: each builds its set by steps that gain. (The two gains of a double greedy never
sum to less than 0, so the larger one does not lose.)

Of these, only the double greedies have a worst-case guarantee (1/3; 1/2 on average if they
draw), and it holds for :math:`f(S) + \sum_i \pi_i`, which is never negative. On clustered
instances they are visibly worse than plain greedy, which has none.

Source of the double greedies: N. Buchbinder, M. Feldman, J. Naor, R. Schwartz, "A tight linear
time (1/2)-approximation for unconstrained submodular maximization", FOCS 2012; SIAM Journal on
Computing 44 (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.arrays import Array, Mask
from footprint.scheduling.coreset import MOST_CLIENTS_EXACT, subset_values
from footprint.scheduling.priced_cover import PricedCover, Room
from footprint.scheduling.representatives import Representatives


class Solver(Vocabulary):
    """How the set of a round is searched."""

    EXACT = "exact"
    """Every subset, of at most 14 clients."""
    GREEDY_LOCAL = "greedy_local"
    """Greedy, then the best addition, removal or swap while one improves."""
    GREEDY = "greedy"
    """The best addition while one improves."""
    DOUBLE_GREEDY_DET = "double_greedy_det"
    """One pass that decides on each client for good, by the larger gain."""
    DOUBLE_GREEDY_RAND = "double_greedy_rand"
    """The same, drawn in proportion to the two gains."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A set of candidates.

    Attributes
    ----------
    chosen : ndarray of bool, shape (candidates,)
    value : float
        f of the set.
    solver : Solver
        The one that ran.
    """

    chosen: Mask
    value: float
    solver: Solver


def solve(
    problem: PricedCover,
    solver: Solver | None = None,
    *,
    rng: np.random.Generator | None = None,
    shuffles: int = 0,
) -> Solution:
    """Search the best set of one round.

    Parameters
    ----------
    problem : PricedCover
    solver : Solver, optional
        Default: `exact` up to 14 candidates, `greedy_local` above.
    rng : numpy.random.Generator, optional
        Needed for draws and shuffles.
    shuffles : int
        For the double greedies: take the best of so many passes, each in an order of its own.
        0 is one pass in the given order.

    Raises
    ------
    UsageError
        If `exact` is asked of more than 14 candidates, or draws are without a generator.
    """
    count = len(problem.price)
    if solver is None:
        solver = Solver.EXACT if count <= MOST_CLIENTS_EXACT else Solver.GREEDY_LOCAL
    if not count:
        return Solution(np.zeros(0, dtype=np.bool_), 0.0, solver)
    if solver in _PLAIN:
        chosen = _PLAIN[solver](problem)
    else:
        chosen = _best_pass(problem, solver, rng, shuffles)
    return Solution(chosen, problem.value(chosen), solver)


def search_all(problem: PricedCover) -> Mask:
    """Best of all subsets; of those that only rounding tells apart, the smallest."""
    values = subset_values(problem.cover)
    sums, sizes = np.zeros(1), np.zeros(1)
    for price in problem.price:
        sums = np.concatenate([sums, sums + price])
        sizes = np.concatenate([sizes, sizes + 1])
    worth = values - sums
    (tied,) = np.nonzero(worth >= worth.max() - problem.rounding)
    best = int(tied[sizes[tied].argmin()])
    return (best >> np.arange(len(problem.price)) & 1).astype(np.bool_)


def add_greedily(
    problem: PricedCover,
    chosen: Mask | None = None,
    *,
    least: int = 0,
    most: int | None = None,
    room: Room | None = None,
) -> Mask:
    """Add the candidate that gains most, until none gains.

    Parameters
    ----------
    problem : PricedCover
    chosen : ndarray of bool, shape (candidates,), optional
        To begin with. Default: nobody.
    least : int
        Go on until there are so many, even at a loss.
    most : int, optional
        Stop at so many. Default: no limit.
    room : Room, optional
        Add only who fits. Default: everybody does.
    """
    found = Representatives(problem.cover, chosen)
    members = found.chosen
    size = int(members.sum())
    most = len(members) if most is None else min(most, len(members))
    while size < most:
        barred = members if room is None else members | ~room.fits(members)
        gains = np.where(barred, -np.inf, found.gains() - problem.price)
        best = int(gains.argmax())
        if gains[best] == -np.inf or (gains[best] <= 0 and size >= least):
            break
        found.add(best)
        members[best] = True
        size += 1
    return members


def improve_locally(problem: PricedCover, chosen: Mask) -> Mask:
    """Add, drop or swap, whichever improves most, while anything does."""
    found = Representatives(problem.cover, chosen)
    members = found.chosen
    while True:
        added = np.where(members, -np.inf, found.gains() - problem.price)
        dropped = np.where(members, problem.price - found.losses(), -np.inf)
        swapped = found.swaps() + problem.price[:, None] - problem.price[None, :]
        swapped[~members] = -np.inf
        swapped[:, members] = -np.inf
        leaving, coming = divmod(int(swapped.argmax()), len(members))
        best = max(added.max(), dropped.max(), swapped[leaving, coming])
        if best <= problem.rounding:
            return members
        if added.max() == best:
            leaving, coming = -1, int(added.argmax())
        elif dropped.max() == best:
            leaving, coming = int(dropped.argmax()), -1
        if leaving >= 0:
            found.drop(leaving)
        if coming >= 0:
            found.add(coming)
        members = found.chosen


def fit_into(problem: PricedCover, chosen: Mask, room: Room) -> Mask:
    """Make a set fit.

    Two ways are tried, and the better one is taken: drop whoever loses least per need until
    the rest fits, or begin with nobody. Both then add who gains and fits.

    Parameters
    ----------
    problem : PricedCover
    chosen : ndarray of bool, shape (candidates,)
    room : Room
    """
    if room.left(chosen) >= 0:
        return chosen
    found = Representatives(problem.cover, chosen)
    while room.left(members := found.chosen) < 0:
        lost = np.where(members, found.losses() - problem.price, np.inf)
        # Who needs nothing frees nothing.
        per_need = np.full(len(lost), np.inf)
        np.divide(lost, room.needs, out=per_need, where=room.needs > 0)
        found.drop(int(per_need.argmin()))
    thinned = add_greedily(problem, members, room=room)
    return max(thinned, add_greedily(problem, room=room), key=problem.value)


def double_greedy(
    problem: PricedCover,
    order: Sequence[int] | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[Mask, Array]:
    """Decide on each candidate once, between a set that grows and one that shrinks.

    Parameters
    ----------
    problem : PricedCover
    order : sequence of int, optional
        Of the candidates. Default: as they are numbered.
    rng : numpy.random.Generator, optional
        Draw by the positive parts of the two gains. Default: take the larger gain.

    Returns
    -------
    chosen : ndarray of bool, shape (candidates,)
    gains : ndarray of shape (candidates, 2)
        Of each candidate when it was decided on: of taking it (a), and of dropping it (b).
    """
    count = len(problem.price)
    grown = Representatives(problem.cover)
    shrunk = Representatives(problem.cover, np.ones(count, dtype=np.bool_))
    gains = np.zeros((count, 2))
    for i in range(count) if order is None else order:
        a = grown.gain(i) - problem.price[i]
        b = problem.price[i] - shrunk.loss(i)
        gains[i] = a, b
        if rng is None:
            take = a >= b
        else:
            up, down = max(a, 0.0), max(b, 0.0)
            take = up + down == 0 or rng.random() * (up + down) < up
        if take:
            grown.add(i)
        else:
            shrunk.drop(i)
    return grown.chosen, gains


def _greedy_and_local(problem: PricedCover) -> Mask:
    return improve_locally(problem, add_greedily(problem))


_PLAIN: dict[Solver, Callable[[PricedCover], Mask]] = {
    Solver.EXACT: search_all,
    Solver.GREEDY: add_greedily,
    Solver.GREEDY_LOCAL: _greedy_and_local,
}


def _best_pass(
    problem: PricedCover, solver: Solver, rng: np.random.Generator | None, shuffles: int
) -> Mask:
    draws = solver is Solver.DOUBLE_GREEDY_RAND
    if rng is None and (draws or shuffles):
        raise UsageError("Draws need a generator.", "Pass rng=numpy.random.default_rng(seed).")
    passes = (
        double_greedy(problem, order, rng if draws else None)[0]
        for order in _orders(len(problem.price), rng, shuffles)
    )
    return max(passes, key=problem.value)


def _orders(
    count: int, rng: np.random.Generator | None, shuffles: int
) -> Iterator[Sequence[int] | None]:
    if rng is None or not shuffles:
        yield None
        return
    for _ in range(shuffles):
        yield rng.permutation(count).tolist()
