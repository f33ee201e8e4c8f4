"""Uniform random selection: every candidate has the same chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.base import Outcome, SelectionState

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class Uniform:
    """Choose a fixed number or share of the candidates at random, without replacement.

    Parameters
    ----------
    count : int, optional
        Clients per round; fewer if there are not so many.
    share : float, optional
        Share of the candidates, above 0 and up to 1; rounded up to a whole client.
        Without either, as many as the strategy wants, or everybody.
    over : float
        Over-selection: so many times the number is chosen, rounded down. 1 or more.
    patient : bool
        Rather choose nobody than fewer.

    Raises
    ------
    UsageError
        If a count and a share are given, or one is out of range.
    """

    count: int | None = None
    share: float | None = None
    over: float = 1.0
    patient: bool = False

    def __post_init__(self) -> None:
        if self.count is not None and self.share is not None:
            raise UsageError("Uniform has a count and a share.", "Give one of them.")
        if self.count is not None and self.count < 0:
            raise UsageError(f"{self.count} clients cannot be chosen.", "Give 0 or more.")
        if self.share is not None and not 0 < self.share <= 1:
            raise UsageError(f"A share lies above 0 and up to 1, not {self.share}.")
        if not self.over >= 1:
            raise UsageError(f"Over-selection is 1 or more, not {self.over}.")

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients."""
        number = len(state.candidates)
        if self.share is not None:
            wanted = math.ceil(self.share * number)
        else:
            given = state.wanted if self.count is None else self.count
            wanted = number if given is None else over_selected(given, self.over)
        if self.patient and number < wanted:
            return []
        places = rng.choice(number, size=min(wanted, number), replace=False)
        return state.candidates.names(np.sort(places))

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: chance has no memory."""


def over_selected(number: int, over: float) -> int:
    """Clients to choose so that `number` of them are likely to answer: int(n K)."""
    # 10 x 1.3 is 13, whatever binary fractions make of 1.3.
    return int(number * over + 1e-9)
