"""Jobs on Ray: on one machine, or on the cluster that this process is connected to."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from footprint.errors import MissingExtra
from footprint.trials.engines import Attempt, attempt, died
from footprint.trials.plan import Plan
from footprint.trials.work import Done, Job, run_job

# Plans and results are small; Ray would take a third of the memory.
_STORE_BYTES = 200_000_000


def run_on_ray(
    plan: Plan, jobs: Sequence[Job], workers: int, run: Callable[[Plan, Job], Done] = run_job
) -> Iterator[Attempt]:
    """Run jobs as tasks of Ray; as `footprint.trials.engines.run_jobs`.

    Starts Ray on this machine with as many processors as there are workers, and stops it again,
    unless it runs already. Files that the plan names must be there on every machine.

    Raises
    ------
    MissingExtra
        If Ray is not installed.
    """
    ray = _ray()
    own = not ray.is_initialized()
    if own:
        _start(ray, workers)
    try:
        # A job that died is not tried again: it would die again, and its error tells whose it was.
        remote = ray.remote(num_cpus=1, max_retries=0)(attempt)
        shared = ray.put(plan)
        waiting = {remote.remote(shared, job, run): job for job in jobs}
        while waiting:
            (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(ready)
            try:
                yield job, ray.get(ready)
            except ray.exceptions.WorkerCrashedError:
                yield job, died(job)
            except ray.exceptions.RayError as error:
                yield job, error
    finally:
        if own:
            ray.shutdown()


def _start(ray: Any, workers: int) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with warnings.catch_warnings():
        # A tip about graphics processors, which nothing here asks for.
        warnings.filterwarnings("ignore", message="Tip: In future versions of Ray")
        ray.init(
            num_cpus=workers,
            object_store_memory=_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
        )


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtra.of("ray", "Running on Ray") from error
    return ray
