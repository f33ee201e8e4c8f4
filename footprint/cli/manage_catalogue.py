"""`footprint manage catalogue`: which data and applications lie where."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.cli.ledger_text import counted
from footprint.cli.manage_company import (
    AllowOutside,
    AsJson,
    KeepAs,
    Today,
    check_json,
    read_manifests,
    watching,
)
from footprint.cli.manage_text import amount, day, print_columns, say_findings
from footprint.cli.output import print_text, say
from footprint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from footprint.management.catalogue import DatasetEntry, SiloCatalogue
    from footprint.management.results import Catalogues

_DATASET = (
    "silo",
    "dataset",
    "rows",
    "sample",
    "size",
    "medium",
    "read",
    "written",
    "owner",
    "keep until",
)
_APPLICATION = ("silo", "application", "models", "reads", "calls", "energy", "in", "used", "owner")


def catalogue(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of management.toml and deployment.toml; or a .json file of catalogues, "
            "as -o or a coordinator wrote it."
        ),
    ],
    silo: Annotated[
        list[str] | None, typer.Option(help="Only this silo. Repeatable. [default: all]")
    ] = None,
    today: Today = None,
    allow_outside: AllowOutside = False,
    output: KeepAs = None,
    as_json: AsJson = False,
) -> None:
    """List datasets and applications of all silos; no record is shown or kept.

    Looks through the files that the silos declare. Exits with 1 if a silo is left out.

    Examples
    --------
        footprint manage catalogue examples/company/

        footprint manage catalogue examples/company/ --silo lyon --silo leipzig

        footprint manage catalogue examples/company/ -o catalogues.json
    """
    from footprint.documents import write_text
    from footprint.management.results import write_catalogues
    from footprint.model import Severity

    check_json(output)
    found = _chosen(_catalogues(folder, today, outside=allow_outside), silo or [])
    text = write_catalogues(found)
    if output is not None:
        say(f"wrote {write_text(output, text)}")
    if as_json:
        print_text(text)
    else:
        _print(found)
        say_findings(found.findings)
    if any(one.severity is Severity.ERROR for one in found.findings):
        raise typer.Exit(1)


def _catalogues(path: Path, today: str | None, *, outside: bool) -> Catalogues:
    from footprint.documents import read_text
    from footprint.management.gathering import gather_silos
    from footprint.management.results import Catalogues, read_catalogues

    if path.suffix == ".json":
        return read_catalogues(read_text(path), str(path), time.time())
    known = read_manifests(path, today, outside=outside)
    with watching() as progress:
        company = gather_silos(
            known.needs,
            known.deployment,
            known.factors,
            known.now_s,
            recorded=known.recorded,
            progress=progress,
        ).company
    silos = company.catalogues
    return Catalogues(tuple(silos[name] for name in sorted(silos)), company.findings)


def _chosen(found: Catalogues, names: list[str]) -> Catalogues:
    from footprint.management.results import Catalogues

    if not names:
        return found
    known = {one.silo for one in found.silos} | {one.place for one in found.findings if one.place}
    for name in names:
        if name not in known:
            raise UsageError(f"There is no silo {name!r}.", f"Known: {', '.join(sorted(known))}.")
    return Catalogues(
        tuple(one for one in found.silos if one.silo in names),
        tuple(one for one in found.findings if one.place in ("", *names)),
    )


def _print(found: Catalogues) -> None:
    from footprint.units import bytes_to_gb

    entries = [(one.silo, entry) for one in found.silos for entry in one.datasets]
    size = amount("data", bytes_to_gb(sum(entry.size_bytes for _, entry in entries)))
    silos = counted(len(found.silos), "silo")
    print_columns(
        "Datasets",
        _DATASET,
        [_dataset_row(silo, entry) for silo, entry in entries],
        right=("rows", "sample", "size"),
        foot=(silos, counted(len(entries), "dataset"), "", "", size, *[""] * 5),
        stacked=True,
    )
    samples = [entry for _, entry in entries if entry.sampled]
    if samples:
        say(
            f"Of {len(samples)} datasets the silos keep a sample to look through; their rows and "
            "sizes are declared."
        )
    if any(one.applications for one in found.silos):
        print_columns(
            "Applications",
            _APPLICATION,
            [row for one in found.silos for row in _application_rows(one)],
            right=("calls", "energy", "in"),
            stacked=True,
        )


def _dataset_row(silo: str, entry: DatasetEntry) -> tuple[str, ...]:
    from footprint.units import bytes_to_gb

    return (
        silo,
        entry.id,
        f"{entry.rows:,}",
        "" if entry.sample_rows is None else f"{entry.sample_rows:,}",
        amount("data", bytes_to_gb(entry.size_bytes)),
        entry.storage_class or "",
        day(entry.read_s),
        day(entry.written_s),
        entry.owner or "",
        day(entry.kept_until_s),
    )


def _application_rows(found: SiloCatalogue) -> Iterator[tuple[str, ...]]:
    for entry in found.applications:
        yield (
            found.silo,
            entry.id,
            ", ".join(entry.models),
            ", ".join(entry.datasets),
            "" if entry.calls is None else f"{entry.calls:,}",
            amount("energy", entry.energy_kwh),
            "" if entry.period_days is None else f"{entry.period_days:g} d",
            day(entry.used_s),
            entry.owner or "",
        )
