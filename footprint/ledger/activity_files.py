"""Activities from tables, CSV or Parquet, as `export` writes them and spreadsheets can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from footprint.errors import LedgerError, UsageError
from footprint.ledger.csv_tables import read_csv
from footprint.ledger.parquet_tables import read_parquet
from footprint.ledger.table_columns import OF_RUN, Table
from footprint.model import (
    ACTIVITY_COLUMNS,
    DEFAULTS,
    Architecture,
    IdlePolicy,
    InputFile,
    Journal,
    Run,
    View,
)


@dataclass(frozen=True, slots=True)
class TableRun:
    """A run of a table.

    Attributes
    ----------
    journal : Journal
    silos : list of str or None
        Of its activities; None where the table has no such column.
    home : str or None
        Silo that it is entered in; None if the table does not say it.
    """

    journal: Journal
    silos: list[Any] | None = None
    home: str | None = None


def read_activity_table(path: Path, file: InputFile, *, run: str | None = None) -> list[TableRun]:
    """Read a table of activities: one journal per run in it, with the silos of its activities.

    Parameters
    ----------
    path : Path
        A ``.csv`` file in UTF-8, or a ``.parquet`` file.
    file : InputFile
        How to call it, and its hash.
    run : str, optional
        The run, for a table without a column ``run``. Default: the name of the file.

    Returns
    -------
    list of TableRun

    Raises
    ------
    LedgerError
        If it is no table, lacks a column, has an unknown one, or a number is none.
    MissingExtra
        For a Parquet file without pyarrow.
    """
    table = (
        read_parquet(path, file.name) if path.suffix == ".parquet" else read_csv(path, file.name)
    )
    number = len(table["actor"])
    if not number:
        raise LedgerError(f"{file.name} holds no activity.", "Give it a row per activity.")
    if "run" in table and run is not None:
        raise UsageError(
            f"{file.name} has a column 'run', and the run is named as {run!r} too.",
            "Take one of both away.",
        )
    names = table.get("run", [run or Path(file.name).stem] * number)
    places: dict[tuple[Any, Any], list[int]] = {}
    for place, key in enumerate(zip(names, table.get("run_silo", [None] * number), strict=True)):
        places.setdefault(key, []).append(place)
    if any(name is None for name, _ in places):
        raise LedgerError(f"{file.name}: an activity has no run.", "Fill the column 'run'.")
    return [
        _run_of(_rows_of(table, here) if len(places) > 1 else table, str(name), file)
        for (name, _), here in places.items()
    ]


def _rows_of(table: Table, places: Sequence[int]) -> Table:
    return {
        name: column[places] if isinstance(column, np.ndarray) else [column[p] for p in places]
        for name, column in table.items()
    }


def _run_of(table: Table, run: str, file: InputFile) -> TableRun:
    columns = {name: table[name] for name in ACTIVITY_COLUMNS if name in table}
    for name in ACTIVITY_COLUMNS:
        if name not in columns and name not in DEFAULTS:
            columns[name] = [None] * len(table["actor"])
    said = {name: _only(table, name, file.name, run) for name in OF_RUN}
    journal = Journal(
        Run(
            run,
            Architecture.parse(said["architecture"] or Architecture.OTHER),
            said["functional_unit"] or "",
        ),
        columns,
        View.parse(said["view"] or View.PROCESS),
        IdlePolicy.parse(said["idle_policy"] or IdlePolicy.BY_TIME),
        inputs=(file,),
    )
    silos = table.get("silo")
    homes: set[Any] = set(table.get("run_silo") or silos or [None])
    if "run_silo" not in table and (len(homes) > 1 or None in homes):
        return TableRun(journal, silos)
    return TableRun(journal, silos, str(homes.pop() or ""))


def _only(table: Mapping[str, Any], name: str, file: str, run: str) -> str | None:
    """Give the one value that all activities of a run have."""
    found = sorted(map(str, set(table.get(name, ())) - {None}))
    if len(found) > 1:
        raise LedgerError(
            f"{file}: the activities of the run {run!r} differ in {name}: "
            f"{', '.join(map(repr, found[:3]))}.",
            "Give each run one, or give them different names.",
        )
    return found[0] if found else None
