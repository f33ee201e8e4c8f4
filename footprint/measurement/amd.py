"""Energy of AMD GPUs, through codecarbon's reader of amdsmi."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.measurement.processor import visible_accelerators
from footprint.model import Tier


class _Device(Protocol):
    gpu_index: int

    def get_gpu_details(self) -> dict[str, Any]: ...


class AmdMeter:
    """Energy counters of the AMD GPUs of this host; their power where there is none.

    Counters: ``gpu-<index>_mj``. Read through codecarbon's device class, which knows
    the driver's quirks; tried here against a stand-in only, not on such a GPU.

    Parameters
    ----------
    devices : sequence, optional
        codecarbon's AMD devices; by default those of this host.

    Raises
    ------
    MeterAbsent
        If no AMD GPU is seen.
    """

    name = "amd"

    def __init__(self, devices: Sequence[_Device] | None = None) -> None:
        self._devices = _find_devices() if devices is None else devices
        if not self._devices:
            raise MeterAbsent("There is no AMD GPU that amdsmi can read.")
        self._integrated: dict[int, tuple[float, float, float]] = {}
        # Decided once: a counter that fails later must not be continued by its power.
        self._without_counter = {
            device.gpu_index
            for device in self._devices
            if device.get_gpu_details().get("total_energy_consumption") is None
        }
        self.tier: Tier | None = Tier.C if self._without_counter else Tier.B
        self.read()

    def read(self) -> Reading:
        """Read the GPUs [mJ].

        Raises
        ------
        MeterError
            If a GPU gives neither energy nor power.
        """
        counters = {}
        for device in self._devices:
            details = device.get_gpu_details()
            energy_mj = details.get("total_energy_consumption")
            if device.gpu_index in self._without_counter:
                energy_mj = self._integrate(device.gpu_index, details.get("power_usage"))
            elif energy_mj is None:
                raise MeterError(f"The counter of the AMD GPU {device.gpu_index} gave nothing.")
            counters[f"gpu-{device.gpu_index}_mj"] = float(energy_mj)
        return Reading(counters)

    def _integrate(self, index: int, power_mw: float | None) -> float:
        """Energy from power by the trapezoidal rule [mJ]."""
        if power_mw is None:
            raise MeterError(f"The AMD GPU {index} gives neither energy nor power.")
        now_s = time.perf_counter()
        last_s, last_mw, total_mj = self._integrated.get(index, (now_s, power_mw, 0.0))
        total_mj += (power_mw + last_mw) / 2 * (now_s - last_s)
        self._integrated[index] = (now_s, power_mw, total_mj)
        return total_mj


def _find_devices() -> list[_Device]:
    if "amd" not in visible_accelerators():
        return []  # and codecarbon, which takes long to load, is not needed
    from codecarbon.core.gpu import AllGPUDevices

    devices = AllGPUDevices().devices
    return [device for device in devices if type(device).__name__ == "AMDGPUDevice"]
