"""Many jobs: here, in processes, or on Ray. What comes of a job does not hang on where it ran."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from footprint.errors import SimulationError
from footprint.model.kinds import Vocabulary
from footprint.trials.plan import Plan
from footprint.trials.work import Done, Job, run_job

Attempt = tuple[Job, Done | Exception]
"""A job, and what came of it: a result, or the error that ended it."""


class Engine(Vocabulary):
    """Where jobs run."""

    HERE = "here"
    """One after the other, in this process."""
    PROCESSES = "processes"
    RAY = "ray"


def run_jobs(
    plan: Plan, jobs: Sequence[Job], engine: Engine, workers: int | None = None
) -> Iterator[Attempt]:
    """Run jobs, in any order.

    Parameters
    ----------
    plan : Plan
    jobs : sequence of Job
    engine : Engine
    workers : int, optional
        Processes at a time; as many as there are processors if left out.

    Yields
    ------
    Job, and Done or Exception
        As they end. A job that fails, or whose process dies, leaves the others as they are.

    Raises
    ------
    MissingExtra
        If Ray is asked for and not installed.
    """
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if engine is Engine.RAY:
        from footprint.trials.ray_engine import run_on_ray

        yield from run_on_ray(plan, jobs, workers)
    elif engine is Engine.PROCESSES:
        yield from run_in_processes(plan, jobs, workers)
    else:
        for job in jobs:
            yield job, attempt(plan, job)


def attempt(plan: Plan, job: Job, run: Callable[[Plan, Job], Done] = run_job) -> Done | Exception:
    """Run a job here; an error is what comes of it."""
    try:
        return run(plan, job)
    except Exception as error:  # noqa: BLE001 - policies and learners may be anybody's
        return error


def run_in_processes(
    plan: Plan, jobs: Sequence[Job], workers: int, run: Callable[[Plan, Job], Done] = run_job
) -> Iterator[Attempt]:
    """Run jobs in processes; as `run_jobs`."""
    suspects = []
    with _pool(workers) as pool:
        futures = {pool.submit(run, plan, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                found = _result(future)
                if isinstance(found, BrokenProcessPool):
                    suspects.append(futures[future])
                else:
                    yield futures[future], found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    # A process that dies takes the whole pool along, and nobody knows whose it was. So each job
    # that was not done by then gets a pool of its own: only the guilty one dies again.
    for job in sorted(suspects, key=jobs.index):
        with _pool(1) as pool:
            found = _result(pool.submit(run, plan, job))
        if isinstance(found, BrokenProcessPool):
            found = died(job)
        yield job, found


def died(job: Job) -> SimulationError:
    """Error of a process that ended without a word."""
    return SimulationError(
        f"The process that ran {job} died.",
        "It may have run out of memory: run fewer at a time (--jobs), or a smaller world.",
    )


def _result(future: Future[Done]) -> Done | Exception:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, Exception):
        return error
    raise error


def _pool(workers: int) -> ProcessPoolExecutor:
    # A fresh interpreter: a fork of one with threads (torch, BLAS) may hang.
    return ProcessPoolExecutor(workers, get_context("spawn"), _quietly_interrupted)


def _quietly_interrupted() -> None:
    """Let Ctrl-C end a worker at once and without a traceback: the first process says it."""
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(130))
