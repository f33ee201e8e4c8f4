"""Why a dataset should be moved, deleted or kept once, and what would change that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from footprint.lifecycle.breakeven import Line, break_even
from footprint.management.advisor.cases import (
    DEDUPLICATE,
    DELETE,
    KEEP,
    TIER_DOWN,
    Case,
    reading,
)
from footprint.management.advisor.company import Company
from footprint.management.advisor.copies import Spare
from footprint.management.advisor.lines import grid_line
from footprint.management.advisor.phrases import at_least, date, days, grams, listed, volume
from footprint.management.advisor.stored import Stored, cold_copies
from footprint.management.advisor.turning import find_turns
from footprint.model import Advice, Assessment, LifeCycle, Phase, TurningPoint
from footprint.units import S_PER_DAY


def explain(company: Company, case: Case, advice: Advice, other_g: float | None) -> str:
    """Say why, with numbers; `other_g` is what the copy that stays emits [gCO2e]."""
    stored, needs = case.stored, company.needs
    now = grams(advice.option(KEEP).assessment.total_g.value)
    size = volume(stored.size_gb) if stored.copies == 1 else _in_copies(stored)
    lies = f"its {size} on {stored.medium} emit {now} in {days(needs.horizon_s)}"
    if advice.recommended == TIER_DOWN and stored.entry.read_s is not None:
        read_s = stored.entry.read_s
        then = grams(advice.option(TIER_DOWN).assessment.total_g.value)
        return (
            f"Nobody has read it for {days(company.now_s - read_s)}, since {date(read_s)}: {lies}; "
            f"on {needs.cold_medium} they would emit {then}."
        )
    if advice.recommended == DELETE and case.until_s is not None:
        return (
            f"It had to be kept until {date(case.until_s)}, {days(company.now_s - case.until_s)} "
            f"ago, and no application that a silo declares reads it: {lies}."
        )
    if advice.recommended == DEDUPLICATE and case.spare is not None and other_g is not None:
        other = case.spare.kept
        stays = f"emits {grams(other_g)}"
        if other.readers or _is_preferred(case.stored, other):
            stays = f"is what {reading(other.readers or other.wanted)}"
        shared = at_least(case.spare.jaccard, f"distinct rows of {_what(case.spare)}")
        return f"{shared[:1].upper()}{shared[1:]} are in both, and that one {stays}. Here {lies}."
    return f"Nothing that is possible emits less: {lies}."


def _in_copies(stored: Stored) -> str:
    return f"{stored.copies:g} copies of {volume(stored.size_gb)}"


def _what(spare: Spare) -> str:
    return f"{'samples of it' if spare.sampled else 'it'} and of {spare.kept.name}"


def list_conditions(company: Company, case: Case, advice: Advice) -> Iterator[str]:
    """Say what a person must check or promise."""
    entry = case.stored.entry
    owner = entry.owner or "whoever answers for it"
    if advice.recommended == TIER_DOWN:
        who = listed((*case.stored.readers, *case.stored.wanted)) or "whoever reads it"
        yield f"{_start(who)} can wait for a slower medium."
        return
    if advice.recommended == DELETE:
        yield f"Nobody needs it: ask {owner}."
        if entry.read_s is None:
            yield "Nobody has read it for long: when it was last read is not known."
    elif case.spare is not None:
        other = case.spare.kept
        sample = "; only samples of them were" if case.spare.sampled else ""
        yield f"Nobody reads it in {case.stored.silo}: {_last_read(case)}."
        yield f"All rows that are needed are in {other.name}: compare the two{sample}."
        until_s = case.until_s
        ahead = until_s is not None and until_s >= case.now_s
        until = f" until {date(until_s)} at least" if until_s is not None and ahead else ""
        yield f"{other.name} stays{until}: ask {owner}."
        far = [one for one in case.stored.wanted if not one.startswith(f"{other.silo}/")]
        if far:
            yield f"{_start(listed(far))} can do with {other.name} instead."
    if entry.legal is not None:
        yield f"What it stands under allows that: {entry.legal}."
    else:
        yield (
            "Neither a contract, nor a proceeding, nor a law on personal data forbids that: "
            f"{case.stored.silo} does not say; ask {owner}."
        )
    stays = case.spare.kept.silo if advice.recommended == DEDUPLICATE and case.spare else None
    yield from _on_unknown_readers(company, stays)


def _last_read(case: Case) -> str:
    read_s = case.stored.entry.read_s
    if read_s is None:
        return "when it was last read is not known"
    return f"it was last read {days(case.now_s - read_s)} ago"


def _on_unknown_readers(company: Company, stays: str | None) -> Iterator[str]:
    """Name the silos that said nothing of their applications, without one that keeps a copy."""
    everybody = {silo.name for silo in company.deployment.silos}
    silent = sorted(everybody - {*company.catalogues, stays})
    if silent:
        yield f"No application of {listed(silent)} reads it: no catalogue says which there are."
    blank = sorted(
        name for name, one in company.catalogues.items() if not one.applications and name != stays
    )
    if blank:
        yield f"No application of {listed(blank)} reads it: none is declared there."


def _is_preferred(stored: Stored, other: Stored) -> bool:
    """Whether the other copy stays because only that one is wanted, whatever it emits."""
    return bool(other.wanted) and not stored.wanted


def _start(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:] if sentence.startswith(("the ", "who")) else sentence


def list_turns(
    company: Company, case: Case, advice: Advice, other_g: float | None
) -> Iterator[TurningPoint]:
    """Say what would change the advice; `other_g` as in `explain`."""
    possible = {one.name: one.assessment for one in advice.options if not one.barrier}
    if advice.recommended == TIER_DOWN:
        yield from _on_tiering(company, case.stored, possible)
    elif advice.recommended == DEDUPLICATE and case.spare is not None and other_g is not None:
        yield from _on_reads(company, case.stored, case.spare.kept, possible)
        if not (case.spare.kept.readers or _is_preferred(case.stored, case.spare.kept)):
            yield from _on_choice(company, case.stored, case.spare.kept, possible, other_g)
    entry = case.stored.entry
    if case.claim or entry.written_s is None or entry.retention_days is None:
        return
    ways = [name for name in (KEEP, TIER_DOWN) if name in possible]
    kept = min(ways, key=lambda name: possible[name].total_g.value)
    then = {TIER_DOWN: DELETE, DELETE: kept}.get(advice.recommended)
    if then is not None:
        age_s = company.now_s - entry.written_s
        yield _in_days("time since the last write", age_s, entry.retention_days * S_PER_DAY, then)


def _on_tiering(
    company: Company, stored: Stored, possible: Mapping[str, Assessment]
) -> Iterator[TurningPoint]:
    """Look at reads, copies on the cold medium, and the grid."""
    read_s, cold_s = stored.entry.read_s, company.needs.cold_after_s
    if read_s is not None and cold_s is not None:
        yield _in_days("time since the last read", company.now_s - read_s, cold_s, KEEP)
    lines = {name: Line(one.total_g.value, 0.0) for name, one in possible.items()}
    copies = cold_copies(company)
    lines[TIER_DOWN] = Line(0.0, possible[TIER_DOWN].total_g.value / copies)
    what = f"copies on {company.needs.cold_medium}"
    yield from find_turns(what, "1", copies, lines, TIER_DOWN)
    zone = company.zone(stored.silo, "silos")
    lined = {name: grid_line(one, zone) for name, one in possible.items()}
    grids = {name: one for name, one in lined.items() if one is not None}
    if len(grids) == len(possible):
        present = grids[TIER_DOWN][0]
        lines = {name: line for name, (_, line) in grids.items()}
        yield from find_turns(_grid(zone), "gCO2e/kWh", present, lines, TIER_DOWN)


def _on_reads(
    company: Company, stored: Stored, other: Stored, possible: Mapping[str, Assessment]
) -> Iterator[TurningPoint]:
    """Let what is read here come over the network from the copy that stays."""
    if other.silo == stored.silo:
        return
    moved = company.activity(
        other.silo,
        Phase.DATA_TRANSFER,
        key="silos",
        data_gb=1.0,
        life_cycle=LifeCycle.TRANSFER,
    )
    per_gb = company.assess(f"{stored.name}: read 1 GB from {other.name}", [moved], draws=0)
    lines = {name: Line(one.total_g.value, 0.0) for name, one in possible.items()}
    lines[DEDUPLICATE] = Line(0.0, per_gb.total_g.value)
    what = f"data read in {stored.silo} over the horizon"
    for point in find_turns(what, "GB", 0.0, lines, DEDUPLICATE):
        yield replace(point, present=None)  # no catalogue tells how much is read


def _on_choice(
    company: Company,
    stored: Stored,
    other: Stored,
    possible: Mapping[str, Assessment],
    other_g: float,
) -> Iterator[TurningPoint]:
    """On a cleaner grid this copy would be the one that stays."""
    zone = company.zone(stored.silo, "silos")
    if zone == company.zone(other.silo, "silos"):
        return
    there = Line(other_g, 0.0)
    lined = {name: grid_line(one, zone) for name, one in possible.items()}
    points = [
        (value, found[0], name)
        for name, found in lined.items()
        if found is not None and (value := break_even(found[1], there))
    ]
    if points:
        value, present, name = max(points)
        yield TurningPoint(
            quantity=_grid(zone), unit="gCO2e/kWh", present=present, value=value, option=name
        )


def _grid(zone: str) -> str:
    return f"grid intensity of {zone}"


def _in_days(quantity: str, present_s: float, value_s: float, option: str) -> TurningPoint:
    return TurningPoint(
        quantity=quantity,
        unit="d",
        present=present_s / S_PER_DAY,
        value=value_s / S_PER_DAY,
        option=option,
    )
