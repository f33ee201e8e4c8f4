"""GAIA as a policy: a training starts once, in the hour that its queue's rule names.

After W. A. Hanafy et al. (ASPLOS 2024), see `carbon_time`. Waiting empties machines that are
reserved; the policy counts the hours of both kinds, so that carbon and cost stand side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.arrays import Array
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.carbon_time import (
    RentedHours,
    lowest_carbon_time,
    lowest_slot,
    lowest_window,
)
from footprint.scheduling.expectations import mean_over_candidates, slot_intensity, whole_slots
from footprint.scheduling.waiting import Waiting
from footprint.units import S_PER_H


class StartRule(Vocabulary):
    """Which slot a training starts in."""

    LOWEST_SLOT = "lowest-slot"
    LOWEST_WINDOW = "lowest-window"
    CARBON_TIME = "carbon-time"

    def start(self, forecast: Array, wait: int, mean_length: int) -> int:
        """Slot of the start, within so many from now on."""
        if self is StartRule.LOWEST_SLOT:
            return lowest_slot(forecast, 0, wait)
        if self is StartRule.LOWEST_WINDOW:
            return lowest_window(forecast, 0, wait, mean_length)
        return lowest_carbon_time(forecast, 0, wait, mean_length)


@dataclass(kw_only=True)
class CarbonTime(Waiting):
    """Starts a training in the slot that saves most carbon per time until it is done.

    It is decided at the first choice, and then not changed; the training is not interrupted. Where
    the forecast ends sooner, it waits only as long as a training of mean length lies within.

    Parameters
    ----------
    inner, rounds, slot_s
        See `Waiting`.
    wait_s : float
        How long the training may wait at most [s].
    mean_rounds : int, optional
        Rounds that trainings of this queue take on average; the rules know no other length.
        Default: those of this one.
    rule : StartRule
    reserved : int
        Machines that are reserved throughout; each client is one.

    Attributes
    ----------
    start_s : float or None
        When it starts, once that is decided [s].

    Raises
    ------
    UsageError
        If it may wait for less than no time, or a number is negative.
    """

    wait_s: float
    mean_rounds: int | None = None
    rule: StartRule = StartRule.CARBON_TIME
    reserved: int = 0
    start_s: float | None = field(default=None, init=False)
    _first_s: float | None = field(default=None, init=False, repr=False)
    _last_s: float = field(default=0.0, init=False, repr=False)
    _used_s: float = field(default=0.0, init=False, repr=False)
    _extra_s: float = field(default=0.0, init=False, repr=False)
    own_needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY_FORECAST})

    def check(self) -> None:
        """Check the wait and the numbers."""
        self.rule = StartRule.parse(self.rule)
        if not self.wait_s >= 0 or self._length < 1 or self.reserved < 0:
            raise UsageError(
                f"Found a wait of {self.wait_s} s, {self.mean_rounds} rounds on average and "
                f"{self.reserved} reserved machines."
            )

    @property
    def _length(self) -> int:
        return self.rounds if self.mean_rounds is None else self.mean_rounds

    @property
    def own_horizon_s(self) -> float:
        """How far it looks [s]."""
        return self.wait_s + self._length * self.slot_s

    def begins(self, state: SelectionState) -> bool:
        """Whether the training has started or starts now."""
        if self.start_s is None:
            seen = mean_over_candidates(state, slot_intensity(state.foreseen, self.slot_s))
            wait = min(whole_slots(self.wait_s, self.slot_s), len(seen) - self._length)
            slot = self.rule.start(seen, wait, self._length) if wait > 0 else 0
            self._first_s = state.now_s
            self.start_s = state.now_s + slot * self.slot_s
        return state.now_s >= self.start_s

    def observe(self, outcome: Outcome) -> None:
        """Count the round and its machines."""
        super().observe(outcome)
        machines, length_s = len(outcome.clients), outcome.stop_s - outcome.start_s
        self._last_s = outcome.stop_s
        self._used_s += min(machines, self.reserved) * length_s
        self._extra_s += max(0, machines - self.reserved) * length_s

    @property
    def rented(self) -> RentedHours:
        """Machine-hours from the first choice to the end of the last round.

        Reserved machines stand idle while the training waits, and between rounds.
        """
        passed_s = max(0.0, self._last_s - self._first_s) if self._first_s is not None else 0.0
        return RentedHours(
            reserved_used=self._used_s / S_PER_H,
            reserved_idle=(self.reserved * passed_s - self._used_s) / S_PER_H,
            on_demand=self._extra_s / S_PER_H,
        )
