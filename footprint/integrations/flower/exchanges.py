"""The books of a server: one row per request, whatever came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from footprint.integrations.flower.history import ClientHistory, Exchange, Verdict
from footprint.integrations.flower.limits import Limits
from footprint.integrations.flower.nodes import Node, Nodes, actor_of, claimed_partition
from footprint.integrations.flower.plausibility import check_record
from footprint.integrations.flower.record import ClientRecord
from footprint.integrations.flower.wire import WireModel
from footprint.journal import Energy, ReportRecord, Told
from footprint.measurement.meter import TIER_BANDS
from footprint.measurement.tracker import Tracker
from footprint.model import Finding, Phase, ReplyStatus, Role, Severity, Tier
from footprint.scheduling.base import ClientOutcome

_DOUBTS = 3  # of one client that are written out; the rest is counted


@dataclass(frozen=True, slots=True)
class Request:
    """One message to one node.

    Attributes
    ----------
    bytes, objects : int
        Payload, and the objects that it is sent in.
    own : bool
        Whether it is ours, and not the strategy's.
    """

    id: str
    node: int
    phase: Phase
    round: int | None
    start_s: float
    bytes: int
    objects: int
    own: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes
    ----------
    bytes, objects : int
        Payload without our record, and the objects that all of it was sent in.
    record_bytes : int
        Of our record.
    found : mapping or None
        Our record as it came, unchecked.
    metrics : mapping of str to float
        What the client says of its training.
    """

    error: bool = False
    bytes: int = 0
    objects: int = 0
    record_bytes: int = 0
    found: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Round:
    """What came of one round, by node."""

    round: int | None
    start_s: float
    stop_s: float = 0.0
    clients: dict[int, ClientOutcome] = field(default_factory=dict)


