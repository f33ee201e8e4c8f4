"""The power line of one machine, fitted on a wall meter, and where it is kept.

    P_wall = intercept + slope * x

with x the busy threads of the machine (busy seconds per second) and, where a
counter could be read, the power of the processor. The form follows published
comparisons with wall meters; the constants are those of one machine, and hold
only there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footprint.errors import DataError
from footprint.journal import WallLine, WallLines
from footprint.model import Finding, Machine, Tier

if TYPE_CHECKING:
    from footprint.measurement.power import EnergyModel

TIER = Tier.D
WINDOW_S = 5.0
"""Shortest window whose mean power is compared [s]."""
MIN_WINDOWS = 5
MIN_BAND = 0.03
"""A line is never trusted more than a wall meter itself [1]."""
MAX_BAND = 0.5
"""A line that is worse than a table of rated power is refused [1]."""
MIN_SPREAD = 0.2
"""Loads must differ by at least so much of the machine [1]."""

_FORMAT, _VERSION = "footprint-calibration", 1
_MEMORY_TOLERANCE = 0.02
MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line of wall power.

    Attributes
    ----------
    intercept_w : float
        Power of the machine at x = 0 [W].
    slope : float
        Power per busy thread [W], or per watt of the counter [W/W].
    residual_p95 : float
        95th percentile of the distance of a window from a line that was fitted
        without it, relative to the line [1].
    r_squared : float
    windows : int
        What it was fitted on.
    x_low, x_high : float
        Loads that were seen [busy threads, or W].
    """

    intercept_w: float
    slope: float
    residual_p95: float
    r_squared: float
    windows: int
    x_low: float
    x_high: float

    def power_w(self, x: float) -> float:
        """Power at the wall [W]."""
        return self.intercept_w + self.slope * x

    @property
    def band(self) -> tuple[float, float]:
        """Multiplicative 95 % bounds of its power [1]."""
        width = max(self.residual_p95, MIN_BAND)
        return 1 - width, 1 + width


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a wall meter says about one machine.

    Attributes
    ----------
    machine : Machine
    made : str
        When it was fitted (ISO 8601, UTC).
    source : str
        File and column of the meter.
    busy : Line
        Over busy threads.
    counter : Line or None
        Over the power that the energy counters of the host showed [W].
    counters : tuple of str
        Those counters; the line holds for their sum only.
    idle_w : float or None
        Mean power in the idle window that the caller named [W].
    findings : tuple of Finding
        Not stored.
    """

    machine: Machine
    made: str
    source: str
    busy: Line
    counter: Line | None = None
    counters: tuple[str, ...] = ()
    idle_w: float | None = None
    findings: tuple[Finding, ...] = field(default=(), compare=False)


def journal_lines(calibration: Calibration) -> WallLines:
    """Choose what a journal may say of a calibration: nothing that names the machine.

    Three significant digits: more would be a fingerprint of the machine.
    """

    def line(fitted: Line | None) -> WallLine | None:
        if fitted is None:
            return None
        error = max(fitted.residual_p95, MIN_BAND)
        numbers = (fitted.intercept_w, fitted.slope, error, fitted.x_high)
        return WallLine(*(float(f"{number:.3g}") for number in numbers))

    busy = line(calibration.busy)
    assert busy is not None
    return WallLines(calibration.made[:10], busy, line(calibration.counter), calibration.counters)


def modelled_power_w(model: EnergyModel, busy_threads: float) -> float:
    """Power that a machine without a calibration is taken for, its memory full [W]."""
    machine = model.machine
    memory_w = (model.memory_w_per_gb or 0.0) * (machine.memory_gb or 0.0)
    return model.idle_w * machine.threads + model.busy_w * busy_threads + memory_w


def machine_token(machine_id: Path = MACHINE_ID) -> str | None:
    """Token of this machine for this application; None if the system has no id.

    A keyed digest, so it cannot be compared with what other programs derive. It
    stands in the calibration file of this user and nowhere else, never in a journal.
    """
    try:
        text = machine_id.read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    # An image for many machines leaves it empty or says so.
    if len(text) != 32:
        return None
    return hmac.new(text.encode(), b"footprint calibration", hashlib.sha256).hexdigest()[:32]


def is_same_machine(one: Machine, other: Machine) -> bool:
    """Whether two descriptions may be of one machine.

    Memory may differ by what a kernel keeps for itself; more or less of it is
    another machine, whose idle power nobody measured.
    """
    if None in (one.memory_gb, other.memory_gb):
        close = one.memory_gb == other.memory_gb
    else:
        a, b = float(one.memory_gb or 0), float(other.memory_gb or 0)
        close = abs(a - b) <= _MEMORY_TOLERANCE * max(a, b)
    plain = [(m.processor, m.threads, m.sockets, m.virtual, m.system) for m in (one, other)]
    return close and plain[0] == plain[1]


def calibration_path() -> Path:
    """File of this user's calibrations: ``$XDG_CONFIG_HOME``, else ``~/.config``."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG rules: a relative path is to be ignored.
    folder = Path(configured) if Path(configured).is_absolute() else Path.home() / ".config"
    return folder / "footprint" / "calibration.json"


def save_calibration(calibration: Calibration, token: str, path: Path | None = None) -> Path:
    """Store a calibration; an older one of the same machine is replaced.

    Raises
    ------
    DataError
        If what stands at the path is not a calibration file, or cannot be written.
    """
    path = path or calibration_path()
    entries = _read(path)
    entry = asdict(calibration)
    del entry["findings"]
    entries[token] = entry
    document = {"format": _FORMAT, "version": _VERSION, "machines": entries}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(document, indent=1, allow_nan=False), "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise DataError(
            f"The calibration cannot be written to {path}: {error.strerror}.",
            "Set XDG_CONFIG_HOME to a folder that you may write.",
        ) from error
    return path


def calibration_for(
    machine: Machine, token: str | None, path: Path | None = None
) -> Calibration | None:
    """Calibration of this machine, or None: that of another one is never used.

    Raises
    ------
    DataError
        If the file is there and broken.
    """
    if token is None:
        return None
    path = path or calibration_path()
    entry = _read(path).get(token)
    if entry is None:
        return None
    try:
        counter = entry["counter"]
        calibration = Calibration(
            Machine(**entry["machine"]),
            made=str(entry["made"]),
            source=str(entry["source"]),
            busy=Line(**entry["busy"]),
            counter=None if counter is None else Line(**counter),
            counters=tuple(entry["counters"]),
            idle_w=entry["idle_w"],
        )
    except (KeyError, TypeError) as error:
        raise _broken(path, str(error)) from error
    return calibration if is_same_machine(calibration.machine, machine) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _broken(path, str(error)) from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise _broken(path, "it is not a calibration file")
    if document.get("version") != _VERSION:
        raise _broken(path, f"version {document.get('version')!r}, expected {_VERSION}")
    machines = document.get("machines")
    if not isinstance(machines, dict):
        raise _broken(path, "it lists no machines")
    return machines


def _broken(path: Path, reason: str) -> DataError:
    return DataError(
        f"The calibration file {path} cannot be used: {reason}.",
        "Repair or remove it, then calibrate again: footprint calibrate --help.",
    )
