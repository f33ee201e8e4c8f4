"""`footprint manage analyse`: a question to all silos, answered with counts and sketches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.manage_company import (
    AllowOutside,
    AsJson,
    KeepAs,
    Manifests,
    Today,
    check_json,
    read_manifests,
    watching,
)
from footprint.cli.manage_text import print_analysis, say_findings
from footprint.cli.output import print_text, say
from footprint.cli.results import DEFAULT_NETWORK
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.management.questions import Question
    from footprint.management.results import Result

_RANKS = (0.25, 0.5, 0.75)


def analyse(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of management.toml and deployment.toml; or a .json file of an analysis, "
            "as -o or a coordinator wrote it: it is printed."
        ),
    ],
    statistic: Annotated[
        str | None,
        typer.Option(help="rows, distinct, quantiles, histogram, frequent or duplicates."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Id of a dataset. [default: all, for duplicates alone]")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Column of distinct, quantiles, histogram, frequent.")
    ] = None,
    lower: Annotated[
        float | None, typer.Option(help="Lower end of the grid of quantiles or a histogram.")
    ] = None,
    upper: Annotated[float | None, typer.Option(help="Upper end of that grid.")] = None,
    cells: Annotated[int | None, typer.Option(help="Cells of that grid, at most 4096.")] = None,
    rank: Annotated[
        list[float] | None,
        typer.Option(
            help="Of a quantile, above 0 and below 1. Repeatable. [default: 0.25, 0.5, 0.75]"
        ),
    ] = None,
    similarity: Annotated[
        float | None,
        typer.Option(
            help="Share of rows from which on datasets are duplicates. [default: that of "
            "management.toml, 0.9]"
        ),
    ] = None,
    minimum_rows: Annotated[
        int, typer.Option(help="Of fewer rows nothing is told; a silo may ask for more.")
    ] = 20,
    minimum_silos: Annotated[int, typer.Option(help="With fewer silos there is no result.")] = 2,
    epsilon: Annotated[
        float | None,
        typer.Option(
            help="Differential privacy of rows and histogram; each silo keeps account of what is "
            "spent. [default: exact counts]"
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="Subject of `factors list --quantity network_energy`. [default: that of "
            f"deployment.toml, or {DEFAULT_NETWORK}]"
        ),
    ] = None,
    today: Today = None,
    allow_outside: AllowOutside = False,
    output: KeepAs = None,
    as_json: AsJson = False,
) -> None:
    r"""Ask all silos a question, and merge what they answer; no record leaves a silo.

    Exits with 1 if there is no result, or a silo that should be in it is not.

    Examples
    --------
        footprint manage analyse examples/company/ --statistic duplicates

        footprint manage analyse company/ --statistic distinct --dataset tickets --column buyer

        footprint manage analyse company/ --statistic quantiles --dataset tickets \
            --column fare --lower 0 --upper 200 --cells 200 -o fares.json

        footprint manage analyse fares.json
    """
    from footprint.documents import write_text
    from footprint.management.results import list_absent, write_result

    check_json(output)
    asked = {
        "statistic": statistic,
        "dataset": dataset,
        "column": column,
        "lower": lower,
        "upper": upper,
        "cells": cells,
        "ranks": None if rank is None else tuple(rank),
        "similarity": similarity,
        "epsilon": epsilon,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if folder.suffix == ".json":
        result = _kept(folder, given, network)
    else:
        given |= {"minimum_rows": minimum_rows, "minimum_silos": minimum_silos}
        known = read_manifests(folder, today, outside=allow_outside)
        result = _asked(known, given, network)
    text = write_result(result)
    if output is not None:
        say(f"wrote {write_text(output, text)}")
    if as_json:
        print_text(text)
    else:
        print_analysis(result)
        say_findings(result.findings)
    if result.analysis.refused or list_absent(result.analysis.coverage):
        raise typer.Exit(1)


def _kept(path: Path, given: dict[str, Any], network: str | None) -> Result:
    """Read an analysis of before."""
    from footprint.documents import read_text
    from footprint.factors import load_catalogue
    from footprint.management.results import read_result

    if given:
        raise UsageError(
            f"{path} is an analysis already; --{min(given)} asks for another one.",
            "Name the folder of the company.",
        )
    result = read_result(read_text(path), str(path))
    if result.energy is None or network is not None:
        result = result.with_energy(load_catalogue(), network or DEFAULT_NETWORK)
    return result


def _asked(known: Manifests, given: dict[str, Any], network: str | None) -> Result:
    from footprint.management.doubts import doubt_analysis
    from footprint.management.gathering import gather_silos
    from footprint.networks import MODELS

    question = _question({"similarity": known.needs.similarity, **given})
    if network is None:
        chosen = known.deployment.method.network
        network = DEFAULT_NETWORK if chosen in MODELS else chosen
    with watching() as progress:
        gathered = gather_silos(
            known.needs,
            known.deployment,
            known.factors,
            known.now_s,
            recorded=known.recorded,
            progress=progress,
        )
        result = gathered.ask(question, progress)
    # That there is no result at all stands above everything already.
    doubts = () if result.analysis.refused else doubt_analysis(result.analysis)
    findings = (*gathered.company.findings, *doubts)
    return replace(result, findings=findings).with_energy(known.factors, network)


def _question(given: dict[str, Any]) -> Question:
    from footprint.management.questions import Question, Statistic

    if "statistic" not in given:
        raise UsageError(
            "What is asked for?", f"Name it: --statistic, one of {', '.join(Statistic)}."
        )
    statistic = Statistic.parse(given.pop("statistic"))
    for name in ("dataset", "column"):
        if not str(given.get(name, "x")).isprintable():
            raise UsageError(f"--{name} holds characters that steer a terminal.", "Correct it.")
    return Question(id=statistic.value, statistic=statistic, **{"ranks": _RANKS, **given})
