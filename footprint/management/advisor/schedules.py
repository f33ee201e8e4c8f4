"""Where and when a planned job should run.

Our own rules; docs/management.md has them as a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from footprint.errors import DataError, ManifestError
from footprint.factors.intensity import IntensitySeries
from footprint.lifecycle.breakeven import Line
from footprint.management.advisor.company import Company
from footprint.management.advisor.lines import line_of
from footprint.management.advisor.needs import JobTable
from footprint.management.advisor.phrases import grams, volume
from footprint.management.advisor.turning import find_turns
from footprint.management.advisor.weighing import weigh
from footprint.management.advisor.windows import (
    Slot,
    best_slot,
    find_misfit,
    planned_slot,
    read_intensities,
)
from footprint.model import (
    Activity,
    Advice,
    Assessment,
    Contribution,
    DecisionKind,
    Finding,
    LifeCycle,
    Option,
    Phase,
    TurningPoint,
)
from footprint.settings import Supply
from footprint.units import format_number


def advise_schedules(company: Company) -> Iterator[Advice | Finding]:
    """Advise on every job, also on one that should run as it is planned."""
    if not company.needs.jobs:
        return
    series, manifest = read_intensities(company), company.needs.origin
    names = Counter(job.name for job in company.needs.jobs)
    for job in sorted(company.needs.jobs, key=lambda one: one.name):
        key = f"jobs.{job.name}.silos"
        if names[job.name] > 1:
            raise ManifestError(
                f"{manifest}, jobs: {job.name!r} is there twice.", "Give each job its own name."
            )
        if not job.silos:
            raise ManifestError(
                f"{manifest}, {key}: the job can run nowhere.",
                'Name silos, the first being where it runs today: silos = ["lyon"].',
            )
        zone = company.zone(job.silos[0], key)
        if why := find_misfit(company, job):
            remedy = f"Correct after, before, start or duration in {manifest}."
            yield _nothing("job-unfit", job, f"{why}.", remedy)
        elif zone not in series:
            remedy = f"Fetch it with: footprint intensity fetch. Name it in {manifest}: "
            remedy += f'intensity-files = {{ {zone} = "file.csv" }}.'
            why = f"no hourly intensity of {zone} is known, where it runs today."
            yield _nothing("intensity-missing", job, why, remedy)
        else:
            try:
                now = planned_slot(company, job, series[zone])
            except DataError as error:
                yield _nothing("intensity-gap", job, error.message, error.remedy)
                continue
            yield _advise(company, job, now, series)


def _nothing(code: str, job: JobTable, why: str, remedy: str) -> Finding:
    message = f"Nothing is advised about the job {job.name!r}: {why}"
    return Finding(code, message, remedy=remedy, place=job.name)


def _advise(
    company: Company, job: JobTable, now: Slot, series: Mapping[str, IntensitySeries]
) -> Advice:
    slots = {now.name: now}
    for silo in dict.fromkeys(job.silos):
        slot = best_slot(company, job, silo, series)
        slots.setdefault(slot.name, slot)
    options = [
        Option(name=name, assessment=_run(company, job, slot), barrier=slot.barrier)
        for name, slot in slots.items()
    ]
    advice = weigh(DecisionKind.SCHEDULE, job.name, options, now.name, reason="")
    best = slots[advice.recommended]
    return replace(
        advice,
        reason=_explain(job, now, best, advice),
        turning_points=tuple(_find_turns(company, job, advice, slots)),
        conditions=tuple(_list_conditions(job, best)),
        # What is wrong with any of the series that were weighed may decide.
        findings=(
            *advice.findings,
            *dict.fromkeys(one for s in slots.values() for one in s.findings),
        ),
    )


def _run(company: Company, job: JobTable, slot: Slot, **choices: Any) -> Assessment:
    """Estimate a job at a place and time; without a time, at the mean intensity of the year."""
    key = f"jobs.{job.name}.silos"
    activities = [
        company.activity(
            slot.silo,
            Phase.OTHER,
            key=key,
            duration_s=job.duration_s,
            power_w=job.power_w,
            source=f"declared/{job.name}",  # it needs the same everywhere
        )
    ]
    moved_gb = choices.pop("moved_gb", job.moved_gb)
    home = job.silos[0]
    sent = []
    if slot.silo != home and moved_gb:
        fields = {"data_gb": moved_gb, "life_cycle": LifeCycle.TRANSFER}
        sent = [company.activity(home, Phase.DATA_TRANSFER, key=key, **fields)]
    if slot.plan is not None:
        known = company.settings().intensities
        zone = company.zone(slot.silo, key)
        choices["intensities"] = {**known, zone: slot.plan.g_per_kwh}
        if sent and zone == company.zone(home, key):
            choices["supplies"] = {home: mean_supply(company, zone, sent)}
    return company.assess(f"{job.name}: {slot.name}", [*activities, *sent], **choices)


def mean_supply(company: Company, zone: str, sent: Sequence[Activity]) -> Supply:
    """Give the mean intensity of the grid that sends, where a job has its hours on the same one."""
    terms = company.assess(f"mean of {zone}", sent, draws=0).terms
    mean = next(term.value for term in terms if term.quantity == "grid_intensity")
    return Supply(f"mean of {zone}", mean, zone)


def _explain(job: JobTable, now: Slot, best: Slot, advice: Advice) -> str:
    def told(slot: Slot) -> str:
        assert slot.plan is not None
        emitted = advice.option(slot.name).assessment.total_g.value
        grid = format_number(slot.plan.g_per_kwh)
        return f"{slot.name} it emits {grams(emitted)}, on a grid of {grid} gCO2e/kWh"

    if not advice.changes:
        return f"No other place or time that is known emits less: in {told(now)}."
    moved = ""
    if best.silo != job.silos[0] and job.moved_gb:
        parts = advice.option(best.name).assessment.contributions
        sent_g = sum(part.emissions_g.value for part in parts if _is_moved(part))
        moved = f"; {grams(sent_g)} of that move {volume(job.moved_gb)} there"
    return f"In {told(now)}; in {told(best)}{moved}."


def _is_moved(part: Contribution) -> bool:
    return part.phase is Phase.DATA_TRANSFER


def _find_turns(
    company: Company, job: JobTable, advice: Advice, slots: Mapping[str, Slot]
) -> Iterator[TurningPoint]:
    """Say at which power, and at which volume of data, another option is better."""
    possible = {one.name: one.assessment for one in advice.options if not one.barrier}
    energy = f"energy/declared/{job.name}"
    if job.power_w:
        lines = {
            name: line_of(one, job.power_w, lambda part: energy in part.terms)
            for name, one in possible.items()
        }
        yield from find_turns("power of the job", "W", job.power_w, lines, advice.recommended)
    lines = {}
    for name, one in possible.items():
        lines[name] = Line(one.total_g.value, 0.0)
        if slots[name].silo != job.silos[0]:
            moved_gb = job.moved_gb or 1.0
            if not job.moved_gb:
                one = _run(company, job, slots[name], moved_gb=moved_gb, draws=0)
            lines[name] = line_of(one, moved_gb, _is_moved)
    yield from find_turns("data that the job needs", "GB", job.moved_gb, lines, advice.recommended)


def _list_conditions(job: JobTable, best: Slot) -> Iterator[str]:
    if best.silo != job.silos[0]:
        data = f", and its {volume(job.moved_gb)} may be copied there" if job.moved_gb else ""
        yield f"The job may run in {best.silo}{data}."
    if best.plan is not None and len(best.plan.runs) > 1:
        yield "It can stop and go on without losing work."
