"""Learning in the loop of a simulation: what is trained, averaged and told."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from footprint.errors import DataError, UsageError
from footprint.learning.datasets import Dataset, load_digits, read_images
from footprint.learning.local_steps import LocalSteps, VectorModel
from footprint.learning.models import ModelKind, make_model
from footprint.learning.partitions import dirichlet_partition, quantity_partition
from footprint.learning.rounds import SHORT, TorchLearner, digits_learner
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.policies import make_policy
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.learners import RoundWork, accuracy_of, differentiable
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

HOW = LocalSteps(batch_size=8, learning_rate=0.5)


def blobs(samples=60, classes=3, seed=0):
    """Images of 4 x 4 whose brightest quarter is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=2 * samples)
    images = 0.3 * rng.random((2 * samples, 1, 4, 4))
    images[np.arange(2 * samples), 0, labels, labels] += 0.7
    images = images.astype(np.float32)
    return Dataset("blobs", images[:samples], labels[:samples], images[samples:], labels[samples:])


def learner(kind=ModelKind.SOFTMAX, parts=None, how=HOW, *, seed=3, **options):
    data = blobs()
    parts = parts or [np.arange(0, 30), np.arange(30, 35), np.arange(35, 60)]
    module = make_model(kind, data.shape, data.classes, seed=seed)
    return TorchLearner(data, parts, module, how, seed=seed, **options)


def work(units, clients=None, *, number=1, weights=None):
    units = np.array(units, dtype=float)
    clients = np.arange(len(units)) if clients is None else np.array(clients)
    return RoundWork(number, clients, units, weights)


def softmax_gradient(vector, inputs, labels, classes):
    """By hand: X' (p - y) / n."""
    flat = inputs.reshape(len(inputs), -1).astype(float)
    matrix = vector[: classes * flat.shape[1]].reshape(classes, -1)
    scores = flat @ matrix.T + vector[classes * flat.shape[1] :]
    chance = np.exp(scores - scores.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    loss = -np.log(chance[np.arange(len(labels)), labels])
    chance[np.arange(len(labels)), labels] -= 1
    return np.concatenate([(chance.T @ flat).ravel(), chance.sum(axis=0)]) / len(labels), loss


def test_a_step_on_all_data_is_the_one_of_the_formula():
    one = learner(parts=[np.arange(6), np.arange(6, 60)], how=LocalSteps(54, 0.5))
    data = blobs()
    start = one.vector.numpy().astype(float)
    told = one.train(work([1.0, 1.0]))
    moved = np.zeros_like(start)
    for client, part in enumerate((np.arange(6), np.arange(6, 60))):
        gradient, loss = softmax_gradient(start, data.inputs[part], data.labels[part], 3)
        assert one.followed()[client] == pytest.approx(gradient, abs=1e-6)
        assert told["loss"][client] == pytest.approx(loss.mean(), rel=1e-5)
        utility = len(part) * np.sqrt((loss**2).mean())
        assert told["utility"][client] == pytest.approx(utility, rel=1e-5)
        moved -= 0.5 * gradient * len(part) / 60
    assert one.vector.numpy() == pytest.approx(start + moved, abs=1e-6)


@pytest.mark.parametrize("kind", ModelKind)
def test_fresh_gradients_are_those_of_the_current_model(kind):
    one = learner(kind)
    one.train(work([3.0, 1.0, 2.0]))
    found = one.gradients(np.array([2, 0]), GradientSource.FRESH)
    for row, part in zip(found, (np.arange(35, 60), np.arange(0, 30)), strict=True):
        # Against differences of the loss along some directions.
        model = VectorModel(make_model(kind, (1, 4, 4), 3, seed=3))
        inputs, labels = torch.from_numpy(blobs().inputs[part]), blobs().labels[part]

        def loss(vector, model=model, inputs=inputs, labels=labels):
            logits = model.logits(vector, inputs.double())
            return float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels)))

        middle = one.vector.double()
        for direction in torch.from_numpy(np.random.default_rng(0).normal(size=(3, len(middle)))):
            slope = (loss(middle + 1e-5 * direction) - loss(middle - 1e-5 * direction)) / 2e-5
            assert row @ direction.numpy() == pytest.approx(slope, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("how", [HOW, replace(HOW, proximal=0.7)])
def test_many_clients_at_once_are_trained_as_one_by_one(how):
    together, alone = learner(ModelKind.MLP, how=how), learner(ModelKind.MLP, how=how)
    assert alone._model.stackable
    alone._model.stackable = False
    for number in (1, 2):
        units = [4.0, 1.0, 2.7]
        one = together.train(work(units, number=number))
        two = alone.train(work(units, number=number))
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)
    assert together.vector.numpy() == pytest.approx(alone.vector.numpy(), abs=1e-5)
    assert not learner(ModelKind.CNN)._model.stackable


