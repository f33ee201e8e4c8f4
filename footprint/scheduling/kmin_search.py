r"""Run k of T slots without a forecast, with a guarantee: k-min search.

All that is known is that the intensity stays between L and U. The i-th slot is taken if the
intensity is at most

.. math:: U \left[1 - \left(1 - \tfrac{1}{a}\right)
    \left(1 + \tfrac{1}{a k}\right)^{i - 1}\right]

and always if there are only as many slots left as work. The total is then never above a times
that of the k cheapest slots, and no deterministic rule promises less.

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
    r"""Most that a search emits, as a multiple of the cheapest slots [1].

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
        """Competitive ratio a; see `competitive_ratio`."""
        return competitive_ratio(self.count, self.high / self.low)

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
