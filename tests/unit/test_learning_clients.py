"""One client under any method, the merge of mixed answers, and steps of the server."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from footprint.errors import DataError, UsageError
from footprint.learning.clients import LocalPlan, MethodTrainer, merge, train_client
from footprint.learning.codecs import decode
from footprint.learning.compression import aggregate
from footprint.learning.networks import FourConvolutions
from footprint.learning.servers import ServerOptimiser, decay_rate
from footprint.learning.states import arrays_of
from footprint.model.methods import TrainingMethod

PLAN = LocalPlan(batch_size=8)


def make(width=1.0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return FourConvolutions(width)


def small(width=1.0):
    """Three linear layers, the second and third large enough to freeze in a test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(64, 16),
            torch.nn.ReLU(),
            torch.nn.Linear(16, 16),
            torch.nn.ReLU(),
            torch.nn.Linear(16, 10),
        )


def data(count=20, size=8):
    generator = torch.Generator().manual_seed(5)
    return torch.rand(count, 1, size, size, generator=generator), torch.arange(count) % 10


def answer_of(method, network=make, *, plan=PLAN, seed=1, **options):
    trainer = MethodTrainer(network, method, plan)
    model = arrays_of(network())
    rng = np.random.default_rng(seed)
    return model, train_client(trainer, model, data(), rate=0.1, rng=rng, **options)


def read(answer):
    return decode(answer.encoded.data, answer.shapes)


def test_emulation_at_sparsity_0_is_dense_training_bit_for_bit():
    _, dense = answer_of(TrainingMethod("dense"))
    _, emulated = answer_of(TrainingMethod("zero", "emulated", 0.0))
    assert emulated.encoded.data == dense.encoded.data
    assert emulated.loss == dense.loss


def test_training_is_gradient_descent_with_momentum_and_decay():
    plan = LocalPlan(batch_size=20, momentum=0.5, weight_decay=0.1)
    method = TrainingMethod("m", local_epochs=3)
    _, answer = answer_of(method, small, plan=plan)
    module, (inputs, labels) = small(), data(20)
    velocity = [torch.zeros_like(one) for one in module.parameters()]
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(module(inputs), labels)
        gradients = torch.autograd.grad(loss, list(module.parameters()))
        with torch.no_grad():
            for one, gradient, moved in zip(module.parameters(), gradients, velocity, strict=True):
                moved.mul_(0.5).add_(gradient + 0.1 * one)
                one -= 0.1 * moved
    for name, array in arrays_of(module).items():
        assert read(answer)[name] == pytest.approx(array, abs=1e-6)


def test_emulation_trains_another_model_than_dense_training():
    _, dense = answer_of(TrainingMethod("dense"))
    _, sparse = answer_of(TrainingMethod("sparse", "emulated", 0.9))
    assert sparse.encoded.data != dense.encoded.data


def test_answers_of_one_scheme_are_merged_as_they_are_aggregated():
    method = TrainingMethod("m", "emulated", 0.9, scheme="diff-on-weights", mask_ratio=0.1)
    found = [answer_of(method, seed=seed) for seed in (1, 2)]
    model, answers = (
        found[0][0],
        [replace(one, samples=n) for (_, one), n in zip(found, (3, 7), strict=True)],
    )
    expected = aggregate("diff-on-weights", model, [read(one) for one in answers], [3, 7])
    merged = merge(model, answers)
    assert all(np.array_equal(merged[name], expected[name]) for name in model)


def test_mixed_answers_are_averaged_where_they_overlap():
    methods = [
        TrainingMethod("dense"),
        TrainingMethod("diff", scheme="top-diff", values="int8"),
        TrainingMethod("mask", "emulated", 0.9, scheme="top-weights", mask_ratio=0.1),
        TrainingMethod("half", width=0.5, scheme="top-diff"),
    ]
    weights = [1.0, 2.0, 3.0, 4.0]
    model = arrays_of(make())
    answers = [answer_of(method, seed=n)[1] for n, method in enumerate(methods)]
    merged = merge(model, answers, weights)
    for name, old in model.items():
        total, share = np.zeros(old.shape), np.zeros(old.shape)
        for answer, weight in zip(answers, weights, strict=True):
            block = tuple(slice(size) for size in answer.shapes[name])
            start = old[block].astype(float) if answer.scheme.sends_differences else 0.0
            total[block] += weight * (start + read(answer)[name])
            share[block] += weight
        assert merged[name] == pytest.approx(total / share, abs=1e-6)


