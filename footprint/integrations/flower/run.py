"""A federated training whose server measures it, and lets a scheduler choose.

.. code-block:: python

    run = CarbonRun(journal="runs/digits", zone="DE", device="server")
    result = run.start(FedAvg(), grid, initial_arrays=arrays, num_rounds=50)
"""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Result, Strategy

from footprint.errors import UsageError
from footprint.factors import load_catalogue
from footprint.integrations.flower.clock import Clock, SystemClock
from footprint.integrations.flower.exchanges import Exchanges
from footprint.integrations.flower.facts import ask_facts, wait_for_nodes
from footprint.integrations.flower.grid import MeasuredGrid, Timeout
from footprint.integrations.flower.limits import Limits
from footprint.integrations.flower.nodes import NodePlace, Nodes
from footprint.integrations.flower.process import SERVER, enter_server, leave_server
from footprint.integrations.flower.selection import Selection
from footprint.integrations.flower.spending import Intensities, Spending, doubt_once
from footprint.integrations.flower.updates import Updates
from footprint.integrations.flower.wire import WireModel
from footprint.measurement.tracker import DEFAULT_JOURNAL, Tracker
from footprint.model import Architecture, Phase, Role
from footprint.scheduling.base import Scheduler, findings_of
from footprint.scheduling.budget import Budget

log = logging.getLogger("footprint")

_LOOK_S = 1.0  # between two looks for nodes, as Flower's strategies do it


