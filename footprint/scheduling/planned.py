"""What clients are expected to spend in a round: by what they took before, at the intensity of now.

Whoever runs rounds measures what they really take; plans are for choices alone.
"""

from __future__ import annotations

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.base import SelectionState
from footprint.scheduling.budget import Budget, Resource
from footprint.scheduling.candidates import Floats
from footprint.scheduling.expectations import expected_kwh


def intensity_now(state: SelectionState) -> Floats:
    """Grid intensity of each candidate [gCO2e/kWh].

    Raises
    ------
    UsageError
        If nobody knows one of them.
    """
    candidates = state.candidates
    if state.outlook is None:
        known = candidates.intensity_g_per_kwh
    else:
        known = state.outlook.intensity_now[candidates.domain]
    missing = np.flatnonzero(np.isnan(known))
    if len(missing):
        raise UsageError(
            f"The intensity of the grid of {candidates.names(missing[:1])[0]!r} is not known, and "
            "the scheduler plans emissions.",
            "Give an intensity for every zone, or choose another scheduler.",
        )
    return known


def planned_carbon(state: SelectionState) -> Floats:
    """Emissions of each candidate if its energy comes from the grid of now [gCO2e].

    NaN where its energy is not known.

    Raises
    ------
    UsageError
        If nobody knows the intensity of a grid.
    """
    carbon: Floats = intensity_now(state) * expected_kwh(state.candidates)
    return carbon


def known_carbon(state: SelectionState) -> Floats:
    """Planned emissions, for schedulers that cannot do with unknown ones [gCO2e].

    Raises
    ------
    UsageError
        If the energy of a candidate, or the intensity of its grid, is not known.
    """
    carbon = planned_carbon(state)
    missing = np.flatnonzero(np.isnan(carbon))
    if len(missing):
        raise UsageError(
            f"Nobody knows what energy {state.candidates.names(missing[:1])[0]!r} needs for a "
            "round, and the scheduler plans emissions.",
            "Measure it in rounds before, or give its energy per unit.",
        )
    return carbon


def carbon_budget(state: SelectionState) -> Budget:
    """Give the budget of carbon.

    Raises
    ------
    UsageError
        If there is none.
    """
    budget = state.budget
    if budget is None or budget.resource is not Resource.CARBON_G:
        raise UsageError(
            "The scheduler divides a budget of carbon between rounds, and there is none.",
            "Give the run a budget of carbon, or choose another scheduler.",
        )
    return budget


def rounds_of(budget: Budget, rounds: int | None) -> int:
    """Count the choices that a budget is spread over.

    Parameters
    ----------
    budget : Budget
    rounds : int or None
        What the scheduler was told; the number of the budget if None.

    Raises
    ------
    UsageError
        If nobody said.
    """
    number = budget.rounds if rounds is None else rounds
    if number is None:
        raise UsageError(
            "The scheduler spreads its budget over rounds, and nobody said how many there are.",
            "Give the budget its rounds, or the scheduler the option rounds.",
        )
    return number
