"""Three trainings one after the other on Flower's own engine; run as a process of its own.

usage: python -m tests.integration.flower_on_ray FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAdam, FedAvg

from footprint.integrations.flower import CarbonRun, NodePlace, carbon_mod
from footprint.integrations.flower.engines import simulate

CLIENTS = 20
FAILING = 3
ROUNDS = 2


class Median(FedAvg):
    """A strategy of somebody's own: the median of what came back."""

    def aggregate_train(self, server_round, replies):
        valid = [reply.content for reply in replies if reply.has_content()]
        assert all(set(content) == {"arrays", "metrics"} for content in valid)
        columns = zip(*(content["arrays"].values() for content in valid), strict=True)
        medians = [np.median([a.numpy() for a in column], axis=0) for column in columns]
        return ArrayRecord(medians), MetricRecord({"replies": len(valid)})


def client_app(folder):
    app = ClientApp(mods=[carbon_mod("simulated", folder)])

    @app.train()
    def train(message, context):
        partition = context.node_config["partition-id"]
        if (partition, message.content["config"]["server-round"]) == (FAILING, 1):
            raise RuntimeError("this client fails")
        arrays = ArrayRecord([a.numpy() + partition for a in message.content["arrays"].values()])
        content = {"arrays": arrays, "metrics": MetricRecord({"num-examples": 1})}
        return Message(RecordDict(content), reply_to=message)

    return app


def main(folder):
    server_app = ServerApp()
    strategies = {"fedavg": FedAvg, "fedadam": FedAdam, "median": Median}

    @server_app.main()
    def train_all(grid, context):
        for name, strategy in strategies.items():
            run = CarbonRun(
                folder / name,
                "simulated",
                zone="DE",
                device="server",
                nodes={n: NodePlace("FR", "laptop") for n in range(CLIENTS)},
            )
            run.start(
                strategy(fraction_evaluate=0.0),
                grid,
                initial_arrays=ArrayRecord([np.zeros(100, np.float32)]),
                num_rounds=ROUNDS,
            )

    init = {"num_cpus": 2, "object_store_memory": 100_000_000, "include_dashboard": False}
    simulate(
        server_app,
        client_app(folder / "clients"),
        CLIENTS,
        engine="ray",
        backend_config={"init_args": init},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
