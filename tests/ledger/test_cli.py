"""`footprint ledger` on the command line."""

import csv
import json
import sys

import pytest

from footprint import ledger as library
from footprint.cli import ledger as command
from footprint.cli import main
from footprint.ledger.schema import SCHEMA_VERSION
from tests.ledger.samples import random_journal, span, write_journal, write_table


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """The command in this process; gives what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*words, code=0):
        monkeypatch.setattr(sys, "argv", ["footprint", *map(str, words)])
        found = main._run()
        printed = capsys.readouterr()
        assert (found or 0) == code, printed.err
        return printed.err if code else printed.out

    return call


def test_from_journals_to_an_estimate(run, tmp_path, url, monkeypatch):
    monkeypatch.setenv("FOOTPRINT_LEDGER", url)
    write_journal(tmp_path / "runs/a.jsonl", span(1), span(2, zone=None))
    assert f"schema {SCHEMA_VERSION}, 0 runs" in run("ledger", "init")
    (result,) = json.loads(run("ledger", "ingest", "runs", "--silo", "lyon", "--json"))
    assert (result["outcome"], result["silo"], result["files"]) == ("added", "lyon", 1)
    assert "unchanged" in run("ledger", "ingest", "runs")
    (listed,) = json.loads(run("ledger", "runs", "--json"))
    assert listed["activities"] == result["activities"]
    assert "lyon" in run("ledger", "runs")
    rows = json.loads(run("ledger", "query", "--by", "zone", "--where", "phase=train", "--json"))
    assert [row["zone"] for row in rows] == ["FR", None]
    assert "not known" in run("ledger", "query", "--by", "zone")
    done = run("ledger", "restate", "--where", "zone=", "--set", "zone=PL", "--cause", "error")
    assert "zone: not known -> PL" in done
    run("ledger", "restate", "--where", "zone=PL", "--set", "silo=krakow", "--cause", "error")
    assert "lyon (activities in krakow, lyon)" in run("ledger", "runs")
    assert "cause: error" in run("ledger", "history", "digits")
    corrected = ["--where", "zone=PL", "--where", "phase=train"]
    (row,) = json.loads(run("ledger", "query", *corrected, "--json"))
    assert row["energy_kwh"] == rows[1]["energy_kwh"]
    estimate = json.loads(run("estimate", "digits", "--from", "ledger", "--draws", 100, "--json"))
    assert "restated" in [finding["code"] for finding in estimate["findings"]]
    assert estimate["run"]["name"] == "digits"
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        told = json.loads(run("ledger", "export", "-o", name, "--json"))
        assert told == {"file": name, "activities": listed["activities"]}
    with (tmp_path / "out.csv").open() as file:
        assert {row["zone"] for row in csv.DictReader(file)} == {"FR", "PL"}
    then = ["estimate", "digits", "--from", "ledger", "--draws", 100, "--json"]
    assert "No grid zone is known" in run(*then, "--as-of", 1, code=2)
    assert json.loads(run(*then, "--as-of", 2))["contributions"] == estimate["contributions"]
    assert "Only a ledger" in run("estimate", "runs", "--as-of", 1, code=2)
    run("ledger", "withdraw", "digits", "--cause", "structure")
    state = json.loads(run("ledger", "status", "--json"))
    assert (state["runs"], state["activities"], state["schema"]) == (0, 0, SCHEMA_VERSION)
    assert "superseded" in run("ledger", "status")


def test_moments_and_changes_choose_activities(run, tmp_path, sqlite_ledger):
    url = f"sqlite:///{tmp_path}/ledger.db"
    journal = random_journal(100, 1)
    library.record(sqlite_ledger, journal)
    starts = journal.columns["start_s"]
    period = ["--since", "2025-01-01", "--until", "2026-01-01T01:00+01:00"]
    rows = json.loads(run("ledger", "query", *period, "--url", url, "--json"))
    expected = sum(1735689600 <= start < 1767225600 for start in starts)
    assert rows[0]["activities"] == expected > 0
    months = json.loads(run("ledger", "query", "--by", "month", "--url", url, "--json"))
    assert sum(row["activities"] for row in months if row["month"] // 100 == 2025) == expected
    run("ledger", "query", "--by", "month", "-o", "t.csv", "--url", url)
    assert (tmp_path / "t.csv").read_text().startswith("month,activities,")
    scaled = ["--where=run=table", "--scale=energy_kwh=2", "--cause=method"]
    run("ledger", "restate", *scaled, "--url", url)
    now, then = (
        json.loads(run("ledger", "query", *options, "--url", url, "--json"))[0]["energy_kwh"]
        for options in ((), ("--as-of", 1))
    )
    assert now == pytest.approx(2 * then)


def test_errors_say_what_to_do(run, tmp_path):
    assert "footprint ledger init" in run("ledger", "status", code=3)
    run("ledger", "init")
    for words, code, message in (
        (["query", "--by", "fish"], 2, "Use some of"),
        (["query", "--where", "zone"], 2, "KEY=VALUE"),
        (["query", "--since", "soon"], 2, "is no date"),
        (["restate", "--where=zone=FR", "--set=zone=DE", "--cause=whim"], 2, "Unknown cause"),
        (["restate", "--where=zone=FR", "--scale=energy_kwh=x", "--cause=error"], 2, "a number"),
        (["restate", "--where=zone=FR", "--set=zone=DE", "--cause=error"], 3, "No activity"),
        (["withdraw", "x", "--cause", "error"], 3, "holds no run 'x'"),
        (["ingest", "nowhere"], 3, "no journal at nowhere"),
        (["export", "-o", "x.csv"], 3, "nothing was written"),
        (["export", "-o", "x.xls"], 2, "ends in none of"),
        (["status", "--url", "postgresql://u:geheim@127.0.0.1:1/d"], 3, "cannot be used"),
    ):
        told = run("ledger", *words, code=code)
        assert message in told, words
        assert "geheim" not in told
    assert not list(tmp_path.glob("*x.csv*"))
    assert "ledger" in run("estimate", "x", "--from", "fish", code=2)


def test_names_are_printed_as_they_are(run, tmp_path):
    evil = "[red]x[/red]<b>'; --"
    steering = "x\x1b[2Jy"
    run("ledger", "init")
    run("ledger", "ingest", write_table(tmp_path / "t.csv", random_journal(4)), "--run", evil)
    assert evil in run("ledger", "runs")
    assert evil in run("ledger", "query", "--by", "run")
    assert evil in run("ledger", "history")
    journal = write_journal(tmp_path / "a.jsonl", span(1), run=steering)
    told = run("ledger", "ingest", journal) + run("ledger", "runs") + run("ledger", "history")
    assert "x [2Jy" in told
    assert "\x1b" not in told


def test_the_command_knows_the_library():
    assert command.DEFAULT_URL == library.DEFAULT_URL
    assert command.CAUSES.replace(" or ", ", ") == ", ".join(library.Cause)
