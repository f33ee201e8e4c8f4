"""Laws of CAFE in simulated worlds: what was measured, its queue, and its budget."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.cafe_policy import CafePolicy
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.replay import replay
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Server, Supply, World

START, HOUR = unix_seconds("2023-03-26"), 3600
HOURS = 20


def world_of(rng):
    """Grids, suns, drop-outs, waiting, perhaps a server: rounds take what was not planned."""
    sites, clients = int(rng.integers(1, 4)), int(rng.integers(2, 9))
    names = tuple(f"s{n}" for n in range(sites))
    grids = Trace(START, HOUR, names, rng.uniform(10, 900, (HOURS, sites)), "gCO2e/kWh")
    sun = Trace(START, 300, names, rng.uniform(0, 60, (HOURS * 12, sites)), "W")
    modes = [Mode.GRID, *rng.choice([Mode.GRID, Mode.BOTH, Mode.EXCESS], sites - 1)]
    domains = tuple(PowerDomain(name, name, mode) for name, mode in zip(names, modes, strict=True))
    least = rng.integers(3, 20, clients).astype(float)
    fleet = Fleet.of(
        domain=np.arange(clients) % sites,
        units_per_s=rng.uniform(0.005, 0.1, clients),
        energy_per_unit_ws=rng.uniform(500, 9000, clients),
        least_units=least,
        most_units=least * rng.integers(1, 3, clients),
        samples=rng.uniform(10, 500, clients),
        idle_w=rng.uniform(0, 20, clients),
        dropout=rng.choice([0.0, 0.4], clients),
    )
    server = Server(names[0], 20.0) if rng.random() < 0.5 else None
    return World(fleet, Supply(domains, sun, grids), server=server)


class Turning:
    """A learner whose gradients turn from round to round."""

    def __init__(self, clients, seed):
        self.rows = np.random.default_rng(seed).normal(size=(clients, 3))
        self.clients = np.zeros(0, dtype=np.int64)

    def train(self, work):
        self.clients = work.clients
        self.rows = self.rows[:, [1, 2, 0]] + 0.1
        return {}

    def probe_units(self, clients, source):
        return np.full(len(clients), 2.0 if source is GradientSource.FRESH else 0.5)

    def gradients(self, clients, source):
        return self.rows[clients]

    def followed(self):
        return self.rows[self.clients]


class Counting(CafePolicy):
    """Counts what it is told, and how often it is asked."""

    def __init__(self, **options):
        super().__init__(**options)
        self.told, self.slots = [], 0

    def select(self, state, rng):
        self.slots += 1
        return super().select(state, rng)

    def observe(self, outcome):
        self.told.append(outcome.emissions_g)
        super().observe(outcome)


cases = st.tuples(
    st.integers(0, 10_000),
    st.sampled_from(list(GradientSource)),
    st.sampled_from(list(BudgetMode)),
    st.floats(0.02, 1.0),
    st.sampled_from([0.0, 2.0]),
)


@given(cases)
@settings(max_examples=25, deadline=None)
def test_the_queue_is_what_was_measured_and_budgets_are_kept(case):
    seed, gradient, mode, share, backlog = case
    rng = np.random.default_rng(seed)
    world = world_of(rng)
    rules = Rules(START, HOURS * HOUR, None, deadline=40, cadence=60)
    full = np.mean(world.fleet.most_units * world.fleet.energy_per_unit_ws) / 3.6e6
    total = share * HOURS * len(world.fleet) * full * 450
    budget = Budget(Resource.CARBON_G, total, mode, rounds=HOURS)
    policy = Counting(gradient=gradient, backlog=backlog, weight=float(rng.uniform(0.5, 20)))
    learner = Turning(len(world.fleet), seed)
    run = simulate(world, policy, rules, seed=seed, budgets=[budget], learner=learner)
    (kept,) = run.budgets
    if mode is not BudgetMode.SOFT:
        assert kept.spent <= total * (1 + 1e-9)
    if policy.queue is None:
        return
    # Of all slots whose end it knows; what came after its last round it was never told.
    measured = sum(policy.told)
    assert measured <= kept.spent * (1 + 1e-9)
    known = policy.slots - policy._waiting
    share_g = policy.queue.share_g
    assert measured / share_g - known <= policy.queue.backlog - backlog + 1e-9
    records = [r.measured_g for r in policy.records if r.measured_g is not None]
    assert set(records) <= set(policy.told)
    for record in policy.records:
        # No set is worse than nobody, also after some did not fit.
        assert record.choice.objective >= -1e-9
    if records:
        found = replay(policy.records)
        assert found.reached <= found.bound * (1 + 1e-9) + 1e-9


def test_a_queue_follows_the_told_emissions_step_by_step():
    """By hand, slot by slot."""
    rng = np.random.default_rng(7)
    world = world_of(rng)
    rules = Rules(START, HOURS * HOUR, None, deadline=40, cadence=60)
    budget = Budget(Resource.CARBON_G, 200.0, BudgetMode.SOFT, rounds=HOURS)
    policy = Counting(gradient=GradientSource.FRESH, weight=5.0)
    simulate(world, policy, rules, budgets=[budget], learner=Turning(len(world.fleet), 7))
    queue = 0.0
    for record in policy.records:
        assert record.choice.backlog == pytest.approx(queue)
        queue = max(0.0, queue + (record.measured_g or 0.0) / 10.0 - 1)
    assert any(record.measured_g for record in policy.records)
    assert any(not record.choice.clients for record in policy.records)
