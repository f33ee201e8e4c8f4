"""Train a model locally, and average the models of many clients."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from footprint.errors import DataError, MissingExtra, UsageError

try:
    import torch
except ImportError as error:
    raise MissingExtra.of("torch", "Training") from error

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class LocalTraining:
    """How a client trains: plain stochastic gradient descent.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate, momentum : float
    """

    epochs: int = 1
    batch_size: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.0


def train_locally(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    training: LocalTraining,
    generator: torch.Generator,
) -> None:
    """Train a classifier in place.

    Parameters
    ----------
    model : torch.nn.Module
        Gives one logit per class.
    inputs : Tensor of shape (samples, ...)
    targets : Tensor of shape (samples,)
        Class numbers.
    training : LocalTraining
    generator : torch.Generator
        Shuffles the samples; the same seed gives the same model.
    """
    optimiser = torch.optim.SGD(
        model.parameters(), lr=training.learning_rate, momentum=training.momentum
    )
    model.train()
    for _ in range(training.epochs):
        order = torch.randperm(len(inputs), generator=generator)
        for batch in torch.split(order, training.batch_size):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()


@torch.no_grad()
def accuracy(model: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Share of samples that the model classifies rightly, within 0 and 1."""
    model.eval()
    return float((model(inputs).argmax(dim=1) == targets).float().mean())


@torch.no_grad()
def federated_average(states: Sequence[State], weights: Sequence[float]) -> dict[str, torch.Tensor]:
    r"""Average model states.

    .. math:: w = \sum_k \frac{n_k}{\sum_j n_j} w_k

    Parameters
    ----------
    states : sequence of mapping
        One state per client, with the same names and shapes.
    weights : sequence of float
        Samples of each client, n_k; not all 0.

    Raises
    ------
    UsageError
        If there is no client, or the weights do not fit.

    References
    ----------
    H. B. McMahan et al., "Communication-efficient learning of deep networks from
    decentralized data", AISTATS 2017, algorithm 1.
    """
    total = float(sum(weights))
    if not states or len(states) != len(weights) or min(weights) < 0 or total <= 0:
        raise UsageError(f"{len(states)} states cannot be averaged with the weights {weights}.")
    return {
        name: sum(
            (state[name] * (weight / total) for state, weight in zip(states, weights, strict=True)),
            start=torch.zeros_like(states[0][name], dtype=torch.float32),
        )
        for name in states[0]
    }


def serialise(state: State) -> bytes:
    """State as the bytes that travel between server and client."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def deserialise(data: bytes) -> dict[str, torch.Tensor]:
    """State from bytes; loads tensors only, never code.

    Raises
    ------
    DataError
        If the bytes are no such state.
    """
    try:
        state = torch.load(io.BytesIO(data), weights_only=True)
    except Exception as error:
        raise DataError(f"{len(data)} received bytes are no model state: {error}.") from error
    if not isinstance(state, dict):
        raise DataError("The received bytes hold no model state.")
    return state
