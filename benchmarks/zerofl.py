"""Sparse training: which paths are faster than dense training, and what they cost in accuracy.

    python benchmarks/zerofl.py [--data FOLDER] [--case conv4 leaf cifar] [--seeds N] [--rounds N]

First the paths that are called faster, and the emulation that is not, each beside dense
training in turns: processor time of one thread, medians. Then, if FOLDER holds `train.npz` and
`test.npz` of MNIST (`images` and `labels`; not part of this repository), federated training of
100 clients with 200 images each, 10 a round, one local epoch of batches of 20, step 0.1 to 0.01,
weight decay 5e-4, Dirichlet shares of classes (alpha 1) with clients of one size. The case `cifar`
needs a FOLDER with `train_*.npz` and `test.npz` of CIFAR-10 (`jpeg`, `offsets` and `labels`) and
Pillow: 20 clients with 1,000 images each, 5 a round, batches of 25, 30 rounds.
Lines are printed as they are found, so that a run may be stopped.
"""

import argparse
import copy
import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from footprint.learning.clients import LocalPlan, MethodTrainer, merge, train_client
from footprint.learning.compression import union_density
from footprint.learning.flops import count_layers, plan_work, total_work
from footprint.learning.frozen import FrozenSupport
from footprint.learning.masks import kept_count, kept_density, largest
from footprint.learning.networks import FourConvolutions, SmallConvolutional
from footprint.learning.partitions import even_partition
from footprint.learning.savings import Amount, Kind, Savings, save
from footprint.learning.servers import decay_rate
from footprint.learning.sparse import SparseTraining
from footprint.learning.states import arrays_of
from footprint.learning.structured import FilterTraining
from footprint.model.methods import TrainingMethod
from footprint.studies.runs import share_right

# A path that is called faster should need less than this share of the dense time.
FASTER = 0.7
ALPHA, FIRST_RATE, LAST_RATE, DECAY = 1.0, 0.1, 0.01, 5e-4


# --- Steps in turns ------------------------------------------------------------------------


def in_turns(dense, other, turns=7, least_s=0.15):
    """Median processor time of one call of each [s], measured in turns."""

    def spend(call, times):
        start = time.process_time()
        for _ in range(times):
            call()
        return (time.process_time() - start) / times

    times = {}
    for call in (dense, other):
        spend(call, 1)
        times[call] = max(1, round(least_s / max(spend(call, 3), 1e-6)))
    pairs = [(spend(dense, times[dense]), spend(other, times[other])) for _ in range(turns)]
    return tuple(statistics.median(column) for column in zip(*pairs, strict=True))


def stepper(model, inputs, targets):
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step():
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimiser.step()

    return step


def images(batch, generator):
    return torch.randn(batch, 1, 28, 28, generator=generator), torch.arange(batch) % 10


def step_rows(generator):
    """Name, dense step, other step, and theoretical reduction of each path."""
    pixels, classes = images(20, generator)
    for name, network in (("conv4", FourConvolutions), ("leaf-mini", SmallConvolutional)):
        for sparsity, period in ((0.9, 5), (0.95, 5), (0.95, 1)):
            dense = network()
            model = copy.deepcopy(dense)
            sparse = SparseTraining(model, sparsity, sparsity, period=period)
            stepper(model, pixels, classes)()
            theory = total_work(sparse.work()).reduction
            label = f"{name}: emulation, sparsity {sparsity:g}, threshold for {period} steps"
            yield label, stepper(dense, pixels, classes), stepper(model, pixels, classes), theory
    macs = {
        width: sum(one.macs for one in count_layers(FourConvolutions(width), pixels))
        for width in (1, 0.75, 0.5, 0.25)
    }
    for width in (0.75, 0.5, 0.25):
        dense, model = FourConvolutions(), FourConvolutions(width)
        yield (
            f"conv4: width {width:g}",
            stepper(dense, pixels, classes),
            stepper(model, pixels, classes),
            1 - macs[width] / macs[1],
        )
    for sparsity in (0.5, 0.75):
        dense = FourConvolutions()
        model = copy.deepcopy(dense)
        FilterTraining(model, sparsity, ["3", "6", "9"])
        plan = plan_work(count_layers(dense, pixels), dict.fromkeys("369", sparsity), sparsity)
        yield (
            f"conv4: {sparsity:g} of the filters dropped",
            stepper(dense, pixels, classes),
            stepper(model, pixels, classes),
            total_work(plan).reduction,
        )
    yield from frozen_rows(generator)


