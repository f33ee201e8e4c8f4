"""Policies that say when, how many, and where: in simulations whose cheapest hours are known."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.model.kinds import Currency
from footprint.scheduling.availability import CarbonCap, Curtailment
from footprint.scheduling.base import ClientOutcome, Need, Outcome, Outlook, SelectionState
from footprint.scheduling.candidates import Candidates, ClientTable
from footprint.scheduling.carbon_scaler import ElasticJob, scale_workers
from footprint.scheduling.carbon_time import MachinePrices, lowest_carbon_time, lowest_window
from footprint.scheduling.carbon_time_start import CarbonTime, StartRule
from footprint.scheduling.curtailment import Threshold
from footprint.scheduling.elastic import Elastic
from footprint.scheduling.everyone import Everyone
from footprint.scheduling.expectations import mean_over_candidates, narrowed, slot_intensity
from footprint.scheduling.kmin_rounds import KMinRounds
from footprint.scheduling.outlook import frozen
from footprint.scheduling.uniform import Uniform
from footprint.scheduling.wait_awhile import Delivery, WaitAwhile
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Noisy, Perfect, Persistence
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World
from footprint.units import J_PER_KWH

START = unix_seconds("2024-01-05T14:00")  # a Friday
HOUR, DAY = 3600, 86_400
ROUND_KWH = 0.5  # of each client
ZONES = ("PL", "CH")


def world(intensity, forecast=Perfect, before=0):
    """Two clients, one in each grid, that take 0.5 and 1.5 kWh in half an hour, all in all."""
    table = np.asarray(intensity, dtype=float)
    if table.ndim == 1:
        table = np.repeat(table[:, None], 2, axis=1)
    trace = Trace(START - before * HOUR, HOUR, ZONES, table, "gCO2e/kWh")
    fleet = Fleet.of(
        domain=np.arange(2),
        units_per_s=np.full(2, 1 / 60),
        energy_per_unit_ws=np.array([0.5, 1.5]) * J_PER_KWH / 30,
        least_units=np.full(2, 30.0),
        most_units=np.full(2, 30.0),
        idle_w=np.zeros(2),
    )
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in ZONES)
    return World(fleet, Supply(domains, None, trace, None, forecast(trace)))


def hourly(hours, **changes):
    return Rules(START, hours * HOUR, updates=None, cadence=60, **changes)


def hours_of(run):
    return ((run.rounds.start_s - START) // HOUR).tolist()


def random_grids(seed, hours):
    return np.random.default_rng(seed).uniform(20, 800, (hours, 2))


def kinds_of_waiting(rounds, deadline_s):
    low, high = 20.0, 800.0
    own = {"rounds": rounds, "deadline_s": deadline_s}
    return {
        "interrupting": WaitAwhile(Everyone(), **own),
        "in one piece": WaitAwhile(Everyone(), **own, interrupting=False),
        "k-min": KMinRounds(Everyone(), **own, low=low, high=high),
        "carbon-time": CarbonTime(
            Everyone(), rounds=rounds, wait_s=deadline_s - rounds * HOUR, reserved=1
        ),
    }


FORECASTS = {
    "perfect": Perfect,
    "yesterday": Persistence,
    "noisy": lambda trace: Noisy(trace, seed=3),
}


@pytest.mark.parametrize("forecast", FORECASTS)
@pytest.mark.parametrize("name", ["interrupting", "in one piece", "k-min", "carbon-time"])
@pytest.mark.parametrize(("rounds", "deadline"), [(1, 1), (5, 5), (1, 30), (7, 30), (29, 30)])
def test_a_training_has_its_rounds_and_ends_in_time(name, forecast, rounds, deadline):
    setting = world(random_grids(rounds, 80), FORECASTS[forecast], before=30)
    policy = kinds_of_waiting(rounds, deadline * HOUR)[name]
    hours = hours_of(simulate(setting, policy, hourly(50)))
    assert len(hours) == rounds
    assert hours[-1] < deadline
    if name in ("in one piece", "carbon-time"):
        assert np.diff(hours).tolist() == [1] * (rounds - 1)


@pytest.mark.parametrize("rounds", [1, 6, 23])
def test_waiting_longer_and_in_parts_never_emits_more(rounds):
    for seed in range(5):
        grids = random_grids(seed, 40)
        setting = world(grids)
        found = {
            name: simulate(setting, policy, hourly(40)).emissions_g
            for name, policy in kinds_of_waiting(rounds, 30 * HOUR).items()
        }
        at_once = simulate(setting, Everyone(), hourly(40, most_rounds=rounds)).emissions_g
        slack = 1 + 1e-9
        assert found["interrupting"] <= found["in one piece"] * slack
        assert found["in one piece"] <= found["carbon-time"] * slack
        assert found["carbon-time"] <= at_once * slack
        assert found["interrupting"] <= found["k-min"] * slack
        # And the cheapest hours are found: each client's grid counts by its energy.
        cheapest = np.sort(grids[:30] @ [0.5, 1.5])[:rounds].sum()
        assert found["interrupting"] == pytest.approx(cheapest)


def nightly(hours):
    """100 from 0 to 6, 300 else; at weekends 50 less: the year of the tests of `temporal`."""
    moments = [datetime.fromtimestamp(START + n * HOUR, UTC) for n in range(hours)]
    return [(100 if m.hour < 6 else 300) - (50 if m.weekday() >= 5 else 0) for m in moments]


@pytest.mark.parametrize(
    ("delivery", "rounds", "whole", "parts"),
    [
        # Would end on Saturday at 2, so until Monday at 9: as in the tests of `temporal`.
        (Delivery.NEXT_WORKDAY, 12, 1800, 600),
        # Ends on Friday at 17 sharp and is not moved.
        (Delivery.NEXT_WORKDAY, 3, 900, 900),
        # Until Monday at 9: the night in between.
        ("semi-weekly", 3, 150, 150),
    ],
)
def test_trainings_that_are_due_when_people_look(delivery, rounds, whole, parts):
    for interrupting, expected in ((False, whole), (True, parts)):
        policy = WaitAwhile(Everyone(), rounds=rounds, delivery=delivery, interrupting=interrupting)
        run = simulate(world(nightly(100)), policy, hourly(100))
        assert len(run.rounds) == rounds
        assert run.emissions_g == pytest.approx(2 * expected)  # 2 kWh in a round


def test_rounds_that_do_not_come_about_are_made_up_for():
    """Nobody is there in the first twelve hours of a day, which are the cheapest."""
    hours = np.arange(40)
    trace = Trace(START, HOUR, ("sun",), np.where(hours < 12, 0.0, 1e4)[:, None], "W")
    intensity = Trace(START, HOUR, ("CH",), (100.0 + hours)[:, None], "gCO2e/kWh")
    fleet = Fleet.of(
        domain=np.zeros(1, dtype=int),
        units_per_s=np.full(1, 1 / 60),
        energy_per_unit_ws=np.full(1, 1000.0),
        least_units=np.full(1, 30.0),
        most_units=np.full(1, 30.0),
    )
    supply = Supply((PowerDomain("sun", "CH"),), trace, intensity, None, Perfect(intensity))
    policy = WaitAwhile(Everyone(), rounds=4, deadline_s=20 * HOUR)
    run = simulate(World(fleet, supply), policy, hourly(40))
    # Its time begins when somebody is there: the step of 12:00 to 12:01 is the first one.
    assert hours_of(run) == [13, 14, 15, 16]


def test_what_cannot_be_in_time_is_refused():
    for wrong in (
        {"rounds": 5, "deadline_s": 4 * HOUR},
        {"rounds": 5},
        {"rounds": 5, "deadline_s": DAY, "delivery": "next-workday"},
        {"rounds": 0, "deadline_s": DAY},
        {"rounds": 5, "deadline_s": DAY, "slot_s": 0.0},
    ):
        with pytest.raises(UsageError):
            WaitAwhile(Everyone(), **wrong)


@pytest.mark.parametrize("rounds", [10, 11, 30])
def test_what_there_is_time_for_is_run_where_the_simulation_ends_first(rounds):
    policy = WaitAwhile(Everyone(), rounds=rounds, deadline_s=40 * HOUR)
    run = simulate(world(random_grids(0, 10)), policy, hourly(10))
    assert hours_of(run) == list(range(10))


class Late(Everyone):
    """Chooses nobody in the first two hours."""

    def select(self, state, rng):
        return list(state.ids) if state.now_s >= START + 2 * HOUR else []


@pytest.mark.parametrize("name", ["interrupting", "in one piece", "k-min"])
def test_nothing_begins_that_would_end_after_the_deadline(name):
    policy = kinds_of_waiting(5, 6 * HOUR)[name]
    policy.inner = Late()
    run = simulate(world(random_grids(0, 12)), policy, hourly(12))
    assert hours_of(run) == [2, 3, 4, 5]


@pytest.mark.parametrize("rule", StartRule)
def test_a_training_starts_where_the_rule_of_its_queue_says(rule):
    moved = 0
    for seed in range(6):
        grids = random_grids(seed, 40)
        seen = (grids @ [0.5, 1.5] / 2)[:27]
        policy = CarbonTime(Everyone(), rounds=3, wait_s=20 * HOUR, mean_rounds=7, rule=rule)
        run = simulate(world(grids), policy, hourly(40))
        expected = {
            StartRule.LOWEST_SLOT: int(seen[:21].argmin()),
            StartRule.LOWEST_WINDOW: lowest_window(seen, 0, 20, 7),
            StartRule.CARBON_TIME: lowest_carbon_time(seen, 0, 20, 7),
        }[rule]
        assert hours_of(run) == [expected, expected + 1, expected + 2]
        moved += expected > 0
    assert moved


def test_machines_that_are_reserved_stand_idle_while_a_training_waits():
    grids = [300.0] * 4 + [100.0] * 6
    policy = CarbonTime(Everyone(), rounds=3, wait_s=5 * HOUR, reserved=1)
    run = simulate(world(grids), policy, hourly(10))
    assert hours_of(run) == [4, 5, 6]
    # Two clients for half an hour, three times; one of them is reserved for 6.5 h.
    hours = policy.rented
    assert hours.reserved_used == pytest.approx(1.5)
    assert hours.on_demand == pytest.approx(1.5)
    assert hours.reserved_idle == pytest.approx(6.5 - 1.5)
    assert hours.cost(MachinePrices(Currency.EUR, 1.0, 3.0)) == pytest.approx(6.5 + 4.5)


def test_domains_join_by_the_hour_that_has_just_ended():
    grids = random_grids(4, 30)
    limits = Threshold(300.0, 500.0)
    run = simulate(world(grids), Curtailment(Everyone(), threshold=limits), hourly(30))
    known = np.concatenate([grids[:1], grids[:29]])  # before the first hour, its own serves
    there = limits.follow(known)
    assert hours_of(run) == np.flatnonzero(there.any(axis=1)).tolist()
    assert run.rounds.chosen.tolist() == there.sum(axis=1)[there.any(axis=1)].tolist()
    assert run.clients.asked.tolist() == there.sum(axis=0).tolist()
    assert 0 < there.sum() < there.size


def test_an_elastic_training_has_the_clients_of_its_plan():
    grids = random_grids(5, 30)
    job = ElasticJob(throughput=(1.0, 1.7), power_w=(1.0, 2.0))
    policy = Elastic(Uniform(), job=job, work=15.9, deadline_s=20 * HOUR)
    run = simulate(world(grids), policy, hourly(30))
    plan = scale_workers(grids[:20] @ [0.5, 1.5], job, 15.9)
    found = np.zeros(20, dtype=int)
    found[hours_of(run)] = run.rounds.chosen
    assert sorted(found) == sorted(plan.workers)
    assert found.tolist() == plan.workers.tolist()
    assert policy.left == pytest.approx(0)  # the work is one that whole rounds add up to


# --- States made by hand ---------------------------------------------------------------------


def seen(now_s, intensity_now=None, number=2, wanted=None, **signals):
    table = ClientTable.empty(
        [f"c{n}" for n in range(number)],
        domain=np.arange(number) % 2,
        most=np.full(number, 10.0),
        energy_per_unit_ws=np.full(number, 3.6e5),
    )
    told = {Need(name.replace("_", "-")): frozen(v, now_s) for name, v in signals.items()}
    if intensity_now is not None:
        told[Need.INTENSITY] = frozen(np.asarray(intensity_now), now_s)
    outlook = Outlook(now_s, 60.0, 60, ("a", "b"), told)
    return SelectionState(1, now_s, Candidates(table), wanted, outlook)


def answered(state, ids, good=None):
    statuses = [ReplyStatus.OK if good is None or n < good else ReplyStatus.LATE for n in range(9)]
    clients = [ClientOutcome(name, statuses[n]) for n, name in enumerate(ids)]
    return Outcome(1, state.now_s, state.now_s + 60, clients)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_a_search_without_forecasts_keeps_its_promise(seed):
    rng = np.random.default_rng(seed)
    slots, low, high = int(rng.integers(2, 40)), 50.0, float(rng.uniform(60, 900))
    rounds = int(rng.integers(1, slots + 1))
    falling = np.sort(rng.uniform(low, high, slots))[:: 1 if seed % 2 else -1]
    series = falling if seed % 3 else rng.uniform(low, high, slots)
    policy = KMinRounds(Everyone(), rounds=rounds, deadline_s=slots * HOUR, low=low, high=high)
    emitted = []
    for slot, value in enumerate(series):
        state = seen(START + slot * HOUR, [value, value])
        if ids := policy.select(state, rng):
            policy.observe(answered(state, ids))
            emitted.append(value)
    assert len(emitted) == rounds
    assert sum(emitted) <= policy.bound * np.sort(series)[:rounds].sum() * (1 + 1e-9)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_nobody_works_above_the_threshold_of_its_domain(seed):
    rng = np.random.default_rng(seed)
    join = float(rng.uniform(100, 500))
    limits = Threshold(join, join + float(rng.choice([0.0, 100.0])))
    policy = Curtailment(Uniform(share=0.5), threshold=limits)
    series = rng.uniform(0, 700, (60, 2))
    there = limits.follow(series)
    for number, now in enumerate(series):
        state = seen(START + number * HOUR, now, number=8)
        ids = policy.select(state, rng)
        domains = {int(name[1:]) % 2 for name in ids}
        assert all(now[d] <= limits.leave_above and there[number, d] for d in domains)
        # Half of the clients of the domains that are there.
        assert len(ids) == 2 * int(there[number].sum())


def test_what_the_inner_policy_sees_is_that_of_those_who_are_there():
    spare = np.arange(8.0)
    state = seen(START, [100.0, 900.0], number=8, spare=spare, energy=np.array([1.0, 2.0]))
    small = narrowed(state, state.candidates.domain == 1)
    assert small.ids == ("c1", "c3", "c5", "c7")
    assert small.outlook.spare_now.tolist() == [1, 3, 5, 7]
    assert small.outlook.energy_now.tolist() == [1, 2]
    assert len(small.candidates.everybody) == 8


def test_an_intensity_that_nobody_knows_is_not_low():
    rng = np.random.default_rng(0)
    state = seen(START, [100.0, np.nan])
    with pytest.raises(UsageError, match="'b' joins by an intensity that is not known"):
        Curtailment(Everyone(), threshold=Threshold(200, 200)).select(state, rng)
    with pytest.raises(UsageError, match="not known"):
        mean_over_candidates(state, state.foreseen.intensity_now)
    # It does not matter where nobody is.
    alone = narrowed(state, np.array([True, False]))
    assert mean_over_candidates(alone, [100.0, np.nan]) == 100
    assert Curtailment(Everyone(), threshold=Threshold(200, 200)).select(alone, rng) == ["c0"]


def test_grids_count_by_the_energy_that_is_expected_there():
    state = seen(START, number=3)  # two in a, one in b; 1 kWh each
    assert mean_over_candidates(state, [100.0, 400.0]) == pytest.approx(200)
    table = state.candidates.table
    table.energy_kwh[2] = 6.0  # what its last round took
    assert mean_over_candidates(state, [100.0, 400.0]) == pytest.approx((7 * 100 + 400) / 8)
    table.most[1] = np.nan  # all count alike where one is not known
    assert mean_over_candidates(state, [100.0, 400.0]) == pytest.approx(200)


def test_slots_are_means_of_steps_and_only_the_first_may_be_cut_short():
    steps = np.arange(150.0)[None, :]
    state = seen(START, intensity_forecast=steps)
    assert slot_intensity(state.foreseen, HOUR).tolist() == [[29.5, 89.5]]
    assert slot_intensity(state.foreseen, DAY).tolist() == [[74.5]]
    with pytest.raises(UsageError, match="no whole number"):
        slot_intensity(state.foreseen, 90.0)


@pytest.mark.parametrize(("intensity", "many"), [(50, 6), (100, 6), (200, 4), (300, 2), (900, 2)])
def test_fewer_take_part_the_dirtier_the_hour(intensity, many):
    policy = CarbonCap(Uniform(), low=100, high=300, least=2, most=6)
    state = seen(START, [intensity, intensity], number=10)
    assert len(policy.select(state, np.random.default_rng(0))) == many


# --- How many --------------------------------------------------------------------------------

JOB = ElasticJob(throughput=(1.0, 1.8, 2.4), power_w=(100.0, 200.0, 300.0))


@pytest.mark.parametrize("work", [0.5, 9.0, 20.0, 28.8])
def test_rounds_have_as_many_clients_as_the_plan_has_workers(work):
    grids = np.random.default_rng(int(work)).uniform(20, 800, 12)
    plan = scale_workers(grids, JOB, work)
    policy = Elastic(Uniform(), job=JOB, work=work, deadline_s=12 * HOUR)
    taken = []
    for slot in range(14):
        now_s = START + slot * HOUR
        ahead = np.repeat(grids[slot:] if slot < 12 else [1.0], 60)
        state = seen(now_s, number=5, intensity_forecast=np.stack([ahead, ahead]))
        ids = policy.select(state, np.random.default_rng(slot))
        taken.append(len(ids))
        if ids:
            policy.observe(answered(state, ids))
    assert policy.left <= 1e-9
    assert taken[12:] == [0, 0]
    # Made anew in each slot, the plan stays as good as it was, but for whole last rounds.
    sums = np.concatenate([[0.0], JOB.power_w])
    emitted = (sums[taken[:12]] * grids).sum() * HOUR / J_PER_KWH
    assert emitted <= plan.emissions(JOB, grids, HOUR, whole=True) * (1 + 1e-9)
    assert emitted >= plan.emissions(JOB, grids, HOUR) * (1 - 1e-9)


def test_all_work_when_updates_were_late():
    policy = Elastic(Uniform(), job=JOB, work=14.0, deadline_s=6 * HOUR)
    counts = []
    for slot in range(6):
        ahead = np.full((2, (6 - slot) * 60), 100.0)
        state = seen(START + slot * HOUR, number=5, intensity_forecast=ahead)
        ids = policy.select(state, np.random.default_rng(slot))
        counts.append(len(ids))
        policy.observe(answered(state, ids, good=0 if slot < 2 else None))
    assert counts[2:] == [3, 3, 3, 3]
    assert policy.left == pytest.approx(14.0 - 4 * 2.4)
    with pytest.raises(UsageError, match="later deadline"):
        Elastic(Uniform(), job=JOB, work=14.5, deadline_s=6 * HOUR)
