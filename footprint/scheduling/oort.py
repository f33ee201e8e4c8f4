r"""Oort: clients whose data teaches most, as long as they are fast enough.

After F. Lai et al., "Oort: Efficient Federated Learning via Guided Participant Selection",
OSDI 2021, in the form that Wiesner et al. adapted for their evaluation (dos-group/fedzero,
commit 1c8ae6a3), in our reading.

The score of a client that has answered before is

.. math:: \frac{\min(U, U_{98}) - 0.999\, U_{min}}{U_{max} - 0.999\, U_{min}}
    + \sqrt{0.1 \ln r / l}

with U its last statistical utility, U_98 their 98th percentile, r the round and l the last one in
which it answered; times (T/d)^2 if its duration d is above the preferred one, T.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from footprint.model import ReplyStatus
from footprint.model.kinds import Vocabulary
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.candidates import Candidates, Flags, Floats, Integers
from footprint.scheduling.feasible import FORECASTS
from footprint.scheduling.uniform import over_selected

if TYPE_CHECKING:
    from numpy.random import Generator

_SHARE, _FALL, _FLOOR = 0.9, 0.95, 0.2  # exploration: first share, factor per round, least
_CUT = 0.7  # scores are drawn from above this part of the one at the edge
_WINDOW, _STEP = 20, 5.0  # rounds between changes of the preferred duration; percentile points
_STILL, _LEAP = 0.10, 5.0  # relative change of the sum of utilities that lets it rise, or fall


class Edge(Vocabulary):
    """Which score the cut lies below."""

    LAST = "last"
    """That of the last client that would be chosen by score alone, as in the paper."""
    LOWEST = "lowest"
    """The lowest one, as in the code of Wiesner et al.: practically everybody is above it."""


@dataclass(slots=True)
class Oort:
    """Choose by utility and speed, and a share of those that never answered.

    Parameters
    ----------
    over : float
        Over-selection: so many times the wanted number is chosen, rounded down.
    forecasts : bool
        Take durations from forecasts ("Oort fc"), not from what there is now.
    edge : Edge
        Which score the cut lies below.
    """

    over: float = 1.0
    forecasts: bool = False
    edge: Edge = Edge.LAST
    _share: float = field(default=_SHARE, init=False)
    _percentile: float = field(default=10.0, init=False)
    _sums: list[float] = field(default_factory=list, init=False)
    _asked: dict[str, float] = field(default_factory=dict, init=False)

    @property
    def needs(self) -> frozenset[Need]:
        """What it asks to be told."""
        return FORECASTS if self.forecasts else frozenset({Need.ENERGY, Need.SPARE})

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody if there are too few."""
        candidates = state.candidates
        number = len(candidates)
        wanted = number if state.wanted is None else over_selected(state.wanted, self.over)
        if number < wanted:
            return []
        known = np.count_nonzero(candidates.everybody.answered)
        if known < (wanted if state.wanted is None else state.wanted):
            places = rng.choice(number, size=wanted, replace=False)
        else:
            places = self._choose(state, wanted, rng)
        names = candidates.names(np.sort(places))
        utility = utility_of(candidates)[np.sort(places)]
        self._asked = dict(zip(names, utility.tolist(), strict=True))
        return names

    def observe(self, outcome: Outcome) -> None:
        """Explore less from round to round; change the preferred duration now and then."""
        self._share = max(self._share * _FALL, _FLOOR)
        answered = [c.id for c in outcome.clients if c.status is ReplyStatus.OK]
        self._sums.append(math.fsum(self._asked.get(name, 0.0) for name in answered))
        if len(self._sums) % _WINDOW or len(self._sums) < 2 * _WINDOW:
            return
        before = math.fsum(self._sums[-2 * _WINDOW : -_WINDOW])
        change = abs(math.fsum(self._sums[-_WINDOW:]) - before)
        if change <= _STILL * before:
            self._percentile = min(self._percentile + _STEP, 100.0)
        elif change >= _LEAP * before:
            self._percentile = max(self._percentile - _STEP, _STEP)

    def _choose(self, state: SelectionState, wanted: int, rng: Generator) -> Integers:
        penalty = self._penalty(state)
        explored = state.candidates.answered > 0
        new = np.flatnonzero(~explored)
        old = np.flatnonzero(explored)
        # Those that there are too few of are made up for by the others.
        explore = min(int(wanted * self._share), len(new))
        exploit = min(wanted - explore, len(old))
        explore = wanted - exploit
        samples = np.nan_to_num(state.candidates.samples[new], nan=1.0)
        promise = samples * penalty[new]
        best = new[np.argsort(-promise, kind="stable")[: 5 * explore]]
        found = _draw(
            best, (np.nan_to_num(state.candidates.samples, nan=1.0) * penalty)[best], explore, rng
        )
        score = score_of(state, old) * penalty[old]
        rank = np.sort(score)[::-1]
        edge = rank[exploit - 1] if exploit and self.edge is Edge.LAST else score.min(initial=0.0)
        above = score >= _CUT * edge
        taken = _draw(old[above], score[above], exploit, rng)
        return np.concatenate([found, taken])

    def _penalty(self, state: SelectionState) -> Floats:
        """(T/d)^2 for those slower than preferred, else 1."""
        duration = self._durations(state)
        known = duration[np.isfinite(duration)]
        if not len(known):
            return np.ones(len(duration))
        preferred = float(np.percentile(known, self._percentile))
        # Who is not expected to finish at all counts for nothing; who is unknown, for all.
        slow: Flags = duration > preferred
        penalty = np.ones(len(duration))
        penalty[slow] = (preferred / duration[slow]) ** 2
        return penalty

    def _durations(self, state: SelectionState) -> Floats:
        """Give steps or seconds to the least work; infinite if never, NaN if unknown."""
        candidates, outlook = state.candidates, state.outlook
        if self.forecasts:
            return _foreseen(state)
        if outlook is None:
            return candidates.duration_s
        energy = outlook.energy_now[candidates.domain] / candidates.energy_per_unit_ws
        with np.errstate(divide="ignore"):
            return np.maximum(candidates.least / outlook.spare_now, candidates.least / energy)


