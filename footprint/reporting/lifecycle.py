"""Figures of planned trainings: life cycle, costs, and what the result hangs on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from footprint.documents import Estimate
from footprint.model import (
    Alternative,
    Assessment,
    Comparison,
    CostKind,
    LifeCycle,
    Ranking,
    Term,
)
from footprint.reporting.numbers import (
    Scale,
    clean,
    exact,
    number,
    percent,
    pretty_unit,
    shorten,
    signed,
)
from footprint.reporting.shapes import (
    Cell,
    Column,
    Figure,
    FlowChart,
    GroupedChart,
    LegendItem,
    RangeChart,
    Scenario,
    Series,
    Table,
)
from footprint.reporting.tables import break_down, breakdown_table
from footprint.reporting.wording import (
    COST_NAMES,
    LIFE_CYCLE_NAMES,
    STAGE_NAMES,
    capitalise,
    is_plan,
    measured_rule,
    term_label,
)
from footprint.sensitivity import TermEffect, term_effects

_TERMS_DRAWN = 12
_LABEL = 40


def lifecycle_figures(result: Estimate, scenarios: Sequence[Scenario]) -> list[Figure | None]:
    """Draw what a result has beyond emissions by phase and zone; None for what it has not."""
    figures = [
        _stage_figure(scenarios),
        _flow_figure(scenarios),
        _cost_figure(scenarios),
    ]
    if not isinstance(result, Ranking):
        figures.append(_tornado_figure(result))
    if isinstance(result, Comparison):
        figures.append(_network_figure(result.alternatives))
    return figures


def _bars(
    scenarios: Sequence[Scenario], rows: Sequence[Sequence[float]], text: Callable[[float], str]
) -> tuple[Series, ...]:
    """Make one series per scenario, of values that are in the unit of the chart already."""
    found = []
    for scenario, values in zip(scenarios, rows, strict=True):
        name = capitalise(scenario.role) or "Emissions"
        labels = tuple(text(value) for value in values)
        hovers = tuple(f"{name}: {label}" for label in labels)
        found.append(Series(scenario.role or "candidate", name, tuple(values), labels, hovers))
    return tuple(found)


def _legend(scenarios: Sequence[Scenario]) -> tuple[LegendItem, ...]:
    return tuple(
        LegendItem(s.role, f"{capitalise(s.role)}: {s.label}") for s in scenarios if s.role
    )


def _stage_figure(scenarios: Sequence[Scenario]) -> Figure | None:
    """Emissions by stage of the life cycle, if there is more than one."""
    order = [stage.value for stage in LifeCycle]
    parts = break_down(scenarios, lambda c: c.life_cycle.value, order)
    if len(parts.keys) < 2 or not any(any(groups.values()) for groups in parts.sums):
        return None
    names = [capitalise(LIFE_CYCLE_NAMES[LifeCycle(key)]) for key in parts.keys]
    rows = [
        [parts.scale.scaled(groups.get(key, 0.0)) for key in parts.keys] for groups in parts.sums
    ]
    table = breakdown_table(
        "Emissions by stage of the life cycle",
        "Stage",
        scenarios,
        parts,
        lambda key: (capitalise(LIFE_CYCLE_NAMES[LifeCycle(key)]),),
    )
    clauses = []
    for index, scenario in enumerate(scenarios):
        whose = f"{scenario.short} total" if scenario.short else "total"
        top = parts.top(index)
        if top:
            name = LIFE_CYCLE_NAMES[LifeCycle(top[0])]
            clauses.append(f"{name} is {percent(parts.share(index, top[0]))} of the {whose}")
    caption = (
        f"{capitalise('; '.join(clauses))}. A stage holds all kinds of work in it and the making "
        "of its devices: a phase of the same name (above) is another figure."
    )
    chart = GroupedChart(
        parts.scale.unit, tuple(names), _bars(scenarios, rows, lambda v: number(v, v / 10))
    )
    return Figure("life-cycle", "By stage", caption, chart, _legend(scenarios), table)


def _flow_figure(scenarios: Sequence[Scenario]) -> Figure | None:
    """From scenarios over stages of the life cycle to what emits, if there are stages."""
    flows: dict[tuple[str, str], float] = defaultdict(float)
    names: dict[str, str] = {}
    for scenario in scenarios:
        left = scenario.role or "candidate"
        names[left] = capitalise(scenario.short or scenario.label)
        for part in scenario.assessment.contributions:
            middle, right = f"life-cycle/{part.life_cycle.value}", part.stage.value
            names[middle] = capitalise(LIFE_CYCLE_NAMES[part.life_cycle])
            names[right] = capitalise(STAGE_NAMES[part.stage].partition(":")[0])
            flows[left, middle] += part.emissions_g.value
            flows[middle, right] += part.emissions_g.value
    flows = {ends: value for ends, value in flows.items() if value > 0}
    if len({end for end, _ in flows if end.startswith("life-cycle/")}) < 2:
        return None
    scale = Scale.of("emissions", flows.values())
    keys = list(dict.fromkeys(end for ends in flows for end in ends))
    number_of = {key: number for number, key in enumerate(keys)}
    texts = {ends: f"{scale.text(value, value / 10)} {scale.unit}" for ends, value in flows.items()}
    chart = FlowChart(
        scale.unit,
        tuple(names[key] for key in keys),
        tuple(keys),
        tuple(number_of[source] for source, _ in flows),
        tuple(number_of[target] for _, target in flows),
        tuple(scale.scaled(value) for value in flows.values()),
        tuple(f"{names[a]} to {names[b]}: {texts[a, b]}" for a, b in flows),
    )
    caption = f"{capitalise('; '.join(_widest(scenario, scale) for scenario in scenarios))}."
    if len(scenarios) > 1:
        caption += " Scenarios are alternatives: their flows are drawn beside each other."
    table = Table(
        "Flows",
        (Column("From"), Column("To"), Column("Emissions", scale.unit, numeric=True)),
        tuple(
            (Cell(names[a]), Cell(names[b]), Cell(scale.text(value, value / 10)))
            for (a, b), value in flows.items()
        ),
    )
    return Figure("flows", "Flows", caption, chart, (), table)


def _widest(scenario: Scenario, scale: Scale) -> str:
    """Name the stage and the kind of emissions that are the most of a scenario."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for part in scenario.assessment.contributions:
        kind = STAGE_NAMES[part.stage].partition(":")[0]
        sums[LIFE_CYCLE_NAMES[part.life_cycle], kind] += part.emissions_g.value
    (stage, kind), value = max(sums.items(), key=lambda item: item[1])
    noun = "plan" if is_plan(scenario.assessment) else "run"
    whose = f" of the {scenario.short} {noun}" if scenario.short else ""
    amount = f"{scale.text(value, value / 10)} {scale.unit}"
    return f"the widest flow{whose} is {kind} in {stage}: {amount}"


