"""Clients that took part step back for a while: fairness of FedZero.

A client whose update was accepted is blocked. Each round every blocked client is released
with a probability that falls with how often it took part beyond a reference level, so
clients with much energy wait longer than those with little.
"""

from __future__ import annotations

import math
from typing import Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.fedzero.problem import Flags, Floats, Indices
from footprint.units import S_PER_H

CYCLE_S = 24 * S_PER_H
BLEND_S = 12 * S_PER_H

Steepness = Literal["factor", "exponent"]
Kind = TypeVar("Kind", bound=np.generic)


def release_probability(
    participations: Floats | Indices,
    reference: float,
    alpha: float = 1.0,
    form: Steepness = "factor",
) -> Floats:
    r"""Probability with which a blocked client is released.

    .. math:: P = 1 \;\text{if}\; p \le \omega, \quad
        P = \min(1, \alpha / (p - \omega)) \;\text{or}\; \min(1, (p - \omega)^{-\alpha})

    Parameters
    ----------
    participations : ndarray of shape (clients,)
        Rounds in which each took part, p.
    reference : float
        Reference level, omega.
    alpha : float
        Steepness, above 0. At 1 both forms agree.
    form : {"factor", "exponent"}
        As in FedZero's public code, or as its paper may mean it, which was not verified.

    Returns
    -------
    ndarray of shape (clients,)
    """
    if alpha <= 0:
        raise UsageError(f"alpha is {alpha:g}, expected more than 0.", "Leave out the blocklist.")
    if form not in get_args(Steepness):
        raise UsageError(f"{form!r} is no form.", f"There are: {', '.join(get_args(Steepness))}.")
    beyond = np.asarray(participations, dtype=np.float64) - reference
    ahead = np.where(beyond > 0, beyond, 1.0)
    raw = alpha / ahead if form == "factor" else ahead**-alpha
    probability: Floats = np.where(beyond > 0, np.minimum(raw, 1.0), 1.0)
    return probability


class MeanLevel:
    """Participation that others are compared with, omega: the mean of all who were available.

    As the paper may have it, which was not verified. With it somebody is always released, also
    in small fleets.
    """

    def __init__(self, clients: int) -> None:
        self._seen: Flags = np.zeros(clients, dtype=bool)

    def grow(self, clients: int) -> None:
        """Know more clients; the new ones come last, and were never available."""
        self._seen = _padded(self._seen, clients)

    def update(self, now_s: float, participations: Indices, available: Flags) -> float:  # noqa: ARG002
        """Count who is available, then tell the level; as `CycleLevel.update`."""
        self._seen = self._seen | available
        return float(participations[self._seen].mean()) if self._seen.any() else 0.0


class CycleLevel:
    """The level of the public code, which follows the mean by cycles.

    Cycles of 24 hours begin with the first selection, and with the first one after a cycle
    has ended. A new cycle begins with the mean participation of all clients that were
    available in the last one (0 at first). In the second half of a cycle the level moves
    linearly to the present mean of the clients that were available in it so far. So in
    the first twelve hours it is 0, and a client that took part ten times is released with a
    probability of a tenth: where clients are few, they step back until nobody is left.
    """

    def __init__(self, clients: int) -> None:
        self._start_s: float | None = None
        self._level = 0.0
        self._seen: Flags = np.zeros(clients, dtype=bool)

    def grow(self, clients: int) -> None:
        """Know more clients; the new ones come last, and were never available."""
        self._seen = _padded(self._seen, clients)

    def update(self, now_s: float, participations: Indices, available: Flags) -> float:
        """Tell the level at a selection, then count who is available.

        Parameters
        ----------
        now_s : float
            Time of the selection, not before the last one [s].
        participations : ndarray of shape (clients,)
        available : ndarray of shape (clients,)
        """
        if self._start_s is None:
            self._start_s = now_s
        passed_s = now_s - self._start_s
        # With nobody available for a whole cycle there is no mean: the level stays.
        mean = float(participations[self._seen].mean()) if self._seen.any() else self._level
        if passed_s >= CYCLE_S:
            self._start_s, self._level = now_s, mean
            self._seen = np.zeros_like(self._seen)
            passed_s = 0.0
        blended = max(0.0, passed_s - (CYCLE_S - BLEND_S)) / BLEND_S
        level = self._level + (mean - self._level) * blended
        self._seen = self._seen | available
        return level


