"""What measuring a Flower app costs: the mod and the proxy against plain Flower, in one run.

Rounds with and without them take turns in one process, on each engine, so that what
else the machine does hits both. Each engine runs in a fresh interpreter that posts,
fetches and installs nothing.

    python benchmarks/flower.py [--quick] [--json]
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from footprint.integrations.flower.sandbox import environment

NODES, PER_ROUND = 100, 10
MESSAGE_BAR_S = 0.002  # added per client message, in process
ROUND_BAR = 0.01  # added share of a round on Ray
# A round of clients that do nothing takes 0.1 s, of which Flower sleeps most. In a deployment
# none is shorter than two of the polls with which a node asks for work, 3 s apart.
DEPLOYED_ROUND_S = 6.0
# Rounds of a turn, and turns of each kind. Short turns find quiet moments.
TURNS = {"local": (3, 100), "ray": (3, 30)}
QUICK = {"local": (3, 20), "ray": (3, 6)}
WARM_UP = 5
CLIENTS = ("trivial", "digits")


# --- what runs in a fresh interpreter -------------------------------------------------


def make_client_app(kind):
    """A client that only answers, or one that trains on its digits; with a mod to switch on."""
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    from footprint.integrations.flower import carbon_mod

    carbon = carbon_mod(run="benchmark")

    def switch(message, context, call_next):
        if message.content["config"]["measured"]:
            return carbon(message, context, call_next)
        return call_next(message, context)

    app = ClientApp(mods=[switch])

    @app.train()
    def train(message, context):
        arrays, examples = message.content["arrays"], 1
        if kind == "digits":
            import torch
            from digits_app.task import load_partition, make_model

            from footprint.learning.fedavg import LocalTraining, train_locally

            model = make_model()
            model.load_state_dict(arrays.to_torch_state_dict())
            inputs, targets = load_partition(context.node_config["partition-id"], NODES)
            generator = torch.Generator().manual_seed(1)
            train_locally(model, inputs, targets, LocalTraining(), generator)
            arrays, examples = ArrayRecord(model.state_dict()), len(targets)
        content = {"arrays": arrays, "metrics": MetricRecord({"num-examples": examples})}
        return Message(RecordDict(content), reply_to=message)

    return app


def make_server_app(rounds, turns, found):
    """A server that trains by turns with and without measuring, and notes the time of a round."""
    import numpy as np
    from flwr.app import ArrayRecord, ConfigRecord
    from flwr.serverapp import ServerApp
    from flwr.serverapp.strategy import FedAvg

    from footprint.integrations.flower import CarbonRun

    app = ServerApp()

    # Four tensors of 10 kB in all, those of the digits.
    shapes = {"0.weight": (64, 64), "0.bias": (64,), "2.weight": (10, 64), "2.bias": (10,)}
    state = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}

    def train(grid, *, measured):
        from flwr.app import Array

        arrays = ArrayRecord({name: Array(value) for name, value in state.items()})
        strategy = FedAvg(fraction_train=PER_ROUND / NODES, fraction_evaluate=0.0)
        config = ConfigRecord({"measured": measured})
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        strategy.start(grid, arrays, num_rounds=rounds, train_config=config)
        return (time.perf_counter() - wall_s) / rounds, (time.process_time() - cpu_s) / rounds

    @app.main()
    def main(grid, _):
        # One run: what happens once, as making a client's ledger, is not of every round.
        with CarbonRun("journal", run="benchmark").wrap(grid) as proxy:
            for number in range(-WARM_UP, turns):
                # Which kind goes first takes turns, too.
                for measured in (False, True) if number % 2 else (True, False):
                    spent = train(proxy if measured else grid, measured=measured)
                    if number >= 0:
                        found["measured" if measured else "plain"].append(spent)

    return app


def experiment(engine, kind, rounds, turns):
    """Print the time of each turn's rounds as JSON."""
    from footprint._resources import flower_app
    from footprint.integrations.flower import simulate

    sys.path.insert(0, os.fspath(flower_app()))
    for handler in logging.getLogger("flwr").handlers:
        handler.setLevel(logging.ERROR)
    found = {"plain": [], "measured": []}
    simulate(
        make_server_app(rounds, turns, found),
        make_client_app(kind),
        NODES,
        engine=engine,
        backend_config={"init_args": {"object_store_memory": 200_000_000}},
    )
    print(json.dumps(found))


# --- what compares ----------------------------------------------------------------------


def run_experiment(engine, kind, *, quick):
    inside = ["--inside", engine, kind, *map(str, (QUICK if quick else TURNS)[engine])]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            [sys.executable, Path(__file__).resolve(), *inside],
            cwd=folder,
            env=environment(Path(folder) / "flower-home"),
            capture_output=True,
            text=True,
        )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def row(engine, kind, found):
    """Least time of a round in any turn: other load makes times larger, never smaller.

    Processor time of this process is a median of differences between neighbours: it
    knows less of other load. On Ray it is the server's; clients run elsewhere.
    """
    columns = {name: list(zip(*found[name], strict=True)) for name in found}
    plain_s, measured_s = (min(columns[name][0]) for name in ("plain", "measured"))
    cpu_s = statistics.median(
        b - a for a, b in zip(columns["plain"][1], columns["measured"][1], strict=True)
    )
    return {
        "engine": engine,
        "client": kind,
        "plain_round_s": plain_s,
        "measured_round_s": measured_s,
        "added_share": measured_s / plain_s - 1,
        "added_share_of_deployed_round": (measured_s - plain_s) / DEPLOYED_ROUND_S,
        "added_message_s": (measured_s - plain_s) / PER_ROUND,
        "added_message_cpu_s": cpu_s / PER_ROUND,
    }


def bar(one):
    """Say which bar a row has, and whether it was missed; on Ray for either round."""
    if one["engine"] == "local":
        return "< 2 ms a message" + " !" * (one["added_message_s"] > MESSAGE_BAR_S)
    missed = [
        name
        for name, share in (
            ("this", one["added_share"]),
            (f"{DEPLOYED_ROUND_S:g} s", one["added_share_of_deployed_round"]),
        )
        if share > ROUND_BAR
    ]
    return "< 1 % of a round" + (f" ! ({', '.join(missed)})" if missed else "")


def show(rows):
    columns = ("engine, client", "plain round", "measured", "added", "a message", "its CPU here")
    table = Table(*columns, f"of a {DEPLOYED_ROUND_S:g} s round", "bar")
    for one in rows:
        table.add_row(
            f"{one['engine']}, {one['client']}",
            f"{one['plain_round_s'] * 1e3:.2f} ms",
            f"{one['measured_round_s'] * 1e3:.2f} ms",
            f"{one['added_share']:+.1%}",
            f"{one['added_message_s'] * 1e3:+.2f} ms",
            f"{one['added_message_cpu_s'] * 1e3:+.2f} ms",
            f"{one['added_share_of_deployed_round']:+.2%}",
            bar(one),
        )
    Console(width=120).print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--inside", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        engine, kind, rounds, turns = options.inside
        experiment(engine, kind, int(rounds), int(turns))
        return
    rows = [
        row(engine, kind, run_experiment(engine, kind, quick=options.quick))
        for engine in TURNS
        for kind in CLIENTS
    ]
    if options.as_json:
        print(json.dumps(rows, indent=1))
        return
    print(
        f"benchmarks/flower.py: {NODES} nodes, {PER_ROUND} a round, least times of short turns\n"
        f"{os.cpu_count()} threads, Python {sys.version.split()[0]}, Flower {version('flwr')}, "
        f"Ray {version('ray')}"
    )
    show(rows)


if __name__ == "__main__":
    main()
