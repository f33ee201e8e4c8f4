r"""Steps of gradient descent at many clients: at once where the model allows it.

A model is one long vector of its parameters here, so that clients are rows. Each step is

.. math:: w_i \leftarrow w_i - \eta \left(\nabla F_i(w_i; b) + \mu (w_i - w)\right)

with the global model w, a batch b of the client, and the proximal weight mu of FedProx (0: FedAvg).

References
----------
T. Li et al., "Federated optimization in heterogeneous networks" (FedProx), MLSys 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from footprint.errors import MissingExtra, UsageError

try:
    import torch
except ImportError as error:
    raise MissingExtra.of("torch", "Training") from error

# Layers that gain from many clients at once; convolutions do not, on a processor.
_STACKABLE = (torch.nn.Sequential, torch.nn.Flatten, torch.nn.Linear, torch.nn.ReLU)
_CHUNK = 2048  # samples that a whole gradient takes at a time


@dataclass(frozen=True, slots=True)
class LocalSteps:
    """How a client trains: plain stochastic gradient descent, batch by batch.

    Attributes
    ----------
    batch_size : int
        Samples of a step, which is a unit of work; all that a client has if these are fewer.
    learning_rate : float
        eta [1].
    proximal : float
        mu of FedProx [1].
    """

    batch_size: int = 32
    learning_rate: float = 0.1
    proximal: float = 0.0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or not self.learning_rate > 0 or not self.proximal >= 0:
            raise UsageError(f"Nobody can train by {self!r}.")


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """What each client sees in each of its steps.

    Attributes
    ----------
    indices : Tensor of int, shape (clients, steps, batch)
        Samples; rows of fewer steps or samples are filled up with any.
    weights : Tensor of shape (clients, steps, batch)
        1 for a sample that counts, 0 for a filler. A step without any is none.
    """

    indices: torch.Tensor
    weights: torch.Tensor


class VectorModel:
    """A model as a function of one vector of parameters.

    Parameters
    ----------
    module : torch.nn.Module
        Gives one logit per class. Running statistics, as of batch normalisation, are no parameters.

    Raises
    ------
    UsageError
        If it has buffers: nobody would average them.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        if any(True for _ in module.buffers()):
            raise UsageError("The model has running statistics, which are not averaged.")
        self._module = module
        self._shapes = {name: p.shape for name, p in module.named_parameters()}
        self.start = torch.nn.utils.parameters_to_vector(module.parameters()).detach().clone()
        self.stackable = all(isinstance(layer, _STACKABLE) for layer in module.modules())
        gradient: Callable[..., Any] = torch.func.grad(self._loss, has_aux=True)
        self._gradient = gradient
        self._gradients: Callable[..., Any] = torch.func.vmap(gradient)
        layers = list(module.children())
        if [type(layer) for layer in layers] == [torch.nn.Flatten, torch.nn.Linear]:
            # Its gradient is known: no need to record what is computed.
            self._gradients = softmax_gradients
            self._gradient = lambda *one: tuple(
                found[0] for found in softmax_gradients(*(each[None] for each in one))
            )

    def logits(self, vector: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """Apply the model with some parameters."""
        parts, place = {}, 0
        for name, shape in self._shapes.items():
            size = shape.numel()
            parts[name] = vector[place : place + size].view(shape)
            place += size
        found: torch.Tensor = torch.func.functional_call(self._module, parts, (inputs,))
        return found

    def _loss(
        self,
        vector: torch.Tensor,
        inputs: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        losses = torch.nn.functional.cross_entropy(
            self.logits(vector, inputs), labels, reduction="none"
        )
        return (losses * weights).sum() / weights.sum().clamp(min=1.0), losses.detach()

    def gradient(
        self, vector: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Gradient of the mean loss over many samples."""
        total = torch.zeros_like(vector)
        chunks = zip(torch.split(inputs, _CHUNK), torch.split(labels, _CHUNK), strict=True)
        for some, own in chunks:
            found, _ = self._gradient(vector, some, own, torch.ones(len(own)))
            total += found * (len(own) / len(labels))
        return total

    def train(
        self,
        inputs: torch.Tensor,
        labels: torch.Tensor,
        batches: Batches,
        vector: torch.Tensor,
        how: LocalSteps,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Train clients from one model on.

        Parameters
        ----------
        inputs, labels : Tensor
            All samples, which `batches` counts.
        batches : Batches
        vector : Tensor of shape (parameters,)
            The global model.
        how : LocalSteps

        Returns
        -------
        models : Tensor of shape (clients, parameters)
        losses : Tensor of shape (clients, steps, batch)
            Of each sample before its step.
        """
        rows = range(len(batches.indices))
        groups: Sequence[slice] = (
            [slice(None)] if self.stackable else [slice(row, row + 1) for row in rows]
        )
        models = vector.expand(len(rows), -1).clone()
        losses = torch.zeros_like(batches.weights)
        for group in groups:
            for step in range(batches.indices.shape[1]):
                weights = batches.weights[group, step]
                if not weights.any():
                    continue
                which = batches.indices[group, step]
                found, losses[group, step] = self._group(
                    models[group], inputs[which], labels[which], weights
                )
                if how.proximal:
                    found = found + how.proximal * (models[group] - vector)
                works = weights.any(dim=1, keepdim=True)
                models[group] -= how.learning_rate * torch.where(works, found, 0.0)
        return models, losses

    def _group(
        self,
        models: torch.Tensor,
        inputs: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if len(models) > 1:
            found, losses = self._gradients(models, inputs, labels, weights)
            return found, losses
        found, losses = self._gradient(models[0], inputs[0], labels[0], weights[0])
        return found[None], losses[None]


@torch.no_grad()
def softmax_gradients(
    vectors: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Gradients of softmax regression at many clients, :math:`X^T (p - y) / n`.

    Parameters
    ----------
    vectors : Tensor of shape (clients, parameters)
        Of each client: classes x pixels, and a bias per class.
    inputs : Tensor of shape (clients, samples, ...)
    labels, weights : Tensor of shape (clients, samples)

    Returns
    -------
    gradients : Tensor of shape (clients, parameters)
    losses : Tensor of shape (clients, samples)
    """
    flat = inputs.flatten(start_dim=2)
    classes = vectors.shape[1] // (flat.shape[2] + 1)
    matrix = vectors[:, :-classes].reshape(len(vectors), classes, -1)
    scores = torch.baddbmm(vectors[:, None, -classes:], flat, matrix.transpose(1, 2))
    chance = scores.log_softmax(dim=2)
    losses = -chance.gather(2, labels[..., None])[..., 0]
    wrong = chance.exp_()
    wrong.scatter_add_(
        2, labels[..., None], torch.full_like(labels[..., None], -1, dtype=wrong.dtype)
    )
    wrong *= (weights / weights.sum(dim=1, keepdim=True).clamp(min=1.0))[..., None]
    by_class = torch.bmm(wrong.transpose(1, 2), flat)
    return torch.cat([by_class.flatten(start_dim=1), wrong.sum(dim=1)], dim=1), losses
