"""Search without a forecast: it never misses its work, and keeps its promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.kmin_search import KMinSearch, competitive_ratio


@st.composite
def searches(draw):
    low = draw(st.floats(1, 100))
    high = low * draw(st.floats(1, 20))
    slots = draw(st.integers(1, 40))
    series = draw(st.lists(st.floats(low, high), min_size=slots, max_size=slots))
    return KMinSearch(draw(st.integers(1, slots)), slots, low, high), np.array(series)


@given(searches())
@settings(deadline=None)
def test_the_work_is_always_done_within_the_promise(case):
    search, series = case
    chosen = search.run(series)
    assert len(chosen) == search.count
    assert np.all(np.diff(chosen) > 0)
    cheapest = np.sort(series)[: search.count].sum()
    assert series[chosen].sum() <= search.bound * cheapest * (1 + 1e-9)


def test_the_published_ratio_is_passed_where_a_slot_is_far_below_its_threshold():
    search, series = KMinSearch(2, 3, 11.0, 88.0), np.array([11.0, 24.0, 81.0])
    assert search.run(series).tolist() == [0, 2]
    assert search.ratio < 92 / 35 < search.bound


@pytest.mark.parametrize(("count", "spread"), [(1, 9.0), (2, 8.0), (3, 1.2), (6, 20.0)])
def test_the_bound_is_reached_and_no_series_is_worse(count, spread):
    low, high = 10.0, 10.0 * spread
    worst = 0.0
    for fooled in range(count + 1):
        for cheap in range(fooled + 1):
            search = KMinSearch(count, 3 * count, low, high)
            limits = search.thresholds
            above = limits[fooled] * (1 + 1e-9) if fooled < count else low
            shown = [*limits[: fooled - cheap], *[low] * cheap, *[above] * (2 * count - fooled)]
            series = np.clip([*shown, *[high] * count], low, high)
            cost = series[search.run(series)].sum()
            worst = max(worst, cost / np.sort(series)[:count].sum())
    assert worst == pytest.approx(search.bound, rel=1e-6)
    rng = np.random.default_rng(count)
    levels = np.concatenate([limits, limits * (1 + 1e-9), [low, high]])
    for _ in range(3000):
        series = np.clip(rng.choice(levels, 3 * count), low, high)
        cost = series[search.run(series)].sum()
        assert cost <= search.bound * np.sort(series)[:count].sum() * (1 + 1e-9)


@given(searches())
@settings(deadline=None)
def test_a_run_is_its_decisions_one_by_one(case):
    search, series = case
    taken = []
    for slot, value in enumerate(series):
        if search.takes(value, slot, len(taken)):
            taken.append(slot)
    assert taken == search.run(series).tolist()


@pytest.mark.parametrize("count", [1, 2, 7, 30])
@pytest.mark.parametrize("spread", [1.5, 4.0, 30.0])
def test_falling_prices_get_close_to_the_published_ratio_and_not_past_it(count, spread):
    search = KMinSearch(count, 2 * count, 10.0, 10.0 * spread)
    worst = 0.0
    for fooled in range(count + 1):
        # The adversary shows what is just taken, then hours that are just too dear, then the
        # end, in which the rest is forced at the highest price; or prices at the bottom.
        limits = search.thresholds
        rest = 10.0 * spread if fooled < count else limits[-1]
        above = limits[fooled] * (1 + 1e-9) if fooled < count else rest
        series = np.concatenate(
            [limits[:fooled], np.full(count, above), np.full(count - fooled, 10.0 * spread)]
        )
        series = np.clip(series, 10.0, 10.0 * spread)
        cost = series[search.run(series)].sum()
        worst = max(worst, cost / np.sort(series)[:count].sum())
    assert 0.97 * search.ratio <= worst <= search.ratio * (1 + 1e-6)


def test_for_one_slot_the_ratio_is_the_root_of_the_spread():
    # k = 1: a = sqrt(theta), the classical result.
    assert competitive_ratio(1, 16.0) == pytest.approx(4.0)
    assert KMinSearch(1, 5, 1.0, 16.0).thresholds == pytest.approx([4.0])


def test_the_ratio_solves_its_equation():
    for count, spread in ((1, 2.0), (5, 3.0), (100, 10.0)):
        a = competitive_ratio(count, spread)
        left = (1 - 1 / spread) / (1 - 1 / a)
        assert left == pytest.approx((1 + 1 / (a * count)) ** count, rel=1e-9)


def test_a_flat_grid_has_nothing_to_search_for():
    search = KMinSearch(3, 9, 50.0, 50.0)
    assert search.ratio == search.bound == 1.0
    assert search.run(np.full(9, 50.0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("count", "slots", "low", "high"),
    [(0, 5, 1.0, 2.0), (6, 5, 1.0, 2.0), (1, 5, 0.0, 2.0), (1, 5, 3.0, 2.0)],
)
def test_what_cannot_be_promised_is_refused(count, slots, low, high):
    with pytest.raises(UsageError):
        KMinSearch(count, slots, low, high)
