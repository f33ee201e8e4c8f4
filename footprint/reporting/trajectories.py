"""Figures of what grows: along time, along a quantity, along the rounds of a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from footprint.model import BreakEven, Comparison, Interval, LearningCurve, Trajectory
from footprint.pareto import Choice, option_label, pareto_front, records
from footprint.reporting.numbers import (
    NOT_KNOWN,
    Scale,
    bounds,
    clean,
    number,
    percent,
    plural,
    pretty_unit,
    shorten,
)
from footprint.reporting.shapes import (
    Cell,
    Column,
    Figure,
    LegendItem,
    Line,
    LineChart,
    Scenario,
    Table,
)
from footprint.reporting.wording import BREAK_EVEN_NAMES, capitalise
from footprint.units import display_unit

_LABEL = 60
_CURVE_POINTS = 200
_MOST_CURVES = 12
_ROWS = 25
_RARE = 0.05
_LINES = {"baseline": "line-7", "candidate": "line-2"}
"""Keys of the lines of the two: a colour and a dash that read on white and on black."""


def trajectory_figures(result: Comparison, scenarios: Sequence[Scenario]) -> list[Figure | None]:
    """Draw what a comparison knows along time, quantities and rounds; None for what it lacks."""
    found = {one.quantity: one for one in result.trajectories}
    return [
        _time_figure(result, found.get("time"), scenarios),
        _break_even_figure(result, found, scenarios),
        _learning_figure(result.curves),
    ]


# --- over time ---------------------------------------------------------------


def _time_figure(
    result: Comparison, course: Trajectory | None, scenarios: Sequence[Scenario]
) -> Figure | None:
    """Say when emissions arise, and from when on which scenario has emitted less."""
    if course is None or not any(one.value for one in (*course.baseline, *course.candidate)):
        return None
    scale = _scale(course)
    first, last = course.at[0], course.at[-1]
    begins = [side[0].value for side in (course.baseline, course.candidate)]
    ends = [side[-1].value for side in (course.baseline, course.candidate)]
    crossings = _crossings(course)
    names = [scenario.short for scenario in scenarios]
    leads = names[ends[1] < ends[0]]
    if not crossings:
        when = "at any time"
    elif crossings[-1] < (last - first) / 100:
        when = "almost from the beginning on"
    else:
        when = f"from month {number(crossings[-1], (last - first) / 20)} on"
    lower = result.candidate_lower if ends[1] < ends[0] else 1 - result.candidate_lower
    caption = f"{capitalise(when)}, the {leads} training has emitted less in all"
    if result.draws:
        caption += f"; in the end it has so in {percent(lower)} of the draws"
    caption += "."
    if ends[0] == ends[1]:
        caption = "Both emit the same in the end."
    at_once = [
        f"{percent(begin / end)} of the {name} emissions"
        for name, begin, end in zip(names, begins, ends, strict=True)
        if end > 0
    ]
    caption += f" {capitalise(' and '.join(at_once))} arise at the very beginning."
    if result.draws:
        caption += " The bands span 90 % of the draws."
    marks = tuple((at, "as much as the other") for at in crossings[-1:])
    chart = LineChart(
        "months since the beginning", f"emitted so far, {scale.unit}", _sides(course, scale), marks
    )
    table = _trajectory_table("Emitted so far", "Month", course, scale)
    return Figure("time", "Over time", caption, chart, _legend(scenarios), table)


def _scale(course: Trajectory) -> Scale:
    return Scale.of(
        "emissions", [one.value for side in (course.baseline, course.candidate) for one in side]
    )


def _crossings(course: Trajectory) -> list[float]:
    """Find where the central lines cross, between the points that are there."""
    gaps = [b.value - a.value for a, b in zip(course.baseline, course.candidate, strict=True)]
    found = []
    for (x0, g0), (x1, g1) in zip(
        zip(course.at, gaps, strict=True), zip(course.at[1:], gaps[1:], strict=True), strict=False
    ):
        if g0 * g1 < 0:
            found.append(x0 + (x1 - x0) * g0 / (g0 - g1))
    return found


def _sides(course: Trajectory, scale: Scale) -> tuple[Line, ...]:
    def line(role: str, side: Sequence[Interval]) -> Line:
        return Line(
            _LINES[role],
            capitalise(role),
            course.at,
            tuple(scale.scaled(one.value) for one in side),
            tuple(f"{capitalise(role)}: {scale.quantity(one)}" for one in side),
            tuple(scale.scaled(one.low) for one in side),
            tuple(scale.scaled(one.high) for one in side),
        )

    return line("baseline", course.baseline), line("candidate", course.candidate)


def _legend(scenarios: Sequence[Scenario]) -> tuple[LegendItem, ...]:
    return tuple(LegendItem(_LINES[s.role], f"{capitalise(s.role)}: {s.label}") for s in scenarios)


def _trajectory_table(caption: str, heading: str, course: Trajectory, scale: Scale) -> Table:
    columns = (
        Column(heading, numeric=True),
        Column("Baseline", scale.unit, numeric=True),
        Column("90 % interval", scale.unit, numeric=True),
        Column("Candidate", scale.unit, numeric=True),
        Column("90 % interval", scale.unit, numeric=True),
    )
    step = (course.at[-1] - course.at[0]) / len(course.at)
    rows = [
        (
            Cell(number(at, step)),
            *(
                cell
                for one in pair
                for cell in (
                    Cell(scale.text(one.value, one.width)),
                    Cell(scale.range(one) or NOT_KNOWN),
                )
            ),
        )
        for at, *pair in _thinned(course)
    ]
    note = "" if len(rows) == len(course.at) else "The chart has more points, before each step."
    return Table(caption, columns, tuple(rows), note=note)


def _thinned(course: Trajectory) -> list[tuple[float, Interval, Interval]]:
    """Take some of the points; of a time that stands twice, what is there after its step."""
    points = {
        at: (at, a, b)
        for at, a, b in zip(course.at, course.baseline, course.candidate, strict=True)
    }
    kept = list(points.values())
    step = math.ceil(len(kept) / _ROWS)
    return kept if step == 1 else [*kept[:-1:step], kept[-1]]


# --- break-even --------------------------------------------------------------


def _break_even_figure(
    result: Comparison, courses: dict[str, Trajectory], scenarios: Sequence[Scenario]
) -> Figure | None:
    """Draw both scenarios along the quantity whose break-even is nearest."""
    drawn = [one for one in result.break_evens if one.quantity in courses and one.present > 0]
    if not drawn:
        return None
    # The nearest one, of those that most draws have.
    likely = [one for one in drawn if one.exists >= 0.5 and one.value is not None]
    # A grid intensity is nothing that a plan sets, as the others are.
    likely = [one for one in likely if one.quantity != "candidate_intensity"] or likely
    nearest = min(likely or drawn, key=_distance)
    course = courses[nearest.quantity]
    scale = _scale(course)
    name, what = _quantity(nearest.quantity)
    marks = [(nearest.present, "as planned")]
    planned = f"planned are {_amount(nearest.present, nearest.unit)}"
    if nearest.value is None:
        caption = f"No {name} makes both emit the same; {planned}."
    else:
        if course.at[0] <= nearest.value <= course.at[-1]:
            marks.append((nearest.value, "both emit the same"))
        ends = _ends(nearest)
        within = f" (90 % of those that exist: {ends})" if ends else ""
        of = f" {what}" if nearest.unit == "round" else f" of {name}, {what}"
        caption = (
            f"Both emit the same at {_amount(nearest.value, nearest.unit)}{within}{of}; {planned}."
        )
    if result.draws:
        caption += f" There is such a point in {percent(nearest.exists)} of the draws."
    caption += " All else stays equal; the table has the other break-evens."
    chart = LineChart(
        f"{capitalise(name)} [{pretty_unit(nearest.unit)}]",
        scale.unit,
        _sides(course, scale),
        tuple(sorted(marks)),
    )
    columns = (
        Column("Quantity"),
        Column("Planned", numeric=True),
        Column("Break-even", numeric=True),
        Column("90 % of those that exist", numeric=True),
        Column("Exists, of draws", numeric=True),
    )
    rows = [_break_even_row(one) for one in result.break_evens]
    table = Table("Where both emit the same, all else equal", columns, tuple(rows))
    return Figure("break-even", "Break-even", caption, chart, _legend(scenarios), table)


def _quantity(quantity: str) -> tuple[str, str]:
    """Name a quantity, and a word on it; one of a later release goes by its own name."""
    return BREAK_EVEN_NAMES.get(quantity, (clean(quantity).replace("_", " "), ""))


def _distance(one: BreakEven) -> float:
    """How many times a quantity must grow or shrink, on a logarithmic scale [1]."""
    return math.inf if not one.value else abs(math.log(one.value / one.present))


def _ends(one: BreakEven) -> str:
    # Of a handful of draws no interval can be told.
    if one.low is None or one.high is None or one.exists < _RARE:
        return ""
    return bounds(number(one.low, one.low / 10), number(one.high, one.high / 10))


def _amount(value: float, unit: str) -> str:
    plural_s = "s" * (unit in ("month", "round") and value != 1)
    return f"{number(value, value / 100)} {pretty_unit(unit)}{plural_s}"


def _break_even_row(one: BreakEven) -> tuple[Cell, ...]:
    name, what = _quantity(one.quantity)
    value = NOT_KNOWN if one.value is None else _amount(one.value, one.unit)
    return (
        Cell(capitalise(name), (what,)),
        Cell(_amount(one.present, one.unit)),
        Cell(value),
        Cell(_ends(one) or NOT_KNOWN),
        Cell(percent(one.exists)),
    )


# --- accuracy ----------------------------------------------------------------


def _learning_figure(curves: Sequence[LearningCurve]) -> Figure | None:
    """Draw what each option reaches over what it emits, and which choices nothing beats."""
    if not curves:
        return None
    scale = Scale.of("emissions", [curve.emissions_g[-1] for curve in curves])
    front = pareto_front(records(curves))
    reached = [curve.option for curve in sorted(curves, key=lambda one: -max(one.accuracy))]
    drawn = [one for one in curves if one.option in reached[:_MOST_CURVES]]
    best = max(front, key=lambda one: one.accuracy)
    lines = [_curve(number_, curve, scale) for number_, curve in enumerate(drawn)]
    lines.append(
        Line(
            "front",
            "Nothing beats these",
            tuple(scale.scaled(one.emissions_g) for one in front),
            tuple(100 * one.accuracy for one in front),
            tuple(_choice_text(one, scale) for one in front),
            marked=True,
        )
    )
    kept = dict.fromkeys(one.option for one in front)
    caption = (
        f"Of {plural(len(curves), 'option')}, {len(kept)} hold choices that no other beats in "
        f"accuracy, emissions and time together; the most accurate is {_choice_text(best, scale)}."
    )
    if len(drawn) < len(curves):
        caption += f" Drawn are the {len(drawn)} that reach most."
    legend = tuple(
        LegendItem(f"line-{place}", _option(curve.option)) for place, curve in enumerate(curves)
    )
    chart = LineChart(
        f"emissions of the federated plan, all its stages, {scale.unit}",
        "accuracy, %",
        tuple(lines),
        from_zero=False,
        logarithmic=_spans_decades(drawn),
    )
    return Figure(
        "learning",
        "Accuracy and emissions",
        caption,
        chart,
        (*legend, LegendItem("front", "choices that nothing beats")),
        _front_table(front, scale),
    )


def _spans_decades(curves: Sequence[LearningCurve]) -> bool:
    least = min(curve.emissions_g[0] for curve in curves)
    return least > 0 and max(curve.emissions_g[-1] for curve in curves) > 10 * least


def _curve(place: int, curve: LearningCurve, scale: Scale) -> Line:
    """One option, in no more points than can be seen."""
    rounds = len(curve.accuracy)
    step = max(1, math.ceil(rounds / _CURVE_POINTS))
    shown = [*range(0, rounds - 1, step), rounds - 1]
    found = [
        Choice(
            curve.option,
            index + 1,
            curve.accuracy[index],
            curve.emissions_g[index],
            curve.duration_s[index],
        )
        for index in shown
    ]
    return Line(
        f"line-{place}",
        _option(curve.option),
        tuple(scale.scaled(one.emissions_g) for one in found),
        tuple(100 * one.accuracy for one in found),
        tuple(_choice_text(one, scale) for one in found),
    )


def _option(option: str) -> str:
    return shorten(option_label(option), _LABEL)


def _choice_text(one: Choice, scale: Scale) -> str:
    emitted = f"{scale.text(one.emissions_g, one.emissions_g / 10)} {scale.unit}"
    return (
        f"{_option(one.option)}, {plural(one.rounds, 'round')}: accuracy "
        f"{number(100 * one.accuracy, 1)} %, {emitted}"
    )


def _front_table(front: Sequence[Choice], scale: Scale) -> Table:
    divisor, unit = display_unit("time", max(one.duration_s for one in front))
    text: Callable[[float], str] = lambda value: number(value, value / 10)  # noqa: E731
    columns = (
        Column("Option"),
        Column("Rounds", numeric=True),
        Column("Accuracy", "%", numeric=True),
        Column("Emissions", scale.unit, numeric=True),
        Column("Wall-clock", unit, numeric=True),
    )
    rows = [
        (
            Cell(_option(one.option)),
            Cell(f"{one.rounds:,}"),
            Cell(number(100 * one.accuracy, 1)),
            Cell(scale.text(one.emissions_g, one.emissions_g / 100)),
            Cell(text(one.duration_s / divisor)),
        )
        for one in front
    ]
    note = "An option stopped after a round stands here if no other is better in all three."
    return Table("Choices that nothing beats", columns, tuple(rows), note=note)
