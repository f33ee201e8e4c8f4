"""The same numbers as the page, for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from footprint.documents import Result
from footprint.model import AdvicePlan, Evaluation, MethodStudy, Statement
from footprint.reporting.advice import view_plan
from footprint.reporting.evaluations import view_evaluation
from footprint.reporting.numbers import NOT_KNOWN, Scale, clean, exact, signed
from footprint.reporting.shapes import (
    AdvicePage,
    Cell,
    Column,
    EvaluationPage,
    Notice,
    Page,
    StatementPage,
    Table,
)
from footprint.reporting.statements import view_statement
from footprint.reporting.studies import study_tables, view_study
from footprint.reporting.view import view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table as RichTable

    from footprint.audit import Change, LoneRun, StatementDifference

_ROUNDING = 1e-9
"""Of a total: parts below it are sums in another order, far below the digits that are shown."""
_WIDE = 120
"""Characters a line that a table of all metrics needs."""


def print_result(result: Result, console: Console | None = None) -> None:
    """Print verdict, warnings and the emissions by category.

    Parameters
    ----------
    result : Assessment, Comparison, Ranking, Evaluation, MethodStudy, Statement or AdvicePlan
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
    elif isinstance(page, StatementPage):
        for table in page.results[: 2 if console.width >= _WIDE else 1]:
            console.print(_rich_table(table))
            console.print(Text(table.note))
    elif isinstance(page, AdvicePage):
        _print_decisions(page, console)
    elif page.figures:
        console.print(_rich_table(page.figures[0].table))
        _print_cards(page, console)
    else:
        _print_cards(page, console)
    _print_notices(page.warnings, console)


def _print_notices(notices: tuple[Notice, ...], console: Console) -> None:
    from rich.text import Text

    for notice in notices:
        more = notice.count - len(notice.messages)
        for place, message in enumerate(notice.messages, start=1):
            last = more and place == len(notice.messages)
            times = f" (and {more} more such findings)" if last else ""
            console.print(Text(f"{notice.severity}: {message}{times}"))
        for remedy in notice.remedies[:1]:
            console.print(Text(f"    {remedy}"))


def _print_decisions(page: AdvicePage, console: Console) -> None:
    """Print all decisions as a table, where there is room for one, and each with its reason."""
    from rich.padding import Padding
    from rich.text import Text

    wide = console.width >= _WIDE
    if wide and page.decisions:
        console.print(_rich_table(page.summary, intervals=True))
        console.print(Text(page.summary.note))
    for decision in page.decisions:
        console.print()
        kind = f"{decision.kind} " if not wide else ""
        number, _, title = decision.title.partition(" ")
        console.print(Text(f"{number} {kind}{title}", style="bold"))
        said = [decision.reason] if wide else [decision.saving, decision.reason]
        said += ["This cannot be undone."] if decision.irreversible else []
        said += [f"Condition: {condition}" for condition in decision.conditions]
        for line in filter(None, said):
            console.print(Padding(Text(line), (0, 0, 0, 3)))
    console.print()


def _page(result: Result) -> Page | EvaluationPage | StatementPage | AdvicePage:
    if isinstance(result, AdvicePlan):
        return view_plan(result)
    if isinstance(result, Evaluation):
        return view_evaluation(result)
    if isinstance(result, Statement):
        return view_statement(result)
    return view_study(result) if isinstance(result, MethodStudy) else view(result)


def print_difference(
    found: StatementDifference, *, most: int, console: Console | None = None
) -> None:
    """Print why two statements differ: the parts, and what they add up to.

    Parameters
    ----------
    found : StatementDifference
    most : int
        Parts to print.
    console : rich.console.Console, optional
        Default: standard output.
    """
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    scale = Scale.of("emissions", [found.old_g, found.new_g])
    old, new = scale.text(found.old_g), scale.text(found.new_g)
    dust_g = _ROUNDING * max(abs(found.old_g), abs(found.new_g))
    is_other = abs(found.difference_g) > dust_g
    by = signed(scale.text(found.difference_g)) if is_other else "no difference"
    console.print(Text(f"Total {found.total!r}: {old} -> {new} {scale.unit} ({by})", style="bold"))
    told = [one for one in found.changes if abs(one.difference_g) > dust_g]
    if told:
        _print_changes(told, found.difference_g if is_other else 0.0, most, console)
    else:
        console.print(Text("No part of it differs by more than rounding."))
    if found.runs:
        console.print(_rich_table(_lone_runs(found.runs, most)))
    for note in found.notes:
        console.print(Text(note))


def _print_changes(
    told: Sequence[Change], difference_g: float, most: int, console: Console
) -> None:
    small = Scale.of("emissions", [one.difference_g for one in told])
    rows: list[tuple[Cell, ...]] = [
        (
            Cell(one.cause.value),
            Cell(clean(one.what)),
            Cell(_values(one.old, one.new, one.unit)),
            Cell(signed(small.text(one.difference_g))),
            Cell(str(one.lines)),
        )
        for one in told[:most]
    ]
    rest = math.fsum(one.difference_g for one in told[most:])
    if len(told) > most:
        words = (f"{len(told) - most} more", "", signed(small.text(rest)), "")
        rows.append((Cell("all"), *(Cell(word) for word in words)))
    columns = (
        Column("Cause"),
        Column("What"),
        Column("From, to"),
        Column("Changes by", small.unit, numeric=True),
        Column("Lines", numeric=True),
    )
    foot = (Cell("sum"), Cell(""), Cell(""), Cell(signed(small.text(difference_g))), Cell(""))
    console.print(_rich_table(Table("Why", columns, tuple(rows), foot)))


def _lone_runs(runs: Sequence[LoneRun], most: int) -> Table:
    """Tabulate runs that came or went: a line each, and the sums of all."""
    scale = Scale.of("emissions", [one.old_g or one.new_g or 0.0 for one in runs])

    def cell(value: float | None) -> Cell:
        return Cell("" if value is None else scale.text(value))

    rows = [(Cell(clean(one.name)), cell(one.old_g), cell(one.new_g)) for one in runs[:most]]
    if len(runs) > most:
        rows.append((Cell(f"{len(runs) - most} more"), Cell(""), Cell("")))
    old_g = math.fsum(one.old_g or 0.0 for one in runs)
    new_g = math.fsum(one.new_g or 0.0 for one in runs)
    columns = (
        Column("Run"),
        Column("Old", scale.unit, numeric=True),
        Column("New", scale.unit, numeric=True),
    )
    foot = (Cell("sum"), cell(old_g), cell(new_g))
    return Table("Runs of one statement alone", columns, tuple(rows), foot)


def _values(old: float | None, new: float | None, unit: str) -> str:
    if old is None or new is None:
        return ""
    return f"{exact(old)} -> {exact(new)} {unit}".strip()


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
