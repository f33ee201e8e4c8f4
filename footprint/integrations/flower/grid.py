"""A proxy of Flower's grid that sees every request, reply, error and timeout."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from flwr.app import Message
from flwr.common.constant import ErrorCode
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid

from footprint.integrations.flower.clock import Clock
from footprint.integrations.flower.exchanges import Exchanges
from footprint.integrations.flower.passing import PassingGrid
from footprint.integrations.flower.payload import (
    count_objects,
    payload_bytes,
    phase_of,
    record_bytes,
    round_of,
)
from footprint.integrations.flower.presence import SimulatedPresence
from footprint.integrations.flower.record import RECORD_NAME
from footprint.integrations.flower.requests import Reply, Request, Wasted
from footprint.model import Phase

log = logging.getLogger("footprint")

_NO_ANSWER = (
    ErrorCode.MESSAGE_UNAVAILABLE,
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
    ErrorCode.NODE_UNAVAILABLE,
)
"""Errors that Flower's server gives itself, in place of a reply that it does not have."""
_UNHANDLED = (ErrorCode.LOAD_CLIENT_APP_EXCEPTION, ErrorCode.INVALID_FAB)
"""Errors of a node whose app was never run."""

Timeout = float | Callable[[int], float | None] | None
"""Seconds to wait for the replies of a round, or what gives them for a round."""


