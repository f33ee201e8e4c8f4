"""Apple Silicon, against a stand-in for codecarbon's powermetrics."""

import gc
import threading
import time

import pytest

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement import apple
from footprint.measurement.apple import AppleMeter
from footprint.model import Tier


class Powermetrics:
    def __init__(self, cpu_w=5.0, gpu_w=2.0):
        self.details = {"CPU Power": cpu_w, "GPU Power": gpu_w, "CPU Energy Delta": 1.0}

    def __call__(self):
        return self.details


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 100.0

    monkeypatch.setattr(apple.time, "perf_counter", lambda: Clock.now_s)
    return Clock


def test_the_last_power_holds_until_the_next(clock):
    powers = Powermetrics()
    meter = AppleMeter(powers)
    clock.now_s += 2
    assert meter.read().counters == {"package-cpu_mj": 10_000, "gpu-apple_mj": 4_000}
    powers.details = {"CPU Power": 10.0, "GPU Power": 0.0}
    clock.now_s += 1
    meter.measure()
    clock.now_s += 1
    counters = meter.read().counters
    assert counters == pytest.approx({"package-cpu_mj": 25_000, "gpu-apple_mj": 6_000})
    assert meter.tier is Tier.C


def test_powermetrics_that_falls_silent_is_an_error(clock):
    meter = AppleMeter(Powermetrics())
    clock.now_s += 60
    with pytest.raises(MeterError, match="not answered"):
        meter.read()


def test_powermetrics_that_says_nothing_is_an_error():
    with pytest.raises(MeterError, match="no powers"):
        AppleMeter(dict)


def test_other_computers_have_none(monkeypatch):
    monkeypatch.setattr(apple.platform, "system", lambda: "Linux")
    with pytest.raises(MeterAbsent):
        AppleMeter()


def running():
    return [thread for thread in threading.enumerate() if thread.name == "footprint-apple"]


def test_the_thread_ends_with_the_meter(monkeypatch):
    monkeypatch.setattr(apple, "_PAUSE_S", 0.01)
    meter = AppleMeter(Powermetrics())
    time.sleep(0.05)
    del meter
    gc.collect()
    stop_s = time.monotonic() + 2
    while running() and time.monotonic() < stop_s:
        time.sleep(0.02)
    assert running() == []
