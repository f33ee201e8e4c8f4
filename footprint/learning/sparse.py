"""Sparse training around any module with linear and 2-d convolution layers.

.. code-block:: python

    sparse = SparseTraining(model, 0.9, 0.9, period=10, dense=("first", "last"))
    train(model)                      # as ever; the optimiser sees dense parameters
    accuracy(model, ...)              # with the largest weights, as it was trained
    with sparse.made_dense():         # how the same model does with all of its weights
        accuracy(model, ...)
    total_work(sparse.work())         # what was reached, layer by layer

Names and shapes of the parameters stay as they are. This emulates sparse
training with dense kernels: it is for research, and costs more time than dense
training. What saves time is in `structured` and `frozen`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from footprint.errors import MissingExtra, UsageError
from footprint.learning import swat
from footprint.learning.flops import LayerWork, layer_macs
from footprint.learning.layers import (
    Sparsities,
    check_layer,
    find_dense,
    find_layers,
    sparsity_of,
)
from footprint.learning.masks import Share

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtra.of("torch", "Sparse training") from error


@dataclass(slots=True)
class _Tally:
    """Sums over steps; those that need the data of a step stay on its device."""

    steps: int = 0
    macs: float = 0.0
    weight_macs: Any = 0.0
    activation_macs: Any = 0.0
    compared: int = 0
    evaluation_macs: Any = 0.0
    needs_input_gradient: bool = False


@dataclass(slots=True)
class _Choice:
    """How a layer chooses, and the thresholds that it last found."""

    weight_sparsity: Share
    activation_sparsity: Share
    period: int
    structure: str
    tally: _Tally = field(default_factory=_Tally)
    steps: int = 0
    thresholds: tuple[Tensor, Tensor] | None = None

    def keep(self, inputs: Tensor, weight: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
        """Weights for two passes, and inputs for the third."""
        compared = swat.magnitudes(weight, self.structure)
        if not training:
            bar = swat.find_threshold(compared, self.weight_sparsity)
            return swat.keep(weight, compared, bar), inputs
        sizes = inputs.abs()
        looked_at = weight.numel() + inputs.numel()
        if self.thresholds is None or self.steps % self.period == 0:
            self.thresholds = (
                swat.find_threshold(compared, self.weight_sparsity),
                swat.find_threshold(sizes, self.activation_sparsity),
            )
            looked_at *= 2
        self.steps += 1
        self.tally.compared += looked_at
        of_weight, of_inputs = self.thresholds
        return swat.keep(weight, compared, of_weight), swat.keep(inputs, sizes, of_inputs)

    def count(self, kept: tuple[Tensor, Tensor], macs: int, *, training: bool) -> None:
        """Add what this pass would cost without its zeros."""
        weight, inputs = kept
        weight_macs = weight.count_nonzero().double() * (macs / max(weight.numel(), 1))
        if not training:
            self.tally.evaluation_macs += weight_macs
            return
        self.tally.steps += 1
        self.tally.macs += macs
        self.tally.weight_macs += weight_macs
        share = macs / max(inputs.numel(), 1)
        self.tally.activation_macs += inputs.count_nonzero().double() * share


class SparseLinear(nn.Linear):
    """A linear layer that `SparseTraining` has taken over."""

    choice: _Choice

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that torch gives it
        """As of the layer it was, with the largest weights."""
        return _run(self, swat.SparseLinearStep, input)


class SparseConv2d(nn.Conv2d):
    """A convolution layer that `SparseTraining` has taken over."""

    choice: _Choice

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """As of the layer it was, with the largest weights."""
        shape = (self.stride, self.padding, self.dilation, self.groups)
        return _run(self, swat.SparseConvolutionStep, input, shape)


def _run(layer: SparseLinear | SparseConv2d, step: Any, inputs: Tensor, *shape: Any) -> Tensor:
    choice = layer.choice
    training = layer.training and torch.is_grad_enabled()
    kept = choice.keep(inputs.detach(), layer.weight.detach(), training=training)
    output: Tensor = step.apply(inputs, layer.weight, layer.bias, kept, *shape)
    choice.count(kept, layer_macs(layer, output), training=training)
    if training:
        choice.tally.needs_input_gradient |= inputs.requires_grad
    return output


class SparseTraining:
    """Makes the layers of a module sparse, until `detach`.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place: its linear and 2-d convolution layers get another class.
    weight_sparsity : float or mapping of str to float
        Share of weights that are 0 in forward passes and in gradients of inputs, from
        0 to below 1: of every sparse layer, or of each by name (a layer that is not
        named stays dense).
    activation_sparsity : float or mapping of str to float
        Share of inputs of a layer that are 0 in gradients of weights.
    period : int
        Steps for which a threshold is used before it is found anew. Densities drift
        meanwhile; `work` tells those that were reached.
    dense : collection of str
        Layers that stay as they are: names, ``first`` and ``last`` in the order of the
        module's definition, ``pointwise`` for convolutions of 1 x 1. Biases and
        normalisation are never sparse.
    structure : str
        ``element``, or for convolutions ``channel`` (whole kernels) or ``filter``
        (whole outputs), by L1 norm.

    Raises
    ------
    UsageError
        If a number or a name cannot mean anything, no layer is left, or a layer has
        padding that is not supported.

    Notes
    -----
    The rule is SWAT's as used by ZeroFL: magnitudes are compared within one tensor, for
    activations within that of the whole batch. Evaluation (`module.eval()`, or without
    gradients) finds thresholds exactly, each time.

    References
    ----------
    X. Qiu et al., "ZeroFL: Efficient On-Device Training for Federated Learning with
    Local Sparsity", ICLR 2022, arXiv 2208.02507; code of SWAT,
    github.com/AamirRaihan/SWAT, commit bbe271a.
    """

    def __init__(
        self,
        module: nn.Module,
        weight_sparsity: Sparsities,
        activation_sparsity: Sparsities,
        *,
        period: int = 10,
        dense: Collection[str] = ("first", "last"),
        structure: str = "element",
    ) -> None:
        if period < 1 or structure not in swat.STRUCTURES:
            raise UsageError(
                f"A period of {period} steps and the structure {structure!r} cannot be used.",
                f"Give at least 1 step and one of {', '.join(swat.STRUCTURES)}.",
            )
        layers = find_layers(module)
        excluded = find_dense(layers, dense)
        self.module = module
        self._layers = layers
        self._sparse: dict[str, SparseLinear | SparseConv2d] = {}
        self._choices: dict[str, _Choice] = {}
        self._dense: dict[str, _Tally] = {}
        self._hooks: list[Any] = []
        for name in layers:
            of_weight = sparsity_of(name, weight_sparsity, layers)
            of_inputs = sparsity_of(name, activation_sparsity, layers)
            if name not in excluded and of_weight is not None and of_inputs is not None:
                check_layer(name, layers[name])
                self._choices[name] = _Choice(of_weight, of_inputs, period, structure)
        if not self._choices:
            raise UsageError(
                f"No layer would be sparse: {', '.join(layers) or 'there are none'}.",
                "Leave fewer layers dense.",
            )
        # Nothing is changed before everything was checked.
        for name, layer in layers.items():
            if name in self._choices:
                self._take_over(name, layer)
            else:
                self._watch(name, layer)

    def _take_over(self, name: str, layer: Any) -> None:
        layer.choice = self._choices[name]
        _make_sparse(layer)
        self._sparse[name] = layer

    def _watch(self, name: str, layer: nn.Module) -> None:
        tally = self._dense[name] = _Tally()

        def count(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            macs = layer_macs(layer, output)
            if layer.training and torch.is_grad_enabled():
                tally.steps += 1
                tally.macs += macs
                tally.needs_input_gradient |= inputs[0].requires_grad
            else:
                tally.evaluation_macs += macs

        self._hooks.append(layer.register_forward_hook(count))

    @property
    def sparse_parameters(self) -> frozenset[str]:
        """Names of the weights that are sparse, as in the state of the module."""
        return frozenset(f"{name}.weight".lstrip(".") for name in self._choices)

    @property
    def weight_sparsity(self) -> dict[str, Share]:
        """Nominal sparsity of the weights of each sparse layer."""
        return {name: choice.weight_sparsity for name, choice in self._choices.items()}

    def forget_thresholds(self) -> None:
        """Find all thresholds anew in the next step: after other weights were loaded."""
        for choice in self._choices.values():
            choice.thresholds, choice.steps = None, 0

    def work(self) -> tuple[LayerWork, ...]:
        """Tell what each layer did since the start, with the densities that were reached."""
        found = []
        for name, layer in self._layers.items():
            sparse = name in self._choices
            tally = self._choices[name].tally if sparse else self._dense[name]
            known = sparse and tally.macs > 0
            weight: Any = layer.weight
            found.append(
                LayerWork(
                    name=name,
                    weights=weight.numel(),
                    steps=tally.steps,
                    macs=tally.macs,
                    weight_density=float(tally.weight_macs) / tally.macs if known else 1.0,
                    activation_density=float(tally.activation_macs) / tally.macs if known else 1.0,
                    sparse=sparse,
                    needs_input_gradient=tally.needs_input_gradient,
                    compared=tally.compared,
                    evaluation_macs=float(tally.evaluation_macs),
                )
            )
        return tuple(found)

    @contextmanager
    def made_dense(self) -> Iterator[None]:
        """All weights count inside of this block. A model trained sparsely may fail so."""
        try:
            for layer in self._sparse.values():
                _give_back(layer)
            yield
        finally:
            for layer in self._sparse.values():
                _make_sparse(layer)

    def detach(self) -> None:
        """Leave the module as it was found; `work` stays readable."""
        for layer in self._sparse.values():
            _give_back(layer)
            del layer.choice
        self._sparse.clear()
        for hook in self._hooks:
            hook.remove()


def _give_back(layer: Any) -> None:
    layer.__class__ = nn.Linear if isinstance(layer, nn.Linear) else nn.Conv2d


def _make_sparse(layer: Any) -> None:
    layer.__class__ = SparseLinear if isinstance(layer, nn.Linear) else SparseConv2d
