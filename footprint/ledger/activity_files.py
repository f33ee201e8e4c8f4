"""Activities from tables, CSV or Parquet, as `export` writes them and spreadsheets can."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

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

_IDENTITY = ("run", "silo", "run_silo")
_OF_RUN = ("architecture", "functional_unit", "view", "idle_policy")
RUN_COLUMNS = (*_IDENTITY, *_OF_RUN)
"""What a table may say of the run that an activity belongs to.

Activities of one run may lie in several silos; ``run_silo`` is where the run is entered, and
keeps runs of one name apart.
"""
_NUMERIC = (*NUMBERS, "round")
MOST_ROWS = 20_000_000
"""Of one table: its columns are held in memory, and a small Parquet file can hold as many rows
as it likes."""
LONGEST_WORD = 131_072
"""Of a cell, in characters; Python's reader of CSV takes no more either."""
LONGEST_ROW = 2 * LONGEST_WORD * (len(ACTIVITY_COLUMNS) + len(RUN_COLUMNS))
"""Of a row of CSV, in characters: every known column at its longest, with each quote doubled."""
_BATCH = 65_536
_CHUNK = 5_000  # more no longer fits into the caches of a processor

Table = dict[str, Any]
"""Columns by name: arrays of numbers, with NaN for what is missing, and lists of words."""


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
        _read_parquet(path, file.name) if path.suffix == ".parquet" else _read_csv(path, file.name)
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


def _read_parquet(path: Path, name: str) -> Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra.of("parquet", "Reading Parquet files") from error
    try:
        schema = pq.read_schema(path)
        _check_names(schema.names, name)
        # Words come as numbers into a list of words: repeated, they take no more memory.
        texts = [field.name for field in schema if field.name not in _NUMERIC]
        with pq.ParquetFile(path, read_dictionary=texts) as found:
            _check_rows(found.metadata.num_rows, name)
            parts: dict[str, list[Any]] = {column: [] for column in schema.names}
            for batch in found.iter_batches(_BATCH):
                for column in schema.names:
                    parts[column] += [_batch_values(batch.column(column), column, name)]
    except (pa.ArrowException, OSError) as error:
        raise LedgerError(f"{name} is no Parquet file: {error}.", "Check the file.") from error
    return {
        column: np.concatenate([*part, np.empty(0)])
        if column in _NUMERIC
        else [word for words in part for word in words]
        for column, part in parts.items()
    }


def _check_rows(rows: int, name: str) -> None:
    if rows > MOST_ROWS:
        raise LedgerError(
            f"{name} has more than {MOST_ROWS:,} rows.",
            "Split it, or check that it is what it should be.",
        )


def _batch_values(values: Any, column: str, name: str) -> Any:
    """Give numbers as an array, and words as a list."""
    if column in _NUMERIC:
        try:
            return np.array(values.to_pylist(), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise LedgerError(
                f"{name}: the column {column} holds something that is no number.",
                "Write it as numbers.",
            ) from error
    if not hasattr(values, "dictionary"):  # an empty column, or no text at all
        return values.to_pylist()
    words = values.dictionary.to_pylist()
    if any(isinstance(word, str) and len(word) > LONGEST_WORD for word in words):
        raise LedgerError(
            f"{name}: a cell of the column {column} has more than {LONGEST_WORD:,} characters.",
            "Check that it is what it should be.",
        )
    return [None if place is None else words[place] for place in values.indices.to_pylist()]


def _read_csv(path: Path, name: str) -> Table:
    """Read a file in chunks: held as text, a large one would not fit into memory."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = _Text(file, name)
            rows = iter(text)
            names = next(rows, [])
            _check_names(names, name)
            parts: dict[str, list[Any]] = {column: [] for column in names}
            # One object for each word, however often it stands there.
            words: dict[str, str | None] = {"": None}
            start = 2
            while chunk := list(islice(rows, _CHUNK)):
                _check_widths(chunk, len(names), name, start)
                for column, values in zip(names, zip(*chunk, strict=True), strict=True):
                    if column in _NUMERIC:
                        parts[column].append(_floats(values, f"{name}, line", column, start))
                    else:
                        for word in set(values):
                            words.setdefault(word, word)
                        parts[column] += map(words.__getitem__, values)
                start += len(chunk)
                _check_rows(start - 2, name)
    except UnicodeDecodeError as error:
        raise LedgerError(f"{name} is not UTF-8 text: {error}.", "Save it as UTF-8.") from error
    except csv.Error as error:
        raise LedgerError(
            f"{name}, line {text.line}: {error}.", "Write plain CSV, with commas."
        ) from error
    except OSError as error:
        raise LedgerError(f"{name} cannot be read: {error.strerror}.", "Check it.") from error
    return {
        column: np.concatenate([*part, np.empty(0)]) if column in _NUMERIC else part
        for column, part in parts.items()
    }


class _Text:
    """The rows of a file of CSV, none of which is longer than a row can be.

    Attributes
    ----------
    line : int
        Lines that were read; a row in quotes may have several.
    """

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._held = 0
        self.line = 0

    def __iter__(self) -> Iterator[list[str]]:
        for row in csv.reader(self._lines(), strict=True):
            self._held = 0
            yield row

    def _lines(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_ROW + 1):
            self.line += 1
            self._held += len(line)
            if self._held > LONGEST_ROW:
                raise LedgerError(
                    f"{self._name}, line {self.line}: a row has more than {LONGEST_ROW:,} "
                    "characters.",
                    "Check that it is what it should be; a quote may be left open.",
                )
            yield line


def _check_widths(chunk: Sequence[Sequence[str]], width: int, name: str, start: int) -> None:
    if set(map(len, chunk)) <= {width}:
        return
    line, row = next((n, r) for n, r in enumerate(chunk, start=start) if len(r) != width)
    raise LedgerError(
        f"{name}, row {line}: {len(row)} cells, and {width} columns.",
        "Give each row one cell per column.",
    )


def _floats(values: Sequence[str], place: str, column: str, start: int) -> Any:
    try:
        found = np.array([float(text) if text else math.nan for text in values])
    except ValueError:
        found = None
    # Python reads more than a spreadsheet writes: "nan", "infinity", "1_000".
    if (
        found is not None
        and len(values) - np.isfinite(found).sum() == values.count("")
        and "_" not in "".join(values)
    ):
        return found
    wrong = next(n for n, text in enumerate(values) if text and not _is_number(text))
    raise LedgerError(
        f"{place} {start + wrong}: {column} is {values[wrong]!r}, which is no number.",
        "Write numbers with a point, and leave what is not known empty.",
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _check_names(names: Sequence[str], name: str) -> None:
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


def _run_of(table: Table, run: str, file: InputFile) -> TableRun:
    columns = {name: table[name] for name in ACTIVITY_COLUMNS if name in table}
    for name in ACTIVITY_COLUMNS:
        if name not in columns and name not in DEFAULTS:
            columns[name] = [None] * len(table["actor"])
    said = {name: _only(table, name, file.name, run) for name in _OF_RUN}
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
