"""What a run of a study hands on from round to round, and what its figures are, by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from footprint.errors import JournalError
from footprint.journal import read_records
from footprint.learning.clients import MethodTrainer
from footprint.learning.codecs import decode
from footprint.learning.datasets import Dataset
from footprint.learning.servers import ServerKind, ServerOptimiser
from footprint.model import Activity, Basis, Journal, Metric, Phase, Role, Run
from footprint.model.methods import TrainingMethod
from footprint.studies import measures, worlds
from footprint.studies.manifest import read_study
from footprint.studies.plan import StopTable
from footprint.studies.runs import Record, run_method
from footprint.studies.worlds import build_world

ROOT = Path(__file__).parents[2] / "examples" / "studies"
DENSE = TrainingMethod("dense")
FED_BACK = TrainingMethod("fed back", sparsity=0.9, scheme="top-diff", mask_ratio=0, feedback=True)


def noise():
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(10), 12)
    images = rng.random((120, 1, 8, 8)).astype(np.float32)
    return Dataset("noise", images, labels, images[:20], labels[:20])


@pytest.fixture
def plan():
    whole = read_study(ROOT / "ok" / "digits.toml")
    few = {"clients": 3, "clients_per_round": 3, "rounds": 2, "seeds": 1, "target": None}
    training = replace(whole.training, rate=0.2, last_rate=0.05)
    data = replace(whole.data, samples=10, alpha=1000.0)
    return replace(whole, data=data, training=training, method=(DENSE,), stop=None, **few)


def run(plan, method, journal):
    return run_method(build_world(plan, noise(), 0), method, journal)


def watch(monkeypatch, name, note):
    """Let the trainers of a run work as they do, and note how they are called."""
    inner = getattr(MethodTrainer, name)

    def wrapped(self, *args, **options):
        found = inner(self, *args, **options)
        note(found, options)
        return found

    monkeypatch.setattr(MethodTrainer, name, wrapped)


def test_a_client_that_comes_back_gets_what_it_held_back(plan, tmp_path, monkeypatch):
    calls = []
    watch(monkeypatch, "answer", lambda answer, options: calls.append((answer, options)))
    run(plan, FED_BACK, tmp_path / "j")
    world = build_world(plan, noise(), 0)
    kept = dict(zip(world.chosen(1), (answer.residual for answer, _ in calls[-6:-3]), strict=True))
    assert [options["residual"] for _, options in calls[-6:-3]] == [None] * 3
    for client, (_, options) in zip(world.chosen(2), calls[-3:], strict=True):
        assert options["residual"] is kept[client]
    assert len({id(one) for one in kept.values()}) == 3


def test_rates_fall_round_by_round_from_the_first(plan, tmp_path, monkeypatch):
    rates = []
    watch(monkeypatch, "train", lambda _, options: rates.append(options["rate"]))
    run(plan, DENSE, tmp_path / "j")
    # The first call is the warm-up's. A quarter after two rounds is half after one.
    assert rates[-6:] == pytest.approx([0.2] * 3 + [0.1] * 3)


def test_clients_train_with_the_momentum_and_decay_of_the_manifest(plan):
    training = replace(plan.training, momentum=0.5, weight_decay=0.01)
    local = build_world(replace(plan, training=training), noise(), 0).trainer(DENSE).plan
    assert (local.momentum, local.weight_decay) == (0.5, 0.01)


def test_clients_take_turns_on_the_grids(plan, tmp_path):
    run(replace(plan, rounds=1), DENSE, tmp_path / "j")
    spans = [s for p in read_records([tmp_path / "j"]).processes for s in p.spans]
    zones = {span.actor: span.zone for span in spans if span.role is Role.CLIENT}
    assert zones == {"client-1": "FR", "client-2": "PL", "client-3": "FR"}


def test_fedadam_moves_no_running_statistics(plan, tmp_path, monkeypatch):
    def normalised(*_, seed, width=1.0):
        torch.manual_seed(seed)
        layers = (torch.nn.Linear(64, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 10))
        return torch.nn.Sequential(torch.nn.Flatten(), *layers)

    steps, step = [], ServerOptimiser.step

    def noted(self, before, average):
        steps.append((average, step(self, before, average)))
        return steps[-1][1]

    monkeypatch.setattr(worlds, "make_network", normalised)
    monkeypatch.setattr(ServerOptimiser, "step", noted)
    server = replace(plan.server, optimiser=ServerKind.ADAM, rate=0.01)
    run(replace(plan, server=server), DENSE, tmp_path / "j")
    assert len(steps) == 2
    for average, model in steps:
        assert np.array_equal(model["2.running_mean"], average["2.running_mean"])
        assert np.array_equal(model["2.running_var"], average["2.running_var"])
        assert not np.array_equal(model["1.weight"], average["1.weight"])


# --- figures -----------------------------------------------------------------


@pytest.fixture
def figures(plan, tmp_path, monkeypatch):
    """Make a run of six rounds, each of 1 kWh in one zone, with accuracies that are given."""
    run(plan, DENSE, tmp_path / "j")
    activities = [
        Activity(
            actor="client-1",
            role=Role.CLIENT,
            device=None,
            zone="FR",
            phase=Phase.TRAIN,
            round=number,
            start_s=1.7e9,
            duration_s=1.0,
            energy_kwh=1.0,
            energy_low_kwh=1.0,
            energy_high_kwh=1.0,
            data_gb=0.0,
            basis=Basis.DECLARED,
            tier=None,
            source="declared",
        )
        for number in range(1, 7)
    ]

    def make(accuracy, **changes):
        journal = Journal.of(Run(plan.name), activities)
        monkeypatch.setattr(measures, "read_journal", lambda _: journal)
        monkeypatch.setattr(measures, "whole_spans", lambda *_: [])
        shares = dict(enumerate(accuracy, start=1))
        record = Record(tmp_path / "j", shares, [10**9] * 6, [2 * 10**9] * 6)
        return measures.measure_run(replace(plan, rounds=6, **changes), 0, record).run

    return make


@pytest.mark.parametrize("place", [2, -4, -2, None])
def test_a_journal_that_lost_lines_gives_no_figures(place, plan, tmp_path):
    """Lines that a full disk swallowed would look like a saving."""
    record = run(plan, DENSE, tmp_path / "j")
    assert measures.measure_run(plan, 0, record).run.figures[Metric.EMISSIONS_G] > 0
    (file,) = record.journal.glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    spans = [number for number, line in enumerate(lines) if b'"type":"span"' in line]
    lost = range(spans[len(spans) // 2], len(lines)) if place is None else [spans[place]]
    file.write_bytes(b"".join(line for at, line in enumerate(lines) if at not in lost))
    with pytest.raises(JournalError, match="does not hold all of the run"):
        measures.measure_run(plan, 0, record)


def test_what_a_target_took_ends_where_it_was_reached(figures):
    # The mean of five evaluations is at 0.5 in round 5, and 0.6 after it.
    found = figures([0.3, 0.4, 0.5, 0.6, 0.7, 0.8], target=0.5)
    values = found.figures
    assert values[Metric.ROUNDS_TO_TARGET] == 5
    assert values[Metric.ENERGY_TO_TARGET_KWH] == pytest.approx(5.0)
    assert values[Metric.DATA_TO_TARGET_GB] == pytest.approx(15.0)
    assert (values[Metric.ENERGY_KWH], values[Metric.DATA_GB]) == pytest.approx((6.0, 18.0))
    share = values[Metric.EMISSIONS_TO_TARGET_G] / values[Metric.EMISSIONS_G]
    assert share == pytest.approx(5 / 6)


def test_the_stop_rule_takes_points_for_points(figures):
    accuracy = [0.1, 0.2, 0.3, 0.3, 0.3, 0.3]
    each_g = figures(accuracy).figures[Metric.EMISSIONS_G] / 6
    # Ten points a round at first, then none; the bar is at five.
    stop = StopTable(least_points_per_gram=5 / each_g, window=1, patience=1)
    assert figures(accuracy, stop=stop).stopped == (4, "rate")
    assert figures([0.1 * one for one in range(6)], stop=stop).stopped is None


# --- a trainer that serves client after client -------------------------------


def test_thresholds_are_those_of_the_model_that_was_received(plan):
    """The second client has another model, with smaller weights."""
    method = TrainingMethod("m", "emulated", 0.5)
    world = build_world(replace(plan, network=replace(plan.network, period=100)), noise(), 0)
    first = world.first
    other = {name: np.ascontiguousarray(array[::-1]) * 0.1 for name, array in first.items()}

    def serve(trainer, model):
        trainer.receive(model)
        trainer.train(*world.data(0), rate=0.1, rng=world.rng(1, 0))
        return trainer.answer(world.rng(1, 0)).encoded.data

    used = world.trainer(method)
    serve(used, first)
    assert serve(used, other) == serve(world.trainer(method), other)


def test_filters_are_those_of_the_model_that_was_received(plan):
    world = build_world(plan, noise(), 0)
    trainer = world.trainer(TrainingMethod("m", "filters", 0.5))
    other = {name: np.ascontiguousarray(array[::-1]) for name, array in world.first.items()}
    trainer.receive(other)
    trainer.train(*world.data(0), rate=0.1, rng=world.rng(1, 0))
    sent = decode(trainer.answer(world.rng(1, 0)).encoded.data, trainer.shapes)
    changed = np.abs(sent["3.weight"] - other["3.weight"]).sum(axis=(1, 2, 3)) > 0
    largest = np.argsort(np.abs(other["3.weight"]).sum(axis=(1, 2, 3)))[32:]
    assert set(np.flatnonzero(changed)) == set(largest)
