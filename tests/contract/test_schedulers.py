"""What every scheduler keeps, whatever it aims at."""

from dataclasses import replace

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.model.method_costs import CostFigure, CostTable, MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.alpha_fair import AlphaFairSettings
from footprint.scheduling.availability import CarbonCap, Curtailment
from footprint.scheduling.base import (
    Candidate,
    Candidates,
    ClientOutcome,
    Outcome,
    Scheduler,
    SelectionState,
    chosen,
    methods_of,
    needs_of,
)
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.cafe_policy import CafePolicy
from footprint.scheduling.candidates import ClientTable
from footprint.scheduling.carbon_scaler import ElasticJob
from footprint.scheduling.carbon_time_start import CarbonTime
from footprint.scheduling.curtailment import Threshold
from footprint.scheduling.elastic import Elastic
from footprint.scheduling.fedzero.compat import AuthorsBlocklist
from footprint.scheduling.fedzero.policy import FedZero
from footprint.scheduling.fedzero.search import Solver as SearchSolver
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.kmin_rounds import KMinRounds
from footprint.scheduling.knobs import Messages, WithKnobs
from footprint.scheduling.oort import Edge, Oort
from footprint.scheduling.outlook import Need, Outlook, frozen
from footprint.scheduling.policies import POLICIES, WITH_BUDGET, WITH_GRADIENTS, make_policy
from footprint.scheduling.slack_plan import AlphaFair
from footprint.scheduling.static_cleanest import StaticCleanest
from footprint.scheduling.submodular import Solver
from footprint.scheduling.uniform import Uniform
from footprint.scheduling.utility_per_gram import UtilityPerGram
from footprint.scheduling.wait_awhile import WaitAwhile
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Persistence
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

# Every policy, in the forms in which it can be made. A new one is entered here, or in POLICIES.
SCHEDULERS = {
    **POLICIES,
    "uniform, 3": lambda: Uniform(count=3),
    "uniform, a third": lambda: Uniform(share=1 / 3),
    "uniform, nobody": lambda: Uniform(count=0),
    "fedzero, no blocklist": lambda: FedZero(blocklist=None),
    "fedzero, no forecasts": lambda: FedZero(forecasts=False),
    "fedzero, one model": lambda: FedZero(solver=SearchSolver.ONE_MODEL),
    "fedzero, the authors' list": lambda: FedZero(blocklist=AuthorsBlocklist),
    "oort, lowest edge": lambda: Oort(edge=Edge.LOWEST),
    "static, one": lambda: StaticCleanest(count=1),
    "utility per gram, fresh": lambda: UtilityPerGram(GradientSource.FRESH),
    "cafe, fresh": lambda: CafePolicy(gradient=GradientSource.FRESH),
    "cafe, one batch": lambda: CafePolicy(gradient=GradientSource.PROBE_BATCH, backlog=2.0),
    "cafe, drawing": lambda: CafePolicy(solver=Solver.DOUBLE_GREEDY_RAND, represented=True),
    "cafe, at least two": lambda: CafePolicy(least=2, weight=0.1),
    # Those whose rounds, deadlines and limits only a user knows.
    "wait awhile": lambda: WaitAwhile(Uniform(), rounds=9, deadline_s=3000, slot_s=60),
    "wait awhile, in one piece": lambda: WaitAwhile(
        Uniform(), rounds=9, delivery="next-workday", interrupting=False
    ),
    "carbon-time": lambda: CarbonTime(Uniform(), rounds=3, wait_s=600, slot_s=60),
    "k-min": lambda: KMinRounds(
        Uniform(), rounds=9, deadline_s=3000, slot_s=60, low=20.0, high=700.0
    ),
    "curtailment": lambda: Curtailment(Uniform(), threshold=Threshold(300, 400)),
    "carbon cap": lambda: CarbonCap(Uniform(), low=100, high=500, least=1, most=5),
    "elastic": lambda: Elastic(
        Uniform(), job=ElasticJob((1.0, 1.5), (9.0, 18.0)), work=20.0, deadline_s=3000, slot_s=60
    ),
    "alpha-fair": lambda: AlphaFair(
        settings=AlphaFairSettings(20, slack=20), budget_g=1e4, slot_s=60
    ),
}

