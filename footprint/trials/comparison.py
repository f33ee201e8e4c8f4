"""Trials of several policies side by side, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from footprint.model import Contrast, FailedSeed, KnobsResult, Metric, PolicyResult, Spread
from footprint.model.evaluations import TO_TARGET, common_seeds
from footprint.model.method_costs import Kind
from footprint.scheduling.evaluation import Trial, shared_figures, shared_range
from footprint.scheduling.spreads import contrast_of, gaps_of, spread_of
from footprint.trials.plan import Plan, PolicyTable

# What policies are judged by, in this order.
_TO_TARGET = (
    Metric.EMISSIONS_TO_TARGET_G,
    Metric.ENERGY_TO_TARGET_KWH,
    Metric.TIME_TO_TARGET_S,
)
_AT_SHARED = (Metric.ACCURACY_AT_SHARED, Metric.ACCURACY)
_WITHOUT_LEARNER = (Metric.G_PER_UNIT, Metric.KWH_PER_UNIT, Metric.ACCEPTED_UNITS)
# What is left where energy is known to emit nothing: then it is free, and time is not.
_FREE = (Metric.ENERGY_TO_TARGET_KWH, Metric.KWH_PER_UNIT)


Trials = Mapping[str, Mapping[int, Trial]]
"""Trials by policy and seed."""

Figures = dict[int, dict[Metric, float | None]]
"""Figures by seed."""


def common_trials(trials: Trials) -> Trials:
    """Keep the trials of the seeds that every policy ran, policies that ran none aside."""
    seeds = common_seeds(list(by_seed) for by_seed in trials.values())
    return {
        name: {seed: by_seed[seed] for seed in seeds if seed in by_seed}
        for name, by_seed in trials.items()
    }


def deciding_metric(plan: Plan, trials: Trials) -> Metric:
    """Find what policies are judged by: the first metric of the list that tells them apart.

    With a target it is what it took to reach it: emissions, or energy if nobody knows them, or
    time if nobody emits anything. Without one, or if nobody reached it, it is the accuracy where
    all have emitted the same, and without a learner emissions per unit of accepted work.
    """
    every = [trial for by_seed in trials.values() for trial in by_seed.values()]
    learns = any(trial.accuracy is not None for trial in every)
    candidates: tuple[Metric, ...] = _WITHOUT_LEARNER
    if learns:
        candidates = (*(_TO_TARGET if plan.target is not None else ()), *_AT_SHARED)
    shared = shared_range(every)
    emissions_known = any(trial.emissions_g is not None for trial in every)
    for metric in candidates:
        if metric in _FREE and emissions_known:
            continue
        if metric is Metric.ACCURACY_AT_SHARED:
            if shared is not None and shared[1] > 0:
                return metric
        elif any(trial.figures.get(metric) for trial in every):
            return metric
    return candidates[-1]


def compare_policies(
    plan: Plan,
    trials: Trials,
    failed: Mapping[str, Sequence[FailedSeed]],
    deciding: Metric,
    kinds: Mapping[str, tuple[Kind, ...]],
) -> tuple[PolicyResult, ...]:
    """Sum each policy up over the seeds that all ran, and hold it against the baseline.

    Parameters
    ----------
    plan : Plan
    trials : mapping of str to mapping of int to Trial
        By policy and seed; every policy is in it, if only with nothing.
    failed : mapping of str to sequence of FailedSeed
    deciding : Metric
        That the gap to the oracle is about.
    kinds : mapping of str to tuple of Kind
        Of the energies in each table of costs.
    """
    common = common_trials(trials)
    shared = shared_range([trial for by_seed in common.values() for trial in by_seed.values()])
    figures: dict[str, Figures] = {
        name: {
            seed: {**trial.figures, **shared_figures(trial, shared)}
            for seed, trial in sorted(by_seed.items())
        }
        for name, by_seed in trials.items()
    }
    baseline = plan.baseline or plan.policy[0].name
    if plan.oracle is not None:
        _add_gaps(figures, plan.oracle, baseline, deciding)
    known = _known_metrics(figures)
    found = []
    for policy in plan.policy:
        own = figures[policy.name]
        seeds = [
            trials[policy.name][seed].result({metric: own[seed].get(metric) for metric in known})
            for seed in own
        ]
        compared = {seed: own[seed] for seed in own if seed in common[policy.name]}
        against = figures[baseline] if policy.name != baseline else {}
        found.append(
            PolicyResult(
                name=policy.name,
                rule=policy.rule or policy.name,
                options=tuple((key, str(value)) for key, value in policy.options.items()),
                seeds=tuple(seeds),
                failed=tuple(sorted(failed.get(policy.name, ()), key=lambda one: one.seed)),
                spreads=_spreads(compared, known),
                contrasts=_contrasts(compared, against, known),
                knobs=_knobs(plan, policy, figures, common, known, kinds),
            )
        )
    return tuple(found)


def _knobs(
    plan: Plan,
    policy: PolicyTable,
    figures: Mapping[str, Figures],
    common: Trials,
    known: Sequence[Metric],
    kinds: Mapping[str, tuple[Kind, ...]],
) -> KnobsResult | None:
    """Hold a policy with knobs against the same one without."""
    if policy.knobs is None:
        return None
    rule, options = policy.rule or policy.name, policy.options
    twins = [
        one.name
        for one in plan.policy
        if one.knobs is None and (one.rule or one.name) == rule and one.options == options
    ]
    plain = twins[0] if twins else None
    own = {
        seed: values for seed, values in figures[policy.name].items() if seed in common[policy.name]
    }
    against = {} if plain is None else figures[plain]
    return KnobsResult(
        policy.knobs.table,
        policy.knobs.method,
        plain,
        _contrasts(own, against, known),
        kinds[policy.knobs.table],
    )


def _column(figures: Figures, metric: Metric) -> dict[int, float | None]:
    return {seed: values.get(metric) for seed, values in figures.items()}


def _add_gaps(figures: dict[str, Figures], oracle: str, baseline: str, deciding: Metric) -> None:
    best, plain = (_column(figures[name], deciding) for name in (oracle, baseline))
    for own in figures.values():
        for seed, gap in gaps_of(_column(own, deciding), best, plain).items():
            own[seed][Metric.GAP] = gap


def _known_metrics(figures: Mapping[str, Figures]) -> list[Metric]:
    """List the metrics that any run has, in the order of `Metric`."""
    known = {
        metric
        for own in figures.values()
        for values in own.values()
        for metric, value in values.items()
        if value is not None
    }
    return [metric for metric in Metric if metric in known]


def _spreads(own: Figures, known: Sequence[Metric]) -> tuple[Spread, ...]:
    if not own:
        return ()
    return tuple(
        spread_of(metric, list(_column(own, metric).values()), reached_last=metric in TO_TARGET)
        for metric in known
    )


def _contrasts(own: Figures, baseline: Figures, known: Sequence[Metric]) -> tuple[Contrast, ...]:
    found = (contrast_of(m, _column(own, m), _column(baseline, m)) for m in known)
    return tuple(one for one in found if one is not None)
