"""Train one model centrally and once federated, measure both, compare them.

Ten clients hold parts of scikit-learn's digits (1,797 pictures of 8 x 8 points)
in four grid zones. Both trainings run here, one after the other, and stop when
the test accuracy has held the target for three evaluations.

What is measured: processor time, memory, time and bytes, on this machine. What is
assumed: the zones, and that each participant owns one desktop computer. Left out:
start-up (the two share one process) and waiting (the clients run in turn).

    python examples/federated_vs_centralised.py --output demo-output
"""

from __future__ import annotations

import argparse
import copy
import io
import shlex
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import footprint as fp

CLIENT_ZONES = ("FR", "FR", "FR", "DE", "DE", "DE", "US", "US", "PL", "PL")
SERVER_ZONE = "DE"
DEVICE = "desktop"  # each participant owns one; the same class, so that only the method differs
LOCAL_EPOCHS = 5  # of each client in each round; the centralised server evaluates after each
HELD = 3  # evaluations in a row that must reach the target
ASSUMED = (
    "demonstration",
    "Places and devices are assumptions of this demonstration: clients in "
    f"{', '.join(dict.fromkeys(CLIENT_ZONES))}, a server in {SERVER_ZONE}, a {DEVICE} computer "
    "each. All ran on one machine, where time, processor time and bytes were measured.",
    "Read it as an example of a result; give your own trainings the places that are true.",
)


@dataclass(frozen=True)
class Job:
    """What both trainings share."""

    output: Path
    target: float = 0.95
    most_rounds: int = 300
    seed: int = 1

    @property
    def functional_unit(self) -> str:
        return f"digit classifier with {self.target:.0%} test accuracy"


