"""CAFE beside its baselines, with a model that is really trained in the loop.

    python benchmarks/cafe_study.py INTENSITY.csv.gz [--images FOLDER] [--jobs 2] [--json]

Ten clients with skewed data (Dirichlet 0.1), 200 hourly rounds of five local steps; softmax
regression on the digits of scikit-learn. INTENSITY holds a year of hourly intensities, a column
per zone after that of the times; each client gets another stretch of one of them, at another
level, since ten grids are not at hand. A budget is a share of what everybody would emit in all
rounds.

With --images FOLDER (``train.npz`` and ``test.npz``, as of MNIST) a small convolutional network is
trained instead: fewer rounds, samples and seeds, which the output says.
"""

import argparse
import csv
import gzip
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student

from footprint.learning.datasets import load_digits, read_images
from footprint.learning.local_steps import LocalSteps
from footprint.learning.models import ModelKind, make_model
from footprint.learning.partitions import dirichlet_partition
from footprint.learning.rounds import TorchLearner
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.participation import jain_index
from footprint.scheduling.policies import make_policy
from footprint.scheduling.replay import LABEL, replay
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Persistence
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

START, HOUR = unix_seconds("2020-02-01"), 3600
LEVELS, ENERGIES = (0.2, 1.8), (0.6, 1.4)
UNIT_WS = 36_000.0  # a batch; only ratios matter here
LAST = 10  # slots whose accuracy is averaged
HARD, SOFT = BudgetMode.HARD, BudgetMode.SOFT


@dataclass(frozen=True)
class Case:
    """What is trained, how long, by whom."""

    name: str
    rounds: int
    clients: int
    how: LocalSteps
    steps: int
    kind: ModelKind
    seeds: int
    samples: int | None = None
    folder: Path | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """A policy, and how it is run."""

    label: str
    policy: str
    options: dict
    mode: BudgetMode = HARD
    wanted: int | None = None
    probe: float | None = None
    """Work of a gradient as a share of a local round; None for what it really takes."""


ROWS = (
    Row("everybody until spent", "all-until-spent", {}),
    Row("random, paced", "random-paced", {}),
    Row("random 1 until spent", "uniform", {"count": 1}),
    Row("lowest carbon first, paced", "lowest-carbon", {}),
    Row("U per gram, paced (*)", "utility-per-gram", {"gradient": "fresh"}, probe=0.0),
    Row("U per gram, paced, stale", "utility-per-gram", {"gradient": "stale"}),
    Row("CAFE V=10 (*)", "cafe", {"gradient": "fresh"}, SOFT, probe=0.0),
    Row("CAFE V=10, hard (*)", "cafe", {"gradient": "fresh"}, probe=0.0),
    Row("CAFE V=10 stale", "cafe", {"gradient": "stale"}, SOFT),
    Row("CAFE V=10 stale, hard", "cafe", {"gradient": "stale"}),
    Row("CAFE V=10 fresh, charged, hard", "cafe", {"gradient": "fresh"}),
    Row("CAFE V=10 one batch, charged, hard", "cafe", {"gradient": "probe_batch"}),
    Row("CAFE V=10 fresh at 1 % of a round, hard", "cafe", {"gradient": "fresh"}, probe=0.01),
    Row("CAFE V=10 fresh at 5 % of a round, hard", "cafe", {"gradient": "fresh"}, probe=0.05),
    Row("static cleanest, paced", "static-cleanest", {}),
    Row("round-robin, 3", "round-robin", {}, wanted=3),
    Row("Oort, 3", "oort", {}, wanted=3),
    Row("power of choice, 3", "power-of-choice", {}, wanted=3),
    Row("EcoLearn's idea, 3", "ecolearn", {}, wanted=3),
    Row("Lowcarb, 3", "lowcarb", {}, wanted=3),
)
SHORT_ROWS = tuple(
    row
    for row in ROWS
    if row.label
    in (
        "everybody until spent",
        "random, paced",
        "lowest carbon first, paced",
        "CAFE V=10 stale, hard",
        "CAFE V=10 one batch, charged, hard",
    )
)
# Our earlier trial, of another program: the same set-up, gradients of CAFE not charged.
EARLIER = {
    "everybody until spent": (0.880, 0.917, 0.945),
    "random, paced": (0.797, 0.901, 0.950),
    "random 1 until spent": (0.848, 0.913, 0.918),
    "lowest carbon first, paced": (0.735, 0.793, 0.913),
    "U per gram, paced (*)": (0.794, 0.916, 0.949),
    "CAFE V=10 (*)": (0.888, 0.916, 0.951),
    "CAFE V=10, hard (*)": (0.883, 0.912, 0.943),
    "CAFE V=10 stale": (0.877, 0.901, 0.947),
    "CAFE V=10 fresh at 5 % of a round, hard": (0.35, 0.892, None),
}
BUDGETS = (0.05, 0.10, 0.30)


