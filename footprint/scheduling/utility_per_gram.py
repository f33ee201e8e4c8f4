"""Baseline: add whoever brings most value per gram, within what a round may emit.

Cheap, without a queue or a weight, and in our own trials often as good as CAFE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from footprint.scheduling.arrays import amounts
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.coreset import Coreset
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.known_gradients import KnownGradients, by_number
from footprint.scheduling.pacing import StraightLine
from footprint.scheduling.planned import planned_carbon
from footprint.scheduling.representatives import Representatives

if TYPE_CHECKING:
    from numpy.random import Generator


def choose_by_value_per_gram(
    coreset: Coreset, carbon_g: npt.ArrayLike, available_g: float
) -> tuple[int, ...]:
    """Choose by marginal value over emissions.

    Parameters
    ----------
    coreset : Coreset
    carbon_g : array_like of shape (clients,)
        What each client would emit [gCO2e].
    available_g : float
        What the round may emit; see `footprint.scheduling.budget.Budget.available` [gCO2e].

    Returns
    -------
    tuple of int
        Clients, rising. Who brings nothing more is left out, who emits nothing comes first.
    """
    own_g = amounts("carbon", np.asarray(carbon_g, dtype=np.float64)[coreset.candidates])
    found = Representatives(coreset.cover)
    left_g = available_g
    while True:
        gains = found.gains()
        able = ~found.chosen & (gains > 0) & (own_g <= left_g)
        if not able.any():
            return tuple(sorted(coreset.candidates[found.chosen].tolist()))
        rates = np.full(len(gains), np.inf)
        np.divide(gains, own_g, out=rates, where=own_g > 0)
        best = int(np.where(able, rates, -np.inf).argmax())
        found.add(best)
        left_g -= float(own_g[best])


@dataclass(slots=True)
class UtilityPerGram:
    """Choose by value of gradients per gram, along the straight line of a budget of carbon.

    Parameters
    ----------
    gradient : GradientSource
        See `footprint.scheduling.cafe_policy.CafePolicy`.
    rounds : int, optional
        Over which the budget is spread; as many as it has itself if left out.
    """

    gradient: GradientSource = GradientSource.STALE
    rounds: int | None = None
    needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})
    _line: StraightLine = field(init=False, repr=False)
    _known: KnownGradients = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._line = StraightLine(self.rounds)
        self._known = KnownGradients(self.gradient)

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody if nobody fits."""
        del rng  # nothing is left to chance
        allowed_g = self._line.next_allowance(state)
        self._known.ask(state)
        carbon_g = by_number(state, planned_carbon(state))
        chosen = self._known.newcomers(state, carbon_g, allowed_g)
        if not chosen:
            chosen = choose_by_value_per_gram(self._known.coreset(state), carbon_g, allowed_g)
        return state.candidates.table.ids[list(chosen)].tolist()  # type: ignore[no-any-return]

    def observe(self, outcome: Outcome) -> None:
        """Learn the gradients that trainings followed."""
        self._known.learn(outcome)
