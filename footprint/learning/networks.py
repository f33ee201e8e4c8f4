"""Networks of the published and of our own experiments on sparse training.

`FourConvolutions` and `SmallConvolutional` are ours, for one-channel images of
28 x 28; `ResNet18` is the form for images of 32 x 32.
"""

from __future__ import annotations

from footprint.errors import MissingExtra, UsageError

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtra.of("torch", "Building networks") from error

# Our choice: it divides the channels at every width down to a quarter.
_GROUPS = 8


def _channels(full: int, width: float) -> int:
    channels = round(full * width)
    if not 0 < width <= 1 or channels < _GROUPS or channels % _GROUPS:
        raise UsageError(
            f"A layer of {full} channels cannot be {width} wide.",
            f"Choose a width within 0 and 1 that leaves a multiple of {_GROUPS} channels.",
        )
    return channels


class FourConvolutions(nn.Sequential):
    """Four 3 x 3 convolutions with group normalisation, and one linear layer.

    Parameters
    ----------
    width : float
        Share of the channels, within 0 and 1; 0.5 keeps the leading half of each layer.
    channels, classes : int
        Of the images, and of the answer.
    """

    def __init__(self, width: float = 1.0, channels: int = 1, classes: int = 10) -> None:
        layers: list[nn.Module] = []
        before = channels
        for full, stride in ((32, 2), (64, 2), (128, 2), (128, 1)):
            after = _channels(full, width)
            layers += [
                nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
                nn.GroupNorm(_GROUPS, after),
                nn.ReLU(),
            ]
            before = after
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes)]
        super().__init__(*layers)


class SmallConvolutional(nn.Sequential):
    """Two 5 x 5 convolutions, each with pooling, and two linear layers.

    The form of LEAF's network for FEMNIST, made small. Parameters as of `FourConvolutions`.
    """

    def __init__(self, width: float = 1.0, channels: int = 1, classes: int = 10) -> None:
        first, second, hidden = (_channels(full, width) for full in (16, 32, 256))
        super().__init__(
            nn.Conv2d(channels, first, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(second * 7 * 7, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )


class _Block(nn.Module):
    """Two 3 x 3 convolutions around a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images in, images out."""
        inner = torch.relu(self.norm1(self.conv1(images)))
        return torch.relu(self.norm2(self.conv2(inner)) + self.shortcut(images))


class ResNet18(nn.Sequential):
    """ResNet-18 for images of 32 x 32: no pooling at the start.

    Parameters
    ----------
    channels, classes : int

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(self, channels: int = 3, classes: int = 10) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
        ]
        before = 64
        for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [_Block(before, after, stride), _Block(after, after, 1)]
            before = after
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes)]
        super().__init__(*layers)
