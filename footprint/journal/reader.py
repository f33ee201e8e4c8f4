"""Read journals, tolerating whatever a crash left behind."""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from footprint.errors import JournalError
from footprint.journal.records import (
    FORMAT,
    SUFFIX,
    TRUNCATED,
    VERSION,
    Process,
    ProcessRecords,
    Records,
    Sample,
    SpanRecord,
    WallLine,
    WallLines,
    decode_line,
)
from footprint.journal.reports import ReportRecord, parse_report
from footprint.journal.values import at_least_zero, counters, finite, optional, positive, share
from footprint.model import (
    Architecture,
    Finding,
    InputFile,
    Machine,
    Phase,
    Role,
    Run,
    Severity,
    Tier,
)


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
            # Not folders, and no pipes, which would have us wait; broken links are said.
            found = sorted(
                file
                for file in path.rglob(f"*{SUFFIX}")
                if file.is_file() or (file.is_symlink() and not file.exists())
            )
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
    tokens: dict[str, str] = {}
    for path in journal_files(paths):
        try:
            data = path.read_bytes()
        except OSError as error:
            findings.append(
                Finding(
                    "journal-unreadable",
                    f"{path.name} cannot be read: {error.strerror}.",
                    Severity.ERROR,
                    "What it holds is missing from the result.",
                    path.name,
                )
            )
            continue
        inputs.append(InputFile(path.name, hashlib.sha256(data).hexdigest()))
        for process in _read_file(path.name, data.removeprefix(BOM_UTF8), findings):
            first = tokens.setdefault(process.process.token, process.file)
            if any(known.process.token == process.process.token for known in processes):
                findings.append(_copied(path.name, first))
            else:
                processes.append(process)
    if not any(process.spans for process in processes):
        reasons = "; ".join(f"{f.place}: {f.message}" for f in findings[:3])
        raise JournalError(
            f"No usable span in {', '.join(i.name for i in inputs) or 'what can be read'}."
            + (f" {reasons}" * bool(reasons)),
            "A tracked process that is killed, or whose disk is full, before a phase ends leaves "
            "nothing to estimate."
            if processes
            else "A journal is a .jsonl file that a footprint tracker wrote.",
        )
    return Records(tuple(processes), tuple(findings), tuple(inputs))


@dataclass(slots=True)
class _Draft:
    """One process while its lines are being read."""

    run: Run
    machine: Machine
    process: Process
    results: dict[str, float] = field(default_factory=dict)
    spans: dict[int, SpanRecord] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    opened: dict[int, SpanRecord] = field(default_factory=dict)
    """Spans of the last heartbeat, closed there."""
    announced: dict[int, SpanRecord] = field(default_factory=dict)
    """Spans that some heartbeat showed in full."""
    calibration: WallLines | None = None
    reports: list[ReportRecord] = field(default_factory=list)

    def finish(self, file: str) -> ProcessRecords:
        run = Run(self.run.name, self.run.architecture, self.run.functional_unit, self.results)
        # A span that a heartbeat saw open and that never ended belongs to a process
        # that died: close it where it was last seen.
        spans = {**self.opened, **self.spans}
        return ProcessRecords(
            run,
            self.machine,
            self.process,
            tuple(spans.values()),
            file,
            tuple(self.samples),
            self.calibration,
            tuple(self.reports),
        )


def _read_file(name: str, data: bytes, findings: list[Finding]) -> list[ProcessRecords]:
    """Read the processes of one file; a header begins a process."""
    drafts: list[_Draft] = []
    for place, record in _lines(name, data, findings):
        try:
            if record.get("type") == "header":
                drafts.append(_parse_header(record))
            elif drafts:
                _take(record, drafts[-1], place, findings)
        except JournalError as error:
            findings.append(
                Finding("journal-format", error.message, Severity.ERROR, error.remedy, place)
            )
            break
        except (KeyError, TypeError, ValueError) as error:
            findings.append(_unusable(place, f"a field is missing or wrong ({error})"))
    else:
        if not drafts:
            findings.append(
                Finding(
                    "journal-headless",
                    "The file has no header; its lines cannot be used.",
                    Severity.ERROR,
                    "Restore the file's first line, or leave the file out.",
                    name,
                )
            )
    return [draft.finish(name) for draft in drafts]


