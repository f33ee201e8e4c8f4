"""NVML against a fake library that raises what the real one raises."""

import os
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement import nvml
from footprint.measurement.nvml import NvmlMeter, gpu_name
from footprint.model import Tier


class NVMLError(Exception):
    pass


KINDS = ("NotSupported", "NotFound", "FunctionNotFound", "LibraryNotFound")
KINDS += ("DriverNotLoaded", "GpuIsLost", "LibRmVersionMismatch")
ERRORS = {f"NVMLError_{kind}": type(f"NVMLError_{kind}", (NVMLError,), {}) for kind in KINDS}


@dataclass
class FakeGpu:
    """One GPU; None for what it does not support."""

    energy_mj: int | None = None
    power_mw: int | None = None
    uuid: str = ""
    name: str = "H200"
    parent: "FakeGpu | None" = None
    lost: bool = False
    use: list | None = None
    asked_us: list = field(default_factory=list)


class FakeNvml:
    NVMLError = NVMLError
    slices = ()

    def __init__(self, *gpus, failure=""):
        self.gpus, self.failure, self.started = gpus, failure, 0

    def __getattr__(self, name):
        if name in ERRORS:
            return ERRORS[name]
        raise AttributeError(name)  # also nvmlShutdown: it must not be called

    def nvmlInit(self):
        if self.failure:
            raise ERRORS[f"NVMLError_{self.failure}"](self.failure)
        self.started += 1

    def nvmlDeviceGetCount(self):
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self.gpus[index]

    def nvmlDeviceGetUUID(self, gpu):
        return gpu.uuid or f"GPU-{id(gpu)}"

    def nvmlDeviceGetName(self, gpu):
        return gpu.name

    def nvmlDeviceGetHandleByUUID(self, uuid):
        for gpu in (*self.gpus, *self.slices):
            if gpu.uuid == uuid:
                return gpu
        raise ERRORS["NVMLError_NotFound"]("Not Found")

    def nvmlDeviceIsMigDeviceHandle(self, gpu):
        return gpu.parent is not None

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, gpu):
        return gpu.parent

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu):
        return self._value(gpu, gpu.energy_mj)

    def nvmlDeviceGetPowerUsage(self, gpu):
        return self._value(gpu, gpu.power_mw)

    def nvmlDeviceGetProcessUtilization(self, gpu, seen_us):
        gpu.asked_us.append(seen_us)
        samples = [s for s in self._value(gpu, gpu.use) if s.timeStamp > seen_us]
        if not samples:
            raise ERRORS["NVMLError_NotFound"]("Not Found")
        return samples

    @staticmethod
    def _value(gpu, value):
        if gpu.lost:
            raise ERRORS["NVMLError_GpuIsLost"]("GPU is lost")
        if value is None:
            raise ERRORS["NVMLError_NotSupported"]("Not Supported")
        return value


