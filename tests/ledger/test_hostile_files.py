"""Files that are broken, or meant to do harm: a clear error, and nothing entered."""

import io
import struct
import tarfile
import tracemalloc
import zipfile

import pytest

from footprint.errors import FootprintError, LedgerError
from footprint.journal.records import encode_line
from footprint.ledger import (
    archives,
    ingest,
    parquet_tables,
    query,
    record,
    sources,
    status,
    table_columns,
)
from footprint.model import Journal, Run
from tests.ledger.samples import random_journal, span, write_journal, write_table

HEADER = "actor,role,phase,start_s,duration_s,data_gb,basis,source"
ROW = "a,client,train,1.7e9,1,0,measured,x"


@pytest.fixture
def journal(tmp_path):
    return write_journal(tmp_path / "good.jsonl", span(1), span(2))


def refused(ledger, *paths):
    with pytest.raises(FootprintError) as error:
        ingest(ledger, *paths)
    assert (status(ledger).activities, status(ledger).changes) == (0, 0)
    assert error.value.exit_code == 3
    return str(error.value)


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members:
            packed.writestr(name, data)
    return path


def test_archives_hold_runs(sqlite_ledger, tmp_path, journal):
    data = journal.read_bytes()
    other = write_journal(tmp_path / "other.jsonl", span(1), run="other").read_bytes()
    path = zipped(tmp_path / "a.zip", [("runs/x/good.jsonl", data), ("runs/read.me", b"hello")])
    assert [r.run for r in ingest(sqlite_ledger, path)] == ["digits"]
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tape:
        for name, content in (("./good.jsonl", data), ("o/other.jsonl", other)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tape.addfile(member, io.BytesIO(content))
    found = ingest(sqlite_ledger, tmp_path / "b.tar.gz")
    assert [(r.run, str(r.outcome)) for r in found] == [("digits", "unchanged"), ("other", "added")]


def test_tables_in_archives_are_not_read_and_that_is_said(sqlite_ledger, tmp_path):
    rows = f"{HEADER}\n{ROW}\n".encode()
    path = zipped(tmp_path / "bills.zip", [("bills.csv", rows)])
    with tarfile.open(tmp_path / "bills.tar.gz", "w:gz") as tape:
        member = tarfile.TarInfo("bills.csv")
        member.size = len(rows)
        tape.addfile(member, io.BytesIO(rows))
    for archive in (path, tmp_path / "bills.tar.gz"):
        said = refused(sqlite_ledger, archive)
        assert said.startswith(f"{archive.name} holds no journal")
        assert "unpack it" in said
        assert "footprint-ledger-" not in said


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jsonl",
        "/tmp/evil.jsonl",
        "a/../../evil.jsonl",
        "..\\evil.jsonl",
        "C:/e.jsonl",
        "C:evil.jsonl",
    ],
)
def test_paths_that_lead_out_of_an_archive_are_refused(sqlite_ledger, tmp_path, journal, name):
    path = zipped(tmp_path / "a.zip", [(name, journal.read_bytes())])
    assert "leads out of it" in refused(sqlite_ledger, path)
    tape = tmp_path / "a.tar"
    with tarfile.open(tape, "w") as packed:
        member = tarfile.TarInfo(name)
        member.size = journal.stat().st_size
        packed.addfile(member, io.BytesIO(journal.read_bytes()))
    assert "leads out of it" in refused(sqlite_ledger, tape)
    assert not list(tmp_path.rglob("*evil*"))


def test_links_devices_and_twins_in_archives_are_refused(sqlite_ledger, tmp_path, journal):
    for kind, target in ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "x"),
                         (tarfile.FIFOTYPE, "")):  # fmt: skip
        path = tmp_path / "a.tar"
        with tarfile.open(path, "w") as tape:
            member = tarfile.TarInfo("a.jsonl")
            member.type, member.linkname = kind, target
            tape.addfile(member)
        assert "a link or a device" in refused(sqlite_ledger, path)
    link = zipfile.ZipInfo("a.jsonl")
    link.external_attr = 0o120777 << 16
    assert "a link or a device" in refused(
        sqlite_ledger, zipped(tmp_path / "a.zip", [(link, "/etc/passwd")])
    )
    data = journal.read_bytes()
    with tarfile.open(tmp_path / "b.tar", "w") as tape:
        for _ in range(2):
            member = tarfile.TarInfo("a.jsonl")
            member.size = len(data)
            tape.addfile(member, io.BytesIO(data))
    assert "a member twice" in refused(sqlite_ledger, tmp_path / "b.tar")


