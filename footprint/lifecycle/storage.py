"""Energy of keeping data, and making what it is kept on."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from footprint.units import S_PER_H, WH_PER_KWH

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


def storage_embodied(
    stored_gb_h: Numbers, made_g_per_gb: float, lifespan_s: float, replication: float
) -> Numbers:
    r"""Share of the making of the medium that stored data carries.

    .. math:: M = V \cdot rep \cdot \frac{m}{EL}

    Parameters
    ----------
    stored_gb_h : float or ndarray
        Volume times the time for which it is kept, V [GB h]; one copy.
    made_g_per_gb : float
        Emissions of making the medium, m [gCO2e/GB].
    lifespan_s : float
        Its expected life, EL [s].
    replication : float
        Copies that the service keeps [1].

    Returns
    -------
    float or ndarray
        Embodied emissions, M [gCO2e]; of the medium alone, filled to the brim, without the
        server around it.

    References
    ----------
    ISO/IEC 21031:2024 (Software Carbon Intensity), M = TE x TS x RS, with a gigabyte as the
    resource: our reading.
    """
    return stored_gb_h * (S_PER_H * made_g_per_gb * replication / lifespan_s)
