"""Who is there: sites that join while a signal is low, and how many may take part.

A site joins when its signal falls to one threshold and leaves when it rises above a higher
one. The gap between the two (hysteresis) keeps a signal that wavers around one value from
starting and stopping a site at every step, each of which costs loading a model and waiting for
others.

The signal is the caller's: an intensity, a price, the power that is being curtailed (negated).
Do not put marginal and average intensities into one array.

Idea: training of language models in windows of curtailment, arXiv 2602.22760; and a limit on
machines by intensity, after CAP (PCAPS, SIGCOMM 2025). The forms are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Indices, Mask, numbers


@dataclass(frozen=True, slots=True)
class Threshold:
    """When a site joins and leaves.

    Attributes
    ----------
    join_at : float
        It joins at this signal or below.
    leave_above : float
        It leaves above this; at least `join_at`.
    """

    join_at: float
    leave_above: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.join_at, self.leave_above]).all()):
            raise UsageError(f"Found thresholds {self.join_at} and {self.leave_above}.")
        if self.leave_above < self.join_at:
            raise UsageError(
                f"A site joins at {self.join_at} and leaves above {self.leave_above}.",
                "Leave at the signal of joining, or above it.",
            )

    def step(self, signal: npt.ArrayLike, present: npt.ArrayLike) -> Mask:
        """Who is there now.

        Parameters
        ----------
        signal : array_like of shape (sites,)
        present : array_like of bool, shape (sites,)
            Who was there one step ago.
        """
        values = numbers("signal", signal)
        now: Mask = (values <= self.join_at) | (
            np.asarray(present, dtype=np.bool_) & (values <= self.leave_above)
        )
        return now

    def follow(self, signal: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Mask:
        """Who is there in every step.

        Parameters
        ----------
        signal : array_like of shape (steps, sites)
        present : array_like of bool, shape (sites,), optional
            Who was there before. Default: nobody.

        Returns
        -------
        ndarray of bool, shape (steps, sites)
        """
        values = numbers("signal", signal, dimensions=2)
        there = np.zeros(values.shape, dtype=np.bool_)
        last = np.zeros(values.shape[1], dtype=np.bool_)
        if present is not None:
            last[:] = present
        for place, row in enumerate(values):
            last = self.step(row, last)
            there[place] = last
        return there


def participants_allowed(
    intensity: npt.ArrayLike, *, low: float, high: float, least: int, most: int
) -> Indices:
    """How many may take part, fewer the dirtier the hour.

    Parameters
    ----------
    intensity : array_like
        [gCO2e/kWh]
    low, high : float
        At `low` or below `most` may take part, at `high` or above `least`; in between it falls on a
        straight line, rounded down.
    least, most : int

    Returns
    -------
    ndarray of int
    """
    if not (low < high and 0 <= least <= most):
        raise UsageError(f"Found low {low}, high {high}, least {least} and most {most}.")
    clean = np.clip((high - np.asarray(intensity, dtype=np.float64)) / (high - low), 0.0, 1.0)
    allowed: Indices = (least + np.floor(clean * (most - least))).astype(np.intp)
    return allowed