def _cost_figure(scenarios: Sequence[Scenario]) -> Figure | None:
    """Costs by what is paid for; None unless every scenario has them in one currency."""
    bills = [s.assessment.bill for s in scenarios if s.assessment.bill is not None]
    if len(bills) < len(scenarios) or len({bill.currency for bill in bills}) != 1:
        return None
    sums = [
        {kind: sum(c.cost.value for c in bill.costs if c.kind is kind) for kind in CostKind}
        for bill in bills
    ]
    kinds = [kind for kind in CostKind if any(one[kind] for one in sums)]
    if not kinds:
        return None
    names = [capitalise(COST_NAMES[kind]) for kind in kinds]
    currency = bills[0].currency.value
    columns = [Column("Paid for")]
    for scenario in scenarios:
        heading = f"{capitalise(scenario.role)}: cost" if scenario.role else "Cost"
        columns.append(Column(heading, currency, numeric=True))
    cells = [
        (Cell(name), *(Cell(number(one[kind], one[kind] / 100)) for one in sums))
        for name, kind in zip(names, kinds, strict=True)
    ]
    foot = (Cell("Total"), *(Cell(number(b.total.value, b.total.value / 100)) for b in bills))
    carbon = [bill.carbon for bill in bills if bill.carbon is not None]
    note = ""
    if carbon:
        prices = " and ".join(f"{number(c.value, c.width)} {currency}" for c in carbon)
        note = f"The price of the emissions is not in it: {prices}."
    table = Table("Costs", tuple(columns), tuple(cells), foot, note)
    rows = [[one[kind] for kind in kinds] for one in sums]
    totals = [
        f"{scenario.short or 'the run'} {cell.text} {currency}"
        for scenario, cell in zip(scenarios, foot[1:], strict=True)
    ]
    caption = "Cost: " + ", ".join(totals) + f", without a price of carbon. {note}".rstrip()
    chart = GroupedChart(
        currency, tuple(names), _bars(scenarios, rows, lambda v: number(v, v / 100))
    )
    return Figure("costs", "Costs", caption, chart, _legend(scenarios), table)


