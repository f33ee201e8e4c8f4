"""The factor register of a statement: every factor with its source, version and hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from footprint.audit.deployments import Deployment
from footprint.factors import FactorCatalogue
from footprint.model import FactorEntry, ResolvedBy, Term


def list_factors(
    terms: Iterable[Term], deployment: Deployment, catalogue: FactorCatalogue
) -> Iterator[FactorEntry]:
    """Give the entry of each term, with the source that the manifest names for its own."""
    sources = _declared_sources(deployment)
    described = _declared_years(deployment)
    for term in terms:
        built_in = catalogue.factors.get(term.id)
        year, valid_to = term.year, described.get(term.id)
        if built_in is not None:
            years = catalogue.years(term.id)
            valid_to = None if years is None else years[1]
        elif valid_to is not None:
            year = valid_to
        kind, _, name = term.id.partition("/")
        source = term.source
        if term.id in sources:
            source = replace(source, title=sources[term.id])
        signal = "" if built_in is None or built_in.signal is None else str(built_in.signal)
        declared_zone = name.removesuffix("/declared")
        if term.quantity == "grid_intensity" and built_in is None:
            own = deployment.intensity.get(declared_zone)
            signal = (own.signal if own else "") or deployment.method.signal
        zone = term.zone
        if built_in is None and kind in ("grid", "losses"):
            zone = declared_zone
        if kind == "supply":
            signal = "average/market" if name.startswith(("contract", "residual")) else "supplier"
        version = catalogue.version
        if built_in is None:
            version = "journal" if term.resolved_by is ResolvedBy.MEASURED else "manifest"
        yield FactorEntry(
            id=term.id,
            quantity=term.quantity,
            value=term.value,
            unit=term.unit,
            low=term.low,
            high=term.high,
            bounds=term.bounds,
            zone=zone,
            year=year,
            valid_to=valid_to,
            resolved_by=term.resolved_by,
            requested=term.requested,
            signal=signal,
            source=source,
            version=version,
            sha256=_digest(term, source.title),
            note=term.note,
        )


def _digest(term: Term, title: str) -> str:
    """Digest of what makes a factor the same: value, bounds, unit and source."""
    words = (term.id, term.value, term.low, term.high, term.unit, title, term.source.url)
    return hashlib.sha256(repr(words).encode()).hexdigest()


def _declared_years(deployment: Deployment) -> dict[str, int]:
    """List the years that declared intensities describe, by the id of the factor."""
    found = {f"supply/contract/{one.name}": one.vintage for one in deployment.instruments}
    for market, mix in deployment.residual_mix.items():
        found[f"supply/residual/{market}"] = mix.year
    for zone, fuel in deployment.upstream.fuel.items():
        found[f"supply/upstream-fuel/{zone}"] = fuel.year
    for zone, lost in deployment.upstream.losses.items():
        if lost.year is not None:
            found[f"losses/{zone}"] = lost.year
    for zone, declared in deployment.intensity.items():
        found[f"grid/{zone}/declared"] = declared.year
    return found


def _declared_sources(deployment: Deployment) -> dict[str, str]:
    """List the sources that a manifest gives, by the id of the factor."""
    found = {f"supply/contract/{one.name}": one.source for one in deployment.instruments}
    for site in deployment.sites:
        for one in site.generators:
            found[f"supply/generator/{one.name}"] = one.source
    for market, mix in deployment.residual_mix.items():
        found[f"supply/residual/{market}"] = mix.source
    for zone, fuel in deployment.upstream.fuel.items():
        found[f"supply/upstream-fuel/{zone}"] = fuel.source
    for zone, lost in deployment.upstream.losses.items():
        found[f"losses/{zone}"] = lost.source
    for zone, declared in deployment.intensity.items():
        found[f"grid/{zone}/declared"] = declared.source
    for hardware in deployment.hardware:
        if hardware.source:
            found[f"embodied/declared/hardware / {hardware.name}"] = hardware.source
    return found
