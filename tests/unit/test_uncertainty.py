"""Distributions and draws."""

import numpy as np
import pytest

from footprint.model import ResolvedBy, Source, Term
from footprint.uncertainty import Sampler, draw_ratio, interval

DRAWS = 40_000


def term(term_id="t", value=10.0, low=5.0, high=20.0):
    return Term(
        id=term_id,
        quantity="x",
        value=value,
        unit="1",
        low=low,
        high=high,
        bounds="source",
        resolved_by=ResolvedBy.EXACT,
        requested="",
        zone=None,
        year=None,
        source=Source("s", "", "l"),
    )


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(10, 5, 20), (10, 9, 60), (301, 166.2, 550.1), (0.0065, 0.0013, 0.0325)],
)
def test_value_is_the_median_and_the_bounds_are_a_95_percent_band(value, low, high):
    draws = value * draw_ratio(term(value=value, low=low, high=high), seed=1, draws=DRAWS)
    found = np.percentile(draws, [2.5, 50, 97.5])
    assert found == pytest.approx([low, value, high], rel=0.03)


def test_a_value_at_its_lower_bound_spreads_upwards_only():
    draws = draw_ratio(term(value=5.0, low=5.0, high=20.0), seed=1, draws=DRAWS)
    assert draws.min() == 1.0
    assert np.percentile(draws, 97.5) == pytest.approx(4.0, rel=0.03)


def test_draws_depend_on_id_and_seed_and_on_nothing_else():
    one = draw_ratio(term("a"), seed=1, draws=100)
    assert np.array_equal(one, draw_ratio(term("a"), seed=1, draws=100))
    assert not np.array_equal(one, draw_ratio(term("b"), seed=1, draws=100))
    assert not np.array_equal(one, draw_ratio(term("a"), seed=2, draws=100))


def test_different_ids_are_independent():
    one = np.log(draw_ratio(term("a"), seed=1, draws=DRAWS))
    other = np.log(draw_ratio(term("b"), seed=1, draws=DRAWS))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02


def test_no_spread_gives_exactly_the_value():
    assert np.all(draw_ratio(term(low=10.0, high=10.0), seed=1, draws=100) == 1.0)


def test_an_inverse_cancels_its_term():
    sampler = Sampler([term("a"), term("b")], seed=1, draws=1000)
    assert sampler.product(["a", "1/a"]) == pytest.approx(np.ones(1000), rel=1e-12)
    assert sampler.product(["b", "1/a"]) == pytest.approx(
        sampler.product(["b"]) / sampler.product(["a"])
    )


def test_an_interval_holds_its_value():
    assert interval(1.0, np.full(100, 1.0 + 1e-16)) == interval(1.0, np.ones(100))
    found = interval(3.0, np.linspace(0, 10, 101))
    assert (found.low, found.value, found.high) == (0.5, 3.0, 9.5)
