"""Runs of an audit that lie in a ledger: the same figures as from their journals."""

import shutil
from pathlib import Path

import pytest

from footprint.audit import read_deployment, state, verify
from footprint.errors import FootprintError, ManifestError
from footprint.ledger import Cause, Correction, Note, ingest, open_ledger, record, restate
from footprint.measurement.attribution import read_journal
from footprint.model import Journal
from tests.companies import company, total_g
from tests.ledger.samples import write_rows

JOURNALS = Path(__file__).parents[2] / "examples" / "company" / "journals"
ACTORS = {"lyon": "a"}


@pytest.fixture
def folder(tmp_path):
    """Give a folder with one journal, and a ledger of it."""
    shutil.copytree(JOURNALS / "noise-study-lyon", tmp_path / "journal")
    with open_ledger(f"sqlite:///{tmp_path / 'runs.db'}", create=True) as ledger:
        ingest(ledger, tmp_path / "journal")
    return tmp_path


def of_ledger(folder, **more):
    run = {"name": "r", "recorded": "noise-study-lyon", "ledger": "sqlite:///runs.db"}
    return company(folder, runs=[{**run, "actors": ACTORS, **more}])


def test_a_run_of_a_ledger_gives_what_its_journal_gives(folder):
    stated = state(read_deployment(of_ledger(folder)))
    runs = [{"name": "r", "journal": "journal", "actors": ACTORS}]
    expected = state(read_deployment(company(folder, runs=runs)))
    assert [t.name for t in stated.totals] == [t.name for t in expected.totals]
    for one, other in zip(stated.totals, expected.totals, strict=True):
        assert one.emissions_g.value == pytest.approx(other.emissions_g.value, rel=1e-12)
    *files, rows = stated.reproduce.inputs
    assert [f.sha256 for f in files] == [f.sha256 for f in expected.reproduce.inputs]
    assert rows.name == "sqlite:///runs.db, run noise-study-lyon"


def halve(folder):
    with open_ledger(f"sqlite:///{folder / 'runs.db'}") as ledger:
        restate(ledger, Correction({}, scale={"energy_kwh": 0.5}), Note(Cause.ERROR, "test"))


def test_a_correction_in_the_ledger_is_another_input(folder):
    path = of_ledger(folder)
    old = state(read_deployment(path))
    halve(folder)
    found = verify(old, state(read_deployment(path)))
    assert [one.place for one in found.unpinned] == [
        f"reproduce.inputs[{len(old.reproduce.inputs) - 1}].sha256"
    ]


def test_a_run_as_of_a_change_keeps_last_years_statement_to_the_digit(folder):
    path = of_ledger(folder, as_of=1)
    old = state(read_deployment(path))
    halve(folder)
    found = verify(old, state(read_deployment(path)))
    assert found.reproduced
    assert not found.recipe
    now = state(read_deployment(of_ledger(folder)))
    assert total_g(now, "location") < total_g(old, "location")


def test_a_silo_of_the_ledger_is_one_of_several(folder):
    known = read_journal(folder / "journal")
    again = Journal.of(known.run, list(known.activities()))
    alone = state(read_deployment(of_ledger(folder)))
    with open_ledger(f"sqlite:///{folder / 'runs.db'}") as ledger:
        record(ledger, again, silo="south")
    both = state(read_deployment(of_ledger(folder)))
    one = state(read_deployment(of_ledger(folder, recorded_silo="south")))
    energy_kwh = alone.total("scope 2 location").energy_kwh
    assert one.total("scope 2 location").energy_kwh == pytest.approx(energy_kwh)
    assert both.total("scope 2 location").energy_kwh == pytest.approx(2 * energy_kwh)


@pytest.mark.parametrize("part", [{"as_of": 1}, {"recorded": "x"}, {"recorded_silo": "x"}])
def test_what_is_of_ledgers_is_refused_elsewhere(tmp_path, part):
    path = company(tmp_path, lambda m: m["runs"][0].update(part))
    with pytest.raises(ManifestError, match=r"ledger"):
        read_deployment(path)


def test_a_run_that_is_not_in_the_ledger_is_named(folder):
    with pytest.raises(FootprintError, match="nobody"):
        state(read_deployment(of_ledger(folder, recorded="nobody")))


