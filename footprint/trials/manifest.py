"""Simulation manifests: the TOML files in which people describe a world and policies for it."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic

from footprint.errors import FootprintError, ManifestError, ManifestIncomplete
from footprint.model import SignalKind
from footprint.scheduling.budget import Resource
from footprint.scheduling.policies import make_policy
from footprint.simulation.load import LoadForecast
from footprint.simulation.traces import unix_seconds
from footprint.simulation.world import Mode
from footprint.tables import explain, flatten, missing_keys, read_toml, written_keys
from footprint.trials.budgets import pacing_fault, read_budget, read_prices
from footprint.trials.knobs import knobs_fault
from footprint.trials.learners import check_learner, gradients_fault
from footprint.trials.plan import (
    BudgetTable,
    ExcessTable,
    ForecastKind,
    ForecastTable,
    IntensityTable,
    Plan,
)
from footprint.trials.series import require_kind

# Where the file lies is nothing to write into it.
_UNWRITTEN = {"origin", "digest", "declared"}

Fault = tuple[str, str, str]
"""Key, what is wrong with it, and what to do."""


def read_plan(path: Path | str) -> Plan:
    """Read a simulation manifest.

    Parameters
    ----------
    path : path
        A TOML file; files that it names are relative to it.

    Raises
    ------
    ManifestError
        If it cannot be read or means nothing: says the file and the key, what was found
        and what is accepted.
    """
    path = Path(path)
    tables = read_toml(path, ManifestError)
    for key in sorted(_UNWRITTEN & set(tables)):
        raise ManifestError(f"{path}, {key}: this key is unknown.", "Leave it out.")
    try:
        plan: Plan = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        message, remedy = explain(path, error, Plan, written_keys(Plan) - _UNWRITTEN)
        keys = missing_keys(error)
        kind = ManifestIncomplete(message, remedy, keys) if keys else ManifestError(message, remedy)
        raise kind from error
    plan = replace(
        plan,
        origin=str(path),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        declared=tuple(flatten(tables, ("name",))),
    )
    require_sense(plan)
    return plan


@functools.cache
def _adapter() -> pydantic.TypeAdapter[Plan]:
    return pydantic.TypeAdapter(Plan)


def require_sense(plan: Plan) -> None:
    """Check what lies between keys that are right each on its own.

    Raises
    ------
    ManifestError
        Says the file and the key.
    """
    for key, message, remedy in _faults(plan):
        raise ManifestError(f"{plan.origin}, {key}: {message}", remedy)


def change_policies(plan: Plan, names: Iterable[str], budgets: Iterable[BudgetTable] = ()) -> Plan:
    """Take other policies or budgets than the manifest names.

    Parameters
    ----------
    plan : Plan
    names : iterable of str
        Policies of the manifest, or rules without options; none to keep them all.
    budgets : iterable of BudgetTable
        None to keep those of the manifest.

    Returns
    -------
    Plan
        Unchecked: see `require_sense`.
    """
    from footprint.trials.plan import PolicyTable

    known = {policy.name: policy for policy in plan.policy}
    chosen = tuple(known.get(name, PolicyTable(name=name)) for name in names)
    return replace(plan, policy=chosen or plan.policy, budget=tuple(budgets) or plan.budget)


def _faults(plan: Plan) -> Iterable[Fault]:
    yield from _timing_faults(plan)
    yield from _domain_faults(plan)
    yield from _fleet_faults(plan)
    yield from _series_faults(plan)
    yield from _load_faults(plan)
    yield from _said(lambda: check_learner(plan.learner), "learner")
    yield from _said(lambda: read_prices(plan.prices), "prices.electricity")
    for number, budget in enumerate(plan.budget, start=1):
        yield from _said(functools.partial(read_budget, budget), f"budget[{number}]")
        yield from _budget_faults(plan, budget, f"budget[{number}]")
    yield from _policy_faults(plan)


def _said(check: Any, key: str) -> Iterable[Fault]:
    """Give what another room finds wrong as a fault of a key."""
    try:
        check()
    except FootprintError as error:
        yield key, error.message, error.remedy


def _timing_faults(plan: Plan) -> Iterable[Fault]:
    timing = plan.simulation
    yield from _said(lambda: unix_seconds(timing.start), "simulation.start")
    for name in ("length", "deadline", "retry", "cadence"):
        span_s = getattr(timing, f"{name}_s")
        if span_s is not None and span_s % timing.step_s:
            yield (
                f"simulation.{name}",
                f"{span_s} s are no whole number of steps of {timing.step_s} s.",
                "Take a multiple of the step.",
            )


def _domain_faults(plan: Plan) -> Iterable[Fault]:
    if not plan.domain:
        yield "domain", "there is no power domain.", "Add [[domain]] tables."
    for name, times in Counter(domain.name for domain in plan.domain).items():
        if times > 1:
            yield "domain", f"the name {name!r} is given to {times} domains.", "Name each once."
    excess, intensity = plan.traces.excess, plan.traces.intensity
    for number, domain in enumerate(plan.domain, start=1):
        if domain.mode is not Mode.GRID and excess is None:
            yield (
                f"domain[{number}].mode",
                f"{domain.name!r} draws excess energy, and nobody says how much there is.",
                'Add [traces.excess], or write mode = "grid".',
            )
        elif domain.mode is not Mode.GRID and excess is not None and excess.file is None:
            said = {**excess.made_up, **excess.panels}
            if domain.name not in said:
                yield (
                    f"domain[{number}].name",
                    f"{domain.name!r} draws excess energy, and is not in [traces.excess].",
                    f"There are: {', '.join(said)}.",
                )
        if domain.zone is None and domain.mode is not Mode.EXCESS and intensity is not None:
            yield (
                f"domain[{number}].zone",
                f"{domain.name!r} draws from a grid, and nobody says from which.",
                "Name its zone.",
            )


def _fleet_faults(plan: Plan) -> Iterable[Fault]:
    if bool(plan.group) == (plan.fleet.file is not None):
        found = "groups and a file" if plan.group else "neither groups nor a file"
        yield "group", f"the fleet has {found}.", "Write [[group]] tables, or [fleet] file."
    names = {domain.name for domain in plan.domain}
    for number, group in enumerate(plan.group, start=1):
        if group.domain not in names:
            yield (
                f"group[{number}].domain",
                f"there is no power domain {group.domain!r}.",
                f"They are: {', '.join(sorted(names))}.",
            )
        if group.most < group.least:
            yield (
                f"group[{number}].most",
                f"the most work is {group.most:g} units, and the least is {group.least:g}.",
                "Work that is enough is not below work that counts.",
            )
    if plan.fleet.network_kwh_per_gb is not None and plan.fleet.model_gb is None:
        yield (
            "fleet.network",
            "a network is counted, and nobody says how large the model is that it carries.",
            'Add model = "44 MB", say.',
        )
    for name, times in Counter(one.name or one.domain for one in plan.group).items():
        if times > 1:
            yield (
                "group",
                f"{times} groups go by the name {name!r}.",
                "Give each a name of its own.",
            )


def _series_faults(plan: Plan) -> Iterable[Fault]:
    excess, intensity, second = plan.traces.excess, plan.traces.intensity, plan.second_signal
    if excess is not None:
        yield from _source_faults("traces.excess", excess, ("file", "panels", "made_up"))
        yield from _forecast_faults("traces.excess.forecast", excess.forecast)
    for key, table in (("traces.intensity", intensity), ("second_signal", second)):
        if table is not None:
            yield from _source_faults(key, table, ("file", "electricity_maps", "made_up"))
            yield from _said(functools.partial(SignalKind.parse, table.signal), f"{key}.signal")
            yield from _said(functools.partial(require_kind, table), f"{key}.signal")
            yield from _forecast_faults(f"{key}.forecast", table.forecast)
    if second is not None and (intensity is None or second.signal == intensity.signal):
        first = "no" if intensity is None else f"{intensity.signal!r} as the"
        yield (
            "second_signal.signal",
            f"found {second.signal!r}, beside {first} signal of [traces.intensity].",
            "The second signal shows the same runs under another kind of intensity.",
        )
    if second is not None and second.forecast is not None:
        yield "second_signal.forecast", "nobody decides by the second signal.", "Leave it out."


def _load_faults(plan: Plan) -> Iterable[Fault]:
    load = plan.load
    if load is None:
        return
    if (load.used is None) == (load.made_up is None):
        found = "used and made_up" if load.used else "no source"
        yield "load", f"found {found}, expected one of used, made_up.", "Choose one."
    elif load.used and not load.reserved and load.forecast is LoadForecast.RESERVED:
        yield "load.reserved", "this key is missing.", "Forecast load by 'none', or give it."


def _source_faults(
    key: str, table: ExcessTable | IntensityTable, sources: tuple[str, ...]
) -> Iterable[Fault]:
    given = [name for name in sources if getattr(table, name)]
    if len(given) != 1:
        found = " and ".join(given) or "no source"
        yield key, f"found {found}, expected one of {', '.join(sources)}.", "Choose one."


def _forecast_faults(key: str, table: ForecastTable | None) -> Iterable[Fault]:
    if table is None:
        return
    issued = {name: getattr(table, name) for name in ("path", "issue_column", "target_column")}
    for name, value in issued.items():
        if (table.kind is ForecastKind.ISSUED) != (value is not None):
            found = (
                "is missing" if value is None else f"does not belong to kind {table.kind.value!r}"
            )
            yield f"{key}.{name}", f"this key {found}.", "Issued forecasts have a file."
    noise = [name for name in ("near", "far", "seed") if getattr(table, name) is not None]
    if noise and table.kind is not ForecastKind.NOISY:
        yield f"{key}.{noise[0]}", f"a forecast of kind {table.kind.value!r} has no noise.", ""


def _budget_faults(plan: Plan, table: BudgetTable, key: str) -> Iterable[Fault]:
    budget = read_budget(table)
    draws = [one for one in plan.domain if one.mode is not Mode.EXCESS]
    if budget.resource is Resource.CARBON_G and draws and plan.traces.intensity is None:
        yield (
            f"{key}.resource",
            f"{draws[0].name!r} draws from a grid whose intensity nobody says.",
            "Add [traces.intensity], or limit something else.",
        )
    if budget.resource in (Resource.MONEY_EUR, Resource.MONEY_USD):
        code = budget.resource.value.removeprefix("money_").upper()
        if plan.prices is None or plan.prices.currency != code:
            found = "no prices" if plan.prices is None else f"prices in {plan.prices.currency}"
            yield f"{key}.total", f"found {table.total!r}, and {found}.", "Take one currency."


def _policy_faults(plan: Plan) -> Iterable[Fault]:
    names = [policy.name for policy in plan.policy]
    for name, times in Counter(names).items():
        if times > 1:
            yield "policy", f"the name {name!r} is given to {times} policies.", "Name each once."
    for number, policy in enumerate(plan.policy, start=1):
        rule, options = policy.rule or policy.name, policy.options
        if "name" in options:
            # It would be taken for the name of the rule.
            yield f"policy[{number}].options", "no policy has an option 'name'.", "Leave it out."
        yield from _said(functools.partial(make_policy, rule, **options), f"policy[{number}]")
        if lacking := pacing_fault(policy, plan.budget):
            yield f"policy[{number}]", *lacking
        if lacking := gradients_fault(policy, plan.learner):
            yield f"policy[{number}]", *lacking
        if wrong := knobs_fault(policy, plan):
            yield f"policy[{number}].knobs", *wrong
    for key in ("baseline", "oracle"):
        name = getattr(plan, key)
        if name is not None and names and name not in names:
            yield key, f"there is no policy {name!r}.", f"They are: {', '.join(names)}."
    if plan.target is not None and plan.learner is None:
        yield "target", "nothing learns, so no accuracy is reached.", "Add [learner], or leave it."
