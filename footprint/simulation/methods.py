"""By which method each client of a simulation trains, trained last, and how often each was used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from footprint.model.method_costs import MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.candidates import Candidates
from footprint.scheduling.past_work import PastWork
from footprint.simulation.arrays import Integers
from footprint.simulation.execution import Execution
from footprint.simulation.fleet import Fleet
from footprint.simulation.results import MethodUse
from footprint.simulation.tasks import Ratios
from footprint.units import joules_to_kwh


@dataclass(slots=True)
class _Sums:
    """What was done by one method so far."""

    trainings: Integers
    energy_ws: float = 0.0
    reference_ws: float = 0.0


class Methods:
    """Methods of the clients of a fleet; without a scheduler that names any, they cost nothing.

    Parameters
    ----------
    fleet : Fleet
    domains : int
        Power domains.
    """

    def __init__(self, fleet: Fleet, domains: int) -> None:
        self._fleet, self._domains = fleet, domains
        self._now: dict[int, MethodCost] | None = None
        self._last = Ratios.plain(len(fleet))
        self._length_s = np.full(len(fleet), np.nan)
        self._sums: dict[MethodCost, _Sums] = {}

    def begin(self, clients: Integers, costs: Sequence[MethodCost] | None) -> None:
        """Note how clients are to train in a round that may begin."""
        self._now = None if costs is None else dict(zip(clients.tolist(), costs, strict=True))

    def ratios(self, clients: Integers) -> Ratios | None:
        """Costs of their methods beside the reference; None if nobody chose any."""
        return None if self._now is None else Ratios.of([self._now[c] for c in clients.tolist()])

    def beside_last(self, asked: Candidates, enough: int | None = None) -> Ratios | None:
        """Costs by their methods beside those of the last round in which each one answered.

        Energy of waiting is taken to be what it was then. Of messages, beside whole ones.

        Parameters
        ----------
        asked : Candidates
        enough : int, optional
            Updates after which the round ends; those of all if left out.
        """
        now, last = self.ratios(asked.number), self._last.sorted_by(asked.number)
        if now is None:
            return None
        past = PastWork.of(asked, last.time, last.energy, self._length_s[asked.number])
        energy_kwh = past.energy_kwh(now.time, now.energy, past.lasts_s(now.time, enough))
        known = np.where(np.isnan(past.last_kwh), past.most_kwh, past.last_kwh)
        return Ratios(now.time / last.time, energy_kwh / known, now.up, now.down)

    def of(self, clients: Integers) -> tuple[TrainingMethod, ...] | None:
        """Methods of some clients of the round; None if nobody chose any."""
        return None if self._now is None else tuple(self._now[c].method for c in clients.tolist())

    def add(self, done: Execution) -> None:
        """Account for a round that has ended."""
        if self._now is None:
            return
        now = self.ratios(done.clients)
        assert now is not None
        good = done.clients[done.accepted]
        for column in fields(Ratios):
            getattr(self._last, column.name)[good] = getattr(now, column.name)[done.accepted]
        if len(good):
            self._length_s[good] = done.ready_s[done.accepted].max()
        for place, client in enumerate(done.clients.tolist()):
            cost = self._now[client]
            sums = self._sums.get(cost)
            if sums is None:
                sums = self._sums[cost] = _Sums(np.zeros(self._domains, dtype=np.int64))
            sums.trainings[self._fleet.domain[client]] += 1
            spent_ws = float(done.train_ws[place])
            sums.energy_ws += spent_ws
            sums.reference_ws += spent_ws / cost.energy.value

    def used(self) -> tuple[MethodUse, ...]:
        """Sum up, the most used first."""
        uses = [
            MethodUse(
                cost,
                sums.trainings,
                float(joules_to_kwh(sums.energy_ws)),
                float(joules_to_kwh(sums.reference_ws)),
            )
            for cost, sums in self._sums.items()
        ]
        return tuple(sorted(uses, key=lambda use: (-int(use.trainings.sum()), use.cost.name)))
