r"""A score of data utility and low carbon, in the spirit of EcoLearn; the forms are ours.

.. math:: s_i = u_i^a \left(\frac{\min_j c_j}{c_i}\right)^{1 - a}

EcoLearn picks clients by utility and low carbon, provisions more of them in early rounds, and
provisions against stragglers by carbon. Its formulas were not verified: nothing here
reproduces it.

Idea: Mehboob, Bashir et al., "EcoLearn", arXiv 2310.17972 v2.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, amounts


def carbon_utility_scores(
    utility: npt.ArrayLike, carbon_g: npt.ArrayLike, *, balance: float = 0.5
) -> Array:
    """Score clients, shape (clients,).

    Parameters
    ----------
    utility : array_like of shape (clients,)
        Of their data, within 0 and 1 [1].
    carbon_g : array_like of shape (clients,)
        What each would emit, above 0 [gCO2e].
    balance : float
        a: 1 looks at utility alone, 0 at carbon alone.
    """
    own_g = amounts("carbon", carbon_g)
    worth = amounts("utility", utility, count=len(own_g))
    if not 0 <= balance <= 1 or worth.max(initial=0.0) > 1:
        raise UsageError(
            f"Found a balance of {balance} and utilities up to {worth.max(initial=0.0):g}, "
            "expected both within 0 and 1."
        )
    if not np.all(own_g > 0):
        raise UsageError("A client that emits nothing has no ratio of carbon.")
    scores: Array = worth**balance * (own_g.min(initial=np.inf) / own_g) ** (1 - balance)
    return scores


def provisioned_count(round_number: int, *, most: int, least: int, until: int) -> int:
    r"""Clients of a round: many in the beginning, few from a round on.

    .. math:: K_t = K_{max} - (K_{max} - K_{min}) \min(1, t / t_0)

    Parameters
    ----------
    round_number : int
        t, from 0 on.
    most, least : int
        K_max and K_min.
    until : int
        t_0, the first round with the fewest.
    """
    if not (0 <= least <= most and until >= 1 and round_number >= 0):
        raise UsageError(f"Found at least {least}, at most {most}, until round {until}.")
    return math.ceil(most - (most - least) * min(1.0, round_number / until))


def over_provision(intensity_percentile: float, *, extra: float) -> float:
    r"""Factor on the number of clients against stragglers, smaller in dirty hours [1].

    .. math:: 1 + o (1 - P(c_{now}))

    Parameters
    ----------
    intensity_percentile : float
        Share of hours that are cleaner than now [1].
    extra : float
        o, the share added in the cleanest hour [1].
    """
    if not 0 <= intensity_percentile <= 1 or extra < 0:
        raise UsageError(f"Found a percentile of {intensity_percentile} and extra {extra}.")
    return 1 + extra * (1 - intensity_percentile)
