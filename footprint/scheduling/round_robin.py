"""Everybody in turn: the reference for fairness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from footprint.scheduling.base import Outcome, SelectionState
from footprint.scheduling.uniform import over_selected

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """Choose those that were asked least often, in their stable order.

    If everybody can always be asked, no client is asked twice before all were asked once.

    Parameters
    ----------
    over : float
        Over-selection: so many times the wanted number is chosen, rounded down.
    patient : bool
        Rather choose nobody than fewer.
    """

    over: float = 1.0
    patient: bool = True

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients."""
        del rng  # nothing is left to chance
        number = len(state.candidates)
        wanted = number if state.wanted is None else over_selected(state.wanted, self.over)
        if self.patient and number < wanted:
            return []
        order = np.lexsort((state.candidates.number, state.candidates.asked))
        return state.candidates.names(np.sort(order[:wanted]))

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: who was asked stands in the state."""
