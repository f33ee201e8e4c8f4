"""`footprint track -- CMD`: measure a command without touching its code."""

from __future__ import annotations

import json
import shlex
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from footprint.cli.live import LiveView
from footprint.cli.output import say
from footprint.errors import FootprintError, UsageError

PASS_THROUGH = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def track(
    command: Annotated[
        list[str], typer.Argument(metavar="CMD", help="The command, after two dashes.")
    ],
    run: Annotated[str, typer.Option(help="Name of the run.")] = "run",
    journal: Annotated[
        Path | None, typer.Option(help="Folder for the journal. [default: footprint-journal/RUN]")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Grid zone, such as FR; never guessed.")] = None,
    device: Annotated[
        str | None, typer.Option(help="Device class of the factors, such as desktop.")
    ] = None,
    resource_share: Annotated[
        float | None,
        typer.Option(help="Share of the device that is reserved: 0.125 for one of eight GPUs."),
    ] = None,
    actor: Annotated[str, typer.Option(help="Name of this participant.")] = "client",
    role: Annotated[str, typer.Option(help="client, server or other.")] = "client",
    phase: Annotated[str, typer.Option(help="What the command does.")] = "train",
    architecture: Annotated[str, typer.Option(help="federated, centralised or other.")] = "other",
    functional_unit: Annotated[
        str, typer.Option(help="What the run delivers, such as 'model with 90 % accuracy'.")
    ] = "",
    live: Annotated[
        bool, typer.Option("--live", help="Show power, energy, CO2e and cost while it runs.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON (to standard error).")
    ] = False,
) -> None:
    """Measure a command and keep its exit code.

    Standard output belongs to the command; the summary goes to standard error.

    Examples
    --------
        footprint track --run digits --zone FR --device laptop -- python train.py

        footprint estimate footprint-journal/digits
    """
    from footprint.measurement.command import run_command
    from footprint.measurement.tracker import Tracker
    from footprint.model import Architecture, Phase, Role

    # Before a long training, not after it.
    known = Phase.parse(phase)
    _check_names(zone, device)
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"There is no command {command[0]!r}.",
            "Check the spelling; a shell builtin or alias needs `bash -c '...'`.",
        )
    tracker = Tracker(
        run,
        journal=journal,
        actor=actor,
        role=Role.parse(role),
        zone=zone,
        device=device,
        resource_share=resource_share,
        architecture=Architecture.parse(architecture),
        functional_unit=functional_unit,
        children=True,
    )
    with tracker, LiveView(tracker.path) if live else nullcontext() as view:
        code = run_command(command, tracker, known, on_beat=view.update if view else None)
    try:
        _summarise(tracker.path, code, as_json=as_json)
    except (FootprintError, OSError) as error:
        # The command's own exit code is what its caller waits for.
        say(f"footprint: the journal cannot be read: {error}")
    raise typer.Exit(code)


def _check_names(zone: str | None, device: str | None) -> None:
    if zone is None and device is None:
        return
    from footprint.factors import find_device, find_zone

    if zone is not None:
        find_zone(zone)
    if device is not None:
        find_device(device)


def _summarise(path: Path, code: int, *, as_json: bool) -> None:
    from footprint.measurement.attribution import read_journal
    from footprint.units import format_quantity

    journal = read_journal(path)
    energy_kwh, low_kwh, high_kwh = (
        journal.total(name) for name in ("energy_kwh", "energy_low_kwh", "energy_high_kwh")
    )
    duration_s = journal.total("duration_s") or 0.0
    if as_json:
        summary = {
            "journal": str(path),
            "exit_code": code,
            "duration_s": duration_s,
            "energy_kwh": energy_kwh,
            "energy_low_kwh": low_kwh,
            "energy_high_kwh": high_kwh,
            "findings": [finding.code for finding in journal.findings],
        }
        say(json.dumps(summary))
        return
    if energy_kwh is None or low_kwh is None or high_kwh is None:
        say(f"footprint: no energy figure, in {format_quantity('time', duration_s)}")
    else:
        say(
            f"footprint: {format_quantity('energy', energy_kwh)} "
            f"(95 % band {format_quantity('energy', low_kwh)} "
            f"to {format_quantity('energy', high_kwh)}) "
            f"in {format_quantity('time', duration_s)}"
        )
    for finding in journal.findings:
        say(f"footprint: {finding.severity}: {finding.message}")
    say(f"footprint: next: {shlex.join(['footprint', 'estimate', str(path)])}")
