"""CAFE and its neighbours: how good the solvers are, how fast, and a small training.

    python benchmarks/scheduling_cafe.py [--data FOLDER] [--json]

The peers are the algorithms as they are written down: loops over sets, which evaluate the
value of a whole set for each gain. FOLDER holds `carbon_intensity/` with the intensities of
Germany and Great Britain in 2020 that Wiesner et al. published (not part of this repository; the
environment variable FOOTPRINT_DATA may name it).
Without it, the training is left out, and said to be.
"""

import argparse
import csv
import gzip
import json
import time
from pathlib import Path

import numpy as np
from folders import data_folder
from rich.console import Console
from rich.table import Table

from footprint.learning.partitions import dirichlet_partition
from footprint.scheduling.alpha_fair import AlphaFairSettings, plan_alpha_fair
from footprint.scheduling.cafe import CafeSettings, choose_clients
from footprint.scheduling.coreset import gradient_distances, measure_coreset
from footprint.scheduling.priced_cover import PricedCover
from footprint.scheduling.submodular import Solver, solve
from footprint.scheduling.virtual_queue import VirtualQueue


def best(call, times=3):
    """Least of some wall times [s]: other load makes them larger, never smaller."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


# --- Solvers -------------------------------------------------------------------------------


def clustered_round(rng, clients):
    """Two to four clusters of gradients; prices at a backlog between 0 and 3."""
    centres = rng.normal(size=(int(rng.integers(2, 5)), 8))
    members = centres[rng.integers(len(centres), size=clients)]
    lengths = rng.uniform(0.5, 1.5, size=(clients, 1))
    gradients = lengths * (members + 0.4 * rng.normal(size=(clients, 8)))
    cover = measure_coreset(gradients, rng.dirichlet(np.ones(clients))).cover
    emitted = rng.uniform(0.1, 1.0, clients) * 5 / clients
    return PricedCover.of(cover, rng.uniform(0, 3) * emitted)


def solver_rows(instances=300):
    rng = np.random.default_rng(0)
    ways = {str(solver): (solver, 0) for solver in Solver if solver is not Solver.EXACT}
    ways["double_greedy_rand, best of 8 shuffles"] = (Solver.DOUBLE_GREEDY_RAND, 8)
    values = {name: [] for name in ways}
    optimum, shift = [], []
    for _ in range(instances):
        problem = clustered_round(rng, 10)
        optimum.append(solve(problem, Solver.EXACT).value)
        shift.append(problem.price.sum())
        for name, (solver, shuffles) in ways.items():
            one = solve(problem, solver, rng=rng, shuffles=shuffles)
            values[name].append(one.value)
    optimum, shift = np.array(optimum), np.array(shift)
    some = optimum > 1e-9
    for name, found in values.items():
        found = np.array(found)
        ratio = found[some] / optimum[some]
        yield (
            name,
            np.mean(found >= optimum - 1e-9),
            ratio.mean(),
            ratio.min(),
            np.mean((found + shift) / (optimum + shift)),
        )


def written_greedy(problem):
    """Plain greedy as it is written down."""
    rows = problem.cover.tolist()
    price = problem.price.tolist()

    def value(members):
        served = sum(max((row[i] for i in members), default=0.0) for row in rows)
        return served - sum(price[i] for i in members)

    members, current = [], 0.0
    while True:
        gains = {i: value([*members, i]) - current for i in range(len(price)) if i not in members}
        if not gains or max(gains.values()) <= 0:
            return members
        members.append(max(gains, key=gains.get))
        current = value(members)


def written_double_greedy(problem):
    """The deterministic double greedy, with whole sets evaluated by numpy."""
    cover, price = problem.cover, problem.price

    def value(members):
        return cover[:, members].max(axis=1, initial=0.0).sum() - price[members].sum()

    grown, shrunk = [], list(range(len(price)))
    for i in range(len(price)):
        without = [j for j in shrunk if j != i]
        if value([*grown, i]) - value(grown) >= value(without) - value(shrunk):
            grown.append(i)
        else:
            shrunk = without
    return grown


def speed_rows():
    rng = np.random.default_rng(1)
    for clients in (16, 200):
        problem = clustered_round(rng, clients)
        for solver in (Solver.GREEDY, Solver.GREEDY_LOCAL, Solver.DOUBLE_GREEDY_DET):
            peers = {}
            if solver is Solver.DOUBLE_GREEDY_DET:
                peers["whole sets, numpy"] = best(lambda p=problem: written_double_greedy(p))
            elif solver is Solver.GREEDY and clients == 16:
                peers["whole sets, plain loops"] = best(lambda p=problem: written_greedy(p))
            spent = best(lambda p=problem, s=solver: solve(p, s), times=7)
            yield f"{solver}, {clients} clients", spent, peers
    problem = clustered_round(rng, 14)
    yield "exact, 14 clients", best(lambda: solve(problem, Solver.EXACT), times=7), {}
    gradients = rng.normal(size=(50, 200_000))
    spent = best(lambda: gradient_distances(gradients))
    yield "distances, 50 clients x 200,000 parameters", spent, {}
    needs = rng.uniform(1, 20, (54, 336))
    settings = AlphaFairSettings(100, slack=236)
    spent = best(lambda: plan_alpha_fair(needs, 0.1 * needs.sum(), settings), times=1)
    yield "alpha-fair, 54 clients, 100 rounds, 237 possible ends", spent, {}


# --- A small training ----------------------------------------------------------------------


def gradient(weights, inputs, labels):
    scores = inputs @ weights
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    scores[np.arange(len(labels)), labels] -= 1
    return inputs.T @ scores / len(labels)


def study(seed, budget_share, weight, hourly, rounds=200, clients=10):
    """Softmax regression on digits; weight None: everybody until the budget is spent."""
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    inputs, labels = load_digits(return_X_y=True)
    inputs = np.hstack([inputs / 16, np.ones((len(inputs), 1))])
    order = rng.permutation(len(inputs))
    train, test = order[:1437], order[1437:]
    parts = dirichlet_partition(labels[train], clients, 0.1, rng, smallest=5)
    data = [(inputs[train][part], labels[train][part]) for part in parts]
    shares = np.array([len(part) for part in parts]) / len(train)
    # Ten grids from two: other weeks, other levels.
    carbon = np.empty((rounds, clients))
    for i in range(clients):
        start = rng.integers(len(hourly) - rounds)
        carbon[:, i] = hourly[start : start + rounds, i % hourly.shape[1]] * rng.uniform(0.2, 1.8)
    carbon *= rng.uniform(0.6, 1.4, clients)
    budget = budget_share * carbon.sum()
    queue, spent = VirtualQueue.of(budget, rounds), 0.0
    model, values, accuracy = np.zeros((inputs.shape[1], 10)), [], []
    for emitted in carbon:
        gradients = np.array([gradient(model, *own).ravel() for own in data])
        coreset = measure_coreset(gradients, shares)
        if weight is None:
            chosen = list(range(clients)) if spent + emitted.sum() <= budget else []
        else:
            chosen = list(choose_clients(coreset, emitted, queue, CafeSettings(weight)).clients)
        values.append(coreset.value(chosen))
        spent += emitted[chosen].sum()
        queue = queue.after(emitted[chosen].sum())
        moved = np.zeros_like(model)
        for i in chosen:
            own = model.copy()
            for _ in range(5):
                batch = rng.integers(len(data[i][1]), size=32)
                own -= 0.5 * gradient(own, data[i][0][batch], data[i][1][batch])
            moved += shares[i] / shares[chosen].sum() * (own - model)
        model += moved
        accuracy.append(np.mean((inputs[test] @ model).argmax(axis=1) == labels[test]))
    return np.mean(values), queue.backlog, 100 * (spent / budget - 1), np.mean(accuracy[-10:])


def study_rows(folder):
    with gzip.open(folder / "carbon_intensity" / "europe_2020_hourly_ci.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    hourly = np.array([[float(row["germany"]), float(row["great_britain"])] for row in rows])
    for budget_share in (0.3, 0.1, 0.05):
        for weight in (None, 1.0, 3.0, 10.0, 30.0, 100.0):
            runs = np.array([study(seed, budget_share, weight, hourly) for seed in range(5)])
            yield budget_share, weight, runs.mean(axis=0), runs[:, 3].std()


# --- Output --------------------------------------------------------------------------------


def collect(folder):
    found = {"solvers": list(solver_rows()), "speed": list(speed_rows())}
    if folder is not None:
        found["study"] = list(study_rows(folder))
    return found


def show(found):
    console = Console(width=140)
    table = Table(
        "solver",
        "optimum found",
        "mean f / OPT",
        "worst",
        "mean of shifted f / OPT",
        title="300 clustered rounds of 10 clients, against all subsets",
    )
    for name, rate, mean, worst, shifted in found["solvers"]:
        table.add_row(name, f"{rate:.1%}", f"{mean:.3f}", f"{worst:.2f}", f"{shifted:.3f}")
    console.print(table)
    table = Table("call", "ours", "in the same run", title="wall time")
    for name, ours_s, peers in found["speed"]:
        beside = ", ".join(
            f"{peer} {1e3 * s:.3g} ms ({s / ours_s:.2g} x)" for peer, s in peers.items()
        )
        table.add_row(name, f"{1e3 * ours_s:.3g} ms", beside)
    console.print(table)
    if "study" not in found:
        console.print("NOT RUN: the small training; name --data FOLDER.")
        return
    table = Table(
        "budget",
        "policy",
        "mean U",
        "last backlog",
        "over budget %",
        "accuracy",
        title="softmax regression on digits, 10 clients, Dirichlet 0.1, 200 rounds, 5 seeds; "
        "fresh gradients of all clients are not charged",
    )
    for budget_share, weight, mean, spread in found["study"]:
        table.add_row(
            f"{budget_share:.0%}",
            "everybody until spent" if weight is None else f"CAFE, V = {weight:g}",
            f"{mean[0]:.3f}",
            f"{mean[1]:.1f}",
            f"{mean[2]:+.1f}",
            f"{mean[3]:.3f} +- {spread:.3f}",
        )
    console.print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds carbon_intensity/")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = collect(data_folder(arguments.data))
    if arguments.json:
        print(json.dumps(found, indent=1, default=lambda array: array.tolist()))
        return
    show(found)


if __name__ == "__main__":
    main()