class Blocklist:
    """Who is blocked. One per training.

    Parameters
    ----------
    clients : int
    alpha : float
        See `release_probability`.
    exclusion : float
        Share of the last participants that is blocked, from those of the lowest utility on;
        1 blocks all.
    form : {"factor", "exponent"}
    level : {"mean", "cycles"}
        Reference that participation is compared with: see `MeanLevel` and `CycleLevel`.
    redraw_s : float
        Time without a round after which blocked clients draw once more: by default that of
        the longest round of FedZero's evaluation. Infinite for never: then a fleet in which
        too few are left may wait for ever [s].
    """

    def __init__(
        self,
        clients: int,
        *,
        alpha: float = 1.0,
        exclusion: float = 1.0,
        form: Steepness = "factor",
        level: Literal["mean", "cycles"] = "mean",
        redraw_s: float = S_PER_H,
    ) -> None:
        if not 0 <= exclusion <= 1:
            raise UsageError(f"exclusion is {exclusion:g}, expected a share from 0 to 1.")
        if level not in ("mean", "cycles"):
            raise UsageError(f"There is no level {level!r}.", "There are: mean, cycles.")
        if not redraw_s > 0:
            raise UsageError(f"redraw_s is {redraw_s:g}, expected more than 0.")
        release_probability(np.zeros(0), 0.0, alpha, form)  # says what is wrong with them, now
        self.participations: Indices = np.zeros(clients, dtype=np.int64)
        self.blocked: Flags = np.zeros(clients, dtype=bool)
        self._reference = CycleLevel(clients) if level == "cycles" else MeanLevel(clients)
        self._alpha, self._exclusion, self._form = alpha, exclusion, form
        self._last: Indices = np.zeros(0, dtype=np.int64)
        self._new_round = True
        self._redraw_s, self._drawn_s = redraw_s, -math.inf

    def grow(self, clients: int) -> None:
        """Know more clients; the new ones come last, and took part in nothing."""
        self.participations = _padded(self.participations, clients)
        self.blocked = _padded(self.blocked, clients)
        self._reference.grow(clients)

    def record(self, accepted: Indices, discarded: Indices | None = None) -> None:  # noqa: ARG002
        """Count a round that has ended.

        Parameters
        ----------
        accepted : ndarray of int
            Clients whose update was accepted.
        discarded : ndarray of int, optional
            Clients that were chosen for nothing: that is no participation.
        """
        self._last = np.unique(np.asarray(accepted, dtype=np.int64))
        self.participations[self._last] += 1
        self._new_round = True

    def update(
        self, now_s: float, available: Flags, utility: Floats, rng: np.random.Generator
    ) -> Flags:
        """Block and release before a selection; say who is blocked.

        Waiting and asking again within a round changes nothing: a blocked client has one
        draw per round, or per `redraw_s` without one.

        Parameters
        ----------
        now_s : float
            Time of the selection [s].
        available : ndarray of shape (clients,)
            Who has energy and capacity now.
        utility : ndarray of shape (clients,)
            Statistical utility, not normalised; shorter if the last clients are gone.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (clients,)
        """
        level = self._reference.update(now_s, self.participations, available)
        if not self._new_round and now_s - self._drawn_s < self._redraw_s:
            return self.blocked.copy()
        self._drawn_s = now_s
        last = self._last[self._last < len(utility)]
        if self._new_round and len(last):
            threshold = np.quantile(utility[last], self._exclusion)
            self.blocked[last[utility[last] <= threshold]] = True
        self._new_round = False
        (drawing,) = np.nonzero(self.blocked)
        probability = release_probability(
            self.participations[drawing], level, self._alpha, self._form
        )
        self.blocked[drawing[rng.random(len(drawing)) <= probability]] = False
        return self.blocked.copy()


def _padded(values: npt.NDArray[Kind], length: int) -> npt.NDArray[Kind]:
    return np.concatenate([values, np.zeros(length - len(values), dtype=values.dtype)])
