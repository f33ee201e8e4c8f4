"""What a company needs and plans, as the file ``management.toml`` beside its deployment says.

.. code-block:: toml

    horizon = "12 month"
    cold-after = "180 d"

    [[silos]]
    name = "lyon"                 # a silo of deployment.toml
    folder = "silos/lyon"         # of its silo.toml

    [[use-cases]]
    name = "defects"
    need = "model"
    dataset = "wheel-scans"
    # ...

Where the silos stand, and on what, is in ``deployment.toml`` and not said again. What the
advisor cannot know, such as what a better model is worth, is said here or left out; it is
never guessed.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import pydantic

from footprint.addresses import hide_secrets, publish_address, publish_path
from footprint.errors import ManifestError
from footprint.management.advisor.need_tables import (
    NEEDS_CONFIG,
    Instant,
    JobTable,
    LearningCurve,
    Need,
    RetrainingTable,
    ServingTable,
    SiloFolder,
    Span,
    UseCaseTable,
)
from footprint.manifest import read_prices
from footprint.model import Prices
from footprint.model.scenario import Amount, PositiveShare, Unit
from footprint.tables import explain, flatten, read_toml, written_keys

__all__ = (
    "NEEDS_NAME",
    "JobTable",
    "LearningCurve",
    "Need",
    "Needs",
    "RetrainingTable",
    "ServingTable",
    "SiloFolder",
    "UseCaseTable",
    "read_needs",
)
NEEDS_NAME = "management.toml"
_UNWRITTEN = {"origin", "digest", "declared"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a company needs and plans; see the tables.

    Attributes
    ----------
    horizon_s : float
        Time over which options are compared [s].
    today : datetime or None
        Of the advice; None for now. A fixed day makes it reproducible.
    ledger : str or None
        URL of the database with catalogues of silos, and with what was approved.
    cold_after_s : float
        Without a read for so long, a dataset is cold [s].
    cold_medium : str
        Subject of a ``power_per_gb`` factor: what cold data can be moved to.
    media : mapping of str to str
        Such a subject for each storage class that silos name.
    replication : mapping of str to float
        Copies that are kept, by storage class; those of the deployment for others.
    similarity : float
        Jaccard index from which on two datasets are duplicates [1].
    unused_calls : float
        Calls a month at or below which an application counts as unused.
    intensity_files : mapping of str to str
        CSV file of hourly grid intensity by zone, for jobs that can be moved.
    """

    horizon_s: Span
    today: Instant | None = None
    ledger: str | None = None
    cold_after_s: Span | None = None
    cold_medium: str | None = None
    media: Mapping[str, str] = field(default_factory=dict)
    replication: Mapping[str, Annotated[float, Unit("1", minimum=1.0)]] = field(
        default_factory=dict
    )
    similarity: PositiveShare = 0.9
    unused_calls: Amount = 0.0
    intensity_files: Mapping[str, str] = field(default_factory=dict)
    prices: Prices | None = None
    silos: tuple[SiloFolder, ...] = ()
    use_cases: tuple[UseCaseTable, ...] = ()
    retrainings: tuple[RetrainingTable, ...] = ()
    jobs: tuple[JobTable, ...] = ()
    servings: tuple[ServingTable, ...] = ()
    origin: str = ""
    """File that it was read from."""
    digest: str = ""
    """SHA-256 of that file."""
    declared: tuple[tuple[str, str], ...] = ()
    """Its keys and values as they were written."""

    __pydantic_config__ = NEEDS_CONFIG

    @property
    def folder(self) -> Path:
        """Folder that the names of files are relative to."""
        return Path(self.origin).parent


def read_needs(path: Path | str) -> Needs:
    """Read what a company needs and plans.

    Parameters
    ----------
    path : path
        A TOML file, or the folder of one that is called ``management.toml``.

    Raises
    ------
    ManifestError
        If it cannot be read or means nothing: says the file and the key, what was found and
        what is accepted.
    """
    path = Path(path)
    if path.is_dir():
        path = path / NEEDS_NAME
    tables = read_toml(path, ManifestError)
    for key in sorted(_UNWRITTEN & set(tables)):
        raise ManifestError(f"{path}, {key}: this key is unknown.", "Leave it out.")
    declared = tuple((key, _published(key, value)) for key, value in flatten(tables, ("name",)))
    prices = tables.pop("prices", None)
    try:
        found: Needs = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        known = written_keys(Needs) - _UNWRITTEN
        message, remedy = explain(path, error, Needs, known)
        raise ManifestError(message, remedy) from error
    _require_names(path, found)
    return replace(
        found,
        prices=None if prices is None else read_prices(path, prices),
        origin=str(path),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        declared=declared,
    )


def _require_names(path: Path, needs: Needs) -> None:
    """Refuse two tables of one name: of two advices of one name nobody knows which was meant."""
    for key, names in (
        ("use-cases", [table.name for table in needs.use_cases]),
        ("retrainings", [table.model for table in needs.retrainings]),
        ("jobs", [table.name for table in needs.jobs]),
        ("servings", [table.name for table in needs.servings]),
    ):
        for number, name in enumerate(names, start=1):
            if name in names[: number - 1]:
                raise ManifestError(
                    f"{path}, {key}[{number}]: {name!r} is there twice.",
                    "Give each its own name, or leave one out.",
                )


def _published(key: str, value: str) -> str:
    """Write a value as everybody may read it."""
    last = key.rpartition(".")[2]
    if last == "ledger":
        return publish_address(value)
    if last == "folder" or key.startswith("intensity-files."):
        return publish_path(value)
    return hide_secrets(value)


@functools.cache
def _adapter() -> pydantic.TypeAdapter[Needs]:
    return pydantic.TypeAdapter(Needs)
