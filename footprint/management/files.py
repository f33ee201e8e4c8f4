"""Columns of the files of a silo: CSV, Parquet and npz, read where they lie.

A value is None, a bool, an int, a float or a text; what a file says beyond that (dates, decimals)
is text. The same table reads the same from all three formats, so that its rows hash the same.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from footprint.errors import DataError, MissingExtra
from footprint.management.catalogue import MOST_COLUMNS, Column, ColumnKind, FileFormat

Value = bool | int | float | str | None
Table = Mapping[str, Sequence[Value]]
"""Columns of one length, by name."""

MOST_FILE_BYTES = 256 * 1024 * 1024
"""Our choice: in memory the values take ten to twenty times what the file does."""
_FORMATS = {".csv": FileFormat.CSV, ".parquet": FileFormat.PARQUET, ".npz": FileFormat.NPZ}
# What ISO 8601 looks like; a column of such texts is one of times.
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")  # 007 is a text, and so is what no int64 holds
_NUMBER = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Described:
    """What a file holds, without what stands in it."""

    columns: tuple[Column, ...]
    rows: int


def file_format(path: Path) -> FileFormat:
    """Tell the format of a file by its name.

    Raises
    ------
    DataError
        If it is none that can be read.
    """
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise DataError(
            f"{path.name} is of no format that can be read.", f"Use {', '.join(_FORMATS)}."
        ) from None


def describe(path: Path) -> Described:
    """Tell the columns and the rows of a file.

    Raises
    ------
    DataError
        If it cannot be read.
    MissingExtra
        For Parquet without pyarrow.
    """
    table = read_table(path)
    columns = tuple(Column(name, kind_of(values)) for name, values in table.items())
    return Described(columns, len(next(iter(table.values()))))


def read_table(path: Path, names: Sequence[str] | None = None) -> Table:
    """Read all columns of a file, or those of the named ones that it has.

    Raises
    ------
    DataError
        If it cannot be read.
    MissingExtra
        For Parquet without pyarrow.
    """
    read = {
        FileFormat.CSV: _read_csv,
        FileFormat.PARQUET: _read_parquet,
        FileFormat.NPZ: _read_npz,
    }[file_format(path)]
    try:
        _require_size(path)
        table = read(path)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not UTF-8: {error.reason} at byte {error.start:,}.",
            "Save it as UTF-8.",
        ) from error
    except OSError as error:
        raise DataError(
            f"{path.name} cannot be read: {error.strerror or error}.", "Check the file."
        ) from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path.name} cannot be read: {error}.", "Check the file.") from error
    if not table or len(table) > MOST_COLUMNS:
        raise DataError(
            f"{path.name} has {len(table)} columns; 1 to {MOST_COLUMNS:,} are read.",
            "Check the file.",
        )
    return {name: table[name] for name in table if names is None or name in names}


def _require_size(path: Path) -> None:
    size = path.stat().st_size
    if size > MOST_FILE_BYTES:
        raise DataError(
            f"{path.name} has {size:,} bytes; at most {MOST_FILE_BYTES:,} are looked through.",
            "Put a sample of it beside it, and declare size and rows of the whole in silo.toml.",
        )


def kind_of(values: Sequence[Value]) -> ColumnKind:
    """Tell what the values of a column are; a column of nothing is text."""
    seen = {type(value) for value in values if value is not None}
    if not seen:
        return ColumnKind.TEXT
    if seen == {bool}:
        return ColumnKind.BOOLEAN
    if seen == {int}:
        return ColumnKind.INTEGER
    if seen <= {int, float}:
        return ColumnKind.NUMBER
    texts = (value for value in values if value is not None)
    is_time = all(isinstance(text, str) and _TIME.fullmatch(text) for text in texts)
    return ColumnKind.TIME if is_time else ColumnKind.TEXT


def _read_csv(path: Path) -> Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        names = next(rows, None)
        if not names or len(set(names)) < len(names) or not all(names):
            raise DataError(
                f"{path.name} has no header with a different name for each column.", "Give it one."
            )
        cells = list(_whole_rows(rows, len(names), path.name))
    columns = list(zip(*cells, strict=True)) if cells else [()] * len(names)
    return {name: _typed(column) for name, column in zip(names, columns, strict=True)}


def _whole_rows(rows: Iterator[list[str]], width: int, name: str) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=2):
        if row and len(row) != width:
            raise DataError(
                f"{name}, row {number} has {len(row)} cells; the header has {width}.",
                "Correct it; nothing of the file was read.",
            )
        if row:
            yield row


def _typed(cells: Sequence[str]) -> list[Value]:
    """Read a column as what all its cells are; empty cells are None."""
    filled = [cell for cell in cells if cell]
    read: Any = str
    if filled and all(map(_INTEGER.fullmatch, filled)):
        read = int
    elif filled and all(map(_NUMBER.fullmatch, filled)) and not any(map(_is_code, filled)):
        read = float
    elif filled and {"true", "false"}.issuperset(cell.lower() for cell in filled):
        read = _read_bool
    return [read(cell) if cell else None for cell in cells]


def _is_code(cell: str) -> bool:
    """Whether digits are the name of something, such as 007 or the number of a card."""
    digits = cell.lstrip("+-")
    return digits.isdigit() and (len(digits) > 18 or (len(digits) > 1 and digits[0] == "0"))


def _read_bool(cell: str) -> bool:
    return cell.lower() == "true"


def _read_parquet(path: Path) -> Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra.of("parquet", "Reading Parquet files") from error
    try:
        read = pq.read_table(path)
    except pa.ArrowException as error:
        raise DataError(f"{path.name} is no Parquet file: {error}.", "Check the file.") from error
    return {name: _plain(read.column(name).to_pylist()) for name in read.column_names}


def _read_npz(path: Path) -> Table:
    table: dict[str, Sequence[Value]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            array = arrays[name]
            if array.ndim == 0 or len(table) > MOST_COLUMNS:
                raise DataError(f"{path.name}: {name!r} is no column.", "Use arrays of one length.")
            flat = array.reshape(len(array), -1)
            for number in range(flat.shape[1]):
                column = name if array.ndim == 1 else f"{name}.{number}"
                table[column] = _plain(flat[:, number].tolist())
    if len({len(column) for column in table.values()}) > 1:
        raise DataError(f"{path.name}: its arrays differ in length.", "Use arrays of one length.")
    return table


def _plain(values: Sequence[Any]) -> list[Value]:
    """Bring values to the few types of `Value`; not-a-number is None."""
    return [_plain_value(value) for value in values]


def _plain_value(value: Any) -> Value:
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat()) if callable(isoformat) else str(value)
