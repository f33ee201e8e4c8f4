"""Measured costs of methods, their files, and what a simulation makes of them."""

from dataclasses import replace

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.model import MethodPlans, ReplyStatus
from footprint.model.method_costs import CostFigure, CostTable, Kind, MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.base import ClientOutcome, Outcome, SelectionState, methods_of
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.candidates import Candidates, ClientTable
from footprint.scheduling.cost_files import read_costs, write_costs
from footprint.scheduling.knobs import Messages, WithKnobs
from footprint.scheduling.method_choices import PlannedWork, choose_methods
from footprint.scheduling.past_work import PastWork
from footprint.scheduling.uniform import Uniform
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.learners import FallingLoss
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

START, HOUR = unix_seconds("2024-11-03"), 3600


def figure(value, low=None, high=None, kind=Kind.MEASURED):
    return CostFigure(value, value if low is None else low, value if high is None else high, kind)


def cost(name, time=1.0, *, lost=1.0, up=1.0, down=1.0, **method):
    energy = figure(time, kind=Kind.MODELLED_FROM_TIME)
    made = TrainingMethod(name, **method)
    return MethodCost(made, figure(time), energy, figure(up), figure(down), figure(lost))


PLAIN = MethodCost(TrainingMethod("plain"))
HALF = cost("half", 0.5, lost=3.0, up=0.25, down=0.25, width=0.5)
EIGHT = cost("8-bit", 1.0, lost=0.1, up=0.25, scheme="top-diff", values="int8")
TABLE = CostTable("net", "device", "conditions", "source", (PLAIN, HALF, EIGHT))


# --- tables ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["theoretical_flops", "projected"])
def test_what_was_not_measured_cannot_pay_into_a_budget(kind):
    with pytest.raises(UsageError, match=f"{kind} cannot pay into a budget"):
        figure(0.1, kind=kind)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CostFigure(1.0, 1.1, 1.2), "not between its bounds"),
        (lambda: CostFigure(float("nan"), 0.0, 1.0), "no finite numbers"),
        (lambda: CostFigure(1.0, 1.0, 1.0, "guessed"), "'guessed' is not a valid"),
        (lambda: replace(HALF, up=figure(0.0)), "ratio of up from 0"),
        (
            lambda: replace(HALF, time=figure(0.5, kind=Kind.MODELLED_FROM_TIME)),
            "is modelled",
        ),
        (lambda: replace(TABLE, conditions=" "), "does not say its conditions"),
        (lambda: replace(TABLE, costs=()), "no method"),
        (lambda: replace(TABLE, costs=(HALF, PLAIN)), "no reference: its width is 0.5"),
        (lambda: replace(TABLE, costs=(PLAIN, HALF, HALF)), "'half' is there twice"),
        (lambda: replace(TABLE, costs=(replace(PLAIN, up=figure(0.9)),)), "the up 0.9"),
        (
            lambda: replace(TABLE, costs=(PLAIN, cost("twice", local_epochs=2))),
            "makes 2 local epochs",
        ),
        (lambda: TABLE["third"], "no method 'third'.*plain, half, 8-bit"),
    ],
)
def test_a_table_that_says_nothing_is_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_a_table_survives_its_file(tmp_path):
    odd = replace(
        HALF,
        method=TrainingMethod(
            'a "name"\nof two lines, é', "emulated", 0.9, None, 0.75, "top-diff", 0.1
        ),
        time=CostFigure(1 / 3, 0.3, 0.35),
        loss=CostFigure(-0.1, -1.0, 2.5),
    )
    table = replace(TABLE, costs=(PLAIN, HALF, EIGHT, odd), conditions='said "so" \\ \x7f')
    write_costs(table, tmp_path / "costs.toml")
    assert read_costs(tmp_path / "costs.toml") == table


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "measured"', 'kind = "projected"', r"method\[2\]: A figure that is projected"),
        ("low = 0.5", "low = 0.9", r"method\[2\]: 0.5 is not between its bounds 0.9"),
        ("width = 0.5", "witdh = 0.5", "witdh: this key is unknown"),
        ("up = {", "# up = {", r"method\[2\].up: nobody says what 'half' costs"),
        ('"half"', '"plain"', "'plain' is there twice"),
        ("format_version = 1", "format_version = 9", "version 9"),
        ('source = "source"', "", "source: this key is missing"),
        ("[[method]]", "[[method", "is not TOML"),
    ],
)
def test_a_broken_file_says_where_it_is_broken(tmp_path, old, new, message):
    path = tmp_path / "costs.toml"
    write_costs(TABLE, path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message) as caught:
        read_costs(path)
    assert "costs.toml" in caught.value.message


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.toml"):
        read_costs(tmp_path / "nowhere.toml")
    with pytest.raises(DataError, match="cannot be written"):
        write_costs(TABLE, tmp_path / "no folder" / "costs.toml")


