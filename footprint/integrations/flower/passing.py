"""A grid that passes everything on to another one: what all our proxies share."""

from __future__ import annotations

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run


class PassingGrid(Grid):
    """Passes on what is the same for every proxy; the rest is that of its subclasses.

    Parameters
    ----------
    inner : Grid
    """

    def __init__(self, inner: Grid) -> None:
        self.inner = inner

    def set_run(self, run: Run) -> None:
        """Pass on."""
        self.inner.set_run(run)

    @property
    def run(self) -> Run:
        """Of the grid below."""
        return self.inner.run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Pass on; Flower has another way by now."""
        return self.inner.create_message(content, message_type, dst_node_id, group_id, ttl)
