"""The journal: append-only JSON lines that survive the process that wrote them.

One process writes one file. Its lines are, in this order of first appearance:

``header``
    Format, run, and the class of the machine (never its name).
``span``
    One phase of one actor that has ended, with the readings of every meter at
    both of its ends.
``heartbeat``
    The spans that are open, with the readings so far: what a process that dies
    before they end leaves of them.
``sample``
    Readings of the whole host, written by one process of the run on each host.
``report``
    What a server saw of one request to one client, and the figures that it was told.
``calibration``
    The power line of this machine, if somebody fitted one on a wall meter.
``result``
    A figure that the run reports about itself, such as an accuracy.
``failure``
    Something that could not be measured, and why.

Every line is written by a single `write` to a file opened with ``O_APPEND`` and
ends with a checksum of itself, so a torn line is recognised and costs nothing
but itself.
"""

from footprint.journal.reader import read_records
from footprint.journal.records import (
    SUFFIX,
    TRUNCATED,
    Process,
    ProcessRecords,
    Records,
    Sample,
    SpanRecord,
    WallLine,
    WallLines,
)
from footprint.journal.reports import Energy, ReportRecord, Told
from footprint.journal.writer import JournalWriter

__all__ = [
    "SUFFIX",
    "TRUNCATED",
    "Energy",
    "JournalWriter",
    "Process",
    "ProcessRecords",
    "Records",
    "ReportRecord",
    "Sample",
    "SpanRecord",
    "Told",
    "WallLine",
    "WallLines",
    "read_records",
]
