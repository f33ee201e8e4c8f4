"""One sparse step of a linear or a convolution layer, after SWAT.

.. code-block:: text

    forward             out = f(A, topK(W))       weights sparse, activations dense
    gradient of input   G_A = f'(G, topK(W))      weights sparse, G dense
    gradient of weight  G_W = h(G, topK(A))       activations sparse, G dense
    update              W <- W - lr G_W           of all weights, kept or not

G and G_W are never sparse: that would freeze the support, and is another method.
The kernels are dense ones that multiply zeros, so nothing here saves time.

References
----------
Code and README of SWAT (sparse weight activation training),
github.com/AamirRaihan/SWAT, commit bbe271a.
"""

# ruff: noqa: ARG004 - the dense weight is an argument because it gets a gradient

from __future__ import annotations

from typing import Any

from footprint.errors import MissingExtra
from footprint.learning.masks import Share, exact, kept_count

try:
    import torch
    from torch import Tensor, nn
    from torch.autograd.function import once_differentiable
except ImportError as error:
    raise MissingExtra.of("torch", "Sparse training") from error

STRUCTURES = ("element", "channel", "filter")


def find_threshold(values: Tensor, sparsity: Share) -> Tensor:
    """k-th largest magnitude of the whole tensor, k = ceil((1 - s) n), of no dimension."""
    size = values.numel()
    count = kept_count(size, 1 - exact(sparsity))
    if count == size:
        # Not the smallest magnitude: used in later steps, it would drop what shrank since.
        return values.new_zeros(())
    return torch.kthvalue(values.reshape(-1), size - count + 1).values


def magnitudes(weight: Tensor, structure: str) -> Tensor:
    """Give what is compared: entries, or L1 norms of kernels or of filters.

    Parameters
    ----------
    weight : Tensor
        Of shape (out, in, height, width) for the last two.
    structure : str
        ``element``; ``channel`` for each kernel of one output and one input;
        ``filter`` for all of one output.

    Returns
    -------
    Tensor
        Broadcasts against `weight`.
    """
    sizes = weight.detach().abs()
    if structure == "element" or weight.dim() != 4:
        return sizes
    return sizes.sum(dim=(2, 3) if structure == "channel" else (1, 2, 3), keepdim=True)


def keep(values: Tensor, compared: Tensor, threshold: Tensor) -> Tensor:
    """`values`, with 0 where the magnitude is below the threshold.

    What is not a number is kept: a training that diverges must be seen to do so.
    """
    return values.masked_fill(compared < threshold, 0.0)


class SparseLinearStep(torch.autograd.Function):
    """A linear layer whose two backward products use what is given, not what came in."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, kept: tuple[Tensor, Tensor]
    ) -> Tensor:
        """`kept` are the sparse weights and the sparse inputs; `weight` is the dense parameter."""
        sparse_weight, sparse_inputs = kept
        ctx.save_for_backward(sparse_weight, sparse_inputs)
        return nn.functional.linear(inputs, sparse_weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        """Gradients of inputs, of all weights, and of the bias."""
        weight, inputs = ctx.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        of_inputs = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_inputs = flat.mm(weight).reshape(inputs.shape)
        if ctx.needs_input_grad[1]:
            of_weight = flat.t().mm(inputs.reshape(-1, inputs.shape[-1]))
        if ctx.needs_input_grad[2]:
            of_bias = flat.sum(dim=0)
        return of_inputs, of_weight, of_bias, None


class SparseConvolutionStep(torch.autograd.Function):
    """The same for a 2-d convolution without string or unusual padding."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        kept: tuple[Tensor, Tensor],
        shape: tuple[Any, ...],
    ) -> Tensor:
        """`shape` is stride, padding, dilation and groups."""
        sparse_weight, sparse_inputs = kept
        ctx.save_for_backward(sparse_weight, sparse_inputs)
        ctx.shape, ctx.bias = shape, None if bias is None else list(bias.shape)
        return nn.functional.conv2d(inputs, sparse_weight, bias, *shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        """Gradients of inputs, of all weights, and of the bias."""
        weight, inputs = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.shape
        of_inputs, of_weight, of_bias = torch.ops.aten.convolution_backward(
            gradient,
            inputs,
            weight,
            ctx.bias,
            stride,
            padding,
            dilation,
            False,
            [0, 0],
            groups,
            list(ctx.needs_input_grad[:3]),
        )
        return of_inputs, of_weight, of_bias, None, None
