"""Sharing energy within a domain: laws, and the two forms against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from footprint.simulation.sharing import Grouping, share_alone, share_step

amounts = st.one_of(st.just(0.0), st.floats(1e-3, 1e6))


@st.composite
def steps(draw, most=12):
    """Clients of several domains in the middle of a round."""
    number = draw(st.integers(1, most))
    domain = np.array(sorted(draw(st.lists(st.integers(0, 4), min_size=number, max_size=number))))
    by = Grouping.by(domain)
    column = st.lists(amounts, min_size=number, max_size=number)
    least = np.array(draw(st.lists(st.floats(1.0, 1e5), min_size=number, max_size=number)))
    done = np.array(draw(column))
    most_ws = least * 5 + done
    room = np.minimum(np.array(draw(column)), most_ws - done)
    limit = st.one_of(amounts, st.just(np.inf))
    energy = np.array(draw(st.lists(limit, min_size=len(by.domains), max_size=len(by.domains))))
    return energy, room, done, (least, most_ws), by


@given(steps())
def test_no_energy_is_made_and_none_is_wasted(step):
    energy, room, done, aims, by = step
    shared = share_step(energy, room, done, aims, by)
    assert (shared >= 0).all()
    assert (shared <= room * (1 + 1e-12)).all()
    used, wanted = by.sums(shared), by.sums(room)
    assert (used <= energy * (1 + 1e-12)).all()
    # What nobody takes, nobody could: a domain gives all it has, or all that there is room for.
    assert used == pytest.approx(np.minimum(energy, wanted), rel=1e-9)


@given(steps())
def test_lists_and_arrays_agree(step):
    energy, room, done, aims, by = step
    shared = share_step(energy, room, done, aims, by)
    for group in range(len(by.domains)):
        inside = by.of == group
        alone = share_alone(
            float(energy[group]),
            room[inside].tolist(),
            ((aims[0] - done)[inside].tolist(), (aims[1] - done)[inside].tolist()),
        )
        assert shared[inside].tolist() == pytest.approx(alone, rel=1e-9, abs=1e-9)


def levels(energy, weight, room):
    """Water level by bisection: sum of min(room, level x weight) is the energy."""
    low, high = 0.0, 1e12
    for _ in range(200):
        middle = (low + high) / 2
        if np.minimum(room, middle * weight).sum() < energy:
            low = middle
        else:
            high = middle
    return np.minimum(room, high * weight)


@given(steps())
@settings(max_examples=200)
def test_each_phase_fills_to_one_level(step):
    energy, room, done, aims, by = step
    shared = share_step(energy, room, done, aims, by)
    for group in range(len(by.domains)):
        inside = by.of == group
        missing = np.maximum((aims[0] - done)[inside], 0.0)
        available = float(min(energy[group], room[inside].sum()))
        ceiling = np.minimum(room[inside], missing)
        first = levels(min(available, ceiling.sum()), missing, ceiling)
        rest = max(available - first.sum(), 0.0)
        later = room[inside] - first
        second = levels(min(rest, later.sum()), (aims[1] - done)[inside] - first, later)
        expected = first + second
        assert shared[inside] == pytest.approx(expected, rel=1e-6, abs=1e-6 * max(available, 1))


def test_those_below_the_least_come_first():
    by = Grouping.by(np.array([0, 0, 0]))
    least, most = np.full(3, 100.0), np.full(3, 500.0)
    done = np.array([0.0, 50.0, 200.0])
    room = np.full(3, 1000.0)
    # 100 and 50 are missing: two thirds and one third. Nothing is left for the third client.
    shared = share_step(np.array([90.0]), room, done, (least, most), by)
    assert shared.tolist() == pytest.approx([60.0, 30.0, 0.0])
    # The first two have no room for more than 40 each; the rest goes to the third.
    shared = share_step(np.array([100.0]), np.full(3, 40.0), done, (least, most), by)
    assert shared.tolist() == pytest.approx([40.0, 40.0, 20.0])
    # Both reach the least; 40 are left, shared by what then lacks to the most: 4, 4 and 3.
    shared = share_step(np.array([190.0]), room, done, (least, most), by)
    assert shared.tolist() == pytest.approx([100 + 160 / 11, 50 + 160 / 11, 120 / 11])


def test_more_energy_never_gives_anybody_less():
    rng = np.random.default_rng(3)
    by = Grouping.by(np.zeros(6, dtype=int))
    for _ in range(200):
        least = rng.uniform(1, 100, 6)
        done = rng.uniform(0, 3, 6) * least
        room = rng.uniform(0, 1, 6) * (5 * least - done)
        before = np.zeros(6)
        for energy in np.linspace(0, room.sum() * 1.1, 15):
            shared = share_step(np.array([energy]), room, done, (least, 5 * least), by)
            assert (shared >= before - 1e-9).all()
            before = shared


@pytest.mark.parametrize(
    ("energy", "weight", "room", "expected"),
    [
        (12, [1, 2, 3], [9, 9, 9], [2, 4, 6]),
        (12, [1, 1, 1], [2, 9, 9], [2, 5, 5]),  # what the first leaves is divided again
        (12, [1, 2, 3], [1, 9, 5], [1, 6, 5]),  # first the third is full, then the first
        (30, [1, 2, 3], [1, 9, 5], [1, 9, 5]),  # enough for all
        (12, [1, 1, 1], [0, 9, 9], [0, 6, 6]),
        (0, [1, 1, 1], [9, 9, 9], [0, 0, 0]),
        (15, [1, 2, 3], [1, 9, 5], [1, 9, 5]),  # exactly enough
    ],
)
def test_known_divisions(energy, weight, room, expected):
    """Of one phase: nobody lacks anything to the least work."""
    by, none = Grouping.by(np.zeros(3, dtype=int)), np.zeros(3)
    most, ceiling = np.array(weight, dtype=float), np.array(room, dtype=float)
    shared = share_step(np.array([float(energy)]), ceiling, none, (none, most), by)
    assert shared.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_the_level_of_water_is_that_of_a_linear_program(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 12))
    weight, room = rng.exponential(size=(2, size))
    energy = float(room.sum() * rng.uniform(0.05, 1.1))
    by, none = Grouping.by(np.zeros(size, dtype=int)), np.zeros(size)
    shared = share_step(np.array([energy]), room, none, (none, weight), by)
    # All of the energy, or of the room, with e <= x w for the lowest x.
    lowest = linprog(
        np.append(np.zeros(size), 1.0),
        A_ub=np.hstack([np.eye(size), -weight[:, None]]),
        b_ub=np.zeros(size),
        A_eq=[np.append(np.ones(size), 0.0)],
        b_eq=[min(energy, room.sum())],
        bounds=[(0, ceiling) for ceiling in room] + [(0, None)],
    )
    if energy < room.sum():  # else all are at their ceiling, and there is no level
        assert (shared / weight).max() == pytest.approx(lowest.fun, rel=1e-6)


def test_domains_do_not_touch_each_other():
    by, none = Grouping.by(np.array([0, 0, 1, 2, 2])), np.zeros(5)
    weight, room = np.array([1.0, 2, 1, 1, 3]), np.array([9.0, 9, 1, 9, 2])
    shared = share_step(np.array([6.0, 5.0, 8.0]), room, none, (none, weight), by)
    assert shared.tolist() == pytest.approx([2, 4, 1, 6, 2])


def test_the_second_phase_gets_what_the_first_left_and_no_more():
    by = Grouping.by(np.array([0, 0]))
    per_batch = np.array([2.0, 4.0])
    least, most, done = 10 * per_batch, 50 * per_batch, np.array([10.0, 8.0]) * per_batch
    shared = share_step(np.array([20.0]), 99 * per_batch, done, (least, most), by)
    # The second needs 2 batches of 4 Ws for its least work; 12 Ws are left, by what could
    # still be used: 40 x 2 Ws and 40 x 4 Ws.
    assert shared.tolist() == pytest.approx([4.0, 8.0 + 8.0])
    # The public code of FedZero hands out the 20 Ws again, and uses 28.
    assert shared.sum() == pytest.approx(20.0)
