"""Energy counters of Intel and AMD processors, through Linux's powercap tree.

Read in microjoules from ``energy_uj`` below ``/sys/class/powercap``:

- ``package-<n>`` and ``dram-<n>`` add up to the host; DRAM is not part of the
  package. The sub-zones ``core`` and ``uncore`` lie inside it and are left out.
- ``psys-<n>`` is the whole platform. It overlaps both: a view of its own, never added.
- ``intel-rapl-mmio:*`` and ``intel-rapl:*`` show one package twice. Zones of one
  name count once: MMIO as the newer, as in codecarbon (pull request 950), unless it
  cannot be read or stands still while the other moves.
- Some AMD processors show the socket's counter once per die (``package-0-die-1``;
  codecarbon issue 1274). Dies of one package whose counters agree count once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.meter import Reading
from footprint.model import Tier
from footprint.units import UJ_PER_J

POWERCAP = Path("/sys/class/powercap")

MOST_W = 1000.0
"""More than a package or its memory can draw: bounds what a wrap can explain [W]."""

_LUMP_S = 0.1  # counters move in steps: so much may appear at once, at MOST_W
_READINGS = 3
_PAUSE_S = 0.005  # counters move about every millisecond


@dataclass(slots=True)
class _Zone:
    name: str
    folder: Path
    range_uj: float
    last_uj: float | None = None
    last_s: float = 0.0
    total_uj: float = 0.0
    odd_uj: float | None = None
    doubts: dict[str, str] = field(default_factory=dict)

    def value_uj(self) -> float:
        return float((self.folder / "energy_uj").read_text())

    def advance(self) -> float:
        """Counter without its wraps [uJ]."""
        now_uj, now_s = self.value_uj(), monotonic()
        if self.last_uj is None:
            self.last_uj, self.last_s = now_uj, now_s
            return self.total_uj
        step_uj = self._step_uj(now_uj - self.last_uj, now_s - self.last_s)
        if step_uj is None and self.odd_uj is None:
            # One odd reading may be a glitch: only a second one moves the counter.
            self.odd_uj = now_uj
            return self.total_uj
        if step_uj is None and self.odd_uj is not None:
            step_uj = self._step_uj(now_uj - self.odd_uj, now_s - self.last_s)
        self.total_uj += step_uj or 0.0
        self.last_uj, self.last_s, self.odd_uj = now_uj, now_s, None
        return self.total_uj

    def _step_uj(self, step_uj: float, elapsed_s: float) -> float | None:
        """Energy between two readings [uJ]; None if no power explains them."""
        # The counter starts again at 0 after `range_uj`: 15 minutes at 300 W for a
        # usual range. Two wraps between two readings look like one, or like none.
        if 0 < self.range_uj < MOST_W * elapsed_s * UJ_PER_J:
            self.doubts.setdefault(
                "wraps",
                f"{self.folder} was not read for {elapsed_s:.0f} s: its counter may have "
                "wrapped more than once, and the energy may be too low.",
            )
        if 0 <= step_uj <= MOST_W * (elapsed_s + _LUMP_S) * UJ_PER_J:
            return step_uj
        if step_uj > 0:
            self.doubts.setdefault(
                "jump",
                f"The counter of {self.folder} rose by more than any power explains; that step "
                "was left out.",
            )
            return None
        wrapped_uj = step_uj + self.range_uj
        if 0 <= wrapped_uj <= MOST_W * (elapsed_s + _LUMP_S) * UJ_PER_J:
            return wrapped_uj
        self.doubts.setdefault(
            "backwards",
            f"The counter of {self.folder} fell by more than a wrap explains: it was set "
            "back, and the energy since the reading before is missing.",
        )
        return None


class RaplMeter:
    """Energy of the host: ``package-<n>_uj``, ``dram-<n>_uj``, ``psys-<n>_uj`` [uJ].

    Parameters
    ----------
    root : Path
        The powercap folder; another one serves for tests.

    Raises
    ------
    MeterAbsent
        If there is no zone.
    """

    name = "rapl"
    tier: Tier | None = Tier.B

    def __init__(self, root: Path = POWERCAP) -> None:
        self._root = root
        with _explained(root):
            self._zones = _find_zones(root)
        if not any(zone.name.startswith(("package", "dram")) for zone in self._zones):
            raise MeterAbsent(f"{root} has no package energy counter (no RAPL here).")
        self.read()

    @property
    def suspect(self) -> tuple[str, ...]:
        """What may be wrong with the energy so far: wraps missed, counters set back."""
        return tuple(doubt for zone in self._zones for doubt in zone.doubts.values())

    def read(self) -> Reading:
        """Read every zone [uJ].

        Raises
        ------
        MeterError
            If a counter may not be read; says which file, and how to grant it.
        """
        with _explained(self._root):
            return Reading({f"{zone.name}_uj": zone.advance() for zone in self._zones})


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise MeterError(
            f"{error.filename} may not be read.",
            f"Grant it with: sudo chmod a+r {root}/intel-rapl*:*/energy_uj (until the next "
            "start of the machine; to keep it, write this line to "
            "/etc/udev/rules.d/70-footprint-rapl.rules: "
            'SUBSYSTEM=="powercap", KERNEL=="intel-rapl*:*", '
            'RUN+="/bin/chmod a+r /sys%p/energy_uj"). Every user can then read it.',
        ) from error
    except (OSError, ValueError) as error:
        # One of two packages left out would look like half the energy.
        raise MeterError(f"A RAPL counter cannot be read: {error}.") from error


def _find_zones(root: Path) -> list[_Zone]:
    found: dict[str, list[_Zone]] = {}
    for interface in ("intel-rapl-mmio", "intel-rapl"):
        platforms = 0
        # Names such as intel-rapl:0 (package) and intel-rapl:0:1 (a zone inside it).
        for folder in sorted(root.glob(f"{interface}:*")):
            kind = (folder / "name").read_text().strip()
            if kind == "psys":  # without a number of its own
                name, platforms = f"psys-{platforms}", platforms + 1
            elif kind == "dram":
                name = _memory_of(folder)
            elif kind.startswith("package"):
                name = kind
            else:
                continue
            range_uj = float((folder / "max_energy_range_uj").read_text())
            found.setdefault(name, []).append(_Zone(name, folder, range_uj))
    zones: list[_Zone] = []
    for same in found.values():
        zone = _choose(same)
        if not any(_mirrors(zone, other) for other in zones):
            zones.append(zone)
    return zones


def _memory_of(folder: Path) -> str:
    """Name it after its package, else after its own number."""
    above = folder.with_name(folder.name.rpartition(":")[0]) / "name"
    package = above.read_text().strip() if above.is_file() else ""
    return f"dram-{package.partition('-')[2] or folder.name.split(':')[1]}"


def _choose(same: list[_Zone]) -> _Zone:
    """Choose among zones of one name: the first that moves, else that can be read."""
    if len(same) == 1:
        return same[0]
    before: list[tuple[_Zone, float]] = []
    for zone in same:
        with suppress(OSError, ValueError):
            before.append((zone, zone.value_uj()))
    sleep(_PAUSE_S)
    moving = [zone for zone, old_uj in before if zone.value_uj() != old_uj]
    return [*moving, *(zone for zone, _ in before), *same][0]


def _mirrors(zone: _Zone, other: _Zone) -> bool:
    """Whether two dies of one package show one counter.

    Then every reading of one lies between two of the other, just before and after.
    """
    if "-die-" not in zone.name or zone.name.split("-die-")[0] != other.name.split("-die-")[0]:
        return False
    for _ in range(_READINGS):
        before_uj, value_uj, after_uj = other.value_uj(), zone.value_uj(), other.value_uj()
        if not 0 < before_uj <= value_uj <= after_uj:
            return False
        sleep(_PAUSE_S)
    return True
