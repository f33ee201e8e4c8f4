"""Read meters and write journal lines, for one process, without ever failing it."""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from footprint._version import __version__
from footprint.errors import DataError, MeterError
from footprint.journal import (
    SUFFIX,
    JournalWriter,
    Process,
    ProcessRecords,
    ReportRecord,
    SpanRecord,
    WallLines,
)
from footprint.measurement.calibration import calibration_for, journal_lines, machine_token
from footprint.measurement.host import HostLock
from footprint.measurement.meter import Meter
from footprint.measurement.nesting import PARENT_VARIABLE, Counting, nesting_doubt, runs_around
from footprint.measurement.nvml import NvmlMeter
from footprint.measurement.processor import (
    describe_machine,
    host_token,
    process_namespace,
    visible_accelerators,
)
from footprint.measurement.pulse import Pulse
from footprint.measurement.sources import available_meters
from footprint.measurement.span import Span
from footprint.model import Architecture, Machine, Run

log = logging.getLogger("footprint")

SAMPLE_S = 1.0
"""Between two samples of the host: bounds the wraps of counters, gives the idle level."""
BEATS_PER_HEARTBEAT = 5
"""So much at most is lost of an open phase when its process is killed [SAMPLE_S]."""


def is_of_host(counter: str) -> bool:
    """Whether a counter is about the whole host, rather than about one process."""
    meter, _, name = counter.partition(".")
    own = meter in ("cpu", "memory", "cgroup") or name.endswith("-own_s")
    return name == "host_busy_s" or not own


OpenSpans = Callable[[], Iterable[SpanRecord]]


