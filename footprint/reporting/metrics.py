"""Metrics of policies as text: headings, one unit per column, digits that intervals support."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from footprint.model import (
    Contrast,
    Evaluation,
    Interval,
    MethodResult,
    Metric,
    PolicyResult,
    Spread,
)
from footprint.model.evaluations import TO_TARGET
from footprint.reporting.numbers import (
    NBSP,
    NOT_KNOWN,
    Scale,
    bounds,
    clean,
    number,
    plural,
    signed,
)
from footprint.reporting.shapes import Cell, Column, Table

_NAMES: dict[Metric, tuple[str, str]] = {
    Metric.ROUNDS: ("Rounds", "number"),
    Metric.ELAPSED_S: ("Wall-clock", "time"),
    Metric.ENERGY_KWH: ("Energy", "energy"),
    Metric.EMISSIONS_G: ("Emissions", "emissions"),
    Metric.SECOND_G: ("Emissions, second signal", "emissions"),
    Metric.COST: ("Cost", "money"),
    Metric.ACCEPTED_UNITS: ("Accepted work", "number"),
    Metric.G_PER_UNIT: ("Emissions per unit of accepted work", "emissions"),
    Metric.SECOND_G_PER_UNIT: ("The same, second signal", "emissions"),
    Metric.KWH_PER_UNIT: ("Energy per unit of accepted work", "energy"),
    Metric.ACCURACY: ("Accuracy in the end", "share"),
    Metric.BEST_ACCURACY: ("Best accuracy", "share"),
    Metric.LAST_ACCURACY: ("Accuracy of the last model", "share"),
    Metric.WHOLE_ACCURACY: ("The same with all weights", "share"),
    Metric.ACCURACY_AT_SHARED: ("Accuracy after equal emissions", "share"),
    Metric.ACCURACY_UP_TO_SHARED: ("Mean accuracy on the way there", "share"),
    Metric.ROUNDS_TO_TARGET: ("Rounds to the target", "number"),
    Metric.TIME_TO_TARGET_S: ("Time to the target", "time"),
    Metric.ENERGY_TO_TARGET_KWH: ("Energy to the target", "energy"),
    Metric.EMISSIONS_TO_TARGET_G: ("Emissions to the target", "emissions"),
    Metric.SECOND_TO_TARGET_G: ("The same, second signal", "emissions"),
    Metric.COST_TO_TARGET: ("Cost to the target", "money"),
    Metric.DATA_TO_TARGET_GB: ("Data to the target", "data"),
    Metric.COMPUTE_G: ("Computing", "emissions"),
    Metric.NETWORK_G: ("Network", "emissions"),
    Metric.EMBODIED_G: ("Hardware", "emissions"),
    Metric.UP_GB: ("Sent up", "data"),
    Metric.DOWN_GB: ("Sent down", "data"),
    Metric.DATA_GB: ("Sent both ways", "data"),
    Metric.CPU_S: ("Processor time", "time"),
    Metric.TRAINING_CPU_S: ("Processor time of clients", "time"),
    Metric.TRAINING_KWH: ("Energy of what clients compute", "energy"),
    Metric.TRAINING_MACS: ("Multiply-accumulates of training", "number"),
    Metric.UPDATE_MACS: ("Multiply-accumulates of updates", "number"),
    Metric.COMPARED: ("Entries compared by the choice", "number"),
    Metric.EVALUATION_MACS: ("Multiply-accumulates of evaluation", "number"),
    Metric.BUDGET_VIOLATION: ("Overspent", "share"),
    Metric.BUDGET_UNUSED: ("Left unused", "share"),
    Metric.OVERSPENT_IN_ROUND: ("Overspent in round", "number"),
    Metric.JAIN_ROUNDS: ("Jain index of rounds", "number"),
    Metric.JAIN_KWH: ("Jain index of energy", "number"),
    Metric.LEAST_SHARE: ("Rounds of the least asked client", "share"),
    Metric.RHO_H: ("Selection heterogeneity", "number"),
    Metric.WORST_DECILE_SHARE: ("Rounds of the lowest tenth", "share"),
    Metric.WORST_DECILE_ACCURACY: ("Accuracy of the worst tenth", "share"),
    Metric.WAIT_KWH: ("Waiting", "energy"),
    Metric.DISCARDED_KWH: ("Work that came to nothing", "energy"),
    Metric.DISCARDED_UNITS: ("The same", "number"),
    Metric.OVERHEAD_S: ("Computing the choices", "time"),
    Metric.OVERHEAD_KWH: ("The same", "energy"),
    Metric.GAP: ("Gap to the oracle", "number"),
}
"""Heading of each metric, and the kind of quantity that gives its unit."""
_MILLIONS = (
    Metric.TRAINING_MACS,
    Metric.UPDATE_MACS,
    Metric.COMPARED,
    Metric.EVALUATION_MACS,
)


def heading_of(metric: Metric) -> str:
    """Name a metric as the head of a column does."""
    return _NAMES[metric][0]


def metric_scale(metric: Metric, values: Iterable[float], currency: str = "") -> Scale:
    """Choose the unit of a metric that suits the largest of some values."""
    kind = _NAMES[metric][1]
    if kind in ("time", "energy", "emissions", "data"):
        return Scale.of(kind, values)
    if kind == "share":
        return Scale(0.01, "%", 2)
    if metric in _MILLIONS:
        return Scale(1e6, "million", 1)
    if metric in (Metric.ACCEPTED_UNITS, Metric.DISCARDED_UNITS):
        return Scale(1.0, "units", 1)
    return Scale(1.0, currency if kind == "money" else "", 4)


def spread_text(spread: Spread, scale: Scale) -> str:
    """Write a mean with its unit and interval: ``'1.8 kg CO₂e (95 %: 1.2–2.4)'``."""
    if spread.mean is None:
        return NOT_KNOWN
    width = _width(spread)
    text = f"{scale.text(spread.mean, width)}{NBSP}{scale.unit.replace(' ', NBSP)}".strip()
    ends = _ends(spread, scale)
    return f"{text} (95{NBSP}%: {ends})" if ends else text


def _width(spread: Spread) -> float | None:
    if spread.low is None or spread.high is None:
        return None
    return spread.high - spread.low


def _ends(spread: Spread, scale: Scale) -> str:
    if spread.mean is None or spread.low is None or spread.high is None:
        return ""
    return scale.range(Interval(spread.mean, spread.low, spread.high))


def spread_cell(spread: Spread | None, scale: Scale) -> Cell:
    """Write a mean over its interval; or why there is none."""
    if spread is None:
        return Cell(NOT_KNOWN)
    if spread.mean is not None:
        ends = _ends(spread, scale)
        return Cell(scale.text(spread.mean, _width(spread)), (ends,) if ends else ())
    if spread.metric not in TO_TARGET:
        return Cell(NOT_KNOWN, (f"{spread.known} of {plural(spread.seeds, 'seed')}",))
    missed = spread.seeds - spread.known
    lines = [f"in {missed} of {plural(spread.seeds, 'seed')}"]
    if spread.median is not None:
        lines.append(f"median {scale.text(spread.median, spread.median / 10)}")
    return Cell("not reached", tuple(lines))


def contrast_text(contrast: Contrast) -> str:
    """Write a difference with its sign and interval: ``'−23 % (−35 to −10 %)'``."""
    unit = "%" if contrast.relative else _plain_unit(contrast.metric)
    factor = 100.0 if contrast.relative or unit == "points" else 1.0
    low, high = contrast.low, contrast.high
    width = None if low is None or high is None else factor * (high - low)
    text = f"{signed(number(factor * contrast.mean, width))}{NBSP}{unit}".strip()
    if low is None or high is None or not width:
        return text
    ends = (signed(number(factor * end, width)) for end in (low, high))
    return f"{text} (95{NBSP}%: {bounds(*ends).replace('–', ' to ')})"


def contrast_cell(contrast: Contrast | None) -> Cell:
    """Write a difference over its interval."""
    if contrast is None:
        return Cell(NOT_KNOWN)
    text, _, ends = contrast_text(contrast).partition(f" (95{NBSP}%: ")
    return Cell(text, (ends.removesuffix(")"),) if ends else ())


def _plain_unit(metric: Metric) -> str:
    return "points" if _NAMES[metric][1] == "share" else ""


def is_clear(contrast: Contrast) -> bool:
    """Whether the interval of a difference leaves 0 out."""
    return (
        contrast.low is not None
        and contrast.high is not None
        and (contrast.low > 0 or contrast.high < 0)
    )


def metric_table(
    caption: str, result: Evaluation, metrics: Sequence[Metric], note: str = ""
) -> Table:
    """Make a table with a row per policy, and a column per metric that any of them has."""
    return spread_table(
        caption, result.policies, metrics, note, head="Policy", currency=result.world.currency
    )


def spread_table(
    caption: str,
    rivals: Sequence[PolicyResult] | Sequence[MethodResult],
    metrics: Sequence[Metric],
    note: str = "",
    *,
    head: str,
    currency: str = "",
) -> Table:
    """Make a table with a row per rival, and a column per metric that any of them has."""
    shown = [m for m in metrics if any(policy.spread(m) for policy in rivals)]
    scales = [metric_scale(m, _means(rivals, m), currency) for m in shown]
    columns = (
        Column(head),
        *(Column(heading_of(m), s.unit, numeric=True) for m, s in zip(shown, scales, strict=True)),
    )
    rows = [
        (
            Cell(clean(policy.name)),
            *(spread_cell(policy.spread(m), s) for m, s in zip(shown, scales, strict=True)),
        )
        for policy in rivals
    ]
    return Table(caption, columns, tuple(rows), note=note)


def _means(rivals: Sequence[PolicyResult] | Sequence[MethodResult], metric: Metric) -> list[float]:
    spreads = [policy.spread(metric) for policy in rivals]
    return [one.mean for one in spreads if one is not None and one.mean is not None]


def means_of(result: Evaluation, metric: Metric) -> list[float]:
    """List the means of a metric that are known."""
    return _means(result.policies, metric)
