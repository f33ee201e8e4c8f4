"""Value of sets of clients, against its definition and against DivFL's."""

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.scheduling.coreset import (
    Phantom,
    coreset_of,
    gradient_distances,
    measure_coreset,
    represented_shares,
    subset_values,
)
from footprint.scheduling.gradients import (
    GradientMemory,
    GradientSource,
    project,
    update_gradients,
)
from footprint.scheduling.priced_cover import PricedCover
from footprint.scheduling.submodular import add_greedily
from tests.cafe_rounds import clustered_gradients, subsets

# The exact vector: four clients, equal shares.
GRADIENTS = np.array([(1, 0, 0), (0.9, 0.1, 0), (0, 1, 0), (0, 0.5, 1)])
VALUES = {
    (0,): 0.4384,
    (1,): 0.4384,
    (2,): 0.2485,
    (3,): 0.2779,
    (0, 2): 0.6870,
    (0, 3): 0.7163,
    (2, 3): 0.5264,
    (0, 2, 3): 0.9649,
    (0, 1, 2, 3): 1.0,
}


def value_as_defined(gradients, shares, chosen, phantom):
    """Sum over clients, written as the formula is."""
    total = 0.0
    for k, own in enumerate(gradients):
        nearest = min((np.linalg.norm(own - gradients[i]) for i in chosen), default=np.inf)
        total += shares[k] * (phantom[k] - min(phantom[k], nearest))
    return total


@pytest.mark.parametrize(("clients", "value"), VALUES.items(), ids=str)
def test_the_exact_vector(clients, value):
    assert measure_coreset(GRADIENTS).value(clients) == pytest.approx(value, abs=5e-5)


def test_the_exact_vectors_scale():
    assert np.linalg.norm(GRADIENTS, axis=1).sum() == pytest.approx(4.02357, abs=5e-6)
    raw = measure_coreset(GRADIENTS, normalise=False)
    assert raw.value([0, 1, 2, 3]) == pytest.approx(4.02357 / 4, abs=5e-6)


@pytest.mark.parametrize("phantom", Phantom)
@pytest.mark.parametrize("normalise", [True, False])
def test_every_set_has_the_value_of_the_formula(phantom, normalise):
    rng = np.random.default_rng(1)
    gradients = clustered_gradients(rng, 6)
    shares = rng.dirichlet(np.ones(6))
    far = np.linalg.norm(gradients, axis=1)
    if phantom is Phantom.MAX_DISTANCE:
        far = np.full(6, max(np.linalg.norm(a - b) for a in gradients for b in gradients))
    coreset = measure_coreset(gradients, 7 * shares, phantom=phantom, normalise=normalise)
    scale = shares @ far if normalise else 1.0
    values = subset_values(coreset.cover)
    for place, mask in enumerate(subsets(6)):
        chosen = np.flatnonzero(mask).tolist()
        wanted = value_as_defined(gradients, shares, chosen, far) / scale
        assert coreset.value(chosen) == pytest.approx(wanted)
        assert values[place] == pytest.approx(wanted)


def test_distances_are_those_of_the_definition():
    rng = np.random.default_rng(2)
    # A common part that is far larger than the differences, as gradients of one model have.
    gradients = 1e4 + rng.normal(size=(9, 50))
    wanted = np.array([[np.linalg.norm(a - b) for b in gradients] for a in gradients])
    found = gradient_distances(gradients)
    assert found == pytest.approx(wanted, abs=1e-6)
    assert np.array_equal(found, found.T)
    assert not np.diag(found).any()


def divfl_sums(gradients, chosen):
    """What DivFL makes small, for each next client: distances to the nearest chosen, summed."""
    apart = np.array([[np.linalg.norm(a - b) for b in gradients] for a in gradients])
    nearest = apart[:, chosen].min(axis=1, initial=np.inf)
    return np.minimum(nearest[:, None], apart).sum(axis=0)


@pytest.mark.parametrize("seed", range(10))
def test_at_a_constant_price_every_step_is_one_of_divfl(seed):
    gradients = clustered_gradients(np.random.default_rng(seed), 30)
    coreset = measure_coreset(gradients, phantom=Phantom.MAX_DISTANCE, normalise=False)
    problem = PricedCover.of(coreset.cover, np.full(30, 0.01))
    before = []
    for count in range(1, 12):
        chosen = np.flatnonzero(add_greedily(problem, least=count, most=count)).tolist()
        (added,) = set(chosen) - set(before)
        sums = divfl_sums(gradients, before)
        # Two clients that are each other's nearest gain exactly the same: DivFL may take either.
        assert sums[added] <= sums.min() + 1e-9
        before = chosen


