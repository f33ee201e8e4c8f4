"""Baseline: the clients with the lowest mean intensity, fixed for the whole run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import amounts


def choose_static_cleanest(mean_intensity: npt.ArrayLike, count: int) -> tuple[int, ...]:
    """Choose the cleanest places.

    Parameters
    ----------
    mean_intensity : array_like of shape (clients,)
        Of a period before the run, or the run itself was known in advance [gCO2e/kWh].
    count : int

    Returns
    -------
    tuple of int
        Clients, rising by number; of equal ones the first.
    """
    means = amounts("mean intensity", mean_intensity)
    if not 0 <= count <= len(means):
        raise UsageError(f"{count} of {len(means)} clients cannot be chosen.")
    return tuple(sorted(np.argsort(means, kind="stable")[:count].tolist()))
