"""The rows of codecarbon's `emissions.csv`."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from footprint.errors import DataError
from footprint.model import InputFile

NEEDED = ("timestamp", "duration", "energy_consumed")
KNOWN = frozenset(
    """
    timestamp project_name run_id experiment_id duration emissions emissions_rate cpu_power
    gpu_power ram_power cpu_energy gpu_energy ram_energy energy_consumed water_consumed
    country_name country_iso_code region cloud_provider cloud_region os python_version
    codecarbon_version cpu_count cpu_model gpu_count gpu_model longitude latitude
    ram_total_size tracking_mode cpu_utilization_percent gpu_utilization_percent
    ram_utilization_percent ram_used_gb on_cloud pue wue
    """.split()  # noqa: SIM905 - one name per line is no easier to read
)
UNNAMED = "codecarbon"
"""Name that codecarbon gives to projects without one."""


@dataclass(frozen=True, slots=True)
class EmissionsRow:
    """What is taken from one line. Energies without the overhead of a data centre.

    Attributes
    ----------
    machine : bool or None
        Whether the whole machine was counted, or a process; None if not said.
    hardware : str
        Models of processor and GPU.
    """

    line: int
    run_id: str
    actor: str
    stop_s: float
    duration_s: float
    energy_kwh: float
    memory_kwh: float | None
    pue: float
    machine: bool | None
    hardware: str

    @property
    def start_s(self) -> float:
        """Begin of the row [s]."""
        return self.stop_s - self.duration_s


def read_rows(path: Path) -> tuple[list[EmissionsRow], InputFile]:
    """Read all rows, and pin the file.

    Raises
    ------
    DataError
        If a column is missing or unknown, or a value cannot be read.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text.", "Name an emissions.csv.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = reader.fieldnames or []
    missing = [name for name in NEEDED if name not in columns]
    unknown = [name for name in columns if name not in KNOWN]
    if missing or unknown or len(set(columns)) < len(columns):
        raise DataError(
            f"{path}:1: not the columns of codecarbon's emissions.csv"
            + f"; missing: {', '.join(missing)}" * bool(missing)
            + f"; unknown: {', '.join(map(repr, unknown))}" * bool(unknown)
            + ".",
            "Name the file that codecarbon wrote for whole runs, not one of tasks.",
        )
    rows = [_parse(record, f"{path}:{reader.line_num}", reader.line_num) for record in reader]
    if not rows:
        raise DataError(f"{path} holds no row.", "Run codecarbon to the end of its tracker.")
    return rows, InputFile(path.name, hashlib.sha256(data).hexdigest())


def _parse(record: dict[str, str | None], place: str, line: int) -> EmissionsRow:
    if None in record or None in record.values():
        raise DataError(f"{place}: the line has another number of fields than the header.")

    def text(name: str) -> str:
        return (record.get(name) or "").strip()

    def number(name: str) -> float:
        try:
            value = float(text(name))
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise DataError(
                f"{place}: {name} is {text(name)!r}; expected a number that is not negative.",
                "Remove the line, or restore its value.",
            )
        return value

    try:
        moment = datetime.fromisoformat(text("timestamp"))
    except ValueError:
        raise DataError(
            f"{place}: timestamp is {text('timestamp')!r}; expected 2026-01-31T12:00:00.",
            "Remove the line, or restore its value.",
        ) from None
    stop_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    name, mode = text("project_name"), text("tracking_mode")
    pue = number("pue") if text("pue") else 1.0
    if pue < 1:
        raise DataError(f"{place}: pue is {pue:g}; expected 1 or more.", "Correct the value.")
    hardware = " + ".join(filter(None, (text("cpu_model"), text("gpu_model"))))
    return EmissionsRow(
        line=line,
        run_id=text("run_id"),
        actor=(name if name != UNNAMED else text("run_id")) or name or UNNAMED,
        stop_s=stop_s,
        duration_s=number("duration"),
        energy_kwh=number("energy_consumed") / pue,
        memory_kwh=number("ram_energy") / pue if text("ram_energy") else None,
        pue=pue,
        machine=mode == "machine" if mode else None,
        hardware=f"codecarbon/{hardware or 'unknown hardware'}",
    )


def without_running_totals(rows: Sequence[EmissionsRow]) -> tuple[list[EmissionsRow], int]:
    """Rows that no later row of the same run includes, and how many were."""
    kept: list[EmissionsRow] = []
    latest: dict[str, int] = {}
    for row in rows:
        place = latest.get(row.run_id) if row.run_id else None
        before = None if place is None else kept[place]
        if (
            place is not None
            and before is not None
            and row.duration_s >= before.duration_s
            and row.energy_kwh >= before.energy_kwh
        ):
            kept[place] = row
        else:
            latest[row.run_id] = len(kept)
            kept.append(row)
    return kept, len(rows) - len(kept)


def overlap(rows: Sequence[EmissionsRow]) -> bool:
    """Whether rows of whole machines overlap, beyond the second of their timestamps."""
    machine = sorted((row for row in rows if row.machine), key=lambda row: row.start_s)
    return any(b.start_s + 1 < a.stop_s for a, b in itertools.pairwise(machine))
