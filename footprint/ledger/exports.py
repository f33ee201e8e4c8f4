"""Activities as files that other programs read, and that `ingest` takes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import select

from footprint.errors import LedgerError, MissingExtra, UsageError
from footprint.ledger.connections import Ledger
from footprint.ledger.schema import NUMBERS, activities
from footprint.ledger.selections import conditions
from footprint.ledger.states import read_runs, valid
from footprint.ledger.table_columns import RUN_COLUMNS
from footprint.model import ACTIVITY_COLUMNS

SUFFIXES = (".csv", ".jsonl", ".parquet")
_CHUNK = 50_000
_LIFE = ("added_by", "superseded_by")
_WHOLE = ("round", *_LIFE)

Rows = list[tuple[Any, ...]]


def export(
    ledger: Ledger,
    path: Path | str,
    where: Mapping[str, Any] | None = None,
    *,
    as_of: int | None = None,
    everything: bool = False,
) -> int:
    """Write activities to a file, whole or not at all.

    Parameters
    ----------
    ledger : Ledger
    path : path
        ``.csv``, ``.jsonl`` or ``.parquet``.
    where : mapping, optional
        Which activities, as for `query`.
    as_of : int, optional
        Number of a change: the ledger as it was after it.
    everything : bool
        Also what was superseded, with the changes that added and superseded each row. Such
        a file is for readers; `ingest` does not take it.

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    LedgerError
        If there is no such activity, or the file cannot be written.
    MissingExtra
        For a Parquet file without pyarrow.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"{path} ends in none of {', '.join(SUFFIXES)}.", "Name a table by its ending."
        )
    if everything and as_of is not None:
        raise UsageError("Everything, and what counted once, cannot be had at once.", "Take one.")
    writer = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}[path.suffix]
    names = [*RUN_COLUMNS, *ACTIVITY_COLUMNS, *(_LIFE if everything else ())]
    part = path.with_name(f".{path.name}.part")
    number = 0
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        chunks = _chunks(ledger, where or {}, as_of, everything=everything)
        with closing(chunks), writer(part, names) as write:
            for chunk in chunks:
                write(chunk)
                number += len(chunk)
        if not number:
            raise LedgerError(
                "The ledger holds no such activity; nothing was written.",
                "See what there is with: footprint ledger query",
            )
        part.replace(path)
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Name a file that you may write.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return number


def _chunks(
    ledger: Ledger, where: Mapping[str, Any], as_of: int | None, *, everything: bool
) -> Generator[Rows, None, None]:
    columns = [*ACTIVITY_COLUMNS, *(_LIFE if everything else ())]
    statement = (
        select(activities.c.run_id, activities.c.silo, *(activities.c[name] for name in columns))
        .where(*conditions(where))
        .order_by(activities.c.id)
    )
    if not everything:
        statement = statement.where(valid(activities, as_of))
    with ledger.reading() as connection:
        known = {run.id: run for run in read_runs(connection, as_of=as_of, latest=everything)}
        said = {
            run.id: (
                run.state.run.architecture.value,
                run.state.run.functional_unit or None,
                run.state.view.value,
                run.state.idle_policy.value,
            )
            for run in known.values()
        }
        found = connection.execution_options(stream_results=True, yield_per=_CHUNK).execute(
            statement
        )
        rows = (
            (known[run_id].name, silo, known[run_id].silo or None, *said[run_id], *rest)
            for run_id, silo, *rest in found
        )
        while chunk := list(islice(rows, _CHUNK)):
            yield chunk


_Writer = Callable[[Rows], object]


@contextmanager
def _csv(path: Path, names: Sequence[str]) -> Iterator[_Writer]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        yield writer.writerows


@contextmanager
def _json_lines(path: Path, names: Sequence[str]) -> Iterator[_Writer]:
    with path.open("w", encoding="utf-8", newline="\n") as file:

        def write(rows: Iterable[tuple[Any, ...]]) -> None:
            for row in rows:
                record = dict(zip(names, row, strict=True))
                file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")

        yield write


@contextmanager
def _parquet(path: Path, names: Sequence[str]) -> Iterator[_Writer]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra.of("parquet", "Writing Parquet files") from error
    kinds = {
        name: pa.float64() if name in NUMBERS else pa.int64() if name in _WHOLE else pa.string()
        for name in names
    }
    schema = pa.schema(list(kinds.items()))
    with pq.ParquetWriter(path, schema) as writer:

        def write(rows: Rows) -> None:
            columns = list(zip(*rows, strict=True))
            arrays = [
                pa.array(column, kind) for column, kind in zip(columns, kinds.values(), strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

        yield write
