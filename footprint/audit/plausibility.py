"""Checks that what a manifest says can be so, and says where it is from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta

from footprint.audit.holdings import Holding
from footprint.audit.occupancy import AT_REST, Occupancy, moment, overlap
from footprint.audit.places import compute_weights
from footprint.audit.standby import taken_times
from footprint.audit.statement import Audited
from footprint.audit.supplies import market_of
from footprint.factors import FactorCatalogue
from footprint.model import AllocationRule, Category, Finding, Severity
from footprint.units import G_PER_KG, S_PER_H

_YEAR = (365, 366)
"""Days of a reporting year."""
_CALENDAR = 0.01
"""Months and years are averages: twelve months have six hours more than 365 days."""
_ROUNDING = 1e-9
_MANIFEST = "manifest"
OVERLAP = 0.01
"""Share of device hours that clocks of several machines may make overlap; our choice."""


def check_allocation(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """There is something to divide the work of partners by."""
    partners = [one for one in audited.deployment.sites if one.holding is Holding.PARTNER]
    by_energy = audited.deployment.method.allocation is AllocationRule.COMPUTE
    if partners and by_energy and not any(compute_weights(audited.records).values()):
        yield Finding(
            "allocation-of-nothing",
            "Partners' work is divided by energy, and no run has any: the coordinator's share "
            "is 0.",
            Severity.ERROR,
            "Measure the energy, or choose another method.allocation.",
            ", ".join(one.name for one in partners),
        )


def check_goal(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Every statement says what it is for, and for whom (ISO 14040)."""
    table = audited.deployment.organisation
    missing = [name for name in ("goal", "audience") if not getattr(table, name).strip()]
    if missing:
        yield Finding(
            "goal-missing",
            f"Nobody said the {' and the '.join(missing)} of this statement.",
            Severity.WARNING,
            f"Add organisation.{missing[0]}: a reader judges choices by it.",
            "organisation",
        )


