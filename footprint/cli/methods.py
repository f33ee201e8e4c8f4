"""`footprint methods`: methods of training on the same data, measured side by side."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.cli.output import say
from footprint.cli.results import AsJson, Assets, Output, check_output, deliver
from footprint.errors import SimulationError, UsageError

if TYPE_CHECKING:
    from footprint.studies.plan import StudyPlan
    from footprint.studies.study import Job

# As shells say it: 128 and the number of the signal.
_INTERRUPTED = 130


def methods(
    study: Annotated[Path, typer.Argument(help="A manifest of a study (.toml).")],
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with train*.npz and test.npz, instead of the manifest's data."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How many seeds. [default: of the manifest, or 3]")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Rounds of a run. [default: of the manifest]")
    ] = None,
    target: Annotated[float | None, typer.Option(help="Accuracy to reach, from 0 to 1.")] = None,
    journals: Annotated[
        Path | None,
        typer.Option(help="New folder to keep the journals of all runs in. [default: thrown away]"),
    ] = None,
    output: Output = None,
    assets: Assets = "inline",
    as_json: AsJson = False,
) -> None:
    """Train by every method of a study, measure each run, and compare what they took.

    Needs the extra torch. All methods have the same clients, data, batches and first model in a
    seed. Runs follow each other, so that none takes time from another; keep the machine quiet
    meanwhile. After Ctrl-C, what has ended is compared.

    Examples
    --------
        footprint methods digits.toml

        footprint methods digits.toml --seeds 5 -o methods.html

        footprint methods mnist.toml --data mnist --journals journals -o methods.json
    """
    from rich.console import Console
    from rich.progress import Progress

    from footprint.studies.comparison import INTERRUPTED
    from footprint.studies.study import study_methods

    check_output(output)
    plan = _asked(study, data, seeds=seeds, rounds=rounds, target=target)
    many = plan.seeds * len(plan.method)
    console, ended = Console(stderr=True), itertools.count(1)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("runs", total=many)

        def tell(job: Job) -> None:
            progress.advance(task)
            if not console.is_terminal:
                # A log has no bar that could grow.
                say(f"{next(ended)} of {many} runs: {job}")

        try:
            result = study_methods(plan, journals=journals, on_run=tell)
        except KeyboardInterrupt:
            say("interrupted: no run had ended")
            raise typer.Exit(_INTERRUPTED) from None
    deliver(result, output, assets, as_json=as_json)
    missing = [(one.name, lost) for one in result.methods for lost in one.failed]
    for name, lost in missing:
        if lost.message != INTERRUPTED:
            say(f"error: method {name!r}, seed {lost.seed}: {lost.message}")
    if any(lost.message == INTERRUPTED for _, lost in missing):
        say(f"interrupted: {sum(len(one.seeds) for one in result.methods)} of {many} runs ended")
        raise typer.Exit(_INTERRUPTED)
    if missing:
        raise SimulationError(
            f"{len(missing)} of {many} runs failed.",
            "The result holds the others.",
        )


def _asked(
    path: Path,
    data: Path | None,
    *,
    seeds: int | None,
    rounds: int | None,
    target: float | None,
) -> StudyPlan:
    """Read a manifest, with what the command line says in its place."""
    from footprint.scheduling.curves import WINDOW
    from footprint.studies.manifest import read_study

    if target is not None and not 0 < target <= 1:
        raise UsageError(f"An accuracy of {target:g} cannot be reached.", "Give 0 to 1.")
    plan = read_study(path)
    table = plan.data
    if data is not None:
        # The manifest's own folder is relative to the manifest, this one to where we are.
        table = replace(table, source="folder", folder=str(data.resolve()))
    asked = replace(
        plan,
        data=table,
        seeds=plan.seeds if seeds is None else seeds,
        rounds=plan.rounds if rounds is None else rounds,
        target=plan.target if target is None else target,
    )
    if asked.target is not None and target is None and asked.evaluations < WINDOW:
        say(f"the target of the manifest is left out: it takes {WINDOW} evaluations")
        return replace(asked, target=None)
    return asked
