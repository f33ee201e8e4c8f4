"""Energy and gross emissions of a statement as a table after ESRS E1-5 and E1-6.

Paragraphs and names of rows follow Annex I of Delegated Regulation (EU) 2023/2772, the
concepts its XBRL taxonomy of 2023-12-22, where we could check them. Rows of our own have
neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from footprint.audit.exports.amounts import megawatt_hours, tonnes
from footprint.audit.exports.cells import Cell
from footprint.audit.exports.ghg_protocol import CATEGORIES
from footprint.audit.exports.remarks import remark_errors
from footprint.audit.exports.tables import Table
from footprint.model import Category, Statement

_COLUMNS = ("Disclosure", "Paragraph", "Name", "Value", "Unit", "Remark", "Concept")
_TONNE = "tCO2eq"
_NOT_KNOWN = "not known"
_SPLIT = "the sources of grid and contract electricity are not in the statement"
_OURS = "a row of this tool, none of the standard"


def tabulate_esrs(statement: Statement) -> Table:
    """Lay out energy and emissions as ESRS E1 asks for them.

    What the statement does not know stays empty, with the reason beside it.
    """
    return Table(
        title=f"{statement.organisation.name}: ESRS E1-5 and E1-6, "
        f"{statement.start} to {statement.end}",
        columns=_COLUMNS,
        rows=(
            *_errors(statement),
            *_energy(statement),
            *_emissions(statement),
            *_intensities(statement),
        ),
        notes=tuple(_notes(statement)),
    )


def _errors(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    """Give a row, and no note: a CSV has no notes."""
    errors = remark_errors(statement)
    if errors:
        yield ("", "", "Errors", None, "", errors, "")


def _energy(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    bought = _electricity(statement, "scope 2 location")
    fuel = any(line.category is Category.COMBUSTION for line in statement.lines)
    whole, why = bought, ""
    if fuel:
        # What a generator made is known, what its fuel held is not.
        whole, why = None, "the energy of the fuel of own generators is not known"
    name = "Total energy consumption related to own operations"
    yield _energy_row("37", "EnergyConsumptionRelatedToOwnOperations", name, whole, why)
    for paragraph, source in (("37 a", "Fossil"), ("37 b", "Nuclear"), ("37 c", "Renewable")):
        concept = f"EnergyConsumptionFrom{source}Sources"
        name = f"Total energy consumption from {source.lower()} sources"
        yield _energy_row(paragraph, concept, name, None, _SPLIT)
    yield _energy_row("", "", "Purchased electricity of own sites", bought, _OURS)
    if fuel:
        made = _electricity(statement, "scope 1")
        yield _energy_row("", "", "Electricity that own generators made", made, _OURS)
    covered = sum((megawatt_hours(one.used_kwh) for one in statement.instruments), Decimal(0))
    name = "Purchased electricity that contracts and certificates cover"
    yield _energy_row("", "", name, covered, _OURS)


def _energy_row(
    paragraph: str, concept: str, name: str, value: Decimal | None, remark: str
) -> tuple[Cell, ...]:
    full = f"esrs:{concept}" if concept else ""
    return ("E1-5", paragraph, name, value, "MWh", remark, full)


def _electricity(statement: Statement, total: str) -> Decimal | None:
    found = statement.total(total)
    if found is None or found.energy_kwh is None:
        return None
    return megawatt_hours(found.energy_kwh)


def _emissions(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    scope_2 = "Scope2GreenhouseGasEmissions"
    yield _row(
        "48 a", "GrossScope1GreenhouseGasEmissions", "Gross Scope 1 GHG emissions",
        _sum(statement, "scope 1"),
    )  # fmt: skip
    name = "Percentage of Scope 1 GHG emissions from regulated emission trading schemes"
    yield ("E1-6", "48 b", name, None, "%", _NOT_KNOWN, "")
    yield _row(
        "49 a", f"GrossLocationBased{scope_2}", "Gross location-based Scope 2 GHG emissions",
        _sum(statement, "scope 2 location"),
    )  # fmt: skip
    yield _row(
        "49 b", f"GrossMarketBased{scope_2}", "Gross market-based Scope 2 GHG emissions",
        _sum(statement, "scope 2 market"),
    )  # fmt: skip
    yield _row(
        "51", "GrossScope3GreenhouseGasEmissions",
        "Total Gross indirect (Scope 3) GHG emissions", _sum(statement, "scope 3"),
    )  # fmt: skip
    for number, name in enumerate(CATEGORIES, start=1):
        if statement.total(f"3.{number}") is not None:
            yield _row("51", "", f"{number} {name}", _sum(statement, f"3.{number}"))
    for paragraph, basis in (("52 a", "location"), ("52 b", "market")):
        name = f"Total GHG emissions ({basis}-based)"
        yield _row(paragraph, "", name, _sum(statement, basis))


def _row(paragraph: str, concept: str, name: str, value: Decimal | None) -> tuple[Cell, ...]:
    full = f"esrs:{concept}" if concept else ""
    why = "" if value is not None else _NOT_KNOWN
    return ("E1-6", paragraph, name, value, _TONNE, why, full)


def _sum(statement: Statement, total: str) -> Decimal | None:
    found = statement.total(total)
    return None if found is None else tonnes(found.emissions_g.value)


def _intensities(statement: Statement) -> Iterator[tuple[Cell, ...]]:
    revenue = statement.organisation.net_revenue_eur
    if not revenue:
        return
    for basis in ("location", "market"):
        value = _sum(statement, basis)
        name = f"Total GHG emissions ({basis}-based) per net revenue"
        found = None if value is None else value / Decimal(repr(revenue))
        yield ("E1-6", "53", name, found, f"{_TONNE}/EUR", "", "")


def _notes(statement: Statement) -> Iterator[str]:
    yield (
        "Paragraphs, names and concepts: ESRS E1, Annex I of Delegated Regulation (EU) 2023/2772; "
        "check them against the version that binds you."
    )
    yield "The boundary is what this audit covers: computing, not the whole undertaking."
    yield "Scope 2 by location and by market are never added."
    yield "Categories of Scope 3 that have no line in the statement are not listed."
    if not statement.organisation.net_revenue_eur:
        yield "No intensity: the manifest declares no organisation.net_revenue."
    yield "Gases are not split: factors give CO2e. Biogenic CO2 is not apart."
