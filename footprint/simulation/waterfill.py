r"""Share out the energy of power domains among clients that train, one step at a time.

Water-filling: everybody gets energy in proportion to a weight, :math:`e_c = x w_c`, but no
more than a ceiling :math:`k_c`; what a client at its ceiling leaves is divided again among
the others. With clients by rising :math:`k_c / w_c`, the level of water for the rest is
:math:`x = (E - \sum k) / \sum w`, sums over those that are full and those that are not; the
first client that this level does not fill fixes it for all that follow. Exact, without a
solver, for all domains at once.

References
----------
The two phases: public code of FedZero, github.com/dos-group/fedzero, commit 1c8ae6a3, which
gives the second phase the whole energy of the step again. Here it gets what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Workers:
    """Clients that train in a round.

    Attributes
    ----------
    domain : ndarray of shape (clients,)
        Power domain of each, counted from 0.
    energy_per_batch_ws : ndarray of shape (clients,)
        [Ws]
    least, most : ndarray of shape (clients,)
        Work below which an update does not count, and work that is enough [batches].
    """

    domain: Indices
    energy_per_batch_ws: Floats
    least: Floats
    most: Floats


def divide_energy(energy_ws: Floats, domain: Indices, weight: Floats, ceiling_ws: Floats) -> Floats:
    """Divide the energy of each domain in proportion to weights, up to ceilings.

    Parameters
    ----------
    energy_ws : ndarray of shape (domains,)
        What there is [Ws].
    domain : ndarray of shape (clients,)
        Whose energy a client shares.
    weight : ndarray of shape (clients,)
        0 or more; clients without weight get nothing.
    ceiling_ws : ndarray of shape (clients,)
        Most that a client can take [Ws].

    Returns
    -------
    ndarray of shape (clients,)
        [Ws]; their sum is that of the domain, or of the ceilings where those are lower.
    """
    shares_ws = np.zeros(len(weight))
    (active,) = np.nonzero((weight > 0) & (ceiling_ws > 0))
    if not len(active):
        return shares_ws
    fills_at = ceiling_ws[active] / weight[active]
    order = active[np.lexsort((fills_at, domain[active]))]
    # One row per domain, so that rounding in one does not reach another.
    domains, first, count = np.unique(domain[order], return_index=True, return_counts=True)
    row = np.repeat(np.arange(len(domains)), count)
    column = np.arange(len(order)) - np.repeat(first, count)
    weights, ceilings_ws = np.zeros((2, len(domains), int(count.max())))
    weights[row, column], ceilings_ws[row, column] = weight[order], ceiling_ws[order]
    before_ws = np.cumsum(ceilings_ws, axis=1) - ceilings_ws
    left_ws = np.maximum(energy_ws[domains, None] - before_ws, 0.0)
    waiting = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    level = np.divide(left_ws, waiting, out=np.zeros_like(waiting), where=waiting > 0)
    full = level * weights >= ceilings_ws
    # Full clients stand first; beyond them, all have the level of the first that is not.
    limit = np.where(full.all(axis=1), full.shape[1] - 1, full.argmin(axis=1))
    final = level[np.arange(len(domains)), limit]
    rising = np.arange(full.shape[1]) < np.where(full.all(axis=1), full.shape[1], limit)[:, None]
    table_ws = np.where(rising, ceilings_ws, np.minimum(final[:, None] * weights, ceilings_ws))
    shares_ws[order] = table_ws[row, column]
    return shares_ws


def work_step(
    workers: Workers, energy_ws: Floats, spare: Floats, done: Floats
) -> tuple[Floats, Floats]:
    """Let clients work for one step.

    First those below their least work share the energy of their domain in proportion to
    the energy that they still need for it. What is left is divided among all that are below
    their most work, in proportion to the energy that they could still use.

    Parameters
    ----------
    workers : Workers
    energy_ws : ndarray of shape (domains,)
        Energy of each domain in this step [Ws].
    spare : ndarray of shape (clients,)
        What each can compute beside its own load in this step [batches].
    done : ndarray of shape (clients,)
        What each has computed before [batches].

    Returns
    -------
    done : ndarray of shape (clients,)
        After the step; exactly `least` or `most` where that was reached [batches].
    used_ws : ndarray of shape (clients,)
        [Ws]; in no domain more than there is, but for rounding.
    """
    domains = len(energy_ws)
    after, first_ws = _work_up_to(workers, workers.least, energy_ws, spare, done)
    taken_ws = np.bincount(workers.domain, weights=first_ws, minlength=domains)
    left_ws = np.maximum(energy_ws - taken_ws, 0.0)
    spare_left = np.maximum(spare - first_ws / workers.energy_per_batch_ws, 0.0)
    after, second_ws = _work_up_to(workers, workers.most, left_ws, spare_left, after)
    return after, first_ws + second_ws


def _work_up_to(
    workers: Workers, goal: Floats, energy_ws: Floats, spare: Floats, done: Floats
) -> tuple[Floats, Floats]:
    missing = np.maximum(goal - done, 0.0)
    possible = np.minimum(missing, spare)
    ceiling_ws = workers.energy_per_batch_ws * possible
    weight = workers.energy_per_batch_ws * missing
    used_ws = divide_energy(energy_ws, workers.domain, weight, ceiling_ws)
    # A goal that is reached is reached exactly: rounding must not cost another step.
    arrived = (used_ws >= ceiling_ws) & (missing <= spare) & (missing > 0)
    return np.where(arrived, goal, done + used_ws / workers.energy_per_batch_ws), used_ws
