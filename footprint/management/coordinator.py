"""The coordinator of the silos: asks over Flower's grid, and keeps the books of it.

.. code-block:: python

    with CarbonRun(journal="management", zone="FR", device="server").wrap(grid) as measured:
        coordinator = Coordinator(measured)
        coordinator.collect()
        result = coordinator.ask(Question(id="q1", statistic=Statistic.ROWS, dataset="bookings"))

Each question is a round of the run: what the silos and the coordinator used for it stands in
the journal under its number, with the bytes that moved.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.common.constant import ErrorCode

from footprint.errors import DataError
from footprint.integrations.flower.grid import MeasuredGrid
from footprint.integrations.flower.payload import (
    ANALYSIS_QUERY,
    CATALOGUE_QUERY,
    payload_bytes,
)
from footprint.management.agent import RECORD
from footprint.management.analytics import Came, Coverage, Reply, merge_answers
from footprint.management.catalogue import SiloCatalogue, read_catalogue
from footprint.management.questions import Question, write_message
from footprint.management.results import Result, Traffic
from footprint.model import Phase

MOST_ANSWER_BYTES = 64 * 1024 * 1024
"""Of one silo; 2,000 datasets of 32 KiB each."""
_NO_ANSWER = (
    ErrorCode.MESSAGE_UNAVAILABLE,
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
    ErrorCode.NODE_UNAVAILABLE,
)


@dataclass
class Coordinator:
    """Asks silos, and merges what they answer.

    Parameters
    ----------
    grid : MeasuredGrid
        Of `CarbonRun.wrap`.
    timeout_s : float
        How long to wait for the silos [s].
    expected : sequence of str
        Names of silos that should be there: who does not come is in the coverage.

    Notes
    -----
    A silo is who it says it is the first time; a second node with the same name is refused.
    Flower's node authentication says which nodes may come at all.
    """

    grid: MeasuredGrid
    timeout_s: float = 60.0
    expected: Sequence[str] = ()
    catalogues: dict[str, SiloCatalogue] = field(default_factory=dict)
    """What silos said they have, by name."""
    _nodes: dict[int, str] = field(default_factory=dict)
    _strangers: dict[str, Came] = field(default_factory=dict)
    _number: int = 0

    def collect(self) -> tuple[Coverage, ...]:
        """Ask all nodes for the catalogues of their silos.

        Returns
        -------
        tuple of Coverage
            Every node that is there and every silo that should be.
        """
        self._number += 1
        nodes = list(self.grid.get_node_ids())
        replies, _ = self._exchange(nodes, RecordDict(), CATALOGUE_QUERY)
        coverage = [self._welcome(node, replies[node]) for node in nodes]
        self._strangers = {
            one.silo: one.came for one in coverage if one.silo not in self.catalogues
        }
        seen = {one.silo for one in coverage}
        return tuple(coverage + [Coverage(n, Came.LATE) for n in self.expected if n not in seen])

    def ask(self, question: Question) -> Result:
        """Ask all silos whose catalogues are known, and merge what comes in time."""
        self._number += 1
        content = RecordDict({RECORD: ConfigRecord({"question": write_message(question)})})
        nodes = sorted(self._nodes)
        found, moved = self._exchange(nodes, content, ANALYSIS_QUERY)
        missing = dict.fromkeys(self.expected, Came.LATE)
        replies: dict[str, Reply | Came] = {**missing, **self._strangers}
        for node, message in found.items():
            replies[self._nodes[node]] = _reply(message)
        with self.grid.exchanges.tracker.span(Phase.AGGREGATE, round=self._number):
            analysis = merge_answers(question, replies, self.catalogues)
        traffic = Traffic(*moved, analysis.raw_bytes)
        return Result(self._number, analysis, traffic)

    def _welcome(self, node: int, message: Message | None) -> Coverage:
        """Take the catalogue of a node, or say why not."""
        name = self._nodes.get(node, f"node {node}")
        if message is None or message.has_error():
            return Coverage(name, _came(message))
        try:
            found = self._identify(node, _record(message).get("catalogue"))
        except DataError as error:
            return Coverage(name, Came.FORGED, error.message)
        self._nodes[node] = found.silo
        self.catalogues[found.silo] = found
        return Coverage(found.silo, Came.ANSWERED, rows=sum(one.rows for one in found.datasets))

    def _identify(self, node: int, sent: object) -> SiloCatalogue:
        if not isinstance(sent, bytes):
            raise DataError("There is no catalogue in what it sent.")
        found = read_catalogue(sent, time.time())
        before = self._nodes.get(node, found.silo)
        if found.silo != before:
            raise DataError(f"It says that it is {found.silo!r}, and was {before!r}.")
        if any(silo == found.silo for one, silo in self._nodes.items() if one != node):
            raise DataError(f"It says that it is {found.silo!r}, and another node is.")
        return found

    def _exchange(
        self, nodes: Iterable[int], content: RecordDict, kind: str
    ) -> tuple[dict[int, Message | None], tuple[int, int]]:
        """Send one content to nodes: what came of each, and bytes sent and received."""
        # Flower names rounds by the group of their messages.
        messages = [
            Message(content, dst_node_id=node, message_type=kind, group_id=str(self._number))
            for node in nodes
        ]
        found: dict[int, Message | None] = {m.metadata.dst_node_id: None for m in messages}
        asked_bytes = payload_bytes(content) * len(messages)
        answered_bytes = 0
        for reply in self.grid.send_and_receive(messages, timeout=self.timeout_s):
            if reply.metadata.src_node_id in found:
                found[reply.metadata.src_node_id] = reply
            if reply.has_content():
                answered_bytes += payload_bytes(reply.content)
        return found, (asked_bytes, answered_bytes)


def _came(message: Message | None) -> Came:
    if message is None or message.error.code in _NO_ANSWER:
        return Came.LATE
    return Came.FAILED


def _record(message: Message) -> ConfigRecord:
    return message.content.config_records.get(RECORD) or ConfigRecord()


def _reply(message: Message | None) -> Reply | Came:
    """Take the answer out of a message; what is no answer is for `merge_answers` to refuse."""
    if message is None or message.has_error():
        return _came(message)
    if payload_bytes(message.content) > MOST_ANSWER_BYTES:
        return Reply("", ())
    record = _record(message)
    head, sketches = record.get("answer"), record.get("sketches")
    if not isinstance(head, str) or not isinstance(sketches, list):
        return Reply("", ())
    return Reply(head, tuple(one for one in sketches if isinstance(one, bytes)))