def utility_of(candidates: Candidates) -> Floats:
    """Last statistical utility; the number of samples of those that never answered."""
    utility, samples = candidates.utility, candidates.samples
    return np.where(np.isnan(utility), np.nan_to_num(samples, nan=1.0), utility)


def score_of(state: SelectionState, places: Integers) -> Floats:
    """Score those that have answered before, without their speed."""
    if not len(places):
        return np.zeros(0)
    utility = utility_of(state.candidates)[places]
    least = 0.999 * float(utility.min())
    clipped = np.minimum(utility, np.percentile(utility, 98))
    span = float(clipped.max()) - least
    worth = (clipped - least) / span if span > 0 else np.ones(len(places))
    last = np.maximum(state.candidates.last_round[places], 1)
    score: Floats = worth + np.sqrt(0.1 * math.log(max(state.round, 1)) / last)
    return score


def _foreseen(state: SelectionState) -> Floats:
    """Count steps until forecast capacity, and energy, each alone suffice for the least work."""
    outlook, candidates = state.foreseen, state.candidates
    energy = outlook.energy.values[candidates.domain] / candidates.energy_per_unit_ws[:, None]
    longest = np.zeros(len(candidates))
    for work in (outlook.spare.values, energy):
        reached = np.cumsum(work, axis=1) >= candidates.least[:, None]
        first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
        longest = np.maximum(longest, first)
    return longest


def _draw(places: Integers, weight: Floats, number: int, rng: Generator) -> Integers:
    """Draw without replacement, in proportion to weights; those of weight 0 only if needed."""
    if not number:
        return places[:0]
    likely = places[weight > 0]
    first = min(number, len(likely))
    chance = weight[weight > 0]
    taken = (
        likely
        if first == len(likely)
        else rng.choice(likely, size=first, replace=False, p=chance / chance.sum())
    )
    rest = places[weight <= 0]
    return np.concatenate([taken, rng.choice(rest, size=number - first, replace=False)])
