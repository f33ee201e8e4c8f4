"""Checks of the factors of a statement, and of how well its activities are known."""

from __future__ import annotations

from collections.abc import Iterator

from footprint.audit.runs import RATED
from footprint.audit.statement import Audited
from footprint.factors import FactorCatalogue
from footprint.factors.resolution import TOLERATED_YEARS
from footprint.model import Category, Finding, Severity, SignalKind
from footprint.model.kinds import SignalScope


def check_expired(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Factors are not much older than the period."""
    year = audited.deployment.period.start.year
    for entry in audited.statement.register:
        last = entry.valid_to
        if last is not None and year - last > TOLERATED_YEARS:
            yield Finding(
                "factor-expired",
                f"{entry.id} describes {last}, {year - last} years before the period.",
                Severity.WARNING,
                f"Give a factor of {year} (docs/factors.md).",
                entry.id,
            )


def check_signals(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """One kind of grid intensity in all location-based figures."""
    wanted = audited.statement.signal
    for entry in audited.statement.register:
        is_grid = entry.quantity == "grid_intensity" and not entry.id.startswith("supply/")
        if is_grid and entry.signal != wanted:
            yield Finding(
                "signals-mixed",
                f"{entry.id} is {entry.signal}; the other location-based figures are {wanted}.",
                Severity.ERROR,
                "Use one kind throughout.",
                entry.id,
            )


def check_scope_2_kind(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Scope 2 holds direct emissions; a life-cycle factor brings 3.3 into it."""
    statement = audited.statement
    is_mixed = SignalKind.parse(statement.signal).scope is SignalScope.LIFE_CYCLE
    lines = [line for line in statement.lines if line.category is Category.ELECTRICITY]
    if is_mixed and lines:
        yield Finding(
            "scope-2-life-cycle",
            "Scope 2 is calculated with life-cycle factors: the upstream of the fuel, which is "
            "category 3.3, is in it and not apart.",
            Severity.WARNING,
            "Declare direct intensities and [upstream.fuel], or say it wherever you quote scope 2.",
            ", ".join(dict.fromkeys(line.place for line in lines)),
        )


def check_rated(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Energy is more than rated power times time."""
    for record in audited.records:
        silos = [x.actor for x in record.inventory.lines if x.source.startswith(RATED)]
        if silos:
            yield Finding(
                "energy-rated",
                f"The energy of {record.table.name!r} in {', '.join(dict.fromkeys(silos))} is "
                "rated power times time: nobody measured it.",
                Severity.WARNING,
                "Track it (footprint track), or declare a meter's figure.",
                record.table.name,
            )


def check_pue(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Sites have a PUE of their own."""
    used = {entry.id for entry in audited.statement.register}
    lines = audited.statement.lines
    for site in audited.deployment.sites:
        if site.pue is not None:
            continue
        guessed = [
            name
            for line in lines
            if line.place == site.name
            for name in line.factors
            if name.startswith("pue/industry_average") and name in used
        ]
        if guessed:
            yield Finding(
                "pue-default",
                f"Nobody said the PUE of {site.name!r}: {guessed[0]} is taken, the average of the "
                "industry.",
                Severity.WARNING,
                "Give its pue; 1 if there is no such overhead.",
                site.name,
            )


def check_primary(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Enough of the total rests on meters."""
    share, least = audited.statement.primary_share, audited.deployment.materiality.primary
    if share < least:
        yield Finding(
            "primary-share-low",
            f"{share:.1%} of the location-based total rests on measured or metered activity, less "
            f"than {least:.0%}.",
            Severity.WARNING,
            "Measure what weighs most; the drivers say what that is.",
        )
