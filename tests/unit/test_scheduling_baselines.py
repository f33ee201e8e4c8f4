"""Baselines and scores: simple rules that must do exactly what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.coreset import measure_coreset
from footprint.scheduling.ecolearn import (
    carbon_utility_scores,
    over_provision,
    provisioned_count,
)
from footprint.scheduling.lowcarb import choose_by_waiting, waiting_scores, waiting_windows
from footprint.scheduling.lowest_carbon import choose_lowest_carbon
from footprint.scheduling.pacing import paced_counts
from footprint.scheduling.policies import make_policy
from footprint.scheduling.static_cleanest import choose_static_cleanest
from footprint.scheduling.utility_per_gram import choose_by_value_per_gram
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World
from tests.cafe_rounds import clustered_gradients

grams = st.lists(st.floats(0, 50), min_size=1, max_size=12)


@given(grams, st.floats(0, 200))
@settings(deadline=None)
def test_the_lowest_carbon_that_fits_is_taken_and_nothing_else(carbon_g, available_g):
    own_g = np.array(carbon_g)
    chosen = list(choose_lowest_carbon(own_g, available_g))
    others = [i for i in range(len(own_g)) if i not in chosen]
    assert own_g[chosen].sum() <= available_g * (1 + 1e-9)
    if chosen and others:
        assert own_g[chosen].max() <= own_g[others].min()
    if others:
        assert own_g[chosen].sum() + own_g[others].min() > available_g * (1 - 1e-9)


def test_the_lowest_carbon_of_at_most_some():
    assert choose_lowest_carbon([3.0, 1.0, 2.0], 100.0, most=2) == (1, 2)
    assert choose_lowest_carbon([3.0, 1.0, 2.0], -1.0) == ()


def test_value_per_gram_takes_the_best_rate_first_and_then_what_is_left():
    # Two clusters: 0 and 1 say nearly the same, 2 something else for much carbon.
    coreset = measure_coreset([(1, 0), (0.99, 0.01), (0, 1)])
    assert choose_by_value_per_gram(coreset, [1.0, 1.1, 3.0], 1.05) == (0,)
    assert choose_by_value_per_gram(coreset, [1.0, 1.1, 3.0], 4.0) == (0, 2)
    assert choose_by_value_per_gram(coreset, [1.0, 1.1, 3.0], 9.0) == (0, 1, 2)
    assert choose_by_value_per_gram(coreset, [1.0, 0.0, 3.0], 0.0) == (1,)


@given(st.integers(0, 1000), st.floats(0, 100))
@settings(deadline=None)
def test_value_per_gram_never_spends_more_than_it_may(seed, available_g):
    rng = np.random.default_rng(seed)
    coreset = measure_coreset(clustered_gradients(rng, 8))
    own_g = rng.uniform(1, 30, 8)
    chosen = list(choose_by_value_per_gram(coreset, own_g, available_g))
    assert own_g[chosen].sum() <= available_g
    left_g = available_g - own_g[chosen].sum()
    # Whoever is left out brings nothing or does not fit.
    for i in set(range(8)) - set(chosen):
        brings = coreset.value([*chosen, i]) - coreset.value(chosen)
        assert brings <= 1e-12 or own_g[i] > left_g - 1e-9


def test_the_cleanest_places():
    assert choose_static_cleanest([300.0, 50.0, 400.0, 50.0], 2) == (1, 3)
    with pytest.raises(UsageError):
        choose_static_cleanest([1.0], 2)


@given(st.floats(0, 1e4), st.lists(st.floats(0.1, 10), min_size=1, max_size=20), st.integers(1, 60))
@settings(deadline=None)
def test_paced_counts_last_to_the_end_and_never_run_ahead(budget, costs, rounds):
    counts = paced_counts(budget, costs, rounds)
    assert len(counts) == rounds
    assert counts.min() >= 0
    assert counts.max() <= len(costs)
    spent = np.cumsum(counts) * np.mean(costs)
    line = budget * np.arange(1, rounds + 1) / rounds
    assert np.all(spent <= line * (1 + 1e-9) + 1e-9)
    # Less than one client's part is left, unless everybody is in.
    assert budget - spent[-1] < np.mean(costs) * (1 + 1e-6) or counts.min() == len(costs)


def test_a_budget_that_cannot_be_paced_is_refused():
    for budget, costs, rounds in ((1.0, [1.0], 0), (1.0, [0.0], 5), (-1.0, [1.0], 5), (1.0, [], 5)):
        with pytest.raises(UsageError):
            paced_counts(budget, costs, rounds)


def test_windows_grow_with_participation():
    assert waiting_windows([0, 4, 5, 6, 8], window=12).tolist() == [0, 0, 3, 6, 12]
    assert waiting_windows([0, 0]).tolist() == [0, 0]


def test_scores_look_only_as_far_as_the_window():
    forecast = [[5, 9, 1, 9], [5, 9, 1, 9], [5, 7, 8, 9]]
    assert waiting_scores(forecast, np.array([1, 2, 3])).tolist() == [4, -4, 2]
    assert waiting_scores(forecast, np.array([0, 0, 0])).tolist() == [0, 0, 0]
    with pytest.raises(UsageError, match="5 are needed"):
        waiting_scores(forecast, np.array([4, 0, 0]))


def test_who_must_join_comes_first_then_who_gains_nothing_by_waiting():
    forecast = np.full((6, 13), 300.0)
    forecast[0, 0], forecast[1, 0] = 400.0, 350.0  # took part seldom
    forecast[2, 5] = 100.0  # much to gain
    forecast[3, 5] = 290.0  # little to gain
    forecast[5, 1:] = 900.0  # took part most of all: pauses
    taken = [1, 0, 8, 8, 9, 10]
    assert choose_by_waiting(forecast, taken, 2) == (0, 1)
    assert choose_by_waiting(forecast, taken, 3) == (0, 1, 4)
    assert choose_by_waiting(forecast, taken, 4) == (0, 1, 3, 4)
    assert choose_by_waiting(forecast, taken, 6) == (0, 1, 2, 3, 4)
    # Of two who must join, the cleaner.
    assert choose_by_waiting(forecast, taken, 1) == (1,)


def test_scores_between_utility_and_carbon():
    utility, carbon_g = [1.0, 0.5, 0.25], [4.0, 1.0, 2.0]
    assert carbon_utility_scores(utility, carbon_g, balance=1).tolist() == utility
    assert carbon_utility_scores(utility, carbon_g, balance=0).tolist() == [0.25, 1.0, 0.5]
    assert carbon_utility_scores(utility, carbon_g)[0] == pytest.approx(0.5)
    for wrong in (([2.0], [1.0], 0.5), ([1.0], [-1.0], 0.5), ([1.0], [1.0], 1.5)):
        with pytest.raises(UsageError):
            carbon_utility_scores(wrong[0], wrong[1], balance=wrong[2])


def test_who_emits_nothing_is_cleanest():
    utility = [0.25, 1.0, 0.16]
    assert carbon_utility_scores(utility, [0.0, 5.0, 0.0]).tolist() == [0.5, 0.0, 0.4]
    assert carbon_utility_scores(utility, [0.0, 5.0, 0.0], balance=1).tolist() == utility
    # Where nobody emits anything utility alone is left.
    assert carbon_utility_scores(utility, [0.0] * 3).tolist() == [0.5, 1.0, 0.4]


@pytest.mark.parametrize("clean_hours", [1, 12])
def test_ecolearn_runs_on_a_grid_without_emissions(clean_hours):
    start, hour = unix_seconds("2024-06-08"), 3600
    fleet = Fleet.of(
        domain=np.arange(6) % 2,
        units_per_s=np.full(6, 0.1),
        energy_per_unit_ws=np.full(6, 700.0),
        least_units=np.full(6, 30.0),
        most_units=np.full(6, 40.0),
    )
    values = np.full((24, 2), 600.0)
    values[:clean_hours, 1] = 0.0
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in ("PL", "NO"))
    grids = Trace(start, hour, ("PL", "NO"), values, "gCO2e/kWh")
    setting = World(fleet, Supply(domains, None, grids))
    policy = make_policy("ecolearn", balance=0.0)
    run = simulate(setting, policy, Rules(start, 12 * hour, updates=3), seed=1)
    assert run.clients.accepted[1::2].sum() > 0
    first = run.rounds.start_s < start + clean_hours * hour
    assert run.rounds.emissions_g[first][:-1].sum() == 0


def test_provisioning_falls_in_time_and_in_dirty_hours():
    counts = [provisioned_count(t, most=10, least=4, until=3) for t in range(6)]
    assert counts == [10, 8, 6, 4, 4, 4]
    assert over_provision(0.0, extra=0.3) == pytest.approx(1.3)
    assert over_provision(1.0, extra=0.3) == 1
    with pytest.raises(UsageError):
        provisioned_count(0, most=1, least=2, until=3)
    with pytest.raises(UsageError):
        over_provision(1.2, extra=0.1)
