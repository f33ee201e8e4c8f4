"""Learning in the loop by methods: what is trained, sent, averaged and told."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.learning.codecs import decode
from footprint.learning.datasets import Dataset
from footprint.learning.local_steps import LocalSteps
from footprint.learning.method_rounds import MethodLearner, seeded_network
from footprint.model.method_costs import Kind
from footprint.model.methods import TrainingMethod
from footprint.scheduling.gradients import GradientSource
from footprint.simulation.learners import RoundWork, differentiable
from footprint.studies import cost_tables
from footprint.studies.cost_tables import losses_of, measure_costs

HOW = LocalSteps(batch_size=8, learning_rate=0.1)
HALF = TrainingMethod("half", width=0.5)
EIGHT = TrainingMethod("8-bit", scheme="top-diff", values="int8")
MASKED = TrainingMethod("masked", "emulated", 0.9, scheme="top-weights", mask_ratio=0.1)


def data(samples=48):
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=samples)
    images = rng.random((samples, 1, 8, 8)).astype(np.float32)
    return Dataset("noise", images, labels, images[:20], labels[:20])


def learner(seed=3):
    parts = [np.arange(0, 24), np.arange(24, 32), np.arange(32, 48)]
    return MethodLearner(data(), parts, partial(seeded_network, 1), HOW, seed=seed)


def work(units, methods=None, *, number=1, weights=None):
    clients = np.arange(len(units))
    return RoundWork(number, clients, np.array(units, float), weights, methods)


def test_no_method_and_plain_training_are_the_same_to_the_last_bit():
    one, two = learner(), learner()
    for number in (1, 2):
        said = one.train(work([3, 1, 2], number=number))
        told = two.train(work([3, 1, 2], (TrainingMethod("plain"),) * 3, number=number))
        assert said["loss"].tolist() == told["loss"].tolist()
    assert (one.vector == two.vector).all()


def test_every_client_trains_by_its_own_method():
    start, plain = learner(), learner()
    plain.train(work([2, 2, 2]))
    for method in (HALF, EIGHT, MASKED):
        mixed, alone = learner(), learner()
        mixed.train(work([2, 2, 2], (TrainingMethod(), method, TrainingMethod())))
        alone.train(work([2, 2, 2], (method,) * 3))
        moved = [one.vector - start.vector for one in (plain, mixed, alone)]
        # A third of the clients by another method is something between.
        apart = [float((one - moved[0]).norm()) for one in moved]
        assert 0 < apart[1] < apart[2]


def test_what_nobody_trained_stays():
    one = learner()
    before = one.vector.clone()
    one.train(work([2, 2, 2], (HALF,) * 3))
    share = float((one.vector != before).float().mean())
    # Half of the channels on both sides of a layer: 61,050 of 241,898 parameters may move.
    assert 0 < share <= 61_050 / 241_898


def test_who_did_no_whole_unit_has_the_model_that_there_was():
    one, two = learner(), learner()
    said = one.train(work([0.4, 2, 2]))
    assert np.isnan(said["loss"]).tolist() == [True, False, False]
    # As if it had answered with the model that it got: 24 of 48 samples did not move.
    two.train(work([0, 2, 2], weights=np.array([0.0, 8 / 24, 16 / 24])))
    start = learner().vector
    assert np.allclose(one.vector - start, 0.5 * (two.vector - start), atol=1e-6)
    nobody = learner()
    nobody.train(work([0, 0, 0]))
    assert (nobody.vector == start).all()


def test_gradients_of_what_was_sent_can_be_followed():
    one = learner()
    assert differentiable(one) is one
    start = one.vector.numpy().astype(float)
    one.train(work([1, 0, 1], (TrainingMethod(), HALF, HALF)))
    found = one.followed()
    assert found.shape[0] == 3
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()
    probes = one.gradients(np.array([0, 2]), GradientSource.FRESH)
    assert probes.shape == (2, found.shape[1])
    assert len(start) > 4096  # so they were shortened, alike
    assert found.shape[1] == 256


def test_an_accuracy_is_that_of_the_whole_model_or_of_a_method():
    one = learner()
    one.train(work([2, 2, 2], (HALF,) * 3))
    assert one.accuracy_as(TrainingMethod("whole")) == one.whole_accuracy()
    assert 0 <= one.accuracy_as(HALF) <= 1


@pytest.mark.parametrize("method", [HALF, MASKED])
def test_a_model_is_evaluated_as_all_have_trained_it(method):
    one = learner()
    for number in range(1, 9):
        one.train(work([6, 6, 6], (method,) * 3, number=number))
    # Trained on what it is tested on, so that the two evaluations differ.
    assert one.accuracy() == one.accuracy_as(method) != one.whole_accuracy()
    assert one.findings() == ()
    eight = replace(method, name="8-bit, too", values="int8")
    one.train(work([6, 6, 6], (method, eight, method), number=9))
    assert one.accuracy() == one.accuracy_as(method)  # the same part of the model
    one.train(work([6, 6, 6], (method, TrainingMethod("plain"), method), number=10))
    assert one.accuracy() == one.whole_accuracy()
    (said,) = one.findings()
    assert (said.code, "plain" in said.message) == ("mixed-accuracy", True)


def test_what_one_method_left_out_is_not_sent_by_another():
    fed = TrainingMethod("8-bit, fed back", scheme="top-diff", values="int8", feedback=True)
    forgetful = replace(fed, name="8-bit", feedback=False)
    other = TrainingMethod("16-bit, fed back", scheme="top-diff", values="float16", feedback=True)

    def after(*methods):
        one = learner()
        for number, method in enumerate(methods, start=1):
            one.train(work([2, 2, 2], (method,) * 3, number=number))
        return one.vector

    # The first round sends the same with feedback and without: there is nothing yet to feed back.
    assert (after(fed) == after(forgetful)).all()
    assert (after(fed, other) == after(forgetful, other)).all()
    assert (after(fed, fed) != after(forgetful, fed)).any()


def test_a_proximal_term_is_refused():
    with pytest.raises(UsageError, match="no proximal term"):
        MethodLearner(
            data(),
            [np.arange(4)],
            partial(seeded_network, 1),
            LocalSteps(proximal=0.1),
            seed=0,
        )


# --- measured costs ----------------------------------------------------------

ABOUT = dict.fromkeys(("network", "device", "conditions", "source"), "a test")


def test_bytes_are_those_of_the_encoder_and_times_are_measured():
    import torch

    inputs, labels = torch.rand(16, 1, 8, 8), torch.arange(16) % 10
    plain = TrainingMethod("plain")
    losses = {name: losses_of({0: 0.9, 1: 0.8}, {0: 0.85, 1: 0.8}) for name in ("half", "8-bit")}
    table = measure_costs(
        partial(seeded_network, 0),
        [plain, HALF, EIGHT],
        (inputs, labels),
        losses,
        about=ABOUT,
        turns=2,
    )
    half, eight = table["half"], table["8-bit"]
    # 61,050 of 241,898 parameters; a byte of four each, and the framing of both messages.
    assert half.up.value == pytest.approx(61_050 / 241_322, abs=1e-3)
    assert half.down == half.up
    assert eight.up.value == pytest.approx(0.25, abs=1e-3)
    assert eight.down.value == 1.0
    for cost in (half, eight):
        assert cost.time.kind is Kind.MEASURED
        assert cost.energy.kind is Kind.MODELLED_FROM_TIME
        assert 0 < cost.time.low <= cost.time.value <= cost.time.high
    assert half.loss.value == pytest.approx(2.5)
    assert half.loss.low < 0 < half.loss.high
    with pytest.raises(UsageError, match="what accuracy the method 'half' loses"):
        measure_costs(seeded_network, [plain, HALF], (inputs, labels), {}, about=ABOUT)


def test_costs_are_of_reading_the_message_too(monkeypatch):
    """As in a study, whose clients decode what was sent to them."""
    read = []
    monkeypatch.setattr(
        cost_tables, "decode", lambda *message: read.append(message) or decode(*message)
    )
    torch = pytest.importorskip("torch")
    inputs, labels = torch.rand(16, 1, 8, 8), torch.arange(16) % 10
    losses = {"half": losses_of({0: 0.9, 1: 0.8}, {0: 0.85, 1: 0.8})}
    methods = [TrainingMethod("plain"), HALF]
    measure_costs(
        partial(seeded_network, 0), methods, (inputs, labels), losses, about=ABOUT, turns=1
    )
    assert len({len(data) for data, _ in read}) == 2  # of the whole network, and of the half


def test_a_loss_needs_pairs_and_grows_with_the_share_that_trained_so():
    plain, other = {0: 0.9, 1: 0.8, 2: 0.7}, {1: 0.78, 2: 0.69, 3: 0.1}
    assert losses_of(plain, other).value == pytest.approx(1.5)
    assert losses_of(plain, other, share=0.5).value == pytest.approx(3.0)
    for wrong in ({1: 0.7}, {}):
        with pytest.raises(UsageError, match="no bounds"):
            losses_of(plain, wrong)
    with pytest.raises(UsageError, match="share of 0"):
        losses_of(plain, other, share=0.0)
