"""How the clients of a domain share its energy within a step.

Water-filling: everybody gets energy in proportion to a weight, up to a ceiling; what those
at their ceiling leave is divided among the others in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.simulation.arrays import Flags, Floats, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Clients side by side, those of one domain next to each other.

    Attributes
    ----------
    domains : ndarray of shape (groups,)
        Number of the domain of each group, rising.
    start : ndarray of shape (groups,)
        Place of the first client of each group.
    of : ndarray of shape (clients,)
        Group of each client.
    """

    domains: Integers
    start: Integers
    of: Integers

    @classmethod
    def by(cls, domain: Integers) -> Grouping:
        """Group clients that are sorted by their domain."""
        domains, start, of = np.unique(domain, return_index=True, return_inverse=True)
        return cls(domains, start, of)

    def sums(self, values: Floats) -> Floats:
        """Sum over the clients of each group, along the last axis."""
        sums: Floats = np.add.reduceat(values, self.start, axis=-1)
        return sums


def share_step(
    energy_ws: Floats, room_ws: Floats, done_ws: Floats, aims: tuple[Floats, Floats], by: Grouping
) -> Floats:
    """Divide the energy of one step among the clients of each domain.

    Parameters
    ----------
    energy_ws : ndarray of shape (groups,)
        What each domain has in this step; infinite if it has no limit [Ws].
    room_ws : ndarray of shape (clients,)
        Most that each client can use in this step [Ws].
    done_ws : ndarray of shape (clients,)
        What each has used in this round so far [Ws].
    aims : pair of ndarray of shape (clients,)
        Energy of the least and of the most work of a round [Ws].
    by : Grouping

    Returns
    -------
    ndarray of shape (clients,)
        What each gets [Ws]: at most its room, and no domain gives more than it has.

    Notes
    -----
    First those below their least work share the energy in proportion to what they miss of
    it, and get no more than that. What is left is shared by all in proportion to what they
    then miss of the most.

    References
    ----------
    P. Wiesner et al., "FedZero", arXiv 2305.15092, in our reading. The authors' code
    (dos-group/fedzero, commit 1c8ae6a3) gives the second phase all energy once more, divides
    batches instead of energy, and does not stop the first phase at the least work.
    """
    plenty: Flags = by.sums(room_ws) <= energy_ws
    if plenty.all():
        return room_ws
    given = np.where(plenty[by.of], room_ws, 0.0)
    left = np.where(plenty, 0.0, energy_ws)
    short = ~plenty[by.of]
    weight = np.where(short, np.maximum(aims[0] - done_ws, 0.0), 0.0)
    _fill(given, left, weight, np.minimum(room_ws, weight), by)
    if (left > 0).any():
        weight = np.where(short & (given < room_ws), aims[1] - done_ws - given, 0.0)
        _fill(given, left, np.maximum(weight, 0.0), room_ws, by)
    return given


def share_alone(
    energy_ws: float, room_ws: list[float], missing_ws: tuple[list[float], list[float]]
) -> list[float]:
    """Divide the energy of one step within one domain, as `share_step` does.

    For a handful of clients this is several times faster than arrays.

    Parameters
    ----------
    energy_ws : float
        Of the domain in this step [Ws].
    room_ws : list of float
        Most that each client can use in this step [Ws].
    missing_ws : pair of list of float
        Energy that each lacks to its least and to its most work [Ws].
    """
    if sum(room_ws) <= energy_ws:
        return room_ws
    if len(room_ws) == 1:
        return [energy_ws]
    to_least, to_most = missing_ws
    given = [0.0] * len(room_ws)
    for weight, ceiling in (
        (to_least, [min(r, m) for r, m in zip(room_ws, to_least, strict=True)]),
        (to_most, room_ws),
    ):
        # Of the second phase, what is missing is less by what the first one gave.
        miss = [m - g for m, g in zip(weight, given, strict=True)]
        waiting = [n for n, top in enumerate(ceiling) if miss[n] > 0 and given[n] < top]
        while waiting and energy_ws > 0:
            level = energy_ws / sum([miss[n] for n in waiting])
            parts = [level * miss[n] for n in waiting]
            full = [n for n, e in zip(waiting, parts, strict=True) if e >= ceiling[n] - given[n]]
            if not full:
                for n, energy in zip(waiting, parts, strict=True):
                    given[n] += energy
                return given
            for n in full:
                energy_ws -= ceiling[n] - given[n]
                given[n] = ceiling[n]
            waiting = [n for n in waiting if given[n] < ceiling[n]]
    return given


def _fill(given: Floats, left: Floats, weight: Floats, ceiling: Floats, by: Grouping) -> None:
    """Give what is left of each group in proportion to weights; changes `given` and `left`."""
    waiting = (weight > 0) & (given < ceiling)
    while waiting.any():
        weight = np.where(waiting, weight, 0.0)
        total = by.sums(weight)
        level = np.divide(left, total, out=np.zeros_like(left), where=total > 0)
        part = level[by.of] * weight
        full = waiting & (part >= ceiling - given)
        if not full.any():
            given += part
            left[total > 0] = 0.0
            return
        taken = np.where(full, ceiling - given, 0.0)
        given += taken
        # Rounding may take a trifle more than there was.
        np.maximum(left - by.sums(taken), 0.0, out=left)
        waiting &= ~full & (left > 0)[by.of]
