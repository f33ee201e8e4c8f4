"""Gradients of the clients of a run, as far as they are known when a round is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.scheduling.arrays import Array, Indices
from footprint.scheduling.base import Outcome, SelectionState
from footprint.scheduling.candidates import Floats, Integers
from footprint.scheduling.coreset import (
    Coreset,
    Phantom,
    data_shares,
    gradient_distances,
    measure_coreset,
    represented_shares,
)
from footprint.scheduling.gradients import GradientMemory, GradientSource
from footprint.scheduling.lowest_carbon import choose_lowest_carbon


@dataclass(slots=True)
class KnownGradients:
    """Asks for gradients, remembers them, and values sets of clients by them.

    Who is away is represented by the last gradient that was seen of it.

    Attributes
    ----------
    source : GradientSource
    phantom : Phantom
    normalise : bool
        See `footprint.scheduling.coreset.measure_coreset`.
    """

    source: GradientSource
    phantom: Phantom = Phantom.ZERO
    normalise: bool = True
    _memory: GradientMemory | None = field(default=None, init=False)
    _answered: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64), init=False)
    _numbers: dict[str, int] = field(default_factory=dict, init=False)
    _round: int = field(default=0, init=False)

    def ask(self, state: SelectionState) -> Integers:
        """Ask those whom the source asks for a gradient; returns their numbers.

        Raises
        ------
        UsageError
            If nobody can be asked.
        """
        if state.probes is None:
            raise UsageError(
                "The scheduler values clients by their gradients, and nobody computes any here.",
                "Give the simulation a learner that gives gradients, or choose another scheduler.",
            )
        there = state.candidates.number
        self._numbers, self._round = state.candidates.table.numbers, state.round
        asked = there[self.source.asked(self._known(len(state.candidates.table)))[there]]
        found = state.probes.gradients(asked, self.source) if len(asked) else {}
        self._answered = np.array(sorted(found), dtype=np.int64)
        self._remember([(number, found[number]) for number in self._answered.tolist()])
        return asked

    def newcomers(self, state: SelectionState, carbon_g: Floats, rest_g: float) -> tuple[int, ...]:
        """Choose those whose gradient only a training can tell, the least emissions first.

        With stale gradients a client that could not be asked must train once. Only where it can
        be planned what they emit does it have to fit.

        Parameters
        ----------
        state : SelectionState
        carbon_g : ndarray of shape (all clients,)
            Planned emissions by number; NaN where nobody knows [gCO2e].
        rest_g : float
            What the round may emit [gCO2e].
        """
        if self.source is not GradientSource.STALE:
            return ()
        there = state.candidates.number
        new = there[~self._known(len(state.candidates.table))[there]]
        planned = ~np.isnan(carbon_g[new])
        fitting = choose_lowest_carbon(carbon_g[new[planned]], rest_g)
        return (*new[planned][list(fitting)].tolist(), *new[~planned].tolist())

    def coreset(self, state: SelectionState) -> Coreset:
        """Value the candidates of whom a gradient is known; their numbers are those of the table.

        Raises
        ------
        UsageError
            If samples are known of some clients and not of others.
        """
        candidates = state.candidates
        known = np.flatnonzero(self._known(len(candidates.table)))
        if self._memory is None:
            return Coreset(np.zeros((0, 0)), np.zeros(0, dtype=np.intp))
        cover = measure_coreset(
            self._memory.of(known),
            _samples(state, known),
            phantom=self.phantom,
            normalise=self.normalise,
        ).cover
        able = np.isin(known, candidates.number)
        if self.source is not GradientSource.STALE:
            able &= np.isin(known, self._answered)
        return Coreset(cover[:, able], known[able])

    def represented(self, state: SelectionState, clients: Indices) -> Array:
        """Shares of the data for which some clients stand; of their own where one is not known."""
        known = np.flatnonzero(self._known(len(state.candidates.table)))
        places = np.searchsorted(known, clients)
        if self._memory is None or not np.isin(clients, known).all():
            return data_shares(_samples(state, clients), len(clients))
        apart = gradient_distances(self._memory.of(known))
        return represented_shares(apart, places, _samples(state, known))

    def learn(self, outcome: Outcome) -> None:
        """Remember the gradients that trainings followed, if the source uses them.

        Raises
        ------
        UsageError
            If clients answered and nobody told their gradients.
        """
        if self.source is not GradientSource.STALE:
            return
        answered = [c.id for c in outcome.clients if c.status is ReplyStatus.OK]
        if answered and not outcome.gradients:
            raise UsageError(
                f"In round {outcome.round} {len(answered)} client(s) trained, and nobody told "
                "which gradients they followed.",
                "Stale gradients need a learner, or a strategy, whose updates can be seen.",
            )
        # Who did no whole unit of work followed no gradient.
        self._remember(
            [
                (self._numbers[name], row)
                for name, row in outcome.gradients.items()
                if name in self._numbers and np.isfinite(row).all()
            ]
        )

    def _known(self, clients: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        if self._memory is None:
            return np.zeros(clients, dtype=np.bool_)
        self._memory.grow(clients)
        return self._memory.known

    def _remember(self, found: list[tuple[int, Array]]) -> None:
        if not found:
            return
        rows = np.array([row for _, row in found])
        if self._memory is None:
            self._memory = GradientMemory(0, rows.shape[1])
        clients = [number for number, _ in found]
        self._memory.grow(max(clients) + 1)
        self._memory.remember(clients, rows, self._round)


def by_number(state: SelectionState, values: Floats) -> Floats:
    """Spread values of candidates over all clients, by their numbers; NaN for the others."""
    spread = np.full(len(state.candidates.table), np.nan)
    spread[state.candidates.number] = values
    return spread


def _samples(state: SelectionState, numbers: Indices) -> Floats | None:
    """Give the samples of some clients; None, for equal shares, if nobody's are known."""
    samples = state.candidates.table.samples[numbers]
    unknown = np.isnan(samples)
    if unknown.all():
        return None
    if unknown.any():
        name = state.candidates.table.ids[numbers[unknown][0]]
        raise UsageError(
            f"The number of samples of {name!r} is not known, and that of others is.",
            "Values of clients weigh by their data: tell it of all, or of none.",
        )
    return samples
