"""Which silos take part in a federated training: one advice per use case with a learning curve.

Our rule. Silos come in by what they add per gram: points of the learning curve for records that
no silo before has, over what their own epochs and transfers emit. A silo takes part as long as
its points may cost what it emits. Each adds less per gram than the one before, because the curve
flattens and records repeat: so the best of these cohorts is where that ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from footprint.lifecycle.breakeven import Line
from footprint.management.advisor.architectures import FEDERATE, advise_use_case
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import LearningCurve
from footprint.management.advisor.overlaps import (
    condition_overlaps,
    doubt_overlaps,
    find_overlaps,
    new_share,
    silos_by_samples,
)
from footprint.management.advisor.trainings import missing_for_training, train_alone
from footprint.management.advisor.turning import find_turns
from footprint.management.advisor.use_cases import UseCase, list_use_cases
from footprint.management.advisor.weighing import weigh
from footprint.model import Advice, DecisionKind, Finding, Option, Severity
from footprint.units import format_quantity

EVERYONE = "all silos"
_FEW = 3
"""Silos that the name of a cohort lists."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A silo as it came in.

    Attributes
    ----------
    records : float
        That no silo before it has.
    points : float
        Of the cohort that ends with it.
    emissions_g : float
        Of its own epochs and transfers [gCO2e].
    """

    silo: str
    records: float
    points: float
    emissions_g: float


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
    chain = _line_up(use, curve)
    options = [_option(use, chain, taken, worth_g) for taken in _sizes(chain, worth_g)]
    draft = weigh(DecisionKind.COHORT, use.table.name, options, EVERYONE, reason="")
    lines = {one.name: Line(one.assessment.total_g.value, -(one.gain or 0.0)) for one in options}
    turns = find_turns(
        "emissions that a point may cost", "gCO2e", worth_g, lines, draft.recommended
    )
    taken = next(n for n in range(1, len(chain) + 1) if _name(chain, n) == draft.recommended)
    by_samples = draft.changes and bool(silos_by_samples(use))
    return replace(
        draft,
        certainty=None if by_samples else draft.certainty,
        part_of=_parent(whole),
        reason=_reason(use, chain, taken),
        turning_points=tuple(turns),
        conditions=(
            *_conditions(use, curve, whole),
            *(condition_overlaps(use) if draft.changes else ()),
        ),
        findings=(*draft.findings, *_findings(use)),
    )


def _parent(whole: Advice | Finding) -> str | None:
    """Id of the advice that a cohort depends on: none if it is federated, and stays so."""
    if isinstance(whole, Finding) or not whole.changes:
        return None
    return whole.id


def _sizes(chain: Sequence[_Member], worth_g: float) -> list[int]:
    """Find how many silos are best, with one fewer, one more, and all: the rest are worse."""
    emitted_g, net_g = 0.0, []
    for member in chain:
        emitted_g += member.emissions_g
        net_g.append(emitted_g - worth_g * member.points)
    best = net_g.index(min(net_g)) + 1
    return sorted({max(best - 1, 1), best, min(best + 1, len(chain)), len(chain)})


def _line_up(use: UseCase, curve: LearningCurve) -> list[_Member]:
    """Let all silos come in, the one that adds most per gram first."""
    overlaps = find_overlaps(use)
    own_g = {silo: _own(use, silo) for silo in use.silos}
    chain: list[_Member] = []
    waiting, records = use.silos, 0.0
    while waiting:
        inside = [one.silo for one in chain]
        new = {silo: use.holders[silo].rows * new_share(silo, inside, overlaps) for silo in waiting}
        added = dict(new)
        if chain:  # without records the curve has no value: the first is the best by records
            added = {
                silo: _points(curve, records + new[silo]) - chain[-1].points for silo in waiting
            }
        silo = max(waiting, key=lambda one: _ratio(added[one], own_g[one]))
        records += new[silo]
        chain.append(_Member(silo, new[silo], _points(curve, records), own_g[silo]))
        waiting = [one for one in waiting if one != silo]
    return chain


def _ratio(added: float, emissions_g: float) -> float:
    """Order of what adds at a price of emissions; what adds nothing is last, free or not."""
    if not added:
        return 0.0
    return added / emissions_g if emissions_g else float("inf")


def _points(curve: LearningCurve, records: float) -> float:
    return float(curve.limit - curve.scale * records**-curve.exponent)


def _own(use: UseCase, silo: str) -> float:
    alone = replace(use, holders={silo: use.holders[silo]})
    return use.company.assess(silo, train_alone(alone), draws=0).total_g.value


def _option(use: UseCase, chain: Sequence[_Member], taken: int, worth_g: float) -> Option:
    silos = {one.silo for one in chain[:taken]}
    cohort = replace(use, holders={silo: use.holders[silo] for silo in sorted(silos)})
    # Beyond the silo that came in first: without any there is nothing to compare.
    name, points = _name(chain, taken), chain[taken - 1].points - chain[0].points
    assessment = use.company.assess(name, train_alone(cohort))
    return Option(name=name, assessment=assessment, gain=points, worth_g=points * worth_g)


def _name(chain: Sequence[_Member], taken: int) -> str:
    """Name a cohort; no two of one chain alike."""
    inside = [one.silo for one in chain[:taken]]
    outside = [one.silo for one in chain[taken:]]
    if not outside:
        return EVERYONE
    if len(outside) <= min(_FEW, len(inside) - 1):
        return f"all but {', '.join(outside)}"
    if len(inside) <= _FEW:
        return ", ".join(inside)
    return f"{', '.join(inside[:_FEW])} and {len(inside) - _FEW} more"


def _reason(use: UseCase, chain: Sequence[_Member], taken: int) -> str:
    """Say what the last silo brings that takes part, and the first one that does not."""
    texts = []
    if taken == 1:
        texts.append(f"{chain[0].silo} has most records for what it emits.")
    else:
        texts.append(_describe(use, chain, taken - 1, "is the last to come in: it adds"))
    if taken < len(chain):
        texts.append(_describe(use, chain, taken, "stays out: it would add"))
    texts.append(f"Points are those beyond {chain[0].silo} alone.")
    return " ".join(texts)


def _describe(use: UseCase, chain: Sequence[_Member], place: int, verb: str) -> str:
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
