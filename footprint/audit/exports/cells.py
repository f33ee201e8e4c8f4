"""CSV text that a spreadsheet cannot run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeAlias

Cell: TypeAlias = str | int | float | Decimal | bool | None

_FORMULA = frozenset("=+-@＝＋－＠")
"""What a spreadsheet takes for the begin of a formula, in either width."""
_EXACT = 2**53
"""Below it every whole number is a float of its own."""
_CONTROL = frozenset("\t\r\n\0")


def neutralise(text: str) -> str:
    """Put a single quote before a text that a spreadsheet may take for a formula.

    Spaces before it do not help: some programs remove them. Quotes around a cell do not
    help either; a program takes them off before it looks.

    References
    ----------
    OWASP, "CSV Injection"; ASVS 5.0, 1.2.10; CWE-1236.
    """
    first = text.lstrip()[:1]
    return f"'{text}" if text[:1] in _CONTROL or (first in _FORMULA and first) else text


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Write rows as CSV (RFC 4180, lines end with a line feed).

    Texts are quoted and neutralised, numbers have all their digits, what is missing is
    empty.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_plain(cell) for cell in row])
    return stream.getvalue()


def _plain(cell: Cell) -> str | int | float | Decimal | None:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return int(cell)  # 1 and 1.0 are the same figure, and the same text
    return neutralise(cell) if isinstance(cell, str) else cell
