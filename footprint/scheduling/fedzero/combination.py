r"""How many clients each domain sends: one number per domain, with a given sum.

Every domain p has a curve :math:`v_p(k)`: what its best k clients are worth. Domains meet
in nothing but :math:`\sum_p k_p = n`. A price :math:`\lambda` for a client turns that into
one choice per domain, and gives a bound:

.. math:: B = \min_\lambda \; \lambda n + \sum_p \max_k (v_p(k) - \lambda k)

What an option of a domain loses against the domain's best at that price is lost from B. So
options that lose more than B is above some solution cannot be part of a better one: the
dynamic program is left with the few domains that have more than one option.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.scheduling.fedzero.problem import Flags, Floats, Indices

# Halvings of the price: what is left of the range is rounding.
_HALVINGS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """Clients of each domain.

    Attributes
    ----------
    counts : ndarray of shape (domains,)
    value : float
    price : float
        Worth of one more client, about.
    """

    counts: Indices
    value: float
    price: float


def combine(curves: Floats, count: int) -> Combination | None:
    """Find the best numbers of clients.

    Parameters
    ----------
    curves : ndarray of shape (domains, options)
        Worth of the best k clients of each domain, k from 0 on; minus infinity if impossible.
    count : int
        Sum of all numbers, n.

    Returns
    -------
    Combination or None
        None if no numbers have that sum.
    """
    sizes = np.arange(curves.shape[1])
    most = np.where(np.isfinite(curves), sizes, 0).max(axis=1, initial=0)
    if most.sum() < count:
        return None
    price = _price(curves, count)
    at_price = curves - price * sizes
    loss = at_price.max(axis=1, keepdims=True) - at_price
    # Options that lose nothing but rounding first; then more and more, until no option
    # that is left out could be part of a better solution.
    scale = float(np.abs(curves[np.isfinite(curves)]).max(initial=0.0))
    allowed = max(1e-12 * scale, 1e-290)
    found = _first_fit(loss <= allowed, count)
    if found is not None:
        return Combination(found, _total(curves, found), price)
    while True:
        best = _least_loss(loss, loss <= allowed, count)
        if best is not None:
            counts, lost = best
            if lost <= allowed or np.all((loss <= allowed) | (loss > lost)):
                return Combination(counts, _total(curves, counts), price)
            allowed = lost
        elif np.all((loss <= allowed) | ~np.isfinite(loss)):
            return None
        else:
            above = loss[(loss > allowed) & np.isfinite(loss)]
            allowed = max(4 * allowed, float(above.min()))


def _price(curves: Floats, count: int) -> float:
    """Price at which the domains send about the wanted number of clients by themselves."""
    sizes = np.arange(curves.shape[1])
    finite = np.where(np.isfinite(curves), curves, np.nan)
    if finite.shape[1] < 2 or not np.isfinite(finite[:, 1:]).any():
        return 0.0
    reach = float(np.nanmax(finite) - np.nanmin(finite)) + 1e-300
    low, high = -2 * reach, 2 * reach
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if (curves - middle * sizes).argmax(axis=1).sum() >= count:
            low = middle
        else:
            high = middle
    return low


def _total(curves: Floats, counts: Indices) -> float:
    return float(curves[np.arange(len(curves)), counts].sum())


def _first_fit(options: Flags, count: int) -> Indices | None:
    """Fill up options that lose nothing, domain by domain; None if that misses the sum."""
    counts = options.argmax(axis=1)
    left = count - int(counts.sum())
    for domain in np.flatnonzero(options.sum(axis=1) > 1):
        fitting = np.flatnonzero(options[domain, : counts[domain] + max(left, 0) + 1])
        left -= int(fitting[-1] - counts[domain])
        counts[domain] = fitting[-1]
    return counts if left == 0 else None


def _least_loss(loss: Floats, options: Flags, count: int) -> tuple[Indices, float] | None:
    """Choose one of the options of each domain at the least loss; None if no sum fits."""
    domains = len(loss)
    first = options.argmax(axis=1)
    counts = first.copy()
    (open_,) = np.nonzero(options.sum(axis=1) > 1)
    wanted = count - int(first.sum())
    last = options.shape[1] - 1 - options[:, ::-1].argmax(axis=1)
    room = int((last[open_] - first[open_]).sum())
    if not 0 <= wanted <= room:
        return None
    lost = np.full(wanted + 1, np.inf)
    lost[0] = 0.0
    # The number of more clients than the first option, by domain and sum.
    taken = np.zeros((len(open_), wanted + 1), dtype=np.int16)
    for place, domain in enumerate(open_):
        lost, taken[place] = _with_domain(lost, loss[domain], options[domain], first[domain])
    if not np.isfinite(lost[wanted]):
        return None
    left = wanted
    for place in range(len(open_) - 1, -1, -1):
        more = int(taken[place, left])
        counts[open_[place]] += more
        left -= more
    return counts, float(loss[np.arange(domains), counts].sum())


def _with_domain(lost: Floats, loss: Floats, options: Flags, first: int) -> tuple[Floats, Indices]:
    """One step of the dynamic program: least loss for every sum, and how it was reached."""
    best: Floats = np.full(len(lost), np.inf)
    taken: Indices = np.zeros(len(lost), dtype=np.int64)
    for option in np.flatnonzero(options):
        more = int(option - first)
        if more >= len(lost):
            break
        moved = lost[: len(lost) - more] + loss[option]
        better = moved < best[more:]
        best[more:][better] = moved[better]
        taken[more:][better] = more
    return best, taken
