"""CAFE's choice of a round: the exact vector, runs with their bounds, guards and probes."""

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.scheduling.cafe import (
    CafeSettings,
    check_probes,
    choose_clients,
    probe_carbon,
    probe_overhead,
)
from footprint.scheduling.coreset import measure_coreset
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.priced_cover import PricedCover
from footprint.scheduling.submodular import Solver, double_greedy, solve
from footprint.scheduling.virtual_queue import (
    VirtualQueue,
    backlog_at_all_times,
    backlog_by_drift,
    backlog_on_path,
    drift_constant,
    learning_gap,
    violation_bound,
    weight_of_grams,
)
from tests.cafe_rounds import clustered_gradients

# Four clients of equal weight, with their emissions in shares of a round's budget.
CORESET = measure_coreset([(1, 0, 0), (0.9, 0.1, 0), (0, 1, 0), (0, 0.5, 1)])
SHARES = np.array([0.2, 0.6, 0.5, 0.4])
VECTOR = [
    (0.0, (0, 1, 2, 3), 1.0),
    (0.3, (0, 2, 3), 0.6349),
    (1.0, (0,), 0.2384),
    (2.0, (0,), 0.0384),
]


def vector_problem(backlog):
    return PricedCover.of(CORESET.cover, backlog * SHARES)


@pytest.mark.parametrize(("backlog", "clients", "objective"), VECTOR)
@pytest.mark.parametrize("solver", [None, Solver.EXACT, Solver.GREEDY, Solver.GREEDY_LOCAL])
def test_the_exact_vector(solver, backlog, clients, objective):
    settings = CafeSettings(weight=1.0, solver=solver)
    chosen = choose_clients(CORESET, 50 * SHARES, VirtualQueue(50.0, backlog), settings)
    assert chosen.clients == clients
    assert chosen.objective == pytest.approx(objective, abs=5e-5)
    assert chosen.learning_value == pytest.approx(CORESET.value(clients))
    assert chosen.planned_g == pytest.approx(50 * SHARES[list(clients)].sum())
    assert chosen.solver is (solver or Solver.EXACT)
    assert (chosen.backlog, chosen.weight) == (backlog, 1.0)


@pytest.mark.parametrize(("backlog", "clients", "objective"), VECTOR)
def test_the_double_greedy_agrees_until_the_price_is_high_and_then_fails(
    backlog, clients, objective
):
    one = solve(vector_problem(backlog), Solver.DOUBLE_GREEDY_DET)
    if backlog < 2.0:
        assert tuple(np.flatnonzero(one.chosen)) == clients
        assert one.value == pytest.approx(objective, abs=5e-5)
    else:
        assert not one.chosen.any()
        assert one.value == 0


def test_the_gains_that_the_double_greedy_decides_by():
    gains = double_greedy(vector_problem(0.3))[1]
    assert gains[0] == pytest.approx([0.3784, 0.0249], abs=5e-5)
    assert gains[1] == pytest.approx([-0.1449, 0.1449], abs=5e-5)
    gains = double_greedy(vector_problem(2.0))[1]
    assert gains[0] == pytest.approx([0.0384, 0.3649], abs=5e-5)


ROUNDS = 60


def run(seed, weight, solver, *, start=0.0, least=0, noise=0.0):
    """A run of 60 rounds of eight clients; budget 20 % of what all would emit."""
    rng = np.random.default_rng(seed)
    carbon_g = rng.uniform(5, 50, 8) * rng.uniform(0.3, 2.0, (ROUNDS, 8))
    budget_g = 0.2 * carbon_g.sum()
    queue = VirtualQueue.of(budget_g, ROUNDS, backlog=start)
    settings = CafeSettings(weight=weight, solver=solver, least=least)
    backlogs, spent, alone, values = [queue.backlog], [], [], []
    for own_g in carbon_g:
        coreset = measure_coreset(clustered_gradients(rng, 8), rng.dirichlet(np.ones(8)))
        chosen = choose_clients(coreset, own_g, queue, settings, rng=rng)
        spent.append(chosen.planned_g * np.exp(noise * rng.normal()))
        queue = queue.after(spent[-1])
        backlogs.append(queue.backlog)
        values.append(chosen.learning_value)
        alone.append([coreset.value([i]) for i in range(8)])
    shares = carbon_g / (budget_g / ROUNDS)
    return budget_g, np.array(backlogs), np.array(spent), alone, shares, np.array(values)


