"""What was proposed, what was decided about it by whom, and what became of it.

Plans and outcomes are documents that only their readers know; what was promised is kept in
columns, as it was when it was decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, insert, select, true, update

from footprint.errors import LedgerError, UsageError
from footprint.ledger.changes import Note, add_change
from footprint.ledger.columns import check_text
from footprint.ledger.connections import Ledger
from footprint.ledger.proposals import (
    Decision,
    DecisionStatus,
    OutcomeRecord,
    PlanRecord,
    Proposal,
)
from footprint.ledger.schema import changes, decisions, outcomes, plans
from footprint.ledger.states import valid
from footprint.model import Interval

_PROPOSED = tuple(field.name for field in fields(Proposal))


def make_plan(company: str, made_s: float, document: str) -> PlanRecord:
    """Describe a plan that may not be kept yet.

    Parameters
    ----------
    company : str
    made_s : float
        Unix time [s].
    document : str
        Written in one way only: its hash is what it is known by.
    """
    check_text(company, "company")
    check_text(document, "the plan")
    digest = hashlib.sha256(document.encode()).hexdigest()
    return PlanRecord(company, made_s, digest, document)


def record_plan(ledger: Ledger, plan: PlanRecord) -> PlanRecord:
    """Keep a plan. The same one twice is one; deciding on its advice keeps it too."""
    with ledger.writing() as connection:
        return _keep_plan(connection, plan)[1]


def find_plan(ledger: Ledger, sha256: str) -> PlanRecord:
    """Find a plan by its hash, or by how it begins.

    Raises
    ------
    LedgerError
        If there is none, or several begin so.
    """
    with ledger.reading() as connection:
        rows = connection.execute(
            _plans().where(plans.c.sha256.startswith(sha256, autoescape=True))
        )
        found = [PlanRecord(*row) for _, *row in rows]
    if len(found) != 1:
        raise LedgerError(
            f"{len(found) or 'No'} plans of the ledger begin with {sha256!r}.",
            "See them with: footprint manage decisions --json",
        )
    return found[0]


def decide(
    ledger: Ledger,
    plan: PlanRecord,
    proposal: Proposal,
    status: DecisionStatus,
    note: Note,
    *,
    older: bool = False,
) -> Decision:
    """Enter what a person decided about an advice; keeps its plan with it, or nothing.

    The same decision twice is one. Another one about the same question of the same company,
    of this plan or a later one, takes its place; the older one stays, superseded. What was
    measured of an approval is that of every later approval by the same plan, too.

    Parameters
    ----------
    ledger : Ledger
    plan : PlanRecord
        As `make_plan` gives it.
    proposal : Proposal
    status : DecisionStatus
    note : Note
        By whom, and why.
    older : bool
        Whether a plan may take the place of one that was made later.

    Raises
    ------
    UsageError
        If nobody is named: whoever is logged in need not be who decided.
    LedgerError
        If a newer plan was decided on, and `older` is not set.
    """
    if not note.author.strip():
        raise UsageError("A decision needs a name.", "Say who decided: --by NAME.")
    for name in _PROPOSED:
        value = getattr(proposal, name)
        if isinstance(value, str):
            check_text(value, name)
    with ledger.writing() as connection:
        plan_id, kept = _keep_plan(connection, plan)
        known = _read(connection, _of_question(proposal))
        if known and _is_same(known[0], kept, proposal, status, note):
            return known[0]
        if known and known[0].plan_made_s > kept.made_s and not older:
            raise LedgerError(
                f"{proposal.advice!r} was decided by a plan that was made later than this one.",
                "Decide by the newer plan; or say that this one counts: --older.",
            )
        change = add_change(connection, _VERBS[status], note)
        connection.execute(
            update(decisions).where(_of_question(proposal)).values(superseded_by=change)
        )
        connection.execute(
            insert(decisions).values(
                plan_id=plan_id, status=str(status), added_by=change, **asdict(proposal)
            )
        )
        return replace(_read(connection, decisions.c.added_by == change)[0], is_new=True)


_VERBS = {DecisionStatus.APPROVED: "approve", DecisionStatus.REJECTED: "reject"}


def _keep_plan(connection: Connection, plan: PlanRecord) -> tuple[int, PlanRecord]:
    """Give the number of a plan, and the plan as it is kept."""
    known = _plans().where(plans.c.sha256 == plan.sha256)
    row = connection.execute(known).first()
    is_new = row is None
    if row is None:
        values = {name: getattr(plan, name) for name in ("company", "made_s", "sha256", "document")}
        change = add_change(connection, "plan", Note())
        connection.execute(insert(plans).values(**values, added_by=change))
        row = connection.execute(known).one()
    return row[0], replace(PlanRecord(*row[1:]), is_new=is_new)


def _plans() -> Select[Any]:
    p = plans.c
    return select(p.id, p.company, p.made_s, p.sha256, p.document, p.added_by)


def _of_question(proposal: Proposal) -> ColumnElement[bool]:
    """Choose the decision that counts about the question that an advice answers."""
    return and_(
        decisions.c.company == proposal.company,
        decisions.c.advice == proposal.advice,
        decisions.c.superseded_by.is_(None),
    )


def _is_same(
    known: Decision, plan: PlanRecord, proposal: Proposal, status: DecisionStatus, note: Note
) -> bool:
    return (known.plan, known.proposal, known.status, known.author, known.reason) == (
        plan.sha256, proposal, status, note.author, note.reason,
    )  # fmt: skip


def list_decisions(
    ledger: Ledger,
    *,
    company: str | None = None,
    advice: str | None = None,
    everything: bool = False,
    as_of: int | None = None,
) -> list[Decision]:
    """Give the decisions that count, the largest promised saving first.

    Parameters
    ----------
    ledger : Ledger
    company, advice : str, optional
        Only those.
    everything : bool
        Also those that another one took the place of.
    as_of : int, optional
        Number of a change: the ledger as it was after it.
    """
    wanted = [] if everything else [valid(decisions, as_of)]
    if as_of is not None:
        wanted.append(decisions.c.added_by <= as_of)
    for column, value in ((decisions.c.company, company), (decisions.c.advice, advice)):
        if value is not None:
            wanted.append(column == check_text(value, column.name))
    with ledger.reading() as connection:
        found = _read(connection, and_(true(), *wanted), as_of)
    return sorted(found, key=lambda one: (-one.proposal.saving_g, one.proposal.advice, one.change))


def record_outcome(
    ledger: Ledger, decision: Decision, outcome: OutcomeRecord, note: Note | None = None
) -> OutcomeRecord:
    """Enter what was measured of a decision. What was promised is not touched.

    The same outcome twice is one; a later one takes its place, and the older one stays.

    Raises
    ------
    LedgerError
        If the decision was not an approval, or another one took its place meanwhile.
    """
    check_text(outcome.document, "the outcome")
    with ledger.writing() as connection:
        decision_id = connection.execute(
            select(decisions.c.id).where(
                decisions.c.added_by == decision.change,
                decisions.c.superseded_by.is_(None),
                decisions.c.status == str(DecisionStatus.APPROVED),
            )
        ).scalar()
        if decision_id is None:
            raise LedgerError(
                f"{decision.proposal.advice!r} is not approved, or was decided anew.",
                "See what counts with: footprint manage decisions",
            )
        last = _outcomes(connection, [decision.change], None).get(decision.change)
        if last is not None and last.document == outcome.document:
            return last
        change = add_change(connection, "outcome", note or Note())
        connection.execute(
            update(outcomes)
            .where(outcomes.c.decision_id == decision_id, outcomes.c.superseded_by.is_(None))
            .values(superseded_by=change)
        )
        measured = outcome.measured_g
        connection.execute(
            insert(outcomes).values(
                decision_id=decision_id,
                measured_g=None if measured is None else measured.value,
                measured_low_g=None if measured is None else measured.low,
                measured_high_g=None if measured is None else measured.high,
                measured_kwh=outcome.measured_kwh,
                document=outcome.document,
                added_by=change,
            )
        )
        return _outcomes(connection, [decision.change], None)[decision.change]


def _read(
    connection: Connection, wanted: ColumnElement[bool], as_of: int | None = None
) -> list[Decision]:
    d = decisions.c
    statement = (
        select(
            plans.c.sha256,
            plans.c.made_s,
            d.status,
            changes.c.author,
            changes.c.reason,
            changes.c.made_s,
            d.added_by,
            d.superseded_by,
            *(d[name] for name in _PROPOSED),
        )
        .join(plans, plans.c.id == d.plan_id)
        .join(changes, changes.c.id == d.added_by)
        .where(wanted)
    )
    rows = connection.execute(statement).all()
    measured = _outcomes(connection, [row[6] for row in rows], as_of)
    return [
        Decision(
            proposal=Proposal(**dict(zip(_PROPOSED, row[8:], strict=True))),
            plan=row[0],
            plan_made_s=row[1],
            status=DecisionStatus(row[2]),
            author=row[3] or "",
            reason=row[4] or "",
            made_s=row[5],
            change=row[6],
            # As of a change, what came later had not come yet.
            superseded_by=None if as_of is not None and (row[7] or 0) > as_of else row[7],
            outcome=measured.get(row[6]),
        )
        for row in rows
    ]


def _outcomes(
    connection: Connection, made_by: Sequence[int], as_of: int | None
) -> dict[int, OutcomeRecord]:
    """Give the last outcome of decisions, by the change that made each.

    An approval has the outcomes of earlier approvals by the same plan: they promised the same.
    """
    o, d, asked = outcomes.c, decisions.c, decisions.alias("asked")
    same = [d[name] == asked.c[name] for name in ("plan_id", "company", "advice", "status")]
    statement = (
        select(
            asked.c.added_by,
            o.measured_g,
            o.measured_low_g,
            o.measured_high_g,
            o.measured_kwh,
            o.document,
            changes.c.made_s,
            o.added_by,
        )
        .select_from(outcomes)
        .join(decisions, d.id == o.decision_id)
        .join(asked, and_(d.added_by <= asked.c.added_by, *same))
        .join(changes, changes.c.id == o.added_by)
        .where(valid(outcomes, as_of), asked.c.added_by.in_(made_by))
        .order_by(o.added_by)
    )
    return {
        row[0]: OutcomeRecord(
            measured_g=None if row[1] is None else Interval(*row[1:4]),
            measured_kwh=row[4],
            document=row[5],
            made_s=row[6],
            change=row[7],
        )
        for row in connection.execute(statement)
    }
