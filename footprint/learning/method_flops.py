"""Theoretical work of the clients that a method has trained, on any path.

Of emulated training the densities were counted step by step. The other paths do what their
kernels do: all of a narrow model, the kept filters, the kept weights of frozen layers.
"""

from __future__ import annotations

from dataclasses import replace

from footprint.errors import MissingExtra
from footprint.learning.clients import MethodTrainer
from footprint.learning.flops import LayerWork, TrainingWork, count_layers, total_work
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
        Three passes for every layer, the input layer among them.

    Raises
    ------
    UsageError
        If nobody has trained.
    """
    if trainer.sparse is not None:
        return total_work(trainer.sparse.work())
    return total_work(
        [
            _at_density(trainer, replace(layer, steps=trainer.steps, macs=layer.macs * count))
            for layer in count_layers(trainer.module, example)
            for count in (trainer.images,)
        ]
    )


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
        and isinstance(module, nn.Linear)
        and layer.weights >= trainer.plan.least_weights
    ):
        density = kept_count(layer.weights, kept_share) / layer.weights
    else:
        return layer
    return replace(layer, sparse=True, weight_density=density, activation_density=density)
