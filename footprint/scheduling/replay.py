"""What a run of CAFE could have reached, had it known all its rounds: for its recorded values.

A replay is no true oracle: other choices would have led to other gradients. It holds what was
recorded fixed, so its bound is one for the recorded values alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.scheduling.arrays import Array
from footprint.scheduling.cafe_policy import CafeRecord
from footprint.scheduling.oracle import oracle_gap, replay_bound

LABEL = "for the recorded values: other choices would have led to other gradients"
"""What must stand beside every figure of a replay."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A finished run beside the best that its recorded rounds allow.

    Attributes
    ----------
    slots : int
        Choices that were replayed.
    total_g : float
        Planned emissions that all may spend [gCO2e].
    bound : float
        No choice of sets has a larger sum of values within the total [1].
    reached : float
        Sum of the values of the sets that the run chose [1].
    spent_g : float
        What these were planned to emit [gCO2e].
    everybody : float
        Sum of the values of everybody, in every slot until the total is spent [1].
    gap : float or None
        Part of what could be gained over everybody until spent that the run left; None if
        nothing could be [1].
    label : str
        What must stand beside it.
    """

    slots: int
    total_g: float
    bound: float
    reached: float
    spent_g: float
    everybody: float
    gap: float | None
    label: str = LABEL


def replay(records: Sequence[CafeRecord], total_g: float | None = None) -> Replay:
    """Judge the choices of a finished run.

    Parameters
    ----------
    records : sequence of CafeRecord
        See `footprint.scheduling.cafe_policy.CafePolicy`. Choices of which no round came,
        because a budget ended the run, are left out.
    total_g : float, optional
        What all may spend on the work of clients. Left out, what the run planned to: then
        nothing that it overspent makes it look better [gCO2e].

    Raises
    ------
    UsageError
        If a round had more candidates than can be solved exactly, or there is none.
    """
    held = [r for r in records if not r.choice.clients or r.measured_g is not None]
    covers = [r.cover for r in held if r.cover is not None]
    if not held or len(covers) < len(held):
        raise UsageError(
            "Only runs of up to 14 candidates a round, and of at least one round, are replayed."
        )
    spent_g = math.fsum(r.choice.planned_g for r in held)
    limit_g = spent_g if total_g is None else total_g
    found = replay_bound(covers, [r.carbon_g for r in held], limit_g)
    reached = math.fsum(r.choice.learning_value for r in held)
    everybody = _until_spent(covers, [float(r.carbon_g.sum()) for r in held], limit_g)
    gap = None
    if found.bound > everybody:
        gap = oracle_gap(found.bound, reached, everybody)
    return Replay(len(held), limit_g, found.bound, reached, spent_g, everybody, gap)


def _until_spent(covers: Sequence[Array], costs_g: Sequence[float], total_g: float) -> float:
    value = spent_g = 0.0
    for cover, cost_g in zip(covers, costs_g, strict=True):
        if spent_g + cost_g > total_g:
            break
        spent_g += cost_g
        value += float(cover.max(axis=1, initial=0.0).sum())
    return value
