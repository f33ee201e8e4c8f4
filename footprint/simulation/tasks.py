"""What clients are asked to do: a round of training, or a gradient for a choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.model import Phase
from footprint.simulation.arrays import Flags, Floats, Integers
from footprint.simulation.fleet import Fleet
from footprint.simulation.world import Rules


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
    """

    clients: Integers
    least_units: Floats
    most_units: Floats
    informed: Flags
    enough: int
    phase: Phase
    chance: Floats

    @classmethod
    def training(cls, fleet: Fleet, rules: Rules, clients: Integers, informed: Flags) -> Task:
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
        )

    @classmethod
    def probing(cls, clients: Integers, units: Floats, informed: Flags) -> Task:
        """Make the task of a gradient. What is sent back is too short to count."""
        nobody = np.zeros(len(clients))
        return cls(clients, units, units, informed, len(clients), Phase.EVALUATE, nobody)

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
        )