every = pytest.mark.parametrize("make", SCHEDULERS.values(), ids=SCHEDULERS)
STEPS = 60


def outlook(needs, number, now_s):
    """What a simulation would tell of two domains, and nothing that was not asked for."""
    rng = np.random.default_rng(number)
    signals = {
        Need.ENERGY: rng.uniform(0, 5e4, 2),
        Need.SPARE: rng.uniform(1, 50, number),
        Need.INTENSITY: rng.uniform(20, 700, 2),
        Need.ENERGY_FORECAST: rng.uniform(0, 5e4, (2, STEPS)),
        Need.SPARE_FORECAST: rng.uniform(0, 50, (number, STEPS)),
        Need.INTENSITY_FORECAST: rng.uniform(20, 700, (2, STEPS)),
    }
    told = {need: frozen(signals[need], now_s) for need in needs}
    return Outlook(now_s, 60.0, STEPS, ("a", "b"), told)


def clients(number):
    """Half of them have taken part before."""
    rng = np.random.default_rng(number + 1)
    table = ClientTable.empty(
        [f"client-{n}" for n in range(number)],
        domain=np.arange(number) % 2,
        samples=rng.uniform(10, 500, number),
        least=np.full(number, 20.0),
        most=np.full(number, 100.0),
        speed=np.full(number, 20.0),
        energy_per_unit_ws=rng.uniform(300, 900, number),
    )
    old = np.arange(number) % 2 == 0
    table.asked[old] = table.answered[old] = table.last_round[old] = 1
    table.utility[old] = rng.uniform(1, 100, int(old.sum()))
    table.energy_kwh[old] = 0.01
    table.duration_s[old] = rng.uniform(60, 3600, int(old.sum()))
    return Candidates(table.shown())


class Probes:
    """Everybody's gradient points elsewhere, and is what it was."""

    def gradients(self, clients, source):
        return {int(n): np.array([1.0, np.cos(n), np.sin(n)]) for n in clients}


BUDGET = Budget(Resource.CARBON_G, 200.0, rounds=50)


def state(number, round_=1, wanted=None, needs=frozenset()):
    now_s = 1.8e9 + round_
    told = outlook(needs, number, now_s)
    return SelectionState(round_, now_s, clients(number), wanted, told, BUDGET, Probes())


def outcome(ids, round_=1):
    statuses = list(ReplyStatus)
    clients = tuple(
        ClientOutcome(name, statuses[n % len(statuses)], 1e-6 if n % 2 else None, None)
        for n, name in enumerate(ids)
    )
    followed = {name: np.array([n, 1.0, 0.0]) for n, name in enumerate(ids)}
    return Outcome(round_, 1.8e9, 1.8e9 + 60, clients, 1e-5, 3.0, followed)


@every
def test_it_has_the_two_methods(make):
    assert isinstance(make(), Scheduler)


@every
@pytest.mark.parametrize("number", [0, 1, 2, 10])
def test_it_chooses_candidates_each_once(make, number):
    scheduler, rng = make(), np.random.default_rng(1)
    for round_ in range(1, 50):
        seen = state(number, round_, wanted=4 if round_ % 2 else None, needs=needs_of(scheduler))
        ids = list(scheduler.select(seen, rng))
        assert len(set(ids)) == len(ids)
        assert set(ids) <= set(seen.ids)
        scheduler.observe(outcome(ids, round_))


@every
def test_the_same_seed_gives_the_same_choices(make):
    runs = []
    for _ in range(2):
        scheduler, rng = make(), np.random.default_rng(7)
        ids = []
        for round_ in range(1, 6):
            ids.append(chosen(scheduler, state(10, round_, 4, needs_of(scheduler)), rng))
            scheduler.observe(outcome(ids[-1], round_))
        runs.append(ids)
    assert runs[0] == runs[1]


