"""Curves: where they reach a target, and what lies between their points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from footprint.scheduling.curves import (
    first_reaching,
    lorenz_curve,
    mean_between,
    moving_mean,
    value_at,
    worst_decile,
)
from footprint.scheduling.participation import jain_index

NAN = float("nan")


def test_a_target_is_reached_by_five_rounds_and_not_by_one():
    lucky = [0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert first_reaching(lucky, 0.3) is None
    assert first_reaching([0.8] * 5, 0.8) == 4
    assert first_reaching([0.8] * 4, 0.8) is None
    assert first_reaching([0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0], 0.5) == 6


def test_rounds_that_were_not_measured_are_passed_over():
    accuracy = [0.5, NAN, 0.5, NAN, 0.5, 0.5, NAN, 0.5, NAN]
    assert first_reaching(accuracy, 0.5) == 7
    smooth = moving_mean(accuracy)
    assert np.isnan(smooth[8])
    assert smooth[7] == 0.5


def test_a_curve_is_never_continued():
    xs, ys = [1.0, 2.0, 4.0], [0.1, 0.3, 0.5]
    assert value_at(xs, ys, 3.0) == pytest.approx(0.4)
    assert value_at(xs, ys, 0.999) is None
    assert value_at(xs, ys, 4.001) is None
    assert value_at([], [], 0.0) is None
    assert mean_between(xs, ys, 0.5, 3.0) is None
    assert mean_between(xs, ys, 2.0, 4.5) is None


def test_rounds_that_emit_nothing_count_with_their_last_value():
    # Two rounds on excess energy alone, then one from the grid.
    assert value_at([0.0, 0.0, 5.0], [0.1, 0.4, 0.5], 0.0) == 0.4
    assert value_at([0.0, 0.0], [0.1, 0.4], 0.0) == 0.4
    assert mean_between([0.0, 0.0], [0.1, 0.4], 0.0, 0.0) == 0.4


def test_points_without_a_value_are_bridged():
    assert value_at([0.0, 1.0, 2.0], [0.0, NAN, 1.0], 1.0) == 0.5
    assert value_at([0.0, 1.0, 2.0], [NAN, 0.2, 1.0], 0.5) is None


def test_the_mean_of_a_straight_line_is_that_of_its_ends():
    xs = np.array([0.0, 1.0, 3.0, 7.0])
    assert mean_between(xs, 2 * xs + 1, 0.5, 6.0) == pytest.approx(2 * 3.25 + 1)


@given(arrays(float, 9, elements=st.floats(0, 1)), st.floats(0, 4), st.floats(4, 8))
def test_a_mean_lies_between_the_extremes_and_adds_up(ys, low, high):
    xs = np.arange(9.0)
    whole = mean_between(xs, ys, low, high)
    assert ys.min() - 1e-9 <= whole <= ys.max() + 1e-9
    if low < 4 < high:
        parts = (4 - low) * mean_between(xs, ys, low, 4) + (high - 4) * mean_between(
            xs, ys, 4, high
        )
        assert parts == pytest.approx((high - low) * whole, abs=1e-9)


@given(arrays(float, 12, elements=st.floats(0, 100)).filter(lambda x: x.sum() > 1e-6))
def test_a_lorenz_curve_hangs_below_the_even_line(amounts):
    curve = np.array(lorenz_curve(amounts))
    assert curve[0] == 0
    assert curve[-1] == pytest.approx(1)
    assert (np.diff(curve) >= -1e-12).all()
    assert (curve <= np.linspace(0, 1, len(curve)) + 1e-9).all()
    assert curve == pytest.approx(lorenz_curve(amounts[::-1]))


def test_even_work_is_a_straight_line():
    assert lorenz_curve([3, 3, 3, 3]) == pytest.approx(np.linspace(0, 1, 21))
    assert jain_index([3, 3, 3, 3]) == 1
    assert lorenz_curve([0, 0]) == ()


def test_the_worst_tenth_has_at_least_one_client():
    assert worst_decile([0.5, 0.1, 0.9]) == 0.1
    assert worst_decile(np.arange(20)) == 0.5
    assert worst_decile(np.arange(21)) == 1.0
