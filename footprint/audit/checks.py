"""Checks of a statement: each a small function that gives findings.

A check has the form ``check_x(audited, catalogue)``; `CHECKS` holds those of this package,
and other packages add theirs under the entry point ``footprint.checks``. A finding says what
is wrong, where, and what to do. Severity `error` is for figures that are wrong or cannot be
defended; `warning` for what a reader must know; `info` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata

from footprint.audit.accounts import Use
from footprint.audit.base_year_checks import (
    check_base_year,
    check_base_year_total,
    check_restatements,
)
from footprint.audit.contract_checks import (
    check_certificates,
    check_claims,
    check_market,
    check_unused,
    check_vintage,
)
from footprint.audit.double_counting import (
    check_cloud_hardware,
    check_cloud_scope,
    check_cloud_twice,
    check_embodied,
    check_fuel_twice,
    check_run_twice,
)
from footprint.audit.holdings import Acquired, Holding
from footprint.audit.idleness import check_dirty_zone, check_gpu_idle
from footprint.audit.plausibility import (
    check_allocation,
    check_base_year_order,
    check_goal,
    check_hours,
    check_kept,
    check_life,
    check_losses,
    check_year,
)
from footprint.audit.powers import check_power
from footprint.audit.runs import RATED
from footprint.audit.statement import Audited
from footprint.errors import UsageError
from footprint.factors import FactorCatalogue
from footprint.factors.resolution import TOLERATED_YEARS
from footprint.model import Category, Finding, Severity, SignalKind, Statement
from footprint.model.kinds import SignalScope

Check = Callable[[Audited, FactorCatalogue], Iterator[Finding]]

ENTRY_POINT = "footprint.checks"
_SAID_BY_CHECKS = ("pue-default",)
"""Findings of an estimate that a check says with their place."""
_ERRORS = ("journal-line",)
"""Findings of a reader that no auditor can let pass: a line that is not as it was written."""


def check_region(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Every place has a grid zone; what was used elsewhere is in no line."""
    for place, energy_kwh in audited.books.unplaced_kwh.items():
        yield Finding(
            "region-missing",
            f"{place!r} has no grid zone: its {energy_kwh:.6g} kWh are in no line.",
            Severity.ERROR,
            "Name its zone; a place is never guessed.",
            place,
        )


