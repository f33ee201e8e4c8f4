"""Flower: a mod for clients, a proxy of the grid for servers.

.. code-block:: python

    app = ClientApp(mods=[carbon_mod()])  # client

    run = CarbonRun(journal="runs/digits")  # server, inside main(grid, context)
    result = run.start(FedAvg(), grid, initial_arrays=arrays, num_rounds=50)

Names are loaded when they are first touched; Flower is imported then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint._lazy import hand_out

if TYPE_CHECKING:
    from footprint.integrations.flower.clock import VirtualClock as VirtualClock
    from footprint.integrations.flower.engines import simulate as simulate
    from footprint.integrations.flower.grid import MeasuredGrid as MeasuredGrid
    from footprint.integrations.flower.limits import Limits as Limits
    from footprint.integrations.flower.mod import answer_facts as answer_facts
    from footprint.integrations.flower.mod import carbon_mod as carbon_mod
    from footprint.integrations.flower.nodes import NodePlace as NodePlace
    from footprint.integrations.flower.profiles import DeviceProfile as DeviceProfile
    from footprint.integrations.flower.profiles import NodeProfile as NodeProfile
    from footprint.integrations.flower.profiles import Task as Task
    from footprint.integrations.flower.record import ClientRecord as ClientRecord
    from footprint.integrations.flower.run import CarbonRun as CarbonRun
    from footprint.integrations.flower.sandbox import SANDBOX as SANDBOX
    from footprint.integrations.flower.virtual import VirtualWorld as VirtualWorld
    from footprint.integrations.flower.wire import NO_WIRE as NO_WIRE
    from footprint.integrations.flower.wire import WireModel as WireModel

_HOMES = {
    "CarbonRun": "run",
    "ClientRecord": "record",
    "DeviceProfile": "profiles",
    "Limits": "limits",
    "MeasuredGrid": "grid",
    "NO_WIRE": "wire",
    "NodePlace": "nodes",
    "NodeProfile": "profiles",
    "SANDBOX": "sandbox",
    "Task": "profiles",
    "VirtualClock": "clock",
    "VirtualWorld": "virtual",
    "WireModel": "wire",
    "answer_facts": "mod",
    "carbon_mod": "mod",
    "simulate": "engines",
}

__all__ = list(_HOMES)
__getattr__, __dir__ = hand_out(__name__, _HOMES, extra="flower", brings="flwr")
