"""One method with one seed: rounds of federated training, through the tracker, into a journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from footprint.errors import DataError, MissingExtra
from footprint.learning.clients import Answer, MethodTrainer, merge
from footprint.learning.codecs import Array, decode
from footprint.learning.flops import TrainingWork
from footprint.learning.method_flops import count_work
from footprint.learning.rounds import one_thread
from footprint.learning.servers import ServerOptimiser, decay_rate
from footprint.measurement.tracker import Tracker
from footprint.model.methods import TrainingMethod
from footprint.studies.worlds import World

try:
    import torch
except ImportError as error:
    raise MissingExtra.of("torch", "A study of methods") from error

_CHUNK = 1000  # samples that are classified at a time


@dataclass(slots=True)
class Record:
    """What a run says of itself, beside its journal.

    Attributes
    ----------
    accuracy : dict of int to float
        By evaluated round, from 1 on.
    up_bytes, down_bytes : list of int
        Of each round, as the encoder gave them.
    refused : int
    whole_accuracy : float
        Of the last model with all of its weights.
    work : TrainingWork or None
        Theoretical; None if nobody trained.
    one_answer : float
        Accuracy of always answering the most frequent class of the test data.
    journal : Path
    """

    journal: Path
    accuracy: dict[int, float] = field(default_factory=dict)
    up_bytes: list[int] = field(default_factory=list)
    down_bytes: list[int] = field(default_factory=list)
    refused: int = 0
    whole_accuracy: float = 0.0
    work: TrainingWork | None = None
    one_answer: float = 0.0


@one_thread()
def run_method(world: World, method: TrainingMethod, journal: Path) -> Record:
    """Train by a method, and measure it.

    Parameters
    ----------
    world : World
    method : TrainingMethod
    journal : Path
        A folder of its own.

    Returns
    -------
    Record

    Raises
    ------
    FootprintError
        If the method cannot train this network.
    """
    plan = world.plan
    trainer = world.trainer(method)
    warm_up(world, method)
    labels = world.test[1]
    record = Record(journal, one_answer=int(labels.bincount().max()) / len(labels))
    server = ServerOptimiser(
        plan.server.optimiser,
        rate=plan.server.rate,
        averaged=frozenset(name for name, _ in trainer.module.named_buffers()),
    )
    model, residuals = world.first, dict[int, dict[str, Array] | None]()
    with Tracker(
        _name(method.name, world.seed),
        journal=journal,
        actor="server",
        role="server",
        zone=plan.server.zone,
        device=plan.server.device,
        architecture="federated",
        functional_unit=f"{plan.rounds} rounds of {plan.clients_per_round} clients",
    ) as tracker:
        for number in range(1, plan.rounds + 1):
            answers = list(_ask(world, trainer, tracker, number, model, residuals, record))
            with tracker.span("aggregate", round=number):
                if answers:
                    model = server.step(model, merge(model, answers))
            if number % plan.evaluate_every == 0 or number == plan.rounds:
                with (
                    tracker.span("evaluate", round=number),
                    trainer.as_trained(model) as module,
                ):
                    record.accuracy[number] = share_right(module, *world.test)
        if record.refused:
            tracker.doubt(
                "client-diverged",
                f"{record.refused} answers of clients by {method.name!r} were not finite and do "
                "not count.",
                "Use a smaller learning rate.",
            )
        tracker.result("accuracy", record.accuracy[plan.rounds])
    if trainer.steps:
        record.work = count_work(trainer, world.test[0][:1])
    # Shown beside what the method reaches, and no part of what it costs.
    with trainer.as_trained(model, whole=True) as module:
        record.whole_accuracy = share_right(module, *world.test)
    return record


def _ask(
    world: World,
    trainer: MethodTrainer,
    tracker: Tracker,
    number: int,
    model: dict[str, Array],
    residuals: dict[int, dict[str, Array] | None],
    record: Record,
) -> Iterator[Answer]:
    """Let the clients of a round train; those that diverge give no answer."""
    training = world.plan.training
    rate = decay_rate(training.rate, training.last_rate, number - 1, world.plan.rounds)
    with tracker.span("serialise", round=number):
        message = trainer.encode_model(model).data
    up_bytes = down_bytes = 0
    for client in world.chosen(number):
        rng, data = world.rng(number, client), world.data(client)
        where: dict[str, Any] = {
            "actor": f"client-{client + 1:0{len(str(world.plan.clients))}d}",
            "role": "client",
            "zone": world.zone(client),
            "device": world.plan.place.device,
            "round": number,
        }
        with tracker.span("download", **where) as span:
            span.received_bytes = len(message)
            trainer.receive(decode(message, trainer.shapes))
        down_bytes += len(message)
        with tracker.span("train", **where):
            trainer.train(*data, rate=rate, rng=rng)
        try:
            with tracker.span("serialise", **where):
                answer = trainer.answer(rng, residual=residuals.get(client))
        except DataError:
            record.refused += 1
            continue
        residuals[client] = answer.residual
        tracker.transfer("upload", sent_bytes=len(answer.encoded.data), **where)
        up_bytes += len(answer.encoded.data)
        yield answer
    record.up_bytes.append(up_bytes)
    record.down_bytes.append(down_bytes)


def warm_up(world: World, method: TrainingMethod) -> None:
    """Do all of a round once, unmeasured: who comes first would pay for the start of libraries."""
    trainer, rng = world.trainer(method), world.rng(0, 0)
    trainer.receive(decode(trainer.encode_model(world.first).data, trainer.shapes))
    trainer.train(*world.data(0), rate=world.plan.training.rate, rng=rng, steps=2)
    with suppress(DataError):  # a training that diverges is told where it counts
        merge(world.first, [trainer.answer(rng)])
    with trainer.as_trained(world.first) as module:
        share_right(module, *(part[:_CHUNK] for part in world.test))


@torch.no_grad()
def share_right(module: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of samples that a model classifies rightly [1]."""
    chunks = zip(torch.split(inputs, _CHUNK), torch.split(labels, _CHUNK), strict=True)
    right = sum(int((module(some).argmax(dim=1) == own).sum()) for some, own in chunks)
    return right / len(labels)


def _name(method: str, seed: int) -> str:
    """Name of a run: printable, without slashes."""
    kept = "".join(letter if letter.isprintable() and letter != "/" else "-" for letter in method)
    return f"{kept}, seed {seed}"
