r"""How many workers an elastic job uses in each slot, after CarbonScaler.

Every further worker in a slot adds throughput and power. Steps are taken by throughput per
gram, until the work is done:

.. math:: \frac{r(k) - r(k - 1)}{(p(k) - p(k - 1)) c_t}

For federated learning k is the number of silos that take part in a slot. If a job needs m
workers to run at all, the first m are one step, of value :math:`r(m) / (p(m) c_t)`; the
authors' public code uses the last of them alone there, which is right only for m = 1.

With a throughput per power that never grows from step to step the plan is optimal, if its last
step may run for a part of its slot.

Source: W. A. Hanafy et al., "CarbonScaler: Leveraging cloud workload elasticity for optimizing
carbon-efficiency", POMACS 7 (2023).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import ROUNDING, Array, Indices, amounts
from footprint.units import J_PER_KWH


@dataclass(frozen=True, slots=True)
class ElasticJob:
    """What a job gains and draws with more workers.

    Attributes
    ----------
    throughput : tuple of float
        Work per slot with m, m + 1, ... workers; rising.
    power_w : tuple of float
        Power with as many [W]; rising.
    least : int
        m, workers without which it does not run.
    """

    throughput: tuple[float, ...]
    power_w: tuple[float, ...]
    least: int = 1

    def __post_init__(self) -> None:
        if len(self.throughput) != len(self.power_w) or not self.throughput or self.least < 1:
            raise UsageError(
                f"Found {len(self.throughput)} throughputs, {len(self.power_w)} powers and "
                f"at least {self.least} worker(s)."
            )
        if not (np.all(self.steps[0] > 0) and np.all(self.steps[1] > 0)):
            raise UsageError("Throughput and power must grow with each worker.")

    @property
    def steps(self) -> tuple[Array, Array]:
        """Throughput and power [W] that the first m workers and each further one add."""
        return (
            np.diff(amounts("throughput", self.throughput), prepend=0.0),
            np.diff(amounts("power", self.power_w), prepend=0.0),
        )

    @property
    def diminishing(self) -> bool:
        """Whether no step does more per power than the one before it."""
        per_power = self.steps[0] / self.steps[1]
        return bool(np.all(np.diff(per_power) <= ROUNDING * per_power[:-1]))


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """Workers per slot.

    Attributes
    ----------
    workers : ndarray of int, shape (slots,)
    last_slot : int
        Slot of the step that was taken last.
    last_share : float
        Part of that slot for which it has to run; 1 if it runs throughout [1].
    optimal : bool
        Whether no other plan emits less; else the job's steps do not diminish.
    """

    workers: Indices
    last_slot: int
    last_share: float
    optimal: bool

    def emissions(
        self, job: ElasticJob, intensity: npt.ArrayLike, step_s: float, *, whole: bool = False
    ) -> float:
        """Emissions of the plan [gCO2e].

        Parameters
        ----------
        job : ElasticJob
        intensity : array_like of shape (slots,)
            What came [gCO2e/kWh].
        step_s : float
            Length of a slot [s].
        whole : bool
            Let the last step run to the end of its slot.
        """
        actual = amounts("intensity", intensity, count=len(self.workers))
        added_w = job.steps[1]
        sums_w = np.concatenate([[0.0], np.cumsum(added_w)])
        taken = np.maximum(0, self.workers - job.least + 1)
        watts = sums_w[taken]
        if not whole:
            last_w = added_w[taken[self.last_slot] - 1]
            watts[self.last_slot] -= (1 - self.last_share) * last_w
        return float(watts @ actual) * step_s / J_PER_KWH


def scale_workers(forecast: npt.ArrayLike, job: ElasticJob, work: float) -> ScalePlan:
    """Plan the workers of each slot until the deadline.

    Parameters
    ----------
    forecast : array_like of shape (slots,)
        Grid intensity from now to the deadline [gCO2e/kWh].
    job : ElasticJob
    work : float
        In the unit of the throughput times slots, above 0.

    Raises
    ------
    UsageError
        If all workers in all slots do not get it done.
    """
    intensity = amounts("forecast", forecast)
    gains, watts = job.steps
    if not 0 < work <= len(intensity) * gains.sum() * (1 + ROUNDING):
        raise UsageError(
            f"{len(intensity)} slots with up to {job.least + len(gains) - 1} workers do "
            f"{len(intensity) * gains.sum():g} of work; {work:g} is asked for.",
            "Give the job a later deadline or more workers.",
        )
    taken = np.zeros(len(intensity), dtype=np.intp)

    def offer(slot: int) -> tuple[float, int]:
        step = taken[slot]
        return float(intensity[slot] * watts[step] / gains[step]), slot

    # The cheapest next step of each slot; it is free where the intensity is 0.
    offers = [offer(slot) for slot in range(len(intensity))]
    heapq.heapify(offers)
    left, slot, gained = work, 0, 1.0
    while left > ROUNDING * work and offers:
        _, slot = heapq.heappop(offers)
        gained = float(gains[taken[slot]])
        left -= gained
        taken[slot] += 1
        if taken[slot] < len(gains):
            heapq.heappush(offers, offer(slot))
    share = min(1.0, 1.0 + left / gained)
    workers = np.where(taken > 0, taken + job.least - 1, 0)
    return ScalePlan(workers, slot, share, job.diminishing)
