"""What the commands of `footprint manage` share: options, and the company that they are about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.errors import ManifestError, UsageError

if TYPE_CHECKING:
    from footprint.audit.deployments import Deployment
    from footprint.factors import FactorCatalogue
    from footprint.management.advisor.needs import Needs
    from footprint.management.catalogue import SiloCatalogue

AsJson = Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")]
KeepAs = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write the result: a .json file.")
]
Today = Annotated[
    str | None,
    typer.Option(
        help="Day or moment that it is for, in UTC. [default: `today` of management.toml, or now]"
    ),
]
AllowOutside = Annotated[
    bool,
    typer.Option(
        "--allow-outside",
        help="Let the manifests name files and folders outside of their own folder.",
    ),
]


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a company says of itself, and the moment that it is asked for [s].

    `recorded` are the newest catalogues of its ledger, of silos that have no folder here.
    """

    needs: Needs
    deployment: Deployment
    factors: FactorCatalogue
    now_s: float
    recorded: Mapping[str, SiloCatalogue]


def read_manifests(folder: Path, today: str | None, *, outside: bool) -> Manifests:
    """Read ``management.toml``, and ``deployment.toml`` beside it.

    Raises
    ------
    ManifestError
        If there is no such folder, or it lacks one of them.
    """
    from footprint.audit.manifest import MANIFEST_NAME, deployment_catalogue, read_deployment
    from footprint.management.advisor.needs import NEEDS_NAME, read_needs
    from footprint.management.records import read_recorded

    if not folder.exists():
        raise ManifestError(
            f"There is no folder {folder}.",
            "Name the folder with management.toml and deployment.toml.",
        )
    for name in () if folder.is_file() else (NEEDS_NAME, MANIFEST_NAME):
        if not (folder / name).is_file():
            raise ManifestError(
                f"The folder {folder} has no {name}.",
                "Write it; docs/management.md shows the smallest one.",
            )
    needs = read_needs(folder.parent if folder.name == MANIFEST_NAME else folder)
    deployment = read_deployment(needs.folder, outside=outside)
    factors = deployment_catalogue(deployment)
    recorded = read_recorded(needs, deployment)
    return Manifests(needs, deployment, factors, _moment(needs, today), recorded)


def _moment(needs: Needs, today: str | None) -> float:
    if today is not None:
        try:
            found = datetime.fromisoformat(today)
        except ValueError:
            raise UsageError(
                f"--today {today!r} is no date.", "Write 2026-01-31 or 2026-01-31T12:00."
            ) from None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    if needs.today is None:
        return time.time()
    if needs.today.tzinfo is None:
        return needs.today.replace(tzinfo=UTC).timestamp()
    return needs.today.timestamp()


def check_json(output: Path | None) -> None:
    """Refuse to write to what is no JSON file, before anything is looked at."""
    if output is not None and output.suffix != ".json":
        raise UsageError(f"{output} does not end in .json.", "Name a .json file.")


@contextmanager
def watching() -> Iterator[Callable[[str], None]]:
    """Show a person what is looked at; nothing where standard error is no terminal."""
    from rich.console import Console
    from rich.text import Text

    from footprint.reporting.numbers import clean

    with Console(stderr=True).status("reading the manifests ...") as status:
        yield lambda what: status.update(Text(f"looking at {clean(what)} ..."))
