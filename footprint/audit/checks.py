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

from footprint.audit.base_year_checks import (
    check_base_year,
    check_base_year_total,
    check_restatements,
)
from footprint.audit.books import Use
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
from footprint.audit.factor_checks import (
    check_expired,
    check_primary,
    check_pue,
    check_rated,
    check_scope_2_kind,
    check_signals,
)
from footprint.audit.holdings import Acquired, Holding
from footprint.audit.idleness import check_dirty_zone, check_gpu_idle
from footprint.audit.plausibility import (
    check_allocation,
    check_base_year_order,
    check_declared,
    check_energy,
    check_goal,
    check_hours,
    check_kept,
    check_later,
    check_life,
    check_losses,
    check_open,
    check_overlap,
    check_reported,
    check_validity,
    check_year,
)
from footprint.audit.powers import check_power
from footprint.audit.standby import UNHELD
from footprint.audit.statement import Audited
from footprint.errors import UsageError
from footprint.factors import FactorCatalogue
from footprint.model import Finding, Severity, Statement

Check = Callable[[Audited, FactorCatalogue], Iterator[Finding]]

ENTRY_POINT = "footprint.checks"
_SAID_BY_CHECKS = ("pue-default",)
"""Findings of an estimate that a check says with their place."""
_ERRORS = ("journal-line",)
"""Findings of a reader that no auditor can let pass: a line that is not as it was written."""


def check_region(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Every place has a grid zone; what was used elsewhere is in no line."""
    for place, used in audited.books.unplaced.items():
        yield Finding(
            "region-missing",
            f"{place!r} has no grid zone: {used} of it are in no line.",
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
    """Somebody estimated what the manifest leaves out, and what devices take at rest."""
    declared = {(one.what, one.reason) for one in audited.deployment.exclusions}
    for one in audited.statement.exclusions:
        at_rest = one.reason.startswith(UNHELD)
        if one.estimate_g is None and (at_rest or (one.what, one.reason) in declared):
            remedy = "Give its idle power (idle of [[hardware]]), 0 W if it is switched off"
            yield Finding(
                "exclusion-unsized",
                f"Nobody estimated {one.what!r}, which is left out.",
                Severity.WARNING,
                f"{remedy if at_rest else 'Give an estimate'}: the cut-off cannot be checked "
                "without it.",
                one.what,
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
    "open": check_open,
    "base-year-order": check_base_year_order,
    "base-year-total": check_base_year_total,
    "restatements": check_restatements,
    "losses": check_losses,
    "life": check_life,
    "kept": check_kept,
    "hours": check_hours,
    "power": check_power,
    "overlap": check_overlap,
    "validity": check_validity,
    "later": check_later,
    "declared": check_declared,
    "energy": check_energy,
    "reported": check_reported,
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
