"""The same numbers as the page, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.documents import Result
from footprint.model import Evaluation, MethodStudy
from footprint.reporting.evaluations import view_evaluation
from footprint.reporting.numbers import NOT_KNOWN
from footprint.reporting.shapes import Cell, EvaluationPage, Page, Table
from footprint.reporting.studies import study_tables, view_study
from footprint.reporting.view import view

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

_WIDE = 120
"""Characters a line that a table of all metrics needs."""


def print_result(result: Result, console: Console | None = None) -> None:
    """Print verdict, warnings and the emissions by category.

    Parameters
    ----------
    result : Assessment, Comparison, Ranking, Evaluation or MethodStudy
    console : rich.console.Console, optional
        Default: standard output.
    """
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    page = _page(result)
    # Text, not markup: a run may be called "[red]".
    console.print(Text(page.verdict, style="bold"))
    for remark in page.remarks:
        console.print(Text(remark))
    console.print()
    if isinstance(result, MethodStudy):
        for table in study_tables(result):
            console.print(_rich_table(table, intervals=console.width >= _WIDE))
    elif isinstance(page, EvaluationPage):
        tables = [figure.table for figure in page.figures[:1] if figure.id == "ranking"]
        if console.width >= _WIDE:
            tables += page.results
        for table in tables:
            console.print(_rich_table(table, intervals=True))
    elif page.figures:
        console.print(_rich_table(page.figures[0].table))
        _print_cards(page, console)
    else:
        _print_cards(page, console)
    for notice in page.warnings:
        more = notice.count - len(notice.messages)
        for place, message in enumerate(notice.messages, start=1):
            last = more and place == len(notice.messages)
            times = f" (and {more} more such findings)" if last else ""
            console.print(Text(f"{notice.severity}: {message}{times}"))
        for remedy in notice.remedies[:1]:
            console.print(Text(f"    {remedy}"))


def _page(result: Result) -> Page | EvaluationPage:
    if isinstance(result, Evaluation):
        return view_evaluation(result)
    return view_study(result) if isinstance(result, MethodStudy) else view(result)


def _print_cards(page: Page, console: Console) -> None:
    from rich.text import Text

    for group in page.groups:
        cards = ", ".join(
            f"{card.label.lower()} {card.value} {card.unit}".strip()
            for card in group.cards
            if card.value != NOT_KNOWN
        )
        console.print(Text(f"{group.title}: {cards}"))


def _rich_table(table: Table, *, intervals: bool = False) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=Text(table.caption), title_justify="left", show_footer=bool(table.foot))
    for index, column in enumerate(table.columns):
        heading = f"{column.heading} [{column.unit}]" if column.unit else column.heading
        shown.add_column(
            Text(heading),
            footer=Text(table.foot[index].text) if table.foot else "",
            justify="right" if column.numeric else "left",
            # Narrow terminals break names, and never cut anything.
            overflow="fold",
            no_wrap=False,
        )
    for row in table.rows:
        shown.add_row(*(Text(_lines(cell) if intervals else cell.text) for cell in row))
    return shown


def _lines(cell: Cell) -> str:
    return "\n".join((cell.text, *cell.sub))
