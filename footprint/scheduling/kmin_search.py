r"""Run k of T slots without a forecast, with a guarantee: k-min search.

All that is known is that the intensity stays between L and U. The i-th slot is taken if the
intensity is at most

.. math:: U \left[1 - \left(1 - \tfrac{1}{a}\right)
    \left(1 + \tfrac{1}{a k}\right)^{i - 1}\right]

and always if there are only as many slots left as work. Where intensities fall from threshold to
threshold, the total is at most a times that of the k cheapest slots. A slot that is far
below its threshold makes it more: with k = 2, L = 11 and U = 88, the series 11, 24, 81 costs 92
instead of 35, 2.63 times as much, and a is 2.60. So `KMinSearch.bound` is what is promised:
the worst of all series of any length, derived here.

Source: J. Lorenz, K. Panagiotou, A. Steger, "Optimal algorithms for k-search with application
in option pricing", Algorithmica 55 (2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, Indices, amounts


def competitive_ratio(count: int, spread: float) -> float:
    r"""Find the published ratio a, which gives the thresholds [1]; see `KMinSearch.bound`.

    .. math:: \frac{1 - 1/\theta}{1 - 1/a} = \left(1 + \frac{1}{a k}\right)^k

    Parameters
    ----------
    count : int
        Slots to run, k.
    spread : float
        Highest over lowest possible intensity, theta = U / L [1].

    Raises
    ------
    UsageError
        If `count` or `spread` is below 1.
    """
    if count < 1 or not (math.isfinite(spread) and spread >= 1):
        raise UsageError(f"Found {count} slots to run and a spread of {spread}, expected >= 1.")
    low, high = 1.0, spread
    # Left minus right side falls from infinity at 1 to below 0 at theta.
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        left = (1 - 1 / spread) / (1 - 1 / middle)
        if left > (1 + 1 / (middle * count)) ** count:
            low = middle
        else:
            high = middle
    return high


@dataclass(frozen=True, slots=True)
class KMinSearch:
    """A search for k of T slots.

    Attributes
    ----------
    count, slots : int
        k and T.
    low, high : float
        Between which the intensity stays, L and U [gCO2e/kWh]. The promise ends where
        an intensity leaves them; the work is done in any case.
    """

    count: int
    slots: int
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 1 <= self.count <= self.slots:
            raise UsageError(f"{self.count} slots to run do not fit into {self.slots}.")
        if not 0 < self.low <= self.high < math.inf:
            raise UsageError(f"Found bounds {self.low} and {self.high}, expected 0 < low <= high.")

    @property
    def ratio(self) -> float:
        """The published ratio a; see `competitive_ratio`."""
        return competitive_ratio(self.count, self.high / self.low)

    @property
    def bound(self) -> float:
        r"""Most that a search emits, as a multiple of the cheapest slots [1].

        .. math:: \max_{j, l} \frac{l L + \sum_{i \le j - l} p_i + (k - j) U}
            {l L + (k - l)\, p_{j + 1}}, \quad p_{k + 1} = L

        j slots are taken by their thresholds p, l of them at L; then all that is shown lies
        just above the next threshold, and the rest is forced at U. The cost of a slot that
        was taken counts in both totals if it is one of the cheapest, and then the ratio is
        largest where it is lowest; else it is largest at the threshold. So no series is worse.
        """
        limits = np.clip(self.thresholds, self.low, self.high)
        taken = np.arange(self.count + 1)[:, None]
        lowest = np.arange(self.count + 1)[None, :]
        sums = np.concatenate([[0.0], np.cumsum(limits)])
        paid = lowest * self.low + sums[np.maximum(taken - lowest, 0)]
        paid = paid + (self.count - taken) * self.high
        above = np.append(limits, self.low)[:, None]
        cheapest = lowest * self.low + (self.count - lowest) * above
        return float(np.where(lowest <= taken, paid / cheapest, 1.0).max())

    @property
    def thresholds(self) -> Array:
        """Highest intensity for the first, second, ... slot, shape (k,) [gCO2e/kWh]."""
        a = self.ratio
        growth = (1 + 1 / (a * self.count)) ** np.arange(self.count)
        return np.asarray(self.high * (1 - (1 - 1 / a) * growth), dtype=np.float64)

    def takes(self, intensity: float, slot: int, taken: int) -> bool:
        """Whether to run in a slot.

        Parameters
        ----------
        intensity : float
            Of this slot [gCO2e/kWh].
        slot : int
            From 0 on.
        taken : int
            Slots that were run before.
        """
        if taken >= self.count:
            return False
        forced = self.slots - slot <= self.count - taken
        return forced or intensity <= float(self.thresholds[taken])

    def run(self, intensity: npt.ArrayLike) -> Indices:
        """Slots that the search takes of a whole series, shape (k,)."""
        series = amounts("intensity", intensity, count=self.slots)
        limits = self.thresholds
        chosen: list[int] = []
        for slot, value in enumerate(series.tolist()):
            if len(chosen) == self.count:
                break
            forced = self.slots - slot <= self.count - len(chosen)
            if forced or value <= limits[len(chosen)]:
                chosen.append(slot)
        return np.array(chosen, dtype=np.intp)
