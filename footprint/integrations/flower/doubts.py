"""What cannot be believed of a record, as findings."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from footprint.integrations.flower.history import ClientHistory, Exchange
from footprint.integrations.flower.limits import Limits
from footprint.integrations.flower.record import ClientRecord
from footprint.model import Basis, Finding, Severity

LARGEST = 2**53
"""Of a whole number that floats can count."""

_SHOWN = 40  # characters of a text that a finding shows


class Refused(Exception):
    """The whole record cannot be believed."""


@dataclass(slots=True)
class Doubts:
    """What one check has found."""

    exchange: Exchange
    limits: Limits
    findings: list[Finding] = field(default_factory=list)

    def find(self, name: str, found: object, expected: str, lost: str) -> None:
        """Say what cannot be believed, where, and what could have been."""
        where = self.exchange.actor
        if self.exchange.round is not None:
            where += f", round {self.exchange.round}"
        self.findings.append(
            Finding(
                "client-record",
                f"{where}: {name} is {shown(found)}; expected {expected}. {lost}",
                Severity.WARNING,
                "Update footprint on the client; if it goes on, do not trust this client.",
                self.exchange.actor,
            )
        )

    def refuse(self, name: str, found: object, expected: str) -> Refused:
        """Refuse the record."""
        self.find(name, found, expected, "Nothing that it told of this message is counted.")
        return Refused()

    def longest_s(self, seen: ClientHistory) -> float:
        """For how long the client can have been at work for this run by now [s]."""
        run_s = max(0.0, self.exchange.stop_s - seen.begin_s)
        return run_s + self.limits.startup_s + self.limits.exchange_s

    def most_kwh(self, record: ClientRecord, duration_s: float) -> float:
        """Highest energy of a client in some time [kWh]; what we simulate draws what it draws."""
        if self.exchange.simulated and record.basis is Basis.SIMULATED:
            return math.inf
        return self.limits.energy_kwh(self.exchange.device or record.device, duration_s)

    def power(self, record: ClientRecord) -> str:
        """Say which power is the limit."""
        power_w = self.limits.device_w(self.exchange.device or record.device)
        return f"{power_w:.4g} W for that time"


def shown(found: object) -> str:
    """Show a value that anybody may have sent, in few and harmless characters."""
    if isinstance(found, str):
        return ascii(found[:_SHOWN]) + "..." * (len(found) > _SHOWN)
    if isinstance(found, float | bool | None):
        return repr(found)
    if isinstance(found, int):
        return repr(found) if abs(found) <= LARGEST else "a huge number"
    return type(found).__name__
