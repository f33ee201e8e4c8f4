"""Which activities are meant: conditions in columns, never in text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from footprint.errors import LedgerError, UsageError
from footprint.ledger.columns import MOST_ROUNDS, VOCABULARIES, check_text
from footprint.ledger.schema import activities, runs

WORDS = (
    "actor",
    "role",
    "device",
    "zone",
    "phase",
    "basis",
    "tier",
    "source",
    "life_cycle",
    "access",
    "instance",
)
SELECTORS = ("run", "silo", *WORDS, "round", "month", "year", "since_s", "until_s")
"""What activities can be chosen by."""
_WHOLE = ("round", "month", "year")
_LAST_MONTH = 10**6  # year 9999


def conditions(where: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Turn a choice of activities into conditions with bound values.

    Parameters
    ----------
    where : mapping of str to value or sequence of values
        Of `SELECTORS`: what an activity must have; None stands for "not known". ``since_s``
        and ``until_s`` are Unix times [s] of its start, the latter excluded.

    Raises
    ------
    UsageError
        If a key is unknown, or a value cannot be one of it.
    """
    return [_condition(name, value) for name, value in where.items()]


def _condition(name: str, value: Any) -> ColumnElement[bool]:
    if name not in SELECTORS:
        raise UsageError(
            f"Activities cannot be chosen by {name!r}.", f"Use one of: {', '.join(SELECTORS)}."
        )
    if name == "since_s":
        return activities.c.start_s >= _moment(name, value)
    if name == "until_s":
        return activities.c.start_s < _moment(name, value)
    values = [_checked(name, one) for one in _several(value)]
    if name == "run":
        named = select(runs.c.id).where(runs.c.name.in_(values))
        return activities.c.run_id.in_(named)
    column = activities.c.month // 100 if name == "year" else activities.c[name]
    known = [one for one in values if one is not None]
    chosen = [column.in_(known)] if known else []
    if None in values:
        chosen.append(column.is_(None))
    return or_(*chosen)


def _several(value: Any) -> Sequence[Any]:
    if value is None or isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    values = list(value)
    if not values:
        raise UsageError("A choice of activities has no value.", "Give one, or leave it out.")
    return values


def _moment(name: str, value: Any) -> float:
    try:
        moment = float(value)
    except (TypeError, ValueError, OverflowError):
        moment = math.nan
    if math.isfinite(moment):
        return moment
    raise UsageError(f"{name} cannot be {value!r}.", "Write a Unix time in seconds.")


def _checked(name: str, value: Any) -> str | int | None:
    if value is None:
        return None
    if name in _WHOLE:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            number = MOST_ROUNDS
        # Years are found as months: both have to fit into what a database counts with.
        if abs(number) >= (MOST_ROUNDS if name == "round" else _LAST_MONTH):
            raise UsageError(f"{name} cannot be {value!r}.", "Write a whole number.")
        return number
    try:
        word = check_text(value, name)
    except LedgerError as error:
        raise UsageError(error.message, error.remedy) from None
    return str(VOCABULARIES[name](word)) if name in VOCABULARIES else word
