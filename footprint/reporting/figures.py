"""Figures: which numbers a chart shows, and the sentence that says what to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from footprint.model import CategoryDifference, Comparison, Interval, Phase, Ranking, Stage
from footprint.reporting.numbers import (
    NBSP,
    NOT_KNOWN,
    Scale,
    clean,
    number,
    percent,
    shorten,
    signed,
)
from footprint.reporting.shapes import (
    Cell,
    Column,
    Figure,
    GroupedChart,
    IntervalChart,
    LegendItem,
    Scenario,
    Series,
    StackedChart,
    Table,
    WaterfallChart,
)
from footprint.reporting.tables import (
    NO_ZONE,
    Breakdown,
    break_down,
    breakdown_table,
    relative_width,
    zone_of,
)
from footprint.reporting.wording import capitalise, category_name, emits

_ZONES_DRAWN = 20
_LABEL = 22


def _is_all_zero(parts: Breakdown) -> bool:
    return not any(value for groups in parts.sums for value in groups.values())


def _series(
    key: str,
    name: str,
    values: Sequence[float],
    scale: Scale,
    scenarios: Sequence[Scenario],
    label: Callable[[int, str], str],
) -> Series:
    """Build one series; `label` makes a bar's text from its index and amount."""
    labels, hovers = [], []
    for index, value in enumerate(values):
        scenario = scenarios[index if len(scenarios) == len(values) else 0]
        amount = scale.text(value, value * relative_width(scenario.assessment))
        labels.append(label(index, amount))
        hovers.append(f"{name}: {amount}{NBSP}{scale.unit}")
    return Series(key, name, tuple(map(scale.scaled, values)), tuple(labels), tuple(hovers))


# --- by phase ----------------------------------------------------------------


def category_figure(scenarios: Sequence[Scenario]) -> Figure | None:
    """Show each scenario's emissions by phase; None if there are none."""
    order = [*Phase, Stage.EMBODIED]
    parts = break_down(scenarios, lambda c: c.category, [str(name) for name in order])
    if _is_all_zero(parts):
        return None
    scale = parts.scale

    def series(key: str) -> Series:
        name = capitalise(category_name(key))
        values = [groups.get(key, 0.0) for groups in parts.sums]
        return _series(
            key,
            name,
            values,
            scale,
            scenarios,
            lambda i, _: f"{name} {percent(parts.share(i, key))}",
        )

    layers = tuple(series(key) for key in parts.keys)
    totals = tuple(_scaled(s.assessment.total_g, scale) for s in scenarios)
    titles = tuple(
        f"{capitalise(s.short) or 'Total'}: {scale.quantity(s.assessment.total_g, width=s.width_g)}"
        for s in scenarios
    )
    table = breakdown_table(
        "Emissions by phase",
        "Phase",
        scenarios,
        parts,
        lambda key: (capitalise(category_name(key)),),
    )
    legend = tuple(LegendItem(layer.key, layer.name) for layer in layers)
    chart = StackedChart(scale.unit, titles, totals, layers)
    said = (_leaders(scenarios, parts, category_name), _whisker(scenarios), _phases_of(scenarios))
    caption = " ".join(filter(None, said))
    return Figure("phases", "By phase", caption, chart, legend, table)


def _phases_of(scenarios: Sequence[Scenario]) -> str:
    """Say why a phase and a stage of one name are not the same, where a page shows both."""
    parts = [part for s in scenarios for part in s.assessment.contributions]
    if len({part.life_cycle for part in parts}) < 2:
        return ""
    return (
        "A phase is one kind of work, in whichever stage; making the devices stands apart, as "
        "embodied. By stage, below, every stage holds all of its work and its devices."
    )


def _scaled(interval: Interval, scale: Scale) -> Interval:
    return Interval(*(scale.scaled(end) for end in (interval.value, interval.low, interval.high)))


def _whisker(scenarios: Sequence[Scenario]) -> str:
    if any(s.assessment.total_g.width for s in scenarios):
        return "The line beneath each bar spans the 90 % interval of its total."
    return ""


def _leaders(scenarios: Sequence[Scenario], parts: Breakdown, name: Callable[[str], str]) -> str:
    """Name the largest part of each scenario, and the second of a single one."""
    clauses = []
    for index, scenario in enumerate(scenarios):
        top = parts.top(index)
        whose = f"{scenario.short} total" if scenario.short else "total"
        if not top:
            clauses.append(f"the {whose} is 0")
            continue
        clause = f"{name(top[0])} is {percent(parts.share(index, top[0]))} of the {whose}"
        if len(scenarios) == 1 and len(top) > 1:
            clause += f", followed by {name(top[1])} with {percent(parts.share(index, top[1]))}"
        clauses.append(clause)
    return capitalise("; ".join(clauses)) + "."


