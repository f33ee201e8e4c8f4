"""For how long nodes are known to have been connected and idle: then they ask for work.

A SuperNode asks for messages every few seconds, but not while its app works on one. So
what counts is the time up to a reply, without that of the work. A request that nobody
answered leaves open whether the node was there, at work or away: that time is known to
nobody, and is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Stretch:
    """A time in which a node had requests to work on."""

    start_s: float
    busy_s: float | None = 0.0
    """Of it; None if nobody knows."""


@dataclass(slots=True)
class Presence:
    """What the server saw of its nodes between requests.

    All times are Unix times [s].
    """

    _since: dict[int, float] = field(default_factory=dict)
    """Since when a node is known to be there, less what was counted."""
    _idle: dict[int, float] = field(default_factory=dict)
    _asked: Counter[int] = field(default_factory=Counter)
    _stretch: dict[int, _Stretch] = field(default_factory=dict)
    _unsure: set[int] = field(default_factory=set)
    """Nodes that did not answer: they may be at work still."""

    def listed(self, nodes: Iterable[int], now_s: float) -> None:
        """Note that these nodes are connected now, and the others are not."""
        nodes = set(nodes)
        for node in set(self._since) - nodes:
            del self._since[node]  # nobody knows when it went
        for node in nodes - self._unsure:
            if not self._asked[node]:
                self._count(node, now_s)

    def asked(self, node: int, start_s: float) -> None:
        """Note that a node has one more request to work on."""
        if not self._asked[node]:
            self._stretch[node] = _Stretch(start_s)
        self._asked[node] += 1

    def answered(self, node: int, now_s: float, busy_s: float | None) -> None:
        """Note a reply, and for how long its client worked [s]; None if nobody knows."""
        stretch = self._stretch[node]
        if stretch.busy_s is not None:
            stretch.busy_s = None if busy_s is None else stretch.busy_s + busy_s
        self._asked[node] -= 1
        self._unsure.discard(node)
        if self._asked[node]:
            return  # it may be at work on the next one
        if stretch.busy_s is None:
            # It may have worked for all of the time.
            self._count(node, min(now_s, stretch.start_s))
            self._since[node] = now_s
        else:
            self._count(node, now_s, stretch.busy_s)

    def silent(self, node: int) -> None:
        """Note that a request to a node came to nothing."""
        self._asked[node] -= 1
        self._since.pop(node, None)
        self._unsure.add(node)

    def take(self, node: int, now_s: float) -> float:
        """Give the time that was counted since it was taken last [s]."""
        del now_s
        return self._idle.pop(node, 0.0)

    def nodes(self) -> set[int]:
        """Nodes of which there is something to take."""
        return set(self._idle)

    def _count(self, node: int, until_s: float, busy_s: float = 0.0) -> None:
        since_s = self._since.get(node)
        idle_s = 0.0 if since_s is None else until_s - since_s - busy_s
        if idle_s > 0:
            self._idle[node] = self._idle.get(node, 0.0) + idle_s
        self._since[node] = until_s if since_s is None else max(until_s, since_s)


class SimulatedPresence(Presence):
    """What a simulation knows of its nodes.

    Parameters
    ----------
    idle_s : callable
        Gives for how long a node was there and idle between two times [s].
    begin_s : float
        Begin of the run.
    """

    __slots__ = ("_begin_s", "_idle_s", "_taken")

    def __init__(self, idle_s: Callable[[int, float, float], float], begin_s: float) -> None:
        super().__init__()
        self._idle_s = idle_s
        self._begin_s = begin_s
        self._taken: dict[int, float] = {}

    def take(self, node: int, now_s: float) -> float:
        """Give the time since it was taken last [s]."""
        since_s = self._taken.get(node, self._begin_s)
        self._taken[node] = max(now_s, since_s)
        return self._idle_s(node, since_s, now_s)

    def nodes(self) -> set[int]:
        """Nobody but those that are there."""
        return set()
