"""Tables that grew, were changed, or come back in an older copy: nothing changes unsaid."""

import shutil

import pytest

from footprint.errors import LedgerError
from footprint.ledger import (
    Cause,
    Note,
    Outcome,
    Reading,
    history,
    ingest,
    ledger_inventory,
    list_runs,
    query,
    status,
    withdraw,
)
from tests.ledger.samples import random_journal, span, write_journal, write_table

HEADER = "actor,role,phase,start_s,duration_s,data_gb,basis,source,energy_kwh"
ROW = "a,client,train,1.7e9,1,0,declared,bill,"
ERROR = Note(Cause.ERROR, "read off wrongly")


def write_bills(path, *energies, end="\n"):
    path.write_text("\n".join([HEADER, *(f"{ROW}{energy}" for energy in energies)]) + end)
    return path


def total(ledger, **options):
    return query(ledger, **options)["energy_kwh"].tolist()


def test_a_last_row_that_goes_on_was_changed(ledger, tmp_path):
    path = write_bills(tmp_path / "bills.csv", 10, 20, end="")
    ingest(ledger, path)
    for text in (path.read_text() + "0\n", path.read_text() + "0"):
        other = tmp_path / "other" / path.name
        other.parent.mkdir(exist_ok=True)
        other.write_text(text)
        with pytest.raises(LedgerError, match="it was changed"):
            ingest(ledger, other)
    assert total(ledger) == [30]
    # A new line, and a new row, are more of it.
    for more, energy in (("\r\n", 30), (f"{ROW}5\n", 35), (f"{ROW}1", 36)):
        path.write_bytes(path.read_bytes() + more.encode())
        assert [result.outcome for result in ingest(ledger, path)] == [Outcome.GREW]
        assert total(ledger) == [energy]


def test_a_parquet_file_does_not_grow_by_its_end(ledger, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    names = HEADER.split(",")
    row = [*ROW.split(",")[:3], 1.7e9, 1.0, 0.0, "declared", "bill"]

    def written(energy):
        columns = dict(zip(names, ([cell] for cell in (*row, energy)), strict=True))
        parquet.write_table(arrow.table(columns), tmp_path / "bills.parquet")
        return tmp_path / "bills.parquet"

    first = written(10.0).read_bytes()
    ingest(ledger, tmp_path / "bills.parquet")
    # Read from its end, such a file is something else altogether.
    second = written(20.0).read_bytes()
    (tmp_path / "bills.parquet").write_bytes(first + second[4:])
    with pytest.raises(LedgerError):
        ingest(ledger, tmp_path / "bills.parquet")
    assert total(ledger) == [10]


def test_a_table_that_became_shorter_was_changed(ledger, tmp_path):
    path = write_bills(tmp_path / "bills.csv", 10, 20, 30)
    ingest(ledger, path)
    write_bills(path, 10, 2)
    with pytest.raises(LedgerError, match="it was changed"):
        ingest(ledger, path)
    assert total(ledger) == [60]