def test_the_known_gradient_is_the_one_that_torch_finds():
    """Also with batches that are filled up: 5 samples of 8."""
    known = learner()
    data, layer = blobs(), make_model(ModelKind.SOFTMAX, (1, 4, 4), 3, seed=0)[1]
    parts = [np.arange(0, 30), np.arange(30, 35), np.arange(35, 60)]
    module = torch.nn.Sequential(torch.nn.Flatten(), layer, torch.nn.Identity())
    found = TorchLearner(data, parts, module, HOW, seed=3)
    for number in (1, 2):
        told = [one.train(work([3.0, 2.0, 1.0], number=number)) for one in (known, found)]
        for name in ("loss", "utility"):
            assert told[0][name] == pytest.approx(told[1][name], rel=1e-5)
    assert known.vector.numpy() == pytest.approx(found.vector.numpy(), abs=1e-5)


def test_only_whole_units_are_trained():
    one, two = learner(), learner()
    told = one.train(work([2.999, 0.5, 1 - 1e-12]))
    two.train(work([2.0, 1.0], [0, 2]))
    assert np.isnan(told["loss"]).tolist() == [False, True, False]
    assert np.isnan(one.followed()).all(axis=1).tolist() == [False, True, False]
    # Who did nothing has the model that it was given, and its samples weigh as well.
    assert one.vector.numpy() == pytest.approx(two.vector.numpy() * 55 / 60, abs=1e-6)


def test_the_proximal_term_holds_clients_back():
    free, held = learner(), learner(how=replace(HOW, proximal=1.5))
    for one in (free, held):
        one.train(work([20.0, 20.0, 20.0]))
    assert held.vector.norm() < 0.8 * free.vector.norm()
    # The first step begins at the global model, so the term is nothing there.
    first = [learner(), learner(how=replace(HOW, proximal=1.5))]
    for one in first:
        one.train(work([1.0, 1.0, 1.0]))
    assert first[0].vector.numpy() == pytest.approx(first[1].vector.numpy())


def test_weights_of_a_scheduler_are_taken_as_they_are():
    """U-FedAvg: with weights of 1 / (K pi) the mean over all draws is the update of everybody."""
    everybody = learner()
    everybody.train(work([2.0, 2.0, 2.0], weights=np.full(3, 1 / 3)))
    shares = np.array([0.5, 0.25, 1.0])
    mean = torch.zeros_like(everybody.vector)
    for drawn in range(8):
        members = np.flatnonzero([drawn & 1, drawn & 2, drawn & 4])
        chance = np.where(np.isin(np.arange(3), members), shares, 1 - shares).prod()
        one = learner()
        one.train(work([2.0] * len(members), members, weights=1 / (3 * shares[members])))
        mean += chance * one.vector
    assert mean.numpy() == pytest.approx(everybody.vector.numpy(), abs=1e-6)


def test_the_same_seed_trains_the_same_model_whoever_else_is_there():
    runs = []
    for seed in (1, 1, 2):
        one = learner(ModelKind.CNN, seed=seed)
        for number in (1, 2, 3):
            one.train(work([2.0, 1.0, 2.0], number=number))
        runs.append(one.vector.numpy())
    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()
    alone, beside = learner(), learner()
    alone.train(work([3.0], [2]))
    beside.train(work([3.0, 3.0], [0, 2]))
    assert alone.followed()[0] == pytest.approx(beside.followed()[1], abs=1e-6)


@pytest.mark.parametrize("kind", ModelKind)
def test_models_do_not_hang_on_the_threads_of_torch(kind):
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            one = digits_learner(20, seed=1, model=kind, how=LocalSteps(learning_rate=0.3))
            for number in range(1, 4):
                one.train(work([10] * 20, number=number))
            fresh = one.gradients(np.arange(20), GradientSource.FRESH)
            found.append((one.vector, torch.from_numpy(fresh), one.accuracy()))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0][0], found[1][0])
    # Long ones are shortened by a product of matrices, which is not torch's.
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-9)
    assert found[0][2] == found[1][2]


