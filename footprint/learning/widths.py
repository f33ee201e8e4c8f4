"""Clients with narrower models: leading slices of each tensor, averaged where they overlap.

A client that can afford half of the channels trains the leading half of each layer,
with dense kernels of that size. The narrow model must be the wide one's with fewer
channels in each layer: `networks.FourConvolutions(0.5)` beside `FourConvolutions()`.

References
----------
HeteroFL (ICLR 2021), of which these are the nested sub-networks and the averages
alone: neither its scaling of outputs nor its treatment of batch statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from footprint.errors import DataError, UsageError

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


def narrow(arrays: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Leading slices of each tensor.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The wide model.
    shapes : mapping of str to tuple of int
        Of the narrow one.

    Raises
    ------
    UsageError
        If names differ, or a narrow tensor does not fit into the wide one.
    """
    if arrays.keys() != shapes.keys():
        raise UsageError("The narrow model has other tensors than the wide one.")
    for name, shape in shapes.items():
        if not _fits(shape, arrays[name].shape):
            raise UsageError(
                f"Tensor {name!r} of shape {shape} is no part of one of {arrays[name].shape}."
            )
    return {name: arrays[name][_block(shapes[name])].copy() for name in arrays}


def average_overlaps(
    before: Arrays, updates: Sequence[Arrays], weights: Sequence[float]
) -> dict[str, Array]:
    """Average models of several widths.

    Parameters
    ----------
    before : mapping of str to ndarray of float32
        The wide model.
    updates : sequence of mapping
        Trained models, each as wide as its client could afford.
    weights : sequence of float
        Samples of each client; not all 0.

    Returns
    -------
    dict of str to ndarray
        Each weight is averaged over the clients that have it; one that none has stays.

    Raises
    ------
    UsageError
        If there is no answer, or the weights do not fit.
    DataError
        If an answer has other tensors, or is not finite.
    """
    usable = all(isfinite(weight) and weight >= 0 for weight in weights)
    if len(updates) != len(weights) or not usable or not sum(weights) > 0:
        raise UsageError(f"{len(updates)} answers cannot be averaged with the weights {weights}.")
    for number, update in enumerate(updates):
        _check(update, before, f"Answer {number}")
    return {name: _overlap(name, old, updates, weights) for name, old in before.items()}


def _check(update: Arrays, before: Arrays, what: str) -> None:
    remedy = "Leave this client out."
    if update.keys() != before.keys():
        raise DataError(f"{what} has other tensors than the model.", remedy)
    for name, array in update.items():
        if not _fits(array.shape, before[name].shape):
            raise DataError(f"{what} has a {name!r} of shape {array.shape}.", remedy)
        if not np.isfinite(array).all():
            raise DataError(f"{what} is not finite in {name!r}.", remedy)


def _overlap(name: str, old: Array, updates: Sequence[Arrays], weights: Sequence[float]) -> Array:
    total = np.zeros(old.shape)
    share = np.zeros(old.shape)
    for update, weight in zip(updates, weights, strict=True):
        block = _block(update[name].shape)
        total[block] += weight * update[name].astype(np.float64)
        share[block] += weight
    covered = share > 0
    mean = np.divide(total, share, out=old.astype(np.float64), where=covered)
    return mean.astype(np.float32)


def _fits(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    alike = len(small) == len(large)
    return alike and all(part <= whole for part, whole in zip(small, large, strict=True))


def _block(small: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(part) for part in small)
