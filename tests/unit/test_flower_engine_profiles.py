"""Clocks and profiles: what simulated time and energy rest on."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.integrations.flower.clock import SystemClock, VirtualClock
from footprint.integrations.flower.profiles import (
    DeviceProfile,
    NodeProfile,
    Task,
    windows_of_trace,
)


def phone(**changes):
    fields = {
        "device": "phone",
        "active_w": 6.0,
        "idle_w": 1.5,
        "error": 0.2,
        "tasks": {"train": Task(fixed_s=10.0, unit_s=0.5), "evaluate": Task(fixed_s=3.0)},
        "down_mbps": 80.0,
        "up_mbps": 8.0,
        **changes,
    }
    return DeviceProfile(**fields)


def test_a_virtual_clock_moves_only_when_it_is_moved():
    clock = VirtualClock(1.73e9)
    assert clock.now_s() == clock.now_s() == 1.73e9
    clock.advance(86_400)
    clock.advance(0)
    assert clock.now_s() == 1.73e9 + 86_400


@pytest.mark.parametrize("duration_s", [-1e-9, math.nan, math.inf])
def test_a_virtual_clock_never_goes_back_or_away(duration_s):
    clock = VirtualClock(0)
    with pytest.raises(UsageError):
        clock.advance(duration_s)
    assert clock.now_s() == 0


def test_the_system_clock_tells_wall_time_and_is_not_moved():
    clock = SystemClock()
    before_s = clock.now_s()
    clock.advance(1e9)
    assert before_s <= clock.now_s() < before_s + 1e6
    assert abs(clock.now_s() - time.time()) < 60


def test_a_system_clock_that_is_set_back_does_not_reach_ours(monkeypatch):
    clock = SystemClock()
    before_s = clock.now_s()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.now_s() >= before_s


def test_time_and_energy_are_those_of_the_profile():
    device = phone()
    assert device.duration_s("train", 100) == 10 + 0.5 * 100
    assert device.duration_s("evaluate") == 3
    assert device.download_s(1_000_000) == pytest.approx(8 / 80)  # 8 Mbit
    assert device.upload_s(1_000_000) == pytest.approx(8 / 8)
    energy, low, high = device.energy_kwh(active_s=3600, idle_s=7200)
    assert energy == pytest.approx((6 * 1 + 1.5 * 2) / 1000)
    assert (low, high) == pytest.approx((energy * 0.8, energy * 1.2))


def test_work_that_nobody_knows_takes_no_known_time():
    assert phone().duration_s("train", None) is None


def test_a_full_message_type_goes_before_its_category():
    device = phone(tasks={"train": Task(1.0), "train.again": Task(2.0)})
    assert device.duration_s("train.again") == 2
    assert device.duration_s("train.other") == 1


def test_only_a_query_takes_no_time_unless_said():
    assert phone().duration_s("query.facts") == 0
    with pytest.raises(UsageError, match="'evaluate'"):
        phone(tasks={"train": Task(1.0)}).task("evaluate")


@pytest.mark.parametrize(
    "changes",
    [
        {"active_w": -1.0},
        {"idle_w": math.nan},
        {"error": 1.0},
        {"spread": math.inf},
        {"down_mbps": 0.0},
        {"up_mbps": -5.0},
        {"up_mbps": math.nan},
    ],
)
def test_figures_that_cannot_be_are_refused(changes):
    with pytest.raises(UsageError):
        phone(**changes)


@pytest.mark.parametrize("windows", [((0, 10), (5, 20)), ((10, 10),), ((20, 10),)])
def test_windows_that_cannot_be_are_refused(windows):
    with pytest.raises(UsageError):
        NodeProfile(phone(), windows=windows)


def test_availability_is_that_of_the_windows():
    node = NodeProfile(phone(), windows=((10.0, 20.0), (30.0, 40.0)))
    found = [node.available_until(time_s) for time_s in (9.9, 10, 19.9, 20, 29, 30, 40, 1e9)]
    assert found == [None, 20, 20, None, None, 40, None, None]
    assert NodeProfile(phone()).available_until(-1e9) == math.inf
    assert NodeProfile(phone(), windows=()).available_until(0) is None


@given(st.lists(st.booleans(), max_size=30), st.data())
def test_the_windows_of_a_trace_are_the_trace(available, data):
    node = NodeProfile(phone(), windows=windows_of_trace(100.0, 60.0, available))
    step = data.draw(st.integers(-1, len(available)))
    inside = 0 <= step < len(available) and available[step]
    assert (node.available_until(100.0 + 60 * step + 30) is not None) == inside
