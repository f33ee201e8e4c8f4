"""From a plan to a study: every method with every seed, and what they say together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from footprint.errors import FootprintError, ManifestError, SimulationError, UsageError
from footprint.learning.datasets import Dataset
from footprint.model import FailedSeed, MethodStudy
from footprint.model.methods import TrainingMethod
from footprint.studies.comparison import INTERRUPTED, compare_methods
from footprint.studies.manifest import require_sense
from footprint.studies.measures import Measured, measure_run, require_places
from footprint.studies.plan import StudyPlan
from footprint.studies.runs import run_method
from footprint.studies.worlds import World, build_world, load_data


@dataclass(frozen=True, slots=True)
class Job:
    """A method with a seed."""

    method: TrainingMethod
    seed: int

    def __str__(self) -> str:
        return f"method {self.method.name!r}, seed {self.seed}"


@dataclass(slots=True)
class _Collected:
    """What came of the jobs so far, by method and seed."""

    runs: dict[str, dict[int, Measured]] = field(default_factory=dict)
    failed: dict[str, list[FailedSeed]] = field(default_factory=dict)
    first_error: FootprintError | None = None

    def fail(self, job: Job, error: Exception) -> None:
        said = (
            error.message
            if isinstance(error, FootprintError)
            else f"{type(error).__name__}: {error}"
        )
        self.failed.setdefault(job.method.name, []).append(FailedSeed(job.seed, said))
        if self.first_error is None:
            remedy = error.remedy if isinstance(error, FootprintError) else "See --debug."
            kind = type(error) if isinstance(error, FootprintError) else SimulationError
            self.first_error = kind(f"{job}: {said}", remedy)
            self.first_error.__cause__ = error


def study_methods(
    plan: StudyPlan,
    *,
    journals: Path | None = None,
    data: Dataset | None = None,
    on_run: Callable[[Job], object] | None = None,
) -> MethodStudy:
    """Train by every method with every seed, measure each run, and compare them.

    Runs follow each other in this process, methods in turns within a seed, each seed beginning
    with another one, so that none of them takes time from another.

    Parameters
    ----------
    plan : StudyPlan
    journals : Path, optional
        Empty folder to keep the journals in, one folder a run; they are thrown away, if left out.
    data : Dataset, optional
        Instead of what the plan names; standardised.
    on_run : callable, optional
        Called with each run that has ended, or failed.

    Returns
    -------
    MethodStudy
        Runs that failed, or did not come to an end before an interruption, are named in it.

    Raises
    ------
    ManifestError
        If the plan means nothing.
    UsageError
        If the folder of the journals is not empty.
    FootprintError
        That of the first run that failed, if all did.
    """
    require_sense(plan)
    require_places(plan)
    jobs = [Job(method, seed) for seed in range(plan.seeds) for method in plan.method]
    found = _Collected()
    with ExitStack() as stack:
        folder = _folder(journals, stack)
        try:
            for job in _run_all(plan, data or load_data(plan), folder, found):
                if on_run is not None:
                    on_run(job)
        except KeyboardInterrupt:
            if not found.runs:
                raise
            _note_interruption(found, jobs)
    if not found.runs:
        assert found.first_error is not None
        raise found.first_error
    return compare_methods(plan, found.runs, found.failed)


def _folder(journals: Path | None, stack: ExitStack) -> Path:
    if journals is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footprint-")))
    if journals.exists() and (not journals.is_dir() or any(journals.iterdir())):
        raise UsageError(
            f"{journals} is no empty folder: journals of several runs would be added up.",
            "Name a new folder.",
        )
    journals.mkdir(parents=True, exist_ok=True)
    return journals


def _run_all(plan: StudyPlan, data: Dataset, folder: Path, found: _Collected) -> Iterator[Job]:
    for seed in range(plan.seeds):
        world = build_world(plan, data, seed)
        if seed == 0:
            _require_trainable(world)
        # Who comes first may pay for others, or find the machine cooler: all take turns at that.
        turn = seed % len(plan.method)
        order = list(enumerate(plan.method, start=1))
        for place, method in (*order[turn:], *order[:turn]):
            job = Job(method, seed)
            try:
                record = run_method(world, method, folder / f"method-{place}" / f"seed-{seed}")
                measured = measure_run(plan, seed, record)
            except Exception as error:  # noqa: BLE001 - one broken run leaves the others
                found.fail(job, error)
            else:
                found.runs.setdefault(method.name, {})[seed] = measured
            yield job


def _require_trainable(world: World) -> None:
    """Refuse a method that cannot train this network, before hours of others have run."""
    for number, method in enumerate(world.plan.method, start=1):
        try:
            world.trainer(method)
        except FootprintError as error:
            raise ManifestError(
                f"{world.plan.origin}, method[{number}]: {error.message}", error.remedy
            ) from error


def _note_interruption(found: _Collected, jobs: Sequence[Job]) -> None:
    for job in jobs:
        name, done = job.method.name, found.failed.get(job.method.name, [])
        if job.seed not in found.runs.get(name, {}) and job.seed not in {one.seed for one in done}:
            found.failed.setdefault(name, []).append(FailedSeed(job.seed, INTERRUPTED))
