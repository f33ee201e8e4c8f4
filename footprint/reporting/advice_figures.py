"""Charts of a plan of advice: the savings with their intervals, and what lies where."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Advice, AdvicePlan, AssetKind, CompanyState, Interval, StateLine
from footprint.reporting.advice_words import (
    say_change,
    say_horizon,
    say_part,
    say_robustness,
    under,
)
from footprint.reporting.numbers import (
    NBSP,
    NOT_KNOWN,
    Scale,
    clean,
    percent,
    plural,
    share_of,
    shorten,
)
from footprint.reporting.shapes import (
    Cell,
    Column,
    Figure,
    IntervalChart,
    LegendItem,
    Series,
    StackedChart,
    Table,
)
from footprint.reporting.state_tables import is_known, silo_table, sum_g, sum_gb
from footprint.reporting.wording import capitalise, category_name

_ROWS_DRAWN = 20
_SILOS_DRAWN = 12
_LABEL = 20


def savings_figure(plan: AdvicePlan, ranked: Sequence[Advice]) -> Figure | None:
    """Show what each change saves, with its interval; None if nothing is to be changed."""
    changes = [(place, one) for place, one in enumerate(ranked, start=1) if one.changes]
    drawn = changes[:_ROWS_DRAWN]
    if not drawn:
        return None
    scale = Scale.of("emissions", [one.saving_g.value for _, one in drawn])
    chart = IntervalChart(
        unit=scale.unit,
        rows=tuple(f"{place}. {shorten(one.subject, _LABEL)}" for place, one in drawn),
        intervals=tuple(_scaled(one.saving_g, scale) for _, one in drawn),
        hovers=tuple(
            f"{clean(one.subject)}: {say_change(one)}: {scale.quantity(one.saving_g)}. "
            f"{say_robustness(plan, one)}"
            for _, one in drawn
        ),
    )
    top = max((one for _, one in drawn), key=lambda one: one.saving_g.value)
    verb = "saves" if top.saving_g.value >= 0 else "changes"
    caption = (
        f"The largest: “{clean(top.subject)}” {verb} {scale.quantity(top.saving_g)} over "
        f"{say_horizon(plan.horizon_s)}. Bars are 90 % intervals, marks the central values; left "
        "of 0 more is emitted."
    )
    if any(one.part_of for _, one in drawn):
        caption += " What is part of another decision stands below it, and is not added to it."
    hidden = len(changes) - len(drawn)
    if hidden:
        caption += f" {plural(hidden, 'smaller change')} below."
    columns = (
        Column("Change"),
        Column("Saving", scale.unit, numeric=True),
        Column("90 % interval", scale.unit, numeric=True),
    )
    rows = tuple(
        (
            Cell(f"{place}. {clean(one.subject)}", (say_change(one), *under(say_part(plan, one)))),
            Cell(scale.text(one.saving_g.value, one.saving_g.width)),
            Cell(scale.range(one.saving_g) or NOT_KNOWN),
        )
        for place, one in drawn
    )
    table = Table("Savings of emissions", columns, rows)
    return Figure("savings", "Savings", caption, chart, (), table)


def places_figure(plan: AdvicePlan, state: CompanyState) -> Figure | None:
    """Show what each silo holds by what it emits; None if there is nothing."""
    silos = {name: [one for one in state.lines if one.silo == name] for name in state.silos}
    ranked = sorted(silos, key=lambda name: (-sum_g(silos[name]), name))
    if not state.lines:
        return None
    drawn = ranked[:_SILOS_DRAWN]
    scale = Scale.of("emissions", [sum_g(silos[name]) for name in drawn])
    titles = tuple(
        f"{shorten(name, _LABEL)}: {_emits(silos[name], scale)}, {_holds(silos[name])}"
        for name in drawn
    )
    keys = [
        key
        for key in ("storage", "embodied", "inference")
        if any(sum_g(lines, key) for lines in silos.values())
    ]
    series = tuple(_layer(key, [silos[name] for name in drawn], scale) for key in keys)
    totals = tuple(
        Interval(value, value, value)
        for value in (scale.scaled(sum_g(silos[name])) for name in drawn)
    )
    first = ranked[0]
    share = percent(share_of(sum_g(silos[first]), state.emissions_g.value))
    caption = (
        f"{clean(first)} causes {share} of what keeping datasets and running applications emits "
        f"over {say_horizon(plan.horizon_s)}, as far as it is known."
    )
    if len(ranked) > len(drawn):
        caption += f" {plural(len(ranked) - len(drawn), 'smaller silo')} in the table."
    legend = tuple(LegendItem(key, _name(key)) for key in keys)
    chart = StackedChart(scale.unit, titles, totals, series)
    table = silo_table(state, [(name, silos[name]) for name in ranked])
    return Figure("places", "What lies where", caption, chart, legend, table)


def _name(key: str) -> str:
    if key == "embodied":
        return "Making of the media"
    return "Applications" if key == "inference" else capitalise(category_name(key))


def _amount(value: float, scale: Scale) -> str:
    return f"{scale.text(value)}{NBSP}{scale.unit.replace(' ', NBSP)}"


def _emits(lines: Sequence[StateLine], scale: Scale) -> str:
    return _amount(sum_g(lines), scale) if is_known(lines) else "emissions not known"


def _holds(lines: Sequence[StateLine]) -> str:
    """Say how much a silo has."""
    datasets = sum(one.kind is AssetKind.DATASET for one in lines)
    size = Scale.of("data", [sum_gb(lines)])
    parts = [f"{size.text(sum_gb(lines))}{NBSP}{size.unit}"] if datasets else []
    if len(lines) > datasets:
        parts.append(plural(len(lines) - datasets, "application"))
    return ", ".join(parts) or "nothing"


def _layer(key: str, silos: Sequence[Sequence[StateLine]], scale: Scale) -> Series:
    values = [sum_g(lines, key) for lines in silos]
    whole = [sum_g(lines) for lines in silos]
    return Series(
        key,
        _name(key),
        tuple(map(scale.scaled, values)),
        tuple(
            f"{_name(key)} {percent(share_of(value, total))}" if value else ""
            for value, total in zip(values, whole, strict=True)
        ),
        tuple(f"{_name(key)}: {_amount(value, scale)}" for value in values),
    )


def _scaled(found: Interval, scale: Scale) -> Interval:
    return Interval(*(scale.scaled(end) for end in (found.value, found.low, found.high)))
