"""Runs of an audit that lie in a ledger: the same figures as from their journals."""

import shutil
from pathlib import Path

import pytest

from footprint.audit import read_deployment, state
from footprint.errors import FootprintError
from footprint.ledger import ingest, open_ledger
from tests.companies import company

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
    assert [f.sha256 for f in stated.reproduce.inputs] == [
        f.sha256 for f in expected.reproduce.inputs
    ]


def test_a_run_that_is_not_in_the_ledger_is_named(folder):
    with pytest.raises(FootprintError, match="nobody"):
        state(read_deployment(of_ledger(folder, recorded="nobody")))


def test_one_run_under_two_names_is_found(folder):
    run = {"ledger": "sqlite:///runs.db", "recorded": "noise-study-lyon", "actors": ACTORS}
    path = company(folder, runs=[{"name": "one", **run}, {"name": "two", **run}])
    codes = {finding.code for finding in state(read_deployment(path)).findings}
    assert "run-twice" in codes
