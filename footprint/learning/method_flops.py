"""Theoretical work of the clients that a method has trained, on any path.

Of emulated training the densities were counted step by step. The other paths do what their
kernels do: all of a narrow model, the kept filters, the kept weights of frozen layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from footprint.errors import MissingExtra
from footprint.learning.clients import MethodTrainer
from footprint.learning.flops import (
    LayerWork,
    TrainingWork,
    count_layers,
    count_updates,
    total_work,
)
from footprint.learning.masks import exact, kept_count
from footprint.model.methods import TrainingPath

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtra.of("torch", "Counting the work of layers") from error


def count_work(trainer: MethodTrainer, example: torch.Tensor) -> TrainingWork:
    """Count what a trainer did since it was made.

    Parameters
    ----------
    trainer : MethodTrainer
    example : Tensor of shape (1, channels, height, width)
        One image; its values do not matter.

    Returns
    -------
    TrainingWork
        Three passes for every layer, the input layer among them. Beside them the updates of all
        parameters; what the choice looked at and evaluations took, on the emulated path.

    Raises
    ------
    UsageError
        If nobody has trained.
    """
    if trainer.sparse is not None:
        layers = list(trainer.sparse.work())
    else:
        layers = [
            _at_density(
                trainer, replace(layer, steps=trainer.steps, macs=layer.macs * trainer.images)
            )
            for layer in count_layers(trainer.module, example)
        ]
    return total_work(layers, optimiser_macs=_count_updates(trainer, layers))


def _count_updates(trainer: MethodTrainer, layers: Sequence[LayerWork]) -> float:
    """Count updates of all parameters, but of a frozen layer of those that it kept."""
    how = {"momentum": trainer.plan.momentum > 0, "weight_decay": trainer.plan.weight_decay > 0}
    whole = count_updates(trainer.module, trainer.steps, **how)
    if trainer.method.path is not TrainingPath.FROZEN:
        return whole
    parameters = sum(one.numel() for one in trainer.module.parameters() if one.requires_grad)
    dropped = sum(one.weights * (1 - one.weight_density) for one in layers)
    return whole * (1 - dropped / parameters)


def _at_density(trainer: MethodTrainer, layer: LayerWork) -> LayerWork:
    """Give a layer the density that its kernels had."""
    method, module = trainer.method, dict(trainer.module.named_modules())[layer.name]
    kept_share = 1 - exact(method.sparsity)
    if method.path is TrainingPath.FILTERS and layer.name in trainer.layers:
        assert isinstance(module, nn.Conv2d | nn.Linear)
        outputs = module.weight.shape[0]
        density = kept_count(outputs, kept_share) / outputs
    elif (
        method.path is TrainingPath.FROZEN
        and layer.name in trainer.layers
        and isinstance(module, nn.Linear)
        and layer.weights >= trainer.plan.least_weights
    ):
        density = kept_count(layer.weights, kept_share) / layer.weights
    else:
        return layer
    return replace(
        layer, sparse=True, weight_density=density, activation_density=density, compared=None
    )
