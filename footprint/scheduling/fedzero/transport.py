"""Who gets which energy when, for clients of one domain that are already chosen.

A transportation problem from clients to steps. The worth of energy depends on the client
alone, and the totals that can be served are a polymatroid (see `enumeration`), so the greedy
is exact: everybody's least work first, then the others' most work in falling order of worth.
Each raise is a maximum flow that moves the energy of others between steps and never takes
any from them. That is why the order suffices: what a client cannot get when it is its turn
is held by clients that are worth more, or that hold no more than their least work.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from footprint.scheduling.fedzero.problem import TOLERANCE, Floats, Indices

# Energy below this share of a step's is rounding.
_DUST = 1e-13


class Transport:
    """Energy of one domain, given away step by step.

    Parameters
    ----------
    energy_ws : ndarray of shape (steps,)
        Energy of the domain [Ws].
    slack_ws : float
        What a client may miss of its least energy because numbers are rounded, beside a share
        of it [Ws].
    """

    def __init__(self, energy_ws: Floats, slack_ws: float = 0.0) -> None:
        self._slack = slack_ws
        self._free: list[float] = energy_ws.tolist()
        self._dust = _DUST * max(self._free, default=0.0)
        self._rate: list[list[float]] = []  # what each client could take in a step
        self._used: list[list[float]] = []

    @property
    def used_ws(self) -> Floats:
        """Energy by client, in the order of coming, and step [Ws]."""
        return np.array(self._used).reshape(len(self._used), len(self._free))

    def insert(self, rate_ws: Floats, low_ws: float) -> bool:
        """Let a client in if it and all others can have their least energy.

        Parameters
        ----------
        rate_ws : ndarray of shape (steps,)
            What it can take in a step [Ws].
        low_ws : float
            The least that it must have [Ws].
        """
        enough_ws = low_ws * (1 - TOLERANCE) - self._slack
        if sum(self._free) < enough_ws:
            return False  # no way of sharing makes more energy
        self._rate.append(rate_ws.tolist())
        self._used.append([0.0] * len(self._free))
        served_ws = self.raise_by(len(self._rate) - 1, low_ws)
        if served_ws >= enough_ws:
            return True
        self._rate.pop()
        for step, used_ws in enumerate(self._used.pop()):
            self._free[step] += used_ws
        return False

    def raise_by(self, client: int, wanted_ws: float) -> float:
        """Give a client more energy, as far as possible; say how much [Ws]."""
        served_ws = self._take_free(client, wanted_ws)
        while wanted_ws - served_ws > self._dust:
            path = self._path(client)
            if path is None:
                break
            served_ws += self._push(path, wanted_ws - served_ws)
        return served_ws

    def _take_free(self, client: int, wanted_ws: float) -> float:
        """Give what nobody has to move for."""
        used, left_ws = self._used[client], wanted_ws
        for step, free_ws in enumerate(self._free):
            amount_ws = min(left_ws, free_ws, self._rate[client][step] - used[step])
            if amount_ws > 0:
                used[step] += amount_ws
                self._free[step] -= amount_ws
                left_ws -= amount_ws
        return wanted_ws - left_ws

    def _path(self, client: int) -> list[tuple[int, int]] | None:
        """Shortest way to free energy: (client, step) in turn, each taking over the next step."""
        came: dict[int, tuple[int, int]] = {}  # step -> who would take it, giving up which step
        waiting = deque([(client, -1)])
        moved = {client}
        while waiting:
            taker, given = waiting.popleft()
            for step, free_ws in enumerate(self._free):
                if step in came or self._rate[taker][step] - self._used[taker][step] <= self._dust:
                    continue
                came[step] = (taker, given)
                if free_ws > self._dust:
                    return self._trace(came, step)
                for other, used in enumerate(self._used):
                    if other not in moved and used[step] > self._dust:
                        moved.add(other)
                        waiting.append((other, step))
        return None

    @staticmethod
    def _trace(came: dict[int, tuple[int, int]], last: int) -> list[tuple[int, int]]:
        path, step = [], last
        while step >= 0:
            taker, given = came[step]
            path.append((taker, step))
            step = given
        return path[::-1]

    def _push(self, path: list[tuple[int, int]], wanted_ws: float) -> float:
        amount_ws = min(wanted_ws, self._free[path[-1][1]])
        for taker, step in path:
            amount_ws = min(amount_ws, self._rate[taker][step] - self._used[taker][step])
        for (_, given), (taker, _) in pairwise(path):
            amount_ws = min(amount_ws, self._used[taker][given])
        for taker, step in path:
            self._used[taker][step] += amount_ws
        for (_, given), (taker, _) in pairwise(path):
            self._used[taker][given] -= amount_ws
        self._free[path[-1][1]] -= amount_ws
        return amount_ws


def allocate(
    rate_ws: Floats,
    energy_ws: Floats,
    low_ws: Floats,
    high_ws: Floats,
    gain: Floats,
    slack_ws: float = 0.0,
) -> Floats | None:
    """Share out the energy of a domain among chosen clients, at the most worth.

    Parameters
    ----------
    rate_ws : ndarray of shape (clients, steps)
        Most energy of a client in a step [Ws].
    energy_ws : ndarray of shape (steps,)
        Energy of the domain [Ws].
    low_ws, high_ws : ndarray of shape (clients,)
        Limits of the total of a client [Ws].
    gain : ndarray of shape (clients,)
        Worth of energy [1/Ws], in any order.
    slack_ws : float
        As in `Transport` [Ws].

    Returns
    -------
    ndarray of shape (clients, steps), or None
        [Ws]; None if not all can have their least energy.
    """
    domain = Transport(energy_ws, slack_ws)
    for rate, low in zip(rate_ws, low_ws.tolist(), strict=True):
        if not domain.insert(rate, low):
            return None
    for client in by_worth(gain).tolist():
        domain.raise_by(client, float(high_ws[client] - low_ws[client]))
    return domain.used_ws


def by_worth(gain: Floats) -> Indices:
    """Order of falling worth; of equal ones the first."""
    return np.argsort(-gain, kind="stable")
