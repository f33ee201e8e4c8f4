"""Corrections: what is right, put in the place of what is wrong; nothing is lost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
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
from footprint.ledger.columns import LARGEST, MOST_ROUNDS, VOCABULARIES, check_text
from footprint.ledger.schema import (
    NUMBERS,
    REQUIRED,
    activities,
    changes,
    restatements,
    run_states,
)
from footprint.ledger.selections import conditions
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


def correct_again(connection: Connection, run_id: int, change: int) -> tuple[int, int]:
    """Apply the corrections of a run to activities that took the place of corrected ones.

    What was corrected in files that others took the place of may be right in these: such
    corrections, and those from before the run was withdrawn, are not applied.

    Returns
    -------
    applied, dropped : int
        How many there were; dropped are only those that this change ends.
    """
    ended = select(func.coalesce(func.max(changes.c.id), 0)).where(
        or_(
            and_(
                changes.c.kind == "withdraw",
                changes.c.id.in_(
                    select(restatements.c.change_id).where(restatements.c.run_id == run_id)
                ),
            ),
            and_(
                changes.c.kind == "replace",
                changes.c.id.in_(
                    select(run_states.c.added_by).where(run_states.c.run_id == run_id)
                ),
            ),
        )
    )
    last = connection.execute(ended.where(changes.c.id < change)).scalar_one()
    found = connection.execute(
        select(changes.c.correction)
        .where(
            changes.c.correction.is_not(None),
            changes.c.id > last,
            changes.c.id.in_(
                select(restatements.c.change_id).where(restatements.c.run_id == run_id)
            ),
        )
        .order_by(changes.c.id)
    ).scalars()
    documents = found.all()
    kind = connection.execute(select(changes.c.kind).where(changes.c.id == change)).scalar_one()
    if kind == "replace":
        return 0, len(documents)
    for document in documents:
        correction = Correction(**json.loads(document))
        meant = and_(
            activities.c.superseded_by.is_(None),
            activities.c.run_id == run_id,
            *conditions(correction.where),
        )
        apply_correction(
            connection, correction, meant, new_columns(correction), change, noted=False
        )
    return len(documents), 0


def new_columns(correction: Correction) -> dict[str, ColumnElement[Any]]:
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
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{name} cannot be {value!r}.", "Write a number.") from None
        if not 0 <= number <= (MOST_ROUNDS if name == "round" else LARGEST):
            raise UsageError(f"{name} cannot be {value!r}.", "Write a number of 0 or more.")
        if name == "resource_share" and not 0 < number <= 1:
            raise UsageError(f"{name} cannot be {value!r}.", "Write a share, above 0 and up to 1.")
        return number
    word = check_text(value, name)
    return str(VOCABULARIES[name](word)) if name in VOCABULARIES else word


def apply_correction(
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
    _require_range(connection, correction, meant)
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


def _require_range(
    connection: Connection, correction: Correction, meant: ColumnElement[bool]
) -> None:
    """Refuse factors that make of a number what could not have been entered."""
    for name, factor in correction.scale.items():
        column = activities.c[name]
        low, high = connection.execute(
            select(func.min(column), func.max(column)).where(meant)
        ).one()
        if high is None:
            continue
        is_share = name == "resource_share"
        if factor * high > (1.0 if is_share else LARGEST) or (is_share and factor * low <= 0):
            raise LedgerError(
                f"{name} would be {factor * high:.6g}.",
                "Use another factor. Nothing was changed.",
            )


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