def test_bombs_do_not_go_off(sqlite_ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 10**6)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    path = zipped(tmp_path / "a.zip", [("a.jsonl", bytes(2 * 10**6))])
    assert path.stat().st_size < 10_000
    assert "holds more than" in refused(sqlite_ledger, path)
    path = zipped(tmp_path / "b.zip", [(f"{n}.jsonl", b"") for n in range(11)])
    assert "more than 10 members" in refused(sqlite_ledger, path)


def taped(path, *members):
    """A packed tape of a first member that is read by nobody, and what comes after."""
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tape:
        for name, size, headers in members:
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = size, headers
            tape.addfile(member, io.BytesIO(bytes(size)))
    assert path.stat().st_size < 50_000
    return path


def test_a_directory_without_end_is_not_taken_into_memory(sqlite_ledger, tmp_path):
    """A directory of a gigabyte of zeros, which takes no room on the disk."""
    path, size = tmp_path / "a.zip", 10**9
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, size, 0, 0)
    with path.open("wb") as file:
        file.seek(size)
        file.write(end)
    tracemalloc.start()
    message = refused(sqlite_ledger, path)
    assert tracemalloc.get_traced_memory()[1] < 50 * 10**6
    tracemalloc.stop()
    assert "directory of 1,000,000,000 bytes" in message


