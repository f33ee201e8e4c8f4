"""Predicting a production run from short ones."""

import numpy as np
import pytest
from scipy import stats

from footprint.errors import UsageError
from footprint.lifecycle.prediction import fit_predictor


def test_a_straight_line_is_found_and_its_interval_is_that_of_the_textbook():
    work = np.array([100.0, 200.0, 400.0, 800.0, 1600.0])
    noise = np.array([3.0, -2.0, 1.0, -4.0, 2.0])
    found = fit_predictor(work, 50 + 0.25 * work + noise, level=0.9)
    line = stats.linregress(work, 50 + 0.25 * work + noise)
    assert found.slope == pytest.approx(line.slope)
    assert found.r_squared == pytest.approx(line.rvalue**2)
    more = found.predict(10_000.0)
    assert more.value == pytest.approx(line.intercept + line.slope * 10_000)
    assert more.high - more.value == pytest.approx(more.value - more.low)
    assert more.high - more.low > found.predict(500.0).high - found.predict(500.0).low


def test_ninety_percent_of_new_runs_lie_in_the_interval():
    rng = np.random.default_rng(5)
    inside, turns = 0, 800
    work = np.linspace(10, 100, 6)
    for _ in range(turns):
        found = fit_predictor(work, 5 + 2 * work + rng.normal(0, 3, len(work)), level=0.9)
        predicted = found.predict(150.0)
        inside += predicted.low <= 5 + 2 * 150 + rng.normal(0, 3) <= predicted.high
    assert inside / turns == pytest.approx(0.9, abs=0.035)


@pytest.mark.parametrize(
    ("work", "grams"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([5] * 4, [1, 2, 3, 4])]
)
def test_too_little_is_refused(work, grams):
    with pytest.raises(UsageError):
        fit_predictor(work, grams)
