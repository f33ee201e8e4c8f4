"""The clients that could take part: what they can do, what it costs them, where they draw it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from footprint.errors import UsageError
from footprint.model import Tier
from footprint.simulation.arrays import Floats, Integers, Labels
from footprint.units import MBIT_PER_GB


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Clients as columns of one length.

    A unit of work is whatever the figures are per: a batch, in FedZero's scenarios.

    Attributes
    ----------
    ids : ndarray of str
        Each once.
    domain : ndarray of int
        Number of the power domain that each draws from.
    units_per_s : ndarray of float
        Work at full speed, above 0 [units/s].
    energy_per_unit_ws : ndarray of float
        Energy of a unit of work, above 0 [Ws].
    least_units, most_units : ndarray of float
        Work below which an update does not count, and work that is enough [units per round].
    samples : ndarray of float
        Of training data; NaN if nobody said [1].
    devices : ndarray of (str or None)
        Device class of the catalogue.
    idle_w : ndarray of float
        Power of a client that takes part and waits; NaN if nobody said [W].
    dropout : ndarray of float
        Chance to drop out within the longest round [1].
    down_mbps, up_mbps : ndarray of float
        Rates of the link; NaN if a transfer takes no time to speak of [Mbit/s].
    message_gb, update_gb : float
        Size of the model as it is sent, and of what comes back; 0 if it is not counted [GB].
    network_kwh_per_gb : float
        Energy of the network that carries these, at the intensity of the client's grid; 0 if it is
        not counted.
    tier : Tier
        Quality of the energy per unit.
    """

    ids: Labels
    domain: Integers
    units_per_s: Floats
    energy_per_unit_ws: Floats
    least_units: Floats
    most_units: Floats
    samples: Floats
    devices: Labels
    idle_w: Floats
    dropout: Floats
    down_mbps: Floats
    up_mbps: Floats
    message_gb: float = 0.0
    update_gb: float = 0.0
    network_kwh_per_gb: float = 0.0
    tier: Tier = Tier.E

    def __post_init__(self) -> None:
        number = len(self.ids)
        for column in fields(self)[:-4]:
            if len(getattr(self, column.name)) != number:
                raise UsageError(
                    f"A fleet of {number} has {len(getattr(self, column.name))} values of "
                    f"{column.name}."
                )
        if len(set(self.ids.tolist())) < number:
            raise UsageError("Two clients of the fleet have one id.")
        for name, wrong in (
            ("domain", self.domain < 0),
            ("units_per_s", ~(self.units_per_s > 0)),
            ("energy_per_unit_ws", ~(self.energy_per_unit_ws > 0)),
            ("least_units", ~(self.least_units > 0)),
            ("most_units", ~(self.most_units >= self.least_units)),
            ("idle_w", self.idle_w < 0),
            ("dropout", ~((self.dropout >= 0) & (self.dropout <= 1))),
            ("down_mbps", self.down_mbps <= 0),
            ("up_mbps", self.up_mbps <= 0),
        ):
            if wrong.any():
                place = int(np.flatnonzero(wrong)[0])
                raise UsageError(
                    f"Client {self.ids[place]!r} has the {name} {getattr(self, name)[place]}, "
                    "which cannot be."
                )
        if self.message_gb < 0 or self.update_gb < 0:
            raise UsageError("A message has a size of 0 or more.")
        if not 0 <= self.network_kwh_per_gb < np.inf:
            raise UsageError(f"A network cannot take {self.network_kwh_per_gb} kWh/GB.")

    @classmethod
    def of(
        cls,
        *,
        domain: Integers,
        units_per_s: Floats,
        energy_per_unit_ws: Floats,
        least_units: Floats,
        most_units: Floats,
        **rest: object,
    ) -> Fleet:
        """Make a fleet of which only the necessary is known.

        Ids are ``"client-0"`` and so on; nobody drops out; all else is unknown.
        """
        number = len(domain)
        ids = np.empty(number, dtype=object)
        ids[:] = [f"client-{n}" for n in range(number)]
        unknown = {name: np.full(number, np.nan) for name in _OPTIONAL}
        plain = {
            "ids": ids,
            "devices": np.full(number, None, dtype=object),
            "dropout": np.zeros(number),
        }
        necessary = {
            "units_per_s": units_per_s,
            "energy_per_unit_ws": energy_per_unit_ws,
            "least_units": least_units,
            "most_units": most_units,
        }
        columns = {name: np.asarray(column, np.float64) for name, column in necessary.items()}
        given = {**unknown, **plain, **columns, **rest}
        return cls(domain=np.asarray(domain, dtype=np.int64), **given)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.ids)

    def download_s(self, clients: Integers) -> Floats:
        """Time in which each receives the model; 0 where no rate is known [s]."""
        return _transfer_s(self.message_gb, self.down_mbps[clients])

    def upload_s(self, clients: Integers) -> Floats:
        """Time in which each sends its update; 0 where no rate is known [s]."""
        return _transfer_s(self.update_gb, self.up_mbps[clients])

    def with_messages(self, message_gb: float, update_gb: float | None = None) -> Fleet:
        """Make the same fleet with models of some size to carry [GB]."""
        back_gb = message_gb if update_gb is None else update_gb
        return replace(self, message_gb=message_gb, update_gb=back_gb)


_OPTIONAL = ("samples", "idle_w", "down_mbps", "up_mbps")


def _transfer_s(data_gb: float, rates_mbps: Floats) -> Floats:
    times: Floats = data_gb * MBIT_PER_GB / rates_mbps
    return np.where(np.isnan(times), 0.0, times)
