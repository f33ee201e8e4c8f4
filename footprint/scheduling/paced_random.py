"""Baseline: random clients, as many as let a budget of carbon last to its last round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from footprint.scheduling.arrays import ROUNDING
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.pacing import StraightLine
from footprint.scheduling.planned import carbon_budget, known_carbon

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(slots=True)
class PacedRandom:
    """Choose at random, along the straight line of a budget of carbon.

    Their number is what the line lets a round spend over the mean of what candidates would
    emit, rounded down; what is left over comes to the next round. So a draw may be dearer
    than the line, but never than what a hard budget has left.

    Parameters
    ----------
    rounds : int, optional
        Over which the budget is spread; as many as it has itself if left out.
    most : int, optional
        Clients of a round; all if left out.
    """

    rounds: int | None = None
    most: int | None = None
    needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})
    _line: StraightLine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._line = StraightLine(self.rounds)

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody if the line does not reach one."""
        allowed_g = self._line.next_allowance(state)
        carbon_g = known_carbon(state)
        most = len(carbon_g) if self.most is None else min(self.most, len(carbon_g))
        mean_g = float(carbon_g.mean()) if len(carbon_g) else 0.0
        count = most
        if mean_g > 0:
            count = min(most, int(allowed_g / mean_g * (1 + ROUNDING)))
        places = rng.choice(len(carbon_g), size=count, replace=False)
        rest_g = carbon_budget(state).available
        fits = np.cumsum(carbon_g[places]) <= rest_g
        return state.candidates.names(np.sort(places[fits]))

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: what was spent stands in the budget."""
