"""What a silo has: datasets and applications, described without any of their content.

A catalogue comes from another machine. `read_catalogue` takes nothing for granted: lengths,
ranges, times in the future and a schema that does not fit its hash are refused. Names and
descriptions stay data, whatever they look like; who prints them escapes them.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic
from pydantic import Field

from footprint.errors import DataError
from footprint.model.kinds import Vocabulary
from footprint.tables import key_path
from footprint.units import S_PER_DAY

FORMAT = "footprint-silo-catalogue"
FORMAT_VERSION = 1
MOST_BYTES = 4 * 1024 * 1024
"""Size of a catalogue beyond which nobody described it."""
MOST_COLUMNS, MOST_ENTRIES = 2_000, 2_000
CLOCK_SKEW_S = 300.0
"""How far the clock of a silo may be ahead of ours [s]: machines whose clocks are not kept."""
_STRICT = {"extra": "forbid", "allow_inf_nan": False, "strict": True}
_HASH = re.compile("[0-9a-f]{32}")


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("it is empty, or holds characters that steer a terminal")
    return text


Name = Annotated[str, Field(max_length=200), pydantic.AfterValidator(_printable)]
Count = Annotated[int, Field(ge=0, le=10**13)]
Bytes = Annotated[int, Field(ge=0, le=10**18)]
"""An exabyte is more than a silo has."""
Energy = Annotated[float, Field(ge=0, le=1e12)]
"""Of one entry [kWh]; 10^12 kWh is some 3 % of what the world uses in a year."""
Days = Annotated[float, Field(ge=0, le=36_525)]
"""At most a century [d]."""
Instant = Annotated[float, Field(ge=0)]
"""Unix time [s]."""


class ColumnKind(Vocabulary):
    """What the values of a column are."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    TEXT = "text"


