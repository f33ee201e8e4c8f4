"""Restating: what was entered stays, what is right stands beside it, with the cause."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    and_,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from footprint.errors import LedgerError, UsageError
from footprint.ledger.changes import Cause, Note, add_change
from footprint.ledger.columns import VOCABULARIES, check_text
from footprint.ledger.connections import Ledger
from footprint.ledger.schema import (
    NUMBERS,
    REQUIRED,
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
from footprint.model import ACTIVITY_COLUMNS

CORRECTABLE = ("silo", *(name for name in ACTIVITY_COLUMNS if name != "start_s"))
SCALABLE = tuple(name for name in NUMBERS if name in CORRECTABLE)
_BOUNDS = ("energy_low_kwh", "energy_high_kwh")


@dataclass(frozen=True, slots=True)
class Correction:
    """What to set right, and where.

    Attributes
    ----------
    where : mapping
        Which activities, as for `query`.
    values : mapping of str to value
        The right value by column; None for "not known".
    scale : mapping of str to float
        What to multiply columns of numbers by.
    """

    where: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Write it as JSON."""
        parts = {"where": self.where, "values": self.values, "scale": self.scale}
        return json.dumps({name: dict(part) for name, part in parts.items()}, allow_nan=False)


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
    """What a correction did: number of its change, None if nothing had to change, and values."""

    change: int | None
    values: tuple[Restated, ...]


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
    new = _new_columns(correction)
    with ledger.writing(dry_run=dry_run) as connection:
        meant = and_(activities.c.superseded_by.is_(None), *conditions(correction.where))
        if not connection.execute(select(func.count()).where(meant)).scalar_one():
            raise LedgerError(
                "No activity of the ledger is meant.",
                "See what there is with: footprint ledger query",
            )
        change = add_change(connection, "restate", note, correction.to_json())
        if not _apply(connection, correction, meant, new, change):
            connection.execute(changes.delete().where(changes.c.id == change))
            return Restatement(None, ())
        return Restatement(None if dry_run else change, tuple(_values(connection, change)))