def sample(pid, time_us, percent):
    return SimpleNamespace(pid=pid, timeStamp=time_us, smUtil=percent)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 50.0

    monkeypatch.setattr(nvml, "perf_counter", lambda: Clock.now_s)
    return Clock


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Outside of any container."""
    link = tmp_path / "pid"
    link.symlink_to("pid:[4026531836]")
    monkeypatch.setattr(nvml, "PID_NAMESPACE", link)
    return link


def read(meter):
    """Counters with the GPUs numbered in the order in which they stand there."""
    counters = meter.read().counters
    names = list(dict.fromkeys(name.split("_")[0].split("-")[1] for name in counters))
    return {
        name.replace(gpu, str(number)): value
        for number, gpu in enumerate(names)
        for name, value in counters.items()
        if gpu in name
    }


def test_the_counter_is_read_from_where_it_stood():
    gpu = FakeGpu(energy_mj=900_000, power_mw=1)
    meter = NvmlMeter(FakeNvml(gpu))
    assert meter.tier is Tier.B
    assert read(meter) == {"gpu-0_mj": 0}
    gpu.energy_mj += 250
    assert read(meter) == {"gpu-0_mj": 250}


def test_a_window_within_one_step_of_100_ms_reads_0_and_loses_nothing():
    gpu = FakeGpu(energy_mj=1000)
    meter = NvmlMeter(FakeNvml(gpu))
    totals = []
    for window in range(20):  # of 50 ms; the counter steps with every other
        gpu.energy_mj += 30_000 if window % 2 else 0
        totals.append(read(meter)["gpu-0_mj"])
    assert totals[0] == 0
    assert totals[-1] == 300_000


def test_without_a_counter_power_is_integrated(clock):
    gpu = FakeGpu(power_mw=100_000)
    meter = NvmlMeter(FakeNvml(gpu))
    assert meter.tier is Tier.C
    clock.now_s += 2
    gpu.power_mw = 200_000
    assert read(meter) == {"gpu-0_mj": 300_000}
    clock.now_s += 1
    assert read(meter) == {"gpu-0_mj": 500_000}


def test_a_driver_that_is_loaded_again_takes_nothing_back():
    gpu = FakeGpu(energy_mj=1000)
    meter = NvmlMeter(FakeNvml(gpu))
    for value, total in ((5000, 4000), (300, 4300), (400, 4400)):
        gpu.energy_mj = value
        assert read(meter)["gpu-0_mj"] == total


def test_slices_of_a_gpu_count_once_with_their_parent():
    whole = FakeGpu(energy_mj=100, uuid="GPU-1")
    slices = [FakeGpu(parent=whole, uuid=f"MIG-{n}") for n in range(3)]
    meter = NvmlMeter(FakeNvml(*slices, whole, FakeGpu(energy_mj=0)))
    whole.energy_mj += 70
    assert read(meter) == {"gpu-0_mj": 70, "gpu-1_mj": 0}


def test_two_gpus_have_counters_of_their_own_and_the_worse_tier(clock):
    new, old = FakeGpu(energy_mj=10), FakeGpu(power_mw=1000)
    meter = NvmlMeter(FakeNvml(new, old))
    clock.now_s += 3
    new.energy_mj += 5
    assert read(meter) == {"gpu-0_mj": 5, "gpu-1_mj": 3000}
    assert meter.tier is Tier.C


def test_a_display_gpu_without_a_figure_is_left_out():
    assert read(NvmlMeter(FakeNvml(FakeGpu(), FakeGpu(energy_mj=1)))) == {"gpu-0_mj": 0}


def test_a_lost_gpu_is_an_error_that_names_it():
    gpus = FakeGpu(energy_mj=1), FakeGpu(energy_mj=1)
    meter = NvmlMeter(FakeNvml(*gpus))
    gpus[1].lost = True
    with pytest.raises(MeterError, match=r"GPU 1 .* lost") as caught:
        meter.read()
    assert not isinstance(caught.value, MeterAbsent)
    with pytest.raises(MeterError, match=r"GPU 1 .* lost"):
        NvmlMeter(FakeNvml(*gpus))


@pytest.mark.parametrize(
    ("library", "message"),
    [
        (FakeNvml(failure="LibraryNotFound"), "No NVIDIA driver"),
        (FakeNvml(failure="DriverNotLoaded"), "No NVIDIA driver"),
        (FakeNvml(), "sees no GPU"),
        (FakeNvml(FakeGpu()), "its energy or its power"),
    ],
)
def test_absence_says_what_is_missing(library, message):
    with pytest.raises(MeterAbsent, match=message):
        NvmlMeter(library)


def test_without_the_module_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(nvml, "_DRIVER", "libc.so.6")  # one that is there
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(MeterAbsent, match="pynvml") as caught:
        NvmlMeter()
    assert "footprint[gpu]" in caught.value.remedy


def test_without_a_driver_nothing_of_the_module_is_loaded(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")  # elsewhere pynvml alone knows the driver
    monkeypatch.setattr(nvml, "_DRIVER", "libnowhere-ml.so.1")
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(FakeGpu(energy_mj=1)))
    with pytest.raises(MeterAbsent, match=r"No NVIDIA driver .*libnowhere"):
        NvmlMeter()


def test_a_driver_that_does_not_fit_is_there_and_broken():
    with pytest.raises(MeterError, match="does not answer") as caught:
        NvmlMeter(FakeNvml(failure="LibRmVersionMismatch"))
    assert not isinstance(caught.value, MeterAbsent)


def test_use_is_shared_between_processes(clock, host):
    gpu = FakeGpu(energy_mj=1, use=[])
    meter = NvmlMeter(FakeNvml(gpu))  # idle: the driver finds no sample yet
    assert read(meter) == {"gpu-0_mj": 0, "gpu-0-own_s": 0, "gpu-0-busy_s": 0}
    clock.now_s += 1
    gpu.use += [sample(os.getpid(), 10, 60), sample(1, 12, 20), sample(0, 0, 0)]
    clock.now_s += 1
    counters = read(meter)
    assert counters["gpu-0-own_s"] == pytest.approx(1.2)
    assert counters["gpu-0-busy_s"] == pytest.approx(1.6)
    assert read(meter) == counters
    assert gpu.asked_us[-1] == 12  # no sample counts twice


def test_use_of_before_does_not_count(clock, host):
    gpu = FakeGpu(energy_mj=1, use=[sample(os.getpid(), 10, 100)])
    meter = NvmlMeter(FakeNvml(gpu))
    clock.now_s += 0.5
    assert read(meter)["gpu-0-own_s"] == 0


def test_samples_after_a_rest_do_not_fill_the_rest(clock, host):
    gpu = FakeGpu(energy_mj=1, use=[])
    meter = NvmlMeter(FakeNvml(gpu))
    clock.now_s += 100
    read(meter)
    clock.now_s += 0.5
    gpu.use += [sample(os.getpid(), 9, 100), sample(os.getpid(), 10, 50)]
    assert read(meter)["gpu-0-own_s"] == pytest.approx(0.75 * 1.5)


def test_a_short_window_without_a_sample_is_not_lost(clock, host):
    gpu = FakeGpu(energy_mj=1, use=[])
    meter = NvmlMeter(FakeNvml(gpu))
    for _ in range(4):
        clock.now_s += 0.05
        read(meter)
    gpu.use.append(sample(os.getpid(), 10, 100))
    assert read(meter)["gpu-0-own_s"] == pytest.approx(0.2)


def test_process_numbers_of_a_container_are_not_those_of_the_driver(host):
    host.unlink()
    host.symlink_to("pid:[4026532999]")
    assert read(NvmlMeter(FakeNvml(FakeGpu(energy_mj=1, use=[])))) == {"gpu-0_mj": 0}


def test_a_driver_that_does_not_tell_the_use(host):
    assert read(NvmlMeter(FakeNvml(FakeGpu(energy_mj=1)))) == {"gpu-0_mj": 0}


@pytest.mark.parametrize(
    ("listed", "visible"),
    [
        (None, None),
        ("", ()),
        ("-1", ()),
        ("0,2", ("0", "2")),
        ("2, 0", ("2", "0")),
        ("1,9,0", ("1",)),  # CUDA stops at the first that is none
        ("GPU-bb", ("1",)),
        ("GPU-", ()),  # could be any
        ("MIG-x", ("2",)),
        ("MIG-unknown", ()),
        ("nonsense", ()),
    ],
)
def test_the_gpus_that_cuda_offers(monkeypatch, listed, visible):
    gpus = [FakeGpu(energy_mj=1, uuid=f"GPU-{letter * 4}") for letter in "abc"]
    library = FakeNvml(*gpus)
    library.slices = (FakeGpu(uuid="MIG-x", parent=gpus[2]),)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if listed is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    wanted = visible and tuple(gpu_name(gpus[int(number)].uuid) for number in visible)
    assert NvmlMeter(library).visible == wanted


def test_a_driver_that_does_not_name_its_gpus_leaves_them_all_visible(monkeypatch):
    library = FakeNvml(FakeGpu(energy_mj=1))

    def refuse(_):
        raise ERRORS["NVMLError_NotSupported"]("Not Supported")

    monkeypatch.setattr(library, "nvmlDeviceGetName", refuse, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert NvmlMeter(library).visible is None


def test_a_gpu_has_one_name_in_all_containers_of_a_host():
    """Each numbers its own from 0."""
    one, other = FakeGpu(energy_mj=1, uuid="GPU-a"), FakeGpu(energy_mj=1, uuid="GPU-b")
    names = [set(NvmlMeter(FakeNvml(gpu)).read().counters) for gpu in (one, other, one)]
    assert names[0] == names[2]
    assert not names[0] & names[1]


def test_numbers_of_unlike_gpus_mean_something_in_the_order_of_the_bus_only(monkeypatch):
    library = FakeNvml(FakeGpu(energy_mj=1, name="T4", uuid="a"), FakeGpu(energy_mj=1, uuid="b"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert NvmlMeter(library).visible is None
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert NvmlMeter(library).visible == (gpu_name(library.gpus[1].uuid),)


def test_the_real_module_has_every_name_that_is_used():
    real = pytest.importorskip("pynvml")
    import inspect
    import re

    names = re.findall(r"nvml\.(nvml\w+|NVMLError\w*)", inspect.getsource(nvml))
    assert len(set(names)) > 10
    assert [name for name in set(names) if not hasattr(real, name)] == []
