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
    # Each baseline is halved: paired there is no spread at all, unpaired there is much.
    baseline = {seed: 10.0 ** (seed + 1) for seed in range(4)}
    policy = {seed: baseline[seed] / 2 for seed in (3, 1, 0, 2)}
    found = contrast_of(Metric.EMISSIONS_G, policy, baseline)
    assert found.relative
    assert (found.mean, found.low, found.high) == pytest.approx((-0.5, -0.5, -0.5))
    assert found.pairs == 4


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
