"""A policy that also says how each client trains, by `method_choices`."""

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
from footprint.scheduling.base import Need, Outcome, Scheduler, SelectionState, needs_of
from footprint.scheduling.budget import Resource
from footprint.scheduling.candidates import Candidates
from footprint.scheduling.method_choices import (
    MethodChoice,
    PlannedWork,
    choose_methods,
    judge_choice,
    rank_of,
)
from footprint.scheduling.past_work import PastWork
from footprint.scheduling.planned import carbon_budget, intensity_now, rounds_of

if TYPE_CHECKING:
    from numpy.random import Generator


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
            found.append(judge_choice(choice, self.table, work, past.work_kwh(grid, own_s)))
        best = min(found, key=rank_of)
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