def test_rounds_in_which_nobody_counts_change_nothing():
    one = learner()
    before = one.vector.clone()
    told = one.train(work([]))
    assert {name: values.shape for name, values in told.items()} == {"loss": (0,), "utility": (0,)}
    assert (one.vector == before).all()
    nobody = one.gradients(np.zeros(0, dtype=np.int64), GradientSource.FRESH)
    assert one.followed().shape == nobody.shape == (0, one.dimensions)


def test_a_fleet_with_more_clients_than_data_is_an_error():
    for call in (
        lambda: learner().train(work([1.0], [3])),
        lambda: learner().probe_units(np.array([0, 3]), GradientSource.FRESH),
    ):
        with pytest.raises(UsageError, match="Client 3 of the fleet has no data"):
            call()


def test_a_probe_costs_what_it_computes_on():
    one, clients = learner(), np.array([0, 1, 2])
    assert one.probe_units(clients, GradientSource.FRESH).tolist() == [30 / 8, 5 / 8, 25 / 8]
    assert one.probe_units(clients, GradientSource.PROBE_BATCH).tolist() == [1, 1, 1]
    one.train(work([1.0, 1.0, 1.0]))
    full = one.gradients(clients, GradientSource.FRESH)
    batch = one.gradients(clients, GradientSource.PROBE_BATCH)
    # The second has fewer samples than a batch.
    assert batch[1] == pytest.approx(full[1], abs=1e-6)
    assert np.abs(batch[0] - full[0]).max() > 1e-3
    assert differentiable(one) is one
    assert accuracy_of(one) == one.accuracy()


def test_gradients_of_large_models_are_shortened_alike():
    short = learner(ModelKind.CNN, dimensions=64)
    long = learner(ModelKind.CNN, dimensions=10**6)
    for one in (short, long):
        one.train(work([1.0, 1.0, 1.0]))
    rows = [one.gradients(np.arange(3), GradientSource.FRESH) for one in (short, long)]
    moved = [one.followed() for one in (short, long)]
    assert rows[0].shape == moved[0].shape == (3, 64)
    # Of fresh ones and of followed ones together: one projection for both.
    apart = [np.linalg.norm(r - m) for r, m in zip(rows, moved, strict=True)]
    assert apart[0] == pytest.approx(apart[1], rel=0.6)
    data = blobs()
    wide = replace(data, inputs=np.ones((60, 1, 30, 50), dtype=np.float32))
    big = make_model(ModelKind.SOFTMAX, wide.shape, 3, seed=0)
    assert TorchLearner(wide, [np.arange(60)], big, HOW, seed=0).dimensions == SHORT


def test_accuracies_of_clients_follow_their_classes():
    data = blobs()
    parts = [np.flatnonzero(data.labels == 0), np.flatnonzero(data.labels > 0)]
    one = learner(parts=parts)
    for number in range(1, 6):
        one.train(work([5.0], [0], number=number))
    # A model that only saw the first class names nothing else.
    assert one.client_accuracies() == pytest.approx([1.0, 0.0])
    assert one.accuracy() == pytest.approx(np.mean(data.test_labels == 0))


def test_quantities_are_uneven_and_classes_are_not():
    rng = np.random.default_rng(1)
    labels = rng.integers(4, size=4000)
    parts = quantity_partition(4000, 8, 0.5, rng, smallest=100)
    assert sorted(np.concatenate(parts).tolist()) == list(range(4000))
    sizes = [len(part) for part in parts]
    assert min(sizes) >= 100
    assert max(sizes) > 3 * min(sizes)
    for part in parts:
        mix = np.bincount(labels[part], minlength=4) / len(part)
        # Five standard deviations of the smallest part.
        assert np.abs(mix - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / len(part))
    for wrong in ((10, 0, 1.0, 1), (10, 2, 0.0, 1), (10, 3, 1.0, 4)):
        with pytest.raises(UsageError, match="cannot be split"):
            quantity_partition(*wrong[:3], rng, smallest=wrong[3])
    with pytest.raises(UsageError, match="No split"):
        quantity_partition(100, 10, 0.01, rng, smallest=9)


def test_digits_are_split_between_training_and_test():
    data = load_digits(np.random.default_rng(0))
    assert len(data.labels) + len(data.test_labels) == 1797
    assert data.shape == (1, 8, 8)
    assert data.classes == 10
    assert (data.inputs.min(), data.inputs.max()) == (0, 1)
    parts = dirichlet_partition(data.labels, 5, 0.1, np.random.default_rng(0), smallest=5)
    assert sum(map(len, parts)) == len(data.labels)


