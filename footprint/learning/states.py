"""Weights of a module as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from footprint.errors import MissingExtra, UsageError

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtra.of("torch", "Reading the weights of a module") from error

Array = np.ndarray[Any, Any]


def arrays_of(module: nn.Module) -> dict[str, Array]:
    """Copy all parameters and running statistics as float32; counters are left out."""
    return {
        name: tensor.detach().to("cpu", torch.float32).numpy().copy()
        for name, tensor in module.state_dict().items()
        if tensor.is_floating_point()
    }


@torch.no_grad()
def load_arrays(module: nn.Module, arrays: Mapping[str, Array]) -> None:
    """Write arrays into a module, in place.

    Raises
    ------
    UsageError
        If names or shapes are not those of `arrays_of`.
    """
    state = {n: t for n, t in module.state_dict().items() if t.is_floating_point()}
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if shapes != {name: array.shape for name, array in arrays.items()}:
        raise UsageError("The arrays are not those of this module.")
    for name, tensor in state.items():
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))
