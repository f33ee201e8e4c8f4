"""Activities from tables, CSV or Parquet, as `export` writes them and spreadsheets can."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footprint.errors import LedgerError, MissingExtra, UsageError
from footprint.ledger.schema import NUMBERS, REQUIRED
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

if TYPE_CHECKING:
    import pandas as pd

RUN_COLUMNS = ("run", "silo", "architecture", "functional_unit", "view", "idle_policy")
"""What a table may say of the run that an activity belongs to."""
_NUMERIC = (*NUMBERS, "round")


def read_activity_table(
    path: Path, file: InputFile, *, run: str | None = None
) -> list[tuple[Journal, list[Any] | None]]:
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
    list of (Journal, silos)
        The silos are None where the table has no such column.

    Raises
    ------
    LedgerError
        If it is no table, lacks a column, has an unknown one, or a number is none.
    MissingExtra
        For a Parquet file without pyarrow.
    """
    table = _load(path, file.name)
    _check_names(table, file.name)
    if not len(table):
        raise LedgerError(f"{file.name} holds no activity.", "Give it a row per activity.")
    if "run" not in table:
        return [_journal(table, run or Path(file.name).stem, file)]
    if run is not None:
        raise UsageError(
            f"{file.name} has a column 'run', and the run is named as {run!r} too.",
            "Take one of both away.",
        )
    if table["run"].isna().any():
        raise LedgerError(f"{file.name}: an activity has no run.", "Fill the column 'run'.")
    return [_journal(rows, str(name), file) for name, rows in table.groupby("run", sort=False)]


def _load(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            table: pd.DataFrame = pd.read_parquet(path)
            return table
        return _load_csv(path, name)
    except ImportError as error:
        raise MissingExtra.of("parquet", "Reading Parquet files") from error
    except UnicodeDecodeError as error:
        raise LedgerError(f"{name} is not UTF-8 text: {error}.", "Save it as UTF-8.") from error
    except (ValueError, OSError) as error:
        raise LedgerError(f"{name} is no table: {error}.", "Give it a header line.") from error


def _load_csv(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    head = pd.read_csv(path, nrows=0, encoding="utf-8-sig")
    kinds: dict[str, Any] = {
        str(column): "float64" if column in _NUMERIC else "object" for column in head.columns
    }
    # "NA" is a zone, and "None" may be a name: only an empty cell is missing.
    rules: dict[str, Any] = {
        "keep_default_na": False,
        "na_values": [""],
        "encoding": "utf-8-sig",
        "float_precision": "round_trip",
    }
    try:
        table: pd.DataFrame = pd.read_csv(path, dtype=kinds, **rules)
    except ValueError as error:
        if isinstance(error, (UnicodeDecodeError, pd.errors.ParserError)):
            raise
        table = pd.read_csv(path, dtype=object, **rules)
        for column in table.columns.intersection(list(_NUMERIC)):
            wrong = pd.to_numeric(table[column], errors="coerce").isna() & table[column].notna()
            if wrong.any():
                first = int(wrong.to_numpy().argmax())
                raise LedgerError(
                    f"{name}, line {first + 2}: {column} is {table[column].iloc[first]!r}, "
                    "which is no number.",
                    "Write numbers with a point, and leave what is not known empty.",
                ) from error
        raise
    return table


def _check_names(table: pd.DataFrame, name: str) -> None:
    known = (*ACTIVITY_COLUMNS, *RUN_COLUMNS)
    for column in map(str, table.columns):
        if column not in known:
            near = difflib.get_close_matches(column, known, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise LedgerError(
                f"{name}: the column {column!r} is unknown.", f"{hint}Known: {', '.join(known)}."
            )
    missing = [c for c in REQUIRED if c not in table.columns and c not in DEFAULTS]
    if missing:
        raise LedgerError(
            f"{name} lacks the columns {', '.join(missing)}.", "See docs/ledger.md for all columns."
        )


def _journal(table: pd.DataFrame, run: str, file: InputFile) -> tuple[Journal, list[Any] | None]:
    columns: dict[str, Any] = {}
    for name in ACTIVITY_COLUMNS:
        if name in table:
            column = table[name].to_numpy()
            columns[name] = column if name in _NUMERIC else column.tolist()
        elif name not in DEFAULTS:
            columns[name] = [None] * len(table)
    said = {name: _only(table, name, file.name, run) for name in RUN_COLUMNS[2:]}
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
    return journal, table["silo"].tolist() if "silo" in table else None


def _only(table: pd.DataFrame, name: str, file: str, run: str) -> str | None:
    """Give the one value that all activities of a run have."""
    if name not in table:
        return None
    found = table[name].dropna().unique()
    if len(found) > 1:
        raise LedgerError(
            f"{file}: the activities of the run {run!r} differ in {name}: "
            f"{', '.join(map(repr, map(str, found[:3])))}.",
            "Give each run one, or give them different names.",
        )
    return str(found[0]) if len(found) else None
