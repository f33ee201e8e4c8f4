"""Energy of keeping data."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from footprint.units import WH_PER_KWH

Numbers = TypeVar("Numbers", float, np.ndarray)


def storage_energy(stored_gb_h: Numbers, power_w_per_gb: float, replication: float) -> Numbers:
    r"""Energy of storage.

    .. math:: E = V \cdot rep \cdot p

    Parameters
    ----------
    stored_gb_h : float or ndarray
        Volume times the time for which it is kept, V [GB h]; one copy.
    power_w_per_gb : float
        Power of the medium for what it holds, p [W/GB].
    replication : float
        Copies that the service keeps [1].

    Returns
    -------
    float or ndarray
        Energy before the overhead of the data centre, E [kWh].

    References
    ----------
    Form and constants of disks and flash: methodology of Cloud Carbon Footprint.
    """
    return stored_gb_h * (power_w_per_gb * replication / WH_PER_KWH)