@pytest.mark.parametrize("solver", Solver)
@pytest.mark.parametrize("weight", [1.0, 3.0, 30.0])
@pytest.mark.parametrize("start", [0.0, 2.0, 50.0])
def test_a_run_keeps_the_identity_and_all_bounds_of_its_queue(solver, weight, start):
    budget_g, backlogs, spent, alone, shares, _ = run(1, weight, solver, start=start)
    overspent = spent.sum() / budget_g - 1
    last = backlogs[-1]
    # The start may be worked off: then less than the budget is spent.
    assert overspent <= (last - start) / ROUNDS + 1e-12
    assert overspent <= violation_bound(last, ROUNDS, start=start) + 1e-12
    largest = shares.sum(axis=1).max()
    assert last <= backlog_by_drift(weight, largest, ROUNDS, start=start)
    assert backlogs.max() <= backlog_at_all_times(weight, largest, start=start)
    assert backlogs.max() <= backlog_on_path(weight, largest, alone, shares, start=start)


def test_the_identity_holds_for_what_was_measured_not_for_what_was_planned():
    budget_g, backlogs, spent, *_ = run(2, 10.0, None, noise=0.5)
    assert spent.sum() / budget_g - 1 <= backlogs[-1] / ROUNDS + 1e-12


def test_the_identity_is_an_equality_while_the_queue_is_never_empty():
    queue, spent = VirtualQueue.of(100.0, 4, backlog=0.5), [30.0, 40.0, 15.0, 25.0]
    for grams in spent:
        queue = queue.after(grams)
    assert queue.backlog - 0.5 == pytest.approx(sum(spent) / 25 - 4)


def test_a_larger_weight_learns_more_and_spends_more():
    runs = {weight: run(3, weight, None) for weight in (0.3, 3.0, 100.0)}
    learned = [one[5].mean() for one in runs.values()]
    backlogs = [one[1][-1] for one in runs.values()]
    assert learned == sorted(learned)
    assert learned[0] < learned[-1]
    assert backlogs == sorted(backlogs)
    assert backlogs[0] < backlogs[-1]


def test_a_placeholder_backlog_saves_the_burst_of_the_first_round():
    coreset, carbon_g = CORESET, 10 * SHARES
    first = choose_clients(coreset, carbon_g, VirtualQueue(10.0), CafeSettings(weight=1.0))
    thrifty = choose_clients(coreset, carbon_g, VirtualQueue(10.0, 1.0), CafeSettings(weight=1.0))
    assert first.clients == (0, 1, 2, 3)
    assert thrifty.planned_g < first.planned_g


def test_grams_and_shares_describe_one_policy():
    share_g, backlog_g, weight_g2 = 40.0, 60.0, 3000.0
    scaled = choose_clients(
        CORESET,
        share_g * SHARES,
        VirtualQueue(share_g, backlog_g / share_g),
        CafeSettings(weight=weight_of_grams(weight_g2, share_g)),
    )
    problem = PricedCover.of(weight_g2 * CORESET.cover, backlog_g * share_g * SHARES)
    assert scaled.clients == tuple(np.flatnonzero(solve(problem).chosen))


def test_the_bounds_are_those_of_the_formulas():
    assert drift_constant(1.5) == 0.5
    assert drift_constant(4.0) == 4.5
    assert learning_gap(9.0, 4.0) == 0.5
    assert learning_gap(9.0, 4.0, lookahead=24) == 12.0
    assert backlog_by_drift(3.5, 4.0, 50) == pytest.approx(np.sqrt(800))
    assert backlog_at_all_times(3.5, 4.0) == 12.0
    assert backlog_on_path(2.0, 4.0, [[0.5, 0.2, 1.0]], [[0.1, 0.2, 0.0]]) == 14.0
    assert violation_bound(6.0, 60) == 0.1


