"""What of runs does not fit what an advice promised: missing parts, other things, other times."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from footprint.factors.intensity import moment
from footprint.management.comparability import compare_boundaries, counted, missing
from footprint.management.observed_runs import Observed
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


def compare_sides(
    plan: AdvicePlan,
    advice: Advice,
    after: Observed | None,
    before: Observed | None,
    *,
    without: Sequence[Phase] = (),
    decided_s: float | None = None,
) -> list[Finding]:
    """Say what of the two sides cannot be compared, or is missing.

    Parameters
    ----------
    plan : AdvicePlan
    advice : Advice
    after, before : Observed or None
        None if the option stands for itself, or nothing was run.
    without : sequence of Phase
        What was promised and not done at all.
    decided_s : float or None
        When it was approved (Unix time [s]).
    """
    findings: list[Finding] = []
    then = advice.option(advice.recommended).assessment
    now = advice.option(advice.current).assessment
    for observed, promised in ((after, then), (before, now)):
        if observed is None:
            continue
        findings += observed.findings
        findings += compare_boundaries(
            advice, promised, observed.assessment, unmetered=observed.unmetered
        )
        findings += _absent(advice, promised, observed.assessment, without)
        findings += _dead(advice, promised, observed, without)
    if after is not None:
        findings += _untimely(plan, advice, after, decided_s)
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
        for name, start_s in after.began_s.items()
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
    more = sorted({one.actor for one in counted(advice, found)} - {part[0] for part in wanted})
    if more and wanted:
        findings.append(
            Finding(
                "beyond-the-promise",
                f"{', '.join(more[:5])} took part, which is not in {promised.run.name!r}.",
                remedy="Name the others with --silo, if that does not belong to this.",
            )
        )
    return findings


def _dead(
    advice: Advice, promised: Assessment, observed: Observed, without: Sequence[Phase]
) -> list[Finding]:
    """Say whose meters showed nothing though the promise has energy there."""
    by_phase = advice.kind in _BY_PHASE
    wanted = {
        _part(one, by_phase=by_phase)
        for one in promised.contributions
        if one.stage is Stage.OPERATION and one.emissions_g.value > 0 and one.phase not in without
    }
    sums: dict[tuple[str, tuple[str, str, str]], float] = defaultdict(float)
    for (run, silo, phase), kwh in observed.spent_kwh.items():
        if by_phase or phase not in _SENDING:
            sums[run, _key(silo, Stage.OPERATION, phase, by_phase=by_phase)] += kwh
    dead = sorted((run, part) for (run, part), kwh in sums.items() if not kwh and part in wanted)
    if not dead:
        return []
    shown = [f"{part[0]} {part[2]}".strip() + f" in {run}" for run, part in dead[:6]]
    return [
        missing(
            "energy-zero",
            f"0 kWh were measured of {'; '.join(shown)}{'; ...' if len(dead) > 6 else ''}, where "
            "energy was promised: a meter that shows nothing is no saving.",
            "Enter the run again with what was used, or say with --without PHASE that it was not "
            "done.",
        )
    ]


_SENDING = frozenset({Phase.UPLOAD, Phase.DOWNLOAD, Phase.DATA_TRANSFER})
"""Phases whose energy may be that of the network alone."""


def _part(one: Contribution, *, by_phase: bool) -> tuple[str, str, str]:
    """Give what a line is about: silo, stage, and phase where options tell them apart."""
    return _key(one.actor, one.stage, one.phase, by_phase=by_phase)


def _key(silo: str, stage: Stage, phase: Phase, *, by_phase: bool) -> tuple[str, str, str]:
    if stage is Stage.OPERATION and by_phase:
        # Plans say idle where journals may say that they wait.
        return silo, stage.value, (Phase.WAIT if phase is Phase.IDLE else phase).value
    stored = stage is Stage.EMBODIED and phase is Phase.STORAGE
    return silo, stage.value, "of stored data" if stored else ""
