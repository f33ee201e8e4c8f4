"""Restating: what was entered stays, what is right stands beside it, with the cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, insert, select, update

from footprint.errors import LedgerError, UsageError
from footprint.ledger.changes import Cause, Note, add_change
from footprint.ledger.connections import Ledger
from footprint.ledger.corrections import Correction, apply_correction, new_columns
from footprint.ledger.schema import (
    activities,
    changes,
    restatements,
    run_states,
    runs,
    source_files,
)
from footprint.ledger.selections import conditions
from footprint.ledger.states import read_runs
from footprint.ledger.totals import Totals, changed_totals, sum_up
from footprint.ledger.unknowns import find_unknowns
from footprint.model import Finding


@dataclass(frozen=True, slots=True)
class Restated:
    """One value that was restated.

    Attributes
    ----------
    run, silo : str
        The run, and the silo under which it was entered.
    quantity : str
        Column of the activities, or a total.
    old_value, new_value : float, str or None
        Numbers are sums over the activities that were restated.
    activities : int
        How many they are.
    """

    run: str
    silo: str
    quantity: str
    old_value: float | str | None
    new_value: float | str | None
    activities: int


@dataclass(frozen=True, slots=True)
class Restatement:
    """What a correction did: number of its change, None if nothing had to change, and values.

    `findings` name zones and devices that it sets, and that no built-in factor describes.
    """

    change: int | None
    values: tuple[Restated, ...]
    findings: tuple[Finding, ...] = ()


def restate(
    ledger: Ledger, correction: Correction, note: Note, *, dry_run: bool = False
) -> Restatement:
    """Correct activities without losing what they were.

    The rows that are wrong stay in the ledger, superseded; new ones take their place. What
    a run that grew brings anew is corrected likewise.

    Parameters
    ----------
    ledger : Ledger
    correction : Correction
    note : Note
        The cause, and who did it why.
    dry_run : bool
        Say what would change, and change nothing.

    Raises
    ------
    UsageError
        If the correction cannot mean anything.
    LedgerError
        If no activity is meant, or energies would leave their bounds.
    """
    if note.cause is None:
        raise UsageError("A restatement needs a cause.", f"Use one of: {', '.join(Cause)}.")
    new = new_columns(correction)
    unknown = tuple(find_unknowns(correction.values))
    with ledger.writing(dry_run=dry_run) as connection:
        meant = and_(activities.c.superseded_by.is_(None), *conditions(correction.where))
        if not connection.execute(select(func.count()).where(meant)).scalar_one():
            raise LedgerError(
                "No activity of the ledger is meant.",
                "See what there is with: footprint ledger query",
            )
        change = add_change(connection, "restate", note, correction.to_json())
        if not apply_correction(connection, correction, meant, new, change):
            connection.execute(changes.delete().where(changes.c.id == change))
            return Restatement(None, (), unknown)
        return Restatement(None if dry_run else change, _values(connection, change), unknown)


def withdraw(ledger: Ledger, run: str, note: Note, *, silo: str | None = None) -> Restatement:
    """Take a run out of what counts; it stays in the history, and comes back only with a cause.

    Raises
    ------
    LedgerError
        If there is no such run, or several and no silo says which.
    """
    if note.cause is None:
        raise UsageError("A restatement needs a cause.", f"Use one of: {', '.join(Cause)}.")
    with ledger.writing() as connection:
        known = read_runs(connection, [run])
        meant = [one for one in known if silo is None or one.silo == silo]
        if len(meant) != 1:
            raise LedgerError(
                f"The run {run!r} is in the silos {', '.join(repr(one.silo) for one in known)}.",
                "Name one of them.",
            )
        old = sum_up(connection, meant[0].id)
        change = add_change(connection, "withdraw", note)
        supersede(connection, meant[0].id, change)
        note_totals(connection, meant[0].id, change, old)
        return Restatement(change, _values(connection, change))


def supersede(connection: Connection, run_id: int, change: int) -> int:
    """Close all that counts of a run; gives the number of activities."""
    counts = [
        connection.execute(
            update(table)
            .where(table.c.run_id == run_id, table.c.superseded_by.is_(None))
            .values(superseded_by=change)
        ).rowcount
        for table in (run_states, source_files, activities)
    ]
    return counts[-1]


def note_totals(connection: Connection, run_id: int, change: int, old: Totals) -> None:
    """Enter in which sums a run differs from what it was."""
    new = sum_up(connection, run_id)
    rows = [
        {
            "change_id": change,
            "run_id": run_id,
            "quantity": quantity,
            "old_value": before,
            "new_value": after,
            "activities": max(old.activities, new.activities),
        }
        for quantity, before, after in changed_totals(old, new)
    ]
    if rows:
        connection.execute(insert(restatements), rows)


def _values(connection: Connection, change: int) -> tuple[Restated, ...]:
    return tuple(value for _, value in restated_values(connection, change))


def restated_values(
    connection: Connection, change: int | None = None
) -> Iterator[tuple[int, Restated]]:
    """Give all values that were restated, or those of one change, with its number."""
    statement = (
        select(
            restatements.c.change_id,
            runs.c.name,
            runs.c.silo,
            restatements.c.quantity,
            restatements.c.old_value,
            restatements.c.new_value,
            restatements.c.activities,
        )
        .join(runs, runs.c.id == restatements.c.run_id)
        .order_by(restatements.c.id)
    )
    if change is not None:
        statement = statement.where(restatements.c.change_id == change)
    for number_of, name, silo, quantity, old, new, number in connection.execute(statement):
        yield number_of, Restated(name, silo, quantity, json.loads(old), json.loads(new), number)
