"""Water-filling and the two phases of a step, against known numbers and a linear program."""

import numpy as np
import pytest
from scipy.optimize import linprog

from footprint.simulation.waterfill import Workers, divide_energy, work_step

ONE = np.zeros(3, dtype=int)  # three clients of one domain


def divide(energy_ws, weight, ceiling_ws, domain=ONE):
    return divide_energy(
        np.atleast_1d(energy_ws).astype(float),
        domain,
        np.asarray(weight, dtype=float),
        np.asarray(ceiling_ws, dtype=float),
    )


@pytest.mark.parametrize(
    ("energy_ws", "weight", "ceiling_ws", "expected"),
    [
        (12, [1, 2, 3], [9, 9, 9], [2, 4, 6]),
        (12, [1, 1, 1], [2, 9, 9], [2, 5, 5]),  # what the first leaves is divided again
        (12, [1, 2, 3], [1, 9, 5], [1, 6, 5]),  # first the third is full, then the first
        (30, [1, 2, 3], [1, 9, 5], [1, 9, 5]),  # enough for all
        (12, [0, 1, 1], [9, 9, 9], [0, 6, 6]),
        (12, [1, 1, 1], [0, 9, 9], [0, 6, 6]),
        (0, [1, 1, 1], [9, 9, 9], [0, 0, 0]),
        (15, [1, 2, 3], [1, 9, 5], [1, 9, 5]),  # exactly enough
    ],
)
def test_known_divisions(energy_ws, weight, ceiling_ws, expected):
    assert divide(energy_ws, weight, ceiling_ws).tolist() == pytest.approx(expected)


def test_domains_do_not_touch_each_other():
    domain = np.array([2, 0, 2, 0, 1])
    weight, ceiling_ws = [1, 1, 3, 2, 1], [9, 9, 2, 9, 1]
    together = divide([6, 5, 8], weight, ceiling_ws, domain)
    assert together.tolist() == pytest.approx([6, 2, 2, 4, 1])


def level_by_bisection(energy_ws, weight, ceiling_ws):
    low, high = 0.0, (ceiling_ws / weight).max()
    for _ in range(200):
        middle = (low + high) / 2
        if np.minimum(middle * weight, ceiling_ws).sum() < energy_ws:
            low = middle
        else:
            high = middle
    return np.minimum(high * weight, ceiling_ws)


@pytest.mark.parametrize("seed", range(30))
def test_division_is_that_of_bisection_and_of_a_linear_program(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 12))
    weight, ceiling_ws = rng.exponential(size=(2, size))
    energy_ws = float(ceiling_ws.sum() * rng.uniform(0.05, 1.1))
    found = divide(energy_ws, weight, ceiling_ws, np.zeros(size, dtype=int))
    assert found == pytest.approx(level_by_bisection(energy_ws, weight, ceiling_ws), abs=1e-9)
    # The level of water, as a program: the largest sum with e <= x w for the lowest x.
    most = min(energy_ws, ceiling_ws.sum())
    lowest = linprog(
        np.append(np.zeros(size), 1.0),
        A_ub=np.hstack([np.eye(size), -weight[:, None]]),
        b_ub=np.zeros(size),
        A_eq=[np.append(np.ones(size), 0.0)],
        b_eq=[most],
        bounds=[(0, ceiling) for ceiling in ceiling_ws] + [(0, None)],
    )
    assert (found / weight).max() == pytest.approx(lowest.fun, rel=1e-6)
    assert found.sum() == pytest.approx(most)


def workers(least, most, per_batch_ws=(1.0, 1.0), domain=(0, 0)):
    return Workers(
        np.array(domain),
        np.array(per_batch_ws, dtype=float),
        np.array(least, dtype=float),
        np.array(most, dtype=float),
    )


def work(who, energy_ws, spare, done):
    after, used_ws = work_step(
        who, np.array([energy_ws], float), np.array(spare, float), np.array(done, float)
    )
    return after.tolist(), used_ws.tolist()


def test_the_second_phase_gets_what_the_first_left_and_no_more():
    who = workers(least=[10, 10], most=[50, 50], per_batch_ws=[2.0, 4.0])
    # Client 0 is past its least work; client 1 needs 2 batches of 4 Ws for it.
    after, used_ws = work(who, energy_ws=20, spare=[99, 99], done=[10, 8])
    # 12 Ws are left, by what could still be used: 40 x 2 Ws and 40 x 4 Ws.
    assert used_ws == pytest.approx([4.0, 8.0 + 8.0])
    assert after == pytest.approx([12.0, 12.0])
    # The public code of FedZero hands out the 20 Ws again, and uses 28.
    assert sum(used_ws) == pytest.approx(20.0)


def test_those_below_their_least_work_come_first_in_proportion_to_energy():
    who = workers(least=[10, 10], most=[50, 50], per_batch_ws=[2.0, 4.0])
    after, used_ws = work(who, energy_ws=6, spare=[99, 99], done=[5, 5])
    assert used_ws == pytest.approx([2.0, 4.0])  # missing 10 Ws and 20 Ws
    assert after == pytest.approx([6.0, 6.0])


def test_a_single_client_takes_all_that_it_can():
    who = workers(least=[10], most=[50], per_batch_ws=[2.0], domain=[0])
    assert work(who, energy_ws=20, spare=[99], done=[5]) == ([15.0], [20.0])
    assert work(who, energy_ws=20, spare=[4], done=[5]) == ([9.0], [8.0])
    assert work(who, energy_ws=20, spare=[99], done=[48]) == ([50.0], [4.0])
    assert work(who, energy_ws=20, spare=[99], done=[50]) == ([50.0], [0.0])


def test_a_goal_is_reached_exactly_whatever_the_numbers():
    rng = np.random.default_rng(1)
    size = 2000
    least = rng.integers(1, 100, size).astype(float)
    who = Workers(np.arange(size), rng.uniform(300, 1100, size), least, 5 * least)
    done = least * rng.random(size)
    need_ws = (least - done) * who.energy_per_batch_ws
    after, _ = work_step(who, need_ws * (1 + 1e-12), np.full(size, 1e3), done)
    assert np.all(np.floor(after) >= least)
    after, _ = work_step(who, np.full(size, 1e9), np.full(size, 1e3), done)
    assert np.all(after == 5 * least)
