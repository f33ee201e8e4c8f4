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

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from footprint.errors import UsageError
from footprint.model.method_costs import CostTable, MethodCost
from footprint.scheduling.arrays import Array
from footprint.scheduling.assignments import assign_options

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


def judge_choice(
    choice: MethodChoice, table: CostTable, work: PlannedWork, by_method_kwh: Array
) -> MethodChoice:
    """Say what a choice emits if so much work is done by each method."""
    known = ~np.isnan(work.energy_kwh)
    places = [table.costs.index(cost) for cost in choice.costs]
    grams = replace(work, by_method_kwh=by_method_kwh).emissions_g(table.costs)
    expected_g = float(grams[np.arange(len(places)), places][known].sum())
    fits = expected_g <= choice.allowance_g * (1 + _ROUNDING)
    return replace(choice, expected_g=expected_g, fits=fits)


def rank_of(choice: MethodChoice) -> tuple[bool, float, float]:
    """Order choices: those that fit by what they lose, the others by what they emit."""
    if choice.fits:
        return False, choice.loss_points, choice.expected_g
    return True, choice.expected_g, choice.loss_points
