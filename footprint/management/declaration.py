"""What a silo shares, as the file ``silo.toml`` in its folder says it.

.. code-block:: toml

    name = "madrid"
    zone = "ES"
    minimum-rows = 25
    epsilon-limit = 3.0

    [[datasets]]
    id = "bookings"
    path = "bookings.csv"
    owner = "revenue"
    legal = "personal data"
    retention = "730 d"
    labels = ["country"]

    [[datasets]]
    id = "scans"
    path = "scans-sample.csv"       # of 1.8 TB that nobody looks through
    size = "1.8 TB"
    rows = 400_000
    written = 2026-05-30T02:00:00Z  # instead of the time of the file

    [[applications]]
    id = "pricing"
    datasets = ["bookings"]
    calls = 1200
    period = "30 d"

What is not declared does not exist for others. `minimum-rows` and `labels` are the silo's own
policy: no question can lower them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pydantic

from footprint.errors import ManifestError
from footprint.management.questions import Statistic
from footprint.model.scenario import STRICT, Gigabytes, Unit, manifest_key
from footprint.tables import explain, read_toml, written_keys

NAME = "silo.toml"
SECRET = "FOOTPRINT_SILO_SECRET"  # noqa: S105 - the name of a variable
"""Environment variable with the secret that all silos share, and the coordinator lacks."""
DEFAULT_MINIMUM_ROWS = 20
"""Our choice: of fewer rows, counts are close to saying who is in them."""

Whole = Annotated[int, Unit("1", whole=True)]
Span = Annotated[float, Unit("s")]
Energy = Annotated[float, Unit("kWh")]


def _key(name: str) -> str:
    return manifest_key(name).replace("_", "-")


_CONFIG: dict[str, Any] = {**STRICT, "alias_generator": _key}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTable:
    """A dataset that others may ask about.

    Attributes
    ----------
    path : str
        A CSV, Parquet or npz file inside of the silo's folder.
    size_gb : float or None
        What all of it takes; the file is then a sample of it [GB].
    rows : int or None
        Of all of it; goes with `size_gb`.
    storage_class, owner, legal : str or None
    retention_s : float or None
        [s].
    read : datetime or None
        Last read, with its time zone. File systems mostly do not keep it: it is never guessed.
    written : datetime or None
        Last write, with its time zone; None takes the time of the file, which a copy changes.
    energy_kwh : float or None
        Metered for it [kWh].
    moved_gb : float or None
        Metered as moved for it [GB].
    labels : tuple of str
        Columns whose frequent values may be named; of others only hashes are sent.
    """

    id: str
    path: str
    size_gb: Gigabytes | None = None
    rows: Whole | None = None
    storage_class: str | None = None
    owner: str | None = None
    legal: str | None = None
    retention_s: Span | None = None
    read: datetime | None = None
    written: datetime | None = None
    energy_kwh: Energy | None = None
    moved_gb: Gigabytes | None = None
    labels: tuple[str, ...] = ()

    __pydantic_config__ = _CONFIG

    def __post_init__(self) -> None:
        if (self.size_gb is None) != (self.rows is None):
            raise ValueError("size and rows go together: the file is a sample of so much")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationTable:
    """An application; attributes as in `ApplicationEntry`."""

    id: str
    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    calls: Whole | None = None
    period_s: Annotated[float, Unit("s", positive=True)] | None = None
    used: datetime | None = None
    owner: str | None = None
    energy_kwh: Energy | None = None

    __pydantic_config__ = _CONFIG

    def __post_init__(self) -> None:
        if self.period_s is None and (self.calls is not None or self.energy_kwh is not None):
            raise ValueError("calls and energy mean nothing without the period of both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silo:
    """A silo as its own people declared it.

    Attributes
    ----------
    name, zone : str
    minimum_rows : int
        Fewer rows than that are no answer, whatever the question allows.
    epsilon_limit : float
        Differential privacy that all noisy answers about one dataset may spend in all [1];
        with a limit, there are no others.
    exact : tuple of str
        Statistics that are answered without noise all the same.
    folder : Path
        Of the file; set when it is read.
    """

    name: str
    zone: str | None = None
    minimum_rows: Annotated[int, Unit("1", minimum=1, whole=True)] = DEFAULT_MINIMUM_ROWS
    epsilon_limit: Annotated[float, Unit("1")] = 0.0
    exact: tuple[str, ...] = ()
    datasets: tuple[DatasetTable, ...] = ()
    applications: tuple[ApplicationTable, ...] = ()
    folder: Path = field(default=Path())

    __pydantic_config__ = _CONFIG

    def __post_init__(self) -> None:
        for name in self.exact:
            if name not in set(Statistic):
                raise ValueError(
                    f"exact: there is no statistic {name!r}; they are {', '.join(Statistic)}"
                )
        if self.exact and not self.epsilon_limit:
            raise ValueError("exact excepts from epsilon-limit, and there is none")
        for what, tables in (("datasets", self.datasets), ("applications", self.applications)):
            ids = [table.id for table in tables]
            twice = sorted({one for one in ids if ids.count(one) > 1})
            if twice:
                raise ValueError(f"two {what} have the id {twice[0]!r}")

    def dataset(self, name: str) -> DatasetTable | None:
        """Find a dataset by its id."""
        return next((table for table in self.datasets if table.id == name), None)

    def locate(self, table: DatasetTable) -> Path:
        """Find the file of a dataset.

        Raises
        ------
        ManifestError
            If it lies outside of the silo's folder, or there is none.
        """
        try:
            target = (self.folder / table.path).resolve()
            inside = target.is_relative_to(self.folder.resolve())
            exists = inside and target.is_file()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "this is no name of a file"
            raise ManifestError(
                f"{self.folder / NAME}, dataset {table.id!r}: {table.path!r} cannot be read: "
                f"{why}.",
                "Correct it.",
            ) from error
        if not inside:
            raise ManifestError(
                f"{self.folder / NAME}, dataset {table.id!r}: {table.path!r} lies outside of the "
                "silo's folder.",
                "Move the file, or the declaration.",
            )
        if not exists:
            raise ManifestError(
                f"{self.folder / NAME}, dataset {table.id!r}: there is no file {table.path!r}.",
                "Names are relative to the declaration.",
            )
        return target


def read_silo(path: Path | str) -> Silo:
    """Read the declaration of a silo.

    Parameters
    ----------
    path : path
        A TOML file, or the folder of one that is called ``silo.toml``.

    Raises
    ------
    ManifestError
        If it cannot be read or means nothing: says the file and the key, what was found and
        what is accepted.
    """
    path = Path(path)
    if path.is_dir():
        path = path / NAME
    tables = read_toml(path, ManifestError)
    if "folder" in tables:
        raise ManifestError(f"{path}, folder: this key is unknown.", "Leave it out.")
    try:
        found: Silo = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        known = written_keys(Silo) - {"folder"}
        message, remedy = explain(path, error, Silo, known)
        raise ManifestError(message, remedy) from error
    for name in (*(one.id for one in found.datasets), *(one.id for one in found.applications)):
        if not name.strip() or not name.isprintable():
            raise ManifestError(
                f"{path}: the id {name!r} is empty, or holds characters that steer a terminal.",
                "Give it another one.",
            )
    for name, time in _times(found):
        if time.tzinfo is None:
            raise ManifestError(
                f"{path}, {name}: {time} has no time zone.", "Write it like 2026-05-31T12:00:00Z."
            )
    return replace(found, folder=path.parent)


def _times(silo: Silo) -> list[tuple[str, datetime]]:
    reads = [
        (f"dataset {one.id!r}, {key}", getattr(one, key))
        for one in silo.datasets
        for key in ("read", "written")
    ]
    uses = [(f"application {one.id!r}, used", one.used) for one in silo.applications]
    return [(name, time) for name, time in [*reads, *uses] if time is not None]


@functools.cache
def _adapter() -> pydantic.TypeAdapter[Silo]:
    return pydantic.TypeAdapter(Silo)
