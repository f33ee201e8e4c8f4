"""`footprint papers`: printed figures of publications, recomputed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.output import print_json, print_text

if TYPE_CHECKING:
    from footprint.papercases import PaperCase, RowResult


def papers(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Paper cases (.toml), or folders of them; those that ship if left out.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recompute printed figures of publications, and say which of them agree.

    Exit code 1 if a figure is not what its case says: one that should agree differs, or one that
    is known to differ agrees. What cannot be recomputed, for want of inputs, fails nothing.

    Examples
    --------
        footprint papers

        footprint papers my-case.toml --json
    """
    from footprint import _resources
    from footprint.papercases import check_case, read_cases

    checked = [(case, check_case(case)) for case in read_cases(files or [_resources.paper_cases()])]
    if as_json:
        print_json([_as_dict(case, results) for case, results in checked])
    else:
        for case, results in checked:
            _print(case, results)
        _print_summary([result for _, results in checked for result in results])
    if any(result.failed for _, results in checked for result in results):
        raise typer.Exit(1)


def _as_dict(case: PaperCase, results: tuple[RowResult, ...]) -> dict[str, Any]:
    return {
        "id": case.id,
        "file": case.origin,
        "title": case.source.title,
        "where": case.source.where,
        "year": case.source.year,
        "grade": case.grade,
        "model": case.model,
        "claim": case.claim,
        "figures": [
            {
                "row": result.row,
                "figure": result.figure,
                "grade": result.grade,
                "printed": result.printed.value,
                "printed_text": result.printed.text,
                "unit": result.printed.unit,
                "computed": result.computed,
                "difference": result.difference,
                "tolerance": result.tolerance,
                "verdict": result.verdict,
                "expected": result.expected,
                "failed": result.failed,
                "missing": list(result.missing),
                "meaning": result.meaning,
                "reason": result.reason,
            }
            for result in results
        ],
    }


def _print(case: PaperCase, results: tuple[RowResult, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from footprint.reporting.numbers import clean

    source = case.source
    by = f"{source.authors}, " if source.authors else ""
    table = Table(
        title=Text(clean(f"{case.id}: {by}{source.title}, {source.where} ({source.year})")),
        title_justify="left",
    )
    numbers = ("Printed", "Computed", "Difference", "Tolerance")
    for heading in ("Row", "Figure", *numbers, "Grade", "Verdict"):
        table.add_column(
            heading, justify="right" if heading in numbers else "left", overflow="fold"
        )
    for result in results:
        difference = "" if result.difference is None else f"{round(result.difference, 4) + 0:+.2%}"
        cells = (
            result.row,
            result.figure,
            result.printed.text,
            _number(result, result.computed),
            difference,
            f"±{_number(result, result.tolerance)}",
            result.grade,
            result.verdict,
        )
        # Text, not str: what a file says is never read as markup.
        table.add_row(
            *(Text(clean(cell)) for cell in cells), style="bold red" if result.failed else ""
        )
    console = Console()
    console.print(table)
    for said in dict.fromkeys(map(_sentence, results)):
        console.print(Text(clean(said)))
    console.print(Text(f"May be claimed: {clean(case.claim)}\n"))


def _number(result: RowResult, value: float | None) -> str:
    """Write a number to two digits beyond the printed ones."""
    if value is None:
        return ""
    return f"{value:.{result.printed.decimals + 2}f}"


def _sentence(result: RowResult) -> str:
    """Say what a verdict means: once for all rows that agree, for each of the others."""
    if result.agrees and not result.failed:
        return f"{result.grade}: {result.meaning}."
    because = f" ({result.reason})" if result.reason else ""
    return f"{result.row}, {result.figure}: {result.meaning}{because}."


def _print_summary(results: list[RowResult]) -> None:
    from footprint.papercases import Grade, Verdict

    failed = [result for result in results if result.failed]
    kept = [result.verdict for result in results if not result.failed]
    # Not one number for all: a figure of ours that we meet says nothing about a paper.
    grades = [r.grade for r in results if r.verdict is Verdict.AGREES and not r.failed]
    parts = [
        f"{grades.count(grade)} {said}"
        for grade, said in (
            (Grade.VERIFIED, "agree with what was printed"),
            (Grade.REPORTED, "agree with what others report of a paper"),
            (Grade.UNCONFIRMED, "agree with unconfirmed figures"),
            (Grade.RECONSTRUCTED, "hold our own readings to themselves"),
        )
        if grade in grades
    ]
    parts += [
        f"{kept.count(verdict)} {said}"
        for verdict, said in (
            (Verdict.DIFFERS, "known or allowed to differ"),
            (Verdict.NOT_RECOMPUTABLE, "not recomputable"),
        )
    ]
    parts.append(f"{len(failed)} not as the case says")
    figures = "figure" if len(results) == 1 else "figures"
    print_text(f"{len(results)} {figures}: {', '.join(parts)}")