# --- the scheduler -----------------------------------------------------------


def seen(budget=None, **columns):
    known = {
        "most": np.full(3, 10.0),
        "energy_per_unit_ws": np.full(3, 3600.0),  # so a round is 0.01 kWh
        "intensity_g_per_kwh": np.array([100.0, 100.0, 700.0]),
        "samples": np.full(3, 50.0),
        **columns,
    }
    table = ClientTable.empty(["a", "b", "c"], **known)
    return SelectionState(1, 1.8e9, Candidates(table), None, None, budget)


def past(last_kwh, most_kwh, **columns):
    """Build work of clients that must do all they may; a round of a minute."""
    filled = {"least_kwh": most_kwh, "ready_s": 60.0, "length_s": 60.0, "time": 1, "energy": 1}
    size = len(last_kwh)
    given = {"most_kwh": most_kwh, **filled, **columns}
    arrays = {name: np.broadcast_to(np.array(one, float), size) for name, one in given.items()}
    return PastWork(np.array(last_kwh, float), **arrays)


def names(scheduler, state, ids=("a", "b", "c")):
    return [one.name for one in methods_of(scheduler, ids, state)]


def knobs(**options):
    return WithKnobs(inner=Uniform(), table=TABLE, **options)


def test_the_dirtiest_grid_trains_cheaply_first():
    assert names(knobs(allowance_g=9.0), seen()) == ["plain"] * 3
    assert names(knobs(allowance_g=6.0), seen()) == ["plain", "plain", "half"]
    # In the order of the ids, whoever is asked.
    assert names(knobs(allowance_g=5.0), seen(), ("c", "a")) == ["half", "plain"]
    policy = knobs(allowance_g=1.0)
    assert names(policy, seen()) == ["half"] * 3
    assert not policy.last.fits


def test_bytes_alone_are_saved_where_they_alone_cost():
    messages = Messages(down_gb=1.0, up_gb=1.0, kwh_per_gb=0.03)
    policy = knobs(allowance_g=0.03 * 1.3 * 900, messages=messages)
    # All but nothing is computed: 8-bit updates lose least of what makes room.
    assert names(policy, seen(energy_per_unit_ws=np.full(3, 1e-6))) == ["8-bit"] * 3


def test_what_a_round_may_emit_is_what_is_left_over_the_rounds_that_are_left():
    budget = Budget(Resource.CARBON_G, 60.0, rounds=10)
    assert names(knobs(), seen(budget)) == ["plain", "plain", "half"]
    # Nothing spent in five rounds: twice as much for each of the others.
    later = replace(budget, booked=5)
    assert names(knobs(), seen(later)) == ["plain"] * 3
    assert names(knobs(rounds=6), seen(budget)) == ["plain"] * 3
    # What is held back is no part of any round.
    policy = knobs()
    names(policy, seen(replace(budget, reserve=6.0, booked=1, spent=9.0)))
    assert policy.last.allowance_g == pytest.approx((60.0 - 9.0 - 6.0) / 9)
    paced = replace(budget, mode=BudgetMode.PACED, booked=5, spent=35.0)
    assert names(knobs(), seen(paced)) == ["half"] * 3  # 1 g is left on the line
    assert names(knobs(allowance_g=100.0), seen(paced)) == ["half"] * 3


def test_what_was_taken_by_another_method_is_no_measure_of_the_reference():
    policy = knobs(allowance_g=6.0)
    assert names(policy, seen()) == ["plain", "plain", "half"]
    answered = (
        ClientOutcome("c", ReplyStatus.OK, 0.005),
        ClientOutcome("a", ReplyStatus.LATE, 9.0),
    )
    policy.observe(Outcome(1, 0.0, 60.0, answered))
    again = seen(energy_kwh=np.array([0.01, 0.01, 0.005]))
    assert names(policy, again) == ["plain", "plain", "half"]
    assert policy.last.reference_g == pytest.approx(9.0)


def test_nobody_is_planned_whose_energy_is_not_known():
    policy = knobs(allowance_g=1.0)
    state = seen(most=np.array([10.0, 10.0, np.nan]))
    assert names(policy, state) == ["half", "half", "plain"]
    assert policy.last.unplanned == 1