def test_what_no_narrow_client_has_stays():
    model, half = answer_of(TrainingMethod("half", width=0.5))
    merged = merge(model, [half])
    kernel = "3.weight"
    outputs, inputs = half.shapes[kernel][:2]
    assert (outputs, inputs) == tuple(size // 2 for size in model[kernel].shape[:2])
    assert np.array_equal(merged[kernel][:outputs, :inputs], read(half)[kernel])
    assert np.array_equal(merged[kernel][outputs:], model[kernel][outputs:])
    assert np.array_equal(merged[kernel][:, inputs:], model[kernel][:, inputs:])


def test_dropped_filters_stay_as_they_were():
    model, answer = answer_of(TrainingMethod("filters", "filters", 0.5))
    change = np.abs(read(answer)["3.weight"] - model["3.weight"]).sum(axis=(1, 2, 3))
    assert (change == 0).sum() == 32
    smallest = np.argsort(np.abs(model["3.weight"]).sum(axis=(1, 2, 3)))[:32]
    assert set(np.flatnonzero(change == 0)) == set(smallest)


def test_a_frozen_support_leaves_dropped_weights_and_the_module_as_they_were():
    plan = LocalPlan(batch_size=8, least_weights=200)
    method = TrainingMethod("frozen", "frozen", 0.9)
    model, answer = answer_of(method, small, plan=plan)
    sent = read(answer)["3.weight"]
    changed = sent != model["3.weight"]
    assert 0 < changed.sum() <= 26  # a tenth of 256, rounded up
    trainer = MethodTrainer(small, method, plan)
    assert [type(layer) for layer in trainer.module] == [type(layer) for layer in small()]


def test_layers_that_are_named_dense_are_never_frozen():
    plan = LocalPlan(batch_size=8, least_weights=1)
    method = TrainingMethod("frozen", "frozen", 0.9)
    model, answer = answer_of(method, small, plan=plan)
    for name, share in (("1.weight", 0.2), ("3.weight", 0.0), ("5.weight", 0.2)):
        changed = (read(answer)[name] != model[name]).mean()
        assert changed > share
        assert (changed <= 0.11) == (name == "3.weight"), name


def test_a_frozen_model_is_evaluated_with_its_kept_weights_unless_told_otherwise():
    plan = LocalPlan(batch_size=8, least_weights=200)
    trainer = MethodTrainer(small, TrainingMethod("frozen", "frozen", 0.9), plan)
    model, (inputs, _) = arrays_of(small()), data()
    with torch.no_grad():
        with trainer.as_trained(model) as module:
            kept = module(inputs)
        with trainer.as_trained(model, whole=True) as module:
            assert torch.equal(module(inputs), small()(inputs))
    assert not torch.allclose(kept, small()(inputs))


@pytest.mark.parametrize("path", ["emulated", "filters"])
def test_an_evaluation_with_all_weights_leaves_the_method_as_it_was(path):
    trainer = MethodTrainer(make, TrainingMethod("m", path, 0.5), PLAN)
    model, (inputs, _) = arrays_of(make()), data()

    def logits(**options):
        with torch.no_grad(), trainer.as_trained(model, **options) as module:
            return module(inputs)

    first = logits()
    assert torch.equal(logits(whole=True), make().eval()(inputs))
    assert torch.equal(logits(), first)
    assert not torch.allclose(first, logits(whole=True))


def test_feedback_sends_later_what_it_held_back():
    method = TrainingMethod(
        "fed back", "dense", 0.95, scheme="top-diff", mask_ratio=0, feedback=True
    )
    model, first = answer_of(method)
    trained = read(first)
    _, plain = answer_of(TrainingMethod("all", scheme="top-diff"))
    whole = read(plain)
    for name in model:
        assert trained[name] + first.residual[name] == pytest.approx(whole[name], abs=1e-7)
    _, again = answer_of(method, residual=first.residual)
    assert not np.array_equal(read(again)["6.weight"], trained["6.weight"])


def test_a_client_that_diverges_sends_nothing():
    trainer = MethodTrainer(make, TrainingMethod("m"), PLAN)
    trainer.receive(arrays_of(make()))
    trainer.train(*data(), rate=float("inf"), rng=np.random.default_rng(1))
    with pytest.raises(DataError, match="has diverged"):
        trainer.answer(np.random.default_rng(1))


def test_steps_go_on_with_the_next_pass():
    trainer = MethodTrainer(make, TrainingMethod("m", local_epochs=2), PLAN)
    trainer.receive(arrays_of(make()))
    rng = np.random.default_rng(1)
    trainer.train(*data(20), rate=0.1, rng=rng)
    assert (trainer.steps, trainer.images) == (6, 40)
    trainer.train(*data(20), rate=0.1, rng=rng, steps=4)
    assert (trainer.steps, trainer.images) == (10, 40 + 20 + 8)
    assert np.isnan(trainer.train(*data(20), rate=0.1, rng=rng, steps=0))


def test_the_way_down_carries_what_is_trained_and_nothing_else():
    model = arrays_of(make())
    half = MethodTrainer(make, TrainingMethod("half", width=0.5), PLAN)
    sent = decode(half.encode_model(model).data, half.shapes)
    assert all(
        np.array_equal(sent[name], model[name][tuple(slice(size) for size in shape)])
        for name, shape in half.shapes.items()
    )
    sparse = {
        name: np.where(np.arange(a.size).reshape(a.shape) % 20, 0, a) for name, a in model.items()
    }
    trainer = MethodTrainer(make, TrainingMethod("all"), PLAN)
    assert len(trainer.encode_model(sparse).data) < len(trainer.encode_model(model).data) / 5


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(UsageError, match="has none"):
        MethodTrainer(
            lambda _: torch.nn.Linear(2, 2),
            TrainingMethod("m", sparsity=0.9, scheme="top-diff", mask_ratio=0),
            PLAN,
        )
    with pytest.raises(UsageError, match="1,000,000 weights"):
        MethodTrainer(make, TrainingMethod("m", "frozen", 0.9), PLAN)
    trainer = MethodTrainer(make, TrainingMethod("m"), PLAN)
    with pytest.raises(UsageError, match="no model"):
        trainer.train(*data(), rate=0.1, rng=np.random.default_rng(1))
    trainer.receive(arrays_of(make()))
    with pytest.raises(UsageError, match="without samples"):
        trainer.train(*data(0), rate=0.1, rng=np.random.default_rng(1))


def test_a_merge_needs_answers_and_weights():
    model, answer = answer_of(TrainingMethod("m"))
    for answers, weights in ([], None), ([answer], [0.0]), ([answer], [1.0, 1.0]):
        with pytest.raises(UsageError, match="cannot be averaged"):
            merge(model, answers, weights)
    torn = replace(answer, encoded=replace(answer.encoded, data=answer.encoded.data[:-1]))
    with pytest.raises(DataError):
        merge(model, [torn])


def test_fedadam_takes_the_steps_of_its_algorithm():
    server = ServerOptimiser("adam", rate=0.5)
    before = {"w": np.array([1.0, -2.0], dtype=np.float32)}
    # By hand: m = 0.1 d; v = 0.99e-6 + 0.01 d^2; w = 1 + 0.5 m / (sqrt(v) + 0.001).
    first = server.step(before, {"w": np.array([1.1, -2.0], dtype=np.float32)})
    assert first["w"] == pytest.approx([1.0 + 0.5 * 0.01 / (np.sqrt(0.99e-6 + 1e-4) + 1e-3), -2.0])
    # A second round without any change moves on by the momentum.
    second = server.step(first, first)
    step = 0.5 * 0.009 / (np.sqrt(0.99 * (0.99e-6 + 1e-4)) + 1e-3)
    assert second["w"] == pytest.approx([first["w"][0] + step, -2.0])


def test_fedadam_takes_the_mean_of_what_no_gradient_moves():
    server = ServerOptimiser("adam", averaged=frozenset({"running_var"}))
    before = {"running_var": np.array([0.01], dtype=np.float32)}
    average = {"running_var": np.array([0.5], dtype=np.float32)}
    assert server.step(before, average)["running_var"] == 0.5


def test_the_mean_is_the_next_model():
    average = {"w": np.array([1.5], dtype=np.float32)}
    assert ServerOptimiser().step({"w": np.zeros(1, np.float32)}, average)["w"] == 1.5


def test_rates_fall_from_start_to_end():
    rates = [decay_rate(0.1, 0.01, number, 4) for number in range(5)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[4] == pytest.approx(0.01)
    steps = [after / before for before, after in pairwise(rates)]
    assert steps == pytest.approx([10**-0.25] * 4)
    with pytest.raises(UsageError):
        decay_rate(0.1, 0.0, 1, 4)
