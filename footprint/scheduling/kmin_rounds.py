"""k-min search as a policy: rounds before a deadline, without a forecast, with a guarantee.

See `kmin_search`. The intensity that it compares is that of now, of the period that has just
ended: nobody knows the coming one. The guarantee is for these values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from footprint.scheduling.base import Need, SelectionState
from footprint.scheduling.expectations import mean_over_candidates, whole_slots
from footprint.scheduling.kmin_search import KMinSearch
from footprint.scheduling.waiting import Waiting


@dataclass(kw_only=True)
class KMinRounds(Waiting):
    """Runs a round where the intensity is low enough for the number of rounds that are missing.

    Its time begins with the first choice.

    Parameters
    ----------
    inner, rounds, slot_s
        See `Waiting`.
    deadline_s : float
        When the last round must have ended, from the first choice on [s].
    low, high : float
        Between which the intensity stays [gCO2e/kWh]: of earlier years, say.

    Raises
    ------
    UsageError
        If the rounds do not fit, or the bounds are none.
    """

    deadline_s: float
    low: float
    high: float
    search: KMinSearch = field(init=False, repr=False)
    until_s: float | None = field(default=None, init=False)
    own_needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})

    def check(self) -> None:
        """Make the search, which checks the rest."""
        slots = whole_slots(self.deadline_s, self.slot_s)
        self.search = KMinSearch(self.rounds, slots, self.low, self.high)

    @property
    def bound(self) -> float:
        """Most that its rounds emit, as a multiple of those of the cheapest slots [1]."""
        return self.search.bound

    def begins(self, state: SelectionState) -> bool:
        """Whether this slot is cheap enough, or the last chance."""
        intensity = float(mean_over_candidates(state, state.foreseen.intensity_now))
        if self.until_s is None:
            self.until_s = state.now_s + self.deadline_s
        left = whole_slots(self.until_s - state.now_s, self.slot_s)
        slot = self.search.slots - left
        return left > 0 and self.search.takes(intensity, slot, self.done)