def test_waiting_is_no_work_that_a_method_changes():
    policy = knobs(allowance_g=8.0)
    # Beside 0.01 kWh of work each took 0.02 kWh in its last round: 27 g, of which 18 stay.
    state = seen(energy_kwh=np.full(3, 0.03))
    assert names(policy, state) == ["half"] * 3
    assert policy.last.reference_g == pytest.approx(27.0)
    assert policy.last.expected_g == pytest.approx(18 + 4.5)
    work, other = past([0.03, 0.025, np.nan], 0.01, energy=[1, 0.5, 1]).split()
    assert work == pytest.approx([0.01, 0.01, 0.01])
    assert other == pytest.approx([0.02, 0.02, 0.0])
    # Where nobody knows the most work, all of it is taken for work.
    work, other = past([0.02], np.nan, energy=[0.5]).split()
    assert (work[0], other[0]) == pytest.approx((0.04, 0.0))


def test_excess_energy_emits_nothing_and_its_messages_do():
    sunny = seen(from_grid=np.array([1.0, 1.0, 0.0]))
    policy = knobs(allowance_g=2.0)
    assert names(policy, sunny) == ["plain"] * 3
    assert (policy.last.expected_g, policy.last.fits) == (pytest.approx(2.0), True)
    # 0.001 kWh both ways at 100 + 100 + 700 g/kWh.
    policy = knobs(allowance_g=9.0, messages=Messages(1.0, 0.0, 0.001))
    names(policy, sunny)
    assert policy.last.reference_g == pytest.approx(2.0 + 0.9)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_shares_are_parts_of_a_whole(scale):
    work = PlannedWork(np.ones(2), np.full(2, 100.0), scale * np.array([0.2, 0.3]))
    assert work.shares() == pytest.approx([0.4, 0.6])
    # Both half wide: the round loses what each loses, whatever the unit of samples.
    assert choose_methods(TABLE, work, 100.0).loss_points == pytest.approx(3.0, abs=1e-5)


def test_who_works_until_the_round_ends_does_more_by_a_faster_method():
    one = past([0.02, 0.02], 0.1, least_kwh=0.005, ready_s=[60.0, 15.0])
    times = np.array([1.0, 0.5])
    assert one.lasts_s(times) == pytest.approx(60.0)  # of the first, that trains as before
    # Twice the units at half the energy each.
    assert one.work_kwh(times, 60.0) == pytest.approx([0.02, 0.04])
    assert one.energy_kwh(times, times, 60.0) == pytest.approx([0.02, 0.02])
    # All train faster: the round is half as long.
    both = np.array([0.5, 0.5])
    assert one.lasts_s(both) == pytest.approx(30.0)
    assert one.energy_kwh(both, both, 30.0) == pytest.approx([0.01, 0.01])
    assert one.lasts_s(both, enough=1) == pytest.approx(7.5)
    # Within what must and what may be done; and all of it by who did all before.
    assert one.work_kwh(both, 1e9) == pytest.approx([0.1, 0.1])
    assert one.work_kwh(both, 1e-9) == pytest.approx([0.005, 0.005])
    full = past([0.1], 0.1, least_kwh=0.005)
    assert full.work_kwh(np.array([0.25]), 60.0) == pytest.approx([0.1])


def test_another_policy_sees_energies_that_methods_did_not_change():
    class Watching(Uniform):
        def select(self, state, rng):
            shown.append(state.candidates)
            return state.ids

    shown = []
    policy = WithKnobs(inner=Watching(), table=TABLE, allowance_g=6.0)
    assert names(policy, seen()) == ["plain", "plain", "half"]
    policy.observe(Outcome(1, 0.0, 60.0, [ClientOutcome("c", ReplyStatus.OK, 0.005, 30.0)]))
    took = {"energy_kwh": np.array([0.01, np.nan, 0.005]), "duration_s": np.full(3, 30.0)}
    policy.select(seen(**took), np.random.default_rng(0))
    assert shown[0].energy_kwh == pytest.approx([0.01, np.nan, 0.01], nan_ok=True)
    assert shown[0].duration_s == pytest.approx([30.0, 30.0, 60.0])
    assert shown[0].ids.tolist() == ["a", "b", "c"]


def test_what_it_cannot_do_without_is_said():
    with pytest.raises(UsageError, match="budget of carbon"):
        names(knobs(), seen())
    with pytest.raises(UsageError, match="nobody said how many"):
        names(knobs(), seen(Budget(Resource.CARBON_G, 60.0)))
    dark = np.array([100.0, 100.0, np.nan])
    with pytest.raises(UsageError, match="intensity of the grid of 'c' is not known"):
        names(knobs(allowance_g=1.0), seen(intensity_g_per_kwh=dark))
    with pytest.raises(UsageError, match="no method 'third'"):
        knobs(method="third")
    for wrong in ({"allowance_g": -1.0}, {"rounds": 0}):
        with pytest.raises(UsageError):
            knobs(**wrong)
    assert names(knobs(method="8-bit"), seen()) == ["8-bit"] * 3
    assert knobs(method="8-bit").needs == frozenset()


