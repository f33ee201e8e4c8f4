"""`footprint flower`: a demonstration of the integration, and an environment for Flower."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from footprint.cli.output import print_json, print_text
from footprint.cli.results import Assets
from footprint.errors import MissingExtra, UsageError

app = typer.Typer(no_args_is_help=True, help="Flower: a demonstration, and an environment for it.")

# Assumed of the demonstration: clients in turn, and their server.
CLIENT_ZONES = ("FR", "DE", "US", "PL")
SERVER_ZONE = "DE"
DEVICE = "desktop"
CONFIG: dict[str, float | str] = {
    "fraction-train": 0.5,
    "local-epochs": 5,
    "journal": "footprint-journal/digits",
    "zone": SERVER_ZONE,
    "device": DEVICE,
}

# For the objects that Ray's processes share [bytes]; a model here has 20 kB.
RAY_STORE_BYTES = 200_000_000


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
    _require(engine)
    # What Ray leaves may still be in use when it has ended.
    with tempfile.TemporaryDirectory(prefix="fp-", ignore_cleanup_errors=True) as scratch:
        folder = journal or Path(scratch) / "run"
        folder.mkdir(parents=True)
        with _inside(folder):
            _train(Path(scratch), engine, clients, rounds, verbose=verbose)
        result = estimate(build_inventory(read_journal(folder)))
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    page = write_report(result, output, assets=assets, command=command)
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


def _require(engine: str) -> None:
    """Say what is not installed before anything begins."""
    needed = {"flwr": "flower", "torch": "demo", "sklearn": "demo"}
    if engine == "ray":
        needed["ray"] = "flower"
    missing = {extra for module, extra in needed.items() if find_spec(module) is None}
    if missing:
        raise MissingExtra.of(",".join(sorted(missing)), "The demonstration of Flower")


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder: what an app leaves where it runs, it leaves there."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _train(scratch: Path, engine: str, clients: int, rounds: int, *, verbose: bool) -> None:
    from footprint._resources import flower_app
    from footprint.integrations.flower.sandbox import variables

    # This process is the tool's own, and so are those that Ray starts for it. Flower
    # looks at some of the variables when it is imported.
    os.environ.update(variables(scratch / "flower-home"))
    sys.path.insert(0, os.fspath(flower_app()))

    client_app = import_module("digits_app.client_app").app
    server_app = import_module("digits_app.server_app").app
    from footprint.integrations.flower.engines import simulate

    zones = [CLIENT_ZONES[number % len(CLIENT_ZONES)] for number in range(clients)]
    with nullcontext() if verbose else _progress(rounds):
        simulate(
            server_app,
            client_app,
            clients,
            engine=engine,
            node_config=[{"zone": zone, "device": DEVICE} for zone in zones],
            run_config={**CONFIG, "num-server-rounds": rounds},
            backend_config={
                "init_args": {
                    "object_store_memory": RAY_STORE_BYTES,
                    "_temp_dir": os.fspath(scratch / "ray"),
                }
            },
        )


@contextmanager
def _progress(rounds: int) -> Iterator[None]:
    """Show a bar in place of what Flower logs; its warnings are shown."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("starting", total=rounds)

        class Rounds(logging.Handler):
            """Flower names each round in its log when it begins."""

            def emit(self, record: logging.LogRecord) -> None:
                if str(record.msg).startswith("[ROUND") and isinstance(record.args, tuple):
                    begun = int(str(record.args[0]))
                    text = f"round {begun} of {rounds}"
                    progress.update(bar, completed=begun - 1, description=text)

        logger, shown = logging.getLogger("flwr"), Rounds()
        for handler in logger.handlers:
            handler.setLevel(logging.WARNING)
        logger.addHandler(shown)
        try:
            yield
        finally:
            logger.removeHandler(shown)
