"""Energy of NVIDIA GPUs, through the driver's management library (NVML).

Volta and later count energy in millijoules since the driver was loaded
(``nvmlDeviceGetTotalEnergyConsumption``). The counter steps about every 100 ms: a
window that is shorter may read 0, and one below a second is noisy. Older GPUs have
a power sensor only, which is integrated between readings.

A GPU that is cut into slices (MIG) has one counter for all of them: it counts once.

Source: NVML API reference, https://docs.nvidia.com/deploy/nvml-api/.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.measurement.processor import PID_NAMESPACE, host_token, is_ours
from footprint.model import Tier

_DRIVER = "libnvidia-ml.so.1"
"""What pynvml loads on Linux; it comes with the driver."""

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

    Counters, per GPU: ``gpu-<name>_mj`` [mJ], and where the driver tells
    ``gpu-<name>-own_s`` and ``gpu-<name>-busy_s``. The name is a digest of the GPU's identity
    and the start of the host: the same in all of its containers, which number their GPUs
    each from 0, and no name of the hardware. The latter two are time that it worked for this
    process with its descendants and for all, 1 s per second of full use. These two are
    left out in a container, where the driver's process numbers are not ours.

    The library is never shut down: other parts of the program may use it.

    Attributes
    ----------
    visible : tuple of str or None
        Names of the GPUs that ``CUDA_VISIBLE_DEVICES`` leaves to this process; None
        if that is all of them, or cannot be told.

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
        self._gpus: list[tuple[int, str, _Energy, _Use | None]] = []
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
            self._gpus.append((index, gpu_name(identity), energy, _use_of(nvml, handle)))
        if not self._gpus:
            raise MeterAbsent("No NVIDIA GPU here tells its energy or its power.")
        self.visible = _visible(nvml, os.environ)

    @property
    def tier(self) -> Tier | None:
        """That of the worst GPU: B for a counter, C for an integrated sensor."""
        return Tier.B if all(energy.counted for _, _, energy, _ in self._gpus) else Tier.C

    def read(self) -> Reading:
        """Read every GPU [mJ], and its use [s]; a `MeterError` says which is lost."""
        counters: dict[str, float] = {}
        for index, name, energy, use in self._gpus:
            try:
                counters[f"gpu-{name}_mj"] = energy.advance()
            except self._nvml.NVMLError as error:
                raise _lost(index, error) from error
            if use is not None:
                use.advance()
                counters |= {f"gpu-{name}-own_s": use.own_s, f"gpu-{name}-busy_s": use.busy_s}
        return Reading(counters)


def gpu_name(identity: str) -> str:
    """Name of a GPU in counters, for its identity as the driver gives it."""
    return hashlib.sha256(f"{host_token()}:{identity}".encode()).hexdigest()[:8]


def _import_library() -> Any:
    if sys.platform == "linux":
        # pynvml would say so, too, and takes a seventh of the start of a tracker to be loaded.
        try:
            ctypes.CDLL(_DRIVER)
        except OSError as error:
            raise MeterAbsent(f"No NVIDIA driver is loaded here ({error}).") from error
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


def _visible(nvml: Any, environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """GPUs that CUDA offers to this process.

    As CUDA reads it: numbers, or the beginnings of identities, up to the first that
    names no GPU. CUDA counts the fastest GPU first unless told otherwise: among unlike
    GPUs its numbers are then not the driver's.
    """
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    try:
        return None if listed is None else _listed(nvml, listed, environment)
    except nvml.NVMLError:
        return None  # a driver that does not tell what its GPUs are called


def _listed(nvml: Any, listed: str, environment: Mapping[str, str]) -> tuple[str, ...] | None:
    handles = [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(int(nvml.nvmlDeviceGetCount()))]
    identities = [str(nvml.nvmlDeviceGetUUID(handle)) for handle in handles]
    unlike = len({str(nvml.nvmlDeviceGetName(handle)) for handle in handles}) > 1
    found: list[str] = []
    for name in (part.strip() for part in listed.split(",")):
        if name.isdecimal():
            if unlike and environment.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
                return None
            same = [number for number in range(len(handles)) if number == int(name)]
        elif name.startswith("MIG-"):
            same = _gpu_of_slice(nvml, name, identities)
        else:
            same = [
                n for n, identity in enumerate(identities) if name and identity.startswith(name)
            ]
        if len(same) != 1:
            break
        found.append(gpu_name(identities[same[0]]))
    return tuple(found)


def _gpu_of_slice(nvml: Any, name: str, identities: Sequence[str]) -> list[int]:
    try:
        whole = _whole_gpu(nvml, nvml.nvmlDeviceGetHandleByUUID(name))
        return [identities.index(str(nvml.nvmlDeviceGetUUID(whole)))]
    except (nvml.NVMLError, ValueError):
        return []


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
