"""Energy that a device takes from its battery, through Linux's power supply class.

Charge counters of batteries are good for a whole run and poor for a short one:
they move in steps (often 10 mWh; 1 % of the battery where only a percentage is
known) and every some seconds. So they are no wall meter, tier A, although all that
the device uses passes through them: tier C, and worth nothing below some 10 steps.

Units as in the kernel's ``Documentation/power/power_supply_class.rst``: uWh, uAh, uV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier
from footprint.units import S_PER_H, UV_PER_V

SUPPLIES = Path("/sys/class/power_supply")

_PERCENT = 100
_PLUGGED = "The device is on mains: its battery does not tell what it uses."


def _text(folder: Path, name: str) -> str:
    """Attribute of a power supply, empty where the driver has none."""
    try:
        return (folder / name).read_text().strip()
    except FileNotFoundError:
        return ""


def _number(folder: Path, name: str) -> float:
    return float((folder / name).read_text())


def _volts(folder: Path) -> float:
    return _number(folder, "voltage_now") / UV_PER_V


# What drivers tell, best first: the attributes that it takes, and the level left in
# units of its own with the energy of one such unit [uJ].
_Scale = Callable[[Path], tuple[float, float]]
_SCALES: tuple[tuple[tuple[str, ...], _Scale], ...] = (
    (("energy_now",), lambda b: (_number(b, "energy_now"), S_PER_H)),
    (("charge_now", "voltage_now"), lambda b: (_number(b, "charge_now"), S_PER_H * _volts(b))),
    (
        ("capacity", "energy_full"),
        lambda b: (_number(b, "capacity"), _number(b, "energy_full") / _PERCENT * S_PER_H),
    ),
    (
        ("capacity", "charge_full", "voltage_now"),
        lambda b: (
            _number(b, "capacity"),
            _number(b, "charge_full") / _PERCENT * S_PER_H * _volts(b),
        ),
    ),
)


@dataclass(slots=True)
class _Battery:
    folder: Path
    scale: _Scale
    lowest: float
    unit_uj: float
    total_uj: float = 0.0

    def advance(self) -> float:
        """Energy drawn so far [uJ]."""
        level, unit_uj = self.scale(self.folder)
        # Only new lows count: a level that recovers by a step and falls again
        # would count twice.
        if level < self.lowest:
            self.total_uj += (self.lowest - level) * (self.unit_uj + unit_uj) / 2
            self.lowest = level
        self.unit_uj = unit_uj
        return self.total_uj


class BatteryMeter:
    """Energy that this device draws from its batteries, while it is not plugged in.

    Counters: ``board-<n>_uj`` per battery [uJ], which add up.

    Parameters
    ----------
    root : Path
        Folder of the power supplies; another one serves for tests.

    Raises
    ------
    MeterAbsent
        Without a battery, or while the device is on mains.
    MeterError
        If a battery does not tell its level.
    """

    name = "battery"
    tier: Tier | None = Tier.C

    def __init__(self, root: Path = SUPPLIES) -> None:
        self._root = root
        try:
            folders = _batteries(root)
            if not folders:
                raise MeterAbsent(f"{root} has no battery of this device.")
            if not _discharging(root, folders):
                raise MeterAbsent(_PLUGGED)
            self._batteries = [_open(folder) for folder in folders]
        except (OSError, ValueError) as error:
            raise MeterError(f"A battery cannot be read: {error}.") from error

    def read(self) -> Reading:
        """Read the counters [uJ].

        Raises
        ------
        MeterError
            If the device has been plugged in, or a battery cannot be read.
        """
        try:
            if not _discharging(self._root, [battery.folder for battery in self._batteries]):
                raise MeterError(
                    "The device was plugged in: from here on its battery does not tell "
                    "what it uses.",
                    "Run it on battery throughout, or measure at the plug.",
                )
            return Reading({f"board-{n}_uj": b.advance() for n, b in enumerate(self._batteries)})
        except (OSError, ValueError) as error:
            raise MeterError(f"A battery cannot be read: {error}.") from error


def _batteries(root: Path) -> list[Path]:
    """Batteries that are in, and feed this device rather than a mouse."""
    return [
        folder
        for folder in (sorted(root.iterdir()) if root.is_dir() else [])
        if _text(folder, "type") == "Battery"
        and _text(folder, "scope") != "Device"
        and _text(folder, "present") != "0"
    ]


def _discharging(root: Path, batteries: list[Path]) -> bool:
    """Whether batteries alone feed the device; of several, one may rest."""
    states = {_text(folder, "status") for folder in batteries}
    plugged = any(
        _text(folder, "type") != "Battery" and _text(folder, "online") not in ("", "0")
        for folder in root.iterdir()
    )
    return "Discharging" in states and "Charging" not in states and not plugged


def _open(folder: Path) -> _Battery:
    for names, scale in _SCALES:
        if all((folder / name).is_file() for name in names):
            return _Battery(folder, scale, *scale(folder))
    raise MeterError(f"The battery {folder} tells neither its energy nor its charge and voltage.")