def test_one_run_under_two_names_is_found(folder):
    run = {"ledger": "sqlite:///runs.db", "recorded": "noise-study-lyon", "actors": ACTORS}
    path = company(folder, runs=[{"name": "one", **run}, {"name": "two", **run}])
    codes = {finding.code for finding in state(read_deployment(path)).findings}
    assert "run-twice" in codes


def test_a_run_of_a_ledger_without_a_change_is_found(folder):
    def codes(**more):
        return {one.code for one in state(read_deployment(of_ledger(folder, **more))).findings}

    assert "ledger-unpinned" in codes()
    assert "ledger-unpinned" not in codes(as_of=1)


@pytest.fixture
def table_of_runs(tmp_path):
    """Give a folder with a ledger of one table that holds two runs, one of two homes."""
    rows = (("x", "hq", "lyon", 10), ("x", "hq", "krakow", 20), ("x", "other", "lyon", 5))
    rows += (("y", "hq", "lyon", 40),)
    with open_ledger(f"sqlite:///{tmp_path / 'runs.db'}", create=True) as ledger:
        ingest(ledger, write_rows(tmp_path / "acts.csv", *rows))
    return tmp_path


def of_table(folder, *runs):
    """State what is recorded: (name, name in the ledger, silo there, address)."""
    tables = []
    for name, recorded, silo, *url in runs:
        run = {"name": name, "recorded": recorded, "as_of": 1, "silo": "a"}
        run["ledger"] = url[0] if url else "sqlite:///runs.db"
        tables.append(run if silo is None else run | {"recorded_silo": silo})
    statement = state(read_deployment(company(folder, runs=tables), outside=True))
    used = [line.activity for line in statement.lines if line.stage == "operation"]
    return sum(used), {one.code for one in statement.findings}, statement


def test_the_silo_of_a_run_is_its_home_and_not_where_an_activity_was(table_of_runs):
    for silo, energy_kwh in (("hq", 30), ("other", 5), (None, 35)):
        found, _, statement = of_table(table_of_runs, ("x", "x", silo))
        assert found == energy_kwh
        of = "" if silo is None else f" of {silo}"
        *_, rows = statement.reproduce.inputs
        assert rows.name == f"sqlite:///runs.db, run x{of}, as of change 1"
    with pytest.raises(FootprintError, match="no run 'x' in 'lyon'"):
        of_table(table_of_runs, ("x", "x", "lyon"))


def test_two_runs_of_one_table_are_two(table_of_runs):
    found, codes, _ = of_table(table_of_runs, ("x", "x", None), ("y", "y", None))
    assert found == 75
    assert "run-twice" not in codes
    found, codes, _ = of_table(table_of_runs, ("x", "x", "hq"), ("z", "x", "other"))
    assert found == 35
    assert "run-twice" not in codes


@pytest.mark.parametrize(
    ("silo", "url"),
    [("hq", "sqlite:///runs.db"), (None, "sqlite:///./runs.db"), ("hq", "sqlite:///link.db")],
)
def test_all_silos_of_a_run_and_one_of_them_are_the_same_records(table_of_runs, silo, url):
    (table_of_runs / "link.db").symlink_to(table_of_runs / "runs.db")
    _, codes, _ = of_table(table_of_runs, ("all", "x", None), ("one", "x", silo, url))
    assert "run-twice" in codes


def test_a_copy_of_a_ledger_is_the_same_records(table_of_runs):
    shutil.copy(table_of_runs / "runs.db", table_of_runs / "copy.db")
    _, codes, _ = of_table(table_of_runs, ("x", "x", "hq"), ("c", "x", "hq", "sqlite:///copy.db"))
    assert "run-twice" in codes
    _, codes, _ = of_table(table_of_runs, ("x", "x", None), ("c", "y", None, "sqlite:///copy.db"))
    assert "run-twice" not in codes


def test_a_journal_and_the_run_of_a_ledger_that_it_became_are_the_same_records(folder):
    runs = [
        {"name": "one", "journal": "journal", "actors": ACTORS},
        {"name": "two", "recorded": "noise-study-lyon", "ledger": "sqlite:///runs.db"}
        | {"actors": ACTORS, "as_of": 1},
    ]
    codes = {one.code for one in state(read_deployment(company(folder, runs=runs))).findings}
    assert "run-twice" in codes


def test_a_change_that_was_not_made_pins_no_statement(folder):
    with pytest.raises(FootprintError, match="no change 99: its last one is 1"):
        state(read_deployment(of_ledger(folder, as_of=99)))
