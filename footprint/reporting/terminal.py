"""The same numbers as the page, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from footprint.model import Assessment, Comparison, Interval, Run
from footprint.reporting.numbers import NOT_KNOWN, Scale, clean, number, percent
from footprint.reporting.shapes import Cell, Column, Page, Table
from footprint.reporting.view import view

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable


def print_result(result: Assessment | Comparison, console: Console | None = None) -> None:
    """Print verdict, warnings and the emissions by category.

    Parameters
    ----------
    result : Assessment or Comparison
    console : rich.console.Console, optional
        Default: standard output.
    """
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    page = view(result)
    # Text, not markup: a run may be called "[red]".
    console.print(Text(page.verdict, style="bold"))
    for remark in page.remarks:
        console.print(Text(remark))
    console.print()
    if page.figures:
        console.print(_rich_table(page.figures[0].table))
    _print_cards(page, console)
    for notice in page.warnings:
        times = f" ({notice.count} times)" if notice.count > 1 else ""
        console.print(Text(f"{notice.severity}: {notice.messages[0]}{times}"))
        for remedy in notice.remedies[:1]:
            console.print(Text(f"    {remedy}"))


def print_ranking(comparisons: Sequence[Comparison], console: Console | None = None) -> None:
    """Print scenarios that were each compared with the same baseline, least emissions first.

    Parameters
    ----------
    comparisons : sequence of Comparison
    console : rich.console.Console, optional
        Default: standard output.
    """
    from rich.console import Console

    baseline = comparisons[0].baseline
    totals = [baseline.total_g, *(one.candidate.total_g for one in comparisons)]
    scale = Scale.of("emissions", [total.value for total in totals])

    def row(name: str, total: Interval, one: Comparison | None) -> tuple[Cell, ...]:
        return (
            Cell(clean(name)),
            Cell(scale.text(total.value, total.width)),
            Cell(scale.range(total) or NOT_KNOWN),
            Cell("baseline" if one is None else f"{number(one.ratio.value, one.ratio.width)} ×"),
            Cell("" if one is None else percent(one.candidate_lower)),
        )

    def label(run: Run) -> str:
        return f"{run.name}, {run.architecture}"

    rows = [(baseline.total_g.value, row(label(baseline.run), baseline.total_g, None))]
    for one in comparisons:
        name, total = label(one.candidate.run), one.candidate.total_g
        rows.append((total.value, row(name, total, one)))
    columns = (
        Column("Scenario"),
        Column("Emissions", scale.unit, numeric=True),
        Column("90 % interval", scale.unit, numeric=True),
        Column("Ratio", numeric=True),
        Column("Emits less, of draws", numeric=True),
    )
    caption = f"Per {clean(baseline.run.functional_unit) or 'run'}, against the first scenario"
    rows.sort(key=lambda pair: pair[0])
    table = Table(caption, columns, tuple(cells for _, cells in rows))
    (console or Console()).print(_rich_table(table))


def _print_cards(page: Page, console: Console) -> None:
    from rich.text import Text

    for group in page.groups:
        cards = ", ".join(
            f"{card.label.lower()} {card.value} {card.unit}".strip()
            for card in group.cards
            if card.value != NOT_KNOWN
        )
        console.print(Text(f"{group.title}: {cards}"))


def _rich_table(table: Table) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=Text(table.caption), title_justify="left", show_footer=bool(table.foot))
    for index, column in enumerate(table.columns):
        heading = f"{column.heading} [{column.unit}]" if column.unit else column.heading
        shown.add_column(
            Text(heading),
            footer=Text(table.foot[index].text) if table.foot else "",
            justify="right" if column.numeric else "left",
        )
    for row in table.rows:
        shown.add_row(*(Text(cell.text) for cell in row))
    return shown
