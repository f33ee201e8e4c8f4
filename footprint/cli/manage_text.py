"""What `footprint manage` prints of silos and analyses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from footprint.cli.output import say

if TYPE_CHECKING:
    from footprint.management.analytics import Analysis
    from footprint.management.results import Result
    from footprint.management.sketches import Estimate
    from footprint.model import Finding

_WIDE = 130
"""Characters a line that a table of ten columns needs."""
_SHOWN = 40
"""Estimates and pairs that are printed; --json gives all."""
_BOUNDS = {
    "rows": "counted",
    "distinct": "bounds of 95 %",
    "quantiles": "bounds of 99 % for each silo, edges of cells",
    "histogram": "bounds that always hold; cells with few rows are told together with others",
    "frequent": "bounds that always hold",
    "duplicates": "bounds of 95 %",
}


def say_findings(findings: Iterable[Finding]) -> None:
    """Tell a person what must be known of a result."""
    from footprint.reporting.numbers import clean

    for finding in findings:
        say(f"{finding.severity}: {clean(finding.message)}")
        if finding.remedy:
            say(f"    {clean(finding.remedy)}")


def print_line(text: str, *, bold: bool = False) -> None:
    """Print a line in which nothing is markup."""
    from rich.console import Console
    from rich.text import Text

    from footprint.reporting.numbers import clean

    Console().print(Text(clean(text), style="bold" if bold else ""))


def print_columns(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    foot: Sequence[str] = (),
    stacked: bool = False,
) -> None:
    """Print a table.

    Parameters
    ----------
    title : str
    heads : sequence of str
    rows : sequence of sequence of str
    right : sequence of str
        Columns of numbers.
    foot : sequence of str
    stacked : bool
        Whether a narrow terminal shows each two columns as one.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from footprint.reporting.numbers import clean

    console = Console()
    table = Table(title=Text(title), title_justify="left", show_footer=bool(foot))
    steps = 2 if stacked and console.width < _WIDE else 1
    table.show_lines = steps > 1

    def lines(cells: Sequence[str]) -> list[Text]:
        # Text, not str: what a name says is never read as markup.
        groups = (cells[k : k + steps] for k in range(0, len(cells), steps))
        return [Text("\n".join(map(clean, group)).rstrip("\n")) for group in groups]

    footers = lines(foot or [""] * len(heads))
    for number, head in enumerate(lines(heads)):
        table.add_column(
            head,
            footer=footers[number],
            justify="right" if heads[number * steps] in right else "left",
            # Narrow terminals break names, and never cut anything.
            overflow="fold",
        )
    for row in rows:
        table.add_row(*lines(row))
    console.print(table)


def day(time_s: float | None) -> str:
    """Write a day in UTC; nothing if it is not known."""
    return "" if time_s is None else datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")


def amount(quantity: str, value: float | None) -> str:
    """Write a canonical number with a readable unit; nothing if it is not known."""
    from footprint.units import format_quantity

    return "" if value is None else format_quantity(quantity, value)


def print_analysis(result: Result) -> None:
    """Print an analysis: what was found, who is in it, and what moved."""
    analysis = result.analysis
    print_line(_title(analysis), bold=True)
    if not analysis.refused:
        _print_found(analysis)
    print_columns(
        "Who is in it",
        ("silo", "came", "rows", "why"),
        [
            (
                one.silo,
                one.came.value,
                "" if one.rows is None else f"{one.rows:,}{' of samples' * one.sampled}",
                one.reason,
            )
            for one in analysis.coverage
        ],
        right=("rows",),
    )
    if not analysis.refused or result.number is not None:
        # In one process nothing has moved, and of no result nothing would have to.
        _print_traffic(result)


def _title(analysis: Analysis) -> str:
    question = analysis.question
    what = question.statistic.value
    if question.column is not None:
        what += f" of {question.column}"
    what += " of all datasets" if question.dataset is None else f" in {question.dataset}"
    if analysis.refused:
        return f"{what}: no result. {analysis.refused}"
    bounds = _BOUNDS[question.statistic.value]
    if question.epsilon is not None:
        bounds = f"noise with epsilon {question.epsilon:g}, bounds of 95 %"
    silos = f"{analysis.answered} of {len(analysis.coverage)} silos"
    return f"{what}: {silos}, {analysis.rows or 0:,} rows; {bounds}"


def _print_found(analysis: Analysis) -> None:
    rows: list[tuple[str, ...]]
    heads: tuple[str, ...]
    if analysis.pairs:
        rows = [
            (
                one.likeness.value,
                "/".join(one.first),
                "/".join(one.second),
                _share(one.jaccard),
                _share(one.containment),
                "samples" if one.sampled else "all rows",
            )
            for one in analysis.pairs
        ]
        heads = ("likeness", "first", "second", "Jaccard index", "of the first in the second")
        _print_some("Datasets that share rows", (*heads, "found on"), rows, heads[3:])
    elif analysis.estimates:
        rows = [
            (_name(one, analysis), *map(_number, (one.value, one.low, one.high)))
            for one in analysis.estimates
        ]
        heads = ("what", "estimate", "at least", "at most")
        _print_some("What was found", heads, rows, heads[1:])
    else:
        print_line("nothing was found")


def _print_some(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]
) -> None:
    print_columns(title, heads, rows[:_SHOWN], right=right)
    if len(rows) > _SHOWN:
        print_line(f"and {len(rows) - _SHOWN:,} more (--json gives all)")


def _name(one: Estimate, analysis: Analysis) -> str:
    """Name an estimate; a value that no silo may name keeps its hash."""
    if analysis.question.statistic.value != "frequent":
        return one.name
    return analysis.labels.get(one.name, f"(hash {one.name})")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.4g}"


def _share(one: Estimate) -> str:
    def write(end: float | None) -> str:
        text = f"{100 * (end or 0.0):.3g}"
        return "> 99.9" if text == "100" and end != 1 else text

    if one.low == one.high:
        return f"{write(one.value)} %"
    return f"{write(one.value)} % ({write(one.low)}–{write(one.high)})"


def _print_traffic(result: Result) -> None:
    from footprint.units import bytes_to_gb

    traffic, energy = result.traffic, result.energy
    samples = any(one.sampled for one in result.analysis.coverage)
    sizes = [
        ("this analysis", traffic.moved_bytes, None if energy is None else energy.moved),
        (
            "the samples instead" if samples else "the raw data instead",
            traffic.raw_bytes,
            None if energy is None else energy.raw,
        ),
    ]
    rows = [
        (
            what,
            "not known" if size is None else amount("data", bytes_to_gb(size)),
            "" if used is None else _energy(used),
        )
        for what, size, used in sizes
    ]
    network = "" if energy is None else f" by {energy.network}"
    moves = "What would move between machines" if result.number is None else "What moved"
    print_columns(f"{moves}{network}", ("", "data", "energy"), rows, right=("data", "energy"))


def _energy(one: Estimate) -> str:
    text = amount("energy", one.value)
    if one.low is None or one.high is None:
        return text
    return f"{text} ({amount('energy', one.low)} to {amount('energy', one.high)})"
