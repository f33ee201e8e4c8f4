"""The page of a statement shows the figures of the statement, each in its own place."""

import math
from datetime import date

import pytest

from footprint.reporting.statements import view_statement
from tests.companies import stated, total_g

UNITS = {"t CO₂e": 1e6, "kg CO₂e": 1e3, "g CO₂e": 1.0, "mg CO₂e": 1e-3, "µg CO₂e": 1e-6}
NBSP = "\N{NO-BREAK SPACE}"


def with_everything(manifest):
    """Give a generator, a purchase, a contract, a cloud: no two of its totals are alike."""
    generator = {"name": "diesel", "energy": "100 kWh", "source": "made up"}
    manifest["sites"][0]["generators"] = [generator | {"intensity": "900 gCO2e/kWh"}]
    manifest["hardware"][1]["purchased"] = date(2026, 3, 1)
    work = {"silo": "c", "duration": "300 h", "energy": "40 kWh", "data": "3 TB"}
    manifest["runs"][0]["activities"].append(work)


@pytest.fixture(scope="module")
def statement(tmp_path_factory):
    found = stated(tmp_path_factory.mktemp("statement"), with_everything)
    names = ("location", "market", "scope 1", "scope 2 location", "scope 2 market", "purchase")
    values = {total_g(found, name) for name in (*names, "amortised", "scope 3")}
    assert len(values) == 8
    assert 0 not in values
    return found


@pytest.fixture(scope="module")
def page(statement):
    return view_statement(statement)


def grams(cell, unit):
    text = cell.text.replace(NBSP, " ")
    for name in UNITS:
        if text.endswith(f" {name}"):
            text, unit = text.removesuffix(name).strip(), name
    return 0.0 if text in ("–", "0") else float(text.replace(",", "")) * UNITS[unit]


def column(table, heading):
    (place,) = (i for i, one in enumerate(table.columns) if one.heading == heading)
    return [grams(row[place], table.columns[place].unit) for row in table.rows]


def rows(table, heading="Emissions"):
    return dict(zip([row[0].text for row in table.rows], column(table, heading), strict=True))


def test_totals_stand_in_their_rows(statement, page):
    found = rows(page.results[0])
    for name, total in {
        "Total by location (scopes 1 to 3)": "location",
        "Total by contracts (scopes 1 to 3)": "market",
        "Scope 1": "scope 1",
        "Scope 2 by location": "scope 2 location",
        "Scope 2 by contracts": "scope 2 market",
        "Scope 3": "scope 3",
        "Hardware in its year of purchase (in scope 3)": "purchase",
        "Hardware amortised (in no total)": "amortised",
    }.items():
        assert found[name] == pytest.approx(total_g(statement, total), rel=0.06), name


@pytest.mark.parametrize("table", [1, 2], ids=["categories", "inventory"])
def test_columns_of_an_inventory_add_up_to_the_totals_that_they_are_of(statement, page, table):
    """What is used is apart from what was bought: by contracts, too."""
    found = {
        heading: math.fsum(column(page.results[table], heading))
        for heading in ("By location", "By contracts", "Bought, in the year", "Amortised")
    }
    bought_g = total_g(statement, "purchase")
    assert found == pytest.approx(
        {
            "By location": total_g(statement, "location") - bought_g,
            "By contracts": total_g(statement, "market") - bought_g,
            "Bought, in the year": bought_g,
            "Amortised": total_g(statement, "amortised"),
        },
        rel=0.01,
    )


def series(page, figure, name):
    (chart,) = (one.chart for one in page.figures if one.id == figure)
    (values,) = (one.values for one in chart.series if one.name == name)
    return math.fsum(values) * UNITS[chart.unit]


@pytest.mark.parametrize(
    ("figure", "name", "total"),
    [
        ("scopes", "By location", "location"),
        ("scopes", "By contracts", "market"),
        ("hardware", "Bought, in the year", "purchase"),
        ("hardware", "Amortised over its life", "amortised"),
    ],
)
def test_bars_add_up_to_the_total_that_they_are_of(statement, page, figure, name, total):
    assert series(page, figure, name) == pytest.approx(total_g(statement, total))


def test_what_places_use_is_drawn_by_both_methods(statement, page):
    bought_g = total_g(statement, "purchase")
    for name, total in (("By location", "location"), ("By contracts", "market")):
        expected_g = total_g(statement, total) - bought_g
        assert series(page, "places", name) == pytest.approx(expected_g)


@pytest.mark.parametrize("count", [2, 2e7, 2e12])
def test_one_of_many_units_has_a_figure_that_can_be_read(tmp_path, count):
    unit = {"name": "inference", "count": count}
    statement = stated(tmp_path, functional_unit=unit)
    table = view_statement(statement).results[0]
    found = rows(table)["Functional unit: per inference"]
    assert found == pytest.approx(statement.sci.intensity_g.value, rel=0.06)
    ends = table.rows[-1][2].text
    assert "<" not in ends
    assert all(unit in ends for unit in UNITS if unit in table.rows[-1][1].text)
