"""Energy of NVIDIA Jetson boards, from the power sensors of their rails.

An INA3221 chip measures three rails; boards have one to four of them. Rails of one
board overlap: what flows into the board flows on into its parts. Only the rail at
the top counts, or where a board has none, the rails that stand side by side:

===================  ==================================================
board                rails that count
===================  ==================================================
TX1, TX2, Xavier NX  ``VDD_IN`` (the module; a carrier board, ``VDD_MUX``, is not in it)
Orin NX, Orin Nano   ``VDD_IN``
Nano                 ``POM_5V_IN``
AGX Xavier           ``GPU`` + ``CPU`` + ``SOC`` + ``CV`` + ``VDDRQ`` + ``SYS5V``
AGX Orin             ``VDD_GPU_SOC`` + ``VDD_CPU_CV`` + ``VIN_SYS_5V0``
                     (``VDDQ_VDD2_1V8AO`` is inside the last one)
===================  ==================================================

Voltage [mV] and current [mA] are read from sysfs, where two kernels show them:
``ina3221/<address>/hwmon/hwmon<n>/in1_label``, ``in1_input``, ``curr1_input``, and
before JetPack 5 ``ina3221x/<address>/iio:device<n>/rail_name_0``,
``in_voltage0_input``, ``in_current0_input``.

Source: Jetson Linux developer guide, and the device trees as tabulated by energymon
(``jetson/JetsonPowerRails.md``). Not tried on a board by this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier

DRIVERS = Path("/sys/bus/i2c/drivers")

_TOP = ("VDD_IN", "POM_5V_IN", "5V_IN")
_SIDE_BY_SIDE = (
    ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),
    ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
)


@dataclass(frozen=True, slots=True)
class _Rail:
    voltage: Path
    current: Path

    def power_uw(self) -> float:
        """Power now, [mV] times [mA] [uW]."""
        power_uw = float(self.voltage.read_text()) * float(self.current.read_text())
        return max(0.0, power_uw)  # the sensor's offset may show less than nothing


class JetsonMeter:
    """Energy of a Jetson board, GPU and memory included.

    Counter: ``board-0_uj`` [uJ], by the trapezoidal rule between readings: what
    happens between two of them is not seen, so read often.

    Parameters
    ----------
    root : Path
        Folder of the I2C drivers; another one serves for tests.

    Raises
    ------
    MeterAbsent
        If there is no such sensor.
    MeterError
        If its rails are not known, or cannot be read.
    """

    name = "jetson"
    tier: Tier | None = Tier.C

    def __init__(self, root: Path = DRIVERS) -> None:
        try:
            found = _find_rails(root)
        except OSError as error:
            raise MeterError(f"A power rail cannot be read: {error}.") from error
        if not found:
            raise MeterAbsent(f"{root} has no INA3221 power sensor (no Jetson board).")
        self._rails = [found[label] for label in _labels_that_count(set(found))]
        self._last_s, self._last_uw = perf_counter(), self._power_uw()
        self._total_uj = 0.0

    def read(self) -> Reading:
        """Read the counter [uJ].

        Raises
        ------
        MeterError
            If a rail cannot be read.
        """
        now_s, now_uw = perf_counter(), self._power_uw()
        self._total_uj += (self._last_uw + now_uw) / 2 * (now_s - self._last_s)
        self._last_s, self._last_uw = now_s, now_uw
        return Reading({"board-0_uj": self._total_uj})

    def _power_uw(self) -> float:
        try:
            return sum(rail.power_uw() for rail in self._rails)
        except PermissionError as error:
            raise MeterError(
                f"{error.filename} may not be read.",
                f"Grant it with: sudo chmod a+r {error.filename}",
            ) from error
        except (OSError, ValueError) as error:
            raise MeterError(f"A power rail cannot be read: {error}.") from error


def _find_rails(root: Path) -> dict[str, _Rail]:
    rails: dict[str, _Rail] = {}
    # Channel 7 of hwmon is a sum of shunt voltages, no rail.
    for label in sorted(root.glob("ina3221*/*/hwmon/hwmon*/in[123]_label")):
        number = label.name[2]
        rails[label.read_text().strip()] = _Rail(
            label.with_name(f"in{number}_input"), label.with_name(f"curr{number}_input")
        )
    for label in sorted(root.glob("ina3221*/*/iio*/rail_name_[012]")):
        number = label.name[-1]
        rails[label.read_text().strip()] = _Rail(
            label.with_name(f"in_voltage{number}_input"),
            label.with_name(f"in_current{number}_input"),
        )
    return rails


def _labels_that_count(found: set[str]) -> tuple[str, ...]:
    for label in _TOP:
        if label in found:
            return (label,)
    for labels in _SIDE_BY_SIDE:
        if found.issuperset(labels):
            return labels
    # Any sum of unknown rails may count energy twice, or miss most of it.
    raise MeterError(
        f"Which power rails of this board add up to it is not known: {', '.join(sorted(found))}.",
        "Report the board and its rails, or use a wall meter: footprint calibrate.",
    )
