"""The state of a company: what lies where, and what it costs if nothing changes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from footprint.management.advisor.company import Company
from footprint.management.advisor.phrases import grams
from footprint.management.advisor.running import Running, run
from footprint.management.advisor.stored import keep, place
from footprint.management.catalogue import ApplicationEntry, DatasetEntry, SiloCatalogue
from footprint.model import (
    Assessment,
    AssetKind,
    CompanyState,
    Finding,
    StateLine,
    Term,
)
from footprint.uncertainty import Sampler, interval
from footprint.units import bytes_to_gb

_NAMED = 10
_MOST = 0.8
"""Share of the total beyond which one entry is said to cause it (our choice) [1]."""
_MOST_OF_A_SILO = 0.9
"""Share beyond which one silo is (our choice): often there is a large one [1]."""


def state_of(company: Company) -> CompanyState:
    """Say what every silo holds, and what that costs over the horizon.

    Datasets are stored, applications use what was metered for them; each is one estimate, by
    the one path. What is not known of an entry is a finding, and never 0.

    Raises
    ------
    ManifestError
        If a silo is not in the deployment.
    """
    lines: list[StateLine] = []
    terms: dict[str, Term] = {}
    findings: dict[Finding, None] = {}
    for silo, catalogue in sorted(company.catalogues.items()):
        for entry in _entries(catalogue):
            assessment = _estimate(company, silo, entry)
            lines.append(_line(company, silo, entry, assessment))
            if assessment is not None:
                terms.update((term.id, term) for term in assessment.terms)
                findings.update(dict.fromkeys(assessment.findings))
    findings.update(dict.fromkeys(_incomplete(lines)))
    return _sum(company, lines, tuple(terms[name] for name in sorted(terms)), tuple(findings))


Entry: TypeAlias = DatasetEntry | ApplicationEntry


def _entries(catalogue: SiloCatalogue) -> list[Entry]:
    return [
        *sorted(catalogue.applications, key=lambda one: one.id),
        *sorted(catalogue.datasets, key=lambda one: one.id),
    ]


def _estimate(company: Company, silo: str, entry: Entry) -> Assessment | None:
    """Estimate having it over the horizon; None if too little is known."""
    if isinstance(entry, DatasetEntry):
        stored = place(company, silo, entry)
        return None if stored is None else keep(company, stored)
    running = Running(silo, entry, company.catalogues[silo].scanned_s)
    if running.power_kw is None:
        return None
    return run(company, running.name, [(running, 1.0)])


def _line(
    company: Company,
    silo: str,
    entry: Entry,
    assessment: Assessment | None,
) -> StateLine:
    about: dict[str, Any]
    if isinstance(entry, DatasetEntry):
        stored = place(company, silo, entry)
        about = {
            "kind": AssetKind.DATASET,
            "medium": None if stored is None else stored.medium,
            "size_gb": bytes_to_gb(entry.size_bytes),
            "rows": entry.rows,
            "written_s": entry.written_s,
            "used_s": entry.read_s,
            "retention_days": entry.retention_days,
            "legal": entry.legal,
        }
    else:
        period_s = Running(silo, entry, company.now_s).period_s
        times = None if period_s is None else company.needs.horizon_s / period_s
        about = {
            "kind": AssetKind.APPLICATION,
            "used_s": entry.used_s,
            "calls": None if entry.calls is None or times is None else entry.calls * times,
        }
    if assessment is not None:
        bill = None if _is_unpriced(assessment) else assessment.bill
        about |= {
            "emissions_g": assessment.total_g,
            "energy_kwh": assessment.energy_kwh,
            "cost": None if bill is None else bill.total,
            "contributions": assessment.contributions,
            "costs": () if bill is None else bill.costs,
        }
    zone = company.zone(silo, "silos")
    return StateLine(silo=silo, name=entry.id, zone=zone, owner=entry.owner, **about)


def _is_unpriced(assessment: Assessment) -> bool:
    """Whether something that it uses has no price: what the rest costs is not what it costs."""
    return any(finding.code == "price-missing" for finding in assessment.findings)


def _dominated(lines: Sequence[StateLine]) -> Iterator[Finding]:
    """Say which entry, or else which silo, nearly all emissions are of."""
    known = [(line, line.emissions_g.value) for line in lines if line.emissions_g is not None]
    total_g = math.fsum(value_g for _, value_g in known)
    said = set()
    for line, value_g in known:
        # Of two, one is always half.
        if len(known) > 2 and value_g > _MOST * total_g:
            said.add(line.silo)
            yield _dominating(f"{line.silo}/{line.name}", line.silo, value_g, total_g)
    silos = sorted({line.silo for line, _ in known})
    for silo in silos:
        value_g = math.fsum(value for line, value in known if line.silo == silo)
        if len(silos) > 1 and silo not in said and value_g > _MOST_OF_A_SILO * total_g:
            yield _dominating(silo, silo, value_g, total_g)


def _dominating(what: str, silo: str, value_g: float, total_g: float) -> Finding:
    share = math.floor(100 * value_g / total_g)
    return Finding(
        "state-dominated",
        f"{what} causes {'more than ' * (share == 99)}{share} % of what all of it emits; the rest "
        f"is {grams(total_g - value_g)}.",
        remedy=f"Look at what {silo} says of it before you trust the sums.",
        place=what,
    )


def _incomplete(lines: Sequence[StateLine]) -> Iterator[Finding]:
    yield from _dominated(lines)
    unknown = [f"{line.silo}/{line.name}" for line in lines if line.emissions_g is None]
    if unknown:
        named = ", ".join(unknown[:_NAMED]) + (", ..." if len(unknown) > _NAMED else "")
        yield Finding(
            "state-incomplete",
            f"What {len(unknown)} of {len(lines)} datasets and applications emit is not known, and "
            f"not in the sums of what lies where: {named}.",
            remedy="Write the storage-class of a dataset, and the energy of an application over a "
            "period, into the silo.toml; say in media what a storage class is.",
        )


def _sum(
    company: Company,
    lines: list[StateLine],
    terms: tuple[Term, ...],
    findings: tuple[Finding, ...],
) -> CompanyState:
    """Add up; a factor that several lines use has one value in each draw."""
    sampler = Sampler(terms, seed=company.seed, draws=company.draws)
    contributions = [one for line in lines for one in line.contributions]
    emissions_g = math.fsum(one.emissions_g.value for one in contributions)
    energies = [line.energy_kwh for line in lines if line.energy_kwh is not None]
    costs = [one for line in lines for one in line.costs]
    prices = company.needs.prices
    cost = None
    if any(line.cost is not None for line in lines):
        drawn = sampler.sum((one.terms, one.cost.value) for one in costs)
        cost = interval(math.fsum(one.cost.value for one in costs), drawn)
    return CompanyState(
        lines=tuple(lines),
        silos=tuple(sorted(company.catalogues)),
        terms=terms,
        emissions_g=interval(emissions_g, sampler.total(contributions)),
        energy_kwh=math.fsum(energies) if energies else None,
        cost=cost,
        currency=None if prices is None else prices.currency,
        findings=findings,
    )
