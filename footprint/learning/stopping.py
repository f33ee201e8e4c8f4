r"""Stop a training where more accuracy costs too much carbon.

Over the last rounds of a window, accuracy rose by :math:`\Delta a` while :math:`\Delta e` was
emitted. A training is poor where

.. math:: \frac{\Delta a}{\Delta e} < \theta

and stops when it was poor for some rounds in a row, or when a hard budget is spent. It sees the
past alone, so that it decides in a running training as it does on its record. Ours: no publication
is known that defines such a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite

from footprint.errors import UsageError


class StopReason(StrEnum):
    """Why a training stops. ``rate``: more accuracy costs too much. ``budget``: it is spent."""

    RATE = "rate"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class RateStop:
    """When to stop.

    Attributes
    ----------
    least_gain : float
        theta, accuracy per emission [1/gCO2e].
    window : int
        Evaluated rounds over which the gain is taken.
    patience : int
        Evaluated rounds in a row that must be poor.
    budget_g : float or None
        Emissions that are never exceeded knowingly [gCO2e].
    """

    least_gain: float
    window: int = 5
    patience: int = 3
    budget_g: float | None = None

    def __post_init__(self) -> None:
        usable = isfinite(self.least_gain) and self.least_gain >= 0
        if not usable or self.window < 1 or self.patience < 1:
            raise UsageError(f"Nobody can stop by {self!r}.")
        if self.budget_g is not None and not self.budget_g > 0:
            raise UsageError(f"A budget of {self.budget_g!r} gCO2e allows no training.")

    def reason(self, accuracy: Sequence[float], emissions_g: Sequence[float]) -> StopReason | None:
        """Tell why a training should stop now; None to go on.

        Parameters
        ----------
        accuracy : sequence of float
            On data for validation, of each evaluated round so far [1].
        emissions_g : sequence of float
            Emitted from the start to the end of each of these rounds; never falling [gCO2e].

        Raises
        ------
        UsageError
            If the two do not fit, or emissions fall.
        """
        if len(accuracy) != len(emissions_g):
            raise UsageError(f"{len(accuracy)} accuracies have {len(emissions_g)} emissions.")
        if any(after < before for before, after in pairwise(emissions_g)):
            raise UsageError("What was emitted in all cannot fall.")
        if self.budget_g is not None and self._would_exceed(emissions_g, self.budget_g):
            return StopReason.BUDGET
        places = range(len(accuracy) - self.patience, len(accuracy))
        if places.start < self.window:
            return None
        poor = all(self._is_poor(accuracy, emissions_g, place) for place in places)
        return StopReason.RATE if poor else None

    def _would_exceed(self, emissions_g: Sequence[float], budget_g: float) -> bool:
        """Whether a round like the dearest so far does not fit into what is left."""
        if not emissions_g:
            return False
        spans = zip((0.0, *emissions_g), emissions_g, strict=False)
        return emissions_g[-1] + max(after - before for before, after in spans) > budget_g

    def _is_poor(self, accuracy: Sequence[float], emissions_g: Sequence[float], place: int) -> bool:
        gain = accuracy[place] - accuracy[place - self.window]
        emitted = emissions_g[place] - emissions_g[place - self.window]
        # What costs nothing may go on, however little it brings.
        return emitted > 0 and gain < self.least_gain * emitted


def stop_place(
    rule: RateStop, accuracy: Sequence[float], emissions_g: Sequence[float]
) -> tuple[int, StopReason] | None:
    """Find where a recorded training would have stopped.

    Parameters
    ----------
    rule : RateStop
    accuracy, emissions_g : sequence of float
        As of `RateStop.reason`, of the whole training.

    Returns
    -------
    tuple of int and StopReason, or None
        Place of the last evaluated round that would have run, from 0 on; None if all would have.
    """
    for count in range(1, len(accuracy)):
        reason = rule.reason(accuracy[:count], emissions_g[:count])
        if reason is not None:
            return count - 1, reason
    return None
