"""The contract of a scheduler: what it sees, what it answers, what it learns.

Pure: nothing here reads a clock, a file or a network. Randomness comes from the
generator that `select` is given, so a run can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from footprint.errors import UsageError
from footprint.model import Finding, ReplyStatus
from footprint.model.method_costs import MethodCost
from footprint.scheduling.arrays import Array
from footprint.scheduling.budget import Budget
from footprint.scheduling.candidates import Candidate as Candidate
from footprint.scheduling.candidates import Candidates as Candidates
from footprint.scheduling.candidates import Integers
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.outlook import Need as Need
from footprint.scheduling.outlook import Outlook as Outlook

if TYPE_CHECKING:
    from numpy.random import Generator


class Probes(Protocol):
    """Asks clients for gradients on the current model, for the choice of a round alone.

    Each costs: whoever runs the rounds charges energy, emissions and data of it to the next.
    """

    def gradients(self, clients: Integers, source: GradientSource) -> Mapping[int, Array]:
        """Ask for gradients.

        Parameters
        ----------
        clients : ndarray of int
            Numbers as in `Candidates.number`.
        source : GradientSource
            How much each is computed on.

        Returns
        -------
        mapping of int to ndarray of shape (dimensions,)
            Of those that could compute one in time; shortened alike, so that distances mean
            something.
        """


@dataclass(frozen=True, slots=True, eq=False)
class SelectionState:
    """What a scheduler may know when it chooses.

    Attributes
    ----------
    round : int
        From 1 on.
    now_s : float
        Unix time, real or simulated [s].
    candidates : Candidates
        Those that can be asked now, in a stable order.
    wanted : int or None
        How many updates the strategy would take; a scheduler may choose otherwise.
    outlook : Outlook or None
        What the scheduler needs to know of energy, capacity and grids; None where
        nobody knows.
    budget : Budget or None
        What may still be spent; of several, the one of carbon, or else the first.
    probes : Probes or None
        Asks clients for gradients; None where nobody can.
    """

    round: int
    now_s: float
    candidates: Candidates
    wanted: int | None = None
    outlook: Outlook | None = None
    budget: Budget | None = None
    probes: Probes | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the candidates."""
        return tuple(self.candidates.ids.tolist())

    @property
    def foreseen(self) -> Outlook:
        """The outlook, for a scheduler that cannot do without.

        Raises
        ------
        UsageError
            If there is none.
        """
        if self.outlook is None:
            raise UsageError(
                "The scheduler needs to know of energy or capacity; this run has no such signals.",
                "Simulate it, or choose a scheduler that needs none.",
            )
        return self.outlook


@dataclass(frozen=True, slots=True)
class ClientOutcome:
    """What came of one client in one round. Figures are None where nobody knows them."""

    id: str
    status: ReplyStatus
    energy_kwh: float | None = None
    duration_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    emissions_g: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a round.

    Attributes
    ----------
    round : int
    start_s, stop_s : float
        When it was sent out, and when the last reply that counts was there [s].
    clients : sequence of ClientOutcome
        One per client that was asked.
    energy_kwh, emissions_g : float or None
        Of the whole round, its probes and its server included, as far as they are charged
        [kWh] [gCO2e].
    gradients : mapping of str to ndarray
        Mean gradients that trainings followed which count, as short as those of `Probes`. To be
        taken in `observe`: they may be computed when they are first looked at.
    """

    round: int
    start_s: float
    stop_s: float
    clients: Sequence[ClientOutcome]
    energy_kwh: float | None = None
    emissions_g: float | None = None
    gradients: Mapping[str, Array] = field(default_factory=dict)


@runtime_checkable
class Scheduler(Protocol):
    """Chooses the clients of each round.

    An attribute `needs`, a set of `Need`, says what it wants to read beside the candidates;
    one without it needs nothing. An attribute `horizon_s` says how far forecasts of intensity
    shall reach, if that is beyond the deadline of a round [s]. A method `weights(ids)` gives the
    weights of updates in the average; without it, samples weigh. A method `methods(ids, state)`
    says how each of those trains that `select` chose in that state, as a `MethodCost` each; without
    it, everybody trains as the simulation says. A method `findings()` says what a reader of the
    results must know of its choices. `observe` is called once after
    each round for which `select` chose somebody. If it chose nobody, it may be asked again later
    for the same round.
    """

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients.

        Returns
        -------
        sequence of str
            Ids of candidates, each once; empty to let the round pass, or to wait.
        """

    def observe(self, outcome: Outcome) -> None:
        """Learn what came of the choice."""


def needs_of(scheduler: Scheduler) -> frozenset[Need]:
    """Say what a scheduler asks to be told.

    Raises
    ------
    UsageError
        If it asks for something that there is not.
    """
    return frozenset(Need.parse(need) for need in getattr(scheduler, "needs", ()))


def horizon_of(scheduler: Scheduler) -> float:
    """Say how far a scheduler wants to see the intensity of grids [s]."""
    return float(getattr(scheduler, "horizon_s", 0.0))


def weights_of(scheduler: Scheduler, ids: Sequence[str]) -> Array | None:
    """Ask a scheduler how updates shall weigh; None if it leaves that to their samples.

    Raises
    ------
    UsageError
        If it gives another number of weights, or one that is negative or not finite.
    """
    method = getattr(scheduler, "weights", None)
    if method is None:
        return None
    weights = np.asarray(method(ids), dtype=np.float64)
    if weights.shape != (len(ids),) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise UsageError(
            f"The scheduler {type(scheduler).__name__} weighs {len(ids)} updates by {weights}.",
            "It must give one number of 0 or more for each.",
        )
    return weights


def methods_of(
    scheduler: Scheduler, ids: Sequence[str], state: SelectionState
) -> tuple[MethodCost, ...] | None:
    """Ask a scheduler how each client trains; None if that is not its business.

    Parameters
    ----------
    scheduler : Scheduler
    ids : sequence of str
        What it chose.
    state : SelectionState
        In which it chose them.

    Raises
    ------
    UsageError
        If it does not name one method with its measured cost for each client.
    """
    method = getattr(scheduler, "methods", None)
    if method is None:
        return None
    found = tuple(method(ids, state))
    if len(found) != len(ids) or not all(isinstance(one, MethodCost) for one in found):
        raise UsageError(
            f"The scheduler {type(scheduler).__name__} named methods for {len(ids)} clients: "
            f"{found}.",
            "It must give one MethodCost for each.",
        )
    return found


def findings_of(actor: object) -> tuple[Finding, ...]:
    """Ask a scheduler, or a learner, what a reader of the results must know of it."""
    method = getattr(actor, "findings", None)
    return () if method is None else tuple(method())


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
    known = state.candidates.find(ids) >= 0
    if not known.all() or len(set(ids)) < len(ids):
        unknown = [name for name, good in zip(ids, known, strict=True) if not good]
        wrong = f"{unknown[0]!r}, which is no candidate" if unknown else "a client twice"
        raise UsageError(
            f"The scheduler {type(scheduler).__name__} chose {wrong}, in round {state.round}.",
            "It must return ids of state.candidates, each once.",
        )
    return ids
