"""Train a model again, or keep it: what its data have drifted by, against grams.

Our rule: a new training is expected to win back so many points for each unit of the population
stability index as the company says, and is worth it if these points may cost what it emits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from footprint.audit.runs import read_runs
from footprint.errors import ManifestError
from footprint.lifecycle.breakeven import Line
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import RetrainingTable
from footprint.management.advisor.turning import find_turns
from footprint.management.advisor.unread import condition_unread
from footprint.management.advisor.weighing import lacks_energy, weigh
from footprint.management.analytics import Analysis, Came
from footprint.management.likeness import measure_drift
from footprint.management.summaries import Grid
from footprint.model import Advice, Assessment, DecisionKind, Finding, Option, Severity
from footprint.units import format_number, format_quantity

KEEP, RETRAIN = "keep the model", "retrain"


def advise_retrainings(company: Company) -> Iterator[Advice | Finding]:
    """Advise on every model that may have aged.

    Yields
    ------
    Advice
        Of one model.
    Finding
        Why there is none.

    Raises
    ------
    ManifestError
        If a table names a run that the deployment does not have.
    """
    for number, table in enumerate(company.needs.retrainings, start=1):
        yield _advise(company, table, f"retrainings[{number}]")


def _advise(company: Company, table: RetrainingTable, key: str) -> Advice | Finding:
    found = []
    for dataset in (table.before, table.now):
        analysis = company.histograms.get((dataset, table.column))
        why = _unusable(analysis, table)
        if analysis is None or why:
            return Finding(
                "drift-unknown",
                f"Whether {table.model!r} has aged is not known: the column {table.column!r} of "
                f"{dataset!r} has no histogram; {why}.",
                remedy="See which silos answered, and that both have the column as numbers.",
                place=key,
            )
        found.append(analysis)
    price = _price(company, table, key)
    if lacks_energy(price):
        return Finding(
            "energy-missing",
            f"What a new training of {table.model!r} would emit is not known: of the run "
            f"{table.run!r} not all energy is.",
            remedy="Name a run of which every activity has an energy figure.",
            place=key,
        )
    before, now = found
    advice = _weigh(company, table, price, measure_drift(before.merged, now.merged).psi or 0.0)
    findings = (*advice.findings, *_findings(table, key, before, now))
    return replace(advice, findings=findings)


def _weigh(company: Company, table: RetrainingTable, price: Assessment, psi: float) -> Advice:
    points = table.points_per_drift * psi
    retrain = Option(name=RETRAIN, assessment=price, gain=points, worth_g=points * table.worth_g)
    keep = Option(name=KEEP, assessment=company.assess(KEEP, ()), gain=0.0, worth_g=0.0)
    draft = weigh(DecisionKind.RETRAINING, table.model, [keep, retrain], KEEP, reason="")
    emitted_g = price.total_g.value
    nothing = Line(0.0, 0.0)
    drifts = {KEEP: nothing, RETRAIN: Line(emitted_g, -table.points_per_drift * table.worth_g)}
    worths = {KEEP: nothing, RETRAIN: Line(emitted_g, -points)}
    return replace(
        draft,
        reason=_reason(table, psi, retrain),
        turning_points=(
            *find_turns("drift of the column (PSI)", "1", psi, drifts, draft.recommended),
            *find_turns(
                "emissions that a point may cost",
                "gCO2e",
                table.worth_g,
                worths,
                draft.recommended,
            ),
        ),
        conditions=(
            f"The model is worse on labelled rows of {table.now}: that drift costs "
            f"{table.points_per_drift:.3g} points per unit is expected, not measured "
            f"({table.source}).",
            *condition_unread(company, table.before, table.now),
        ),
    )


def _unusable(analysis: Analysis | None, table: RetrainingTable) -> str:
    """Say why an analysis gives no drift; empty if it does."""
    if analysis is None:
        return "nobody asked for it"
    if analysis.refused or analysis.merged is None:
        return analysis.refused.rstrip(".") or "no silo answered"
    if analysis.merged.grid != Grid(table.lower, table.upper, table.cells):
        return "it is on another grid than the one that the needs name"
    if len(analysis.merged.starts) == 1:
        return "silos tell all of its cells in one sum, because the others have too few rows"
    return ""


def _price(company: Company, table: RetrainingTable, key: str) -> Assessment:
    """Estimate what a new training would emit: what the run that it is like did."""
    deployment = company.deployment
    runs = tuple(run for run in deployment.runs if run.name == table.run)
    if not runs:
        raise ManifestError(
            f"{company.needs.origin}, {key}.run: {deployment.origin} has no run {table.run!r}.",
            f"Known: {', '.join(run.name for run in deployment.runs) or 'none'}.",
        )
    (record,) = read_runs(replace(deployment, runs=runs), company.factors)
    # Its activities stand in the places of the deployment, as those of all other options.
    lines = tuple(
        replace(line, zone=company.zone(line.actor, key)) for line in record.inventory.lines
    )
    inventory = replace(record.inventory, lines=lines)
    return company.estimate(inventory)


def _reason(table: RetrainingTable, psi: float, retrain: Option) -> str:
    return (
        f"{table.column} has drifted by a population stability index of {format_number(psi)} "
        f"from {table.before} to {table.now}. A training such as {table.run} emits "
        f"{format_quantity('emissions', retrain.assessment.total_g.value)}; the "
        f"{retrain.gain or 0.0:.3g} points that it is expected to win back may cost "
        f"{format_quantity('emissions', retrain.worth_g or 0.0)}."
    )


def _findings(
    table: RetrainingTable, key: str, before: Analysis, now: Analysis
) -> Iterator[Finding]:
    cells = len(before.merged.counts)
    groups = len(np.intersect1d(before.merged.starts, now.merged.starts))
    if groups < cells:
        yield Finding(
            "drift-hidden",
            f"{table.model!r}: silos tell cells with few rows only together with others, so the "
            f"index is one of {groups} groups of the {cells} cells, the two beyond the grid among "
            "them; within a group drift is not seen.",
            # Of one group there is no index above 0.
            severity=Severity.INFO if groups > 1 else Severity.WARNING,
            remedy="Take fewer cells, or a grid that fits the values.",
            place=key,
        )
    answered = [
        {one.silo for one in analysis.coverage if one.came is Came.ANSWERED}
        for analysis in (before, now)
    ]
    only = sorted(answered[0] ^ answered[1])
    if only:
        yield Finding(
            "drift-of-others",
            f"{table.model!r}: {', '.join(only)} answered about only one of {table.before} and "
            f"{table.now}; what looks like drift may be another cohort.",
            remedy="Ask again when all silos answer.",
            place=key,
        )
