"""The outcome of advice about training and serving: runs of the ledger, against what was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from footprint.errors import UsageError
from footprint.factors.intensity import moment
from footprint.ledger import Ledger
from footprint.management.advisor.company import Company
from footprint.management.comparability import (
    compare_boundaries,
    compare_inputs,
    cover,
    missing,
)
from footprint.management.observed_runs import Observed, observe
from footprint.management.outcomes import (
    Evidence,
    MeasuredOutcome,
    Portion,
    conclude,
)
from footprint.model import (
    Advice,
    AdvicePlan,
    Assessment,
    Contribution,
    DecisionKind,
    Finding,
    Phase,
    Stage,
)
from footprint.units import S_PER_H

_BY_PHASE = frozenset({DecisionKind.ARCHITECTURE, DecisionKind.COHORT})
"""Kinds whose options say what each silo does, so that a phase that is missing is seen."""
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
    if choice.covers is not None and not choice.covers > 0:
        raise UsageError(f"Runs cannot cover {choice.covers:g}.", "Give a share above 0.")
    now = advice.option(advice.current).assessment
    then = advice.option(advice.recommended).assessment
    if not choice.runs and then.contributions:
        raise UsageError(
            f"{advice.id!r} wants {advice.recommended!r}: that is something that runs.",
            "Name what was run: --run NAME. See: footprint ledger runs",
        )
    how: dict[str, Any] = {
        "silos": choice.silos,
        "hourly": advice.kind is DecisionKind.SCHEDULE,
    }
    after = observe(company, ledger, choice.runs, "after", **how) if choice.runs else None
    before = observe(company, ledger, choice.before, "before", **how) if choice.before else None
    findings = [*_stated(choice)]
    covered = _covered(company, plan, advice, choice.runs, after, choice.covers, findings)
    was_covered = 1.0
    if before is not None:
        was_covered = _covered(company, plan, advice, choice.before, before, None, findings) or 0.0
    findings += _compare(plan, advice, after, before, choice)
    seen = [one.assessment for one in (after, before) if one]
    findings += compare_inputs(company, plan, seen)
    is_, was = (
        None if one is None else cover(advice, promised, one.assessment, findings)
        for one, promised in ((after, then), (before, now))
    )
    weights = _weights(was_covered, covered, findings, scale=choice.scale)
    word = Evidence(what="word", name="nothing was run", side="after")
    return conclude(
        plan,
        advice,
        [Portion(name=_name(before, advice), assessment=was or now, weight=weights[0])],
        [Portion(name=_name(after, advice), assessment=is_, weight=weights[1])] if is_ else [],
        findings,
        covered=covered,
        scaled=choice.scale and covered is not None,
        evidence=(
            *(() if before is None else before.evidence),
            *((word,) if after is None else after.evidence),
        ),
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
    said: float | None,
    findings: list[Finding],
) -> float | None:
    """Share of what was promised that runs are; None if nobody knows."""
    if said is not None:
        return said
    if advice.kind in _ONCE:
        return float(len(names)) if names else 1.0
    if observed is None:
        return min(1.0, max(0.0, (company.now_s - plan.made_s) / plan.horizon_s))
    if advice.kind is DecisionKind.SERVING:
        return observed.metered_s / plan.horizon_s
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


def _compare(
    plan: AdvicePlan,
    advice: Advice,
    after: Observed | None,
    before: Observed | None,
    choice: RunChoice,
) -> list[Finding]:
    """Say what of the two sides cannot be compared, or is missing."""
    findings: list[Finding] = []
    then = advice.option(advice.recommended).assessment
    now = advice.option(advice.current).assessment
    for observed, promised in ((after, then), (before, now)):
        if observed is None:
            continue
        findings += observed.findings
        findings += compare_boundaries(advice, promised, observed.assessment)
        findings += _absent(advice, promised, observed.assessment, choice.without)
    if after is not None:
        findings += _untimely(plan, advice, after, choice.decided_s)
    if after is not None and before is not None:
        units = {one.assessment.run.functional_unit for one in (after, before)} - {""}
        if len(units) > 1:
            findings.append(
                missing(
                    "functional-unit-differs",
                    f"The runs deliver different things: {' and '.join(sorted(units))}.",
                    "Name runs that deliver the same.",
                )
            )
    return findings


def _untimely(
    plan: AdvicePlan, advice: Advice, after: Observed, decided_s: float | None
) -> list[Finding]:
    """Doubt runs that can hardly follow from an advice."""
    findings = []
    starts = {one.name: one.start_s for one in after.evidence if one.start_s is not None}
    early = [name for name, start_s in starts.items() if start_s < plan.made_s]
    if early:
        findings.append(
            Finding(
                "earlier-than-plan",
                f"{', '.join(early)} began before the plan was made: it can hardly follow from it.",
            )
        )
    if decided_s is not None:
        hasty = [name for name in starts if name not in early and starts[name] < decided_s]
        if hasty:
            findings.append(
                Finding(
                    "earlier-than-decision",
                    f"{', '.join(hasty)} began before it was approved, at {moment(decided_s)}: "
                    "does it follow from that?",
                )
            )
    advised_s = _advised_s(advice)
    elsewhen = [
        f"{name} at {moment(start_s)}"
        for name, start_s in starts.items()
        if advised_s is not None and abs(start_s - advised_s) > _NEAR_S
    ]
    if elsewhen:
        findings.append(
            Finding(
                "another-time",
                f"Advised was {advice.recommended!r}; {', '.join(elsewhen)} began at another time.",
            )
        )
    return findings


_NEAR_S = S_PER_H
"""By how much a job may begin beside its time: series of intensity have hours. Our choice."""


def _advised_s(advice: Advice) -> float | None:
    """When a job should begin: its option says so (Unix time [s])."""
    if advice.kind is not DecisionKind.SCHEDULE:
        return None
    found = re.search(r" from (\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) UTC", advice.recommended)
    return datetime.fromisoformat(f"{found[1]}+00:00").timestamp() if found else None


def _absent(
    advice: Advice, promised: Assessment, found: Assessment, without: Sequence[Phase]
) -> list[Finding]:
    """Say what the promise holds of which nothing was measured."""
    by_phase = advice.kind in _BY_PHASE
    wanted = {
        part
        for one in promised.contributions
        if one.emissions_g.value > 0 and one.phase not in without
        for part in [_part(one, by_phase=by_phase)]
    }
    held = {_part(one, by_phase=by_phase) for one in found.contributions}
    absent = sorted(wanted - held)
    findings = []
    if absent:
        listed = "; ".join(" ".join(word for word in part if word) for part in absent[:6])
        findings.append(
            missing(
                "not-measured",
                f"Nothing was measured of: {listed}{'; ...' if len(absent) > 6 else ''}.",
                "Enter what is missing (a table of activities will do) and name it with --run too, "
                "or say with --without PHASE that it was not done.",
            )
        )
    more = sorted({one.actor for one in found.contributions} - {part[0] for part in wanted})
    if more and wanted:
        findings.append(
            Finding(
                "beyond-the-promise",
                f"{', '.join(more[:5])} took part, which is not in {promised.run.name!r}.",
                remedy="Name the others with --silo, if that does not belong to this.",
            )
        )
    return findings


def _part(one: Contribution, *, by_phase: bool) -> tuple[str, str, str]:
    """Give what a line is about: silo, stage, and phase where options tell them apart."""
    if one.stage is Stage.OPERATION and by_phase:
        # Plans say idle where journals may say that they wait.
        phase = Phase.WAIT if one.phase is Phase.IDLE else one.phase
        return one.actor, one.stage.value, phase.value
    stored = one.stage is Stage.EMBODIED and one.phase is Phase.STORAGE
    return one.actor, one.stage.value, "of stored data" if stored else ""
