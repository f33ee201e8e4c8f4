"""What a run may spend: carbon, energy, money or time.

A budget is a value: `book` returns the next one and changes nothing. So a policy can be asked
"what if" without harm, several policies can start from one budget, and a log can keep every state.
It knows nothing of clients and rounds beyond their number, and only what was measured is booked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary

# Sums of some thousand measured amounts may miss the total by this part of it.
_ROUNDING = 1e-9


class Resource(Vocabulary):
    """What is limited, in its canonical unit."""

    CARBON_G = "carbon_g"
    ENERGY_KWH = "energy_kwh"
    MONEY_EUR = "money_eur"
    MONEY_USD = "money_usd"
    TIME_S = "time_s"


class BudgetMode(Vocabulary):
    """How a budget binds."""

    SOFT = "soft"
    """It may be overspent; a queue or a report deals with that."""
    HARD = "hard"
    """No plan may pass the total less the reserve."""
    PACED = "paced"
    """Hard, and no plan may pass the straight line to the end of its own round."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A total, and what of it is spent.

    Attributes
    ----------
    resource : Resource
        Also gives the unit of all amounts here.
    total : float
        Above 0.
    mode : BudgetMode
    rounds : int or None
        Over which the straight line runs; needed for pacing.
    reserve : float
        Held back for what comes at the end, such as rounds of fine-tuning.
    spent : float
        Measured, not planned.
    booked : int
        Rounds that were booked.
    overspent_in : int or None
        Number (from 0 on) of the round in which the total was passed.
    """

    resource: Resource
    total: float
    mode: BudgetMode = BudgetMode.HARD
    rounds: int | None = None
    reserve: float = 0.0
    spent: float = 0.0
    booked: int = 0
    overspent_in: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.total) and self.total > 0):
            raise UsageError(f"Found a budget of {self.total} {self.resource}, expected > 0.")
        if not 0 <= self.reserve <= self.total:
            raise UsageError(
                f"A reserve of {self.reserve} does not fit into a budget of {self.total}."
            )
        if self.rounds is not None and self.rounds < 1:
            raise UsageError(f"A budget is spread over at least one round, not {self.rounds}.")
        if self.mode is BudgetMode.PACED and self.rounds is None:
            raise UsageError("A paced budget needs its number of rounds.")

    @property
    def remaining(self) -> float:
        """Total less what was spent; negative if it was overspent."""
        return self.total - self.spent

    @property
    def share(self) -> float:
        """Straight-line part of one round, of the total less the reserve.

        Raises
        ------
        UsageError
            If the budget has no number of rounds.
        """
        if self.rounds is None:
            raise UsageError("A budget without a number of rounds has no straight line.")
        return (self.total - self.reserve) / self.rounds

    @property
    def available(self) -> float:
        """What the next round may plan to spend; infinite for a soft budget."""
        if self.mode is BudgetMode.SOFT:
            return math.inf
        line = self.total - self.reserve
        if self.mode is BudgetMode.PACED and self.rounds is not None:
            # What earlier rounds left over may be used now.
            line = self.share * min(self.booked + 1, self.rounds)
        return max(0.0, line - self.spent)

    @property
    def violation(self) -> float:
        """Part of the total by which it was overspent [1]."""
        over = self.spent / self.total - 1
        return over if over > _ROUNDING else 0.0

    @property
    def unused(self) -> float:
        """Part of the total that was not spent [1]."""
        return max(0.0, 1 - self.spent / self.total)

    def allows(self, planned: float) -> bool:
        """Whether a round may be planned to spend this."""
        return _amount(planned) <= self.available + _ROUNDING * self.total

    def holds(self, measured: float) -> bool:
        """Whether a round that took this leaves the total less the reserve unpassed."""
        rest = self.total - self.reserve - self.spent
        return self.mode is BudgetMode.SOFT or _amount(measured) <= rest + _ROUNDING * self.total

    def book(self, measured: float) -> Budget:
        """Budget after a round.

        Parameters
        ----------
        measured : float
            All that the round spent: training, communication, probes, waiting.

        Raises
        ------
        UsageError
            If it is negative or not finite: what was not measured is not 0.
        """
        spent = self.spent + _amount(measured)
        passed = self.overspent_in
        if passed is None and spent > self.total * (1 + _ROUNDING):
            passed = self.booked
        return replace(self, spent=spent, booked=self.booked + 1, overspent_in=passed)

    def release(self) -> Budget:
        """Budget whose reserve may be spent."""
        return replace(self, reserve=0.0)


def _amount(value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"Found an amount of {value}, expected 0 or more.")
    return value
