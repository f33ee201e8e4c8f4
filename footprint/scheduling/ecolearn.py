r"""A score of data utility and low carbon, in the spirit of EcoLearn; the forms are ours.

.. math:: s_i = u_i^a \left(\frac{\min_j c_j}{c_i}\right)^{1 - a}

EcoLearn picks clients by utility and low carbon, provisions more of them in early rounds, and
provisions against stragglers by carbon. Its formulas were not verified: nothing here
reproduces it.

Idea: Mehboob, Bashir et al., "EcoLearn", arXiv 2310.17972 v2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array, amounts
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.candidates import Candidates, Floats
from footprint.scheduling.planned import intensity_now, known_carbon

if TYPE_CHECKING:
    from numpy.random import Generator


def carbon_utility_scores(
    utility: npt.ArrayLike, carbon_g: npt.ArrayLike, *, balance: float = 0.5
) -> Array:
    """Score clients, shape (clients,).

    Parameters
    ----------
    utility : array_like of shape (clients,)
        Of their data, within 0 and 1 [1].
    carbon_g : array_like of shape (clients,)
        What each would emit [gCO2e]. If somebody emits nothing, all others have no ratio to it and
        score 0, unless the balance is 1; those who emit nothing have a ratio of 1.
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
    least_g = own_g.min(initial=np.inf)
    ratio = np.divide(least_g, own_g, out=np.ones(len(own_g)), where=own_g > least_g)
    scores: Array = worth**balance * ratio ** (1 - balance)
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


@dataclass(slots=True)
class EcoLearn:
    """Choose by utility and low carbon: many clients in the beginning, and in clean hours.

    Parameters
    ----------
    balance : float
        See `carbon_utility_scores`. Those who never answered have the largest utility, 1.
    least : int, optional
        Clients of the last rounds. The number of all rounds is as the strategy wants if left out.
    until : int
        See `provisioned_count`: the first round with the fewest clients.
    extra : float
        See `over_provision`: the share added in the cleanest hour that was seen.
    """

    balance: float = 0.5
    least: int | None = None
    until: int = 50
    extra: float = 0.0
    needs: ClassVar[frozenset[Need]] = frozenset({Need.INTENSITY})
    _hours: list[float] = field(default_factory=list, init=False, repr=False)

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients."""
        del rng  # nothing is left to chance
        candidates = state.candidates
        if not len(candidates):
            return []
        now = float(intensity_now(state).mean())
        dirtier = float(np.mean([now > seen for seen in self._hours])) if self._hours else 0.0
        self._hours.append(now)
        number = len(candidates)
        most = number if state.wanted is None else min(state.wanted, number)
        least = most if self.least is None else min(self.least, most)
        count = provisioned_count(state.round - 1, most=most, least=least, until=self.until)
        carbon_g = known_carbon(state)
        scores = carbon_utility_scores(
            _normalised_utility(candidates), carbon_g, balance=self.balance
        )
        # Beside somebody who emits nothing all others score 0: then the cleaner come first.
        order = np.lexsort((candidates.number, carbon_g, -scores))
        wanted = math.ceil(count * over_provision(dirtier, extra=self.extra))
        return candidates.names(np.sort(order[:wanted]))

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: utilities stand in the state."""


def _normalised_utility(candidates: Candidates) -> Floats:
    utility = candidates.utility
    known = utility[~np.isnan(utility)]
    largest = float(known.max(initial=0.0))
    scaled = np.clip(utility / largest, 0.0, 1.0) if largest > 0 else np.ones(len(utility))
    return np.where(np.isnan(utility), 1.0, scaled)
