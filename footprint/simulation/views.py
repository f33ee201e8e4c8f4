"""What schedulers get to see of a simulated world: who is there, and what they asked to know.

Everything that is handed out is a copy, or cannot be written to; series stay here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.base import Candidates, Need, Outlook, SelectionState
from footprint.scheduling.candidates import ClientTable, labels
from footprint.scheduling.outlook import Signal, frozen
from footprint.simulation.arrays import Floats, Integers
from footprint.simulation.forecasts import Forecast, Forecaster
from footprint.simulation.load import LoadForecast
from footprint.simulation.world import Rules, World


def tabulate(world: World, rules: Rules) -> ClientTable:
    """Describe the fleet as schedulers know it before the first round."""
    fleet = world.fleet
    zones = labels([domain.zone for domain in world.supply.domains])
    return ClientTable.empty(
        fleet.ids.tolist(),
        zones=zones[fleet.domain],
        devices=fleet.devices,
        domain=fleet.domain,
        samples=fleet.samples,
        least=fleet.least_units,
        most=fleet.most_units,
        speed=fleet.units_per_s * rules.step_s,
        energy_per_unit_ws=fleet.energy_per_unit_ws,
        from_grid=world.supply.unlimited[fleet.domain].astype(np.float64),
    )


@dataclass(slots=True)
class Observer:
    """Shows the world of a moment.

    Attributes
    ----------
    world : World
    rules : Rules
    table : ClientTable
        Own and writable; schedulers get a copy that is not.
    needs : frozenset of Need
        What the scheduler asked for.
    horizon_s : float
        How far forecasts of intensity reach, if that is beyond the deadline of a round [s].
    """

    world: World
    rules: Rules
    table: ClientTable
    needs: frozenset[Need]
    horizon_s: float = 0.0
    _shown: ClientTable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        supply = self.world.supply
        for need, forecaster, what in (
            (Need.ENERGY_FORECAST, supply.excess_forecast, "excess energy"),
            (Need.INTENSITY_FORECAST, supply.intensity_forecast, "grid intensity"),
        ):
            limited = need is Need.INTENSITY_FORECAST or not supply.unlimited.all()
            if need in self.needs and forecaster is None and limited:
                raise UsageError(
                    f"The scheduler asks for forecasts of {what}; this world has none.",
                    "Give its Supply a forecaster, or choose another scheduler.",
                )
        if Need.INTENSITY in self.needs and supply.intensity is None:
            raise UsageError("The scheduler asks for grid intensity; this world has none.")
        self.refresh()

    def refresh(self) -> None:
        """Show what has been written to the table since."""
        self._shown = self.table.shown()

    def state(self, number: int, now_s: int) -> SelectionState | None:
        """Describe what a scheduler may know at a moment; None if nobody can be asked.

        A client can be asked if its domain has energy now, and it has spare capacity now.
        """
        energy = self._energy_now(now_s)
        reached = np.flatnonzero((energy > 0)[self.world.fleet.domain])
        spare = self._spare_now(reached, now_s)
        there = reached[spare > 0]
        if not len(there):
            return None
        outlook = self._outlook(now_s, there, energy, spare[spare > 0]) if self.needs else None
        if Need.INTENSITY in self.needs:
            self.table.intensity_g_per_kwh[:] = self.intensity_now(now_s)[self.world.fleet.domain]
            self.refresh()
        candidates = Candidates(self._shown, there)
        return SelectionState(number, now_s, candidates, self.rules.updates, outlook)

    def _energy_now(self, now_s: int) -> Floats:
        supply = self.world.supply
        if supply.excess_w is None:
            excess = np.zeros(len(supply.domains))
        else:
            excess = supply.excess_of(supply.excess_w.at(now_s)) * self.rules.step_s
        return np.where(supply.unlimited, np.inf, excess)

    def intensity_now(self, now_s: int) -> Floats:
        """Grid intensity of each domain at a moment; NaN where nobody knows [gCO2e/kWh]."""
        supply = self.world.supply
        if supply.intensity is None:
            return np.full(len(supply.domains), np.nan)
        return supply.intensity_of(supply.intensity.at(now_s))

    def _spare_now(self, clients: Integers, now_s: int) -> Floats:
        # In the step that ends now. Before the first one nothing is known; its own load serves.
        begin_s = max(now_s - self.rules.step_s, self.rules.start_s)
        spare: Floats = self.world.spare(clients, begin_s, self.rules.step_s, 1)[0]
        return spare

    def _outlook(self, now_s: int, clients: Integers, energy: Floats, spare: Floats) -> Outlook:
        rules, supply = self.rules, self.world.supply
        # Nobody plans beyond the end: a round that still runs then ends there.
        steps = min(rules.deadline, (rules.stop_s - now_s) // rules.step_s)
        signals: dict[Need, Signal] = {}
        if Need.ENERGY in self.needs:
            signals[Need.ENERGY] = frozen(energy, now_s)
        if Need.SPARE in self.needs:
            signals[Need.SPARE] = frozen(spare, now_s)
        if Need.INTENSITY in self.needs:
            signals[Need.INTENSITY] = frozen(self.intensity_now(now_s), now_s)
        if Need.ENERGY_FORECAST in self.needs:
            found = self._forecast(supply.excess_forecast, now_s, steps)
            excess = 0.0 if found is None else supply.excess_of(found.values) * rules.step_s
            coming = np.where(supply.unlimited, np.inf, excess)
            full = np.broadcast_to(coming, (steps, len(supply.domains)))
            issued_s = now_s if found is None else found.issued_s
            signals[Need.ENERGY_FORECAST] = frozen(full.T, issued_s)
        if Need.SPARE_FORECAST in self.needs:
            signals[Need.SPARE_FORECAST] = frozen(self._spare(clients, now_s, steps).T, now_s)
        if Need.INTENSITY_FORECAST in self.needs:
            left = (rules.stop_s - now_s) // rules.step_s
            far = min(max(steps, int(self.horizon_s // rules.step_s)), left)
            found = self._forecast(supply.intensity_forecast, now_s, far)
            if found is not None:
                coming = supply.intensity_of(found.values).T
                signals[Need.INTENSITY_FORECAST] = frozen(coming, found.issued_s)
        names = tuple(domain.name for domain in supply.domains)
        return Outlook(now_s, rules.step_s, steps, names, signals)

    def _forecast(self, source: Forecaster | None, now_s: int, steps: int) -> Forecast | None:
        return None if source is None else source.forecast(now_s, self.rules.step_s, steps)

    def _spare(self, clients: Integers, now_s: int, steps: int) -> Floats:
        """Forecast of spare capacity, shape (steps, clients)."""
        world, step_s = self.world, self.rules.step_s
        full = world.fleet.units_per_s[clients] * step_s
        if world.load is None or world.load_forecast is LoadForecast.NONE:
            return np.broadcast_to(full, (steps, len(clients)))
        if world.load_forecast is LoadForecast.PERFECT:
            return world.spare(clients, now_s, step_s, steps)
        return (1 - world.load.reserved(clients, now_s, step_s, steps)) * full
