"""CarbonScaler as a policy: how many clients each round has, until the work is done.

After W. A. Hanafy et al. (2023), see `carbon_scaler`; a worker is a client, or a silo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from footprint.model import ReplyStatus
from footprint.scheduling.around import Around
from footprint.scheduling.arrays import ROUNDING, Array
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.carbon_scaler import ElasticJob, scale_workers
from footprint.scheduling.expectations import mean_over_candidates, slot_intensity, whole_slots
from footprint.units import S_PER_H

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(kw_only=True)
class Elastic(Around):
    """Lets another policy choose as many clients as the plan has workers in this slot.

    The plan is made anew in each slot, for the work that is left. If all in all slots no longer
    get it done, all that may work do. The last round may do more than was missing: rounds
    are whole.

    Parameters
    ----------
    inner : Scheduler
        Says who; it must choose as many as are wanted. Rounds shall end with all of them
        (`Rules.updates` None).
    job : ElasticJob
        What so many updates are worth in a round, and draw.
    work : float
        In the unit of the throughput times slots.
    deadline_s : float
        When it shall be done, from the first choice on [s].
    slot_s : float
        From the beginning of a round to that of the next [s].

    Attributes
    ----------
    left : float
        Work that is left: accepted updates count.

    Raises
    ------
    UsageError
        If the work does not fit.
    """

    job: ElasticJob
    work: float
    deadline_s: float
    slot_s: float = S_PER_H
    left: float = field(init=False)
    until_s: float | None = field(default=None, init=False)
    own_needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY_FORECAST})

    def __post_init__(self) -> None:
        self.left = self.work
        slots = whole_slots(self.deadline_s, self.slot_s) if self.slot_s > 0 else 0
        # An even grid: whether it can be done at all.
        scale_workers([1.0] * slots, self.job, self.work)

    @property
    def own_horizon_s(self) -> float:
        """How far it looks [s]."""
        return self.deadline_s

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody in slots without workers, and once the work is done."""
        if not self.left > ROUNDING * self.work or not len(state.candidates):
            return []
        seen = mean_over_candidates(state, slot_intensity(state.foreseen, self.slot_s))
        if self.until_s is None:
            self.until_s = state.now_s + self.deadline_s
        slots = whole_slots(self.until_s - state.now_s, self.slot_s)
        if not slots:
            return []
        workers = self._workers(seen[:slots])
        able = len(state.candidates)
        if not self.job.least <= min(workers, able):
            return []
        return self.inner.select(replace(state, wanted=min(workers, able)), rng)

    def observe(self, outcome: Outcome) -> None:
        """Count the work that came of the round."""
        updates = sum(client.status is ReplyStatus.OK for client in outcome.clients)
        self.left -= self._throughput(updates)
        self.inner.observe(outcome)

    def _workers(self, intensity: Array) -> int:
        most = self.job.least + len(self.job.throughput) - 1
        if self.left >= len(intensity) * self.job.throughput[-1]:
            return most
        return int(scale_workers(intensity, self.job, self.left).workers[0])

    def _throughput(self, updates: int) -> float:
        step = min(updates - self.job.least, len(self.job.throughput) - 1)
        return self.job.throughput[step] if step >= 0 else 0.0
