"""What a study of methods says in words: its headline, and what stands beneath."""

from __future__ import annotations

from collections.abc import Sequence

from footprint.model import MethodResult, MethodStudy, Metric
from footprint.model.evaluations import MORE_IS_BETTER, TO_TARGET
from footprint.reporting.metrics import (
    contrast_text,
    is_clear,
    metric_scale,
    spread_text,
)
from footprint.reporting.numbers import clean, percent, plural
from footprint.reporting.rivalry import difference_text
from footprint.reporting.study_figures import energy_kind
from footprint.reporting.study_savings import savings_of
from footprint.reporting.wording import capitalise


def ranked_methods(result: MethodStudy) -> list[MethodResult]:
    """List the methods that have a mean of what decides, the best first."""
    sign = -1 if result.deciding in MORE_IS_BETTER else 1
    known = [
        (one, mean) for one in result.methods if (mean := one.mean(result.deciding)) is not None
    ]
    return [one for one, _ in sorted(known, key=lambda pair: sign * pair[1])]


def study_verdict(result: MethodStudy) -> str:
    """Say which method does best, by what, and how sure that is."""
    order = ranked_methods(result)
    cut = "interrupted; " if any(f.code == "interrupted" for f in result.findings) else ""
    if not order:
        missing = "no method has a result that can be compared"
        if result.deciding in TO_TARGET:
            missing = (
                f"no method reaches an accuracy of {percent(result.target or 0.0)} with every seed"
            )
        return capitalise(f"{cut}{missing}.")
    best = order[0]
    spread = best.spread(result.deciding)
    assert spread is not None
    scale = metric_scale(result.deciding, [one.mean(result.deciding) or 0.0 for one in order])
    lead, verb = "after the same rounds", "is at an accuracy of"
    if result.deciding in TO_TARGET:
        lead, verb = f"to an accuracy of {percent(result.target or 0.0)}", "emits"
    elif result.target is not None:
        lead = f"no method reaches an accuracy of {percent(result.target)}; {lead}"
    named = f"{clean(best.name)}{', the reference,' if best.name == result.reference else ''}"
    return capitalise(
        f"{cut}{lead}, {named} {verb} {spread_text(spread, scale)}"
        f"{_beside(result, order)}, over {plural(spread.seeds, 'seed')} "
        "(factors at central values)."
    )


def _beside(result: MethodStudy, order: Sequence[MethodResult]) -> str:
    """Hold the best method against the reference; the reference against the next."""
    if order[0].name == result.reference and len(order) == 1:
        return ", the only one with a result"
    rival = order[order[0].name == result.reference]
    contrast = rival.contrast(result.deciding)
    if contrast is not None and contrast.mean == contrast.low == contrast.high == 0:
        return f", as {clean(result.reference if rival is order[0] else rival.name)} does"
    if rival is order[0]:
        if contrast is None:
            return f"; {clean(result.reference)} has no such result with every seed"
        if contrast.low is None:
            return ""
        if not is_clear(contrast):
            return f", not clearly apart from {clean(result.reference)}: {contrast_text(contrast)}"
        return f", {difference_text(contrast)} than {clean(result.reference)}"
    if contrast is None or contrast.low is None:
        return f"; {clean(rival.name)} comes next"
    if not is_clear(contrast):
        return f"; {clean(rival.name)}, the next, is not clearly apart: {contrast_text(contrast)}"
    return f"; {clean(rival.name)}, the next, has {difference_text(contrast)}"


def study_remarks(result: MethodStudy) -> tuple[str, ...]:
    """Say where emissions arise, what theory promised and what came of it, and what failed."""
    remarks = [_part_remark(result)]
    if any(finding.code == "machine-busy" for finding in result.findings):
        # Beneath the headline: hardware and idle power are charged by time.
        remarks.insert(0, "Others used the machine meanwhile: what is charged by time is too high.")
    for one in result.methods:
        savings = savings_of(result, one)
        if one.method.label and savings is not None and savings.theoretical_flops:
            kind = energy_kind(result)
            took = "" if savings.measured is None else f"; {kind}, {_took(savings.measured)}"
            remarks.append(
                f"{clean(one.name)} ({one.method.label}): in theory training takes "
                f"{percent(savings.theoretical_flops)} less work{took}."
            )
    refused = {one.name: sum(run.refused for run in one.seeds) for one in result.methods}
    remarks += [
        f"{count} answers by {clean(name)} had diverged and do not count."
        for name, count in refused.items()
        if count
    ]
    return tuple(filter(None, remarks))


def _took(saving: float) -> str:
    if saving < 0:
        return f"clients took {percent(-saving)} more energy ({_REALISED_NONE})"
    return f"clients took {percent(saving)} less energy"


_REALISED_NONE = "dense kernels multiply zeros, too"


def _part_remark(result: MethodStudy) -> str:
    reference = result.method(result.reference)
    total = reference.mean(Metric.EMISSIONS_G)
    if not total:
        return ""
    shares = [
        f"{what} {'unknown' if part is None else percent(part / total)}"
        for what, part in (
            ("computing", reference.mean(Metric.COMPUTE_G)),
            ("network", reference.mean(Metric.NETWORK_G)),
            ("hardware", reference.mean(Metric.EMBODIED_G)),
        )
    ]
    return (
        f"Of what {clean(result.reference)} emits: {', '.join(shares)}. Energy is "
        f"{energy_kind(result)}{_tier_text(result)}."
    )


def _tier_text(result: MethodStudy) -> str:
    tiers = sorted({tier for one in result.methods for run in one.seeds for tier in run.tiers})
    return f" (tier {', '.join(tiers)})" if tiers else ""
