"""What a simulation charges beside the work of clients, and budgets that are kept by it."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import Phase, Role
from footprint.scheduling.base import Need
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.policies import make_policy
from footprint.scheduling.uniform import Uniform
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Perfect
from footprint.simulation.load import TraceLoad
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Prices, Rules, Server, Supply, World

START = unix_seconds("2024-11-03")
HOUR = 3600
ZONES = ("PL", "CH")
RULES = Rules(START, 12 * HOUR, updates=None)


def grids(hours=12):
    """Dirtier from hour to hour: what a round was planned to emit is always too little."""
    hour = np.arange(hours)[:, None]
    return Trace(START, HOUR, ZONES, 100 + 80 * hour + np.array([[0, 50]]), "gCO2e/kWh")


def fleet(number=4, **changes):
    """A unit a minute for 6 kJ, so 100 W at work: 25 minutes to the least, 30 to the most."""
    columns = {
        "domain": np.arange(number) % 2,
        "units_per_s": np.full(number, 1 / 60),
        "energy_per_unit_ws": np.full(number, 6000.0),
        "least_units": np.full(number, 25.0),
        "most_units": np.full(number, 30.0),
        "idle_w": np.full(number, 5.0),
        **changes,
    }
    return Fleet.of(**columns)


def world(clients=None, **more):
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in ZONES)
    supply = Supply(domains, None, grids(), **more.pop("supply", {}))
    return World(clients or fleet(), supply, **more)


@dataclass
class Gradients:
    """A learner whose gradients say whose they are; a probe is three units of work."""

    asked: list = field(default_factory=list)
    works: list = field(default_factory=list)

    def train(self, work):
        self.works.append(work)
        return {}

    def probe_units(self, clients, source):
        self.asked.append((clients.tolist(), source))
        return np.full(len(clients), 3.0)

    def gradients(self, clients, source):
        return np.stack([clients, clients**2], axis=1).astype(float)

    def followed(self):
        return -np.stack([self.works[-1].clients] * 2, axis=1).astype(float)


@dataclass
class Prober:
    """Asks all for a gradient before it takes the first one."""

    nobody: bool = False
    found: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)

    def select(self, state, rng):
        self.found.append(state.probes.gradients(state.candidates.number, GradientSource.FRESH))
        return [] if self.nobody else state.candidates.names([0])

    def observe(self, outcome):
        self.outcomes.append(outcome)


AMOUNTS = [Resource.CARBON_G, Resource.ENERGY_KWH, Resource.MONEY_EUR, Resource.TIME_S]
SOFT = BudgetMode.SOFT
PRICED = {"prices": Prices("eur", {"PL": 0.2, "CH": 0.3})}


@pytest.mark.parametrize("resource", AMOUNTS)
@pytest.mark.parametrize("share", [0.03, 0.31, 0.77])
@pytest.mark.parametrize("policy", ["all-until-spent", "random-1.3n", "prober"])
def test_a_hard_budget_is_never_passed_by_what_was_measured(resource, share, policy):
    """Grids get dirtier, probes are never planned and a server waits: plans are too low."""
    setting = world(supply=PRICED, server=Server("PL", 40.0))
    rules = replace(RULES, updates=3)

    def run(*budgets):
        scheduler = Prober() if policy == "prober" else make_policy(policy)
        return simulate(setting, scheduler, rules, budgets=budgets, learner=Gradients())

    (whole,) = run(Budget(resource, 1e9, SOFT)).budgets
    ended = run(Budget(resource, share * whole.spent))
    (kept,) = ended.budgets
    assert ended.ended_by == "budget"
    assert kept.spent <= kept.total
    assert kept.violation == 0


@pytest.mark.parametrize("rounds", range(1, 12))
def test_a_budget_of_exactly_so_many_rounds_has_so_many(rounds):
    """Sums of rounded numbers miss the total by a little; that costs no round."""
    flat = Supply(
        (PowerDomain("PL", "PL", Mode.GRID),),
        None,
        Trace(START, HOUR, ("PL",), np.full((12, 1), 601.7), "gCO2e/kWh"),
    )
    setting = World(fleet(domain=np.zeros(4, dtype=int), most_units=np.full(4, 25.0)), flat)
    policy = "all-until-spent"
    one = simulate(setting, make_policy(policy), replace(RULES, most_rounds=1)).emissions_g
    budgets = [Budget(Resource.CARBON_G, rounds * one)]
    run = simulate(setting, make_policy(policy), RULES, budgets=budgets)
    assert run.rounds.accepted.tolist() == [4] * rounds
    assert run.rounds.discarded_kwh.sum() == 0
    assert run.budgets[0].violation == 0
    assert run.budgets[0].overspent_in is None


def test_the_fate_of_a_client_does_not_hang_on_the_order_of_an_answer():

    @dataclass
    class Order:
        places: list

        def select(self, state, rng):
            return state.candidates.names(self.places)

        def observe(self, outcome):
            pass

    setting = world(fleet(10, dropout=np.full(10, 0.7)))
    rules = replace(RULES, most_rounds=1)
    for seed in range(5):
        runs = [
            simulate(setting, Order(places), rules, seed=seed)
            for places in (list(range(10)), list(range(10))[::-1])
        ]
        one, other = (run.clients.busy_s.tolist() for run in runs)
        assert one == other
        assert len(set(one)) > 2  # some were lost, at different times


@pytest.mark.parametrize("step_s", [5400, 7200, 7])
def test_a_step_is_a_part_of_an_hour(step_s):
    with pytest.raises(UsageError, match="no part of an hour"):
        Rules(START, 7 * 5400 * 4, step_s=step_s)


def test_load_that_is_too_short_is_refused_before_anything_runs():
    load = TraceLoad(Trace(START, HOUR, tuple("abcd"), np.zeros((3, 4)), "1"))
    with pytest.raises(UsageError, match="the load covers"):
        simulate(world(load=load), Uniform(), RULES)


def test_a_soft_budget_records_what_it_was_overspent_by():
    run = simulate(
        world(),
        make_policy("random"),
        RULES,
        budgets=[Budget(Resource.CARBON_G, 1.0, SOFT)],
    )
    (soft,) = run.budgets
    assert run.ended_by == "length"
    assert soft.spent == pytest.approx(run.emissions_g)
    assert soft.overspent_in == 0


def test_a_round_that_would_pass_a_budget_is_broken_off_in_time():
    """Planned are 0.2 kWh at 125 g/kWh, 25 g. After ten minutes the grids turn dirtier."""
    run = simulate(
        world(fleet(idle_w=np.zeros(4))),
        Uniform(),
        replace(RULES, start_s=START + 50 * 60, length_s=6 * HOUR),
        budgets=[Budget(Resource.CARBON_G, 28.0)],
    )
    # 400 W, of which ten minutes at 125 g/kWh are 8.33 g and each later one at 205 is 1.37 g.
    assert run.rounds.steps.tolist() == [10 + 14]
    assert run.rounds.emissions_g.tolist() == pytest.approx([400 / 60e3 * (10 * 125 + 14 * 205)])
    assert run.ended_by == "budget"
    assert run.rounds.accepted.tolist() == [0]
    assert run.rounds.discarded_kwh.tolist() == run.rounds.energy_kwh.tolist()


def test_a_paced_budget_lets_rounds_pass_until_its_line_is_reached():
    setting = world(fleet(idle_w=np.zeros(4), most_units=np.full(4, 25.0)))
    once = simulate(setting, Uniform(), replace(RULES, most_rounds=1)).energy_kwh
    paced = Budget(Resource.ENERGY_KWH, 4 * once * (1 + 1e-6), BudgetMode.PACED, rounds=12)
    run = simulate(setting, Uniform(), replace(RULES, cadence=60), budgets=[paced])
    # A third of a round's energy is set free each hour, so every third hour has one.
    begins = (run.rounds.start_s - START) / HOUR
    assert begins.tolist() == [2, 5, 8, 11]


def test_probes_are_charged_once_and_to_the_round_that_follows():
    scheduler, learner = Prober(), Gradients()
    setting = world(fleet(idle_w=np.zeros(4)).with_messages(0.5, 0.25))
    run = simulate(setting, scheduler, replace(RULES, most_rounds=3), learner=learner)
    probe_kwh = 4 * 3 * 6000 / 3.6e6
    assert run.rounds.probe_kwh == pytest.approx([probe_kwh] * 3)
    assert run.clients.probe_kwh == pytest.approx([3 * probe_kwh / 4] * 4)
    assert run.energy_kwh == pytest.approx(run.hours.energy_kwh.sum())
    assert run.energy_kwh == pytest.approx((run.rounds.energy_kwh + run.rounds.probe_kwh).sum())
    assert run.emissions_g == pytest.approx(run.rounds.emissions_g.sum())
    told = [outcome.emissions_g for outcome in scheduler.outcomes]
    assert told == pytest.approx(run.rounds.emissions_g.tolist())
    # The model was sent for the probe; who is then chosen has it. One update came back.
    assert run.clients.down_gb.tolist() == [1.5] * 4
    assert run.clients.up_gb.tolist() == [0.75, 0, 0, 0]
    # It takes three minutes; the decision is older than the round by as much.
    assert (run.rounds.start_s[0] - START) / 60 == 3
    first = {number: row.tolist() for number, row in scheduler.found[0].items()}
    assert first == {0: [0, 0], 1: [1, 1], 2: [2, 4], 3: [3, 9]}
    rows = run.to_journal().activities()
    evaluated = [row.energy_kwh for row in rows if row.phase is Phase.EVALUATE]
    assert sum(evaluated) == pytest.approx(3 * probe_kwh)


def test_probes_after_which_nobody_is_chosen_still_count():
    scheduler = Prober(nobody=True)
    budget = Budget(Resource.ENERGY_KWH, 1e9, SOFT)
    run = simulate(world(), scheduler, RULES, learner=Gradients(), budgets=[budget])
    assert len(run.rounds) == 0
    assert run.energy_kwh > 0
    assert run.budgets[0].spent == pytest.approx(run.energy_kwh)
    assert run.energy_kwh == pytest.approx(run.hours.energy_kwh.sum())
    assert [finding.code for finding in run.findings] == ["probes-without-round"]


def test_gradients_of_accepted_clients_reach_the_scheduler():
    class Looking(Prober):
        def observe(self, outcome):
            super().observe(outcome)
            self.found = {name: row.tolist() for name, row in outcome.gradients.items()}

    scheduler = Looking()
    simulate(world(), scheduler, replace(RULES, most_rounds=1), learner=Gradients())
    assert scheduler.found == {"client-0": [0, 0]}


def test_gradients_that_nobody_looks_at_are_not_computed():
    class Counting(Gradients):
        asked_for = 0

        def followed(self):
            Counting.asked_for += 1
            return super().followed()

    scheduler = Prober()
    simulate(world(), scheduler, replace(RULES, most_rounds=1), learner=Counting())
    assert Counting.asked_for == 0
    (outcome,) = scheduler.outcomes
    assert list(outcome.gradients) == ["client-0"]
    # The learner went on: what it could say now is of another round.
    with pytest.raises(UsageError, match="after it has ended"):
        outcome.gradients["client-0"]


def test_only_candidates_can_be_probed():
    class Meddler(Prober):
        def select(self, state, rng):
            return state.probes.gradients(np.array([99]), GradientSource.FRESH)

    with pytest.raises(UsageError, match="is no candidate"):
        simulate(world(), Meddler(), RULES, learner=Gradients())


def test_a_scheduler_may_weigh_updates():
    class Heavy(Uniform):
        def weights(self, ids):
            return [2.0 * number for number in range(len(ids))]

    learner = Gradients()
    simulate(world(), Heavy(), replace(RULES, most_rounds=1), learner=learner)
    assert learner.works[0].weights.tolist() == [0, 2, 4, 6]

    class Wrong(Uniform):
        def weights(self, ids):
            return [-1.0] * len(ids)

    with pytest.raises(UsageError, match="number of 0 or more"):
        simulate(world(), Wrong(), RULES, learner=learner)


def test_rounds_begin_on_the_beat():
    run = simulate(world(), Uniform(), replace(RULES, cadence=60))
    assert ((run.rounds.start_s - START) % HOUR == 0).all()
    assert len(run.rounds) == 12
    elapsed = (run.rounds.steps + run.rounds.waited_steps).sum() * 60
    assert elapsed <= run.elapsed_s == RULES.length_s


def test_a_server_is_charged_for_the_whole_time():
    setting = world(supply=PRICED, server=Server("PL", 50.0, compute_w=1000.0))
    budgets = [
        Budget(Resource.CARBON_G, 1e9, SOFT),
        Budget(Resource.MONEY_EUR, 1e9, SOFT),
    ]
    run = simulate(setting, Uniform(), RULES, budgets=budgets)
    # 12 h; the mean of 100, 180, ... 980 g/kWh is 540. What was computed comes on top.
    idle_kwh = 0.05 * 12
    computed_kwh = run.overhead_s * 1000 / 3.6e6
    assert run.overhead_s > 0
    assert run.server_kwh == pytest.approx(idle_kwh + computed_kwh)
    assert run.server_g == pytest.approx(540 * run.server_kwh)
    carbon, money = run.budgets
    # Budgets leave out what was computed: else no run could be repeated.
    assert carbon.spent == pytest.approx(run.emissions_g + 540 * idle_kwh)
    by_zone = [
        run.clients.energy_kwh[n::2].sum() + run.clients.wait_kwh[n::2].sum() for n in (0, 1)
    ]
    assert money.spent == pytest.approx(0.2 * (by_zone[0] + idle_kwh) + 0.3 * by_zone[1])
    (server,) = [row for row in run.to_journal().activities() if row.role is Role.SERVER]
    assert server.energy_kwh == pytest.approx(run.server_kwh)


def test_costs_of_rounds_are_those_of_the_grid():
    run = simulate(world(supply=PRICED), Uniform(), RULES)
    used = run.clients.energy_kwh + run.clients.wait_kwh
    assert run.rounds.cost.sum() == pytest.approx(used @ np.array([0.2, 0.3, 0.2, 0.3]))
    assert np.isnan(simulate(world(), Uniform(), RULES).rounds.cost).all()


def test_a_horizon_reaches_beyond_the_deadline_and_never_beyond_the_end():
    class Far(Uniform):
        needs = frozenset({Need.INTENSITY_FORECAST})
        horizon_s = 6 * HOUR
        seen: list = []  # noqa: RUF012

        def select(self, state, rng):
            self.seen.append((state.now_s, state.outlook.intensity.values.shape))
            return super().select(state, rng)

    setting = world(supply={"intensity_forecast": Perfect(grids())})
    simulate(setting, Far(), replace(RULES, cadence=60))
    for now_s, shape in Far.seen:
        left = (RULES.stop_s - now_s) // 60
        assert shape == (2, min(360, left))