def test_a_scheduler_names_a_method_with_its_cost_for_each():
    class Wrong(Uniform):
        def methods(self, ids, state):
            return [PLAIN.method] * len(ids)

    with pytest.raises(UsageError, match="Wrong named methods for 3 clients"):
        names(Wrong(), seen())


# --- the simulation ----------------------------------------------------------


def world(**changes):
    """Four clients on two grids; a unit a minute for 3.6 kJ, and messages of 0.1 GB."""
    grids = Trace(START, HOUR, ("FR", "PL"), np.tile([50.0, 700.0], (24, 1)), "gCO2e/kWh")
    columns = {
        "domain": np.array([0, 0, 1, 1]),
        "units_per_s": np.full(4, 1 / 60),
        "energy_per_unit_ws": np.full(4, 3600.0),
        "least_units": np.full(4, 20.0),
        "most_units": np.full(4, 20.0),
        "idle_w": np.zeros(4),
        **changes,
    }
    fleet = replace(Fleet.of(**columns).with_messages(0.1), network_kwh_per_gb=0.05)
    domains = tuple(PowerDomain(zone, zone, Mode.GRID) for zone in grids.columns)
    return World(fleet, Supply(domains, None, grids))


RULES = Rules(START, 12 * HOUR, updates=None, most_rounds=6)


def test_a_method_scales_work_time_and_bytes():
    plain, half = (
        simulate(world(), WithKnobs(inner=Uniform(), table=TABLE, method=name), RULES)
        for name in ("plain", "half")
    )
    assert len(plain.rounds) == len(half.rounds) == 6
    assert half.rounds.units == pytest.approx(plain.rounds.units)
    assert half.clients.energy_kwh == pytest.approx(0.5 * plain.clients.energy_kwh)
    assert half.rounds.steps.tolist() == [10] * 6
    assert plain.rounds.steps.tolist() == [20] * 6
    for one, part in ((plain, 1.0), (half, 0.25)):
        assert one.clients.down_gb == pytest.approx(np.full(4, 6 * 0.1 * part))
        assert one.clients.up_gb == pytest.approx(np.full(4, 6 * 0.1 * part))
        assert one.clients.network_kwh == pytest.approx(np.full(4, 2 * 6 * 0.1 * 0.05 * part))
        # 20 units of 0.001 kWh, and the network, at the intensity of each grid.
        each_kwh = 6 * (0.02 * (1.0 if one is plain else 0.5) + 0.01 * part)
        expected = each_kwh * np.array([50, 50, 700, 700])
        assert one.clients.emissions_g == pytest.approx(expected)
        assert one.rounds.emissions_g.sum() == pytest.approx(one.emissions_g)
        assert one.energy_kwh == pytest.approx(4 * each_kwh)
        assert one.hours.energy_kwh.sum() == pytest.approx(one.energy_kwh)
    (use,) = half.methods
    assert use.cost is HALF
    assert use.trainings.tolist() == [12, 12]
    assert use.reference_kwh == pytest.approx(plain.clients.energy_kwh.sum())
    assert use.energy_kwh == pytest.approx(use.reference_kwh / 2)


def test_slower_links_are_as_much_faster_as_messages_are_smaller():
    slow = world(down_mbps=np.full(4, 1.0), up_mbps=np.full(4, 0.5))  # 800 s down, 1,600 s up
    plain, half = (
        simulate(slow, WithKnobs(inner=Uniform(), table=TABLE, method=name), RULES)
        for name in ("plain", "half")
    )
    assert plain.rounds.steps[0] == 14 + 20 + 27
    assert half.rounds.steps[0] == 4 + 10 + 7


def test_reference_for_all_is_as_if_nobody_had_chosen():
    one = simulate(world(), WithKnobs(inner=Uniform(), table=TABLE, allowance_g=1e9), RULES, seed=3)
    two = simulate(world(), Uniform(), RULES, seed=3)
    for column in ("energy_kwh", "emissions_g", "steps", "units"):
        assert getattr(one.rounds, column).tolist() == getattr(two.rounds, column).tolist()
    assert [use.cost.name for use in one.methods] == ["plain"]
    assert two.methods == ()


