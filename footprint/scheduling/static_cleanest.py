"""Baseline: the clients with the lowest mean intensity, fixed for the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError
from footprint.scheduling.arrays import ROUNDING, amounts
from footprint.scheduling.base import Need, Outcome, SelectionState
from footprint.scheduling.candidates import Floats
from footprint.scheduling.pacing import StraightLine
from footprint.scheduling.planned import known_carbon
from footprint.units import S_PER_H

if TYPE_CHECKING:
    from numpy.random import Generator


def choose_static_cleanest(mean_intensity: npt.ArrayLike, count: int) -> tuple[int, ...]:
    """Choose the cleanest places.

    Parameters
    ----------
    mean_intensity : array_like of shape (clients,)
        Of a period before the run, or the run itself was known in advance [gCO2e/kWh].
    count : int

    Returns
    -------
    tuple of int
        Clients, rising by number; of equal ones the first.
    """
    means = amounts("mean intensity", mean_intensity)
    if not 0 <= count <= len(means):
        raise UsageError(f"{count} of {len(means)} clients cannot be chosen.")
    return tuple(sorted(np.argsort(means, kind="stable")[:count].tolist()))


@dataclass(slots=True)
class StaticCleanest:
    """Choose the clients in the cleanest places, the same in every round.

    With a number of clients they work until a budget is spent. Without, as many of them work
    as the straight line of a budget of carbon lets: always the same ones first.

    Parameters
    ----------
    count : int, optional
        Clients of a round; as many as the strategy wants if left out.
    rounds : int, optional
        Over which a budget is spread, if nobody gave a number of clients.
    means : mapping of str to float, optional
        Mean intensity of each grid zone, known before the run [gCO2e/kWh]. Left out, the mean of
        what is forecast for a day when a client is first there.
    """

    count: int | None = None
    rounds: int | None = None
    means: Mapping[str, float] | None = None
    _line: StraightLine = field(init=False, repr=False)
    _found: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._line = StraightLine(self.rounds)

    @property
    def needs(self) -> frozenset[Need]:
        """What it asks to be told."""
        first = set() if self.means is not None else {Need.INTENSITY_FORECAST}
        return frozenset(first | {Need.INTENSITY})

    @property
    def horizon_s(self) -> float:
        """How far forecasts shall reach [s]."""
        return 24 * S_PER_H

    def select(self, state: SelectionState, rng: Generator) -> Sequence[str]:
        """Choose clients; nobody if not even the first fits."""
        del rng  # nothing is left to chance
        candidates = state.candidates
        count = state.wanted if self.count is None else self.count
        carbon_g = known_carbon(state)
        means = self._means(state)
        order = np.lexsort((candidates.number, means))
        if count is None:
            allowed_g = self._line.next_allowance(state)
            spent_g = np.cumsum(carbon_g[order])
            count = int(np.searchsorted(spent_g, allowed_g * (1 + ROUNDING), side="right"))
        return candidates.names(np.sort(order[:count]))

    def observe(self, outcome: Outcome) -> None:
        """Learn nothing: it is decided before the first round."""

    def _means(self, state: SelectionState) -> Floats:
        candidates = state.candidates
        if self.means is not None:
            zones = candidates.zones.tolist()
            missing = [zone for zone in zones if zone not in self.means]
            if missing:
                raise UsageError(f"There is no mean intensity of the zone {missing[0]!r}.")
            return np.array([self.means[zone] for zone in zones], dtype=np.float64)
        ahead = state.foreseen.intensity.values.mean(axis=1)[candidates.domain]
        for name, mean in zip(candidates.ids.tolist(), ahead.tolist(), strict=True):
            self._found.setdefault(name, mean)
        return np.array([self._found[name] for name in candidates.ids.tolist()], dtype=np.float64)
