"""Where the energy of a run went: by domain, hour, phase and source. Never by client and time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.model import Phase
from footprint.simulation.arrays import Floats, Integers
from footprint.simulation.world import Rules
from footprint.units import S_PER_H

PHASES = (Phase.TRAIN, Phase.WAIT, Phase.EVALUATE, Phase.DOWNLOAD, Phase.UPLOAD)
"""What clients are charged for; evaluation is that of gradients for a choice, and the last two are
of the network."""
NETWORK = slice(3, 5)
"""Places of the phases that no client pays for."""
EXCESS, GRID = 0, 1
"""Places of the two sources of energy."""


@dataclass(slots=True)
class Ledger:
    """Sums of energy.

    Attributes
    ----------
    rules : Rules
    energy_ws : ndarray of shape (phases, sources, domains, hours)
        Of `PHASES`, from `EXCESS` and `GRID` [Ws]; hours count from the start.
    """

    rules: Rules
    energy_ws: Floats

    @classmethod
    def empty(cls, rules: Rules, domains: int) -> Ledger:
        """Make one without entries."""
        return cls(rules, np.zeros((len(PHASES), 2, domains, rules.hours)))

    def copy(self) -> Ledger:
        """Copy it, to try something out."""
        return Ledger(self.rules, self.energy_ws.copy())

    def add(
        self, now_s: int, domains: Integers, phases: tuple[Phase, ...], energy_ws: Floats
    ) -> None:
        """Enter the energy of some steps.

        Parameters
        ----------
        now_s : int
            When the first of them began [s].
        domains : ndarray of int, shape (groups,)
            Each once.
        phases : tuple of Phase
            Each once.
        energy_ws : ndarray of shape (phases, sources, steps, groups)
            [Ws]
        """
        steps = energy_ws.shape[2]
        begins = now_s - self.rules.start_s + np.arange(steps) * self.rules.step_s
        hours = begins // int(S_PER_H)
        first, last = int(hours[0]), int(hours[-1])
        for hour in range(first, last + 1):
            inside = slice(None) if first == last else hours == hour
            for place, phase in enumerate(phases):
                sums = energy_ws[place][:, inside].sum(axis=1)
                self.energy_ws[PHASES.index(phase), :, domains, hour] += sums.T
