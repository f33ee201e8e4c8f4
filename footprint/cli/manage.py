"""`footprint manage`: data and applications of a company in many silos."""

from __future__ import annotations

import typer

from footprint.cli.manage_advise import advise
from footprint.cli.manage_analyse import analyse
from footprint.cli.manage_catalogue import catalogue
from footprint.cli.manage_decisions import approve, decisions, outcome, reject
from footprint.cli.manage_record import record

app = typer.Typer(
    help="What lies where in a company of many silos, what it costs, and what to do about it.",
    no_args_is_help=True,
)
app.command("catalogue")(catalogue)
app.command("analyse")(analyse)
app.command("advise")(advise)
app.command("record")(record)
app.command("approve")(approve)
app.command("reject")(reject)
app.command("decisions")(decisions)
app.command("outcome")(outcome)
