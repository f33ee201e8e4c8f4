"""Run a Flower app by simulation, in this process or on Ray.

.. code-block:: python

    simulate(server_app, client_app, 100)
    simulate(server_app, client_app, 100, engine="ray")
    simulate(server_app, client_app, 100, world=VirtualWorld(VirtualClock(start_s), profiles))

The server app, its strategy and its scheduler, and the client app are the same objects
on both engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flwr.app import Context, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from footprint.errors import UsageError
from footprint.integrations.flower.identity import SERVER_NODE, assumed_identity
from footprint.integrations.flower.local import (
    LocalGrid,
    NodeConfig,
    NodeConfigs,
    configured,
)
from footprint.integrations.flower.profiles import SIMULATED
from footprint.integrations.flower.virtual import VirtualGrid, VirtualWorld

ENGINES = ("local", "ray")


def simulate(
    server_app: ServerApp,
    client_app: ClientApp,
    nodes: int,
    *,
    engine: str = "local",
    world: VirtualWorld | None = None,
    node_config: NodeConfigs | None = None,
    run_config: NodeConfig | None = None,
    backend_config: Mapping[str, Any] | None = None,
) -> Context:
    """Run a server app with virtual nodes to its end.

    Parameters
    ----------
    server_app : ServerApp
    client_app : ClientApp
    nodes : int
        Number of virtual nodes; each has a ``partition-id`` from 0.
    engine : str
        ``"local"`` runs the handlers here, one after the other; ``"ray"`` runs them in
        Flower's simulation runtime, whose start of ten seconds and more is worth it if
        training takes long against 0.1 s.
    world : VirtualWorld, optional
        Time, speed, energy and availability of the nodes. Without it time is real.
    node_config : sequence of mapping, or callable, optional
        Further ``context.node_config`` by partition. A world adds ``zone`` and
        ``device`` of its profiles.
    run_config : mapping, optional
        ``context.run_config`` of server and clients.
    backend_config : mapping, optional
        Of Ray, as Flower's `run_simulation` takes it. Default: one processor per client.

    Returns
    -------
    Context
        Of the server app.

    Raises
    ------
    UsageError
        If there is no such engine, or a world does not fit the nodes.
    MissingExtra
        If the engine is Ray's and Ray is not installed.

    Notes
    -----
    Nodes are listed by partition on both engines, and replies come in the order of the
    messages (in a world: of their arrival), so that sums of floats are the same. What
    may differ still is what handlers compute: processes on Ray have a number of threads,
    random states and caches of their own.
    """
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine!r}.", f"Use one of: {', '.join(ENGINES)}.")
    configs = [configured(node_config, partition, nodes) for partition in range(nodes)]
    if world is not None:
        if len(world.profiles) != nodes:
            raise UsageError(
                f"There are {nodes} nodes and {len(world.profiles)} profiles.",
                "Give one profile per node.",
            )
        configs = [_placed(config, world) for config in configs]
    server = _Server(server_app, world, run_config or {})
    if engine == "ray":
        from footprint.integrations.flower.ray_engine import run_on_ray

        run_on_ray(server, client_app, configs, run_config or {}, backend_config)
    else:
        grid = LocalGrid(client_app, nodes, node_config=configs, run_config=run_config)
        run_id = grid.run.run_id
        with assumed_identity(run_id):
            server(grid, Context(run_id, SERVER_NODE, {}, RecordDict(), {}))
    return server.context


def _placed(config: Mapping[str, Any], world: VirtualWorld) -> dict[str, Any]:
    """Add what a profile says of its place to the configuration of a node."""
    profile = world.profiles[config["partition-id"]]
    place = {"zone": profile.zone, "device": profile.device.device}
    known = {name: value for name, value in place.items() if value is not None}
    return {**known, **config, SIMULATED: True}


class _Server(ServerApp):
    """A server app in a world."""

    context: Context
    """Of the server app, once it has begun."""

    def __init__(self, app: ServerApp, world: VirtualWorld | None, run_config: NodeConfig) -> None:
        super().__init__()
        self._app = app
        self._world = world
        self._run_config = run_config

    def __call__(self, grid: Grid, context: Context) -> None:
        self.context = context
        context.run_config.update(self._run_config)
        if self._world is not None:
            grid = VirtualGrid(grid, self._world)
        self._app(grid, context)
