"""The main job, with a target that is reached sooner."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import footprint as fp
from footprint.journal import read_records
from footprint.model import Access, ClientGroup, Study, Training
from footprint.scenarios import estimate_study

EXAMPLE = Path(__file__).parents[2] / "examples" / "federated_vs_centralised.py"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, EXAMPLE, "--output", folder, "--target", "0.8"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=True,
    )
    return folder, done.stdout


def test_it_ends_with_the_path_of_a_page(demo):
    folder, output = demo
    page = Path(output.splitlines()[-1])
    assert page == folder / "comparison.html"
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_both_runs_reached_the_target(demo):
    folder, _ = demo
    comparison = fp.read_document(folder / "comparison.json")
    for run in (comparison.baseline.run, comparison.candidate.run):
        assert run.results["accuracy"] >= 0.8
        assert "80%" in run.functional_unit


def test_its_results_say_that_places_and_devices_are_assumed(demo):
    folder, _ = demo
    for name in ("centralised.json", "federated.json"):
        found = {f.code: f.message for f in fp.read_document(folder / name).findings}
        assert "PL" in found["demonstration"]


def test_model_traffic_is_what_was_serialised(demo):
    """4,810 floats go to ten clients and back in every round."""
    folder, _ = demo
    federated = fp.read_document(folder / "federated.json")
    bytes_per_transfer = federated.data_gb * 1e9 / (federated.rounds * 10 * 2)
    assert 4 * 4810 < bytes_per_transfer < 4 * 4810 + 4000  # and the names of its tensors
    assert federated.clients == 10
    assert {c.zone for c in federated.contributions} == {"FR", "DE", "US", "PL"}


def test_nothing_of_the_process_is_lost(demo):
    """The energy of all accounts is that of the process, from its first to last edge."""
    folder, _ = demo
    (process,) = read_records([folder / "journal" / "federated"]).processes
    root = next(span for span in process.spans if span.parent is None)
    journal = fp.read_journal(folder / "journal" / "federated")
    reserved_s = sum(journal.columns["duration_s"])
    assert reserved_s == pytest.approx(root.duration_s, rel=1e-6)


def test_a_plan_of_what_was_measured_gives_what_was_measured(demo):
    """Fed with the demo's own times, powers and bytes, the planner finds its training."""
    folder, _ = demo
    journal = fp.read_journal(folder / "journal" / "federated")
    sums = {}
    for activity in journal.activities():
        of = sums.setdefault((activity.actor, activity.phase), {"s": 0.0, "kwh": 0.0, "gb": 0.0})
        of["s"] += activity.duration_s
        of["kwh"] += activity.energy_kwh or 0.0
        of["gb"] += activity.data_gb
    places = {a.actor: (a.zone, a.device) for a in journal.activities() if a.role == "client"}
    rounds = fp.build_inventory(journal).rounds
    groups = tuple(
        ClientGroup(
            name=name,
            zone=zone,
            device=device,
            power_w=sums[name, "train"]["kwh"] * 3.6e6 / sums[name, "train"]["s"],
            epoch_s=sums[name, "train"]["s"] / rounds,
            access=Access.DATACENTRE,
        )
        for name, (zone, device) in places.items()
    )
    sent_gb = sum(of["gb"] for (_, phase), of in sums.items() if phase == "download")
    training = Training(
        rounds=rounds,
        clients_per_round=len(groups),
        model_gb=sent_gb / rounds / len(groups),
        waiting=False,
    )
    year = time.gmtime(journal.columns["start_s"][0]).tm_year
    study = Study(
        name="demo",
        functional_unit="",
        year=year,
        clients=groups,
        training=training,
        network="fixed_core_access",
        draws=0,
    )
    planned = estimate_study(study)
    measured = fp.read_document(folder / "federated.json")

    def emitted(result, *, moved):
        return sum(
            c.emissions_g.value
            for c in result.contributions
            if c.role == "client"
            and (c.stage == "network" if moved else (c.stage, c.phase) == ("operation", "train"))
        )

    assert emitted(planned, moved=True) == pytest.approx(emitted(measured, moved=True), rel=0.01)
    assert emitted(planned, moved=False) == pytest.approx(emitted(measured, moved=False), rel=1e-6)
