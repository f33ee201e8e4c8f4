r"""How each client of a round trains: the method that loses least within what the round may emit.

.. math:: \min \sum_i w_i L_{m_i} \quad \text{such that} \quad
    \sum_i I_i \left(E_i e_{m_i} + F_i + D d_{m_i} + U u_{m_i}\right) \le B

Client i has the share :math:`w_i` of the samples of the round and the grid intensity :math:`I_i`.
Its work would take :math:`E_i` by the reference (of more work, where a faster method does more
until the round ends), and whatever it does :math:`F_i` beside it, such as waiting; where there is
excess energy alone, both emit nothing. D and U are what a whole model takes in the network on its
way down and up. A method m loses :math:`L_m` points of accuracy, and takes the parts e, d, u of
what the reference does: a measured `CostTable`.

That a round of several methods loses the weighted mean of what each loses alone is our assumption.
A method that gained accuracy when measured counts as one that loses nothing, and any but the
reference as one that loses a little: so a budget that suffices, or a grid that emits nothing, gives
the reference, and a method that is dearer without a gain is never chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from footprint.errors import UsageError
from footprint.model import Finding, MethodPlans, ReplyStatus, Severity
from footprint.model.method_costs import CostTable, MethodCost
from footprint.scheduling.around import Around, Methods
from footprint.scheduling.arrays import Array
from footprint.scheduling.assignments import assign_options
from footprint.scheduling.base import Need, Outcome, Scheduler, SelectionState, needs_of
from footprint.scheduling.budget import Resource
from footprint.scheduling.candidates import Candidates
from footprint.scheduling.past_work import PastWork
from footprint.scheduling.planned import carbon_budget, intensity_now, rounds_of

if TYPE_CHECKING:
    from numpy.random import Generator

# What departing from the reference loses at least [points]: less than any study can tell.
_LEAST_POINTS = 1e-6
# What an allowance may be passed by, because numbers are rounded; as in `budget`.
_ROUNDING = 1e-9


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
    by_method_kwh : ndarray of shape (clients, methods), or None
        Of the work that is done by each method, as energy by the reference: who works until the
        round ends does more by a faster one. None if all do as much as by the reference [kWh].
    from_grid : ndarray or None
        Part of the energy of each that comes from its grid; None for all. That of the network
        always does [1].
    """

    energy_kwh: Array
    intensity_g_per_kwh: Array
    samples: Array
    down_kwh: float = 0.0
    up_kwh: float = 0.0
    other_kwh: Array | None = None
    by_method_kwh: Array | None = None
    from_grid: Array | None = None

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
        work_kwh = self.energy_kwh[:, None] if self.by_method_kwh is None else self.by_method_kwh
        taken_kwh = work_kwh * energy
        if self.other_kwh is not None:
            taken_kwh = taken_kwh + self.other_kwh[:, None]
        if self.from_grid is not None:
            taken_kwh = taken_kwh * self.from_grid[:, None]
        found: Array = self.intensity_g_per_kwh[:, None] * (taken_kwh + network_kwh)
        return found

    def shares(self) -> Array:
        """Weight of each client in what the round loses [1]."""
        unknown = np.isnan(self.samples).any() or not self.samples.sum() > 0
        weights = np.ones(len(self.samples)) if unknown else self.samples
        found: Array = weights / weights.sum() if len(weights) else weights
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


def _times(choice: MethodChoice) -> Array:
    return np.array([cost.time.value for cost in choice.costs], dtype=np.float64)


def _judged(
    choice: MethodChoice, table: CostTable, work: PlannedWork, by_method_kwh: Array
) -> MethodChoice:
    """Say what a choice emits if so much work is done by each method."""
    known = ~np.isnan(work.energy_kwh)
    places = [table.costs.index(cost) for cost in choice.costs]
    grams = replace(work, by_method_kwh=by_method_kwh).emissions_g(table.costs)
    expected_g = float(grams[np.arange(len(places)), places][known].sum())
    fits = expected_g <= choice.allowance_g * (1 + _ROUNDING)
    return replace(choice, expected_g=expected_g, fits=fits)


def _rank(choice: MethodChoice) -> tuple[bool, float, float]:
    """Order choices: those that fit by what they lose, the others by what they emit."""
    if choice.fits:
        return False, choice.loss_points, choice.expected_g
    return True, choice.expected_g, choice.loss_points


class _Trained(NamedTuple):
    """How a client trained in the last round in which it answered: ratios, and for how long."""

    time: float = 1.0
    energy: float = 1.0
    length_s: float = math.nan


