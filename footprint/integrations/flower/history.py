"""What a server saw of a client, what it accepted of it, and what it makes of a record."""

from __future__ import annotations

from dataclasses import dataclass

from footprint.integrations.flower.record import ClientRecord
from footprint.model import Finding


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the server knows of a request and its reply.

    Attributes
    ----------
    start_s, stop_s : float
        When it asked, and when it had the reply (Unix time [s]).
    device : str or None
        Device class of the client, if the server knows it from elsewhere.
    missing : int or None
        Requests to this client before, of which no record came; None if nobody counted
        them. One whose record was refused is none of them.
    simulated : bool
        Whether the server simulates its clients: then it may make their records itself.
    """

    actor: str
    round: int | None
    start_s: float
    stop_s: float
    device: str | None = None
    missing: int | None = None
    simulated: bool = False

    @property
    def elapsed_s(self) -> float:
        """Time for which the request was out [s]."""
        return max(0.0, self.stop_s - self.start_s)


@dataclass(frozen=True, slots=True)
class ClientHistory:
    """What was accepted of one client before.

    Attributes
    ----------
    begin_s : float
        Begin of the run; nothing of it happened before (Unix time [s]).
    last_s : float
        When a record was last accepted (Unix time [s]).
    number : int
        Highest contact number so far.
    accepted_kwh : float
        Energy of all that was accepted [kWh].
    total_kwh : float
        Energy that the client told up to now, whether it was accepted or not [kWh].
    setup_kwh, idle_kwh : float
        Of that, start-up and idle power [kWh].
    finished, failed, lost, unmetered : int
        Of the client's ledger, when it was last consistent.
    skipped : frozenset of int
        Contacts that the server had no record of yet, and whose energy it does not know.
    closed : frozenset of int
        Such whose energy it learnt from a later total.
    refused : frozenset of int
        Contacts whose record was refused; their energy is never taken from a total.
    mixed : frozenset of int
        Skipped ones whose energy is in `total_kwh`, but cannot be told from the rest.
    """

    begin_s: float
    last_s: float
    number: int = 0
    accepted_kwh: float = 0.0
    total_kwh: float = 0.0
    setup_kwh: float = 0.0
    idle_kwh: float = 0.0
    finished: int = 0
    failed: int = 0
    lost: int = 0
    unmetered: int = 0
    skipped: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()
    mixed: frozenset[int] = frozenset()

    @classmethod
    def of(cls, begin_s: float) -> ClientHistory:
        """Begin a history."""
        return cls(begin_s, begin_s)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is believed of a record.

    Attributes
    ----------
    record : ClientRecord or None
        The record without what cannot be believed; None if nothing of it can.
    findings : tuple of Finding
        What was refused.
    history : ClientHistory
        With this record, if it was accepted; if not, with its number among the refused.
    late_kwh : float or None
        Energy of contacts of which no record had come [kWh]; None if there is none.
    late_setup_kwh, late_idle_kwh : float
        Of that, start-up and idle power [kWh].
    late_contacts : int
        How many these are.
    settled : bool
        Whether all that the client did up to now is known.
    lost : int
        Contacts that began and never ended, since the last ledger that was believed.
    unmetered : int
        Messages without an energy figure since then.
    """

    record: ClientRecord | None
    findings: tuple[Finding, ...]
    history: ClientHistory
    late_kwh: float | None = None
    late_setup_kwh: float = 0.0
    late_idle_kwh: float = 0.0
    late_contacts: int = 0
    settled: bool = False
    lost: int = 0
    unmetered: int = 0
