"""Every energy source keeps the contract of `Meter`."""

import importlib
import inspect
import pkgutil
import tempfile
import time
from pathlib import Path

import pytest

import footprint.measurement
from footprint.measurement import (
    amd,
    apple,
    battery,
    cgroup,
    jetson,
    memory,
    null,
    nvml,
    processor,
    rapl,
    replay,
)
from footprint.measurement.meter import Reading
from tests.unit.test_amd import Device as AmdDevice
from tests.unit.test_apple import Powermetrics
from tests.unit.test_battery import fake_battery
from tests.unit.test_cgroup import fake_cgroup
from tests.unit.test_jetson import fake_hwmon
from tests.unit.test_nvml import FakeGpu, FakeNvml

SUFFIXES = ("_s", "_uj", "_mj", "gb_s")


def fake_rapl(tmp_path):
    folder = tmp_path / "intel-rapl:0"
    folder.mkdir()
    (folder / "name").write_text("package-0")
    (folder / "energy_uj").write_text("5")
    (folder / "max_energy_range_uj").write_text("100")
    return rapl.RaplMeter(tmp_path)


def fake_jetson(tmp_path):
    fake_hwmon(tmp_path, {"VDD_IN": (5000, 1000)})
    return jetson.JetsonMeter(tmp_path)


METERS = {
    "rapl": fake_rapl,
    "nvml": lambda _: nvml.NvmlMeter(FakeNvml(FakeGpu(energy_mj=5))),
    "nvml without a counter": lambda _: nvml.NvmlMeter(FakeNvml(FakeGpu(power_mw=5))),
    "jetson": fake_jetson,
    "battery": lambda tmp_path: battery.BatteryMeter(fake_battery(tmp_path).parent),
    "amd": lambda _: amd.AmdMeter([AmdDevice(0, total_energy_consumption=5)]),
    "apple": lambda _: apple.AppleMeter(Powermetrics()),
    "cgroup": lambda tmp_path: cgroup.CgroupMeter(*fake_cgroup(tmp_path)),
    "cpu": lambda _: processor.ProcessorMeter(),
    "memory": lambda _: memory.MemoryMeter(),
    "memory of children": lambda _: memory.MemoryMeter(children=True),
    "null": lambda _: null.NullMeter(),
    "replay": lambda _: replay.ReplayMeter([{"x_s": 1.0}, {"x_s": 2.0}, {"x_s": 2.0}]),
}


def test_every_meter_is_listed():
    modules = [
        importlib.import_module(f"footprint.measurement.{module.name}")
        for module in pkgutil.iter_modules(footprint.measurement.__path__)
    ]
    classes = {
        value
        for module in modules
        for name, value in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Meter") and name != "Meter" and value.__module__ == module.__name__
    }
    with tempfile.TemporaryDirectory() as folder:
        tested = {type(make(Path(folder))) for make in METERS.values()}
    assert classes == tested


@pytest.mark.parametrize("make", METERS.values(), ids=METERS)
def test_counters_are_cumulative_named_with_units_and_never_fall(make, tmp_path):
    meter = make(tmp_path)
    assert meter.name
    assert "." not in meter.name
    previous = meter.read()
    for _ in range(2):
        sum(range(20_000))
        reading = meter.read()
        assert isinstance(reading, Reading)
        assert reading.counters.keys() == previous.counters.keys()
        for name, value in reading.counters.items():
            assert name.endswith(SUFFIXES)
            assert value >= previous.counters[name]
        previous = reading


def test_processor_time_is_ours_and_the_host_saw_it_too():
    meter = processor.ProcessorMeter()
    before, clock = meter.read().counters, time.process_time()
    while time.process_time() - clock < 0.2:
        pass
    after = meter.read().counters
    own = after["process_s"] - before["process_s"]
    host = after["host_busy_s"] - before["host_busy_s"]
    assert own == pytest.approx(0.2, abs=0.02)
    assert host >= own - 0.05  # the host counts in ticks of 10 ms
