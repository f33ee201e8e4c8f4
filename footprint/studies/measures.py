"""A journal as figures: what a run reached, and what it took until then."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from footprint.assessment import estimate
from footprint.errors import FootprintError, ManifestError
from footprint.inventory import build_inventory
from footprint.journal import SpanRecord, read_records
from footprint.learning.stopping import RateStop, stop_place
from footprint.measurement.attribution import read_journal
from footprint.model import (
    Activity,
    Assessment,
    Basis,
    Contribution,
    Finding,
    Journal,
    MethodCourse,
    MethodRun,
    Metric,
    Phase,
    Role,
    Run,
    Stage,
)
from footprint.scheduling.curves import WINDOW, first_reaching
from footprint.settings import DEFAULT_NETWORK, Settings
from footprint.studies.plan import StopTable, StudyPlan
from footprint.studies.runs import Record

_BYTES_PER_GB = 1e9
_POINT = 0.01  # a percentage point of accuracy
_CPU = "cpu.process_s"
COMPUTING = (Phase.DOWNLOAD, Phase.TRAIN, Phase.SERIALISE)
"""What a client computes: it reads the model, trains, and makes its answer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run as figures, with what is in doubt of it."""

    run: MethodRun
    findings: tuple[Finding, ...]
    catalogue: tuple[str, str]


def measure_run(plan: StudyPlan, seed: int, record: Record) -> Measured:
    """Read the journal of a run back, and estimate it.

    Parameters
    ----------
    plan : StudyPlan
    seed : int
    record : Record

    Raises
    ------
    FactorNotFound
        If a zone, a device or a network model is not in the catalogue.
    """
    journal = read_journal(record.journal)
    assessment = estimate(build_inventory(journal, by_round=True), _settings(plan))
    energy_kwh = _so_far(assessment, plan.rounds, energy=True)
    emissions_g = _so_far(assessment, plan.rounds, energy=False)
    data_gb = np.cumsum(np.add(record.up_bytes, record.down_bytes)) / _BYTES_PER_GB
    evaluated = sorted(record.accuracy)
    places = [number - 1 for number in evaluated]
    course = MethodCourse(
        round=tuple(evaluated),
        accuracy=tuple(record.accuracy[number] for number in evaluated),
        energy_kwh=tuple(energy_kwh[place] for place in places),
        emissions_g=tuple(emissions_g[place] for place in places),
        data_gb=tuple(data_gb[places].tolist()),
    )
    training = [one for one in assessment.contributions if is_training(one)]
    run = MethodRun(
        seed=seed,
        figures={
            **_spent(assessment, record, training),
            **_learned(course, record, plan.target),
        },
        course=course,
        tiers=tuple(sorted({one.tier for one in training if one.tier is not None})),
        refused=record.refused,
        stopped=_stopped(plan.stop, course),
    )
    return Measured(
        run, assessment.findings, (assessment.catalogue_version, assessment.catalogue_digest)
    )


def require_places(plan: StudyPlan) -> None:
    """Refuse places and devices that nobody knows, before anything has run.

    Raises
    ------
    ManifestError
        If a zone, a device or the network model is not in the catalogue.
    """
    where = [
        (Role.CLIENT, plan.place.device, zone, Phase.UPLOAD)
        for zone in dict.fromkeys(plan.place.zones)
    ]
    where.append((Role.SERVER, plan.server.device, plan.server.zone, Phase.AGGREGATE))
    activities = [
        Activity(
            actor=role.value,
            role=role,
            device=device,
            zone=zone,
            phase=phase,
            round=None,
            start_s=time.time(),
            duration_s=1.0,
            energy_kwh=1.0,
            energy_low_kwh=1.0,
            energy_high_kwh=1.0,
            data_gb=1.0,
            basis=Basis.DECLARED,
            tier=None,
            source="declared",
        )
        for role, device, zone, phase in where
    ]
    journal = Journal.of(Run(plan.name), activities)
    try:
        estimate(build_inventory(journal), _settings(plan))
    except FootprintError as error:
        remedy = error.remedy.replace("Say it with --access", "Name it as access in [place]")
        raise ManifestError(f"{plan.origin}, place: {error.message}", remedy) from error


def _settings(plan: StudyPlan) -> Settings:
    place = plan.place
    return Settings(network=place.network or DEFAULT_NETWORK, access=place.access, draws=0)


def is_training(part: Contribution) -> bool:
    """Whether this is electricity for what clients compute in a round, idle power aside."""
    computes = part.role is Role.CLIENT and part.phase in COMPUTING
    return part.stage is Stage.OPERATION and computes


def _so_far(assessment: Assessment, rounds: int, *, energy: bool) -> list[float]:
    """Sum up to the end of each round; what belongs to no round comes before the first."""
    sums = [0.0] * (rounds + 1)
    for part in assessment.contributions:
        value = part.energy_kwh if energy else part.emissions_g.value
        sums[part.round or 0] += value or 0.0
    so_far: list[float] = np.cumsum(sums)[1:].tolist()
    return so_far


def _spent(
    assessment: Assessment, record: Record, training: Sequence[Contribution]
) -> dict[Metric, float | None]:
    def emitted(stage: Stage) -> float:
        parts = assessment.contributions
        return math.fsum(one.emissions_g.value for one in parts if one.stage is stage)

    known = [one.energy_kwh for one in training if one.energy_kwh is not None]
    elapsed_s, all_s, training_s = _times(record)
    return {
        Metric.ELAPSED_S: elapsed_s,
        Metric.ENERGY_KWH: assessment.energy_kwh,
        Metric.TRAINING_KWH: math.fsum(known) if known else None,
        Metric.CPU_S: all_s,
        Metric.TRAINING_CPU_S: training_s,
        Metric.TRAINING_MACS: None if record.work is None else record.work.macs,
        Metric.EMISSIONS_G: assessment.total_g.value,
        Metric.COMPUTE_G: emitted(Stage.OPERATION),
        Metric.NETWORK_G: emitted(Stage.NETWORK),
        Metric.EMBODIED_G: emitted(Stage.EMBODIED),
        Metric.UP_GB: sum(record.up_bytes) / _BYTES_PER_GB,
        Metric.DOWN_GB: sum(record.down_bytes) / _BYTES_PER_GB,
        Metric.DATA_GB: (sum(record.up_bytes) + sum(record.down_bytes)) / _BYTES_PER_GB,
        Metric.ROUNDS: float(len(record.up_bytes)),
    }


def _times(record: Record) -> tuple[float, float | None, float | None]:
    """Wall-clock, and processor time of all and of what clients compute [s].

    None without a counter of processor time.
    """
    spans = [span for one in read_records([record.journal]).processes for span in one.spans]
    whole = [span for span in spans if span.parent is None]
    training = [span for span in spans if span.role is Role.CLIENT and span.phase in COMPUTING]

    def spent(some: Sequence[SpanRecord]) -> float | None:
        if not all(_CPU in span.begin and _CPU in span.end for span in some):
            return None
        return math.fsum(span.end[_CPU] - span.begin[_CPU] for span in some)

    return math.fsum(span.duration_s for span in whole), spent(whole), spent(training)


def _learned(
    course: MethodCourse, record: Record, target: float | None
) -> dict[Metric, float | None]:
    found: dict[Metric, float | None] = {
        Metric.ACCURACY: float(np.mean(course.accuracy[-WINDOW:])),
        Metric.BEST_ACCURACY: max(course.accuracy),
        Metric.LAST_ACCURACY: course.accuracy[-1],
        Metric.WHOLE_ACCURACY: record.whole_accuracy,
    }
    if target is None:
        return found
    place = first_reaching(course.accuracy, target)
    columns = {
        Metric.ROUNDS_TO_TARGET: tuple(map(float, course.round)),
        Metric.ENERGY_TO_TARGET_KWH: course.energy_kwh,
        Metric.EMISSIONS_TO_TARGET_G: course.emissions_g,
        Metric.DATA_TO_TARGET_GB: course.data_gb,
    }
    for metric, column in columns.items():
        found[metric] = None if place is None else column[place]
    return found


def _stopped(table: StopTable | None, course: MethodCourse) -> tuple[int, str] | None:
    if table is None:
        return None
    rule = RateStop(
        table.least_points_per_gram * _POINT, table.window, table.patience, table.budget_g
    )
    found = stop_place(rule, course.accuracy, course.emissions_g)
    return None if found is None else (course.round[found[0]], found[1].value)
