"""What keeps a measured saving from being one: what differs, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from footprint.assessment import UNKNOWN_ENERGY
from footprint.management.advisor.company import Company
from footprint.model import (
    Advice,
    AdvicePlan,
    Assessment,
    Boundary,
    Contribution,
    DecisionKind,
    Finding,
    Phase,
    Severity,
    Stage,
)
from footprint.uncertainty import Sampler, interval
from footprint.units import format_quantity

_OF_HARDWARE = frozenset({"active-share-missing", "device-missing", "embodied-unknown"})


_COMMON = frozenset({Phase.WAIT, Phase.IDLE, Phase.AGGREGATE})
"""Phases of a federated training that are not a single silo's."""


def missing(code: str, message: str, remedy: str) -> Finding:
    """Say why there is no measured saving."""
    return Finding(code, message, Severity.ERROR, remedy)


def promised_stages(advice: Advice) -> set[Stage]:
    """Give the stages that an advice counts at all, in what is or in what should be."""
    names = (advice.current, advice.recommended)
    return {one.stage for name in names for one in advice.option(name).assessment.contributions}


def counted(advice: Advice, found: Assessment) -> list[Contribution]:
    """Give the lines of a run that its plan counts too: not all count hardware, or networks."""
    stages = promised_stages(advice)
    # A cohort is weighed by what silos do themselves.
    common = _COMMON if advice.kind is DecisionKind.COHORT else frozenset[Phase]()
    return [one for one in found.contributions if one.stage in stages and one.phase not in common]


def cover(
    advice: Advice, promised: Assessment, found: Assessment, findings: list[Finding]
) -> Assessment:
    """Keep of a run what the promise is about.

    Without a bill, if the option that it stands for pays for more than what is known of it.
    """
    if absent := _unbilled(promised, found):
        findings.append(
            Finding(
                "cost-not-measured",
                f"The plan pays for {', '.join(absent)}, and nothing is known of that in "
                f"{found.run.name!r}: there is no measured saving of money.",
            )
        )
        found = replace(found, bill=None)
    kept = counted(advice, found)
    if len(kept) == len(found.contributions):
        return found
    part = restrict(found, kept)
    left = sorted({one.stage for one in found.contributions} - promised_stages(advice))
    phases = sorted(
        {one.phase for one in found.contributions if one.stage not in left}
        - {one.phase for one in kept}
    )
    findings.append(
        Finding(
            "left-out",
            f"The plan does not count {' nor '.join([*left, *phases])}: "
            f"{format_quantity('emissions', found.total_g.value - part.total_g.value)} of "
            f"{found.run.name!r} are left out.",
        )
    )
    # No bill holds the making of hardware.
    return replace(part, bill=found.bill) if [*left, *phases] == [Stage.EMBODIED] else part


def _unbilled(promised: Assessment, found: Assessment) -> list[str]:
    """Kinds of cost that an option has and a run has not."""
    if promised.bill is None or found.bill is None:
        return []
    held = {one.kind for one in found.bill.costs}
    return sorted({one.kind.value for one in promised.bill.costs if one.kind not in held})


def restrict(whole: Assessment, kept: Sequence[Contribution]) -> Assessment:
    """Estimate of which only some lines count; without a bill."""
    sampler = Sampler(whole.terms, seed=whole.seed, draws=whole.draws)
    energies = [one.energy_kwh for one in kept if one.energy_kwh is not None]
    return replace(
        whole,
        contributions=tuple(kept),
        total_g=interval(math.fsum(c.emissions_g.value for c in kept), sampler.total(kept)),
        energy_kwh=math.fsum(energies) if energies else None,
        bill=None,
    )


def compare_boundaries(
    advice: Advice,
    promised: Assessment,
    found: Assessment,
    *,
    unmetered: Sequence[tuple[str, Phase]] = (),
) -> list[Finding]:
    """Say in what a run does not count what the option counts that it stands for.

    `unmetered` names the silos and phases whose activities took time and have no energy.
    """
    findings = []
    gaps = set(found.boundary.gaps)
    if Stage.EMBODIED not in promised_stages(advice):
        gaps -= _OF_HARDWARE
    if energy := sorted(gaps & UNKNOWN_ENERGY):
        findings.append(
            missing(
                "energy-missing",
                f"Of {found.run.name!r} not all energy is known "
                f"({_listed(unmetered) or ', '.join(energy)}); what nobody measured is no saving.",
                "Enter the run again with the energy of these, or without what used none."
                if unmetered
                else "See its findings with: footprint estimate RUN --from ledger",
            )
        )
    pairs = [
        (field.name, getattr(promised.boundary, field.name), getattr(found.boundary, field.name))
        for field in fields(Boundary)
        if field.name != "gaps"
    ]
    different = [
        f"{name.replace('_', ' ')}: {_shown(left)!r} against {_shown(right)!r}"
        for name, left, right in pairs
        if left != right
    ]
    # What the plan could not count either is missing on both sides.
    if more := sorted(gaps - UNKNOWN_ENERGY - set(promised.boundary.gaps)):
        different.append(f"not counted, and promised: {', '.join(more)}")
    if different:
        findings.append(
            missing(
                "boundary-differs",
                f"{found.run.name!r} does not count what was promised: {'; '.join(different)}.",
                "Enter the run with the view and the devices that the plan was made with.",
            )
        )
    elif gaps - UNKNOWN_ENERGY:
        findings.append(
            Finding(
                "not-counted",
                f"Like the plan, {found.run.name!r} does not count all that it should: "
                f"{', '.join(sorted(gaps))}.",
            )
        )
    return findings


def _listed(unmetered: Sequence[tuple[str, Phase]]) -> str:
    """List what took time and has no energy."""
    shown = ", ".join(f"{phase} of {silo}" for silo, phase in unmetered[:5])
    return f"{shown} and {len(unmetered) - 5} more" if len(unmetered) > 5 else shown


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def compare_inputs(
    company: Company, plan: AdvicePlan, assessments: Iterable[Assessment]
) -> list[Finding]:
    """Say if an outcome rests on other factors, or other manifests, than its plan."""
    findings = []
    if any(one.catalogue_digest != plan.catalogue_digest for one in assessments):
        findings.append(
            Finding(
                "catalogue-differs",
                "The plan was made with other factors than the outcome; part of the difference "
                "may be theirs.",
                remedy="Look at both with the release that made the plan.",
            )
        )
    unknown = []
    then = {Path(one.name).name: one.sha256 for one in plan.inputs}
    for origin, digest in (
        (company.deployment.origin, company.deployment.digest),
        (company.needs.origin, company.needs.digest),
    ):
        name = Path(origin).name
        if name not in then:
            unknown.append(name)
        elif then[name] != digest:
            findings.append(
                Finding(
                    "manifest-changed",
                    f"{name} is another one than when the plan was made; part of the difference "
                    "may be its.",
                )
            )
    if unknown:
        findings.append(
            Finding(
                "manifest-unknown",
                f"The plan does not say which {' and '.join(unknown)} it was made from; whether "
                "that is another one now is not known.",
                remedy="Make plans with this release: footprint manage advise -o plan.json",
            )
        )
    return findings
