"""The nodes of a run: what they are called, where they are, and since when they are there.

Flower numbers its nodes anew in every run. What stays is the partition of the data that
a node holds, so that gives a client its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from footprint.integrations.flower.record import ClientRecord

_LARGEST = 2**31


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where and on what the client of a partition runs, as the server knows it."""

    zone: str | None = None
    device: str | None = None


@dataclass(slots=True)
class Node:
    """One node.

    Attributes
    ----------
    seen_s : float
        When something was last reported of it, at first when it was first seen [s].
    """

    id: int
    seen_s: float
    partition: int | None = None
    zone: str | None = None
    device: str | None = None
    asked: int = 0

    @property
    def actor(self) -> str:
        """Name in journals."""
        return actor_of(self.id, self.partition)


def actor_of(node_id: int, partition: int | None) -> str:
    """Name of a client: by its partition, or by its node where it has none."""
    return f"node-{node_id}" if partition is None else f"client-{partition}"


def claimed_partition(found: Mapping[str, Any]) -> int | None:
    """Partition that an unchecked record names, if it can be one."""
    value = found.get("partition")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST:
        return value
    return None


@dataclass(slots=True)
class Nodes:
    """All nodes of a run.

    Parameters
    ----------
    places : mapping of int to NodePlace
        By partition; what stands here is not for a client to say.
    """

    places: Mapping[int, NodePlace] = field(default_factory=dict)
    known: dict[int, Node] = field(default_factory=dict)
    _named: dict[str, dict[int, Node]] = field(default_factory=dict)
    """Nodes by name: looked for at every message, so not among all of them."""

    def see(self, node_id: int, now_s: float) -> Node:
        """Return a node, new ones as seen now."""
        node = self.known.get(node_id)
        if node is None:
            node = self.known[node_id] = Node(node_id, now_s)
            self._named.setdefault(node.actor, {})[node_id] = node
        return node

    def holder(self, partition: int) -> Node | None:
        """Find the node that holds a partition; the last one if it was started again."""
        holders = self._named.get(actor_of(0, partition))
        return list(holders.values())[-1] if holders else None

    def of_actor(self, actor: str) -> list[Node]:
        """Nodes of one name: more than one if it was started again."""
        return list(self._named.get(actor, {}).values())

    def bind(self, node: Node, partition: int | None) -> None:
        """Give a node its partition, and with it its name and what is known of its place."""
        if partition is None:
            return
        if partition != node.partition:
            self._named[node.actor].pop(node.id, None)
            node.partition = partition
            self._named.setdefault(node.actor, {})[node.id] = node
        place = self.places.get(partition)
        if place is not None:
            node.zone = place.zone or node.zone
            node.device = place.device or node.device

    def place(self, node: Node, record: ClientRecord) -> None:
        """Take over where a client says it is, unless the server knows better."""
        own = NodePlace() if node.partition is None else self.places.get(node.partition)
        own = own or NodePlace()
        node.zone = own.zone or record.zone or node.zone
        node.device = own.device or record.device or node.device
