"""Append to a journal without ever harming the code that is observed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from footprint.journal.records import FORMAT, VERSION, Process, SpanRecord, WallLines, encode_line
from footprint.journal.reports import ReportRecord, report_fields
from footprint.model import Machine, Run

_OPTIONAL = frozenset(
    (
        "parent",
        "round",
        "zone",
        "device",
        "sent_bytes",
        "received_bytes",
        "status",
        "resource_share",
        "node",
    )
)

_FULL_EVERY = 12
_CHANGING = frozenset(("id", "sent_bytes", "received_bytes"))


_COLUMNS = tuple(column.name for column in fields(SpanRecord))


def _span_fields(record: SpanRecord) -> dict[str, Any]:
    # Not `asdict`, which copies the readings: this is done at every edge of a phase.
    return {
        key: value
        for key, value in ((key, getattr(record, key)) for key in _COLUMNS)
        if key not in _OPTIONAL
        or not (value is None or value == "ok" or (key.endswith("_bytes") and value == 0))
    }


@dataclass(slots=True)
class JournalWriter:
    """Appends lines to one file and never raises into the code that it observes.

    What could not be written is counted in `lost_lines`, with the first reason
    in `first_error`; the owner reports both at the end.
    """

    path: Path
    lost_lines: int = 0
    first_error: str = ""
    _descriptor: int | None = field(default=None, repr=False)
    _torn: bool = field(default=False, repr=False)
    _header: dict[str, Any] | None = field(default=None, repr=False)
    _announced: set[int] = field(default_factory=set, repr=False)
    """Spans that a heartbeat has shown in full already."""
    _heartbeats: int = field(default=0, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    """Reentrant: a signal handler may write while a line is being written."""

    def open(self) -> None:
        """Create the file and its folders."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            self._lose(error)

    def header(self, run: Run, machine: Machine, process: Process, tool_version: str) -> None:
        """Write the header; must be the first line of its process.

        One that cannot be written now is tried again before each later line, without
        which those would mean nothing.
        """
        header = {
            "type": "header",
            "format": FORMAT,
            "version": VERSION,
            "tool_version": tool_version,
            "run": {
                "name": run.name,
                "architecture": run.architecture,
                "functional_unit": run.functional_unit,
            },
            "machine": asdict(machine),
            "process": asdict(process),
        }
        if not self.write(header):
            self._header = header

    def span(self, record: SpanRecord) -> None:
        """Write a span that has ended. Fields that say nothing are left out."""
        self.write({"type": "span", **_span_fields(record)})

    def heartbeat(
        self, time_s: float, readings: Mapping[str, float], spans: Iterable[SpanRecord]
    ) -> None:
        """Write the spans that are open now; each reading so far is the same for all.

        A span stands there in full at first and every now and then, and else by its
        number and its bytes.
        """
        self._heartbeats += 1
        if self._heartbeats % _FULL_EVERY == 0:
            self._announced = set()  # one that was damaged on the disk must not be the only one
        fields = {span.id: _span_fields(span) for span in spans}
        opened = [
            {key: value for key, value in full.items() if key in _CHANGING}
            if number in self._announced
            else full
            for number, full in fields.items()
        ]
        record = {"type": "heartbeat", "time_s": time_s, "readings": readings, "open": opened}
        if self.write(record):
            self._announced = set(fields)

    def sample(self, time_s: float, readings: Mapping[str, float]) -> None:
        """Write readings of the whole host."""
        self.write({"type": "sample", "time_s": time_s, "readings": readings})

    def report(self, record: ReportRecord) -> None:
        """Write what a server saw of one request. Fields that say nothing are left out."""
        self.write({"type": "report", **report_fields(record)})

    def calibration(self, lines: WallLines) -> None:
        """Write the calibration of this machine."""
        self.write({"type": "calibration", **asdict(lines)})

    def result(self, name: str, value: float) -> None:
        """Write a figure that the run reports about itself."""
        self.write({"type": "result", "name": name, "value": value})

    def failure(self, source: str, message: str, remedy: str = "") -> None:
        """Write that something could not be measured, and what to do about it."""
        self.write({"type": "failure", "source": source, "message": message, "remedy": remedy})

    def doubt(self, code: str, message: str, remedy: str = "") -> None:
        """Write what makes the figures less sure."""
        self.write({"type": "doubt", "code": code, "message": message, "remedy": remedy})

    def write(self, record: Mapping[str, Any]) -> bool:
        """Append one record as one line; True if all of it was written.

        Threads may write at once; each line stays whole, and behind the header.
        """
        with self._lock:
            return self._write(record)

    def _write(self, record: Mapping[str, Any]) -> bool:
        if self._descriptor is None:
            self.lost_lines += 1
            return False
        if self._header is not None:
            header, self._header = self._header, None
            lost = self.lost_lines
            if not self._write(header):
                self._header, self.lost_lines = header, lost + 1
                return False
            self.lost_lines = lost - 1  # the header is there after all
        try:
            # After a torn write the file ends in the middle of a line.
            line = b"\n" * self._torn + encode_line(record)
            written = os.write(self._descriptor, line)
            self._torn = written < len(line)
            if self._torn:
                self._lose(OSError(f"only {written} of {len(line)} bytes were written"))
        except (OSError, TypeError, ValueError) as error:
            self._lose(error)
            return False
        return not self._torn

    def sync(self) -> None:
        """Ask the operating system to put the lines on the disk."""
        if self._descriptor is not None:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self._lose(error, lines=0)

    def close(self) -> None:
        """Close the file; further lines are lost."""
        if self._descriptor is not None:
            self.sync()
            os.close(self._descriptor)
            self._descriptor = None

    def _lose(self, error: Exception, lines: int = 1) -> None:
        self.lost_lines += lines
        reason = getattr(error, "strerror", None) or error
        self.first_error = self.first_error or f"{self.path}: {reason}"
