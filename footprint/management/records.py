"""What management enters into the ledger, and reads there: catalogues, plans, decisions, outcomes.

The ledger keeps documents; here they are what they mean.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from typing import Any

import pydantic

from footprint import ledger as books
from footprint.audit.deployments import Deployment
from footprint.audit.manifest import locate_ledger
from footprint.documents import from_json, to_json
from footprint.errors import DataError, LedgerError, UsageError
from footprint.ledger import (
    CatalogueRecord,
    Decision,
    DecisionStatus,
    Ledger,
    Note,
    OutcomeRecord,
    PlanRecord,
    Proposal,
    list_catalogues,
    list_decisions,
    open_ledger,
)
from footprint.management.advisor.needs import Needs
from footprint.management.catalogue import SiloCatalogue, read_catalogue, write_catalogue
from footprint.management.outcomes import MeasuredOutcome
from footprint.model import Advice, AdvicePlan

OUTCOME_FORMAT = "footprint-outcome"
OUTCOME_VERSION = 1


@dataclass(frozen=True, slots=True)
class KnownCatalogue:
    """A catalogue, and how the ledger keeps it."""

    record: CatalogueRecord
    catalogue: SiloCatalogue


def record_catalogue(
    ledger: Ledger, catalogue: SiloCatalogue, note: Note | None = None
) -> CatalogueRecord:
    """Enter what a silo has; see `footprint.ledger.record_catalogue`."""
    document = write_catalogue(catalogue).decode()
    return books.record_catalogue(ledger, catalogue.silo, catalogue.scanned_s, document, note)


def read_catalogues(
    ledger: Ledger, silo: str | None = None, *, as_of: int | None = None
) -> list[KnownCatalogue]:
    """Read the catalogues that count, by silo, oldest first.

    Raises
    ------
    LedgerError
        If one cannot be read any more.
    """
    return [_known(one) for one in list_catalogues(ledger, silo, as_of=as_of)]


def newest_catalogues(ledger: Ledger, *, as_of: int | None = None) -> dict[str, SiloCatalogue]:
    """Read the last catalogue of each silo, as the ledger was after a change."""
    last = books.latest_catalogues(ledger, as_of=as_of)
    return {silo: _known(one).catalogue for silo, one in last.items()}


def read_recorded(needs: Needs, deployment: Deployment) -> dict[str, SiloCatalogue]:
    """Read the last catalogues of silos out of the ledger that the needs name.

    Nothing is read where every silo has a folder, or no ledger is named.

    Raises
    ------
    ManifestError
        If the ledger lies outside of the manifest's folder, and that was not allowed.
    LedgerError
        If it cannot be read.
    """
    if needs.ledger is None or all(silo.folder is not None for silo in needs.silos):
        return {}
    here = replace(deployment, origin=needs.origin)
    with open_ledger(locate_ledger(here, needs.ledger, "ledger"), read_only=True) as ledger:
        return newest_catalogues(ledger)


def catalogue_series(ledger: Ledger) -> dict[str, list[SiloCatalogue]]:
    """Read the catalogues that count of each silo, oldest first."""
    series: dict[str, list[SiloCatalogue]] = {}
    for one in read_catalogues(ledger):
        series.setdefault(one.record.silo, []).append(one.catalogue)
    return series


def _known(record: CatalogueRecord) -> KnownCatalogue:
    try:
        # It was looked through when it came in; what it says of time is measured by its own scan.
        found = read_catalogue(record.document.encode(), record.scanned_s)
    except DataError as error:
        raise _damaged(f"The catalogue of {record.silo!r} from change {record.change}") from error
    return KnownCatalogue(record, found)


def record_plan(ledger: Ledger, plan: AdvicePlan) -> PlanRecord:
    """Keep a plan; the same one twice is one."""
    return books.record_plan(ledger, _plan_record(plan))


def read_plan(ledger: Ledger, sha256: str) -> AdvicePlan:
    """Read a plan that the ledger keeps, by its hash or the beginning of it."""
    record = books.find_plan(ledger, sha256)
    found: Any = from_json(record.document, name=f"the plan {sha256[:12]}")
    if not isinstance(found, AdvicePlan):
        raise _damaged(f"The plan {record.sha256[:12]}")
    return found


def _plan_record(plan: AdvicePlan) -> PlanRecord:
    # Written anew, so that indents of a file make no other plan of it.
    return books.make_plan(plan.company, plan.made_s, to_json(plan, compact=True))


def decide(
    ledger: Ledger,
    plan: AdvicePlan,
    advice_id: str,
    status: DecisionStatus,
    note: Note,
    *,
    older: bool = False,
) -> Decision:
    """Approve or reject an advice; keeps its plan too. See `footprint.ledger.decide`."""
    advice = advice_of(plan, advice_id)
    proposal = Proposal(
        company=plan.company,
        advice=advice.id,
        kind=str(advice.kind),
        subject=advice.subject,
        current=advice.current,
        recommended=advice.recommended,
        saving_g=advice.saving_g.value,
        saving_low_g=advice.saving_g.low,
        saving_high_g=advice.saving_g.high,
        saving_kwh=advice.saving_kwh,
        saving_cost=None if advice.saving_cost is None else advice.saving_cost.value,
        currency=None if advice.currency is None else str(advice.currency),
    )
    return books.decide(ledger, _plan_record(plan), proposal, status, note, older=older)


def advice_of(plan: AdvicePlan, advice_id: str) -> Advice:
    """Find an advice in a plan.

    Raises
    ------
    UsageError
        If there is none of that id; names those that there are.
    """
    for advice in plan.advice:
        if advice.id == advice_id:
            return advice
    known = ", ".join(repr(one.id) for one in plan.advice[:20])
    raise UsageError(
        f"The plan of {plan.company!r} holds no advice {advice_id!r}.",
        f"It holds: {known or 'none'}{', ...' if len(plan.advice) > 20 else ''}.",
    )


def approved(ledger: Ledger, advice_id: str, company: str | None = None) -> Decision:
    """Find the approval that counts of an advice.

    Raises
    ------
    LedgerError
        If it was not decided on, or rejected, or several companies of the ledger have such.
    """
    found = list_decisions(ledger, company=company, advice=advice_id)
    if not found:
        raise LedgerError(
            f"Nobody decided about {advice_id!r} in this ledger.",
            "See what was decided with: footprint manage decisions",
        )
    if len(found) > 1:
        raise LedgerError(
            f"{advice_id!r} was decided for {', '.join(repr(d.proposal.company) for d in found)}.",
            "Name one of them: --company.",
        )
    if found[0].status is not DecisionStatus.APPROVED:
        raise LedgerError(
            f"{advice_id!r} was rejected by {found[0].author}: nothing was promised.",
            "Approve it first, if it was carried out after all.",
        )
    return found[0]


def record_outcome(ledger: Ledger, decision: Decision, outcome: MeasuredOutcome) -> OutcomeRecord:
    """Enter what was measured; see `footprint.ledger.record_outcome`."""
    record = OutcomeRecord(
        measured_g=outcome.measured_g,
        measured_kwh=outcome.measured_kwh,
        document=write_outcome(outcome),
    )
    return books.record_outcome(ledger, decision, record)


def write_outcome(outcome: MeasuredOutcome) -> str:
    """Write an outcome as JSON, the same for equal ones."""
    body = _adapter().dump_python(outcome, mode="json")
    document: dict[str, Any] = {"format": OUTCOME_FORMAT, "format_version": OUTCOME_VERSION, **body}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_outcome(record: OutcomeRecord) -> MeasuredOutcome:
    """Read an outcome that the ledger keeps.

    Raises
    ------
    LedgerError
        If it cannot be read: another release wrote it, or the database was changed by hand.
    """
    try:
        document = json.loads(record.document)
        if (document.pop("format"), document.pop("format_version")) != (
            OUTCOME_FORMAT,
            OUTCOME_VERSION,
        ):
            raise ValueError("another format")  # noqa: TRY301 - one message for all of it
        return _adapter().validate_python(document)
    except (ValueError, KeyError, AttributeError) as error:
        raise _damaged(f"The outcome from change {record.change}") from error


def _damaged(what: str) -> LedgerError:
    return LedgerError(
        f"{what} cannot be read.",
        "Another release wrote it, or the database was changed by hand; restore a copy.",
    )


@functools.cache
def _adapter() -> pydantic.TypeAdapter[MeasuredOutcome]:
    return pydantic.TypeAdapter(MeasuredOutcome)
