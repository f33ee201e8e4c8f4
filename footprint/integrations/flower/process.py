"""The tracker of this process, which the mod and the server share.

A process counts all of its time once. Where clients run in the process of their server
(an in-process simulation), what they do goes into the server's journal.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from footprint.errors import FootprintError
from footprint.measurement.calibration import calibration_for, journal_lines, machine_token
from footprint.measurement.processor import describe_machine
from footprint.measurement.tally import prepare_model
from footprint.measurement.tracker import Tracker
from footprint.model import Architecture, Role

log = logging.getLogger("footprint")

MODEL_FILE = "power-model.json"
"""Beside the journals; Flower starts a process for every message."""

_WORKER_MODE = 1
"""Of Ray: `ray._private.worker.WORKER_MODE`."""

SERVER = "server"
"""Actor of a server, and of the workers in which it simulates clients."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who a process works for, where and on what. Nothing of it is guessed."""

    actor: str
    zone: str | None = None
    device: str | None = None


@dataclass(slots=True)
class _Running:
    tracker: Tracker
    answered: bool = False


_lock = threading.Lock()
_clients: dict[tuple[int, Path, str, str], _Running] = {}
_servers: dict[int, list[Tracker]] = {}


def client_tracker(run: str, run_id: str, folder: Path, place: Place) -> tuple[Tracker, bool, bool]:
    """Find the tracker for a message.

    Parameters
    ----------
    run, run_id : str
        Its name, and what Flower calls it.
    folder : Path
        Of the journals.
    place : Place
        Of the client.

    Returns
    -------
    tracker : Tracker
    first : bool
        Whether this is the first message of its process.
    own : bool
        Whether it is the client's, and not that of the server in the same process.
    """
    with _lock:
        servers = _servers.get(os.getpid())
        if servers:
            return servers[-1], False, False
        key = (os.getpid(), folder, run, run_id)
        running = _clients.get(key)
        if running is None or not running.tracker.running:
            running = _clients[key] = _Running(_start(run, run_id, folder, place))
        first = not running.answered
        running.answered = True
        return running.tracker, first, True


def _start(run: str, run_id: str, folder: Path, place: Place) -> Tracker:
    # First, so that reading the factor catalogue counts as what it is: start-up.
    _prepare(folder / MODEL_FILE)
    worker = _is_worker()
    tracker = Tracker(
        run,
        journal=folder,
        actor=SERVER if worker else place.actor,
        role=Role.SERVER if worker else Role.CLIENT,
        zone=None if worker else place.zone,
        device=None if worker else place.device,
        architecture=Architecture.FEDERATED,
        include_startup=True,
        run_id=run_id,
    )
    tracker.start()
    return tracker


def _prepare(memo: Path) -> None:
    machine = describe_machine()
    try:
        calibration = calibration_for(machine, machine_token())
        lines = None if calibration is None else journal_lines(calibration)
        prepare_model(machine, lines, memo)
    except FootprintError as error:
        log.debug("footprint: %s", error)  # it comes up again where the energy is missing


def _is_worker() -> bool:
    """Whether this is a worker of Ray, which simulates many clients by turns."""
    ray = sys.modules.get("ray")
    worker = getattr(getattr(getattr(ray, "_private", None), "worker", None), "global_worker", None)
    return getattr(worker, "mode", None) == _WORKER_MODE


def enter_server(tracker: Tracker) -> None:
    """Let the clients of this process use the tracker of their server."""
    with _lock:
        _servers.setdefault(os.getpid(), []).append(tracker)


def leave_server(tracker: Tracker) -> None:
    """End that."""
    with _lock:
        _servers[os.getpid()].remove(tracker)


def stop_clients() -> None:
    """Stop the trackers that mods started in this process, and close their journals."""
    with _lock:
        for key in [key for key in _clients if key[0] == os.getpid()]:
            _clients.pop(key).tracker.stop()
