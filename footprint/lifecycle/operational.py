"""Emissions of using electricity."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Numbers = TypeVar("Numbers", float, np.ndarray)


def operational_emissions(energy_kwh: Numbers, intensity_g_per_kwh: float, pue: float) -> Numbers:
    r"""Emissions of energy used by equipment.

    .. math:: O = E \cdot PUE \cdot I

    Parameters
    ----------
    energy_kwh : float or ndarray
        Energy of the equipment itself, E [kWh].
    intensity_g_per_kwh : float
        Grid intensity, I [gCO2e/kWh].
    pue : float
        Power usage effectiveness of the building, at least 1 [1]; 1 outside of
        data centres.

    Returns
    -------
    float or ndarray
        Emissions, O [gCO2e].

    References
    ----------
    ISO/IEC 21031:2024 (Software Carbon Intensity), O = E x I, with E including
    the overhead of a data centre inside the boundary.
    """
    return energy_kwh * (pue * intensity_g_per_kwh)
