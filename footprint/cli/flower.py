"""`footprint flower`: a demonstration of the integration, and an environment for Flower."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from footprint.cli.output import print_json, print_text
from footprint.cli.results import Assets, command_line
from footprint.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Flower: a demonstration, and an environment for it.")


@app.command("demo")
def demo(
    engine: Annotated[
        str, typer.Option(help="Where the clients run: local (in this process) or ray.")
    ] = "local",
    clients: Annotated[int, typer.Option(help="Number of clients.", min=2, max=100)] = 20,
    rounds: Annotated[int, typer.Option(help="Number of rounds.", min=1)] = 5,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path(
        "flower-demo.html"
    ),
    journal: Annotated[
        Path | None, typer.Option(help="Keep the journals in this folder, a new one.")
    ] = None,
    assets: Assets = "inline",
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what Flower logs.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as JSON.")
    ] = False,
) -> None:
    """Train a Flower app on handwritten digits, measure it, and write a page.

    The app is that of examples/flower: a Flower app of which three lines are ours.
    Nothing is downloaded, and nothing leaves this machine. Measured: time, processor
    time, memory and payloads, on this machine. Assumed: the zones, and that each
    client is a desktop computer.

    Examples
    --------
        footprint flower demo

        footprint flower demo --engine ray --clients 50 --rounds 10 -o digits.html
    """
    from footprint.assessment import estimate
    from footprint.documents import to_json
    from footprint.integrations.flower.demo import ASSUMED, require_extras, train_digits
    from footprint.inventory import build_inventory
    from footprint.measurement.attribution import read_journal
    from footprint.reporting import write_report
    from footprint.reporting.terminal import print_result

    if output.suffix != ".html":
        raise UsageError(f"{output} does not end in .html.", "A report is an HTML page.")
    if journal is not None and journal.exists():
        raise UsageError(
            f"{journal} is there already, and journals that lie together are added up.",
            "Name a new folder.",
        )
    require_extras(engine)
    # What Ray leaves may still be in use when it has ended.
    with tempfile.TemporaryDirectory(prefix="fp-", ignore_cleanup_errors=True) as scratch:
        folder = journal or Path(scratch) / "run"
        folder.mkdir(parents=True)
        with nullcontext() if verbose else _progress(rounds) as watch:
            train_digits(
                folder, Path(scratch), engine=engine, clients=clients, rounds=rounds, watch=watch
            )
        measured = read_journal(folder)
        measured = replace(measured, findings=(ASSUMED, *measured.findings))
        result = estimate(build_inventory(measured))
    page = write_report(result, output, assets=assets, command=command_line())
    if as_json:
        print_text(to_json(result))
    else:
        print_result(result)
        print_text(str(page))


@app.command("env")
def env(
    home: Annotated[
        Path, typer.Option(help="Folder for what Flower keeps, instead of the one in your home.")
    ] = Path("flower-home"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print an environment in which Flower and Ray post, fetch and install nothing.

    footprint sets it for processes that it starts itself, and for no other.

    Examples
    --------
        eval "$(footprint flower env)"

        footprint flower env --home runs/flower-home --json
    """
    from footprint.integrations.flower.sandbox import variables

    found = variables(home)
    if as_json:
        print_json(found)
    else:
        print_text("\n".join(f"export {name}={shlex.quote(v)}" for name, v in found.items()))


@contextmanager
def _progress(rounds: int) -> Iterator[Callable[[int], None]]:
    """Show a bar; gives what moves it to the begin of a round."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("starting", total=rounds)

        def begin(number: int) -> None:
            text = f"round {number} of {rounds}"
            progress.update(bar, completed=number - 1, description=text)

        yield begin
