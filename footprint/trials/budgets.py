"""Budgets and prices as people write them."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.errors import UsageError
from footprint.scheduling.budget import Budget, Resource
from footprint.scheduling.policies import WITH_BUDGET
from footprint.simulation.world import Prices
from footprint.trials.plan import BudgetTable, PolicyTable, PriceTable, of_carbon
from footprint.units import parse_quantity

_UNITS = {
    "carbon": ((Resource.CARBON_G, "gCO2e"),),
    "energy": ((Resource.ENERGY_KWH, "kWh"),),
    "cost": ((Resource.MONEY_EUR, "EUR"), (Resource.MONEY_USD, "USD")),
    "time": ((Resource.TIME_S, "s"),),
}
_EXAMPLE = "Write carbon=5 kg, energy=3 kWh, cost=10 EUR or time=2 d."


def parse_budget(text: str) -> BudgetTable:
    """Read ``"carbon=5 kg"``.

    Raises
    ------
    UsageError
        If it is no budget.
    """
    resource, equals, total = text.partition("=")
    if not equals or not total.strip():
        raise UsageError(f"{text!r} is no budget.", _EXAMPLE)
    table = BudgetTable(resource=resource.strip(), total=total.strip())
    read_budget(table)
    return table


def read_budget(table: BudgetTable) -> Budget:
    """Make the budget of a table.

    Raises
    ------
    UsageError
        If there is no such resource, or the amounts make no sense.
    UnitError
        If an amount is no quantity of it.
    """
    if table.resource not in _UNITS:
        raise UsageError(
            f"found the resource {table.resource!r}, expected one of {', '.join(_UNITS)}.", _EXAMPLE
        )
    choices = _UNITS[table.resource]
    resource, unit = next((one for one in choices if one[1] in table.total), choices[0])
    reserve = 0.0 if table.reserve is None else _amount(table.reserve, unit)
    total = _amount(table.total, unit)
    if total <= 0:
        raise UsageError(f"found a total of {table.total!r}, expected more than 0.", _EXAMPLE)
    return Budget(resource, total, table.mode, rounds=table.rounds, reserve=reserve)


def pacing_fault(policy: PolicyTable, budgets: Sequence[BudgetTable]) -> tuple[str, str] | None:
    """Say what a policy lacks that divides a budget of carbon between rounds.

    Returns
    -------
    tuple of (str, str), or None
        What is wrong, and what to do.
    """
    if (policy.rule or policy.name) not in WITH_BUDGET:
        return None
    carbon = [budget for budget in budgets if budget.resource == "carbon"]
    if not carbon:
        return (
            f"{policy.name!r} divides a budget of carbon between rounds, and there is none.",
            'Add [[budget]] with resource = "carbon", total = "5 kg" and rounds = 200, say.',
        )
    if carbon[0].rounds is None and "rounds" not in policy.options:
        return (
            f"{policy.name!r} spreads the budget of carbon over rounds, and nobody says over how "
            "many.",
            "Write rounds = 200, say, in [[budget]], or in the options of the policy.",
        )
    return None


def _amount(text: str, unit: str) -> float:
    return parse_quantity(of_carbon(text) if unit == "gCO2e" else text, unit)


def read_prices(table: PriceTable | None) -> Prices | None:
    """Make the prices of a table.

    Raises
    ------
    UnitError
        If one is not in the currency that the table names.
    """
    if table is None:
        return None
    unit = f"{table.currency.value}/kWh"
    per_kwh = {zone: parse_quantity(text, unit) for zone, text in table.electricity.items()}
    return Prices(table.currency.value.lower(), per_kwh)
