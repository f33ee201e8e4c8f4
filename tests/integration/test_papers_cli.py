"""`footprint papers` on the command line."""

import json

import pytest

from footprint import _resources

TAPP = (_resources.paper_cases() / "tapp_2026.toml").read_text()


def test_without_a_file_it_checks_what_ships(footprint):
    said = footprint("papers").stdout
    for name in _resources.paper_cases().glob("*.toml"):
        assert name.stem.replace("_", "-") in said
    assert "0 not as the case says" in said
    assert "reproduc" not in said
    cases = json.loads(footprint("papers", "--json").stdout)
    rows = [figure for case in cases for figure in case["figures"]]
    assert not [row for row in rows if row["failed"]]
    assert {row["verdict"] for row in rows} == {"agrees", "differs", "not recomputable"}
    assert all(row["missing"] for row in rows if row["computed"] is None)


def test_a_figure_that_should_agree_and_does_not_is_exit_code_1(footprint):
    (footprint.folder / "case.toml").write_text(TAPP.replace('"1.7"', '"1.8"'))
    said = footprint("papers", "case.toml", code=1)
    assert "differs from the printed figure" in said.stdout
    assert "1 not as the case says" in said.stdout
    assert "agree with what was printed" not in said.stdout
    assert "1 not as the case says" in said.stdout
    assert said.stderr == ""
    (case,) = json.loads(footprint("papers", "case.toml", "--json", code=1).stdout)
    (figure,) = case["figures"]
    assert figure["failed"]
    assert figure["computed"] == pytest.approx(503 / 290)


def test_what_is_missing_is_named_and_fails_nothing(footprint):
    (footprint.folder / "case.toml").write_text(TAPP.replace(', faster = "290 min"', ""))
    assert "inputs are missing: faster" in footprint("papers", "case.toml").stdout


def test_what_a_file_says_is_no_markup(footprint):
    (footprint.folder / "case.toml").write_text(TAPP.replace("retina", "[red]retina[/nothing]"))
    assert "[red]retina[/nothing]" in footprint("papers", "case.toml").stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TAPP.replace("slower", "slowest"), "case.toml, rows[1].inputs.slowest: 'slowest' is unk"),
        (TAPP.replace("503 min", "503 W"), "case.toml, rows[1].inputs.slower: '503 W' is in watt"),
        (TAPP.replace("290 min", "0 min"), "case.toml, row 'retina segmentation, V100 over H100'"),
        ("id =", "case.toml is not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_exit_code_3(footprint, text, message):
    (footprint.folder / "case.toml").write_text(text)
    assert message in footprint("papers", "case.toml", code=3).stderr


def test_a_file_that_is_not_there_is_exit_code_3(footprint):
    assert "nothing.toml cannot be read" in footprint("papers", "nothing.toml", code=3).stderr
