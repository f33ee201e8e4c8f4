"""Flower's own simulation runtime, which runs handlers in processes of Ray.

Its entry for Python, `run_simulation`, is deprecated but the only one; it is called
here and nowhere else.
"""

from __future__ import annotations

import copy
import logging
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.common.constant import PARTITION_ID_KEY
from flwr.serverapp import Grid, ServerApp

from footprint.errors import DataError, MissingExtra
from footprint.integrations.flower.local import NodeConfig
from footprint.integrations.flower.passing import PassingGrid

WHO = "query.footprint_partition"
"""Type of the message that asks a node for its partition."""

REGISTRATION_S = 60.0
"""How long until all nodes are there at most [s]. 100 nodes were seen to take 0.04 s."""


def run_on_ray(
    server_app: ServerApp,
    client_app: ClientApp,
    node_config: Sequence[NodeConfig],
    run_config: NodeConfig,
    backend_config: Mapping[str, Any] | None = None,
) -> None:
    """Run a server app with nodes on Ray to its end.

    Parameters
    ----------
    server_app : ServerApp
        Gets a grid with `partitions`.
    client_app : ClientApp
    node_config : sequence of mapping
        Whole ``context.node_config`` of each node, by partition.
    run_config : mapping
        Further ``context.run_config`` of the clients.
    backend_config : mapping, optional

    Raises
    ------
    MissingExtra
        If Ray is not installed.
    """
    if find_spec("ray") is None:
        raise MissingExtra.of("flower", "The engine 'ray'")

    nodes = len(node_config)
    backend: dict[str, Any] = {"client_resources": {"num_cpus": 1, "num_gpus": 0}}
    with _deprecation_unsaid(), _python_path_kept(), warnings.catch_warnings():
        from flwr.simulation import run_simulation  # changes the filters when it is imported

        # Of Ray at its start; it concerns GPUs that no client asks for.
        warnings.filterwarnings("ignore", "Tip: In future versions of Ray", FutureWarning)
        run_simulation(
            _Server(server_app, nodes),
            _Client(client_app, node_config, run_config),
            nodes,
            backend_config={**backend, **(backend_config or {})},
        )


class PartitionedGrid(PassingGrid):
    """Flower's in-memory grid, with nodes and replies in an order that does not change.

    Flower gives nodes random numbers and lists them in any order; replies come as they
    are done. Here nodes are listed by partition, and replies of `send_and_receive` in
    the order of the messages.
    """

    workers = True

    def __init__(self, inner: Grid, nodes: int) -> None:
        super().__init__(inner)
        self._nodes = nodes
        self._known: dict[int, int] = {}

    @property
    def partitions(self) -> dict[int, int]:
        """Partition of each node, asked once all nodes are there."""
        if not self._known:
            found = self._registered()
            asked = [Message(RecordDict(), node, WHO) for node in found]
            for reply in self.inner.send_and_receive(asked):
                if reply.has_error():
                    raise DataError(f"A node does not answer: {reply.error.reason}.")
                said = reply.content.config_records[WHO]
                self._known[reply.metadata.src_node_id] = int(str(said[PARTITION_ID_KEY]))
            self._known = dict(sorted(self._known.items(), key=lambda item: item[1]))
        return self._known

    def _registered(self) -> list[int]:
        """Nodes of the engine, which starts beside the server app."""
        last_s = time.monotonic() + REGISTRATION_S
        while len(found := list(self.inner.get_node_ids())) < self._nodes:
            if time.monotonic() > last_s:
                raise DataError(
                    f"Only {len(found)} of {self._nodes} nodes came within {REGISTRATION_S:g} s.",
                    "See the log of Flower.",
                )
            time.sleep(0.01)
        return found

    def get_node_ids(self) -> list[int]:
        """Nodes by partition."""
        return list(self.partitions)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages."""
        return self.inner.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Fetch the replies that are there."""
        return self.inner.pull_messages(message_ids)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Send messages and wait for their replies."""
        messages = list(messages)
        if not messages:
            return []
        replies = {
            reply.metadata.reply_to_message_id: reply
            for reply in self.inner.send_and_receive(messages, timeout=timeout)
        }
        found = (replies.get(message.metadata.message_id) for message in messages)
        return [reply for reply in found if reply is not None]


class _Server(ServerApp):
    """A server app on a grid whose nodes have an order."""

    def __init__(self, app: ServerApp, nodes: int) -> None:
        super().__init__()
        self._app = app
        self._nodes = nodes

    def __call__(self, grid: Grid, context: Context) -> None:
        partitioned = PartitionedGrid(grid, self._nodes)
        # Ray draws from the global `random` while it starts, as strategies do: let it be
        # over before an app sets a seed.
        assert partitioned.partitions
        self._app(partitioned, context)


class _Client(ClientApp):
    """A client app whose nodes have the configuration that we say. Travels to Ray."""

    def __init__(
        self, app: ClientApp, node_config: Sequence[NodeConfig], run_config: NodeConfig
    ) -> None:
        super().__init__()
        self._app = app
        self._node_config = node_config
        self._run_config = run_config

    def __call__(self, message: Message, context: Context) -> Message:
        partition = int(str(context.node_config[PARTITION_ID_KEY]))
        if message.metadata.message_type == WHO:
            said = ConfigRecord({PARTITION_ID_KEY: partition})
            return Message(RecordDict({WHO: said}), reply_to=message)
        # Flower refuses a context that comes back with another configuration.
        own = copy.copy(context)
        own.node_config = {**context.node_config, **self._node_config[partition]}
        own.run_config = {**context.run_config, **self._run_config}
        reply = self._app(message, own)
        context.state = own.state
        return reply


@contextmanager
def _deprecation_unsaid() -> Iterator[None]:
    """Keep Flower from logging that the function we call is deprecated, and that only."""

    def others(record: logging.LogRecord) -> bool:
        return "`run_simulation`" not in record.getMessage()

    logger = logging.getLogger("flwr")
    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)


@contextmanager
def _python_path_kept() -> Iterator[None]:
    """Undo what Flower's backend leaves in the environment of this process."""
    before = os.environ.get("PYTHONPATH")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = before
