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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from footprint.errors import UsageError
from footprint.journal import SpanRecord
from footprint.measurement.meter import Meter
from footprint.measurement.processor import process_start_s
from footprint.measurement.recorder import Recorder
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
    failed : bool
        Set it if the phase failed without an exception.
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
    failed: bool = False
    outer: Span | None = None
    owner: Recorder | None = None


_started: set[int] = set()
"""Processes in which a tracker ran already; a fork has a number of its own."""

_current: ContextVar[Span | None] = ContextVar("footprint_span", default=None)


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
        Who this process is, unless a span says otherwise. A span that names an
        actor and no role is a client's.
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
    include_startup : bool
        Record what the process did before, since it was started, as phase
        ``setup``: interpreter and imports. Not for notebooks, which start long
        before they train.

    Examples
    --------
    >>> with Tracker("digits", zone="FR", device="desktop") as tracker:  # doctest: +SKIP
    ...     with tracker.span("train", round=1, actor="client-1"):
    ...         train_one_round()
    """

    run: str = "run"
    journal: Path | str | None = None
    actor: str = "process"
    role: Role | str = Role.OTHER
    zone: str | None = None
    device: str | None = None
    architecture: Architecture | str = Architecture.OTHER
    functional_unit: str = ""
    meters: Sequence[Meter] | None = None
    include_startup: bool = False

    def __post_init__(self) -> None:
        self.role = Role.parse(self.role)
        self.architecture = Architecture.parse(self.architecture)
        if Path(self.run).name != self.run or self.run == ".." or not self.run.isprintable():
            raise UsageError(
                f"{self.run!r} cannot name a run.", "Use a printable name without slashes."
            )
        self._recorder: Recorder | None = None
        self._path: Path | None = None
        self._root: Span | None = None
        self._ids = itertools.count(1)
        self._spans: dict[int, Span] = {}

    @property
    def path(self) -> Path:
        """Journal file of this process.

        Raises
        ------
        UsageError
            If the tracker has not been started.
        """
        if self._recorder is not None:
            return self._recorder.path
        if self._path is None:
            raise UsageError("This tracker has no journal yet.", "Start it first.")
        return self._path

    @property
    def token(self) -> str:
        """Random name of this tracker, for processes that are started under it."""
        return self._record().token

    @property
    def running(self) -> bool:
        """Whether spans can be recorded."""
        return self._root is not None

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
        if self.running:
            raise UsageError("This tracker runs already.", "Use one tracker per run and process.")
        recorder = self._record()
        if self.include_startup:
            self._record_startup(recorder)
        _started.add(os.getpid())
        self._root = self._open(Phase.OTHER)

    def stop(self, *, failed: bool = False) -> None:
        """End the span of the process, close the journal, report what was lost."""
        if self._root is None:
            return
        if self._recorder is None or self._recorder.pid != os.getpid():
            self._root = None  # we were forked; our parent will end it
            return
        # What somebody opened and did not close ends here, the inner ones first.
        for span in sorted(self._spans.values(), key=lambda span: -span.id):
            if span is not self._root:
                self._close(span, "failed")
        self._close(self._root, "failed" if failed else "ok")
        self._root = None
        self._recorder.close()
        self._path, self._recorder = self._recorder.path, None

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
        if not self.running:
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
        """Record a figure that the run reports about itself, such as accuracy.

        Raises
        ------
        UsageError
            If the tracker is not running.
        """
        if not self.running:
            raise UsageError("This tracker is not running.", "Use it inside `with Tracker(...)`.")
        self._record().result(name, float(value))

    def heartbeat(self) -> None:
        """Record where the open spans are now; done every few seconds by itself."""
        self._record().heartbeat()

    def _record(self) -> Recorder:
        """Return the recorder of this process; a forked child gets its own."""
        if self._recorder is None or self._recorder.pid != os.getpid():
            folder = DEFAULT_JOURNAL / self.run if self.journal is None else Path(self.journal)
            run = Run(self.run, Architecture(self.architecture), self.functional_unit)
            self._spans = {}
            self._recorder = Recorder(folder, run, self.meters, self._open_records)
            self._recorder.open()
        return self._recorder

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
        recorder = self._record()
        parent, enclosing = self._parent(recorder), _current.get()
        outer: Span | Tracker = parent or self
        span = Span(
            id=next(self._ids),
            parent=parent.id if parent else None,
            actor=actor or outer.actor,
            role=Role.parse(role or (Role.CLIENT if actor else outer.role)),
            phase=phase,
            round=round if round is not None else (parent.round if parent else None),
            zone=zone or outer.zone,
            device=device or outer.device,
            start_s=0.0,
            begin={},
            outer=enclosing,
            owner=recorder,
        )
        _current.set(span)
        span.start_s, span.begin = recorder.edge()
        self._spans[span.id] = span
        return span

    def _record_startup(self, recorder: Recorder) -> None:
        now_s, end = recorder.edge()
        started_s = process_start_s()
        if started_s is None or os.getpid() in _started:
            return  # what came before this tracker is another one's already
        # CPU time counts from the start of the process; nothing else was read then.
        begin = dict.fromkeys(("cpu.process_s", "cpu.children_s"), 0.0)
        span = Span(
            id=next(self._ids),
            parent=None,
            actor=self.actor,
            role=Role.parse(self.role),
            phase=Phase.SETUP,
            round=None,
            zone=self.zone,
            device=self.device,
            start_s=started_s,
            begin=begin,
        )
        duration_s = max(0.0, now_s - started_s)
        recorder.span(replace(_record(span), duration_s=duration_s, end=end))

    def _open_records(self) -> list[SpanRecord]:
        # A copy first: other threads open and close spans meanwhile.
        return [_record(span) for span in list(self._spans.values())]

    def _parent(self, recorder: Recorder) -> Span | None:
        """Span around the next one.

        A thread starts without one, and a span of another tracker, or of the
        process that we were forked from, encloses nothing of ours: there it is
        the span of the whole process, if that is ours.
        """
        enclosing = _current.get()
        for span in (enclosing, self._root):
            if span is not None and span.owner is recorder:
                return span
        return None

    def _close(self, span: Span, status: str) -> None:
        # Not a token: `stop` may be called from another context than `start`.
        _current.set(span.outer)
        recorder = span.owner
        if recorder is None or recorder.pid != os.getpid():
            return  # the process that we were forked from will record it
        if span.id not in self._spans:
            return  # the tracker was stopped before it, and recorded it then
        stop_s, end = recorder.edge()
        status = "failed" if span.failed else status
        recorder.span(
            replace(_record(span), duration_s=stop_s - span.start_s, end=end, status=status)
        )
        # Only now: killed before, the span would be in neither place.
        self._spans.pop(span.id, None)


def _record(span: Span) -> SpanRecord:
    return SpanRecord(
        id=span.id,
        parent=span.parent,
        actor=span.actor,
        role=span.role,
        phase=span.phase,
        start_s=span.start_s,
        duration_s=0.0,
        begin=span.begin,
        end={},
        # Counts may come as numpy numbers, which JSON does not know.
        round=None if span.round is None else int(span.round),
        zone=span.zone,
        device=span.device,
        sent_bytes=_count(span.sent_bytes),
        received_bytes=_count(span.received_bytes),
    )


def _count(value: Any) -> int:
    """Bytes as a whole number; what is none is reported and counts nothing."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        log.error("footprint cannot use %r as a number of bytes", value)  # noqa: TRY400
        return 0
