"""The outcome of advice about training and serving: runs of the ledger, against what was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from footprint.errors import UsageError
from footprint.ledger import Ledger
from footprint.management.advisor.company import Company
from footprint.management.comparability import (
    compare_inputs,
    cover,
    missing,
)
from footprint.management.folders import publish_findings
from footprint.management.job_intensities import compare_series
from footprint.management.observed_runs import Observed, observe
from footprint.management.outcomes import (
    Evidence,
    MeasuredOutcome,
    Portion,
    conclude,
)
from footprint.management.run_doubts import compare_sides
from footprint.model import (
    Advice,
    AdvicePlan,
    Assessment,
    DecisionKind,
    Finding,
    Phase,
    Stage,
)

_EVEN = 0.01
"""By how much of the longest the times of meters may differ: our choice."""

_ONCE = frozenset({DecisionKind.RETRAINING, DecisionKind.SCHEDULE})
"""Kinds that promise one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoice:
    """What a person names and says about an outcome.

    Attributes
    ----------
    runs : tuple of str
        Names of runs of the ledger; none if nothing was run, as the advice wanted it.
    before : tuple of str
        Runs that show what was; without them the option of today stands for it.
    silos : tuple of str
        Only activities of these; none for all.
    covers : float or None
        Share of what was promised that `runs` are, if somebody knows better [1].
    scale : bool
        Whether `runs` stand for all that was promised.
    without : tuple of Phase
        What was promised and not done at all.
    decided_s : float or None
        When it was approved (Unix time [s]).

    Raises
    ------
    UsageError
        If a run is named twice, or as what was and as what is.
    """

    runs: tuple[str, ...]
    before: tuple[str, ...] = ()
    silos: tuple[str, ...] = ()
    covers: float | None = None
    scale: bool = False
    without: tuple[Phase, ...] = ()
    decided_s: float | None = None

    def __post_init__(self) -> None:
        times = Counter((*self.runs, *self.before))
        if again := sorted(name for name, count in times.items() if count > 1):
            raise UsageError(
                f"The run {again[0]!r} is named twice; it was run once.",
                "Name each run once: with --run, or with --before.",
            )


def measure_runs(
    company: Company, plan: AdvicePlan, advice: Advice, ledger: Ledger, choice: RunChoice
) -> MeasuredOutcome:
    """Measure what became of an advice from runs of a ledger.

    Parameters
    ----------
    company : Company
        For the places of its silos, and the choices of its estimates.
    plan : AdvicePlan
    advice : Advice
        Of it.
    ledger : Ledger
    choice : RunChoice

    Raises
    ------
    LedgerError
        If the ledger has no such run.
    UsageError
        If no run is named although the advice wants one, or a share is none.
    """
    now = advice.option(advice.current).assessment
    then = advice.option(advice.recommended).assessment
    _require_sense(advice, then, choice)
    hourly = advice.kind is DecisionKind.SCHEDULE
    how: dict[str, Any] = {"silos": choice.silos, "hourly": hourly}
    after = observe(company, ledger, choice.runs, "after", **how) if choice.runs else None
    before = observe(company, ledger, choice.before, "before", **how) if choice.before else None
    findings = [*_stated(choice)]
    covered = choice.covers
    if covered is None:
        covered = _covered(company, plan, advice, choice.runs, after, then, findings)
        findings += _uncounted(advice, after)
    was_covered = 1.0
    if before is not None:
        was_covered = _covered(company, plan, advice, choice.before, before, now, findings) or 0.0
    findings += compare_sides(
        plan, advice, after, before, without=choice.without, decided_s=choice.decided_s
    )
    seen = [one.assessment for one in (after, before) if one]
    findings += compare_inputs(company, plan, seen)
    if hourly:
        findings += compare_series(company, plan, _zones(now, then, *seen))
    is_, was = (
        None if one is None else cover(advice, promised, one.assessment, findings)
        for one, promised in ((after, then), (before, now))
    )
    weights = _weights(was_covered, covered, findings, scale=choice.scale)
    return conclude(
        plan,
        advice,
        [Portion(name=_name(before, advice), assessment=was or now, weight=weights[0])],
        [Portion(name=_name(after, advice), assessment=is_, weight=weights[1])] if is_ else [],
        publish_findings(company.needs, findings),
        covered=covered,
        scaled=choice.scale and covered is not None,
        evidence=_evidence(before, after),
    )


