"""What came of a simulation, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from footprint.model import Finding, Journal, SignalKind, Tier
from footprint.model.method_costs import MethodCost
from footprint.scheduling.budget import Budget
from footprint.simulation.arrays import Floats, Integers, Labels
from footprint.simulation.world import PowerDomain, Rules, Server


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
    network_kwh : ndarray
        Of carrying models and updates, if it is counted [kWh].
    probe_kwh : ndarray
        Of gradients that were computed for the choice, of waiting for them, and of the network that
        carried the model for them [kWh].
    emissions_g : ndarray
        Of all energy from the grid, by its actual intensity; excess energy counts as 0. NaN
        where nobody knows the intensity [gCO2e].
    cost : ndarray
        Of all energy from the grid; NaN where nobody knows its price [currency of the prices].
    accuracy : ndarray
        Of the model after the round; NaN where nobody measured it [1].
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
    network_kwh: Floats
    probe_kwh: Floats
    emissions_g: Floats
    cost: Floats
    accuracy: Floats

    def __len__(self) -> int:
        return len(self.start_s)


@dataclass(frozen=True, slots=True, eq=False)
class ClientTotals:
    """Columns of one value per client of the fleet; energy and emissions as in `Rounds`.

    Attributes
    ----------
    wait_kwh : ndarray
        NaN for clients whose idle power nobody knows [kWh].
    excess_kwh, excess_wait_kwh, excess_probe_kwh : ndarray
        Parts of work, of waiting and of probes that were excess energy [kWh].
    probe_kwh : ndarray
        Of gradients that were computed for choices [kWh].
    network_kwh, network_g : ndarray
        Of carrying models and updates for rounds and for probes, if it is counted [kWh]; and the
        part of the emissions that it makes [gCO2e].
    busy_s, probe_s, present_s : ndarray
        Time at work, at gradients for choices, and in rounds and probes at all [s].
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
    probe_kwh: Floats
    excess_probe_kwh: Floats
    emissions_g: Floats
    network_kwh: Floats
    network_g: Floats
    busy_s: Floats
    probe_s: Floats
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
class MethodUse:
    """What was done by one training method.

    Attributes
    ----------
    cost : MethodCost
        As it was counted.
    trainings : ndarray of int, shape (domains,)
        Rounds of clients of each power domain that were begun with it.
    energy_kwh, reference_kwh : float
        Of all work by it; and what the same work would have taken by the reference of its table
        [kWh].
    """

    cost: MethodCost
    trainings: Integers
    energy_kwh: float
    reference_kwh: float


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
    budgets : tuple of Budget
        As they were at the end.
    server : Server or None
    server_kwh, server_g : float or None
        What the server took, what schedulers computed included; emissions are None if nobody
        knows the intensity of its grid [kWh] [gCO2e].
    overhead_s : float
        Time that the scheduler took to choose and to learn. It was measured, so it differs from
        one run to the next [s].
    methods : tuple of MethodUse
        Training methods by falling use; none if nobody chose how clients train.
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
    budgets: tuple[Budget, ...] = ()
    server: Server | None = None
    server_kwh: float | None = None
    server_g: float | None = None
    overhead_s: float = 0.0
    methods: tuple[MethodUse, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def energy_kwh(self) -> float:
        """Energy of all clients and their network; of waiting as far as it is known [kWh]."""
        clients = self.clients
        work = clients.energy_kwh.sum() + clients.probe_kwh.sum() + clients.network_kwh.sum()
        return float(work + np.nansum(clients.wait_kwh))

    @property
    def emissions_g(self) -> float | None:
        """Emissions of clients by actual intensity; None if one is not known [gCO2e]."""
        total = float(self.clients.emissions_g.sum())
        return None if np.isnan(total) else total

    def to_journal(self, *, functional_unit: str = "", excess_zone: str | None = None) -> Journal:
        """Make the journal of it; see `footprint.simulation.journals.journal_of`."""
        from footprint.simulation.journals import journal_of

        return journal_of(self, functional_unit=functional_unit, excess_zone=excess_zone)

    def intensities(self, *, excess_zone: str | None = None) -> dict[str, float]:
        """Give each zone's intensity; see `footprint.simulation.journals.intensities_of`."""
        from footprint.simulation.journals import intensities_of

        return intensities_of(self, excess_zone=excess_zone)
