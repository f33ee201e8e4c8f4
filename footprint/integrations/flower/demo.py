"""The demonstration: the Flower app of the examples, trained in a simulation.

The app is a Flower app of which three lines are ours. Zones and devices are assumed; times,
processor times and payloads are those of this machine.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from footprint._resources import flower_app
from footprint.errors import MissingExtra
from footprint.integrations.flower.sandbox import variables
from footprint.model import Finding

# Assumed: clients in turn, and their server.
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

ASSUMED = Finding(
    "demonstration",
    "Places and devices are assumptions of this demonstration: clients in "
    f"{', '.join(CLIENT_ZONES)}, a server in {SERVER_ZONE}, a {DEVICE} computer each. All ran on "
    "one machine, where time, processor time and payloads were measured.",
    remedy="Read it as an example of a result; give your own trainings the places that are true.",
)

# For the objects that Ray's processes share [bytes]; a model here has 20 kB.
RAY_STORE_BYTES = 200_000_000

Watch = Callable[[int], None]
"""Is told the number of each round when it begins."""


def require_extras(engine: str) -> None:
    """Say what is not installed before anything begins.

    Raises
    ------
    MissingExtra
        With the line that installs it.
    """
    needed = {"flwr": "flower", "torch": "demo", "sklearn": "demo"}
    if engine == "ray":
        needed["ray"] = "flower"
    missing = {extra for module, extra in needed.items() if find_spec(module) is None}
    if missing:
        raise MissingExtra.of(",".join(sorted(missing)), "The demonstration of Flower")


def train_digits(
    folder: Path,
    scratch: Path,
    *,
    engine: str,
    clients: int,
    rounds: int,
    watch: Watch | None = None,
) -> None:
    """Train the app; this process must be the tool's own, and serves for one training.

    Parameters
    ----------
    folder : Path
        Gets the journals.
    scratch : Path
        For what Flower and Ray leave behind.
    engine : str
        ``local`` or ``ray``.
    clients, rounds : int
    watch : callable, optional
        In place of what Flower logs, of which only warnings are shown then.

    Raises
    ------
    UsageError
        If there is no such engine.
    """
    # Flower looks at some of the variables when it is imported.
    os.environ.update(variables(scratch / "flower-home"))
    sys.path.insert(0, os.fspath(flower_app()))
    with _inside(folder):
        client_app = import_module("digits_app.client_app").app
        server_app = import_module("digits_app.server_app").app
        from footprint.integrations.flower.engines import simulate

        zones = [CLIENT_ZONES[number % len(CLIENT_ZONES)] for number in range(clients)]
        with nullcontext() if watch is None else _watched(watch):
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
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder: what an app leaves where it runs, it leaves there."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _watched(watch: Watch) -> Iterator[None]:
    """Tell of each round; Flower names it in its log when it begins."""

    class Rounds(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if str(record.msg).startswith("[ROUND") and isinstance(record.args, tuple):
                watch(int(str(record.args[0])))

    logger, shown = logging.getLogger("flwr"), Rounds()
    for handler in logger.handlers:
        handler.setLevel(logging.WARNING)
    logger.addHandler(shown)
    try:
        yield
    finally:
        logger.removeHandler(shown)
