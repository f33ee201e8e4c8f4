"""Hardware classes of FedZero's evaluation, as data.

Source of all figures: github.com/dos-group/fedzero, commit 1c8ae6a3 (MIT licence). Speeds are
those of three accelerators, divided by a hundred and by a factor for the size of the model;
powers are their full load, whatever the task. The code gives the large class 700 W, and says
400 W in a comment; here it is what the code computes with.
"""

from __future__ import annotations

from dataclasses import dataclass

from footprint.errors import UsageError


@dataclass(frozen=True, slots=True)
class HardwareClass:
    """A class of devices.

    Attributes
    ----------
    name : str
    power_w : float
        At full load [W].
    images_per_s : float
        Before all divisions [1/s].
    device : str
        What the source says it is, as a device class of our catalogue.
    """

    name: str
    power_w: float
    images_per_s: float
    device: str

    def units_per_s(self, size: float) -> float:
        """Give the batches that it does at full speed for a model of some size [batches/s]."""
        return self.images_per_s / BATCH / SLOWDOWN / size

    def energy_per_unit_ws(self, size: float) -> float:
        """Give the energy of a batch for a model of some size [Ws]."""
        return self.power_w / self.units_per_s(size)


BATCH = 10
"""Samples of a batch, the unit of work."""
SLOWDOWN = 100
LEAST_EPOCHS, MOST_EPOCHS = 1, 5
"""Local epochs of a round, at least and at most."""

CLASSES = {
    one.name: one
    for one in (
        HardwareClass("small", 70.0, 183.0, "gpu.t4"),
        HardwareClass("mid", 300.0, 639.0, "gpu.v100_sxm2_16gb"),
        HardwareClass("large", 700.0, 1237.0, "gpu.a100_sxm4_40gb"),
    )
}

SIZES = {
    "cifar10": 1.0,  # ResNet-18
    "cifar100": 1.5,  # DenseNet-121
    "tiny_imagenet": 1.4,  # EfficientNet-B1
    "shakespeare": 1.5,  # 2-layer LSTM
    "speech": 1.9,  # KWT-1
}
"""Factor for the size of the model of each task."""


def find_class(name: str) -> HardwareClass:
    """Look a class up.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in CLASSES:
        raise UsageError(
            f"There is no hardware class {name!r}.", f"Use one of: {', '.join(CLASSES)}."
        )
    return CLASSES[name]


def find_size(task: str) -> float:
    """Look the size factor of a task up.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if task not in SIZES:
        raise UsageError(f"There is no task {task!r}.", f"Use one of: {', '.join(SIZES)}.")
    return SIZES[task]
