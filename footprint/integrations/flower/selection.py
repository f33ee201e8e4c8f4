"""A scheduler chooses the clients of a round, whatever the strategy.

The strategy configures the round as always. If it sends all of its nodes one and the
same content, as the FedAvg family does, that goes to the chosen nodes instead. If it
has something of its own for each node, those for the chosen ones are kept, where it
addressed all of them. Else it is asked again with a view of the grid that shows the
chosen nodes only; a strategy that then waits for more nodes gets an error, and does not
hang.

If the scheduler also says how each client trains, every config record of its message holds the
name of the method under ``footprint.method``. Training by it is the business of the client's app.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from numpy.random import Generator

from footprint.errors import UsageError
from footprint.integrations.flower.clock import Clock
from footprint.integrations.flower.grid import MeasuredGrid
from footprint.integrations.flower.passing import PassingGrid
from footprint.integrations.flower.rounds import Round
from footprint.integrations.flower.spending import Spending
from footprint.integrations.flower.updates import Updates
from footprint.model import Phase, ReplyStatus
from footprint.model.method_costs import MethodCost
from footprint.scheduling.base import (
    Candidate,
    Candidates,
    ClientOutcome,
    Outcome,
    Scheduler,
    SelectionState,
    chosen,
    methods_of,
)
from footprint.scheduling.past_work import PastWork

_LOOKS = 10
"""So often may a strategy look for nodes while it configures one round; it waits a second
in between if it wants more of them."""

METHOD = "footprint.method"
"""Key of a config record that holds the name of a training method."""

Configure = Callable[[int, ArrayRecord, ConfigRecord, Grid], Iterable[Message]]


class ChosenNodes(PassingGrid):
    """A view of a grid that shows some of its nodes.

    Parameters
    ----------
    inner : Grid
    nodes : sequence of int
    """

    def __init__(self, inner: Grid, nodes: Sequence[int]) -> None:
        super().__init__(inner)
        self._nodes = list(nodes)
        self._looks = 0

    def get_node_ids(self) -> list[int]:
        """List the chosen nodes.

        Raises
        ------
        UsageError
            If the strategy looks again and again: it waits for nodes that will not come.
        """
        self._looks += 1
        if self._looks > _LOOKS:
            raise UsageError(
                f"The strategy waits for more nodes than the {len(self._nodes)} that were chosen.",
                "Give it min_train_nodes=1 and min_available_nodes=1.",
            )
        return list(self._nodes)

    def get_nodes(self) -> list[NodeInfo]:
        """Describe the chosen nodes."""
        return [node for node in self.inner.get_nodes() if node.node_id in self._nodes]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Pass on."""
        return self.inner.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Pass on."""
        return self.inner.pull_messages(message_ids)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Pass on."""
        return self.inner.send_and_receive(messages, timeout=timeout)


