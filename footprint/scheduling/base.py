"""The contract of a scheduler: what it sees, what it answers, what it learns.

Pure: nothing here reads a clock, a file or a network. Randomness comes from the
generator that `select` is given, so a run can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from footprint.errors import UsageError
from footprint.model import ReplyStatus

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class Candidate:
    """A client that could work in this round, and what is known of it now.

    Attributes
    ----------
    id : str
        Stable over the run, for example ``"client-3"``.
    zone, device : str or None
        Grid zone and device class; None if nobody said.
    intensity_g_per_kwh : float or None
        Of its grid now [gCO2e/kWh].
    asked, answered : int
        How often it was selected, and how often it answered well.
    energy_kwh, duration_s : float or None
        Of the last round in which it answered [kWh] [s].
    metrics : mapping of str to float
        What it said then of its training, such as ``{"loss": 0.3, "num-examples": 600}``.
    """

    id: str
    zone: str | None = None
    device: str | None = None
    intensity_g_per_kwh: float | None = None
    asked: int = 0
    answered: int = 0
    energy_kwh: float | None = None
    duration_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelectionState:
    """What a scheduler may know when it chooses.

    Attributes
    ----------
    round : int
        From 1 on.
    now_s : float
        Unix time, real or simulated [s].
    candidates : tuple of Candidate
        Those that can be asked now, in a stable order.
    wanted : int or None
        How many the strategy would take; a scheduler may choose otherwise.
    """

    round: int
    now_s: float
    candidates: tuple[Candidate, ...]
    wanted: int | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the candidates."""
        return tuple(candidate.id for candidate in self.candidates)


@dataclass(frozen=True, slots=True)
class ClientOutcome:
    """What came of one client in one round. Figures are None where nobody knows them."""

    id: str
    status: ReplyStatus
    energy_kwh: float | None = None
    duration_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a round.

    Attributes
    ----------
    round : int
    start_s, stop_s : float
        When it was sent out, and when the last reply that counts was there [s].
    clients : tuple of ClientOutcome
        One per client that was asked.
    """

    round: int
    start_s: float
    stop_s: float
    clients: tuple[ClientOutcome, ...]


@runtime_checkable
class Scheduler(Protocol):
    """Chooses the clients of each round.

    `select` is called once per round and `observe` once after it, with the same round.
    """

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients.

        Returns
        -------
        sequence of str
            Ids of candidates, each once; empty to let the round pass.
        """

    def observe(self, outcome: Outcome) -> None:
        """Learn what came of the choice."""


def chosen(scheduler: Scheduler, state: SelectionState, rng: Generator) -> tuple[str, ...]:
    """Ask a scheduler, and check its answer.

    Raises
    ------
    UsageError
        If it names a client that is no candidate, or one twice.
    """
    answer: object = scheduler.select(state, rng)
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise UsageError(
            f"The scheduler {type(scheduler).__name__} answered {answer!r} in round {state.round}.",
            "It must return a sequence of ids; an empty one lets the round pass.",
        )
    ids = tuple(answer)
    known = set(state.ids)
    unknown = [name for name in ids if name not in known]
    if unknown or len(set(ids)) < len(ids):
        wrong = f"{unknown[0]!r}, which is no candidate" if unknown else "a client twice"
        raise UsageError(
            f"The scheduler {type(scheduler).__name__} chose {wrong}, in round {state.round}.",
            "It must return ids of state.candidates, each once.",
        )
    return ids