def test_clients_who_are_absent_are_represented_and_never_chosen():
    coreset = measure_coreset(GRADIENTS)
    present = coreset.among([True, False, True, True])
    assert present.candidates.tolist() == [0, 2, 3]
    assert present.value([0, 3]) == coreset.value([0, 3])
    with pytest.raises(UsageError, match="candidates"):
        present.value([1])


def test_a_model_that_has_nothing_to_learn_gives_every_set_the_value_zero():
    coreset = measure_coreset(np.zeros((3, 4)))
    assert [coreset.value([i]) for i in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("gradients", "weights", "message"),
    [
        ([[1.0, np.nan]], None, "place 0, 1"),
        ([1.0, 2.0], None, "dimension"),
        ([[1.0], [2.0]], [1.0], "expected 2"),
        ([[1.0], [2.0]], [0.0, 0.0], "All weights"),
        ([[1.0], [2.0]], [-1.0, 2.0], "0 or more"),
    ],
)
def test_what_cannot_be_valued_is_refused(gradients, weights, message):
    with pytest.raises(UsageError, match=message):
        measure_coreset(gradients, weights)


def test_distances_must_be_square():
    with pytest.raises(UsageError, match="shape"):
        coreset_of(np.ones((2, 3)), np.ones(2))


def test_shares_that_the_chosen_stand_for():
    distances = gradient_distances(GRADIENTS)
    # Client 1 lies nearest to client 0, clients 2 and 3 represent themselves.
    assert represented_shares(distances, [0, 2, 3]) == pytest.approx([0.5, 0.25, 0.25])
    assert represented_shares(distances, [2, 0], [4, 3, 2, 1]) == pytest.approx([0.3, 0.7])
    with pytest.raises(UsageError):
        represented_shares(distances, [])


def test_gradients_of_plain_descent_come_back_from_its_models():
    rng = np.random.default_rng(3)
    start, gradients = rng.normal(size=5), rng.normal(size=(3, 5))
    steps = np.array([1, 4, 10])
    after = start - 0.1 * steps[:, None] * gradients
    assert update_gradients(start, after, 0.1, steps) == pytest.approx(gradients)
    with pytest.raises(UsageError):
        update_gradients(start, after, 0.1, [1, 0, 2])


def test_a_projection_keeps_distances_and_depends_on_its_seed_alone():
    rng = np.random.default_rng(4)
    gradients = clustered_gradients(rng, 8, dimensions=10_000)
    short = project(gradients, 256, np.random.default_rng(7))
    assert short.shape == (8, 256)
    apart, kept = gradient_distances(gradients), gradient_distances(short)
    pairs = np.triu_indices(8, 1)
    # Relative standard deviation of a distance: at most sqrt(1 / 512) = 4.4 %.
    assert kept[pairs] / apart[pairs] == pytest.approx(np.ones(len(pairs[0])), abs=0.25)
    # A client that projects at home gets the same row.
    for place, own in enumerate(gradients):
        alone = project(own[None, :], 256, np.random.default_rng(7))
        assert alone[0] == pytest.approx(short[place])
    assert not np.allclose(project(gradients, 256, np.random.default_rng(8)), short)


def test_squared_distances_of_projections_are_right_on_average():
    gradients = np.random.default_rng(5).normal(size=(2, 40))
    wanted = np.sum((gradients[0] - gradients[1]) ** 2)
    found = []
    for seed in range(400):
        short = project(gradients, 16, np.random.default_rng(seed))
        found.append(np.sum((short[0] - short[1]) ** 2) / wanted)
    # Standard error at most sqrt(2 / 16 / 400) = 0.018.
    assert np.mean(found) == pytest.approx(1.0, abs=0.09)


def test_a_gradient_that_was_never_seen_is_not_zero():
    memory = GradientMemory(3, 2)
    memory.remember([0, 2], [[1, 2], [3, 4]], 0)
    assert GradientSource.STALE.asked(memory.known).tolist() == [False, True, False]
    assert GradientSource.FRESH.asked(memory.known).all()
    assert GradientSource.PROBE_BATCH.asked(memory.known).all()
    with pytest.raises(UsageError, match="client 1"):
        memory.gradients()
    memory.remember([1], [[5, 6]], 1)
    memory.remember([0], [[7, 8]], 4)
    assert memory.gradients().tolist() == [[7, 8], [5, 6], [3, 4]]
    assert memory.ages(4).tolist() == [0, 3, 4]
    with pytest.raises(UsageError, match="shape"):
        memory.remember([1], [[5, 6, 7]], 5)