@dataclass
class CarbonRun:
    """Measure a federated training from its server, with or without a scheduler.

    Parameters
    ----------
    journal : path, optional
        Folder of the server's journal. Default: ``footprint-journal/<run>``.
    run : str, optional
        Name of the run, the same as in the mod of the clients. Default:
        ``flower-<run id>``.
    zone, device : str, optional
        Grid zone and device class of the server.
    functional_unit : str
        What the run delivers, such as ``"model with 90 % test accuracy"``.
    scheduler : Scheduler, optional
        Chooses the clients of each training round. Default: the strategy does.
    budget : Budget, optional
        Of carbon, energy or time, for a scheduler. No round begins that is planned to pass a hard
        or a paced one; what was spent is what clients say.
    intensities : mapping or callable, optional
        Intensity of the grid of each zone now, or what gives it for a zone and a Unix
        time; for schedulers and budgets of carbon [gCO2e/kWh].
    nodes : mapping of int to NodePlace, optional
        Zone and device of clients by partition; what stands here is not for a client to
        say. Virtual clients of a simulation have no place of their own.
    expected : int, optional
        Nodes to wait for before the first round, if there is a scheduler. Default: as
        many as `nodes` names.
    patience_s : float
        How long to wait for them [s].
    ask : bool, optional
        Ask clients who and where they are before the first round. Default: if there is a
        scheduler. ClientApps answer after `answer_facts`.
    wire : WireModel
        What the protocol adds to the payload.
    limits : Limits, optional
        What can be believed of clients.
    timeout : float or callable, optional
        Time to wait for the replies of a round [s], or what gives it for the number of a
        round; overrides that of the strategy.
    clock : Clock, optional
        Default: that of a grid in virtual time, else the system's.
    seed : int
        Of the generator that the scheduler draws from.

    Notes
    -----
    Serves for one training. Phases of the server: ``aggregate`` for configuring and
    aggregating, ``evaluate`` for `evaluate_fn`, ``wait`` for the clients.
    """

    journal: Path | str | None = None
    run: str | None = None
    zone: str | None = None
    device: str | None = None
    functional_unit: str = ""
    scheduler: Scheduler | None = None
    budget: Budget | None = None
    intensities: Intensities | None = None
    nodes: Mapping[int, NodePlace] = field(default_factory=dict)
    expected: int | None = None
    patience_s: float = 300.0
    ask: bool | None = None
    wire: WireModel = field(default_factory=WireModel)
    limits: Limits | None = None
    timeout: Timeout = None
    clock: Clock | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.scheduler is not None and not isinstance(self.scheduler, Scheduler):
            raise UsageError(
                f"{type(self.scheduler).__name__} is no scheduler.",
                "It must have select(state, rng) and observe(outcome).",
            )
        if getattr(self.scheduler, "weights", None) is not None:
            raise UsageError(
                f"{type(self.scheduler).__name__} weighs updates, and a strategy has its own "
                "weights.",
                "Let it leave the weights to the samples, or choose another scheduler.",
            )
        if self.budget is not None and self.scheduler is None:
            raise UsageError(
                "A budget needs a scheduler that keeps it.", "Give a scheduler, such as Everyone()."
            )
        Spending(self.intensities, self.budget)  # says now what cannot be kept
        places = [NodePlace(self.zone, self.device), *self.nodes.values()]
        # A slip of the pen, before a training and not after it.
        limits = self._limits()
        for place in places:
            for name, value, knows in (
                ("zone", place.zone, limits.knows_zone),
                ("device", place.device, limits.knows_device),
            ):
                if value is not None and not knows(value):
                    raise UsageError(
                        f"The factor catalogue knows no {name} {value!r}.",
                        "See: footprint factors list --all",
                    )

    @contextmanager
    def wrap(self, grid: Grid) -> Iterator[MeasuredGrid]:
        """Measure what goes through a grid, inside of a `with` block.

        .. code-block:: python

            with run.wrap(grid) as measured:
                FedAvg().start(measured, initial_arrays=arrays)

        Raises
        ------
        UsageError
            If the journal cannot be written.
        """
        clock = self._clock(grid)
        tracker = self._tracker(grid)
        with ExitStack() as stack:
            stack.enter_context(tracker)
            if tracker.problem:
                # A training without a journal would be lost to us: better none begins.
                raise UsageError(
                    f"The journal of the server cannot be written: {tracker.problem}.",
                    "Name a folder that can: CarbonRun(journal=...).",
                )
            enter_server(tracker)
            stack.callback(leave_server, tracker)
            nodes = Nodes({**getattr(grid, "places", {}), **self.nodes})
            # Grids of simulations know whose partition a node has.
            for node, partition in (getattr(grid, "partitions", None) or {}).items():
                nodes.bind(nodes.see(node, clock.now_s()), partition)
            exchanges = Exchanges(
                tracker,
                nodes,
                self._limits(),
                self.wire,
                clock.now_s(),
                lambda node: node in set(grid.get_node_ids()),
                simulated=hasattr(grid, "wasted"),
                workers=_has_workers(grid),
            )
            measured = MeasuredGrid(grid, exchanges, clock, self.timeout)
            stack.callback(measured.close)
            yield measured

    def start(self, strategy: Strategy, grid: Grid, *args: Any, **kwargs: Any) -> Result:
        """Run a strategy; further arguments are those of its own `start`.

        Raises
        ------
        DataError
            If too few nodes are connected.
        UsageError
            If the strategy cannot be given a choice of clients, or the journal cannot be
            written.
        """
        with self.wrap(grid) as measured, ExitStack() as stack:
            tracker = measured.exchanges.tracker
            selection = self._selection(measured)
            self._await_nodes(strategy, measured)
            stack.enter_context(_observed(strategy, tracker, selection))
            given = [measured, *args]
            places = list(inspect.signature(strategy.start).parameters)
            place = places.index("evaluate_fn") if "evaluate_fn" in places else len(given)
            if kwargs.get("evaluate_fn") is not None:
                evaluate = _spanned(tracker, Phase.EVALUATE, kwargs["evaluate_fn"])
                kwargs = {**kwargs, "evaluate_fn": evaluate}
            elif place < len(given) and given[place] is not None:
                given[place] = _spanned(tracker, Phase.EVALUATE, given[place])
            result = strategy.start(*given, **kwargs)
            _keep_results(tracker, result)
            if self.scheduler is not None:
                for one in findings_of(self.scheduler):
                    tracker.doubt(one.code, one.message, one.remedy)
        return result

    def _await_nodes(self, strategy: Strategy, grid: MeasuredGrid) -> None:
        """Wait for the nodes that a strategy waits for, so that it is no work of its own."""
        needed = getattr(strategy, "min_available_nodes", None)
        if not isinstance(needed, int) or len(grid.get_node_ids()) >= needed:
            return
        log.info("footprint: waiting for %d nodes to be connected", needed)
        end_s = time.monotonic() + self.patience_s
        with grid.exchanges.tracker.span(Phase.WAIT):
            # After that, it may do without them.
            while len(grid.get_node_ids()) < needed and time.monotonic() < end_s:
                time.sleep(_LOOK_S)

    def _limits(self) -> Limits:
        """Limits with the catalogue, if they have none of their own."""
        given = self.limits or Limits()
        return replace(given, catalogue=given.catalogue or load_catalogue())

    def _clock(self, grid: Grid) -> Clock:
        return self.clock or getattr(grid, "clock", None) or SystemClock()

    def _tracker(self, grid: Grid) -> Tracker:
        run = self.run
        number = getattr(getattr(grid, "run", None), "run_id", None)
        if run is None:
            run = "flower" if number is None else f"flower-{number}"
        return Tracker(
            run,
            journal=DEFAULT_JOURNAL / run if self.journal is None else self.journal,
            actor=SERVER,
            role=Role.SERVER,
            zone=self.zone,
            device=self.device,
            architecture=Architecture.FEDERATED,
            functional_unit=self.functional_unit,
            run_id=None if number is None else str(number),
        )

    def _selection(self, grid: MeasuredGrid) -> Selection | None:
        asks = self.scheduler is not None if self.ask is None else self.ask
        if self.scheduler is None and not asks:
            return None
        expected = self.expected or len(self.nodes) or 1
        wait_for_nodes(grid, expected, self.patience_s)
        if asks:
            nodes = grid.exchanges.nodes
            ask_facts(grid, self.patience_s, lambda node: nodes.known[node].partition is not None)
        if self.scheduler is None:
            return None
        clock = self._clock(grid)
        doubt = doubt_once(grid.exchanges.tracker)
        spending = Spending(self.intensities, self.budget, doubt, clock.now_s())
        rng = np.random.default_rng(self.seed)
        return Selection(self.scheduler, grid, clock, rng, Updates(self.seed), spending)