# --- which emits least -------------------------------------------------------


def ranking_figure(result: Ranking, scenarios: Sequence[Scenario]) -> Figure | None:
    """Show all scenarios, least emissions first; None if none emits anything."""
    order = sorted(range(len(scenarios)), key=lambda place: result.scenarios[place].total_g.value)
    totals = [result.scenarios[place].total_g for place in order]
    if not any(total.value for total in totals):
        return None
    scale = Scale.of("emissions", [total.value for total in totals])
    names = [scenarios[place].label for place in order]
    chart = IntervalChart(
        unit=scale.unit,
        rows=tuple(shorten(name, 3 * _LABEL) for name in names),
        intervals=tuple(_scaled(total, scale) for total in totals),
        hovers=tuple(
            f"{name}: {scale.quantity(total)}" for name, total in zip(names, totals, strict=True)
        ),
    )
    columns = (
        Column("Scenario"),
        Column("Emissions", scale.unit, numeric=True),
        Column("90 % interval", scale.unit, numeric=True),
        Column("Ratio to the baseline", numeric=True),
        Column("Emits less, of draws", numeric=True),
        Column("Lowest of all, of draws", numeric=True),
        *_cost_columns(result),
    )
    rows = [_ranking_row(result, place, names[rank], scale) for rank, place in enumerate(order)]
    unit = clean(result.scenarios[0].run.functional_unit)
    table = Table(f"Per {unit or 'run'}, against the first scenario", columns, tuple(rows))
    caption = (
        f"{capitalise(names[0])} {emits(result.scenarios[order[0]])} least, {names[-1]} most: "
        f"{scale.quantity(totals[0])} and {scale.quantity(totals[-1])}."
    )
    if totals[0].value == totals[-1].value:
        caption = "All emit the same."
    if result.draws:
        caption += " The bars span 90 % of the draws, the marks are the estimates."
    return Figure("ranking", "Ranking", caption, chart, (), table)


def _cost_columns(result: Ranking) -> tuple[Column, ...]:
    """Head a column of costs, if all scenarios have them in one currency."""
    bills = [one.bill for one in result.scenarios]
    currencies = {bill.currency.value if bill else None for bill in bills}
    if len(currencies) != 1 or None in currencies:
        return ()
    return (Column("Cost", str(*currencies), numeric=True),)


def _ranking_row(result: Ranking, place: int, name: str, scale: Scale) -> tuple[Cell, ...]:
    one = result.scenarios[place]
    against = result.differences[place - 1] if place else None
    ratio, less = "baseline", ""
    if against is not None:
        ratio = f"{number(against.ratio.value, against.ratio.width)} ×"
        less = percent(against.candidate_lower)
    cost: tuple[Cell, ...] = ()
    if _cost_columns(result) and one.bill is not None:
        cost = (Cell(number(one.bill.total.value, one.bill.total.value / 100)),)
    return (
        Cell(capitalise(name)),
        Cell(scale.text(one.total_g.value, one.total_g.width)),
        Cell(scale.range(one.total_g) or NOT_KNOWN),
        Cell(ratio),
        Cell(less),
        Cell(percent(result.lowest[place])),
        *cost,
    )


# --- by zone -----------------------------------------------------------------


def zone_figure(scenarios: Sequence[Scenario]) -> Figure | None:
    """Show each scenario's emissions by grid zone; None if there are none."""
    parts = break_down(scenarios, zone_of)
    if _is_all_zero(parts):
        return None
    shown, folded = parts.keys[:_ZONES_DRAWN], parts.keys[_ZONES_DRAWN:]
    rows = [*(shorten(key, _LABEL) for key in shown)]
    if folded:
        rows.append(f"{len(folded)} others")
    series = []
    for index, scenario in enumerate(scenarios):
        groups = parts.sums[index]
        values = [groups.get(key, 0.0) for key in shown]
        if folded:
            values.append(sum(groups.get(key, 0.0) for key in folded))
        name = capitalise(scenario.role) or "Emissions"
        role = scenario.role or "candidate"
        series.append(
            _series(role, name, values, parts.scale, [scenario], lambda _, amount: amount)
        )
    table = breakdown_table("Emissions by grid zone", "Zone", scenarios, parts, lambda k: (k,))
    zones = [key for key in parts.keys if key != NO_ZONE]
    count = f"Emissions arise in {len(zones)} grid zones." if len(zones) > 1 else ""
    caption = f"{_leaders(scenarios, parts, _zone_name)} {count}".strip()
    legend = tuple(
        LegendItem(s.role, f"{capitalise(s.role)}: {s.label}") for s in scenarios if s.role
    )
    chart = GroupedChart(parts.scale.unit, tuple(rows), tuple(series))
    return Figure("zones", "By zone", caption, chart, legend, table)


