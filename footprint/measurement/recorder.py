"""Read meters and write journal lines, for one process, without ever failing it."""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from footprint._version import __version__
from footprint.errors import DataError, MeterAbsent, MeterError
from footprint.journal import SUFFIX, JournalWriter, Process, SpanRecord
from footprint.measurement.amd import AmdMeter
from footprint.measurement.battery import BatteryMeter
from footprint.measurement.calibration import calibration_for, journal_lines, machine_token
from footprint.measurement.host import HostLock
from footprint.measurement.jetson import JetsonMeter
from footprint.measurement.memory import MemoryMeter
from footprint.measurement.meter import TIER_BANDS, Meter
from footprint.measurement.nvml import NvmlMeter
from footprint.measurement.processor import (
    ProcessorMeter,
    describe_machine,
    host_token,
    visible_accelerators,
)
from footprint.measurement.pulse import Pulse
from footprint.measurement.rapl import RaplMeter
from footprint.model import Machine, Run, Tier

log = logging.getLogger("footprint")

METERS: dict[str, Callable[[], Meter]] = {
    "rapl": RaplMeter,
    "nvml": NvmlMeter,
    "amd": AmdMeter,
    "jetson": JetsonMeter,
    "battery": BatteryMeter,
    "cpu": ProcessorMeter,
    "memory": MemoryMeter,
}
"""The energy sources that a tracker looks for, best first."""


def available_meters() -> tuple[list[Meter], dict[str, MeterError]]:
    """Find the energy sources of this machine.

    Returns
    -------
    meters : list of Meter
        Those that can be read, best first.
    failed : dict of str to MeterError
        Those that are there and cannot be read, with the reason.
    """
    meters: list[Meter] = []
    failed: dict[str, MeterError] = {}
    for name, make in METERS.items():
        try:
            meters.append(make())
        except MeterAbsent as error:
            log.debug("%s: %s", name, error)
        except MeterError as error:
            failed[name] = error
    return meters, failed


@dataclass(frozen=True, slots=True)
class MeterState:
    """One energy source, and whether it can be read here.

    Attributes
    ----------
    name : str
    state : str
        ``"readable"``, ``"absent"`` (this machine has none) or ``"failed"``.
    tier : Tier or None
    band : str
        95 % band of the tier.
    counters : tuple of str
        What it reads.
    message, remedy : str
        Why it cannot be read, and what to do.
    """

    name: str
    state: str
    tier: Tier | None = None
    band: str = ""
    counters: tuple[str, ...] = ()
    message: str = ""
    remedy: str = ""


def describe_meters() -> list[MeterState]:
    """Try every energy source once, and say what came of it."""
    states = []
    for name, make in METERS.items():
        try:
            meter = make()
            counters = tuple(sorted(meter.read().counters))
        except MeterError as error:
            state = "absent" if isinstance(error, MeterAbsent) else "failed"
            states.append(MeterState(name, state, message=error.message, remedy=error.remedy))
            continue
        band = "x {:g} to {:g}".format(*TIER_BANDS[meter.tier]) if meter.tier else ""
        states.append(MeterState(name, "readable", meter.tier, band, counters))
    return states


SAMPLE_S = 1.0
"""Between two samples of the host: bounds the wraps of counters, gives the idle level."""
BEATS_PER_HEARTBEAT = 5
"""So much at most is lost of an open phase when its process is killed [SAMPLE_S]."""


PARENT_VARIABLE = "FOOTPRINT_PARENT"
"""Tells a tracked process which `footprint track` counts it as well."""


def is_of_host(counter: str) -> bool:
    """Whether a counter is about the whole host, rather than about one process."""
    meter, _, name = counter.partition(".")
    own = meter in ("cpu", "memory", "cgroup") or name.endswith("-own_s")
    return name == "host_busy_s" or not own


