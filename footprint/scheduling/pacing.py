"""How much, or how many clients, a round has, so that a budget lasts to the last round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import ROUNDING, Indices, amounts
from footprint.scheduling.base import SelectionState
from footprint.scheduling.planned import carbon_budget, rounds_of


@dataclass(slots=True)
class StraightLine:
    """What a choice may spend, if a budget of carbon is spread evenly over choices.

    A slot is one choice, whether somebody was chosen or not: with rounds on a beat
    (`Rules.cadence`) slots are of one length. What earlier slots left over may be used.

    Attributes
    ----------
    rounds : int or None
        Slots; those of the budget if None.
    slots : int
        Choices so far.
    """

    rounds: int | None = None
    slots: int = 0

    def next_allowance(self, state: SelectionState) -> float:
        """Begin a slot, and say what it may spend [gCO2e].

        Raises
        ------
        UsageError
            If there is no budget of carbon, or nobody said over how many rounds.
        """
        budget = carbon_budget(state)
        rounds = rounds_of(budget, self.rounds)
        self.slots += 1
        line_g = (budget.total - budget.reserve) * min(self.slots / rounds, 1.0)
        return max(0.0, min(line_g - budget.spent, budget.available))


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
