"""`footprint sweep` on the command line."""

import csv
import io
import json
from pathlib import Path

import pytest

HOSPITALS = Path(__file__).parents[2] / "examples" / "manifests" / "ok" / "hospitals.toml"


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_grid_gives_a_row_for_each_combination(footprint):
    done = footprint(
        "sweep",
        HOSPITALS,
        "--set=training.rounds=50,100",
        "--set=clients.krakow.zone=PL,FR,SE",
    )
    found = rows(done.stdout)
    assert [(r["training.rounds"], r["clients.krakow.zone"]) for r in found] == [
        (rounds, zone) for rounds in ("50", "100") for zone in ("PL", "FR", "SE")
    ]
    keys = [(r["training.rounds"], r["clients.krakow.zone"]) for r in found]
    grams = dict(zip(keys, (float(r["federated_g"]) for r in found), strict=True))
    assert grams["100", "PL"] > grams["100", "FR"] > grams["100", "SE"]
    assert grams["100", "PL"] > grams["50", "PL"]
    assert len({r["centralised_g"] for r in found if r["clients.krakow.zone"] == "PL"}) == 1


def test_the_plan_itself_is_the_estimate(footprint):
    footprint("sweep", HOSPITALS, "--set=training.rounds=100", "--draws=500", "-o", "t.json")
    (row,) = json.loads((footprint.folder / "t.json").read_text())
    estimate = json.loads(footprint("estimate", HOSPITALS, "--json").stdout)
    assert row["federated_g"] == pytest.approx(estimate["total_g"]["value"])
    assert row["federated_low_g"] < row["federated_g"] < row["federated_high_g"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.rouds=1,2", "Did you mean 'rounds'?"),
        ("clients.warsaw.zone=FR", "there is no table 'warsaw'"),
        ("clients.zone=FR", "names no single table"),
        ("name.x=1", "'name' is no table"),
        ("training.rounds", "sets nothing"),
        ("training.rounds=1..9/1", "two or more"),
        ("training.model=1,2", "has no unit"),
        ("training.rounds=inf", "training.rounds"),
        ("clients[9].count=2", "there is no table '9'"),
    ],
)
def test_what_cannot_be_set_says_why(footprint, setting, message):
    done = footprint("sweep", HOSPITALS, f"--set={setting}", code=None)
    assert done.returncode in (2, 3)
    assert message in " ".join(done.stderr.split())


def test_a_range_with_a_unit(footprint):
    done = footprint("sweep", HOSPITALS, "--set=training.model=10..100/4 MB")
    assert [r["training.model"] for r in rows(done.stdout)] == ["10 MB", "40 MB", "70 MB", "100 MB"]


def test_keys_may_be_written_as_messages_write_them(footprint):
    done = footprint("sweep", HOSPITALS, "--set=clients[3].zone=PL,SE")
    assert [r["clients.3.zone"] for r in rows(done.stdout)] == ["PL", "SE"]
    twice = ("--set=training.rounds=5", "--set=training.rounds=6")
    assert "set twice" in footprint("sweep", HOSPITALS, *twice, code=2).stderr
