"""Columns of tables of activities, and how many rows and letters they may have."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from footprint.errors import LedgerError
from footprint.ledger.schema import NUMBERS, REQUIRED
from footprint.model import ACTIVITY_COLUMNS, DEFAULTS

_IDENTITY = ("run", "silo", "run_silo")
OF_RUN = ("architecture", "functional_unit", "view", "idle_policy")
RUN_COLUMNS = (*_IDENTITY, *OF_RUN)
"""What a table may say of the run that an activity belongs to.

Activities of one run may lie in several silos; ``run_silo`` is where the run is entered, and
keeps runs of one name apart.
"""
NUMERIC = (*NUMBERS, "round")
MOST_ROWS = 20_000_000
"""Of one table: its columns are held in memory, and a small Parquet file can hold as many rows
as it likes."""
LONGEST_WORD = 131_072
"""Of a cell, in characters; Python's reader of CSV takes no more either."""
LONGEST_ROW = 2 * LONGEST_WORD * (len(ACTIVITY_COLUMNS) + len(RUN_COLUMNS))
"""Of a row of CSV, in characters: every known column at its longest, with each quote doubled."""

Table = dict[str, Any]
"""Columns by name: arrays of numbers, with NaN for what is missing, and lists of words."""


def check_names(names: Sequence[str], name: str) -> None:
    """Refuse columns that are unknown, twice there, or missing.

    Raises
    ------
    LedgerError
    """
    known = (*ACTIVITY_COLUMNS, *RUN_COLUMNS)
    for column in names:
        if column not in known:
            near = difflib.get_close_matches(column, known, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise LedgerError(
                f"{name}: the column {column!r} is unknown.", f"{hint}Known: {', '.join(known)}."
            )
        if list(names).count(column) > 1:
            raise LedgerError(f"{name} has two columns {column!r}.", "Take one away.")
    missing = [c for c in REQUIRED if c not in names and c not in DEFAULTS]
    if missing:
        raise LedgerError(
            f"{name} lacks the columns {', '.join(missing)}.", "See docs/ledger.md for all columns."
        )


def check_rows(rows: int, name: str) -> None:
    """Refuse a table of too many rows.

    Raises
    ------
    LedgerError
    """
    if rows > MOST_ROWS:
        raise LedgerError(
            f"{name} has more than {MOST_ROWS:,} rows.",
            "Split it, or check that it is what it should be.",
        )
