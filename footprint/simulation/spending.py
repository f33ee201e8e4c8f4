"""Budgets of a simulation: what a round may take of them, and what it took."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.candidates import Candidates
from footprint.simulation.arrays import Floats
from footprint.simulation.execution import Execution
from footprint.simulation.world import Rules, World
from footprint.units import joules_to_kwh


class SpendingLimit(Protocol):
    """A budget, as a value: booking makes the next one."""

    @property
    def resource(self) -> str:
        """``"carbon_g"``, ``"energy_kwh"`` or ``"time_s"``; also its unit."""

    def allows(self, planned: float) -> bool:
        """Whether a round may be planned to spend this."""

    def book(self, measured: float) -> Self:
        """Budget after a round."""


def plan_spending(
    budget: SpendingLimit, world: World, rules: Rules, asked: Candidates, intensity: Floats
) -> float:
    """Say what a round is expected to take: of each client as much as its last one did.

    Those that never answered are expected to do all they may. Energy of a domain that has a
    grid is taken to come from there.

    Parameters
    ----------
    budget : SpendingLimit
    world : World
    rules : Rules
    asked : Candidates
        Those that were chosen.
    intensity : ndarray of shape (domains,)
        Of the grid now [gCO2e/kWh].

    Raises
    ------
    UsageError
        If it is a budget of something that the simulation does not know.
    """
    if budget.resource == "time_s":
        longest_s = float(rules.deadline * rules.step_s)
        last_s = asked.duration_s
        return float(np.where(np.isnan(last_s), longest_s, last_s).max())
    most_kwh = joules_to_kwh(asked.most * asked.energy_per_unit_ws)
    energy_kwh = np.where(np.isnan(asked.energy_kwh), most_kwh, asked.energy_kwh)
    if budget.resource == "energy_kwh":
        return float(energy_kwh.sum())
    _require_carbon(budget)
    domain = asked.domain
    grams = np.where(world.supply.unlimited[domain], energy_kwh * intensity[domain], 0.0)
    return _known(float(grams.sum()))


def spending_of(budget: SpendingLimit, rules: Rules, done: Execution) -> float:
    """Say what a round took.

    Raises
    ------
    UsageError
        If it is a budget of something that the simulation does not know.
    """
    if budget.resource == "time_s":
        return float(done.steps * rules.step_s)
    if budget.resource == "energy_kwh":
        return joules_to_kwh(float(done.train_ws.sum() + done.wait_ws.sum()))
    _require_carbon(budget)
    return _known(float(done.emissions_g.sum()))


def _require_carbon(budget: SpendingLimit) -> None:
    if budget.resource != "carbon_g":
        raise UsageError(
            f"A simulation cannot keep to a budget of {budget.resource}.",
            "It knows carbon_g, energy_kwh and time_s.",
        )


def _known(grams: float) -> float:
    if np.isnan(grams):
        raise UsageError(
            "The intensity of a grid is not known, so no budget of carbon can be kept.",
            "Give the Supply an intensity for every zone that draws from the grid.",
        )
    return grams
