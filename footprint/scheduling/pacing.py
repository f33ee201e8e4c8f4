"""How many clients a round has, so that a budget lasts to the last round."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import ROUNDING, Indices, amounts


def paced_counts(
    budget: float, mean_cost: npt.ArrayLike, rounds: int, *, most: int | None = None
) -> Indices:
    """Spread a budget over rounds as whole clients.

    Parameters
    ----------
    budget : float
        In any unit.
    mean_cost : array_like of shape (clients,)
        Of each client in a round, in the same unit.
    rounds : int
    most : int, optional
        Clients of a round. Default: all.

    Returns
    -------
    ndarray of int, shape (rounds,)
        A budget for 2.5 clients a round gives 2, 3, 2, 3, ...: the sum never runs ahead of the
        line.

    Raises
    ------
    UsageError
        If there is no round, or nobody costs anything.
    """
    costs = amounts("mean cost", mean_cost)
    if rounds < 1 or not costs.size or not costs.mean() > 0 or budget < 0:
        raise UsageError(f"A budget of {budget} cannot be paced over {rounds} rounds.")
    limit = len(costs) if most is None else min(most, len(costs))
    rate = min(budget / (float(costs.mean()) * rounds), float(limit))
    line = np.floor(rate * np.arange(rounds + 1) * (1 + ROUNDING)).astype(np.intp)
    counts: Indices = np.diff(line)
    return counts
