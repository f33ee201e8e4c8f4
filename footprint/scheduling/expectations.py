"""What a policy expects of the coming hours: the energy of clients, and what their grids emit.

Intensities are forecast per power domain. A policy that decides when all work sees one number
per slot: the mean over the domains of those who can be asked now, weighted by the energy that
they are expected to take. Who will be asked is not known before it is time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array
from footprint.scheduling.base import SelectionState
from footprint.scheduling.candidates import Candidates, Flags, Floats
from footprint.scheduling.outlook import Need, Outlook, frozen
from footprint.units import joules_to_kwh

# Slots of a time that floats give may miss a whole number by this part of a slot.
_ROUNDING = 1e-6

_PER_CANDIDATE = (Need.SPARE, Need.SPARE_FORECAST)


def expected_kwh(candidates: Candidates) -> Floats:
    """Energy of each candidate in a round: as in its last one, or else of all it may do [kWh].

    NaN where neither is known.
    """
    may_kwh = joules_to_kwh(candidates.most * candidates.energy_per_unit_ws)
    return np.where(np.isnan(candidates.energy_kwh), may_kwh, candidates.energy_kwh)


def mean_over_candidates(state: SelectionState, values: npt.ArrayLike) -> Array:
    """Mean of something over the domains of the candidates, weighted by expected energy.

    Where the energy of a candidate is not known, all count alike.

    Parameters
    ----------
    state : SelectionState
        With a candidate.
    values : array_like of shape (domains, ...)
        For example intensities [gCO2e/kWh].

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    UsageError
        If a value of one of these domains is not known, or the domain of a candidate is not.
    """
    series = np.asarray(values, dtype=np.float64)
    energy_kwh = expected_kwh(state.candidates)
    if not energy_kwh.sum() > 0:  # nothing, or not known
        energy_kwh = np.ones(len(energy_kwh))
    domain = _domains(state)
    weights = np.bincount(domain, energy_kwh, minlength=len(series))
    there = weights > 0
    mean: Array = weights[there] @ series[there] / weights.sum()
    if not np.isfinite(mean).all():
        raise UsageError(
            "The policy waits for a better hour, and the intensity of a grid is not known.",
            "Give every zone that draws from the grid an intensity.",
        )
    return mean


def slot_intensity(outlook: Outlook, slot_s: float) -> Array:
    """Forecast mean intensity of each domain in the coming slots, shape (domains, slots).

    The first slot begins now. A later one that the forecast does not cover whole is left out; of
    the first, what it covers counts.

    Raises
    ------
    UsageError
        If a slot is no whole number of steps.
    """
    steps = round(slot_s / outlook.step_s)
    if steps < 1 or steps * outlook.step_s != slot_s:
        raise UsageError(f"A slot of {slot_s:g} s is no whole number of {outlook.step_s:g} s.")
    values = outlook.intensity.values
    slots = values.shape[1] // steps
    if not slots:
        return np.asarray(values.mean(axis=1, keepdims=True), dtype=np.float64)
    means: Array = values[:, : slots * steps].reshape(len(values), slots, steps).mean(axis=2)
    return means


def whole_slots(length_s: float, slot_s: float) -> int:
    """Slots that fit into a time."""
    return max(0, int(length_s / slot_s + _ROUNDING))


def narrowed(state: SelectionState, here: Flags) -> SelectionState:
    """Show a policy some of the candidates alone, with what is known of them.

    Parameters
    ----------
    state : SelectionState
    here : ndarray of bool, shape (candidates,)
        Who may still be chosen.
    """
    candidates = Candidates(state.candidates.table, state.candidates.number[here])
    outlook = state.outlook
    if outlook is not None:
        signals = dict(outlook.signals)
        for need in _there(_PER_CANDIDATE, outlook):
            signals[need] = frozen(signals[need].values[here], signals[need].issued_s)
        outlook = replace(outlook, signals=signals)
    return replace(state, candidates=candidates, outlook=outlook)


def _there(needs: Iterable[Need], outlook: Outlook) -> list[Need]:
    return [need for need in needs if outlook.has(need)]


def _domains(state: SelectionState) -> npt.NDArray[np.int64]:
    domain = state.candidates.domain
    if domain.min() < 0:
        lost = state.candidates.ids[domain < 0][0]
        raise UsageError(f"Nobody said which power domain the client {lost!r} belongs to.")
    return domain