def test_as_many_members_as_are_allowed_fit_into_a_directory(tmp_path):
    """With names of 200 letters, and the times that archivers add."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(1000):
            info = zipfile.ZipInfo(f"{number:0>200}.txt")
            info.extra = bytes(24)
            packed.writestr(info, b"")
        members = packed.start_dir
    directory = path.stat().st_size - members
    assert directory / 1000 * archives.MOST_MEMBERS < archives._MOST_DIRECTORY_BYTES


def test_what_is_passed_over_on_a_tape_counts_too(sqlite_ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 10**6)
    path = taped(tmp_path / "a.tar.gz", ("read.me", 3 * 10**6, {}), ("a.jsonl", 10, {}))
    assert "holds more than" in refused(sqlite_ledger, path)


def test_headers_of_a_tape_are_not_taken_whole_into_memory(sqlite_ledger, tmp_path):
    long = {"comment": "x" * 20 * 10**6}
    for members in ([("a.jsonl", 0, long)], [("b", 5, {}), ("a.jsonl", 10, long)]):
        path = taped(tmp_path / "a.tar.gz", *members)
        tracemalloc.start()
        try:
            assert "a header without end" in refused(sqlite_ledger, path)
            assert tracemalloc.get_traced_memory()[1] < 10**7
        finally:
            tracemalloc.stop()
    # A header of a megabyte or less, and a large member before it, are as they should be.
    path = taped(tmp_path / "b.tar.gz", ("b", 4 * 10**6, {"comment": "x" * 10**5}))
    assert "no journal" in refused(sqlite_ledger, path)


def test_archives_that_are_packed_otherwise_are_refused(sqlite_ledger, tmp_path, journal):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a.jsonl", journal.read_bytes())
    data = bytearray(path.read_bytes())
    data[45:80] = b"#" * 35
    path.write_bytes(data)
    assert "packed in another way" in refused(sqlite_ledger, path)
    with tarfile.open(tmp_path / "a.tar.xz", "w:xz") as tape:
        tape.add(journal, "a.jsonl")
    shifted = (tmp_path / "a.tar.xz").rename(tmp_path / "a.tar")
    assert "cannot be unpacked" in refused(sqlite_ledger, shifted)


def test_a_small_parquet_file_of_many_rows_or_long_words_is_refused(
    sqlite_ledger, tmp_path, monkeypatch
):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    numbers = ("start_s", "duration_s", "data_gb")
    columns = {
        name: arrow.array([float(cell) if name in numbers else cell] * 1000)
        for name, cell in cells.items()
    }
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table(columns), path)
    monkeypatch.setattr(table_columns, "MOST_ROWS", 999)
    assert "more than 999 rows" in refused(sqlite_ledger, path)
    monkeypatch.setattr(table_columns, "MOST_ROWS", 1000)
    monkeypatch.setattr(parquet_tables, "LONGEST_WORD", 5)
    assert "more than 5 characters" in refused(sqlite_ledger, path)
    monkeypatch.setattr(parquet_tables, "LONGEST_WORD", 10)
    (result,) = ingest(sqlite_ledger, path)
    assert result.activities == 1000


@pytest.mark.parametrize(
    "cells", ["," * 9_000_000, '"\n",' * 3_000_000], ids=["in one line", "in many lines"]
)
def test_a_row_of_csv_without_end_is_refused(sqlite_ledger, tmp_path, cells):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{ROW}\n{cells}\n")
    message = refused(sqlite_ledger, path)
    assert "a row has more than" in message
    assert "a.csv, line " in message


def test_a_table_of_too_many_rows_is_refused(sqlite_ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(table_columns, "MOST_ROWS", 20_000)
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n" + f"{ROW}\n" * 20_000)
    (entered,) = ingest(sqlite_ledger, path)
    assert entered.activities == 20_000
    path.write_text(f"{HEADER}\n" + f"{ROW}\n" * 20_001)
    with pytest.raises(LedgerError, match="more than 20,000 rows"):
        ingest(sqlite_ledger, path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz", "a.tar"])
def test_what_is_no_archive_is_said(sqlite_ledger, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 this is no archive at all")
    assert "cannot be unpacked" in refused(sqlite_ledger, path)


def test_a_damaged_archive_is_said(sqlite_ledger, tmp_path, journal):
    path = zipped(tmp_path / "a.zip", [("a.jsonl", journal.read_bytes())])
    data = bytearray(path.read_bytes())
    data[60:80] = b"#" * 20
    path.write_bytes(data)
    assert "cannot be unpacked" in refused(sqlite_ledger, path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\xff\xfe{\x00}\x00\n", "No usable span"),
        (b"hello, world\n", "No usable span"),
        (b"\0" * 5000, "No usable span"),
        (b'{"type":"span"}\n' * 3, "No usable span"),
    ],
)
def test_what_is_no_journal_is_said(sqlite_ledger, tmp_path, data, message):
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    assert message in refused(sqlite_ledger, path)


def test_a_huge_line_and_a_huge_file_are_refused(sqlite_ledger, tmp_path, journal, monkeypatch):
    monkeypatch.setattr(sources, "LONGEST_LINE_BYTES", 2 * 10**6)
    with journal.open("ab") as file:
        file.write(b'{"x":"' + b"x" * 3 * 10**6)
    assert "a line of more than 2 MB" in refused(sqlite_ledger, journal)
    monkeypatch.setattr(sources, "LARGEST_BYTES", 10**6)
    assert "more than 0 GB" in refused(sqlite_ledger, journal)


def test_torn_lines_and_garbage_cost_only_themselves(sqlite_ledger, tmp_path, journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + lines[1] + b"garbage \xff\n" + lines[2][:-9])
    (tmp_path / "runs").mkdir()
    journal.rename(tmp_path / "runs" / "a.jsonl")
    # A process that died before its first line was whole.
    (tmp_path / "runs" / "torn.jsonl").write_bytes(lines[0][:30])
    (tmp_path / "runs" / "empty.jsonl").touch()
    (result,) = ingest(sqlite_ledger, tmp_path / "runs")
    codes = {finding.code for finding in result.findings}
    assert {"journal-line", "journal-torn", "journal-headless"} <= codes
    assert query(sqlite_ledger, ["round"])["round"].tolist() == [1]


def test_a_run_whose_name_is_no_text_is_refused(sqlite_ledger, journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0].replace(b"digits", b"di\0its") + lines[1])
    refused(sqlite_ledger, journal)
    record_of = {"type": "header", "run": {"name": "a\0b"}, "process": {"token": "t"}}
    journal.write_bytes(encode_line(record_of))
    refused(sqlite_ledger, journal)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the columns"),
        (HEADER, "holds no activity"),
        (f"{HEADER}\n{ROW},1", "row 2: 9 cells, and 8 columns"),
        (f"{HEADER}\n{ROW}\na,client", "row 3: 2 cells"),
        (f"{HEADER},energy_kw\n{ROW},1", "Did you mean 'energy_kwh'"),
        (f"{HEADER},zone,zone\n{ROW},a,b", "two columns 'zone'"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('1.7e9', 'soon')}", "line 3: start_s is 'soon'"),
        (f"{HEADER}\n{ROW.replace('1.7e9', 'nan')}", "which is no number"),
        (f"{HEADER}\n{ROW.replace('1.7e9', '')}", "start_s of activity 1 is missing"),
        (f"{HEADER}\n{ROW.replace('1.7e9', '1e300')}", "no Unix time"),
        (f"{HEADER}\n{ROW.replace(',1,', ',-1,')}", "is -1.0: negative or without end"),
        (f"{HEADER}\n{ROW.replace('train', 'dance')}", "Unknown phase 'dance'"),
        (f"{HEADER}\n{ROW.replace('a,', ',', 1)}", "actor of activity 1 is missing"),
        (f"{HEADER},resource_share\n{ROW},25", "no share above 0 and up to 1"),
        (f"{HEADER},resource_share\n{ROW},0", "no share above 0 and up to 1"),
        (f"{HEADER},energy_kwh\n{ROW},1e300", "negative or without end"),
        (f"{HEADER},round\n{ROW},1.5", "no whole number"),
        (f"{HEADER},energy_kwh,energy_low_kwh\n{ROW},1,2", "within its bounds"),
        (f"{HEADER},energy_kwh,energy_low_kwh\n{ROW},,2", "is missing, and has bounds"),
        (f"{HEADER},zone\n{ROW},F\0R", "zero byte"),
        (f'{HEADER}\n"{ROW}', "unexpected end of data"),
        (f"{HEADER}\n{'x' * 200_000}", "field larger than"),
        (f"{HEADER},run\n{ROW},", "has no run"),
        (f"{HEADER},view\n{ROW},process\n{ROW},machine", "differ in view"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(sqlite_ledger, tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert message in refused(sqlite_ledger, path)


def test_tables_in_other_encodings_are_refused(sqlite_ledger, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER},zone\n{ROW},Orléans\n".encode("latin-1"))
    assert "is not UTF-8" in refused(sqlite_ledger, path)
    path.write_bytes(f"{HEADER}\n{ROW}\n".encode("utf-16"))
    assert "is not UTF-8" in refused(sqlite_ledger, path)
    path.with_suffix(".parquet").write_bytes(b"PAR1 no")
    assert "is no Parquet file" in refused(sqlite_ledger, path.with_suffix(".parquet"))


def test_names_of_machines_and_people_stay_out(sqlite_ledger, tmp_path):
    folder = tmp_path / "home" / "alice" / "runs"
    write_journal(folder / "digits" / "a.jsonl", span(1))
    ingest(sqlite_ledger, folder)
    table = write_table(tmp_path / "t.csv", random_journal(5))
    ingest(sqlite_ledger, table)
    sqlite_ledger.close()
    data = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    assert b"digits/a.jsonl" in data
    for secret in (b"alice", bytes(str(tmp_path), "utf-8")):
        assert secret not in data


def test_columns_of_a_journal_are_checked_too(sqlite_ledger):
    good = random_journal(3)
    for name, wrong in (
        ("data_gb", [1.0, float("inf"), 0.0]),
        ("energy_kwh", [1.0, -1.0, None]),
        ("actor", ["a", "\ud800", "b"]),
        ("role", ["client", "king", "client"]),
        ("duration_s", [1.0, "x", 0.0]),
    ):
        with pytest.raises(LedgerError, match=name):
            record(sqlite_ledger, Journal(Run("x"), {**good.columns, name: wrong}))
    assert status(sqlite_ledger).activities == 0
