"""One round, step by step, where the answer is known by hand."""

import numpy as np
import pytest

from footprint.errors import SimulationError
from footprint.simulation import execution
from footprint.simulation.booking import EXCESS, GRID, Ledger
from footprint.simulation.execution import execute
from footprint.simulation.fleet import Fleet
from footprint.simulation.tasks import Task
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

START = unix_seconds("2022-06-08")
HOUR = 3600


def fleet(number, **changes):
    """Clients that do a unit a minute for 60 Ws each, 10 to 50 of them a round: 1 W at work."""
    columns = {
        "domain": np.zeros(number, dtype=int),
        "units_per_s": np.full(number, 1 / 60),
        "energy_per_unit_ws": np.full(number, 60.0),
        "least_units": np.full(number, 10.0),
        "most_units": np.full(number, 50.0),
        **changes,
    }
    return Fleet.of(**columns)


def power(*watts, step_s=60):
    """One domain's excess power, a value per period [W]."""
    return Trace(START, step_s, ("sun",), np.array(watts, dtype=float)[:, None], "W")


def world(clients, excess_w, mode=Mode.EXCESS, intensity=None):
    return World(clients, Supply((PowerDomain("sun", "DE", mode),), excess_w, intensity))


def run(setting, rules=None, who=None, luck=None):
    rules = rules or Rules(START, 2 * HOUR, updates=None)
    who = np.arange(len(setting.fleet)) if who is None else who
    ledger = Ledger.empty(rules, len(setting.supply.domains))
    task = Task.training(setting.fleet, rules, who, np.zeros(len(who), dtype=bool))
    return execute(setting, rules, task, START, ledger, luck=luck), ledger


def constant(watts, hours=2):
    return power(*[watts] * hours, step_s=HOUR)


def test_a_round_ends_when_all_have_done_the_least():
    done, _ = run(world(fleet(2), constant(2.0)))
    assert done.steps == 10
    assert done.units.tolist() == pytest.approx([10, 10])
    assert done.accepted.all()
    assert done.ready_s.tolist() == [600, 600]
    assert done.busy_s.tolist() == pytest.approx([600, 600])


def test_scarce_energy_is_shared_and_makes_the_round_longer():
    done, _ = run(world(fleet(2), constant(1.0)))
    assert done.steps == 20
    assert done.train_ws.tolist() == pytest.approx([600, 600])


def test_as_many_as_wanted_end_the_round_and_the_others_are_late():
    fast = fleet(3, units_per_s=np.array([2.0, 1.0, 0.5]) / 60)
    done, _ = run(world(fast, constant(100.0)), Rules(START, 2 * HOUR, updates=2))
    assert done.steps == 10
    assert done.accepted.tolist() == [True, True, False]
    assert not done.dropped.any()
    # The first goes on beyond the least while it waits for the second.
    assert done.units.tolist() == pytest.approx([20, 10, 5])
    # The energy of the late one is charged all the same.
    assert done.train_ws[2] == pytest.approx(300)


def test_a_round_ends_at_its_deadline():
    done, _ = run(world(fleet(2), constant(0.2)))
    assert done.steps == 60
    assert not done.accepted.any()
    assert done.train_ws.sum() == pytest.approx(0.2 * HOUR)


def test_a_round_ends_with_the_simulation():
    done, _ = run(world(fleet(1), constant(0.1)), Rules(START, 600, updates=None))
    assert done.steps == 10


def test_nobody_works_more_than_the_most():
    slow_and_fast = fleet(2, units_per_s=np.array([1 / 600, 1.0]))
    done, _ = run(world(slow_and_fast, constant(1000.0)))
    assert done.units.tolist() == pytest.approx([6.0, 50.0])


def test_darkness_lasts_until_the_sun_comes():
    dark_then_light = power(*[0.0] * 30, *[1.0] * 90)
    done, _ = run(world(fleet(1), dark_then_light))
    assert done.steps == 40
    assert done.ready_s.tolist() == [2400]


def test_the_grid_gives_what_the_sun_does_not():
    intensity = Trace(START, HOUR, ("DE",), np.full((2, 1), 500.0))
    done, ledger = run(world(fleet(2), constant(0.5), Mode.BOTH, intensity))
    assert done.steps == 10
    assert done.train_ws.sum() == pytest.approx(1200)
    assert done.train_excess_ws.sum() == pytest.approx(300)
    assert ledger.energy_ws[0, EXCESS].sum() == pytest.approx(300)
    assert ledger.energy_ws[0, GRID].sum() == pytest.approx(900)
    assert done.emissions_g.sum() == pytest.approx(900 / 3.6e6 * 500)


def test_the_grid_alone_knows_no_limit_and_its_emissions_follow_the_hour():
    intensity = Trace(START, 300, ("DE",), np.array([[100.0], [300.0]] + [[0.0]] * 22))
    done, _ = run(world(fleet(3), None, Mode.GRID, intensity))
    assert done.steps == 10
    assert done.train_excess_ws.sum() == 0
    assert done.emissions_g.sum() == pytest.approx(3 * 600 / 3.6e6 * 200)


def test_where_the_grid_is_not_known_emissions_are_unknown():
    done, _ = run(world(fleet(1), constant(0.5), Mode.BOTH))
    assert np.isnan(done.emissions_g).all()
    done, _ = run(world(fleet(1), constant(1.0), Mode.BOTH))  # which took nothing from it
    assert done.emissions_g.tolist() == [0.0]