@dataclass(frozen=True)
class Data:
    """Digits, split into the clients' samples and a test set."""

    clients: list[tuple[Any, Any]]
    test: tuple[Any, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--target", type=float, default=0.95, help="test accuracy (default 0.95)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    job = Job(arguments.output, arguments.target, seed=arguments.seed)
    # A fresh folder per run: journals that lie together are added up.
    shutil.rmtree(job.output / "journal", ignore_errors=True)

    warm_up(job)
    train_centralised(job)
    train_federated(job)
    comparison = fp.compare(assess(job, "centralised"), assess(job, "federated"))
    fp.write_document(comparison, job.output / "comparison.json")
    page = fp.write_report(
        comparison, job.output / "comparison.html", command=shlex.join(["python", *sys.argv])
    )

    from footprint.reporting.terminal import print_result

    print_result(comparison)
    print(page)
    return 0


def assess(job: Job, run: str) -> fp.Assessment:
    journal = fp.read_journal(job.output / "journal" / run)
    assessment = fp.estimate(fp.build_inventory(journal))
    fp.write_document(assessment, job.output / f"{run}.json")
    return assessment


def warm_up(job: Job) -> None:
    """Import and start the libraries before either training is measured.

    Both run in this process; whichever came first would pay for the other.
    """
    import torch

    from footprint.learning.fedavg import LocalTraining, train_locally

    # Two threads that wait for each other cost more than a network this small gains.
    torch.set_num_threads(1)
    data = load_data(job)
    train_locally(make_model(job), *data.clients[0], LocalTraining(), make_generator(job))


def train_centralised(job: Job) -> None:
    """All clients send their data to one server, which trains on all of it."""
    with fp.Tracker(
        "centralised",
        journal=job.output / "journal" / "centralised",
        actor="server",
        role="server",
        zone=SERVER_ZONE,
        device=DEVICE,
        architecture="centralised",
        functional_unit=job.functional_unit,
    ) as tracker:
        import torch

        from footprint.learning.fedavg import LocalTraining, accuracy, train_locally

        tracker.doubt(*ASSUMED)
        with tracker.span("load"):
            data, model, generator = load_data(job), make_model(job), make_generator(job)
        for number, (inputs, targets) in enumerate(data.clients, start=1):
            tracker.transfer(
                "data_transfer",
                sent_bytes=serialised_size(inputs, targets),
                actor=f"client-{number:02d}",
                role="client",
                zone=CLIENT_ZONES[number - 1],
            )
        inputs = torch.cat([inputs for inputs, _ in data.clients])
        targets = torch.cat([targets for _, targets in data.clients])

        def epoch(_: int) -> float:
            with tracker.span("train"):
                train_locally(model, inputs, targets, LocalTraining(), generator)
            with tracker.span("evaluate"):
                return accuracy(model, *data.test)

        run_until_target("centralised", "epoch", job, tracker, epoch)


def train_federated(job: Job) -> None:
    """The data stay where they are; models travel in every round."""
    with fp.Tracker(
        "federated",
        journal=job.output / "journal" / "federated",
        actor="server",
        role="server",
        zone=SERVER_ZONE,
        device=DEVICE,
        architecture="federated",
        functional_unit=job.functional_unit,
    ) as tracker:
        from footprint.learning.fedavg import accuracy, deserialise, federated_average, serialise

        tracker.doubt(*ASSUMED)
        with tracker.span("load"):
            data, model, generator = load_data(job), make_model(job), make_generator(job)
            local = copy.deepcopy(model)

        def one_round(number: int) -> float:
            with tracker.span("serialise", round=number):
                message = serialise(model.state_dict())
            replies = [
                client_round(tracker, client, number, message, local, data, generator)
                for client in range(len(data.clients))
            ]
            with tracker.span("aggregate", round=number):
                states = [deserialise(reply) for reply in replies]
                sizes = [len(targets) for _, targets in data.clients]
                model.load_state_dict(federated_average(states, sizes))
            with tracker.span("evaluate", round=number):
                return accuracy(model, *data.test)

        run_until_target("federated", "round", job, tracker, one_round)


def client_round(
    tracker: fp.Tracker,
    client: int,
    number: int,
    message: bytes,
    model: Any,
    data: Data,
    generator: Any,
) -> bytes:
    """One client's part of a round; returns the bytes that it sends back."""
    from footprint.learning.fedavg import LocalTraining, deserialise, serialise, train_locally

    where = {
        "actor": f"client-{client + 1:02d}",
        "role": "client",
        "zone": CLIENT_ZONES[client],
        "round": number,
    }
    with tracker.span("download", **where) as span:
        span.received_bytes += len(message)
        model.load_state_dict(deserialise(message))
    with tracker.span("train", **where):
        train_locally(model, *data.clients[client], LocalTraining(LOCAL_EPOCHS), generator)
    with tracker.span("upload", **where) as span:
        reply = serialise(model.state_dict())
        span.sent_bytes += len(reply)
    return reply


def run_until_target(
    title: str, step: str, job: Job, tracker: fp.Tracker, advance: Callable[[int], float]
) -> None:
    recent: deque[float] = deque(maxlen=HELD)
    with progress_bar(title, job.most_rounds) as show:
        for number in range(1, job.most_rounds + 1):
            recent.append(advance(number))
            show(f"{step} {number}, test accuracy {recent[-1]:.1%} of {job.target:.0%}")
            if len(recent) == HELD and min(recent) >= job.target:
                break
        else:
            sys.exit(f"{title}: no {job.target:.0%} within {job.most_rounds} {step}s.")
    tracker.result("accuracy", recent[-1])
    tracker.result(f"{step}s", number)


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[title]:<12}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total, title=title)

        def show(text: str) -> None:
            progress.update(task, advance=1, description=text)

        yield show
        progress.update(task, completed=total)


def load_data(job: Job) -> Data:
    import numpy as np
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from footprint.learning.partitions import dirichlet_partition

    digits = load_digits()
    inputs, test_inputs, targets, test_targets = train_test_split(
        (digits.data / 16).astype("float32"),
        digits.target,
        test_size=0.2,
        stratify=digits.target,
        random_state=job.seed,
    )
    rng = np.random.default_rng(job.seed)
    parts = dirichlet_partition(targets, len(CLIENT_ZONES), alpha=0.5, rng=rng, smallest=20)
    return Data(
        [(torch.from_numpy(inputs[p]), torch.from_numpy(targets[p])) for p in parts],
        (torch.from_numpy(test_inputs), torch.from_numpy(test_targets)),
    )


def make_model(job: Job) -> Any:
    import torch

    torch.manual_seed(job.seed)
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))


def make_generator(job: Job) -> Any:
    import torch

    return torch.Generator().manual_seed(job.seed)


def serialised_size(inputs: Any, targets: Any) -> int:
    """Bytes of the samples as they would travel, compressed."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, inputs=inputs.numpy(), targets=targets.numpy())
    return len(buffer.getvalue())


if __name__ == "__main__":
    sys.exit(main())
