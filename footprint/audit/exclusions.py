"""What a statement leaves out: by its manifest, by what it cannot know, and how much it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from footprint.audit.accounts import upstream_zone
from footprint.audit.books import Books
from footprint.audit.deployments import Deployment
from footprint.audit.holdings import UpstreamPart
from footprint.audit.wording import EXCLUDED
from footprint.factors import FactorCatalogue
from footprint.model import Assessment, Category, CutOff, Exclusion, SignalKind, Total
from footprint.model.kinds import SignalScope

_WHOLE = SignalScope.LIFE_CYCLE


def list_exclusions(
    deployment: Deployment,
    standby: Iterable[Exclusion],
    books: Books,
    location: Assessment,
    totals: Iterable[Total],
    catalogue: FactorCatalogue,
) -> tuple[Exclusion, ...]:
    """List what is left out, with its share of the total where somebody estimated it.

    Parameters
    ----------
    deployment : Deployment
    standby : iterable of Exclusion
        Of hardware at rest.
    books : Books
    location : Assessment
        The location-based estimate, whose boundary leaves things out, too.
    totals : iterable of Total
    catalogue : FactorCatalogue
        Its zones say which country a place is in.
    """
    found = (*_declared(deployment), *standby, *_unknown(deployment, books, location, catalogue))
    return _sized(found, totals)


def _declared(deployment: Deployment) -> Iterator[Exclusion]:
    for one in deployment.exclusions:
        yield Exclusion(one.what, one.reason, one.category, one.estimate_g, None)


def _sized(exclusions: tuple[Exclusion, ...], totals: Iterable[Total]) -> tuple[Exclusion, ...]:
    """Give each exclusion its share of the total with all that was estimated [1]."""
    whole_g = next(total.emissions_g.value for total in totals if total.name == "location")
    whole_g += math.fsum(one.estimate_g or 0.0 for one in exclusions)
    return tuple(
        replace(one, share=one.estimate_g / whole_g)
        if one.estimate_g is not None and whole_g
        else one
        for one in exclusions
    )


def _unknown(
    deployment: Deployment, books: Books, location: Assessment, catalogue: FactorCatalogue
) -> Iterator[Exclusion]:
    for place, used in books.unplaced.items():
        yield Exclusion(f"{used} in {place}", "no grid zone is known there", None, None, None)
    zones = {line.zone or "" for line in books.lines} & {
        site.zone for site in deployment.sites if site.name in books.used_kwh
    }
    yield from _upstream_exclusions(deployment, books, zones, catalogue)
    for code in location.boundary.excluded:
        what, reason = EXCLUDED[code]
        yield Exclusion(what, reason, None, None, None)


def _upstream_exclusions(
    deployment: Deployment, books: Books, zones: set[str], catalogue: FactorCatalogue
) -> Iterator[Exclusion]:
    """Parts of category 3.3 that nobody declared or excluded, for the zones of own sites."""
    upstream, category = deployment.upstream, Category.ENERGY_RELATED
    covered = {part for one in deployment.exclusions for part in one.covers}
    lineages = {zone: catalogue.zones.lineage(zone) for zone in sorted(zones)}
    bare = [zone for zone, of in lineages.items() if upstream_zone(upstream.losses, of) is None]
    if bare and UpstreamPart.LOSSES not in covered:
        what = f"transmission and distribution losses in {', '.join(bare)}"
        yield Exclusion(what, "no loss share was declared", category, None, None)
    direct = [
        zone
        for zone, of in lineages.items()
        if upstream_zone(upstream.fuel, of) is None and _scope_of(deployment, zone) is not _WHOLE
    ]
    if direct and UpstreamPart.FUEL not in covered:
        what = f"upstream of the fuel of electricity in {', '.join(direct)}"
        yield Exclusion(what, "no factor was declared", category, None, None)
    burning = [
        name
        for name, pieces in books.supplied.pieces.items()
        if name in books.used_kwh and any(piece.own is not None for piece in pieces)
    ]
    if burning and UpstreamPart.GENERATORS not in covered:
        what = f"upstream of the fuel of generators at {', '.join(burning)}"
        yield Exclusion(what, "a generator's intensity is of what it burns", category, None, None)


def _scope_of(deployment: Deployment, zone: str) -> SignalScope:
    own = deployment.intensity.get(zone)
    return SignalKind.parse((own.signal if own else "") or deployment.method.signal).scope


def compare_cut_off(deployment: Deployment, exclusions: Iterable[Exclusion]) -> CutOff:
    """Say how near the exclusions come to the cut-off."""
    found = tuple(exclusions)
    shares = [one.share for one in found if one.share is not None]
    return CutOff(
        each=deployment.materiality.each,
        together=deployment.materiality.together,
        largest=max(shares, default=0.0),
        sum=math.fsum(shares),
        unknown=sum(one.estimate_g is None for one in found),
    )
