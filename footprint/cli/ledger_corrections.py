"""`footprint ledger restate`, `withdraw` and `history`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from footprint.cli.ledger_options import (
    CAUSES,
    DEFAULT_URL,
    AsJson,
    Author,
    Reason,
    Since,
    Until,
    Url,
    note_of,
    number_of,
    pairs_of,
    where_of,
)
from footprint.cli.ledger_text import change_lines, deliver
from footprint.cli.output import print_json, print_text, say


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

    factors = {key: number_of(key, value) for key, value in pairs_of(scale, "--scale").items()}
    values = {key: value or None for key, value in pairs_of(sets, "--set").items()}
    correction = Correction(where_of(where, since, until), values, factors)
    with open_ledger(url) as ledger:
        done = restate_(ledger, correction, note_of(cause, reason, author), dry_run=dry_run)
    deliver(done, as_json=as_json, dry_run=dry_run)


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
    """Take a run out of what counts. It stays in the history; a cause brings it back.

    For example:

      footprint ledger withdraw digits --cause structure --reason "site sold in 2026"
    """
    from footprint.ledger import open_ledger
    from footprint.ledger import withdraw as withdraw_

    with open_ledger(url) as ledger:
        done = withdraw_(ledger, run, note_of(cause, reason, author), silo=silo)
    deliver(done, as_json=as_json)


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

    with open_ledger(url, read_only=True) as ledger:
        found = history_(ledger, run)
    if as_json:
        print_json([asdict(change) for change in found])
        return
    if not found:
        say("Nothing was changed yet." if run is None else f"No change touched a run {run!r}.")
    for change in found:
        print_text(change_lines(change))
