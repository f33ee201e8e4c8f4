"""`footprint manage`: data and applications of a company in many silos."""

from __future__ import annotations

import typer

from footprint.cli.manage_advise import advise

app = typer.Typer(
    help="What lies where in a company of many silos, what it costs, and what to do about it.",
    no_args_is_help=True,
)
app.command("advise")(advise)
