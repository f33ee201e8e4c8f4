"""What came of a simulation, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from footprint.model import Finding, Journal, SignalKind, Tier
from footprint.simulation.arrays import Floats, Integers, Labels
from footprint.simulation.world import PowerDomain, Rules


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """Columns of one value per round.

    Attributes
    ----------
    start_s : ndarray
        Unix time [s].
    steps, waited_steps : ndarray of int
        Length, and how long nobody was chosen before it.
    chosen, accepted, late, dropped : ndarray of int
        Clients. The last three add up to the first.
    units, accepted_units : ndarray
        Work of all, and of those whose updates count [units].
    energy_kwh, discarded_kwh, wait_kwh : ndarray
        Of all work; of work that came to nothing, a part of it; of being on without work [kWh].
    excess_kwh : ndarray
        Part of work and waiting that was excess energy [kWh].
    emissions_g : ndarray
        Of the rest, by the actual intensity of its grid; excess energy counts as 0. NaN where
        nobody knows the intensity [gCO2e].
    """

    start_s: Integers
    steps: Integers
    waited_steps: Integers
    chosen: Integers
    accepted: Integers
    late: Integers
    dropped: Integers
    units: Floats
    accepted_units: Floats
    energy_kwh: Floats
    discarded_kwh: Floats
    wait_kwh: Floats
    excess_kwh: Floats
    emissions_g: Floats

    def __len__(self) -> int:
        return len(self.start_s)


@dataclass(frozen=True, slots=True, eq=False)
class ClientTotals:
    """Columns of one value per client of the fleet; energy and emissions as in `Rounds`.

    Attributes
    ----------
    wait_kwh : ndarray
        NaN for clients whose idle power nobody knows [kWh].
    excess_kwh, excess_wait_kwh : ndarray
        Parts of work and of waiting that were excess energy [kWh].
    busy_s, present_s : ndarray
        Time at work, and in rounds at all [s].
    down_gb, up_gb : ndarray
        Models received, and updates sent [GB].
    """

    ids: Labels
    domain: Integers
    devices: Labels
    asked: Integers
    accepted: Integers
    units: Floats
    accepted_units: Floats
    energy_kwh: Floats
    discarded_kwh: Floats
    wait_kwh: Floats
    excess_kwh: Floats
    excess_wait_kwh: Floats
    emissions_g: Floats
    busy_s: Floats
    present_s: Floats
    down_gb: Floats
    up_gb: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """Energy by domain and hour, from the start of the simulation on.

    Attributes
    ----------
    energy_kwh : ndarray of shape (phases, sources, domains, hours)
        Of `booking.PHASES`; source 0 is excess energy, 1 the grid [kWh].
    intensity_g_per_kwh : ndarray of shape (domains, hours)
        Mean of the grid over the hour; NaN where nobody knows.
    """

    energy_kwh: Floats
    intensity_g_per_kwh: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SimulationRun:
    """A simulation that has ended.

    Attributes
    ----------
    name, policy : str
    seed : int
    rules : Rules
    domains : tuple of PowerDomain
    rounds : Rounds
    clients : ClientTotals
    hours : Hours
    elapsed_s, waited_s : float
        How much of the time was simulated, and how much of that nobody worked [s].
    signal : SignalKind
        Kind of the intensity.
    tier : Tier
        Quality of the energy per unit.
    ended_by : str
        ``"length"``, ``"rounds"`` or ``"budget"``.
    budget : object or None
        As it was at the end.
    findings : tuple of Finding
    """

    name: str
    policy: str
    seed: int
    rules: Rules
    domains: tuple[PowerDomain, ...]
    rounds: Rounds
    clients: ClientTotals
    hours: Hours
    elapsed_s: float
    waited_s: float
    signal: SignalKind
    tier: Tier
    ended_by: str
    budget: Any = None
    findings: tuple[Finding, ...] = ()

    @property
    def energy_kwh(self) -> float:
        """Energy of work, and of waiting as far as it is known, of all clients [kWh]."""
        return float(self.clients.energy_kwh.sum() + np.nansum(self.clients.wait_kwh))

    @property
    def emissions_g(self) -> float | None:
        """Emissions by actual intensity; None if one that matters is not known [gCO2e]."""
        total = float(self.rounds.emissions_g.sum())
        return None if np.isnan(total) else total

    def to_journal(self, *, functional_unit: str = "", excess_zone: str | None = None) -> Journal:
        """Make the journal of it; see `footprint.simulation.journals.journal_of`."""
        from footprint.simulation.journals import journal_of

        return journal_of(self, functional_unit=functional_unit, excess_zone=excess_zone)
