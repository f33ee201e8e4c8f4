"""Figures of an evaluation: which policy does best, how it gets there, and at whose cost."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Course, Evaluation, Interval, Metric, Spread
from footprint.model.evaluations import MORE_IS_BETTER
from footprint.reporting.bands import (
    all_courses,
    flat_line,
    policy_legend,
    seed_bands,
    short_name,
)
from footprint.reporting.metrics import (
    contrast_text,
    heading_of,
    means_of,
    metric_scale,
    metric_table,
    spread_cell,
    spread_text,
)
from footprint.reporting.numbers import NOT_KNOWN, Scale, clean, number, percent
from footprint.reporting.rival_costs import budget_figure, fairness_figure, signal_figure
from footprint.reporting.rivalry import (
    ranked,
)
from footprint.reporting.shapes import (
    Cell,
    Column,
    Figure,
    IntervalChart,
    LineChart,
    Table,
)
from footprint.reporting.wording import capitalise


def evaluation_figures(result: Evaluation) -> tuple[Figure, ...]:
    """Draw what an evaluation knows."""
    figures = (
        _ranking_figure(result),
        _course_figure(result),
        fairness_figure(result),
        budget_figure(result),
        signal_figure(result),
    )
    return tuple(figure for figure in figures if figure is not None)


# --- who does best -----------------------------------------------------------


def _ranking_figure(result: Evaluation) -> Figure | None:
    """Show what decides, with its intervals, the best policy first."""
    metric = result.deciding
    order = ranked(result) + [p for p in result.policies if p.name == result.oracle]
    spreads = [spread for p in order if (spread := p.spread(metric)) and spread.mean is not None]
    if not spreads:
        return None
    scale = metric_scale(metric, means_of(result, metric), result.world.currency)
    shown = [_scaled(one, scale) for one in spreads]
    names = [short_name(policy) for policy in order]
    chart = IntervalChart(
        scale.unit,
        tuple(names),
        tuple(shown),
        tuple(
            f"{name}: {spread_text(one, scale)}" for name, one in zip(names, spreads, strict=True)
        ),
    )
    best = "Highest" if metric in MORE_IS_BETTER else "Lowest"
    missing = len(result.policies) - len(order)
    caption = (
        f"{best}: {names[0]}. Marks are means over seeds, bars their 95 % confidence intervals."
    )
    if missing:
        caption += f" {missing} of {len(result.policies)} policies have no mean and no bar."
    return Figure("ranking", heading_of(metric), caption, chart, (), _ranking_table(result, scale))


def _scaled(spread: Spread, scale: Scale) -> Interval:
    mean = spread.mean or 0.0
    low, high = (mean if end is None else end for end in (spread.low, spread.high))
    return Interval(scale.scaled(mean), scale.scaled(low), scale.scaled(high))


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
            text, pairs = contrast_text(contrast), f"{contrast.pairs}"
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


def _course_figure(result: Evaluation) -> Figure | None:
    """Show accuracy, or accepted work, over emissions; over time if nobody emits anything."""
    courses = all_courses(result)
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
    lines = seed_bands(result, read, lambda name, y: f"{name}: {number(y, y / 50)}{unit}")
    if not lines:
        return None
    what = "accuracy" if learned else "accepted work"
    marks: tuple[tuple[float, str], ...] = ()
    if emitted and learned and result.shared_g is not None:
        marks = ((across.scaled(result.shared_g[1]), "all spent this"),)
    caption = f"Means of {what} over seeds, with the 95 % confidence interval of the mean as a band"
    caption += ", as far as all seeds of a policy reach."
    level = ""
    if learned and result.target is not None:
        level = f"target of {percent(result.target)}"
        lines.append(flat_line(lines, 100 * result.target, level))
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
    legend = policy_legend(result, level)
    return Figure("course", f"{capitalise(what)} over {over}", caption, chart, legend, table)
