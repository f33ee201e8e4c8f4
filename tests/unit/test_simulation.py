"""Rounds that follow each other: who can be chosen, what is told, what is charged."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

import footprint as fp
from footprint.errors import MissingPlace, UsageError
from footprint.model import Basis, Phase, ReplyStatus, Stage
from footprint.scheduling.base import Need
from footprint.scheduling.budget import Budget, Resource
from footprint.scheduling.policies import POLICIES, make_policy
from footprint.scheduling.uniform import Uniform
from footprint.settings import Settings
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Perfect, Persistence
from footprint.simulation.learners import FallingLoss
from footprint.simulation.load import LoadForecast, TraceLoad
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

START = unix_seconds("2024-11-03")
HOUR, DAY = 3600, 86_400
PLACES = (("Łódź", "PL"), ("Zürich", "CH"), ("São Paulo", "BR"))


def fleet(number=12, **changes):
    columns = {
        "domain": np.arange(number) % 3,
        "units_per_s": np.full(number, 1 / 60),
        "energy_per_unit_ws": np.full(number, 60.0),
        "least_units": np.full(number, 10.0),
        "most_units": np.full(number, 50.0),
        "samples": np.full(number, 100.0),
        **changes,
    }
    return Fleet.of(**columns)


def sun(days=2, places=PLACES, start=START):
    """The same sun everywhere: from 8 to 16 h; all are dark at once for the rest."""
    quarters = np.arange(days * 96) % 96
    day = ((quarters >= 32) & (quarters < 64)).astype(float)
    values = 20.0 * np.repeat(day[:, None], len(places), axis=1)
    return Trace(start, 900, tuple(name for name, _ in places), values, "W")


def grids(days=2, start=START):
    hours = np.arange(24 * days)[:, None]
    values = 300 + 100 * np.sin(hours + np.arange(3)[None, :])
    return Trace(start, HOUR, tuple(zone for _, zone in PLACES), values, "gCO2e/kWh")


def world(mode=Mode.EXCESS, clients=None, load=None, **supply):
    domains = tuple(PowerDomain(name, zone, mode) for name, zone in PLACES)
    excess = supply.pop("excess_w", sun())
    given = Supply(domains, excess, supply.pop("intensity", grids()), **supply)
    return World(clients or fleet(), given, load)


RULES = Rules(START, DAY, updates=4)


@dataclass
class Spy:
    """Notes what it is shown and told; chooses as `Uniform` does."""

    needs: frozenset = frozenset()
    states: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)
    inner: Uniform = field(default_factory=lambda: Uniform(patient=True))

    def select(self, state, rng):
        self.states.append(state)
        return self.inner.select(state, rng)

    def observe(self, outcome):
        self.outcomes.append(outcome)


def test_a_simulation_waits_through_the_night():
    run = simulate(world(), make_policy("random"), RULES)
    begins = (run.rounds.start_s - START) / HOUR
    # At 8:00 the step that has just ended was dark; the next look is five minutes later.
    assert run.rounds.waited_steps[0] == 8 * 60 + 5
    assert begins.max() <= 16
    assert run.elapsed_s == DAY
    assert run.waited_s / 60 + run.rounds.steps.sum() == DAY / 60
    assert run.ended_by == "length"


def test_each_domain_has_twenty_watts_and_each_client_takes_one():
    run = simulate(world(), make_policy("random"), RULES)
    rounds = run.rounds
    assert (rounds.chosen == 4).all()
    # Nothing limits them but their speed: ten minutes a round, 47 rounds in 7 h 55.
    full = rounds.steps == 10
    assert full.sum() == 47
    assert rounds.energy_kwh[full] == pytest.approx(4 * 600 / 3.6e6)
    assert rounds.excess_kwh.sum() == pytest.approx(run.energy_kwh)


def test_over_selection_ends_with_as_many_as_wanted():
    speeds = np.linspace(1.0, 2.0, 12) / 60
    setting = world(clients=fleet(units_per_s=speeds))
    plain = simulate(setting, make_policy("random"), RULES)
    more = simulate(setting, make_policy("random-1.3n"), RULES)
    assert (plain.rounds.chosen == 4).all()
    assert (more.rounds.chosen == 5).all()
    assert more.rounds.steps.mean() < plain.rounds.steps.mean()
    assert more.rounds.late.sum() > 0
    assert more.rounds.discarded_kwh.sum() > plain.rounds.discarded_kwh.sum()


def test_accepted_late_and_dropped_are_all_that_were_chosen():
    setting = world(clients=fleet(dropout=np.full(12, 0.5)))
    run = simulate(setting, make_policy("random"), RULES, seed=3)
    rounds, clients = run.rounds, run.clients
    assert rounds.dropped.sum() > 0
    assert (rounds.accepted + rounds.late + rounds.dropped == rounds.chosen).all()
    assert clients.asked.sum() == rounds.chosen.sum()
    assert clients.accepted.sum() == rounds.accepted.sum()
    assert clients.discarded_kwh.sum() == pytest.approx(rounds.discarded_kwh.sum())


def test_only_who_has_energy_and_capacity_now_can_be_chosen():
    busy = np.zeros((DAY * 2 // 60, 12))
    busy[:, :6] = 1.0
    load = TraceLoad(Trace(START, 60, tuple(map(str, range(12))), busy))
    excess = sun()
    excess.values[:, 0] = 0.0  # no sun in Łódź: clients 0, 3, 6, 9
    spy = Spy()
    simulate(world(load=load, excess_w=excess), spy, replace(RULES, updates=2))
    assert {name for state in spy.states for name in state.ids} == {
        f"client-{n}" for n in (7, 8, 10, 11)
    }
    assert all(len(state.candidates.everybody) == 12 for state in spy.states)


def test_a_policy_is_told_what_became_of_its_choice():
    spy = Spy()
    learner = FallingLoss(1, samples_per_unit=10, horizon_units=1e3)
    setting = world(clients=fleet(units_per_s=np.linspace(0.1, 2, 12) / 60))
    run = simulate(setting, spy, replace(RULES, updates=3), learner=learner)
    assert len(spy.outcomes) == len(run.rounds)
    first = spy.outcomes[0]
    assert (first.start_s, first.stop_s - first.start_s) == (
        run.rounds.start_s[0],
        60 * run.rounds.steps[0],
    )
    statuses = [client.status for outcome in spy.outcomes for client in outcome.clients]
    assert statuses.count(ReplyStatus.OK) == run.rounds.accepted.sum()
    assert statuses.count(ReplyStatus.LATE) == run.rounds.late.sum() > 0
    for outcome in spy.outcomes:
        for client in outcome.clients:
            assert set(client.metrics) == (
                {"loss", "utility"} if client.status is ReplyStatus.OK else set()
            )
    energies = sum(client.energy_kwh for o in spy.outcomes for client in o.clients)
    assert energies == pytest.approx(run.energy_kwh)
    # The next state knows it.
    later = spy.states[-1].candidates.everybody
    known = later.answered > 0
    assert known.any()
    assert np.isfinite(later.utility[known]).all()
    assert np.isnan(later.utility[~known]).all()
    assert later.metric("loss")[known].max() <= 2.3
    assert (later.last_round[known] >= 1).all()


def test_an_outlook_holds_what_was_asked_for_and_no_more():
    asked = frozenset({Need.ENERGY, Need.INTENSITY_FORECAST})
    spy = Spy(needs=asked)
    excess, intensity = sun(), grids()
    setting = world(
        excess_w=excess,
        intensity=intensity,
        excess_forecast=Perfect(excess),
        intensity_forecast=Perfect(intensity),
    )
    simulate(setting, spy, RULES)
    outlook = spy.states[0].outlook
    assert set(outlook.signals) == asked
    assert outlook.domains == ("Łódź", "Zürich", "São Paulo")
    assert outlook.energy_now.tolist() == [1200.0] * 3
    assert outlook.intensity.values.shape == (3, 60)
    with pytest.raises(UsageError, match="reads 'spare-forecast' and does not ask"):
        _ = outlook.spare
    with pytest.raises(ValueError, match="read-only"):
        outlook.energy_now[0] = 1e9


def test_forecasts_reach_to_the_deadline_or_to_the_end():
    spy = Spy(needs=frozenset({Need.ENERGY_FORECAST}))
    excess = sun()
    rules = replace(RULES, length_s=10 * HOUR)
    simulate(world(excess_w=excess, excess_forecast=Perfect(excess)), spy, rules)
    first = spy.states[0]
    assert first.outlook.steps == 60
    left = (rules.stop_s - spy.states[-1].now_s) / 60
    assert spy.states[-1].outlook.steps == left < 60
    assert spy.states[-1].outlook.energy.values.shape == (3, left)


@pytest.mark.parametrize(
    ("forecast", "expected"),
    [(LoadForecast.RESERVED, 0.2), (LoadForecast.PERFECT, 0.5), (LoadForecast.NONE, 1.0)],
)
def test_load_is_forecast_in_three_ways(forecast, expected):
    columns = tuple(map(str, range(12)))
    used = Trace(START, 60, columns, np.full((DAY // 60, 12), 0.5))
    booked = Trace(START, 60, columns, np.full((DAY // 60, 12), 0.8))
    spy = Spy(needs=frozenset({Need.SPARE_FORECAST, Need.SPARE}))
    setting = replace(world(load=TraceLoad(used, booked)), load_forecast=forecast)
    simulate(setting, spy, RULES)
    outlook = spy.states[0].outlook
    assert outlook.spare.values == pytest.approx(expected)
    assert outlook.spare_now == pytest.approx(0.5)


def test_a_domain_with_a_grid_has_energy_without_end():
    spy = Spy(needs=frozenset({Need.ENERGY, Need.ENERGY_FORECAST, Need.INTENSITY}))
    run = simulate(world(Mode.GRID, excess_w=None), spy, RULES)
    outlook = spy.states[0].outlook
    assert np.isinf(outlook.energy_now).all()
    assert np.isinf(outlook.energy.values).all()
    assert outlook.intensity_now.tolist() == pytest.approx(grids().values[0].tolist())
    zones = spy.states[0].candidates.intensity_g_per_kwh
    assert zones == pytest.approx(np.tile(grids().values[0], 4))
    assert run.waited_s == 0


def test_emissions_follow_the_actual_intensity():
    run = simulate(world(Mode.BOTH), make_policy("random"), RULES)
    hours = run.hours
    grid_kwh = hours.energy_kwh[0, 1]
    assert run.emissions_g == pytest.approx((grid_kwh * hours.intensity_g_per_kwh).sum())
    assert run.rounds.emissions_g.sum() == pytest.approx(run.clients.emissions_g.sum())
    # By day all is excess energy, by night nothing.
    day = slice(8, 16)
    assert grid_kwh[:, day].sum() == pytest.approx(0)
    assert hours.energy_kwh[0, 0].sum() == pytest.approx(hours.energy_kwh[0, 0, :, day].sum())
    assert run.rounds.excess_kwh.sum() == pytest.approx(hours.energy_kwh[:, 0].sum())


@pytest.mark.parametrize(
    ("world_", "needs", "what"),
    [
        (world(), {Need.ENERGY_FORECAST}, "forecasts of excess energy; this world has none"),
        (world(), {Need.INTENSITY_FORECAST}, "forecasts of grid intensity; this world has none"),
        (world(intensity=None), {Need.INTENSITY}, "grid intensity; this world has none"),
    ],
)
def test_what_a_world_does_not_have_is_said_before_it_runs(world_, needs, what):
    with pytest.raises(UsageError, match=what):
        simulate(world_, Spy(needs=frozenset(needs)), RULES)


def test_who_reads_what_it_did_not_ask_for_is_caught():
    class Sly(Spy):
        def select(self, state, rng):
            self.sure = state.outlook.energy.values
            return []

    excess = sun()
    setting = world(excess_w=excess, excess_forecast=Perfect(excess))
    with pytest.raises(UsageError, match="reads 'energy-forecast' and does not ask"):
        simulate(setting, Sly(needs=frozenset({Need.ENERGY})), RULES)


def test_who_chooses_clients_in_the_dark_is_caught():
    class Bold(Uniform):
        needs: ClassVar = frozenset()

        def select(self, state, rng):
            return ["client-0"]

    excess = sun()
    excess.values[:, 0] = 0.0  # client 0 never has any energy
    with pytest.raises(UsageError, match="chose 'client-0', which is no candidate"):
        simulate(world(excess_w=excess), Bold(), RULES)


def test_who_writes_to_its_state_is_caught():
    class Forger(Spy):
        def select(self, state, rng):
            state.candidates.table.answered[:] = 99
            return []

    with pytest.raises(ValueError, match="read-only"):
        simulate(world(), Forger(), RULES)


@pytest.mark.parametrize("resource", ["energy_kwh", "carbon_g", "time_s"])
def test_a_budget_ends_the_simulation_before_it_is_overspent(resource):
    setting = world(Mode.GRID, excess_w=None)
    whole = simulate(setting, make_policy("all-until-spent"), RULES)
    spent = {
        "energy_kwh": whole.energy_kwh,
        "carbon_g": whole.emissions_g,
        "time_s": whole.rounds.steps.sum() * 60,
    }[resource]
    budget = Budget(Resource(resource), 0.5 * spent)
    run = simulate(setting, make_policy("all-until-spent"), RULES, budgets=[budget])
    assert run.ended_by == "budget"
    (kept,) = run.budgets
    assert kept.violation == 0
    # Plans are made of what the last round took; here all rounds take about the same.
    assert kept.spent > 0.9 * budget.total
    assert len(run.rounds) == pytest.approx(len(whole.rounds) / 2, abs=4)


def test_budgets_of_what_is_not_known_are_errors():
    with pytest.raises(UsageError, match="no prices of energy in eur"):
        simulate(world(), Uniform(), RULES, budgets=[Budget(Resource.MONEY_EUR, 5)])
    unknown = world(Mode.GRID, excess_w=None, intensity=None)
    with pytest.raises(UsageError, match="intensity of a grid is not known"):
        simulate(unknown, Uniform(), RULES, budgets=[Budget(Resource.CARBON_G, 5)])


def test_rounds_can_be_limited():
    run = simulate(world(), Uniform(), replace(RULES, most_rounds=3))
    assert (len(run.rounds), run.ended_by) == (3, "rounds")


def test_a_learner_trains_on_what_was_done_in_time():
    seen = []

    class Trainer:
        def train(self, work):
            seen.append(work)
            return {"loss": np.full(len(work.clients), 1.0 / work.round)}

    setting = world(clients=fleet(units_per_s=np.linspace(0.1, 2, 12) / 60))
    run = simulate(setting, make_policy("random"), replace(RULES, updates=3), learner=Trainer())
    assert [work.round for work in seen] == list(range(1, len(run.rounds) + 1))
    assert [len(work.clients) for work in seen] == run.rounds.accepted.tolist()
    assert sum(work.units.sum() for work in seen) == pytest.approx(run.rounds.accepted_units.sum())

    class Confused:
        def train(self, work):
            return {"loss": np.zeros(99)}

    with pytest.raises(UsageError, match="99 values of 'loss'"):
        simulate(setting, make_policy("random"), RULES, learner=Confused())


def test_a_run_can_be_repeated():
    setting = world(clients=fleet(dropout=np.full(12, 0.2)))
    one, two, other = (
        simulate(setting, make_policy("random"), RULES, seed=seed) for seed in (5, 5, 6)
    )
    assert (one.clients.energy_kwh == two.clients.energy_kwh).all()
    assert (one.rounds.start_s == two.rounds.start_s).all()
    assert (one.clients.asked != other.clients.asked).any()


class Slopes:
    """A learner whose gradients say whose they are."""

    def train(self, work):
        self.clients = work.clients
        return {}

    def probe_units(self, clients, source):
        return np.full(len(clients), 0.1)

    def gradients(self, clients, source):
        return np.stack([np.cos(clients), np.sin(clients)], axis=1)

    def followed(self):
        return self.gradients(self.clients, None)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_runs_through_days_and_nights(policy):
    """Other names, letters of four alphabets, another date, hours without any sun."""
    places = (("Ōsaka", "JP"), ("Владивосток", "RU"), ("Αθήνα", "GR"))
    start = unix_seconds("2031-12-30T18:00+09:00")
    excess = sun(3, places, start)
    hourly = replace(grids(3, start), columns=("JP", "RU", "GR"))
    supply = Supply(
        tuple(PowerDomain(name, zone) for name, zone in places),
        excess,
        hourly,
        excess_forecast=Persistence(excess),
        intensity_forecast=Persistence(hourly),
    )
    setting = World(fleet(units_per_s=np.linspace(0.2, 3, 12) / 60), supply)
    rules = Rules(start + DAY, 2 * DAY, updates=3)
    # For those who need them; excess energy takes nothing from the budget.
    more = {"budgets": [Budget(Resource.CARBON_G, 1.0, rounds=48)], "learner": Slopes()}
    run = simulate(setting, make_policy(policy), rules, seed=2, **more)
    assert run.ended_by == "length"
    assert run.elapsed_s == 2 * DAY
    assert run.rounds.accepted.sum() > 0
    assert run.waited_s > 20 * HOUR


def test_a_world_must_cover_its_simulation():
    with pytest.raises(UsageError, match="excess power covers 2024-11-03 00:00 UTC to 2024-11-05"):
        simulate(world(), Uniform(), replace(RULES, length_s=3 * DAY))
    with pytest.raises(UsageError, match="whole number of steps"):
        Rules(START, 100)
    with pytest.raises(UsageError, match="cannot run by these rules"):
        Rules(START, 3600, updates=0)


def test_worlds_that_contradict_themselves_are_errors():
    with pytest.raises(UsageError, match="'Zürich' draws excess energy, and no column"):
        world(excess_w=sun().pick(["Łódź", "São Paulo"]))
    with pytest.raises(UsageError, match="client in the power domain 3"):
        world(clients=fleet(domain=np.arange(12) % 4))
    with pytest.raises(UsageError, match="other columns"):
        world(excess_forecast=Perfect(grids()))
    with pytest.raises(UsageError, match="one name"):
        Supply((PowerDomain("a"), PowerDomain("a")))
    negative = sun()
    negative.values[0, 0] = -1
    with pytest.raises(UsageError, match="0 or more"):
        world(excess_w=negative)


# As a journal.


def simulated(mode=Mode.BOTH, **changes):
    columns = {
        "units_per_s": np.linspace(1, 12, 12) / 60,  # the fast ones finish, and wait
        "idle_w": np.full(12, 0.2),
        "devices": np.array(["laptop"] * 12, dtype=object),
    }
    clients = fleet(**{**columns, **changes}).with_messages(0.01, 0.002)
    return simulate(world(mode, clients), make_policy("random-1.3n"), RULES)


def test_a_journal_holds_the_energy_and_the_data_of_the_run():
    run = simulated()
    journal = run.to_journal()
    assert journal.total("energy_kwh") == pytest.approx(run.energy_kwh)
    assert journal.total("data_gb") == pytest.approx(
        0.01 * run.rounds.chosen.sum() + 0.002 * run.rounds.accepted.sum()
    )
    assert journal.total("duration_s") == pytest.approx(run.clients.present_s.sum())
    activities = list(journal.activities())
    assert {activity.basis for activity in activities} == {Basis.SIMULATED}
    assert {activity.phase for activity in activities} == {
        Phase.TRAIN,
        Phase.WAIT,
        Phase.DOWNLOAD,
        Phase.UPLOAD,
    }
    assert {activity.zone for activity in activities} == {"PL", "CH", "BR"}
    keys = [(a.actor, a.phase, a.energy_kwh) for a in activities]
    assert len(set(keys)) == len(keys)
    assert (journal.rounds, journal.clients) == (len(run.rounds), 12)


def test_a_journal_goes_the_way_of_all_journals():
    run = simulated()
    journal = run.to_journal(functional_unit="one model")
    inventory = fp.build_inventory(journal)
    settings = Settings(intensities={"PL": 1000.0, "CH": 0.0, "BR": 0.0}, draws=100)
    assessment = fp.estimate(inventory, settings)
    operation = [c for c in assessment.contributions if c.stage is Stage.OPERATION]
    assert sum(c.energy_kwh for c in operation) == pytest.approx(run.energy_kwh)
    in_poland = run.clients.domain == 0
    kwh = run.clients.energy_kwh[in_poland].sum() + run.clients.wait_kwh[in_poland].sum()
    assert sum(c.emissions_g.value for c in operation) == pytest.approx(1000 * kwh)
    page = fp.render_report(assessment)
    assert "excess energy" in page


def test_excess_energy_is_never_silently_nothing():
    run = simulated()
    plain = run.to_journal()
    assert [f.code for f in plain.findings if f.code.startswith("excess")] == [
        "excess-as-zero",
        "excess-as-grid",
    ]
    apart = run.to_journal(excess_zone="spare-sun")
    assert [f.code for f in apart.findings if f.code.startswith("excess")] == [
        "excess-as-zero",
        "excess-declared",
    ]
    assert apart.total("energy_kwh") == pytest.approx(plain.total("energy_kwh"))
    excess = [a.energy_kwh for a in apart.activities() if a.zone == "spare-sun"]
    assert sum(excess) == pytest.approx(run.hours.energy_kwh[:, 0].sum())
    # Nobody gets away without declaring what it emits.
    with pytest.raises(fp.FootprintError, match="spare-sun"):
        fp.estimate(fp.build_inventory(apart), Settings(draws=100))
    declared = Settings(intensities={"spare-sun": 0.0}, draws=100, embodied=Settings().embodied)
    low = fp.estimate(fp.build_inventory(apart), declared).total_g.value
    assert low < fp.estimate(fp.build_inventory(plain), Settings(draws=100)).total_g.value
    with pytest.raises(UsageError, match="zone of a grid"):
        run.to_journal(excess_zone="PL")


@pytest.mark.parametrize("mode", [Mode.GRID, Mode.BOTH, Mode.EXCESS])
def test_an_estimate_can_count_every_kwh_at_its_own_hour(mode):
    run = simulated(mode)
    told = run.intensities(excess_zone="spare-sun")
    inventory = fp.build_inventory(run.to_journal(excess_zone="spare-sun"))
    assessment = fp.estimate(inventory, Settings(intensities=told, draws=0))
    operation = [c for c in assessment.contributions if c.stage is Stage.OPERATION]
    assert sum(c.energy_kwh for c in operation) == pytest.approx(run.energy_kwh)
    assert sum(c.emissions_g.value for c in operation) == pytest.approx(run.emissions_g)
    assert (mode is Mode.EXCESS) == (run.emissions_g == 0)


def test_there_is_no_intensity_of_a_grid_that_nobody_knows():
    run = simulate(world(Mode.GRID, intensity=None), make_policy("random"), RULES)
    with pytest.raises(UsageError, match="'PL' is not known"):
        run.intensities()


def test_what_nobody_knows_is_unknown_in_the_journal():
    run = simulated(idle_w=np.full(12, np.nan))
    journal = run.to_journal()
    assert {f.code for f in journal.findings} >= {"waiting-unknown", "link-rate-missing"}
    waits = [a for a in journal.activities() if a.phase is Phase.WAIT]
    assert waits
    assert {a.energy_kwh for a in waits} == {None}
    assert np.isnan(run.clients.wait_kwh).all()
    assert run.energy_kwh == pytest.approx(run.clients.energy_kwh.sum())


def test_without_a_zone_an_estimate_asks_for_one():
    supply = Supply(
        (PowerDomain("a"), PowerDomain("b"), PowerDomain("c")),
        sun(2, (("a", ""), ("b", ""), ("c", ""))),
    )
    run = simulate(World(fleet(), supply), Uniform(), RULES)
    with pytest.raises(MissingPlace):
        fp.estimate(fp.build_inventory(run.to_journal()), Settings(draws=100))


def test_repairs_of_the_series_are_in_the_result():
    excess = replace(sun(), findings=(fp.model.Finding("trace-hold", "filled"),))
    run = simulate(world(excess_w=excess), Uniform(), RULES)
    assert "trace-hold" in {finding.code for finding in run.findings}
