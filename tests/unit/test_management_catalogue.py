"""Catalogues of silos: what a scan tells, and what is refused of others."""

import json
from pathlib import Path

import numpy as np
import pytest

from footprint.errors import DataError, FootprintError, ManifestError
from footprint.management.advisor.needs import read_needs
from footprint.management.catalogue import (
    Column,
    ColumnKind,
    hash_schema,
    read_catalogue,
    schema_similarity,
    write_catalogue,
)
from footprint.management.declaration import read_silo
from footprint.management.files import describe, read_table
from footprint.management.scanning import scan_silo

NOW_S = 4e9  # later than any file that a test writes
DECLARED = """
name = "madrid"
zone = "ES"
minimum-rows = 25

[[datasets]]
id = "bookings"
path = "bookings.csv"
owner = "<b>revenue</b>"
retention = "730 d"
read = 2026-05-31T12:00:00Z

[[applications]]
id = "pricing"
datasets = ["bookings"]
calls = 1200
period = "30 d"
energy = "3 kWh"
"""
ROWS = "id,fare,paid,country,day\n7,10.5,true,España,2026-01-01\n8,,false,<i>x</i>,2026-01-02\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "silo.toml").write_text(DECLARED)
    (tmp_path / "bookings.csv").write_text(ROWS)
    return tmp_path


@pytest.fixture
def sent(folder):
    return write_catalogue(scan_silo(read_silo(folder), NOW_S))


def changed(sent, change):
    document = json.loads(sent)
    change(document)
    return json.dumps(document).encode()


def test_a_scan_tells_schema_and_counts_and_no_content(folder, sent):
    (entry,) = read_catalogue(sent, NOW_S).datasets
    kinds = {column.name: column.kind.value for column in entry.columns}
    assert kinds == {
        "id": "integer",
        "fare": "number",
        "paid": "boolean",
        "country": "text",
        "day": "time",
    }
    assert entry.rows == 2
    assert entry.size_bytes == len(ROWS.encode())
    assert entry.retention_days == 730
    assert entry.read_s == 1780228800
    for cell in ("10.5", "España", "<i>", "2026-01-0"):
        assert cell not in sent.decode()


def test_a_catalogue_reads_back_as_it_was_and_markup_stays_data(sent):
    found = read_catalogue(sent, NOW_S)
    assert write_catalogue(found) == sent
    assert found.datasets[0].owner == "<b>revenue</b>"
    assert found.applications[0].energy_kwh == 3


def test_what_nobody_knows_is_none(tmp_path):
    (tmp_path / "bare.csv").write_text("a\n1\n")
    (tmp_path / "silo.toml").write_text('name="x"\n[[datasets]]\nid="a"\npath="bare.csv"\n')
    found = scan_silo(read_silo(tmp_path), NOW_S)
    entry = found.datasets[0]
    assert (found.zone, entry.read_s, entry.energy_kwh, entry.owner) == (None,) * 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["datasets"][0].update(rows=-1), "rows"),
        (lambda d: d["datasets"][0].update(rows=10**14), "rows"),
        (lambda d: d["datasets"][0].update(rows="2"), "rows"),
        (lambda d: d["datasets"][0].update(size_bytes=True), "size_bytes"),
        (lambda d: d["datasets"][0].update(energy_kwh=float("nan")), "energy_kwh"),
        (lambda d: d["datasets"][0].update(energy_kwh=float("inf")), "energy_kwh"),
        (lambda d: d["datasets"][0].update(written_s=NOW_S + 3600), "future"),
        (lambda d: d.update(scanned_s=NOW_S + 3600), "future"),
        (lambda d: d["applications"][0].update(used_s=NOW_S + 3600), "future"),
        (lambda d: d["applications"][0].update(period_days=None), "period_days"),
        (lambda d: d.update(silo="x" * 201), "silo"),
        (lambda d: d.update(silo="mad\x1b[2Jrid"), "silo"),
        (lambda d: d.update(more=1), "more"),
        (lambda d: d["datasets"].append(d["datasets"][0]), "one name"),
        (lambda d: d["datasets"][0]["columns"][0].update(name="fare"), "one name"),
        (lambda d: d["datasets"][0]["columns"].pop(), "schema hash"),
        (lambda d: d["datasets"][0].update(columns=[]), "columns"),
        (lambda d: d["datasets"][0].update(schema_hash="0" * 32), "schema hash"),
        (lambda d: d.pop("silo"), "silo"),
        (lambda d: d.update(format_version=2), "version"),
        (lambda d: d.update(format="other"), "catalogue"),
    ],
)
def test_a_forged_catalogue_is_refused_and_named(sent, change, words):
    with pytest.raises(DataError, match=words):
        read_catalogue(changed(sent, change), NOW_S)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"[]", b"null", b"[" * 100_000, b'{"format": 1' * 9, b"9" * 5000],
)
def test_garbage_is_refused(data):
    with pytest.raises(DataError):
        read_catalogue(data, NOW_S)


