"""Baseline: add whoever brings most value per gram, within what a round may emit.

Cheap, without a queue or a weight, and in our own trials often as good as CAFE.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footprint.scheduling.arrays import amounts
from footprint.scheduling.coreset import Coreset
from footprint.scheduling.representatives import Representatives


def choose_by_value_per_gram(
    coreset: Coreset, carbon_g: npt.ArrayLike, available_g: float
) -> tuple[int, ...]:
    """Choose by marginal value over emissions.

    Parameters
    ----------
    coreset : Coreset
    carbon_g : array_like of shape (clients,)
        What each client would emit [gCO2e].
    available_g : float
        What the round may emit; see `footprint.scheduling.budget.Budget.available` [gCO2e].

    Returns
    -------
    tuple of int
        Clients, rising. Who brings nothing more is left out, who emits nothing comes first.
    """
    own_g = amounts("carbon", np.asarray(carbon_g, dtype=np.float64)[coreset.candidates])
    found = Representatives(coreset.cover)
    left_g = available_g
    while True:
        gains = found.gains()
        able = ~found.chosen & (gains > 0) & (own_g <= left_g)
        if not able.any():
            return tuple(sorted(coreset.candidates[found.chosen].tolist()))
        rates = np.full(len(gains), np.inf)
        np.divide(gains, own_g, out=rates, where=own_g > 0)
        best = int(np.where(able, rates, -np.inf).argmax())
        found.add(best)
        left_g -= float(own_g[best])
