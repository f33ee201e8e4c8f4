"""Import the job statistics of NVFLARE 2.9.

The file is ``job_stats_run_summary.json``, which NVFLARE's component
`JobStatsReporter` (``nvflare.app_common.widgets.job_stats_reporter``, new in 2.9)
writes into the server's run folder when it is configured on the server; on the
clients too, it adds their computing time.

Verified, in the source of nvflare 2.9.0 and with a simulated job of two clients
and two rounds: the names of the fields; times are Unix seconds; sizes are in units
of 1024 x 1024 bytes though they are named ``_mb``; rounds count from 0;
``task_payload_mb`` is what the server sent for a task and ``model_update_mb`` what
the client sent back; sizes are logical payloads before compression or encryption.

Our reading: ``client_computation_time`` of a task whose name says so (validate,
evaluate) is phase ``evaluate``, of any other task ``train``; what passes between
assignment and result besides the client's own processing is phase ``wait``: the
file has one figure for transmission and waiting; the phases of a task follow each
other from its assignment on; rounds of several workflows of one job that have one
number are one round. The file has no energy: activities have none, and an
estimate says so. Its percentages of CPU use are not taken, since nothing says of
what processor.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from footprint.errors import DataError
from footprint.model import (
    Activity,
    Architecture,
    Basis,
    Finding,
    InputFile,
    Journal,
    Phase,
    Role,
    Run,
    Severity,
)
from footprint.units import BYTES_PER_MIB, bytes_to_gb

"""Of NVFLARE: `_MB` of its job_stats_reporter.py."""

SOURCE = "nvflare/job-stats"


def read_job_stats(
    path: Path | str,
    *,
    zones: Mapping[str, str] | None = None,
    devices: Mapping[str, str] | None = None,
    server: str = "server",
    functional_unit: str = "",
) -> Journal:
    """Import ``job_stats_run_summary.json`` of a job.

    Parameters
    ----------
    path : path
    zones, devices : mapping of str to str, optional
        Grid zone and device class by name of client; that of the server under
        the name `server`.
    server : str
        Actor of the server, whose time is that of the whole job.
    functional_unit : str
        What the job delivers.

    Returns
    -------
    Journal
        Times [s] and data [GB] of each task, without energy.

    Raises
    ------
    DataError
        If the file is no summary of job statistics, or a value cannot be read.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        summary = json.loads(data)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.", _REMEDY) from error
    reader = _Reader(str(path), zones or {}, devices or {})
    whole = reader.server(_Values(summary, str(path)), server)
    timing = _Values(summary, str(path)).part("timing")
    tasks = timing.take("tasks", list)
    activities = [whole] * (whole.duration_s > 0)
    for number, task in enumerate(tasks):
        activities += reader.task(_Values(task, f"{path}: timing.tasks[{number}]"))
    if not activities:
        raise DataError(f"{path} holds neither a time nor a task.", _REMEDY)
    run = Run(str(summary.get("job_id") or path.stem), Architecture.FEDERATED, functional_unit)
    return Journal.of(
        run,
        activities,
        findings=tuple(reader.findings(path.name)),
        inputs=(InputFile(path.name, hashlib.sha256(data).hexdigest()),),
    )


_REMEDY = "Name the job_stats_run_summary.json that NVFLARE 2.9 wrote on the server."


@dataclass(frozen=True, slots=True)
class _Values:
    """An object of the file, and where it stands."""

    found: Any
    place: str

    def take(self, name: str, kind: type) -> Any:
        if not isinstance(self.found, dict) or not isinstance(self.found.get(name), kind):
            raise DataError(f"{self.place}: {name!r} is missing or not a {kind.__name__}.", _REMEDY)
        return self.found[name]

    def part(self, name: str) -> _Values:
        return _Values(self.take(name, dict), f"{self.place}: {name}")

    def number(self, name: str) -> float | None:
        """Read a number; None where NVFLARE could not tell (null)."""
        if name not in self.found:
            raise DataError(f"{self.place}: {name!r} is missing.", _REMEDY)
        value = self.found[name]
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not 0 <= value < math.inf
        ):
            raise DataError(
                f"{self.place}: {name!r} is {value!r}; expected a number that is not negative.",
                _REMEDY,
            )
        return float(value)


