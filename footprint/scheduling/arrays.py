"""Arrays of the policies, and the checks that they share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

# Relative size of what rounding alone may do to sums of some thousand terms.
ROUNDING = 1e-12


def numbers(name: str, values: npt.ArrayLike, *, dimensions: int = 1) -> Array:
    """Array of finite numbers.

    Parameters
    ----------
    name : str
        What they are, for the message.
    values : array_like
    dimensions : int

    Raises
    ------
    UsageError
        If one is missing or infinite, or the array has another number of dimensions.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions:
        raise UsageError(f"{name}: found {array.ndim} dimension(s), expected {dimensions}.")
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        where = ", ".join(map(str, place))
        raise UsageError(
            f"{name}: place {where} holds {array[place]}, expected a finite number.",
            "A value that is not known must be left out by whoever knows why, not passed on.",
        )
    return array


def amounts(
    name: str, values: npt.ArrayLike, *, count: int | None = None, dimensions: int = 1
) -> Array:
    """Array of finite numbers of 0 or more, such as grams.

    Parameters
    ----------
    name : str
        What they are, for the message.
    values : array_like
    count : int, optional
        Length that the first dimension must have.
    dimensions : int

    Raises
    ------
    UsageError
        If one is missing, infinite or negative, or the shape is another.
    """
    array = numbers(name, values, dimensions=dimensions)
    if count is not None and len(array) != count:
        raise UsageError(f"{name}: found {len(array)} of them, expected {count}.")
    if array.size and array.min() < 0:
        raise UsageError(f"{name}: found {array.min():g}, expected 0 or more.")
    return array
