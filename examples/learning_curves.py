"""Measure what options of a federated training reach, round by round.

Trains the digits of `federated_vs_centralised.py` with several numbers of local epochs
and of clients per round, each with the same seed, and writes the test accuracies as the
CSV file that `footprint pareto` and `footprint compare --curves` read.

    python examples/learning_curves.py curves.csv
    footprint compare examples/manifests/ok/digits.toml --curves curves.csv -o digits.html
"""

from __future__ import annotations

import argparse
import copy
import csv
import itertools
import sys
from pathlib import Path

from federated_vs_centralised import Job, load_data, make_generator, make_model, progress_bar

LOCAL_EPOCHS = (1, 5, 20)
CLIENTS_PER_ROUND = (3, 10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    job = Job(arguments.output, seed=arguments.seed)
    options = list(itertools.product(LOCAL_EPOCHS, CLIENTS_PER_ROUND))
    rows: list[tuple[str, int, str]] = []
    with progress_bar("curves", len(options)) as show:
        for epochs, clients in options:
            option = f"training.local_epochs={epochs}; training.clients_per_round={clients}"
            reached = train(job, epochs, clients, arguments.rounds)
            rows += [(option, n, f"{value:.4f}") for n, value in enumerate(reached, start=1)]
            show(f"{option}: {reached[-1]:.1%} after {arguments.rounds} rounds")
    with arguments.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["option", "round", "accuracy"])
        writer.writerows(rows)
    return 0


def train(job: Job, epochs: int, per_round: int, rounds: int) -> list[float]:
    """Test accuracy after each round."""
    import numpy as np
    import torch

    from footprint.learning.fedavg import (
        LocalTraining,
        accuracy,
        federated_average,
        train_locally,
    )

    torch.set_num_threads(1)
    data, model, generator = load_data(job), make_model(job), make_generator(job)
    rng = np.random.default_rng(job.seed)
    reached = []
    for _ in range(rounds):
        chosen = rng.choice(len(data.clients), per_round, replace=False)
        states, sizes = [], []
        for client in chosen:
            local = copy.deepcopy(model)
            train_locally(local, *data.clients[client], LocalTraining(epochs), generator)
            states.append(local.state_dict())
            sizes.append(len(data.clients[client][1]))
        model.load_state_dict(federated_average(states, sizes))
        reached.append(accuracy(model, *data.test))
    return reached


if __name__ == "__main__":
    sys.exit(main())
