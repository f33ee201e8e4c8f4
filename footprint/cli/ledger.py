"""`footprint ledger`: many journals, runs and silos in one database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.ledger_text import (
    change_lines,
    counted,
    days,
    deliver,
    entered_line,
    moment,
    plain_values,
    print_pairs,
    print_sums,
    print_table,
    readable,
    say_findings,
    table_text,
)
from footprint.cli.output import print_json, print_text, say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.ledger import Ingested, Note

app = typer.Typer(
    help="Keep many journals, runs and silos in one database, SQLite or PostgreSQL.",
    no_args_is_help=True,
)

# Tests hold both to `footprint.ledger`, whose import is heavy.
DEFAULT_URL = "sqlite:///footprint-ledger.db"
CAUSES = "factor, method, error or structure"

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="FOOTPRINT_LEDGER",
        help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="KEY=VALUE: run, silo, actor, zone, phase, round, month (202611), ... Repeatable: "
        "values of one key are alternatives. An empty value is what is not known.",
    ),
]
Since = Annotated[str | None, typer.Option(help="First day or moment, in UTC: 2026-01-01.")]
Until = Annotated[str | None, typer.Option(help="Day or moment before which, in UTC.")]
AsOf = Annotated[
    int | None, typer.Option(help="Number of a change: the ledger as it was after it.")
]
Reason = Annotated[str, typer.Option(help="Why, in words that an auditor understands.")]
Author = Annotated[str, typer.Option(help="Who; nothing is entered if left out.")]


@app.command()
def init(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Make a ledger, or bring an older one to the schema of this release.

    For example:

      footprint ledger init

      footprint ledger init --url postgresql://footprint@db.example.org/ledger
    """
    from footprint.ledger import open_ledger, status

    with open_ledger(url, create=True) as ledger:
        found = status(ledger)
    if as_json:
        print_json(asdict(found))
    else:
        print_text(f"ledger at {found.url}, schema {found.schema}, {counted(found.runs, 'run')}")


@app.command()
def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="JOURNAL",
            help="Journals, folders or archives of them (.zip, .tar.gz), or tables of activities "
            "(.csv, .parquet).",
        ),
    ],
    url: Url = DEFAULT_URL,
    silo: Annotated[
        str | None, typer.Option(help="Silo, site or partner that the runs belong to.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Name for the run. [default: that of its journal]")
    ] = None,
    view: Annotated[
        str, typer.Option(help="Whose energy: process, machine or machine-less-idle.")
    ] = "process",
    idle_policy: Annotated[
        str, typer.Option(help="Who is charged idle power: by-time, by-reservation or none.")
    ] = "by-time",
    factors: Annotated[
        list[Path] | None, typer.Option(help="Folder of further factors. Repeatable.")
    ] = None,
    cause: Annotated[
        str | None,
        typer.Option(
            "--restate", help=f"Read runs anew that are there already; the cause is {CAUSES}."
        ),
    ] = None,
    reason: Reason = "",
    author: Author = "",
    as_json: AsJson = False,
) -> None:
    """Enter runs. A file twice changes nothing; a journal that grew takes its own place.

    All journals of one run have to be named together, best as their folder. What is printed
    as entered is kept, whatever happens to the rest.

    For example:

      footprint ledger ingest footprint-journal --silo lyon

      footprint ledger ingest krakow.tar.gz --silo krakow

      footprint ledger ingest activities.csv --run "billing export"
    """
    from footprint.factors import load_catalogue
    from footprint.ledger import Reading, open_ledger
    from footprint.ledger import ingest as ingest_
    from footprint.model import IdlePolicy, View

    reading = Reading(
        run,
        View.parse(view),
        IdlePolicy.parse(idle_policy),
        load_catalogue(tuple(factors)) if factors else None,
    )
    done: list[Ingested] = []

    def show(result: Ingested) -> None:
        done.append(result)
        say_findings(result.findings)
        if not as_json:
            print_text(entered_line(result))

    try:
        with open_ledger(url) as ledger, _busy("entering runs"):
            ingest_(
                ledger,
                *paths,
                silo=silo,
                reading=reading,
                note=_note(cause, reason, author),
                progress=show,
            )
    finally:
        # What was entered before an error is entered.
        if as_json and done:
            print_json([asdict(result) for result in done])


@app.command()
def runs(url: Url = DEFAULT_URL, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """List the runs of a ledger.

    For example:

      footprint ledger runs
    """
    from footprint.ledger import list_runs, open_ledger

    with open_ledger(url) as ledger:
        found = list_runs(ledger, as_of=as_of)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        say("The ledger holds no run yet; enter some with: footprint ledger ingest")
        return
    print_table(
        ("silo", "run", "days", "activities", "energy"),
        [
            (
                one.silo,
                one.run,
                days(one.start_s, one.stop_s),
                f"{one.activities:,}",
                readable("energy", one.energy_kwh),
            )
            for one in found
        ],
        right=2,
    )


@app.command()
def query(
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="Group by run, silo, zone, phase, round, actor, month, ... Repeatable."
        ),
    ] = None,
    where: Where = None,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a table: .csv or .json.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Sum activities by group.

    For example:

      footprint ledger query --by silo --by month

      footprint ledger query --by zone --where phase=train --since 2026-01-01 --json

      footprint ledger query --where zone= --by run
    """
    from footprint.documents import write_text
    from footprint.ledger import open_ledger
    from footprint.ledger import query as query_

    if output is not None and output.suffix not in (".csv", ".json"):
        raise UsageError(f"{output} ends neither in .csv nor in .json.", "Name a table.")
    with open_ledger(url) as ledger:
        answer = query_(ledger, by or (), _where(where, since, until), as_of=as_of)
    names = list(answer)
    rows = [
        dict(zip(names, row, strict=True))
        for row in zip(*(plain_values(column.tolist()) for column in answer.values()), strict=True)
    ]
    if output is not None:
        say(f"wrote {write_text(output, table_text(names, rows, output.suffix))}")
    if as_json:
        print_json(rows)
    elif output is None and not rows:
        say("No activity matches.")
    elif output is None:
        print_sums(by or [], rows)


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="File: .csv, .jsonl or .parquet.")],
    where: Where = None,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was superseded, and by which change.")
    ] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Write activities to a file that other programs read.

    For example:

      footprint ledger export -o activities.parquet

      footprint ledger export -o lyon.csv --where silo=lyon --since 2026-01-01
    """
    from footprint.ledger import export as export_
    from footprint.ledger import open_ledger

    with open_ledger(url) as ledger, _busy("writing activities"):
        number = export_(
            ledger, output, _where(where, since, until), as_of=as_of, everything=everything
        )
    if as_json:
        print_json({"file": str(output), "activities": number})
    else:
        print_text(f"wrote {counted(number, 'activity')} to {output}")


