"""One policy with one seed: the piece of work that runs in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from footprint.model import Finding
from footprint.scheduling.evaluation import Measures, Trial, reduce_run
from footprint.scheduling.policies import make_policy
from footprint.simulation.engine import simulate
from footprint.simulation.spending import domain_prices
from footprint.simulation.world import World
from footprint.trials.knobs import turn_knobs
from footprint.trials.learners import make_learner
from footprint.trials.plan import Plan, PolicyTable
from footprint.trials.worlds import BuiltWorld, build_world, world_of_run


@dataclass(frozen=True, slots=True)
class Job:
    """A policy and a seed."""

    policy: PolicyTable
    seed: int

    def __str__(self) -> str:
        return f"policy {self.policy.name!r}, seed {self.seed}"


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """What came of a job.

    Attributes
    ----------
    trial : Trial
    findings : tuple of Finding
    left_out, clients : int
        Clients of whom no update counted, and all.
    """

    trial: Trial
    findings: tuple[Finding, ...]
    left_out: int
    clients: int


def run_job(plan: Plan, job: Job) -> Done:
    """Simulate a policy with a seed, and reduce what came of it.

    The same plan and job give the same figures in every process, but for the overhead, which is
    measured.
    """
    built = _world_of(plan)
    learner, world = None, world_of_run(plan, built.world, job.seed)
    if plan.learner is not None:
        learner = make_learner(plan.learner, world.fleet, job.seed)
        world = _with_samples(world, learner)
    policy = make_policy(job.policy.rule or job.policy.name, **job.policy.options)
    knobs = None
    if job.policy.knobs is not None:
        policy = knobs = turn_knobs(
            policy, job.policy.knobs, built.cost_tables, world.fleet, built.rules.updates
        )
    run = simulate(
        world,
        policy,
        built.rules,
        seed=job.seed,
        budgets=built.budgets,
        learner=learner,
    )
    measures = Measures(
        target=plan.target,
        second_g_per_kwh=built.second_g_per_kwh,
        price_per_kwh=domain_prices(world),
        server=built.server,
        overhead_w=plan.overhead_w,
        client_accuracy=_client_accuracy(learner),
        whole_accuracy=_whole_accuracy(learner),
        spending=built.budgets[0].resource.value if built.budgets else None,
        plans=None if knobs is None or knobs.method is not None else knobs.plans,
    )
    counted = run.clients.accepted
    return Done(
        reduce_run(run, measures),
        (*built.findings, *run.findings),
        left_out=int((counted == 0).sum()),
        clients=len(counted),
    )


def _with_samples(world: World, learner: Any) -> World:
    """Give the clients the samples that a learner dealt out, if it deals them out."""
    samples = getattr(learner, "samples", None)
    if samples is None:
        return world
    return replace(world, fleet=replace(world.fleet, samples=np.asarray(samples, np.float64)))


def _client_accuracy(learner: Any) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Ask a learner how good its model is on the data of each client, if it can say."""
    ask = getattr(learner, "client_accuracies", None)
    return None if ask is None else np.asarray(ask(), dtype=np.float64)


def _whole_accuracy(learner: Any) -> float | None:
    """Ask a learner how good its model is with all of its weights, if that may differ."""
    ask = getattr(learner, "whole_accuracy", None)
    return None if ask is None else float(ask())


# The world that this process has built: jobs of one plan share it, and nothing in it changes.
_built: dict[str, BuiltWorld] = {}


def _world_of(plan: Plan) -> BuiltWorld:
    key = repr(plan)
    if key not in _built:
        _built.clear()
        _built[key] = build_world(plan)
    return _built[key]
