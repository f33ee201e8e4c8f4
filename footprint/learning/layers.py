"""Which layers of a module are sparse, and how much each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from math import prod
from typing import Any

from footprint.errors import MissingExtra, UsageError
from footprint.learning.masks import Share, exact

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtra.of("torch", "Sparse training") from error

# Groups of layers that can be named instead of each.
KINDS = ("first", "last", "pointwise")

Sparsities = Share | Mapping[str, Share]


def find_layers(module: nn.Module) -> dict[str, nn.Module]:
    """Linear and 2-d convolution layers by name, in the order of the module's definition."""
    layers: dict[str, nn.Module] = {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    }
    if any(hasattr(layer, "choice") for layer in layers.values()):
        raise UsageError("The module is trained sparsely already.", "Call detach first.")
    return layers


def find_dense(layers: Mapping[str, nn.Module], dense: Collection[str]) -> set[str]:
    """Names of the layers that stay dense; see `sparse.SparseTraining`."""
    names = list(layers)
    unknown = set(dense) - set(names) - set(KINDS)
    if unknown:
        raise UsageError(
            f"There are no layers {sorted(unknown)}.",
            f"Give one of {', '.join([*KINDS, *names])}.",
        )
    excluded = set(dense) & set(names)
    if "first" in dense:
        excluded |= set(names[:1])
    if "last" in dense:
        excluded |= set(names[-1:])
    if "pointwise" in dense:
        excluded |= {
            name
            for name, layer in layers.items()
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
        }
    return excluded


def sparsity_of(name: str, sparsity: Sparsities, layers: Collection[str]) -> Share | None:
    """Sparsity of one layer; None if only others were named."""
    if isinstance(sparsity, Mapping):
        unknown = set(sparsity) - set(layers)
        if unknown:
            raise UsageError(f"There are no layers {sorted(unknown)} to be sparse.")
        if name not in sparsity:
            return None
        sparsity = sparsity[name]
    value = exact(sparsity)
    if value == 1:
        raise UsageError("A sparsity of 1 leaves nothing.", "Give a number below 1.")
    return value


def check_layer(name: str, layer: nn.Module) -> None:
    """Refuse what the sparse step would compute otherwise."""
    if type(layer) not in (nn.Linear, nn.Conv2d):
        raise UsageError(
            f"Layer {name!r} is a {type(layer).__name__}, whose own steps are not known.",
            "Name it among the dense layers.",
        )
    if isinstance(layer, nn.Conv2d) and (
        isinstance(layer.padding, str) or layer.padding_mode != "zeros"
    ):
        raise UsageError(
            f"Layer {name!r} pads in a way that is not supported.",
            "Give its padding as numbers of zeros, or name it among the dense layers.",
        )


def spread_sparsity(
    module: nn.Module, sparsity: Share, *, dense: Collection[str] = ("first", "last")
) -> dict[str, Share]:
    r"""Sparsity of each layer after Erdos and Renyi: small kernels keep more of their weights.

    The density of a layer is :math:`\epsilon (i + o + h + w) / (i o h w)` with its inputs,
    outputs, height and width, at most 1; epsilon is such that all layers together have
    the wanted sparsity.

    Parameters
    ----------
    module : torch.nn.Module
    sparsity : float
        Of all sparse layers together, from 0 to below 1.
    dense : collection of str
        As of `sparse.SparseTraining`.

    Returns
    -------
    dict of str to Fraction
        For `sparse.SparseTraining`.

    References
    ----------
    U. Evci et al., "Rigging the lottery: making all tickets winners", ICML 2020,
    arXiv 1911.11134, section 3 (ERK).
    """
    shapes = _sparse_shapes(module, dense)
    return _share_out(
        shapes, {name: Fraction(sum(shape)) for name, shape in shapes.items()}, sparsity
    )


def spread_by_momentum(
    module: nn.Module,
    sparsity: Share,
    momenta: Mapping[str, float],
    *,
    dense: Collection[str] = ("first", "last"),
) -> dict[str, Share]:
    """Sparsity of each layer by momentum: layers whose weights move more keep more of them.

    What all layers together keep is shared out in proportion to the mean magnitude of the
    momentum of each; a layer keeps no more than all of its weights, and the others get the rest.

    Parameters
    ----------
    module : torch.nn.Module
    sparsity : float
        Of all sparse layers together, from 0 to below 1.
    momenta : mapping of str to float
        Mean magnitude by name of the layer; see `mean_momenta`.
    dense : collection of str
        As of `sparse.SparseTraining`.

    Returns
    -------
    dict of str to Fraction
        For a new `sparse.SparseTraining`, after `detach` of the one before.

    Notes
    -----
    SWAT-M redistributes densities so during training. When, and that shares are in proportion
    at once instead of by pruning and regrowing, is our reading.

    References
    ----------
    T. Dettmers, L. Zettlemoyer, "Sparse networks from scratch: faster training without losing
    performance", arXiv 1907.04840 (sparse momentum); code of SWAT, as in `swat`.
    """
    shapes = _sparse_shapes(module, dense)
    scores = {name: momenta.get(name, -1.0) for name in shapes}
    if not all(0 <= score < float("inf") for score in scores.values()) or not any(scores.values()):
        raise UsageError(
            f"There is no momentum of the layers {', '.join(scores)}.",
            "Take steps with an optimiser that has one, and give that of each sparse layer.",
        )
    # A layer that stands still keeps something, else it could never move again.
    least = min(score for score in scores.values() if score > 0) / 100
    weights = {
        name: Fraction(max(score, least)) * prod(shapes[name]) for name, score in scores.items()
    }
    return _share_out(shapes, weights, sparsity)


def mean_momenta(module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, float]:
    """Mean magnitude of the momentum of each layer's weights, of an optimiser that has one."""
    found = {}
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):  # trained sparsely or not
            buffer = optimiser.state.get(layer.weight, {}).get("momentum_buffer")
            if buffer is not None:
                found[name] = float(buffer.abs().mean())
    return found


def _sparse_shapes(module: nn.Module, dense: Collection[str]) -> dict[str, tuple[int, ...]]:
    layers = find_layers(module)
    excluded = find_dense(layers, dense)
    shapes: dict[str, tuple[int, ...]] = {}
    for name in layers:
        weight: Any = layers[name].weight
        if name not in excluded:
            shapes[name] = tuple(weight.shape)
    return shapes


def _share_out(
    shapes: Mapping[str, tuple[int, ...]], scores: Mapping[str, Fraction], sparsity: Share
) -> dict[str, Share]:
    """Share what is kept by scores, at most all of a layer, exactly."""
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    wanted = (1 - exact(sparsity)) * sum(sizes.values())
    if not wanted:
        raise UsageError("Nothing would be left.", "Give a sparsity below 1 and some layers.")
    full: set[str] = set()
    while True:
        rest = {name: scores[name] for name in shapes if name not in full}
        left = wanted - sum(sizes[name] for name in full)
        scale = left / sum(rest.values()) if rest else Fraction(0)
        crowded = {name for name in rest if scale * rest[name] > sizes[name]}
        if not crowded:
            break
        full |= crowded  # as dense as can be; the others share the rest
    return {
        name: Fraction(0) if name in full else 1 - scale * rest[name] / sizes[name]
        for name in shapes
    }
