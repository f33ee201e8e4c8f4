"""Random selection among those that could finish alone, by the forecasts of now.

"Random fc" of FedZero's evaluation: Wiesner et al., arXiv 2305.15092, in our reading. The
authors' code (dos-group/fedzero, commit 1c8ae6a3) hands it perfect forecasts; here it gets
what the world has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.candidates import Flags, Floats
from footprint.scheduling.uniform import over_selected

if TYPE_CHECKING:
    from numpy.random import Generator

FORECASTS = frozenset({Need.ENERGY_FORECAST, Need.SPARE_FORECAST})


@dataclass(frozen=True, slots=True)
class Feasible:
    """Choose at random among those that are expected to reach their least work in time.

    Parameters
    ----------
    over : float
        Over-selection: so many times the wanted number is chosen, rounded down.
    """

    over: float = 1.0
    needs: ClassVar[frozenset[Need]] = FORECASTS

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody if there are too few."""
        able = np.flatnonzero(can_finish(state))
        wanted = len(able) if state.wanted is None else over_selected(state.wanted, self.over)
        if len(able) < wanted:
            return []
        places = rng.choice(able, size=wanted, replace=False)
        return state.candidates.names(np.sort(places))

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: forecasts come anew."""


def work_alone(state: SelectionState) -> Floats:
    """Forecast the work of each candidate, if it had the energy of its domain for itself.

    Returns
    -------
    ndarray of shape (candidates, steps)
        min(spare, r / delta) [units per step].
    """
    outlook, candidates = state.foreseen, state.candidates
    energy = outlook.energy.values[candidates.domain]
    powered = energy / candidates.energy_per_unit_ws[:, None]
    work: Floats = np.minimum(outlook.spare.values, powered)
    return work


def can_finish(state: SelectionState) -> Flags:
    """Whether each candidate alone would reach its least work before the deadline."""
    able: Flags = work_alone(state).sum(axis=1) >= state.candidates.least
    return able
