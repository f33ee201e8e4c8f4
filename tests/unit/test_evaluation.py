"""A run reduced to what it is compared by."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import Metric
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.evaluation import (
    Measures,
    ServerRates,
    reduce_run,
    shared_figures,
    shared_range,
)
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.policies import make_policy
from footprint.scheduling.signals import emissions_under
from footprint.scheduling.uniform import Uniform
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Prices, Rules, Server, Supply, World
from footprint.units import watt_seconds_to_kwh

START = unix_seconds("2024-11-03")
HOUR = 3600
HOURS = 12
ZONES = ("PL", "CH")
RULES = Rules(START, HOURS * HOUR, updates=2)
GRIDS = 100 + 80 * np.arange(HOURS)[:, None] + np.array([[0, 50]])


@dataclass
class Steps:
    """A learner that gains a hundredth per round."""

    done: int = 0

    def train(self, work):
        self.done += 1
        return {}

    def accuracy(self):
        return self.done / 100


def world(**more):
    fleet = Fleet.of(
        domain=np.arange(6) % 2,
        units_per_s=np.array([1 / 60, 1 / 50, 1 / 45, 1 / 60, 1 / 55, 1 / 40]),
        energy_per_unit_ws=np.full(6, 6000.0),
        least_units=np.full(6, 10.0),
        most_units=np.full(6, 30.0),
        idle_w=np.full(6, 5.0),
        dropout=np.full(6, 0.1),
    )
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in ZONES)
    prices = Prices("eur", {"PL": 0.2, "CH": 0.3})
    grids = Trace(START, HOUR, ZONES, GRIDS.astype(float), "gCO2e/kWh")
    return World(fleet, Supply(domains, None, grids, prices=prices), **more)


def run(policy=None, place=None, **more):
    chosen = policy or Uniform(count=3)
    return simulate(place or world(), chosen, RULES, learner=Steps(), seed=3, **more)


def test_sums_are_those_of_the_run():
    done = run()
    trial = reduce_run(done)
    assert len(done.rounds) > 20
    assert trial.figures[Metric.EMISSIONS_G] == pytest.approx(done.emissions_g)
    assert trial.figures[Metric.ENERGY_KWH] == pytest.approx(done.energy_kwh)
    assert trial.emissions_g[-1] == pytest.approx(done.emissions_g)
    assert trial.units[-1] == pytest.approx(done.clients.accepted_units.sum())
    assert (np.diff(trial.emissions_g) >= 0).all()
    assert trial.figures[Metric.DISCARDED_UNITS] == pytest.approx(
        done.rounds.units.sum() - done.rounds.accepted_units.sum()
    )


def test_a_target_costs_what_was_spent_up_to_its_round():
    done = run()
    figures = reduce_run(done, Measures(target=0.12)).figures
    # The mean of rounds 10 to 14 is 0.12.
    assert figures[Metric.ROUNDS_TO_TARGET] == 14
    assert figures[Metric.EMISSIONS_TO_TARGET_G] == pytest.approx(
        done.rounds.emissions_g[:14].sum()
    )
    assert figures[Metric.COST_TO_TARGET] == pytest.approx(done.rounds.cost[:14].sum())
    end_s = done.rounds.start_s[13] + 60 * done.rounds.steps[13] - START
    assert figures[Metric.TIME_TO_TARGET_S] == end_s
    missed = reduce_run(done, Measures(target=0.99)).figures
    assert missed[Metric.ROUNDS_TO_TARGET] is None
    assert missed[Metric.EMISSIONS_TO_TARGET_G] is None


def test_the_worst_tenth_of_clients_is_that_of_accuracies():
    by_client = np.array([0.9, 0.8, 0.3, 0.7, 0.9, 0.6])
    figures = reduce_run(run(), Measures(client_accuracy=by_client)).figures
    assert figures[Metric.WORST_DECILE_ACCURACY] == 0.3
    assert reduce_run(run()).figures[Metric.WORST_DECILE_ACCURACY] is None


def test_a_model_with_all_of_its_weights_stands_beside_the_last_one():
    done = run()
    figures = reduce_run(done, Measures(whole_accuracy=0.25)).figures
    assert figures[Metric.WHOLE_ACCURACY] == 0.25
    assert figures[Metric.LAST_ACCURACY] == done.rounds.accuracy[-1]
    # Where the two cannot differ, there is one accuracy alone.
    assert Metric.LAST_ACCURACY not in reduce_run(done).figures


def test_a_server_without_rates_is_refused():
    done = run(place=world(server=Server("PL", 100.0)))
    with pytest.raises(UsageError, match="rates of the server"):
        reduce_run(done)


def test_without_a_learner_nothing_is_said_of_accuracy():
    trial = reduce_run(simulate(world(), Uniform(count=3), RULES), Measures(target=0.1))
    assert trial.accuracy is None
    assert trial.figures[Metric.ACCURACY] is None
    assert trial.figures[Metric.ROUNDS_TO_TARGET] is None


def test_a_second_signal_that_is_the_first_says_the_same():
    done = run()
    by_round, total = emissions_under(done, GRIDS.T)
    assert total == pytest.approx(done.emissions_g)
    # Where a round ends inside an hour, only the energy of that hour is spread.
    own = np.cumsum(done.rounds.emissions_g)
    worst = np.diff(GRIDS, axis=0).max() * done.hours.energy_kwh.sum(axis=(0, 1, 2)).max()
    assert np.abs(by_round - own).max() < worst
    assert (np.diff(by_round) >= -1e-9).all()
    assert by_round[-1] == pytest.approx(total)


def test_a_constant_signal_charges_every_round_alike():
    done = run()
    by_round, _ = emissions_under(done, np.full((2, HOURS), 250.0))
    spent = np.cumsum(done.rounds.energy_kwh + done.rounds.wait_kwh)
    assert by_round == pytest.approx(250 * spent, rel=1e-6)


def test_what_nobody_knows_is_not_0():
    done = run()
    known = np.full((2, HOURS), 250.0)
    known[:, 6:] = np.nan
    by_round, total = emissions_under(done, known)
    ends_s = done.rounds.start_s + 60 * done.rounds.steps - START
    assert np.isnan(total)
    assert np.isfinite(by_round[ends_s <= 6 * HOUR]).all()
    assert np.isnan(by_round[ends_s > 6 * HOUR + 60]).all()
    measures = Measures(second_g_per_kwh=known)
    assert reduce_run(done, measures).figures[Metric.SECOND_G] is None


def test_the_server_is_charged_up_to_each_round():
    place = world(server=Server("PL", 100.0))
    done = run(place=place)
    plain = reduce_run(run())
    rates = ServerRates(GRIDS[:, 0].astype(float), np.full(HOURS, 10.0), 0.2)
    measures = Measures(target=0.12, second_g_per_kwh=np.full((2, HOURS), 10.0), server=rates)
    trial = reduce_run(done, measures)
    assert trial.figures[Metric.EMISSIONS_G] == pytest.approx(done.emissions_g + done.server_g)
    assert trial.figures[Metric.ENERGY_KWH] == pytest.approx(done.energy_kwh + done.server_kwh)
    until_s = trial.figures[Metric.TIME_TO_TARGET_S]
    extra_kwh = (
        trial.figures[Metric.ENERGY_TO_TARGET_KWH]
        - reduce_run(run(), Measures(target=0.12)).figures[Metric.ENERGY_TO_TARGET_KWH]
    )
    assert extra_kwh == pytest.approx(watt_seconds_to_kwh(100.0, until_s))
    second = trial.figures[Metric.SECOND_TO_TARGET_G]
    assert second == pytest.approx(10 * trial.figures[Metric.ENERGY_TO_TARGET_KWH], rel=1e-6)
    more = trial.figures[Metric.COST] - plain.figures[Metric.COST]
    assert more == pytest.approx(0.2 * done.server_kwh)


def test_a_budget_that_was_passed_says_when():
    soft = Budget(Resource.CARBON_G, 500.0, BudgetMode.SOFT)
    done = run(budgets=(soft,))
    trial = reduce_run(done, Measures(spending="carbon_g"))
    number = trial.figures[Metric.OVERSPENT_IN_ROUND]
    assert trial.emissions_g[int(number) - 1] > 500 >= trial.emissions_g[int(number) - 2]
    assert trial.figures[Metric.BUDGET_VIOLATION] == pytest.approx(done.emissions_g / 500 - 1)
    assert trial.figures[Metric.BUDGET_UNUSED] == 0
    assert trial.spent == pytest.approx(trial.emissions_g)
    hard = run(budgets=(replace(soft, mode=BudgetMode.HARD),))
    figures = reduce_run(hard).figures
    assert figures[Metric.BUDGET_VIOLATION] == 0
    assert figures[Metric.OVERSPENT_IN_ROUND] is None
    assert 0 <= figures[Metric.BUDGET_UNUSED] < 1


def test_who_never_works_makes_heterogeneity_infinite():
    figures = reduce_run(run(make_policy("round-robin"))).figures
    assert figures[Metric.RHO_H] > 0
    assert figures[Metric.JAIN_ROUNDS] > 0.8

    class Favourites(Uniform):
        def select(self, state, rng):
            return state.ids[:3]

    trial = reduce_run(run(Favourites()))
    assert trial.figures[Metric.RHO_H] is None
    assert trial.figures[Metric.LEAST_SHARE] == 0
    assert trial.figures[Metric.JAIN_ROUNDS] <= 0.5
    assert trial.lorenz[10] == 0
    assert len(trial.domains) == 2


def test_equal_emissions_are_those_of_the_run_that_emitted_least():
    much, little = reduce_run(run(Uniform(count=5))), reduce_run(run(Uniform(count=1)))
    shared = shared_range([much, little])
    assert shared[1] == pytest.approx(little.emissions_g[-1])
    assert shared[1] < much.emissions_g[-1]
    end = shared_figures(little, shared)[Metric.ACCURACY_AT_SHARED]
    assert end == pytest.approx(little.accuracy[-1])
    assert shared_figures(much, shared)[Metric.ACCURACY_AT_SHARED] < much.accuracy[-1]
    silent = reduce_run(simulate(world(), Uniform(count=1), RULES))
    assert shared_range([much, silent]) is None
    assert shared_figures(much, None)[Metric.ACCURACY_AT_SHARED] is None


def test_a_run_without_rounds_is_reduced_too():
    class Nobody(Uniform):
        def select(self, state, rng):
            return []

    trial = reduce_run(run(Nobody()), Measures(target=0.5, second_g_per_kwh=GRIDS.T.astype(float)))
    assert trial.figures[Metric.ROUNDS] == 0
    assert trial.figures[Metric.JAIN_ROUNDS] is None
    assert trial.figures[Metric.G_PER_UNIT] is None
    assert trial.result({}).course.round == ()


@dataclass
class Gradients(Steps):
    """Gradients that nobody looks at; each is three units of work."""

    trained: int = 0

    def probe_units(self, clients, source):
        return np.full(len(clients), 3.0)

    def gradients(self, clients, source):
        return np.zeros((len(clients), 2))

    def train(self, work):
        self.trained = len(work.clients)
        return super().train(work)

    def followed(self):
        return np.zeros((self.trained, 2))


class LosesInterest:
    """Asks all for gradients each time, and chooses somebody for so many rounds."""

    def __init__(self, rounds):
        self.rounds = rounds

    def select(self, state, rng):
        state.probes.gradients(state.candidates.number, GradientSource.FRESH)
        return state.candidates.names([0, 1]) if state.round <= self.rounds else []

    def observe(self, outcome):
        pass


@pytest.mark.parametrize("rounds", [0, 3])
@pytest.mark.parametrize("server", [None, Server("PL", 40.0)])
def test_probes_after_the_last_round_are_in_all_totals(rounds, server):
    place = world(server=server)
    # A budget in money is an account of its own: it is told of each expense as it happens.
    budgets = [Budget(Resource.MONEY_EUR, 1e9, BudgetMode.SOFT)]
    done = simulate(place, LosesInterest(rounds), RULES, learner=Gradients(), budgets=budgets)
    assert len(done.rounds) == rounds
    prices, rates = np.array([0.2, 0.3]), None
    if server is not None:
        rates = ServerRates(GRIDS[:, 0].astype(float), np.full(HOURS, np.nan), 0.2)
    measures = Measures(price_per_kwh=prices, server=rates)
    figures = reduce_run(done, measures).figures
    assert figures[Metric.COST] == pytest.approx(done.budgets[0].spent)
    assert figures[Metric.COST] > 1.5 * done.rounds.cost.sum()
    emitted = done.emissions_g + (done.server_g or 0.0)
    assert figures[Metric.EMISSIONS_G] == pytest.approx(emitted)
    assert figures[Metric.ENERGY_KWH] == pytest.approx(done.energy_kwh + (done.server_kwh or 0.0))
    # Without prices nobody knows the cost: it is not that of the rounds alone.
    unknown = reduce_run(done, Measures(server=rates)).figures
    assert unknown[Metric.COST] is None