class Recorder:
    """The journal file of this process, and the meters that it reads.

    Parameters
    ----------
    folder : Path
        Where the file goes.
    run : Run
    meters : sequence of Meter, optional
        Default: `available_meters`.
    children : bool
        Count the processes that this one starts, while they run, instead of itself.
    run_id : str, optional
        What a framework calls the run.
    """

    def __init__(
        self,
        folder: Path,
        run: Run,
        meters: Sequence[Meter] | None = None,
        *,
        children: bool = False,
        run_id: str | None = None,
    ) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        self.pid = os.getpid()
        self.token = secrets.token_hex(8)
        self.path = folder / f"{stamp}-{self.pid}-{secrets.token_hex(3)}{SUFFIX}"
        self._run = run
        self._given = meters
        self._children = children
        self._run_id = run_id
        self.counting = Counting(run.name, _place(folder), children)
        self._meters: list[Meter] = []
        self._resting: list[Meter] = []
        self._writer = JournalWriter(self.path)
        self._failed: dict[str, MeterError] = {}
        # Readings of two threads must not interleave, or a meter that integrates
        # would see time run backwards.
        self._lock = threading.Lock()
        self._reader: int | None = None
        self._last_readings: dict[str, float] = {}
        # Wall clock now, monotonic from here: a clock that is set while we run
        # moves no span.
        self._clock_s = time.time() - time.perf_counter()
        self._users: list[OpenSpans] = []
        self.roots: list[Span] = []
        """Outermost spans that are open, the first one first."""
        self._ids = itertools.count(1)
        self._host = HostLock(folder, host_token())
        self._pulse = Pulse(self._beat, SAMPLE_S)
        self._beats = itertools.count(1)
        self._last_round: int | None = None
        self.process: ProcessRecords
        """What the journal says of the process, without its spans; from `open` on."""
        self._sync_due = False

    @property
    def root(self) -> Span | None:
        """First span that is open, around those of threads that began without one."""
        return self.roots[0] if self.roots else None

    def next_id(self) -> int:
        """Give a span its number in this file."""
        return next(self._ids)

    def leave(self, open_spans: OpenSpans) -> None:
        """End the use by one tracker; the last one to leave closes the file."""
        with _joining:
            self._users.remove(open_spans)
            if self._users:
                return
            for key in [key for key, recorder in _recorders.items() if recorder is self]:
                del _recorders[key]
            if self in _running:
                _running.remove(self)
        self.close()

    @property
    def problem(self) -> str:
        """Why the journal cannot be written; empty if it can."""
        return self._writer.first_error

    def takes(self, run: Run, *, children: bool, run_id: str | None) -> bool:
        """Whether a tracker of that run can use this recorder; what it leaves open is ours."""
        own = self._run
        return (
            run.architecture in (Architecture.OTHER, own.architecture)
            and run.functional_unit in ("", own.functional_unit)
            and self._children is children
            and (None in (run_id, self._run_id) or run_id == self._run_id)
        )

    def say_nesting(self, running: Iterable[Counting]) -> None:
        """Write that other trackers of this process, or around it, count its work as well."""
        if around := runs_around(self.counting, running):
            self.doubt(*nesting_doubt(self._run.name, around))

    def join(self, open_spans: OpenSpans) -> None:
        """Use this recorder; `open_spans` gives the spans that are open, for heartbeats."""
        self._users.append(open_spans)

    def open(self) -> None:
        """Create the file and find the meters."""
        self._writer.open()
        failed: dict[str, MeterError] = {}
        if self._given is None:
            self._meters, failed = available_meters(children=self._children)
        else:
            self._meters = list(self._given)
        process = Process(
            self.pid,
            os.getppid(),
            self.token,
            host_token(),
            visible_accelerators(),
            os.environ.get(PARENT_VARIABLE),
            {meter.name: meter.tier for meter in self._meters if meter.tier is not None},
            # Which GPUs this process may use, where a meter knows.
            next((m.visible for m in self._meters if isinstance(m, NvmlMeter)), None),
            process_namespace(),
            self._clock_s,
            self._run_id,
        )
        machine = describe_machine()
        self._writer.header(self._run, machine, process, __version__)
        calibration = self._write_calibration(machine)
        self.process = ProcessRecords(
            self._run, machine, process, (), self.path.name, calibration=calibration
        )
        for name, error in failed.items():
            self._fail(name, error)
        if self._writer.lost_lines:
            log.error("footprint cannot write its journal: %s", self._writer.first_error)
        self._sample()
        self._pulse.start()

    def _write_calibration(self, machine: Machine) -> WallLines | None:
        try:
            calibration = calibration_for(machine, machine_token())
        except DataError as error:
            self._fail("calibration", MeterError(error.message, error.remedy))
            return None
        if calibration is None:
            return None
        lines = journal_lines(calibration)
        self._writer.calibration(lines)
        return lines

    def edge(self) -> tuple[float, dict[str, float]]:
        """Read the clock [s] and all meters now."""
        if self._reader == threading.get_ident():
            # A signal handler, or a finaliser, inside of a reading: that one serves.
            return self._clock_s + time.perf_counter(), dict(self._last_readings)
        with self._lock:
            self._reader = threading.get_ident()
            try:
                self._last_readings = self._read()
            finally:
                self._reader = None
            return self._clock_s + time.perf_counter(), dict(self._last_readings)

    def _read(self) -> dict[str, float]:
        readings: dict[str, float] = {}
        for meter in list(self._meters):
            try:
                counters = meter.read().counters
            except MeterError as error:
                self._drop(meter, error)
            except Exception as error:  # noqa: BLE001 - a foreign meter may raise
                # anything, and what we observe must go on.
                self._drop(meter, MeterError(f"{type(error).__name__}: {error}"))
            else:
                readings |= {f"{meter.name}.{key}": value for key, value in counters.items()}
        return readings

    def span(self, record: SpanRecord) -> None:
        """Write a span that has ended; after a round the lines go to the disk."""
        self._writer.span(record)
        if record.round is not None and record.round != self._last_round:
            self._last_round = record.round
            # At the next beat: waiting for a disk here would be measured as training.
            self._sync_due = True

    def report(self, record: ReportRecord) -> None:
        """Write what was seen of a request to a client."""
        self._writer.report(record)

    def result(self, name: str, value: float) -> None:
        """Write a figure that the run reports about itself."""
        self._writer.result(name, value)

    def doubt(self, code: str, message: str, remedy: str = "") -> None:
        """Write what makes the figures less sure."""
        self._writer.doubt(code, message, remedy)

    def close(self) -> None:
        """Close the file, and report what could not be measured or written."""
        self._pulse.stop()
        self._sample()
        self._host.release()
        for meter in self._meters:
            # What a source doubts about its own figures.
            for message in getattr(meter, "suspect", ()):
                self._writer.failure(meter.name, message)
        if self._writer.lost_lines:
            self.doubt(
                "journal-lost",
                f"{self._writer.lost_lines} line(s) of the journal could not be written, first "
                f"because of: {self._writer.first_error}",
                "What they recorded is missing from the result.",
            )
        self._writer.close()
        for name, error in self._failed.items():
            log.error("footprint could not read %s: %s", name, error)
        if self._writer.lost_lines:
            log.error(
                "footprint lost %d journal line(s), first because of: %s",
                self._writer.lost_lines,
                self._writer.first_error or "the journal was closed",
            )

    def heartbeat(self) -> None:
        """Write what is open now, so that it can be read, and survives us."""
        # First, so that none of them began after the reading.
        opened = [span for open_spans in list(self._users) for span in open_spans()]
        time_s, readings = self.edge()
        self._writer.heartbeat(time_s, readings, opened)

    def _beat(self) -> None:
        self._retry()
        self._sample()
        if self._sync_due:
            self._sync_due = False
            self._writer.sync()
        beat = next(self._beats)
        # The first one early: a process that is killed before has left no phase behind.
        if beat == 1 or beat % BEATS_PER_HEARTBEAT == 0:
            self.heartbeat()

    def _sample(self) -> None:
        """Write readings of the host, if that is this process's office."""
        if self._host.acquire():
            time_s, readings = self.edge()
            host = {name: value for name, value in readings.items() if is_of_host(name)}
            self._writer.sample(time_s, host)

    def _drop(self, meter: Meter, error: MeterError) -> None:
        # What it does not see is modelled when the journal is read.
        self._meters.remove(meter)
        self._resting.append(meter)
        self._fail(meter.name, error)

    def _retry(self) -> None:
        """Take sources back that can be read again; counters went on meanwhile."""
        for meter in list(self._resting):
            try:
                meter.read()
            except Exception as error:  # noqa: BLE001 - a foreign meter may raise anything
                # That it failed stands in the journal already.
                log.debug("%s still cannot be read: %s", meter.name, error)
                continue
            self._resting.remove(meter)
            self._meters.append(meter)

    def _fail(self, name: str, error: MeterError) -> None:
        self._failed[name] = error
        self._writer.failure(name, error.message, error.remedy)


