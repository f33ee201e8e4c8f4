"""Baseline: those who emit least in this round, within what it may emit.

The worst of all on skewed data in our own trials: it keeps meeting the same clients.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.scheduling.arrays import ROUNDING, Indices, amounts


def choose_lowest_carbon(
    carbon_g: npt.ArrayLike, available_g: float, *, most: int | None = None
) -> tuple[int, ...]:
    """Choose by rising emissions.

    Parameters
    ----------
    carbon_g : array_like of shape (clients,)
        What each client would emit [gCO2e].
    available_g : float
        What the round may emit [gCO2e].
    most : int, optional
        Clients of a round. Default: as many as fit.

    Returns
    -------
    tuple of int
        Clients, rising by number.
    """
    own_g = amounts("carbon", carbon_g)
    order: Indices = np.argsort(own_g, kind="stable")[:most]
    spent_g = np.cumsum(own_g[order])
    fits = int(np.searchsorted(spent_g, available_g * (1 + ROUNDING), side="right"))
    return tuple(sorted(order[:fits].tolist()))
