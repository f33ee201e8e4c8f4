"""Budgets: what they allow, and what they say afterwards."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.budget import Budget, BudgetMode, Resource

amounts = st.lists(st.floats(0, 30), min_size=1, max_size=12)


def budget(mode=BudgetMode.HARD, **more):
    return Budget(Resource.CARBON_G, 100.0, mode, **more)


def spend(start, plans):
    """Follow a plan wherever the budget allows it; measured as planned."""
    for planned in plans:
        start = start.book(planned if start.allows(planned) else 0.0)
    return start


def test_a_soft_budget_allows_everything_and_says_when_it_was_passed():
    one = spend(budget(BudgetMode.SOFT), [60.0, 39.0, 21.0, 10.0])
    assert one.available == math.inf
    assert (one.spent, one.remaining, one.booked, one.overspent_in) == (130.0, -30.0, 4, 2)
    assert one.violation == pytest.approx(0.3)
    assert one.unused == 0


def test_a_hard_budget_leaves_out_what_does_not_fit():
    one = spend(budget(), [60.0, 41.0, 30.0])
    assert (one.spent, one.overspent_in) == (90.0, None)
    assert one.unused == pytest.approx(0.1)
    assert one.violation == 0


def test_what_is_measured_may_still_pass_a_hard_budget():
    one = budget().book(99.0).book(2.0)
    assert one.overspent_in == 1
    assert one.available == 0
    assert not one.allows(0.1)
    assert one.allows(0.0)


def test_a_reserve_is_kept_until_it_is_released():
    one = budget(reserve=25.0).book(70.0)
    assert one.available == pytest.approx(5.0)
    assert not one.allows(6.0)
    assert one.release().available == pytest.approx(30.0)


def test_a_paced_budget_carries_over_what_was_left_and_nothing_ahead():
    one = budget(BudgetMode.PACED, rounds=4, reserve=20.0)
    assert one.share == one.available == 20.0
    one = one.book(5.0)
    assert one.available == pytest.approx(35.0)
    one = one.book(45.0)
    assert one.available == pytest.approx(10.0)
    # After the last round the line does not go on.
    assert one.book(0).book(0).book(0).available == pytest.approx(30.0)


@given(amounts, st.sampled_from([BudgetMode.HARD, BudgetMode.PACED]), st.floats(0, 100))
@settings(deadline=None)
def test_what_a_budget_allows_never_sums_up_to_more_than_it(plans, mode, reserve):
    one = spend(budget(mode, rounds=len(plans), reserve=reserve), plans)
    assert one.spent <= 100 - reserve + 1e-6
    assert one.violation == 0


@given(amounts)
@settings(deadline=None)
def test_a_paced_budget_is_never_ahead_of_its_line(plans):
    one = budget(BudgetMode.PACED, rounds=len(plans))
    for number, planned in enumerate(plans, start=1):
        one = one.book(planned if one.allows(planned) else 0.0)
        assert one.spent <= 100 * number / len(plans) + 1e-6


def test_equal_shares_may_all_be_spent():
    # 0.1 has no exact binary form: sums of it must not fail the last round.
    one = Budget(Resource.ENERGY_KWH, 1.0, BudgetMode.PACED, rounds=10)
    for _ in range(10):
        assert one.allows(0.1)
        one = one.book(0.1)
    assert one.overspent_in is None


def test_booking_changes_nothing_but_its_result():
    before = budget()
    before.book(50.0)
    assert before.spent == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Budget(Resource.TIME_S, 0.0),
        lambda: Budget(Resource.MONEY_EUR, math.nan),
        lambda: budget(reserve=101.0),
        lambda: budget(BudgetMode.PACED),
        lambda: budget(rounds=0),
        lambda: budget().book(-1.0),
        lambda: budget().book(math.nan),
        lambda: budget().allows(math.nan),
        lambda: budget().share,
    ],
)
def test_what_means_nothing_is_refused(wrong):
    with pytest.raises(UsageError):
        wrong()