@dataclass(slots=True)
class Exchanges:
    """Checks what clients tell, and writes a report per request.

    Parameters
    ----------
    tracker : Tracker
        Of the server; running.
    nodes : Nodes
    begin_s : float
        Begin of the run (Unix time [s]).
    is_connected : callable
        Whether a node is there now; asked only where two claim to be the same.
    """

    tracker: Tracker
    nodes: Nodes
    limits: Limits
    wire: WireModel
    begin_s: float
    is_connected: Callable[[int], bool] = lambda _: True
    last: dict[Phase, Round] = field(default_factory=dict)
    """What came of the last round, by phase."""
    _histories: dict[str, ClientHistory] = field(default_factory=dict)
    _open: dict[int, list[Request]] = field(default_factory=dict)
    _doubts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def book(self, request: Request, reply: Reply | None, now_s: float) -> None:
        """Write what came of a request; `reply` is None if nothing did."""
        node = self.nodes.see(request.node, request.start_s)
        if reply is None:
            self._left_open(request)
            self._report(request, node, ReplyStatus.NO_REPLY, now_s)
        elif reply.found is None:
            self._left_open(request)
            failed = reply.error and not request.own
            status = ReplyStatus.ERROR if failed else ReplyStatus.OK
            self._report(request, node, status, now_s, reply)
        else:
            self._check(request, node, reply, reply.found, now_s)

    def waste(
        self, request: Request, reply: Reply | None, record: ClientRecord, now_s: float
    ) -> None:
        """Write what a simulated client used for a request that came to nothing."""
        node = self.nodes.see(request.node, request.start_s)
        found = record.to_fields()
        # Who is late works on when the server has stopped waiting.
        end_s = (record.start_s or now_s) + (record.duration_s or 0.0)
        verdict = self._verdict(request, node, found, max(now_s, end_s))
        status = ReplyStatus.NO_REPLY if reply is None else ReplyStatus.ERROR
        told = verdict.record and self._accept(request, node, verdict, now_s)
        self._report(request, node, status, now_s, reply, told or None)

    def late(self, request: Request, reply: Reply, now_s: float) -> None:
        """Write a reply to a request that was given up."""
        node = self.nodes.see(request.node, request.start_s)
        told = None
        if reply.found is not None:
            verdict = self._verdict(request, node, reply.found, now_s)
            told = verdict.record and self._accept(request, node, verdict, now_s)
            # Refused or not, it is no longer missing.
            opened = self._open.get(request.node, ())
            self._open[request.node] = [one for one in opened if one.id != request.id]
        # The request was counted when it was given up.
        again = replace(request, bytes=0, objects=0)
        self._report(again, node, ReplyStatus.LATE, now_s, reply, told or None)

    def idle(self, node: Node, now_s: float) -> None:
        """Write that a node was connected and not asked since."""
        request = Request("", node.id, Phase.WAIT, None, node.seen_s, 0, 0)
        self._write(request, node, ReplyStatus.IDLE, now_s, connected_s=now_s - node.seen_s)

    def _check(
        self, request: Request, node: Node, reply: Reply, found: Mapping[str, Any], now_s: float
    ) -> None:
        verdict = self._verdict(request, node, found, now_s)
        told = None
        if verdict.record is not None:
            told = self._accept(request, node, verdict, now_s)
            status = ReplyStatus.OK
        else:
            status = ReplyStatus.REFUSED
        self._report(request, node, status, now_s, reply, told)

    def _verdict(
        self, request: Request, node: Node, found: Mapping[str, Any], now_s: float
    ) -> Verdict:
        partition = self._partition(request, node, found)
        actor = actor_of(node.id, partition)
        place = self.nodes.places.get(-1 if partition is None else partition)
        exchange = Exchange(
            actor,
            request.round,
            request.start_s,
            now_s,
            place.device if place else None,
            self._missing(actor, node, request),
        )
        seen = self._histories.get(actor) or ClientHistory.of(self.begin_s)
        verdict = check_record(found, seen, exchange, self.limits)
        for finding in verdict.findings:
            self._doubt(actor, finding)
        self._histories[actor] = verdict.history
        if verdict.record is not None:
            self.nodes.bind(node, partition)
            self.nodes.place(node, verdict.record)
        return verdict

    def _partition(self, request: Request, node: Node, found: Mapping[str, Any]) -> int | None:
        """Partition of a node: the one that it said first, and no other one's."""
        claimed = claimed_partition(found)
        if claimed is None or claimed == node.partition:
            return node.partition
        holder = self.nodes.holder(claimed)
        taken = holder is not None and holder is not node and self.is_connected(holder.id)
        if node.partition is None and not taken:
            return claimed
        self._doubt(
            node.actor,
            Finding(
                "client-record",
                f"{node.actor}, round {request.round}: partition is {claimed}; expected "
                + (f"{node.partition}, as before." if node.partition is not None else "another: ")
                + ("another node holds it." if taken else "")
                + " It is lost.",
                Severity.WARNING,
                "Give each node a partition-id of its own.",
                node.actor,
            ),
        )
        return node.partition

    def _missing(self, actor: str, node: Node, request: Request) -> int:
        """Earlier requests to a client that no record came for."""
        nodes = {node.id, *(one.id for one in self.nodes.of_actor(actor))}
        return sum(one is not request for id_ in nodes for one in self._open.get(id_, ()))

    def _left_open(self, request: Request) -> None:
        self._open.setdefault(request.node, []).append(request)

    def _accept(self, request: Request, node: Node, verdict: Verdict, now_s: float) -> Told | None:
        """Take over what was accepted; what is known to be late is a report of its own."""
        record = verdict.record
        if record is None:
            return None
        nodes = {node.id, *(one.id for one in self.nodes.of_actor(node.actor))}
        for id_ in nodes:
            self._open[id_] = [r for r in self._open.get(id_, ()) if r.id != request.id]
        opened = [one for id_ in nodes for one in self._open[id_]]
        if verdict.late_kwh is not None:
            late = _one_for(opened, request)
            setup_kwh, idle_kwh = verdict.late_setup_kwh, verdict.late_idle_kwh
            told = Told(
                late.start_s,
                0.0,
                _bounded(max(0.0, verdict.late_kwh - setup_kwh - idle_kwh), record),
                setup=_bounded(setup_kwh, record) if setup_kwh else None,
                idle=_bounded(idle_kwh, record) if idle_kwh else None,
                basis=record.basis,
                tier=record.tier,
                source=record.source,
            )
            self._write(late, node, ReplyStatus.LATE, now_s, told=told)
        if verdict.settled:
            for id_ in nodes:
                self._open[id_] = []
        return Told(
            start_s=request.start_s if record.start_s is None else record.start_s,
            duration_s=now_s - request.start_s if record.duration_s is None else record.duration_s,
            energy=_energy(record.energy_kwh, record.energy_low_kwh, record.energy_high_kwh),
            setup_s=record.startup_s or 0.0,
            setup=_energy(record.startup_kwh, record.startup_low_kwh, record.startup_high_kwh),
            idle=_bounded(record.idle_kwh, record) if record.idle_kwh else None,
            basis=record.basis,
            tier=record.tier,
            source=record.source,
            token=record.token,
            settled=verdict.settled,
            lost=verdict.lost,
        )

    def _report(
        self,
        request: Request,
        node: Node,
        status: ReplyStatus,
        now_s: float,
        reply: Reply | None = None,
        told: Told | None = None,
    ) -> None:
        connected_s = None
        if reply is not None:
            # An answer proves that it was there since we last knew.
            connected_s, node.seen_s = max(0.0, now_s - node.seen_s), now_s
        self._write(request, node, status, now_s, reply, told, connected_s)
        energy = told.energy if told else None
        last = self.last.get(request.phase)
        if last is None or last.round != request.round:
            last = self.last[request.phase] = Round(request.round, request.start_s)
        last.stop_s = max(last.stop_s, now_s)
        last.clients[node.id] = ClientOutcome(
            node.actor,
            status,
            energy.kwh if energy else None,
            told.duration_s if told else None,
            reply.metrics if reply else {},
        )

    def _write(
        self,
        request: Request,
        node: Node,
        status: ReplyStatus,
        now_s: float,
        reply: Reply | None = None,
        told: Told | None = None,
        connected_s: float | None = None,
    ) -> None:
        objects = request.objects + (reply.objects if reply else 0)
        moved = objects > 0
        first = request.objects > 0 and node.asked == 0
        node.asked += request.objects > 0
        self.tracker.report(
            ReportRecord(
                actor=node.actor,
                node=str(node.id),
                role=Role.CLIENT,
                phase=request.phase,
                status=status,
                start_s=request.start_s,
                exchange_s=max(0.0, now_s - request.start_s),
                round=request.round,
                zone=node.zone,
                device=node.device,
                received_bytes=request.bytes,
                sent_bytes=reply.bytes if reply else 0,
                record_bytes=reply.record_bytes if reply else 0,
                received_objects=request.objects if moved else 0,
                sent_objects=reply.objects if reply else 0,
                overhead_received_bytes=self.wire.down_bytes(objects, first=first) if moved else 0,
                overhead_sent_bytes=self.wire.up_bytes(objects) if moved else 0,
                connected_s=connected_s,
                polling_bytes=self.wire.polling_bytes(connected_s or 0.0),
                wire=self.wire.name if moved or connected_s else "",
                told=told,
            )
        )

    def _doubt(self, actor: str, finding: Finding) -> None:
        self._doubts[actor, finding.code] += 1
        if self._doubts[actor, finding.code] <= _DOUBTS:
            self.tracker.doubt(finding.code, finding.message, finding.remedy)


def _one_for(opened: Iterable[Request], now: Request) -> Request:
    """Request that stands for those of which no record came: what they have in common."""
    opened = list(opened)
    rounds = {request.round for request in opened}
    phases = {request.phase for request in opened}
    return Request(
        "",
        now.node,
        phases.pop() if len(phases) == 1 else Phase.OTHER,
        rounds.pop() if len(rounds) == 1 else None,
        min((request.start_s for request in opened), default=now.start_s),
        0,
        0,
    )


def _energy(kwh: float | None, low_kwh: float | None, high_kwh: float | None) -> Energy | None:
    if kwh is None or low_kwh is None or high_kwh is None:
        return None
    return Energy(kwh, low_kwh, high_kwh)


def _bounded(kwh: float, record: ClientRecord) -> Energy:
    """Energy without bounds of its own, with those of the meter that the client has."""
    low, high = TIER_BANDS[record.tier or Tier.F]
    return Energy(kwh, kwh * low, kwh * high)
