"""CAFE as a scheduler, after Bian et al., our reading; see `cafe` for the choice itself.

A slot is one choice, whether somebody was chosen or not: let rounds begin on a beat
(`Rules.cadence`), an hour say, so that slots are of one length. The queue is fed with what
a round was measured to emit, its probes included, and with 0 for a slot without a round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.budget import Budget
from footprint.scheduling.cafe import CafeChoice, CafeSettings, choose_clients
from footprint.scheduling.candidates import Integers
from footprint.scheduling.coreset import MOST_CLIENTS_EXACT, Phantom
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.known_gradients import KnownGradients, by_number
from footprint.scheduling.planned import carbon_budget, known_carbon, planned_carbon, rounds_of
from footprint.scheduling.submodular import Solver
from footprint.scheduling.virtual_queue import VirtualQueue

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True, slots=True, eq=False)
class CafeRecord:
    """A choice, and what it rested on.

    Attributes
    ----------
    round : int
    choice : CafeChoice
    cover : ndarray of shape (clients, candidates), or None
        See `footprint.scheduling.coreset.Coreset`. Kept for up to 14 candidates, as many as
        `footprint.scheduling.replay` can do with.
    carbon_g : ndarray of shape (candidates,)
        Planned emissions [gCO2e].
    measured_g : float or None
        What the round emitted, probes included; None if there was none [gCO2e].
    """

    round: int
    choice: CafeChoice
    cover: Array | None
    carbon_g: Array
    measured_g: float | None = None


@dataclass(slots=True)
class CafePolicy:
    """Choose the set whose value is worth most above the price of its carbon.

    Parameters
    ----------
    weight : float
        V, learning against carbon [1].
    gradient : GradientSource
        ``"fresh"``, as in the paper, and ``"probe_batch"`` ask everybody in every round, which
        is charged; ``"stale"`` asks everybody once, and then learns from those who train.
    rounds : int, optional
        T, slots over which the budget is spread; as many as it has itself if left out.
    backlog : float
        Placeholder backlog, q of the first round, in shares of a round [1].
    solver : Solver, optional
    shuffles, least : int
        See `footprint.scheduling.cafe.CafeSettings`.
    phantom : Phantom
    normalise : bool
        See `footprint.scheduling.coreset.measure_coreset`.
    represented : bool
        Let updates weigh by the data that each stands for, not by its own samples.

    Attributes
    ----------
    queue : VirtualQueue or None
        None before the first choice.
    records : list of CafeRecord
        Every choice by value. Rounds that only collect gradients nobody knows are none.

    Notes
    -----
    A budget that is hard or paced is not planned over: who does not fit is left out. What probes
    will take is expected to be as much of the plan as it was in the round before.
    """

    weight: float = 10.0
    gradient: GradientSource = GradientSource.STALE
    rounds: int | None = None
    backlog: float = 0.0
    solver: Solver | None = None
    shuffles: int = 0
    least: int = 0
    phantom: Phantom = Phantom.ZERO
    normalise: bool = True
    represented: bool = False
    needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})
    queue: VirtualQueue | None = field(default=None, init=False)
    records: list[CafeRecord] = field(default_factory=list, init=False)
    _settings: CafeSettings = field(init=False, repr=False)
    _known: KnownGradients = field(init=False, repr=False)
    _last: SelectionState | None = field(default=None, init=False, repr=False)
    _waiting: bool = field(default=False, init=False, repr=False)
    _recorded: bool = field(default=False, init=False, repr=False)
    _asked_g: float = field(default=0.0, init=False, repr=False)
    _probe_share: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        self._settings = CafeSettings(self.weight, self.solver, self.shuffles, self.least)
        self._known = KnownGradients(self.gradient, self.phantom, self.normalise)

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; perhaps nobody.

        Raises
        ------
        UsageError
            If there is no budget of carbon, nobody computes gradients, or the intensity of a
            grid is not known.
        """
        budget = carbon_budget(state)
        queue = self._open_slot(budget)
        self._last = state
        carbon_g = by_number(state, planned_carbon(state))
        self._asked_g += float(np.nansum(carbon_g[self._known.ask(state)]))
        rest_g = budget.available - self._probe_share * self._asked_g
        clients = self._known.newcomers(state, carbon_g, rest_g)
        self._recorded = not clients
        if not clients:
            coreset = self._known.coreset(state)
            own_g = carbon_g[coreset.candidates]
            if np.isnan(own_g).any():
                known_carbon(state)  # says whose is not known
            choice = choose_clients(
                coreset, carbon_g, queue, self._settings, rest_g=rest_g, rng=rng
            )
            few = len(own_g) <= MOST_CLIENTS_EXACT
            self.records.append(
                CafeRecord(state.round, choice, coreset.cover if few else None, own_g)
            )
            clients = choice.clients
        return state.candidates.table.ids[list(clients)].tolist()  # type: ignore[no-any-return]

    def observe(self, outcome: Outcome) -> None:
        """Feed the queue with what was measured, and learn gradients.

        Raises
        ------
        UsageError
            If nobody measured what the round emitted: that is not 0.
        """
        if outcome.emissions_g is None or not math.isfinite(outcome.emissions_g):
            raise UsageError(
                f"Nobody knows what round {outcome.round} emitted, and CAFE lives on it.",
                "Measure the energy of every client, and give an intensity for its zone.",
            )
        if self.queue is not None:
            self.queue = self.queue.after(outcome.emissions_g)
        if self._recorded:
            self.records[-1] = replace(self.records[-1], measured_g=outcome.emissions_g)
        self._waiting = self._recorded = False
        self._learn_probes(outcome, outcome.emissions_g)
        self._known.learn(outcome)

    @property
    def weights(self) -> Callable[[Sequence[str]], Array] | None:
        """Weights of updates; None to let samples weigh."""
        return self._represented if self.represented else None

    def _open_slot(self, budget: Budget) -> VirtualQueue:
        if self.queue is None:
            total_g = budget.total - budget.reserve
            rounds = rounds_of(budget, self.rounds)
            self.queue = VirtualQueue.of(total_g, rounds, backlog=self.backlog)
        elif self._waiting:
            self.queue = self.queue.after(0.0)  # no round came of the slot before
        self._waiting = True
        return self.queue

    def _learn_probes(self, outcome: Outcome, total_g: float) -> None:
        """Learn what a probe takes: all that is not the clients' own work."""
        own = [client.emissions_g for client in outcome.clients]
        known = [grams for grams in own if grams is not None]
        if self._asked_g > 0 and len(known) == len(own):
            self._probe_share = max(0.0, total_g - math.fsum(known)) / self._asked_g
        self._asked_g = 0.0

    def _represented(self, ids: Sequence[str]) -> Array:
        if self._last is None or not ids:
            return np.zeros(len(ids))
        numbers = self._last.candidates.table.numbers
        clients: Integers = np.array([numbers[name] for name in ids], dtype=np.int64)
        return self._known.represented(self._last, clients)
