"""When a training goes on: policies that wait, around one that says who takes part.

Waiting is choosing nobody. Whoever runs the rounds then asks again a little later, so rounds
should begin at multiples of a slot (`Rules.cadence` of the simulation), and fit into one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from footprint.errors import UsageError
from footprint.scheduling.around import Around
from footprint.scheduling.base import Outcome, SelectionState
from footprint.units import S_PER_H

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(kw_only=True)
class Waiting(Around, ABC):
    """Chooses as another policy does when it is time, and nobody else.

    Parameters
    ----------
    inner : Scheduler
        Says who.
    rounds : int
        Of the training; after them nobody is chosen any more.
    slot_s : float
        From the beginning of a round to that of the next [s].

    Attributes
    ----------
    done : int
        Rounds that were run.

    Raises
    ------
    UsageError
        If there is no round, or a slot has no length.
    """

    rounds: int
    slot_s: float = S_PER_H
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.rounds < 1 or not self.slot_s > 0:
            raise UsageError(f"Found {self.rounds} rounds in slots of {self.slot_s} s.")
        self.check()

    @abstractmethod
    def check(self) -> None:
        """Check the parameters of one's own."""

    @abstractmethod
    def begins(self, state: SelectionState) -> bool:
        """Whether a round begins now; there are candidates, and rounds are missing."""

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody while it waits, and once the training is done."""
        if self.done >= self.rounds or not len(state.candidates) or not self.begins(state):
            return []
        return self.inner.select(state, rng)

    def observe(self, outcome: Outcome) -> None:
        """Count the round, and pass on what came of it."""
        self.done += 1
        self.inner.observe(outcome)
