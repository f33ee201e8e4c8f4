"""Power of choice: of some clients drawn by their data, those with the largest loss.

After Y. J. Cho, J. Wang, G. Joshi, "Client selection in federated learning: convergence analysis
and power-of-choice selection strategies", arXiv 2010.01243: the variant that takes the loss
of a client's last training, so that nobody has to evaluate a model for the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.base import Outcome, SelectionState

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class PowerOfChoice:
    """Draw candidates in proportion to their samples, and keep those with the largest loss.

    Who never told a loss comes first; that is ours. Without any loss it is a draw by samples.

    Parameters
    ----------
    count : int, optional
        Clients of a round; as many as the strategy wants if left out, or everybody.
    drawn : int, optional
        Clients that are drawn, d; twice as many as are chosen if left out. As many as are
        chosen make it a draw by samples.
    """

    count: int | None = None
    drawn: int | None = None

    def __post_init__(self) -> None:
        if self.drawn is not None and self.count is not None and self.drawn < self.count:
            raise UsageError(f"Of {self.drawn} drawn clients {self.count} cannot be kept.")

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients."""
        candidates = state.candidates
        number = len(candidates)
        given = state.wanted if self.count is None else self.count
        wanted = number if given is None else min(given, number)
        drawn = min(2 * wanted if self.drawn is None else max(self.drawn, wanted), number)
        samples = candidates.samples
        # Nobody is left out for data that nobody knows of.
        chance = np.where(np.isnan(samples), 1.0, samples)
        if np.isnan(samples).any() or np.count_nonzero(chance) < drawn:
            chance = np.ones(number)
        places = np.zeros(0, dtype=np.int64)
        if drawn:
            places = rng.choice(number, size=drawn, replace=False, p=chance / chance.sum())
        loss = candidates.metric("loss")[places]
        order = np.argsort(-np.where(np.isnan(loss), np.inf, loss), kind="stable")
        return candidates.names(np.sort(places[order[:wanted]]))

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: losses stand in the state."""
