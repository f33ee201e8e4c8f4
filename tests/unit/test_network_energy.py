"""Energy of the network in budgets, plans, journals and columns; two rounds, computed by hand.

Two clients, in FR (50 g/kWh) and PL (700 g/kWh). Each does 20 units of 3.6 kJ, so 0.02 kWh, in
20 minutes, gets 0.1 GB and sends 0.1 GB at 0.05 kWh/GB, so 0.01 kWh. A round takes 0.04 kWh of
work and 0.02 kWh of network, and emits 22.5 g; 7.5 g of them by the network.
"""

from dataclasses import replace

import numpy as np
import pytest

from footprint.model import Metric
from footprint.model.method_costs import CostFigure, MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.budget import Budget, Resource
from footprint.scheduling.candidates import Candidates
from footprint.scheduling.evaluation import Measures, reduce_run
from footprint.scheduling.signals import emissions_under
from footprint.scheduling.uniform import Uniform
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.spending import plan_round
from footprint.simulation.tasks import Ratios
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.views import tabulate
from footprint.simulation.world import Mode, PowerDomain, Prices, Rules, Supply, World

START, HOUR = unix_seconds("2024-11-03"), 3600
ZONES = ("FR", "PL")
GRIDS = np.array([50.0, 700.0])
RULES = Rules(START, 2 * HOUR, updates=None, most_rounds=2, deadline=25)


def world(network_kwh_per_gb=0.05, least=(20.0, 20.0), most=(20.0, 20.0)):
    fleet = Fleet.of(
        domain=np.array([0, 1]),
        units_per_s=np.full(2, 1 / 60),
        energy_per_unit_ws=np.full(2, 3600.0),
        least_units=np.array(least),
        most_units=np.array(most),
        idle_w=np.zeros(2),
    )
    fleet = replace(fleet.with_messages(0.1), network_kwh_per_gb=network_kwh_per_gb)
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in ZONES)
    grids = Trace(START, HOUR, ZONES, np.tile(GRIDS, (2, 1)), "gCO2e/kWh")
    prices = Prices("eur", {"FR": 0.2, "PL": 0.3})
    return World(fleet, Supply(domains, None, grids, prices=prices))


def cost(name, ratio):
    figure = CostFigure(ratio, ratio, ratio)
    return MethodCost(TrainingMethod(name), figure, figure)


class InTurn:
    """Asks all; in each round they train by the next method."""

    def __init__(self, *ratios):
        self.costs = [cost(f"by {ratio}", ratio) for ratio in ratios]

    def select(self, state, rng):
        return state.ids

    def methods(self, ids, state):
        return [self.costs[state.round - 1]] * len(ids)

    def observe(self, outcome):
        pass


def test_a_plan_holds_messages_both_ways():
    place = world()
    asked = Candidates(tabulate(place, RULES))
    whole = plan_round(place, RULES, asked, GRIDS)
    assert whole.energy_kwh == pytest.approx(0.06)
    assert whole.emissions_g == pytest.approx(22.5)
    assert whole.cost == pytest.approx(0.02 * 0.2 + 0.02 * 0.3)  # nobody pays for the network
    some = replace(Ratios.plain(2), up=np.full(2, 0.25), down=np.full(2, 0.5))
    small = plan_round(place, RULES, asked, GRIDS, some)
    assert small.energy_kwh == pytest.approx(0.04 + 2 * 0.1 * 0.05 * 0.75)
    assert small.emissions_g == pytest.approx((0.02 + 0.1 * 0.05 * 0.75) * 750)


@pytest.mark.parametrize(
    ("resource", "total", "rounds"),
    [
        (Resource.CARBON_G, 44.9, 1),
        (Resource.CARBON_G, 45.1, 2),
        (Resource.ENERGY_KWH, 0.119, 1),
        (Resource.ENERGY_KWH, 0.121, 2),
    ],
)
def test_a_budget_is_booked_and_ended_with_the_network(resource, total, rounds):
    run = simulate(world(), Uniform(), RULES, budgets=[Budget(resource, total)])
    assert len(run.rounds) == rounds
    one = 22.5 if resource is Resource.CARBON_G else 0.06
    assert run.budgets[0].spent == pytest.approx(rounds * one)


def test_columns_up_to_each_round_hold_the_network():
    run = simulate(world(), Uniform(), RULES)
    trial = reduce_run(run, Measures(spending="energy_kwh"))
    assert trial.spent == pytest.approx([0.06, 0.12])
    assert trial.emissions_g == pytest.approx([22.5, 45.0])
    assert trial.figures[Metric.ENERGY_KWH] == pytest.approx(0.12)
    # All of it is in rounds, so their cost is known, whoever says prices.
    assert trial.figures[Metric.COST] == pytest.approx(2 * 0.01)


def test_another_signal_charges_the_network_to_its_round():
    run = simulate(world(), Uniform(), RULES)
    by_round, total = emissions_under(run, np.full((2, 2), 100.0))
    # Both rounds end within the first hour.
    assert by_round == pytest.approx([6.0, 12.0])
    assert total == pytest.approx(12.0)


def test_an_estimate_multiplies_work_by_its_own_intensity():
    run = simulate(world(), Uniform(), RULES)
    assert run.emissions_g == pytest.approx(45.0)
    # The grams of the network are not those of the work of clients.
    assert run.intensities() == pytest.approx({"FR": 50.0, "PL": 700.0})


# --- plans by methods --------------------------------------------------------


def test_time_is_planned_by_the_method_that_took_it():
    rules = replace(RULES, deadline=15)
    # Ten minutes; as many are planned again, and 500 s are left.
    run = simulate(world(), InTurn(0.5, 0.5), rules, budgets=[Budget(Resource.TIME_S, 1100.0)])
    assert (len(run.rounds), run.elapsed_s, run.ended_by) == (1, 600.0, "budget")


@pytest.mark.parametrize(
    ("ratios", "total", "rounds"),
    [
        ((1.0, 0.5), 0.0601, 2),  # 0.04 kWh, and half of it
        ((1.0, 0.5), 0.0599, 1),
        ((0.5, 1.0), 0.0601, 2),  # 0.02 kWh, and twice that
        ((0.5, 1.0), 0.0599, 1),
    ],
)
def test_energy_is_planned_by_both_methods(ratios, total, rounds):
    budget = Budget(Resource.ENERGY_KWH, total)
    run = simulate(world(0.0), InTurn(*ratios), RULES, budgets=[budget])
    assert len(run.rounds) == rounds
    assert run.budgets[0].spent == pytest.approx(0.04 * sum(ratios[:rounds]))


@pytest.mark.parametrize(("total", "rounds"), [(0.0601, 2), (0.0599, 1)])
def test_a_round_that_is_shorter_by_its_methods_is_planned_to_take_less(total, rounds):
    # The second works as long as the first: 20 units in 20 minutes, and as many in ten by half.
    place = world(0.0, least=(20.0, 5.0), most=(20.0, 30.0))
    run = simulate(place, InTurn(1.0, 0.5), RULES, budgets=[Budget(Resource.ENERGY_KWH, total)])
    assert len(run.rounds) == rounds
    assert run.budgets[0].spent == pytest.approx(0.04 if rounds == 1 else 0.06)
