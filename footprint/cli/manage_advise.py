"""`footprint manage advise`: what to do about data, applications and plans, with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from footprint.cli.manage_company import AllowOutside, Today, read_manifests, watching
from footprint.cli.results import AsJson, Assets, Output, check_output, deliver


def advise(
    folder: Annotated[Path, typer.Argument(help="Folder of management.toml and deployment.toml.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Only decisions of this kind: architecture, dataset, application, retraining, "
            "schedule, cohort or serving. Repeatable. [default: all]"
        ),
    ] = None,
    today: Today = None,
    allow_outside: AllowOutside = False,
    output: Output = None,
    assets: Assets = "inline",
    as_json: AsJson = False,
) -> None:
    """Advise a company: decisions with their reasons, the largest saving first.

    Looks through the silos, estimates every option, and says which is best, by how much and
    how surely, and what would change that. Nothing is carried out: a person approves.

    Exits with 1 if a finding is an error, such as a silo that cannot be read.

    Examples
    --------
        footprint manage advise examples/company/

        footprint manage advise examples/company/ -o advice.html

        footprint manage advise examples/company/ --kind dataset --kind application

        footprint manage advise examples/company/ --today 2026-12-01 --json
    """
    from footprint.management.advisor.advisory import advise as advise_
    from footprint.management.gathering import gather
    from footprint.model import DecisionKind, Severity

    check_output(output)
    kinds = [DecisionKind.parse(one) for one in kind or ()]
    known = read_manifests(folder, today, outside=allow_outside)
    with watching() as progress:
        company = gather(
            known.needs,
            known.deployment,
            known.factors,
            known.now_s,
            recorded=known.recorded,
            progress=progress,
        )
        progress("all options")
        plan = advise_(company, kinds)
    deliver(plan, output, assets, as_json=as_json)
    if any(finding.severity is Severity.ERROR for finding in plan.findings):
        raise typer.Exit(1)
