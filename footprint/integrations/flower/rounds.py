"""What came of each round, by node, until somebody wants to know."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from footprint.integrations.flower.requests import Request
from footprint.model import Phase, ReplyStatus
from footprint.scheduling.base import ClientOutcome

_KEPT = 8  # rounds that are remembered: replies of several may come by turns


@dataclass(slots=True)
class Round:
    """One round of one phase.

    Attributes
    ----------
    start_s, stop_s : float
        When the first request went out, and when the last one was settled (Unix time [s]).
    clients : dict of int to ClientOutcome
        By node; all that were asked.
    """

    start_s: float
    stop_s: float
    clients: dict[int, ClientOutcome] = field(default_factory=dict)
    _settled: set[int] = field(default_factory=set)

    def settle(self, node: int, outcome: ClientOutcome, now_s: float) -> None:
        """Take over what came of a request; of several to one node, all of it."""
        if node in self._settled:
            before = self.clients[node]
            outcome = replace(
                outcome,
                energy_kwh=_sum(before.energy_kwh, outcome.energy_kwh),
                duration_s=_sum(before.duration_s, outcome.duration_s),
            )
        self._settled.add(node)
        self.clients[node] = outcome
        self.stop_s = max(self.stop_s, now_s)


@dataclass(slots=True)
class Rounds:
    """The last rounds, by phase and number."""

    _known: dict[tuple[Phase, int | None], Round] = field(default_factory=dict)

    def ask(self, request: Request, actor: str) -> None:
        """Note that a client is asked. Until it answers, that is no reply."""
        key = (request.phase, request.round)
        found = self._known.setdefault(key, Round(request.start_s, request.start_s))
        found.clients.setdefault(request.node, ClientOutcome(actor, ReplyStatus.NO_REPLY))
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]

    def settle(self, request: Request, outcome: ClientOutcome, now_s: float) -> None:
        """Note what came of a request; what nobody will ask for again is left alone."""
        found = self._known.get((request.phase, request.round))
        if found is not None:
            found.settle(request.node, outcome, now_s)

    def take(self, phase: Phase, number: int | None) -> Round | None:
        """Give a round, once; None if nobody was asked."""
        return self._known.pop((phase, number), None)


def _sum(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other
