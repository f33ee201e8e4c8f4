r"""Carbon over-spend against a straight line, as a price; and what it can become at most.

.. math:: q_{t+1} = \max(0, q_t + Y_t / h - 1), \quad h = H / T

Scale-free: emissions are counted in shares h of one round of the budget H over T rounds, so
backlog q and weight V have no unit. In grams the same policy reads Q = q h, and a weight of
V h^2; `weight_of_grams` converts.

The queue never forgets an over-spend and does not save up an under-spend, so a run spends at
most :math:`(T + q_T - q_0) h`. The bounds below are derived from standard drift-plus-penalty
theory (M. J. Neely, "Stochastic network optimization", 2010); the constants of the CAFE paper
were not verified against them. They hold for runs whose sets are worth at least as much as
nobody, without a smallest number of participants, and whose spending was as planned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, amounts


@dataclass(frozen=True, slots=True)
class VirtualQueue:
    """How far a run is over its straight line.

    Attributes
    ----------
    share_g : float
        Budget of one round, h = H / T [gCO2e].
    backlog : float
        q, in shares of a round [1]. A run that begins above 0 (a placeholder backlog)
        begins thriftily, instead of with everybody.
    """

    share_g: float
    backlog: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.share_g) and self.share_g > 0):
            raise UsageError(f"A round's share of the budget is {self.share_g} g, expected > 0.")
        if not (math.isfinite(self.backlog) and self.backlog >= 0):
            raise UsageError(f"Found a backlog of {self.backlog}, expected 0 or more.")

    @classmethod
    def of(cls, budget_g: float, rounds: int, *, backlog: float = 0.0) -> VirtualQueue:
        """Spread a budget [gCO2e] evenly over rounds."""
        if rounds < 1:
            raise UsageError(f"A budget is spread over at least one round, not {rounds}.")
        return cls(budget_g / rounds, backlog)

    def shares(self, carbon_g: npt.ArrayLike) -> Array:
        """Express emissions in shares of a round, y' [1]."""
        return amounts("carbon", carbon_g) / self.share_g

    def prices(self, carbon_g: npt.ArrayLike) -> Array:
        """Price of each client's emissions in this round, q y' [1]."""
        return self.backlog * self.shares(carbon_g)

    def after(self, spent_g: float) -> VirtualQueue:
        """Queue of the next round.

        Parameters
        ----------
        spent_g : float
            What the round really emitted, probes and communication included [gCO2e].

        Raises
        ------
        UsageError
            If it is negative or not finite: what was not measured is not 0.
        """
        if not (math.isfinite(spent_g) and spent_g >= 0):
            raise UsageError(f"A round spent {spent_g} g, expected 0 or more.")
        return replace(self, backlog=max(0.0, self.backlog + spent_g / self.share_g - 1.0))


def weight_of_grams(weight_g2: float, share_g: float) -> float:
    """Scale-free weight V of a weight that stands beside a queue in grams [gCO2e^2]."""
    return weight_g2 / share_g**2


def drift_constant(largest_round: float) -> float:
    r"""Constant of the drift.

    .. math:: B = \tfrac{1}{2} \max((y'_{max} - 1)^2, 1)

    Parameters
    ----------
    largest_round : float
        Largest total of a round if everybody took part, y'_max, in shares [1].
    """
    return max((largest_round - 1.0) ** 2, 1.0) / 2.0


def learning_gap(weight: float, largest_round: float, *, lookahead: int = 1) -> float:
    """Most that the mean value lacks against the best policy, B R / V [1].

    Parameters
    ----------
    weight : float
        V.
    largest_round : float
        See `drift_constant`.
    lookahead : int
        1 for stationary conditions (independent, identically distributed). For arbitrary ones
        R: against the best policy that knows R rounds and meets the budget in each such frame.

    Notes
    -----
    For an exact solver. An approximate one has no bound of this form on f itself.
    """
    return drift_constant(largest_round) * lookahead / weight


def backlog_by_drift(
    weight: float, largest_round: float, rounds: int, *, start: float = 0.0
) -> float:
    r"""Bound of the backlog after some rounds.

    .. math:: q_T \le \sqrt{q_0^2 + 2 T (B + V)}

    Parameters
    ----------
    weight, largest_round : float
        See `learning_gap`.
    rounds : int
        T.
    start : float
        Placeholder backlog, q_0.
    """
    return math.sqrt(start**2 + 2 * rounds * (drift_constant(largest_round) + weight))


def backlog_at_all_times(weight: float, largest_round: float, *, start: float = 0.0) -> float:
    r"""Bound of the backlog in any round.

    .. math:: q_t \le \max(q_0, B + V) + y'_{max}

    The queue falls whenever it is above B + V, since the value of a round is at most 1.
    """
    return max(start, drift_constant(largest_round) + weight) + largest_round


def backlog_on_path(
    weight: float,
    largest_round: float,
    alone: Sequence[npt.ArrayLike],
    shares: Sequence[npt.ArrayLike],
    *,
    start: float = 0.0,
) -> float:
    r"""Bound of the backlog from what was seen on the way; often the tightest.

    .. math:: q_t \le \max(q_0, V \max_{t,i} U_t(\{i\}) / y'_i(t)) + y'_{max}

    A client is not taken once its price is above its value alone. This holds for the double
    greedies too.

    Parameters
    ----------
    weight, largest_round, start : float
        See `backlog_by_drift`.
    alone : sequence of array_like of shape (clients,)
        Value of each client alone, per round [1].
    shares : sequence of array_like of shape (clients,)
        Emissions of each client, per round, y' [1]. Clients without any never add to the queue.
    """
    steepest = 0.0
    for values, emitted in zip(alone, shares, strict=True):
        own = amounts("shares", emitted)
        worth = amounts("values", values, count=len(own))
        emits = own > 0
        steepest = max(steepest, float((worth[emits] / own[emits]).max(initial=0.0)))
    return max(start, weight * steepest) + largest_round


def violation_bound(backlog: float, rounds: int, *, start: float = 0.0) -> float:
    """Most that a budget was overspent, as a share of it, given the last backlog: q_T / T [1]."""
    return max(0.0, backlog - start) / rounds
