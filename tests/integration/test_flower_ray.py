"""Twenty clients on Flower's own engine, under three strategies that know nothing of us."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import footprint as fp
from footprint.integrations.flower.sandbox import environment
from footprint.journal import read_records
from footprint.model import Phase, ReplyStatus, Role

CLIENTS, FAILING, ROUNDS = 20, 3, 2
STRATEGIES = ("fedavg", "fedadam", "median")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulation")
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.flower_on_ray", str(folder)],
        cwd=Path(__file__).parents[2],
        env=environment(folder / "flower-home"),
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def rows(folder):
    return [r for process in read_records([folder]).processes for r in process.reports]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_node_has_a_row_in_every_round(simulated, strategy):
    asked = Counter(
        (r.actor, r.round) for r in rows(simulated / strategy) if r.round and r.received_bytes
    )
    expected = [(f"client-{n}", number) for n in range(CLIENTS) for number in range(1, ROUNDS + 1)]
    assert asked == Counter(expected)
    failed = [r for r in rows(simulated / strategy) if r.status is ReplyStatus.ERROR]
    assert [(r.actor, r.round) for r in failed] == [(f"client-{FAILING}", 1)]


def test_the_failed_client_is_recovered(simulated):
    (late,) = [r for r in rows(simulated / STRATEGIES[0]) if r.status is ReplyStatus.LATE]
    assert (late.actor, late.round, late.phase) == (f"client-{FAILING}", 1, Phase.TRAIN)
    assert late.told.energy.kwh > 0


@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_a_second_training_takes_over_nothing_of_the_first(simulated, strategy):
    """The clients' ledgers go on; each server counts what happened under it.

    The first request to the failing client fails in each training. In a second one its
    next total holds all of the first, too, and cannot be split: what it used is not known.
    """
    told = [r for r in rows(simulated / strategy) if r.told]
    assert len(told) == CLIENTS * ROUNDS - 1
    assert ReplyStatus.LATE not in {r.status for r in told}
    journal = fp.read_journal(simulated / strategy)
    assert "client-record" not in {finding.code for finding in journal.findings}
    (finding,) = [f for f in journal.findings if f.code == "reply-error"]
    assert "is not known" in finding.message


def test_start_up_is_told_once_per_worker(simulated):
    told = [r.told for name in STRATEGIES for r in rows(simulated / name) if r.told]
    workers = {one.token for one in told if one.token}
    # That of a worker whose first message failed comes with a later one, and has no name.
    started = [one.token for one in told if one.setup is not None]
    assert len(started) == len(workers)
    assert {token for token in started if token} <= workers
    files = read_records([simulated / "clients"]).processes
    assert {process.process.token for process in files} == workers


def test_read_with_the_workers_journals_nothing_counts_twice(simulated):
    alone = fp.read_journal(simulated / "fedavg")
    both = fp.read_journal(simulated / "fedavg", simulated / "clients")
    assert "client-journal" in {finding.code for finding in both.findings}
    for journal in (alone, both):
        # Whose first message a worker had is chance: its start is the server's.
        setups = [a for a in journal.activities() if a.phase is Phase.SETUP and a.energy_kwh]
        assert {a.role for a in setups} <= {Role.SERVER}
    assert any(a.phase is Phase.SETUP for a in both.activities())
    places = {(a.actor, a.zone) for a in both.activities() if a.role is Role.CLIENT}
    assert places == {(f"client-{n}", "FR") for n in range(CLIENTS)}

    def told(journal):
        """Energy that comes from reports: its source names the device of the client."""
        return [a for a in journal.activities() if a.energy_kwh and a.source.endswith("/laptop")]

    assert len(told(alone)) >= CLIENTS * ROUNDS
    assert told(both) == []
    # The workers' journals hold what all three trainings did.
    work = [s for p in read_records([simulated / "clients"]).processes for s in p.spans]
    trained = [s for s in work if s.phase is Phase.TRAIN and s.round == 1]
    assert len(trained) == len(STRATEGIES) * CLIENTS


def test_a_page_is_written(simulated, tmp_path):
    assessment = fp.estimate(fp.build_inventory(fp.read_journal(simulated / "median")))
    assert assessment.run.architecture == "federated"
    page = fp.write_report(assessment, tmp_path / "page.html", assets="cdn")
    assert "client-19" in page.read_text()
