"""Observe code: a context manager and its spans.

The tracker reads meters at the two ends of every span and appends them to a
journal. It converts nothing and asks nobody; `footprint.read_journal` says
afterwards how much energy that was. It never raises into the code that it
wraps: what could not be measured stands in the journal, and is reported when
the tracker ends.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from footprint.errors import UsageError
from footprint.journal import ProcessRecords, ReportRecord, SpanRecord
from footprint.measurement.meter import Meter
from footprint.measurement.names import warn_of_names
from footprint.measurement.processor import process_start_s
from footprint.measurement.recorder import Recorder, join_recorder, joining
from footprint.measurement.span import Edge, Span, is_count, record_of
from footprint.model import Architecture, Phase, Role, Run

log = logging.getLogger("footprint")

DEFAULT_JOURNAL = Path("footprint-journal")


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
    resource_share : float, optional
        Share of the device that is reserved, above 0 and up to 1: 0.125 for one of the
        eight GPUs of a server. Give it here or when estimating; the default there is 1.
    architecture : Architecture or str
        ``"federated"``, ``"centralised"`` or ``"other"``.
    functional_unit : str
        What the run delivers, such as ``"model with 90 % test accuracy"``.
    meters : sequence of Meter, optional
        Default: `available_meters`.
    children : bool
        Count the processes that this one starts, while they run, instead of itself: for
        programs that run a command and wait. Walks the process table at every edge,
        which takes milliseconds.
    include_startup : bool
        Record what the process did before, since it was started, as phase
        ``setup``: interpreter and imports. Not for notebooks, which start long
        before they train.
    run_id : str, optional
        What a framework calls the run: journals of one name and two of these are not
        read together.

    Notes
    -----
    Trackers of one process, run and folder that run at the same time share one
    journal: the inner one is a span of the outer one, and nothing counts twice.

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
    resource_share: float | None = None
    architecture: Architecture | str = Architecture.OTHER
    functional_unit: str = ""
    meters: Sequence[Meter] | None = None
    children: bool = False
    include_startup: bool = False
    run_id: str | None = None

    def __post_init__(self) -> None:
        self.role = Role.parse(self.role)
        self.architecture = Architecture.parse(self.architecture)
        _check_share(self.resource_share)
        if not isinstance(self.run, str):
            raise UsageError(f"{self.run!r} cannot name a run.", "Use a text without slashes.")
        unfit = [meter for meter in self.meters or () if not callable(getattr(meter, "read", None))]
        if unfit:
            raise UsageError(f"{unfit[0]!r} is no meter.", "A meter has a name, a tier and read().")
        if Path(self.run).name != self.run or self.run == ".." or not self.run.isprintable():
            raise UsageError(
                f"{self.run!r} cannot name a run.", "Use a printable name without slashes."
            )
        self._recorder: Recorder | None = None
        self._path: Path | None = None
        self.actor = _name(self.actor, "actor") or self.actor
        self._root: Span | None = None
        self.startup: Span | None = None
        """What the process did before, if that was recorded."""
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
        """Random name of this tracker's journal, for processes that are started under it."""
        self._require_running()
        return self._record().token

    @property
    def process(self) -> ProcessRecords:
        """What the journal says of this process, without its spans.

        Raises
        ------
        UsageError
            If the tracker is not running.
        """
        self._require_running()
        return self._record().process

    @property
    def problem(self) -> str:
        """Why the journal cannot be written; empty if it can.

        Raises
        ------
        UsageError
            If the tracker is not running.
        """
        self._require_running()
        return self._record().problem

    def report(self, record: ReportRecord) -> None:
        """Record what was seen of a request to a client.

        Raises
        ------
        UsageError
            If the tracker is not running.
        """
        self._require_running()
        self._record().report(record)

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
        warn_of_names(self.zone, self.device)
        recorder = self._record()
        if self.include_startup:
            self._record_startup(recorder)
        _started.add(os.getpid())
        # Inside of another tracker of this journal, what was not given comes from there.
        inner = self._parent(recorder) is not None and self._given_actor() is None
        self._root = self._open(
            Phase.OTHER,
            actor=self._given_actor(),
            role=None if inner and self.role is Role.OTHER else self.role,
            zone=self.zone,
            device=self.device,
            resource_share=self.resource_share,
        )
        recorder.roots.append(self._root)
        # A program that ends without `stop` loses nothing.
        atexit.register(self.stop)

    def stop(self, *, failed: bool = False) -> None:
        """End the span of the process, close the journal, report what was lost."""
        if self._root is None:
            return
        atexit.unregister(self.stop)
        if self._recorder is None or self._recorder.pid != os.getpid():
            self._root = None  # we were forked; our parent will end it
            return
        # What somebody opened and did not close ends here, the inner ones first.
        for span in sorted(self._spans.values(), key=lambda span: -span.id):
            if span is not self._root:
                self._close(span, "failed")
        self._close(self._root, "failed" if failed else "ok")
        self._recorder.roots.remove(self._root)
        self._root = None
        self._recorder.leave(self._open_records)
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
        resource_share: float | None = None,
        node: str | None = None,
        edge: Edge | None = None,
    ) -> Iterator[Span]:
        """Record one phase of one actor. Spans nest, and may overlap in threads.

        What is not given is taken from the enclosing span, and from the tracker
        at the outermost one; `node`, which is what a framework calls the actor of a
        message, belongs to this span alone.

        Raises
        ------
        UsageError
            If `phase` is not one of the names, `resource_share` is no share, or the
            tracker is not running.
        """
        _check_share(resource_share)
        self._require_running()
        span = self._open(
            Phase.parse(phase),
            round=self._whole(round),
            actor=_name(actor, "actor"),
            role=role,
            zone=zone,
            device=device,
            resource_share=resource_share,
            node=node,
            edge=edge,
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
        edge: Edge | None = None,
        **where: Any,
    ) -> None:
        """Record bytes that moved, without measuring a time for them.

        The meters are not read again if `edge` gives the time and what they said then.
        """
        with self.span(phase, edge=edge, **where) as span:
            span.sent_bytes = sent_bytes
            span.received_bytes = received_bytes
            # What the meters say at its end is what they said at its begin.
            span.end = (span.start_s, span.begin)

    def result(self, name: str, value: float) -> None:
        """Record a figure that the run reports about itself, such as accuracy.

        Raises
        ------
        UsageError
            If the tracker is not running.
        """
        self._require_running()
        try:
            self._record().result(name, float(value))
        except (TypeError, ValueError):
            self._complain(f"The result {name!r} is {value!r}, which is no number.")

    def doubt(self, code: str, message: str, remedy: str = "") -> None:
        """Record what makes the figures less sure, as a finding of every result.

        Raises
        ------
        UsageError
            If the tracker is not running.
        """
        self._require_running()
        self._record().doubt(code, message, remedy)

    def heartbeat(self) -> None:
        """Record where the open spans are now; done every few seconds by itself."""
        if self.running:
            self._record().heartbeat()

    def _whole(self, value: Any) -> int | None:
        """Round as a whole number; what is none is reported, and belongs to no round."""
        try:
            if value is None or int(value) == value:
                return None if value is None else int(value)
        except (TypeError, ValueError, OverflowError):
            pass
        self._complain(f"{value!r} is no number of a round.")
        return None

    def _complain(self, message: str) -> None:
        """Report what the training gave us and cannot be used; it goes on."""
        log.error("footprint: %s", message)
        self._record().doubt("value-unusable", message, "It is missing from the result.")

    def _require_running(self) -> None:
        if not self.running:
            raise UsageError("This tracker is not running.", "Use it inside `with Tracker(...)`.")

    def _record(self) -> Recorder:
        """Return the recorder of this process; a forked child gets its own."""
        if self._recorder is not None and self._recorder.pid == os.getpid():
            return self._recorder
        with joining():
            if self._recorder is not None and self._recorder.pid == os.getpid():
                return self._recorder  # another thread was faster
            folder = DEFAULT_JOURNAL / self.run if self.journal is None else Path(self.journal)
            run = Run(self.run, Architecture(self.architecture), self.functional_unit)
            self._spans = {}
            self._recorder = join_recorder(
                folder,
                run,
                self._open_records,
                meters=self.meters,
                children=self.children,
                run_id=self.run_id,
            )
        return self._recorder

    def _given_actor(self) -> str | None:
        """Actor that somebody named; else it may come from a tracker around this one."""
        default = next(field.default for field in fields(self) if field.name == "actor")
        return None if self.actor == default else self.actor

    def _open(
        self,
        phase: Phase,
        *,
        round: int | None = None,  # noqa: A002
        actor: str | None = None,
        role: Role | str | None = None,
        zone: str | None = None,
        device: str | None = None,
        resource_share: float | None = None,
        node: str | None = None,
        edge: Edge | None = None,
    ) -> Span:
        recorder = self._record()
        parent, enclosing = self._parent(recorder), _current.get()
        outer: Span | Tracker = parent or self
        span = Span(
            id=recorder.next_id(),
            parent=parent.id if parent else None,
            actor=outer.actor if actor is None else actor,
            role=Role.parse(role or (outer.role if actor is None else Role.CLIENT)),
            phase=phase,
            round=round if round is not None else (parent.round if parent else None),
            zone=zone or outer.zone,
            device=device or outer.device,
            # A share is one of a certain device.
            resource_share=(
                outer.resource_share
                if resource_share is None and device in (None, outer.device)
                else resource_share
            ),
            node=node,
            start_s=0.0,
            begin={},
            outer=enclosing,
            owner=recorder,
        )
        _current.set(span)
        span.start_s, span.begin = edge or recorder.edge()
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
            id=recorder.next_id(),
            parent=None,
            actor=self.actor,
            role=Role.parse(self.role),
            phase=Phase.SETUP,
            round=None,
            zone=self.zone,
            device=self.device,
            resource_share=self.resource_share,
            start_s=started_s,
            begin=begin,
        )
        duration_s = max(0.0, now_s - started_s)
        span.written = replace(record_of(span), duration_s=duration_s, end=end)
        self.startup = span
        recorder.span(span.written)

    def _open_records(self) -> list[SpanRecord]:
        # A copy first: other threads open and close spans meanwhile.
        return [record_of(span) for span in list(self._spans.values())]

    def _parent(self, recorder: Recorder) -> Span | None:
        """Span around the next one.

        A thread starts without one, and a span of another tracker, or of the
        process that we were forked from, encloses nothing of ours: there it is
        the span of the whole process, if that is ours.
        """
        enclosing = _current.get()
        for span in (enclosing, self._root, recorder.root):
            if span is not None and span.owner is recorder:
                return span
        return None

    def _close(self, span: Span, status: str) -> None:
        # Not a token: spans may end in another order, and in another context, than they
        # began, as those of generators do. What is still open stays around the next one.
        span.closed = True
        current = _current.get()
        while current is not None and current.closed:
            current = current.outer
        _current.set(current)
        recorder = span.owner
        if recorder is None or recorder.pid != os.getpid():
            return  # the process that we were forked from will record it
        if span.id not in self._spans:
            return  # the tracker was stopped before it, and recorded it then
        stop_s, end = span.end or recorder.edge()
        odd = [n for n in (span.sent_bytes, span.received_bytes) if not is_count(n)]
        if odd:
            self._complain(f"{odd[0]!r} is no number of bytes.")
        status = "failed" if span.failed else status
        span.written = replace(
            record_of(span), duration_s=stop_s - span.start_s, end=end, status=status
        )
        recorder.span(span.written)
        # Only now: killed before, the span would be in neither place.
        self._spans.pop(span.id, None)


def _name(value: Any, what: str) -> str | None:
    """Name that somebody gave, perhaps as a number."""
    if value is None:
        return None
    name = str(value)
    if not name:
        raise UsageError(f"The name of the {what} is empty.", "Leave it out, or give one.")
    return name


def _check_share(share: Any) -> None:
    number = isinstance(share, int | float) and not isinstance(share, bool)
    if share is not None and not (number and 0 < share <= 1):
        raise UsageError(f"A resource share lies above 0 and up to 1, not {share}.")
