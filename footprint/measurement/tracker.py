"""Observe code: a context manager and its spans.

The tracker reads meters at the two ends of every span and appends them to a
journal. It converts nothing and asks nobody; `footprint.read_journal` says
afterwards how much energy that was. It never raises into the code that it
wraps: what could not be measured stands in the journal, and is reported when
the tracker ends.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from footprint._version import __version__
from footprint.errors import MeterError, UsageError
from footprint.journal import SUFFIX, JournalWriter, SpanRecord
from footprint.measurement.memory import MemoryMeter
from footprint.measurement.meter import Meter
from footprint.measurement.processor import ProcessorMeter, describe_machine
from footprint.measurement.rapl import RaplMeter
from footprint.model import Architecture, Phase, Role, Run

log = logging.getLogger("footprint")

DEFAULT_JOURNAL = Path("footprint-journal")


@dataclass(slots=True)
class Span:
    """A phase that is going on. Add the bytes that it moves to its counters.

    Attributes
    ----------
    sent_bytes, received_bytes : int
        Bytes over the network link of this span's actor. Count each transfer at
        one of its two ends only.
    """

    id: int
    parent: int | None
    actor: str
    role: Role
    phase: Phase
    round: int | None
    zone: str | None
    device: str | None
    start_s: float
    begin: dict[str, float]
    sent_bytes: int = 0
    received_bytes: int = 0
    outer: Span | None = None
    owner: Tracker | None = None


_current: ContextVar[Span | None] = ContextVar("footprint_span", default=None)


def available_meters() -> list[Meter]:
    """Energy sources that can be read here, best first."""
    meters: list[Meter] = []
    try:
        meters.append(RaplMeter())
    except MeterError as error:
        log.debug("RAPL is not used: %s", error)
    return [*meters, ProcessorMeter(), MemoryMeter()]


@dataclass
class Tracker:
    """Write what a process does into a journal.

    Parameters
    ----------
    run : str
        Name of the run; all its processes use the same name and folder.
    journal : path
        Folder for the journal; each process adds one file. Default:
        ``footprint-journal/<run>``.
    actor, role
        Who this process is, unless a span says otherwise.
    zone : str, optional
        Grid zone, such as ``"FR"``. Places are never guessed: leave it out, and
        give it when estimating.
    device : str, optional
        Device class of the factor catalogue, such as ``"desktop"``.
    architecture : Architecture or str
        ``"federated"``, ``"centralised"`` or ``"other"``.
    functional_unit : str
        What the run delivers, such as ``"model with 90 % test accuracy"``.
    meters : sequence of Meter, optional
        Default: `available_meters`.

    Examples
    --------
    >>> with Tracker("digits", zone="FR", device="desktop") as tracker:  # doctest: +SKIP
    ...     with tracker.span("train", round=1, actor="client-1"):
    ...         train_one_round()
    """

    run: str = "run"
    journal: Path | str | None = None
    actor: str = "client"
    role: Role | str = Role.CLIENT
    zone: str | None = None
    device: str | None = None
    architecture: Architecture | str = Architecture.OTHER
    functional_unit: str = ""
    meters: Sequence[Meter] | None = None
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.role = Role.parse(self.role)
        self.architecture = Architecture.parse(self.architecture)
        if not self.run or Path(self.run).name != self.run:
            raise UsageError(f"{self.run!r} cannot name a run.", "Use a name without slashes.")
        folder = DEFAULT_JOURNAL / self.run if self.journal is None else Path(self.journal)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        self.path = folder / f"{stamp}-{os.getpid()}-{secrets.token_hex(3)}{SUFFIX}"
        self._writer = JournalWriter(self.path)
        self._ids = itertools.count(1)
        # One lock per edge: readings of two threads must not interleave, or a
        # meter that integrates would see time run backwards.
        self._lock = threading.Lock()
        self._failed: dict[str, str] = {}
        self._live: list[Meter] = []
        self._root: Span | None = None
        self._clock_s = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(failed=error is not None)

    def start(self) -> None:
        """Open the journal and begin the span of the whole process."""
        if self._root is not None:
            raise UsageError("This tracker runs already.", "Use one tracker per run and process.")
        # Wall clock at the start, monotonic from there: a clock that is set
        # while we run moves no span.
        self._clock_s = time.time() - time.perf_counter()
        self._live = list(available_meters() if self.meters is None else self.meters)
        run = Run(self.run, Architecture(self.architecture), self.functional_unit)
        self._writer.open()
        self._writer.header(run, describe_machine(), __version__)
        self._root = self._open(Phase.OTHER)

    def stop(self, *, failed: bool = False) -> None:
        """End the span of the process, close the journal, report what was lost."""
        if self._root is None:
            return
        self._close(self._root, "failed" if failed else "ok")
        self._root = None
        self._writer.close()
        for source, message in self._failed.items():
            log.error("footprint could not read %s: %s", source, message)
        if self._writer.lost_lines:
            log.error(
                "footprint lost %d journal line(s), first because of: %s",
                self._writer.lost_lines,
                self._writer.first_error or "the journal was closed",
            )

    @contextmanager
    def span(
        self,
        phase: Phase | str,
        *,
        round: int | None = None,  # noqa: A002 - the field's word, and keyword only
        actor: str | None = None,
        role: Role | str | None = None,
        zone: str | None = None,
        device: str | None = None,
    ) -> Iterator[Span]:
        """Record one phase of one actor. Spans nest, and may overlap in threads.

        What is not given is taken from the enclosing span, and from the tracker
        at the outermost one.

        Raises
        ------
        UsageError
            If `phase` is not one of the names, or the tracker is not running.
        """
        if self._root is None:
            raise UsageError("This tracker is not running.", "Use it inside `with Tracker(...)`.")
        span = self._open(
            Phase.parse(phase), round=round, actor=actor, role=role, zone=zone, device=device
        )
        status = "failed"
        try:
            yield span
            status = "ok"
        finally:
            self._close(span, status)

    def transfer(
        self,
        phase: Phase | str,
        *,
        sent_bytes: int = 0,
        received_bytes: int = 0,
        **where: Any,
    ) -> None:
        """Record bytes that moved, without measuring a time for them."""
        with self.span(phase, **where) as span:
            span.sent_bytes += sent_bytes
            span.received_bytes += received_bytes

    def result(self, name: str, value: float) -> None:
        """Record a figure that the run reports about itself, such as accuracy."""
        self._writer.result(name, float(value))

    def sample(self) -> None:
        """Read the meters without recording anything.

        For sources that integrate what they see, such as memory, in a phase that
        lasts long.
        """
        self._edge()

    def _open(
        self,
        phase: Phase,
        *,
        round: int | None = None,  # noqa: A002
        actor: str | None = None,
        role: Role | str | None = None,
        zone: str | None = None,
        device: str | None = None,
    ) -> Span:
        # A thread starts without an enclosing span, and a span of another
        # tracker encloses nothing of ours: there it is the process's.
        enclosing = _current.get()
        parent = enclosing if enclosing and enclosing.owner is self else self._root
        outer: Span | Tracker = parent or self
        span = Span(
            id=next(self._ids),
            parent=parent.id if parent else None,
            actor=actor or outer.actor,
            role=Role.parse(role or outer.role),
            phase=phase,
            round=round if round is not None else (parent.round if parent else None),
            zone=zone or outer.zone,
            device=device or outer.device,
            start_s=0.0,
            begin={},
            outer=enclosing,
            owner=self,
        )
        _current.set(span)
        span.start_s, span.begin = self._edge()
        return span

    def _close(self, span: Span, status: str) -> None:
        stop_s, end = self._edge()
        # Not a token: `stop` may be called from another context than `start`.
        _current.set(span.outer)
        self._writer.span(
            SpanRecord(
                id=span.id,
                parent=span.parent,
                actor=span.actor,
                role=span.role,
                phase=span.phase,
                start_s=span.start_s,
                duration_s=stop_s - span.start_s,
                begin=span.begin,
                end=end,
                round=span.round,
                zone=span.zone,
                device=span.device,
                sent_bytes=span.sent_bytes,
                received_bytes=span.received_bytes,
                status=status,
            )
        )

    def _edge(self) -> tuple[float, dict[str, float]]:
        with self._lock:
            readings: dict[str, float] = {}
            for meter in list(self._live):
                try:
                    for name, value in meter.read().counters.items():
                        readings[f"{meter.name}.{name}"] = value
                except MeterError as error:
                    self._drop(meter, error)
            return self._clock_s + time.perf_counter(), readings

    def _drop(self, meter: Meter, error: MeterError) -> None:
        # A source that failed once is left out from here on: half a counter
        # would look like little energy.
        self._live.remove(meter)
        self._failed[meter.name] = str(error)
        self._writer.failure(meter.name, str(error))
