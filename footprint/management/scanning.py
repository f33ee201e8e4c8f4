"""The catalogue of a silo, made from its declaration and a look at its files."""

from __future__ import annotations

from footprint.errors import DataError, FootprintError, MissingExtra
from footprint.management.catalogue import (
    CLOCK_SKEW_S,
    ApplicationEntry,
    DatasetEntry,
    SiloCatalogue,
    hash_schema,
    read_catalogue,
    write_catalogue,
)
from footprint.management.declaration import NAME, DatasetTable, Silo
from footprint.management.files import describe, file_format
from footprint.units import S_PER_DAY, gb_to_bytes


def scan_silo(
    silo: Silo, now_s: float, *, spoilt: dict[str, FootprintError] | None = None
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
    spoilt : dict, optional
        Takes why datasets are left out, by their ids; without it that is raised.

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
    datasets = []
    for table in silo.datasets:
        try:
            datasets.append(_dataset(silo, table, now_s))
        except MissingExtra:
            raise  # of this machine, and not of the file
        except FootprintError as error:
            if spoilt is None:
                raise
            spoilt[table.id] = error
    found = SiloCatalogue(
        silo=silo.name,
        zone=silo.zone,
        scanned_s=now_s,
        datasets=tuple(datasets),
        applications=tuple(
            ApplicationEntry(
                id=table.id,
                models=table.models,
                datasets=table.datasets,
                calls=table.calls,
                period_days=None if table.period_s is None else table.period_s / S_PER_DAY,
                used_s=None if table.used is None else table.used.timestamp(),
                owner=table.owner,
                energy_kwh=table.energy_kwh,
            )
            for table in silo.applications
        ),
        left_out=tuple(spoilt or ()),
    )
    try:
        # What we would refuse of others we do not send.
        return read_catalogue(write_catalogue(found), now_s)
    except DataError as error:
        raise DataError(
            f"{silo.folder / NAME} declares what nobody would take over: {error.message}",
            "Correct it.",
        ) from error


def _dataset(silo: Silo, table: DatasetTable, now_s: float) -> DatasetEntry:
    path = silo.locate(table)
    described, stat = describe(path), path.stat()
    place = f"{silo.folder / NAME}, dataset {table.id!r}"
    written_s = stat.st_mtime if table.written is None else table.written.timestamp()
    if written_s > now_s + CLOCK_SKEW_S:
        raise DataError(
            f"{place}: it was written after the time that it is looked at for.",
            "Say when, as in written = 2026-05-31T12:00:00Z (a copy changes the time of a file); "
            "or choose a later day.",
        )
    if table.rows is not None and described.rows > table.rows:
        raise DataError(
            f"{place}: its file has {described.rows:,} rows, and all of it {table.rows:,}.",
            "Correct rows; the file is a sample of them.",
        )
    return DatasetEntry(
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