@dataclass(slots=True)
class Selection:
    """Lets a scheduler choose, and tells it what came of its choice.

    Parameters
    ----------
    scheduler : Scheduler
    grid : MeasuredGrid
    clock : Clock
    rng : Generator
    updates : Updates
    spending : Spending
    """

    scheduler: Scheduler
    grid: MeasuredGrid
    clock: Clock
    rng: Generator
    updates: Updates
    spending: Spending = field(default_factory=Spending)
    _seen: dict[str, Candidate] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    """Name under which each node was offered last."""
    _by_view: bool = False
    _chosen: set[int] = field(default_factory=set)
    """Rounds for which somebody was chosen, and that nobody observed yet."""
    _methods: dict[int, str] = field(default_factory=dict)
    """Name of the training method of each node of the round, if the scheduler names any."""
    _asked: dict[str, MethodCost] = field(default_factory=dict)
    """Costs of these methods, by client."""
    _trained: dict[str, MethodCost] = field(default_factory=dict)
    """Of the method by which each trained in the last round in which it answered."""

    def configure(
        self,
        inner: Configure,
        number: int,
        arrays: ArrayRecord,
        config: ConfigRecord,
        grid: Grid,
    ) -> list[Message]:
        """Configure a round for the clients that the scheduler chooses; perhaps for nobody.

        Raises
        ------
        UsageError
            If the strategy cannot be given a choice of clients.
        """
        messages = self._configured(inner, (number, arrays, config, grid))
        methods = self._methods
        if not methods:
            return messages
        return [_with_method(one, methods[one.metadata.dst_node_id]) for one in messages]

    def _configured(
        self, inner: Configure, call: tuple[int, ArrayRecord, ConfigRecord, Grid]
    ) -> list[Message]:
        number, arrays, config, grid = call
        nodes = {self.name(node): node for node in self._askable()}
        if self._by_view:
            ids = self._choose(number, nodes, None)
            self.updates.begin(arrays)
            return self._viewed(inner, call, ids, nodes) if ids else []
        offered = list(inner(number, arrays, config, grid))
        if not offered:
            return []  # the strategy trains nobody in this round
        ids = self._choose(number, nodes, len(offered))
        self.updates.begin(arrays)
        if not ids:
            return []
        wanted = [nodes[name] for name in ids]
        if len({id(message.content) for message in offered}) == 1:
            return [_addressed(offered[0], node) for node in wanted]
        by_node = {message.metadata.dst_node_id: message for message in offered}
        if all(node in by_node for node in wanted):
            return [by_node[node] for node in wanted]
        self._by_view = True
        return self._viewed(inner, call, ids, nodes)

    def observe(self, number: int, replies: Sequence[Message] = ()) -> None:
        """Tell the scheduler what came of the round, if it chose somebody for it.

        Raises
        ------
        UsageError
            If there is a budget, and nobody knows what a client took of it.
        """
        if number not in self._chosen:
            return
        self._chosen.remove(number)
        found = self.grid.exchanges.rounds.take(Phase.TRAIN, number)
        if found is None:  # the strategy sent nothing to those that were chosen
            now_s = self.clock.now_s()
            found = Round(now_s, now_s)
        self._rename()
        outcomes = tuple(_named(self.name(node), one) for node, one in found.clients.items())
        for outcome in outcomes:
            self._learn(number, outcome)
        followed = self.updates.followed(replies, self.name)
        told = Outcome(number, found.start_s, found.stop_s, outcomes, gradients=followed)
        self.scheduler.observe(self.spending.settle(told))

    def name(self, node_id: int) -> str:
        """Name of a node's client."""
        return self.grid.exchanges.nodes.see(node_id, self.clock.now_s()).actor

    def _askable(self) -> list[int]:
        """Nodes that can be asked now. A simulated grid lists those that are away, too."""
        nodes = self.grid.get_node_ids()
        if not hasattr(self.grid, "available_nodes"):
            return nodes
        return list(self.grid.available_nodes())

    def _choose(self, number: int, nodes: dict[str, int], wanted: int | None) -> tuple[str, ...]:
        self._rename()
        self._names.update((node, name) for name, node in nodes.items())
        present = [self._candidate(name, nodes[name]) for name in sorted(nodes, key=_order)]
        # A client keeps its place in the order in which clients were first there.
        self._seen.update((candidate.id, candidate) for candidate in present)
        candidates = Candidates.of(present, everybody=tuple(self._seen.values()))
        now_s = self.clock.now_s()
        state = SelectionState(
            number,
            now_s,
            candidates,
            wanted,
            budget=self.spending.budget,
            probes=self.updates,
        )
        ids = chosen(self.scheduler, state, self.rng)
        # Methods first: a round may fit by them that would not fit without.
        costs = methods_of(self.scheduler, ids, state) if ids else None
        asked = {} if costs is None else dict(zip(ids, costs, strict=True))
        if not self.spending.allows(self._planned_kwh(state.candidates, ids, asked)):
            ids, asked = (), {}
        self._asked = asked
        self._methods = {nodes[name]: one.name for name, one in asked.items()}
        if ids:
            self._chosen.add(number)
        else:
            self.spending.let_pass(self.clock.now_s())
        return ids

    def _planned_kwh(
        self, candidates: Candidates, ids: Sequence[str], asked: Mapping[str, MethodCost]
    ) -> dict[str, float | None]:
        """Energy that each is expected to take by its method; None where nobody knows."""
        own = Candidates(candidates.table, candidates.find(ids))
        now, then = (
            np.array([_ratios(costs.get(name)) for name in ids], float).reshape(-1, 2).T
            for costs in (asked, self._trained)
        )
        past = PastWork.of(own, then[0], then[1], np.full(len(ids), np.nan))
        energy_kwh = past.energy_kwh(now[0], now[1], math.nan).tolist()
        return {
            name: None if math.isnan(one) else one
            for name, one in zip(ids, energy_kwh, strict=True)
        }

    def _rename(self) -> None:
        """Call clients what they are called by now: a node learns its partition late."""
        names = {node: self.name(node) for node in self._names}
        changed = {old: names[node] for node, old in self._names.items() if old != names[node]}
        self._names = names
        if not changed:
            return
        self._trained = {changed.get(old, old): one for old, one in self._trained.items()}
        self._asked = {changed.get(old, old): one for old, one in self._asked.items()}
        seen, self._seen = self._seen, {}
        for old, candidate in seen.items():
            name = changed.get(old, old)
            known = self._seen.get(name)  # of a node that was started again
            asked = candidate.asked + (known.asked if known else 0)
            self._seen[name] = replace(known or candidate, id=name, asked=asked)

    def _candidate(self, name: str, node_id: int) -> Candidate:
        now_s = self.clock.now_s()
        node = self.grid.exchanges.nodes.see(node_id, now_s)
        seen = self._seen.get(name) or Candidate(name)
        intensity = self.spending.look(name, node.zone, now_s)
        return replace(seen, zone=node.zone, device=node.device, intensity_g_per_kwh=intensity)

    def _learn(self, number: int, outcome: ClientOutcome) -> None:
        seen = self._seen.get(outcome.id) or Candidate(outcome.id)
        seen = replace(seen, asked=seen.asked + 1)
        if outcome.status is ReplyStatus.OK:
            seen = replace(
                seen,
                answered=seen.answered + 1,
                last_round=number,
                energy_kwh=outcome.energy_kwh,
                duration_s=outcome.duration_s,
                metrics=outcome.metrics,
                samples=outcome.metrics.get("num-examples", seen.samples),
                utility=outcome.metrics.get("utility", seen.utility),
            )
            self._trained.pop(outcome.id, None)
            if outcome.id in self._asked:
                self._trained[outcome.id] = self._asked[outcome.id]
        self._seen[outcome.id] = seen

    def _viewed(
        self,
        inner: Configure,
        call: tuple[int, ArrayRecord, ConfigRecord, Grid],
        ids: Sequence[str],
        nodes: dict[str, int],
    ) -> list[Message]:
        number, arrays, config, grid = call
        wanted = [nodes[name] for name in ids]
        messages = list(inner(number, arrays, config, ChosenNodes(grid, wanted)))
        stray = {message.metadata.dst_node_id for message in messages} - set(wanted)
        if stray:
            raise UsageError(
                f"The strategy addressed {len(stray)} node(s) that were not chosen.",
                "It must take its nodes from the grid that configure_train is given.",
            )
        return messages


