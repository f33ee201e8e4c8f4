"""Sums of a simulation while it runs, and the columns that they become."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from footprint.model import Finding
from footprint.model.kinds import Severity
from footprint.scheduling.candidates import ClientTable
from footprint.simulation.arrays import Flags, Floats
from footprint.simulation.booking import EXCESS, Ledger
from footprint.simulation.execution import Execution
from footprint.simulation.results import ClientTotals, Hours, Rounds
from footprint.simulation.spending import Amounts
from footprint.simulation.world import Rules, World
from footprint.units import S_PER_H, joules_to_kwh


@dataclass(slots=True)
class Accounts:
    """What rounds did: sums per client, a row per round, energy per domain and hour.

    Attributes
    ----------
    world : World
    rules : Rules
    ledger : Ledger
    informed : ndarray of bool
        Clients that have the current model already, since they were probed.
    """

    world: World
    rules: Rules
    ledger: Ledger = field(init=False)
    informed: Flags = field(init=False)
    _totals: dict[str, Floats] = field(init=False)
    _rows: list[tuple[float, ...]] = field(default_factory=list)
    _probes: list[Amounts] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger.empty(self.rules, len(self.world.supply.domains))
        self._totals = {name: np.zeros(len(self.world.fleet)) for name in _TOTALS}
        self.informed = np.zeros(len(self.world.fleet), dtype=bool)

    def __len__(self) -> int:
        return len(self._rows)

    def probe(self, done: Execution, taken: Amounts) -> None:
        """Account for gradients that were computed for a choice; the next round is charged.

        Parameters
        ----------
        done : Execution
        taken : Amounts
            Of it.
        """
        who, totals = done.clients, self._totals
        totals["probe_ws"][who] += done.train_ws
        totals["probe_excess_ws"][who] += done.train_excess_ws
        totals["probe_s"][who] += done.busy_s
        self._attend(done)
        self.informed[who] = True
        self._probes.append(taken)

    def _attend(self, done: Execution) -> None:
        """Account for what every task takes beside its work."""
        who, totals = done.clients, self._totals
        totals["wait_ws"][who] += done.wait_ws
        totals["wait_excess_ws"][who] += done.wait_excess_ws
        totals["emissions_g"][who] += done.emissions_g
        totals["present_s"][who] += done.present_s
        totals["network_ws"][who] += done.network_ws
        totals["network_g"][who] += done.network_g
        totals["down_gb"][who] += done.down_gb

    def add(
        self, start_s: int, waited: int, done: Execution, taken: Amounts, accuracy: float
    ) -> None:
        """Account for a round.

        Parameters
        ----------
        start_s : int
            When it began [s].
        waited : int
            Steps before it in which nobody was chosen.
        done : Execution
        taken : Amounts
            Of it.
        accuracy : float
            Of the model after it; NaN if nobody measured it [1].
        """
        lost = np.where(done.accepted, 0.0, 1.0)
        who, totals = done.clients, self._totals
        totals["units"][who] += done.units
        totals["accepted_units"][who] += done.units * done.accepted
        totals["train_ws"][who] += done.train_ws
        totals["lost_ws"][who] += done.train_ws * lost
        totals["train_excess_ws"][who] += done.train_excess_ws
        totals["busy_s"][who] += done.busy_s
        totals["up_gb"][who] += done.up_gb
        self._attend(done)
        probed = sum(self._probes, Amounts())
        self._probes.clear()
        self.informed[:] = False
        accepted, dropped = int(done.accepted.sum()), int(done.dropped.sum())
        self._rows.append(
            (
                start_s,
                done.steps,
                waited,
                len(who),
                accepted,
                len(who) - accepted - dropped,
                dropped,
                done.units.sum(),
                (done.units * done.accepted).sum(),
                joules_to_kwh(done.train_ws.sum()),
                joules_to_kwh((done.train_ws * lost).sum()),
                joules_to_kwh(done.wait_ws.sum()),
                joules_to_kwh((done.train_excess_ws + done.wait_excess_ws).sum()),
                joules_to_kwh(done.network_ws.sum()),
                probed.energy_kwh,
                done.emissions_g.sum() + probed.emissions_g,
                taken.cost + probed.cost,
                accuracy,
            )
        )

    def rounds(self) -> Rounds:
        """Columns of one value per round."""
        table = np.array(self._rows, dtype=np.float64).reshape(len(self._rows), 18)
        counts = table[:, :7].astype(np.int64)
        return Rounds(*counts.T, *table[:, 7:].T)

    def clients(self, table: ClientTable) -> ClientTotals:
        """Columns of one value per client."""
        fleet, totals = self.world.fleet, self._totals
        wait_kwh = joules_to_kwh(totals["wait_ws"])
        return ClientTotals(
            ids=fleet.ids,
            domain=fleet.domain,
            devices=fleet.devices,
            asked=table.asked,
            accepted=table.answered,
            units=totals["units"],
            accepted_units=totals["accepted_units"],
            energy_kwh=joules_to_kwh(totals["train_ws"]),
            discarded_kwh=joules_to_kwh(totals["lost_ws"]),
            wait_kwh=np.where(np.isnan(fleet.idle_w), np.nan, wait_kwh),
            excess_kwh=joules_to_kwh(totals["train_excess_ws"]),
            excess_wait_kwh=joules_to_kwh(totals["wait_excess_ws"]),
            emissions_g=totals["emissions_g"],
            network_kwh=joules_to_kwh(totals["network_ws"]),
            network_g=totals["network_g"],
            probe_kwh=joules_to_kwh(totals["probe_ws"]),
            excess_probe_kwh=joules_to_kwh(totals["probe_excess_ws"]),
            busy_s=totals["busy_s"],
            probe_s=totals["probe_s"],
            present_s=totals["present_s"],
            down_gb=totals["down_gb"],
            up_gb=totals["up_gb"],
        )

    def hours(self) -> Hours:
        """Energy by domain and hour, and the mean intensity of its grid."""
        rules, domains = self.rules, self.world.supply.domains
        energy_kwh = joules_to_kwh(self.ledger.energy_ws)
        if self.world.supply.intensity is None:
            return Hours(energy_kwh, np.full((len(domains), rules.hours), np.nan))
        steps = rules.length_s // rules.step_s
        hour = np.arange(steps) * rules.step_s // int(S_PER_H)
        first = np.searchsorted(hour, np.arange(rules.hours))
        counts = np.diff(np.append(first, steps))
        values = self.world.intensity(rules.start_s, rules.step_s, steps)
        return Hours(energy_kwh, (np.add.reduceat(values, first, axis=0) / counts[:, None]).T)

    def findings(self, table: ClientTable) -> list[Finding]:
        """Say what is not in the result, or is in it by choice."""
        fleet = self.world.fleet
        asked = (table.asked > 0) | (self._totals["present_s"] > 0)
        found = []
        unused = sum(self._probes, Amounts()).energy_kwh
        if unused:
            found.append(
                Finding(
                    "probes-without-round",
                    f"{unused:.3g} kWh went into gradients for choices after the last round.",
                    severity=Severity.INFO,
                )
            )
        silent = int((asked & np.isnan(fleet.idle_w)).sum())
        if silent:
            found.append(
                Finding(
                    "waiting-unknown",
                    f"Nobody said what {silent} client(s) draw while they wait in a round; it is "
                    "not counted.",
                    remedy="Give the fleet its idle power.",
                )
            )
        slow = np.isnan(fleet.down_mbps) | np.isnan(fleet.up_mbps)
        if fleet.message_gb and (asked & slow).any():
            found.append(
                Finding(
                    "link-rate-missing",
                    f"No link rate is known of {int((asked & slow).sum())} client(s); their "
                    "transfers take no time.",
                    remedy="Give the fleet its rates.",
                )
            )
        excess_kwh = float(joules_to_kwh(self.ledger.energy_ws[:, EXCESS].sum()))
        if excess_kwh:
            found.append(
                Finding(
                    "excess-as-zero",
                    f"{excess_kwh:.3g} kWh of excess energy count as 0 g in the emissions by "
                    "actual intensity.",
                    remedy="That holds only if nobody else would have used that energy.",
                )
            )
        return found


_TOTALS = (
    "units",
    "accepted_units",
    "train_ws",
    "lost_ws",
    "wait_ws",
    "train_excess_ws",
    "wait_excess_ws",
    "probe_ws",
    "probe_excess_ws",
    "probe_s",
    "emissions_g",
    "network_ws",
    "network_g",
    "busy_s",
    "present_s",
    "down_gb",
    "up_gb",
)