@every
def test_it_lives_with_clients_that_come_and_go(make):
    scheduler, rng = make(), np.random.default_rng(3)
    everybody = clients(12).table
    for round_, number in enumerate((5, 0, 12, 1), start=1):
        seen = state(number, round_, 3, needs_of(scheduler))
        # A client that is away keeps its place.
        seen = replace(seen, candidates=Candidates(everybody, np.arange(12 - number, 12)))
        ids = list(scheduler.select(seen, rng))
        assert set(ids) <= set(seen.ids)
        # And with outcomes of clients that are gone.
        scheduler.observe(outcome([*ids, "client-99"], round_))


@every
def test_it_reads_nothing_that_it_did_not_ask_for(make):
    """In a state that holds what it needs and no more, it works; see also the next test."""
    scheduler, rng = make(), np.random.default_rng(5)
    needs = needs_of(scheduler)
    assert chosen(scheduler, state(10, 2, 4, needs), rng) is not None
    for need in needs:
        told = state(10, 2, 4, needs - {need})
        with pytest.raises(UsageError, match=f"reads {need.value!r}"):
            chosen(make(), told, rng)


@every
def test_it_cannot_write_to_what_it_sees(make):
    scheduler, rng = make(), np.random.default_rng(5)
    seen = state(10, 2, 4, needs_of(scheduler))
    with pytest.raises(ValueError, match="read-only"):
        seen.candidates.table.asked[0] = 7
    before = seen.candidates.asked
    chosen(scheduler, seen, rng)
    assert (seen.candidates.asked == before).all()


def test_forecasts_are_missed_where_there_are_none():
    plain = SelectionState(1, 1.8e9, clients(5), 2)
    with pytest.raises(UsageError, match="no such signals"):
        chosen(make_policy("random-fc"), plain, np.random.default_rng(0))
    # Those that can do without, do.
    assert len(chosen(make_policy("oort"), plain, np.random.default_rng(0))) == 2


def test_a_need_that_there_is_not_is_an_error():
    class Greedy(Uniform):
        needs = ("the-future",)

    with pytest.raises(UsageError, match="Unknown need 'the-future'"):
        needs_of(Greedy())


def test_options_are_checked_and_words_are_read():
    policy = make_policy("cafe", weight="3", gradient="probe_batch", solver="greedy", least=1)
    assert (policy.weight, policy.least) == (3.0, 1)
    assert policy.gradient is GradientSource.PROBE_BATCH
    assert policy.solver is Solver.GREEDY
    assert make_policy("cafe", solver="none", normalise="false").normalise is False
    assert make_policy("random-1.3n", count="4") == Uniform(count=4, over=1.3, patient=True)
    for name, options, message in (
        ("best", {}, "no policy 'best'"),
        ("cafe", {"height": 3}, "no option 'height'.*weight, gradient"),
        ("all-until-spent", {"count": 3}, "no option 'count'. It has none"),
        ("cafe", {"weight": "much"}, "'weight' cannot be 'much'. It must be float"),
        ("cafe", {"gradient": "free"}, "Use one of: fresh, stale, probe_batch"),
        ("uniform", {"count": "1.5"}, "int or NoneType"),
    ):
        with pytest.raises(UsageError, match=message):
            make_policy(name, **options)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_what_cannot_be_done_without_is_said(name):
    policy, rng = make_policy(name), np.random.default_rng(0)
    seen = state(10, needs=needs_of(policy))
    if name in WITH_BUDGET:
        for budget in (None, Budget(Resource.ENERGY_KWH, 1.0, rounds=5)):
            with pytest.raises(UsageError, match="budget of carbon"):
                make_policy(name).select(replace(seen, budget=budget), rng)
        endless = replace(seen, budget=Budget(Resource.CARBON_G, 1.0))
        with pytest.raises(UsageError, match="nobody said how many"):
            make_policy(name).select(endless, rng)
        make_policy(name, rounds=3).select(endless, rng)
    if name in WITH_GRADIENTS:
        with pytest.raises(UsageError, match="learner that gives gradients"):
            make_policy(name).select(replace(seen, probes=None), rng)
    unneeded = {
        "budget": seen.budget if name in WITH_BUDGET else None,
        "probes": seen.probes if name in WITH_GRADIENTS else None,
    }
    policy.select(replace(seen, wanted=4, **unneeded), rng)


