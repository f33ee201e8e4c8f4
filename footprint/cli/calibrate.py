"""`footprint calibrate`: the power line of this machine, from a wall meter."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.output import print_json, print_text, say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from footprint.measurement.calibration import Calibration

# A child that ends by itself: nothing keeps the machine busy after us.
_BUSY = "import sys, time\nstop = time.monotonic() + float(sys.argv[1])\n" + (
    "while time.monotonic() < stop: sum(range(10000))"
)
_LOAD_JOURNAL = Path("footprint-journal") / "calibration"
_PROGRESS_S = 0.2


def calibrate(
    journals: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[JOURNAL]...", help="Journals of this machine, or folders."),
    ] = None,
    wall: Annotated[Path | None, typer.Option(help="CSV file of the wall meter.")] = None,
    time_column: Annotated[str | None, typer.Option(help="Header of its times.")] = None,
    power_column: Annotated[
        str | None, typer.Option(help="Header of its power, or of its energy counter.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="W, kW, mW, Wh or kWh, if the header names none.")
    ] = None,
    utc: Annotated[bool, typer.Option("--utc", help="Times without an offset are UTC.")] = False,
    shift: Annotated[
        float, typer.Option(help="Seconds to add to the meter's times, if its clock is slow.")
    ] = 0.0,
    window: Annotated[float, typer.Option(help="Shortest window to compare [s].", min=1.0)] = 5.0,
    load: Annotated[
        float | None,
        typer.Option(
            help="First keep this machine idle, half busy and fully busy for so many seconds each.",
            min=1.0,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit the power of this machine on a wall meter.

    A plug meter and two commands: make a load while the meter records, then fit.

    Examples
    --------
        footprint calibrate --load 60

        footprint calibrate footprint-journal/calibration --wall plug.csv

        footprint calibrate runs/digits --wall plug.csv --power-column state --unit W --utc
    """
    paths = list(journals or ())
    if load is not None:
        paths.append(_make_load(load))
    if not paths:
        raise UsageError(
            "There is neither a journal nor a load.",
            "Make one first: footprint calibrate --load 60.",
        )
    if wall is None:
        if load is None:
            raise UsageError(
                "There is no file of a wall meter.", "Name it: --wall plug.csv (a CSV file)."
            )
        command = shlex.join(["footprint", "calibrate", *map(str, paths), "--wall", "FILE"])
        say(f"footprint: next, with the file that the meter wrote: {command}")
        if as_json:
            print_json({"journals": [str(path) for path in paths]})
        else:
            print_text("\n".join(map(str, paths)))
        return

    from footprint.measurement.fit import fit_calibration
    from footprint.measurement.wall_csv import read_wall_csv

    series = read_wall_csv(
        wall, time_column=time_column, power_column=power_column, unit=unit, utc=utc
    )
    calibration = fit_calibration(paths, series, window_s=window, shift_s=shift)
    stored = None if dry_run else _store(calibration)
    summary = _summary(calibration, stored)
    if as_json:
        print_json(summary)
    else:
        print_text(_text(calibration, summary))
        for finding in calibration.findings:
            say(f"footprint: {finding.severity}: {finding.message}")


def _store(calibration: Calibration) -> Path:
    from footprint.measurement.calibration import is_same_machine, machine_token, save_calibration
    from footprint.measurement.processor import describe_machine

    here, token = describe_machine(), machine_token()
    if not is_same_machine(calibration.machine, here):
        raise UsageError(
            f"The journals are of another machine ({calibration.machine.label}) than this one "
            f"({here.label}).",
            "Calibrate on the machine itself; --dry-run shows the line without storing it.",
        )
    if token is None:
        raise UsageError(
            "This system has no machine id (/etc/machine-id), so a stored line could be taken "
            "for that of another machine.",
            "Give it one with systemd-machine-id-setup, or look only: --dry-run.",
        )
    return save_calibration(calibration, token)


def _summary(calibration: Calibration, stored: Path | None) -> dict[str, Any]:
    from footprint.factors import load_catalogue
    from footprint.measurement.calibration import TIER, modelled_power_w
    from footprint.measurement.meter import TIER_BANDS
    from footprint.measurement.power import energy_model

    model = energy_model(calibration.machine, load_catalogue())
    threads = calibration.machine.threads
    modelled_w = modelled_power_w(model, threads)
    low, high = TIER_BANDS[model.tier]
    return {
        "machine": asdict(calibration.machine),
        "made": calibration.made,
        "source": calibration.source,
        "tier": TIER,
        "busy": asdict(calibration.busy) | {"band": calibration.busy.band},
        "counter": None
        if calibration.counter is None
        else asdict(calibration.counter) | {"band": calibration.counter.band},
        "counters": calibration.counters,
        "full_load": {
            "wall_w": calibration.busy.power_w(threads),
            "model_w": modelled_w,
            "model_low_w": modelled_w * low,
            "model_high_w": modelled_w * high,
            "model_tier": model.tier,
        },
        "stored": None if stored is None else str(stored),
        "findings": [finding.code for finding in calibration.findings],
    }


def _text(calibration: Calibration, summary: dict[str, Any]) -> str:
    line, counter, full = calibration.busy, calibration.counter, summary["full_load"]
    lines = [
        f"Machine       {calibration.machine.label}",
        f"Meter         {calibration.source}",
        f"Line          {line.intercept_w:.3g} W + {line.slope:.3g} W per busy thread",
        f"Residual      95 % of windows within {line.residual_p95:.1%} "
        f"(R² {line.r_squared:.3f}, {line.windows} windows)",
        f"Loads seen    {line.x_low:.2g} to {line.x_high:.2g} of "
        f"{calibration.machine.threads} threads",
    ]
    if counter is not None:
        lines.append(
            f"Over counter  {counter.intercept_w:.3g} W + {counter.slope:.3g} P "
            f"(95 % within {counter.residual_p95:.1%})"
        )
    lines += [
        f"At full load  the wall says {full['wall_w']:.3g} W, the default model "
        f"{full['model_w']:.3g} W (tier {full['model_tier']}, {full['model_low_w']:.3g} to "
        f"{full['model_high_w']:.3g} W)",
        f"Used as       tier {summary['tier']}, times {line.band[0]:.2f} to {line.band[1]:.2f}, "
        "on this machine only",
        f"Stored        {summary['stored'] or 'nowhere (dry run)'}",
    ]
    return "\n".join(lines)


def _make_load(step_s: float) -> Path:
    """Keep none, half and all threads busy, and track that; return the journal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from footprint.measurement.processor import describe_machine
    from footprint.measurement.tracker import Tracker

    threads = describe_machine().threads
    # One thread is idle or busy; there is no half of it.
    steps = sorted({0, (threads + 1) // 2, threads})
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with Tracker("calibration", journal=_LOAD_JOURNAL) as tracker, progress:
        for busy in steps:
            with tracker.span("other" if busy else "wait"):
                _step(busy, step_s, progress, f"{busy} of {threads} threads busy")
        return tracker.path


def _step(busy: int, step_s: float, progress: Progress, title: str) -> None:
    task = progress.add_task(title, total=step_s)
    children = [
        subprocess.Popen([sys.executable, "-c", _BUSY, str(step_s)])  # noqa: S603 - our own text
        for _ in range(busy)
    ]
    try:
        start_s = time.monotonic()
        while (elapsed_s := time.monotonic() - start_s) < step_s:
            progress.update(task, completed=elapsed_s)
            time.sleep(min(_PROGRESS_S, step_s - elapsed_s))
        progress.update(task, completed=step_s)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
