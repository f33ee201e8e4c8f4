"""`footprint predict`: a long run from a few short ones."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.cli.output import print_json, print_text, say
from footprint.errors import DataError

if TYPE_CHECKING:
    from footprint.lifecycle.prediction import Prediction


def predict(
    runs: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns work and emissions_g, a row per short run. Work is rounds "
            "x concurrency (synchronous) or hours x concurrency (asynchronous)."
        ),
    ],
    work: Annotated[list[float], typer.Option(help="Work of a run to predict. Repeatable.")],
    level: Annotated[
        float, typer.Option(help="Of the prediction interval.", min=0.5, max=0.999)
    ] = 0.9,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict the emissions of a long run from short ones, with a prediction interval.

    Ordinary least squares, after Yousefpour et al.; needs the extra "analysis".

    Examples
    --------
        footprint predict runs.csv --work 500000

        footprint predict runs.csv --work 1e5 --work 1e6 --json
    """
    from footprint.lifecycle.prediction import fit_predictor
    from footprint.units import format_quantity

    found = _read(runs)
    predictor = fit_predictor([w for w, _ in found], [g for _, g in found], level=level)
    predicted = [(amount, predictor.predict(amount)) for amount in work]
    longest = max(w for w, _ in found)
    if as_json:
        print_json(
            {
                "slope_g": predictor.slope,
                "intercept_g": predictor.intercept,
                "r_squared": predictor.r_squared,
                "runs": predictor.runs,
                "level": level,
                "predictions": [
                    {"work": amount, **asdict(one), "doubts": list(_doubts(amount, one, longest))}
                    for amount, one in predicted
                ],
            }
        )
        return
    print_text(
        f"{predictor.slope:.4g} g per unit of work, {predictor.intercept:.4g} g at none; "
        f"R² {predictor.r_squared:.3f} over {predictor.runs} runs"
    )
    for amount, one in predicted:
        ends = " to ".join(format_quantity("emissions", end) for end in (one.low, one.high))
        value = format_quantity("emissions", one.value)
        print_text(f"work {amount:g}: {value} ({level:.0%} prediction interval {ends})")
        for doubt in _doubts(amount, one, longest):
            say(f"warning: {doubt}")


_FAR = 10.0  # times the longest run: beyond it the interval says less than it seems to


def _doubts(work: float, one: Prediction, longest: float) -> Iterator[str]:
    """Say why a prediction deserves none of its digits."""
    if one.value < 0:
        yield f"{work:g} is predicted to emit less than nothing: the line does not fit these runs."
    elif one.low < 0:
        yield f"the interval at {work:g} goes below 0: add longer runs, these say little."
    if work > _FAR * longest:
        yield f"{work:g} is {work / longest:.0f} times the longest run: far from what was fitted."


def _read(path: Path) -> list[tuple[float, float]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = {"work", "emissions_g"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(
                    f"{path}:1: the columns {', '.join(sorted(missing))} are missing.",
                    "The header must name work and emissions_g.",
                )
            found = []
            for row in reader:
                try:
                    found.append((float(row["work"]), float(row["emissions_g"])))
                except (TypeError, ValueError) as error:
                    raise DataError(
                        f"{path}:{reader.line_num}: {error}.", "Write numbers."
                    ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Name a CSV file in UTF-8.") from error
    return found
