"""Alpha-fair plans, against exhaustive search and with their diagnostics."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.alpha_fair import AlphaFairSettings, plan_alpha_fair, slack_saving
from footprint.scheduling.participation import (
    jain_index,
    selection_distance,
    selection_heterogeneity,
    unbiased_weights,
)


def utility_of(joins, needs, alpha):
    return ((needs.max() - needs) * joins).sum(axis=1) ** alpha


def best_plan(needs, budget_g, chosen):
    """Largest utility of all plans, over every end and every set of slots before fine-tuning."""
    clients, slots = needs.shape
    best = -np.inf
    for stop in range(chosen.rounds, slots + 1):
        start = stop - chosen.tuning
        for bits in product((0, 1), repeat=clients * start):
            joins = np.zeros(needs.shape)
            joins[:, :start] = np.reshape(bits, (clients, start))
            joins[:, start:stop] = 1
            if (joins * needs).sum() <= budget_g + 1e-9:
                best = max(best, utility_of(joins, needs, chosen.alpha).sum())
    return best


@st.composite
def small_plans(draw):
    clients, slots = draw(st.sampled_from([(1, 6), (2, 5), (3, 4)]))
    needs = draw(st.lists(st.integers(0, 20), min_size=clients * slots, max_size=clients * slots))
    needs = np.reshape(needs, (clients, slots)).astype(float)
    slack = draw(st.integers(0, 2))
    chosen = AlphaFairSettings(
        slots - slack,
        slack,
        tuning=draw(st.integers(0, 1)),
        alpha=draw(st.sampled_from([0.1, 0.5, 1.0])),
        seeds=draw(st.sampled_from([0, 1, 3])),
    )
    dearest = needs.sum(axis=0).max() if chosen.tuning else 0.0
    return needs, dearest + draw(st.floats(0, 1)) * (needs.sum() - dearest), chosen


@given(small_plans())
@settings(max_examples=40, deadline=None)
def test_no_plan_is_better_than_the_bound_and_ours_keeps_its_guarantee(case):
    needs, budget_g, chosen = case
    plan = plan_alpha_fair(needs, budget_g, chosen)
    best = best_plan(needs, budget_g, chosen)
    assert plan.utility <= best * (1 + 1e-9) + 1e-9
    assert best <= plan.bound * (1 + 1e-9) + 1e-9
    if chosen.seeds == 3:
        assert plan.utility >= (1 - 1 / np.e) * best - 1e-9


def test_how_close_greedy_plans_come_to_the_best():
    rng = np.random.default_rng(0)
    ratio, missed = [], 0
    for _ in range(40):
        needs = rng.uniform(1, 20, (2, 6))
        chosen = AlphaFairSettings(5, 1, tuning=1, alpha=0.5, seeds=3)
        budget_g = needs[:, 4:].sum(axis=0).max() + rng.uniform(0.2, 0.8) * needs.sum()
        plan, best = plan_alpha_fair(needs, budget_g, chosen), best_plan(needs, budget_g, chosen)
        ratio.append(plan.utility / best)
        missed += plan.utility < best * (1 - 1e-9)
    assert np.mean(ratio) > 0.99
    assert min(ratio) > 0.9
    assert missed < 20


@given(small_plans())
@settings(deadline=None)
def test_a_plan_is_what_it_says(case):
    needs, budget_g, chosen = case
    plan = plan_alpha_fair(needs, budget_g, chosen)
    assert plan.emissions_g == pytest.approx((needs * plan.joins).sum())
    assert plan.emissions_g <= budget_g * (1 + 1e-9) + 1e-9
    assert plan.utility == pytest.approx(
        utility_of(plan.joins, needs, chosen.alpha).sum(), abs=1e-9
    )
    # Nobody is left out who fits and counts.
    left = ~plan.joins[:, : plan.tuning_from]
    early = needs[:, : plan.tuning_from]
    assert not np.any(left & (early < needs.max()) & (early < budget_g - plan.emissions_g - 1e-6))
    assert not plan.joins[:, plan.stop :].any()
    assert plan.joins[:, plan.tuning_from : plan.stop].all()
    assert plan.stop - plan.tuning_from == chosen.tuning
    assert chosen.rounds <= plan.stop <= chosen.rounds + chosen.slack


def test_alpha_decides_between_clean_and_even():
    needs = np.stack([np.full(10, 1.0), np.full(10, 4.0), np.full(10, 5.0)])
    needs[2, 0] = 10.0
    counts = {}
    for alpha in (1.0, 0.1):
        plan = plan_alpha_fair(needs, 20.0, AlphaFairSettings(10, tuning=0, alpha=alpha))
        counts[alpha] = plan.joins.sum(axis=1).tolist()
    assert counts[1.0] == [10, 2, 0]
    assert min(counts[0.1]) >= 1
    assert counts[0.1][0] < 10


def test_a_slot_that_does_not_fit_does_not_end_the_plan():
    # After one slot of the clean client, the other one is worth more per gram and too dear.
    needs = np.array([[1.0] * 6, [10.0] * 5 + [12.0]])
    plan = plan_alpha_fair(needs, 5.0, AlphaFairSettings(6, tuning=0, alpha=0.1))
    assert plan.joins.sum(axis=1).tolist() == [5, 0]
    assert plan.bound > plan.utility


def test_the_end_is_put_where_everybody_is_clean():
    needs = np.full((2, 12), 10.0)
    needs[:, 9] = 1.0
    needs[:, 3] = 1.0
    plan = plan_alpha_fair(needs, 40.0, AlphaFairSettings(8, slack=4, tuning=1, alpha=0.5))
    assert (plan.tuning_from, plan.stop) == (9, 10)
    assert plan.joins[:, 3].all()


def test_slack_lets_the_same_budget_do_more():
    rng = np.random.default_rng(3)
    needs = rng.uniform(1, 20, (5, 60))
    needs[0, 0] = 20.0  # the dearest of all windows, so that their utilities have one unit
    utilities = [
        plan_alpha_fair(needs, 300.0, AlphaFairSettings(30, slack)).utility for slack in (0, 10, 30)
    ]
    assert utilities[0] < utilities[1] < utilities[2]


def test_fine_tuning_that_does_not_fit_is_an_error():
    with pytest.raises(UsageError, match="Fine-tuning"):
        plan_alpha_fair(np.full((3, 5), 2.0), 5.0, AlphaFairSettings(5, tuning=1))
    with pytest.raises(UsageError, match="expected 6 slots"):
        plan_alpha_fair(np.full((3, 5), 2.0), 50.0, AlphaFairSettings(5, slack=1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"rounds": 5, "slack": -1},
        {"rounds": 5, "tuning": 6},
        {"rounds": 5, "alpha": 0.0},
        {"rounds": 5, "alpha": 1.1},
        {"rounds": 5, "seeds": 4},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UsageError):
        AlphaFairSettings(**wrong)


def test_weighted_updates_are_those_of_everybody_on_average():
    rng = np.random.default_rng(4)
    updates = rng.normal(size=4)
    joins = rng.random((4, 500)) < np.array([[0.1], [0.5], [0.9], [1.0]])
    shares = joins.mean(axis=1)
    sums = sum(unbiased_weights(shares, joins[:, t]) @ updates for t in range(500))
    assert sums / 500 == pytest.approx(updates.mean())
    with pytest.raises(UsageError, match="participation is 0"):
        unbiased_weights([0.0, 1.0], [True, True])


def test_participation_counts_the_rounds_that_are_held():
    needs = np.array([[1.0, 50.0, 1.0, 2.0], [50.0, 50.0, 1.0, 2.0]])
    plan = plan_alpha_fair(needs, 7.5, AlphaFairSettings(4, tuning=1, alpha=0.5))
    assert plan.joins.tolist() == [[True, False, True, True], [False, False, True, True]]
    assert plan.participation.tolist() == [1.0, 0.5]


def test_measures_of_unevenness():
    assert selection_heterogeneity([1.0, 1.0]) == 0
    assert selection_heterogeneity([0.5, 0.25]) == pytest.approx((1 + 3) / 2)
    assert selection_heterogeneity([0.5, 0.0]) == np.inf
    assert selection_distance([0.3, 0.3, 0.3]) == pytest.approx(0)
    assert selection_distance([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.75)
    assert jain_index([3, 3, 3]) == pytest.approx(1)
    assert jain_index([5, 0, 0, 0]) == pytest.approx(0.25)
    for measure in (selection_distance, jain_index):
        with pytest.raises(UsageError, match="ever works"):
            measure([0.0, 0.0])


def test_what_slack_saves_for_one_client():
    assert slack_saving([4.0, 4.0, 1.0, 3.0], 2) == pytest.approx(0.5)
    assert slack_saving([1.0, 2.0, 3.0], 3) == 0
    with pytest.raises(UsageError):
        slack_saving([1.0], 2)
    with pytest.raises(UsageError):
        slack_saving([0.0, 1.0], 1)