def test_every_cut_and_every_flipped_byte_is_refused_or_a_valid_catalogue(sent):
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(sent)
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        try:
            found = read_catalogue(bytes(damaged), NOW_S)
        except DataError:
            continue
        assert read_catalogue(write_catalogue(found), NOW_S) == found
    for end in rng.integers(len(sent), size=50):
        with pytest.raises(DataError):
            read_catalogue(sent[:end], NOW_S)


def test_one_table_reads_the_same_from_all_formats(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = {"n": [1, 2, 3], "x": [0.5, None, 1e300], "t": ["a", "b", "ü"]}
    (tmp_path / "a.csv").write_text("n,x,t\n1,0.5,a\n2,,b\n3,1e300,ü\n", encoding="utf-8")
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    arrays = {"n": np.array([1, 2, 3]), "x": np.array([0.5, np.nan, 1e300])}
    np.savez(tmp_path / "a.npz", t=np.array(columns["t"]), **arrays)
    for name in ("a.csv", "a.parquet", "a.npz"):
        assert dict(read_table(tmp_path / name)) == columns, name
    assert len({frozenset(describe(tmp_path / n).columns) for n in ("a.csv", "a.npz")}) == 1


def test_numbers_that_are_names_stay_text(tmp_path):
    (tmp_path / "a.csv").write_text("zip,card,n\n07001,4111111111111111111,1\n28001,4,2\n")
    assert read_table(tmp_path / "a.csv")["zip"] == ["07001", "28001"]
    assert isinstance(read_table(tmp_path / "a.csv")["card"][0], str)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1\n", "row 2"),
        ("a,a\n1,2\n", "header"),
        ("", "header"),
        ("a,b\n\xff", "row 2"),
    ],
)
def test_a_file_that_is_no_table_is_an_error(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        describe(tmp_path / "a.csv")


def test_pickles_in_npz_are_not_opened(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="pickle"):
        describe(tmp_path / "a.npz")


@pytest.mark.parametrize("path", ["../secret.csv", "/etc/passwd", "link.csv", "gone.csv", "a\0b"])
def test_files_outside_of_the_folder_are_not_read(folder, tmp_path_factory, path):
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text("a\n1\n")
    (folder / "link.csv").symlink_to(outside)
    text = DECLARED.replace('"bookings.csv"', json.dumps(path))
    (folder / "silo.toml").write_text(text)
    with pytest.raises(FootprintError):
        scan_silo(read_silo(folder), NOW_S)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("minimum-rows = 25", "minimum-rows = 0", "minimum-rows"),
        ("minimum-rows = 25", 'exact = ["rows"]\nepsilon-limit = 0', "there is none"),
        ("minimum-rows = 25", 'exact = ["mean"]\nepsilon-limit = 1', "no statistic 'mean'"),
        ("minimum-rows = 25", "minimum-row = 25", "minimum-rows"),
        ('retention = "730 d"', "retention = 730", "unit"),
        ("12:00:00Z", "12:00:00", "time zone"),
        ('name = "madrid"', "", "name"),
        ('period = "30 d"\n', "", "calls and energy mean nothing without the period"),
        ('id = "pricing"', 'id = " "', "the id ' ' is empty"),
        ('name = "madrid"', 'name = "madrid"\nfolder = "/"', "folder"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(folder, old, new, words):
    (folder / "silo.toml").write_text(DECLARED.replace(old, new))
    with pytest.raises(ManifestError, match=words):
        read_silo(folder)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("storage_class", "storage-class"), ("retentoin", "retention"), ("siz", "size")],
)
def test_a_misspelt_key_is_answered_with_the_one_that_is_read(folder, wrong, right):
    declared = DECLARED.replace("owner =", f"{wrong} = 'x'\nowner =")
    (folder / "silo.toml").write_text(declared)
    with pytest.raises(ManifestError) as caught:
        read_silo(folder)
    assert f"Did you mean {right!r}?" in caught.value.remedy
    assert "_" not in caught.value.remedy


