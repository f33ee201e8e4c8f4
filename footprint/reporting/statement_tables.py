"""Tables of a statement: totals, categories, inventory, quality, exclusions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from footprint.model import (
    Category,
    Interval,
    LifeCycle,
    Quality,
    Sci,
    Stage,
    Statement,
    StatementLine,
)
from footprint.reporting.numbers import NBSP, NOT_KNOWN, Scale, clean, exact, percent, share_of
from footprint.reporting.shapes import Cell, Column, Table
from footprint.reporting.wording import LIFE_CYCLE_NAMES, capitalise

CATEGORY_NAMES: dict[Category, str] = {
    Category.COMBUSTION: "Scope 1: fuel of own generators",
    Category.ELECTRICITY: "Scope 2: electricity of own sites",
    Category.SERVICES: "3.1 Purchased services: clouds, networks, partners' share",
    Category.CAPITAL_GOODS: "3.2 Capital goods: hardware bought",
    Category.ENERGY_RELATED: "3.3 Upstream fuel and losses",
    Category.UPSTREAM_LEASED: "3.8 Upstream leased assets",
    Category.USE_OF_SOLD: "3.11 Use of sold products: participants",
    Category.DOWNSTREAM_LEASED: "3.13 Downstream leased assets",
    Category.OTHERS: "Outside: reported by others",
}
_TOTAL_NAMES = {
    "location": "Total by location (scopes 1 to 3)",
    "market": "Total by contracts (scopes 1 to 3)",
    "scope 1": "Scope 1",
    "scope 2 location": "Scope 2 by location",
    "scope 2 market": "Scope 2 by contracts",
    "scope 3": "Scope 3",
    "purchase": "Hardware in its year of purchase (in scope 3)",
    "amortised": "Hardware amortised (in no total)",
    "outside": "Reported by others (in no total)",
    "sci": "Functional unit: operation and amortised hardware, all units",
}
_LINES_SHOWN = 100
MAKING = "making"


def has_figures(statement: Statement) -> bool:
    """Whether any line of the company has a figure; without one its totals are not known."""
    return any(True for line in statement.lines for _ in line.figures("location"))


def totals_table(statement: Statement) -> Table:
    """Give all totals, each by the rule in its name."""
    shown = [total for total in statement.totals if total.name in _TOTAL_NAMES]
    emissions = Scale.of("emissions", [total.emissions_g.value for total in shown])
    energy = Scale.of("energy", [total.energy_kwh or 0.0 for total in shown])
    known = has_figures(statement)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            Cell(_TOTAL_NAMES[total.name]),
            Cell(
                emissions.text(total.emissions_g.value, total.emissions_g.width)
                if known or total.emissions_g.value
                else NOT_KNOWN
            ),
            Cell(emissions.range(total.emissions_g) or NOT_KNOWN),
            Cell(NOT_KNOWN if total.energy_kwh is None else energy.text(total.energy_kwh)),
        )
        for total in shown
    )
    if statement.sci is not None and (known or statement.sci.intensity_g.value):
        rows += (_intensity_row(statement.sci, emissions),)
    columns = (
        Column("Total"),
        Column("Emissions", emissions.unit, numeric=True),
        Column("90 % interval", emissions.unit, numeric=True),
        Column("Electricity", energy.unit, numeric=True),
    )
    note = "Intervals are of sums: factors that lines share are drawn once."
    return Table("Totals side by side", columns, rows, note=note)


def _intensity_row(sci: Sci, emissions: Scale) -> tuple[Cell, ...]:
    """Give emissions per functional unit, in a unit of their own where they are far smaller."""
    per = sci.intensity_g
    scale = Scale.of("emissions", [per.value])
    unit = "" if scale.unit == emissions.unit else f"{NBSP}{scale.unit}"
    ends = scale.range(per)
    return (
        Cell(clean(f"Functional unit: per {sci.functional_unit}")),
        Cell(scale.text(per.value, per.width) + unit),
        Cell(f"{ends}{unit}" if ends else NOT_KNOWN),
        Cell(NOT_KNOWN),
    )


def category_table(statement: Statement) -> Table:
    """Give scopes and categories, by location and by contracts side by side."""
    groups = [
        (name, [line for line in statement.lines if line.category is category])
        for category, name in CATEGORY_NAMES.items()
    ]
    return _sums_table("Scopes and categories", ("Category",), [((n,), g) for n, g in groups if g])


def inventory_table(statement: Statement) -> Table:
    """Give the inventory by component, stage of life and category."""
    groups: dict[tuple[str, str, str], list[StatementLine]] = {}
    for line in statement.lines:
        key = (line.component, stage_name(line), line.category.value)
        groups.setdefault(key, []).append(line)
    rows = [
        ((capitalise(component), stage, category), lines)
        for (component, stage, category), lines in sorted(groups.items())
    ]
    return _sums_table(
        "Inventory by component, stage of life, and scope or category",
        ("Component", "Stage of life", "Category"),
        rows,
    )


def stage_name(line: StatementLine) -> str:
    """Stage of life of a line, or the making of the thing."""
    return MAKING if line.stage is Stage.EMBODIED else LIFE_CYCLE_NAMES[LifeCycle(line.life_cycle)]


def _sums_table(
    caption: str,
    headings: Sequence[str],
    groups: Sequence[tuple[Sequence[str], Sequence[StatementLine]]],
) -> Table:
    found = [(names, _columns(lines)) for names, lines in groups]
    values = [value for _, columns in found for value in columns[1:] if value is not None]
    emissions = Scale.of("emissions", values)
    energy = Scale.of("energy", [columns[0] or 0.0 for _, columns in found])

    def cell(scale: Scale, value: float | None) -> Cell:
        return Cell(NOT_KNOWN if value is None else scale.text(value))

    rows = tuple(
        (
            *(Cell(clean(name)) for name in names),
            cell(energy, columns[0]),
            *(cell(emissions, value) for value in columns[1:]),
        )
        for names, columns in found
    )
    columns = (
        *(Column(heading) for heading in headings),
        Column("Electricity", energy.unit, numeric=True),
        Column("By location", emissions.unit, numeric=True),
        Column("By contracts", emissions.unit, numeric=True),
        Column("Bought, in the year", emissions.unit, numeric=True),
        Column("Amortised", emissions.unit, numeric=True),
    )
    note = "The last two columns are two views of hardware; they are never added."
    if any(line.category is Category.ENERGY_RELATED for _, lines in groups for line in lines):
        note += (
            " The electricity of category 3.3 is lost on the way or used in scope 2 already: no "
            "total of electricity holds it."
        )
    return Table(caption, columns, rows, note=note)


def _columns(lines: Sequence[StatementLine]) -> tuple[float | None, ...]:
    def add(figures: Iterable[float | None]) -> float | None:
        known = [figure for figure in figures if figure is not None]
        return math.fsum(known) if known else None

    def value(figure: Interval | None) -> float | None:
        return None if figure is None else figure.value

    return (
        add(line.energy_kwh for line in lines),
        add(value(line.location_g) for line in lines),
        add(value(line.market_g or line.location_g) for line in lines),
        add(value(line.purchase_g) for line in lines),
        add(value(line.amortised_g) for line in lines),
    )


def line_table(statement: Statement) -> Table:
    """Give single lines with activity, factors and quality, largest first."""
    ranked = sorted(statement.lines, key=lambda line: -_size(line))[:_LINES_SHOWN]
    scale = Scale.of("emissions", [_size(line) for line in ranked])
    rows = tuple(_line_row(line, scale) for line in ranked)
    columns = (
        Column("Line"),
        Column("Category"),
        Column("Activity and factors"),
        Column("Emissions", scale.unit, numeric=True),
        Column("Quality and pedigree"),
    )
    hidden = len(statement.lines) - len(ranked)
    note = f"{hidden} smaller lines stand in the JSON below." if hidden else ""
    return Table("Lines, largest first", columns, rows, note=note)


def _size(line: StatementLine) -> float:
    figure = line.location_g or line.purchase_g or line.amortised_g
    return 0.0 if figure is None else figure.value


def _line_row(line: StatementLine, scale: Scale) -> tuple[Cell, ...]:
    figure = line.location_g or line.purchase_g or line.amortised_g
    assert figure is not None
    under = []
    if line.market_g is not None:
        under.append(f"by contracts: {scale.text(line.market_g.value, line.market_g.width)}")
    if line.purchase_g is not None:
        under.append("in the year of purchase")
    if line.amortised_g is not None:
        under.append("amortised")
    p = line.pedigree
    scores = (p.reliability, p.completeness, p.temporal, p.geographical, p.technological)
    share = "" if line.reported_share == 1 else f"{exact(line.reported_share)} × "
    return (
        Cell(clean(line.id), (clean(line.place),)),
        Cell(line.category.value, (line.component,)),
        Cell(
            f"{share}{exact(line.activity)} {line.activity_unit}",
            tuple(clean(name) for name in line.factors),
        ),
        Cell(scale.text(figure.value, figure.width), tuple(under)),
        Cell(line.quality.value, (", ".join(map(str, scores)),)),
    )


def quality_tables(statement: Statement) -> tuple[Table, ...]:
    """Give the share of the total by quality of its activity, and what it hangs on."""
    sums = dict.fromkeys(Quality, 0.0)
    for line in statement.lines:
        for _, figure in line.figures("location"):
            sums[line.quality] += figure.value
    whole = math.fsum(sums.values())
    rows = tuple(
        (
            Cell(quality.value),
            Cell(percent(share_of(value, whole)), share=share_of(value, whole) if whole else None),
        )
        for quality, value in sums.items()
    )
    columns = (Column("Activity"), Column("Share of the location-based total", numeric=True))
    note = (
        "Pedigree scores, from 1 (best) to 5: reliability, completeness, temporal, geographical, "
        "technological; docs/audit.md has the rules."
    )
    return (Table("How the activities are known", columns, rows, note=note),)


def place_table(statement: Statement) -> Table:
    """Give the places within the boundary, with category, share and reason."""
    rows = tuple(
        (
            Cell(clean(one.name), (f"{one.holding} {one.kind}".strip(),)),
            Cell(clean(one.zone) or "no zone"),
            Cell(NOT_KNOWN if one.pue is None else exact(one.pue)),
            Cell(one.category.value, (clean(one.reason),)),
            Cell(percent(one.reported_share)),
        )
        for one in statement.places
    )
    columns = (
        Column("Place"),
        Column("Zone"),
        Column("PUE", numeric=True),
        Column("Category"),
        Column("Reported", numeric=True),
    )
    return Table("Places", columns, rows)


def exclusion_table(statement: Statement) -> Table:
    """Give what is left out, with its size, against the cut-off."""
    known = [one.estimate_g for one in statement.exclusions if one.estimate_g is not None]
    scale = Scale.of("emissions", known)
    rows = tuple(
        (
            Cell(clean(one.what), (clean(one.reason),)),
            Cell(one.category.value if one.category else NOT_KNOWN),
            Cell("not estimated" if one.estimate_g is None else scale.text(one.estimate_g)),
            Cell(NOT_KNOWN if one.share is None else percent(one.share)),
        )
        for one in statement.exclusions
    )
    columns = (
        Column("Left out"),
        Column("Category"),
        Column("Estimate", scale.unit, numeric=True),
        Column("Share", numeric=True),
    )
    cut = statement.cut_off
    note = (
        f"Cut-off: {cut.each:.1%} each and {cut.together:.1%} together; found {cut.largest:.1%} "
        f"and {cut.sum:.1%}, and {cut.unknown} of unknown size."
    )
    return Table("Left out", columns, rows, note=note)


def instrument_table(statement: Statement) -> Table:
    """Give the contracts and certificates, and what of them counted."""
    scale = Scale.of("energy", [one.energy_kwh for one in statement.instruments])
    rows = tuple(
        (
            Cell(clean(one.name), (one.kind.value, clean(one.source))),
            Cell(f"{clean(one.market)}, {one.vintage}", (clean(one.certificate),)),
            Cell(scale.text(one.energy_kwh)),
            Cell(scale.text(one.claimed_kwh)),
            Cell(scale.text(one.used_kwh), (clean(one.refused),) if one.refused else ()),
            Cell(exact(one.g_per_kwh)),
        )
        for one in statement.instruments
    )
    columns = (
        Column("Instrument"),
        Column("Market and vintage"),
        Column("Bought", scale.unit, numeric=True),
        Column("Claimed", scale.unit, numeric=True),
        Column("Counted", scale.unit, numeric=True),
        Column("Intensity", "g CO₂e/kWh", numeric=True),
    )
    return Table("Contracts and certificates", columns, rows)


def restatement_table(statement: Statement) -> Table:
    """Give the corrections of published figures."""
    values = [value for one in statement.restatements for value in (one.old_g, one.new_g)]
    scale = Scale.of("emissions", values)
    rows = tuple(
        (
            Cell(clean(one.what), (clean(one.reason),)),
            Cell(str(one.year)),
            Cell(scale.text(one.old_g)),
            Cell(scale.text(one.new_g)),
            Cell(one.cause.value, (clean(one.date),) if one.date else ()),
        )
        for one in statement.restatements
    )
    columns = (
        Column("Figure"),
        Column("Year"),
        Column("Was", scale.unit, numeric=True),
        Column("Is", scale.unit, numeric=True),
        Column("Cause"),
    )
    note = "" if rows else "No published figure was corrected."
    return Table("Restatements", columns, rows, note=note)
