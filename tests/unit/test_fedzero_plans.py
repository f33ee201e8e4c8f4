"""The best plan of a round: against brute force, against one large program, against scipy."""

import numpy as np
import pytest

from footprint.scheduling.fedzero import decomposition, large
from footprint.scheduling.fedzero.combination import combine
from footprint.scheduling.fedzero.decomposition import is_feasible, plan_by_domains
from footprint.scheduling.fedzero.milp import plan_by_milp
from footprint.scheduling.fedzero.problem import Effort, RoundProblem
from footprint.scheduling.fedzero.transport import allocate
from tests.fedzero_rounds import (
    best_by_brute_force,
    best_by_scipy,
    best_of_set,
    random_round,
    violations,
)

EXACT = Effort(gap=1e-9)


@pytest.fixture
def without_enumeration(monkeypatch):
    """Treat nearly every domain as one that is too large to try all sets."""
    for module in (large, decomposition):
        monkeypatch.setattr(module, "ENUMERATED", 2)


def small_round(seed):
    rng = np.random.default_rng(seed)
    return random_round(
        rng,
        clients=int(rng.integers(4, 8)),
        domains=int(rng.integers(1, 4)),
        count=int(rng.integers(1, 4)),
        steps=int(rng.integers(1, 5)),
        whole=bool(seed % 2),
    )


@pytest.fixture(scope="module")
def small_rounds():
    """200 rounds with their best values by brute force."""
    return [(small_round(seed), best_by_brute_force(small_round(seed))) for seed in range(200)]


def check(found, problem, expected):
    if expected is None:
        assert found.plan is None
        assert found.proven
        return
    assert found.plan is not None
    assert found.plan.value == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert found.plan.bound >= found.plan.value
    assert found.plan.gap <= 1e-6
    assert violations(problem, found.plan) == []


def test_small_rounds_hold_all_that_can_happen(small_rounds):
    values = [value for _, value in small_rounds]
    assert sum(value is None for value in values) > 20
    assert sum(value is not None and value > 0 for value in values) > 100


def test_plans_by_domains_are_those_of_brute_force(small_rounds):
    for problem, expected in small_rounds:
        check(plan_by_domains(problem, EXACT), problem, expected)


def test_plans_of_large_domains_are_those_of_brute_force(small_rounds, without_enumeration):
    for problem, expected in small_rounds:
        check(plan_by_domains(problem, EXACT), problem, expected)


def test_plans_by_one_program_are_those_of_brute_force(small_rounds):
    for problem, expected in small_rounds:
        check(plan_by_milp(problem, EXACT), problem, expected)


def test_feasibility_is_that_of_brute_force(small_rounds):
    for problem, expected in small_rounds:
        assert is_feasible(problem) is (expected is not None)


def test_feasibility_of_large_domains_is_that_of_brute_force(small_rounds, without_enumeration):
    for problem, expected in small_rounds:
        assert is_feasible(problem) is (expected is not None)


@pytest.mark.parametrize("seed", range(8))
def test_larger_rounds_agree_with_two_other_formulations(seed):
    rng = np.random.default_rng(1000 + seed)
    domains = (3, 4, 2, 1)[seed % 4]  # up to 26 candidates in one domain
    problem = random_round(rng, clients=26, domains=domains, count=6, steps=3, scarcity=0.5)
    by_scipy = best_by_scipy(problem)
    check(plan_by_milp(problem, EXACT), problem, by_scipy)
    check(plan_by_domains(problem, EXACT), problem, by_scipy)


@pytest.mark.parametrize("seed", range(4))
def test_many_domains_agree_with_one_program(seed):
    rng = np.random.default_rng(2000 + seed)
    problem = random_round(rng, clients=240, domains=30, count=40, steps=4, scarcity=0.8)
    one = plan_by_milp(problem, EXACT)
    check(plan_by_domains(problem, EXACT), problem, None if one.plan is None else one.plan.value)


def test_a_domain_of_hundreds_agrees_with_one_program():
    rng = np.random.default_rng(3)
    problem = random_round(rng, clients=300, domains=2, count=20, steps=2, scarcity=0.1)
    one = plan_by_milp(problem, EXACT)
    assert one.plan is not None
    check(plan_by_domains(problem, EXACT), problem, one.plan.value)


