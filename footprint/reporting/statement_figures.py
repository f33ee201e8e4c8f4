"""Figures of a statement."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from footprint.model import Category, Driver, FactorEntry, Interval, Statement, StatementLine
from footprint.reporting.numbers import NBSP, Scale, clean, exact, number, percent, shorten
from footprint.reporting.shapes import (
    Cell,
    Column,
    Figure,
    GroupedChart,
    LegendItem,
    RangeChart,
    Series,
    Table,
)
from footprint.reporting.statement_tables import CATEGORY_NAMES

_LABEL = 29
_SHORT = {name: name.partition(":")[0] for name in CATEGORY_NAMES.values()}
"""Categories as charts name them; tables say what is in each."""
_ROWS_DRAWN = 20
_DRIVERS_DRAWN = 12
_Amount = Callable[[StatementLine], Interval | None]


def statement_figures(statement: Statement) -> tuple[Figure, ...]:
    """Give the figures of a page: scopes, places, hardware, and what the total hangs on."""
    found = (
        _scope_figure(statement),
        _place_figure(statement),
        _hardware_figure(statement),
        _driver_figure(statement),
    )
    return tuple(figure for figure in found if figure is not None)


def _location(line: StatementLine) -> Interval | None:
    return line.location_g or line.purchase_g


def _market(line: StatementLine) -> Interval | None:
    return line.market_g or line.location_g or line.purchase_g


def _sums(
    groups: Sequence[tuple[str, Sequence[StatementLine]]], amount: _Amount
) -> tuple[float, ...]:
    return tuple(
        math.fsum(figure.value for line in lines if (figure := amount(line)) is not None)
        for _, lines in groups
    )


def _grouped(
    groups: Sequence[tuple[str, Sequence[StatementLine]]],
    parts: Sequence[tuple[str, str, _Amount]],
    heading: str,
    caption: str,
) -> tuple[GroupedChart, Table, tuple[LegendItem, ...]]:
    """Draw bars by group, one per part, with their table."""
    values = [_sums(groups, amount) for _, _, amount in parts]
    scale = Scale.of("emissions", [value for row in values for value in row])
    series = tuple(
        Series(
            key,
            name,
            tuple(map(scale.scaled, row)),
            tuple(number(scale.scaled(v), scale.scaled(v) / 10) for v in row),
            tuple(f"{name}: {scale.text(v, v / 100)}{NBSP}{scale.unit}" for v in row),
        )
        for (key, name, _), row in zip(parts, values, strict=True)
    )
    names = [clean(name) for name, _ in groups]
    labels = tuple(shorten(_SHORT.get(name, name), _LABEL) for name in names)
    chart = GroupedChart(scale.unit, labels, series)
    rows = tuple(
        (Cell(name), *(Cell(scale.text(row[place], row[place] / 1000)) for row in values))
        for place, name in enumerate(names)
    )
    columns = (
        Column(heading),
        *(Column(name, scale.unit, numeric=True) for _, name, _ in parts),
    )
    legend = tuple(LegendItem(key, name) for key, name, _ in parts)
    return chart, Table(caption, columns, rows), legend if len(parts) > 1 else ()


def _own(statement: Statement) -> list[StatementLine]:
    return [line for line in statement.lines if line.category is not Category.OTHERS]


def _scope_figure(statement: Statement) -> Figure | None:
    lines = _own(statement)
    groups = []
    for category, name in CATEGORY_NAMES.items():
        found = [one for one in lines if one.category is category and _location(one) is not None]
        if found:
            groups.append((name, found))
    if not groups:
        return None
    parts = (("baseline", "By location", _location), ("candidate", "By contracts", _market))
    chart, table, legend = _grouped(groups, parts, "Category", "Emissions by category")
    sums = dict(zip([name for name, _ in groups], _sums(groups, _location), strict=True))
    top = max(sums, key=lambda name: sums[name])
    share = percent(sums[top] / (math.fsum(sums.values()) or 1.0))
    caption = (
        f"“{top}” is {share} of the location-based total. The two methods differ in scope 2 alone."
    )
    return Figure("scopes", "Scopes and categories", caption, chart, legend, table)


def _place_figure(statement: Statement) -> Figure | None:
    groups: dict[str, list[StatementLine]] = {}
    for line in _own(statement):
        if line.location_g is not None:
            groups.setdefault(line.place, []).append(line)
    if len(groups) < 2:
        return None

    def whole(found: Sequence[StatementLine]) -> float:
        return math.fsum(one.location_g.value for one in found if one.location_g is not None)

    ranked = sorted(groups.items(), key=lambda item: -whole(item[1]))
    parts = (
        ("baseline", "By location", lambda line: line.location_g),
        ("candidate", "By contracts", lambda line: line.market_g or line.location_g),
    )
    drawn = ranked[:_ROWS_DRAWN]
    chart, table, legend = _grouped(drawn, parts, "Place", "Emissions of use by place")
    share = percent(whole(drawn[0][1]) / (math.fsum(whole(x) for _, x in ranked) or 1.0))
    caption = (
        f"{clean(drawn[0][0])} causes {share} of what the use of devices and networks emits by "
        "location; hardware that was bought is apart."
    )
    return Figure("places", "Places", caption, chart, legend, table)


def _hardware_figure(statement: Statement) -> Figure | None:
    groups: dict[str, list[StatementLine]] = {}
    for line in _own(statement):
        if line.purchase_g is not None or line.amortised_g is not None:
            groups.setdefault(line.place, []).append(line)
    if not groups:
        return None
    parts = (
        ("baseline", "Bought, in the year", lambda line: line.purchase_g),
        ("candidate", "Amortised over its life", lambda line: line.amortised_g),
    )
    drawn = list(groups.items())[:_ROWS_DRAWN]
    chart, table, legend = _grouped(drawn, parts, "Place", "Making of hardware by place")
    caption = (
        "The making of hardware, twice: all of it in the year of purchase, as a corporate "
        "inventory asks, and spread over its life, as the functional unit does. Never add them."
    )
    return Figure("hardware", "Hardware", caption, chart, legend, table)


def _driver_figure(statement: Statement) -> Figure | None:
    total = statement.total("location")
    drawn = statement.drivers[:_DRIVERS_DRAWN]
    if total is None or not drawn:
        return None
    centre_g = total.emissions_g.value
    ends = [end for one in drawn for end in (one.at_low_g, one.at_high_g)]
    scale = Scale.of("emissions", [centre_g, *ends])
    register = {entry.id: entry for entry in statement.register}
    chart = RangeChart(
        unit=scale.unit,
        rows=tuple(shorten(one.factor, _LABEL) for one in drawn),
        lows=tuple(scale.scaled(one.at_low_g) for one in drawn),
        highs=tuple(scale.scaled(one.at_high_g) for one in drawn),
        centre=scale.scaled(centre_g),
        centre_label="total as stated",
        hovers=tuple(_ends(one, scale) for one in drawn),
    )
    top = drawn[0]
    caption = (
        f"The location-based total hangs most on {clean(top.factor)}: with it at its bounds "
        f"{_ends(top, scale)}. All others stay as they are."
    )
    columns = (
        Column("Factor"),
        Column("Value", numeric=True),
        Column("Total at the lower bound", scale.unit, numeric=True),
        Column("At the upper bound", scale.unit, numeric=True),
        Column("Share of the variance", numeric=True),
    )
    rows = tuple(_driver_row(one, register.get(one.factor), scale) for one in drawn)
    note = (
        "Each factor alone at its 2.5th and 97.5th percentile; the shares are of the sum of the "
        "variances of all factors, each drawn alone."
    )
    legend = (
        LegendItem("decrease", "factor at its lower bound"),
        LegendItem("increase", "at its upper bound"),
    )
    table = Table("What the total hangs on", columns, rows, note=note)
    return Figure("sensitivity", "Sensitivity", caption, chart, legend, table)


def _driver_row(one: Driver, entry: FactorEntry | None, scale: Scale) -> tuple[Cell, ...]:
    value = "" if entry is None else f"{exact(entry.value)} {entry.unit}".removesuffix(" 1")
    width = abs(one.at_high_g - one.at_low_g)
    return (
        Cell(clean(one.factor), code=True),
        Cell(value),
        Cell(scale.text(one.at_low_g, width)),
        Cell(scale.text(one.at_high_g, width)),
        Cell(percent(one.variance_share), share=one.variance_share),
    )


def _ends(one: Driver, scale: Scale) -> str:
    width = abs(one.at_high_g - one.at_low_g)
    low, high = (scale.text(end, width) for end in (one.at_low_g, one.at_high_g))
    return f"it is {low} or {high} {scale.unit}"
