"""What Flower's own runtimes do behind its interface, and a grid of ours must do too.

In Flower 1.41 `Message(...)` asks the process who it is (`TaskIdentity`). Numbers of
messages are set by grids, in a field without a setter. Both are done here only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from flwr.app import Message

SERVER_NODE = 1
"""Number of the node that a ServerApp runs on: `SUPERLINK_NODE_ID` of Flower."""

_NAMES = ("task_id", "run_id", "node_id")


@contextmanager
def assumed_identity(run_id: int, node_id: int = SERVER_NODE) -> Iterator[None]:
    """Let this process make messages of a run inside the block.

    A Flower without `TaskIdentity` needs nothing of it.
    """
    try:
        from flwr.supercore.task_identity import TaskIdentity
    except ImportError:
        yield
        return
    before: dict[str, int | None] = {}
    for name in _NAMES:
        try:
            before[name] = getattr(TaskIdentity, name)
        except RuntimeError:  # nobody has set it
            before[name] = None
    try:
        for name, value in zip(_NAMES, (1, run_id, node_id), strict=True):
            setattr(TaskIdentity, name, value)
        yield
    finally:
        for name, earlier in before.items():
            setattr(TaskIdentity, name, earlier)


def number(message: Message) -> str:
    """Give a message a number of its own, as a grid does when it is sent."""
    message_id = str(uuid4())
    message.metadata.__dict__["_message_id"] = message_id
    return message_id