def test_energy_is_entered_in_the_hour_in_which_it_was_used():
    rules = Rules(START, 2 * HOUR, updates=None, deadline=120)
    slow = fleet(1, least_units=np.array([90.0]), most_units=np.array([90.0]))
    done, ledger = run(world(slow, constant(1.0)), rules)
    assert done.steps == 90
    assert ledger.energy_ws[0, EXCESS, 0].tolist() == pytest.approx([3600, 1800])


def test_who_waits_draws_what_the_others_leave():
    clients = fleet(
        2,
        units_per_s=np.array([1.0, 0.5]) / 60,
        most_units=np.array([10.0, 10.0]),
        idle_w=np.array([0.4, 0.4]),
    )
    done, ledger = run(world(clients, constant(10.0)))
    assert done.steps == 20
    # The first is done after 10 minutes and waits 10 more.
    assert done.wait_ws.tolist() == pytest.approx([0.4 * 600, 0])
    assert (done.present_s - done.busy_s).tolist() == pytest.approx([600, 0])
    assert ledger.energy_ws[1, EXCESS].sum() == pytest.approx(240)
    # With no more than the second needs, the first is off.
    done, _ = run(world(clients, power(*[1.5] * 10, *[0.5] * 110)))
    assert done.wait_ws.sum() == pytest.approx(0, abs=1e-9)


def test_who_drops_out_is_lost_and_its_energy_is_charged():
    clients = fleet(2, dropout=np.array([0.5, 0.5]))
    rules = Rules(START, 2 * HOUR, updates=None)
    # 0.05 of 0.5: a tenth of the longest round, 6 steps.
    done, _ = run(world(clients, constant(10.0)), rules, luck=np.array([0.05, 0.7]))
    assert done.dropped.tolist() == [True, False]
    assert done.accepted.tolist() == [False, True]
    assert done.units.tolist() == pytest.approx([6, 50])  # the other waits for nobody, and works on
    assert done.steps == 60


def test_who_drops_out_after_the_least_is_lost_as_well():
    clients = fleet(2, units_per_s=np.array([1.0, 0.5]) / 60, dropout=np.array([1.0, 0.0]))
    done, _ = run(world(clients, constant(10.0)), luck=np.array([0.2, 1.0]))
    assert done.ready_s.tolist() == [600, 1200]
    assert done.dropped.tolist() == [True, False]
    assert done.accepted.tolist() == [False, True]


def test_transfers_take_time_before_and_after_the_work():
    clients = fleet(
        2, down_mbps=np.array([8.0, np.nan]), up_mbps=np.array([2.0, np.nan])
    ).with_messages(0.15, 0.03)
    done, _ = run(world(clients, constant(10.0)))
    # 150 s down, so the first works from its fourth minute on; 120 s up.
    assert done.ready_s.tolist() == [13 * 60, 10 * 60]
    assert done.steps == 15
    assert done.units.tolist() == pytest.approx([10, 13])


def test_many_clients_do_as_few_do(monkeypatch):
    rng = np.random.default_rng(5)
    number = 20
    clients = fleet(
        number,
        domain=rng.integers(0, 3, number),
        units_per_s=rng.uniform(0.5, 3, number) / 60,
        dropout=np.full(number, 0.4),
        idle_w=np.full(number, 0.1),
    )
    names = ("a", "b", "c")
    trace = Trace(START, 300, names, rng.uniform(0, 6, (24, 3)), "W")
    supply = Supply(tuple(PowerDomain(name) for name in names), trace)
    luck = rng.random(number)
    rules = Rules(START, 2 * HOUR, updates=12)
    found = []
    for few in (0, 100):
        monkeypatch.setattr(execution, "_FEW", few)
        ledger = Ledger.empty(rules, 3)
        everybody = np.arange(number)
        task = Task.training(clients, rules, everybody, np.zeros(number, dtype=bool))
        done = execute(World(clients, supply), rules, task, START, ledger, luck=luck)
        found.append((done, ledger))
    (many, one), (few, two) = found
    assert many.steps == few.steps
    assert many.accepted.tolist() == few.accepted.tolist()
    assert many.train_ws == pytest.approx(few.train_ws)
    assert many.wait_ws == pytest.approx(few.wait_ws)
    assert one.energy_ws == pytest.approx(two.energy_ws)


def test_energy_used_twice_stops_the_simulation(monkeypatch):
    def generous(energy, room, missing):
        return list(room)

    monkeypatch.setattr(execution, "share_alone", generous)
    with pytest.raises(SimulationError, match=r"'sun' used 120 Ws of 60 Ws .* 2022-06-08 00:00"):
        run(world(fleet(2), constant(1.0)))


def test_work_that_counts_is_whole_whatever_the_numbers():
    """A learner does the whole units of it; rounding must not take the last one."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        size = int(rng.integers(1, 9))
        least = rng.integers(1, 100, size).astype(float)
        clients = fleet(
            size,
            units_per_s=rng.uniform(0.1, 0.9, size),
            energy_per_unit_ws=rng.uniform(300, 1100, size),
            least_units=least,
            most_units=least,
        )
        done, _ = run(world(clients, constant(700.0)))
        assert (np.floor(done.units) >= least[done.clients])[done.accepted].all()
