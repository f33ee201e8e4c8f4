"""Emissions of making the hardware, by the share that a task reserves."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from footprint.errors import UsageError

Numbers = TypeVar("Numbers", float, np.ndarray)


def embodied_share(
    total_g: float, reserved_s: Numbers, lifespan_s: float, resource_share: float = 1.0
) -> Numbers:
    r"""Embodied emissions that a task carries.

    .. math:: M = TE \cdot \frac{TiR}{EL} \cdot \frac{RR}{ToR}

    Parameters
    ----------
    total_g : float
        Emissions of making the device, TE [gCO2e].
    reserved_s : float or ndarray
        Time for which it is reserved, TiR [s].
    lifespan_s : float
        Its expected life, EL [s].
    resource_share : float
        Reserved over total resources, RR/ToR, within 0 and 1 [1].

    Returns
    -------
    float or ndarray
        Embodied emissions, M [gCO2e].

    Raises
    ------
    UsageError
        If the lifespan is not positive, or the share is not within 0 and 1.

    References
    ----------
    ISO/IEC 21031:2024 (Software Carbon Intensity), M = TE x TS x RS. Its check
    value: 1,000 kg over 4 years, used for 1 h, gives 28.5 g.
    """
    if not lifespan_s > 0:
        raise UsageError(f"A lifespan must be positive, not {lifespan_s} s.")
    if not 0 <= resource_share <= 1:
        raise UsageError(f"A share of resources lies within 0 and 1, not at {resource_share}.")
    return reserved_s * (total_g / lifespan_s * resource_share)