def test_without_time_a_feasible_plan_comes_with_an_honest_gap():
    rng = np.random.default_rng(5)
    problem = random_round(rng, clients=120, domains=2, count=20, steps=3, scarcity=0.2)
    best = plan_by_domains(problem, EXACT).plan
    hasty = plan_by_domains(problem, Effort(gap=0.0, time_limit_s=0.0))
    assert not hasty.proven
    assert violations(problem, hasty.plan) == []
    assert hasty.plan.value < best.value <= hasty.plan.bound
    assert hasty.plan.gap > 0.01


def test_supply_without_limit_does_not_blur_small_numbers():
    # 1e12 Ws per step and 1e12 times the speed, as in FedZero's imbalanced scenario.
    rng = np.random.default_rng(6)
    plain = random_round(rng, clients=12, domains=2, count=4, steps=3, scarcity=0.5)
    spare, energy = plain.spare.copy(), plain.energy_ws.copy()
    spare[plain.domain == 0] *= 1e12
    energy[0] = 1e12
    problem = RoundProblem(
        spare,
        energy,
        plain.domain,
        plain.energy_per_batch_ws,
        plain.least,
        plain.most,
        plain.weight,
        plain.count,
    )
    found = plan_by_domains(problem, EXACT).plan
    assert violations(problem, found) == []
    modest = np.minimum(spare, 10 * plain.most[:, None])
    limited = RoundProblem(
        modest,
        np.minimum(energy, 1e4),
        plain.domain,
        plain.energy_per_batch_ws,
        plain.least,
        plain.most,
        plain.weight,
        plain.count,
    )
    assert found.value == pytest.approx(best_by_scipy(limited), rel=1e-7)


@pytest.mark.parametrize("seed", range(40))
def test_the_allocation_of_a_fixed_set_is_that_of_a_linear_program(seed):
    rng = np.random.default_rng(4000 + seed)
    problem = random_round(rng, 5, 1, 5, int(rng.integers(1, 9)), scarcity=1.0, whole=seed % 3 == 0)
    rate = np.minimum(
        problem.spare * problem.energy_per_batch_ws[:, None], problem.energy_ws[problem.domain]
    )
    low, high = (limit * problem.energy_per_batch_ws for limit in (problem.least, problem.most))
    gain = problem.weight / problem.energy_per_batch_ws
    used = allocate(rate, problem.energy_ws[0], low, high, gain)
    expected = best_of_set(problem, range(5))
    if expected is None:
        assert used is None
        return
    assert gain @ used.sum(axis=1) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert np.all(used.sum(axis=0) <= problem.energy_ws[0] * (1 + 1e-12))


def test_numbers_of_clients_combine_as_trying_all_does():
    rng = np.random.default_rng(7)
    for trial in range(200):
        domains, options, count = 4, 4, int(rng.integers(1, 8))
        curves = rng.normal(size=(domains, options))
        if trial % 3 == 0:
            curves = np.round(curves)  # ties
        curves[:, 0] = 0.0
        most = rng.integers(0, options, domains)
        curves[np.arange(options) > most[:, None]] = -np.inf
        totals = {
            numbers: sum(curves[d, k] for d, k in enumerate(numbers))
            for numbers in np.ndindex((options,) * domains)
            if sum(numbers) == count
        }
        expected = max(totals.values())
        found = combine(curves, count)
        if expected == -np.inf:
            assert found is None
            continue
        assert found.counts.sum() == count
        assert found.value == pytest.approx(expected, abs=1e-12)
        assert totals[tuple(found.counts.tolist())] == pytest.approx(found.value, abs=1e-12)


def test_least_work_of_very_different_sizes_is_rounded_alike():
    """What sums over a domain cannot see must not break the plan of its clients either."""
    least = np.array([1.0, 5e-232, 1e-11])
    problem = RoundProblem(
        spare=np.ones((3, 1)),
        energy_ws=np.array([[1.0]]),
        domain=np.zeros(3, dtype=int),
        energy_per_batch_ws=np.ones(3),
        least=least,
        most=least,
        weight=np.zeros(3),
        count=3,
    )
    plan = plan_by_domains(problem).plan
    assert violations(problem, plan) == []
