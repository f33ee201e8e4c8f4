"""The script that makes `emission_factors/`, on small made-up tables."""

from __future__ import annotations

import csv
import importlib
import shutil
import sys
from pathlib import Path

import pytest

from footprint import _resources
from footprint.factors import check_catalogue
from footprint.factors.files import read_folder

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "build_factors.py"
HEAD = "key,value,unit,low,high,year,source,source_url,licence,note"
TAIL = "made up,https://example.org,CC0"
TABLES = {
    "grid_country_yearly": f"""{HEAD},country_iso3,country,preferred
FRA:2024:ember,40.0,gCO2e/kWh,,,2024,{TAIL},life-cycle factors; latest,FRA,France,yes
FRA:2024:owid,50,gCO2e/kWh,,,2024,{TAIL},life-cycle factors; other,FRA,France,no
DJI:2023:ember,450,gCO2e/kWh,,,2023,{TAIL},life-cycle factors; latest,DJI,Djibouti,yes
DJI:2022:owid,700,gCO2e/kWh,,,2022,{TAIL},life-cycle factors; other,DJI,Djibouti,no
CAF:2022:ember,0,gCO2e/kWh,,,2022,{TAIL},x,CAF,Central African Republic,yes
World:2024:ember,470,gCO2e/kWh,,,2024,{TAIL},x,,World,yes
""",
    "grid_subnational_yearly": f"""{HEAD},zone,basis
US-CA:2023:egrid,180,gCO2e/kWh,,,2023,{TAIL},396 lb/MWh; direct,US-CA,direct
CN-BJ:2023:mee,555,gCO2/kWh,,,2023,{TAIL},CO2 only,CN-BJ,direct
""",
    "hardware_embodied": f"""{HEAD},device_class,preferred
gpu.any:embodied:ccf,150,kgCO2e/unit,,,2021,{TAIL},generic,gpu,fallback
gpu.x1:embodied:boavizta_2.5,300,kgCO2e/unit,,,2026,{TAIL},upper,gpu,no
phone.any:embodied:ademe,84,kgCO2e/unit,,,2022,{TAIL},x,phone,no
ssd.per_gb:embodied:spruce,0.055,kgCO2e/GB,,,2026,{TAIL},x,ssd,yes
""",
    "carbon_prices": f"""{HEAD},kind
us_epa_scc:2025,210,USD2020/tCO2,130,360,2025,{TAIL},2 %,social cost
""",
}


@pytest.fixture(scope="module")
def build_factors():
    sys.path.insert(0, str(SCRIPT.parent))
    yield importlib.import_module(SCRIPT.stem)
    sys.path.remove(str(SCRIPT.parent))


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def built(build_factors, source, tmp_path) -> Path:
    build_factors.write(build_factors.build(source), tmp_path / "out")
    shutil.copy(_resources.emission_factors() / "uncertainty.toml", tmp_path / "out")
    return tmp_path / "out"


def test_the_result_is_a_sound_catalogue(built):
    assert check_catalogue(built) == []


def test_a_second_run_gives_the_same_bytes(build_factors, source, built, tmp_path):
    build_factors.write(build_factors.build(source), tmp_path / "again")
    shutil.copy(built / "uncertainty.toml", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(built)


def test_the_order_of_the_source_rows_does_not_matter(build_factors, source, built, tmp_path):
    for path in source.iterdir():
        head, *lines = path.read_text("utf-8").splitlines()
        path.write_text("\n".join([head, *reversed(lines)]) + "\n", "utf-8")
    build_factors.write(build_factors.build(source), tmp_path / "again")
    shutil.copy(built / "uncertainty.toml", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(built)


def test_nothing_tells_where_it_was_made(built, tmp_path):
    assert not any(str(tmp_path).encode() in data for data in contents(built).values())


def test_rows_zones_and_preferences(built):
    rows = {key: row.factor for key, row in read_folder(built).rows.items()}
    assert set(rows) == {
        "grid/FR/2024/ember", "grid/FR/2024/owid", "grid/DJ/2023/ember", "grid/DJ/2022/owid",
        "grid/WORLD/2024/ember", "grid/US-CA/2023/egrid", "grid/CN-BJ/2023/mee",
        "embodied/gpu/ccf", "embodied_per_gb/ssd/spruce", "carbon/us_epa_scc/2025",
    }  # fmt: skip
    assert rows["grid/FR/2024/ember"].preferred
    assert not rows["grid/FR/2024/owid"].preferred
    assert rows["grid/DJ/2022/owid"].preferred  # the only row of its year
    assert (rows["grid/DJ/2023/ember"].low, rows["grid/DJ/2023/ember"].high) == (450, 700)
    assert "CO2 only" in rows["grid/CN-BJ/2023/mee"].method
    assert rows["carbon/us_epa_scc/2025"].value == 0.00021
    assert "USD of 2020" in rows["carbon/us_epa_scc/2025"].note
    zones = read_folder(built).zones
    assert (zones["US-CA"].parent, zones["US-CA"].name) == ("US", "California")
    assert (zones["FR"].iso3, zones["FR"].parent) == ("FRA", "")


def test_what_is_left_out_is_listed_with_its_reason(built):
    with (built / "EXCLUDED.csv").open(encoding="utf-8", newline="") as file:
        reasons = {row["id"]: row["reason"] for row in csv.DictReader(file)}
    assert set(reasons) == {
        "grid_country_yearly:CAF:2022:ember",
        "hardware_embodied:gpu.x1:embodied:boavizta_2.5",
        "hardware_embodied:phone.any:embodied:ademe",
    }
    assert all(reasons.values())


def test_a_folder_without_tables_is_refused(build_factors, tmp_path):
    with pytest.raises(SystemExit, match="holds none of"):
        build_factors.build(tmp_path)