def _with_method(message: Message, method: str) -> Message:
    """Make the same message, whose config says how to train; records of arrays are shared.

    Raises
    ------
    UsageError
        If it has no config record.
    """
    content = RecordDict(dict(message.content))
    if not content.config_records:
        raise UsageError(
            "The scheduler says how clients train, and a message of the strategy has no config.",
            "Take a strategy that sends a ConfigRecord, or a scheduler without knobs.",
        )
    for key, config in list(content.config_records.items()):
        content[key] = ConfigRecord({**config, METHOD: method})
    return _addressed(message, message.metadata.dst_node_id, content)


def _addressed(message: Message, node: int, content: RecordDict | None = None) -> Message:
    """Make the same message to another node, or with other content."""
    content = message.content if content is None else content
    meta = message.metadata
    return Message(
        content,
        dst_node_id=node,
        message_type=meta.message_type,
        ttl=meta.ttl,
        group_id=meta.group_id or None,
    )


def _named(name: str, outcome: ClientOutcome) -> ClientOutcome:
    """Give the outcome the name that its client has by now."""
    return ClientOutcome(
        name, outcome.status, outcome.energy_kwh, outcome.duration_s, outcome.metrics
    )


def _ratios(cost: MethodCost | None) -> tuple[float, float]:
    """Give what a method takes of time and energy beside the reference."""
    return (1.0, 1.0) if cost is None else (cost.time.value, cost.energy.value)


def _order(name: str) -> tuple[str, int]:
    """Clients in the order of their partitions."""
    kind, _, number = name.rpartition("-")
    return kind, int(number)
