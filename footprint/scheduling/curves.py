"""Curves of a run: where they first reach a target, and what they say between their points."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from footprint.scheduling.arrays import Array

WINDOW = 5
"""Measured rounds over which accuracy is averaged before it is held against a target."""
_LORENZ_STEPS = 20


def moving_mean(accuracy: npt.ArrayLike, window: int = WINDOW) -> Array:
    """Mean of the last measured values, up to each round.

    Parameters
    ----------
    accuracy : array_like of shape (rounds,)
        NaN where it was not measured.
    window : int

    Returns
    -------
    ndarray of shape (rounds,)
        NaN where it was not measured, or fewer than `window` values are there yet.
    """
    values = np.asarray(accuracy, dtype=np.float64)
    smooth = np.full(len(values), np.nan)
    measured = np.flatnonzero(~np.isnan(values))
    if len(measured) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values[measured], window)
        smooth[measured[window - 1 :]] = windows.mean(axis=1)
    return smooth


def first_reaching(accuracy: npt.ArrayLike, target: float, window: int = WINDOW) -> int | None:
    """Find the first round whose moving mean is at the target or above; None if there is none.

    Returns
    -------
    int or None
        Its place, from 0 on.
    """
    # Sums of floats: a mean of five times 0.8 is 0.8.
    reached = np.flatnonzero(moving_mean(accuracy, window) >= target - 1e-12)
    return int(reached[0]) if len(reached) else None


def value_at(xs: npt.ArrayLike, ys: npt.ArrayLike, at: float) -> float | None:
    """Read a curve between its points; None outside of them.

    Where several points have one x the last counts: what costs nothing is taken along.
    """
    xs, ys = points_of(xs, ys)
    if not len(xs) or not xs[0] <= at <= xs[-1]:
        return None
    return float(np.interp(at, xs, ys))


def mean_between(xs: npt.ArrayLike, ys: npt.ArrayLike, low: float, high: float) -> float | None:
    """Mean of a curve from one x to another: the area under it, over their distance.

    None if the curve does not reach so far.
    """
    ends = value_at(xs, ys, low), value_at(xs, ys, high)
    if ends[0] is None or ends[1] is None:
        return None
    if high <= low:
        return ends[1]
    xs, ys = points_of(xs, ys)
    inside = (xs > low) & (xs < high)
    places = np.concatenate([[low], xs[inside], [high]])
    values = np.concatenate([[ends[0]], ys[inside], [ends[1]]])
    return float((np.diff(places) * (values[1:] + values[:-1])).sum() / 2 / (high - low))


def points_of(xs: npt.ArrayLike, ys: npt.ArrayLike) -> tuple[Array, Array]:
    """Points with a value, one per x, in the order of x."""
    across = np.asarray(xs, dtype=np.float64)
    up = np.asarray(ys, dtype=np.float64)
    across, up = across[~np.isnan(up)], up[~np.isnan(up)]
    last = np.append(np.diff(across) > 0, True)[: len(across)]
    return across[last], up[last]


def worst_decile(values: npt.ArrayLike) -> float:
    """Mean of the lowest tenth of values, of at least one [1]."""
    ranked = np.sort(np.asarray(values, dtype=np.float64))
    return float(ranked[: math.ceil(len(ranked) / 10)].mean())


def lorenz_curve(amount: npt.ArrayLike, steps: int = _LORENZ_STEPS) -> tuple[float, ...]:
    """Share of the whole that the clients with least have, by their share of all clients.

    Parameters
    ----------
    amount : array_like of shape (clients,)
        0 or more.
    steps : int

    Returns
    -------
    tuple of float
        At 0, 1 / steps, 2 / steps, ... 1; the even line goes from 0 to 1. Empty if nobody has any.
    """
    ranked = np.sort(np.asarray(amount, dtype=np.float64))
    if not ranked.sum() > 0:
        return ()
    held = np.concatenate([[0.0], np.cumsum(ranked)]) / ranked.sum()
    places = np.linspace(0, 1, steps + 1)
    return tuple(np.interp(places, np.linspace(0, 1, len(held)), held).tolist())
