"""A Flower app on one engine, in real and in virtual time; prints what came out as JSON.

python tests/integration/flower_two_engines.py ENGINE JOURNAL
"""

import hashlib
import json
import os
import random
import sys
from collections import defaultdict
from pathlib import Path

from footprint.integrations.flower.sandbox import variables

os.environ.update(variables(Path("flower-home")))

import numpy as np
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

import footprint as fp
from footprint.integrations.flower import (
    CarbonRun,
    DeviceProfile,
    NodeProfile,
    Task,
    VirtualClock,
    VirtualWorld,
    simulate,
)
from footprint.integrations.flower.virtual import VirtualGrid
from footprint.scheduling.uniform import Uniform

NODES, ROUNDS, FRAGILE = 8, 3, 5
START_S = 1.73e9

app = ClientApp()


@app.train()
def train(message, context):
    partition = context.node_config["partition-id"]
    if partition == FRAGILE:
        raise ValueError("no")
    trained = context.state["n"]["n"] + 1 if "n" in context.state else 1
    context.state["n"] = MetricRecord({"n": trained})
    rng = np.random.default_rng((partition, trained))
    (weights,) = message.content["arrays"].to_numpy_ndarrays()
    weights = weights + context.run_config["lr"] * rng.standard_normal(weights.shape, "float32")
    metrics = MetricRecord({"num-examples": 10 + partition})
    content = {"arrays": ArrayRecord([weights]), "metrics": metrics}
    return Message(RecordDict(content), reply_to=message)


def world():
    device = DeviceProfile("phone", 5.0, 1.0, 0.1, {"train": Task(unit_s=2.0)}, 10, 5, spread=0.4)
    clients = [NodeProfile(device, "FR", drop_probability=0.1) for _ in range(NODES)]
    return VirtualWorld(VirtualClock(START_S), clients, deadline_s=40.0, seed=3)


def digest(result):
    (weights,) = result.arrays.to_numpy_ndarrays()
    return hashlib.sha256(weights.tobytes()).hexdigest()


def main():
    engine, journal = sys.argv[1], Path(sys.argv[2])
    server, found = ServerApp(), {}

    @server.main()
    def serve(grid, context):
        arrays = ArrayRecord([np.zeros(1000, "float32")])
        random.seed(1)
        strategy = FedAvg(fraction_train=0.5, fraction_evaluate=0.0)
        found["real"] = digest(strategy.start(grid, arrays, num_rounds=ROUNDS))

        simulated = VirtualGrid(grid, world())
        run = CarbonRun(journal, run="two-engines", scheduler=Uniform(4), seed=7)
        strategy = FedAvg(fraction_evaluate=0.0)
        found["virtual"] = digest(run.start(strategy, simulated, arrays, num_rounds=ROUNDS))
        found["elapsed_s"] = simulated.clock.now_s() - START_S

    simulate(
        server,
        app,
        NODES,
        engine=engine,
        run_config={"lr": 0.5},
        backend_config={"init_args": {"num_cpus": 2, "object_store_memory": 100_000_000}},
    )
    energies = defaultdict(float)
    for activity in fp.read_journal(journal).activities():
        if activity.role == "client" and activity.energy_kwh:
            energies[activity.actor] += activity.energy_kwh
    sys.stdout.write(json.dumps({**found, "energies": dict(sorted(energies.items()))}))


if __name__ == "__main__":
    main()
