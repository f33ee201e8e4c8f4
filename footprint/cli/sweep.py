"""`footprint sweep`: any key of a manifest over a range or a grid."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from footprint.cli.output import print_json, print_text, say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from footprint.sweep import Variant


def sweep(
    manifest: Annotated[Path, typer.Argument(help="A manifest (.toml).")],
    sets: Annotated[
        list[str],
        typer.Option(
            "--set", help="KEY=VALUES: a list (10,20,50) or a range with points (10..200/20)."
        ),
    ],
    draws: Annotated[
        int, typer.Option(help="Draws of the intervals; 0 for central values alone.")
    ] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a table: .csv or .json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Vary keys of a manifest, and estimate every combination.

    A table of a list goes by its name: clients.lyon.zone. Prints CSV unless --json is given.

    Examples
    --------
        footprint sweep hospitals.toml --set training.rounds=20..200/10

        footprint sweep hospitals.toml --set clients.krakow.zone=PL,FR --set training.runs=1,4

        footprint sweep phones.toml --set "training.model=1..100/25 MB" --json
    """
    from rich.console import Console
    from rich.progress import Progress

    from footprint.documents import write_text
    from footprint.model import Severity
    from footprint.sweep import Axis, count_variants
    from footprint.sweep import sweep as sweep_

    if output is not None and output.suffix not in (".csv", ".json"):
        raise UsageError(f"{output} ends neither in .csv nor in .json.", "Name a table.")
    axes = [Axis.parse(text) for text in sets]
    count = count_variants(axes)
    rows, said = [], {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("scenarios", total=count)
        for variant in sweep_(manifest, axes, draws=draws):
            rows.append(_row(variant, intervals=draws > 0))
            for assessment in (variant.federated, variant.centralised):
                for finding in assessment.findings if assessment else ():
                    if finding.severity is not Severity.INFO:
                        said[finding.code] = finding.message
            progress.advance(task)
    for message in said.values():
        say(f"warning: {message}")
    if output is not None:
        text = _csv(rows) if output.suffix == ".csv" else _json(rows)
        say(f"wrote {write_text(output, text)}")
    elif as_json:
        print_json(rows)
    else:
        print_text(_csv(rows))


def _row(variant: Variant, *, intervals: bool) -> dict[str, Any]:
    row: dict[str, Any] = dict(variant.values)
    found = {"federated": variant.federated, "centralised": variant.centralised}
    for name, assessment in found.items():
        if assessment is None:
            continue
        row[f"{name}_g"] = assessment.total_g.value
        if intervals:
            row[f"{name}_low_g"] = assessment.total_g.low
            row[f"{name}_high_g"] = assessment.total_g.high
        row[f"{name}_kwh"] = assessment.energy_kwh
        if assessment.bill is not None:
            row[f"{name}_cost_{assessment.bill.currency.lower()}"] = assessment.bill.total.value
    if variant.centralised is not None and variant.centralised.total_g.value > 0:
        row["ratio"] = variant.federated.total_g.value / variant.centralised.total_g.value
    return row


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _json(rows: list[dict[str, Any]]) -> str:
    import json

    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
