"""``footprint factors``: look at, check and compare emission factors."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from footprint.factors import Change, FactorCatalogue
    from footprint.model import EmissionFactor

app = typer.Typer(
    help="Look at, check and compare emission factors, prices and device facts.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]
Folders = Annotated[
    list[Path] | None,
    typer.Option("--factors", help="Folder of own factors on top of the built-in ones."),
]
_LIMIT = 40


@app.command("list")
def list_factors(
    quantity: Annotated[str | None, typer.Option(help="Only this quantity.")] = None,
    zone: Annotated[str | None, typer.Option(help="Only this zone, such as FR or US-CA.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only this subject and what is below it, such as gpu.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = _LIMIT,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show all rows.")] = False,
    folders: Folders = None,
    as_json: AsJson = False,
) -> None:
    """List factors.

    For example:

      footprint factors list --quantity grid_intensity --zone FR

      footprint factors list --subject gpu --all
    """
    from footprint.errors import UsageError
    from footprint.factors import QUANTITIES

    catalogue = _load(folders)
    if quantity is not None and quantity not in QUANTITIES:
        raise UsageError(
            f"There is no quantity {quantity!r}.", f"Use one of: {', '.join(QUANTITIES)}."
        )
    place = catalogue.zones.find(zone).id if zone else None
    found = [
        factor
        for _, factor in sorted(catalogue.factors.items())
        if (quantity is None or factor.quantity == quantity)
        and (place is None or factor.zone == place)
        and (subject is None or f"{factor.subject}.".startswith(f"{subject}."))
    ]
    shown = found if everything else found[:limit]
    if as_json:
        _write_json([_as_dict(factor) for factor in shown])
    elif shown:
        _write_table(shown)
    if len(shown) < len(found):
        typer.echo(f"{len(shown)} of {len(found)} factors; see the rest with --all", err=True)
    elif not found:
        typer.echo("No factor matches.", err=True)


@app.command()
def show(
    factor_id: Annotated[str, typer.Argument(metavar="ID", help="Such as grid/FR/2024/ember.")],
    *,
    folders: Folders = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known about one factor.

    For example:

      footprint factors show embodied/desktop/pcf_median
    """
    catalogue = _load(folders)
    factor = catalogue.get(factor_id)
    low, high, kind = catalogue.bounds(factor)
    basis = catalogue.bounds_basis(factor)
    if as_json:
        bounds = {"low": low, "high": high, "kind": kind, "basis": basis}
        _write_json({**_as_dict(factor), "bounds": bounds, "catalogue": _version(catalogue)})
        return
    number, unit = _readable(factor.value, factor.unit)
    spread = "none known"
    if kind != "none":
        ends = [_readable(end, factor.unit)[0] for end in (low, high)]
        spread = f"{ends[0]} to {ends[1]} {unit} ({kind})"
    zone = catalogue.zones.get(factor.zone or "")
    year = "not stated" if factor.year is None else str(factor.year)
    _write_pairs(
        {
            "id": factor.id,
            "quantity": factor.quantity,
            "subject": factor.subject,
            "zone": f"{zone.id} ({zone.name})" if zone else "",
            "value": f"{number} {unit}",
            "95 % bounds": spread,
            "bounds from": basis,
            "year": year,
            "signal": str(factor.signal or ""),
            "preferred": "yes" if factor.preferred else "no",
            "method": factor.method,
            "source": factor.source.title,
            "address": factor.source.url,
            "licence": factor.source.licence,
            "note": factor.note,
            "catalogue": catalogue.version,
        }
    )


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of factors; the built-in one if left out.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check a folder of factor files. Exit code 0 if all is well, 3 if not.

    For example:

      footprint factors check

      footprint factors check my_factors
    """
    from footprint import _resources
    from footprint.factors import check_catalogue

    path = folder or _resources.emission_factors()
    faults = check_catalogue(path)
    if as_json:
        _write_json({"folder": str(path), "faults": [asdict(found) for found in faults]})
    elif not faults:
        typer.echo(f"{path}: no faults")
    if faults:
        for found in faults:
            typer.echo(found.message, err=True)
        raise typer.Exit(3)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="Folder of the old factors.")],
    new: Annotated[Path, typer.Argument(help="Folder of the new factors.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Compare two folders of factor files.

    For example:

      footprint factors diff emission_factors_2026.10 emission_factors
    """
    from footprint.factors import diff_catalogues

    result = diff_catalogues(old, new)
    if as_json:
        _write_json(asdict(result))
        return
    for sign, ids in (("+", result.added), ("-", result.removed)):
        for factor_id in ids:
            typer.echo(f"{sign} {factor_id}")
    for change in result.changed:
        typer.echo(f"~ {change.id}: {_describe(change)}")
    counts = [len(result.added), len(result.removed), len(result.changed)]
    typer.echo("{} added, {} removed, {} changed".format(*counts), err=True)


def _load(folders: list[Path] | None) -> FactorCatalogue:
    from footprint.factors import load_catalogue

    catalogue = load_catalogue(folders or ())
    for finding in catalogue.findings:
        typer.echo(f"{finding.severity}: {finding.message}", err=True)
    return catalogue


def _version(catalogue: FactorCatalogue) -> dict[str, str]:
    return {"version": catalogue.version, "digest": catalogue.digest}


def _as_dict(factor: EmissionFactor) -> dict[str, Any]:
    return {**asdict(factor), "signal": str(factor.signal) if factor.signal else None}


def _readable(value: float, unit: str) -> tuple[str, str]:
    from footprint.units import readable

    number, wanted = readable(value, unit)
    return f"{number:.4g}", "" if wanted == "1" else wanted


def _describe(change: Change) -> str:
    if change.old == change.new:
        return ", ".join(change.fields)
    old, unit = _readable(change.old, change.unit)
    new, _ = _readable(change.new, change.unit)
    return f"{old} -> {new} {unit}".rstrip()


def _write_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _write_table(factors: list[EmissionFactor]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "value", "unit", "year", "preferred")
    table.columns[0].overflow = "fold"
    table.columns[1].justify = "right"
    for factor in factors:
        number, unit = _readable(factor.value, factor.unit)
        year = "" if factor.year is None else str(factor.year)
        preferred = "yes" if factor.preferred else ""
        cells = (factor.id, number, unit, year, preferred)
        # Text, not str: what a file says is never read as markup.
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


def _write_pairs(pairs: dict[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs.items():
        if text:
            grid.add_row(name, Text(text))
    Console().print(grid)
