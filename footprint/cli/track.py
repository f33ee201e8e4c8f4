"""`footprint track -- CMD`: measure a command without touching its code."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.output import say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.measurement.tracker import Tracker

PASS_THROUGH = {"ignore_unknown_options": True, "allow_interspersed_args": False}

_SAMPLE_S = 2.0


def track(
    command: Annotated[
        list[str], typer.Argument(metavar="-- CMD...", help="The command, after two dashes.")
    ],
    run: Annotated[str, typer.Option(help="Name of the run.")] = "run",
    journal: Annotated[
        Path | None, typer.Option(help="Folder for the journal. [default: footprint-journal/RUN]")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Grid zone, such as FR; never guessed.")] = None,
    device: Annotated[
        str | None, typer.Option(help="Device class of the factors, such as desktop.")
    ] = None,
    actor: Annotated[str, typer.Option(help="Name of this participant.")] = "client",
    role: Annotated[str, typer.Option(help="client or server.")] = "client",
    phase: Annotated[str, typer.Option(help="What the command does.")] = "train",
    architecture: Annotated[str, typer.Option(help="federated, centralised or other.")] = "other",
    functional_unit: Annotated[
        str, typer.Option(help="What the run delivers, such as 'model with 90 % accuracy'.")
    ] = "",
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
    from footprint.measurement.memory import MemoryMeter
    from footprint.measurement.tracker import Tracker, available_meters
    from footprint.model import Architecture, Phase, Role

    meters = [m for m in available_meters() if m.name != "memory"]
    tracker = Tracker(
        run,
        journal=journal,
        actor=actor,
        role=Role.parse(role),
        zone=zone,
        device=device,
        architecture=Architecture.parse(architecture),
        functional_unit=functional_unit,
        # The memory in question is the command's, not ours.
        meters=[*meters, MemoryMeter(children=True)],
    )
    known = Phase.parse(phase)
    with tracker:
        code = _run(command, tracker, known)
    if tracker.path.exists():
        _summarise(tracker, code, as_json=as_json)
    raise typer.Exit(code)


def _run(command: list[str], tracker: Tracker, phase: Any) -> int:
    with tracker.span(phase):
        try:
            process = subprocess.Popen(command)  # noqa: S603 - running it is what was asked for
        except OSError as error:
            raise UsageError(
                f"{command[0]!r} cannot be started: {error.strerror}.",
                "Check the spelling; a shell builtin or alias needs `bash -c '...'`.",
            ) from error
        with _forward_signals(process):
            while True:
                try:
                    code = process.wait(timeout=_SAMPLE_S)
                    break
                except subprocess.TimeoutExpired:
                    # Memory comes and goes; look at it now and then.
                    tracker.sample()
    # A command that a signal ended has the code that a shell would report.
    return code if code >= 0 else 128 - code


@contextmanager
def _forward_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand our signals on, so that the command ends as it would without us."""

    def hand_on(number: int, _: object) -> None:
        process.send_signal(number)

    def stay(*_: object) -> None:
        """Outlive Ctrl-C: the terminal sends it to the command as well."""

    old = {signal.SIGTERM: signal.signal(signal.SIGTERM, hand_on)}
    old[signal.SIGINT] = signal.signal(signal.SIGINT, stay)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _summarise(tracker: Tracker, code: int, *, as_json: bool) -> None:
    import json

    from footprint.measurement.attribution import read_journal
    from footprint.units import format_quantity

    journal = read_journal(tracker.path)
    columns = journal.columns
    energy, low, high = (
        sum(value for value in columns[name] if value is not None)
        for name in ("energy_kwh", "energy_low_kwh", "energy_high_kwh")
    )
    duration_s = sum(columns["duration_s"])
    if as_json:
        summary = {
            "journal": str(tracker.path),
            "exit_code": code,
            "duration_s": duration_s,
            "energy_kwh": energy,
            "energy_low_kwh": low,
            "energy_high_kwh": high,
            "findings": [finding.code for finding in journal.findings],
        }
        say(json.dumps(summary))
        return
    say(
        f"footprint: {format_quantity('energy', energy)} "
        f"({format_quantity('energy', low)} to {format_quantity('energy', high)}) "
        f"in {format_quantity('time', duration_s)}"
    )
    for finding in journal.findings:
        say(f"footprint: {finding.severity}: {finding.message}")
    say(f"footprint: next: {Path(sys.argv[0]).name} estimate {tracker.path}")
