"""The three classes of clients in FedZero's evaluation.

References
----------
Public code of FedZero, github.com/dos-group/fedzero, commit 1c8ae6a3: rates of images of
each class (NVIDIA T4, V100, A100), all divided by 100 and by a factor for the size of the
model. The figures are kept as they stand there, the 700 W of the A100 included, of which a
comment in that code says 400 W. They are a scenario, not facts about devices: for those see
the emission factors.
"""

from __future__ import annotations

from dataclasses import dataclass

BATCH_SIZE = 10
STEP_S = 60.0

# By this the rates are divided, so that the clients are about as slow as small ones.
_SLOWDOWN = 100.0


@dataclass(frozen=True, slots=True)
class HardwareClass:
    """A class of clients.

    Attributes
    ----------
    power_w : float
        At full load [W].
    images_per_s : float
        Before slowing down, for a model of size factor 1 [1/s].
    """

    power_w: float
    images_per_s: float


HARDWARE = {
    "small": HardwareClass(70.0, 183.0),
    "mid": HardwareClass(300.0, 639.0),
    "large": HardwareClass(700.0, 1237.0),
}

SIZE_FACTORS = {
    "cifar10": 1.0,
    "cifar100": 1.5,
    "tiny_imagenet": 1.4,
    "shakespeare": 1.5,
    "speech": 1.9,
}


def full_speed(hardware: HardwareClass, size_factor: float) -> float:
    r"""Batches that a client of a class computes in a step of one minute.

    .. math:: m = \frac{v \cdot 60}{10 \cdot 100 f}
    """
    return hardware.images_per_s * STEP_S / (BATCH_SIZE * _SLOWDOWN * size_factor)


def energy_per_batch(hardware: HardwareClass, size_factor: float) -> float:
    r"""Energy of a batch [Ws].

    .. math:: \delta = \frac{P}{v} \cdot 10 \cdot 100 f
    """
    return hardware.power_w / hardware.images_per_s * BATCH_SIZE * _SLOWDOWN * size_factor
