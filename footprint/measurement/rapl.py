"""Energy counters of Intel and AMD processors, through Linux's powercap tree.

Read in microjoules from ``/sys/class/powercap/intel-rapl:*/energy_uj``. Package
and DRAM zones are counted; DRAM is not part of the package. ``psys`` (the whole
platform) overlaps both and is left out, as are the sub-zones ``core`` and
``uncore``, which lie inside the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier

POWERCAP = Path("/sys/class/powercap")


@dataclass(slots=True)
class _Zone:
    name: str
    folder: Path
    range_uj: float
    last_uj: float | None = None
    total_uj: float = 0.0

    def advance(self) -> float:
        """Counter without its wraps [uJ]."""
        now_uj = float((self.folder / "energy_uj").read_text())
        if self.last_uj is not None:
            step = now_uj - self.last_uj
            # The counter starts again at 0 after `range_uj`. Two wraps between
            # two readings cannot be seen: 15 minutes at 300 W for a usual range.
            self.total_uj += step if step >= 0 else step + self.range_uj
        self.last_uj = now_uj
        return self.total_uj


class RaplMeter:
    """Package and DRAM energy of the whole host.

    Parameters
    ----------
    root : Path
        The powercap folder; another one serves for tests.

    Raises
    ------
    MeterAbsent
        If there is no zone.
    MeterError
        If a zone or its counter may not be read.
    """

    name = "rapl"
    tier: Tier | None = Tier.B

    def __init__(self, root: Path = POWERCAP) -> None:
        self._zones = _find_zones(root)
        if not self._zones:
            raise MeterAbsent(f"{root} has no package energy counter (no RAPL here).")
        self.read()

    def read(self) -> Reading:
        """Read every zone [uJ].

        Raises
        ------
        MeterError
            If a counter may not be read; says which file, and how to grant it.
        """
        try:
            return Reading({f"{zone.name}_uj": zone.advance() for zone in self._zones})
        except PermissionError as error:
            raise MeterError(
                f"{error.filename} may not be read.",
                f"Grant it with: sudo chmod a+r {error.filename}",
            ) from error
        except (OSError, ValueError) as error:
            raise MeterError(f"A RAPL counter cannot be read: {error}.") from error


def _find_zones(root: Path) -> list[_Zone]:
    zones: list[_Zone] = []
    # Names such as intel-rapl:0 (package) and intel-rapl:0:1 (a zone inside it).
    for folder in sorted(root.glob("intel-rapl:*")) if root.is_dir() else []:
        try:
            kind = (folder / "name").read_text().strip()
            if not (kind.startswith("package") or kind == "dram"):
                continue
            range_uj = float((folder / "max_energy_range_uj").read_text())
        except (OSError, ValueError) as error:
            # One of two packages left out would look like half the energy.
            raise MeterError(f"The RAPL zone {folder} cannot be read: {error}.") from error
        label = kind if kind.startswith("package") else f"dram-{folder.name.split(':')[1]}"
        zones.append(_Zone(label, folder, range_uj))
    return zones
