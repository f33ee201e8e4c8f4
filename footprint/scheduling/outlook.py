"""What is known or forecast now of energy, capacity and grids.

A policy names what it wants to read (`needs`); nothing else is there. An outlook holds
numbers, never the series that they were taken from: there is no way from it to values
that lie ahead and were not forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from footprint.errors import UsageError
from footprint.model.kinds import Vocabulary
from footprint.scheduling.candidates import Floats


class Need(Vocabulary):
    """What a policy may ask to be told."""

    ENERGY = "energy"
    """Excess energy of each domain now."""
    SPARE = "spare"
    """Spare capacity of each candidate now."""
    INTENSITY = "intensity"
    """Grid intensity now, of domains and of candidates."""
    ENERGY_FORECAST = "energy-forecast"
    SPARE_FORECAST = "spare-forecast"
    INTENSITY_FORECAST = "intensity-forecast"


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """Numbers, and since when they are known.

    Attributes
    ----------
    values : ndarray of shape (series,) or (series, steps)
        One value each for what holds now; one per coming step for a forecast.
    issued_s : float
        Unix time of the reading or of the issue [s].
    """

    values: Floats
    issued_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """The coming steps, as far as they are known or forecast now.

    Step 0 begins now. A domain whose energy has no limit has infinite energy.

    Attributes
    ----------
    now_s : float
        Unix time [s].
    step_s : float
        Length of a step [s].
    steps : int
        Steps that forecasts cover: up to the deadline of a round that begins now.
    domains : tuple of str
        Names of the power domains; `Candidates.domain` counts them from 0.
    signals : mapping of Need to Signal
        What the policy asked for, and no more.
    """

    now_s: float
    step_s: float
    steps: int
    domains: tuple[str, ...]
    signals: Mapping[Need, Signal]

    @property
    def energy_now(self) -> Floats:
        """Excess energy of each domain in the step that has just ended [Ws]."""
        return self.get(Need.ENERGY).values

    @property
    def spare_now(self) -> Floats:
        """Spare capacity of each candidate in the step that has just ended [units]."""
        return self.get(Need.SPARE).values

    @property
    def intensity_now(self) -> Floats:
        """Grid intensity of each domain [gCO2e/kWh]."""
        return self.get(Need.INTENSITY).values

    @property
    def energy(self) -> Signal:
        """Excess energy, shape (domains, steps) [Ws per step]."""
        return self.get(Need.ENERGY_FORECAST)

    @property
    def spare(self) -> Signal:
        """Spare capacity, shape (candidates, steps) [units per step]."""
        return self.get(Need.SPARE_FORECAST)

    @property
    def intensity(self) -> Signal:
        """Grid intensity, shape (domains, steps of the horizon of the policy) [gCO2e/kWh]."""
        return self.get(Need.INTENSITY_FORECAST)

    def get(self, need: Need) -> Signal:
        """Read a signal.

        Raises
        ------
        UsageError
            If the policy did not ask for it.
        """
        signal = self.signals.get(need)
        if signal is None:
            raise UsageError(
                f"A policy reads {need.value!r} and does not ask for it.",
                f"Its needs must hold Need.{need.name}.",
            )
        return signal

    def has(self, need: Need) -> bool:
        """Whether a signal is there."""
        return need in self.signals


def frozen(values: Floats, issued_s: float) -> Signal:
    """Make a signal of a copy that nobody can write to."""
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return Signal(copy, issued_s)
