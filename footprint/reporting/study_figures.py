"""Figures of a study: accuracy against energy, bytes and emissions, and by round."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import Interval, MethodResult, MethodStudy, Metric, Spread
from footprint.reporting.bands import span_of
from footprint.reporting.metrics import metric_scale, spread_table, spread_text
from footprint.reporting.numbers import NBSP, Scale, clean, number, percent, shorten
from footprint.reporting.shapes import (
    Figure,
    LegendItem,
    Line,
    LineChart,
    Point,
    PointChart,
    Table,
)
from footprint.reporting.wording import capitalise

_LABEL = 26
_INTERVALS = "These are filled. Marks are means over seeds, bars their 95 % confidence intervals."


def study_figures(result: MethodStudy) -> tuple[Figure, ...]:
    """Draw what a study knows."""
    figures = (
        _against(
            result, Metric.TRAINING_KWH, "energy", f"energy of clients ({energy_kind(result)})"
        ),
        _against(result, Metric.DATA_GB, "bytes", "data sent, both ways"),
        _against(result, Metric.EMISSIONS_G, "emissions", "emissions of the whole run"),
        _curves(result),
    )
    return tuple(figure for figure in figures if figure is not None)


def energy_kind(result: MethodStudy) -> str:
    """Name the kind of its figures of energy."""
    return "measured" if result.measured else "modelled from time"


def method_names(result: MethodStudy) -> list[str]:
    """Names of the methods, with what must stand beside them."""
    return [
        f"{clean(one.name)} ({one.method.label})" if one.method.label else clean(one.name)
        for one in result.methods
    ]


# --- accuracy against what it took -------------------------------------------


def _against(result: MethodStudy, metric: Metric, key: str, what: str) -> Figure | None:
    """Draw one point per method that has both means."""
    drawn = [
        (place, one, across, up)
        for place, one in enumerate(result.methods)
        if (across := one.spread(metric)) is not None
        and (up := one.spread(Metric.ACCURACY)) is not None
        and across.mean is not None
        and up.mean is not None
    ]
    if not drawn:
        return None
    scale = metric_scale(metric, [across.mean or 0.0 for _, _, across, _ in drawn])
    share = metric_scale(Metric.ACCURACY, [])
    best = _unbeaten([(across.mean or 0.0, up.mean or 0.0) for _, _, across, up in drawn])
    points = tuple(
        Point(
            f"line-{place}",
            shorten(one.name, _LABEL),
            _scaled(across, scale),
            _scaled(up, share),
            f"{shorten(one.name, _LABEL)}: accuracy {spread_text(up, share)}, "
            f"{spread_text(across, scale)}",
            number_ in best,
        )
        for number_, (place, one, across, up) in enumerate(drawn)
    )
    kept = ", ".join(clean(drawn[place][1].name) for place in sorted(best))
    caption = f"After the same rounds, by their means, no other method beats: {kept}. {_INTERVALS}"
    chart = PointChart(f"{what}, {scale.unit}", "accuracy in the end, %", points)
    return Figure(
        f"accuracy-{key}",
        f"Accuracy and {key}",
        caption,
        chart,
        _legend(result),
        _table(result, metric),
    )


def _unbeaten(points: Sequence[tuple[float, float]]) -> set[int]:
    """Places of points that no other reaches with as little, and with one of the two better."""

    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one[0] <= other[0] and one[1] >= other[1] and one != other

    return {
        place
        for place, point in enumerate(points)
        if not any(beats(other, point) for other in points)
    }


def _scaled(spread: Spread, scale: Scale) -> Interval:
    mean = spread.mean or 0.0
    low, high = (mean if end is None else end for end in (spread.low, spread.high))
    return Interval(scale.scaled(mean), scale.scaled(low), scale.scaled(high))


def _legend(result: MethodStudy, level: str = "") -> tuple[LegendItem, ...]:
    names = method_names(result)
    items = [LegendItem(f"line-{place}", name) for place, name in enumerate(names)]
    return (*items, LegendItem("front", level)) if level else tuple(items)


def _table(result: MethodStudy, metric: Metric) -> Table:
    metrics = (Metric.ACCURACY, Metric.BEST_ACCURACY, metric)
    return spread_table("After the same rounds", result.methods, metrics, head="Method")


# --- by round ----------------------------------------------------------------


def _curves(result: MethodStudy) -> Figure | None:
    lines = [line for place, one in enumerate(result.methods) for line in _line(result, place, one)]
    if not lines:
        return None
    level = ""
    if result.target is not None:
        level = f"target of {percent(result.target)}"
        ends = [x for line in lines for x in line.xs]
        at = 100 * result.target
        lines.append(Line("front", level, (min(ends), max(ends)), (at, at), (level, level)))
    caption = (
        "Means of accuracy over seeds; the bands span all seeds. A model that was trained sparsely "
        "is evaluated as sparsely."
    )
    chart = LineChart("round", "accuracy, %", tuple(lines), from_zero=False, counted=True)
    metrics = (
        Metric.ACCURACY,
        Metric.BEST_ACCURACY,
        Metric.LAST_ACCURACY,
        Metric.WHOLE_ACCURACY,
        Metric.ROUNDS_TO_TARGET,
    )
    table = spread_table("On the way, and in the end", result.methods, metrics, head="Method")
    return Figure(
        "curves", capitalise("accuracy by round"), caption, chart, _legend(result, level), table
    )


def _line(result: MethodStudy, place: int, one: MethodResult) -> list[Line]:
    courses = [run.course for run in result.compared(one)]
    if not courses:
        return []
    name = shorten(one.name, _LABEL)
    columns = zip(*(course.accuracy for course in courses), strict=True)
    bands = [span_of([100 * value for value in column]) for column in columns]
    rounds = courses[0].round
    banded = len(courses) > 1
    return [
        Line(
            f"line-{place}",
            name,
            tuple(map(float, rounds)),
            tuple(mean for mean, _, _ in bands),
            tuple(
                f"{name}, round {at}: {number(mean, 1)}{NBSP}%"
                for at, (mean, _, _) in zip(rounds, bands, strict=True)
            ),
            tuple(low or 0.0 for _, low, _ in bands) if banded else (),
            tuple(high or 0.0 for _, _, high in bands) if banded else (),
        )
    ]