_recorders: dict[tuple[object, ...], Recorder] = {}
"""Those that go on, by process, folder and run."""
_running: list[Recorder] = []
"""Those and the ones with meters of their own, of this process."""

# Reentrant: a signal handler may start a tracker while one is being started.
_joining = threading.RLock()


def _forget() -> None:
    # A forked child must not wait for a thread that only its parent has.
    global _joining
    _joining = threading.RLock()
    _recorders.clear()
    _running.clear()


def joining() -> AbstractContextManager[object]:
    """Let one thread of this process at a time find out which recorder is its own."""
    return _joining


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def join_recorder(
    folder: Path,
    run: Run,
    open_spans: OpenSpans,
    *,
    meters: Sequence[Meter] | None = None,
    children: bool = False,
    run_id: str | None = None,
) -> Recorder:
    """Open a journal file for this process, or join the one that it writes already.

    A process counts all of its time: two files of one process and run would count it
    twice. A tracker with meters of its own gets a file of its own.
    """
    key = (os.getpid(), _place(folder), run.name)
    with _joining:
        known = _recorders.get(key)
        if (
            known is not None
            and meters is None
            and known.takes(run, children=children, run_id=run_id)
        ):
            known.join(open_spans)
            return known
        recorder = Recorder(folder, run, meters, children=children, run_id=run_id)
        recorder.open()
        recorder.say_nesting(other.counting for other in _running)
        _running.append(recorder)
        if meters is None:
            _recorders[key] = recorder
        recorder.join(open_spans)
    return recorder


def _place(folder: Path) -> Path:
    try:
        return folder.absolute()
    except OSError:  # the working folder is gone; the journal will say what cannot be written
        return folder
