"""Checks of contracts and certificates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from footprint.audit.holdings import Holding, InstrumentTable, SiteTable
from footprint.audit.statement import Audited
from footprint.audit.supplies import market_of
from footprint.factors import FactorCatalogue
from footprint.model import Finding, Severity

_ROUNDING = 1e-9


def check_certificates(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No certificate is used twice."""
    numbers = Counter(one.certificate.strip().casefold() for one in audited.deployment.instruments)
    for one in audited.deployment.instruments:
        if one.certificate.strip() and numbers[one.certificate.strip().casefold()] > 1:
            yield Finding(
                "instrument-twice",
                f"The certificate {one.certificate!r} of {one.name!r} is used more than once.",
                Severity.ERROR,
                "Count it for one instrument.",
                one.name,
            )


def check_claims(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Nobody claims more of an instrument than there is, or than was used."""
    used = audited.books.used_kwh
    for one in audited.deployment.instruments:
        claimed = sum(one.claims.values())
        if claimed > one.energy_kwh * (1 + _ROUNDING):
            yield Finding(
                "instrument-overclaimed",
                f"{claimed:.6g} kWh are claimed of {one.name!r}, which has {one.energy_kwh:.6g}.",
                Severity.ERROR,
                "Claim no more than was bought.",
                one.name,
            )
        for site, wanted in one.claims.items():
            if wanted > used.get(site, 0.0) * (1 + _ROUNDING):
                yield Finding(
                    "claim-unused",
                    f"{wanted:.6g} kWh of {one.name!r} are claimed for {site!r}, which used "
                    f"{used.get(site, 0.0):.6g} kWh.",
                    Severity.WARNING,
                    "What is not used counts for nothing here.",
                    one.name,
                )


def check_vintage(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Instruments are of the period."""
    period = audited.deployment.period
    for one in audited.deployment.instruments:
        if not period.start.year <= one.vintage <= period.end.year:
            yield Finding(
                "instrument-vintage",
                f"{one.name!r} is of {one.vintage}; the period is {period.start} to {period.end}. "
                "Nothing of it counts.",
                Severity.ERROR,
                "Use instruments of the year of consumption.",
                one.name,
            )


def check_market(audited: Audited, catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Instruments are of the market of the sites that they are for."""
    for one in audited.deployment.instruments:
        meant = _meant(one, audited)
        wrong = [site for site in meant if site.zone and market_of(site, catalogue) != one.market]
        if wrong if _names(one) else len(wrong) == len(meant):
            where = ", ".join(site.name for site in wrong) if _names(one) else "any own site"
            yield Finding(
                "instrument-market",
                f"{one.name!r} is of the market {one.market}, which is not that of {where}.",
                Severity.ERROR,
                "Use instruments of the market of consumption.",
                one.name,
            )


def check_unused(audited: Audited, catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Something of each instrument counts, or somebody says why not."""
    counted = {one.name: one for one in audited.statement.instruments}
    own = {one.name for one in audited.statement.places if one.reported_share}
    for one in audited.deployment.instruments:
        sites = [
            site
            for site in _meant(one, audited)
            if site.zone and market_of(site, catalogue) == one.market
        ]
        known = counted[one.name]
        if known.used_kwh or known.refused or one.claims or not sites:
            continue
        outside = [site.name for site in sites if site.name not in own]
        why = "what it is for used no electricity that nothing before it covers"
        if len(outside) == len(sites):
            why = f"the company reports no part of {', '.join(outside)}"
        yield Finding(
            "instrument-unused",
            f"Nothing of {one.name!r} counts: {why}.",
            Severity.WARNING,
            "Name the sites that it is for, or leave it out.",
            one.name,
        )


def _names(instrument: InstrumentTable) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*instrument.sites, *instrument.claims)))


def _meant(instrument: InstrumentTable, audited: Audited) -> list[SiteTable]:
    """Give the sites that an instrument names, or all own ones, reported or not."""
    sites = audited.deployment.sites
    if names := _names(instrument):
        return [site for site in sites if site.name in names]
    return [site for site in sites if site.holding is Holding.OWN and site.zone]