class Declared(TorchLearner):
    """Gradients at a declared price; 0 is for nothing, as the paper is said to have them."""

    probe = 0.0

    def probe_units(self, clients, source):  # noqa: ARG002
        """As much work for everybody; next to none instead of none."""
        return np.full(len(clients), max(self.probe, 1e-6))


@cache
def read_intensities(path):
    """Hours of each zone, shape (hours, zones)."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="") as file:
        rows = list(csv.reader(file))
    return np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])


@cache
def read_folder(folder):
    """Images, with 500 of them to test on."""
    data = read_images(folder)
    return replace(data, test_inputs=data.test_inputs[:500], test_labels=data.test_labels[:500])


def build(case, path, seed, *, probe=None):
    """World and learner of a seed; every policy gets the same."""
    hourly = read_intensities(path)
    rng = np.random.default_rng(seed)
    data = load_digits(rng) if case.folder is None else read_folder(case.folder)
    if case.samples is not None:
        some = rng.permutation(len(data.labels))[: case.samples]
        data = replace(data, inputs=data.inputs[some], labels=data.labels[some])
    parts = dirichlet_partition(data.labels, case.clients, 0.1, rng, smallest=5)
    module = make_model(case.kind, data.shape, data.classes, seed=seed)
    kind = TorchLearner if probe is None else Declared
    learner = kind(data, parts, module, case.how, seed=seed)
    if probe is not None:
        learner.probe = probe * case.steps
    # A day before the start, for forecasts by yesterday.
    hours = case.rounds + 24
    values = np.empty((hours, case.clients))
    for client in range(case.clients):
        first = rng.integers(len(hourly) - hours)
        level = rng.uniform(*LEVELS)
        values[:, client] = level * hourly[first : first + hours, client % hourly.shape[1]]
    zones = tuple(f"Z{n}" for n in range(case.clients))
    grids = Trace(START - 24 * HOUR, HOUR, zones, values, "gCO2e/kWh")
    longest = max(float((learner.samples / case.how.batch_size).max()), case.steps)
    fleet = Fleet.of(
        domain=np.arange(case.clients),
        # Training, and a gradient on all data, take 25 minutes at most, each.
        units_per_s=np.full(case.clients, longest / 1500),
        energy_per_unit_ws=UNIT_WS * rng.uniform(*ENERGIES, case.clients),
        least_units=np.full(case.clients, float(case.steps)),
        most_units=np.full(case.clients, float(case.steps)),
        samples=learner.samples,
        idle_w=np.zeros(case.clients),
    )
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in zones)
    supply = Supply(domains, None, grids, intensity_forecast=Persistence(grids))
    return World(fleet, supply), learner


def rules_of(case, wanted=None):
    """A round an hour, in steps of a minute."""
    length_s = case.rounds * HOUR
    return Rules(START, length_s, wanted, deadline=28, retry=1, cadence=60)


class Nothing:
    """A learner that does not learn."""

    def train(self, work):  # noqa: ARG002
        """Do nothing."""
        return {}


@cache
def full_emissions(case, path, seed):
    """Emissions of everybody in all rounds [g]."""
    world, *_ = build(case, path, seed)
    policy = make_policy("all-until-spent")
    return simulate(world, policy, rules_of(case), learner=Nothing()).emissions_g


def final_accuracy(case, run):
    """Mean of the last slots; a slot without a round keeps the model that it found."""
    slots = np.full(case.rounds, np.nan)
    slots[(run.rounds.start_s - START) // HOUR] = run.rounds.accuracy
    known = np.flatnonzero(~np.isnan(slots))
    if not len(known):
        return np.nan
    last = np.maximum.accumulate(np.where(np.isnan(slots), -1, np.arange(case.rounds)))
    return float(slots[last[-LAST:]].mean())


def run_row(case, row, path, share, seed):
    """Figures of one run."""
    world, learner = build(case, path, seed, probe=row.probe)
    total = share * full_emissions(case, path, seed)
    budget = Budget(Resource.CARBON_G, total, row.mode, rounds=case.rounds)
    policy = make_policy(row.policy, **row.options)
    begin = time.perf_counter()
    run = simulate(
        world,
        policy,
        rules_of(case, row.wanted),
        seed=seed,
        budgets=[budget],
        learner=learner,
    )
    (kept,) = run.budgets
    probes = run.clients.probe_kwh.sum() / max(run.energy_kwh, 1e-12)
    gap = np.nan
    if row.policy == "cafe" and any(r.measured_g for r in policy.records):
        found = replay(policy.records).gap
        gap = np.nan if found is None else found
    worst = np.sort(learner.client_accuracies())[: max(1, case.clients // 10)].mean()
    return {
        "accuracy": final_accuracy(case, run),
        "worst": float(worst),
        "over": 100 * kept.violation,
        "unused": 100 * kept.unused,
        "jain": jain_index(run.clients.accepted) if run.clients.accepted.any() else np.nan,
        "rounds": len(run.rounds),
        "probes": 100 * float(probes),
        "gap": gap,
        "wall_s": time.perf_counter() - begin,
    }


def spread(values):
    """Mean, and half of the 95 % interval of it over seeds."""
    known = np.array([v for v in values if not np.isnan(v)])
    if len(known) < 2:
        return (float(known.mean()) if len(known) else None), None
    half = student.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known))
    return float(known.mean()), float(half)


def study(case, rows, budgets, path, pool):
    """All figures of a case, and the accuracy of everybody without a budget."""
    found = []
    for share in budgets:
        for row in rows:
            runs = list(pool.map(partial(run_row, case, row, path, share), range(case.seeds)))
            figures = {name: spread([run[name] for run in runs]) for name in runs[0]}
            found.append({"budget": share, "policy": row.label, **figures})
            print(f"{case.name}, {share:.0%}, {row.label}: {figures['accuracy'][0]}", flush=True)
    if case.folder is not None:  # it would take as long as all others together
        return {"case": case.name, "seeds": case.seeds, "rows": found, "upper bound": (None, None)}
    free = Row("everybody, no budget", "all-until-spent", {}, SOFT)
    runs = pool.map(partial(run_row, case, free, path, 1.0), range(case.seeds))
    bound = spread([run["accuracy"] for run in runs])
    return {"case": case.name, "seeds": case.seeds, "rows": found, "upper bound": bound}


def shown(pair, digits=3):
    mean, half = pair
    if mean is None:
        return "-"
    return f"{mean:.{digits}f}" + ("" if half is None else f" ± {half:.{digits}f}")


def show(result, earlier):
    console = Console(width=150)
    bound = result["upper bound"]
    more = "" if bound[0] is None else f" Everybody, no budget (upper bound): {shown(bound)}"
    console.print(
        f"\n{result['case']}; mean and 95 % interval over {result['seeds']} seeds (Student's t)."
        + more
    )
    for share in dict.fromkeys(row["budget"] for row in result["rows"]):
        table = Table(
            "policy",
            "accuracy",
            *(["earlier trial"] if earlier else []),
            "worst client",
            "over %",
            "unused %",
            "Jain",
            "rounds",
            "probes %",
            "replay gap",
            title=f"budget: {share:.0%} of everybody in all rounds",
        )
        for row in (r for r in result["rows"] if r["budget"] == share):
            before = EARLIER.get(row["policy"])
            old = before[BUDGETS.index(share)] if before and earlier else None
            cells = ([""] if old is None else [f"{old:.3f}"]) if earlier else []
            table.add_row(
                row["policy"],
                shown(row["accuracy"]),
                *cells,
                shown(row["worst"]),
                shown(row["over"], 1),
                shown(row["unused"], 1),
                shown(row["jain"], 2),
                shown(row["rounds"], 0),
                shown(row["probes"], 1),
                shown(row["gap"], 2),
            )
        console.print(table)


NOTES = f"""
accuracy: of the global model on test data, mean of the last {LAST} slots.
earlier trial: our own, of another program with the same set-up; no figure is one of the paper.
(*): gradients for the choice are computed for nothing, as they were in our earlier trial.
worst client: accuracy on the mix of classes of the client that fares worst, at the end.
over, unused: of the budget. Jain: of rounds. probes: share of gradients for choices in all energy.
replay gap: part of what could be gained over everybody until spent that was left, at what the run
spent on training, {LABEL}.
Hard budgets are kept by what was measured; soft ones may be passed."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("intensity", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    how = LocalSteps(batch_size=32, learning_rate=0.5)
    digits = Case(
        "digits 8 x 8, softmax regression, 10 clients, Dirichlet 0.1, 200 hourly rounds of 5 steps",
        200,
        10,
        how,
        5,
        ModelKind.SOFTMAX,
        arguments.seeds,
    )
    begin = time.perf_counter()
    results = []
    with ProcessPoolExecutor(
        arguments.jobs, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        if arguments.images is None:
            rows = [row for row in ROWS if arguments.only in row.label]
            results.append(study(digits, rows, BUDGETS, arguments.intensity, pool))
        else:
            small = Case(
                f"{arguments.images.name}, small convolutional network, 10 clients, Dirichlet 0.1; "
                "CUT to 2,000 samples to train and 500 to test on, 24 hourly rounds of 10 "
                "steps, one budget, 3 seeds",
                24,
                10,
                replace(how, learning_rate=0.1),
                10,
                ModelKind.CNN,
                min(arguments.seeds, 3),
                samples=2000,
                folder=arguments.images,
            )
            results.append(study(small, SHORT_ROWS, (0.2,), arguments.intensity, pool))
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        show(result, earlier=arguments.images is None)
    print(NOTES)
    print(f"\n{(time.perf_counter() - begin) / 60:.1f} minutes in all, {arguments.jobs} processes.")


if __name__ == "__main__":
    main()
