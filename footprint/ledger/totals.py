"""Sums over activities, in which what is not known stays not known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from footprint.ledger.schema import activities

_A = activities.c
_IS_UNBOUNDED = _A.energy_kwh.is_not(None) & (
    _A.energy_low_kwh.is_(None) | _A.energy_high_kwh.is_(None)
)


def _bound(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Sum of bounds; of which one is unknown, it is unknown."""
    return case((func.sum(case((_IS_UNBOUNDED, 1), else_=0)) == 0, func.sum(column)))


MEASURES: dict[str, ColumnElement[Any]] = {
    "activities": func.count(_A.id),
    "duration_s": func.sum(_A.duration_s),
    "energy_kwh": func.sum(_A.energy_kwh),
    "energy_low_kwh": _bound(_A.energy_low_kwh),
    "energy_high_kwh": _bound(_A.energy_high_kwh),
    "unmetered": func.sum(case((_A.energy_kwh.is_(None) & (_A.duration_s > 0), 1), else_=0)),
    "data_gb": func.sum(_A.data_gb),
    "transfer_s": func.sum(_A.transfer_s),
    "stored_gb_h": func.sum(_A.stored_gb_h),
}
"""What is summed: as of the lines of an inventory, in SQL."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the activities of one run.

    Attributes
    ----------
    activities : int
    energy_kwh : float or None
        Of those of which it is known [kWh]; None if it is of none.
    duration_s, data_gb : float
    """

    activities: int
    energy_kwh: float | None
    duration_s: float
    data_gb: float


def sum_up(connection: Connection, run_id: int) -> Totals:
    """Sum the activities of a run that count now."""
    row = connection.execute(
        select(
            MEASURES["activities"],
            MEASURES["energy_kwh"],
            func.coalesce(MEASURES["duration_s"], 0.0),
            func.coalesce(MEASURES["data_gb"], 0.0),
        ).where(_A.run_id == run_id, _A.superseded_by.is_(None))
    ).one()
    return Totals(*row)


def changed_totals(old: Totals, new: Totals) -> Iterator[tuple[str, str, str]]:
    """Give each quantity in which two sums differ, with both as JSON."""
    for column in fields(Totals):
        before, after = getattr(old, column.name), getattr(new, column.name)
        if before != after:
            yield column.name, json.dumps(before), json.dumps(after)
