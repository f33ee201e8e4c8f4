"""What a reader of an evaluation must know before believing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from footprint.model import Finding, Metric, PolicyResult, Severity
from footprint.model.evaluations import common_seeds
from footprint.trials.plan import ForecastKind, Plan

# Less than this of a budget may be left without a word [1].
_UNUSED = 0.05
# They differ from run to run, whatever the seed.
_MEASURED = (Metric.OVERHEAD_S, Metric.OVERHEAD_KWH)


def collect_remarks(plan: Plan, policies: Sequence[PolicyResult]) -> tuple[Finding, ...]:
    """Collect what is in doubt of a whole evaluation."""
    return tuple(
        finding
        for check in (_seeds, _worlds, _targets, _budgets, _forecasts, _left_out)
        for finding in check(plan, policies)
    )


def remark_left_out(counts: Mapping[str, Sequence[int]], clients: int) -> Iterator[Finding]:
    """Say which policies never let clients take part.

    Parameters
    ----------
    counts : mapping of str to sequence of int
        Clients of whom no update counted, for each run of a policy.
    clients : int
        All of them.
    """
    said = [
        f"{name!r} {min(found)}{f' to {max(found)}' if min(found) < max(found) else ''}"
        for name, found in counts.items()
        if any(found)
    ]
    if said:
        yield Finding(
            "clients-left-out",
            f"Of {clients} clients some never took part, or no update of theirs counted: "
            f"{', '.join(said)}. The model knows nothing of their data.",
            Severity.INFO,
            remedy="Look at accuracy by client (worst tenth), with a learner that trains.",
        )


def _seeds(_plan: Plan, policies: Sequence[PolicyResult]) -> Iterator[Finding]:
    if len(common_seeds([one.seed for one in policy.seeds] for policy in policies)) == 1:
        yield Finding(
            "one-seed",
            "Policies are compared over one seed: nothing says how much of a difference is chance.",
            remedy="Run five seeds or more: --seeds 5.",
        )
    for policy in policies:
        figures = [
            {metric: value for metric, value in one.figures.items() if metric not in _MEASURED}
            for one in policy.seeds
        ]
        if len(figures) > 1 and all(one == figures[0] for one in figures[1:]):
            yield Finding(
                "seeds-alike",
                f"All seeds of {policy.name!r} gave the same: nothing in its runs is random, and "
                "its interval of no width is no certainty.",
                Severity.INFO,
            )


def _worlds(plan: Plan, _policies: Sequence[PolicyResult]) -> Iterator[Finding]:
    """Say what was drawn once for all runs."""
    tables = {"excess energy": plan.traces.excess, "grid intensity": plan.traces.intensity}
    fixed = [
        f"the noise of forecasts of {what}"
        for what, table in tables.items()
        if table is not None and table.forecast is not None and table.forecast.seed is not None
    ]
    if plan.load is not None and plan.load.made_up and plan.load.made_up.seed is not None:
        fixed.append("made-up load")
    if fixed:
        yield Finding(
            "world-drawn-once",
            f"The manifest gives all runs one seed of {' and '.join(fixed)}: intervals do not hold "
            "how else that could have come.",
            Severity.INFO,
            remedy="Leave the seed out, and each run draws its own.",
        )


def _targets(plan: Plan, policies: Sequence[PolicyResult]) -> Iterator[Finding]:
    if plan.target is None:
        return
    common = common_seeds([one.seed for one in policy.seeds] for policy in policies)
    for policy in policies:
        spread = policy.spread(Metric.ROUNDS_TO_TARGET)
        # There is none of a metric that nobody has.
        known, count = (0, len(common)) if spread is None else (spread.known, spread.seeds)
        if policy.seeds and known < count:
            yield Finding(
                "target-not-reached",
                f"{policy.name!r} reached an accuracy of {plan.target:g} in {known} of {count} "
                f"seeds; so it has no mean of what it took.",
                remedy="Give it more time or budget, or take a lower target.",
            )


def _budgets(_plan: Plan, policies: Sequence[PolicyResult]) -> Iterator[Finding]:
    for policy in policies:
        unused = policy.spread(Metric.BUDGET_UNUSED)
        violation = policy.spread(Metric.BUDGET_VIOLATION)
        if unused is not None and unused.mean is not None and unused.mean > _UNUSED:
            yield Finding(
                "budget-unused",
                f"{policy.name!r} left {unused.mean:.0%} of the budget unused: compare it where "
                "all have spent the same, not by what it reached in the end.",
            )
        if violation is not None and violation.mean:
            yield Finding(
                "budget-overspent",
                f"{policy.name!r} overspent the budget by {violation.mean:.1%} on average.",
                remedy="Make the budget hard, or count the overspending against it.",
            )


def _forecasts(plan: Plan, _policies: Sequence[PolicyResult]) -> Iterator[Finding]:
    tables = {"excess energy": plan.traces.excess, "grid intensity": plan.traces.intensity}
    kinds: dict[str, str] = {
        what: table.forecast.kind.value
        for what, table in tables.items()
        if table is not None and table.forecast is not None
    }
    if plan.load is not None:
        kinds["load"] = plan.load.forecast.value
    for what, kind in kinds.items():
        if kind in (ForecastKind.PERFECT, ForecastKind.NOISY):
            yield Finding(
                "forecast-from-the-future",
                f"Forecasts of {what} were made from what came ({kind}): no policy has such in the "
                "world.",
                remedy="Take persistence, or forecasts as they were issued.",
            )


def _left_out(plan: Plan, _policies: Sequence[PolicyResult]) -> Iterator[Finding]:
    if plan.server is None:
        yield Finding(
            "server-left-out",
            "The server is not counted: nobody said what it draws.",
            Severity.INFO,
            remedy="Add [server].",
        )
    counted = plan.fleet.network_kwh_per_gb is not None
    counts, leaves = (" and of the network", "") if counted else ("", " networks,")
    yield Finding(
        "scope-of-simulation",
        f"Counted is energy of devices while they take part{counts}. Making them,{leaves} and what "
        "they draw otherwise are not.",
        Severity.INFO,
    )
