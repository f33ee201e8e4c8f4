"""Sites that come and go with a signal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from footprint.errors import UsageError
from footprint.scheduling.curtailment import Threshold, participants_allowed


def test_a_site_stays_between_the_two_thresholds_and_does_not_come_back():
    signal = np.array([[9.0], [5.0], [6.9], [7.0], [7.1], [6.0], [4.0]])
    there = Threshold(5.0, 7.0).follow(signal)
    assert there[:, 0].tolist() == [False, True, True, True, False, False, True]


def test_who_was_there_before_may_stay():
    signal = np.array([[6.0, 6.0]])
    assert Threshold(5.0, 7.0).follow(signal, [True, False]).tolist() == [[True, False]]


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 20), st.integers(1, 4)), elements=st.floats(0, 10)),
    st.floats(0, 10),
    st.floats(0, 5),
)
@settings(deadline=None)
def test_hysteresis_lies_between_two_plain_thresholds_and_changes_less(signal, join, gap):
    there = Threshold(join, join + gap).follow(signal)
    assert not np.any((signal <= join) & ~there)
    assert not np.any(there & (signal > join + gap))

    def changes(mask):
        before = np.zeros((1, mask.shape[1]), dtype=bool)
        return np.abs(np.diff(np.concatenate([before, mask]).astype(int), axis=0)).sum()

    assert changes(there) <= changes(signal <= join)


def test_a_missing_signal_is_neither_in_nor_out():
    with pytest.raises(UsageError, match="place 0, 1"):
        Threshold(1.0, 2.0).follow(np.array([[1.0, np.nan]]))


def test_fewer_take_part_in_dirtier_hours():
    hours = [50, 100, 200, 300, 399, 400, 900]
    allowed = participants_allowed(hours, low=100, high=400, least=2, most=8)
    assert allowed.tolist() == [8, 8, 6, 4, 2, 2, 2]


def test_thresholds_that_mean_nothing_are_refused():
    with pytest.raises(UsageError, match="joins at 5"):
        Threshold(5.0, 4.0)
    with pytest.raises(UsageError):
        Threshold(float("nan"), 4.0)
    with pytest.raises(UsageError):
        participants_allowed([1.0], low=4, high=4, least=0, most=1)
