"""`footprint manage advise`: the example company, and companies of which something is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from footprint.cli.manage import app
from footprint.documents import from_json, to_json
from footprint.errors import UsageError
from footprint.model import DecisionKind
from tests.managed_folders import change, make_folders

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"
TODAY = ("--today", "2096-10-02")


def run(*words):
    return CliRunner().invoke(app, ["advise", *map(str, words)])


@pytest.fixture(scope="module")
def example():
    done = run(EXAMPLE, "--json")
    assert done.exit_code == 0, done.output
    return from_json(done.stdout)


def test_the_example_gets_a_reasoned_decision_of_each_of_the_seven_kinds(example):
    assert {one.kind for one in example.advice} == set(DecisionKind)
    for one in example.advice:
        assert any(letter.isdigit() for letter in one.reason), one.id
        assert len(one.options) > 1
        lines = [line for option in one.options for line in option.assessment.contributions]
        assert lines
    decided = {one.subject: one.recommended for one in example.advice}
    for subject, recommended in {
        "turin/door-events": "tier down",
        "amsterdam/gate-counts-2019": "delete",
        "gdansk/brake-logs": "deduplicate",
        "turin/seat-finder": "retire",
        "hub/delay-board + hub/delay-board-old": "merge into hub/delay-board",
    }.items():
        assert decided[subject] == recommended
    (copy,) = [one for one in example.advice if one.subject == "gdansk/brake-logs"]
    assert any("only samples of them were" in condition for condition in copy.conditions)


def test_silos_that_sent_nothing_are_named_before_anything_is_deleted(example):
    (old,) = [one for one in example.advice if one.recommended == "delete"]
    assert (
        "No application of eemshaven, ireland, tablets reads it: no catalogue says which there are."
    ) in old.conditions


def test_advice_can_be_repeated_to_the_last_digit(example):
    assert from_json(run(EXAMPLE, "--json").stdout) == example


def test_kinds_can_be_chosen_and_results_kept(example, tmp_path):
    page, kept = tmp_path / "advice.html", tmp_path / "advice.json"
    done = run(EXAMPLE, "--kind", "dataset", "--kind", "schedule", "-o", kept)
    assert done.exit_code == 0
    plan = from_json(kept.read_text())
    kinds = (DecisionKind.DATASET, DecisionKind.SCHEDULE)
    assert plan.advice == tuple(one for one in example.advice if one.kind in kinds)
    assert json.loads(to_json(plan)) == json.loads(kept.read_text())
    assert run(EXAMPLE, "--kind", "application", "-o", page).exit_code == 0
    assert "hub/delay-board-old" in page.read_text()


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("--kind", "magic"), "schedule"),
        (("--today", "soon"), "2026-01-31"),
        (("-o", "advice.txt"), ".html"),
    ],
)
def test_wrong_words_are_refused_with_what_is_accepted(words, remedy):
    error = run(EXAMPLE, *words).exception
    assert isinstance(error, UsageError)
    assert remedy in error.remedy


def test_a_silo_that_cannot_be_read_is_a_finding_and_exits_with_1(tmp_path):
    company = make_folders(tmp_path)
    whole = run(tmp_path, *TODAY, "--json")
    assert whole.exit_code == 0, whole.output
    (company.folders["nice"] / "bookings.csv").unlink()
    done = run(tmp_path, *TODAY, "--json")
    assert done.exit_code == 1
    plan = from_json(done.stdout)
    assert any(one.place == "nice" for one in plan.findings)


def test_names_that_steer_a_terminal_or_a_page_stay_text(tmp_path):
    company = make_folders(tmp_path)
    change(
        company.folders["nice"] / "silo.toml",
        "[[datasets]]",
        '[[applications]]\nid = "<script>alert(1)</script>"\ncalls = 0\nperiod = "30 d"\n'
        'energy = "9 kWh"\n[[datasets]]',
    )
    page = tmp_path / "advice.html"
    done = run(tmp_path, *TODAY, "-o", page)
    assert done.exit_code == 0, done.output
    assert "<script>alert(1)</script>" in done.stdout
    assert "<script>alert(1)" not in page.read_text()


def test_intensity_outside_of_the_folder_takes_leave(tmp_path):
    folder = tmp_path / "company"
    folder.mkdir()
    make_folders(folder)
    rows = ("start_utc,FR", "2096-10-02T00:00Z,50", "2096-10-02T01:00Z,9")
    (tmp_path / "hourly.csv").write_text("\n".join(rows))
    change(
        folder / "management.toml",
        "horizon",
        'intensity-files = { FR = "../hourly.csv" }\nhorizon',
    )
    (folder / "management.toml").write_text(
        (folder / "management.toml").read_text()
        + '[[jobs]]\nname = "night"\nsilos = ["nice"]\nduration = "1 h"\npower = "300 W"\n'
        "after = 2096-10-02T00:00:00Z\nbefore = 2096-10-02T02:00:00Z\n"
    )
    assert "outside" in str(run(folder, *TODAY).exception)
    done = run(folder, *TODAY, "--allow-outside", "--kind", "schedule", "--json")
    (advice,) = from_json(done.stdout).advice
    assert advice.recommended == "nice from 2096-10-02 01:00 UTC"
    # 0.3 kWh in a building of 1.4, at 9 instead of 50.
    assert advice.saving_g.value == pytest.approx(0.3 * 1.4 * (50 - 9), rel=1e-9)
