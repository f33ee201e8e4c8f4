"""What a server sent to a client, what came back, and what is missing still."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from footprint.integrations.flower.record import ClientRecord
from footprint.model import Phase

_KEPT = 1000  # open requests of a node that are remembered


@dataclass(frozen=True, slots=True)
class Request:
    """One message to one node.

    Attributes
    ----------
    id : str
        Different for each request.
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
    error : bool
    handled : bool
        Whether the app of the client saw the request; no, if it could not be loaded.
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
    handled: bool = True
    bytes: int = 0
    objects: int = 0
    record_bytes: int = 0
    found: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wasted:
    """What a simulated client used for a request to which no record came back.

    Attributes
    ----------
    record : ClientRecord
        With the bytes that moved over its link.
    received_objects, sent_objects : int
        In which they moved.
    """

    record: ClientRecord
    received_objects: int = 0
    sent_objects: int = 0


@dataclass(slots=True)
class OpenRequests:
    """Requests of which no record came: contacts of a client can be no others.

    A client that tells of more contacts than the server has records of may have had one
    for each of these, sent before it speaks and not explained by what it told before.
    """

    _by_node: dict[int, dict[str, Request]] = field(default_factory=dict)

    def add(self, request: Request) -> None:
        """Note what was sent."""
        opened = self._by_node.setdefault(request.node, {})
        opened[request.id] = request
        if len(opened) > _KEPT:
            del opened[next(iter(opened))]

    def remove(self, request: Request) -> None:
        """Forget a request: its record came, or its client never saw it."""
        self._by_node.get(request.node, {}).pop(request.id, None)

    def before(self, nodes: Iterable[int], begin_s: float, own: Request) -> list[Request]:
        """Give those to some nodes that were sent before a contact began, the oldest first.

        Parameters
        ----------
        nodes : iterable of int
            All of one client.
        begin_s : float
            When the contact began at the latest (Unix time [s]).
        own : Request
            That of the contact itself, which is left out.
        """
        opened = [
            request
            for node in nodes
            for request in self._by_node.get(node, {}).values()
            if request.start_s <= begin_s and request.id != own.id
        ]
        return sorted(opened, key=lambda request: request.start_s)

    def explain(self, opened: Iterable[Request], contacts: int, own: Request) -> None:
        """Forget those that a client has told all about, with the reply to its `own` request.

        So many contacts were theirs, the first ones'. Flower gives a node its messages in
        the order in which they were sent: an older one than this reply's was a contact
        before it, or never will be one.
        """
        for place, request in enumerate(opened):
            if place < contacts or request.start_s < own.start_s:
                self.remove(request)
