"""What clients are asked to do: a round of training, or a gradient for a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from footprint.model import Phase
from footprint.model.method_costs import MethodCost
from footprint.simulation.arrays import Flags, Floats, Integers
from footprint.simulation.fleet import Fleet
from footprint.simulation.world import Rules


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """What the methods of clients make of their costs: parts of what the fleet says.

    Attributes
    ----------
    time, energy : ndarray of float
        Of a unit of work [1].
    up, down : ndarray of float
        Size of an update, and of the model as it is received [1].
    """

    time: Floats
    energy: Floats
    up: Floats
    down: Floats

    @classmethod
    def of(cls, costs: Sequence[MethodCost]) -> Ratios:
        """Take the central values of measured costs."""
        return cls(
            *(np.array([getattr(one, f.name).value for one in costs], float) for f in fields(cls))
        )

    @classmethod
    def plain(cls, number: int) -> Ratios:
        """Make those of clients that train as the fleet says."""
        return cls(*(np.ones(number) for _ in fields(cls)))

    def sorted_by(self, order: Integers) -> Ratios:
        """Put the clients into another order, or take some of them."""
        return Ratios(self.time[order], self.energy[order], self.up[order], self.down[order])


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Work for some clients. Arrays have one value per client, in one order.

    Attributes
    ----------
    clients : ndarray of int
        Their numbers in the fleet.
    least_units, most_units : ndarray of float
        Work below which nothing came of it, and work that is enough [units].
    informed : ndarray of bool
        Who has the model already; the others receive it first.
    enough : int
        Clients that must have done the least for all to stop.
    phase : Phase
        Of the work: training, after which updates are sent back, or evaluation.
    chance : ndarray of float
        Of dropping out [1].
    ratios : Ratios
    """

    clients: Integers
    least_units: Floats
    most_units: Floats
    informed: Flags
    enough: int
    phase: Phase
    chance: Floats
    ratios: Ratios

    @classmethod
    def training(
        cls,
        fleet: Fleet,
        rules: Rules,
        clients: Integers,
        informed: Flags,
        ratios: Ratios | None = None,
    ) -> Task:
        """Make the task of a round."""
        number = len(clients)
        return cls(
            clients,
            fleet.least_units[clients],
            fleet.most_units[clients],
            informed,
            number if rules.updates is None else min(rules.updates, number),
            Phase.TRAIN,
            fleet.dropout[clients],
            ratios or Ratios.plain(number),
        )

    @classmethod
    def probing(cls, clients: Integers, units: Floats, informed: Flags) -> Task:
        """Make the task of a gradient. What is sent back is too short to count."""
        number, nobody = len(clients), np.zeros(len(clients))
        plain = Ratios.plain(number)
        return cls(clients, units, units, informed, number, Phase.EVALUATE, nobody, plain)

    def sorted_by(self, order: Integers) -> Task:
        """Put the clients into another order."""
        return Task(
            self.clients[order],
            self.least_units[order],
            self.most_units[order],
            self.informed[order],
            self.enough,
            self.phase,
            self.chance[order],
            self.ratios.sorted_by(order),
        )
