"""What a client tells the server about one message: a flat record of scalars.

It travels as a ConfigRecord named `RECORD_NAME` beside the content of the reply. A
MetricRecord would not do: strategies of Flower expect exactly one of those.

Nothing here imports Flower, and nothing here trusts a record: what came over the
network goes through `footprint.integrations.flower.plausibility` first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from footprint.model import Basis, Phase, Tier

RECORD_NAME = "footprint"
"""Name of the ConfigRecord in the content of a reply."""

RECORD_VERSION = 1

FIELDS: dict[str, tuple[str, ...]] = {
    "energy": ("energy_kwh", "energy_low_kwh", "energy_high_kwh", "idle_kwh", "tier", "source"),
    "duration": ("duration_s",),
    "startup": (
        "startup_s",
        "startup_kwh",
        "startup_low_kwh",
        "startup_high_kwh",
    ),
    "ledger": (
        "total_kwh",
        "total_setup_kwh",
        "total_idle_kwh",
        "finished",
        "failed",
        "lost",
        "unmetered",
    ),
    "zone": ("zone",),
    "device": ("device",),
    "partition": ("partition",),
    "journal": ("token",),
    "start": ("start_s",),
}
"""What can be told, by the name under which it is chosen."""

DEFAULT_FIELDS = tuple(name for name in FIELDS if name != "start")
"""Coarse: no clock of the client; never a host name or a number of a process."""

_ALWAYS = ("version", "number", "phase", "round", "basis", "problem")

Scalar = int | float | str


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """What one client did for one message, and what it did before in this run.

    Missing figures are None, never 0. Energies are of the client's own process, with
    95 % bounds, as `footprint.read_journal` would give them.

    Attributes
    ----------
    number : int
        Messages that this client has begun in this run, this one included, over all of
        its processes; counted from 1.
    phase : Phase
        ``train``, ``evaluate`` or ``other``.
    round : int or None
        Round that the message named.
    start_s : float or None
        Begin of the handler by the client's clock (Unix time [s]).
    duration_s : float or None
        Time in the handler [s].
    energy_kwh, energy_low_kwh, energy_high_kwh : float or None
        Energy of the handler, without idle power [kWh].
    tier : Tier or None
        Quality of the energy.
    source : str
        What the energy comes from, such as ``"rapl"`` or ``"cpu-table"``.
    basis : Basis
        ``measured`` or ``modelled`` by a real client, ``simulated`` by a virtual one.
    startup_s : float or None
        From the start of the process up to the handler of its first message, the only
        one that tells it [s].
    startup_kwh, startup_low_kwh, startup_high_kwh : float or None
        Energy of that, without idle power [kWh].
    idle_kwh : float or None
        Idle power of the client's machine in both, as far as it is known apart [kWh].
    zone, device : str or None
        Grid zone and device class, as the client was told.
    partition : int or None
        Flower's ``partition-id``, where there is one.
    received_bytes, sent_bytes : int or None
        What moved of a message over a simulated link; a real server counts it itself.
    total_kwh : float or None
        Energy of all messages of this client up to this one, start-up and idle power
        included [kWh]; a lower bound if some of them are unmetered.
    total_setup_kwh, total_idle_kwh : float or None
        Of that, start-up and idle power [kWh].
    finished, failed, lost : int or None
        How many of them ended well, raised, and never ended (their process died); the
        three add up to `number`.
    unmetered : int or None
        How many of these messages have no energy figure, or one of a part only.
    token : str or None
        Random name of the journal that the client's process writes itself.
    problem : str or None
        Why figures are missing, in a few words.
    """

    number: int
    phase: Phase
    round: int | None = None
    start_s: float | None = None
    duration_s: float | None = None
    energy_kwh: float | None = None
    energy_low_kwh: float | None = None
    energy_high_kwh: float | None = None
    tier: Tier | None = None
    source: str = ""
    basis: Basis = Basis.MEASURED
    startup_s: float | None = None
    startup_kwh: float | None = None
    startup_low_kwh: float | None = None
    startup_high_kwh: float | None = None
    idle_kwh: float | None = None
    zone: str | None = None
    device: str | None = None
    partition: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    total_kwh: float | None = None
    total_setup_kwh: float | None = None
    total_idle_kwh: float | None = None
    finished: int | None = None
    failed: int | None = None
    lost: int | None = None
    unmetered: int | None = None
    token: str | None = None
    problem: str | None = None
    version: int = RECORD_VERSION

    @property
    def used_kwh(self) -> float | None:
        """Energy of this message, start-up and idle power included [kWh]; None if unknown."""
        parts = (self.energy_kwh, self.startup_kwh, self.idle_kwh)
        known = [kwh for kwh in parts if kwh is not None]
        return math.fsum(known) if known else None

    def to_fields(self) -> dict[str, Scalar]:
        """Give what is known, as plain scalars by name; empty texts are left out."""
        return self._fields(NAMES)

    def _fields(self, names: Iterable[str]) -> dict[str, Scalar]:
        found = ((name, getattr(self, name)) for name in names)
        return {
            name: str(value) if isinstance(value, str) else value
            for name, value in found
            if value is not None and value != ""
        }

    def told(self, chosen: Iterable[str]) -> dict[str, Scalar]:
        """Give those fields that may be told; `chosen` holds names of `FIELDS`."""
        return self._fields(_told_names(tuple(chosen)))


@functools.cache
def _told_names(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the fields that may be told, in their order."""
    told = {*_ALWAYS, *(name for one in chosen for name in FIELDS[one])}
    return tuple(name for name in NAMES if name in told)


NAMES = tuple(column.name for column in fields(ClientRecord))
"""Names of all fields of a record."""
