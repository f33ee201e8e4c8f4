"""What a live training may emit, and what its rounds did: a table of zones and a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from footprint.errors import UsageError
from footprint.measurement.tracker import Tracker
from footprint.scheduling.base import ClientOutcome, Outcome
from footprint.scheduling.budget import Budget, BudgetMode, Resource

Intensities = Mapping[str, float] | Callable[[str, float], float]
"""Intensity of each grid zone, or what gives it for a zone and a Unix time [gCO2e/kWh]."""

_KEPT = (Resource.CARBON_G, Resource.ENERGY_KWH, Resource.TIME_S)


@dataclass(slots=True)
class Spending:
    """Knows the grids of clients, and books what rounds took.

    Parameters
    ----------
    intensities : mapping or callable, optional
        See `Intensities`.
    budget : Budget, optional
        Of carbon, energy or time.
    assume : callable, optional
        Told the name of a client that was asked and did not say what it used.

    Attributes
    ----------
    begin_s : float
        When the last booking was, or the run began (Unix time) [s].

    Raises
    ------
    UsageError
        If such a budget cannot be kept here.
    """

    intensities: Intensities | None = None
    budget: Budget | None = None
    assume: Callable[[str], None] = lambda _: None
    begin_s: float | None = None
    _grids: dict[str, float] = field(default_factory=dict)
    _last_kwh: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.budget is None:
            return
        if self.budget.resource not in _KEPT:
            raise UsageError(
                f"A live training has no prices, so no budget of {self.budget.resource} is kept.",
                "Give a budget of carbon, energy or time.",
            )
        if self.budget.resource is Resource.CARBON_G and self.intensities is None:
            raise UsageError(
                "A budget of carbon needs the intensities of the zones.",
                "Give CarbonRun(intensities={'DE': 350.0, ...}).",
            )

    def look(self, name: str, zone: str | None, now_s: float) -> float | None:
        """Give the intensity of a client's grid now; None if nobody knows [gCO2e/kWh].

        Raises
        ------
        UsageError
            If an intensity is negative or not finite.
        """
        grids = self.intensities
        if zone is None or grids is None:
            value = None
        elif isinstance(grids, Mapping):
            value = grids.get(zone)
        else:
            value = float(grids(zone, now_s))
        if value is None:
            self._grids.pop(name, None)
            return None
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"The intensity of {zone} is {value} g/kWh, expected 0 or more.")
        self._grids[name] = value
        return value

    def allows(self, energies_kwh: Mapping[str, float | None]) -> bool:
        """Whether a round may begin, by what its clients took in their last ones.

        Who has taken nothing yet cannot be planned, and does not keep a round from beginning.
        """
        budget = self.budget
        if budget is None or budget.mode is BudgetMode.SOFT or not energies_kwh:
            return True
        if budget.resource is Resource.TIME_S:
            return budget.available > 0
        planned = 0.0
        for name, energy_kwh in energies_kwh.items():
            if energy_kwh is not None:
                planned += self._amount(name, energy_kwh)
        return budget.allows(planned) and budget.available > 0

    def settle(self, outcome: Outcome) -> Outcome:
        """Say what a round took as far as it is known, and book it.

        A client that was asked and did not say is taken to have used as much as in its last round.

        Raises
        ------
        UsageError
            If there is a budget, and nobody knows what a client took of it.
        """
        clients = tuple(self._priced(client) for client in outcome.clients)
        energy_kwh = _sum([client.energy_kwh for client in clients])
        emissions_g = _sum([client.emissions_g for client in clients])
        told = tuple(
            one if one.energy_kwh is None else priced
            for one, priced in zip(outcome.clients, clients, strict=True)
        )
        found = replace(outcome, clients=told, energy_kwh=energy_kwh, emissions_g=emissions_g)
        if self.budget is not None:
            begin_s = outcome.start_s if self.begin_s is None else self.begin_s
            amount = {
                Resource.CARBON_G: emissions_g,
                Resource.ENERGY_KWH: energy_kwh,
                Resource.TIME_S: max(0.0, outcome.stop_s - begin_s),
            }[self.budget.resource]
            if amount is None:
                self._refuse(clients, self.budget)
            else:
                self.budget = self.budget.book(amount)
        self.begin_s = outcome.stop_s
        for client in outcome.clients:
            if client.energy_kwh is not None:
                self._last_kwh[client.id] = client.energy_kwh
        return found

    def let_pass(self, now_s: float) -> None:
        """Book a round in which nobody was asked."""
        self.settle(Outcome(0, now_s, now_s, ()))

    def _priced(self, client: ClientOutcome) -> ClientOutcome:
        energy_kwh = client.energy_kwh
        if energy_kwh is None:
            energy_kwh = self._last_kwh.get(client.id)
            if energy_kwh is not None and (self.budget or self.intensities):
                self.assume(client.id)
        grid = self._grids.get(client.id)
        grams = None if energy_kwh is None or grid is None else energy_kwh * grid
        return replace(client, energy_kwh=energy_kwh, emissions_g=grams)

    def _amount(self, name: str, energy_kwh: float) -> float:
        if self.budget is not None and self.budget.resource is Resource.CARBON_G:
            return energy_kwh * self._grids.get(name, 0.0)
        return energy_kwh

    def _refuse(self, clients: Sequence[ClientOutcome], budget: Budget) -> None:
        carbon = budget.resource is Resource.CARBON_G
        lost = next(c for c in clients if (c.emissions_g if carbon else c.energy_kwh) is None)
        what = "energy" if lost.energy_kwh is None else "grid intensity"
        raise UsageError(
            f"The {what} of {lost.id} is not known, so no budget of {budget.resource} can be kept.",
            "Its ClientApp must measure its energy (carbon_mod), and its zone must have an "
            "intensity.",
        )


def doubt_once(tracker: Tracker) -> Callable[[str], None]:
    """Make what writes, once for each client, that its energy was assumed."""
    said: set[str] = set()

    def doubt(name: str) -> None:
        if name not in said:
            said.add(name)
            tracker.doubt(
                "spending-assumed",
                f"{name} was asked and did not say what it used.",
                "The budget and the scheduler are told what it used in the round before.",
            )

    return doubt


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if len(known) == len(amounts) else None