def check_year(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Every period is a year, as inventories and base years are."""
    period = audited.deployment.period
    days = (period.end - period.start).days + 1
    if days not in _YEAR:
        base = audited.deployment.base_year
        other = "" if base is None else f", the base year {base.year} is a whole one"
        yield Finding(
            "period-not-a-year",
            f"The period has {days} days{other}.",
            Severity.WARNING,
            "Report a year, or say it wherever totals are compared.",
            f"{period.start} to {period.end}",
        )


def check_open(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No period was open when its manifest was written, as far as that says when."""
    period = audited.deployment.period
    if period.as_of is None or period.as_of >= period.end:
        return
    left = (period.end - period.as_of).days
    state = f"had {left} day(s) left" if period.as_of >= period.start else "had not begun"
    yield Finding(
        "period-open",
        f"As of {period.as_of} the period {period.start} to {period.end} {state}: what lies after "
        "that day is a plan.",
        Severity.WARNING,
        "Correct the figures once the period is over, and then period.as_of.",
        "period",
    )


def check_base_year_order(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No base year lies after the period."""
    base, period = audited.deployment.base_year, audited.deployment.period
    if base is not None and base.year > period.end.year:
        yield Finding(
            "base-year-later",
            f"The base year {base.year} lies after the period, which ends {period.end}.",
            Severity.ERROR,
            "Correct base_year.year.",
            str(base.year),
        )


def check_losses(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Losses that the catalogue does not have come with a source."""
    losses = audited.deployment.upstream.losses
    bare = sorted(zone for zone, one in losses.items() if not one.source.strip())
    if bare:
        yield Finding(
            "source-missing",
            f"Nobody said where the losses in {', '.join(bare)} are taken from.",
            Severity.WARNING,
            "Fill their source; a figure without one cannot be checked.",
            "upstream",
        )


def check_life(audited: Audited, catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Hardware is within the life that its making is spread over."""
    start = audited.deployment.period.start
    for hardware in audited.deployment.hardware:
        life_s = hardware.life_s
        if hardware.purchased is None:
            continue
        if life_s is None:
            life_s = catalogue.resolve("lifespan", subject=hardware.device).factor.value
        end = _end_of_life(hardware.purchased, life_s)
        if end is not None and end < start:
            yield Finding(
                "life-over",
                f"The life of {hardware.name!r} ended on {end}, before the period: its making is "
                "in no figure of this one.",
                Severity.INFO,
                "Declare a longer life if it was meant to serve longer.",
                hardware.name,
            )


def _end_of_life(bought: date, life_s: float) -> date | None:
    try:
        return bought + timedelta(seconds=life_s)
    except OverflowError:  # a life beyond the calendar has no end here
        return None


def check_kept(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Nothing that is stored is counted for longer than the period lasts."""
    period = audited.deployment.period
    whole_s = (period.end - period.start + timedelta(days=1)).total_seconds()
    for run in audited.deployment.runs:
        kept_s = max((one.kept_s for one in run.activities if one.stored_gb), default=0.0)
        if kept_s > whole_s * (1 + _CALENDAR):
            yield Finding(
                "kept-beyond-period",
                f"{run.name!r} keeps data for {kept_s / S_PER_H:.6g} h; the period has "
                f"{whole_s / S_PER_H:.6g} h, and all of it is counted there.",
                Severity.ERROR,
                "Count each year what was kept in it.",
                run.name,
            )


def check_hours(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Devices of the register work no more hours than they have."""
    worked = taken_times(audited.deployment, audited.records, AT_REST)
    for (place, device), has_s in _registered(audited).items():
        worked_s = worked.get((place, device), 0.0)
        if worked_s > has_s * (1 + _ROUNDING):
            yield Finding(
                "hours-exceeded",
                f"Runs took {worked_s / S_PER_H:.6g} h of {device!r} in {place!r}; the devices of "
                f"the register have {has_s / S_PER_H:.6g} h in the period.",
                Severity.WARNING,
                "Complete [[hardware]], correct the runs, or name the share of each run.",
                place,
            )


def check_validity(audited: Audited, catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Factors of a part of a year are of the days on which they were used.

    Those of a whole year, whenever it begins, stand for the years beside it, too
    (`check_expired`).
    """
    period = audited.deployment.period
    days = {one.table.name: (one.first, one.until) for one in audited.records}
    for entry in audited.statement.register:
        valid = catalogue.days(entry.id) if entry.id in catalogue.factors else None
        if valid is None or (valid[1] - valid[0]).days + 1 in _YEAR:
            continue
        used = [
            days[line.run]
            for line in audited.statement.lines
            if line.run and entry.id in (*line.factors, *line.market_factors)
        ]
        since, to = valid
        first = max(period.start, min((one for one, _ in used), default=since))
        last = min(period.end, max((one for _, one in used), default=to))
        early = since.year >= period.start.year and (since.month, since.day) != (1, 1)
        late = to.year <= period.end.year and (to.month, to.day) != (12, 31)
        if (early and first < since) or (late and to.year >= period.start.year and to < last):
            yield Finding(
                "factor-expired",
                f"{entry.id} is of {since} to {to}, and was used for {first} to {last}.",
                Severity.WARNING,
                "Give factors of all of these days (docs/factors.md).",
                entry.id,
            )


def check_later(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No factor that the manifest declares is of a year after the period."""
    year = audited.deployment.period.end.year
    for entry in audited.statement.register:
        if entry.version == _MANIFEST and entry.year is not None and entry.year > year:
            yield Finding(
                "factor-later",
                f"{entry.id} describes {entry.year}; the period ends in {year}.",
                Severity.WARNING,
                f"Give the figure of {year}, or correct its year.",
                entry.id,
            )


def check_declared(audited: Audited, catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Every residual mix and every part of category 3.3 is of the grid of an own site."""
    deployment = audited.deployment
    own = [one for one in deployment.sites if one.holding is Holding.OWN and one.zone]
    markets = {market_of(site, catalogue) for site in own}
    zones = {zone for site in own for zone in catalogue.zones.lineage(site.zone)}
    for table, names, known in (
        ("residual_mix", deployment.residual_mix, markets),
        ("upstream.losses", deployment.upstream.losses, zones),
        ("upstream.fuel", deployment.upstream.fuel, zones),
    ):
        for name in names:
            if name not in known:
                yield Finding(
                    "declared-unused",
                    f"[{table}] has {name!r}, which is that of no own site: it is in no figure.",
                    Severity.WARNING,
                    f"Those of own sites are: {', '.join(sorted(known)) or 'none'}.",
                    f"{table}.{name}",
                )


def check_overlap(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No more devices of the register work at once than there are."""
    places = {silo.name: silo.place for silo in audited.deployment.silos}
    held: dict[tuple[str, str], list[Occupancy]] = {}
    for record in audited.records:
        if record.table.activities and record.table.start is None:
            continue  # somewhere in the period: nobody said when
        for one in record.held:
            if one.works:
                held.setdefault((places[one.silo], one.device), []).append(one)
    has = _registered(audited)
    for key, found in held.items():
        there = [
            (-math.inf if one.purchased is None else moment(one.purchased), float(one.count))
            for one in audited.deployment.hardware
            if (one.place, one.device) == key
        ]
        excess_s, taken_s, peak = overlap(found, there)
        # More hours than there are at all is said by `check_hours`.
        if excess_s > OVERLAP * taken_s and taken_s <= has[key] * (1 + _ROUNDING):
            place, device = key
            yield Finding(
                "hours-overlap",
                f"Runs held {peak:.6g} devices {device!r} in {place!r} at once, more than the "
                f"register has: {excess_s / S_PER_H:.6g} of {taken_s / S_PER_H:.6g} device hours.",
                Severity.WARNING,
                "Complete [[hardware]], correct start and duration of the runs, or name the share "
                "of each.",
                place,
            )


def check_energy(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Every run has an energy figure: without one its electricity is unknown, not 0."""
    known, bare = [], []
    for record in audited.records:
        lines = record.inventory.lines
        if any(line.energy_kwh is not None for line in lines):
            known.append(record.table.name)
        elif any(line.unmetered for line in lines):
            bare.append(record.table.name)
    if bare:
        whose = f"{len(bare)} run(s)" if known else "any run"
        yield Finding(
            "energy-missing",
            f"No activity of {whose} has an energy figure: the electricity is in no total, and "
            "not 0.",
            Severity.WARNING if known else Severity.ERROR,
            "Track it (footprint track), or declare the energy or the rated power.",
            ", ".join(bare[:5]),
        )


def check_reported(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """Something of what the runs used is the company's."""
    lines = [line for line in audited.statement.lines if line.run and line.location_g is not None]
    if lines and all(line.category is Category.OTHERS for line in lines):
        outside_g = math.fsum(line.location_g.value for line in lines if line.location_g)
        yield Finding(
            "nothing-reported",
            f"All that the runs used, {outside_g / G_PER_KG:.6g} kgCO2e, is of others: the totals "
            "hold none of it.",
            Severity.WARNING,
            "If a site is yours, correct controlled, equity_share or the approach.",
            ", ".join(dict.fromkeys(line.place for line in lines)),
        )


def _registered(audited: Audited) -> dict[tuple[str, str], float]:
    """Device time that registered hardware has in the period, by place and class [s]."""
    period = audited.deployment.period
    found: dict[tuple[str, str], float] = {}
    for hardware in audited.deployment.hardware:
        first = max(period.start, hardware.purchased or period.start)
        days = (period.end - first + timedelta(days=1)).days
        key = (hardware.place, hardware.device)
        whole_s = timedelta(days=max(days, 0)).total_seconds()
        found[key] = found.get(key, 0.0) + whole_s * hardware.count
    return found