def _has_workers(grid: Grid) -> bool:
    """Whether processes of the server run its clients by turns, as in Flower's own simulation."""
    return getattr(grid, "workers", False) or type(grid).__name__ == "InMemoryGrid"


@contextmanager
def _observed(strategy: Strategy, tracker: Tracker, selection: Selection | None) -> Iterator[None]:
    """Measure what a strategy does itself, and let the scheduler choose for it."""
    configure, aggregate = strategy.configure_train, strategy.aggregate_train

    def configure_train(*args: Any, **kwargs: Any) -> Any:
        if selection is None:
            return configure(*args, **kwargs)
        return selection.configure(
            configure, *inspect.signature(configure).bind(*args, **kwargs).args
        )

    def aggregate_train(*args: Any, **kwargs: Any) -> Any:
        if selection is None:
            return aggregate(*args, **kwargs)
        number, replies, *rest = inspect.signature(aggregate).bind(*args, **kwargs).args
        seen = list(replies)  # two look at them
        try:
            return aggregate(number, seen, *rest)
        finally:
            selection.observe(number, seen)

    replaced: dict[str, Callable[..., Any]] = {
        "configure_train": configure_train,
        "aggregate_train": aggregate_train,
        "configure_evaluate": strategy.configure_evaluate,
        "aggregate_evaluate": strategy.aggregate_evaluate,
    }
    own = {name: vars(strategy)[name] for name in replaced if name in vars(strategy)}
    for name, method in replaced.items():
        setattr(strategy, name, _spanned(tracker, Phase.AGGREGATE, method))
    try:
        yield
    finally:
        for name in replaced:
            delattr(strategy, name)
            if name in own:
                setattr(strategy, name, own[name])


def _spanned(tracker: Tracker, phase: Phase, call: Callable[..., Any]) -> Callable[..., Any]:
    """Record each call as a span."""

    @functools.wraps(call)
    def spanned(*args: Any, **kwargs: Any) -> Any:
        if not tracker.running:
            return call(*args, **kwargs)
        with tracker.span(phase, round=_round(args, kwargs)):
            return call(*args, **kwargs)

    return spanned


def _round(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | None:
    """Round that a method of a strategy is called for; none before the first."""
    number = args[0] if args else kwargs.get("server_round")
    return number if isinstance(number, int) and number > 0 else None


def _keep_results(tracker: Tracker, result: Result) -> None:
    """Keep the last figures that the run reports about itself."""
    for metrics in (result.evaluate_metrics_clientapp, result.evaluate_metrics_serverapp):
        if metrics:
            for name, value in metrics[max(metrics)].items():
                if isinstance(value, int | float):
                    tracker.result(name, value)