@dataclass(kw_only=True)
class WithKnobs(Around):
    """Chooses whom another policy chooses, and how each of them trains.

    The other policy is shown energies and durations as they would have been by the reference: what
    one client saved by its method makes it no better candidate than others.

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
    updates : int, optional
        After which a round ends; those of all who were asked if left out.

    Attributes
    ----------
    last : MethodChoice or None
        What was chosen last.
    plans : MethodPlans
        What came of the choices of all rounds that were run.

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
    updates: int | None = None
    last: MethodChoice | None = field(default=None, init=False)
    plans: MethodPlans = field(default_factory=MethodPlans, init=False)
    _asked: dict[str, MethodCost] = field(default_factory=dict, init=False, repr=False)
    _trained: dict[str, _Trained] = field(default_factory=dict, init=False, repr=False)

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
        return self.inner.select(self._by_reference(state), rng)

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
            own = Candidates(state.candidates.table, state.candidates.find(ids))
            self.last = self._plan(replace(state, candidates=own))
            costs = self.last.costs
        self._asked = dict(zip(ids, costs, strict=True))
        return costs

    def observe(self, outcome: Outcome) -> None:
        """Remember by which method each one's last energy was taken; pass on what came."""
        if self.last is not None and self._asked:
            self.plans += MethodPlans(
                1, not self.last.fits, len(self._asked), self.last.unplanned, self.last.gap_points
            )
        good = [client for client in outcome.clients if client.status is ReplyStatus.OK]
        times_s = [client.duration_s for client in good if client.duration_s is not None]
        length_s = max(times_s, default=math.nan)
        for client in good:
            if client.id in self._asked:
                cost = self._asked[client.id]
                self._trained[client.id] = _Trained(cost.time.value, cost.energy.value, length_s)
        self.inner.observe(outcome)

    def findings(self) -> tuple[Finding, ...]:
        """Say where an allowance was passed, or a choice is not what it seems."""
        plans, found = self.plans, []
        if plans.unfit:
            found.append(
                Finding(
                    "allowance-passed",
                    f"{plans.unfit} of {plans.rounds} rounds were planned to emit more than they "
                    "may, although each client trained by its cheapest method.",
                    remedy="Allow more, add cheaper methods to the table, or set a hard budget: a "
                    "training ends before it passes that.",
                )
            )
        if plans.unplanned:
            found.append(
                Finding(
                    "methods-unplanned",
                    f"{plans.unplanned} of {plans.trainings} trainings were of clients whose "
                    "energy nobody knew: they trained by the reference, and no allowance held "
                    "them.",
                    remedy="Say what a unit of work takes, or measure it in a round before.",
                )
            )
        if plans.gap_points:
            found.append(
                Finding(
                    "methods-nearly-best",
                    f"A round may have lost up to {plans.gap_points:.2g} points more than by the "
                    "best choice of methods.",
                    Severity.INFO,
                    remedy="Ask fewer clients a round: up to some hundred, choices are exact.",
                )
            )
        return (*found, *super().findings())

    def _past(self, candidates: Candidates) -> PastWork:
        trained = [self._trained.get(name, _Trained()) for name in candidates.ids.tolist()]
        return PastWork.of(candidates, *np.array(trained, float).reshape(-1, 3).T)

    def _by_reference(self, state: SelectionState) -> SelectionState:
        """Show what clients would have taken by the reference."""
        if all(one.time == one.energy == 1.0 for one in self._trained.values()):
            return state
        everybody = state.candidates.everybody
        past = self._past(everybody)
        work_kwh, other_kwh = past.split()
        known = ~np.isnan(past.last_kwh)
        table = replace(
            everybody.table,
            energy_kwh=np.where(known, work_kwh + other_kwh, np.nan),
            duration_s=past.ready_s / past.time,
        )
        return replace(state, candidates=Candidates(table, state.candidates.number))

    def _plan(self, state: SelectionState) -> MethodChoice:
        """Choose for rounds as long as each method makes them; keep what loses least and fits.

        How long a round lasts, and so how much work who may do more does, follows from what is
        chosen: every choice is judged by the round that it makes itself.
        """
        past, allowance_g = self._past(state.candidates), self._allowance(state)
        work = self._work(past, state)
        times = np.array([cost.time.value for cost in self.table.costs])
        grid = np.broadcast_to(times, (len(past.time), len(times)))
        found: list[MethodChoice] = []
        tried: list[Array] = []
        for time in times:
            lasts_s = past.lasts_s(np.full(len(past.time), time), self.updates)
            by_method_kwh = past.work_kwh(grid, lasts_s)
            if any(np.array_equal(by_method_kwh, one, equal_nan=True) for one in tried):
                continue
            tried.append(by_method_kwh)
            choice = choose_methods(
                self.table, replace(work, by_method_kwh=by_method_kwh), allowance_g
            )
            own_s = past.lasts_s(_times(choice), self.updates)
            found.append(_judged(choice, self.table, work, past.work_kwh(grid, own_s)))
        best = min(found, key=_rank)
        return replace(best, reference_g=found[0].reference_g)

    def _work(self, past: PastWork, state: SelectionState) -> PlannedWork:
        work_kwh, other_kwh = past.split()
        one_gb_kwh, part = self.messages.kwh_per_gb, state.candidates.from_grid
        return PlannedWork(
            work_kwh,
            intensity_now(state),
            state.candidates.samples,
            self.messages.down_gb * one_gb_kwh,
            self.messages.up_gb * one_gb_kwh,
            other_kwh,
            from_grid=np.where(np.isnan(part), 1.0, part),
        )

    def _allowance(self, state: SelectionState) -> float:
        budget = state.budget
        if self.allowance_g is not None:
            carbon = budget is not None and budget.resource is Resource.CARBON_G
            return min(self.allowance_g, budget.available if budget and carbon else np.inf)
        budget = carbon_budget(state)
        left = max(1, rounds_of(budget, self.rounds) - budget.booked)
        return min(budget.available, max(0.0, budget.remaining - budget.reserve) / left)
