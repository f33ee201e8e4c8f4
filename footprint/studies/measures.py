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
from footprint.journal import SpanRecord
from footprint.learning.flops import TrainingWork
from footprint.learning.stopping import RateStop, stop_place
from footprint.measurement.attribution import read_journal
from footprint.model import (
    Activity,
    Assessment,
    Basis,
    Contribution,
    Finding,
    Inventory,
    InventoryLine,
    Journal,
    MethodCourse,
    MethodRun,
    Metric,
    Phase,
    Role,
    Run,
    Stage,
    Term,
)
from footprint.scheduling.curves import WINDOW, first_reaching
from footprint.settings import DEFAULT_NETWORK, Settings
from footprint.studies.plan import StopTable, StudyPlan
from footprint.studies.runs import Record
from footprint.studies.spans import COMPUTING, times_of, whole_spans
from footprint.units import bytes_to_gb

_POINT = 0.01  # a percentage point of accuracy
HARDWARE_GAPS = frozenset({"device-missing", "embodied-unknown"})
"""Gaps of a boundary that leave the making of a device out."""
HARDWARE_GAPS = frozenset({"device-missing", "embodied-unknown"})
"""Gaps of a boundary that leave the making of a device out."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run as figures, with what is in doubt of it."""

    run: MethodRun
    findings: tuple[Finding, ...]
    catalogue: tuple[str, str]
    terms: tuple[Term, ...] = ()
    learnt: bool = True
    """Whether its accuracy in the end is above that of one answer for all."""


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
    JournalError
        If the journal does not hold all of the run, as after a disk was full.
    """
    spans = whole_spans(plan, record)
    journal = read_journal(record.journal)
    inventory = build_inventory(journal, by_round=True)
    assessment = estimate(inventory, _settings(plan))
    moved = np.cumsum(np.add(record.up_bytes, record.down_bytes)).tolist()
    evaluated = sorted(record.accuracy)
    known = evaluated if is_metered(inventory) else []
    course = MethodCourse(
        round=tuple(evaluated),
        accuracy=tuple(record.accuracy[number] for number in evaluated),
        energy_kwh=_so_far(assessment, known, energy=True),
        emissions_g=_so_far(assessment, known, energy=False),
        data_gb=tuple(bytes_to_gb(moved[number - 1]) for number in evaluated),
    )
    training = [one for one in assessment.contributions if is_training(one)]
    trained = math.fsum(one.energy_kwh or 0.0 for one in training)
    run = MethodRun(
        seed=seed,
        figures={
            **spent(assessment, known=bool(known)),
            Metric.TRAINING_KWH: trained if is_metered(inventory, training=True) else None,
            **_counted(record, spans),
            **_learned(course, record, plan.target),
        },
        course=course,
        tiers=tuple(sorted({one.tier for one in training if one.tier is not None})),
        refused=record.refused,
        stopped=_stopped(plan.stop, course),
    )
    catalogue = (assessment.catalogue_version, assessment.catalogue_digest)
    learnt = (run.figures[Metric.ACCURACY] or 0.0) > record.one_answer
    return Measured(run, assessment.findings, catalogue, assessment.terms, learnt)


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
    return part.stage is Stage.OPERATION and _computes(part)


def is_metered(inventory: Inventory, *, training: bool = False) -> bool:
    """Whether there is an energy figure, and none lacks: of all, or of what clients compute.

    A sum without one of its parts is none: the method that was measured worst would win.
    """
    lines = [one for one in inventory.lines if not training or _computes(one)]
    return any(one.energy_kwh is not None for one in lines) and not any(
        one.unmetered for one in lines
    )


def _computes(part: Contribution | InventoryLine) -> bool:
    return part.role is Role.CLIENT and part.phase in COMPUTING


def _so_far(assessment: Assessment, numbers: Sequence[int], *, energy: bool) -> tuple[float, ...]:
    """Sum up to the end of each of some rounds; what belongs to none comes before the first."""
    found = []
    for number in numbers:
        parts = [one for one in assessment.contributions if (one.round or 0) <= number]
        # The making of a device takes no energy here.
        found.append(
            math.fsum(one.energy_kwh or 0.0 if energy else one.emissions_g.value for one in parts)
        )
    return tuple(found)


def spent(assessment: Assessment, *, known: bool) -> dict[Metric, float | None]:
    """Give energy and emissions of a run; None of what lacks a part.

    Parameters
    ----------
    assessment : Assessment
    known : bool
        Whether all energy is known.
    """

    def emitted(stage: Stage) -> float:
        parts = assessment.contributions
        return math.fsum(one.emissions_g.value for one in parts if one.stage is stage)

    # A device that nobody named is told as a gap; a total without it is still of use.
    has_hardware = not HARDWARE_GAPS & set(assessment.boundary.gaps)
    return {
        Metric.ENERGY_KWH: assessment.energy_kwh if known else None,
        Metric.EMISSIONS_G: assessment.total_g.value if known else None,
        Metric.COMPUTE_G: emitted(Stage.OPERATION) if known else None,
        Metric.NETWORK_G: emitted(Stage.NETWORK),
        Metric.EMBODIED_G: emitted(Stage.EMBODIED) if has_hardware else None,
    }


def _counted(record: Record, spans: Sequence[SpanRecord]) -> dict[Metric, float | None]:
    elapsed_s, all_s, training_s = times_of(spans)
    return {
        Metric.ELAPSED_S: elapsed_s,
        Metric.CPU_S: all_s,
        Metric.TRAINING_CPU_S: training_s,
        **_work(record.work),
        Metric.UP_GB: bytes_to_gb(sum(record.up_bytes)),
        Metric.DOWN_GB: bytes_to_gb(sum(record.down_bytes)),
        Metric.DATA_GB: bytes_to_gb(sum(record.up_bytes) + sum(record.down_bytes)),
        Metric.ROUNDS: float(len(record.up_bytes)),
    }


def _work(work: TrainingWork | None) -> dict[Metric, float | None]:
    if work is None:
        return {}
    return {
        Metric.TRAINING_MACS: work.macs,
        Metric.UPDATE_MACS: work.optimiser_macs,
        Metric.COMPARED: None if work.compared is None else float(work.compared),
        Metric.EVALUATION_MACS: work.evaluation_macs,
    }


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
        found[metric] = None if place is None or not column else column[place]
    return found


def _stopped(table: StopTable | None, course: MethodCourse) -> tuple[int, str] | None:
    if table is None or not course.emissions_g:
        return None
    rule = RateStop(
        table.least_points_per_gram * _POINT, table.window, table.patience, table.budget_g
    )
    found = stop_place(rule, course.accuracy, course.emissions_g)
    return None if found is None else (course.round[found[0]], found[1].value)
