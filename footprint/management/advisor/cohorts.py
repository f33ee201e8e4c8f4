"""Which silos take part in a federated training: one advice per use case with a learning curve.

Our rule. Each silo is tried as the first; the others come in behind it by what they add per
gram: points of the learning curve for records that no silo before has, over what their own epochs
and transfers emit. Of all beginnings of these rows the best is the cohort whose emissions, less
what its points may cost, are least. One row is not enough: whoever is first in it never leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from footprint.lifecycle.breakeven import Line
from footprint.management.advisor.architectures import FEDERATE, advise_use_case
from footprint.management.advisor.chains import Cohort, Member, choose_cohorts, find_cohorts
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import LearningCurve
from footprint.management.advisor.overlaps import (
    condition_overlaps,
    doubt_overlaps,
    silos_by_samples,
)
from footprint.management.advisor.trainings import missing_for_training, train_alone
from footprint.management.advisor.turning import find_turns
from footprint.management.advisor.unread import condition_unread
from footprint.management.advisor.use_cases import UseCase, list_use_cases
from footprint.management.advisor.weighing import weigh
from footprint.model import Advice, DecisionKind, Finding, Option, Severity
from footprint.units import format_quantity

EVERYONE = "all silos"
_FEW = 3
"""Silos that the name of a cohort lists."""


def advise_cohorts(company: Company) -> Iterator[Advice | Finding]:
    """Advise on the silos of every use case with a learning curve and more than one silo.

    Yields
    ------
    Advice
        Of one use case.
    Finding
        Why there is none.
    """
    for use in list_use_cases(company):
        # That nobody has the data is said where the architecture is advised on.
        if isinstance(use, UseCase) and use.table.curve is not None and len(use.holders) > 1:
            yield _advise(use, use.table.curve)


def _advise(use: UseCase, curve: LearningCurve) -> Advice | Finding:
    whole = advise_use_case(use)
    if isinstance(whole, Advice) and FEDERATE not in (whole.current, whole.recommended):
        return _unknown(use, f"the advice on it is: {whole.recommended}", "", Severity.INFO)
    if isinstance(whole, Finding) and use.table.current != FEDERATE:
        return _unknown(use, "whether it should be federated is not known", whole.remedy)
    worth_g = use.table.worth_g
    missing = missing_for_training(use) + (["worth"] if worth_g is None else [])
    if missing or worth_g is None:
        return _unknown(use, f"its estimate lacks {', '.join(missing)}", "Add these keys.")
    if not any(entry.rows for entry in use.holders.values()):
        return _unknown(use, "no silo has a record", "Look at the catalogues.")
    cohorts = choose_cohorts(find_cohorts(use, curve), worth_g)
    first = cohorts[0].chain[0]
    named = dict(zip(_name_all(use, cohorts), cohorts, strict=True))
    options = [_option(use, name, one, first, worth_g) for name, one in named.items()]
    everyone = next(name for name, one in named.items() if not one.outside)
    draft = weigh(DecisionKind.COHORT, use.table.name, options, everyone, reason="")
    lines = {one.name: Line(one.assessment.total_g.value, -(one.gain or 0.0)) for one in options}
    turns = find_turns(
        "emissions that a point may cost", "gCO2e", worth_g, lines, draft.recommended
    )
    undrawn = bool(use.company.unread(use.table.dataset)) or (
        draft.changes and bool(silos_by_samples(use))
    )
    return replace(
        draft,
        certainty=None if undrawn else draft.certainty,
        part_of=_parent(whole),
        reason=_reason(use, named[draft.recommended], first),
        turning_points=tuple(turns),
        conditions=(
            *_conditions(use, curve, whole),
            *(condition_overlaps(use) if draft.changes else ()),
            *condition_unread(use.company, use.table.dataset),
        ),
        findings=(*draft.findings, *_findings(use)),
    )


def _parent(whole: Advice | Finding) -> str | None:
    """Id of the advice that a cohort depends on: none if it is federated, and stays so."""
    if isinstance(whole, Finding) or not whole.changes:
        return None
    return whole.id


def _option(use: UseCase, name: str, cohort: Cohort, first: Member, worth_g: float) -> Option:
    inside = replace(use, holders={silo: use.holders[silo] for silo in sorted(cohort.inside)})
    # Beyond the first silo of the best cohort: without any there is nothing to compare.
    points = cohort.points - first.points
    assessment = use.company.assess(name, train_alone(inside))
    return Option(name=name, assessment=assessment, gain=points, worth_g=points * worth_g)


def _name_all(use: UseCase, cohorts: Sequence[Cohort]) -> list[str]:
    """Name cohorts, no two alike."""
    whole = "all that could be read" if use.company.unread(use.table.dataset) else EVERYONE
    short = [_name(one, whole) for one in cohorts]
    if len(set(short)) == len(short):
        return short
    return [", ".join(one.inside) if one.outside else whole for one in cohorts]


def _name(cohort: Cohort, whole: str) -> str:
    inside, outside = cohort.inside, cohort.outside
    if not outside:
        return whole
    if len(outside) <= min(_FEW, len(inside) - 1):
        return f"{whole if whole != EVERYONE else 'all'} but {', '.join(outside)}"
    if len(inside) <= _FEW:
        return ", ".join(inside)
    return f"{', '.join(inside[:_FEW])} and {len(inside) - _FEW} more"


def _reason(use: UseCase, cohort: Cohort, first: Member) -> str:
    """Say what the last silo brings that takes part, and the first one that does not."""
    chain, taken = cohort.chain, cohort.taken
    texts = [f"{chain[0].silo} is enough."]
    if taken > 1:
        texts = [_describe(use, chain, taken - 1, "is the last to come in: it adds")]
    if taken < len(chain):
        texts.append(_describe(use, chain, taken, "stays out: it would add"))
    texts.append(f"Points are those beyond {first.silo} alone.")
    return " ".join(texts)


def _describe(use: UseCase, chain: Sequence[Member], place: int, verb: str) -> str:
    one, points = chain[place], chain[place].points - chain[place - 1].points
    rows = use.holders[one.silo].rows
    samples = ", by samples" * (one.silo in silos_by_samples(use))
    known = f"; {one.records:,.0f} of its {rows:,} records are new{samples}"
    known *= one.records < rows
    return (
        f"{one.silo} {verb} {points:.3g} points, which may cost "
        f"{_emissions(points * (use.table.worth_g or 0.0))}, for {_emissions(one.emissions_g)}"
        f"{known}."
    )


def _emissions(grams: float) -> str:
    return format_quantity("emissions", grams)


def _conditions(use: UseCase, curve: LearningCurve, whole: Advice | Finding) -> Iterator[str]:
    yield f"The learning curve still holds ({curve.source})."
    if isinstance(whole, Finding):
        return
    if whole.recommended != FEDERATE:
        yield (
            f"Only if it stays federated: the advice on {use.table.name} as a whole is "
            f"{whole.recommended!r}, and the two savings do not add up."
        )
    elif whole.current != FEDERATE:
        yield (
            f"Only once {use.table.name} is federated, as advised: the saving is that of leaving "
            "silos out of it."
        )


def _findings(use: UseCase) -> Iterator[Finding]:
    if use.company.duplicates is None or use.company.duplicates.refused:
        yield Finding(
            "duplicates-unknown",
            f"{use.table.name!r}: nobody asked which silos have the same records; all count as "
            "different ones.",
            remedy="Ask for duplicates: they need a secret of the silos.",
            place=use.key,
        )
    yield from doubt_overlaps(use)


def _unknown(use: UseCase, why: str, remedy: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(
        "cohort-unknown",
        f"Which silos are worth taking part in {use.table.name!r} is not weighed: {why}.",
        severity=severity,
        remedy=remedy,
        place=use.key,
    )
