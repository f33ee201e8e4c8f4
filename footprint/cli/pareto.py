"""`footprint pareto`: accuracy and emissions together."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.cli.output import print_json, print_text
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.model import LearningCurve
    from footprint.pareto import Choice


def pareto(
    manifest: Annotated[Path, typer.Argument(help="A manifest (.toml).")],
    curves: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns option, round, accuracy. An option is what it changes: "
            "'training.local_epochs=5; training.clients_per_round=3'."
        ),
    ],
    accuracy: Annotated[
        float | None, typer.Option(help="Least emissions that reach this accuracy.")
    ] = None,
    held: Annotated[
        int | None,
        typer.Option(help="Rounds in a row that must reach it (Green FL asks for 5). [default: 1]"),
    ] = None,
    smooth: Annotated[
        int | None,
        typer.Option(help="Rounds over which accuracies are averaged for it. [default: 1]"),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Best accuracy within it, such as '20 kgCO2e'.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(help="Stop where a point (0.01) of accuracy costs more, such as '2 kgCO2e'."),
    ] = None,
    window: Annotated[int, typer.Option(help="Rounds over which the rate is taken.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Choose between plans by what they reach and what they emit.

    Prints the front of all options, stopped after any round, that nothing beats in
    accuracy, emissions and time.

    Examples
    --------
        footprint pareto hospitals.toml curves.csv

        footprint pareto hospitals.toml curves.csv --accuracy 0.9 --budget "20 kgCO2e"
    """
    from footprint.pareto import (
        best_accuracy,
        curves_of,
        least_emissions,
        pareto_front,
        records,
        stop_at_rate,
    )
    from footprint.units import parse_quantity

    if accuracy is not None and not 0 <= accuracy <= 1:
        raise UsageError(f"An accuracy lies within 0 and 1, not at {accuracy}.")
    if accuracy is None and (held is not None or smooth is not None):
        raise UsageError("--held and --smooth belong to --accuracy.", "Give --accuracy, too.")
    found = curves_of(manifest, curves)
    answers: dict[str, Choice | None] = {}
    if accuracy is not None:
        rounds, window_mean = held or 1, smooth or 1
        how = f"held for {rounds} round(s), averaged over {window_mean}"
        answers[f"least emissions for an accuracy of {accuracy:g} ({how})"] = least_emissions(
            found, accuracy, held=rounds, smooth=window_mean
        )
    if budget is not None:
        limit_g = parse_quantity(budget, "gCO2e")
        answers[f"best accuracy within {budget}"] = best_accuracy(found, limit_g)
    if rate is not None:
        limit = parse_quantity(rate, "gCO2e") / _POINT
        for curve in found:
            answers[f"stop at {rate} a point, {curve.option}"] = stop_at_rate(curve, limit, window)
    front = pareto_front(records(found))
    if as_json:
        print_json(
            {
                "front": [asdict(choice) for choice in front],
                "answers": {
                    name: None if choice is None else asdict(choice)
                    for name, choice in answers.items()
                },
            }
        )
    else:
        _print(front, answers, found)


_POINT = 0.01  # a percentage point of accuracy


def _print(
    front: list[Choice], answers: dict[str, Choice | None], curves: list[LearningCurve]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from footprint.pareto import emissions_per_accuracy
    from footprint.reporting.numbers import clean
    from footprint.units import format_quantity

    table = Table(
        title=Text(f"Nothing beats these, of {len(curves)} options"), title_justify="left"
    )
    for heading in ("Option", "Rounds", "Accuracy", "Emissions", "Wall-clock"):
        table.add_column(heading, justify="left" if heading == "Option" else "right")
    for choice in front:
        table.add_row(
            Text(clean(choice.option)),
            str(choice.rounds),
            f"{choice.accuracy:.4g}",
            format_quantity("emissions", choice.emissions_g),
            format_quantity("time", choice.duration_s),
        )
    Console().print(table)
    for name, found in answers.items():
        if found is None:
            print_text(f"{clean(name)}: no option does")
            continue
        emitted = format_quantity("emissions", found.emissions_g)
        reached = f"{found.rounds} rounds, accuracy {found.accuracy:.4g}"
        each = ""
        if found.accuracy > 0:
            point_g = emissions_per_accuracy(found) * _POINT
            each = f", {format_quantity('emissions', point_g)} a point of accuracy in all"
        print_text(f"{clean(name)}: {clean(found.option)}, {reached}, {emitted}{each}")
