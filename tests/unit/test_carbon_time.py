"""When a job of unknown length starts, and what it costs that it waited."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.model.kinds import Currency
from footprint.scheduling.carbon_time import (
    MachinePrices,
    lowest_carbon_time,
    lowest_slot,
    lowest_window,
    rented_hours,
    runs_below_percentile,
)

# One deep slot alone, and a shallow valley that comes earlier.
SERIES = np.array([9.0, 9.0, 5.0, 5.0, 9.0, 9.0, 9.0, 1.0, 9.0, 9.0, 9.0, 9.0])


def test_three_policies_look_at_three_things():
    assert lowest_slot(SERIES, 0, 8) == 7
    # A job of two slots: 10 in the valley and at the deep slot alike, so the earlier.
    assert lowest_window(SERIES, 0, 8, 2) == 2
    # Of one slot: 4 less after two slots of waiting, or 8 less after seven: 4/3 against 1.
    assert lowest_window(SERIES, 0, 8, 1) == 7
    assert lowest_carbon_time(SERIES, 0, 8, 1) == 2
    # 20 now; 17 after one slot, 13 after four. Until a job of two slots is done: 3/3 and 7/6.
    assert lowest_carbon_time([10, 10, 7, 13, 7, 6], 0, 4, 2) == 4


@given(
    st.lists(st.floats(0, 1000), min_size=12, max_size=40),
    st.integers(0, 3),
    st.integers(0, 5),
    st.integers(1, 4),
)
@settings(deadline=None)
def test_starts_are_the_best_of_all_that_are_allowed(intensity, now, wait, length):
    series = np.array(intensity)

    def emitted(start):
        return series[start : start + length].sum()

    def rate(start):
        return (emitted(now) - emitted(start)) / (start - now + length)

    starts = range(now, now + wait + 1)
    assert series[lowest_slot(series, now, wait)] == min(series[list(starts)])
    found = lowest_window(series, now, wait, length)
    assert found in starts
    assert emitted(found) == pytest.approx(min(map(emitted, starts)), abs=1e-6)
    found = lowest_carbon_time(series, now, wait, length)
    assert found in starts
    assert rate(found) == pytest.approx(max(map(rate, starts)), abs=1e-6)
    # Waiting for nothing is never chosen.
    assert rate(found) >= -1e-6


def test_a_job_runs_in_cheap_hours_and_when_its_patience_ends():
    day = np.arange(24.0)

    def runs(now, waited):
        return runs_below_percentile(
            np.concatenate([day, day]), now, horizon=24, waited=waited, wait=6
        )

    assert runs(0, waited=0)
    assert not runs(12, waited=5)
    assert runs(12, waited=6)


def test_waiting_costs_where_machines_are_reserved():
    prices = MachinePrices(Currency.EUR, reserved_per_h=1.0, on_demand_per_h=3.0)
    at_once = rented_hours([2, 2, 2, 2], 2, step_s=3600)
    assert (at_once.reserved_used, at_once.reserved_idle, at_once.on_demand) == (8, 0, 0)
    shifted = rented_hours([0, 0, 4, 4], 2, step_s=3600)
    assert (shifted.reserved_used, shifted.reserved_idle, shifted.on_demand) == (4, 4, 4)
    assert at_once.cost(prices) == 8
    assert shifted.cost(prices) == 8 + 12
    assert rented_hours([1, 3], 2, step_s=900).cost(prices) == pytest.approx(1 + 0.75)


def test_what_cannot_be_known_is_refused():
    for policy in (lowest_window, lowest_carbon_time):
        with pytest.raises(UsageError, match="not extrapolated"):
            policy(SERIES, 0, 8, 5)
    with pytest.raises(UsageError, match="not extrapolated"):
        lowest_slot(SERIES, 4, 8)
    with pytest.raises(UsageError):
        lowest_slot(SERIES, 0, -1)
    with pytest.raises(UsageError):
        MachinePrices(Currency.EUR, -1.0, 1.0)
    with pytest.raises(UsageError):
        rented_hours([1.0], -1, step_s=3600)
