"""Figures of an evaluation: which policy does best, how it gets there, and at whose cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from footprint.model import Course, Evaluation, Interval, Metric, PolicyResult
from footprint.model.evaluations import MORE_IS_BETTER, TO_TARGET
from footprint.reporting.metrics import (
    contrast_text,
    heading_of,
    means_of,
    metric_scale,
    metric_table,
    spread_cell,
    spread_text,
)
from footprint.reporting.numbers import NOT_KNOWN, Scale, clean, number, percent, shorten
from footprint.reporting.rivalry import (
    budget_text,
    difference_text,
    ranked,
    signal_metrics,
    signal_names,
)
from footprint.reporting.shapes import (
    Cell,
    Column,
    Figure,
    GroupedChart,
    IntervalChart,
    LegendItem,
    Line,
    LineChart,
    Series,
    Table,
)
from footprint.reporting.wording import capitalise
from footprint.scheduling.curves import value_at
from footprint.scheduling.spreads import mean_interval

_POINTS = 60
_LABEL = 30
FAIRNESS = (
    Metric.JAIN_ROUNDS,
    Metric.JAIN_KWH,
    Metric.LEAST_SHARE,
    Metric.WORST_DECILE_SHARE,
    Metric.WORST_DECILE_ACCURACY,
    Metric.RHO_H,
)


def evaluation_figures(result: Evaluation) -> tuple[Figure, ...]:
    """Draw what an evaluation knows."""
    figures = (
        _ranking_figure(result),
        _course_figure(result),
        _fairness_figure(result),
        _budget_figure(result),
        _signal_figure(result),
    )
    return tuple(figure for figure in figures if figure is not None)


def _name(policy: PolicyResult) -> str:
    return shorten(policy.name, _LABEL)


def _legend(result: Evaluation) -> tuple[LegendItem, ...]:
    return tuple(LegendItem(f"line-{n}", clean(p.name)) for n, p in enumerate(result.policies))


# --- who does best -----------------------------------------------------------


def _ranking_figure(result: Evaluation) -> Figure | None:
    """Show what decides, with its intervals, the best policy first."""
    metric = result.deciding
    order = ranked(result) + [p for p in result.policies if p.name == result.oracle]
    spreads = [spread for p in order if (spread := p.spread(metric)) and spread.mean is not None]
    if not spreads:
        return None
    scale = metric_scale(metric, means_of(result, metric), result.world.currency)
    shown = [
        Interval(
            scale.scaled(one.mean or 0.0),
            scale.scaled(one.mean if one.low is None else one.low) if one.mean else 0.0,
            scale.scaled(one.mean if one.high is None else one.high) if one.mean else 0.0,
        )
        for one in spreads
    ]
    names = [_name(policy) for policy in order]
    chart = IntervalChart(
        scale.unit,
        tuple(names),
        tuple(shown),
        tuple(
            f"{name}: {spread_text(one, scale)}" for name, one in zip(names, spreads, strict=True)
        ),
    )
    least = "most" if metric in MORE_IS_BETTER else "least"
    missing = len(result.policies) - len(order)
    caption = (
        f"{capitalise(names[0])} has {least}. Marks are means over seeds, bars their 95 % "
        "confidence intervals."
    )
    if missing:
        caption += f" {missing} of {len(result.policies)} policies have no mean and no bar."
    return Figure("ranking", heading_of(metric), caption, chart, (), _ranking_table(result, scale))


def _ranking_table(result: Evaluation, scale: Scale) -> Table:
    columns = (
        Column("Policy"),
        Column(heading_of(result.deciding), scale.unit, numeric=True),
        Column(f"Against {clean(result.baseline)}, seed by seed"),
        Column("Pairs", numeric=True),
    )
    rows = []
    for policy in result.policies:
        contrast = policy.contrast(result.deciding)
        text, pairs = NOT_KNOWN, NOT_KNOWN
        if policy.name == result.baseline:
            text = "baseline"
        elif contrast is not None:
            text, pairs = contrast_text(contrast), f"{contrast.pairs} of {contrast.seeds}"
        role = ("knows the future",) if policy.name == result.oracle else ()
        rows.append(
            (
                Cell(clean(policy.name), role),
                spread_cell(policy.spread(result.deciding), scale),
                Cell(text),
                Cell(pairs),
            )
        )
    return Table("Means over seeds, and differences of pairs with one seed", columns, tuple(rows))


# --- on the way --------------------------------------------------------------

Reading = Callable[[Course], tuple[Sequence[float], Sequence[float]]]
"""Horizontal and vertical values of a course."""


def _bands(result: Evaluation, read: Reading, say: Callable[[str, float], str]) -> list[Line]:
    """Draw a line per policy: means over seeds, as far as all of them reach."""
    lines = []
    for place, policy in enumerate(result.policies):
        curves = [read(one.course) for one in policy.seeds]
        if not curves or not all(xs for xs, _ in curves):
            continue
        low, high = max(xs[0] for xs, _ in curves), min(xs[-1] for xs, _ in curves)
        if high <= low:
            continue
        places = [low + (high - low) * step / (_POINTS - 1) for step in range(_POINTS - 1)]
        points = [(x, [value_at(xs, ys, x) for xs, ys in curves]) for x in (*places, high)]
        known = [
            (x, mean_interval([y for y in found if y is not None]))
            for x, found in points
            if None not in found
        ]
        banded = len(curves) > 1
        lines.append(
            Line(
                f"line-{place}",
                _name(policy),
                tuple(x for x, _ in known),
                tuple(mean for _, (mean, _, _) in known),
                tuple(say(_name(policy), mean) for _, (mean, _, _) in known),
                tuple(one[1] or 0.0 for _, one in known) if banded else (),
                tuple(one[2] or 0.0 for _, one in known) if banded else (),
            )
        )
    return lines


def _level(lines: Sequence[Line], level: float, text: str) -> Line:
    """Draw a flat line across a chart."""
    xs = [x for line in lines for x in line.xs]
    return Line("front", text, (min(xs), max(xs)), (level, level), (text, text))


def _courses(result: Evaluation) -> list[Course]:
    return [one.course for policy in result.policies for one in policy.seeds]


def _course_figure(result: Evaluation) -> Figure | None:
    """Show accuracy, or accepted work, over emissions; over time if nobody emits anything."""
    courses = _courses(result)
    learned = any(course.accuracy for course in courses)
    emitted = all(course.emissions_g and course.emissions_g[-1] > 0 for course in courses)
    if emitted:
        across = Scale.of("emissions", [course.emissions_g[-1] for course in courses])
        x_title = f"emitted so far, {across.unit}"
    else:
        across = Scale.of("time", [course.time_s[-1] for course in courses if course.time_s])
        x_title = f"since the start, {across.unit}"

    def read(course: Course) -> tuple[Sequence[float], Sequence[float]]:
        xs = course.emissions_g if emitted else course.time_s
        ys = course.accuracy if learned else course.units
        factor = 100.0 if learned else 1.0
        pairs = [
            (across.scaled(x), factor * y) for x, y in zip(xs, ys, strict=True) if y is not None
        ]
        return [x for x, _ in pairs], [y for _, y in pairs]

    unit = " %" if learned else " units"
    lines = _bands(result, read, lambda name, y: f"{name}: {number(y, y / 50)}{unit}")
    if not lines:
        return None
    what = "accuracy" if learned else "accepted work"
    marks: tuple[tuple[float, str], ...] = ()
    if emitted and learned and result.shared_g is not None:
        marks = ((across.scaled(result.shared_g[1]), "all spent this"),)
    caption = f"Means of {what} over seeds, with the 95 % confidence interval of the mean as a band"
    caption += ", as far as all seeds of a policy reach."
    if learned and result.target is not None:
        lines.append(_level(lines, 100 * result.target, f"target: {percent(result.target)}"))
        caption += f" The flat line is the target of {percent(result.target)}."
    if not emitted:
        caption += " Nobody emits anything, or nobody knows: so it is drawn over time."
    chart = LineChart(x_title, f"{what},{unit}", tuple(lines), marks, from_zero=False)
    metrics = (
        Metric.ACCURACY_AT_SHARED,
        Metric.ACCURACY_UP_TO_SHARED,
        Metric.ACCURACY,
        Metric.BEST_ACCURACY,
        Metric.ACCEPTED_UNITS,
        Metric.EMISSIONS_G,
    )
    table = metric_table("On the way, and in the end", result, metrics)
    over = "emissions" if emitted else "time"
    return Figure(
        "course", f"{capitalise(what)} over {over}", caption, chart, _legend(result), table
    )


# --- at whose cost -----------------------------------------------------------


def _fairness_figure(result: Evaluation) -> Figure | None:
    """Show how evenly clients took part, as Lorenz curves."""
    lines = []
    for place, policy in enumerate(result.policies):
        curves = [one.lorenz for one in policy.seeds if one.lorenz]
        if not curves or len(curves) < len(policy.seeds):
            continue
        steps = len(curves[0]) - 1
        means = [100 * sum(column) / len(column) for column in zip(*curves, strict=True)]
        name = _name(policy)
        lines.append(
            Line(
                f"line-{place}",
                name,
                tuple(100 * step / steps for step in range(steps + 1)),
                tuple(means),
                tuple(
                    f"{name}: the {round(100 * step / steps)} % who took part least gave "
                    f"{number(mean, 1)} % of the updates"
                    for step, mean in enumerate(means)
                ),
            )
        )
    if not lines:
        return None
    even = Line("front", "all alike", (0.0, 100.0), (0.0, 100.0), ("all alike", "all alike"))
    chart = LineChart(
        "clients, those who took part least first, %", "their updates, %", (*lines, even)
    )
    caption = (
        "Share of all accepted updates that came from the clients who took part least, on average "
        "over seeds. On the straight line all give the same; the lower a curve, the fewer do the "
        "work."
    )
    table = metric_table("How evenly clients took part", result, FAIRNESS, _FAIRNESS_NOTE)
    return Figure("participation", "Participation", caption, chart, _legend(result), table)


_FAIRNESS_NOTE = (
    "A Jain index of 1 is even. Heterogeneity has no mean where a client never took part: it is "
    "infinite then. Intervals do not know that a share ends at 100 %."
)


def _budget_figure(result: Evaluation) -> Figure | None:
    """Show how the first budget was spent over time."""
    courses = _courses(result)
    if not result.world.budgets or not all(course.spent for course in courses):
        return None
    total = result.world.budgets[0].total
    across = Scale.of("time", [course.time_s[-1] for course in courses])

    def read(course: Course) -> tuple[Sequence[float], Sequence[float]]:
        xs = [across.scaled(x) for x in course.time_s]
        return xs, [100 * spent / total for spent in course.spent]

    lines = _bands(result, read, lambda name, y: f"{name}: {number(y, 1)} % spent")
    if not lines:
        return None
    lines.append(_level(lines, 100.0, "the whole budget"))
    chart = LineChart(f"since the start, {across.unit}", "spent of the budget, %", tuple(lines))
    mode = result.world.budgets[0].mode
    caption = (
        f"Spent of the budget of {budget_text(result)} ({mode}), at the ends of rounds: means over "
        "seeds with their 95 % confidence intervals, as far as all seeds reach."
    )
    metrics = (
        Metric.BUDGET_UNUSED,
        Metric.BUDGET_VIOLATION,
        Metric.OVERSPENT_IN_ROUND,
        Metric.ELAPSED_S,
        Metric.ROUNDS,
    )
    table = metric_table("How the budget was kept", result, metrics)
    return Figure("budget", "Budget", caption, chart, _legend(result), table)


# --- under another signal ----------------------------------------------------


def _signal_figure(result: Evaluation) -> Figure | None:
    """Show differences to the baseline under both kinds of intensity."""
    second = result.world.second_signal
    if second is None:
        return None
    pair = signal_metrics(result)
    names = signal_names(result.world.signal, second)
    rivals = [p for p in result.policies if all(p.contrast(metric) is not None for metric in pair)]
    if not rivals:
        return None
    series = [
        _signal_series(rivals, metric, key, f"{capitalise(name)} intensity")
        for metric, key, name in zip(pair, ("baseline", "candidate"), names, strict=True)
    ]
    baseline = clean(result.baseline)
    to = "to reach the target" if pair[0] in TO_TARGET else "per unit of accepted work"
    chart = GroupedChart(
        f"emissions against {baseline}, %", tuple(_name(p) for p in rivals), tuple(series)
    )
    first = rivals[0]
    said = [
        f"{difference_text(contrast)} by {name} intensity"
        for metric, name in zip(pair, names, strict=True)
        if (contrast := first.contrast(metric)) is not None
    ]
    caption = (
        f"Emissions {to}, against those of {baseline}, for the same runs under two kinds of "
        f"intensity: {clean(first.name)} has {' and '.join(said)}. Policies saw the first kind "
        "alone."
    )
    legend = tuple(LegendItem(one.key, one.name) for one in series)
    columns = (
        Column("Policy"),
        *(Column(f"{capitalise(name)} intensity, against {baseline}") for name in names),
    )
    rows = [
        (Cell(clean(p.name)), *(Cell(contrast_text(c)) for m in pair if (c := p.contrast(m))))
        for p in rivals
    ]
    note = (
        "Shares of what the baseline emits under the same signal, seed by seed. Marginal intensity "
        "cannot be checked against what was measured, and serves no inventory."
    )
    table = Table("The same runs under two kinds of intensity", columns, tuple(rows), note=note)
    return Figure("signals", "Under another signal", caption, chart, legend, table)


def _signal_series(rivals: Sequence[PolicyResult], metric: Metric, key: str, name: str) -> Series:
    found = [contrast for p in rivals if (contrast := p.contrast(metric)) is not None]
    return Series(
        key,
        name,
        tuple(100 * one.mean for one in found),
        tuple(contrast_text(one).partition(" (")[0] for one in found),
        tuple(
            f"{_name(p)}, {name}: {contrast_text(one)}"
            for p, one in zip(rivals, found, strict=True)
        ),
    )