@pytest.mark.parametrize(
    ("table", "wrong", "right"),
    [
        ("use-cases", "poinst", "points"),
        ("retrainings", "points-per-drif", "points-per-drift"),
        ("servings", "client_energy", "client-energy"),
        ("", "cold_after", "cold-after"),
    ],
)
def test_a_misspelt_key_of_the_company_too(tmp_path, table, wrong, right):
    head = f"[[{table}]]\n" if table else ""
    (tmp_path / "management.toml").write_text(f"{head}{wrong} = 1\n")
    with pytest.raises(ManifestError) as caught:
        read_needs(tmp_path)
    assert caught.value.remedy.startswith(f"Did you mean {right!r}? Known here: ")
    assert "_" not in caught.value.remedy


def test_schemas_are_compared_by_name_and_kind():
    one = [Column("a", ColumnKind.TEXT), Column("b", ColumnKind.NUMBER)]
    assert schema_similarity(one, one) == 1
    assert schema_similarity(one, [one[0], Column("b", ColumnKind.TEXT)]) == pytest.approx(1 / 3)
    assert hash_schema(one) == hash_schema(one[::-1])


def test_the_declaration_that_is_shown_is_one(tmp_path):
    document = (Path(__file__).parents[2] / "docs" / "management.md").read_text()
    shown = document.split("```toml\n")[1].split("```")[0]
    (tmp_path / "silo.toml").write_text(shown)
    found = read_silo(tmp_path)
    assert found.datasets[0].labels == ("country",)
    assert (found.minimum_rows, found.epsilon_limit) == (25, 3.0)


WHOLE = 'size = "1.8 TB"\nrows = 400_000\nwritten = 2026-05-30T02:00:00Z\nmoved = "35 GB"\n'


def sampled(folder, text=WHOLE, old='path = "bookings.csv"\n'):
    (folder / "silo.toml").write_text(DECLARED.replace(old, old + text))
    return read_silo(folder)


def test_of_a_sample_the_catalogue_tells_what_is_declared_of_the_whole(folder):
    entry = scan_silo(sampled(folder), NOW_S).datasets[0]
    assert (entry.size_bytes, entry.rows) == (1_800_000_000_000, 400_000)
    assert (entry.sampled, entry.sample_rows) == (True, 2)
    assert entry.moved_bytes == 35_000_000_000
    assert entry.written_s == 1780106400  # not that of the file, which is new
    assert entry.kept_until_s == entry.written_s + 730 * 86400


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('size = "1.8 TB"\n', "size and rows go together"),
        ("rows = 400_000\n", "size and rows go together"),
        ('size = "1 TB"\nrows = 1\n', "its file has 2 rows, and all of it 1"),
        ('size = "9 h"\nrows = 10\n', "size"),
        ("written = 2026-05-30T02:00:00\n", "time zone"),
        ("written = 2226-05-30T02:00:00Z\n", "after the time"),
    ],
)
def test_a_wrong_declaration_of_a_sample_says_what_is_wrong(folder, text, words):
    with pytest.raises(DataError, match=words):
        scan_silo(sampled(folder, text), NOW_S)


def test_a_forged_sample_is_refused(folder):
    sent = write_catalogue(scan_silo(sampled(folder), NOW_S))
    with pytest.raises(DataError, match="sample"):
        read_catalogue(changed(sent, lambda d: d["datasets"][0].update(rows=1)), NOW_S)


def test_a_file_too_large_to_look_through_says_how_to_declare_a_sample(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(DataError, match="1,073,741,824 bytes") as error:
        describe(tmp_path / "a.csv")
    assert "sample" in error.value.remedy


def test_a_file_in_another_encoding_says_so(tmp_path):
    (tmp_path / "a.csv").write_bytes("a\nmünchen\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8") as error:
        describe(tmp_path / "a.csv")
    assert "UTF-8" in error.value.remedy
