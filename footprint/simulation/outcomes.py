"""What came of the clients of a round, as schedulers learn it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from footprint.model import ReplyStatus
from footprint.scheduling.base import ClientOutcome
from footprint.scheduling.candidates import ClientTable
from footprint.simulation.arrays import Floats
from footprint.simulation.execution import Execution
from footprint.units import joules_to_kwh


class Outcomes(Sequence[ClientOutcome]):
    """What came of each client, made when somebody looks at it."""

    def __init__(self, done: Execution, table: ClientTable, metrics: dict[str, Floats]) -> None:
        self._done, self._ids = done, table.ids
        self._place = np.cumsum(done.accepted) - 1
        self._metrics = metrics

    def __len__(self) -> int:
        return len(self._done.clients)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        done = self._done
        accepted = bool(done.accepted[place])
        status = ReplyStatus.NO_REPLY if done.dropped[place] else ReplyStatus.LATE
        column = self._place[place]
        return ClientOutcome(
            self._ids[done.clients[place]],
            ReplyStatus.OK if accepted else status,
            float(joules_to_kwh(float(done.train_ws[place] + done.wait_ws[place]))),
            float(done.ready_s[place]) if accepted else None,
            {name: float(m[column]) for name, m in self._metrics.items()} if accepted else {},
            None if np.isnan(done.emissions_g[place]) else float(done.emissions_g[place]),
        )