def test_images_come_from_a_folder(tmp_path):
    rng = np.random.default_rng(0)
    images = {n: rng.integers(0, 256, (n, 6, 5, 3), dtype=np.uint8) for n in (4, 3, 2)}
    for name, n in (("train_0", 4), ("train_1", 3), ("test", 2)):
        labels = np.arange(n, dtype=np.uint8)
        np.savez(tmp_path / f"{name}.npz", images=images[n], labels=labels)
    data = read_images(tmp_path)
    assert data.inputs.shape == (7, 3, 6, 5)
    assert data.inputs[4, 2, 1, 3] == np.float32(images[3][0, 1, 3, 2] / 255)
    assert data.labels.tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert data.test_labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"jpeg": np.zeros(3, np.uint8), "labels": np.zeros(3)}, "no array 'images'"),
        ({"images": np.zeros((3, 4, 4)), "labels": np.zeros(3)}, "type float64"),
        ({"images": np.zeros((3, 4, 4), np.uint8), "labels": np.zeros(2)}, r"labels of shape \(2,"),
        ({"images": np.array([{}]), "labels": np.zeros(1)}, "no archive of arrays"),
    ],
)
def test_what_is_no_data_set_is_said(tmp_path, arrays, message):
    with pytest.raises(DataError, match="no file train"):
        read_images(tmp_path)
    np.savez(tmp_path / "train.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_images(tmp_path)
    (tmp_path / "train.npz").write_bytes(b"PK\x03\x04 but no more")
    with pytest.raises(DataError, match="no archive of arrays"):
        read_images(tmp_path)


def test_models_whose_statistics_nobody_averages_are_refused():
    with pytest.raises(UsageError, match="running statistics"):
        VectorModel(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(16)))
    with pytest.raises(UsageError, match="no data"):
        learner(parts=[np.arange(3), np.arange(0)])
    for wrong in ({"batch_size": 0}, {"learning_rate": 0.0}, {"proximal": -1.0}):
        with pytest.raises(UsageError, match="Nobody can train"):
            LocalSteps(**wrong)


def test_a_model_has_the_seed_it_is_given_and_leaves_torch_alone():
    torch.manual_seed(5)
    first = torch.rand(1)
    torch.manual_seed(5)
    vectors = [VectorModel(make_model(ModelKind.CNN, (1, 8, 8), 10, seed=s)).start for s in (1, 1)]
    assert torch.rand(1) == first
    assert (vectors[0] == vectors[1]).all()
    with pytest.raises(UsageError, match="too small"):
        make_model(ModelKind.CNN, (1, 3, 9), 2, seed=0)


START, HOUR = unix_seconds("2024-11-03"), 3600


def small_world(samples):
    """Two grids; five batches in 7.5 minutes."""
    hours = np.arange(48)[:, None]
    grids = Trace(
        START, HOUR, ("A", "B"), 300 + 200 * np.sin(hours + np.array([[0, 2]])), "gCO2e/kWh"
    )
    number = len(samples)
    fleet = Fleet.of(
        domain=np.arange(number) % 2,
        units_per_s=np.full(number, 1 / 90),
        energy_per_unit_ws=np.full(number, 9000.0),
        least_units=np.full(number, 5.0),
        most_units=np.full(number, 5.0),
        samples=samples,
    )
    return World(fleet, Supply(tuple(PowerDomain(z, z, Mode.GRID) for z in "AB"), None, grids))


@pytest.mark.parametrize("gradient", GradientSource)
def test_a_simulation_trains_and_cafe_chooses_by_its_gradients(gradient):
    how = LocalSteps(learning_rate=0.5)
    rules = Rules(START, 24 * HOUR, updates=None, step_s=300, deadline=11, cadence=12)
    runs = []
    for _ in range(2):
        one = digits_learner(6, seed=1, how=how)
        policy = make_policy("cafe", gradient=gradient, weight=10.0)
        budget = Budget(Resource.CARBON_G, 400.0, BudgetMode.HARD, rounds=24)
        run = simulate(small_world(one.samples), policy, rules, budgets=[budget], learner=one)
        assert run.emissions_g <= 400.0
        chosen = [r.choice.clients for r in policy.records if r.measured_g is not None]
        assert len(chosen) == len(run.rounds) > 2
        assert run.rounds.probe_kwh[0] > 0
        assert bool(run.rounds.probe_kwh[1:].any()) == (gradient is not GradientSource.STALE)
        runs.append((chosen, run.rounds.accuracy.tolist()))
    assert runs[0] == runs[1]
    assert runs[0][1][-1] > 0.3
