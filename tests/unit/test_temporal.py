"""Shifting in time, against brute force and on a year whose optimum is known."""

from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.temporal import (
    cheapest_slots,
    cheapest_window,
    next_workday,
    periodic_slot,
    saving,
    semi_weekly,
)

# 2024 begins on a Monday.
YEAR = datetime(2024, 1, 1)
HOUR = timedelta(hours=1)


def slot_of(moment):
    return int((moment - YEAR) / HOUR)


def nightly_year():
    """Hours of 366 days and a week: 100 from 0 to 6, 300 else; at weekends 50 less."""
    hours = [YEAR + number * HOUR for number in range(373 * 24)]
    return np.array(
        [(100.0 if h.hour < 6 else 300.0) - (50.0 if h.weekday() >= 5 else 0.0) for h in hours]
    )


@pytest.mark.parametrize(
    ("start", "length", "moved", "split"),
    [
        # Monday 15:00, 4 h, would end at 19:00: until Tuesday 9:00, so four hours of the night.
        ("2024-01-01 15:00", 4, 400.0, 400.0),
        # Tuesday 10:00, 4 h: ends at work, is not moved.
        ("2024-01-02 10:00", 4, 1200.0, 1200.0),
        # Wednesday 13:00, 8 h: six hours of the night, and two beside it.
        ("2024-01-03 13:00", 8, 1200.0, 1200.0),
        # Friday 14:00, 12 h, ends on Saturday: until Monday. Two nights of the weekend are
        # 6 h at 50; in one piece there are six of them, and six at 250.
        ("2024-01-05 14:00", 12, 1800.0, 600.0),
    ],
)
def test_the_optimum_of_a_job_is_known(start, length, moved, split):
    year = nightly_year()
    begin = slot_of(datetime.fromisoformat(start))
    deadline = slot_of(next_workday(YEAR + (begin + length) * HOUR))
    whole = cheapest_window(year, length, release=begin, deadline=deadline)
    parts = cheapest_slots(year, length, release=begin, deadline=deadline)
    assert year[whole].sum() == moved
    assert year[parts].sum() == split


def test_a_year_of_jobs_saves_what_brute_force_saves():
    rng = np.random.default_rng(0)
    year = nightly_year() + rng.normal(0, 20, 373 * 24)
    for _ in range(200):
        begin = int(rng.integers(0, 366 * 24 - 6))
        length = int(rng.integers(1, 4))
        deadline = slot_of(next_workday(YEAR + (begin + length) * HOUR))
        deadline = min(deadline, begin + 20)
        assert deadline >= begin + length
        at_once = np.arange(begin, begin + length)
        whole = min(
            year[first : first + length].sum() for first in range(begin, deadline - length + 1)
        )
        split = min(sum(year[list(c)]) for c in combinations(range(begin, deadline), length))
        found = cheapest_window(year, length, release=begin, deadline=deadline)
        parts = cheapest_slots(year, length, release=begin, deadline=deadline)
        assert year[found].sum() == pytest.approx(whole)
        assert year[parts].sum() == pytest.approx(split)
        assert 0 <= saving(year, found, at_once) <= saving(year, parts, at_once) + 1e-12


