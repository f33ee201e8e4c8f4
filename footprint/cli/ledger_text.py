"""What `footprint ledger` prints: runs, sums, changes."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from footprint.cli.output import print_json, print_text, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from footprint.ledger import Change, Ingested, Restatement, RunSummary
    from footprint.model import Finding


def plain_values(values: Iterable[Any]) -> list[Any]:
    """Values as JSON knows them: what is not known is null."""
    return [None if isinstance(one, float) and math.isnan(one) else one for one in values]


def table_text(names: Sequence[str], rows: Sequence[Mapping[str, Any]], suffix: str) -> str:
    """Write a table as CSV or JSON."""
    import csv
    import io
    import json

    if suffix == ".json":
        return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def counted(number: int, what: str) -> str:
    """Write a number with its noun."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def readable(quantity: str, value: float | None) -> str:
    """Write a canonical number with a readable unit."""
    from footprint.units import format_quantity

    return "not known" if value is None else format_quantity(quantity, value)


def home(run: RunSummary) -> str:
    """Write under which silo a run was entered, and where else its activities lie."""
    if not run.lies_in:
        return run.silo
    places = ", ".join("not known" if silo is None else silo for silo in run.lies_in)
    return f"{run.silo} (activities in {places})".strip()


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")


def days(start_s: float, stop_s: float) -> str:
    """Write a period in days."""
    first, last = _day(start_s), _day(stop_s)
    return first if first == last else f"{first} to {last}"


def moment(time_s: float) -> str:
    """Write a Unix time."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def entered_line(result: Ingested) -> str:
    """Say what came of entering a run."""
    place = f"{result.silo}: " if result.silo else ""
    if not result.files:
        return _safe(f"{place}{result.run} {result.outcome}, left out")
    text = f"{place}{result.run} {result.outcome}, {counted(result.activities, 'activity')}"
    text += f" from {counted(result.files, 'file')}, {readable('energy', result.energy_kwh)}"
    if result.superseded:
        text += f"; {result.superseded:,} from before are superseded"
    return _safe(text if result.change is None else f"{text} (change {result.change})")


@contextmanager
def entered_runs(*, as_json: bool) -> Iterator[Callable[[Ingested], None]]:
    """Print what came of each run as it is entered; as JSON all at the end."""
    done: list[Ingested] = []

    def show(result: Ingested) -> None:
        done.append(result)
        say_findings(result.findings)
        if not as_json:
            print_text(entered_line(result))

    try:
        yield show
    finally:
        # What was entered before an error is entered.
        if as_json and done:
            print_json([asdict(result) for result in done])


def say_findings(findings: Iterable[Finding]) -> None:
    """Tell a person what a reader of journals must know."""
    from footprint.model import Severity

    for finding in findings:
        if finding.severity is not Severity.INFO or finding.code == "corrected-again":
            say(f"{finding.severity}: {finding.message} {finding.remedy}".rstrip())


def deliver(done: Restatement, *, as_json: bool, dry_run: bool = False) -> None:
    """Print what a restatement did."""
    say_findings(done.findings)
    if as_json:
        print_json(asdict(done))
        return
    for value in done.values:
        print_text(value_line(value))
    if dry_run:
        say("Nothing was changed: this was a dry run.")
    elif done.change is None:
        say("Nothing was changed: all of it has these values already.")
    else:
        say(f"change {done.change}; see it with: footprint ledger history")


def change_lines(change: Change) -> str:
    """Write an entry of the log."""
    what = change.kind if change.cause is None else f"{change.kind} (cause: {change.cause})"
    text = f"change {change.id}, {moment(change.made_s)}: {what} "
    text += ", ".join((*change.runs, *change.subjects))
    text += f"; {change.reason}" if change.reason else ""
    text += f"; by {change.author}" if change.author else ""
    return "\n".join([_safe(text), *(f"  {value_line(value)}" for value in change.values)])


def value_line(value: Any) -> str:
    """Write a value that was restated."""
    place = f"{value.silo}: " if value.silo else ""
    text = f"{place}{value.run}, {value.quantity}: {_shown(value.old_value)} -> "
    return _safe(text + f"{_shown(value.new_value)} ({counted(value.activities, 'activity')})")


def _safe(text: str) -> str:
    """Take out what would steer a terminal: names come from elsewhere."""
    from footprint.reporting.numbers import clean

    return clean(text)


def _shown(value: float | str | None) -> str:
    if value is None:
        return "not known"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def deliver_sums(
    answer: Mapping[str, Any], by: Sequence[str], output: Path | None, *, as_json: bool
) -> None:
    """Write the columns of a query where they were asked for, and print them."""
    from footprint.documents import write_text

    names = list(answer)
    columns = [plain_values(column.tolist()) for column in answer.values()]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if output is not None:
        say(f"wrote {write_text(output, table_text(names, rows, output.suffix))}")
    if as_json:
        print_json(rows)
    elif output is None and not rows:
        say("No activity matches.")
    elif output is None:
        print_sums(by, rows)


def print_sums(by: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the answer to a query."""
    lines = [
        (
            *("not known" if row[name] is None else str(row[name]) for name in by),
            f"{row['activities']:,}",
            *("" if row[name] is None else readable(kind, row[name]) for name, kind in _SUMS),
            f"{row['unmetered']:,}" if row["unmetered"] else "",
        )
        for row in rows
    ]
    # A page says more: networks have energy, too, and that is no activity's.
    heads = [*by, "activities", "energy of devices", "data", "duration", "unmetered"]
    print_table(heads, lines, right=len(_SUMS) + 2)


_SUMS = (("energy_kwh", "energy"), ("data_gb", "data"), ("duration_s", "time"))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: int) -> None:
    """Print a table whose last columns are numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads)
    for column in table.columns[-right:]:
        column.justify = "right"
    for row in rows:
        # Text, not str: what a name says is never read as markup.
        table.add_row(*(Text(_safe(cell)) for cell in row))
    Console().print(table)


def print_pairs(pairs: Mapping[str, str]) -> None:
    """Print names with what they stand for."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs.items():
        grid.add_row(name, Text(_safe(text)))
    Console().print(grid)
