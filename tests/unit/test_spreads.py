"""Means over seeds, their intervals, and differences of pairs."""

import math

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import Metric
from footprint.scheduling.spreads import (
    contrast_of,
    gaps_of,
    mean_interval,
    spread_of,
    student_t,
)


@pytest.mark.parametrize("degrees", [*range(1, 41), 59, 60, 99, 100, 1000])
def test_no_interval_is_narrower_than_that_of_scipy(degrees):
    stats = pytest.importorskip("scipy.stats")
    true = stats.t.ppf(0.975, degrees)
    # The table has three decimals, and skips lines above 20.
    assert student_t(degrees) > true - 0.0006
    assert student_t(degrees) < true * (1.0003 if degrees <= 20 else 1.02)


def test_an_interval_is_the_one_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(4).normal(10, 3, 6)
    low, high = stats.t.interval(0.95, 5, loc=values.mean(), scale=stats.sem(values))
    assert mean_interval(values.tolist()) == pytest.approx((values.mean(), low, high), rel=1e-3)


def test_intervals_hold_the_true_mean_as_often_as_they_say():
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(2000):
        _, low, high = mean_interval(rng.normal(5, 2, 5).tolist())
        held += low <= 5 <= high
    # Four standard deviations of a share of 2,000 draws.
    assert abs(held / 2000 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 2000)


def test_one_seed_has_no_interval():
    assert mean_interval([3.0]) == (3.0, None, None)
    with pytest.raises(UsageError):
        mean_interval([])
    with pytest.raises(UsageError):
        student_t(0)


def test_rounding_is_no_spread():
    same = 0.1 + 0.2
    assert mean_interval([0.3, same, 0.3])[1:] == pytest.approx((0.3, 0.3), abs=1e-15)
    mean, low, high = mean_interval([0.3, same, 0.3])
    assert low == mean == high


def test_a_seed_without_a_value_leaves_no_mean():
    spread = spread_of(Metric.COST, [1.0, None, 3.0])
    assert (spread.mean, spread.low, spread.median) == (None, None, None)
    assert (spread.known, spread.seeds) == (2, 3)
    assert spread_of(Metric.COST, []).mean is None


def test_who_did_not_reach_the_target_ranks_last():
    metric = Metric.TIME_TO_TARGET_S
    assert spread_of(metric, [9.0, None, 1.0], reached_last=True).median == 9.0
    assert spread_of(metric, [9.0, None, None], reached_last=True).median is None
    assert spread_of(metric, [4.0, 2.0], reached_last=True).median == 3.0
    assert spread_of(metric, [4.0, None], reached_last=True).median is None


def test_pairs_go_by_their_seed():
    # 10 g less with each seed: paired there is no spread at all, unpaired there is much.
    baseline = {0: 15.0, 1: 50.0, 2: 5.0 + 25.0, 3: 65.0}
    policy = {seed: baseline[seed] - 10.0 for seed in (3, 1, 0, 2)}
    found = contrast_of(Metric.EMISSIONS_G, policy, baseline)
    assert found.relative
    assert (found.mean, found.low, found.high) == pytest.approx((-0.25, -0.25, -0.25))
    assert found.pairs == 4


@pytest.mark.parametrize("variation", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("seeds", [3, 20])
def test_policies_that_are_alike_are_told_apart_as_rarely_as_intervals_say(variation, seeds):
    rng = np.random.default_rng(5)
    width = math.sqrt(math.log(1 + variation**2))
    draws, means, better, worse = 2000, [], 0, 0
    for _ in range(draws):
        policy, baseline = np.exp(width * rng.standard_normal((2, seeds)))
        found = contrast_of(
            Metric.EMISSIONS_TO_TARGET_G, dict(enumerate(policy)), dict(enumerate(baseline))
        )
        means.append(found.mean)
        better += found.high < 0
        worse += found.low > 0
    # The ratio of two means is off by variation^2 / seeds; that of each seed by variation^2.
    assert abs(np.mean(means)) < variation**2 / seeds * 1.2 + 4 * np.std(means) / draws**0.5
    # A skewed distribution makes t-tests too careful, by up to 2 % here; none favours a side.
    assert (better + worse) / draws == pytest.approx(0.045, abs=0.02)
    assert abs(better - worse) < 4 * math.sqrt(0.05 * draws)


def test_a_difference_is_clear_just_where_a_paired_test_finds_one():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    clear = 0
    for _ in range(200):
        baseline = rng.gamma(4.0, 10.0, 8)
        policy = baseline * rng.normal(0.9, 0.15, 8)
        found = contrast_of(Metric.EMISSIONS_G, dict(enumerate(policy)), dict(enumerate(baseline)))
        chance = stats.ttest_rel(policy, baseline).pvalue
        if abs(chance - 0.05) > 1e-3:
            assert (found.low > 0 or found.high < 0) == (chance < 0.05)
        clear += chance < 0.05
    assert 20 < clear < 180


def test_a_baseline_that_is_no_whole_has_no_parts():
    # Prices below 0 make costs of either sign.
    assert contrast_of(Metric.COST, {0: -1.0, 1: 2.0}, {0: -2.0, 1: 3.0}) is None
    assert contrast_of(Metric.DISCARDED_KWH, {0: 1.0, 1: 2.0}, {0: 0.0, 1: 0.0}) is None
    # One seed that discards nothing is no reason to say nothing.
    assert contrast_of(Metric.DISCARDED_KWH, {0: 1.0, 1: 2.0}, {0: 0.0, 1: 2.0}).mean == 0.5


def test_shares_are_subtracted_and_not_divided():
    found = contrast_of(Metric.ACCURACY, {0: 0.9, 1: 0.7}, {0: 0.8, 1: 0.7})
    assert not found.relative
    assert found.mean == pytest.approx(0.05)


def test_survivors_are_not_compared():
    reached = {0: 5.0, 1: None, 2: 6.0}
    assert contrast_of(Metric.EMISSIONS_TO_TARGET_G, reached, {0: 9.0, 1: 9.0, 2: 9.0}) is None
    assert contrast_of(Metric.EMISSIONS_TO_TARGET_G, {0: 1.0}, {0: 0.0}) is None
    assert contrast_of(Metric.EMISSIONS_TO_TARGET_G, {0: 1.0}, {1: 1.0}) is None
    # A run that failed is no survivor: it has no value because it broke, and that is said.
    assert contrast_of(Metric.COST, {0: 1.0, 1: 1.0}, {0: 2.0}).pairs == 1


def test_gaps_lie_between_the_oracle_and_the_baseline():
    policy = {0: 7.0, 1: 5.0, 2: 10.0, 3: None, 4: 1.0}
    oracle = dict.fromkeys(range(4), 5.0) | {4: 2.0}
    baseline = dict.fromkeys(range(4), 10.0) | {4: 2.0}
    gaps = gaps_of(policy, oracle, baseline)
    assert gaps == {0: pytest.approx(0.4), 1: 0.0, 2: 1.0, 3: None, 4: None}
