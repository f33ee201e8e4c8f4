"""A grid in virtual time: slow, distant and unreliable clients without any waiting.

It stands between a server and the grid that really runs the clients. Each message is
run at once; when its reply would have arrived, and what it would have cost, follows
from the profile of its node. Whatever is not back at the deadline is no reply, as in
Flower, but what it cost is known and charged.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flwr.app import ConfigRecord, Message
from flwr.serverapp import Grid

from footprint.errors import UsageError
from footprint.integrations.flower.clients import VirtualClient
from footprint.integrations.flower.clock import VirtualClock
from footprint.integrations.flower.identity import number
from footprint.integrations.flower.nodes import NodePlace
from footprint.integrations.flower.passing import PassingGrid
from footprint.integrations.flower.profiles import NodeProfile
from footprint.integrations.flower.record import RECORD_NAME
from footprint.integrations.flower.requests import Wasted

log = logging.getLogger("footprint")


@dataclass(frozen=True, slots=True)
class VirtualWorld:
    """Everything that a simulation assumes.

    Attributes
    ----------
    clock : VirtualClock
    profiles : sequence of NodeProfile
        One per node, by number of its partition.
    deadline_s : float or None
        How long a server waits for replies [s]; None for the timeout that the strategy
        gives, or the life of the messages if it gives none.
    seed : int
        Of all draws. What a node draws depends on this, its partition and how many
        messages it has had, on nothing else.
    work_key : str
        Metric of a reply that counts the units of work behind it.
    """

    clock: VirtualClock
    profiles: Sequence[NodeProfile]
    deadline_s: float | None = None
    seed: int = 0
    work_key: str = "num-examples"

    def __post_init__(self) -> None:
        if self.deadline_s is not None and not self.deadline_s > 0:
            raise UsageError(f"The deadline is {self.deadline_s} s.", "Give a positive time.")


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A message that was sent, and what will come of it."""

    message_id: str
    arrival_s: float = math.inf
    """When the reply is there; never if infinite."""
    reply: Message | None = None
    used: Wasted | None = None
    """None if its node never got it."""


