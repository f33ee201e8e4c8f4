"""Activities between the columns of a journal and the rows of a database."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, insert

from footprint.errors import LedgerError, UsageError
from footprint.ledger.schema import NUMBERS, REQUIRED, activities
from footprint.model import (
    ACTIVITY_COLUMNS,
    DEFAULTS,
    Access,
    Basis,
    Journal,
    LifeCycle,
    Phase,
    Role,
    Tier,
)

VOCABULARIES: Mapping[str, Callable[[str], str]] = {
    "role": Role.parse,
    "phase": Phase.parse,
    "basis": Basis.parse,
    "tier": Tier.parse,
    "life_cycle": LifeCycle.parse,
    "access": Access.parse,
}
_CHUNK = 5_000
_EARLIEST_S, _LATEST_S = -62_135_596_800.0, 253_402_300_800.0  # years 1 to 9999
MOST_ROUNDS = 2**53  # above it a float is no exact integer
LARGEST = 1e30
"""Of any number: nothing has more of a unit, and sums of such numbers are finite."""
_RANGES = {
    "start_s": (_EARLIEST_S, np.nextafter(_LATEST_S, 0.0), "no Unix time"),
    "resource_share": (np.nextafter(0.0, 1.0), 1.0, "no share above 0 and up to 1"),
}

Columns = dict[str, list[Any]]


def check_columns(journal: Journal) -> Columns:
    """Give the columns of a journal as plain lists, with None for what is not known.

    Parameters
    ----------
    journal : Journal

    Returns
    -------
    dict of str to list
        One list per field of `Activity`, and ``month``: year and month in UTC as one integer,
        202611 for November 2026.

    Raises
    ------
    LedgerError
        If a value cannot be kept, naming the activity: a number without end, a word that
        is none of its vocabulary, text that no database takes, bounds beside their value.
    """
    number = len(journal)
    columns: Columns = {}
    for name in ACTIVITY_COLUMNS:
        column = journal.columns.get(name)
        if column is None:
            default = DEFAULTS[name]
            columns[name] = [str(default) if isinstance(default, str) else default] * number
        elif name in NUMBERS:
            columns[name] = _numbers(name, column)
        elif name == "round":
            columns[name] = _rounds(column)
        else:
            columns[name] = _words(name, column)
    _require_bounds(columns)
    columns["month"] = months(columns["start_s"])
    return columns


def months(start_s: Sequence[float]) -> list[int]:
    """Year and month of Unix times, in UTC, as 100 year + month."""
    seconds = np.floor(np.asarray(start_s, dtype=np.float64)).astype("datetime64[s]")
    since_1970 = seconds.astype("datetime64[M]").astype(np.int64)
    found: list[int] = (100 * (1970 + since_1970 // 12) + since_1970 % 12 + 1).tolist()
    return found


def check_text(value: Any, what: str) -> str:
    """Give a text that every database takes.

    Raises
    ------
    LedgerError
        If it holds a zero byte or half a character.
    """
    word = str(value.value if hasattr(value, "value") else value)
    try:
        word.encode()
    except UnicodeEncodeError:
        raise LedgerError(f"{what}: {word!r} is not valid text.", "Correct its encoding.") from None
    if "\0" in word:
        raise LedgerError(f"{what}: {word!r} holds a zero byte.", "Take it out.")
    return word


def insert_activities(
    connection: Connection, columns: Columns, *, run_id: int, change: int
) -> None:
    """Write activities, as fast as the database takes them.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    columns : dict of str to list
        From `check_columns`.
        With ``silo`` beside it.
    run_id, change : int
    """
    number = len(columns["actor"])
    filled = {"run_id": [run_id] * number, "added_by": [change] * number, **columns}
    names = [column.name for column in activities.columns if column.name in filled]
    rows = zip(*(filled[name] for name in names), strict=True)
    if connection.dialect.name == "postgresql":
        # COPY is several times faster than INSERT.
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY activities ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    statement = str(insert(activities).compile(dialect=connection.dialect, column_keys=names))
    while chunk := list(islice(rows, _CHUNK)):
        connection.exec_driver_sql(statement, chunk)


def _numbers(name: str, column: Sequence[Any]) -> list[float | None]:
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LedgerError(f"{name}: not all values are numbers: {error}.") from error
    missing = np.isnan(values)
    if name in REQUIRED and missing.any():
        _refuse(name, missing, "is missing")
    low, high, expected = _RANGES.get(name, (0.0, LARGEST, "negative or without end"))
    with np.errstate(invalid="ignore"):
        wrong = ~missing & ~((values >= low) & (values <= high))
    if wrong.any():
        _refuse(name, wrong, f"is {values[wrong][0].item()!r}: {expected}")
    found: list[float | None] = values.tolist()
    for place in np.flatnonzero(missing).tolist():
        found[place] = None
    return found


def _rounds(column: Sequence[Any]) -> list[int | None]:
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LedgerError(f"round: not all values are numbers: {error}.") from error
    missing = np.isnan(values)
    with np.errstate(invalid="ignore"):
        wrong = ~missing & ~((values == np.floor(values)) & (abs(values) < MOST_ROUNDS))
    if wrong.any():
        _refuse("round", wrong, f"is {values[wrong][0].item()!r}: no whole number")
    return [None if gone else int(value) for value, gone in zip(values, missing, strict=True)]


def _words(name: str, column: Sequence[Any]) -> list[str | None]:
    known = {value: _word(name, value) for value in _distinct(column)}
    words = list(map(known.__getitem__, column))
    if name in REQUIRED and None in known.values():
        _refuse(name, np.array([word is None for word in words]), "is missing")
    return words


def _distinct(column: Sequence[Any]) -> set[Hashable]:
    try:
        return set(column)
    except TypeError as error:
        raise LedgerError(f"A column holds something that is no value: {error}.") from error


def _word(name: str, value: Any) -> str | None:
    if value is None or value != value or (value == "" and name not in REQUIRED):
        return None
    word = check_text(value, name)
    if name not in VOCABULARIES:
        return word
    try:
        return str(VOCABULARIES[name](word).value)  # type: ignore[attr-defined]
    except UsageError as error:
        raise LedgerError(f"{name}: {error.message}", error.remedy) from error


def _require_bounds(columns: Columns) -> None:
    value, low, high = (
        np.array(columns[name], dtype=np.float64)
        for name in ("energy_kwh", "energy_low_kwh", "energy_high_kwh")
    )
    # What was computed in another order may differ in the last digits.
    slack = 1e-9 * np.nan_to_num(value)
    with np.errstate(invalid="ignore"):
        wrong = (low > value + slack) | (high < value - slack)
    if wrong.any():
        _refuse("energy_kwh", wrong, "does not lie within its bounds")
    alone = np.isnan(value) & ~(np.isnan(low) & np.isnan(high))
    if alone.any():
        _refuse("energy_kwh", alone, "is missing, and has bounds")


def _refuse(name: str, wrong: Any, reason: str) -> None:
    first = int(np.flatnonzero(wrong)[0]) + 1
    more = int(wrong.sum()) - 1
    raise LedgerError(
        f"{name} of activity {first} {reason}" + (f" ({more} more like it)." if more else "."),
        "Correct the file; of it nothing was entered.",
    )


def read_columns(connection: Connection, statement: Select[Any], names: Sequence[str]) -> Columns:
    """Run a query, and turn its rows into columns.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    statement : sqlalchemy.Select
    names : sequence of str
        Of what it selects, in its order.
    """
    columns: Columns = {name: [] for name in names}
    words: dict[Any, Any] = {}  # one object for each word, however often it stands there
    options = {"stream_results": True, "yield_per": _CHUNK}
    for rows in connection.execute(statement, execution_options=options).partitions():
        for name, values in zip(names, zip(*rows, strict=True), strict=True):
            if isinstance(next((v for v in values if v is not None), None), str):
                for word in set(values):
                    words.setdefault(word, word)
                columns[name] += map(words.__getitem__, values)
            else:
                columns[name] += values
    return columns
