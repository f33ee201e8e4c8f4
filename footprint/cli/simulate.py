"""`footprint simulate`: policies in a simulated world, over several seeds."""

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
    from footprint.trials.plan import Plan
    from footprint.trials.work import Job

# As shells say it: 128 and the number of the signal.
_INTERRUPTED = 130


def simulate(
    manifest: Annotated[Path, typer.Argument(help="A simulation manifest (.toml).")],
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Policy, instead of those of the manifest. Repeatable."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How many seeds. [default: of the manifest, or 5]")
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            help="RESOURCE=TOTAL, such as 'carbon=5 kg', energy, cost or time, instead of those "
            "of the manifest. Repeatable."
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Policy to hold the others against. [default: the first]")
    ] = None,
    target: Annotated[float | None, typer.Option(help="Accuracy to reach, from 0 to 1.")] = None,
    engine: Annotated[
        str, typer.Option(help="Where runs go: here, processes, or ray (needs the extra ray).")
    ] = "processes",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time. [default: one per processor]")
    ] = None,
    output: Output = None,
    assets: Assets = "inline",
    as_json: AsJson = False,
) -> None:
    """Simulate policies of client selection, and compare what they reach and emit.

    Every policy runs with every seed, in the same world and with the same budget. Figures do not
    hang on where they were computed. After Ctrl-C, what has ended is compared.

    Examples
    --------
        footprint simulate two_grids.toml -o evaluation.html

        footprint simulate two_grids.toml --policy random --policy oort --seeds 10 --jobs 4

        footprint simulate two_grids.toml --budget "carbon=1 kg" --target 0.5 --baseline oort

        footprint simulate two_grids.toml --engine ray -o evaluation.json
    """
    from rich.console import Console
    from rich.progress import Progress

    from footprint.trials.engines import Engine
    from footprint.trials.evaluation import INTERRUPTED, evaluate_policies

    check_output(output)
    where = Engine.parse(engine)
    plan = _changed(manifest, policy or [], budget or [])
    plan = _asked(plan, seeds=seeds, target=target, baseline=baseline)
    many = plan.seeds * len(plan.policy)
    console, ended = Console(stderr=True), itertools.count(1)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("runs", total=many)

        def tell(job: Job) -> None:
            progress.advance(task)
            if not console.is_terminal:
                # A log has no bar that could grow.
                say(f"{next(ended)} of {many} runs: {job}")

        try:
            result = evaluate_policies(plan, engine=where, workers=jobs, on_trial=tell)
        except KeyboardInterrupt:
            say("interrupted: no run had ended")
            raise typer.Exit(_INTERRUPTED) from None
    deliver(result, output, assets, as_json=as_json)
    missing = [(policy.name, one) for policy in result.policies for one in policy.failed]
    for name, one in missing:
        if one.message != INTERRUPTED:
            say(f"error: policy {name!r}, seed {one.seed}: {one.message}")
    if missing:
        raise SimulationError(
            f"{len(missing)} of {many} runs failed or were interrupted.",
            "The result holds the others.",
        )


def _changed(manifest: Path, policies: list[str], budgets: list[str]) -> Plan:
    """Read a manifest, with other policies and budgets where they are asked for."""
    from footprint.trials.budgets import parse_budget
    from footprint.trials.manifest import change_policies, read_plan

    plan = read_plan(manifest)
    return change_policies(plan, policies, [parse_budget(text) for text in budgets])


def _asked(plan: Plan, *, seeds: int | None, target: float | None, baseline: str | None) -> Plan:
    """Take what the command line says in place of the manifest."""
    from footprint.trials.manifest import require_sense

    if target is not None and not 0 < target <= 1:
        raise UsageError(f"An accuracy of {target:g} cannot be reached.", "Give 0 to 1.")
    changed = replace(
        plan,
        seeds=plan.seeds if seeds is None else seeds,
        target=plan.target if target is None else target,
        baseline=plan.baseline if baseline is None else baseline,
    )
    require_sense(changed)
    return changed