@pytest.mark.parametrize(
    ("finish", "workday", "quirk", "delivery"),
    [
        ("Mon 09:00", "Mon 09:00", "Mon 09:00", "Mon 09:00"),
        ("Mon 08:59", "Mon 09:00", "Mon 09:00", "Mon 09:00"),
        ("Mon 16:30", "Mon 16:30", "Mon 16:30", "Thu 09:00"),
        ("Mon 17:00", "Mon 17:00", "Mon 17:00", "Thu 09:00"),
        ("Mon 17:01", "Tue 09:00", "Tue 09:00", "Thu 09:00"),
        ("Thu 09:30", "Thu 09:30", "Thu 09:30", "Mon+ 09:00"),
        ("Thu 23:00", "Fri 09:00", "Fri 09:00", "Mon+ 09:00"),
        ("Fri 16:59", "Fri 16:59", "Fri 16:59", "Mon+ 09:00"),
        ("Fri 17:00", "Fri 17:00", "Fri 17:00", "Mon+ 09:00"),
        ("Fri 17:30", "Mon+ 09:00", "Sat 09:00", "Mon+ 09:00"),
        ("Fri 08:00", "Fri 09:00", "Fri 09:00", "Mon+ 09:00"),
        ("Sat 03:00", "Mon+ 09:00", "Mon+ 09:00", "Mon+ 09:00"),
        ("Sun 12:00", "Mon+ 09:00", "Mon+ 09:00", "Mon+ 09:00"),
    ],
)
def test_deadlines(finish, workday, quirk, delivery):
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Mon+"]

    def moment(text):
        day, clock = text.split()
        hour, minute = map(int, clock.split(":"))
        return YEAR + timedelta(days=days.index(day), hours=hour, minutes=minute)

    assert next_workday(moment(finish)) == moment(workday)
    assert next_workday(moment(finish), friday_quirk=True) == moment(quirk)
    assert semi_weekly(moment(finish)) == moment(delivery)


@given(st.integers(0, 366 * 48))
@settings(deadline=None)
def test_deadlines_are_never_before_the_end_and_never_a_week_late(half_hours):
    finish = YEAR + half_hours * timedelta(minutes=30)
    for deadline in (
        next_workday(finish),
        next_workday(finish, friday_quirk=True),
        semi_weekly(finish),
    ):
        assert finish <= deadline < finish + timedelta(days=4)


series = st.lists(st.floats(0, 1000), min_size=3, max_size=40)


@given(series, st.data())
@settings(deadline=None)
def test_more_time_and_more_freedom_never_cost_more(intensity, data):
    year = np.array(intensity)
    length = data.draw(st.integers(1, len(year)))
    early = data.draw(st.integers(length, len(year)))
    late = data.draw(st.integers(early, len(year)))
    tight = year[cheapest_window(year, length, deadline=early)].sum()
    loose = year[cheapest_window(year, length, deadline=late)].sum()
    split = cheapest_slots(year, length, deadline=late)
    assert len(set(split.tolist())) == length
    assert split.max() < late
    assert year[split].sum() - 1e-6 <= loose <= tight + 1e-6


def test_a_periodic_job_looks_both_ways():
    assert periodic_slot([5, 1, 9, 9, 2], due=3, shift=1) == 4
    assert periodic_slot([5, 1, 9, 9, 2], due=3, shift=2) == 1
    assert periodic_slot([5, 1, 9, 9, 2], due=0, shift=9) == 1
    with pytest.raises(UsageError):
        periodic_slot([5, 1], due=2, shift=1)


def test_a_plan_is_billed_with_what_came():
    forecast, came = np.array([1.0, 5.0, 5.0]), np.array([10.0, 4.0, 4.0])
    planned = cheapest_slots(forecast, 1)
    assert saving(came, planned, np.array([1])) == pytest.approx(1 - 10 / 4)
    with pytest.raises(UsageError, match="2 slots for a job of 1"):
        saving(came, np.array([0, 1]), np.array([1]))
    with pytest.raises(UsageError, match="emits nothing"):
        saving([0.0, 1.0], np.array([1]), np.array([0]))


@pytest.mark.parametrize("choose", [cheapest_slots, cheapest_window])
def test_what_does_not_fit_is_refused_and_nothing_is_extrapolated(choose):
    with pytest.raises(UsageError, match="does not fit"):
        choose([1.0, 2.0, 3.0], 3, release=1)
    with pytest.raises(UsageError, match="not extrapolated"):
        choose([1.0, 2.0, 3.0], 2, release=1, deadline=4)
    with pytest.raises(UsageError, match="place 1"):
        choose([1.0, np.nan, 3.0], 1)
