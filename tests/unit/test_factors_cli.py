"""The command group `footprint factors`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from footprint.cli.factors import app
from footprint.errors import FactorNotFound, UsageError
from tests.unit.test_factors_files import GOOD, write_rows

RUNNER = CliRunner()


def run(*arguments: object):
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def test_list_filters_and_says_what_it_left_out():
    result = run("list", "--quantity", "power_idle", "--subject", "gpu", "--limit", 2)
    assert result.exit_code == 0
    assert result.stdout.count("power/gpu.") == 2
    assert "2 of " in result.stderr
    assert "2 of " not in result.stdout


def test_list_as_json_takes_zone_aliases():
    result = run("list", "--zone", "fra", "--quantity", "grid_intensity", "--all", "--json")
    rows = json.loads(result.stdout)
    assert [row["id"] for row in rows] == ["grid/FR/2023/owid", "grid/FR/2024/ember"]
    assert rows[0]["signal"] == "average/location/life-cycle"


def test_list_with_nothing_to_show():
    result = run("list", "--subject", "abacus", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    assert "No factor matches" in result.stderr


def test_list_refuses_an_unknown_quantity():
    assert isinstance(run("list", "--quantity", "mass").exception, UsageError)


def test_show_is_the_whole_birth_certificate():
    text = run("show", "embodied/desktop/pcf_median").stdout
    for part in ("301 kgCO2e", "148.3 to 617.5", "ODbL 1.0", "Boavizta", "2023"):
        assert part in text
    document = json.loads(run("show", "embodied/desktop/pcf_median", "--json").stdout)
    assert document["value"] == 301e3
    assert document["bounds"]["kind"] == "source"
    assert len(document["catalogue"]["digest"]) == 64


def test_show_of_an_unknown_id_leaves_the_error_to_the_caller():
    assert isinstance(run("show", "grid/FR/2024/embr").exception, FactorNotFound)


def test_text_of_a_file_is_not_read_as_markup(tmp_path):
    folder = write_rows(tmp_path, GOOD | {"note": "[bold]x[/nothing]"})
    result = run("show", GOOD["id"], "--factors", folder)
    assert "[bold]x[/nothing]" in result.stdout
    assert "is used instead of" in result.stderr


def test_check_is_quiet_when_all_is_well():
    result = run("check")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == ""


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_check_reports_each_fault_and_exits_with_3(tmp_path, extra):
    folder = write_rows(tmp_path, GOOD | {"value": "0", "source": ""})
    result = run("check", folder, *extra)
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 2
    assert all(line.startswith("mine.csv, line 2") for line in result.stderr.splitlines())
    if extra:
        assert len(json.loads(result.stdout)["faults"]) == 2
    else:
        assert result.stdout == ""


def test_diff(tmp_path):
    old = write_rows(tmp_path / "old", GOOD, GOOD | {"id": "grid/FR/2024/z", "preferred": "no"})
    new = write_rows(tmp_path / "new", GOOD | {"value": "60"})
    result = run("diff", old, new)
    assert result.stdout.splitlines() == [
        "- grid/FR/2024/z",
        "~ grid/FR/2024/mine: 50 -> 60 gCO2e/kWh",
    ]
    assert "0 added, 1 removed, 1 changed" in result.stderr
    assert json.loads(run("diff", old, new, "--json").stdout)["changed"][0]["new"] == 60
