"""Which entries of a tensor are kept: the largest by magnitude, counted exactly.

Densities are fractions: ``1 - 0.95 + 0.2`` in floating point is a little above
0.25 and would keep one weight too many in layers where the count is whole.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np

from footprint.errors import UsageError

Array = np.ndarray[Any, Any]
Share = float | Fraction


def exact(share: Share) -> Fraction:
    """Share as it was written: 0.1 is one tenth, not the nearest binary number.

    Raises
    ------
    UsageError
        If it lies outside of 0 and 1.
    """
    try:
        value = share if isinstance(share, Fraction) else Fraction(Decimal(str(share)))
    except (ArithmeticError, ValueError):  # a word, infinity, not a number
        value = Fraction(-1)
    if not 0 <= value <= 1:
        raise UsageError(f"{share!r} is no share.", "Give a number within 0 and 1.")
    return value


def kept_density(sparsity: Share, mask_ratio: Share) -> Fraction:
    """Share of a sparse layer that a client sends, d = min(1, 1 - sp + r) [1].

    References
    ----------
    X. Qiu et al., "ZeroFL: Efficient On-Device Training for Federated Learning
    with Local Sparsity", ICLR 2022, arXiv 2208.02507.
    """
    return min(Fraction(1), 1 - exact(sparsity) + exact(mask_ratio))


def kept_count(size: int, density: Share) -> int:
    """Entries that are kept of `size`: the share, rounded up."""
    return ceil(exact(density) * size)


def largest(values: Array, count: int) -> Array:
    """Mask of exactly `count` largest magnitudes; of equals the first are kept.

    Parameters
    ----------
    values : ndarray of any shape
    count : int
        Within 0 and the size of `values`.

    Returns
    -------
    ndarray of bool
        Of the same shape.

    Raises
    ------
    UsageError
        If a value is not finite, so that there is no order.
    """
    if not np.isfinite(values).all():
        raise UsageError(
            "The largest entries of a tensor that is not finite are not defined.",
            "The training has diverged: use a smaller learning rate.",
        )
    magnitudes = np.abs(values).reshape(-1)
    if count >= magnitudes.size:
        return np.ones(values.shape, dtype=bool)
    if count < 1:
        return np.zeros(values.shape, dtype=bool)
    bar = np.partition(magnitudes, magnitudes.size - count)[magnitudes.size - count]
    mask: Array = magnitudes > bar
    ties = np.flatnonzero(magnitudes == bar)[: count - int(mask.sum())]
    mask[ties] = True
    return mask.reshape(values.shape)
