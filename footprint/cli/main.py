"""The `footprint` command: its groups, and the one place that catches errors."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from footprint.cli import (
    audit,
    calibrate,
    factors,
    flower,
    intensity,
    ledger,
    manage,
    meters,
    methods,
    papers,
    pareto,
    predict,
    results,
    simulate,
    sweep,
    track,
)
from footprint.cli.output import print_json, say
from footprint.errors import DataError, FootprintError

app = typer.Typer(
    name="footprint",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Carbon accounting and life-cycle estimation for federated learning.",
    # In one line: breaks of a text stay holes in it.
    epilog="Exit codes: 0 fine, 1 findings of an audit or missing silos, 2 wrong use, 3 wrong "
    "data, 4 a missing extra. Results go to standard output, everything else to standard error.",
)
app.command("track", context_settings=track.PASS_THROUGH)(track.track)
app.command("estimate")(results.estimate)
app.command("compare")(results.compare)
app.command("sweep")(sweep.sweep)
app.command("pareto")(pareto.pareto)
app.command("simulate")(simulate.simulate)
app.command("methods")(methods.methods)
app.command("predict")(predict.predict)
app.command("papers")(papers.papers)
app.command("report")(results.report)
app.command("meters")(meters.meters)
app.command("calibrate")(calibrate.calibrate)
app.add_typer(audit.app, name="audit")
app.add_typer(factors.app, name="factors")
app.add_typer(flower.app, name="flower")
app.add_typer(intensity.app, name="intensity")
app.add_typer(ledger.app, name="ledger")
app.add_typer(manage.app, name="manage")


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Carbon accounting and life-cycle estimation for federated learning."""
    _options["debug"] = debug


# What the callback learns outlives it here: `main` needs it after a command failed.
_options = {"debug": False}


@app.command()
def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the version of the package and of its emission factors.

    For example:

      footprint version --json
    """
    from footprint._version import __version__
    from footprint.factors import load_catalogue

    catalogue = load_catalogue()
    if as_json:
        print_json(
            {
                "version": __version__,
                "factors": {"version": catalogue.version, "digest": catalogue.digest},
            }
        )
    else:
        typer.echo(f"footprint {__version__}")
        typer.echo(f"emission factors {catalogue.version} ({catalogue.digest[:12]})")


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    try:
        code = _run()
        sys.stdout.flush()
    except OSError as error:
        # Nowhere to write the result to. What is still buffered must not fail again
        # when the interpreter flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # `footprint ... | head` is no error
            say(f"error: the output cannot be written: {error.strerror or error}")
        code = 0 if isinstance(error, BrokenPipeError) else DataError.exit_code
    sys.exit(code)


def _run() -> int | str | None:
    try:
        app(prog_name="footprint")  # also as python -m footprint
    except SystemExit as stop:  # typer's way to end a command
        return stop.code
    except FootprintError as error:
        if _options["debug"]:
            raise
        say(f"error: {error.message}")
        if error.remedy:
            say(f"       {error.remedy}")
        return error.exit_code
    return 0
