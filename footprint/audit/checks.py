"""Checks of a statement: each a small function that gives findings.

A check has the form ``check_x(audited, catalogue)``; `CHECKS` holds those of this package,
and other packages add theirs under the entry point ``footprint.checks``. A finding says what
is wrong, where, and what to do. Severity `error` is for figures that are wrong or cannot be
defended; `warning` for what a reader must know; `info` for the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata

from footprint.audit.accounts import Use
from footprint.audit.deployments import Acquired, Holding
from footprint.audit.idleness import check_dirty_zone, check_gpu_idle
from footprint.audit.runs import RATED
from footprint.audit.statement import Audited
from footprint.audit.supplies import market_of
from footprint.errors import UsageError
from footprint.factors import FactorCatalogue
from footprint.factors.resolution import TOLERATED_YEARS
from footprint.model import Category, Finding, Severity, SignalKind, Stage, Statement
from footprint.model.kinds import SignalScope

Check = Callable[[Audited, FactorCatalogue], Iterator[Finding]]

ENTRY_POINT = "footprint.checks"
_ROUNDING = 1e-9
_SAID_BY_CHECKS = ("pue-default",)
"""Findings of an estimate that a check says with their place."""


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
    """Every run lies in the period, by the year."""
    period = audited.deployment.period
    for record in audited.records:
        years = {line.year for line in record.inventory.lines}
        if outside := sorted(y for y in years if not period.start.year <= y <= period.end.year):
            yield Finding(
                "run-outside-period",
                f"{record.table.name!r} has activities of {', '.join(map(str, outside))}; the "
                f"period is {period.start} to {period.end}.",
                Severity.ERROR,
                "Leave it out, or report another period.",
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


def check_run_twice(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No run is counted twice: by name, by file, or by its name in a ledger."""
    names = Counter(record.table.name for record in audited.records)
    first: dict[str, str] = {}
    twice: dict[tuple[str, str], str] = {}
    for record in audited.records:
        table = record.table
        keys = [file.sha256 for file in record.inventory.inputs]
        if table.ledger is not None:
            keys.append(f"{table.ledger} {table.recorded or table.name}")
        for key in keys:
            known = first.setdefault(key, table.name)
            if known != table.name:
                twice[(known, table.name)] = "the same records"
    for name, times in names.items():
        if times > 1:
            twice[(name, name)] = "the same name"
    for (one, other), why in twice.items():
        yield Finding(
            "run-twice",
            f"{one!r} and {other!r} have {why}: their energy counts twice.",
            Severity.ERROR,
            "Name each run once.",
            other,
        )


def check_cloud_scope(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Electricity of a cloud is not in scope 2."""
    for site in audited.deployment.sites:
        if ":" in site.zone and site.holding is Holding.OWN:
            yield Finding(
                "cloud-in-scope-2",
                f"{site.name!r} is an own site in the cloud region {site.zone}: its electricity "
                "is the provider's scope 2, and category 3.1 or 3.8 here.",
                Severity.ERROR,
                "Write it as [[clouds]].",
                site.name,
            )


def check_cloud_twice(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """One run does not enter the same figure for an own site and for a cloud."""
    places = {silo.name: silo.place for silo in audited.deployment.silos}
    clouds = {cloud.name for cloud in audited.deployment.clouds}
    for record in audited.records:
        figures: dict[tuple[object, ...], set[str]] = {}
        for line in record.inventory.lines:
            if line.energy_kwh:
                key = (line.energy_kwh, line.source, line.phase, line.duration_s)
                figures.setdefault(key, set()).add(places[line.actor])
        for (energy_kwh, *_), found in figures.items():
            if found & clouds and found - clouds:
                yield Finding(
                    "energy-in-two-scopes",
                    f"{record.table.name!r} has the same {energy_kwh:.6g} kWh of one source in "
                    f"{' and '.join(sorted(found))}: once as purchased service, once as own.",
                    Severity.ERROR,
                    "Keep the one whose bill it is.",
                    record.table.name,
                )


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
    sites = {site.name: site for site in audited.deployment.sites}
    own = [site for site in sites.values() if site.name in audited.books.used_kwh]
    for one in audited.deployment.instruments:
        named = [sites[name] for name in dict.fromkeys((*one.sites, *one.claims))]
        wrong = [site for site in named if site.zone and market_of(site, catalogue) != one.market]
        nowhere = not named and all(market_of(site, catalogue) != one.market for site in own)
        if wrong or nowhere:
            where = ", ".join(site.name for site in wrong) or "any own site"
            yield Finding(
                "instrument-market",
                f"{one.name!r} is of the market {one.market}, which is not that of {where}.",
                Severity.ERROR,
                "Use instruments of the market of consumption.",
                one.name,
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


def check_fuel_twice(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """The making of the fuel is not in scope 2 and in category 3.3 at once."""
    signal = SignalKind.parse(audited.statement.signal)
    fuel = [line for line in audited.statement.lines if line.component == Use.FUEL.value]
    if signal.scope is SignalScope.LIFE_CYCLE and fuel:
        yield Finding(
            "fuel-twice",
            "The upstream of the fuel is in the life-cycle factors of scope 2, and in category "
            "3.3 again.",
            Severity.ERROR,
            "Leave [upstream.fuel] out, or take direct intensities.",
            ", ".join(dict.fromkeys(line.place for line in fuel)),
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


def check_embodied(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No device is charged both in the year of purchase and by use."""
    lines = audited.statement.lines
    bought = {
        (line.place, (line.device or "").partition(".")[0]): line.device
        for line in lines
        if line.purchase_g is not None
    }
    for line in lines:
        kind = (line.device or "").partition(".")[0]
        by_use = line.location_g is not None or line.amortised_g is not None
        is_making = line.stage is Stage.EMBODIED and by_use and line.run
        if is_making and (line.place, kind) in bought and kind != "storage":
            yield Finding(
                "purchase-and-amortised",
                f"{line.device!r} in {line.place!r} is charged by the hours of {line.run!r}, and "
                f"{bought[(line.place, kind)]!r} there in the year of purchase.",
                Severity.ERROR,
                "Name the same device class in [[hardware]] and in the silo.",
                line.id,
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


def check_base_year(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """There is a base year, and it is calculated again when it has to be."""
    base = audited.statement.base_year
    if base is None:
        yield Finding(
            "base-year-missing",
            "There is no base year: nobody can say whether emissions rise or fall.",
            Severity.WARNING,
            "Add [base_year].",
        )
    elif base.recalculate:
        yield Finding(
            "base-year-outdated",
            f"Restatements change the base year {base.year} by {base.change:.1%}, more than the "
            f"trigger of {base.trigger:.1%}.",
            Severity.ERROR,
            "Calculate it again, and declare the new total.",
            str(base.year),
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
    "certificates": check_certificates,
    "claims": check_claims,
    "vintage": check_vintage,
    "market": check_market,
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
    known = (f for f in audited.statement.findings if f.code not in _SAID_BY_CHECKS)
    found = dict.fromkeys(known)
    for check in all_checks().values():
        found |= dict.fromkeys(check(audited, catalogue))
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    findings = sorted(found, key=lambda finding: order.index(finding.severity))
    return replace(audited.statement, findings=tuple(findings))
