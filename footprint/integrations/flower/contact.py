"""One message that a client handles: what it takes, and what the server is told of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from flwr.app import ConfigRecord, Context, Message, RecordDict

from footprint.errors import UsageError
from footprint.integrations.flower.ledger import SUFFIX, Ledger, Totals, open_ledger
from footprint.integrations.flower.payload import payload_bytes, phase_of, round_of
from footprint.integrations.flower.process import Place, client_tracker
from footprint.integrations.flower.record import RECORD_NAME, ClientRecord
from footprint.journal import SpanRecord
from footprint.measurement.span import Span
from footprint.measurement.tally import Tally, tally_span
from footprint.measurement.tracker import DEFAULT_JOURNAL, Tracker
from footprint.model import Phase, Role

log = logging.getLogger("footprint")

_LONGEST = 64  # of the text that says what went wrong


class Settings(Protocol):
    """What a mod was told."""

    @property
    def run(self) -> str | None:
        """Name of the run."""

    @property
    def journal(self) -> Path | None:
        """Folder of the journals, if one was given."""

    @property
    def folder(self) -> Path:
        """Folder in which the default one lies."""

    @property
    def zone(self) -> str | None:
        """Grid zone, if one was given."""

    @property
    def device(self) -> str | None:
        """Device class, if one was given."""

    @property
    def fields(self) -> tuple[str, ...]:
        """What the server is told."""


@dataclass
class Contact:
    """One message and its handling. Its methods log what goes wrong, and go on."""

    settings: Settings
    message: Message
    context: Context
    place: Place
    partition: int | None = None
    round: int | None = None
    phase: Phase = Phase.OTHER
    received_bytes: int | None = None
    tracker: Tracker | None = None
    folder: Path = DEFAULT_JOURNAL
    key: str = ""
    first: bool = False
    span: Span | None = None
    ledger: Ledger | None = None
    number: int = 0
    totals: Totals | None = None
    record: ClientRecord | None = None
    problems: list[str] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def begin(cls, settings: Settings, message: Message, context: Context) -> Contact:
        """Open the books for a message."""
        contact = cls(settings, message, context, Place(f"node-{getattr(context, 'node_id', 0)}"))
        for step in (contact._identify, contact._enter, contact._book, contact._open):
            contact._try(step)
        return contact

    def end(self, *, failed: bool) -> None:
        """Close the books."""
        self._try(lambda: self._close(failed=failed))
        self._try(lambda: self._settle(failed=failed))

    def attach(self, reply: Message) -> None:
        """Put what may be told beside the content of the reply."""
        self._try(lambda: self._attach(reply))

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - what we observe must go on
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        self.problems.append(type(error).__name__)
        log.error("footprint could not account for a message", exc_info=error)
        if self.tracker is not None and self.tracker.running:
            self.tracker.doubt(
                "client-mod",
                f"{self.place.actor}: a message could not be accounted for: "
                f"{type(error).__name__}: {error}",
                "Figures of this client are missing.",
            )

    def _identify(self) -> None:
        node = self.context.node_config
        partition = node.get("partition-id")
        if isinstance(partition, int | str) and str(partition).isdecimal():
            self.partition = int(partition)
        actor = f"node-{self.context.node_id}"
        self.place = Place(
            actor if self.partition is None else f"client-{self.partition}",
            self.settings.zone or _said(node, "zone", "region"),
            self.settings.device or _said(node, "hardware", "device"),
        )
        self.phase = phase_of(self.message)
        self.round = round_of(self.message)
        if self.message.has_content():
            self.received_bytes = payload_bytes(self.message.content)

    def _enter(self) -> None:
        run = self.settings.run or f"flower-{self.message.metadata.run_id}"
        self.folder = self.settings.journal or self.settings.folder / DEFAULT_JOURNAL / run
        run_id = str(self.message.metadata.run_id)
        self.tracker, self.first, own = client_tracker(run, run_id, self.folder, self.place)
        if not own:
            # The server runs here; several runs of one process may have one number.
            self.folder, self.key = self.tracker.path.parent, self.tracker.token

    def _book(self) -> None:
        key = self.key or self.message.metadata.run_id
        self.ledger = open_ledger(self.folder / f"{self.place.actor}-{key}{SUFFIX}")
        self.totals = self.ledger.update("begin", Totals.begin, self._state())
        self.number = self.totals.begun

    def _open(self) -> None:
        if self.tracker is None:
            return
        span = self.stack.enter_context(self.tracker.span(self.phase, **self._where()))
        if self.received_bytes:
            self.tracker.transfer(
                Phase.DOWNLOAD,
                received_bytes=self.received_bytes,
                edge=(span.start_s, span.begin),
                **self._where(),
            )
        self.span = span

    def _close(self, *, failed: bool) -> None:
        if self.span is not None:
            self.span.failed |= failed
        self.stack.close()

    def _settle(self, *, failed: bool) -> None:
        work = self._tally(self.span.written) if self.span and self.span.written else None
        startup = self.tracker.startup if self.first and self.tracker else None
        starts = startup is not None and startup.written is not None
        setup = self._tally(startup.written) if startup and startup.written else None
        if self.ledger is None or self.totals is None:
            return
        parts = [one for one in (work, setup) if one is not None]
        known = [one.total_kwh for one in parts if one.total_kwh is not None]
        end = partial(
            Totals.end,
            energy_kwh=math.fsum(known),
            failed=failed,
            metered=work is not None and len(known) == len(parts) == 1 + starts,
            setup_kwh=(setup.energy_kwh if setup else None) or 0.0,
            idle_kwh=sum(one.idle_kwh for one in parts),
        )
        self.totals = self.ledger.update("end", end, self._state())
        if self.ledger.problem:
            self.problems.append("ledger")
        self.record = self._record(work, setup)

    def _tally(self, span: SpanRecord) -> Tally | None:
        if self.tracker is None:
            return None
        try:
            return tally_span(self.tracker.process, span)
        except Exception as error:  # noqa: BLE001 - the message still has to end in the ledger
            self._complain(error)
            return None

    def _record(self, work: Tally | None, setup: Tally | None) -> ClientRecord:
        totals = self.totals or Totals()
        # Of the parts that are told, or it would not fit to them.
        told = (work, setup) if "startup" in self.settings.fields else (work,)
        return ClientRecord(
            number=self.number,
            phase=self.phase,
            round=self.round,
            zone=self.place.zone,
            device=self.place.device,
            partition=self.partition,
            idle_kwh=sum(one.idle_kwh for one in told if one is not None),
            total_kwh=totals.total_kwh,
            total_setup_kwh=totals.setup_kwh,
            total_idle_kwh=totals.idle_kwh,
            unmetered=totals.unmetered,
            finished=totals.finished,
            failed=totals.failed,
            # Later messages may be going on, or have ended already.
            lost=max(0, self.number - totals.ended),
            token=self.tracker.token if self.tracker else None,
            **self._of_work(work),
            **self._of_startup(setup),
        )

    def _of_work(self, work: Tally | None) -> dict[str, Any]:
        span = self.span.written if self.span else None
        if work is None or span is None:
            return {}
        return {
            "start_s": span.start_s,
            "duration_s": span.duration_s,
            "energy_kwh": work.energy_kwh,
            "energy_low_kwh": work.low_kwh,
            "energy_high_kwh": work.high_kwh,
            "tier": work.tier,
            "source": work.source,
            "basis": work.basis,
        }

    def _of_startup(self, setup: Tally | None) -> dict[str, Any]:
        startup = self.tracker.startup if self.tracker else None
        if setup is None or startup is None or startup.written is None:
            return {}
        return {
            "startup_s": startup.written.duration_s,
            "startup_kwh": setup.energy_kwh,
            "startup_low_kwh": setup.low_kwh,
            "startup_high_kwh": setup.high_kwh,
        }

    def _attach(self, reply: Message) -> None:
        sent_bytes = payload_bytes(reply.content)
        if self.tracker is not None and sent_bytes:
            span = self.span.written if self.span else None
            edge = (span.start_s + span.duration_s, dict(span.end)) if span else None
            self.tracker.transfer(Phase.UPLOAD, sent_bytes=sent_bytes, edge=edge, **self._where())
        if self.record is None:
            return
        if RECORD_NAME in reply.content:
            raise UsageError(
                f"The reply holds a record named {RECORD_NAME!r} already.",
                "Give the record of the ClientApp another name.",
            )
        record = replace(self.record, problem=self._problem())
        found: dict[str, Any] = record.told(self.settings.fields)
        # A content of its own: the handler may use what it returned again.
        content = RecordDict(dict(reply.content.items()))
        content[RECORD_NAME] = ConfigRecord(found)
        reply.content = content

    def _problem(self) -> str | None:
        return ", ".join(dict.fromkeys(self.problems))[:_LONGEST] or None

    def _where(self) -> dict[str, Any]:
        return {
            "round": self.round,
            "actor": self.place.actor,
            "role": Role.CLIENT,
            "zone": self.place.zone,
            "device": self.place.device,
            "node": str(self.context.node_id),
        }

    def _state(self) -> ConfigRecord:
        """Copy of the ledger in the context, which Flower keeps between messages."""
        state = self.context.state
        if not isinstance(state.get(RECORD_NAME), ConfigRecord):
            state[RECORD_NAME] = ConfigRecord()
        return state.config_records[RECORD_NAME]


def _said(node: Any, *names: str) -> str | None:
    """Read what a node was started with, under the first name that it has."""
    return next((str(node[name]) for name in names if node.get(name)), None)