def frozen_rows(generator):
    for sparsity in (0.8, 0.9, 0.95, 0.98):
        dense = nn.Sequential(nn.Linear(3136, 2048))
        inputs = torch.randn(32, 3136, generator=generator, requires_grad=True)
        targets = torch.arange(32)
        model = copy.deepcopy(dense)
        layer = f"linear 3136 to 2048, batch 32: frozen CSR, sparsity {sparsity:g}"

        def with_choice(model=model, sparsity=sparsity, inputs=inputs, targets=targets):
            support = FrozenSupport(model, sparsity)
            step = stepper(model, inputs, targets)
            for _ in range(20):
                step()
            support.thaw()

        dense_step = stepper(dense, inputs, targets)

        def dense_steps(step=dense_step):
            for _ in range(20):
                step()

        yield layer + ", 20 steps and their choice", dense_steps, with_choice, sparsity
        FrozenSupport(model, sparsity)
        yield layer + ", a step", dense_step, stepper(model, inputs, targets), sparsity


def verdict(ratio):
    if ratio < FASTER:
        return "faster"
    return "a little faster" if ratio < 0.95 else "NOT FASTER"


def print_steps():
    print("Processor time of training steps, one thread, dense and other in turns, medians")
    print(f"{'path':<86}{'dense ms':>9}{'other ms':>9}{'ratio':>7}{'theory':>8}{'realised':>9}")
    generator = torch.Generator().manual_seed(1)
    for name, dense, other, theory in step_rows(generator):
        spent = in_turns(dense, other)
        costs = [Amount(one, "cpu_s", Kind.MEASURED) for one in spent]
        savings = Savings(measured=save(costs[1], costs[0]), theoretical_flops=theory)
        ratio = spent[1] / spent[0]
        print(
            f"{name:<86}{1e3 * spent[0]:>9.2f}{1e3 * spent[1]:>9.2f}{ratio:>7.2f}"
            f"{theory:>8.1%}{savings.realisation:>9.2f}  {verdict(ratio)}",
            flush=True,
        )


# --- Federated training --------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    method: TrainingMethod
    width: float = 1.0  # of a network of its own, not of a slice of the wide one


def masked(name, sparsity, scheme, ratio):
    how = {"scheme": scheme, "mask_ratio": ratio, "positions": "csr"}
    return Run(TrainingMethod(name, "emulated", sparsity, **how))


CONV4 = (
    Run(TrainingMethod("dense")),
    Run(TrainingMethod("sparse 90, full upload", "emulated", 0.9)),
    Run(TrainingMethod("sparse 95, full upload", "emulated", 0.95)),
    masked("sparse 95, diff-on-weights r .1", 0.95, "diff-on-weights", 0.1),
    masked("sparse 95, top-weights r .1", 0.95, "top-weights", 0.1),
    masked("sparse 95, top-weights r 0", 0.95, "top-weights", 0),
    masked("sparse 95, top-weights r .2", 0.95, "top-weights", 0.2),
    Run(TrainingMethod("dense, half width"), 0.5),
    Run(TrainingMethod("dense, 8-bit updates by chance", scheme="top-diff", values="int8")),
    masked("sparse 95, top-diff r .1", 0.95, "top-diff", 0.1),
    masked("sparse 90, top-weights r .1", 0.9, "top-weights", 0.1),
    Run(
        TrainingMethod(  # the published comparator: 5 % of each sparse layer
            "dense, top 5 % with error feedback",
            sparsity=0.95,
            scheme="top-diff",
            mask_ratio=0,
            positions="csr",
            feedback=True,
        )
    ),
)
LEAF = CONV4[:5]


@dataclass(frozen=True)
class Case:
    """Data, a network and the methods that are compared on them."""

    data: str
    network: Callable[[float], nn.Module]
    runs: tuple[Run, ...]
    clients: int = 100
    images: int = 200  # of each client
    chosen: int = 10
    batch: int = 20
    rounds: int = 40
    period: int = 5  # steps that a threshold serves: part of every timing, so it is printed


CASES = {
    "leaf": Case("MNIST", SmallConvolutional, LEAF),
    "conv4": Case("MNIST", FourConvolutions, CONV4),
    "cifar": Case(
        "CIFAR-10",
        partial(FourConvolutions, channels=3),
        (*CONV4[:5], *CONV4[7:9]),
        clients=20,
        images=1000,
        chosen=5,
        batch=25,
        rounds=30,
    ),
}


def read_images(folder):
    """Images and labels to train and to test with; mean 0 and deviation 1 over those to train."""
    found = []
    for pattern in ("train*.npz", "test.npz"):
        parts = [read_part(path) for path in sorted(folder.glob(pattern))]
        images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
        pixels = torch.from_numpy(np.moveaxis(images, -1, 1).astype(np.float32))
        found.append([pixels, torch.from_numpy(labels.astype(np.int64))])
    # Of each channel.
    deviation, mean = torch.std_mean(found[0][0], dim=(0, 2, 3), keepdim=True)
    return [((pixels - mean) / deviation, labels) for pixels, labels in found]


