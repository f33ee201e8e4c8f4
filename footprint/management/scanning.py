"""The catalogue of a silo, made from its declaration and a look at its files."""

from __future__ import annotations

from footprint.management.catalogue import (
    ApplicationEntry,
    DatasetEntry,
    SiloCatalogue,
    hash_schema,
    read_catalogue,
    write_catalogue,
)
from footprint.management.declaration import DatasetTable, Silo
from footprint.management.files import describe, file_format
from footprint.units import S_PER_H

_S_PER_DAY = 24 * S_PER_H


def scan_silo(silo: Silo, now_s: float) -> SiloCatalogue:
    """Look through the files that a silo declares.

    Names and kinds of columns, rows, bytes and the time of the last write are read; no value
    goes into the catalogue.

    Parameters
    ----------
    silo : Silo
    now_s : float
        Unix time [s].

    Raises
    ------
    ManifestError
        If a file is missing, or outside of the silo's folder.
    DataError
        If a file cannot be read, or others would refuse the catalogue.
    """
    found = SiloCatalogue(
        silo=silo.name,
        zone=silo.zone,
        scanned_s=now_s,
        datasets=tuple(_dataset(silo, table) for table in silo.datasets),
        applications=tuple(
            ApplicationEntry(
                id=table.id,
                models=table.models,
                datasets=table.datasets,
                calls=table.calls,
                period_days=None if table.period_s is None else table.period_s / _S_PER_DAY,
                used_s=None if table.used is None else table.used.timestamp(),
                owner=table.owner,
                energy_kwh=table.energy_kwh,
            )
            for table in silo.applications
        ),
    )
    # What we would refuse of others we do not send.
    return read_catalogue(write_catalogue(found), now_s)


def _dataset(silo: Silo, table: DatasetTable) -> DatasetEntry:
    path = silo.locate(table)
    described, stat = describe(path), path.stat()
    return DatasetEntry(
        id=table.id,
        schema_hash=hash_schema(described.columns),
        columns=described.columns,
        rows=described.rows,
        size_bytes=stat.st_size,
        format=file_format(path),
        storage_class=table.storage_class,
        written_s=stat.st_mtime,
        read_s=None if table.read is None else table.read.timestamp(),
        owner=table.owner,
        legal=table.legal,
        retention_days=None if table.retention_s is None else table.retention_s / _S_PER_DAY,
        energy_kwh=table.energy_kwh,
    )
