r"""Lowcarb for Flower, our reading: who has little to gain by waiting comes first.

Clients that took part seldom must join now; the more often a client took part, the further
ahead it may look for a better hour:

.. math:: w_i = \mathrm{round}\left(W \max\left(0,
    \frac{2 n_i}{\max_j n_j} - 1\right)\right)

Its score is the change to the lowest forecast within that window: close to 0 (or above) if
now is as good as it gets. Clients above the 80th percentile of participation pause.

Source: the CarbonHack 2022 project Lowcarb (MIT), no longer maintained; written from a description.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, Indices, amounts, numbers
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.expectations import slot_intensity
from footprint.units import S_PER_H

if TYPE_CHECKING:
    from numpy.random import Generator

WINDOW = 12  # slots of an hour
PAUSE_ABOVE = 80.0  # percentile


def waiting_windows(participations: npt.ArrayLike, *, window: int = WINDOW) -> Indices:
    """Slots that each client may look ahead, shape (clients,).

    Parameters
    ----------
    participations : array_like of shape (clients,)
        Rounds in which each client took part.
    window : int
        Of the client that took part most often, W.
    """
    taken = amounts("participations", participations)
    largest = taken.max(initial=0.0)
    if largest == 0:
        return np.zeros(len(taken), dtype=np.intp)
    windows: Indices = np.round(np.maximum(0.0, 2 * taken / largest - 1) * window).astype(np.intp)
    return windows


def waiting_scores(forecast: npt.ArrayLike, windows: Indices) -> Array:
    """Lowest intensity ahead less that of now; 0 where nothing may be waited for.

    Parameters
    ----------
    forecast : array_like of shape (clients, slots)
        Grid intensity of each client, the first slot is now [gCO2e/kWh].
    windows : ndarray of int, shape (clients,)

    Raises
    ------
    UsageError
        If the forecast is shorter than a window.
    """
    intensity = numbers("forecast", forecast, dimensions=2)
    if intensity.shape[1] <= windows.max(initial=0):
        raise UsageError(
            f"The forecast has {intensity.shape[1]} slots; {int(windows.max()) + 1} are needed."
        )
    ahead = np.arange(intensity.shape[1])[None, :]
    seen = (ahead >= 1) & (ahead <= windows[:, None])
    lowest = np.where(seen, intensity, np.inf).min(axis=1)
    scores: Array = np.where(windows > 0, lowest - intensity[:, 0], 0.0)
    return scores


def choose_by_waiting(
    forecast: npt.ArrayLike, participations: npt.ArrayLike, count: int, *, window: int = WINDOW
) -> tuple[int, ...]:
    """Choose those who cannot or need not wait.

    Parameters
    ----------
    forecast : array_like of shape (clients, slots)
        See `waiting_scores`.
    participations : array_like of shape (clients,)
        See `waiting_windows`.
    count : int
        Clients of the round; fewer if more than the others pause.
    window : int

    Returns
    -------
    tuple of int
        Clients, rising by number. First those with a window of 0, by rising intensity of
        now; then the others by falling score.
    """
    intensity = numbers("forecast", forecast, dimensions=2)
    taken = amounts("participations", participations, count=len(intensity))
    windows = waiting_windows(taken, window=window)
    scores = waiting_scores(intensity, windows)
    waits = windows > 0
    order = np.lexsort((np.where(waits, -scores, intensity[:, 0]), waits))
    pause = taken > np.percentile(taken, PAUSE_ABOVE) if len(taken) else waits
    return tuple(sorted(order[~pause[order]][:count].tolist()))


@dataclass(frozen=True, slots=True)
class Lowcarb:
    """Choose those who cannot or need not wait for a cleaner hour.

    Parameters
    ----------
    window : int
        Hours that those who took part most often may look ahead; fewer where forecasts end.
    """

    window: int = WINDOW
    needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY_FORECAST})

    @property
    def horizon_s(self) -> float:
        """How far forecasts shall reach [s]."""
        return (self.window + 1) * S_PER_H

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients."""
        del rng  # nothing is left to chance
        candidates = state.candidates
        hourly = slot_intensity(state.foreseen, S_PER_H)
        places = choose_by_waiting(
            hourly[candidates.domain],
            candidates.answered,
            len(candidates) if state.wanted is None else state.wanted,
            window=min(self.window, hourly.shape[1] - 1),
        )
        return candidates.names(places)

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: who took part stands in the state."""
