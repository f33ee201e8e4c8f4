r"""Large linear layers that are really sparse: their support is frozen for a while.

Forward pass, gradient of the input and gradient of the kept weights are products with
a matrix in CSR; dropped weights take part in none of them and get no gradient:

.. code-block:: text

    Y = X S^T        G_X = G S        G_S = (G^T X) at the support of S only

This is a variant, not SWAT: with gradients for all weights, and with all of them
updated, the gain of the kernels is eaten up. A support serves a client's round, say.
Whoever wants other weights to come back takes a step of `sparse.SparseTraining`
between `FrozenSupport.thaw` and the next freezing. Convolutions stay as they are: as
products of matrices they would have to be unfolded first, which costs more than it saves.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

from footprint.errors import MissingExtra, UsageError
from footprint.learning.masks import Share, exact, kept_count, largest

try:
    import torch
    from torch import Tensor, nn
    from torch.autograd.function import once_differentiable
except ImportError as error:
    raise MissingExtra.of("torch", "Sparse training") from error

# Large enough to pay for the choice of a support; smaller layers were not measured.
LEAST_WEIGHTS = 1_000_000


class _Support:
    """Where the kept weights of a matrix stand, by rows and by columns."""

    def __init__(self, mask: Tensor) -> None:
        outputs, inputs = mask.shape
        rows, columns = mask.nonzero(as_tuple=True)
        self.shape = (outputs, inputs)
        self.starts = _starts(rows, outputs)
        self.columns = columns.int()
        # The same values in the order of columns, for the transposed product.
        order = torch.argsort(columns, stable=True)
        self.order = order.int()
        self.starts_turned = _starts(columns, inputs)
        self.columns_turned = rows[order].int()
        self.rows, self.columns_long = rows, columns

    def matrix(self, values: Tensor) -> Tensor:
        return _csr(self.starts, self.columns, values, self.shape)

    def turned(self, values: Tensor) -> Tensor:
        ordered = torch.index_select(values, 0, self.order)
        return _csr(self.starts_turned, self.columns_turned, ordered, self.shape[::-1])


def _starts(numbers: Tensor, count: int) -> Tensor:
    ends = torch.bincount(numbers, minlength=count).cumsum(0)
    return nn.functional.pad(ends, (1, 0)).int()


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


class _FrozenStep(torch.autograd.Function):
    """A linear layer in CSR."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, values: Tensor, support: _Support) -> Tensor:
        ctx.save_for_backward(inputs, values)
        ctx.support = support
        return (support.matrix(values) @ inputs.t()).t()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        inputs, values = ctx.saved_tensors
        support: _Support = ctx.support
        of_inputs = of_values = None
        if ctx.needs_input_grad[0]:
            of_inputs = (support.turned(values) @ gradient.t()).t()
        if ctx.needs_input_grad[1]:
            pattern = support.matrix(values)
            of_values = torch.sparse.sampled_addmm(pattern, gradient.t(), inputs, beta=0.0).values()
        return of_inputs, of_values, None


class FrozenLinear(nn.Module):
    """A linear layer that keeps its largest weights, in CSR.

    Parameters
    ----------
    layer : torch.nn.Linear
        Stays as it is until `thaw` writes the trained values into it.
    sparsity : float
        Share of weights that are dropped, from 0 to below 1.
    """

    def __init__(self, layer: nn.Linear, sparsity: Share) -> None:
        super().__init__()
        dropped = exact(sparsity)
        weight = layer.weight.detach()
        if dropped == 1:
            raise UsageError("A sparsity of 1 leaves nothing.", "Give a number below 1.")
        if weight.device.type != "cpu" or not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
            raise UsageError(
                "Products in CSR are faster only on a processor, and need MKL.",
                "Use a build of torch with MKL, or train this layer densely.",
            )
        _silence_beta_warning()
        mask = largest(weight.numpy(), kept_count(weight.numel(), 1 - dropped))
        self._support = _Support(torch.from_numpy(mask))
        self._layer = [layer]  # in a list, so that it is no part of this module
        self.values = nn.Parameter(weight[self._support.rows, self._support.columns_long])
        self.bias = layer.bias

    def forward(self, inputs: Tensor) -> Tensor:
        """As of the layer, with the kept weights alone."""
        flat = inputs.reshape(-1, inputs.shape[-1])
        output: Tensor = _FrozenStep.apply(flat, self.values, self._support)  # type: ignore[no-untyped-call]
        if self.bias is not None:
            output = output + self.bias
        return output.reshape(*inputs.shape[:-1], output.shape[-1])

    @torch.no_grad()
    def thaw(self) -> nn.Linear:
        """Write the trained values into the layer and give it; dropped weights are as before."""
        (layer,) = self._layer
        layer.weight[self._support.rows, self._support.columns_long] = self.values
        return layer


class FrozenSupport:
    """Freezes the large linear layers of a module, until `thaw`.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place. Its parameters become others: make the optimiser afterwards.
    sparsity : float
        As of `FrozenLinear`.
    least_weights : int
        Smaller layers stay dense.
    layers : collection of str, optional
        Names of those that are meant; all, if left out.

    Raises
    ------
    UsageError
        If no layer is that large, or the sparsity cannot mean anything.
    """

    def __init__(
        self,
        module: nn.Module,
        sparsity: Share,
        *,
        least_weights: int = LEAST_WEIGHTS,
        layers: Collection[str] | None = None,
    ) -> None:
        self._places: list[tuple[nn.Module, str, FrozenLinear]] = []
        for path, parent in list(module.named_modules()):
            for name, layer in list(parent.named_children()):
                meant = layers is None or f"{path}.{name}".lstrip(".") in layers
                large = type(layer) is nn.Linear and layer.weight.numel() >= least_weights
                if meant and large:
                    self._places.append((parent, name, FrozenLinear(layer, sparsity)))
        if not self._places:
            raise UsageError(
                f"No linear layer that may be sparse has {least_weights:,} weights or more.",
                "Frozen supports pay for large layers only; least_weights (frozen_from in the "
                "[network] of a study) takes smaller ones, and dense names those that never are.",
            )
        for parent, name, frozen in self._places:
            setattr(parent, name, frozen)

    def thaw(self) -> None:
        """Put the linear layers back, with what was learnt."""
        for parent, name, frozen in self._places:
            setattr(parent, name, frozen.thaw())


def _silence_beta_warning() -> None:
    """Let torch say once, unheard, that CSR is in beta: nobody who trains can act on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        index = torch.zeros(1, dtype=torch.int32)
        _csr(nn.functional.pad(index, (0, 1)), index[:0], torch.zeros(0), (1, 1))
