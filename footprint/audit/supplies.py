"""Which electricity the own sites use: generators, contracts, and the rest of the grid.

Energy is matched by the year. Generators come first, then instruments in the order of the
manifest; an instrument counts for sites of its own market, and for its own year alone
(GHG Protocol Scope 2 Guidance, quality criteria 4 and 5, as docs/audit.md reads them).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from footprint.audit.deployments import Deployment
from footprint.audit.holdings import InstrumentTable, SiteTable
from footprint.factors import FactorCatalogue
from footprint.model import Finding, Instrument, Severity
from footprint.settings import Supply
from footprint.units import G_PER_KG

_DUST = 1e-12
"""Relative energy below which nothing is left to match."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A share of the electricity of a site, from one supply [1].

    `own` is a generator, and counts in both methods; `contract` counts in the market-based
    one alone. Neither is the grid without a contract.
    """

    share: float
    own: Supply | None = None
    contract: Supply | None = None

    @property
    def name(self) -> str:
        """Generator or instrument; empty for the rest."""
        supply = self.own or self.contract
        kind, _, name = ("", "", "") if supply is None else supply.name.partition("/")
        return "" if kind == "residual" else name


@dataclass(slots=True)
class Supplied:
    """Pieces by site, what became of the instruments, and what was found on the way."""

    pieces: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    instruments: list[Instrument] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def market_of(site: SiteTable, catalogue: FactorCatalogue) -> str:
    """Electricity market of a site: as declared, or the country of its zone."""
    return site.market or catalogue.zones.lineage(site.zone)[-1]


def supply_sites(
    deployment: Deployment,
    whole_kwh: Mapping[str, float],
    shares: Mapping[str, float],
    catalogue: FactorCatalogue,
) -> Supplied:
    """Match generators and instruments with the electricity of own sites.

    Parameters
    ----------
    deployment : Deployment
    whole_kwh : mapping of str to float
        Electricity by own site, with the overhead of the building, whoever reports it [kWh].
    shares : mapping of str to float
        Part of each site that is the company's, of its generators too [1]. They supply the
        whole site; contracts are of the company's part alone.
    catalogue : FactorCatalogue

    Returns
    -------
    Supplied
        The shares of each site add up to 1.
    """
    supplied = Supplied()
    sites = {site.name: site for site in deployment.sites if site.name in whole_kwh}
    reported = {name: site for name, site in sites.items() if shares[name]}
    pieces: dict[str, list[Piece]] = {name: [] for name in sites}
    supplied.findings.extend(_left_out(deployment, sites))
    left = {}
    for name, site in sites.items():
        left[name] = shares[name] * _generate(site, whole_kwh[name], pieces[name], supplied)
    used_kwh = {name: shares[name] * whole_kwh[name] for name in sites}
    for instrument in deployment.instruments:
        _match(instrument, deployment, reported, catalogue, left, used_kwh, pieces, supplied)
    for name, site in sites.items():
        rest = 1.0 - math.fsum(piece.share for piece in pieces[name])
        if rest > _DUST:
            market = market_of(site, catalogue)
            mix = deployment.residual_mix.get(market) if name in reported else None
            contract = None
            if mix is not None:
                contract = Supply(f"residual/{market}", mix.intensity_g_per_kwh, site.zone)
            elif used_kwh[name]:
                supplied.findings.append(_no_mix(site, market, rest))
            pieces[name].append(Piece(rest, None, contract))
    supplied.pieces = {name: tuple(found) for name, found in pieces.items()}
    return supplied


def _left_out(deployment: Deployment, sites: Mapping[str, SiteTable]) -> Iterator[Finding]:
    """Find generators of sites of which no line holds the electricity."""
    for site in deployment.sites:
        for generator in () if site.name in sites else site.generators:
            emitted_g = generator.energy_kwh * generator.intensity_g_per_kwh
            yield Finding(
                "generator-left-out",
                f"No line holds the {generator.energy_kwh:.6g} kWh, {emitted_g / G_PER_KG:.6g} "
                f"kgCO2e, that the generator {generator.name!r} made at {site.name!r}: it has "
                "no grid zone.",
                Severity.WARNING,
                "Name the zone of the site.",
                site.name,
            )


def _generate(site: SiteTable, whole_kwh: float, pieces: list[Piece], supplied: Supplied) -> float:
    """Add the pieces of generators of a site; give what they leave to the grid [kWh]."""
    left_kwh = whole_kwh
    for generator in site.generators:
        made_kwh = generator.energy_kwh
        taken = min(made_kwh, left_kwh)
        if taken < made_kwh * (1 - _DUST):
            supplied.findings.append(
                Finding(
                    "generator-surplus",
                    f"The generator {generator.name!r} made {made_kwh:.6g} kWh for our "
                    f"silos of {site.name!r}, which used {taken:.6g} kWh of it.",
                    remedy="Declare what it made for them; the rest is in no line.",
                    place=site.name,
                )
            )
        if taken:
            left_kwh -= taken
            supply = Supply(f"generator/{generator.name}", generator.intensity_g_per_kwh)
            pieces.append(Piece(taken / whole_kwh, supply))
    return left_kwh


def _match(
    table: InstrumentTable,
    deployment: Deployment,
    sites: Mapping[str, SiteTable],
    catalogue: FactorCatalogue,
    left: dict[str, float],
    used_kwh: Mapping[str, float],
    pieces: Mapping[str, list[Piece]],
    supplied: Supplied,
) -> None:
    refused = _refusal(table, deployment)
    rest, used = table.energy_kwh, 0.0
    named = [name for name in table.sites or table.claims or sites if name in sites]
    markets = {name: market_of(sites[name], catalogue) for name in named}
    if (table.sites or table.claims) and not refused:
        refused = "; ".join(
            f"{name!r} is in the market {market}, the instrument in {table.market}"
            for name, market in markets.items()
            if market != table.market
        )
    eligible = [name for name in named if markets[name] == table.market]
    for name in () if _refusal(table, deployment) else eligible:
        # Who has claims for some sites has none for the others.
        wanted = table.claims.get(name, 0.0) if table.claims else math.inf
        taken = min(wanted, rest, left[name])
        if taken <= _DUST * used_kwh[name]:
            continue
        rest, used, left[name] = rest - taken, used + taken, left[name] - taken
        supply = Supply(f"contract/{table.name}", table.intensity_g_per_kwh)
        pieces[name].append(Piece(taken / used_kwh[name], None, supply))
    supplied.instruments.append(
        Instrument(
            name=table.name,
            kind=table.kind,
            market=table.market,
            vintage=table.vintage,
            energy_kwh=table.energy_kwh,
            claimed_kwh=math.fsum(table.claims.values()) if table.claims else used,
            used_kwh=used,
            g_per_kwh=table.intensity_g_per_kwh,
            certificate=table.certificate,
            source=table.source,
            refused=refused,
        )
    )


def _refusal(table: InstrumentTable, deployment: Deployment) -> str:
    for other in deployment.instruments:
        if other is table:
            break
        number = other.certificate.strip().casefold()
        if number and number == table.certificate.strip().casefold():
            return f"its certificate {table.certificate!r} is that of {other.name!r}"
    first, last = deployment.period.start.year, deployment.period.end.year
    if not first <= table.vintage <= last:
        period = str(first) if first == last else f"{first} to {last}"
        return f"its vintage is {table.vintage}, the period {period}"
    return ""


def _no_mix(site: SiteTable, market: str, rest: float) -> Finding:
    return Finding(
        "residual-mix-missing",
        f"There is no residual mix for {market}: {rest:.1%} of the electricity of {site.name!r} is "
        "counted with its location-based factor in the market-based total.",
        Severity.WARNING,
        f"Declare [residual_mix.{market}] with its source.",
        site.name,
    )
