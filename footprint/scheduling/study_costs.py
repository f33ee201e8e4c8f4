"""A table of costs out of a study of training methods."""

from __future__ import annotations

from footprint.errors import UsageError
from footprint.model import MethodResult, MethodStudy, Metric
from footprint.model.method_costs import CostFigure, CostTable, Kind, MethodCost


def costs_of_study(study: MethodStudy, *, network: str, device: str) -> CostTable:
    """Take what each method costs beside the reference of a study.

    Ratios and losses are the means over its pairs of runs with one seed, with their 95 % confidence
    intervals. Its theoretical and projected columns are left out: they save nothing. In a
    study all clients train by one method, so what mixing several loses is not in it.

    Parameters
    ----------
    study : MethodStudy
        Its reference is plain training.
    network, device : str
        What was trained, and on what.

    Raises
    ------
    UsageError
        If a method lacks a figure or its bounds, as with one seed, or the reference is another
        method.
    """
    kind = Kind.MEASURED if study.measured else Kind.MODELLED_FROM_TIME
    first = study.method(study.reference)
    others = [one for one in study.methods if one is not first]
    return CostTable(
        network,
        device,
        "; ".join((*(f"{what}: {value}" for what, value in study.facts), _seeds(study))),
        f"study {study.name!r}, footprint {study.tool_version}".strip(),
        (MethodCost(first.method), *(_cost(one, kind) for one in others)),
    )


def _seeds(study: MethodStudy) -> str:
    return (
        f"{len(study.common_seeds)} seeds, all clients by one method; time and energy of reading "
        "the model, training and answering"
    )


def _cost(result: MethodResult, energy: Kind) -> MethodCost:
    value, low, high = _ends(result, Metric.LAST_ACCURACY)
    return MethodCost(
        result.method,
        _ratio(result, Metric.TRAINING_CPU_S, Kind.MEASURED),
        _ratio(result, Metric.TRAINING_KWH, energy),
        _ratio(result, Metric.UP_GB, Kind.MEASURED),
        _ratio(result, Metric.DOWN_GB, Kind.MEASURED),
        CostFigure(-100 * value, -100 * high, -100 * low),
    )


def _ratio(result: MethodResult, metric: Metric, kind: Kind) -> CostFigure:
    # A difference is told as a part of the reference's value.
    value, low, high = _ends(result, metric)
    return CostFigure(1 + value, 1 + low, 1 + high, kind)


def _ends(result: MethodResult, metric: Metric) -> tuple[float, float, float]:
    found = result.contrast(metric)
    if found is None or found.low is None or found.high is None:
        raise UsageError(
            f"The study has no {metric.value} of {result.name!r} with bounds.",
            "Run two seeds or more, each to its end.",
        )
    return found.mean, found.low, found.high
