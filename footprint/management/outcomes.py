"""What became of an advice that was approved: measured against promised.

A saving is what was, less what is: both estimated by the one path, drawn with the seed of the
plan, factors shared. Where something is missing there is no measured saving, and a finding says
what would make one; nothing is scaled unless a person says so. Our rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from footprint.model import (
    Advice,
    AdvicePlan,
    Assessment,
    Currency,
    DecisionKind,
    Finding,
    Interval,
    Severity,
)
from footprint.model.factors import STRICT
from footprint.uncertainty import Draws, Sampler, interval

BY_CATALOGUES = frozenset({DecisionKind.DATASET, DecisionKind.APPLICATION})
"""Kinds whose outcome two catalogues show; that of all others is in runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Something that an outcome rests on.

    Attributes
    ----------
    what : str
        ``"run"``, ``"catalogue"``, or ``"word"`` of a person.
    name : str
        Of the run or the silo; what the person said.
    side : str
        ``"before"`` or ``"after"``.
    start_s, stop_s : float or None
        From its first activity to its last; of a scan, both are its time (Unix time [s]).
    sha256 : str
        Of a catalogue.
    change : int or None
        Of the ledger, by which a run came to be what was measured.
    """

    what: str
    name: str
    side: str
    start_s: float | None = None
    stop_s: float | None = None
    sha256: str = ""
    change: int | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """One estimate of what was, or of what is, and how often it counts."""

    name: str
    assessment: Assessment
    weight: float = 1.0

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredOutcome:
    """Promised and measured saving of one advice, side by side.

    Attributes
    ----------
    advice, company : str
    kind : DecisionKind
    current, recommended : str
        Names of its options.
    promised_g : Interval
        As the plan says it, over `horizon_s` [gCO2e].
    promised_kwh : float or None
    promised_cost : Interval or None
    horizon_s : float
    planned_before_g, planned_after_g : Interval
        Of both options, in the plan [gCO2e].
    before, after : tuple of Portion
        What was, and what is; the measured saving is their difference.
    before_g, after_g : Interval or None
        Their sums [gCO2e]; None if there is no measured saving.
    measured_g : Interval or None
        None if something is missing, or if it cannot be compared; see `findings`.
    measured_kwh : float or None
    measured_cost : Interval or None
        In `currency`; None without prices on both sides.
    covered : float or None
        Share of what was promised that was looked at [1].
    scaled : bool
        Whether what was looked at stands for all, because a person said so.
    inside : bool or None
        Whether the measured saving lies inside the promised interval; None if the two
        are not about the same amount.
    evidence : tuple of Evidence
    findings : tuple of Finding
        Those of severity ``error`` say why there is no measured saving.
    seed, draws : int
    """

    advice: str
    company: str
    kind: DecisionKind
    current: str
    recommended: str
    promised_g: Interval
    promised_kwh: float | None
    promised_cost: Interval | None
    horizon_s: float
    planned_before_g: Interval
    planned_after_g: Interval
    before: tuple[Portion, ...]
    after: tuple[Portion, ...]
    before_g: Interval | None
    after_g: Interval | None
    measured_g: Interval | None
    measured_kwh: float | None
    measured_cost: Interval | None
    currency: Currency | None
    covered: float | None
    scaled: bool
    inside: bool | None
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    seed: int
    draws: int

    __pydantic_config__ = STRICT


def conclude(
    plan: AdvicePlan,
    advice: Advice,
    before: Sequence[Portion],
    after: Sequence[Portion],
    findings: Iterable[Finding],
    **facts: Any,
) -> MeasuredOutcome:
    """Put promised and measured side by side.

    Parameters
    ----------
    plan : AdvicePlan
    advice : Advice
    before, after : sequence of Portion
        About the same amount of work or time.
    findings : iterable of Finding
        With one of severity ``error`` there is no measured saving.
    **facts
        ``covered``, ``scaled`` and ``evidence``.
    """
    found = tuple(dict.fromkeys(findings))
    known = not any(one.severity is Severity.ERROR for one in found)
    sums = [_sum(plan, side) for side in (before, after)]
    saved = _saving(*sums) if known else None
    covered = facts["covered"]
    is_whole = covered is not None and (facts["scaled"] or math.isclose(covered, 1, rel_tol=1e-9))
    promised = advice.saving_g
    return MeasuredOutcome(
        advice=advice.id,
        company=plan.company,
        kind=advice.kind,
        current=advice.current,
        recommended=advice.recommended,
        promised_g=promised,
        promised_kwh=advice.saving_kwh,
        promised_cost=advice.saving_cost,
        horizon_s=plan.horizon_s,
        planned_before_g=advice.option(advice.current).assessment.total_g,
        planned_after_g=advice.option(advice.recommended).assessment.total_g,
        before=tuple(before),
        after=tuple(after),
        before_g=interval(*sums[0]) if known else None,
        after_g=interval(*sums[1]) if known else None,
        measured_g=saved,
        measured_kwh=_saving_kwh(before, after) if known else None,
        measured_cost=_saving_cost(plan, advice, before, after) if known else None,
        currency=advice.currency,
        inside=promised.low <= saved.value <= promised.high if saved and is_whole else None,
        findings=found,
        seed=plan.seed,
        draws=plan.draws,
        **facts,
    )


Drawn = tuple[float, Draws]
"""A central value, and its draws."""


def _sum(plan: AdvicePlan, side: Sequence[Portion]) -> Drawn:
    value, draws = 0.0, _nothing(plan)
    for one in side:
        value += one.weight * one.assessment.total_g.value
        draws = draws + one.weight * _sampler(plan, one).total(one.assessment.contributions)
    return value, draws


def _saving(before: Drawn, after: Drawn) -> Interval:
    return interval(before[0] - after[0], before[1] - after[1])


def _nothing(plan: AdvicePlan) -> Any:
    return Sampler((), seed=plan.seed, draws=plan.draws).sum(())


def _sampler(plan: AdvicePlan, one: Portion) -> Sampler:
    return Sampler(one.assessment.terms, seed=plan.seed, draws=plan.draws)


def _saving_kwh(before: Sequence[Portion], after: Sequence[Portion]) -> float | None:
    energies = [
        (sign * one.weight, one.assessment.energy_kwh)
        for sign, side in ((1, before), (-1, after))
        for one in side
        if one.assessment.contributions
    ]
    if any(energy is None for _, energy in energies):
        return None
    return math.fsum(weight * (energy or 0.0) for weight, energy in energies)


def _saving_cost(
    plan: AdvicePlan, advice: Advice, before: Sequence[Portion], after: Sequence[Portion]
) -> Interval | None:
    value, draws = 0.0, _nothing(plan)
    for sign, side in ((1, before), (-1, after)):
        for one in side:
            bill = one.assessment.bill
            if bill is None or bill.currency is not advice.currency:
                return None
            parts = ((cost.terms, cost.cost.value) for cost in bill.costs)
            value += sign * one.weight * bill.total.value
            draws = draws + sign * one.weight * _sampler(plan, one).sum(parts)
    return interval(value, draws)
