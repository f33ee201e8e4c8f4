"""Baseline: those who emit least in this round, within what it may emit.

The worst of all on skewed data in our own trials: it keeps meeting the same clients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from footprint.scheduling.arrays import ROUNDING, Indices, amounts
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.pacing import StraightLine
from footprint.scheduling.planned import known_carbon

if TYPE_CHECKING:
    from numpy.random import Generator


def choose_lowest_carbon(
    carbon_g: npt.ArrayLike, available_g: float, *, most: int | None = None
) -> tuple[int, ...]:
    """Choose by rising emissions.

    Parameters
    ----------
    carbon_g : array_like of shape (clients,)
        What each client would emit [gCO2e].
    available_g : float
        What the round may emit [gCO2e].
    most : int, optional
        Clients of a round. Default: as many as fit.

    Returns
    -------
    tuple of int
        Clients, rising by number.
    """
    own_g = amounts("carbon", carbon_g)
    order: Indices = np.argsort(own_g, kind="stable")[:most]
    spent_g = np.cumsum(own_g[order])
    fits = int(np.searchsorted(spent_g, available_g * (1 + ROUNDING), side="right"))
    return tuple(sorted(order[:fits].tolist()))


@dataclass(slots=True)
class LowestCarbon:
    """Choose by rising planned emissions, along the straight line of a budget of carbon.

    Parameters
    ----------
    rounds : int, optional
        Over which the budget is spread; as many as it has itself if left out.
    most : int, optional
        Clients of a round; as many as the strategy wants if left out, or as fit.
    """

    rounds: int | None = None
    most: int | None = None
    needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})
    _line: StraightLine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._line = StraightLine(self.rounds)

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody if not even the first fits."""
        del rng  # nothing is left to chance
        allowed_g = self._line.next_allowance(state)
        most = state.wanted if self.most is None else self.most
        places = choose_lowest_carbon(known_carbon(state), allowed_g, most=most)
        return state.candidates.names(places)

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: what was spent stands in the budget."""
