"""Lines with bands over seeds, one per policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from footprint.model import Course, Evaluation, PolicyResult
from footprint.reporting.numbers import clean, shorten
from footprint.reporting.shapes import LegendItem, Line
from footprint.scheduling.curves import value_at
from footprint.scheduling.spreads import mean_interval

_POINTS = 60
_LABEL = 30


def short_name(policy: PolicyResult) -> str:
    """Name a policy as a chart can."""
    return shorten(policy.name, _LABEL)


def policy_legend(result: Evaluation, level: str = "") -> tuple[LegendItem, ...]:
    """Name the lines of all policies, and a flat one."""
    items = [LegendItem(f"line-{n}", clean(p.name)) for n, p in enumerate(result.policies)]
    return (*items, LegendItem("front", level)) if level else tuple(items)


Reading = Callable[[Course], tuple[Sequence[float], Sequence[float]]]
"""Horizontal and vertical values of a course."""


Band = Callable[[Sequence[float]], tuple[float, float | None, float | None]]
"""Mean of values, and the ends of the band around it."""


def seed_bands(
    result: Evaluation, read: Reading, say: Callable[[str, float], str], band: Band = mean_interval
) -> list[Line]:
    """Draw a line per policy: means over seeds, as far as all of them reach."""
    lines = []
    for place, policy in enumerate(result.policies):
        curves = [read(one.course) for one in result.compared(policy)]
        if not curves or not all(xs for xs, _ in curves):
            continue
        low, high = max(xs[0] for xs, _ in curves), min(xs[-1] for xs, _ in curves)
        if high <= low:
            continue
        places = [low + (high - low) * step / (_POINTS - 1) for step in range(_POINTS - 1)]
        points = [(x, [value_at(xs, ys, x) for xs, ys in curves]) for x in (*places, high)]
        known = [
            (x, band([y for y in found if y is not None]))
            for x, found in points
            if None not in found
        ]
        banded = len(curves) > 1
        lines.append(
            Line(
                f"line-{place}",
                short_name(policy),
                tuple(x for x, _ in known),
                tuple(mean for _, (mean, _, _) in known),
                tuple(say(short_name(policy), mean) for _, (mean, _, _) in known),
                tuple(one[1] or 0.0 for _, one in known) if banded else (),
                tuple(one[2] or 0.0 for _, one in known) if banded else (),
            )
        )
    return lines


def flat_line(lines: Sequence[Line], level: float, text: str) -> Line:
    """Draw a flat line across a chart."""
    xs = [x for line in lines for x in line.xs]
    return Line("front", text, (min(xs), max(xs)), (level, level), (text, text))


def all_courses(result: Evaluation) -> list[Course]:
    """List the courses of all runs."""
    return [one.course for policy in result.policies for one in policy.seeds]


def span_of(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean of values, and the lowest and the highest."""
    return sum(values) / len(values), min(values), max(values)
