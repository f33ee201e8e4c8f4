"""From a plan to an evaluation: every policy with every seed, and what they say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from footprint._version import __version__
from footprint.errors import FootprintError, ManifestError, SimulationError
from footprint.model import Evaluation, FailedSeed, Finding, Severity
from footprint.scheduling.evaluation import Trial, shared_range
from footprint.trials.comparison import common_trials, compare_policies, deciding_metric
from footprint.trials.engines import Engine, run_jobs
from footprint.trials.knobs import kinds_of
from footprint.trials.plan import Plan
from footprint.trials.remarks import collect_remarks, remark_left_out
from footprint.trials.work import Done, Job
from footprint.trials.worlds import build_world, input_files, summarise_world

INTERRUPTED = "interrupted"
"""What is said of a run that did not come to its end."""


@dataclass(slots=True)
class _Collected:
    """What came of the jobs so far."""

    trials: dict[str, dict[int, Trial]] = field(default_factory=dict)
    failed: dict[str, list[FailedSeed]] = field(default_factory=dict)
    findings: dict[Finding, None] = field(default_factory=dict)
    of_runs: dict[str, list[tuple[Job, Finding]]] = field(default_factory=dict)
    left_out: dict[str, list[int]] = field(default_factory=dict)
    clients: int = 0
    first_error: FootprintError | None = None

    def take(self, job: Job, found: Done | Exception) -> None:
        name = job.policy.name
        if isinstance(found, Exception):
            said = (
                found.message
                if isinstance(found, FootprintError)
                else f"{type(found).__name__}: {found}"
            )
            self.failed.setdefault(name, []).append(FailedSeed(job.seed, said))
            self.first_error = self.first_error or _named(job, found)
            message = f"The {job} failed: {said}"
            self.findings[Finding("trial-failed", message, Severity.ERROR)] = None
            return
        self.trials.setdefault(name, {})[job.seed] = found.trial
        self.left_out.setdefault(name, []).append(found.left_out)
        self.clients = found.clients
        for finding in found.findings:
            self.of_runs.setdefault(finding.code, []).append((job, finding))

    def summed(self) -> tuple[Finding, ...]:
        """All findings; those of one kind that differ from run to run as one, with an example."""
        kept = dict(self.findings)
        for found in self.of_runs.values():
            runs = len({str(job) for job, _ in found})
            times = Counter(finding for _, finding in found)
            kept.update(dict.fromkeys(one for one in times if times[one] == runs))
            other = [(job, one) for job, one in found if times[one] < runs]
            if other:
                job, first = min(other, key=lambda pair: (pair[0].seed, pair[0].policy.name))
                message = f"{first.message} (Of {job}; it differs between {runs} runs.)"
                kept[replace(first, message=message)] = None
        return tuple(kept)


def evaluate_policies(
    plan: Plan,
    *,
    engine: Engine = Engine.HERE,
    workers: int | None = None,
    on_trial: Callable[[Job], object] | None = None,
) -> Evaluation:
    """Simulate every policy of a plan with every seed, and compare them.

    Parameters
    ----------
    plan : Plan
    engine : Engine
        Where; on one machine all give the same figures, but for what is measured. Processes
        and Ray need a main module that can be imported without starting the evaluation again.
    workers : int, optional
        Processes at a time.
    on_trial : callable, optional
        Called with each run that has ended, or failed.

    Returns
    -------
    Evaluation
        Runs that failed, or did not come to an end before an interruption, are named in it.

    Raises
    ------
    ManifestError
        If the plan has no policy, or its world cannot be built.
    MissingExtra
        If the engine is not installed.
    FootprintError
        That of the first run that failed, if all did.
    """
    if not plan.policy:
        raise ManifestError(
            f"{plan.origin}, policy: there is no policy.", "Add [[policy]] tables, or --policy."
        )
    built = build_world(plan)
    jobs = [Job(policy, seed) for seed in range(plan.seeds) for policy in plan.policy]
    found = _Collected()
    try:
        for job, result in run_jobs(plan, jobs, engine, workers):
            found.take(job, result)
            if on_trial is not None:
                on_trial(job)
    except KeyboardInterrupt:
        if not found.trials:
            raise
        _note_interruption(found, jobs)
    if not found.trials:
        assert found.first_error is not None
        raise found.first_error
    trials = {policy.name: found.trials.get(policy.name, {}) for policy in plan.policy}
    common = common_trials(trials)
    deciding = deciding_metric(plan, common)
    kinds = {name: kinds_of(table) for name, table in built.cost_tables.items()}
    policies = compare_policies(plan, trials, found.failed, deciding, kinds)
    return Evaluation(
        name=plan.name,
        world=summarise_world(plan, built),
        policies=policies,
        baseline=plan.baseline or plan.policy[0].name,
        oracle=plan.oracle,
        target=plan.target,
        deciding=deciding,
        shared_g=shared_range([one for by_seed in common.values() for one in by_seed.values()]),
        seeds=tuple(range(plan.seeds)),
        findings=(
            *found.summed(),
            *remark_left_out(found.left_out, found.clients),
            *collect_remarks(plan, policies),
        ),
        inputs=input_files(plan),
        declared=plan.declared,
        tool_version=__version__,
    )


def _named(job: Job, error: Exception) -> FootprintError:
    """Error that says whose it is."""
    if isinstance(error, FootprintError):
        return type(error)(f"{job}: {error.message}", error.remedy)
    named = SimulationError(f"{job}: {type(error).__name__}: {error}", "See --debug.")
    named.__cause__ = error
    return named


def _note_interruption(found: _Collected, jobs: Sequence[Job]) -> None:
    done = {(name, seed) for name, trials in found.trials.items() for seed in trials}
    done |= {(name, one.seed) for name, failed in found.failed.items() for one in failed}
    missing = [job for job in jobs if (job.policy.name, job.seed) not in done]
    for job in missing:
        found.failed.setdefault(job.policy.name, []).append(FailedSeed(job.seed, INTERRUPTED))
    message = f"The evaluation was interrupted: {len(missing)} of {len(jobs)} runs are not in it."
    found.findings[Finding("interrupted", message, Severity.ERROR)] = None
