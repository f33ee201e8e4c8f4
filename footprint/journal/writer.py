"""Append to a journal without ever harming the code that is observed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from footprint.journal.records import FORMAT, VERSION, Process, SpanRecord, WallLines, encode_line
from footprint.model import Machine, Run

_OPTIONAL = frozenset(
    ("parent", "round", "zone", "device", "sent_bytes", "received_bytes", "status")
)


def _span_fields(record: SpanRecord) -> dict[str, Any]:
    return {
        key: value
        for key, value in asdict(record).items()
        if key not in _OPTIONAL or value not in (None, 0, "ok")
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

    def open(self) -> None:
        """Create the file and its folders."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            self._lose(error)

    def header(self, run: Run, machine: Machine, process: Process, tool_version: str) -> None:
        """Write the header; must be the first line of its process."""
        self.write(
            {
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
        )

    def span(self, record: SpanRecord) -> None:
        """Write a span that has ended. Fields that say nothing are left out."""
        self.write({"type": "span", **_span_fields(record)})

    def heartbeat(
        self, time_s: float, readings: Mapping[str, float], spans: Iterable[SpanRecord]
    ) -> None:
        """Write the spans that are open now; each reading so far is the same for all."""
        opened = [_span_fields(span) for span in spans]
        self.write({"type": "heartbeat", "time_s": time_s, "readings": readings, "open": opened})

    def sample(self, time_s: float, readings: Mapping[str, float]) -> None:
        """Write readings of the whole host."""
        self.write({"type": "sample", "time_s": time_s, "readings": readings})

    def calibration(self, lines: WallLines) -> None:
        """Write the calibration of this machine."""
        self.write({"type": "calibration", **asdict(lines)})

    def result(self, name: str, value: float) -> None:
        """Write a figure that the run reports about itself."""
        self.write({"type": "result", "name": name, "value": value})

    def failure(self, source: str, message: str, remedy: str = "") -> None:
        """Write that something could not be measured, and what to do about it."""
        self.write({"type": "failure", "source": source, "message": message, "remedy": remedy})

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one record as one line."""
        if self._descriptor is None:
            self.lost_lines += 1
            return
        try:
            # After a torn write the file ends in the middle of a line.
            line = b"\n" * self._torn + encode_line(record)
            written = os.write(self._descriptor, line)
            self._torn = written < len(line)
            if self._torn:
                self._lose(OSError(f"only {written} of {len(line)} bytes were written"))
        except (OSError, TypeError, ValueError) as error:
            self._lose(error)

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
