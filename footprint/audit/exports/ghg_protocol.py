"""The inventory of a statement as a table by scope and category of the GHG Protocol."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from footprint.audit.exports.amounts import decimal_text, megawatt_hours, tonnes
from footprint.audit.exports.cells import Cell
from footprint.audit.exports.remarks import remark_errors
from footprint.audit.exports.tables import Table
from footprint.model import Category, Statement, Total

CATEGORIES = (
    "Purchased goods and services",
    "Capital goods",
    "Fuel- and energy-related activities (not included in scope 1 or scope 2)",
    "Upstream transportation and distribution",
    "Waste generated in operations",
    "Business travel",
    "Employee commuting",
    "Upstream leased assets",
    "Downstream transportation and distribution",
    "Processing of sold products",
    "Use of sold products",
    "End-of-life treatment of sold products",
    "Downstream leased assets",
    "Franchises",
    "Investments",
)
"""Categories of scope 3 in their order (Corporate Value Chain Standard, chapter 5)."""
_COLUMNS = (
    "Scope or category",
    "Emissions [tCO2e]",
    "Low [tCO2e]",
    "High [tCO2e]",
    "Electricity [MWh]",
    "Remark",
)
_NOT_STATED = "no line in the statement"


def tabulate_scopes(statement: Statement) -> Table:
    """Lay out the inventory of a company as the GHG Protocol reports it.

    Both totals hold hardware in its year of purchase. The amortised column, and what others
    report, follow as memos that no sum holds.
    """
    return Table(
        title=f"{statement.organisation.name}: greenhouse gases by scope, {_period(statement)}",
        columns=_COLUMNS,
        rows=(
            *_errors(statement),
            *_scopes(statement),
            *_categories(statement),
            _row(statement, "scope 3", "Scope 3, total"),
            _row(statement, "location", "Scopes 1 to 3, scope 2 by location"),
            _row(statement, "market", "Scopes 1 to 3, scope 2 by market"),
            _memo(statement, "amortised", "Memo: hardware amortised over its life"),
            _memo(statement, "outside", "Memo: reported by others"),
            *_base_year(statement),
        ),
        notes=tuple(_notes(statement)),
    )


def _period(statement: Statement) -> str:
    return f"{statement.start} to {statement.end}"


def _errors(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    """Give a row, and no note: a CSV has no notes."""
    errors = remark_errors(statement)
    if errors:
        yield ("Errors", None, None, None, None, errors)


def _scopes(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    yield _row(statement, "scope 1", "Scope 1")
    yield _row(statement, "scope 2 location", "Scope 2, location-based")
    yield _row(statement, "scope 2 market", "Scope 2, market-based")


def _categories(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    for number, name in enumerate(CATEGORIES, start=1):
        remark = ""
        if f"3.{number}" == Category.CAPITAL_GOODS.value:
            remark = "all of the making, in the year of purchase"
        yield _row(statement, f"3.{number}", f"Scope 3, category {number}: {name}", remark)


def _row(statement: Statement, total: str, name: str, remark: str = "") -> tuple[Cell, ...]:
    found = statement.total(total)
    if found is None:
        return (name, None, None, None, None, _NOT_STATED)
    return (name, *_figures(found), remark)


def _memo(statement: Statement, total: str, name: str) -> tuple[Cell, ...]:
    return _row(statement, total, name, "in no total")


def _figures(total: Total) -> tuple[Decimal | None, ...]:
    figure = total.emissions_g
    energy = None if total.energy_kwh is None else megawatt_hours(total.energy_kwh)
    return (tonnes(figure.value), tonnes(figure.low), tonnes(figure.high), energy)


def _base_year(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    base = statement.base_year
    if base is not None:
        due = (
            "as declared"
            if not base.recalculate
            else "restatements passed the trigger: recalculate it"
        )
        yield (f"Base year {base.year}", tonnes(base.total_g), None, None, None, due)
    for one in statement.restatements:
        said = f"was {decimal_text(tonnes(one.old_g))} t; {one.cause.value}: {one.reason}"
        name = f"Restated {one.year}: {one.what}"
        yield (name, tonnes(one.new_g), None, None, None, said)


def _notes(statement: Statement) -> Iterator[str]:
    yield f"Consolidation approach: {statement.organisation.approach.value}."
    yield (
        "CO2e alone, as the factors give it: CO2, CH4, N2O, HFCs, PFCs, SF6 and NF3 are not split, "
        "and biogenic CO2 is not apart."
    )
    yield (
        "Scope 2 is given by location and by market; the two are never added. Scope 3 is the "
        "same in both totals."
    )
    yield "Low and high are the 5th and 95th percentile of the draws."
    yield f"Location-based intensities are {statement.signal}."
    if statement.base_year is None:
        yield "No base year was declared."
    for one in statement.exclusions:
        size = "not sized"
        if one.estimate_g is not None:
            size = f"{decimal_text(tonnes(one.estimate_g))} tCO2e"
        yield f"Excluded: {one.what} ({size}): {one.reason}."
