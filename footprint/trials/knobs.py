"""Knobs of a manifest: tables of costs, and policies that choose how clients train by them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from footprint.errors import ManifestError, UsageError
from footprint.model import Finding, Severity
from footprint.model.method_costs import CostTable, Kind
from footprint.scheduling.base import Scheduler
from footprint.scheduling.cost_files import read_costs
from footprint.scheduling.knobs import Messages, WithKnobs
from footprint.simulation.fleet import Fleet
from footprint.trials.learners import LEARNERS
from footprint.trials.plan import KnobsTable, Plan, PolicyTable


def read_cost_tables(plan: Plan, folder: Path) -> dict[str, CostTable]:
    """Read every table of costs that a policy names, by its name in the manifest.

    Raises
    ------
    DataError
        If one cannot be read.
    ManifestError
        If one lacks the method that a policy asks for.
    """
    found: dict[str, CostTable] = {}
    for number, policy in enumerate(plan.policy, start=1):
        if policy.knobs is None:
            continue
        name = policy.knobs.table
        table = found[name] = found.get(name) or read_costs(folder / name)
        keys = [("among", one) for one in policy.knobs.among]
        if policy.knobs.method is not None:
            keys.append(("method", policy.knobs.method))
        for key, method in keys:
            try:
                table[method]
            except UsageError as error:
                place = f"{plan.origin}, policy[{number}].knobs.{key}"
                raise ManifestError(f"{place}: {error.message}", error.remedy) from error
    return found


def describe_tables(tables: Mapping[str, CostTable]) -> tuple[Finding, ...]:
    """Say of each table what its figures rest on."""
    found = []
    for table in tables.values():
        found.append(
            Finding(
                "method-costs",
                f"Costs of training methods were measured with {table.network} on {table.device} "
                f"({table.conditions}; {table.source}), and are taken to hold for all clients.",
                Severity.INFO,
                remedy="Measure them on your clients' devices: footprint.studies.cost_tables.",
            )
        )
        if Kind.MODELLED_FROM_TIME in kinds_of(table):
            found.append(
                Finding(
                    "method-energy-modelled",
                    "What methods save of energy was not metered: it is processor time times a "
                    "constant power (modelled_from_time).",
                    Severity.INFO,
                    remedy="Read a meter while you measure them.",
                )
            )
    return tuple(dict.fromkeys(found))


def kinds_of(table: CostTable) -> tuple[Kind, ...]:
    """List how the energies of a table came about, its reference aside."""
    there = {cost.energy.kind for cost in table.costs[1:]}
    return tuple(kind for kind in Kind if kind in there)


def knobs_fault(policy: PolicyTable, plan: Plan) -> tuple[str, str] | None:
    """Say what a policy lacks that chooses how clients train.

    Returns
    -------
    tuple of (str, str), or None
        What is wrong, and what to do.
    """
    knobs = policy.knobs
    if knobs is None:
        return None
    if plan.learner is not None and not LEARNERS[plan.learner.kind].by_method:
        able = ", ".join(name for name, kind in LEARNERS.items() if kind.by_method)
        return (
            f"{policy.name!r} chooses how clients train, and the learner {plan.learner.kind!r} "
            "trains all alike.",
            f"Take one that trains by methods ({able}), or none: then work is what counts.",
        )
    if knobs.method is not None:
        spare = {"among": knobs.among, "allowance": knobs.allowance_g, "rounds": knobs.rounds}
        useless = [name for name, value in spare.items() if value not in (None, ())]
        if useless:
            return (
                f"all train by {knobs.method!r}, so {useless[0]} chooses nothing.",
                f"Leave method out, or {useless[0]}.",
            )
        return None
    if plan.traces.intensity is None:
        return (
            "methods are chosen by the intensity of grids, and nobody says it.",
            "Add [traces.intensity], or name one method for all.",
        )
    carbon = [budget for budget in plan.budget if budget.resource == "carbon"]
    if knobs.allowance_g is None and not carbon:
        return (
            "methods are chosen by what a round may emit, and nobody limits it.",
            'Write allowance = "5 gCO2e", say, or add a [[budget]] of carbon with its rounds.',
        )
    if knobs.allowance_g is None and knobs.rounds is None and carbon[0].rounds is None:
        return (
            "the budget of carbon is spread over rounds, and nobody says over how many.",
            "Write rounds = 200, say, here or in [[budget]].",
        )
    return None


def turn_knobs(
    policy: Scheduler,
    knobs: KnobsTable,
    tables: Mapping[str, CostTable],
    fleet: Fleet,
    updates: int | None,
) -> WithKnobs:
    """Let a policy choose how its clients train, too.

    Parameters
    ----------
    policy : Scheduler
    knobs : KnobsTable
    tables : mapping of str to CostTable
        By the name of the file in the manifest.
    fleet : Fleet
        Says what messages take.
    updates : int or None
        After which a round ends.
    """
    return WithKnobs(
        inner=policy,
        table=tables[knobs.table],
        method=knobs.method,
        allowance_g=knobs.allowance_g,
        rounds=knobs.rounds,
        among=knobs.among,
        messages=Messages(fleet.message_gb, fleet.update_gb, fleet.network_kwh_per_gb),
        updates=updates,
    )
