"""Studies: every method with every seed, measured; small, on the digits of scikit-learn."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from footprint.documents import from_json, to_json
from footprint.errors import DocumentError, UsageError
from footprint.journal import read_records
from footprint.learning.codecs import HEADER_BYTES
from footprint.learning.method_flops import count_work
from footprint.learning.networks import NetworkKind
from footprint.learning.partitions import even_partition
from footprint.learning.servers import ServerKind
from footprint.measurement.attribution import read_journal
from footprint.model import (
    FailedSeed,
    Journal,
    MethodCourse,
    MethodRun,
    Metric,
    Phase,
    Projection,
    Role,
    Tier,
)
from footprint.model.methods import TrainingMethod
from footprint.reporting.html import render_report
from footprint.reporting.studies import view_study
from footprint.reporting.study_savings import savings_of
from footprint.reporting.study_texts import study_remarks, study_verdict
from footprint.studies import measures, study
from footprint.studies.comparison import INTERRUPTED, compare_methods
from footprint.studies.manifest import read_study
from footprint.studies.measures import Measured
from footprint.studies.plan import StopTable
from footprint.studies.runs import Record, run_method
from footprint.studies.worlds import build_world, load_data

ROOT = Path(__file__).parents[2] / "examples" / "studies"
# What does not hang on the speed of this machine.
REPEATABLE = (
    Metric.ACCURACY,
    Metric.BEST_ACCURACY,
    Metric.LAST_ACCURACY,
    Metric.WHOLE_ACCURACY,
    Metric.UP_GB,
    Metric.DOWN_GB,
    Metric.TRAINING_MACS,
)
METHODS = (
    TrainingMethod("dense"),
    TrainingMethod("zero", "emulated", 0.0),
    TrainingMethod("masked", "emulated", 0.9, scheme="top-weights", mask_ratio=0.1),
    TrainingMethod("fed back", sparsity=0.9, scheme="top-diff", mask_ratio=0, feedback=True),
    TrainingMethod("half", width=0.5, values="int8", scheme="top-diff"),
)


@pytest.fixture(scope="module")
def plan():
    whole = read_study(ROOT / "ok" / "digits.toml")
    data = replace(whole.data, samples=20)
    few = {"clients": 4, "clients_per_round": 2, "rounds": 2, "seeds": 1, "target": None}
    return replace(whole, data=data, method=METHODS, **few)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study") / "journals"


@pytest.fixture(scope="module")
def result(plan, folder):
    return study.study_methods(plan, journals=folder)


def repeatable(result, name):
    (run,) = result.method(name).seeds
    return [run.figures[metric] for metric in REPEATABLE], run.course.accuracy


def test_the_same_seed_gives_the_same_in_whatever_order(plan, result):
    turned = study.study_methods(replace(plan, method=METHODS[:0:-2]))
    assert [one.name for one in turned.methods] == ["half", "masked"]
    for one in turned.methods:
        assert repeatable(turned, one.name) == repeatable(result, one.name)


def test_emulation_at_sparsity_0_is_the_dense_run(result):
    (*figures, macs), course = repeatable(result, "zero")
    (*expected, dense_macs), dense_course = repeatable(result, "dense")
    assert (figures, course) == (expected, dense_course)
    assert macs < dense_macs  # levels that are 0 anyway count as such


def test_the_parts_of_a_run_add_up_to_it(result):
    for one in result.methods:
        (run,) = one.seeds
        parts = [run.figures[m] for m in (Metric.COMPUTE_G, Metric.NETWORK_G, Metric.EMBODIED_G)]
        assert min(parts) > 0
        assert sum(parts) == pytest.approx(run.figures[Metric.EMISSIONS_G], rel=1e-9)
        ends = (run.course.emissions_g[-1], run.course.energy_kwh[-1], run.course.data_gb[-1])
        sums = [run.figures[m] for m in (Metric.EMISSIONS_G, Metric.ENERGY_KWH, Metric.DATA_GB)]
        assert ends == pytest.approx(sums, rel=1e-9)
        assert run.figures[Metric.TRAINING_CPU_S] <= run.figures[Metric.CPU_S]


def test_savings_count_all_that_clients_compute(result, folder):
    """Masks, rounding and encoding are part of what a method costs."""
    for place, one in enumerate(result.methods, start=1):
        at, figures = folder / f"method-{place}" / "seed-0", one.seeds[0].figures
        spans = [s for p in read_records([at]).processes for s in p.spans]
        spans = [s for s in spans if s.role is Role.CLIENT and s.phase is not Phase.UPLOAD]
        assert {span.phase for span in spans} == {"download", "train", "serialise"}
        cpu_s = sum(s.end["cpu.process_s"] - s.begin["cpu.process_s"] for s in spans)
        assert figures[Metric.TRAINING_CPU_S] == pytest.approx(cpu_s)
        lines = [one for one in read_journal(at).activities() if one.role is Role.CLIENT]
        energy_kwh = sum(one.energy_kwh or 0.0 for one in lines if one.phase is not Phase.IDLE)
        assert figures[Metric.TRAINING_KWH] == pytest.approx(energy_kwh, rel=1e-9)


def test_energy_that_nobody_knows_is_none(plan, folder, result, monkeypatch):
    at = folder / "method-1" / "seed-0"
    whole = read_journal(at)

    def lose(one):
        lost = (one.role, one.phase, one.round) == (Role.CLIENT, Phase.TRAIN, 1)
        bounds = dict.fromkeys(("energy_kwh", "energy_low_kwh", "energy_high_kwh"))
        return replace(one, **bounds) if lost else one

    torn = Journal.of(whole.run, [lose(one) for one in whole.activities()])
    monkeypatch.setattr(measures, "read_journal", lambda _: torn)
    record = Record(at, {1: 0.5, 2: 0.6}, [10, 10], [20, 20])
    monkeypatch.setattr(measures, "whole_spans", lambda *_: [])
    stop = StopTable(least_points_per_gram=0.0)
    run = measures.measure_run(replace(plan, target=0.1, stop=stop), 0, record).run
    assert (run.course.energy_kwh, run.course.emissions_g, run.stopped) == ((), (), None)
    unknown = (Metric.ENERGY_KWH, Metric.TRAINING_KWH, Metric.EMISSIONS_G, Metric.COMPUTE_G)
    assert [run.figures[metric] for metric in unknown] == [None] * 4
    assert run.figures[Metric.NETWORK_G] == result.methods[0].seeds[0].figures[Metric.NETWORK_G]
    bare = replace(plan, place=replace(plan.place, device=None))
    homeless = [replace(one, device=None) for one in whole.activities()]
    monkeypatch.setattr(measures, "read_journal", lambda _: Journal.of(whole.run, homeless))
    figures = measures.measure_run(bare, 0, record).run.figures
    assert figures[Metric.EMBODIED_G] is None
    assert figures[Metric.EMISSIONS_G] > 0


def test_bytes_of_the_journal_are_those_of_the_encoder(plan, result, folder):
    messages = plan.rounds * plan.clients_per_round
    for place, one in enumerate(result.methods, start=1):
        journal = read_journal(folder / f"method-{place}" / "seed-0")
        assert journal.total("data_gb") == pytest.approx(one.seeds[0].figures[Metric.DATA_GB])
    # A dense message: 4 bytes an entry, 5 a tensor, and its head.
    first = build_world(plan, load_data(plan), 0).first
    size = sum(4 * array.size + 5 for array in first.values()) + HEADER_BYTES
    dense = result.method("dense").seeds[0].figures
    assert dense[Metric.UP_GB] == dense[Metric.DOWN_GB] == pytest.approx(messages * size / 1e9)
    half = result.method("half").seeds[0].figures
    assert half[Metric.UP_GB] < half[Metric.DOWN_GB] / 3 < dense[Metric.DOWN_GB] / 9


def test_the_result_survives_its_file_and_shows_what_was_changed(result):
    text = to_json(result)
    assert from_json(text) == result
    document = json.loads(text)
    document["methods"][1]["spreads"][0]["mean"] += 1
    with pytest.raises(DocumentError, match="is not the mean of its seeds"):
        from_json(json.dumps(document))


def test_a_client_that_diverges_is_refused_and_said(plan):
    wild = replace(plan.training, rate=1e20, last_rate=1e20)
    found = study.study_methods(replace(plan, training=wild, method=METHODS[:1], rounds=1))
    (run,) = found.methods[0].seeds
    assert run.refused == plan.clients_per_round
    assert run.figures[Metric.UP_GB] == 0
    assert run.figures[Metric.DOWN_GB] > 0
    assert "client-diverged" in {finding.code for finding in found.findings}
    assert "2 answers by dense had diverged and do not count." in view_study(found).remarks


def test_the_server_of_the_manifest_makes_the_next_model(plan, result):
    adam = replace(plan.server, optimiser=ServerKind.ADAM, rate=0.01)
    found = study.study_methods(replace(plan, server=adam, method=METHODS[:1]))
    assert repeatable(found, "dense")[1] != repeatable(result, "dense")[1]


def test_a_target_that_nobody_reaches_does_not_decide(plan):
    runs = [{Metric.ACCURACY: share, Metric.EMISSIONS_TO_TARGET_G: None} for share in (0.5, 0.6)]
    found = made_up(plan, {"dense": runs, "half": runs[::-1]})
    assert found.deciding is Metric.ACCURACY
    assert "No method reaches an accuracy of 90" in study_verdict(found)


def test_a_busy_machine_is_said(plan):
    def codes(elapsed_s):
        runs = [{Metric.ELAPSED_S: elapsed_s, Metric.CPU_S: 2.0}]
        return {f.code: f.message for f in made_up(plan, {"dense": runs}).findings}

    assert "machine-busy" not in codes(2.1)
    assert "2.0 to 2.0 times their processor time" in codes(4.0)["machine-busy"]


def test_an_interruption_keeps_what_has_ended(plan):
    def stop(_job):
        raise KeyboardInterrupt

    found = study.study_methods(replace(plan, method=METHODS[:2], rounds=1), on_run=stop)
    assert [len(one.seeds) for one in found.methods] == [1, 0]
    assert [lost.message for lost in found.methods[1].failed] == [INTERRUPTED]
    assert study_verdict(found).startswith("Interrupted")


def test_each_seed_begins_with_another_method(plan):
    jobs = []
    three = replace(plan, method=METHODS[:3], rounds=1, seeds=2)
    study.study_methods(three, on_run=lambda job: jobs.append((job.method.name, job.seed)))
    names = ["dense", "zero", "masked"]
    turned = ["zero", "masked", "dense"]
    assert jobs == [*((name, 0) for name in names), *((name, 1) for name in turned)]


def test_a_run_that_breaks_leaves_the_others(plan, monkeypatch):
    run = study.run_method

    def sometimes(world, method, journal):
        if method.name == "zero":
            raise ZeroDivisionError("no luck")
        return run(world, method, journal)

    monkeypatch.setattr(study, "run_method", sometimes)
    found = study.study_methods(replace(plan, method=METHODS[:2], rounds=1))
    assert [len(one.seeds) for one in found.methods] == [1, 0]
    assert found.methods[1].failed == (FailedSeed(0, "ZeroDivisionError: no luck"),)
    with pytest.raises(Exception, match="method 'zero', seed 0: ZeroDivisionError: no luck"):
        study.study_methods(replace(plan, method=METHODS[1:2], rounds=1))


def test_journals_of_two_studies_are_not_added_up(plan, folder, result):
    with pytest.raises(UsageError, match="is no empty folder"):
        study.study_methods(plan, journals=folder)


# --- what is compared --------------------------------------------------------


def made_up(plan, figures, tiers=(Tier.E,)):
    """Study of runs whose figures are given by method and seed."""
    course = MethodCourse((1,), (0.5,), (1.0,), (1.0,), (1.0,))
    runs = {
        name: {
            seed: Measured(MethodRun(seed, values, course, tiers), (), ("v", "d" * 64))
            for seed, values in enumerate(by_seed)
        }
        for name, by_seed in figures.items()
    }
    methods = tuple(one for one in METHODS if one.name in figures)
    seeds = max(map(len, figures.values()))
    return compare_methods(replace(plan, method=methods, seeds=seeds, target=0.9), runs, {})


def test_methods_that_do_alike_are_in_no_order(plan):
    alike = [{Metric.ACCURACY: share} for share in (0.5, 0.6)]
    verdict = study_verdict(made_up(plan, {"dense": alike, "half": alike}))
    verdict = verdict.replace("\N{NO-BREAK SPACE}", " ")
    assert ", as half does, over 2 seeds (factors at central values)." in verdict
    assert "next" not in verdict


def test_a_busy_machine_is_said_beneath_the_headline(plan):
    def first_remark(elapsed_s):
        runs = [{Metric.ELAPSED_S: elapsed_s, Metric.CPU_S: 2.0, Metric.ACCURACY: 0.5}]
        return study_remarks(made_up(plan, {"dense": runs}))[:1]

    assert "Others used the machine" in str(first_remark(4.0))
    assert "Others" not in str(first_remark(2.1))


def test_a_projection_is_for_sparse_matrices(plan):
    one, other = ({Metric.TRAINING_KWH: 2.0, Metric.TRAINING_MACS: macs} for macs in (100.0, 20.0))
    told = replace(plan, projection=Projection("a chip", 0.5))
    found = made_up(told, {"dense": [one, one], "half": [other, other], "masked": [other, other]})
    assert savings_of(found, found.method("half")).projected is None
    assert savings_of(found, found.method("masked")).projected == pytest.approx(0.4)


def test_a_method_that_learnt_nothing_is_named(plan, tmp_path):
    data = load_data(plan)
    world = build_world(replace(plan, rounds=1), data, 0)
    record = run_method(world, METHODS[0], tmp_path / "j")
    most = np.bincount(data.test_labels).max() / len(data.test_labels)
    assert record.one_answer == most

    def told(accuracy):
        known = replace(record, accuracy={1: accuracy})
        found = measures.measure_run(replace(plan, rounds=1), 0, known)
        study = compare_methods(replace(plan, method=METHODS[:1]), {"dense": {0: found}}, {})
        return [one.message for one in study.findings if one.code == "nothing-learnt"]

    assert "'dense' (1 of 1 runs)" in told(most)[0]
    assert told(most + 0.01) == []


def test_survivors_are_not_compared(plan):
    goal, rounds = Metric.EMISSIONS_TO_TARGET_G, Metric.ROUNDS_TO_TARGET

    def runs(*emitted):
        return [{goal: g, rounds: None if g is None else 3.0} for g in emitted]

    found = made_up(plan, {"dense": runs(4.0, 6.0), "masked": runs(1.0, None)})
    assert found.deciding is goal
    masked = found.method("masked")
    assert (masked.mean(goal), masked.contrast(goal)) == (None, None)
    assert found.method("dense").mean(goal) == 5.0
    verdict = study_verdict(found).replace("\N{NO-BREAK SPACE}", " ")
    assert verdict.startswith("To an accuracy of 90 %, dense, the reference, emits 5.0 g")
    assert "the only one with a result" in verdict
    (said,) = [f.message for f in found.findings if f.code == "target-not-reached"]
    assert "'masked' reached an accuracy of 0.9 with 1 of 2 seeds" in said


def test_three_kinds_of_saving_stay_apart(plan):
    one = {Metric.TRAINING_KWH: 2.0, Metric.TRAINING_MACS: 100.0}
    other = {Metric.TRAINING_KWH: 3.0, Metric.TRAINING_MACS: 20.0}
    bare = replace(plan, projection=None)
    found = made_up(bare, {"dense": [one, one], "masked": [other, other]})
    savings = savings_of(found, found.method("masked"))
    assert savings.measured == pytest.approx(-0.5)
    assert savings.theoretical_flops == pytest.approx(0.8)
    assert savings.projected is None
    assert savings.realisation == pytest.approx(-0.5 / 0.8)
    assert savings.measured_as.value == "modelled_from_time"
    told = replace(plan, projection=Projection("a chip", 0.5))
    found = made_up(told, {"dense": [one, one], "masked": [other, other]}, (Tier.B,))
    savings = savings_of(found, found.method("masked"))
    assert savings.projected == pytest.approx(0.4)
    assert savings.measured == pytest.approx(-0.5)
    assert savings.measured_as.value == "measured"
    page = view_study(found)
    (table,) = [t for t in page.results if t.caption.startswith("Three kinds")]
    assert [cell.text for cell in table.rows[1]] == ["masked", "−50.0", "80.0", "40.0", "−0.62"]
    assert table.rows[1][0].sub == ("research, theoretical only",)


def test_a_page_names_the_sources_of_its_factors(result):
    ids = {term.id for term in result.terms}
    assert all(any(zone in one for one in ids) for zone in ("/FR", "/PL", "/DE"))
    quantities = {term.quantity for term in result.terms}
    assert quantities >= {"grid_intensity", "network_energy", "embodied", "lifespan"}
    (table,) = [one for one in view_study(result).settings if "factor" in one.caption]
    assert all(row[3].text for row in table.rows)


def test_a_page_names_what_is_emulated(result):
    page = render_report(result, assets="cdn")
    shown = page.partition('type="application/json" id="footprint-document"')[0]
    assert "masked (research, theoretical only)" in shown
    assert "dense (research" not in shown
    assert "half (research" not in shown


# --- the world ---------------------------------------------------------------


def test_clients_of_one_size_share_nothing():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, 500)
    parts = even_partition(labels, 10, 40, 0.1, rng)
    assert [len(part) for part in parts] == [40] * 10
    assert len(np.unique(np.concatenate(parts))) == 400
    even = even_partition(labels, 10, 40, 1000.0, rng)

    def largest_share(parts):
        return np.mean([np.bincount(labels[part], minlength=10).max() / 40 for part in parts])

    assert largest_share(even) < 0.3 < 0.5 < largest_share(parts)
    with pytest.raises(UsageError):
        even_partition(labels, 10, 51, 1.0, rng)


def test_theoretical_work_counts_what_kernels_did(plan):
    world = build_world(plan, load_data(plan), 0)

    def macs(method):
        trainer = world.trainer(method)
        trainer.receive(world.first)
        trainer.train(*world.data(0), rate=0.1, rng=world.rng(1, 0))
        return count_work(trainer, world.test[0][:1]).macs

    # Three passes over 20 images; of the layers for 8 x 8 levels, by hand.
    layers = [4 * 4 * 32 * 9, 2 * 2 * 64 * 32 * 9, 128 * 64 * 9, 128 * 128 * 9, 128 * 10]
    assert macs(TrainingMethod("dense")) == 3 * 20 * sum(layers)
    kept = layers[0] + sum(layers[1:4]) / 2 + layers[4]
    assert macs(TrainingMethod("filters", "filters", 0.5)) == pytest.approx(3 * 20 * kept)
    narrow = [layers[0] / 2, *(one / 4 for one in layers[1:4]), layers[4] / 2]
    assert macs(TrainingMethod("half", width=0.5)) == pytest.approx(3 * 20 * sum(narrow))
    sparse = macs(TrainingMethod("sparse", "emulated", 0.9))
    dense_part = layers[0] + layers[4]
    assert 3 * 20 * dense_part < sparse < 3 * 20 * (dense_part + 0.15 * sum(layers[1:4]))


def test_work_beside_the_training_is_counted_or_none(plan):
    training = replace(plan.training, momentum=0.5)
    network = replace(plan.network, kind=NetworkKind.SMALL, frozen_from=10_000)
    data = load_data(plan)

    def work(method, plan):
        world = build_world(plan, data, 0)
        trainer = world.trainer(method)
        trainer.receive(world.first)
        trainer.train(*world.data(0), rate=0.1, rng=world.rng(1, 0))
        return trainer, count_work(trainer, world.test[0][:1])

    plan = replace(plan, training=training)
    trainer, dense = work(TrainingMethod("dense"), plan)
    parameters = sum(one.numel() for one in trainer.module.parameters())
    assert dense.optimiser_macs == 2 * 2 * parameters  # two steps, each with its momentum
    assert (dense.compared, dense.evaluation_macs) == (0, None)
    assert dense.reduction_with_updates == 0.0
    _, sparse = work(TrainingMethod("sparse", "emulated", 0.9), plan)
    assert sparse.compared > 0
    assert sparse.evaluation_macs == 0.0
    assert 0 < sparse.reduction_with_updates < sparse.reduction
    _, filters = work(TrainingMethod("filters", "filters", 0.5), plan)
    assert filters.compared is None
    trainer, frozen = work(TrainingMethod("frozen", "frozen", 0.9), replace(plan, network=network))
    modules = dict(trainer.module.named_modules())
    linear = [name for name in trainer.layers if isinstance(modules[name], torch.nn.Linear)]
    weights = [modules[name].weight.numel() for name in linear]
    assert weights
    assert min(weights) >= 10_000
    dense_part = replace(plan, network=replace(network, frozen_from=None))
    _, whole = work(TrainingMethod("dense"), dense_part)
    # Of each layer three passes over 20 images at a tenth; updates of the kept tenth alone.
    kept = sum(-(-one // 10) for one in weights)
    assert whole.macs - frozen.macs == 3 * 20 * (sum(weights) - kept)
    assert whole.optimiser_macs - frozen.optimiser_macs == pytest.approx(4 * (sum(weights) - kept))


def test_a_first_model_is_the_same_for_all_methods_and_leaves_torch_alone(plan):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, other = (build_world(plan, load_data(plan), 3) for _ in range(2))
    assert torch.rand(1) == expected
    assert all(np.array_equal(one.first[name], other.first[name]) for name in one.first)
    assert one.chosen(4) == other.chosen(4)
