"""Budgets of a simulation: what a round may take of them, and what was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.candidates import Candidates
from footprint.simulation.arrays import Floats
from footprint.simulation.execution import Execution
from footprint.simulation.tasks import Ratios
from footprint.simulation.world import Rules, World
from footprint.units import joules_to_kwh


class Verdict(Vocabulary):
    """Whether a round may begin."""

    BEGIN = "begin"
    PASS = "pass"  # noqa: S105 - a word, not a password
    """Not now: the straight line of a paced budget does not reach so far yet."""
    END = "end"
    """It is planned to pass a budget: with it the simulation ends."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What something took; emissions and money are NaN where nobody knows them.

    Attributes
    ----------
    energy_kwh, emissions_g, cost, time_s : float
        [kWh] [gCO2e] [currency of the prices] [s]
    """

    energy_kwh: float = 0.0
    emissions_g: float = 0.0
    cost: float = 0.0
    time_s: float = 0.0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.energy_kwh + other.energy_kwh,
            self.emissions_g + other.emissions_g,
            self.cost + other.cost,
            self.time_s + other.time_s,
        )

    def of(self, resource: Resource) -> float:
        """Give the amount of a resource.

        Raises
        ------
        UsageError
            If nobody knows it.
        """
        if resource is Resource.CARBON_G:
            return _known(self.emissions_g, "intensity of a grid", "an intensity")
        if resource is Resource.ENERGY_KWH:
            return self.energy_kwh
        if resource is Resource.TIME_S:
            return self.time_s
        return _known(self.cost, "price of energy", "prices")


@dataclass(slots=True)
class Wallet:
    """The budgets of a simulation, and what was taken since the last booking.

    Money, carbon and energy of a server are taken as time passes. A hard or a paced budget is
    never passed: what would do so is cut short (`fits`).

    Attributes
    ----------
    world : World
    rules : Rules
    budgets : tuple of Budget
    booked_s : int
        Up to when all is booked [s].
    probed : Amounts
        Of probes since then.
    """

    world: World
    rules: Rules
    budgets: tuple[Budget, ...]
    booked_s: int
    probed: Amounts = field(default_factory=Amounts)

    def __post_init__(self) -> None:
        prices = self.world.supply.prices
        for budget in self.budgets:
            money = {Resource.MONEY_EUR: "eur", Resource.MONEY_USD: "usd"}.get(budget.resource)
            if money is not None and (prices is None or prices.currency != money):
                raise UsageError(
                    f"There is a budget in {money}, and no prices of energy in {money}.",
                    "Give the Supply its prices.",
                )
            if budget.resource is Resource.CARBON_G and self.world.supply.intensity is None:
                raise UsageError(
                    "The intensity of a grid is not known, so no budget of carbon can be kept.",
                    "Give the Supply an intensity.",
                )

    @property
    def shown(self) -> Budget | None:
        """The budget that schedulers see: the one of carbon, or else the first."""
        carbon = [b for b in self.budgets if b.resource is Resource.CARBON_G]
        return next(iter(carbon or self.budgets), None)

    @property
    def binds(self) -> bool:
        """Whether a budget is more than a record."""
        return any(budget.mode is not BudgetMode.SOFT for budget in self.budgets)

    def judge(
        self, asked: Candidates, intensity: Floats, now_s: int, ratios: Ratios | None = None
    ) -> Verdict:
        """Say whether a round of some clients may begin.

        Parameters
        ----------
        asked : Candidates
            Those that were chosen.
        intensity : ndarray of shape (domains,)
            Of the grid now [gCO2e/kWh].
        now_s : int
        ratios : Ratios, optional
            As for `plan_round`.
        """
        if not self.binds:
            return Verdict.BEGIN
        planned = self._open(now_s) + plan_round(self.world, self.rules, asked, intensity, ratios)
        verdict = Verdict.BEGIN
        for budget in self.budgets:
            if not budget.allows(planned.of(budget.resource)):
                if budget.mode is BudgetMode.HARD or not budget.holds(planned.of(budget.resource)):
                    return Verdict.END
                verdict = Verdict.PASS
        return verdict

    def fits(self, done: Amounts, stop_s: int) -> bool:
        """Whether all that was taken up to a moment, and this, is within what binds."""
        if not self.binds:
            return True
        taken = self._open(stop_s) + done
        return all(budget.holds(taken.of(budget.resource)) for budget in self.budgets)

    def book(self, done: Amounts, stop_s: int) -> Amounts:
        """Book all that was taken up to a moment, and this; returns the sum."""
        taken = self._open(stop_s) + done
        self.budgets = tuple(b.book(taken.of(b.resource)) for b in self.budgets)
        self.booked_s, self.probed = stop_s, Amounts()
        return taken

    def _open(self, now_s: int) -> Amounts:
        """Sum up what probes and the server took since the last booking, and the time."""
        passed_s = float(now_s - self.booked_s)
        return self.probed + Amounts(time_s=passed_s) + self._server(now_s)

    def _server(self, now_s: int) -> Amounts:
        server, start_s = self.world.server, self.booked_s
        if server is None or now_s == start_s:
            return Amounts()
        energy_kwh = joules_to_kwh(server.power_w * (now_s - start_s))
        intensity = self.world.server_intensity(start_s, now_s, self.rules.step_s)
        prices = self.world.supply.prices
        price = np.nan if prices is None else float(prices.of([server.zone])[0])
        return Amounts(energy_kwh, energy_kwh * intensity, energy_kwh * price)


def plan_round(
    world: World,
    rules: Rules,
    asked: Candidates,
    intensity: Floats,
    ratios: Ratios | None = None,
) -> Amounts:
    """Say what a round is expected to take: of each client as much as its last one did.

    Those that never answered are expected to do all they may. Energy of a domain that has a
    grid is taken to come from there.

    Parameters
    ----------
    world : World
    rules : Rules
    asked : Candidates
        Those that were chosen.
    intensity : ndarray of shape (domains,)
        Of the grid now [gCO2e/kWh].
    ratios : Ratios, optional
        What each takes by its method: of time and energy, of what it takes by that of its last
        round; of messages, of whole ones.
    """
    ratios = ratios or Ratios.plain(len(asked))
    longest_s = float(rules.deadline * rules.step_s)
    duration_s = np.where(np.isnan(asked.duration_s), longest_s, asked.duration_s * ratios.time)
    most_kwh = joules_to_kwh(asked.most * asked.energy_per_unit_ws)
    energy_kwh = np.where(np.isnan(asked.energy_kwh), most_kwh, asked.energy_kwh)
    energy_kwh = energy_kwh * ratios.energy
    fleet = world.fleet
    messages_gb = fleet.message_gb * ratios.down + fleet.update_gb * ratios.up
    network_kwh = messages_gb * fleet.network_kwh_per_gb
    domain = asked.domain
    grid_kwh = np.where(world.supply.unlimited[domain], energy_kwh, 0.0)
    return Amounts(
        float((energy_kwh + network_kwh).sum()),
        _weighted(grid_kwh + network_kwh, intensity[domain]),
        _weighted(grid_kwh, domain_prices(world)[domain]),
        float(duration_s.max()),
    )


def amounts_of(world: World, done: Execution) -> Amounts:
    """Say what a task took."""
    grid_ws = done.train_ws + done.wait_ws - done.train_excess_ws - done.wait_excess_ws
    prices = domain_prices(world)[world.fleet.domain[done.clients]]
    return Amounts(
        joules_to_kwh(float((done.train_ws + done.wait_ws + done.network_ws).sum())),
        float(done.emissions_g.sum()),
        _weighted(joules_to_kwh(np.maximum(grid_ws, 0.0)), prices),
    )


def domain_prices(world: World) -> Floats:
    """Price of energy from the grid in each domain; NaN where nobody said [currency/kWh]."""
    supply = world.supply
    if supply.prices is None:
        return np.full(len(supply.domains), np.nan)
    return supply.prices.of([domain.zone for domain in supply.domains])


def _weighted(amounts: Sequence[float] | Floats, values: Floats) -> float:
    # Where nothing was taken it does not matter that nobody knows its value.
    return float(np.where(np.asarray(amounts) > 0, amounts * values, 0.0).sum())


def _known(amount: float, what: str, remedy: str) -> float:
    if np.isnan(amount):
        raise UsageError(
            f"The {what} is not known, so no budget of it can be kept.",
            f"Give the Supply {remedy} for every zone that draws from the grid.",
        )
    return amount
