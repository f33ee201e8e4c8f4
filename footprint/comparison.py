"""A candidate against a baseline, draw by draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace

import numpy as np

from footprint.errors import BoundaryMismatch, UsageError
from footprint.model import (
    Assessment,
    CategoryDifference,
    Comparison,
    Contribution,
    Difference,
    Finding,
    Interval,
    LifeCycle,
    Phase,
    Ranking,
    ResolvedBy,
    Stage,
)
from footprint.uncertainty import Sampler, interval

CATEGORIES = (*(phase.value for phase in Phase), Stage.EMBODIED.value)
LIFE_CYCLE = tuple(stage.value for stage in LifeCycle)


def compare(baseline: Assessment, candidate: Assessment) -> Comparison:
    """Compare two assessments of the same functional unit.

    Both are drawn again with the baseline's seed; a term that both use takes the
    same value in each draw, so what they share does not blur their difference.

    Parameters
    ----------
    baseline, candidate : Assessment

    Returns
    -------
    Comparison
        Differences in gCO2e, candidate minus baseline; the ratio is candidate
        over baseline.

    Raises
    ------
    BoundaryMismatch
        If the two differ in boundary, kind of intensity or functional unit.
    UsageError
        If the baseline emits nothing, so that no ratio exists.
    """
    _require_equal_boundaries(baseline, candidate)
    if baseline.total_g.value <= 0:
        raise UsageError(
            f"The baseline {baseline.run.name!r} emits nothing; nothing can be compared to it.",
            "Check that its journal has energy figures, a device and a zone.",
        )
    seed, draws = baseline.seed, min(baseline.draws, candidate.draws)
    samplers = [Sampler(a.terms, seed=seed, draws=draws) for a in (baseline, candidate)]
    base, other = (
        sampler.total(a.contributions)
        for sampler, a in zip(samplers, (baseline, candidate), strict=True)
    )
    difference = candidate.total_g.value - baseline.total_g.value
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        difference_g=interval(difference, other - base),
        ratio=interval(candidate.total_g.value / baseline.total_g.value, other / base),
        # Without draws the central values alone say which one is lower.
        candidate_lower=float(np.mean(other < base) if draws else difference < 0),
        categories=tuple(
            _differences(baseline, candidate, samplers, CATEGORIES, lambda c: c.category)
        ),
        findings=tuple(_findings(baseline, candidate)),
        seed=seed,
        draws=draws,
        stages=tuple(
            _differences(baseline, candidate, samplers, LIFE_CYCLE, lambda c: c.life_cycle.value)
        ),
        cost_difference=_cost_difference(baseline, candidate, samplers),
    )


def rank(scenarios: Sequence[Assessment]) -> Ranking:
    """Compare several scenarios of the same functional unit with the first of them.

    Parameters
    ----------
    scenarios : sequence of Assessment
        The baseline first.

    Returns
    -------
    Ranking
        In the order of `scenarios`.

    Raises
    ------
    BoundaryMismatch, UsageError
        As in `compare`; or if there are fewer than two.
    """
    if len(scenarios) < 2:
        raise UsageError(
            f"{len(scenarios)} scenario, and nothing to compare it with.", "Give two or more."
        )
    seed, draws = scenarios[0].seed, min(one.draws for one in scenarios)
    baseline = replace(scenarios[0], draws=draws)
    compared = [compare(baseline, other) for other in scenarios[1:]]
    totals = np.array(
        [Sampler(a.terms, seed=seed, draws=draws).total(a.contributions) for a in scenarios]
    )
    # Without draws the central values alone say which one is lowest.
    drawn = totals if draws else np.array([[a.total_g.value] for a in scenarios])
    shares = (drawn == drawn.min(axis=0)).mean(axis=1)
    return Ranking(
        scenarios=tuple(scenarios),
        differences=tuple(
            Difference(one.difference_g, one.ratio, one.candidate_lower, one.cost_difference)
            for one in compared
        ),
        lowest=tuple(shares.tolist()),
        findings=tuple(
            replace(finding, message=f"Scenario {place} against the first: {finding.message}")
            for place, one in enumerate(compared, start=2)
            for finding in one.findings
        ),
        seed=seed,
        draws=draws,
    )


def _require_equal_boundaries(baseline: Assessment, candidate: Assessment) -> None:
    pairs = [
        (f.name, getattr(baseline.boundary, f.name), getattr(candidate.boundary, f.name))
        for f in fields(baseline.boundary)
    ]
    pairs.append(("functional_unit", baseline.run.functional_unit, candidate.run.functional_unit))
    different = [
        f"{name.replace('_', ' ')}: {_shown(one)!r} against {_shown(other)!r}"
        for name, one, other in pairs
        if one != other
    ]
    if different:
        raise BoundaryMismatch(
            f"{baseline.run.name!r} and {candidate.run.name!r} do not measure the same thing: "
            + "; ".join(different)
            + ".",
            "Estimate both again with the same settings and the same functional unit.",
        )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _cost_difference(
    baseline: Assessment, candidate: Assessment, samplers: list[Sampler]
) -> Interval | None:
    """Candidate minus baseline; None without two bills in one currency."""
    bills = baseline.bill, candidate.bill
    if bills[0] is None or bills[1] is None or bills[0].currency is not bills[1].currency:
        return None
    base, other = (
        sampler.sum((cost.terms, cost.cost.value) for cost in bill.costs)
        for sampler, bill in zip(samplers, bills, strict=True)
        if bill is not None
    )
    return interval(bills[1].total.value - bills[0].total.value, other - base)


def _differences(
    baseline: Assessment,
    candidate: Assessment,
    samplers: list[Sampler],
    categories: Iterable[str],
    key: Callable[[Contribution], str],
) -> Iterable[CategoryDifference]:
    for category in categories:
        base, other = (
            [c for c in a.contributions if key(c) == category] for a in (baseline, candidate)
        )
        if not base and not other:
            continue
        base_g, other_g = _sum(base), _sum(other)
        difference = samplers[1].total(other) - samplers[0].total(base)
        yield CategoryDifference(category, base_g, other_g, interval(other_g - base_g, difference))


def _sum(contributions: Iterable[Contribution]) -> float:
    return math.fsum(c.emissions_g.value for c in contributions)


def _findings(baseline: Assessment, candidate: Assessment) -> Iterable[Finding]:
    if baseline.catalogue_digest != candidate.catalogue_digest:
        yield Finding(
            "catalogue-differs",
            f"The two were estimated with different factors: {baseline.catalogue_version} "
            f"({baseline.catalogue_digest[:12]}) and {candidate.catalogue_version} "
            f"({candidate.catalogue_digest[:12]}).",
            remedy="Estimate both with the same catalogue; part of the difference may be its.",
        )
    declared = {t.id: t.value for t in baseline.terms if t.resolved_by is ResolvedBy.DECLARED}
    for term in candidate.terms:
        if term.id in declared and declared[term.id] != term.value:
            yield Finding(
                "choice-differs",
                f"{term.id} is {declared[term.id]:g} in the baseline and {term.value:g} "
                "in the candidate.",
                remedy="Part of the difference is that choice.",
            )
    if baseline.seed != candidate.seed:
        yield Finding(
            "seed-differs",
            f"The two were estimated with different seeds; {baseline.seed} is used for both here.",
        )
    if not baseline.run.functional_unit:
        yield Finding(
            "functional-unit-missing",
            "Neither run says what it delivers; the totals are compared as they are.",
            remedy="Give the tracker a functional_unit, such as 'model with 90 % test accuracy'.",
        )
