"""Keep a dataset, move it to a colder medium, delete it, or keep one of several copies.

Our own rules; docs/management.md has them as a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from footprint.management.advisor.cases import (
    DEDUPLICATE,
    DELETE,
    KEEP,
    TIER_DOWN,
    Case,
    open_case,
)
from footprint.management.advisor.company import Company
from footprint.management.advisor.copies import Spare, find_spares, list_pairs
from footprint.management.advisor.dataset_reasons import explain, list_conditions, list_turns
from footprint.management.advisor.phrases import missing
from footprint.management.advisor.stored import Stored, cold_copies, keep, list_stored
from footprint.management.advisor.weighing import weigh
from footprint.management.likeness import Place
from footprint.model import Advice, Assessment, DecisionKind, Finding, Option, Severity


def advise_datasets(company: Company) -> Iterator[Advice | Finding]:
    """Advise on what silos keep: one decision at most for each dataset of a silo.

    A dataset that is to stay as it is gives no advice, and is counted in a finding.
    """
    stored = list(list_stored(company))
    cases = [open_case(company, one) for one in stored]
    yield from _on_unsaid(company, stored)
    if len(cases) > 1:
        yield from _on_unknown_copies(company)
    shared = {place for pair in list_pairs(company) for place in (pair.first, pair.second)}
    staying = [case for case in cases if case.not_deletable and case.stored.place in shared]
    costs = {case.stored.place: _least_g(company, case) for case in staying}
    spares: dict[Place, Spare] = {}
    for spare in find_spares(company, [case.stored for case in staying], costs):
        if isinstance(spare, Finding):
            yield spare
        else:
            spares[spare[0]] = spare[1]
    kept = 0
    for case in cases:
        advice = _advise(company, replace(case, spare=spares.get(case.stored.place)), costs)
        if advice is None:
            kept += 1
        else:
            yield advice
    if kept:
        yield Finding(
            "datasets-kept",
            f"Nothing is to be done about {kept:,} of {len(cases):,} datasets.",
            Severity.INFO,
        )


def _on_unsaid(company: Company, stored: Sequence[Stored]) -> Iterator[Finding]:
    """Say what would have to be known for more advice."""
    needs, manifest = company.needs, company.needs.origin
    if stored and (needs.cold_after_s is None or needs.cold_medium is None):
        yield Finding(
            "cold-undefined",
            "No data can be moved to a colder medium: the needs do not say what that is.",
            remedy=f'Write cold-after = "180 d" and cold-medium = "storage.hdd" into {manifest}.',
        )
    warm = [one for one in stored if one.medium != needs.cold_medium]
    unread = [one.name for one in warm if one.entry.read_s is None]
    if unread:
        yield missing(
            "read-unknown",
            "Nobody said when these were last read, so they are not known to be cold:",
            unread,
            "Write read = 2026-05-31T12:00:00Z into the declarations of the silos.",
        )
    endless = [
        one.name
        for one in stored
        if not (one.readers or one.wanted)
        and None in (one.entry.retention_days, one.entry.written_s)
    ]
    if endless:
        yield missing(
            "retention-unknown",
            "No application reads these, and nobody said until when they must be kept:",
            endless,
            'Write retention = "730 d" into the declarations of the silos.',
        )


def _on_unknown_copies(company: Company) -> Iterator[Finding]:
    found = company.duplicates
    if found is None or found.refused:
        why = "nobody asked the silos" if found is None else found.refused
        yield Finding(
            "copies-unknown",
            f"Which datasets are copies of each other is not known: {why}",
            remedy="See what the silos answer: footprint manage analyse --statistic duplicates.",
        )


def _least_g(company: Company, case: Case) -> float:
    """Estimate keeping a dataset on the better of the media that it may lie on [gCO2e]."""
    ways = [keep(company, case.stored, draws=0)]
    if not case.not_cold:
        ways.append(_on_cold(company, case.stored, draws=0))
    return min(one.total_g.value for one in ways)


def _on_cold(company: Company, stored: Stored, **choices: Any) -> Assessment:
    medium, copies = company.needs.cold_medium, cold_copies(company)
    return keep(company, stored, TIER_DOWN, medium=medium, copies=copies, **choices)


def _advise(company: Company, case: Case, costs: Mapping[Place, float]) -> Advice | None:
    """Weigh what is possible; None if nothing is to be done."""
    if not case.is_open:
        return None
    stored, spare = case.stored, case.spare
    options = [Option(name=KEEP, assessment=keep(company, stored))]
    if company.needs.cold_medium not in (None, stored.medium):
        cold = _on_cold(company, stored)
        options.append(Option(name=TIER_DOWN, assessment=cold, barrier=case.not_cold))
    nothing = company.assess(f"{stored.name}: nothing is kept", [])
    options.append(Option(name=DELETE, assessment=nothing, barrier=case.not_deletable))
    if spare is not None:
        options.append(Option(name=DEDUPLICATE, assessment=nothing))
    advice = weigh(DecisionKind.DATASET, stored.name, options, KEEP, reason="")
    if not advice.changes:
        return None
    other_g = None if spare is None else costs[spare.kept.place]
    if advice.recommended == TIER_DOWN:
        advice = _without_money(advice)
    return replace(
        advice,
        reason=explain(company, case, advice, other_g),
        turning_points=tuple(list_turns(company, case, advice, other_g)),
        conditions=tuple(list_conditions(company, case, advice)),
        irreversible=advice.recommended in (DELETE, DEDUPLICATE),
    )


def _without_money(advice: Advice) -> Advice:
    """Leave out what another medium would cost: one price holds for all of them."""
    if advice.saving_cost is None:
        return advice
    unknown = Finding(
        "medium-unpriced",
        "What another medium saves in money is not known: prices.storage holds for all media.",
        Severity.INFO,
    )
    return replace(advice, saving_cost=None, findings=(*advice.findings, unknown))
