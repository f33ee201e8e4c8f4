"""From a deployment to its statement."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata

from footprint._version import __version__
from footprint.assessment import estimate
from footprint.audit.accounts import keep_books
from footprint.audit.base_years import state_base_year
from footprint.audit.books import Books, inventory_of, settings_of
from footprint.audit.deployments import Deployment
from footprint.audit.disclosures import state_product
from footprint.audit.exclusions import compare_cut_off, list_exclusions
from footprint.audit.lines import state_lines, state_purchases
from footprint.audit.manifest import deployment_catalogue, list_factor_files
from footprint.audit.places import list_places, stand_places
from footprint.audit.register import list_factors
from footprint.audit.runs import RunRecord, read_runs
from footprint.audit.standby import exclude_standby
from footprint.audit.wording import CHOICES, NOT_CLAIMED
from footprint.factors import FactorCatalogue
from footprint.model import (
    Assessment,
    Category,
    Contribution,
    Driver,
    Interval,
    Organisation,
    Quality,
    Reproduce,
    Restatement,
    Sci,
    Statement,
    StatementLine,
    Term,
    Total,
    split_inverse,
)
from footprint.model.statement_lines import TOTALS
from footprint.sensitivity import term_effects
from footprint.uncertainty import Sampler, interval

_LIBRARIES = ("numpy", "pandas")
_PRIMARY = (Quality.MEASURED, Quality.METERED_ALLOCATED)
_COVERED = ("factor-year",)
"""Findings of an estimate that a check of the audit says better."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A statement, and what it was made from: what the checks look at.

    Attributes
    ----------
    deployment : Deployment
    records : tuple of RunRecord
    books : Books
    statement : Statement
        Without the findings of the checks.
    """

    deployment: Deployment
    records: tuple[RunRecord, ...]
    books: Books
    statement: Statement


def audit(deployment: Deployment, *, catalogue: FactorCatalogue | None = None) -> Audited:
    """Make the statement of a deployment, without the findings of the checks.

    Parameters
    ----------
    deployment : Deployment
    catalogue : FactorCatalogue, optional
        Default: the built-in one, with the folders that the deployment names.

    Raises
    ------
    ManifestError
        If it names what is not there.
    FactorNotFound
        If a zone, device or network is not in the catalogue.
    """
    catalogue = catalogue or deployment_catalogue(deployment)
    records = read_runs(deployment, catalogue)
    standings = stand_places(deployment, records)
    books = keep_books(deployment, records, standings, catalogue)
    inventory = inventory_of(deployment.name, books.lines, records)
    location = estimate(inventory, settings_of(deployment, books), catalogue=catalogue)
    market = estimate(inventory, settings_of(deployment, books, market=True), catalogue=catalogue)
    bought = replace(
        settings_of(deployment, books),
        purchased=frozenset(line.actor for line in books.purchases),
    )
    purchases = estimate(
        inventory_of(deployment.name, books.purchases, ()), bought, catalogue=catalogue
    )
    terms = {term.id: term for part in (purchases, market, location) for term in part.terms}
    register = {entry.id: entry for entry in list_factors(terms.values(), deployment, catalogue)}
    year = deployment.period.end.year
    lines = (
        *state_lines(
            location.contributions, market.contributions, books.owners, standings, register, year
        ),
        *state_purchases(purchases.contributions, books.owners, standings, register, year),
    )
    sampler = Sampler(terms.values(), seed=location.seed, draws=location.draws)
    totals = tuple(_totals(lines, sampler))
    standby = exclude_standby(deployment, records, books, standings, catalogue)
    exclusions = list_exclusions(deployment, standby, books, location, totals, catalogue)
    used = {
        name
        for line in lines
        for name, _ in map(split_inverse, (*line.factors, *line.market_factors))
    }
    found = dict.fromkeys(
        (*books.findings, *books.supplied.findings, *location.findings, *purchases.findings)
    )
    statement = Statement(
        name=deployment.name,
        organisation=_organisation(deployment),
        start=deployment.period.start.isoformat(),
        end=deployment.period.end.isoformat(),
        places=list_places(deployment, standings),
        lines=lines,
        totals=totals,
        sci=_sci(deployment, totals),
        primary_share=_primary(lines),
        drivers=_drivers(location, lines, terms),
        instruments=tuple(books.supplied.instruments),
        exclusions=exclusions,
        cut_off=compare_cut_off(deployment, exclusions),
        register=tuple(entry for name, entry in register.items() if name in used),
        restatements=tuple(_restatements(deployment)),
        base_year=state_base_year(deployment),
        allocation=deployment.method.allocation,
        signal=str(location.boundary.signal),
        network_model=location.boundary.network_model,
        choices=CHOICES,
        not_claimed=NOT_CLAIMED,
        assurance=deployment.assurance,
        findings=tuple(finding for finding in found if finding.code not in _COVERED),
        reproduce=_reproduce(deployment, location),
        declared=deployment.declared,
        product=state_product(deployment.product),
    )
    return Audited(deployment, records, books, statement)


def _organisation(deployment: Deployment) -> Organisation:
    table = deployment.organisation
    return Organisation(
        name=table.name,
        approach=table.approach,
        goal=table.goal,
        audience=table.audience,
        about=table.about,
        net_revenue_eur=table.net_revenue_eur,
    )


def _totals(lines: tuple[StatementLine, ...], sampler: Sampler) -> Iterator[Total]:
    for name in TOTALS:
        parts = [part for line in lines for part in line.figures(name)]
        is_category = name.startswith("3.")
        if not parts and (is_category or name in ("sci", "sci operation", "sci embodied")):
            continue
        value = math.fsum(figure.value for _, figure in parts)
        draws = sampler.sum((factors, figure.value) for factors, figure in parts)
        energies = [
            line.energy_kwh
            for line in lines
            if line.energy_kwh is not None
            and line.category is not Category.ENERGY_RELATED
            and any(line.figures(name))
        ]
        yield Total(name, interval(value, draws), math.fsum(energies) if energies else None)


def _sci(deployment: Deployment, totals: Iterable[Total]) -> Sci | None:
    unit = deployment.functional_unit
    if unit is None:
        return None
    found = {total.name: total.emissions_g for total in totals}
    nothing = Interval(0.0, 0.0, 0.0)
    whole = found.get("sci", nothing)
    return Sci(
        functional_unit=unit.name,
        units=unit.count,
        operation_g=found.get("sci operation", nothing),
        embodied_g=found.get("sci embodied", nothing),
        intensity_g=Interval(
            whole.value / unit.count, whole.low / unit.count, whole.high / unit.count
        ),
    )


def _primary(lines: Iterable[StatementLine]) -> float:
    """Part of the location-based total whose activity is measured or metered [1]."""
    whole, known = [], []
    for line in lines:
        for _, figure in line.figures("location"):
            whole.append(figure.value)
            if line.quality in _PRIMARY:
                known.append(figure.value)
    total = math.fsum(whole)
    return math.fsum(known) / total if total else 0.0


def _drivers(
    location: Assessment, lines: Iterable[StatementLine], terms: Mapping[str, Term]
) -> tuple[Driver, ...]:
    """Find what the location-based total hangs on, by the rule of all results."""
    like = location.contributions[0] if location.contributions else None
    if like is None:
        return ()
    parts: list[Contribution] = [
        replace(like, terms=factors, emissions_g=figure)
        for line in lines
        for factors, figure in line.figures("location")
    ]
    total = Interval(math.fsum(part.emissions_g.value for part in parts), 0.0, 0.0)
    whole = replace(
        location, contributions=tuple(parts), terms=tuple(terms.values()), total_g=total
    )
    return tuple(
        Driver(one.term.id, one.variance_share, one.at_low_g, one.at_high_g)
        for one in term_effects(whole)
    )


def _restatements(deployment: Deployment) -> Iterator[Restatement]:
    for one in deployment.restatements:
        day = "" if one.date is None else one.date.isoformat()
        yield Restatement(one.what, one.year, one.old_g, one.new_g, one.cause, one.reason, day)


def _reproduce(deployment: Deployment, location: Assessment) -> Reproduce:
    environment = [("python", platform.python_version()), ("system", platform.system())]
    environment += [(name, metadata.version(name)) for name in _LIBRARIES]
    return Reproduce(
        tool_version=__version__,
        manifest=deployment.origin.replace("\\", "/").rpartition("/")[2],
        manifest_sha256=deployment.digest,
        inputs=(*location.inputs, *list_factor_files(deployment)),
        catalogue_version=location.catalogue_version,
        catalogue_digest=location.catalogue_digest,
        seed=location.seed,
        draws=location.draws,
        environment=tuple(environment),
    )
