"""Emissions of moving data."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Numbers = TypeVar("Numbers", float, np.ndarray)


def transfer_energy(data_gb: Numbers, transfer_kwh_per_gb: float) -> Numbers:
    r"""Energy of a network for a volume of data, by average intensity.

    .. math:: E = D \cdot \epsilon

    An allocational figure: the network's yearly energy over its yearly traffic.
    It answers "what share of the network is ours", not "what would be saved by
    sending less": the power of networks hardly follows their traffic.

    Parameters
    ----------
    data_gb : float or ndarray
        Volume, D [GB].
    transfer_kwh_per_gb : float
        Average intensity of the network path [kWh/GB].

    Returns
    -------
    float or ndarray
        Energy, E [kWh].

    References
    ----------
    Form and caution: J. Malmodin, "The power consumption of mobile and fixed
    network data services", Electronics Goes Green 2020.
    """
    return data_gb * transfer_kwh_per_gb