def check_period(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Every run lies in the period, by the days on which its activities began (UTC)."""
    period = audited.deployment.period
    for record in audited.records:
        if record.first < period.start or record.last > period.end:
            yield Finding(
                "run-outside-period",
                f"{record.table.name!r} has activities from {record.first} to {record.last}; the "
                f"period is {period.start} to {period.end}. All of it is counted.",
                Severity.ERROR,
                "Leave it out, or report another period.",
                record.table.name,
            )
        elif record.until > period.end:
            yield Finding(
                "run-beyond-period",
                f"{record.table.name!r} goes on to {record.until}; the period ends on "
                f"{period.end}. All of it is counted.",
                Severity.WARNING,
                "Declare what lies in the period. Hours of several devices together are their "
                "number (devices) and their duration by the clock.",
                record.table.name,
            )


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


def check_retention(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Somebody said how long data and models are kept."""
    rule = audited.deployment.retention
    bare = [run.name for run in audited.deployment.runs if not run.kept]
    if bare and not (rule.data and rule.models):
        yield Finding(
            "retention-missing",
            f"Nobody said how long the data and models of {len(bare)} run(s) are kept; their "
            "storage may be missing.",
            Severity.WARNING,
            "Fill in [retention], or `kept` of the runs, and declare what is stored.",
            ", ".join(bare[:5]),
        )


def check_hardware(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Hardware of own sites is in the register, so that its purchase can be counted."""
    own = {site.name for site in audited.deployment.sites if site.holding is Holding.OWN}
    known = {one.place for one in audited.deployment.hardware if one.acquired is Acquired.BOUGHT}
    owners = audited.books.owners.values()
    for place in sorted({o.place for o in owners if o.use is Use.RESERVED} & own - known):
        yield Finding(
            "hardware-missing",
            f"No hardware of {place!r} is in the register: if it was bought in the period, its "
            "making is missing from category 3.2.",
            Severity.WARNING,
            "Add [[hardware]] with its day of purchase.",
            place,
        )


def check_cut_off(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Exclusions stay below the cut-off."""
    cut = audited.statement.cut_off
    if cut.largest > cut.each or cut.sum > cut.together:
        yield Finding(
            "cut-off-exceeded",
            f"Exclusions reach {cut.largest:.1%} each and {cut.sum:.1%} together; the cut-off is "
            f"{cut.each:.1%} and {cut.together:.1%}.",
            Severity.ERROR,
            "Count what is left out.",
        )


def check_exclusion_size(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Somebody estimated what the manifest leaves out."""
    for one in audited.deployment.exclusions:
        if one.estimate_g is None:
            yield Finding(
                "exclusion-unsized",
                f"Nobody estimated {one.what!r}, which is left out.",
                Severity.WARNING,
                "Give an estimate: the cut-off cannot be checked without it.",
                one.what,
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


def check_functional_unit(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """There is something that the emissions are per."""
    if audited.deployment.functional_unit is None:
        yield Finding(
            "functional-unit-missing",
            "There is no functional unit, and so no Software Carbon Intensity.",
            Severity.WARNING,
            "Add [functional_unit] with a name and a count.",
        )


CHECKS: dict[str, Check] = {
    "region": check_region,
    "period": check_period,
    "expired": check_expired,
    "run-twice": check_run_twice,
    "cloud-scope": check_cloud_scope,
    "cloud-twice": check_cloud_twice,
    "cloud-hardware": check_cloud_hardware,
    "certificates": check_certificates,
    "claims": check_claims,
    "vintage": check_vintage,
    "market": check_market,
    "unused": check_unused,
    "signals": check_signals,
    "scope-2-kind": check_scope_2_kind,
    "fuel-twice": check_fuel_twice,
    "rated": check_rated,
    "retention": check_retention,
    "gpu-idle": check_gpu_idle,
    "dirty-zone": check_dirty_zone,
    "embodied": check_embodied,
    "hardware": check_hardware,
    "base-year": check_base_year,
    "cut-off": check_cut_off,
    "exclusion-size": check_exclusion_size,
    "pue": check_pue,
    "primary": check_primary,
    "functional-unit": check_functional_unit,
    "allocation": check_allocation,
    "goal": check_goal,
    "year": check_year,
    "base-year-order": check_base_year_order,
    "base-year-total": check_base_year_total,
    "restatements": check_restatements,
    "losses": check_losses,
    "life": check_life,
    "kept": check_kept,
    "hours": check_hours,
    "power": check_power,
}


def all_checks() -> dict[str, Check]:
    """Give the checks of this package and of others.

    Raises
    ------
    UsageError
        If another package takes the name of a check.
    """
    found = dict(CHECKS)
    for entry in metadata.entry_points(group=ENTRY_POINT):
        if entry.name in found:
            raise UsageError(
                f"There are two checks {entry.name!r}; one is {entry.value}.",
                "Rename or uninstall it.",
            )
        found[entry.name] = entry.load()
    return found


def run_checks(audited: Audited, catalogue: FactorCatalogue) -> Statement:
    """Add what all checks find to a statement: errors first, then warnings."""
    known = (
        replace(f, severity=Severity.ERROR) if f.code in _ERRORS else f
        for f in audited.statement.findings
        if f.code not in _SAID_BY_CHECKS
    )
    found = dict.fromkeys(known)
    for check in all_checks().values():
        found |= dict.fromkeys(check(audited, catalogue))
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    findings = sorted(found, key=lambda finding: order.index(finding.severity))
    return replace(audited.statement, findings=tuple(findings))
