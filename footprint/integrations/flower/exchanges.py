"""The books of a server: one row per request, whatever came of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from footprint.integrations.flower.doubts import shown
from footprint.integrations.flower.history import ClientHistory, Exchange
from footprint.integrations.flower.limits import Limits
from footprint.integrations.flower.nodes import Node, Nodes, actor_of, claimed_partition
from footprint.integrations.flower.plausibility import check_record
from footprint.integrations.flower.presence import Presence
from footprint.integrations.flower.requests import OpenRequests, Reply, Request, Wasted
from footprint.integrations.flower.rounds import Rounds
from footprint.integrations.flower.told import (
    begin_at_most_s,
    busy_s,
    one_for,
    told_before,
    told_late,
    told_nothing,
    told_of,
    took_kwh,
)
from footprint.integrations.flower.wire import WireModel
from footprint.journal import ReportRecord, Told
from footprint.measurement.tracker import Tracker
from footprint.model import Finding, Phase, ReplyStatus, Role, Severity
from footprint.scheduling.base import ClientOutcome

_DOUBTS = 3  # of one client that are written out; the rest is counted


@dataclass(slots=True)
class Exchanges:
    """Checks what clients tell, and writes a report per request.

    Each request is noted once by `ask`, and settled once, by `book`, `waste` or `miss`.
    What is learnt of it afterwards is a further report (`late`).

    Parameters
    ----------
    tracker : Tracker
        Of the server; running.
    nodes : Nodes
    begin_s : float
        Begin of the run (Unix time [s]).
    is_connected : callable
        Whether a node is there now; asked only where two claim to be the same.
    simulated : bool
        Whether the grid itself says what its clients used.
    workers : bool
        Whether processes of the server run the clients by turns.
    """

    tracker: Tracker
    nodes: Nodes
    limits: Limits
    wire: WireModel
    begin_s: float
    is_connected: Callable[[int], bool] = lambda _: True
    simulated: bool = False
    workers: bool = False
    presence: Presence = field(default_factory=Presence)
    rounds: Rounds = field(default_factory=Rounds)
    _histories: dict[str, ClientHistory] = field(default_factory=dict)
    _open: OpenRequests = field(default_factory=OpenRequests)
    _doubts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _untimed_s: list[float] = field(default_factory=list)

    def ask(self, request: Request) -> None:
        """Note that a request went out."""
        node = self.nodes.see(request.node, request.start_s)
        self._open.add(request)
        self.presence.asked(request.node, request.start_s)
        self.rounds.ask(request, node.actor)

    def book(self, request: Request, reply: Reply | None, now_s: float) -> None:
        """Write what came of a request; `reply` is None if nothing did."""
        node = self.nodes.see(request.node, request.start_s)
        if reply is None:
            self._report(request, node, ReplyStatus.NO_REPLY, now_s)
        elif reply.found is None:
            # An app that does not know our own query never sees it.
            if not reply.handled or (reply.error and request.own):
                self._open.remove(request)
            failed = reply.error and not request.own
            status = ReplyStatus.ERROR if failed else ReplyStatus.OK
            self._report(request, node, status, now_s, reply)
        else:
            told = self._examine(request, node, reply.found, now_s)
            status = ReplyStatus.REFUSED if told is None else ReplyStatus.OK
            self._report(request, node, status, now_s, reply, told)

    def waste(self, request: Request, reply: Reply | None, wasted: Wasted, now_s: float) -> None:
        """Write what a simulated client used for a request that came to nothing."""
        node = self.nodes.see(request.node, request.start_s)
        record = wasted.record
        # Who is late works on when the server has stopped waiting.
        end_s = (record.start_s or now_s) + (record.duration_s or 0.0)
        told = self._examine(request, node, record.to_fields(), max(now_s, end_s))
        status = ReplyStatus.NO_REPLY if reply is None else ReplyStatus.ERROR
        moved = replace(request, bytes=record.received_bytes or 0, objects=wasted.received_objects)
        sent = replace(reply or Reply(), bytes=record.sent_bytes or 0, objects=wasted.sent_objects)
        self._report(moved, node, status, now_s, sent, told)

    def miss(self, request: Request, now_s: float, *, simulated: bool) -> None:
        """Write that a request never reached its node: nothing moved, nobody worked."""
        node = self.nodes.see(request.node, request.start_s)
        self._open.remove(request)
        moved = replace(request, bytes=0, objects=0)
        told = told_nothing(request) if simulated else None
        self._report(moved, node, ReplyStatus.NO_REPLY, now_s, told=told)

    def late(self, request: Request, reply: Reply, now_s: float) -> None:
        """Write a reply to a request that was given up."""
        node = self.nodes.see(request.node, request.start_s)
        told = None
        if reply.found is not None:
            told = self._examine(request, node, reply.found, now_s)
            if told == told_before(request):
                told = None  # a later total had it
        # The request was counted when it was given up.
        again = replace(request, bytes=0, objects=0)
        self._write(again, node, ReplyStatus.LATE, now_s, reply, told)

    def idle(self, node: Node, now_s: float) -> None:
        """Write that a node was connected and not asked since, if it was."""
        request = Request("", node.id, Phase.WAIT, None, node.seen_s, 0, 0)
        self._write(request, node, ReplyStatus.IDLE, now_s)

    def close(self) -> None:
        """Say what holds for the whole run."""
        for (actor, code), count in sorted(self._doubts.items()):
            if count > _DOUBTS:
                self.tracker.doubt(code, f"{actor}: {count - _DOUBTS} more of this kind.")
        if self._untimed_s:
            self.tracker.doubt(
                "client-duration",
                f"{len(self._untimed_s)} reply(ies) do not say for how long their clients worked; "
                f"together it is at most {sum(self._untimed_s):.3g} s, and counts as none.",
                "Let the mod tell it: carbon_mod(fields=[..., 'duration']).",
            )

    def _examine(
        self, request: Request, node: Node, found: Mapping[str, Any], now_s: float
    ) -> Told | None:
        """Take over what can be believed of a record; None if nothing can."""
        partition = self._partition(request, node, found)
        actor = actor_of(node.id, partition)
        nodes = {node.id, *(one.id for one in self.nodes.of_actor(actor))}
        opened = self._open.before(nodes, begin_at_most_s(found, request, now_s), request)
        place = self.nodes.places.get(-1 if partition is None else partition)
        exchange = Exchange(
            actor,
            request.round,
            request.start_s,
            now_s,
            place.device if place else None,
            len(opened),
            self.simulated,
        )
        seen = self._history(actor, node)
        verdict = check_record(found, seen, exchange, self.limits)
        for finding in verdict.findings:
            self._doubt(actor, finding)
        if verdict.record is not None and verdict.record.problem:
            self._doubt(actor, _problem(exchange, verdict.record.problem))
        # Refused or not, it is no longer missing.
        self._open.remove(request)
        if verdict.record is None:
            self._histories[actor if actor in self._histories else node.actor] = verdict.history
            return None if verdict.findings else told_before(request)
        self._histories.pop(node.actor, None)
        self._histories[actor] = verdict.history
        self.nodes.bind(node, partition)
        self.nodes.place(node, verdict.record)
        if verdict.late_kwh is not None:
            late = one_for(opened, request)
            told = told_late(verdict.record, verdict, late)
            self._write(late, node, ReplyStatus.LATE, now_s, told=told)
        if verdict.settled:
            self._open.explain(opened, len(verdict.history.closed - seen.closed), request)
        if verdict.record.duration_s is None:
            self._untimed_s.append(max(0.0, now_s - request.start_s))
        return told_of(verdict.record, verdict, request, workers=self.workers)

    def _history(self, actor: str, node: Node) -> ClientHistory:
        """Give what was accepted of a client, also before it said who it is."""
        found = self._histories.get(actor) or self._histories.get(node.actor)
        return found or ClientHistory.of(self.begin_s)

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

    def _report(
        self,
        request: Request,
        node: Node,
        status: ReplyStatus,
        now_s: float,
        reply: Reply | None = None,
        told: Told | None = None,
    ) -> None:
        """Settle a request."""
        if status is ReplyStatus.NO_REPLY:
            self.presence.silent(node.id)
        else:
            # An answer proves that it was there since we last knew.
            self.presence.answered(node.id, now_s, busy_s(told))
        self._write(request, node, status, now_s, reply, told)
        outcome = ClientOutcome(
            node.actor,
            status,
            took_kwh(told),
            told.duration_s if told else None,
            self._metrics(request, node, reply.metrics) if reply else {},
        )
        self.rounds.settle(request, outcome, now_s)

    def _write(
        self,
        request: Request,
        node: Node,
        status: ReplyStatus,
        now_s: float,
        reply: Reply | None = None,
        told: Told | None = None,
    ) -> None:
        connected_s = self.presence.take(node.id, now_s)
        if status is ReplyStatus.IDLE and not connected_s:
            return
        objects = request.objects + (reply.objects if reply else 0)
        moved = objects > 0
        # The bytes of a message count with its request.
        messages = int(request.objects > 0)
        first = messages > 0 and node.asked == 0
        node.asked += messages
        node.seen_s = now_s
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
                received_objects=request.objects,
                sent_objects=reply.objects if reply else 0,
                overhead_received_bytes=(
                    self.wire.down_bytes(objects, messages, first=first) if moved else 0
                ),
                overhead_sent_bytes=self.wire.up_bytes(objects, messages) if moved else 0,
                connected_s=connected_s or None,
                polling_bytes=self.wire.polling_bytes(connected_s),
                wire=self.wire.name if moved or connected_s else "",
                told=told,
                own=request.own,
            )
        )

    def _metrics(
        self, request: Request, node: Node, found: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Metrics that a scheduler can count with; what it makes of these is its own business."""
        for name in found:
            if not math.isfinite(found[name]):
                self._doubt(
                    node.actor,
                    Finding(
                        "client-metric",
                        f"{node.actor}, round {request.round}: {shown(name)} is {found[name]}; "
                        "no scheduler sees it.",
                        remedy="See what this client computes.",
                    ),
                )
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def _doubt(self, actor: str, finding: Finding) -> None:
        self._doubts[actor, finding.code] += 1
        if self._doubts[actor, finding.code] <= _DOUBTS:
            self.tracker.doubt(finding.code, finding.message, finding.remedy)


def _problem(exchange: Exchange, said: str) -> Finding:
    return Finding(
        "client-problem",
        f"{exchange.actor}, round {exchange.round}: figures are missing, and the client says "
        f"why: {shown(said)}.",
        remedy="See the log of the client.",
    )