class FileFormat(Vocabulary):
    """How a dataset is stored."""

    CSV = "csv"
    PARQUET = "parquet"
    NPZ = "npz"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a dataset."""

    name: Name
    kind: ColumnKind

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetEntry:
    """A dataset of a silo. None is what the silo does not know.

    Attributes
    ----------
    id : str
        Datasets of several silos with one id are parts of the same thing.
    schema_hash : str
        Of the columns, as `hash_schema` makes it.
    columns : tuple of Column
    rows : int
    size_bytes : int
        As it lies on the medium.
    sample_rows : int or None
        Where a sample was looked through: its rows. `rows` and `size_bytes` are then what the
        silo declares of all of it.
    format : FileFormat
    storage_class : str
        Subject of a ``power_per_gb`` factor, such as ``"hdd"``, or a name of the silo's own.
    written_s, read_s : float or None
        Last write and read (Unix time [s]).
    owner, legal : str
        Who answers for it, and under which law or contract it stands.
    retention_days : float or None
        For how long it must be kept after the last write [d].
    energy_kwh : float or None
        Metered for it [kWh].
    moved_bytes : int or None
        Metered as moved for it.
    """

    id: Name
    schema_hash: str
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=MOST_COLUMNS)]
    rows: Count
    size_bytes: Bytes
    format: FileFormat
    storage_class: Name | None = None
    written_s: Instant | None = None
    read_s: Instant | None = None
    owner: Name | None = None
    legal: Name | None = None
    retention_days: Days | None = None
    energy_kwh: Energy | None = None
    moved_bytes: Bytes | None = None
    sample_rows: Count | None = None

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _require_distinct("columns", [column.name for column in self.columns])
        if self.sample_rows is not None and self.sample_rows > self.rows:
            raise ValueError("a sample has more rows than all of it")
        if not _HASH.fullmatch(self.schema_hash) or self.schema_hash != hash_schema(self.columns):
            raise ValueError("the schema hash is not that of the columns")

    @property
    def sampled(self) -> bool:
        """Whether what is told of its rows is told of a sample."""
        return self.sample_rows is not None

    @property
    def kept_until_s(self) -> float | None:
        """Until when it must be kept (Unix time [s]); None if nobody says."""
        if self.written_s is None or self.retention_days is None:
            return None
        return self.written_s + self.retention_days * S_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationEntry:
    """An application of a silo, or a model that serves.

    Attributes
    ----------
    id : str
    models, datasets : tuple of str
        What it uses, and the ids of what it reads.
    calls : int or None
        In the last `period_days`.
    period_days : float or None
    used_s : float or None
        Last use (Unix time [s]).
    owner : str or None
    energy_kwh : float or None
        Metered in that period [kWh].
    """

    id: Name
    models: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    datasets: Annotated[tuple[Name, ...], Field(max_length=MOST_ENTRIES)] = ()
    calls: Count | None = None
    period_days: Annotated[float, Field(gt=0, le=36_525)] | None = None
    used_s: Instant | None = None
    owner: Name | None = None
    energy_kwh: Energy | None = None

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if (self.calls is not None or self.energy_kwh is not None) and self.period_days is None:
            raise ValueError("calls and energy mean nothing without period_days")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiloCatalogue:
    """All that a silo says it has, at one time.

    Attributes
    ----------
    silo : str
    zone : str or None
        Grid zone that it stands in; never guessed.
    scanned_s : float
        When it was looked through (Unix time [s]).
    left_out : tuple of str
        Datasets and applications that the silo has, and of which nothing is known: what is not
        here may be gone, and these are not.
    """

    silo: Name
    zone: Name | None = None
    scanned_s: Instant
    datasets: Annotated[tuple[DatasetEntry, ...], Field(max_length=MOST_ENTRIES)] = ()
    applications: Annotated[tuple[ApplicationEntry, ...], Field(max_length=MOST_ENTRIES)] = ()
    left_out: Annotated[tuple[Name, ...], Field(max_length=2 * MOST_ENTRIES)] = ()

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        _require_distinct("datasets", [entry.id for entry in self.datasets])
        _require_distinct("applications", [entry.id for entry in self.applications])


def hash_schema(columns: Iterable[Column]) -> str:
    """Hash names and kinds of columns, in whatever order they stand."""
    listed = sorted([column.name, str(column.kind)] for column in columns)
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def schema_similarity(one: Sequence[Column], other: Sequence[Column]) -> float:
    """Share of columns that two datasets have in common, by name and kind; exact [1].

    Jaccard index: columns in both over columns in either.
    """
    first, second = set(one), set(other)
    return len(first & second) / len(first | second)


def write_catalogue(catalogue: SiloCatalogue) -> bytes:
    """Write a catalogue as JSON, as `read_catalogue` takes it."""
    body = _adapter().dump_python(catalogue, mode="json")
    document = {"format": FORMAT, "format_version": FORMAT_VERSION, **body}
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def read_catalogue(data: bytes, now_s: float) -> SiloCatalogue:
    """Read what a silo sent.

    Parameters
    ----------
    data : bytes
    now_s : float
        When it arrived, by our own clock (Unix time [s]).

    Raises
    ------
    DataError
        If it is no catalogue, or says what cannot be.
    """
    if len(data) > MOST_BYTES:
        raise DataError(
            f"The catalogue has {len(data):,} bytes; at most {MOST_BYTES:,} are read.",
            "Let the silo catalogue whole datasets, not their files.",
        )
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError("The catalogue is not JSON.", _REMEDY) from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise DataError(f"The catalogue is no {FORMAT}.", _REMEDY)
    if (version := document.pop("format_version", None)) != FORMAT_VERSION:
        raise DataError(
            f"The catalogue has the format version {str(version)[:20]!r}; this release reads "
            f"{FORMAT_VERSION}.",
            "Use the same release at the silo and here.",
        )
    try:
        found: SiloCatalogue = _adapter().validate_json(json.dumps(document))
    except (pydantic.ValidationError, RecursionError) as error:
        raise DataError(f"The catalogue says what cannot be: {_first(error)}", _REMEDY) from error
    _require_past(found, now_s + CLOCK_SKEW_S)
    return found


def doubt_entry(entry: DatasetEntry | ApplicationEntry) -> str:
    """Say what `read_catalogue` would refuse of an entry that was made here; empty if nothing.

    Times in the future are not looked at.
    """
    kind: Any = type(entry)
    checked = _adapter(kind)
    try:
        checked.validate_json(json.dumps(checked.dump_python(entry, mode="json")))
    except pydantic.ValidationError as error:
        found: Any = error.errors(include_input=False, include_url=False)[0]
        return f"{key_path(found['loc'])}: {found['msg'].removeprefix('Value error, ')}"
    return ""


_REMEDY = "Nothing of it was taken over. Look at the agent of that silo."


def _require_past(found: SiloCatalogue, latest_s: float) -> None:
    times = [("the catalogue", found.scanned_s)]
    for entry in found.datasets:
        times += [(f"dataset {entry.id!r}", one) for one in (entry.written_s, entry.read_s) if one]
    times += [(f"application {one.id!r}", one.used_s) for one in found.applications if one.used_s]
    for what, time_s in times:
        if time_s > latest_s:
            raise DataError(
                f"The catalogue says what cannot be: {what} has a time in the future.",
                "Look at the clock of that silo.",
            )


def _require_distinct(what: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"two {what} have one name")


def _first(error: Exception) -> str:
    """Say where and what, without repeating what was sent: it may be anything."""
    if not isinstance(error, pydantic.ValidationError):
        return "it is nested without end."
    found: Any = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(step)[:40] for step in found["loc"] if str(step).isprintable())
    return f"{place}: {found['msg']}."


@functools.cache
def _adapter(kind: Any = SiloCatalogue) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(kind)