class VirtualGrid(PassingGrid):
    """Run messages on another grid, and time and charge them after profiles.

    - A node that is away when it could begin with a message never gets it, and spends
      nothing.
    - One that goes away or dies over a message loses it; what it spent is spent.
    - One that is late works on to its end, and takes its next message then.
    - The clock moves to the last reply if all have answered, else to the deadline.
    - Replies come in the order of their arrival, whatever order they were run in.

    Parameters
    ----------
    inner : Grid
        Runs the clients; must know their `partitions` (number of the partition by node).
    world : VirtualWorld

    Notes
    -----
    A reply carries a `ClientRecord` with simulated figures, in place of what the client
    may have measured of the machine that runs the simulation. Its duration is that of
    the whole message, transfers included. `wasted` tells what a message used that
    brought none back: whoever pushes and pulls asks for those that are not pulled, too.
    """

    def __init__(self, inner: Grid, world: VirtualWorld) -> None:
        if not hasattr(inner, "partitions"):
            raise UsageError(
                f"A {type(inner).__name__} does not know the partitions of its nodes.",
                "Use `simulate`, or a LocalGrid.",
            )
        super().__init__(inner)
        self.world = world
        self._known: dict[int, VirtualClient] = {}
        self._pending: dict[str, _Exchange] = {}
        self._wasted: dict[str, Wasted] = {}
        self._sent: list[str] = []

    @property
    def clock(self) -> VirtualClock:
        """Clock of the simulation."""
        return self.world.clock

    @property
    def partitions(self) -> dict[int, int]:
        """Partition of each node."""
        return {node: client.partition for node, client in self._clients().items()}

    @property
    def places(self) -> dict[int, NodePlace]:
        """Zone and device class of each node, by number of its partition."""
        return {
            partition: NodePlace(profile.zone, profile.device.device)
            for partition, profile in enumerate(self.world.profiles)
        }

    def get_node_ids(self) -> list[int]:
        """All nodes by partition, those that are away among them.

        Strategies wait for their minimum of nodes in real time, in which a virtual
        clock would never move.
        """
        return list(self._clients())

    def available_nodes(self) -> list[int]:
        """Nodes that would begin at once with a message that is sent now."""
        now_s = self.clock.now_s()
        return [node for node, client in self._clients().items() if client.is_free(now_s)]

    def idle_s(self, node: int, since_s: float, until_s: float) -> float:
        """For how long a node was there and had nothing to do between two times [s].

        To be asked in the order of time: what was before is forgotten.
        """
        client = self._clients().get(node)
        return 0.0 if client is None else client.idle_s(since_s, until_s)

    def wasted(self, message_id: str) -> Wasted | None:
        """Say what a message used to which no record came back: late, lost, or an error.

        A reply that was not pulled is given up with this.

        Parameters
        ----------
        message_id : str
            Of the message.

        Returns
        -------
        Wasted or None
            None if the message never reached its node, or this was said before.
        """
        given_up = self._pending.pop(message_id, None)
        if given_up is not None:
            self._wasted.pop(message_id, None)
            return given_up.used
        return self._wasted.pop(message_id, None)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Run messages now; their replies arrive in virtual time."""
        known: set[str] = set()
        messages = list(messages)
        left = messages
        while left:
            # A second message to a node waits for what comes of the first.
            batch: dict[int, Message] = {}
            for message in left:
                batch.setdefault(message.metadata.dst_node_id, message)
            left = [m for m in left if m is not batch[m.metadata.dst_node_id]]
            for exchange in self._exchange(list(batch.values())):
                self._pending[exchange.message_id] = exchange
                known.add(exchange.message_id)
        names = [message.metadata.message_id for message in messages]
        return [name for name in names if name in known]

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Give the replies that have arrived by now.

        If none has, the clock moves on to the first that will: who asks would wait.
        """
        asked = [self._pending[name] for name in message_ids if name in self._pending]
        first_s = min((one.arrival_s for one in asked), default=math.inf)
        if not math.isfinite(first_s):
            return []
        now_s = self.clock.now_s()
        self.clock.advance(max(0.0, first_s - now_s))
        return self._take(asked, max(first_s, now_s))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Push, and let time pass until all have answered or the deadline is there."""
        messages = list(messages)
        for name in self._sent:
            self._wasted.pop(name, None)  # nobody asked
        sent_s = self.clock.now_s()
        self._sent = self.push_messages(messages)
        sent = [self._pending[name] for name in self._sent]
        if not sent:
            return []
        deadline_s = sent_s + self._patience_s(messages, timeout)
        end_s = min(deadline_s, max(one.arrival_s for one in sent))
        self.clock.advance(end_s - sent_s)
        replies = self._take(sent, end_s)
        for late in sent:
            if self._pending.pop(late.message_id, None) and late.used is not None:
                self._wasted[late.message_id] = late.used
        return replies

    def _patience_s(self, messages: Sequence[Message], timeout: float | None) -> float:
        if self.world.deadline_s is not None:
            return self.world.deadline_s
        return min(message.metadata.ttl for message in messages) if timeout is None else timeout

    def _take(self, exchanges: Iterable[_Exchange], by_s: float) -> list[Message]:
        """Take the replies that are there by some time, the first to arrive first."""
        # Not the clock's time: adding up differences may round that below the last arrival.
        there = sorted(
            (one for one in exchanges if one.arrival_s <= by_s), key=lambda one: one.arrival_s
        )
        for one in there:
            del self._pending[one.message_id]
        return [one.reply for one in there if one.reply is not None]

    def _clients(self) -> dict[int, VirtualClient]:
        if not self._known:
            # Flower's own Grid has none; `__init__` asks for one that has.
            partitions: dict[int, int] = getattr(self.inner, "partitions", {})
            profiles = self.world.profiles
            if len(partitions) != len(profiles):
                raise UsageError(
                    f"There are {len(partitions)} nodes and {len(profiles)} profiles.",
                    "Give one profile per node.",
                )
            self._known = {
                node: VirtualClient(
                    partition, profiles[partition], self.world.seed, self.world.work_key
                )
                for node, partition in sorted(partitions.items(), key=lambda item: item[1])
            }
        return self._known

    def _exchange(self, messages: Sequence[Message]) -> list[_Exchange]:
        """Run messages to different nodes and say what becomes of each."""
        now_s, clients = self.clock.now_s(), self._clients()
        addressed = []
        for message in messages:
            client = clients.get(message.metadata.dst_node_id)
            if client is None:
                log.error("there is no node %d", message.metadata.dst_node_id)  # as Flower does
            else:
                addressed.append((message, client, client.takes(message, now_s)))
        # In real time they may take as long as they need.
        replies = {
            reply.metadata.reply_to_message_id: reply
            for reply in self.inner.send_and_receive([m for m, _, takes in addressed if takes])
        }
        return [
            self._settle(message, client, replies.get(message.metadata.message_id), now_s)
            if takes
            else _Exchange(number(message))
            for message, client, takes in addressed
        ]

    def _settle(
        self, message: Message, client: VirtualClient, reply: Message | None, now_s: float
    ) -> _Exchange:
        outcome = client.settle(message, reply, now_s)
        name, used = message.metadata.message_id, outcome.used
        late = self.world.deadline_s is not None and outcome.end_s > now_s + self.world.deadline_s
        if reply is None or late or not outcome.whole:
            self._wasted[name] = used
            return _Exchange(name, used=used)
        if reply.has_error():
            self._wasted[name] = used
        else:
            reply.content[RECORD_NAME] = ConfigRecord({**used.record.to_fields()})
        return _Exchange(name, outcome.end_s, reply, used)
