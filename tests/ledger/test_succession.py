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
    path.parent.mkdir(exist_ok=True)
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


def test_an_older_copy_of_a_table_changes_nothing_and_counts_nowhere_else(ledger, tmp_path):
    older = write_bills(tmp_path / "old" / "h.csv", 10)
    path = write_bills(tmp_path / "h.csv", 10)
    ingest(ledger, path, silo="lyon")
    write_bills(path, 10, 20)
    ingest(ledger, path)
    before = status(ledger)
    assert [result.outcome for result in ingest(ledger, older)] == [Outcome.UNCHANGED]
    other = shutil.copy(older, tmp_path / "copy.csv")
    for file, told in (
        (older, {"reading": Reading(run="h2")}),
        (older, {"silo": "krakow"}),
        (older, {"silo": "krakow", "note": ERROR}),
        (other, {}),
    ):
        with pytest.raises(LedgerError, match=r"the beginning of what is .* would count twice"):
            ingest(ledger, file, **told)
    assert status(ledger) == before
    # What the run no longer holds may be another one's.
    write_bills(path, 5)
    ingest(ledger, path, note=ERROR)
    ingest(ledger, older, silo="krakow")
    assert query(ledger, ["silo"])["energy_kwh"].tolist() == [10, 5]


def test_an_older_copy_of_a_table_takes_the_place_of_a_newer_one_with_a_cause(ledger, tmp_path):
    older = write_bills(tmp_path / "old" / "h.csv", 10)
    path = write_bills(tmp_path / "h.csv", 10)
    ingest(ledger, path)
    ingest(ledger, write_bills(path, 10, 20))
    (result,) = ingest(ledger, older, note=ERROR)
    assert (result.outcome, total(ledger)) == (Outcome.REPLACED, [10])
    assert history(ledger)[-1].kind == "replace"


def test_a_run_that_a_restated_table_no_longer_holds_is_said(ledger, tmp_path):
    path = tmp_path / "all.csv"

    def written(*runs):
        tables = [
            write_table(tmp_path / f"{run}.csv", random_journal(4, n), run=run, silo="lyon")
            for n, run in enumerate(runs)
        ]
        first, *rest = (table.read_text().splitlines(keepends=True) for table in tables)
        path.write_text("".join([*first, *(line for lines in rest for line in lines[1:])]))
        return path

    def left(found):
        return [f.message for r in found for f in r.findings if f.code == "run-left-behind"]

    assert left(ingest(ledger, written("a", "b", "c"))) == []
    (said,) = left(ingest(ledger, written("a", "c"), note=ERROR))
    assert "run 'b' of the silo 'lyon'" in said
    # It stands there until it is withdrawn; so does one that only got another name.
    found = left(ingest(ledger, written("d"), note=ERROR))
    assert [name for name in "abcd" if any(f"run '{name}'" in one for one in found)] == [*"abc"]
    for run in "abc":
        withdraw(ledger, run, ERROR)
    assert left(ingest(ledger, written("d"), note=Note(Cause.METHOD))) == []
    assert [run.run for run in list_runs(ledger)] == ["d"]


def test_a_table_of_another_silo_is_not_left_behind_by_its_name(ledger, tmp_path):
    for silo, energy in (("lyon", 1), ("krakow", 2)):
        ingest(
            ledger,
            write_bills(tmp_path / silo / "bills.csv", energy),
            silo=silo,
            reading=Reading(run=f"bills of {silo}"),
        )
    path = write_bills(tmp_path / "lyon" / "bills.csv", 3)
    (result,) = ingest(ledger, path, reading=Reading(run="bills of lyon"), note=ERROR)
    assert (result.outcome, result.findings) == (Outcome.REPLACED, ())


def test_a_run_that_comes_back_logs_its_values(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1))
    (entered,) = ingest(ledger, path)
    withdraw(ledger, "digits", Note(Cause.STRUCTURE, "site sold"))
    ingest(ledger, path, note=Note(Cause.STRUCTURE, "bought back"))
    *_, gone, back = history(ledger, "digits")
    assert gone.values
    assert [(v.quantity, v.new_value, v.old_value) for v in gone.values] == (
        [(v.quantity, v.old_value, v.new_value) for v in back.values]
    )
    assert ("activities", 0, entered.activities) in (
        [(v.quantity, v.old_value, v.new_value) for v in back.values]
    )
    places = [f.place for f in ledger_inventory(ledger, "digits").findings if f.code == "restated"]
    assert places == ["change 2", "change 3"]
    # What was never there has no value that was another.
    other = write_journal(tmp_path / "b.jsonl", span(1), run="other")
    ingest(ledger, other, note=ERROR)
    assert history(ledger, "other")[-1].values == ()
