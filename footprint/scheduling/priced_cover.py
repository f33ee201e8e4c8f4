r"""The problem of one round: a value that clients have together, less a price of each.

.. math:: f(S) = \sum_k \max_{i \in S} c_{ki} - \sum_{i \in S} \pi_i

A facility location minus a sum: submodular, not monotone, and negative for some sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import ROUNDING, Array, Mask, amounts, numbers
from footprint.scheduling.coreset import cover_value


@dataclass(frozen=True, slots=True)
class PricedCover:
    """The problem of one round.

    Attributes
    ----------
    cover : ndarray of shape (clients, candidates)
        Times the weight of learning; not negative.
    price : ndarray of shape (candidates,)
        In the same unit.
    """

    cover: Array
    price: Array

    @classmethod
    def of(cls, cover: npt.ArrayLike, price: npt.ArrayLike) -> PricedCover:
        """Check shapes and signs.

        Raises
        ------
        UsageError
            If they do not fit, or a cover is negative.
        """
        columns = amounts("cover", cover, dimensions=2)
        prices = numbers("price", price)
        if len(prices) != columns.shape[1]:
            raise UsageError(f"Found {len(prices)} prices for {columns.shape[1]} candidates.")
        return cls(columns, prices)

    def value(self, chosen: npt.ArrayLike) -> float:
        """Value f of a set, given as a mask over the candidates."""
        columns = np.flatnonzero(np.asarray(chosen, dtype=np.bool_))
        return cover_value(self.cover, columns) - float(self.price[columns].sum())

    @property
    def rounding(self) -> float:
        """Gain above which rounding cannot feign one."""
        return ROUNDING * (float(self.cover.sum()) + float(np.abs(self.price).sum()))


@dataclass(frozen=True, slots=True)
class Room:
    """What a set may need together.

    Attributes
    ----------
    needs : ndarray of shape (candidates,)
        Of each candidate, 0 or more, such as its emissions.
    total : float
        In the same unit; below 0 it is as 0.
    """

    needs: Array
    total: float

    def left(self, members: Mask) -> float:
        """Room that a set leaves; negative if it does not fit."""
        return max(self.total, 0.0) - float(self.needs[members].sum())

    def fits(self, members: Mask) -> Mask:
        """Candidates that each could still be added to a set."""
        fits: Mask = self.needs <= self.left(members)
        return fits
