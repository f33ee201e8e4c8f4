"""Networks of the published and of our own experiments on sparse training.

`FourConvolutions` and `SmallConvolutional` are ours, for small images such as those of
28 x 28; `ResNet18` is the form for images of 32 x 32.
"""

from __future__ import annotations

from footprint.errors import MissingExtra, UsageError
from footprint.model.kinds import Vocabulary

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

    The form of LEAF's network for FEMNIST, made small. Parameters as of `FourConvolutions`;
    `size` is the height and the width of images.
    """

    def __init__(
        self, width: float = 1.0, channels: int = 1, classes: int = 10, size: int = 28
    ) -> None:
        if size < 4:
            raise UsageError(f"Images of {size} x {size} are too small to be halved twice.")
        first, second, hidden = (_channels(full, width) for full in (16, 32, 256))
        super().__init__(
            nn.Conv2d(channels, first, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(second * (size // 4) ** 2, hidden),
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


class NetworkKind(Vocabulary):
    """Networks that go by a name in manifests."""

    FOUR = "four-convolutions"
    SMALL = "small-convolutional"
    RESNET = "resnet-18"


def make_network(
    kind: NetworkKind,
    shape: tuple[int, int, int],
    classes: int,
    *,
    width: float = 1.0,
    seed: int = 0,
) -> nn.Module:
    """Make a network that gives one logit per class.

    Parameters
    ----------
    kind : NetworkKind
    shape : tuple of int
        Channels, height and width of its images.
    classes : int
    width : float
        Share of the channels.
    seed : int
        The same one gives the same first parameters; that of torch is left alone.

    Raises
    ------
    UsageError
        If the network cannot have this width, or take such images.
    """
    channels, height, wide = shape
    if kind is NetworkKind.SMALL and height != wide:
        raise UsageError(f"The network {kind} takes square images, not {height} x {wide}.")
    if kind is NetworkKind.RESNET and width != 1:
        raise UsageError(
            f"The network {kind} has no narrower form.",
            f"Use {NetworkKind.FOUR} or {NetworkKind.SMALL} for widths.",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind is NetworkKind.RESNET:
            return ResNet18(channels, classes)
        if kind is NetworkKind.SMALL:
            return SmallConvolutional(width, channels, classes, height)
        return FourConvolutions(width, channels, classes)
