"""Theoretical work of a sparse training, from densities that were really reached.

With F the multiply-accumulates of a dense pass, one step of a layer costs

.. math:: F d_w + F d_w + F d_a

for the forward pass, the gradient of the input and that of the weight; a dense
layer costs 3 F. These numbers are what ideal sparse hardware would do. They are
no measurement: dense kernels that multiply zeros do all the work, and more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from footprint.errors import MissingExtra, UsageError
from footprint.learning.masks import Share, exact

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtra.of("torch", "Counting the work of layers") from error

_Count = TypeVar("_Count", int, float)
# One multiply-accumulate is a multiplication and an addition.
FLOPS_PER_MAC = 2


@dataclass(frozen=True, slots=True)
class LayerWork:
    """What one layer did, summed over steps.

    Attributes
    ----------
    name : str
        As in the module.
    weights : int
        Entries of the weight tensor.
    steps : int
        Training steps.
    macs : float
        Multiply-accumulates of one dense pass, summed over the steps.
    weight_density, activation_density : float
        Share of entries that were not 0, averaged with the work of each step; 1 in
        a dense layer, which multiplies what is 0, too.
    sparse : bool
    needs_input_gradient : bool
        False for the input layer.
    compared : int or None
        Entries that the choice of the largest looked at: each once where a cached
        threshold was used, twice where it was found anew. A lower bound; None if not counted.
    evaluation_macs : float or None
        Forward passes outside of training, from realised densities; None if not counted.
    """

    name: str
    weights: int
    steps: int
    macs: float
    weight_density: float = 1.0
    activation_density: float = 1.0
    sparse: bool = False
    needs_input_gradient: bool = True
    compared: int | None = 0
    evaluation_macs: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """Theoretical work of a training, sparse and as a dense one.

    Attributes
    ----------
    macs, dense_macs : float
        Of forward passes and both gradients.
    compared : int or None
        Entries looked at to choose the largest; in no total. None if a layer's were not counted.
    optimiser_macs : float or None
        Updates of all parameters, sparse or not; None if nobody counted them.
    evaluation_macs : float or None
        None if a layer's were not counted.
    """

    macs: float
    dense_macs: float
    compared: int | None
    optimiser_macs: float | None
    evaluation_macs: float | None

    @property
    def reduction(self) -> float:
        """1 - sparse / dense, of the three passes alone, as in SWAT's tables."""
        return 1 - self.macs / self.dense_macs

    @property
    def reduction_with_updates(self) -> float | None:
        """The same with the updates, which are dense on both sides; None without their count."""
        if self.optimiser_macs is None:
            return None
        return 1 - (self.macs + self.optimiser_macs) / (self.dense_macs + self.optimiser_macs)


def total_work(
    layers: Iterable[LayerWork], *, input_layer_passes: int = 3, optimiser_macs: float | None = None
) -> TrainingWork:
    """Sum layers.

    Parameters
    ----------
    layers : iterable of LayerWork
    input_layer_passes : int
        3 counts the input layer like the others, which reproduces the published
        reductions; 2 leaves out the gradient of the images, which nobody needs.
    optimiser_macs : float, optional
        See `count_updates`.

    Raises
    ------
    UsageError
        If there is no work, or another number of passes.
    """
    if input_layer_passes not in (2, 3):
        raise UsageError(f"An input layer has 2 or 3 passes, not {input_layer_passes}.")
    chosen = list(layers)
    macs = dense = 0.0
    for layer in chosen:
        weight_passes = 2 if layer.needs_input_gradient else input_layer_passes - 1
        macs += layer.macs * (weight_passes * layer.weight_density + layer.activation_density)
        dense += layer.macs * (weight_passes + 1)
    if dense <= 0:
        raise UsageError("No training step was counted.", "Train before asking for its work.")
    return TrainingWork(
        macs=macs,
        dense_macs=dense,
        compared=_sum_known([layer.compared for layer in chosen]),
        optimiser_macs=optimiser_macs,
        evaluation_macs=_sum_known([layer.evaluation_macs for layer in chosen]),
    )


def _sum_known(counts: Sequence[_Count | None]) -> _Count | None:
    known = [count for count in counts if count is not None]
    return sum(known, start=known[0] * 0) if len(known) == len(counts) else None


def count_updates(module: nn.Module, steps: int, *, momentum: bool, weight_decay: bool) -> float:
    """Multiply-accumulates of plain gradient descent: 1 a parameter and step, 1 more for each."""
    parameters = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return float(parameters * steps * (1 + momentum + weight_decay))


def layer_macs(layer: nn.Module, output: torch.Tensor) -> int:
    """Multiply-accumulates of one dense pass of a linear or convolution layer."""
    weight: Any = layer.weight
    return int(output.numel() * (weight.numel() // weight.shape[0]))


def count_layers(module: nn.Module, example: torch.Tensor) -> tuple[LayerWork, ...]:
    """Dense work of each linear and 2-d convolution layer for one step on `example`.

    Parameters
    ----------
    module : torch.nn.Module
    example : Tensor
        A batch as the module takes it; its values do not matter.

    Returns
    -------
    tuple of LayerWork
        In the order in which they ran; all dense.
    """
    found: list[LayerWork] = []
    handles = []
    for name, layer in module.named_modules():
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue

        def count(layer: Any, _: Any, output: Any, name: str = name) -> None:
            first = not found
            found.append(
                LayerWork(
                    name=name,
                    weights=layer.weight.numel(),
                    steps=1,
                    macs=layer_macs(layer, output),
                    needs_input_gradient=not first,
                )
            )

        handles.append(layer.register_forward_hook(count))
    was_training = module.training
    try:
        module.eval()  # so that running statistics stay as they are
        with torch.no_grad():
            module(example)
    finally:
        module.train(was_training)
        for handle in handles:
            handle.remove()
    return tuple(found)


def plan_work(
    layers: Sequence[LayerWork], weight_sparsity: Mapping[str, Share], activation_sparsity: Share
) -> tuple[LayerWork, ...]:
    """Layers as they would be at nominal sparsity: a plan, no record of a training.

    Parameters
    ----------
    layers : sequence of LayerWork
        Of `count_layers`.
    weight_sparsity : mapping of str to float
        Of the sparse layers, by name; the others are dense.
    activation_sparsity : float
    """
    unknown = set(weight_sparsity) - {layer.name for layer in layers}
    if unknown:
        raise UsageError(f"There are no layers {sorted(unknown)}.")
    return tuple(
        LayerWork(
            name=layer.name,
            weights=layer.weights,
            steps=layer.steps,
            macs=layer.macs,
            weight_density=1 - float(exact(weight_sparsity[layer.name])),
            activation_density=1 - float(exact(activation_sparsity)),
            sparse=True,
            needs_input_gradient=layer.needs_input_gradient,
        )
        if layer.name in weight_sparsity
        else layer
        for layer in layers
    )
