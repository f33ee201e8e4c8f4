"""Utility and blocklist of FedZero."""

import math

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.scheduling.fedzero.blocklist import (
    Blocklist,
    CycleLevel,
    MeanLevel,
    release_probability,
)
from footprint.scheduling.fedzero.compat import AuthorsBlocklist
from footprint.scheduling.fedzero.utility import normalised, statistical_utility

H = 3600.0


def test_utility_of_known_losses():
    assert statistical_utility([3.0, 4.0]) == pytest.approx(2 * math.sqrt(12.5))
    # Equal losses: as many samples as losses, times the loss.
    assert statistical_utility(np.full(50, 0.5)) == pytest.approx(25.0)


@pytest.mark.parametrize("losses", [[], [1.0, math.nan], [math.inf]])
def test_utility_of_nothing_is_no_number(losses):
    with pytest.raises(UsageError, match="utility"):
        statistical_utility(losses)


def test_weights_lie_between_none_and_one():
    assert normalised([2.0, 5.0, 3.0]) == pytest.approx([0.0, 1.0, 1 / 3])
    assert normalised([7.0, 7.0]).tolist() == [1.0, 1.0]
    assert normalised([0.0]).tolist() == [1.0]
    assert normalised([0.0, 1.7e308]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_a_utility_that_is_none_is_refused(wrong):
    with pytest.raises(UsageError, match="utility"):
        normalised([1.0, wrong])


@pytest.mark.parametrize("form", ["factor", "exponent"])
def test_probabilities_at_alpha_one(form):
    beyond = np.array([-3.0, 0.0, 0.5, 1.0, 2.0, 10.0])
    found = release_probability(beyond + 4.0, 4.0, 1.0, form)
    assert found == pytest.approx([1.0, 1.0, 1.0, 1.0, 0.5, 0.1])


def test_alpha_is_a_factor_or_an_exponent():
    assert release_probability([10.0], 0.0, 2.0, "factor") == pytest.approx([0.2])
    assert release_probability([10.0], 0.0, 2.0, "exponent") == pytest.approx([0.01])


@pytest.mark.parametrize(("alpha", "form"), [(0.0, "factor"), (-1.0, "factor"), (1.0, "power")])
def test_probabilities_that_mean_nothing_are_refused(alpha, form):
    with pytest.raises(UsageError):
        release_probability([1.0], 0.0, alpha, form)


def flags(*clients, of=4):
    return np.isin(np.arange(of), clients)


def test_the_reference_level_over_two_days():
    level = CycleLevel(4)
    counts = np.array([4, 2, 0, 100])
    assert level.update(0.0, counts, flags(0)) == 0.0
    # The first half of a cycle stays, whoever is there.
    assert level.update(11 * H, counts, flags(1)) == 0.0
    # At 18 h half of the way to the mean of clients 0 and 1.
    assert level.update(18 * H, counts, flags(2)) == pytest.approx(1.5)
    # Client 2 counts from the next selection on: at 21 h three quarters of the way to 2.
    assert level.update(21 * H, counts, flags(0)) == pytest.approx(1.5)
    # The next cycle begins with the mean of the last one, and stays for 12 h.
    assert level.update(25 * H, counts, flags(3)) == pytest.approx(2.0)
    assert level.update(36 * H, counts, flags(3)) == pytest.approx(2.0)
    # It is counted from its first selection, at 25 h: 18 h later half of the way to 100.
    assert level.update(43 * H, counts, flags(3)) == pytest.approx(51.0)


def test_a_day_in_the_dark_leaves_the_reference_level():
    level = CycleLevel(4)
    counts = np.array([4, 2, 0, 100])
    level.update(0.0, counts, flags(0))
    assert level.update(24 * H, counts, flags()) == 4.0
    assert level.update(40 * H, counts, flags()) == 4.0
    assert level.update(60 * H, counts, flags()) == 4.0


def test_the_mean_level_is_that_of_all_who_were_ever_available():
    level = MeanLevel(4)
    counts = np.array([4, 2, 0, 100])
    assert level.update(0.0, counts, flags()) == 0.0
    assert level.update(0.0, counts, flags(0, 1)) == 3.0
    assert level.update(30 * H, counts, flags(2)) == 2.0


def test_beside_a_mean_somebody_is_always_released():
    """In a small fleet where all take part alike, cycles block nearly everybody."""
    rng = np.random.default_rng(0)
    free = {}
    for name in ("mean", "cycles"):
        blocklist = Blocklist(20, level=name)
        free[name] = 0
        for number in range(100):
            blocked = blocklist.update(60.0 * number, flags(*range(20), of=20), np.ones(20), rng)
            free[name] += int((~blocked).sum())
            blocklist.record(np.flatnonzero(~blocked)[:5])
    assert free["mean"] > 100 * 5
    assert free["cycles"] < 100 * 5


def test_there_are_two_levels():
    with pytest.raises(UsageError, match="'median'"):
        Blocklist(3, level="median")


class Draws:
    """A generator that deals out given numbers, and counts them."""

    def __init__(self, *numbers):
        self.left = list(numbers)

    def random(self, size=None):
        if size is None:
            return self.left.pop(0)
        return np.array([self.left.pop(0) for _ in range(size)])


UTILITY = np.array([1.0, 2.0, 3.0, 4.0])


def test_a_client_that_took_part_is_blocked_until_its_draw():
    blocklist = Blocklist(4, level="cycles")
    everybody = flags(0, 1, 2, 3)
    # Four rounds of client 0, of which it never draws its release.
    for number in range(4):
        blocklist.record([0])
        blocklist.update(60.0 * number, everybody, UTILITY, Draws(0.0))
    assert blocklist.participations.tolist() == [4, 0, 0, 0]
    blocklist.record([0, 2])
    # Client 0 has 5: 1/5. Client 2 has 1: released at once, whatever it draws.
    assert blocklist.update(300.0, everybody, UTILITY, Draws(0.21, 0.999)).tolist() == [
        True,
        False,
        False,
        False,
    ]
    blocklist.record([])
    assert not blocklist.update(360.0, everybody, UTILITY, Draws(0.19)).any()


def test_waiting_draws_nothing_and_blocks_nobody_again():
    blocklist = Blocklist(4, level="cycles")
    for number in range(5):
        blocklist.record([0, 1])
        blocklist.update(60.0 * number, flags(0, 1), UTILITY, Draws(0.0, 0.0))
    blocklist.record([0, 1])
    first = blocklist.update(400.0, flags(), UTILITY, Draws(0.9, 0.1))
    assert first.tolist() == [True, False, False, False]
    for retry in range(3):
        again = blocklist.update(700.0 + 300 * retry, flags(0, 1), UTILITY, Draws())
        assert again.tolist() == first.tolist()
    first[:] = False  # what is given out is a copy
    assert blocklist.blocked[0]


def test_a_long_wait_is_as_good_as_a_round():
    """Else a fleet in which all but a few are blocked would wait for ever."""
    for redraw_s, passed_s, draws in ((600.0, 599.0, 0), (600.0, 600.0, 1), (math.inf, 1e9, 0)):
        blocklist = Blocklist(4, level="cycles", redraw_s=redraw_s)
        blocklist.participations[:] = 10
        blocklist.record([0])
        assert blocklist.update(0.0, flags(0), UTILITY, Draws(0.99))[0]
        again = blocklist.update(passed_s, flags(0), UTILITY, Draws(*[0.0] * draws))
        assert again[0] == (draws == 0)
    with pytest.raises(UsageError, match="redraw_s"):
        Blocklist(4, redraw_s=0.0)


def test_clients_may_join_later():
    blocklist = Blocklist(1, level="cycles")
    blocklist.record([0])
    blocklist.update(0.0, flags(0, of=1), UTILITY[:1], Draws(0.0))
    blocklist.grow(4)
    assert blocklist.participations.tolist() == [1, 0, 0, 0]
    blocklist.participations[:] = 10
    blocklist.record([0, 3])
    found = blocklist.update(60.0, flags(0, 3), UTILITY, Draws(0.99, 0.99))
    assert found.tolist() == [True, False, False, True]


@pytest.mark.parametrize(("exclusion", "blocked"), [(1.0, [0, 1, 2]), (0.5, [0, 1]), (0.0, [0])])
def test_exclusion_blocks_those_of_low_utility(exclusion, blocked):
    blocklist = Blocklist(4, exclusion=exclusion, level="cycles")
    blocklist.participations[:] = 10  # so that 0.99 releases nobody
    blocklist.record([2, 0, 1])
    found = blocklist.update(0.0, flags(0, 1, 2), UTILITY, Draws(*[0.99] * len(blocked)))
    assert np.flatnonzero(found).tolist() == blocked


def test_release_frequencies_are_the_probabilities():
    clients = 20_000
    blocklist = Blocklist(clients, level="cycles")
    blocklist.participations[:] = np.arange(clients) % 4  # then 1 to 4
    blocklist.record(np.arange(clients))
    found = blocklist.update(
        0.0, np.ones(clients, bool), np.ones(clients), np.random.default_rng(1)
    )
    for count in (1, 2, 3, 4):
        share = 1 - found[blocklist.participations == count].mean()
        assert share == pytest.approx(1 / count, abs=0.03)  # four standard errors


def test_exclusion_is_a_share():
    with pytest.raises(UsageError, match="exclusion"):
        Blocklist(4, exclusion=1.5)


def test_the_public_code_draws_nothing_if_no_participant_is_available():
    ours, theirs = Blocklist(4, level="cycles"), AuthorsBlocklist(4)
    for blocklist in (ours, theirs):
        blocklist.participations[:] = 10
        blocklist.record([0])
        blocklist.update(0.0, flags(0), UTILITY, Draws(0.99))
        blocklist.record([1])
    assert ours.update(60.0, flags(0), UTILITY, Draws(0.01, 0.01)).tolist() == [False] * 4
    assert theirs.update(60.0, flags(0), UTILITY, Draws()).tolist() == [True] + [False] * 3


def test_the_public_code_draws_again_at_each_retry_and_keeps_copies():
    theirs = AuthorsBlocklist(4)
    theirs.participations[:] = 10
    theirs.record([0])
    assert theirs.update(0.0, flags(0), UTILITY, Draws(0.99))[0]
    # The retry adds a second copy; one release leaves the other, which is skipped.
    draws = Draws(0.01, 0.01)
    assert theirs.update(300.0, flags(0), UTILITY, draws)[0]
    assert draws.left == [0.01]


def test_the_public_code_counts_discarded_work():
    theirs = AuthorsBlocklist(4)
    theirs.record([0], discarded=np.array([2, 3]))
    assert theirs.participations.tolist() == [1, 0, 1, 1]
    ours = Blocklist(4)
    ours.record([0])
    assert ours.participations.tolist() == [1, 0, 0, 0]
