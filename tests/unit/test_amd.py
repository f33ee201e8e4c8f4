"""AMD GPUs, against a stand-in for codecarbon's devices."""

import time

import pytest

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.amd import AmdMeter
from footprint.model import Tier


class Device:
    def __init__(self, index, **details):
        self.gpu_index = index
        self.details = details

    def get_gpu_details(self):
        return self.details


def test_the_counter_of_each_gpu_is_read():
    devices = [Device(0, total_energy_consumption=5000), Device(1, total_energy_consumption=70)]
    meter = AmdMeter(devices)
    devices[0].details["total_energy_consumption"] = 9000
    assert meter.read().counters == {"gpu-0_mj": 9000.0, "gpu-1_mj": 70.0}
    assert meter.tier is Tier.B


def test_without_a_counter_power_is_integrated():
    meter = AmdMeter([Device(0, total_energy_consumption=None, power_usage=200_000)])
    before = time.perf_counter()
    first = meter.read().counters["gpu-0_mj"]
    time.sleep(0.1)
    second = meter.read().counters["gpu-0_mj"]
    spent_s = time.perf_counter() - before
    assert 20_000 <= second - first <= 200_000 * spent_s
    assert meter.tier is Tier.C


def test_a_gpu_that_says_nothing_is_an_error():
    with pytest.raises(MeterError, match="neither energy nor power"):
        AmdMeter([Device(3, total_energy_consumption=None, power_usage=None)])


def test_a_counter_that_fails_is_not_continued_by_power():
    device = Device(0, total_energy_consumption=5_000_000_000, power_usage=1)
    meter = AmdMeter([device])
    device.details["total_energy_consumption"] = None
    with pytest.raises(MeterError, match="gave nothing"):
        meter.read()


def test_no_gpu_is_absent():
    with pytest.raises(MeterAbsent):
        AmdMeter([])