def _take(record: Mapping[str, Any], draft: _Draft, place: str, findings: list[Finding]) -> None:
    """Take one line after a header."""
    match record.get("type"):
        case "span":
            span = _parse_span(record)
            if span.id in draft.spans:
                raise ValueError(f"the span {span.id} stands there twice")
            draft.spans[span.id] = span
        case "heartbeat":
            draft.opened = _parse_heartbeat(record, draft.announced)
            if len(draft.opened) < len(record["open"]):
                findings.append(_unusable(place, "it names a phase whose beginning was lost"))
        case "doubt":
            findings.append(
                Finding(
                    str(record["code"]),
                    str(record["message"]),
                    remedy=str(record.get("remedy", "")),
                    place=place,
                )
            )
        case "sample":
            draft.samples.append(Sample(finite(record["time_s"]), counters(record["readings"])))
        case "calibration":
            draft.calibration = WallLines(
                made=str(record["made"]),
                busy=_wall_line(record["busy"]),
                counter=optional(_wall_line, record["counter"]),
                counters=tuple(map(str, record["counters"])),
            )
        case "report":
            draft.reports.append(parse_report(record))
        case "result":
            draft.results[str(record["name"])] = finite(record["value"])
        case "failure":
            findings.append(
                Finding(
                    "meter-failed",
                    f"{record['source']}: {record['message']}",
                    remedy=str(record.get("remedy", "")),
                    place=place,
                )
            )
        case _:
            # A later version may add kinds of lines; those that we know still count.
            findings.append(
                Finding(
                    "journal-unknown", "A line of an unknown kind was passed over.", place=place
                )
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
                        "The last line is cut off, as when a process is killed or its disk is "
                        "full; it was dropped.",
                        Severity.INFO,
                        place=place,
                    )
                )
            else:
                findings.append(_unusable(place, error.message))


def _copied(name: str, first: str) -> Finding:
    return Finding(
        "journal-copy",
        f"{name} holds a process that {first} holds already; it was counted once.",
        remedy="Remove the copy.",
        place=name,
    )


def _unusable(place: str, reason: str) -> Finding:
    return Finding(
        "journal-line",
        f"A line cannot be used: {reason}.",
        remedy="What it recorded is missing from the result.",
        place=place,
    )


def _parse_header(record: Mapping[str, Any]) -> _Draft:
    if record["format"] != FORMAT or record["version"] != VERSION:
        raise JournalError(
            f"The journal has format {record['format']!r} version {record['version']!r}; "
            f"this release reads {FORMAT!r} version {VERSION}.",
            "Read it with the release of footprint that wrote it, or a newer one.",
        )
    run, machine, process = record["run"], record["machine"], record["process"]
    return _Draft(
        Run(str(run["name"]), Architecture(run["architecture"]), str(run["functional_unit"])),
        Machine(
            processor=str(machine["processor"]),
            threads=positive(machine["threads"]),
            sockets=positive(machine["sockets"]),
            memory_gb=optional(at_least_zero, machine["memory_gb"]),
            virtual=optional(bool, machine["virtual"]),
            system=str(machine["system"]),
        ),
        Process(
            pid=int(process["pid"]),
            parent_pid=int(process["parent_pid"]),
            token=str(process["token"]),
            host=optional(str, process["host"]),
            accelerators=tuple(str(name) for name in process["accelerators"]),
            parent_token=optional(str, process["parent_token"]),
            tiers={str(name): Tier(tier) for name, tier in process["tiers"].items()},
            gpus=optional(lambda names: tuple(map(str, names)), process.get("gpus")),
            namespace=optional(str, process.get("namespace")),
            clock_s=optional(finite, process.get("clock_s")),
            run_id=optional(str, process.get("run_id")),
        ),
    )


def _parse_span(record: Mapping[str, Any]) -> SpanRecord:
    return SpanRecord(
        id=int(record["id"]),
        parent=optional(int, record.get("parent")),
        actor=str(record["actor"]),
        role=Role(record["role"]),
        phase=Phase(record["phase"]),
        start_s=finite(record["start_s"]),
        duration_s=at_least_zero(record.get("duration_s", 0.0)),
        begin=counters(record.get("begin", {})),
        end=counters(record.get("end", {})),
        round=optional(int, record.get("round")),
        zone=optional(str, record.get("zone")),
        device=optional(str, record.get("device")),
        sent_bytes=int(at_least_zero(record.get("sent_bytes", 0))),
        received_bytes=int(at_least_zero(record.get("received_bytes", 0))),
        status=str(record.get("status", "ok")),
        resource_share=optional(share, record.get("resource_share")),
        node=optional(str, record.get("node")),
    )


def _parse_heartbeat(
    record: Mapping[str, Any], announced: dict[int, SpanRecord]
) -> dict[int, SpanRecord]:
    """Close the open spans here; those shown in full before stand there by number."""
    time_s, readings = finite(record["time_s"]), counters(record["readings"])
    closed: dict[int, SpanRecord] = {}
    for fields in record["open"]:
        span = _parse_span(fields) if "phase" in fields else announced.get(int(fields["id"]))
        if span is None:
            continue
        announced[span.id] = span
        closed[span.id] = replace(
            span,
            duration_s=max(0.0, time_s - span.start_s),
            end=readings,
            sent_bytes=int(at_least_zero(fields.get("sent_bytes", 0))),
            received_bytes=int(at_least_zero(fields.get("received_bytes", 0))),
            status=TRUNCATED,
        )
    return closed


def _wall_line(record: Mapping[str, Any]) -> WallLine:
    return WallLine(**{name: at_least_zero(value) for name, value in record.items()})
