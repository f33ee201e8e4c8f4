"""Alpha-fair as a policy: who works when is planned at the first choice, then kept to.

After Arputharaj et al. (arXiv 2509.08980), see `alpha_fair`: slack, fine-tuning by everybody and
unbiased weights together. What fine-tuning is foreseen to emit is held back until it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.alpha_fair import AlphaFairPlan, AlphaFairSettings, plan_alpha_fair
from footprint.scheduling.arrays import ROUNDING, Array
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.budget import Budget, Resource
from footprint.scheduling.candidates import Candidates
from footprint.scheduling.expectations import expected_kwh, slot_intensity
from footprint.scheduling.lowest_carbon import choose_lowest_carbon
from footprint.scheduling.participation import unbiased_weights
from footprint.units import S_PER_H

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(kw_only=True)
class AlphaFair:
    """Chooses whom a plan has in this slot, as far as its budget allows.

    The plan is made at the first choice, from the forecast of then and the energy that each client
    is expected to take. It is a hard limit: before each round its emissions are foreseen anew,
    and of those who no longer fit, the ones that emit most are left out. Rounds shall begin at
    multiples of a slot, and end with all who were chosen (`Rules.updates` None).

    Parameters
    ----------
    settings : AlphaFairSettings
    budget_g : float, optional
        Default: what is left of the carbon budget of the run. Let that one be soft: a hard one
        ends a run at the first round that seems too dear by the intensity of now [gCO2e].
    slot_s : float
        From the beginning of a round to that of the next [s].

    Attributes
    ----------
    plan : AlphaFairPlan or None
        Its clients are those that the run knows, in their order.
    budget : Budget or None
        Its own, with the reserve for fine-tuning.
    """

    settings: AlphaFairSettings
    budget_g: float | None = None
    slot_s: float = S_PER_H
    plan: AlphaFairPlan | None = field(default=None, init=False)
    budget: Budget | None = field(default=None, init=False)
    _start_s: float = field(default=0.0, init=False, repr=False)
    _slot: int = field(default=-1, init=False, repr=False)
    _foreseen_g: float = field(default=0.0, init=False, repr=False)
    _numbers: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY_FORECAST})

    @property
    def horizon_s(self) -> float:
        """How far it looks: over all slots of the plan [s]."""
        return (self.settings.rounds + self.settings.slack) * self.slot_s

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody in slots without work, and after the plan.

        Raises
        ------
        UsageError
            At the first choice, if the forecast is too short, fine-tuning does not fit, the
            energy of a client or the intensity of its grid is not known, or there is no budget.
        """
        del rng  # nothing is left to chance
        if not len(state.candidates):
            return []
        intensity = slot_intensity(state.foreseen, self.slot_s)
        plan = self.plan or self._make(state, intensity)
        slot = int((state.now_s - self._start_s) // self.slot_s)
        if slot == self._slot or slot >= plan.stop:
            return []
        candidates = state.candidates
        joining = np.flatnonzero(plan.joins[candidates.number, slot])
        own_g = expected_kwh(candidates)[joining] * intensity[candidates.domain[joining], 0]
        self._reserve(plan, slot, _carbon(candidates.everybody, intensity))
        fitting = list(self._fitting(own_g))
        if not fitting:
            return []
        self._slot, self._foreseen_g = slot, float(own_g[fitting].sum())
        return candidates.names(joining[fitting])

    def observe(self, outcome: Outcome) -> None:
        """Book what the round emitted; what was foreseen, if nobody measured it."""
        if self.budget is not None:
            grams = outcome.emissions_g
            self.budget = self.budget.book(self._foreseen_g if grams is None else grams)

    def weights(self, ids: Sequence[str]) -> Array:
        """Weights of updates in the last round: 1 / (K pi), and while fine-tuning a plain mean.

        The former make up for how seldom a client works, and do not sum to 1 (U-FedAvg).
        """
        if self.plan is None:
            raise UsageError("An alpha-fair policy weighs updates of rounds that it chose.")
        clients = np.array([self._numbers[name] for name in ids], dtype=np.int64)
        shares = self.plan.participation
        if self._slot >= self.plan.tuning_from:
            return np.full(len(clients), 1 / max(len(clients), 1))
        chosen = np.zeros(len(shares), dtype=np.bool_)
        chosen[clients] = True
        return unbiased_weights(shares, chosen)[clients]

    def _make(self, state: SelectionState, intensity: Array) -> AlphaFairPlan:
        everybody = state.candidates.everybody
        total_g = self._total(state)
        plan = plan_alpha_fair(_carbon(everybody, intensity), total_g, self.settings)
        self.budget = Budget(Resource.CARBON_G, total_g)
        self.plan, self._start_s = plan, state.now_s
        self._numbers = everybody.table.numbers
        return plan

    def _reserve(self, plan: AlphaFairPlan, slot: int, carbon_g: Array) -> None:
        """Hold back what fine-tuning will emit, as is foreseen now; release it when it begins."""
        if self.budget is None:
            return
        if slot >= plan.tuning_from:
            self.budget = self.budget.release()
            return
        tuning_g = float(carbon_g[:, plan.tuning_from - slot : plan.stop - slot].sum())
        self.budget = replace(self.budget, reserve=min(tuning_g, self.budget.total))

    def _total(self, state: SelectionState) -> float:
        if self.budget_g is not None:
            return self.budget_g
        budget = state.budget
        if budget is None or budget.resource is not Resource.CARBON_G:
            raise UsageError(
                "An alpha-fair plan needs a budget of carbon.", "Give the policy its budget_g."
            )
        return budget.remaining

    def _fitting(self, own_g: Array) -> tuple[int, ...]:
        """Places of those whose round fits into what is left, the cleanest first."""
        if self.budget is None:
            return tuple(range(len(own_g)))
        # What rounding alone adds to a plan that fits does not count.
        left_g = self.budget.available + ROUNDING * self.budget.total
        return choose_lowest_carbon(own_g, left_g)


def _carbon(clients: Candidates, intensity: Array) -> Array:
    """Emissions of a round of each client in the coming slots, shape (clients, slots) [gCO2e]."""
    carbon_g: Array = expected_kwh(clients)[:, None] * intensity[clients.domain]
    return carbon_g
