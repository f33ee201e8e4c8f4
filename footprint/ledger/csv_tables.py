"""Tables of activities as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from footprint.errors import LedgerError
from footprint.ledger.table_columns import LONGEST_ROW, NUMERIC, Table, check_names, check_rows

_CHUNK = 5_000  # more no longer fits into the caches of a processor


def read_csv(path: Path, name: str) -> Table:
    """Read a file in chunks: held as text, a large one would not fit into memory.

    Raises
    ------
    LedgerError
        If it is no such table, or too large.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = _Text(file, name)
            rows = iter(text)
            names = next(rows, [])
            check_names(names, name)
            parts: dict[str, list[Any]] = {column: [] for column in names}
            # One object for each word, however often it stands there.
            words: dict[str, str | None] = {"": None}
            start = 2
            while chunk := list(islice(rows, _CHUNK)):
                _check_widths(chunk, len(names), name, start)
                for column, values in zip(names, zip(*chunk, strict=True), strict=True):
                    if column in NUMERIC:
                        parts[column].append(_floats(values, f"{name}, line", column, start))
                    else:
                        for word in set(values):
                            words.setdefault(word, word)
                        parts[column] += map(words.__getitem__, values)
                start += len(chunk)
                check_rows(start - 2, name)
    except UnicodeDecodeError as error:
        raise LedgerError(f"{name} is not UTF-8 text: {error}.", "Save it as UTF-8.") from error
    except csv.Error as error:
        raise LedgerError(
            f"{name}, line {text.line}: {error}.", "Write plain CSV, with commas."
        ) from error
    except OSError as error:
        raise LedgerError(f"{name} cannot be read: {error.strerror}.", "Check it.") from error
    return {
        column: np.concatenate([*part, np.empty(0)]) if column in NUMERIC else part
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
