"""Let's Wait Awhile as a policy: rounds in the cheapest hours before a deadline.

After P. Wiesner et al. (Middleware 2021), see `temporal`. They plan a job once; here each slot
is decided on the newest forecast, which is the same where forecasts are perfect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.base import Need, SelectionState
from footprint.scheduling.expectations import mean_over_candidates, slot_intensity, whole_slots
from footprint.scheduling.temporal import (
    cheapest_slots,
    cheapest_window,
    next_workday,
    semi_weekly,
)
from footprint.scheduling.waiting import Waiting
from footprint.units import S_PER_H


class Delivery(Vocabulary):
    """When the result of a training is looked at. Times are UTC."""

    NEXT_WORKDAY = "next-workday"
    SEMI_WEEKLY = "semi-weekly"

    def due(self, finish: datetime) -> datetime:
        """Deadline of a training that would end at a moment if it ran at once."""
        return next_workday(finish) if self is Delivery.NEXT_WORKDAY else semi_weekly(finish)

    @property
    def longest_s(self) -> float:
        """No deadline is further behind that moment [s].

        From Friday at 17 to Monday at 9, and from Thursday at 9 to Monday at 9.
        """
        return (64 if self is Delivery.NEXT_WORKDAY else 96) * S_PER_H


@dataclass(kw_only=True)
class WaitAwhile(Waiting):
    """Runs the rounds of a training in the cheapest slots until a deadline.

    Its time begins with the first choice. If no more slots are left than rounds, up to the deadline
    or to where forecasts end, it waits no longer. A round that would end later is not begun.

    Parameters
    ----------
    inner, rounds, slot_s
        See `Waiting`.
    deadline_s : float, optional
        When the last round must have ended, from the first choice on [s].
    delivery : Delivery, optional
        Gives the deadline instead.
    interrupting : bool
        Rounds may lie apart. Else they follow each other once the first one was run.

    Raises
    ------
    UsageError
        If it has no deadline or two, or its rounds do not fit.
    """

    deadline_s: float | None = None
    delivery: Delivery | None = None
    interrupting: bool = True
    until_s: float | None = field(default=None, init=False)
    own_needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY_FORECAST})

    def check(self) -> None:
        """Check the deadline."""
        if (self.deadline_s is None) is (self.delivery is None):
            raise UsageError("A training that waits has a deadline_s or a delivery, one of them.")
        if self.delivery is not None:
            self.delivery = Delivery.parse(self.delivery)
        elif whole_slots(self.deadline_s or 0.0, self.slot_s) < self.rounds:
            raise UsageError(
                f"{self.rounds} rounds in slots of {self.slot_s:g} s do not fit into "
                f"{self.deadline_s:g} s.",
                "Give the training a later deadline.",
            )

    @property
    def own_horizon_s(self) -> float:
        """How far it looks: to its deadline at the latest [s]."""
        if self.delivery is None:
            return self.deadline_s or 0.0
        return self.rounds * self.slot_s + self.delivery.longest_s

    def begins(self, state: SelectionState) -> bool:
        """Whether this slot is one of the cheapest that are left."""
        seen = mean_over_candidates(state, slot_intensity(state.foreseen, self.slot_s))
        slots = whole_slots(self._until(state.now_s) - state.now_s, self.slot_s)
        if not slots:
            return False
        seen, missing = seen[:slots], self.rounds - self.done
        if len(seen) <= missing:
            return True
        if self.interrupting:
            return int(cheapest_slots(seen, missing)[0]) == 0
        return self.done > 0 or int(cheapest_window(seen, missing)[0]) == 0

    def _until(self, now_s: float) -> float:
        if self.until_s is None:
            if self.delivery is None:
                self.until_s = now_s + (self.deadline_s or 0.0)
            else:
                at_once = timedelta(seconds=self.rounds * self.slot_s)
                finish = datetime.fromtimestamp(now_s, UTC) + at_once
                self.until_s = self.delivery.due(finish).timestamp()
        return self.until_s