def test_too_few_participants_are_filled_up_with_those_who_cost_least():
    queue = VirtualQueue(1.0, 50.0)
    alone = choose_clients(CORESET, SHARES, queue, CafeSettings(weight=1.0))
    assert alone.clients == ()
    filled = choose_clients(CORESET, SHARES, queue, CafeSettings(weight=1.0, least=2))
    assert filled.clients == filled.added == (0, 3)
    assert filled.objective < 0
    everybody = choose_clients(CORESET, SHARES, queue, CafeSettings(least=9))
    assert everybody.clients == (0, 1, 2, 3)


def test_a_hard_budget_is_not_planned_over():
    queue = VirtualQueue(1.0)
    for rest_g in (0.0, -1.0, 0.1, 0.3, 0.6, 0.7, 1.1, 2.0):
        for least in (0, 3):
            chosen = choose_clients(
                CORESET, SHARES, queue, CafeSettings(weight=1.0, least=least), rest_g=rest_g
            )
            assert chosen.planned_g <= max(rest_g, 0) + 1e-12
            assert set(chosen.dropped) == {0, 1, 2, 3} - set(chosen.clients)
    assert chosen.clients == (0, 1, 2, 3)
    half = choose_clients(CORESET, SHARES, queue, CafeSettings(weight=1.0), rest_g=1.15)
    # 1 says what 0 says, and emits most.
    assert half.clients == (0, 2, 3)
    assert half.dropped == (1,)


def test_clients_keep_their_numbers_when_others_are_away():
    present = CORESET.among([False, True, True, False])
    chosen = choose_clients(present, [np.nan, 0.6, 0.5, np.nan], VirtualQueue(1.0))
    assert chosen.clients == (1, 2)
    assert chosen.planned_g == pytest.approx(1.1)
    nobody = choose_clients(CORESET.among([False] * 4), SHARES, VirtualQueue(1.0))
    assert (nobody.clients, nobody.learning_value, nobody.planned_g) == ((), 0.0, 0.0)


def test_drawing_solvers_repeat_with_their_seed():
    settings = CafeSettings(weight=1.0, solver=Solver.DOUBLE_GREEDY_RAND, shuffles=3)

    def draws():
        rng = np.random.default_rng(11)
        queue = VirtualQueue(1.0, 1.0)
        return [choose_clients(CORESET, SHARES, queue, settings, rng=rng) for _ in range(20)]

    assert draws() == draws()


def test_probes_are_charged_to_whom_they_ask():
    local_g = np.array([10.0, 20.0, 30.0])
    known = np.array([True, False, True])
    assert probe_carbon(local_g, 0.05, GradientSource.FRESH.asked(known)) == pytest.approx(3.0)
    assert probe_carbon(local_g, 0.05, GradientSource.STALE.asked(known)) == pytest.approx(1.0)
    assert probe_carbon(local_g, 0.05, GradientSource.STALE.asked(known | True)) == 0


@pytest.mark.parametrize(
    ("probe", "budget", "part"),
    # A budget of 5 % with probes of 1 %: a fifth; 10 and 5 %: half; 30 and 5 %: a sixth.
    [(0.01, 0.05, 0.2), (0.05, 0.10, 0.5), (0.05, 0.30, 1 / 6)],
)
def test_probes_that_eat_the_budget_are_said(probe, budget, part):
    assert probe_overhead(probe, budget) == pytest.approx(part)
    finding = check_probes(probe, budget)
    assert finding.code == "probes-eat-budget"
    assert f"{part:.0%}" in finding.message


def test_small_probes_are_not_warned_about():
    assert check_probes(0.01, 0.2) is None
    assert check_probes(0.0, 0.01) is None


def test_what_was_not_measured_is_refused():
    for grams in (float("nan"), -1.0, float("inf")):
        with pytest.raises(UsageError):
            VirtualQueue(1.0).after(grams)
    with pytest.raises(UsageError, match="place 1"):
        choose_clients(CORESET, [0.1, np.nan, 0.1, 0.1], VirtualQueue(1.0))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: VirtualQueue(0.0),
        lambda: VirtualQueue(1.0, -0.1),
        lambda: VirtualQueue.of(10.0, 0),
        lambda: CafeSettings(weight=0.0),
        lambda: CafeSettings(least=-1),
        lambda: probe_overhead(0.1, 0.0),
        lambda: probe_overhead(-0.1, 0.1),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UsageError):
        wrong()
