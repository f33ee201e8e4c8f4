"""Who may take part by the intensity of now: sites that join and leave, and how many may.

See `curtailment`. Both are around a policy that says who, and look at the intensity of now, of
the period that has just ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.around import Around
from footprint.scheduling.arrays import Mask
from footprint.scheduling.base import Need, SelectionState
from footprint.scheduling.curtailment import Threshold, participants_allowed
from footprint.scheduling.expectations import mean_over_candidates, narrowed

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(kw_only=True)
class Curtailment(Around):
    """Lets another policy choose among the clients of domains that are there.

    A domain joins and leaves by its own intensity, at each choice. Nobody is chosen while none
    is there.

    Parameters
    ----------
    inner : Scheduler
        Says who.
    threshold : Threshold
        [gCO2e/kWh]
    """

    threshold: Threshold
    present: Mask | None = field(default=None, init=False)
    own_needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients.

        Raises
        ------
        UsageError
            If the intensity of a candidate's grid is not known.
        """
        signal = state.foreseen.intensity_now
        domain = state.candidates.domain
        unknown = np.isnan(signal)
        if unknown[domain].any():
            name = state.foreseen.domains[domain[unknown[domain]][0]]
            raise UsageError(
                f"The power domain {name!r} joins by an intensity that is not known.",
                "Give its zone an intensity.",
            )
        if self.present is None:
            self.present = np.zeros(len(signal), dtype=np.bool_)
        # A domain without a grid has no candidate here, and does not join.
        seen = np.where(unknown, np.finfo(np.float64).max, signal)
        self.present = self.threshold.step(seen, self.present)
        here = self.present[domain]
        return self.inner.select(narrowed(state, here), rng) if here.any() else []


@dataclass(kw_only=True)
class CarbonCap(Around):
    """Lets another policy choose as many as the intensity of now allows, after CAP.

    Parameters
    ----------
    inner : Scheduler
        Says who; it must choose as many as are wanted.
    low, high : float
        See `participants_allowed` [gCO2e/kWh].
    least, most : int
    """

    low: float
    high: float
    least: int
    most: int
    own_needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})

    def __post_init__(self) -> None:
        self._allowed(self.low)

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients."""
        if not len(state.candidates):
            return []
        allowed = self._allowed(float(mean_over_candidates(state, state.foreseen.intensity_now)))
        return self.inner.select(replace(state, wanted=allowed), rng) if allowed else []

    def _allowed(self, intensity: float) -> int:
        return int(
            participants_allowed(
                intensity, low=self.low, high=self.high, least=self.least, most=self.most
            )
        )