START, HOUR = unix_seconds("2024-11-03"), 3600


class Gradients:
    """A learner whose gradients say whose they are; a probe is two units of work."""

    def train(self, work):
        self.clients = work.clients
        return {"loss": 1.0 + work.clients, "utility": 10.0 + work.clients}

    def probe_units(self, clients, source):
        return np.full(len(clients), 2.0)

    def gradients(self, clients, source):
        return np.stack([np.ones(len(clients)), np.cos(clients), np.sin(clients)], axis=1)

    def followed(self):
        return self.gradients(self.clients, None)


def small_world():
    """Six clients on three grids that change by the hour."""
    hours = np.arange(72)[:, None]
    grids = Trace(
        START - 24 * HOUR,
        HOUR,
        ("PL", "CH", "FR"),
        300 + 200 * np.sin(hours / 3 + np.array([[0.0, 2.0, 4.0]])),
        "gCO2e/kWh",
    )
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in grids.columns)
    fleet = Fleet.of(
        domain=np.arange(6) % 3,
        units_per_s=np.full(6, 1 / 60),
        energy_per_unit_ws=np.linspace(3000.0, 9000.0, 6),
        least_units=np.full(6, 20.0),
        most_units=np.full(6, 30.0),
        samples=np.linspace(50.0, 300.0, 6),
        idle_w=np.full(6, 5.0),
    )
    supply = Supply(domains, None, grids, intensity_forecast=Persistence(grids))
    return World(fleet, supply)


RULES = Rules(START, 30 * HOUR, updates=None, cadence=60)


@pytest.mark.parametrize("share", [0.05, 0.4])
@every
def test_a_hard_budget_is_kept_by_what_was_measured(make, share):
    everything = Budget(Resource.CARBON_G, 1e9, BudgetMode.SOFT, rounds=30)
    world = small_world()
    whole = simulate(world, POLICIES["all-until-spent"](), RULES, budgets=[everything])
    total = share * whole.emissions_g
    for mode in (BudgetMode.HARD, BudgetMode.PACED):
        budget = Budget(Resource.CARBON_G, total, mode, rounds=30)
        run = simulate(world, make(), RULES, budgets=[budget], learner=Gradients(), seed=1)
        assert run.emissions_g <= total * (1 + 1e-9)
        assert run.budgets[0].spent == pytest.approx(run.emissions_g)


@pytest.mark.parametrize("ids", [["client-9"], ["client-0", "client-0"]])
def test_a_choice_that_cannot_be_is_an_error(ids):
    class Wrong(Uniform):
        def select(self, state, rng):
            return ids

    with pytest.raises(UsageError, match="Wrong chose"):
        chosen(Wrong(), state(2), np.random.default_rng(0))


def test_a_client_that_is_known_and_not_there_is_no_candidate():
    class Wrong(Uniform):
        def select(self, state, rng):
            return ["client-1"]

    there = Candidates(clients(4).table, np.array([0, 2, 3]))
    with pytest.raises(UsageError, match="'client-1', which is no candidate"):
        chosen(Wrong(), SelectionState(1, 1.8e9, there), np.random.default_rng(0))


def test_columns_and_single_candidates_say_the_same():
    single = [
        Candidate("b", "FR", "laptop", 50.0, 3, 2, 0.1, 60.0, {"loss": 0.5}, 1, 10.0, 4.0, 2),
        Candidate("a", metrics={"accuracy": 0.9}),
    ]
    columns = Candidates.of(single)
    assert list(columns) == single
    assert columns[1] == single[1]
    assert list(columns[:1]) == single[:1]
    assert columns.asked.tolist() == [3, 0]
    assert columns.metric("loss").tolist()[0] == 0.5
    assert np.isnan(columns.metric("loss")[1])
    assert np.isnan(columns.metric("nonsense")).all()


