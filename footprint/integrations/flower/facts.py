"""Who and where the clients are, asked before the first round.

Only clients that answer the query tell it (`answer_facts`); for the others the round
that they first take part in does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from flwr.app import Message, RecordDict

from footprint.errors import DataError
from footprint.integrations.flower.grid import OWN_QUERY, MeasuredGrid

log = logging.getLogger("footprint")

_PAUSE_S = 0.2


def wait_for_nodes(grid: MeasuredGrid, expected: int, patience_s: float) -> list[int]:
    """Wait until so many nodes are connected, and no more are coming.

    A server starts before its nodes are there.

    Raises
    ------
    DataError
        If there are not enough of them after `patience_s`.
    """
    end_s = time.monotonic() + patience_s
    before = -1
    while len(nodes := grid.get_node_ids()) < expected or len(nodes) != before:
        if time.monotonic() > end_s:
            if len(nodes) >= expected:
                break  # they come and go
            raise DataError(
                f"{len(nodes)} of {expected} nodes were connected after {patience_s:g} s.",
                "Start the others, or say how many to expect: CarbonRun(expected=...).",
            )
        before = len(nodes)
        time.sleep(_PAUSE_S)
    return nodes


def ask_facts(grid: MeasuredGrid, timeout_s: float, known: Callable[[int], bool]) -> None:
    """Ask the nodes of which nothing is known yet who and where they are.

    What they answer goes into the books of the grid, as every record does.
    """
    nodes = [node for node in grid.get_node_ids() if not known(node)]
    messages = [Message(RecordDict(), dst_node_id=node, message_type=OWN_QUERY) for node in nodes]
    replies = grid.send_and_receive(messages, timeout=timeout_s)
    answered = sum(not reply.has_error() for reply in replies)
    if answered < len(nodes):
        log.info(
            "footprint: %d of %d nodes say who and where they are; "
            "answer_facts(app) lets a ClientApp do so",
            answered,
            len(nodes),
        )
