"""Laws of a simulation, over random fleets, series and policies."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.scheduling.base import Need, needs_of
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.policies import POLICIES, WITH_GRADIENTS, make_policy
from footprint.simulation import execution
from footprint.simulation.booking import Ledger
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import AsIssued, Persistence
from footprint.simulation.load import OnOffLoad
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World
from footprint.units import J_PER_KWH

START = unix_seconds("2023-03-26")
HOUR, DAY = 3600, 86_400
LEADS = 14  # of five minutes: a little more than the longest round


def world_of(seed, *, modes=(Mode.EXCESS, Mode.GRID, Mode.BOTH), clients=20, days=2):
    """A world in which everything happens: nights, drop-outs, idle power, transfers, load."""
    rng = np.random.default_rng(seed)
    sites = int(rng.integers(1, 5))
    names = tuple(f"site-{n}" for n in range(sites))
    zones = tuple(f"Z{n}" for n in range(sites))
    periods = np.arange(days * 288)[:, None]
    phase = 2 * np.pi * (periods / 288 + rng.random(sites)[None, :])
    clouds = rng.random((days * 288, sites))
    watts = float(rng.uniform(5, 400)) * np.maximum(np.sin(phase), 0) * clouds
    excess = Trace(START, 300, names, watts, "W")
    intensity = Trace(START, HOUR, zones, rng.uniform(10, 900, (days * 24, sites)), "gCO2e/kWh")
    steps = rng.uniform(0.8, 1.2, (days * 288, LEADS, sites))
    places = np.minimum(np.arange(days * 288)[:, None] + np.arange(LEADS), days * 288 - 1)
    issued = AsIssued(START + 300 * np.arange(days * 288), 300, names, watts[places] * steps)
    least = rng.integers(1, 40, clients).astype(float)
    unknown = rng.random(clients) < 0.3
    fleet = Fleet.of(
        domain=rng.integers(0, sites, clients),
        units_per_s=rng.uniform(0.02, 1, clients),
        energy_per_unit_ws=rng.uniform(50, 900, clients),
        least_units=least,
        most_units=least * rng.integers(1, 6, clients),
        samples=rng.uniform(10, 500, clients),
        idle_w=np.where(unknown, np.nan, rng.uniform(0, 20, clients)),
        dropout=rng.choice([0.0, 0.3], clients),
        down_mbps=np.where(unknown, np.nan, rng.uniform(1, 50, clients)),
        up_mbps=rng.uniform(1, 50, clients),
    ).with_messages(float(rng.choice([0.0, 0.1])), 0.05)
    chosen = rng.choice(np.array(modes, dtype=object), sites)
    domains = tuple(
        PowerDomain(name, zone, mode) for name, zone, mode in zip(names, zones, chosen, strict=True)
    )
    supply = Supply(domains, excess, intensity, excess_forecast=issued)
    return World(fleet, supply, OnOffLoad(seed, busy=0.3))


def rules_of(seed):
    rng = np.random.default_rng([seed, 1])
    return Rules(
        START + DAY if rng.random() < 0.5 else START,
        int(rng.integers(2, 9)) * HOUR,
        updates=int(rng.integers(1, 12)),
        deadline=int(rng.integers(5, 61)),
    )


seeds = st.integers(0, 10_000)
# On the first day of a trace there is no forecast of a grid.
policies = st.sampled_from(
    sorted(n for n in POLICIES if Need.INTENSITY_FORECAST not in needs_of(make_policy(n)))
)
BUDGET = Budget(Resource.CARBON_G, 50.0, BudgetMode.SOFT, rounds=20)


class Slopes:
    """A learner whose gradients say whose they are."""

    def train(self, work):
        self.clients = work.clients
        return {"loss": 1.0 + work.clients}

    def probe_units(self, clients, source):
        return np.full(len(clients), 0.5)

    def gradients(self, clients, source):
        return np.stack([np.ones(len(clients)), np.cos(clients), np.sin(clients)], axis=1)

    def followed(self):
        return self.gradients(self.clients, None)


def simulated(world, policy, rules, seed):
    """With what some policies cannot do without."""
    scheduler = make_policy(policy) if isinstance(policy, str) else policy
    return simulate(world, scheduler, rules, seed=seed, budgets=[BUDGET], learner=Slopes())


slowly = settings(max_examples=20, deadline=None)


@given(seeds, policies)
@slowly
def test_no_domain_uses_more_than_it_has_in_any_step(seed, policy):
    """Seen from outside the engine: what each step and domain used, beside the trace itself."""
    world, rules = world_of(seed), rules_of(seed)
    steps = rules.length_s // rules.step_s
    used = np.zeros((steps, len(world.supply.domains)))
    enter = Ledger.add

    def listen(self, now_s, domains, phases, energy_ws):
        first = (now_s - rules.start_s) // rules.step_s
        many = energy_ws.shape[2]
        used[first : first + many, domains] += energy_ws[:, 0].sum(axis=0)  # excess energy
        for place, domain in enumerate(domains):
            if world.supply.domains[domain].mode is Mode.EXCESS:
                assert (energy_ws[:, 1, :, place] == 0).all()  # and nothing from the grid
        assert (energy_ws >= 0).all()
        enter(self, now_s, domains, phases, energy_ws)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "add", listen)
        simulated(world, policy, rules, seed)
    there = world.supply.excess_w.window(rules.start_s, rules.step_s, steps) * rules.step_s
    assert (used <= there * (1 + 1e-9)).all()


@given(seeds, policies.filter(lambda name: name not in WITH_GRADIENTS))
@slowly
def test_all_sums_agree(seed, policy):
    world, rules = world_of(seed), rules_of(seed)
    run = simulated(world, policy, rules, seed)
    rounds, clients, hours = run.rounds, run.clients, run.hours
    energy_kwh = clients.units * world.fleet.energy_per_unit_ws / J_PER_KWH
    assert clients.energy_kwh == pytest.approx(energy_kwh)
    assert hours.energy_kwh.sum() == pytest.approx(run.energy_kwh)
    assert hours.energy_kwh[0].sum() == pytest.approx(clients.energy_kwh.sum())
    assert rounds.energy_kwh.sum() == pytest.approx(clients.energy_kwh.sum())
    assert rounds.wait_kwh.sum() == pytest.approx(np.nansum(clients.wait_kwh))
    assert rounds.excess_kwh.sum() == pytest.approx(hours.energy_kwh[:, 0].sum())
    # Discarded and accepted work are all the work.
    unit_kwh = world.fleet.energy_per_unit_ws / J_PER_KWH
    accepted_kwh = (clients.accepted_units * unit_kwh).sum()
    assert rounds.discarded_kwh.sum() + accepted_kwh == pytest.approx(rounds.energy_kwh.sum())
    assert clients.discarded_kwh.sum() == pytest.approx(rounds.discarded_kwh.sum())
    assert (rounds.accepted + rounds.late + rounds.dropped == rounds.chosen).all()
    assert run.to_journal().total("energy_kwh") in (None, pytest.approx(run.energy_kwh))
    # All time is a round, or waiting; nobody was in more than the rounds it was in.
    assert run.elapsed_s <= rules.length_s
    lasted_s = rounds.steps.sum() * rules.step_s + run.waited_s
    assert lasted_s == pytest.approx(run.elapsed_s)
    assert (clients.busy_s <= clients.present_s * (1 + 1e-9)).all()
    # Nobody did more than it may, and nothing counts that is less than the least.
    fleet = world.fleet
    assert (clients.units <= clients.asked * fleet.most_units * (1 + 1e-9)).all()
    assert (clients.accepted_units >= clients.accepted * fleet.least_units * (1 - 1e-8)).all()


@given(seeds, policies)
@slowly
def test_a_run_can_be_repeated(seed, policy):
    runs = [simulated(world_of(seed), policy, rules_of(seed), seed) for _ in range(2)]
    assert (runs[0].rounds.start_s == runs[1].rounds.start_s).all()
    assert (runs[0].clients.energy_kwh == runs[1].clients.energy_kwh).all()
    assert (runs[0].hours.energy_kwh == runs[1].hours.energy_kwh).all()


class Noting:
    """Notes each choice, and what was known when it was made."""

    def __init__(self, inner):
        self.inner, self.notes = inner, []

    @property
    def needs(self):
        return getattr(self.inner, "needs", frozenset())

    def select(self, state, rng):
        ids = tuple(self.inner.select(state, rng))
        told = () if state.outlook is None else state.outlook.signals.values()
        self.notes.append(
            (state.now_s, ids, state.ids, [signal.values.tobytes() for signal in told])
        )
        return ids

    def observe(self, outcome):
        self.inner.observe(outcome)


def altered(world, now_s):
    """The same world up to a moment, and another one in all periods that begin after it."""

    def changed(trace):
        values = trace.values.copy()
        first = -(-(now_s - trace.start_s) // trace.step_s)
        values[first:] = values[first:][::-1] * 0.3 + values.mean()
        return replace(trace, values=values)

    supply = world.supply
    excess = changed(supply.excess_w)
    issued = supply.excess_forecast
    later = issued
    if isinstance(issued, AsIssued):
        values = issued.values.copy()
        values[issued.issues_s > now_s] *= 0.1  # what is issued after the moment, too
        later = replace(issued, values=values)
    elif isinstance(issued, Persistence):
        later = Persistence(excess)
    supply = Supply(supply.domains, excess, changed(supply.intensity), excess_forecast=later)
    return replace(world, supply=supply)


@given(
    seeds,
    st.one_of(policies, st.sampled_from(["random-fc", "oort-fc", "fedzero"])),
    st.booleans(),
    st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_what_lies_ahead_changes_no_decision(seed, policy, yesterday, part):
    world, rules = world_of(seed), rules_of(seed)
    rules = replace(rules, start_s=START + DAY)
    if yesterday:
        supply = world.supply
        supply = Supply(
            supply.domains,
            supply.excess_w,
            supply.intensity,
            excess_forecast=Persistence(supply.excess_w),
        )
        world = replace(world, supply=supply)
    before = Noting(make_policy(policy))
    simulated(world, before, rules, seed)
    if not before.notes:
        return  # it was night all the time
    # Change everything after the moment of a decision; all until then must stay the same.
    now_s = before.notes[int(part * (len(before.notes) - 1))][0]
    after = Noting(make_policy(policy))
    simulated(altered(world, now_s), after, rules, seed)
    assert [note for note in before.notes if note[0] <= now_s] == [
        note for note in after.notes if note[0] <= now_s
    ]


@given(seeds)
@slowly
def test_few_and_many_clients_are_run_alike(seed):
    world, rules = world_of(seed), rules_of(seed)
    runs = []
    for few in (0, 10_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(execution, "_FEW", few)
            runs.append(simulate(world, make_policy("all-until-spent"), rules, seed=seed))
    assert runs[0].rounds.steps.tolist() == runs[1].rounds.steps.tolist()
    assert runs[0].clients.energy_kwh == pytest.approx(runs[1].clients.energy_kwh)