@dataclass(slots=True)
class _Reader:
    """Turns tasks into activities, and counts what is missing in them."""

    file: str
    zones: Mapping[str, str]
    devices: Mapping[str, str]
    unfinished: int = 0
    untimed: int = 0
    unsized: int = 0
    failed: dict[str, int] = field(default_factory=dict)

    def server(self, summary: _Values, name: str) -> Activity:
        """Take the time of the whole job for the server's."""
        start_s = summary.number("job_start_time") if isinstance(summary.found, dict) else None
        duration_s = summary.part("timing").number("total_job_time")
        return self._activity(name, Role.SERVER, Phase.OTHER, None, start_s or 0.0, duration_s or 0)

    def task(self, task: _Values) -> Iterator[Activity]:
        """Say what one client did for one task."""
        client, name = task.take("client", str), task.take("task_name", str)
        number = task.found.get("round")
        start_s = task.number("assigned_at") or 0.0
        sizes = {
            Phase.DOWNLOAD: task.number("task_payload_mb"),
            Phase.UPLOAD: task.number("model_update_mb"),
        }
        finished = task.number("received_at") is not None
        self.unfinished += not finished
        self.unsized += sizes[Phase.DOWNLOAD] is None or (finished and sizes[Phase.UPLOAD] is None)
        code = task.found.get("return_code")
        if code not in (None, "OK"):
            self.failed[client] = self.failed.get(client, 0) + 1
        # Some workflows give names to their rounds, or have none.
        round_ = number + 1 if type(number) is int else None
        empty = self._activity(client, Role.CLIENT, Phase.OTHER, round_, start_s, 0.0)
        for phase, size_mb in sizes.items():
            if size_mb is not None:
                yield replace(empty, phase=phase, data_gb=bytes_to_gb(size_mb * BYTES_PER_MIB))
        for phase, duration_s in self._times(task, name):
            yield replace(empty, phase=phase, start_s=start_s, duration_s=duration_s)
            start_s += duration_s

    def _times(self, task: _Values, name: str) -> Iterator[tuple[Phase, float]]:
        computing_s = task.number("client_computation_time")
        elapsed_s = task.number("server_elapsed_time")
        if computing_s is None:
            if elapsed_s is not None:
                self.untimed += 1
                yield Phase.OTHER, elapsed_s
            return
        evaluates = any(word in name.lower() for word in ("valid", "eval"))
        yield Phase.EVALUATE if evaluates else Phase.TRAIN, computing_s
        for phase, key in (
            (Phase.OTHER, "client_framework_overhead"),
            (Phase.WAIT, "communication_time"),
        ):
            duration_s = task.number(key)
            if duration_s:
                yield phase, duration_s

    def _activity(
        self,
        actor: str,
        role: Role,
        phase: Phase,
        number: int | None,
        start_s: float,
        duration_s: float,
    ) -> Activity:
        return Activity(
            actor=actor,
            role=role,
            device=self.devices.get(actor),
            zone=self.zones.get(actor),
            phase=phase,
            round=number,
            start_s=start_s,
            duration_s=duration_s,
            energy_kwh=None,
            energy_low_kwh=None,
            energy_high_kwh=None,
            data_gb=0.0,
            basis=Basis.MEASURED,
            tier=None,
            source=SOURCE,
        )

    def findings(self, file: str) -> Iterator[Finding]:
        """Say what the file leaves out."""
        yield Finding(
            "nvflare-no-energy",
            "NVFLARE's job statistics hold times and data, and no energy.",
            remedy="Track the clients with footprint too; this journal counts their data.",
            place=file,
        )
        for count, what, remedy in (
            (self.unfinished, "no result; their time is unknown", ""),
            (
                self.untimed,
                "no computing time; their whole time is phase 'other'",
                "Configure JobStatsReporter on the clients too.",
            ),
            (self.unsized, "no size of a payload; that data is missing", ""),
        ):
            if count:
                yield Finding(
                    "nvflare-tasks", f"{count} task(s) have {what}.", remedy=remedy, place=file
                )
        if self.failed:
            yield Finding(
                "phase-failed",
                f"{sum(self.failed.values())} task(s) ended with an error; what they used is "
                "counted.",
                Severity.WARNING,
                place=", ".join(sorted(self.failed)[:5]),
            )
