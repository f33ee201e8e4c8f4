"""What stands in a journal, and the form of one line."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from footprint.errors import JournalError
from footprint.journal.reports import ReportRecord
from footprint.model import Finding, InputFile, Machine, Phase, Role, Run, Tier

FORMAT = "footprint-journal"
VERSION = 1
SUFFIX = ".jsonl"
TRUNCATED = "truncated"
"""Status of a span whose process died; it ends at the last heartbeat."""


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One phase of one actor, as it stands in a journal.

    `begin` and `end` hold cumulative readings; the names carry the meter and
    the unit, for example ``"cpu.process_s"`` or ``"rapl.package-0_uj"``. `node` is what
    a framework calls the actor in this run; only spans of a message have it.
    """

    id: int
    parent: int | None
    actor: str
    role: Role
    phase: Phase
    start_s: float
    duration_s: float
    begin: Mapping[str, float]
    end: Mapping[str, float]
    round: int | None = None
    zone: str | None = None
    device: str | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    status: str = "ok"
    resource_share: float | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """Which process wrote a journal, without naming the host or the user.

    Attributes
    ----------
    pid, parent_pid : int
    token : str
        Random, one per journal: tells two copies of a journal from two processes.
    host : str or None
        The same for all processes of one host until it is started again; says
        nothing about which host that is. None if the system does not tell.
    accelerators : tuple of str
        Kinds of accelerators that the process could see, such as ``"nvidia"``.
    parent_token : str or None
        Token of the `footprint track` that this process was started under, if any.
    tiers : mapping of str to Tier
        Quality of each energy source that was read, by the name of the meter.
    gpus : tuple of str or None
        Numbers of the GPUs that it may use, as the driver counts them; None for all.
    namespace : str or None
        Which processes its numbers can be compared with.
    clock_s : float or None
        Its wall clock less the clock that all processes of the host share [s].
    run_id : str or None
        What a framework calls the run: two runs of one name differ in it.
    """

    pid: int
    parent_pid: int
    token: str
    host: str | None
    accelerators: tuple[str, ...] = ()
    parent_token: str | None = None
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    gpus: tuple[str, ...] | None = None
    namespace: str | None = None
    clock_s: float | None = None
    run_id: str | None = None

    def is_under(self, launcher: Process) -> bool:
        """Whether a `footprint track` started this process, directly or not."""
        return self.parent_token == launcher.token

    def is_child_of(self, parent: Process) -> bool:
        """Whether what this process used is in what another one counts of its children.

        Directly, or through a shell or a launcher under `footprint track`.
        """
        # Numbers of processes mean something inside of one container only.
        by_number = self.parent_pid == parent.pid and self.namespace == parent.namespace
        return by_number or self.is_under(parent)


@dataclass(frozen=True, slots=True)
class Sample:
    """Cumulative readings of the whole host at one moment."""

    time_s: float
    readings: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class WallLine:
    """Power at the wall as a straight line of a load.

    Attributes
    ----------
    intercept_w : float
        Power at load 0 [W].
    slope : float
        Per busy thread [W], or per watt of a counter [1].
    error : float
        95 % bound of its relative error [1].
    highest : float
        Largest load that it was fitted on.
    """

    intercept_w: float
    slope: float
    error: float
    highest: float


@dataclass(frozen=True, slots=True)
class WallLines:
    """The calibration of the machine that a process ran on, without what names it.

    Attributes
    ----------
    made : str
        Date on which it was fitted.
    busy : WallLine
        Over busy threads.
    counter : WallLine or None
        Over the power of the energy counters that `counters` names.
    """

    made: str
    busy: WallLine
    counter: WallLine | None = None
    counters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessRecords:
    """All lines that one process wrote."""

    run: Run
    machine: Machine
    process: Process
    spans: tuple[SpanRecord, ...]
    file: str = ""
    samples: tuple[Sample, ...] = ()
    calibration: WallLines | None = None
    reports: tuple[ReportRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Records:
    """Journal files as they were read, before energy is attributed."""

    processes: tuple[ProcessRecords, ...]
    findings: tuple[Finding, ...] = ()
    inputs: tuple[InputFile, ...] = ()


def encode_line(record: Mapping[str, Any]) -> bytes:
    """Write one record as a JSON line whose last key is its CRC-32."""
    body = json.dumps(record, separators=(",", ":"), allow_nan=False)
    return f'{body[:-1]},"crc":"{zlib.crc32(body.encode()):08x}"}}\n'.encode()


def decode_line(line: bytes) -> dict[str, Any]:
    """Read one line back.

    Raises
    ------
    JournalError
        If it is no JSON object, or its checksum does not fit.
    """
    head, mark, tail = line.rstrip(b"\r\n").rpartition(b',"crc":"')
    if not mark:
        raise JournalError("not a journal line")
    body = head + b"}"
    if tail != b'%08x"}' % zlib.crc32(body):
        raise JournalError("the checksum does not fit")
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"not JSON ({error})") from error
    if not isinstance(record, dict):
        raise JournalError("not a JSON object")
    return record
