"""Energy of NVIDIA GPUs, through the driver's management library (NVML).

Volta and later count energy in millijoules since the driver was loaded
(``nvmlDeviceGetTotalEnergyConsumption``). The counter steps about every 100 ms: a
window that is shorter may read 0, and one below a second is noisy. Older GPUs have
a power sensor only, which is integrated between readings.

A GPU that is cut into slices (MIG) has one counter for all of them: it counts once.

Source: NVML API reference, https://docs.nvidia.com/deploy/nvml-api/.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.measurement.processor import is_ours
from footprint.model import Tier

PID_NAMESPACE = Path("/proc/self/ns/pid")
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of the Linux kernel

_SAMPLE_S = 1.0  # longest period over which the driver samples the use of a GPU
_PERCENT = 100


@dataclass
class _Energy:
    """Energy of one GPU since it was first read, by its counter or its sensor."""

    nvml: Any
    handle: Any
    counted: bool
    total_mj: float = 0.0

    def __post_init__(self) -> None:
        self.last, self.last_s = self._value(), perf_counter()

    def advance(self) -> float:
        """Energy until now [mJ]."""
        now, now_s = self._value(), perf_counter()
        if not self.counted:  # [mW] times [s], by the trapezoidal rule
            self.total_mj += (self.last + now) / 2 * (now_s - self.last_s)
        else:  # one that fell began at 0 when the driver was loaded again
            self.total_mj += now - self.last if now >= self.last else now
        self.last, self.last_s = now, now_s
        return self.total_mj

    def _value(self) -> float:
        if self.counted:
            return float(self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle))
        return float(self.nvml.nvmlDeviceGetPowerUsage(self.handle))


@dataclass(slots=True)
class _Use:
    """Time that kernels of this process, and of all, ran on one GPU [s]."""

    nvml: Any
    handle: Any
    since_s: float
    seen_us: int = 0
    own_s: float = 0.0
    busy_s: float = 0.0

    def advance(self) -> None:
        """Add the use since the driver's sample before."""
        now_s = perf_counter()
        shares: dict[int, list[int]] = defaultdict(list)
        found: list[Any] = []
        with suppress(self.nvml.NVMLError):  # "Not Found" says that there is none
            found = self.nvml.nvmlDeviceGetProcessUtilization(self.handle, self.seen_us)
        # The driver may leave records unfilled at the end.
        new = [s for s in found if s.timeStamp > self.seen_us and s.smUtil <= _PERCENT]
        for sample in new:
            shares[sample.pid].append(sample.smUtil)
        if not shares:  # no sample yet, or idle: then what is longer ago was idle, too
            self.since_s = max(self.since_s, now_s - _SAMPLE_S)
            return
        for pid, percents in shares.items():
            used_s = sum(percents) / len(percents) / _PERCENT * (now_s - self.since_s)
            self.busy_s += used_s
            if is_ours(pid):
                self.own_s += used_s
        self.since_s, self.seen_us = now_s, max(sample.timeStamp for sample in new)


class NvmlMeter:
    """Energy of every GPU of the host, and how much of it this process used.

    Counters, per GPU as the driver numbers them: ``gpu-<n>_mj`` [mJ], and where the
    driver tells ``gpu-<n>-own_s`` and ``gpu-<n>-busy_s``: time that it worked for this
    process with its descendants and for all, 1 s per second of full use. These two are
    left out in a container, where the driver's process numbers are not ours.

    The library is never shut down: other parts of the program may use it.

    Parameters
    ----------
    library : module, optional
        Default: ``pynvml`` of the package nvidia-ml-py.

    Raises
    ------
    MeterAbsent
        Without the module, the driver, or a GPU that tells its energy or power.
    """

    name = "nvml"

    def __init__(self, library: Any = None) -> None:
        self._nvml = nvml = library or _import_library()
        self._gpus: list[tuple[int, _Energy, _Use | None]] = []
        seen: set[str] = set()
        for index in range(_start(nvml)):
            try:
                handle = _whole_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index))
                identity = str(nvml.nvmlDeviceGetUUID(handle))
                if identity in seen or (energy := _energy_of(nvml, handle)) is None:
                    continue
            except nvml.NVMLError as error:
                raise _lost(index, error) from error
            seen.add(identity)
            self._gpus.append((index, energy, _use_of(nvml, handle)))
        if not self._gpus:
            raise MeterAbsent("No NVIDIA GPU here tells its energy or its power.")

    @property
    def tier(self) -> Tier | None:
        """That of the worst GPU: B for a counter, C for an integrated sensor."""
        return Tier.B if all(energy.counted for _, energy, _ in self._gpus) else Tier.C

    def read(self) -> Reading:
        """Read every GPU [mJ], and its use [s]; a `MeterError` says which is lost."""
        counters: dict[str, float] = {}
        for index, energy, use in self._gpus:
            try:
                counters[f"gpu-{index}_mj"] = energy.advance()
            except self._nvml.NVMLError as error:
                raise _lost(index, error) from error
            if use is not None:
                use.advance()
                counters |= {f"gpu-{index}-own_s": use.own_s, f"gpu-{index}-busy_s": use.busy_s}
        return Reading(counters)


def _import_library() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError as error:
        raise MeterAbsent(
            "The module pynvml is not installed: GPUs are not measured.",
            "Install it with: pip install 'footprint[gpu]'",
        ) from error


def _start(nvml: Any) -> int:
    try:
        nvml.nvmlInit()
        count = int(nvml.nvmlDeviceGetCount())
    except (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded) as error:
        raise MeterAbsent(f"No NVIDIA driver is loaded here ({error}).") from error
    except nvml.NVMLError as error:
        raise MeterError(f"The NVIDIA driver does not answer: {error}.") from error
    if not count:
        raise MeterAbsent("The NVIDIA driver sees no GPU.")
    return count


def _whole_gpu(nvml: Any, handle: Any) -> Any:
    """GPU that a slice (MIG) is part of."""
    with suppress(nvml.NVMLError_FunctionNotFound, nvml.NVMLError_NotSupported):  # before MIG
        if nvml.nvmlDeviceIsMigDeviceHandle(handle):
            return nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
    return handle


def _energy_of(nvml: Any, handle: Any) -> _Energy | None:
    for counted in (True, False):
        with suppress(nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
            return _Energy(nvml, handle, counted)
    return None


def _use_of(nvml: Any, handle: Any) -> _Use | None:
    """Use of a GPU, if the driver tells it, by process numbers that are ours."""
    use = _Use(nvml, handle, perf_counter())
    try:
        if str(PID_NAMESPACE.readlink()) != _FIRST_PID_NAMESPACE:
            return None
        before_us = [s.timeStamp for s in nvml.nvmlDeviceGetProcessUtilization(handle, 0)]
        use.seen_us = max(before_us, default=0)
    except nvml.NVMLError_NotFound:
        return use  # nobody uses it now
    except (nvml.NVMLError, OSError):
        return None
    return use


def _lost(index: int, error: Exception) -> MeterError:
    return MeterError(f"GPU {index} cannot be read: {error}.", "Look at it with: nvidia-smi")
