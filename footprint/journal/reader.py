"""Read journals, tolerating whatever a crash left behind."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from footprint.errors import JournalError
from footprint.journal.records import (
    FORMAT,
    SUFFIX,
    VERSION,
    ProcessRecords,
    Records,
    SpanRecord,
    decode_line,
)
from footprint.model import Architecture, Finding, InputFile, Machine, Phase, Role, Run, Severity


def journal_files(paths: Iterable[Path]) -> list[Path]:
    """Journal files in `paths`; a folder stands for every journal below it.

    Raises
    ------
    JournalError
        If a path does not exist, or a folder holds no journal.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(path.rglob(f"*{SUFFIX}"))
            if not found:
                raise JournalError(
                    f"The folder {path} holds no journal (no file ending in {SUFFIX}).",
                    "Name the folder that the tracker was given as `journal`.",
                )
            files.extend(found)
        elif path.is_file():
            files.append(path)
        else:
            raise JournalError(f"There is no journal at {path}.", "Check the path.")
    return list(dict.fromkeys(files))


T = TypeVar("T")


def read_records(paths: Iterable[Path]) -> Records:
    """Read journal files, tolerating whatever a crash left behind.

    Parameters
    ----------
    paths : iterable of Path
        Journal files, or folders of them.

    Returns
    -------
    Records
        With a finding for every line that could not be used.

    Raises
    ------
    JournalError
        If no file holds a single usable span.
    """
    processes: list[ProcessRecords] = []
    findings: list[Finding] = []
    inputs: list[InputFile] = []
    for path in journal_files(paths):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise JournalError(f"{path} cannot be read: {error.strerror}.") from error
        inputs.append(InputFile(path.name, hashlib.sha256(data).hexdigest()))
        process = _read_process(path.name, data, findings)
        if process is not None:
            processes.append(process)
    if not any(process.spans for process in processes):
        reasons = "; ".join(f"{f.place}: {f.message}" for f in findings[:3])
        raise JournalError(
            f"No usable span in {', '.join(i.name for i in inputs)}."
            + (f" {reasons}" * bool(reasons)),
            "A journal is a .jsonl file that a footprint tracker wrote.",
        )
    return Records(tuple(processes), tuple(findings), tuple(inputs))


def _read_process(name: str, data: bytes, findings: list[Finding]) -> ProcessRecords | None:
    run: Run | None = None
    machine: Machine | None = None
    results: dict[str, float] = {}
    spans: list[SpanRecord] = []
    for place, record in _lines(name, data, findings):
        try:
            match record.get("type"):
                case "header":
                    run, machine = _parse_header(record)
                case "span":
                    spans.append(_parse_span(record))
                case "result":
                    results[str(record["name"])] = float(record["value"])
                case "failure":
                    findings.append(
                        Finding(
                            "meter-failed",
                            f"{record['source']}: {record['message']}",
                            remedy="The result does not hold what this source would have seen.",
                            place=place,
                        )
                    )
                case _:
                    # A later version may add kinds of lines; those that we know still count.
                    findings.append(
                        Finding(
                            "journal-unknown",
                            "A line of an unknown kind was passed over.",
                            place=place,
                        )
                    )
        except (KeyError, TypeError, ValueError) as error:
            findings.append(_unusable(place, f"a field is missing or wrong ({error})"))
    if run is None or machine is None:
        findings.append(
            Finding(
                "journal-headless",
                "The file has no header; its lines cannot be used.",
                Severity.ERROR,
                "Restore the file's first line, or leave the file out.",
                name,
            )
        )
        return None
    return ProcessRecords(
        Run(run.name, run.architecture, run.functional_unit, results), machine, tuple(spans)
    )


def _lines(name: str, data: bytes, findings: list[Finding]) -> Iterator[tuple[str, dict[str, Any]]]:
    lines = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            yield place, decode_line(line)
        except JournalError as error:
            if number == len(lines):
                findings.append(
                    Finding(
                        "journal-torn",
                        "The last line was cut off when the process died; it was dropped.",
                        Severity.INFO,
                        place=place,
                    )
                )
            else:
                findings.append(_unusable(place, error.message))


def _unusable(place: str, reason: str) -> Finding:
    return Finding(
        "journal-line",
        f"A line cannot be used: {reason}.",
        remedy="What it recorded is missing from the result.",
        place=place,
    )


def _parse_header(record: Mapping[str, Any]) -> tuple[Run, Machine]:
    if record["format"] != FORMAT or record["version"] != VERSION:
        raise JournalError(
            f"The journal has format {record['format']!r} version {record['version']!r}; "
            f"this release reads {FORMAT!r} version {VERSION}.",
            "Read it with the release of footprint that wrote it, or a newer one.",
        )
    run = record["run"]
    return (
        Run(str(run["name"]), Architecture(run["architecture"]), str(run["functional_unit"])),
        Machine(**record["machine"]),
    )


def _parse_span(record: Mapping[str, Any]) -> SpanRecord:
    return SpanRecord(
        id=int(record["id"]),
        parent=_optional(int, record.get("parent")),
        actor=str(record["actor"]),
        role=Role(record["role"]),
        phase=Phase(record["phase"]),
        start_s=_number(record["start_s"]),
        duration_s=_at_least_zero(record.get("duration_s", 0.0)),
        begin=_readings(record.get("begin", {})),
        end=_readings(record.get("end", {})),
        round=_optional(int, record.get("round")),
        zone=_optional(str, record.get("zone")),
        device=_optional(str, record.get("device")),
        sent_bytes=int(_at_least_zero(record.get("sent_bytes", 0))),
        received_bytes=int(_at_least_zero(record.get("received_bytes", 0))),
        status=str(record.get("status", "ok")),
    )


def _optional(kind: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else kind(value)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def _at_least_zero(value: Any) -> float:
    number = _number(value)
    if number < 0:
        raise ValueError(f"{value!r} is negative")
    return number


def _readings(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} holds no readings")
    return {str(name): _number(reading) for name, reading in value.items()}
