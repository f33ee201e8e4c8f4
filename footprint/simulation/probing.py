"""Gradients for a choice: computed in the time and on the energy of the simulation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from footprint.errors import UsageError
from footprint.scheduling.gradients import GradientSource
from footprint.simulation.arrays import Floats, Integers
from footprint.simulation.execution import Execution
from footprint.simulation.learners import Differentiable


class SimulatedProbes:
    """Asks clients of a simulation for gradients.

    Parameters
    ----------
    learner : Differentiable
    there : frozenset of int
        Numbers of the clients that can be asked now.
    run : callable
        Lets clients do so many units of work, and charges it; None if there is no time or no
        budget for it.

    Attributes
    ----------
    own_s : float
        Time that all this took, which is none of the scheduler's [s].
    """

    def __init__(
        self,
        learner: Differentiable,
        there: frozenset[int],
        run: Callable[[Integers, Floats], Execution | None],
    ) -> None:
        self._learner, self._there, self._run = learner, there, run
        self.own_s = 0.0

    def gradients(self, clients: Integers, source: GradientSource) -> dict[int, Floats]:
        """Ask for gradients; see `footprint.scheduling.base.Probes`.

        Raises
        ------
        UsageError
            If a client cannot be asked now.
        """
        begin = time.perf_counter()
        found = self._ask(np.asarray(clients, dtype=np.int64), source)
        self.own_s += time.perf_counter() - begin
        return found

    def _ask(self, clients: Integers, source: GradientSource) -> dict[int, Floats]:
        if not self._there.issuperset(clients.tolist()):
            raise UsageError("A scheduler asks a client for a gradient that is no candidate.")
        if not len(clients):
            return {}
        done = self._run(clients, self._learner.probe_units(clients, source))
        if done is None:
            return {}
        able = done.clients[done.accepted]
        return dict(zip(able.tolist(), self._learner.gradients(able, source), strict=True))


class Followed(Mapping[str, Floats]):
    """Gradients that the trainings of a round followed, computed when somebody looks at them.

    Few schedulers do, and for a large model they take as long as a training.

    Parameters
    ----------
    learner : Differentiable or None
        None for no gradients.
    ids : sequence of str
        Of those whose updates counted, in their order.
    """

    def __init__(self, learner: Differentiable | None, ids: Sequence[str]) -> None:
        self._learner, self._ids = learner, dict.fromkeys(ids)
        self._found: dict[str, Floats] | None = None if self._ids else {}

    def end(self) -> None:
        """End the round: the learner goes on, and cannot tell of it any more."""
        self._learner = None

    def __getitem__(self, name: str) -> Floats:
        return self._rows()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def _rows(self) -> dict[str, Floats]:
        if self._found is None:
            if self._learner is None:
                raise UsageError(
                    "Gradients of a round are looked at after it has ended.",
                    "Take them in observe.",
                )
            self._found = dict(zip(self._ids, self._learner.followed(), strict=True))
        return self._found
