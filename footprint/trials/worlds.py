"""The world of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footprint.documents import input_file
from footprint.errors import DataError
from footprint.model import (
    BudgetLimit,
    DomainSummary,
    EvaluatedWorld,
    Finding,
    InputFile,
    SignalKind,
)
from footprint.model.method_costs import CostTable
from footprint.scheduling.budget import Budget
from footprint.scheduling.evaluation import ServerRates
from footprint.simulation.arrays import Floats
from footprint.simulation.fleet import Fleet
from footprint.simulation.fleet_files import read_fleet
from footprint.simulation.forecasts import Forecaster, Noisy
from footprint.simulation.load import OnOffLoad
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Server, Supply, World
from footprint.trials.budgets import read_budget, read_prices
from footprint.trials.knobs import describe_tables, read_cost_tables
from footprint.trials.learners import LEARNERS
from footprint.trials.plan import ExcessTable, Group, IntensityTable, Plan
from footprint.trials.series import (
    hourly_means,
    make_forecast,
    read_excess,
    read_intensity,
    read_load,
)
from footprint.units import J_PER_KWH


@dataclass(frozen=True, slots=True, eq=False)
class BuiltWorld:
    """What all runs of a plan share.

    Attributes
    ----------
    world : World
    rules : Rules
    budgets : tuple of Budget
    second_g_per_kwh : ndarray of shape (domains, hours), or None
        Intensity of the second signal.
    server : ServerRates or None
    cost_tables : mapping of str to CostTable
        Costs of training methods, by the name of the file in the manifest.
    findings : tuple of Finding
        Beside those that every run brings.
    """

    world: World
    rules: Rules
    budgets: tuple[Budget, ...]
    second_g_per_kwh: Floats | None
    server: ServerRates | None
    cost_tables: Mapping[str, CostTable]
    findings: tuple[Finding, ...]


# What seeds of a world are drawn for, apart from all else that is drawn from the seed of a run.
_OF_WORLD = 7
_LOAD_MADE_UP = Finding(
    "load-made-up",
    "What devices do beside the training is made up.",
    remedy="Take measured load before you draw conclusions.",
)


def build_world(plan: Plan) -> BuiltWorld:
    """Build the world of a plan.

    Raises
    ------
    ManifestError, DataError, UsageError
        If files lack what the plan asks of them.
    """
    folder = Path(plan.origin).parent
    rules = make_rules(plan)
    domains = tuple(PowerDomain(one.name, one.zone, one.mode) for one in plan.domain)
    supply = _supply(plan, domains, rules, folder)
    server = None
    if plan.server is not None:
        server = Server(plan.server.zone, plan.server.power_w, plan.server.compute_w)
    world = World(_fleet(plan, folder), supply, name=plan.name, server=server)
    if plan.load is not None:
        load = read_load(plan.load, folder)
        world = replace(world, load=load, load_forecast=plan.load.forecast)
    world.require(rules)
    zones = [one.zone for one in plan.domain]
    second, second_server = None, np.full(rules.hours, np.nan)
    findings: tuple[Finding, ...] = ()
    if plan.second_signal is not None:
        trace = _second(plan, rules, folder)
        second, findings = hourly_means(trace, zones, rules), trace.findings
        if server is not None:
            second_server = hourly_means(trace, [server.zone], rules)[0]
    if plan.learner is not None:
        label = LEARNERS[plan.learner.kind].finding
        findings += (label,) if label else ()
    if plan.load is not None and plan.load.made_up is not None:
        findings += (_LOAD_MADE_UP,)
    budgets = tuple(read_budget(table) for table in plan.budget)
    rates = None
    if server is not None:
        prices = supply.prices
        first = np.full(rules.hours, np.nan)
        if supply.intensity is not None:
            first = hourly_means(supply.intensity, [server.zone], rules)[0]
        price = np.nan if prices is None else float(prices.of([server.zone])[0])
        rates = ServerRates(first, second_server, price)
    tables = read_cost_tables(plan, folder)
    findings += describe_tables(tables)
    return BuiltWorld(world, rules, budgets, second, rates, tables, findings)


def make_rules(plan: Plan) -> Rules:
    """Rules of the rounds of a plan."""
    timing = plan.simulation
    return Rules(
        unix_seconds(timing.start),
        timing.length_s,
        updates=timing.updates,
        step_s=timing.step_s,
        deadline=timing.deadline_s // timing.step_s,
        retry=timing.retry_s // timing.step_s,
        cadence=1 if timing.cadence_s is None else timing.cadence_s // timing.step_s,
        most_rounds=timing.most_rounds,
    )


def world_of_run(plan: Plan, world: World, seed: int) -> World:
    """Draw made-up load and noise of forecasts anew for a run, where the manifest fixes no seed.

    All policies meet the same with one seed, so pairs stay pairs.

    Parameters
    ----------
    plan : Plan
    world : World
        That was built of the plan.
    seed : int
        Of the run.
    """
    # Each has numbers of its own: a busy hour is no reason for a wrong forecast.
    seeds = [int(one) for one in np.random.SeedSequence([seed, _OF_WORLD]).generate_state(3)]
    load, supply = world.load, world.supply
    made_up = None if plan.load is None else plan.load.made_up
    if made_up is not None and made_up.seed is None:
        assert isinstance(load, OnOffLoad)
        load = replace(load, seed=seeds[0])
    supply = replace(
        supply,
        excess_forecast=_redrawn(plan.traces.excess, supply.excess_forecast, seeds[1]),
        intensity_forecast=_redrawn(plan.traces.intensity, supply.intensity_forecast, seeds[2]),
    )
    return replace(world, load=load, supply=supply)


def _redrawn(
    table: ExcessTable | IntensityTable | None, forecast: Forecaster | None, seed: int
) -> Forecaster | None:
    fixed = table is None or table.forecast is None or table.forecast.seed is not None
    return replace(forecast, seed=seed) if isinstance(forecast, Noisy) and not fixed else forecast


def _supply(plan: Plan, domains: tuple[PowerDomain, ...], rules: Rules, folder: Path) -> Supply:
    excess_table, intensity_table = plan.traces.excess, plan.traces.intensity
    excess = intensity = excess_forecast = intensity_forecast = None
    signal = SignalKind()
    if excess_table is not None:
        excess = read_excess(excess_table, rules, folder)
        if excess_table.forecast is not None:
            file = excess_table.file
            excess_forecast = make_forecast(excess_table.forecast, excess, file, folder)
    if intensity_table is not None:
        intensity = read_intensity(intensity_table, rules, folder)
        signal = SignalKind.parse(intensity_table.signal)
        _require_zones(plan, intensity, "traces.intensity")
        if intensity_table.forecast is not None:
            file = intensity_table.file
            intensity_forecast = make_forecast(intensity_table.forecast, intensity, file, folder)
    forecasts = (excess_forecast, intensity_forecast)
    return Supply(domains, excess, intensity, *forecasts, signal, read_prices(plan.prices))


def _require_zones(plan: Plan, intensity: Trace, key: str) -> None:
    """Refuse a grid of which nobody says the intensity, if others are known."""
    for domain in plan.domain:
        if domain.mode is not Mode.EXCESS and domain.zone not in intensity.columns:
            raise DataError(
                f"{plan.origin}, {key}: there is no intensity of {domain.zone!r}, the zone of "
                f"{domain.name!r}.",
                f"There is: {', '.join(intensity.columns[:12])}.",
            )


def _second(plan: Plan, rules: Rules, folder: Path) -> Trace:
    """Series of the second signal."""
    assert plan.second_signal is not None
    trace = read_intensity(plan.second_signal, rules, folder)
    _require_zones(plan, trace, "second_signal")
    if not (trace.start_s <= rules.start_s and rules.stop_s <= trace.stop_s):
        raise DataError(
            f"{plan.origin}, second_signal: the series does not cover the simulation.",
            "Take a longer one, or a shorter simulation.",
        )
    return trace


def _fleet(plan: Plan, folder: Path) -> Fleet:
    places = {domain.name: number for number, domain in enumerate(plan.domain)}
    table = plan.fleet
    if table.file is not None:
        fleet = read_fleet(folder / table.file, tuple(places))
    else:
        fleet = _grouped(plan.group, places)
    if table.model_gb is None:
        return fleet
    fleet = fleet.with_messages(table.model_gb, table.update_gb)
    return replace(fleet, network_kwh_per_gb=table.network_kwh_per_gb or 0.0)


def _grouped(groups: tuple[Group, ...], places: dict[str, int]) -> Fleet:
    counts = [group.count for group in groups]

    def column(values: list[float | None]) -> Floats:
        known = [np.nan if value is None else value for value in values]
        return np.repeat(np.array(known, dtype=np.float64), counts)

    ids = np.empty(sum(counts), dtype=object)
    ids[:] = [f"{one.name or one.domain}-{n}" for one in groups for n in range(one.count)]
    devices = np.empty(sum(counts), dtype=object)
    devices[:] = [one.device for one in groups for _ in range(one.count)]
    return Fleet.of(
        ids=ids,
        domain=np.repeat([places[one.domain] for one in groups], counts),
        units_per_s=column([1 / one.unit_time_s for one in groups]),
        energy_per_unit_ws=column([one.unit_energy_kwh * J_PER_KWH for one in groups]),
        least_units=column([one.least for one in groups]),
        most_units=column([one.most for one in groups]),
        samples=column([one.samples for one in groups]),
        devices=devices,
        idle_w=column([one.idle_w for one in groups]),
        dropout=column([one.dropout for one in groups]),
        down_mbps=column([one.down_mbps for one in groups]),
        up_mbps=column([one.up_mbps for one in groups]),
    )


def summarise_world(plan: Plan, built: BuiltWorld) -> EvaluatedWorld:
    """Say of a world what a reader must know to judge results."""
    fleet, rules = built.world.fleet, built.rules
    counts = np.bincount(fleet.domain, minlength=len(plan.domain)).tolist()
    tables = {"excess energy": plan.traces.excess, "grid intensity": plan.traces.intensity}
    forecasts = [
        (what, "none" if table.forecast is None else table.forecast.kind.value)
        for what, table in tables.items()
        if table is not None
    ]
    if plan.load is not None:
        forecasts.append(("load", plan.load.forecast.value))
    second = plan.second_signal
    return EvaluatedWorld(
        start_s=rules.start_s,
        length_s=rules.length_s,
        step_s=rules.step_s,
        updates=rules.updates,
        domains=tuple(
            DomainSummary(one.name, one.zone, one.mode.value, count)
            for one, count in zip(plan.domain, counts, strict=True)
        ),
        signal=built.world.supply.signal,
        second_signal=None if second is None else SignalKind.parse(second.signal),
        forecasts=tuple(forecasts),
        learner="" if plan.learner is None else plan.learner.kind,
        currency="" if plan.prices is None else plan.prices.currency.value,
        budgets=tuple(_limit(budget) for budget in built.budgets),
    )


def _limit(budget: Budget) -> BudgetLimit:
    return BudgetLimit(budget.resource.value, budget.total, budget.mode.value)


def input_files(plan: Plan) -> tuple[InputFile, ...]:
    """Pin down the manifest and every file that it names.

    Raises
    ------
    DocumentError
        If one cannot be read.
    """
    folder = Path(plan.origin).parent
    names = [plan.fleet.file] if plan.fleet.file is not None else []
    names += [policy.knobs.table for policy in plan.policy if policy.knobs is not None]
    for table in (plan.traces.excess, plan.traces.intensity, plan.second_signal):
        if table is None:
            continue
        names += [table.file.path] if table.file is not None else []
        names += [table.forecast.path] if table.forecast and table.forecast.path else []
        names += getattr(table, "electricity_maps", ())
    if plan.load is not None:
        names += [file.path for file in (plan.load.used, plan.load.reserved) if file is not None]
    paths = dict.fromkeys([Path(plan.origin), *(folder / name for name in names)])
    return tuple(input_file(path) for path in paths)