def _require_sense(advice: Advice, then: Assessment, choice: RunChoice) -> None:
    """Refuse what cannot be meant."""
    if choice.covers is not None and not choice.covers > 0:
        raise UsageError(f"Runs cannot cover {choice.covers:g}.", "Give a share above 0.")
    if not choice.runs and then.contributions:
        raise UsageError(
            f"{advice.id!r} wants {advice.recommended!r}: that is something that runs.",
            "Name what was run: --run NAME. See: footprint ledger runs",
        )


def _evidence(before: Observed | None, after: Observed | None) -> tuple[Evidence, ...]:
    word = Evidence(what="word", name="nothing was run", side="after")
    return (
        *(() if before is None else before.evidence),
        *((word,) if after is None else after.evidence),
    )


def _name(observed: Observed | None, advice: Advice) -> str:
    if observed is None:
        return f"{advice.current!r} as planned"
    return f"measured: {observed.assessment.run.name}"


def _stated(choice: RunChoice) -> list[Finding]:
    """Say what rests on the word of a person."""
    said = []
    if not choice.runs:
        said.append("that nothing was run")
    if choice.covers is not None:
        said.append(f"that the runs are {choice.covers:.3g} of what was promised")
    if choice.without:
        said.append(f"that nothing was done of: {', '.join(choice.without)}")
    if choice.scale:
        said.append("that what was measured stands for all of it")
    if not said:
        return []
    return [Finding("stated", f"Somebody said, and nothing checked, {'; '.join(said)}.")]


def _covered(
    company: Company,
    plan: AdvicePlan,
    advice: Advice,
    names: Sequence[str],
    observed: Observed | None,
    promised: Assessment,
    findings: list[Finding],
) -> float | None:
    """Share of what was promised that runs are; None if nobody knows."""
    if advice.kind in _ONCE:
        return float(len(names)) if names else 1.0
    if observed is None:
        return min(1.0, max(0.0, (company.now_s - plan.made_s) / plan.horizon_s))
    if advice.kind is DecisionKind.SERVING:
        return _metered_share(plan, observed, _at_work(promised), findings)
    for case in company.needs.use_cases:
        if case.name == advice.subject and case.trainings > 0:
            return len(names) / case.trainings
    findings.append(
        missing(
            "coverage-unknown",
            f"How many trainings {advice.id!r} promised is not known: no use case of "
            f"{company.needs.origin} is called {advice.subject!r}.",
            "Say which share the runs are: --covers 0.5",
        )
    )
    return None


def _metered_share(
    plan: AdvicePlan, observed: Observed, silos: set[str], findings: list[Finding]
) -> float:
    """Share of the horizon in which all silos were metered; what is scaled must be even."""
    each = {silo: observed.metered_s({silo}) / plan.horizon_s for silo in sorted(silos)}
    if each and min(each.values()) < (1 - _EVEN) * max(each.values()):
        shares = ", ".join(f"{silo} {100 * share:.3g} %" for silo, share in each.items())
        findings.append(
            missing(
                "coverage-uneven",
                f"Not all silos were metered for as long of the horizon: {shares}. Nobody can tell "
                "idling from a meter that was off.",
                "Name all runs, or say which share of the answers of the plan were given: "
                "--covers 0.8",
            )
        )
    return observed.metered_s(silos) / plan.horizon_s


def _at_work(promised: Assessment) -> set[str]:
    """Silos whose machines an option needs, and not the network alone."""
    return {
        one.actor
        for one in promised.contributions
        if one.stage is Stage.OPERATION and one.emissions_g.value > 0
    }


def _uncounted(advice: Advice, after: Observed | None) -> list[Finding]:
    """Say that fewer answers look like a saving."""
    if advice.kind is not DecisionKind.SERVING or after is None:
        return []
    return [
        Finding(
            "answers-not-compared",
            "The time was compared, and not how much was asked: whoever is asked less uses less, "
            "which looks like a saving.",
            remedy="Say which share of the answers of the plan were given: --covers 0.8",
        )
    ]


def _zones(*assessments: Assessment) -> set[str]:
    return {part.zone for one in assessments for part in one.contributions if part.zone}


def _weights(
    before: float, after: float | None, findings: list[Finding], *, scale: bool
) -> tuple[float, float]:
    """Bring both sides to the same amount; only a person's word makes it another one."""
    if after is None:
        return 1.0, 1.0
    if scale and before > 0 and after > 0:
        return 1 / before, 1 / after
    if abs(before - after) > 1e-9 * max(before, after):
        findings.append(
            missing(
                "coverage-differs",
                f"What was measured is {after:.3g} of what was promised, and what it is held "
                f"against {before:.3g} of it.",
                "Name all runs, or let those stand for all of it: --scale",
            )
        )
    return 1.0, 1.0
