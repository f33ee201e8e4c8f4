r"""How each client of a round trains: the method that loses least within what the round may emit.

.. math:: \min \sum_i w_i L_{m_i} \quad \text{such that} \quad
    \sum_i I_i \left(E_i e_{m_i} + F_i + D d_{m_i} + U u_{m_i}\right) \le B

Client i has the share :math:`w_i` of the samples of the round and the grid intensity :math:`I_i`.
Its work would take :math:`E_i` by the reference, and whatever it does :math:`F_i` beside it, such
as waiting; D and U are what a whole model takes in the network on its way down and up. A method m
loses :math:`L_m` points of accuracy, and takes the parts e, d, u of what the reference does: a
measured `CostTable`.

That a round of several methods loses the weighted mean of what each loses alone is our assumption.
A method that gained accuracy when measured counts as one that loses nothing, and any but the
reference as one that loses a little: so a budget that suffices, or a grid that emits nothing, gives
the reference, and a method that is dearer without a gain is never chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.model.method_costs import CostTable, MethodCost
from footprint.scheduling.around import Around, Methods
from footprint.scheduling.arrays import Array
from footprint.scheduling.assignments import assign_options
from footprint.scheduling.base import Need, Outcome, Scheduler, SelectionState, needs_of
from footprint.scheduling.budget import Resource
from footprint.scheduling.candidates import Candidates
from footprint.scheduling.planned import carbon_budget, intensity_now, rounds_of
from footprint.units import joules_to_kwh

if TYPE_CHECKING:
    from numpy.random import Generator

# What departing from the reference loses at least [points]: less than any study can tell.
_LEAST_POINTS = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PlannedWork:
    """What clients are expected to take by the reference; arrays have one value per client.

    Attributes
    ----------
    energy_kwh : ndarray
        Of work; NaN where nobody knows: those get the reference, uncounted [kWh].
    intensity_g_per_kwh : ndarray
        Of the grid of each [gCO2e/kWh].
    samples : ndarray
        That weigh what a method loses; where one is NaN, all weigh alike [1].
    down_kwh, up_kwh : float
        Of the network, for a whole model each way; 0 if it is not counted [kWh].
    other_kwh : ndarray or None
        What no method changes, such as energy of waiting; None for nothing [kWh].
    """

    energy_kwh: Array
    intensity_g_per_kwh: Array
    samples: Array
    down_kwh: float = 0.0
    up_kwh: float = 0.0
    other_kwh: Array | None = None

    def __post_init__(self) -> None:
        wrong = len({len(self.energy_kwh), len(self.intensity_g_per_kwh), len(self.samples)}) > 1
        known = self.energy_kwh[~np.isnan(self.energy_kwh)]
        intensity = self.intensity_g_per_kwh
        if wrong or not (np.isfinite(intensity) & (intensity >= 0)).all() or (known < 0).any():
            raise UsageError(
                "Methods are chosen by an energy, an intensity of 0 or more and samples of each "
                "client.",
                "Give each client all three; only its energy and samples may be unknown.",
            )

    def emissions_g(self, costs: Sequence[MethodCost]) -> Array:
        """Emissions of each client by each method, shape (clients, methods) [gCO2e]."""
        energy, down, up = (
            np.array([getattr(cost, name).value for cost in costs])
            for name in ("energy", "down", "up")
        )
        network_kwh = self.down_kwh * down + self.up_kwh * up
        taken_kwh = self.energy_kwh[:, None] * energy + network_kwh
        if self.other_kwh is not None:
            taken_kwh = taken_kwh + self.other_kwh[:, None]
        found: Array = self.intensity_g_per_kwh[:, None] * taken_kwh
        return found

    def shares(self) -> Array:
        """Weight of each client in what the round loses [1]."""
        unknown = np.isnan(self.samples).any() or not self.samples.sum() > 0
        weights = np.ones(len(self.samples)) if unknown else self.samples
        found: Array = weights / max(float(weights.sum()), 1.0)
        return found


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """A method for each client, and what is expected of it.

    Attributes
    ----------
    costs : tuple of MethodCost
        In the order of the clients.
    expected_g, reference_g : float
        Of the clients whose energy is known; and by the reference [gCO2e].
    loss_points : float
        Accuracy that the round loses, by the table [percentage points].
    allowance_g : float
        What the round may emit [gCO2e].
    fits : bool
        Whether it does. If not, nothing does, and each client has its cheapest method.
    gap_points : float
        How much less could be lost at most; 0 for a solution that is the best.
    unplanned : int
        Clients whose energy nobody knows.
    """

    costs: tuple[MethodCost, ...]
    expected_g: float
    reference_g: float
    loss_points: float
    allowance_g: float
    fits: bool
    gap_points: float
    unplanned: int


def choose_methods(table: CostTable, work: PlannedWork, allowance_g: float) -> MethodChoice:
    """Choose a method for each client of a round.

    Parameters
    ----------
    table : CostTable
    work : PlannedWork
    allowance_g : float
        What the round may emit; infinite if nobody limits it [gCO2e].

    Returns
    -------
    MethodChoice

    Raises
    ------
    UsageError
        If the allowance is no number of 0 or more.
    """
    points = np.array([max(cost.loss.value, 0.0) + _LEAST_POINTS for cost in table.costs])
    points[0] = 0.0
    known = ~np.isnan(work.energy_kwh)
    loss = work.shares()[known, None] * points
    grams = work.emissions_g(table.costs)[known]
    found = assign_options(loss, grams, allowance_g)
    options = np.zeros(len(known), dtype=np.intp)
    options[known] = found.options
    return MethodChoice(
        tuple(table.costs[place] for place in options.tolist()),
        found.cost,
        float(grams[:, 0].sum()),
        found.loss,
        allowance_g,
        found.fits,
        found.gap,
        int((~known).sum()),
    )


def split_energy(last_kwh: Array, most_kwh: Array, ratio: Array) -> tuple[Array, Array]:
    """Split what clients took in their last round into what a method changes, and the rest.

    Parameters
    ----------
    last_kwh : ndarray of shape (clients,)
        Of the last round; NaN where nobody knows [kWh].
    most_kwh : ndarray of shape (clients,)
        Of all work that each may do, by the reference; NaN where nobody knows [kWh].
    ratio : ndarray of shape (clients,)
        Of the method by which each trained then [1].

    Returns
    -------
    work_kwh : ndarray
        Of work, by the reference: of the last round, or else of all that each may do [kWh].
    other_kwh : ndarray
        What the last round took beyond all the work that there may be, such as for waiting [kWh].
    """
    unknown = np.isnan(last_kwh)
    most_then = np.where(np.isnan(most_kwh), np.inf, most_kwh * ratio)
    worked = np.minimum(last_kwh, most_then)
    work_kwh: Array = np.where(unknown, most_kwh, worked / ratio)
    other_kwh: Array = np.where(unknown, 0.0, last_kwh - worked)
    return work_kwh, other_kwh


@dataclass(frozen=True, slots=True)
class Messages:
    """What carrying a model takes, if it is counted.

    Attributes
    ----------
    down_gb, up_gb : float
        Size of the model as it is sent, and of a whole update [GB].
    kwh_per_gb : float
        Of the network; 0 if it is not counted.
    """

    down_gb: float = 0.0
    up_gb: float = 0.0
    kwh_per_gb: float = 0.0


@dataclass(kw_only=True)
class WithKnobs(Around):
    """Chooses whom another policy chooses, and how each of them trains.

    Parameters
    ----------
    inner : Scheduler
        Says who.
    table : CostTable
    method : str, optional
        Name of one that all train by, whatever the grids emit; for comparison.
    allowance_g : float, optional
        What a round may emit. Left out, what is left of the budget of carbon over the rounds that
        are left of it, and no more than it lets a round plan [gCO2e].
    rounds : int, optional
        Over which the budget is spread; as many as it has itself if left out.
    among : tuple of str
        Names of the methods that may be chosen beside the reference; all if empty.
    messages : Messages

    Raises
    ------
    UsageError
        If there is no such method, or an allowance or a number of rounds cannot be.
    """

    inner: Scheduler
    table: CostTable
    method: str | None = None
    allowance_g: float | None = None
    rounds: int | None = None
    among: tuple[str, ...] = ()
    messages: Messages = field(default_factory=Messages)
    last: MethodChoice | None = field(default=None, init=False)
    _asked: dict[str, MethodCost] = field(default_factory=dict, init=False, repr=False)
    _trained: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.method is not None:
            self.table[self.method]
        if self.among:
            others = [self.table[name] for name in self.among if name != self.table.reference.name]
            self.table = replace(self.table, costs=(self.table.reference, *others))
        if self.allowance_g is not None and not self.allowance_g >= 0:
            raise UsageError(f"A round cannot be allowed to emit {self.allowance_g} g.")
        if self.rounds is not None and self.rounds < 1:
            raise UsageError(f"A budget is spread over at least one round, not {self.rounds}.")

    @property
    def needs(self) -> frozenset[Need]:
        """What the other policy reads; and intensities, if methods are chosen by them."""
        theirs = needs_of(self.inner)
        return theirs if self.method is not None else theirs | {Need.INTENSITY}

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose as the other policy does."""
        return self.inner.select(state, rng)

    @property
    def methods(self) -> Methods:
        """How each client trains: see `choose`."""
        return self.choose

    def choose(self, ids: Sequence[str], state: SelectionState) -> Sequence[MethodCost]:
        """Choose how each client trains.

        Parameters
        ----------
        ids : sequence of str
            Those that were chosen in this state.
        state : SelectionState

        Raises
        ------
        UsageError
            If there is no allowance and no budget of carbon to make one of, or nobody knows the
            intensity of a grid.
        """
        if self.method is not None:
            costs: Sequence[MethodCost] = [self.table[self.method]] * len(ids)
        else:
            own = replace(
                state, candidates=Candidates(state.candidates.table, state.candidates.find(ids))
            )
            self.last = choose_methods(self.table, self._work(ids, own), self._allowance(state))
            costs = self.last.costs
        self._asked = dict(zip(ids, costs, strict=True))
        return costs

    def observe(self, outcome: Outcome) -> None:
        """Remember by which method each one's last energy was taken; pass on what came."""
        for client in outcome.clients:
            if client.status is ReplyStatus.OK and client.id in self._asked:
                self._trained[client.id] = self._asked[client.id].energy.value
        self.inner.observe(outcome)

    def _work(self, ids: Sequence[str], state: SelectionState) -> PlannedWork:
        candidates = state.candidates
        last = np.array([self._trained.get(name, 1.0) for name in ids])
        most_kwh = joules_to_kwh(candidates.most * candidates.energy_per_unit_ws)
        work_kwh, other_kwh = split_energy(candidates.energy_kwh, most_kwh, last)
        one_gb_kwh = self.messages.kwh_per_gb
        return PlannedWork(
            work_kwh,
            intensity_now(state),
            candidates.samples,
            self.messages.down_gb * one_gb_kwh,
            self.messages.up_gb * one_gb_kwh,
            other_kwh,
        )

    def _allowance(self, state: SelectionState) -> float:
        budget = state.budget
        if self.allowance_g is not None:
            carbon = budget is not None and budget.resource is Resource.CARBON_G
            return min(self.allowance_g, budget.available if budget and carbon else np.inf)
        budget = carbon_budget(state)
        left = max(1, rounds_of(budget, self.rounds) - budget.booked)
        return min(budget.available, max(0.0, budget.remaining - budget.reserve) / left)