def read_part(path):
    """Images of shape (samples, height, width, channels) and labels, of bytes or of JPEG files."""
    with np.load(path) as data:
        if "images" in data:
            return data["images"][..., None], data["labels"]
        from PIL import Image

        stream, ends = data["jpeg"].tobytes(), data["offsets"].tolist()
        files = [io.BytesIO(stream[start:stop]) for start, stop in pairwise(ends)]
        images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
        return np.stack(images), data["labels"]


@dataclass
class Course:
    """What came of one training."""

    trainer: MethodTrainer
    model: dict
    accuracies: list
    spent_s: float
    up_bytes: list
    down_bytes: list
    union: list


def train(run, case, seed, rounds, data, test):
    """Train once; the same seed gives the same clients, batches and first model."""
    torch.manual_seed(seed)
    plan = LocalPlan(case.batch, weight_decay=DECAY, period=case.period)
    trainer = MethodTrainer(lambda _: case.network(run.width), run.method, plan)
    rng = np.random.default_rng(seed)
    pixels, labels = data
    parts = even_partition(labels.numpy(), case.clients, case.images, ALPHA, rng)
    course = Course(trainer, arrays_of(trainer.module), [], 0.0, [], [], [])
    residuals = {}
    for number in range(rounds):
        start = time.process_time()
        rate = decay_rate(FIRST_RATE, LAST_RATE, number, rounds)
        course.down_bytes.append(len(trainer.encode_model(course.model).data))
        answers, actives = [], []
        for client in rng.choice(case.clients, case.chosen, replace=False):
            part = parts[client]
            own = pixels[part], labels[part]
            residual = residuals.get(client)
            answer = train_client(trainer, course.model, own, rate=rate, rng=rng, residual=residual)
            residuals[client] = answer.residual
            course.up_bytes.append(len(answer.encoded.data))
            answers.append(answer)
            if trainer.sparse and number in (0, rounds - 1):
                actives.append(active_weights(trainer))
        course.model = merge(course.model, answers)
        course.spent_s += time.process_time() - start
        if actives:
            course.union.append(union_density(actives))
        if ends_at(number + 1, rounds):
            with trainer.as_trained(course.model) as module:
                course.accuracies.append(100 * share_right(module, *test))
    return course


def ends_at(number, rounds):
    """Whether the model is evaluated after a round."""
    return number % 10 == 0 or number == rounds


def active_weights(trainer):
    """Mask of the weights that the client just trained would use."""
    after = arrays_of(trainer.module)
    density = kept_density(trainer.method.sparsity, 0)
    masks = [
        largest(after[name], kept_count(after[name].size, density)).reshape(-1)
        for name in sorted(trainer.masked)
    ]
    return np.concatenate(masks)


def print_federations(options, name):
    case, seeds = CASES[name], options.seeds
    rounds = options.rounds or case.rounds
    data, test = read_images(options.data)
    print(
        f"\n{case.data}, {name}, {rounds} rounds, {seeds} seed(s); thresholds serve {case.period} "
        "step(s); accuracy on all test images"
    )
    marks = " / ".join(str(number) for number in range(1, rounds + 1) if ends_at(number, rounds))
    print(
        f"{'run':<36}{'after ' + marks:>26}{'as dense':>9}{'CPU s/round':>12}{'up bytes':>11}"
        f"{'down':>10}{'theory':>8}  active in any of {case.chosen} clients, first and last round"
    )
    for run in case.runs:
        for seed in range(seeds if options.only in run.method.name else 0):
            course = train(run, case, seed, rounds, data, test)
            print(course_line(run, course, rounds, test), flush=True)


def course_line(run, course, rounds, test):
    trainer, theory, as_dense = course.trainer, "-", "-"
    if trainer.sparse:
        theory = f"{total_work(trainer.sparse.work()).reduction:.1%}"
        with trainer.as_trained(course.model, whole=True) as module:
            as_dense = f"{100 * share_right(module, *test):.1f}"
    union = " ".join(f"{one:.3f}" for one in course.union)
    curve = " / ".join(f"{one:.1f}" for one in course.accuracies)
    return (
        f"{run.method.name:<36}{curve:>26}{as_dense:>9}{course.spent_s / rounds:>12.2f}"
        f"{statistics.mean(course.up_bytes):>11,.0f}"
        f"{statistics.mean(course.down_bytes):>10,.0f}{theory:>8}  {union}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--case", nargs="+", choices=CASES, default=["leaf", "conv4"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rounds", type=int, help="other than those of the case")
    parser.add_argument("--only", default="", help="runs whose name holds this")
    parser.add_argument("--no-steps", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.no_steps:
        print_steps()
    if options.data is None:
        print("\nNo MNIST: without --data there is no federated training.")
        return
    for case in options.case:
        print_federations(options, case)


if __name__ == "__main__":
    main()
