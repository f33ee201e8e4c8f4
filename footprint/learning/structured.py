"""Whole filters are dropped, and the rest runs through smaller dense kernels.

What this saves is real on any machine. It is another method than sparse training
entry by entry: a dropped filter gets no gradient until `FilterTraining.choose` is
called again, and accuracy suffers more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from footprint.errors import MissingExtra, UsageError
from footprint.learning.masks import Share, exact, kept_count, largest

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingExtra.of("torch", "Training with fewer filters") from error


class FilteredConv2d(nn.Conv2d):
    """A convolution that computes some of its outputs; the others are their bias."""

    kept: Tensor

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that torch gives it
        """As with the other filters at 0."""
        weight = self.weight.index_select(0, self.kept)
        part = nn.functional.conv2d(
            input, weight, None, self.stride, self.padding, self.dilation, self.groups
        )
        return _scatter(part, self.kept, self.bias, self.out_channels)


class FilteredLinear(nn.Linear):
    """A linear layer that computes some of its outputs; the others are their bias."""

    kept: Tensor

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """As with the other rows at 0."""
        part = nn.functional.linear(
            input.reshape(-1, self.in_features), self.weight.index_select(0, self.kept)
        )
        whole = _scatter(part, self.kept, self.bias, self.out_features)
        return whole.reshape(*input.shape[:-1], self.out_features)


def _scatter(part: Tensor, kept: Tensor, bias: Tensor | None, outputs: int) -> Tensor:
    shape = (part.shape[0], outputs, *part.shape[2:])
    whole = part.new_zeros(shape).index_copy(1, kept, part)
    if bias is None:
        return whole
    return whole + bias.reshape(-1, *[1] * (part.dim() - 2))


class FilterTraining:
    """Makes layers of a module compute their largest filters only, until `detach`.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    sparsity : float
        Share of the filters of each layer that are dropped, from 0 to below 1.
    layers : collection of str
        Names of the convolution and linear layers that are meant.

    Raises
    ------
    UsageError
        If a layer does not exist or is of another kind, or has groups, whose filters
        do not see the same inputs.
    """

    def __init__(self, module: nn.Module, sparsity: Share, layers: Collection[str]) -> None:
        self._density = 1 - exact(sparsity)
        found = dict(module.named_modules())
        if self._density == 0 or not layers:
            raise UsageError("No filter or no layer is left.", "Drop fewer, name some layers.")
        for name in layers:
            layer = found.get(name)
            plain = type(layer) is nn.Linear or (
                type(layer) is nn.Conv2d and layer.groups == 1 and layer.padding_mode == "zeros"
            )
            if not plain:
                raise UsageError(
                    f"Layer {name!r} is no linear layer or plain convolution of this module.",
                    "Name others.",
                )
        self._layers: list[Any] = [found[name] for name in layers]
        self.choose()
        for layer in self._layers:
            linear = isinstance(layer, nn.Linear)
            layer.__class__ = FilteredLinear if linear else FilteredConv2d

    @torch.no_grad()
    def choose(self) -> None:
        """Choose the filters with the largest L1 norm anew."""
        for layer in self._layers:
            norms = layer.weight.detach().abs().flatten(1).sum(dim=1)
            count = kept_count(norms.numel(), self._density)
            mask = torch.from_numpy(largest(norms.cpu().numpy(), count))
            layer.kept = mask.nonzero().reshape(-1).to(layer.weight.device)

    def detach(self) -> None:
        """Leave the module as it was found."""
        for layer in self._layers:
            layer.__class__ = nn.Linear if isinstance(layer, nn.Linear) else nn.Conv2d
            del layer.kept