@pytest.mark.parametrize("mode", [BudgetMode.HARD, BudgetMode.PACED])
def test_a_budget_lasts_longer_where_methods_are_chosen_by_it(mode):
    budget = Budget(Resource.CARBON_G, 160.0, mode, rounds=6)  # plain rounds are 45 g each
    plain = simulate(world(), Uniform(), RULES, budgets=[budget])
    messages = Messages(down_gb=0.1, up_gb=0.1, kwh_per_gb=0.05)
    policy = WithKnobs(inner=Uniform(), table=TABLE, messages=messages)
    knobs = simulate(world(), policy, RULES, budgets=[budget])
    assert plain.emissions_g <= 160.0
    assert knobs.emissions_g <= 160.0 * (1 + 1e-9)
    assert len(knobs.rounds) == 6 > len(plain.rounds)
    by_name = {use.cost.name: use.trainings.tolist() for use in knobs.methods}
    # The clean grid saves at most bytes; the dirty one trains narrower.
    assert by_name["half"][0] == 0
    assert by_name["half"][1] > 0


class Watched(WithKnobs):
    """Keeps what it expects of each round."""

    def choose(self, ids, state):
        found = super().choose(ids, state)
        self.expected_g = [*getattr(self, "expected_g", ()), self.last.expected_g]
        return found


@pytest.mark.parametrize("allowance_g", [15.0, 20.0, 25.0])
def test_a_round_takes_what_was_expected_of_it_where_some_may_do_more(allowance_g):
    some = world(least_units=np.array([20.0, 5, 5, 5]), most_units=np.array([20.0, 100, 100, 100]))
    some = replace(some, fleet=replace(some.fleet, network_kwh_per_gb=0.0))
    policy = Watched(inner=Uniform(), table=TABLE, allowance_g=allowance_g)
    run = simulate(some, policy, RULES)
    assert len({use.cost.name for use in run.methods}) > 1
    # The first round is planned as all that everybody may do.
    assert run.rounds.emissions_g[1:] == pytest.approx(policy.expected_g[1:], rel=0.1)


def test_excess_energy_leaves_everybody_at_the_reference():
    plain = world()
    domains = tuple(replace(one, mode=Mode.EXCESS) for one in plain.supply.domains)
    power = Trace(START, HOUR, ("FR", "PL"), np.full((24, 2), 1e6), "W")
    sunny = World(
        replace(plain.fleet, network_kwh_per_gb=0.0),
        Supply(domains, power, plain.supply.intensity),
    )
    policy = WithKnobs(inner=Uniform(), table=TABLE, allowance_g=0.5)
    run = simulate(sunny, policy, RULES)
    assert [use.cost.name for use in run.methods] == ["plain"]
    assert policy.last.fits
    assert policy.last.expected_g == run.emissions_g == 0.0


def test_rounds_that_pass_their_allowance_are_said():
    # 45 g by the reference; by the cheapest method 18.75 g of work and network.
    messages = Messages(0.1, 0.1, 0.05)
    passed = WithKnobs(inner=Uniform(), table=TABLE, allowance_g=0.1, messages=messages)
    run = simulate(world(), passed, RULES)
    assert run.rounds.emissions_g == pytest.approx(np.full(6, 18.75))
    (said,) = [one for one in run.findings if one.code == "allowance-passed"]
    assert said.message.startswith("6 of 6 rounds")
    assert (passed.plans.rounds, passed.plans.unfit) == (6, 6)
    kept = WithKnobs(inner=Uniform(), table=TABLE, allowance_g=20.0, messages=messages)
    run = simulate(world(), kept, RULES)
    assert "allowance-passed" not in {one.code for one in run.findings}
    assert kept.plans == MethodPlans(6, 0, 24, 0, 0.0)


def test_trainings_that_nobody_could_plan_are_said():
    policy = knobs(allowance_g=1.0)
    names(policy, seen(most=np.array([10.0, 10.0, np.nan])))
    assert policy.findings() == ()  # no round yet
    policy.observe(Outcome(1, 0.0, 60.0, [ClientOutcome("a", ReplyStatus.OK, 0.01, 60.0)]))
    (said,) = [one for one in policy.findings() if one.code == "methods-unplanned"]
    assert said.message.startswith("1 of 3 trainings")


def test_a_learner_that_trains_all_alike_is_refused():
    with pytest.raises(UsageError, match="FallingLoss trains all alike"):
        simulate(
            world(),
            WithKnobs(inner=Uniform(), table=TABLE, allowance_g=1.0),
            RULES,
            learner=FallingLoss(0, 32, 1000),
        )