@app.command()
def restate(
    where: Annotated[
        list[str], typer.Option("--where", help="KEY=VALUE, as of `query`. Repeatable.")
    ],
    cause: Annotated[str, typer.Option(help=f"{CAUSES.capitalize()}.")],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="COLUMN=VALUE: the right value; empty for not known. Repeatable."
        ),
    ] = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=FACTOR: multiply numbers, such as energy_kwh=1.05."),
    ] = None,
    since: Since = None,
    until: Until = None,
    reason: Reason = "",
    author: Author = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Correct activities. What they were stays in the ledger, with the cause.

    For example:

      footprint ledger restate --where actor=client-3 --set zone=PL --cause error

      footprint ledger restate --where run=digits --scale energy_kwh=1.08 --cause method
        --reason "wall meter of 2026-11"
    """
    from footprint.ledger import Correction, open_ledger
    from footprint.ledger import restate as restate_

    factors = {key: _number(key, value) for key, value in _pairs(scale, "--scale").items()}
    values = {key: value or None for key, value in _pairs(sets, "--set").items()}
    correction = Correction(_where(where, since, until), values, factors)
    with open_ledger(url) as ledger:
        done = restate_(ledger, correction, _note(cause, reason, author), dry_run=dry_run)
    deliver(done, as_json=as_json, dry_run=dry_run)


@app.command()
def withdraw(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    cause: Annotated[str, typer.Option(help=f"{CAUSES.capitalize()}.")],
    silo: Annotated[
        str | None, typer.Option(help="Silo of the run, if there are several of the name.")
    ] = None,
    reason: Reason = "",
    author: Author = "",
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Take a run out of what counts. It stays in the history, and can be entered again.

    For example:

      footprint ledger withdraw digits --cause structure --reason "site sold in 2026"
    """
    from footprint.ledger import open_ledger
    from footprint.ledger import withdraw as withdraw_

    with open_ledger(url) as ledger:
        done = withdraw_(ledger, run, _note(cause, reason, author), silo=silo)
    deliver(done, as_json=as_json)


@app.command()
def history(
    run: Annotated[str | None, typer.Argument(help="Only changes of this run.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show every change of a ledger, with old values, new values and causes.

    For example:

      footprint ledger history digits
    """
    from footprint.ledger import history as history_
    from footprint.ledger import open_ledger

    with open_ledger(url) as ledger:
        found = history_(ledger, run)
    if as_json:
        print_json([asdict(change) for change in found])
        return
    if not found:
        say("Nothing was changed yet." if run is None else f"No change touched a run {run!r}.")
    for change in found:
        print_text(change_lines(change))


@app.command()
def status(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Say where a ledger is and what it holds.

    For example:

      footprint ledger status
    """
    from footprint.ledger import open_ledger
    from footprint.ledger import status as status_

    with open_ledger(url) as ledger:
        found = status_(ledger)
    if as_json:
        print_json(asdict(found))
        return
    last = "never" if found.last_change_s is None else moment(found.last_change_s)
    print_pairs(
        {
            "ledger": found.url,
            "schema": found.schema,
            "runs": f"{found.runs:,}",
            "files": f"{found.files:,}",
            "activities": f"{found.activities:,}",
            "superseded": f"{found.superseded:,} activities that something took the place of",
            "changes": f"{found.changes:,}, the last one {last}",
        }
    )


@contextmanager
def _busy(what: str) -> Iterator[None]:
    """Show a person that work goes on; nothing where standard error is no terminal."""
    from rich.console import Console

    with Console(stderr=True).status(f"{what} ..."):
        yield


def _note(cause: str | None, reason: str, author: str) -> Note:
    from footprint.ledger import Cause, Note

    return Note(None if cause is None else Cause.parse(cause), reason, author)


def _pairs(options: list[str] | None, name: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for option in options or []:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise UsageError(f"{name} {option!r} cannot be used.", f"Write {name} KEY=VALUE.")
        if key in pairs:
            raise UsageError(f"{name} is given twice for {key!r}.", "Give it once.")
        pairs[key] = value
    return pairs


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"--scale {key}={text} cannot be used.", "Write a number, such as 1.05."
        ) from None


def _where(options: list[str] | None, since: str | None, until: str | None) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for option in options or []:
        for key, value in _pairs([option], "--where").items():
            chosen.setdefault(key, []).append(value or None)
    for name, text in (("since", since), ("until", until)):
        if text is not None:
            chosen[f"{name}_s"] = _seconds(name, text)
    return chosen


def _seconds(name: str, text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--{name} {text!r} is no date.", "Write 2026-01-31 or 2026-01-31T12:00."
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
