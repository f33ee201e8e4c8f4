"""Faults of factor files: each names the file, the row and the reason."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footprint import _resources
from footprint.errors import FactorError
from footprint.factors import check_catalogue, load_catalogue
from footprint.factors.files import read_folder
from footprint.factors.schema import COLUMNS

GOOD = {
    "id": "grid/FR/2024/mine",
    "quantity": "grid_intensity",
    "zone": "FR",
    "valid_from": "2024-01-01",
    "valid_to": "2024-12-31",
    "value": "50",
    "unit": "gCO2e/kWh",
    "signal": "average/location/life-cycle",
    "preferred": "yes",
    "source": "our supplier",
    "source_url": "https://example.org/factors",
    "licence": "own data",
}


def write_rows(folder: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    folder.mkdir(exist_ok=True)
    (folder / "mine.csv").write_bytes(text.getvalue().encode())
    return folder


def messages(folder: Path) -> list[str]:
    return [finding.message for finding in check_catalogue(folder)]


def test_the_built_in_catalogue_has_no_faults():
    assert messages(_resources.emission_factors()) == []


def test_a_good_row_has_no_faults(tmp_path):
    assert messages(write_rows(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": ""}, "source is missing"),
        ({"source_url": ""}, "source_url is missing"),
        ({"source_url": "javascript:alert(1)"}, "source_url must start with"),
        ({"licence": ""}, "licence is missing"),
        ({"id": "plain"}, "id must be words joined by '/'"),
        ({"value": ""}, "value is missing"),
        ({"value": "0"}, "outside the plausible range of grid_intensity, 1 to 2000 gCO2e/kWh"),
        ({"value": "402000"}, "outside the plausible range"),
        ({"value": "nan"}, "value 'nan' is not a number"),
        ({"value": "inf"}, "value 'inf' is not a number"),
        ({"value": "1_0"}, "value '1_0' is not a number"),
        ({"value": "50,5"}, "value '50,5' is not a number"),
        ({"value": "=1+1"}, "value '=1+1' is not a number"),
        ({"value": "9" * 400}, "is not a number"),
        ({"low": "60", "high": "70"}, "low <= value <= high does not hold: 60, 50, 70"),
        ({"low": "40", "high": "30"}, "low <= value <= high does not hold"),
        ({"low": "40"}, "low and high come together"),
        ({"unit": "gCO2/kWh"}, "unknown unit"),
        ({"unit": "kWh/GB"}, "expected a quantity in units such as 'gCO2e/kWh'"),
        ({"unit": ""}, "unit is missing"),
        ({"quantity": "intensity"}, "unknown quantity 'intensity'; known: grid_intensity"),
        ({"valid_from": "01.01.2024"}, "valid_from '01.01.2024' is not a date"),
        ({"valid_from": "20240101"}, "valid_from '20240101' is not a date"),
        ({"valid_to": "2024-02-30"}, "valid_to '2024-02-30' is not a date"),
        ({"valid_to": "2023-12-31"}, "valid_from 2024-01-01 is after valid_to 2023-12-31"),
        ({"valid_from": ""}, "valid_to needs a valid_from"),
        ({"zone": "XX"}, "zone 'XX' is not in zones.csv"),
        ({"zone": ""}, "grid_intensity needs a zone"),
        ({"signal": ""}, "signal: '' is not a kind of grid intensity"),
        ({"signal": "average/market"}, "signal: 'average/market' is not a kind"),
        (
            {"quantity": "pue", "unit": "1", "value": "1.2"},
            "is for intensities only",
        ),
        ({"preferred": ""}, "preferred must be yes or no"),
        ({"note": "a\x1b[31mb"}, "control character"),
    ],
)
def test_a_bad_row_is_named_with_its_reason(tmp_path, change, reason):
    row = GOOD | change
    folder = write_rows(tmp_path, GOOD | {"id": "grid/DE/2001/x", "zone": "DE"}, row)
    found = messages(folder)
    assert any(m.startswith(f"mine.csv, line 3, {row['id']}: ") and reason in m for m in found)
    assert not any("line 2" in message for message in found)
    with pytest.raises(FactorError, match=r"mine\.csv, line 3"):
        load_catalogue([folder])


def test_a_duplicate_id_names_both_lines(tmp_path):
    folder = write_rows(tmp_path, GOOD, GOOD)
    place = "mine.csv, line 3, grid/FR/2024/mine: the id stands already in mine.csv, line 2"
    assert messages(folder) == [place]


def test_two_preferred_rows_for_one_query_are_a_fault(tmp_path):
    folder = write_rows(tmp_path, GOOD, GOOD | {"id": "grid/FR/2024/other"})
    assert len(messages(folder)) == 1
    assert "2 of grid/FR/2024/ember, grid/FR/2024/mine" in messages(folder)[0]


def test_all_faults_are_reported_not_only_the_first(tmp_path):
    bad = [GOOD | {"id": f"grid/FR/{y}/x", "value": "0", "source": ""} for y in (2001, 2002)]
    assert len(messages(write_rows(tmp_path, *bad))) == 4


def test_a_missing_and_an_unknown_column_are_named(tmp_path):
    columns = (*(c for c in COLUMNS if c != "licence"), "license")
    found = messages(write_rows(tmp_path, GOOD, columns=columns))
    assert found == ["mine.csv, line 1: missing column licence; unknown column license"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "mine.csv, line 1: empty file, expected the columns id,quantity"),
        (b"id\ncaf\xe9\n", "mine.csv, line 2: not UTF-8"),
        (",".join(COLUMNS).encode() + b"\na/b,c\n", "mine.csv, line 2, a/b: 2 cells, expected 17"),
        (",".join(COLUMNS).encode() + b'\n"a/b\n', "mine.csv, line 2: not CSV"),
    ],
)
def test_a_broken_table_is_a_fault(tmp_path, data, reason):
    (tmp_path / "mine.csv").write_bytes(data)
    assert any(message.startswith(reason) for message in messages(tmp_path))


def test_a_folder_without_factors_is_a_fault(tmp_path):
    assert "holds no factor file" in messages(tmp_path)[0]
    with pytest.raises(FactorError, match="is not a folder"):
        check_catalogue(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "@SUM(1)", "[red]x[/red]", "<b>x</b>"])
def test_text_that_looks_like_a_formula_or_markup_stays_text(tmp_path, text):
    folder = write_rows(tmp_path, GOOD | {"note": text, "source": text})
    factor = load_catalogue([folder]).get("grid/FR/2024/mine")
    assert (factor.note, factor.source.title) == (text, text)


def test_the_mark_of_spreadsheets_is_accepted(tmp_path):
    folder = write_rows(tmp_path, GOOD)
    data = (folder / "mine.csv").read_bytes()
    (folder / "mine.csv").write_bytes(b"\xef\xbb\xbf" + data)
    assert messages(folder) == []


@pytest.mark.parametrize(
    ("zones", "reason"),
    [
        ("A1,,Site A,B1\nB1,,Site B,A1\n", "leads back to"),
        ("A1,,Site A,QQ\n", "parent 'QQ' is not a zone"),
        ("A1,,,FR\n", "name is missing"),
        ("A1,,Site,FR\nA1,,Site,FR\n", "the zone stands there twice"),
        ("A1,FRA,Site,FR\n", "iso3 'FRA' stands at another zone too"),
    ],
)
def test_broken_zones_are_faults(tmp_path, zones, reason):
    folder = write_rows(tmp_path, GOOD)
    (folder / "zones.csv").write_text("zone,iso3,name,parent\n" + zones)
    assert any(reason in message for message in messages(folder))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[band]\n", "not TOML"),
        ("version = 1\n", "unknown key 'version'"),
        ('[[band]]\nquantity = "mass"\nfactor = 2\nbasis = "x"\n', "unknown quantity 'mass'"),
        ('[[band]]\nquantity = "pue"\nfactor = 2\n', "basis is missing"),
        ('[[band]]\nquantity = "pue"\nbasis = "x"\n', "give exactly one of"),
        ('[[band]]\nquantity = "pue"\nfactor = 2\nnone = true\nbasis = "x"\n', "exactly one"),
        ('[[band]]\nquantity = "pue"\nfactor = 0.5\nbasis = "x"\n', "at least 1"),
        ('[[band]]\nquantity = "pue"\nfactor = nan\nbasis = "x"\n', "at least 1"),
        ('[[band]]\nquantity = "pue"\nfactor = "2"\nbasis = "x"\n', "must be a number"),
        ('[[band]]\nquantity = "pue"\nlow = 2\nhigh = 1\nbasis = "x"\n', "low is above high"),
        ('[[band]]\nquantity = "pue"\nfactor = 2\nbasis = "x"\n' * 2, "a band for this already"),
        ("band = 3\n", "must be a list of tables"),
        ("band = [1]\n", "must be a list of tables"),
        ('[[band]]\nquantity = ["pue"]\nfactor = 2\nbasis = "x"\n', "quantity must be text"),
    ],
)
def test_broken_bands_are_faults(tmp_path, text, reason):
    folder = write_rows(tmp_path, GOOD)
    (folder / "uncertainty.toml").write_text(text)
    found = messages(folder)
    assert any(m.startswith("uncertainty.toml: ") and reason in m for m in found)


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(_resources.emission_factors(), tmp_path / "copy"))


@pytest.mark.parametrize("name", ["grid/country.toml", "uncertainty.toml"])
def test_a_full_catalogue_needs_its_side_files(copy, name):
    (copy / name).unlink()
    assert messages(copy) == [f"{name}: is missing"]


def test_a_sidecar_lists_every_licence_and_nothing_unknown(copy):
    sidecar = copy / "prices/carbon.toml"
    text = sidecar.read_text("utf-8").replace("fact (cite)", "fact")
    sidecar.write_text('extra = "x"\n' + text, "utf-8")
    assert messages(copy) == [
        "prices/carbon.toml: unknown key 'extra'",
        "prices/carbon.toml: licences does not list 'fact (cite)'",
    ]


def test_a_version_that_is_no_calendar_version_is_a_fault(copy):
    (copy / "VERSION").write_text("latest\n")
    assert messages(copy) == ["VERSION: 'latest' is not a version such as 2026.11.0"]


@given(st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_digest_changes_with_any_byte(tmp_path, data):
    folder = write_rows(tmp_path, GOOD)
    content = bytearray((folder / "mine.csv").read_bytes())
    before = read_folder(folder).digest
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    (folder / "mine.csv").write_bytes(content)
    assert read_folder(folder).digest != before


def test_the_digest_changes_with_a_file_name_and_not_with_the_folder(copy, tmp_path):
    digest = load_catalogue().digest
    assert read_folder(copy).digest == digest
    (copy / "prices/cloud.csv").rename(copy / "prices/clouds.csv")
    assert read_folder(copy).digest != digest
