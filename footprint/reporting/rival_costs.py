"""Figures of an evaluation: how evenly clients took part, what was spent, other signals."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Course, Evaluation, Metric, PolicyResult
from footprint.model.evaluations import TO_TARGET
from footprint.reporting.bands import (
    all_courses,
    flat_line,
    policy_legend,
    seed_bands,
    short_name,
    span_of,
)
from footprint.reporting.metrics import (
    contrast_text,
    metric_table,
)
from footprint.reporting.numbers import Scale, clean, number
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
    LegendItem,
    Line,
    LineChart,
    Series,
    Table,
)
from footprint.reporting.wording import capitalise

FAIRNESS = (
    Metric.JAIN_ROUNDS,
    Metric.JAIN_KWH,
    Metric.LEAST_SHARE,
    Metric.WORST_DECILE_SHARE,
    Metric.WORST_DECILE_ACCURACY,
    Metric.RHO_H,
)


def fairness_figure(result: Evaluation) -> Figure | None:
    """Show how evenly clients took part, as Lorenz curves."""
    lines = []
    for place, policy in enumerate(result.policies):
        runs = result.compared(policy)
        curves = [one.lorenz for one in runs if one.lorenz]
        if not curves or len(curves) < len(runs):
            continue
        steps = len(curves[0]) - 1
        means = [100 * sum(column) / len(column) for column in zip(*curves, strict=True)]
        name = short_name(policy)
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
    return Figure(
        "participation", "Participation", caption, chart, policy_legend(result, "all alike"), table
    )


_FAIRNESS_NOTE = (
    "A Jain index of 1 is even. Heterogeneity has no mean where a client never took part: it is "
    "infinite then. Intervals do not know that a share ends at 100 %."
)


def budget_figure(result: Evaluation) -> Figure | None:
    """Show how the first budget was spent over time."""
    courses = all_courses(result)
    if not result.world.budgets or not all(course.spent for course in courses):
        return None
    total = result.world.budgets[0].total
    across = Scale.of("time", [course.time_s[-1] for course in courses])

    def read(course: Course) -> tuple[Sequence[float], Sequence[float]]:
        xs = [across.scaled(x) for x in course.time_s]
        return xs, [100 * spent / total for spent in course.spent]

    lines = seed_bands(result, read, lambda name, y: f"{name}: {number(y, 1)} % spent", span_of)
    if not lines:
        return None
    lines.append(flat_line(lines, 100.0, "the whole budget"))
    chart = LineChart(f"since the start, {across.unit}", "spent of the budget, %", tuple(lines))
    mode = result.world.budgets[0].mode
    caption = (
        f"Spent of the budget of {budget_text(result)} ({mode}), at the ends of rounds: means over "
        "seeds, with bands from the lowest to the highest seed, as far as all seeds reach."
    )
    metrics = (
        Metric.BUDGET_UNUSED,
        Metric.BUDGET_VIOLATION,
        Metric.OVERSPENT_IN_ROUND,
        Metric.ELAPSED_S,
        Metric.ROUNDS,
    )
    table = metric_table("How the budget was kept", result, metrics)
    legend = policy_legend(result, "the whole budget")
    return Figure("budget", "Budget", caption, chart, legend, table)


# --- under another signal ----------------------------------------------------


def signal_figure(result: Evaluation) -> Figure | None:
    """Show differences to the baseline under both kinds of intensity."""
    second = result.world.second_signal
    if second is None:
        return None
    pair = signal_metrics(result)
    names = signal_names(result.world.signal, second)
    order = [*ranked(result), *result.policies]
    rivals = list(
        {p.name: p for p in order if all(p.contrast(m) is not None for m in pair)}.values()
    )
    if not rivals:
        return None
    series = [
        _signal_series(rivals, metric, key, f"{capitalise(name)} intensity")
        for metric, key, name in zip(pair, ("baseline", "candidate"), names, strict=True)
    ]
    baseline = clean(result.baseline)
    to = "to reach the target" if pair[0] in TO_TARGET else "per unit of accepted work"
    chart = GroupedChart(
        f"emissions against {baseline}, %", tuple(short_name(p) for p in rivals), tuple(series)
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
            f"{short_name(p)}, {name}: {contrast_text(one)}"
            for p, one in zip(rivals, found, strict=True)
        ),
    )
