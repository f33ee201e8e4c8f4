"""Alpha-fair as a policy: simulated on what its plan foresaw, and on what it did not."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.alpha_fair import AlphaFairSettings
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.slack_plan import AlphaFair
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Noisy, Perfect
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World
from footprint.units import J_PER_KWH

START = unix_seconds("2024-01-05")
HOUR = 3600
HOURS = 18
KWH = np.array([0.5, 1.0, 1.5, 2.0])
CLIENTS = len(KWH)


def world(seed, forecast=Perfect):
    """Four clients in four grids, half an hour of work each."""
    zones = tuple(f"Z{n}" for n in range(CLIENTS))
    values = np.random.default_rng(seed).uniform(20, 800, (HOURS, CLIENTS))
    trace = Trace(START, HOUR, zones, values, "gCO2e/kWh")
    fleet = Fleet.of(
        domain=np.arange(CLIENTS),
        units_per_s=np.full(CLIENTS, 1 / 60),
        energy_per_unit_ws=KWH * J_PER_KWH / 30,
        least_units=np.full(CLIENTS, 30.0),
        most_units=np.full(CLIENTS, 30.0),
        idle_w=np.zeros(CLIENTS),
    )
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in zones)
    return World(fleet, Supply(domains, None, trace, None, forecast(trace))), values * KWH


RULES = Rules(START, HOURS * HOUR, updates=None, cadence=60)


class Weighed:
    """A learner that keeps by what its updates were weighed."""

    def __init__(self):
        self.rounds = []

    def train(self, work):
        self.rounds.append((work.clients.tolist(), work.weights.tolist()))
        return {}


cases = given(
    seed=st.integers(0, 10_000),
    alpha=st.sampled_from([0.1, 0.5, 1.0]),
    tuning=st.integers(0, 2),
    share=st.floats(0.35, 1.0),
)


@cases
@settings(deadline=None, max_examples=30)
def test_a_plan_is_kept_and_never_passes_its_budget(seed, alpha, tuning, share):
    setting, needs = world(seed)
    total_g = share * needs[:16].sum()
    policy = AlphaFair(settings=AlphaFairSettings(12, slack=4, tuning=tuning, alpha=alpha))
    soft = Budget(Resource.CARBON_G, total_g, BudgetMode.SOFT)
    learner = Weighed()
    run = simulate(setting, policy, RULES, budgets=[soft], learner=learner)
    plan = policy.plan
    assert run.emissions_g <= total_g * (1 + 1e-9)
    assert run.emissions_g == pytest.approx(plan.emissions_g)
    assert policy.budget.spent == pytest.approx(run.emissions_g)
    # Everybody works exactly where the plan has them, and all while fine-tuning.
    slots = (run.rounds.start_s - START) // HOUR
    assert slots.tolist() == np.flatnonzero(plan.joins.any(axis=0)).tolist()
    assert run.clients.accepted.tolist() == plan.joins.sum(axis=1).tolist()
    before = plan.joins[:, : plan.tuning_from]
    held = before.any(axis=0).sum()
    for slot, (clients, weights) in zip(slots, learner.rounds, strict=True):
        assert clients == np.flatnonzero(plan.joins[:, slot]).tolist()
        if slot >= plan.tuning_from:
            assert weights == [1 / CLIENTS] * CLIENTS
        else:
            often = before[clients].sum(axis=1) / held
            assert weights == pytest.approx(1 / (CLIENTS * often))
    # One whose update was late does not make those of the others smaller.
    if tuning:
        assert policy.weights(["client-0", "client-2"]).tolist() == [0.5, 0.5]
    # Over all rounds before, the updates of each client weigh alike: nobody is favoured.
    sums = np.zeros(CLIENTS)
    for slot, (clients, weights) in zip(slots, learner.rounds, strict=True):
        if slot < plan.tuning_from:
            sums[clients] += weights
    assert sums[before.any(axis=1)] == pytest.approx(held / CLIENTS)


@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9))
@settings(deadline=None, max_examples=30)
def test_with_alpha_1_the_cleanest_work_is_done_whoever_does_it(seed, share):
    setting, needs = world(seed)
    total_g = share * needs[:12].sum()
    policy = AlphaFair(settings=AlphaFairSettings(12, tuning=0, alpha=1.0), budget_g=total_g)
    simulate(setting, policy, RULES)
    joins = policy.plan.joins.T
    taken, left = needs[:12][joins], needs[:12][~joins]
    if len(taken) and len(left):
        assert taken.max() <= left.min()
        assert taken.sum() + left.min() > total_g * (1 - 1e-9)


@dataclass
class Half:
    """A forecast of half of what comes."""

    trace: Trace

    @property
    def columns(self):
        return self.trace.columns

    def forecast(self, now_s, step_s, steps):
        found = Perfect(self.trace).forecast(now_s, step_s, steps)
        return replace(found, values=found.values / 2)


@pytest.mark.parametrize("seed", range(8))
def test_forecasts_that_are_too_low_do_not_take_what_is_kept_for_fine_tuning(seed):
    setting, needs = world(seed, Half)
    total_g = 0.25 * needs[:16].sum()
    chosen = AlphaFairSettings(12, slack=4, tuning=1, alpha=0.5)
    policy = AlphaFair(settings=chosen, budget_g=total_g)
    run = simulate(setting, policy, RULES)
    plan, rounds = policy.plan, run.rounds
    # Rounds before emit twice what was planned, so some of them cannot be held.
    assert run.clients.accepted.sum() < plan.joins.sum()
    # No round may be planned into what is kept for fine-tuning, and none into what is not there.
    slots = (rounds.start_s - START) // HOUR
    assert slots[-1] == plan.stop - 1
    foreseen_g = rounds.emissions_g / 2
    before_g = np.concatenate([[0.0], np.cumsum(rounds.emissions_g)[:-1]])
    assert (before_g + foreseen_g <= total_g * (1 + 1e-9)).all()
    kept_g = needs[plan.stop - 1].sum() / 2
    assert (before_g + foreseen_g <= total_g - kept_g + 1e-9)[:-1].all()


@pytest.mark.parametrize("seed", range(8))
def test_the_budget_of_a_run_holds_whatever_forecasts_say(seed):
    setting, needs = world(seed, lambda trace: Noisy(trace, seed=seed))
    hard = Budget(Resource.CARBON_G, 0.5 * needs[:16].sum())
    chosen = AlphaFairSettings(12, slack=4, tuning=1, alpha=0.5)
    run = simulate(setting, AlphaFair(settings=chosen), RULES, budgets=[hard])
    assert run.budgets[0].violation == 0
    assert len(run.rounds) > 0


def test_a_plan_needs_a_budget_of_carbon_and_a_forecast_to_its_end():
    setting, _ = world(0)
    chosen = AlphaFairSettings(12, slack=4)
    for budgets in ((), [Budget(Resource.ENERGY_KWH, 5.0)]):
        with pytest.raises(UsageError, match="needs a budget of carbon"):
            simulate(setting, AlphaFair(settings=chosen), RULES, budgets=budgets)
    long = AlphaFairSettings(18, slack=4)
    with pytest.raises(UsageError, match="longer forecast"):
        simulate(setting, AlphaFair(settings=long, budget_g=1e6), RULES)
    with pytest.raises(UsageError, match="emits more than"):
        simulate(setting, AlphaFair(settings=chosen, budget_g=1.0), RULES)
