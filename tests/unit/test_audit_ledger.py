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
