"""Stop by carbon rate: a pure rule that sees the past alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.learning.stopping import RateStop, StopReason, stop_place


def test_a_training_stops_when_it_was_poor_for_some_rounds():
    # 10 points a gram at first, 1 after the fourth round.
    accuracy = [0.1, 0.2, 0.3, 0.4, 0.41, 0.42, 0.43, 0.44]
    emissions_g = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    rule = RateStop(0.05, window=2, patience=2)
    # Over two rounds: 0.2, 0.2, 0.11, then 0.02, 0.02: the second poor one is the seventh round.
    assert stop_place(rule, accuracy, emissions_g) == (6, StopReason.RATE)
    assert stop_place(RateStop(0.009, 2, 2), accuracy, emissions_g) is None


def test_what_costs_nothing_may_go_on():
    rule = RateStop(1.0, window=1, patience=1)
    assert rule.reason([0.5, 0.5, 0.5], [1.0, 1.0, 1.0]) is None
    assert rule.reason([0.5, 0.5], [1.0, 1.1]) is StopReason.RATE


def test_a_budget_is_not_exceeded_by_a_round_like_those_before():
    rule = RateStop(0.0, budget_g=10.0)
    assert rule.reason([0.1, 0.2], [3.0, 6.0]) is None
    assert rule.reason([0.1, 0.2, 0.3], [3.0, 6.0, 9.0]) is StopReason.BUDGET
    # The dearest round so far took 6.
    assert rule.reason([0.1, 0.2], [6.0, 7.0]) is StopReason.BUDGET


@given(
    steps=st.lists(st.tuples(st.floats(-0.1, 0.2), st.floats(0, 2)), min_size=1, max_size=25),
    least=st.floats(0, 1),
    window=st.integers(1, 4),
    patience=st.integers(1, 4),
)
def test_a_record_is_stopped_where_the_running_training_would_have_been(
    steps, least, window, patience
):
    accuracy, emissions_g = [], []
    for gain, emitted in steps:
        accuracy.append((accuracy or [0.0])[-1] + gain)
        emissions_g.append((emissions_g or [0.0])[-1] + emitted)
    rule = RateStop(least, window, patience, budget_g=15.0)
    found = stop_place(rule, accuracy, emissions_g)
    ran = len(steps) if found is None else found[0] + 1
    reasons = [rule.reason(accuracy[:n], emissions_g[:n]) for n in range(1, ran)]
    assert reasons == [None] * (ran - 1)
    if found is not None:
        assert rule.reason(accuracy[:ran], emissions_g[:ran]) is found[1]
        # A rate is judged once window and patience are full.
        assert found[1] is StopReason.BUDGET or ran >= window + patience


def test_what_cannot_be_a_rule_is_refused():
    for wrong in ({"window": 0}, {"patience": 0}, {"budget_g": 0.0}):
        with pytest.raises(UsageError):
            RateStop(0.1, **wrong)
    with pytest.raises(UsageError):
        RateStop(float("nan"))
    with pytest.raises(UsageError, match="cannot fall"):
        RateStop(0.1).reason([0.1, 0.2], [2.0, 1.0])
