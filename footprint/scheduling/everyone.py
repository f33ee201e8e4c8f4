"""Everybody, in every round, until the budget is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footprint.scheduling.base import Outcome, SelectionState

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class Everyone:
    """Choose all candidates. What ends it is the budget, or the time."""

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients."""
        del rng  # nothing is left to chance
        return list(state.ids)

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: there is nothing to decide."""
