"""`footprint ledger`: many journals, runs and silos in one database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from footprint.cli.ledger_corrections import history, restate, withdraw
from footprint.cli.ledger_options import (
    CAUSES,
    DEFAULT_URL,
    AsJson,
    AsOf,
    Author,
    Reason,
    Since,
    Until,
    Url,
    Where,
    busy,
    note_of,
    where_of,
)
from footprint.cli.ledger_text import (
    counted,
    days,
    deliver_sums,
    entered_runs,
    home,
    moment,
    print_pairs,
    print_table,
    readable,
)
from footprint.cli.output import print_json, print_text, say
from footprint.errors import UsageError

app = typer.Typer(
    help="Keep many journals, runs and silos in one database, SQLite or PostgreSQL.",
    no_args_is_help=True,
)


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
            "--restate",
            help="Read runs anew that are there already, or were withdrawn; the cause is "
            f"{CAUSES}.",
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

    catalogue = load_catalogue(tuple(factors)) if factors else None
    reading = Reading(run, View.parse(view), IdlePolicy.parse(idle_policy), catalogue)
    note = note_of(cause, reason, author)
    with open_ledger(url) as ledger, entered_runs(as_json=as_json) as show, busy("entering runs"):
        ingest_(ledger, *paths, silo=silo, reading=reading, note=note, progress=show)


@app.command()
def runs(url: Url = DEFAULT_URL, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """List the runs of a ledger.

    For example:

      footprint ledger runs
    """
    from footprint.ledger import list_runs, open_ledger

    with open_ledger(url, read_only=True) as ledger:
        found = list_runs(ledger, as_of=as_of)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        say("The ledger holds no run yet; enter some with: footprint ledger ingest")
        return
    print_table(
        ("silo", "run", "days", "activities", "energy of devices"),
        [
            (
                home(one),
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
    from footprint.ledger import open_ledger
    from footprint.ledger import query as query_

    if output is not None and output.suffix not in (".csv", ".json"):
        raise UsageError(f"{output} ends neither in .csv nor in .json.", "Name a table.")
    with open_ledger(url, read_only=True) as ledger:
        answer = query_(ledger, by or (), where_of(where, since, until), as_of=as_of)
    deliver_sums(answer, by or [], output, as_json=as_json)


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

    with open_ledger(url, read_only=True) as ledger, busy("writing activities"):
        number = export_(
            ledger, output, where_of(where, since, until), as_of=as_of, everything=everything
        )
    if as_json:
        print_json({"file": str(output), "activities": number})
    else:
        print_text(f"wrote {counted(number, 'activity')} to {output}")


@app.command()
def status(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Say where a ledger is and what it holds.

    For example:

      footprint ledger status
    """
    from footprint.ledger import open_ledger
    from footprint.ledger import status as status_

    with open_ledger(url, read_only=True) as ledger:
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
            "management": f"{counted(found.catalogues, 'catalogue')} of silos, "
            f"{counted(found.plans, 'plan')}, {counted(found.decisions, 'decision')}, "
            f"{counted(found.outcomes, 'outcome')}",
            "changes": f"{found.changes:,}, the last one {last}",
        }
    )


for _command in (restate, withdraw, history):
    app.command()(_command)