def withdraw(ledger: Ledger, run: str, note: Note, *, silo: str | None = None) -> Restatement:
    """Take a run out of what counts; it stays in the history, and can be entered again.

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
        return Restatement(change, tuple(_values(connection, change)))


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


def correct_again(connection: Connection, run_id: int, change: int) -> int:
    """Apply the corrections of a run to activities that took the place of corrected ones.

    Returns
    -------
    int
        How many there were.
    """
    withdrawn = (
        select(func.coalesce(func.max(changes.c.id), 0))
        .join(restatements, restatements.c.change_id == changes.c.id)
        .where(restatements.c.run_id == run_id, changes.c.kind == "withdraw")
        .scalar_subquery()
    )
    found = connection.execute(
        select(changes.c.correction)
        .where(
            changes.c.correction.is_not(None),
            changes.c.id > withdrawn,
            changes.c.id.in_(
                select(restatements.c.change_id).where(restatements.c.run_id == run_id)
            ),
        )
        .order_by(changes.c.id)
    ).scalars()
    number = 0
    for document in found.all():
        correction = Correction(**json.loads(document))
        meant = and_(
            activities.c.superseded_by.is_(None),
            activities.c.run_id == run_id,
            *conditions(correction.where),
        )
        _apply(connection, correction, meant, _new_columns(correction), change, noted=False)
        number += 1
    return number


def _new_columns(correction: Correction) -> dict[str, ColumnElement[Any]]:
    """Give the new value of each column that a correction touches."""
    both = sorted(set(correction.values) & set(correction.scale))
    if both or not (correction.values or correction.scale):
        raise UsageError(
            f"{both[0]} is set and scaled at once." if both else "The correction changes nothing.",
            "Give each column one new value, or one factor.",
        )
    new: dict[str, ColumnElement[Any]] = {}
    for name, value in correction.values.items():
        column = _column(name, CORRECTABLE)
        new[name] = cast(literal(_checked(name, value), column.type), column.type)
    for name, factor in correction.scale.items():
        column = _column(name, SCALABLE)
        if not (math.isfinite(factor) and factor >= 0):
            raise UsageError(f"{name} cannot be multiplied by {factor!r}.", "Use 0 or more.")
        new[name] = column * cast(literal(float(factor), column.type), column.type)
    # Bounds of a value that is another now are not known; those of a multiple are multiples.
    for name in _BOUNDS:
        if "energy_kwh" in new and name not in new:
            column = activities.c[name]
            by = correction.scale.get("energy_kwh")
            empty = cast(literal(None, column.type), column.type)
            new[name] = empty if by is None else column * cast(literal(float(by)), column.type)
    return new


def _column(name: str, allowed: tuple[str, ...]) -> Column[Any]:
    if name not in allowed:
        raise UsageError(f"{name!r} cannot be restated so.", f"Use one of: {', '.join(allowed)}.")
    return activities.c[name]


def _checked(name: str, value: Any) -> Any:
    if value is None:
        if name in REQUIRED:
            raise UsageError(f"{name} cannot be missing.", "Give the right value.")
        return None
    if name in NUMBERS or name == "round":
        try:
            number = int(value) if name == "round" else float(value)
        except (TypeError, ValueError):
            raise UsageError(f"{name} cannot be {value!r}.", "Write a number.") from None
        if not 0 <= number < math.inf:
            raise UsageError(f"{name} cannot be {value!r}.", "Write a number of 0 or more.")
        return number
    word = check_text(value, name)
    return str(VOCABULARIES[name](word)) if name in VOCABULARIES else word


def _apply(
    connection: Connection,
    correction: Correction,
    meant: ColumnElement[bool],
    new: Mapping[str, ColumnElement[Any]],
    change: int,
    *,
    noted: bool = True,
) -> int:
    """Put corrected rows in the place of those that differ; gives their number."""
    last = connection.execute(select(func.coalesce(func.max(activities.c.id), 0))).scalar_one()
    differ = or_(*(activities.c[name].is_distinct_from(value) for name, value in new.items()))
    wrong = and_(meant, differ, activities.c.id <= last)
    if noted:
        _note_values(connection, correction, wrong, new, change)
    kept = [c for c in activities.columns if c.name not in ("id", "added_by", *new)]
    kept = [c for c in kept if c.name != "superseded_by"]
    connection.execute(
        insert(activities).from_select(
            [*(c.name for c in kept), *new, "added_by"],
            select(*kept, *new.values(), literal(change)).where(wrong),
        )
    )
    connection.execute(update(activities).where(wrong).values(superseded_by=change))
    added = activities.c.id > last
    outside = or_(
        activities.c.energy_low_kwh > activities.c.energy_kwh * (1 + 1e-9),
        activities.c.energy_high_kwh < activities.c.energy_kwh * (1 - 1e-9),
        and_(activities.c.energy_kwh.is_(None), activities.c.energy_low_kwh.is_not(None)),
        and_(activities.c.energy_kwh.is_(None), activities.c.energy_high_kwh.is_not(None)),
    )
    if connection.execute(select(func.count()).where(added, outside)).scalar_one():
        raise LedgerError(
            "An energy would lie outside of its bounds.",
            "Set energy_low_kwh and energy_high_kwh too. Nothing was changed.",
        )
    return int(connection.execute(select(func.count()).where(added)).scalar_one())


def _note_values(
    connection: Connection,
    correction: Correction,
    wrong: ColumnElement[bool],
    new: Mapping[str, ColumnElement[Any]],
    change: int,
) -> None:
    """Enter old and new values: sums of numbers, words as they were."""
    rows: list[dict[str, Any]] = []
    for name, value in new.items():
        column = activities.c[name]
        other = and_(wrong, column.is_distinct_from(value))
        run_id, count = activities.c.run_id, func.count()
        if name in NUMBERS:
            statement = select(run_id, func.sum(column), func.sum(value), count)
            found = connection.execute(statement.where(other).group_by(run_id))
        else:
            right = cast(literal(_checked(name, correction.values[name])), column.type)
            statement = select(run_id, column, right, count)
            found = connection.execute(statement.where(other).group_by(run_id, column))
        rows += [
            {
                "change_id": change,
                "run_id": row[0],
                "quantity": name,
                "old_value": json.dumps(row[1]),
                "new_value": json.dumps(row[2]),
                "activities": row[3],
            }
            for row in found
        ]
    if rows:
        connection.execute(insert(restatements), rows)


def _values(connection: Connection, change: int) -> Iterator[Restated]:
    statement = (
        select(
            runs.c.name,
            runs.c.silo,
            restatements.c.quantity,
            restatements.c.old_value,
            restatements.c.new_value,
            restatements.c.activities,
        )
        .join(runs, runs.c.id == restatements.c.run_id)
        .where(restatements.c.change_id == change)
        .order_by(restatements.c.id)
    )
    for name, silo, quantity, old, new, number in connection.execute(statement):
        yield Restated(name, silo, quantity, json.loads(old), json.loads(new), number)