class MeasuredGrid(PassingGrid):
    """Passes everything on to another grid, and keeps the books of it.

    Strategies see the replies without our record. A grid that simulates its clients has a
    method ``wasted(message_id)``: what a message used to which no record came back, as
    `Wasted`, or None if its node never got it. It may have ``idle_s(node, since_s, until_s)``:
    for how long a node was there and had nothing to do.

    Parameters
    ----------
    inner : Grid
    exchanges : Exchanges
    clock : Clock
    timeout : float or callable, optional
        Overrides that of every call: strategies have one for all rounds.
    """

    def __init__(
        self, inner: Grid, exchanges: Exchanges, clock: Clock, timeout: Timeout = None
    ) -> None:
        super().__init__(inner)
        self.exchanges = exchanges
        self._clock = clock
        self._timeout = timeout
        self._pending: dict[str, Request] = {}
        self._given_up: dict[str, Request] = {}
        self._number = 0
        self._wasted: Callable[[str], Wasted | None] | None = getattr(inner, "wasted", None)
        idle_s = getattr(inner, "idle_s", None)
        if idle_s is not None:
            exchanges.presence = SimulatedPresence(idle_s, clock.now_s())

    def get_node_ids(self) -> list[int]:
        """Nodes that are connected now; each is seen from here on."""
        nodes, now_s = list(self.inner.get_node_ids()), self._clock.now_s()
        for node in nodes:
            self.exchanges.nodes.see(node, now_s)
        self.exchanges.presence.listed(nodes, now_s)
        return nodes

    def get_nodes(self) -> Iterable[NodeInfo]:
        """Pass on."""
        return self.inner.get_nodes()

    def __getattr__(self, name: str) -> Any:
        """Pass on what only the grid below has."""
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Send messages, whose replies somebody will pull."""
        sent = list(messages)
        requests = self._requests(sent)
        number = requests[0].round if requests else None
        with self._waiting(number):
            ids = list(self.inner.push_messages(sent))
        self._safely(partial(self._note, sent, requests, ids))
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Give the replies that have come."""
        names = list(message_ids)
        number = next((self._pending[name].round for name in names if name in self._pending), None)
        with self._waiting(number):
            replies = list(self.inner.pull_messages(names))
        now_s = self._clock.now_s()
        for reply in _in_order(replies):
            asked = reply.metadata.reply_to_message_id
            request, late = self._pending.pop(asked, None), self._given_up.pop(asked, None)
            if request is not None:
                self._book(request, reply, now_s)
            elif late is not None:
                self._safely(partial(self._book_late, late, reply, now_s))
        return replies

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Send messages, and give the replies that come in time."""
        sent = list(messages)
        if not sent:
            return []
        requests = self._requests(sent)
        number = requests[0].round if requests else None
        replies: Sequence[Message] = ()
        try:
            with self._waiting(number):
                replies = list(
                    self.inner.send_and_receive(sent, timeout=self._patience(number, timeout))
                )
        finally:
            self._settle(sent, requests, replies)
        return list(replies)

    def close(self) -> None:
        """Write what is still open: requests that nobody answered, nodes that were idle."""
        self._safely(self._collect)
        now_s = self._clock.now_s()
        for request in self._pending.values():
            self._book(request, None, now_s)
        self._pending.clear()
        self._safely(self._write_idle)
        self._safely(self.exchanges.close)

    def _waiting(self, number: int | None) -> AbstractContextManager[object]:
        """Span of what the grid below does: in a simulation that is to run its clients."""
        tracker = self.exchanges.tracker
        return tracker.span(Phase.WAIT, round=number) if tracker.running else nullcontext()

    def _note(self, sent: Sequence[Message], requests: Sequence[Request], ids: list[str]) -> None:
        """Keep the books of what was pushed open."""
        taken, now_s = set(ids), self._clock.now_s()
        for message, request in zip(sent, requests, strict=False):
            name = message.metadata.message_id
            # Flower says None, or nothing, of messages that its server did not take.
            if name and name in taken and name not in self._pending:
                self._pending[name] = self._asked(request, name)
            else:
                self.exchanges.miss(
                    self._asked(request, name), now_s, simulated=self._wasted is not None
                )

    def _asked(self, request: Request, name: str | None) -> Request:
        """Note a request, under the name of its message."""
        self._number += 1
        numbered = replace(request, id=name or f"unsent-{self._number}")
        self.exchanges.ask(numbered)
        return numbered

    def _book_late(self, request: Request, reply: Message, now_s: float) -> None:
        opened = _opened(reply)
        if opened is None:
            self._given_up[request.id] = request  # the reply itself may come yet
        else:
            self.exchanges.late(request, opened, now_s)

    def _collect(self) -> None:
        """Take replies that came after all, without waiting for any."""
        missed = [*self._pending, *self._given_up]
        if missed and self._wasted is None:
            self.pull_messages(missed)

    def _write_idle(self) -> None:
        now_s = self._clock.now_s()
        there = self.get_node_ids()
        for node in sorted({*there, *self.exchanges.presence.nodes()}):
            self.exchanges.idle(self.exchanges.nodes.see(node, now_s), now_s)

    def _patience(self, number: int | None, timeout: float | None) -> float | None:
        if callable(self._timeout):
            # Our own query before the first round is of no round.
            given = None if number is None else self._timeout(number)
        else:
            given = self._timeout
        return timeout if given is None else given

    def _requests(self, messages: Sequence[Message]) -> list[Request]:
        """Say what is about to be asked; as far as that can be said."""
        now_s = self._clock.now_s()
        requests: list[Request] = []
        sizes: dict[int, tuple[int, int]] = {}  # strategies send one content to many

        def count() -> None:
            for message in messages:
                key = id(message.content)
                if key not in sizes:
                    sizes[key] = (payload_bytes(message.content), count_objects(message.content))
                requests.append(_request(message, now_s, *sizes[key]))

        self._safely(count)
        return requests

    def _settle(
        self, sent: Sequence[Message], requests: Sequence[Request], replies: Sequence[Message]
    ) -> None:
        now_s = self._clock.now_s()
        opened: dict[str, Request] = {}
        for message, request in zip(sent, requests, strict=False):
            name = message.metadata.message_id
            self._safely(partial(self._open, opened, request, name))
        for reply in _in_order(replies):
            found = opened.pop(reply.metadata.reply_to_message_id, None)
            if found is not None:
                self._book(found, reply, now_s)
        for request in opened.values():
            self._book(request, None, now_s)
            self._given_up[request.id] = request

    def _open(self, opened: dict[str, Request], request: Request, name: str) -> None:
        asked = self._asked(request, None if name in opened else name)
        opened[asked.id] = asked

    def _book(self, request: Request, reply: Message | None, now_s: float) -> None:
        def book() -> None:
            opened = None if reply is None else _opened(reply)
            wasted = None
            if (opened is None or opened.error) and self._wasted is not None:
                wasted = self._wasted(request.id)
                if wasted is None and opened is None:
                    self.exchanges.miss(request, now_s, simulated=True)
                    return
            if wasted is not None:
                self.exchanges.waste(request, opened, wasted, now_s)
            else:
                self.exchanges.book(request, opened, now_s)
            if opened is None and reply is not None:
                self._given_up[request.id] = request  # the reply itself may come yet

        self._safely(book)

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # books that fail must not end a training
            log.exception("footprint could not book an exchange")
            tracker = self.exchanges.tracker
            if tracker.running:
                tracker.doubt(
                    "exchange-unbooked",
                    f"An exchange could not be booked: {type(error).__name__}: {error}",
                    "It is missing from the result.",
                )


OWN_QUERY = "query.footprint"
"""Asks a client who and where it is."""


def _request(message: Message, now_s: float, size: int, objects: int) -> Request:
    kind = message.metadata.message_type
    return Request(
        "",
        message.metadata.dst_node_id,
        phase_of(message),
        round_of(message),
        now_s,
        size,
        objects,
        own=kind == OWN_QUERY,
    )


def _in_order(replies: Iterable[Message]) -> list[Message]:
    """Sort replies as their clients made them, as far as they say so."""

    def number(reply: Message) -> int:
        record = reply.content.config_records.get(RECORD_NAME) if reply.has_content() else None
        found = None if record is None else record.get("number")
        return found if isinstance(found, int) else 0

    return sorted(replies, key=number)


def _opened(reply: Message) -> Reply | None:
    """Take our record out of a reply, and count the rest; None if it is no client's."""
    if not reply.has_content():
        code = reply.error.code
        return None if code in _NO_ANSWER else Reply(error=True, handled=code not in _UNHANDLED)
    content = reply.content
    objects = count_objects(content)
    record = content.config_records.get(RECORD_NAME)
    own_bytes = 0
    if record is not None:
        own_bytes = record_bytes(record) + len(RECORD_NAME)
        del content[RECORD_NAME]
    metrics = {
        name: _number(value)
        for found in content.metric_records.values()
        for name, value in found.items()
        if isinstance(value, int | float)
    }
    return Reply(
        bytes=payload_bytes(content),
        objects=objects,
        record_bytes=own_bytes,
        found=None if record is None else dict(record),
        metrics=metrics,
    )


def _number(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
