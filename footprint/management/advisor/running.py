"""Applications where they run: how often they are called, and what that emits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from footprint.errors import UsageError
from footprint.management.advisor.company import Company
from footprint.management.catalogue import ApplicationEntry
from footprint.model import Activity, Assessment, LifeCycle, Phase
from footprint.units import H_PER_MONTH, S_PER_DAY, S_PER_H


@dataclass(frozen=True, slots=True)
class Running:
    """An application of a silo.

    Attributes
    ----------
    scanned_s : float
        When its silo counted (Unix time [s]).
    """

    silo: str
    entry: ApplicationEntry
    scanned_s: float

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"{self.silo}/{self.entry.id}"

    @property
    def period_s(self) -> float | None:
        """Time over which calls and energy were counted [s]."""
        return None if self.entry.period_days is None else self.entry.period_days * S_PER_DAY

    @property
    def calls_a_month(self) -> float | None:
        """Calls in a mean month [1]."""
        if self.entry.calls is None or self.period_s is None:
            return None
        return self.entry.calls / self.period_s * H_PER_MONTH * S_PER_H

    @property
    def kwh_per_call(self) -> float | None:
        """Energy of one call [kWh]; None without calls."""
        if not self.entry.calls or self.entry.energy_kwh is None:
            return None
        return self.entry.energy_kwh / self.entry.calls

    @property
    def power_kw(self) -> float | None:
        """Mean power as it was metered [kW]; None if nobody did."""
        if self.entry.energy_kwh is None or self.period_s is None:
            return None
        return self.entry.energy_kwh / self.period_s * S_PER_H

    @property
    def source(self) -> str:
        """Whose error its energy has."""
        return f"declared/{self.name}"


def list_running(company: Company) -> list[Running]:
    """Give all applications, by silo and name."""
    return [
        Running(silo, entry, catalogue.scanned_s)
        for silo, catalogue in sorted(company.catalogues.items())
        for entry in sorted(catalogue.applications, key=lambda one: one.id)
    ]


def run(
    company: Company, what: str, shares: Iterable[tuple[Running, float]], **choices: Any
) -> Assessment:
    """Estimate running applications over the horizon.

    Parameters
    ----------
    company : Company
    what : str
    shares : iterable of (Running, float)
        Each with its calls, relative to those of today [1].
    **choices
        Fields of `Settings`.

    Raises
    ------
    UsageError
        If nobody said what one of them uses.
    """
    return company.assess(what, [_use(company, one, share) for one, share in shares], **choices)


def _use(company: Company, one: Running, share: float) -> Activity:
    if one.power_kw is None:
        raise UsageError(f"Nobody said what {one.name} uses.")
    return company.activity(
        one.silo,
        Phase.INFERENCE,
        key=f"silos.{one.silo}",
        energy_kwh=one.power_kw * share * (company.needs.horizon_s / S_PER_H),
        life_cycle=LifeCycle.INFER,
        source=one.source,
    )


def same_work(one: Running, other: Running, similarity: float) -> bool:
    """Whether two applications have the same models and read the same datasets.

    Of one that names no models, or no datasets, nobody knows what it does.
    """
    mine, theirs = one.entry, other.entry
    return all(
        jaccard(first, second) >= similarity
        for first, second in ((mine.models, theirs.models), (mine.datasets, theirs.datasets))
    )


def jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    """Share of names in both, of those in either; 0 if there are none [1]."""
    first, second = set(one), set(other)
    return len(first & second) / len(first | second) if first or second else 0.0
