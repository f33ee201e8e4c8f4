"""A table for people: as CSV, Markdown, or a page."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from footprint.audit.exports.cells import Cell, write_csv
from footprint.errors import UsageError

_DIGITS = 6
"""Significant digits of numbers that are read by people; CSV has all."""
_MARKS = str.maketrans({one: f"\\{one}" for one in "|\\`*_[]~!"})
"""Characters that mean something within a line of Markdown."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title, with notes below.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple
        What is missing is None, never 0.
    notes : tuple of str
        What a reader must know to use the figures.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def write_table(table: Table, suffix: str) -> str:
    """Write a table as the suffix of a file says.

    Parameters
    ----------
    table : Table
    suffix : str
        ``".csv"``, ``".md"`` or ``".html"``.

    Raises
    ------
    UsageError
        If it is another.
    """
    if suffix not in WRITERS:
        raise UsageError(
            f"A table cannot be written as {suffix!r}.", f"Name a file in {', '.join(WRITERS)}."
        )
    return WRITERS[suffix](table)


def _as_csv(table: Table) -> str:
    return write_csv(table.columns, table.rows)


def _as_markdown(table: Table) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return f"| {' | '.join(cells)} |"

    lines = [f"# {_marked(table.title)}", "", line(table.columns)]
    lines.append(line(tuple("---:" if right else "---" for right in _numeric(table))))
    lines += [line(tuple(_marked(_shown(cell)) for cell in row)) for row in table.rows]
    lines += ["", *(f"- {_marked(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def _as_html(table: Table) -> str:
    numeric = _numeric(table)
    rows = [_html_row("th", table.columns, numeric)]
    rows += [_html_row("td", tuple(map(_shown, row)), numeric) for row in table.rows]
    notes = "\n".join(f"<li>{html.escape(note)}</li>" for note in table.notes)
    title = html.escape(table.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<div class="wide"><table>\n<thead>\n{rows[0]}\n</thead>\n<tbody>\n'
        + "\n".join(rows[1:])
        + f"\n</tbody>\n</table></div>\n<ul>\n{notes}\n</ul>\n</body>\n</html>\n"
    )


def _html_row(tag: str, cells: tuple[str, ...], numeric: tuple[bool, ...]) -> str:
    parts = (
        f"<{tag}{' class=n' if right else ''}>{html.escape(cell)}</{tag}>"
        for cell, right in zip(cells, numeric, strict=True)
    )
    return f"<tr>{''.join(parts)}</tr>"


def _numeric(table: Table) -> tuple[bool, ...]:
    kinds = (int, float, Decimal)
    return tuple(
        any(isinstance(row[column], kinds) for row in table.rows)
        for column in range(len(table.columns))
    )


def _shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, (float, Decimal)):
        return f"{Decimal(f'{float(cell):.{_DIGITS}g}'):f}"
    return str(cell)


def _marked(text: str) -> str:
    """Text of others in Markdown: neither a mark nor HTML, on one line."""
    return html.escape(" ".join(text.split()), quote=False).translate(_MARKS)


_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    ".wide{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #8886;padding:.35rem .6rem;text-align:left;vertical-align:top}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}"
)
WRITERS: dict[str, Callable[[Table], str]] = {
    ".csv": _as_csv,
    ".md": _as_markdown,
    ".html": _as_html,
}