def _zone_name(key: str) -> str:
    return "what has no zone" if key == NO_ZONE else f"zone {key}"


# --- why they differ ---------------------------------------------------------


def waterfall_figure(result: Comparison, scenarios: Sequence[Scenario]) -> Figure | None:
    """Show the way from the baseline's total to the candidate's; None if both are 0."""
    start, end = result.baseline.total_g, result.candidate.total_g
    if not start.value and not end.value:
        return None
    ranked = sorted(result.categories, key=lambda c: -abs(c.difference_g.value))
    steps = [category for category in ranked if category.difference_g.value]
    sizes = [c.baseline_g for c in steps] + [c.candidate_g for c in steps]
    scale = Scale.of("emissions", [start.value, end.value, *sizes])
    names = [capitalise(category_name(step.category)) for step in steps]
    changes = [signed(scale.text(s.difference_g.value, s.difference_g.width)) for s in steps]
    ends = [scale.text(s.assessment.total_g.value, s.width_g) for s in scenarios]
    hovers = [
        f"Baseline: {scale.quantity(start, width=scenarios[0].width_g)}",
        *(
            f"{name}: {scale.quantity(step.difference_g, sign=True)}"
            for name, step in zip(names, steps, strict=True)
        ),
        f"Candidate: {scale.quantity(end, width=scenarios[1].width_g)}",
    ]
    chart = WaterfallChart(
        unit=scale.unit,
        rows=("Baseline", *names, "Candidate"),
        values=tuple(
            scale.scaled(v)
            for v in (start.value, *(s.difference_g.value for s in steps), end.value)
        ),
        labels=(ends[0], *changes, ends[1]),
        hovers=tuple(hovers),
    )
    caption = _waterfall_caption(result, scenarios, steps)
    caption = " ".join(filter(None, (caption, _phases_of(scenarios))))
    table = _waterfall_table(result, ranked, scale, ends)
    legend = (LegendItem("increase", "adds"), LegendItem("decrease", "saves"))
    return Figure("differences", "Why they differ", caption, chart, legend, table)


def _waterfall_caption(
    result: Comparison, scenarios: Sequence[Scenario], steps: Sequence[CategoryDifference]
) -> str:
    difference = result.difference_g
    scale = Scale.of("emissions", [difference.value])
    first, second = (clean(scenario.short) for scenario in scenarios)
    whole = f"From {first} to {second}: {scale.quantity(difference, sign=True)}."
    if not steps:
        return f"{whole} No category differs."
    step = steps[0]
    own = Scale.of("emissions", [step.difference_g.value])
    return (
        f"{whole} The largest single difference is {category_name(step.category)}:"
        f" {own.quantity(step.difference_g, sign=True)}."
    )


def _waterfall_table(
    result: Comparison, steps: Sequence[CategoryDifference], scale: Scale, ends: Sequence[str]
) -> Table:
    baseline, candidate = relative_width(result.baseline), relative_width(result.candidate)
    rows = [
        (
            Cell(capitalise(category_name(step.category))),
            Cell(scale.text(step.baseline_g, step.baseline_g * baseline)),
            Cell(scale.text(step.candidate_g, step.candidate_g * candidate)),
            Cell(signed(scale.text(step.difference_g.value, step.difference_g.width))),
            Cell(scale.range(step.difference_g) or NOT_KNOWN),
        )
        for step in steps
    ]
    difference = result.difference_g
    foot = (
        Cell("Total"),
        *(Cell(total) for total in ends),
        Cell(signed(scale.text(difference.value, difference.width))),
        Cell(scale.range(difference) or NOT_KNOWN),
    )
    columns = (
        Column("Phase"),
        *(
            Column(heading, scale.unit, numeric=True)
            for heading in ("Baseline", "Candidate", "Difference", "90 % interval")
        ),
    )
    return Table("Candidate minus baseline, by phase", columns, tuple(rows), foot)
