"""Small models that train in seconds on a laptop."""

from __future__ import annotations

from footprint.errors import MissingExtra, UsageError
from footprint.model.kinds import Vocabulary

try:
    import torch
except ImportError as error:
    raise MissingExtra.of("torch", "Training") from error

_HIDDEN, _FILTERS = 64, (8, 16)


class ModelKind(Vocabulary):
    """What a model looks like."""

    SOFTMAX = "softmax"
    """Softmax regression, which begins at zero: convex."""
    MLP = "mlp"
    """One hidden layer of 64."""
    CNN = "cnn"
    """Two convolutions of 3 x 3 with 8 and 16 filters, each halved by its largest values."""


def make_model(
    kind: ModelKind, shape: tuple[int, int, int], classes: int, *, seed: int
) -> torch.nn.Module:
    """Make a model that gives one logit per class.

    Parameters
    ----------
    kind : ModelKind
    shape : tuple of int
        Channels, height and width of its images.
    classes : int
    seed : int
        The same one gives the same first parameters; that of torch is left alone.

    Raises
    ------
    UsageError
        If images are too small for convolutions.
    """
    channels, height, width = shape
    pixels = channels * height * width
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind is ModelKind.SOFTMAX:
            layer = torch.nn.Linear(pixels, classes)
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
            return torch.nn.Sequential(torch.nn.Flatten(), layer)
        if kind is ModelKind.MLP:
            return torch.nn.Sequential(
                torch.nn.Flatten(),
                torch.nn.Linear(pixels, _HIDDEN),
                torch.nn.ReLU(),
                torch.nn.Linear(_HIDDEN, classes),
            )
        if min(height, width) < 4:
            raise UsageError(f"Images of {height} x {width} are too small for convolutions.")
        first, second = _FILTERS
        return torch.nn.Sequential(
            torch.nn.Conv2d(channels, first, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(first, second, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Flatten(),
            torch.nn.Linear(second * (height // 4) * (width // 4), classes),
        )