def test_a_client_keeps_its_number_when_others_are_away():
    everybody = [Candidate(name) for name in "abcd"]
    some = Candidates.of([everybody[3], everybody[1]], everybody=everybody)
    assert some.number.tolist() == [3, 1]
    assert some.ids.tolist() == ["d", "b"]
    assert some.find(["b", "a", "x"]).tolist() == [1, -1, -1]
    assert len(some.everybody) == 4
    with pytest.raises(UsageError, match="not among everybody"):
        Candidates.of([Candidate("e")], everybody=everybody)
    with pytest.raises(UsageError, match="same id"):
        Candidates.of([Candidate("e"), Candidate("e")])


def test_uniform_takes_what_it_was_told_to():
    rng = np.random.default_rng(5)
    assert len(Uniform(count=3).select(state(10), rng)) == 3
    assert len(Uniform(count=30).select(state(10), rng)) == 10
    assert len(Uniform(share=0.25).select(state(10), rng)) == 3
    assert len(Uniform().select(state(10, wanted=4), rng)) == 4
    assert len(Uniform().select(state(10), rng)) == 10
    for wrong in ({"count": 1, "share": 0.5}, {"count": -1}, {"share": 0.0}):
        with pytest.raises(UsageError):
            Uniform(**wrong)


def test_uniform_gives_everybody_the_same_chance():
    rng = np.random.default_rng(11)
    draws = 4000
    counts = dict.fromkeys(state(8).ids, 0)
    for _ in range(draws):
        for name in Uniform(count=2).select(state(8), rng):
            counts[name] += 1
    # Binomial with p = 1/4: five standard deviations around the mean.
    spread = 5 * (draws * 0.25 * 0.75) ** 0.5
    assert all(abs(count - draws / 4) < spread for count in counts.values())


def method_costs(work=0.5):
    work, ratio = CostFigure(work, work, work), CostFigure(0.5, 0.4, 0.6)
    loss = CostFigure(2.0, 1.0, 3.0)
    half = MethodCost(TrainingMethod("half", width=0.5), work, work, ratio, ratio, loss)
    plain = MethodCost(TrainingMethod("plain"))
    return CostTable("network", "device", "conditions", "source", (plain, half))


@every
def test_with_knobs_it_chooses_whom_it_chose_and_how_each_trains(make):
    costs = method_costs(work=1.0)  # else both would see other energies
    messages = Messages(1.0, 1.0, 0.1)
    plain, knobs = make(), WithKnobs(inner=make(), table=costs, rounds=50, messages=messages)
    assert isinstance(knobs, Scheduler)
    weighs = [getattr(one, "weights", None) is not None for one in (plain, knobs)]
    assert weighs[0] == weighs[1]
    draws = [np.random.default_rng(1), np.random.default_rng(1)]
    for round_ in range(1, 12):
        seen = state(10, round_, wanted=4, needs=needs_of(knobs))
        ids = [chosen(one, seen, rng) for one, rng in zip((plain, knobs), draws, strict=True)]
        assert ids[0] == ids[1]
        methods = methods_of(knobs, ids[1], seen)
        assert len(methods) == len(ids[1])
        assert set(methods) <= set(costs.costs)
        assert methods_of(plain, ids[0], seen) is None
        for one in (plain, knobs):
            one.observe(outcome(ids[0], round_))


@every
def test_with_knobs_a_hard_budget_is_kept_by_what_was_measured(make):
    class ByMethod(Gradients):
        by_method = True

    budget = Budget(Resource.CARBON_G, 150.0, rounds=10)
    knobs = WithKnobs(inner=make(), table=method_costs())
    run = simulate(small_world(), knobs, RULES, budgets=[budget], learner=ByMethod(), seed=1)
    assert run.emissions_g <= 150.0 * (1 + 1e-9)
    trained = run.clients.energy_kwh.sum()
    assert sum(use.energy_kwh for use in run.methods) == pytest.approx(trained)
    assert sum(int(use.trainings.sum()) for use in run.methods) == run.rounds.chosen.sum()