def _tornado_figure(result: Assessment | Comparison) -> Figure | None:
    """How far each term moves the total, or the difference."""
    effects = term_effects(result)
    if not effects:
        return None
    compared = isinstance(result, Comparison)
    centre_g = result.difference_g.value if isinstance(result, Comparison) else result.total_g.value
    what = "difference" if compared else "total"
    drawn = effects[:_TERMS_DRAWN]
    ends = [end for effect in drawn for end in (effect.at_low_g, effect.at_high_g)]
    scale = Scale.of("emissions", [centre_g, *ends])
    chart = RangeChart(
        unit=scale.unit,
        rows=tuple(shorten(term_label(effect.term), _LABEL) for effect in drawn),
        lows=tuple(scale.scaled(effect.at_low_g) for effect in drawn),
        highs=tuple(scale.scaled(effect.at_high_g) for effect in drawn),
        centre=scale.scaled(centre_g),
        centre_label=f"{what} as estimated",
        hovers=tuple(_effect_text(effect, scale) for effect in drawn),
    )
    top = drawn[0]
    caption = (
        f"The {what} hangs most on {term_label(top.term)}: with it at its bounds "
        f"{_effect_text(top, scale)}. All others stay as they are."
    )
    crossing = [e for e in drawn if (e.at_low_g < 0) != (e.at_high_g < 0)]
    if compared and crossing:
        caption += " Where a bar crosses 0, that term alone decides which emits less."
    columns = (
        Column("Term"),
        Column("Value", numeric=True),
        Column("95 % bounds", numeric=True),
        Column(f"{capitalise(what)} at the lower bound", scale.unit, numeric=True),
        Column("At the upper bound", scale.unit, numeric=True),
        Column("Share of the variance", numeric=True),
    )
    rows = [
        (
            Cell(term_label(effect.term), (effect.term.id, clean(effect.term.source.title))),
            Cell(_with_unit(effect.term)),
            Cell(f"{exact(effect.term.low)} to {exact(effect.term.high)}"),
            Cell(scale.text(effect.at_low_g, effect.width_g)),
            Cell(scale.text(effect.at_high_g, effect.width_g)),
            Cell(percent(effect.variance_share), share=effect.variance_share),
        )
        for effect in effects
    ]
    note = (
        "Each term alone at its 2.5th and 97.5th percentile; the shares are of the sum of the "
        "variances of all terms, each drawn alone."
    )
    table = Table(f"What the {what} hangs on", columns, tuple(rows), note=note)
    legend = (
        LegendItem("decrease", "term at its lower bound"),
        LegendItem("increase", "at its upper bound"),
    )
    return Figure("sensitivity", "Sensitivity", caption, chart, legend, table)


def _with_unit(term: Term) -> str:
    unit = "" if term.unit == "1" else f" {pretty_unit(term.unit)}"
    return f"{exact(term.value)}{unit}"


def _effect_text(effect: TermEffect, scale: Scale) -> str:
    low, high = (scale.text(end, effect.width_g) for end in (effect.at_low_g, effect.at_high_g))
    return f"it is {low} or {high} {scale.unit}"


def _network_figure(alternatives: Sequence[Alternative]) -> Figure | None:
    """Both scenarios under every network model."""
    if len(alternatives) < 2:
        return None
    values = [(a.baseline_g, a.candidate_g) for a in alternatives]
    scale = Scale.of("emissions", [v for pair in values for v in pair])
    names = [alternative.network_model.removeprefix("average/") for alternative in alternatives]
    series = tuple(
        Series(
            role,
            capitalise(role),
            tuple(scale.scaled(pair[index]) for pair in values),
            tuple(scale.text(pair[index], pair[index] / 10) for pair in values),
            tuple(f"{capitalise(role)}: {scale.text(pair[index])} {scale.unit}" for pair in values),
        )
        for index, role in enumerate(("baseline", "candidate"))
    )
    lower = sum(candidate < baseline for baseline, candidate in values)
    caption = (
        f"The candidate emits less under {lower} of {len(values)} network models; the first one is "
        "that of this result. They answer different questions and are never added."
    )
    columns = (
        Column("Network model"),
        Column("Baseline", scale.unit, numeric=True),
        Column("Candidate", scale.unit, numeric=True),
        Column("Difference", scale.unit, numeric=True),
    )
    rows = [
        (
            Cell(name, (measured_rule(alternative.network_model),)),
            Cell(scale.text(a, a / 100)),
            Cell(scale.text(b, b / 100)),
            Cell(signed(scale.text(b - a, abs(b - a) / 10))),
        )
        for name, alternative, (a, b) in zip(names, alternatives, values, strict=True)
    ]
    table = Table("Emissions by network model", columns, tuple(rows))
    chart = GroupedChart(scale.unit, tuple(shorten(name, _LABEL) for name in names), series)
    legend = (LegendItem("baseline", "baseline"), LegendItem("candidate", "candidate"))
    return Figure("networks", "Network models", caption, chart, legend, table)
