"""The catalogue of a silo, made from its declaration and a look at its files."""

from __future__ import annotations

from datetime import UTC, datetime

from footprint.errors import DataError, FootprintError, MissingExtra
from footprint.management.catalogue import (
    CLOCK_SKEW_S,
    ApplicationEntry,
    DatasetEntry,
    SiloCatalogue,
    doubt_entry,
    hash_schema,
    read_catalogue,
    write_catalogue,
)
from footprint.management.declaration import NAME, ApplicationTable, DatasetTable, Silo
from footprint.management.files import describe, file_format
from footprint.units import S_PER_DAY, gb_to_bytes

Declared = DatasetTable | ApplicationTable


class LaterThanNow(DataError):
    """A time lies after the one that a silo is looked at for."""

    code = "later-than-now"


def scan_silo(
    silo: Silo, now_s: float, *, spoilt: list[tuple[Declared, FootprintError]] | None = None
) -> SiloCatalogue:
    """Look through the files that a silo declares.

    Names and kinds of columns, rows, bytes and the time of the last write are read; no value
    goes into the catalogue. What is declared of a dataset of which the file is a sample takes
    the place of its rows and bytes.

    Parameters
    ----------
    silo : Silo
    now_s : float
        Unix time [s].
    spoilt : list, optional
        Takes the datasets and applications that are left out, each with the reason; without it
        that is raised. Such an application stays a reader of its data.

    Raises
    ------
    ManifestError
        If a file is missing, or outside of the silo's folder.
    DataError
        If a file cannot be read, contradicts the declaration, or others would refuse the
        catalogue.
    MissingExtra
        If a file needs a package that is not installed.
    """
    bad: list[tuple[Declared, FootprintError]] = []
    datasets, applications = [], []
    for table in silo.datasets:
        try:
            datasets.append(_dataset(silo, table, now_s))
        except MissingExtra:
            raise  # of this machine, and not of the file
        except FootprintError as error:
            bad.append((table, error))
    for one in silo.applications:
        try:
            applications.append(_application(silo, one, now_s))
        except DataError as error:
            bad.append((one, error))
            applications.append(_reader(one))
    if bad and spoilt is None:
        raise bad[0][1]
    found = SiloCatalogue(
        silo=silo.name,
        zone=silo.zone,
        scanned_s=now_s,
        datasets=tuple(datasets),
        applications=tuple(applications),
        left_out=tuple(table.id for table, _ in bad),
    )
    try:
        # What we would refuse of others we do not send.
        checked = read_catalogue(write_catalogue(found), now_s)
    except DataError as error:
        raise DataError(f"{silo.folder / NAME}: {error.message}", "Correct it.") from error
    if spoilt is not None:
        spoilt += bad
    return checked


def _dataset(silo: Silo, table: DatasetTable, now_s: float) -> DatasetEntry:
    path = silo.locate(table)
    described, stat = describe(path), path.stat()
    place = f"{silo.folder / NAME}, dataset {table.id!r}"
    written_s = stat.st_mtime if table.written is None else table.written.timestamp()
    if written_s > now_s + CLOCK_SKEW_S:
        raise LaterThanNow(
            f"{place}: it was written on {_minute(written_s)}, after the time that it is looked at "
            f"for, {_minute(now_s)}.",
            "Say when, as in written = 2026-05-31T12:00:00Z (a copy changes the time of a file); "
            f"or {_LATER_DAY}.",
        )
    _require_past(f"{place}, read", table.read, now_s)
    if table.rows is not None and described.rows > table.rows:
        raise DataError(
            f"{place}: its file has {described.rows:,} rows, and all of it {table.rows:,}.",
            "Correct rows; the file is a sample of them.",
        )
    entry = DatasetEntry(
        id=table.id,
        schema_hash=hash_schema(described.columns),
        columns=described.columns,
        rows=described.rows if table.rows is None else table.rows,
        size_bytes=stat.st_size if table.size_gb is None else gb_to_bytes(table.size_gb),
        format=file_format(path),
        storage_class=table.storage_class,
        written_s=written_s,
        read_s=None if table.read is None else table.read.timestamp(),
        owner=table.owner,
        legal=table.legal,
        retention_days=None if table.retention_s is None else table.retention_s / S_PER_DAY,
        energy_kwh=table.energy_kwh,
        moved_bytes=None if table.moved_gb is None else gb_to_bytes(table.moved_gb),
        sample_rows=None if table.rows is None else described.rows,
    )
    _require_believable(place, entry)
    return entry


def _application(silo: Silo, table: ApplicationTable, now_s: float) -> ApplicationEntry:
    place = f"{silo.folder / NAME}, application {table.id!r}"
    _require_past(f"{place}, used", table.used, now_s)
    entry = ApplicationEntry(
        id=table.id,
        models=table.models,
        datasets=table.datasets,
        calls=table.calls,
        period_days=None if table.period_s is None else table.period_s / S_PER_DAY,
        used_s=None if table.used is None else table.used.timestamp(),
        owner=table.owner,
        energy_kwh=table.energy_kwh,
    )
    _require_believable(place, entry)
    return entry


def _reader(table: ApplicationTable) -> ApplicationEntry:
    """Keep of an application what it uses alone."""
    return ApplicationEntry(id=table.id, models=table.models, datasets=table.datasets)


_LATER_DAY = "look at it for a later day (--today, or today in management.toml)"


def _require_past(place: str, moment: datetime | None, now_s: float) -> None:
    if moment is not None and moment.timestamp() > now_s + CLOCK_SKEW_S:
        raise LaterThanNow(
            f"{place}: {_minute(moment.timestamp())} is after the time that it is looked at for, "
            f"{_minute(now_s)}.",
            f"Correct it; or {_LATER_DAY}.",
        )


def _require_believable(place: str, entry: DatasetEntry | ApplicationEntry) -> None:
    if doubt := doubt_entry(entry):
        raise DataError(f"{place}: {doubt}.", "Correct it there, or in its file.")


def _minute(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"