class Recorder:
    """The journal file of this process, and the meters that it reads.

    Parameters
    ----------
    folder : Path
        Where the file goes.
    run : Run
    meters : sequence of Meter, optional
        Default: `available_meters`.
    open_spans : callable
        Gives the spans that are open now, for heartbeats.
    """

    def __init__(
        self,
        folder: Path,
        run: Run,
        meters: Sequence[Meter] | None = None,
        open_spans: Callable[[], Iterable[SpanRecord]] = tuple,
    ) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        self.pid = os.getpid()
        self.token = secrets.token_hex(8)
        self.path = folder / f"{stamp}-{self.pid}-{secrets.token_hex(3)}{SUFFIX}"
        self._run = run
        self._given = meters
        self._meters: list[Meter] = []
        self._writer = JournalWriter(self.path)
        self._failed: dict[str, MeterError] = {}
        # Readings of two threads must not interleave, or a meter that integrates
        # would see time run backwards.
        self._lock = threading.Lock()
        # Wall clock now, monotonic from here: a clock that is set while we run
        # moves no span.
        self._clock_s = time.time() - time.perf_counter()
        self._open_spans = open_spans
        self._host = HostLock(folder, host_token())
        self._pulse = Pulse(self._beat, SAMPLE_S)
        self._beats = itertools.count(1)
        self._last_round: int | None = None
        self._sync_due = False

    def open(self) -> None:
        """Create the file and find the meters."""
        self._writer.open()
        failed: dict[str, MeterError] = {}
        if self._given is None:
            self._meters, failed = available_meters()
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
        )
        machine = describe_machine()
        self._writer.header(self._run, machine, process, __version__)
        self._write_calibration(machine)
        for name, error in failed.items():
            self._fail(name, error)
        self._sample()
        self._pulse.start()

    def _write_calibration(self, machine: Machine) -> None:
        try:
            calibration = calibration_for(machine, machine_token())
        except DataError as error:
            self._fail("calibration", MeterError(error.message, error.remedy))
            return
        if calibration is not None:
            self._writer.calibration(journal_lines(calibration))

    def edge(self) -> tuple[float, dict[str, float]]:
        """Read the clock [s] and all meters now."""
        with self._lock:
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
            return self._clock_s + time.perf_counter(), readings

    def span(self, record: SpanRecord) -> None:
        """Write a span that has ended; after a round the lines go to the disk."""
        self._writer.span(record)
        if record.round is not None and record.round != self._last_round:
            self._last_round = record.round
            # At the next beat: waiting for a disk here would be measured as training.
            self._sync_due = True

    def result(self, name: str, value: float) -> None:
        """Write a figure that the run reports about itself."""
        self._writer.result(name, value)

    def close(self) -> None:
        """Close the file, and report what could not be measured or written."""
        self._pulse.stop()
        self._sample()
        self._host.release()
        for meter in self._meters:
            # What a source doubts about its own figures.
            for message in getattr(meter, "suspect", ()):
                self._writer.failure(meter.name, message)
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
        opened = list(self._open_spans())  # first, so that none began after the reading
        time_s, readings = self.edge()
        self._writer.heartbeat(time_s, readings, [span for span in opened if span.begin])

    def _beat(self) -> None:
        self._sample()
        if self._sync_due:
            self._sync_due = False
            self._writer.sync()
        if next(self._beats) % BEATS_PER_HEARTBEAT == 0:
            self.heartbeat()

    def _sample(self) -> None:
        """Write readings of the host, if that is this process's office."""
        if self._host.acquire():
            time_s, readings = self.edge()
            host = {name: value for name, value in readings.items() if is_of_host(name)}
            self._writer.sample(time_s, host)

    def _drop(self, meter: Meter, error: MeterError) -> None:
        # A source that failed once is left out from here on. What it would have
        # seen is modelled when the journal is read.
        self._meters.remove(meter)
        self._fail(meter.name, error)

    def _fail(self, name: str, error: MeterError) -> None:
        self._failed[name] = error
        self._writer.failure(name, error.message, error.remedy)
