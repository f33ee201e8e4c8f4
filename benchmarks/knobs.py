"""A table of costs of training methods, measured here: for knobs of a simulation.

    python benchmarks/knobs.py [--out TABLE.toml] [--seeds N] [--rounds N]

Handwritten digits of scikit-learn, `networks.FourConvolutions`, twelve clients with Dirichlet
shares of classes (alpha 0.5), four a round by chance, eight batches of 32 each, step 0.1. First
what each method loses at equal rounds where two of the four use it, the whole model evaluated; then
its time beside plain training, in turns.
"""

import argparse
import platform
from datetime import UTC, datetime
from functools import partial

import numpy as np
import torch

from footprint.learning.clients import LocalPlan
from footprint.learning.local_steps import LocalSteps
from footprint.learning.method_rounds import method_digits_learner, seeded_network
from footprint.model.methods import TrainingMethod
from footprint.scheduling.cost_files import write_costs
from footprint.simulation.learners import RoundWork
from footprint.studies.cost_tables import losses_of, measure_costs

CLIENTS, CHOSEN, STEPS, BATCH, ALPHA = 12, 4, 8, 32, 0.5
SHARE, LAST = 0.5, 5  # of the clients of a round; rounds that accuracy is a mean of
METHODS = (
    TrainingMethod(),
    TrainingMethod("8-bit updates", scheme="top-diff", values="int8"),
    TrainingMethod("three quarters wide", width=0.75),
    TrainingMethod("half wide", width=0.5),
    TrainingMethod("half wide, 8-bit", width=0.5, scheme="top-diff", values="int8"),
    TrainingMethod("quarter wide, 8-bit", width=0.25, scheme="top-diff", values="int8"),
    TrainingMethod("half of the filters", "filters", 0.5),
    TrainingMethod(
        "emulated 0.9, masked", "emulated", 0.9, scheme="diff-on-weights", mask_ratio=0.1
    ),
)


def train(method, seed, rounds):
    """Accuracy in the last rounds of a training in which half of the clients use a method."""
    how = LocalSteps(batch_size=BATCH, learning_rate=0.1)
    learner = method_digits_learner(CLIENTS, seed=seed, alpha=ALPHA, how=how)
    rng = np.random.default_rng([seed, 99])
    units, found = np.full(CHOSEN, float(STEPS)), []
    for number in range(1, rounds + 1):
        clients = rng.choice(CLIENTS, CHOSEN, replace=False)
        methods = (method,) * (CHOSEN // 2) + (METHODS[0],) * (CHOSEN // 2)
        learner.train(RoundWork(number, clients, units, methods=methods))
        if number > rounds - LAST:
            found.append(learner.accuracy())
    return float(np.mean(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for method in METHODS:
        found[method.name] = {s: train(method, s, options.rounds) for s in range(options.seeds)}
        shown = " ".join(f"{100 * one:.1f}" for one in found[method.name].values())
        print(
            f"{method.name:<24} accuracy after {options.rounds} rounds: {shown}",
            flush=True,
        )
    plain = found[METHODS[0].name]
    losses = {name: losses_of(plain, own, share=SHARE) for name, own in found.items()}
    generator = torch.Generator().manual_seed(0)
    samples = BATCH * STEPS
    data = torch.rand(samples, 1, 8, 8, generator=generator), torch.arange(samples) % 10
    about = {
        "network": "FourConvolutions, images of 8 x 8",
        "device": f"processor, {platform.machine()}, one thread",
        "conditions": (
            f"torch {torch.__version__}, one thread of a shared machine; {STEPS} batches of "
            f"{BATCH}, processor time in 7 turns, model and answer encoded; accuracy on "
            f"handwritten digits after {options.rounds} rounds, {options.seeds} seeds, "
            f"{CLIENTS} clients, {CHOSEN} a round, half by the method, Dirichlet alpha {ALPHA}"
        ),
        "source": f"benchmarks/knobs.py, {datetime.now(UTC):%Y-%m-%d}",
    }
    table = measure_costs(
        partial(seeded_network, 0), METHODS, data, losses, about=about, plan=LocalPlan(BATCH)
    )
    print(f"{'method':<24}{'time':>18}{'up':>8}{'down':>8}{'points lost':>24}")
    for cost in table.costs:
        time, loss = cost.time, cost.loss
        print(
            f"{cost.name:<24}{f'{time.value:.2f} ({time.low:.2f}-{time.high:.2f})':>18}"
            f"{cost.up.value:>8.3f}{cost.down.value:>8.3f}"
            f"{f'{loss.value:.1f} ({loss.low:.1f} to {loss.high:.1f})':>24}"
        )
    if options.out:
        write_costs(table, options.out)


if __name__ == "__main__":
    main()
