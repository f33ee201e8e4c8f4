"""What a client can tell at most: power, time, zones and devices."""

from __future__ import annotations

import re
from dataclasses import dataclass

from footprint.errors import FactorNotFound
from footprint.factors import FactorCatalogue
from footprint.measurement.meter import TIER_BANDS
from footprint.model import Tier
from footprint.units import watt_seconds_to_kwh

SOCKET_W = 3680.0
"""Highest power of a client whose device class has none in the catalogue [W].

A household socket in Europe gives 16 A at 230 V. A client that draws more is a server;
who runs one knows its power and says so.
"""

MODEL_MARGIN = TIER_BANDS[Tier.F][1]
"""An honest figure may be a model of the weakest tier, and so much too high [1]."""

_OF_DEVICES = ("embodied", "power_")
"""Quantities of which a device class has one at least begin with these."""

_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]*")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client can tell at most.

    Attributes
    ----------
    power_w : float
        Highest power of a client whose device class has none in the catalogue [W].
    slack_s : float
        Counters move in steps, those of CPU time in 10 ms for each thread: an energy may be
        that of so much more time than was told [s].
    clock_s : float
        So far may the clock of a client be off for its start to be used [s].
    exchange_s : float
        So much longer than the exchange may a client have worked by its own clock [s].
    startup_s : float
        So long before the run may a process of a client have been started: workers of a
        simulation are there before its server begins [s].
    catalogue : FactorCatalogue or None
        Knows device classes, their power, and zones. Without one, every word serves.
    """

    power_w: float = SOCKET_W
    slack_s: float = 0.1
    clock_s: float = 300.0
    exchange_s: float = 5.0
    startup_s: float = 120.0
    catalogue: FactorCatalogue | None = None

    def device_w(self, device: str | None) -> float:
        """Highest power that a figure of a device may stand for [W]."""
        if device is None or self.catalogue is None or not device.startswith("edge."):
            return self.power_w  # other classes with a power are parts, not whole devices
        try:
            factor = self.catalogue.resolve("power_max", subject=device).factor
        except FactorNotFound:
            return self.power_w
        return min(self.power_w, MODEL_MARGIN * (factor.high or factor.value))

    def energy_kwh(self, device: str | None, duration_s: float) -> float:
        """Highest energy of a device in some time [kWh]."""
        return watt_seconds_to_kwh(self.device_w(device), duration_s + self.slack_s)

    def knows_zone(self, zone: str) -> bool:
        """Whether a zone can be estimated with."""
        if _WORDS.fullmatch(zone) is None:
            return False
        try:
            return self.catalogue is None or bool(self.catalogue.zones.find(zone))
        except FactorNotFound:
            return False

    def knows_device(self, device: str) -> bool:
        """Whether a device class can be estimated with."""
        if _WORDS.fullmatch(device) is None:
            return False
        if self.catalogue is None:
            return True
        return any(
            factor.subject == device and factor.quantity.startswith(_OF_DEVICES)
            for factor in self.catalogue.factors.values()
        )
