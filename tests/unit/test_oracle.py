"""Bounds that know the future: nobody beats them, and they are as low as they say."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.cafe import CafeSettings, choose_clients
from footprint.scheduling.coreset import measure_coreset
from footprint.scheduling.lowest_carbon import choose_lowest_carbon
from footprint.scheduling.oracle import knapsack_bound, oracle_gap, replay_bound
from footprint.scheduling.priced_cover import PricedCover
from footprint.scheduling.submodular import Solver, solve
from footprint.scheduling.utility_per_gram import choose_by_value_per_gram
from footprint.scheduling.virtual_queue import VirtualQueue
from tests.cafe_rounds import clustered_gradients, subsets


def recorded_run(seed, rounds, clients):
    rng = np.random.default_rng(seed)
    coresets = [
        measure_coreset(clustered_gradients(rng, clients), rng.dirichlet(np.ones(clients)))
        for _ in range(rounds)
    ]
    needs = rng.uniform(1, 10, (rounds, clients)) * rng.choice(
        [0.0, 1.0], (rounds, clients), p=[0.05, 0.95]
    )
    return coresets, needs, rng


def policies(coresets, needs, total, rng):
    """Value and spending of every policy over a recorded run."""
    rounds, clients = needs.shape
    share = total / rounds
    ways = {
        "per gram": lambda t, c, q: choose_by_value_per_gram(c, needs[t], share),
        "lowest carbon": lambda t, c, q: choose_lowest_carbon(needs[t], share),
        "in turn": lambda t, c, q: (t % clients,),
        "random": lambda t, c, q: tuple(rng.choice(clients, 2, replace=False)),
        "everybody": lambda t, c, q: tuple(range(clients)),
    }
    for weight in (1.0, 10.0):
        ways[f"CAFE {weight}"] = lambda t, c, q, w=weight: (
            choose_clients(c, needs[t], q, CafeSettings(weight=w)).clients
        )
    for name, choose in ways.items():
        queue, value, spent = VirtualQueue(share), 0.0, 0.0
        for t, coreset in enumerate(coresets):
            chosen = list(choose(t, coreset, queue))
            grams = needs[t, chosen].sum()
            queue = queue.after(grams)
            value, spent = value + coreset.value(chosen), spent + grams
        yield name, value, spent


@given(st.integers(0, 10_000), st.floats(0.02, 1.0))
@settings(max_examples=15, deadline=None)
def test_no_policy_beats_the_oracle_at_what_it_spends(seed, part):
    coresets, needs, rng = recorded_run(seed, 12, 6)
    covers = [coreset.cover for coreset in coresets]
    for name, value, spent in policies(coresets, needs, part * needs.sum(), rng):
        bound = replay_bound(covers, needs, spent * (1 + 1e-12))
        assert value <= bound.bound + 1e-9, name


def test_the_replay_bound_is_tight_and_its_sets_fit():
    coresets, needs, _ = recorded_run(1, 3, 4)
    covers = [coreset.cover for coreset in coresets]
    worth = [[coreset.value(np.flatnonzero(mask)) for mask in subsets(4)] for coreset in coresets]
    costs = [[row[mask].sum() for mask in subsets(4)] for row in needs]
    for total in (0.0, 5.0, 12.0, 30.0, 200.0):
        best = max(
            sum(worth[t][s] for t, s in enumerate(plan))
            for plan in product(range(16), repeat=3)
            if sum(costs[t][s] for t, s in enumerate(plan)) <= total + 1e-12
        )
        found = replay_bound(covers, needs, total)
        assert found.value <= best + 1e-9
        assert best <= found.bound + 1e-9
        assert found.spent <= total + 1e-9
    assert found.bound == pytest.approx(3.0)
    assert found.price == 0


@pytest.mark.parametrize("part", [0.05, 0.2, 0.6])
def test_the_bound_is_the_least_of_the_lagrangian(part):
    coresets, needs, _ = recorded_run(2, 10, 6)
    total = part * needs.sum()

    def relaxed(price):
        problems = (
            PricedCover.of(coreset.cover, price * row)
            for coreset, row in zip(coresets, needs, strict=True)
        )
        return price * total + sum(solve(problem, Solver.EXACT).value for problem in problems)

    found = replay_bound([coreset.cover for coreset in coresets], needs, total)
    assert relaxed(found.price) == pytest.approx(found.bound)
    # A bisection on the spending ends at the same price.
    low, high = 0.0, 1.0
    for _ in range(50):
        price = (low + high) / 2
        spent = sum(
            row[solve(PricedCover.of(coreset.cover, price * row), Solver.EXACT).chosen].sum()
            for coreset, row in zip(coresets, needs, strict=True)
        )
        low, high = (price, high) if spent > total else (low, price)
    assert high == pytest.approx(found.price, rel=1e-6)
    for price in (0.5 * found.price, 0.9 * found.price, 1.1 * found.price, 2 * found.price):
        assert relaxed(price) >= found.bound - 1e-9


def test_only_rounds_that_can_be_solved_exactly_are_replayed():
    coreset = measure_coreset(np.eye(15))
    with pytest.raises(UsageError, match="at most 14"):
        replay_bound([coreset.cover], [np.ones(15)], 3.0)
    with pytest.raises(UsageError):
        replay_bound([], [], -1.0)
    assert replay_bound([], [], 1.0).bound == 0


amounts = st.lists(
    st.tuples(st.floats(0, 10), st.one_of(st.just(0.0), st.floats(0.1, 10))),
    min_size=1,
    max_size=9,
)


@given(amounts, st.floats(0, 40))
@settings(deadline=None)
def test_no_choice_of_whole_items_exceeds_the_knapsack_bound(items, total):
    values, needs = np.array(items).T
    bound, taken = knapsack_bound(values, needs, total)
    masks = subsets(len(values))
    best = max((masks @ values)[masks @ needs <= total + 1e-12])
    assert best <= bound + 1e-9
    assert bound <= best + values.max() + 1e-9
    assert np.sum((taken > 0) & (taken < 1)) <= 1
    assert needs @ taken <= total + 1e-9
    assert values @ taken == pytest.approx(bound)


def test_the_knapsack_keeps_the_shape_of_clients_and_slots():
    bound, taken = knapsack_bound([[4.0, 1.0], [3.0, 2.0]], [[2.0, 2.0], [2.0, 2.0]], 5.0)
    assert bound == pytest.approx(4 + 3 + 0.5 * 2)
    assert taken.tolist() == [[1.0, 0.0], [1.0, 0.5]]


def test_the_gap_to_the_oracle():
    assert oracle_gap(10.0, 10.0, 5.0) == 0
    assert oracle_gap(10.0, 5.0, 5.0) == 1
    assert oracle_gap(10.0, 8.0, 5.0) == pytest.approx(0.4)
    # Of emissions, where less is better, it reads the same.
    assert oracle_gap(5.0, 6.0, 10.0) == pytest.approx(0.2)
    with pytest.raises(UsageError, match="nothing to gain"):
        oracle_gap(5.0, 5.0, 5.0)
