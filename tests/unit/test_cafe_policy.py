"""CAFE as a scheduler: its queue lives on what was measured, and what it asks for is charged."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.scheduling.arrays import ROUNDING
from footprint.scheduling.base import ClientOutcome, Outcome, SelectionState
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.cafe_policy import CafePolicy
from footprint.scheduling.candidates import Candidates, ClientTable
from footprint.scheduling.coreset import measure_coreset
from footprint.scheduling.ecolearn import EcoLearn
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.lowcarb import Lowcarb
from footprint.scheduling.outlook import Need, Outlook, frozen
from footprint.scheduling.paced_random import PacedRandom
from footprint.scheduling.pacing import StraightLine
from footprint.scheduling.power_of_choice import PowerOfChoice
from footprint.scheduling.replay import LABEL, replay
from footprint.scheduling.static_cleanest import StaticCleanest
from footprint.scheduling.submodular import Solver
from footprint.scheduling.utility_per_gram import UtilityPerGram

NOW_S = 1.8e9
# Test vector of the choice: gradients and shares of a round's budget.
GRADIENTS = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0.5, 1]])
SHARES = np.array([0.2, 0.6, 0.5, 0.4])
SHARE_G, ROUNDS = 50.0, 40
SOFT = Budget(Resource.CARBON_G, SHARE_G * ROUNDS, BudgetMode.SOFT, rounds=ROUNDS)


@dataclass
class Vector:
    """Gives the gradients of the test vector, and notes who was asked."""

    able: tuple = (0, 1, 2, 3)
    asked: list = field(default_factory=list)

    def gradients(self, clients, source):
        self.asked.append((clients.tolist(), source))
        return {n: GRADIENTS[n] for n in clients.tolist() if n in self.able}


def seen(number=1, *, budget=SOFT, probes=None, there=(0, 1, 2, 3), **columns):
    """Four clients on grids of 100 to 400 g/kWh, whose rounds emit the shares of the vector."""
    grids = np.array([100.0, 200.0, 300.0, 400.0])
    known = {
        "domain": np.arange(4),
        "energy_kwh": SHARES * SHARE_G / grids,
        **columns,
    }
    table = ClientTable.empty([f"c{n}" for n in range(4)], **known).shown()
    told = {Need.INTENSITY: frozen(grids, NOW_S)}
    outlook = Outlook(NOW_S, 60.0, 60, ("a", "b", "c", "d"), told)
    return SelectionState(
        number, NOW_S, Candidates(table, np.array(there)), None, outlook, budget, probes or Vector()
    )


def came(number, ids, emissions_g, own_g=None, gradients=None):
    clients = [ClientOutcome(name, ReplyStatus.OK, emissions_g=own_g) for name in ids]
    if gradients is None:
        gradients = {name: GRADIENTS[int(name[1:])] for name in ids}
    return Outcome(number, NOW_S, NOW_S + 60, clients, 0.1, emissions_g, gradients)


@pytest.mark.parametrize(
    ("backlog", "expected"),
    [(0.0, ["c0", "c1", "c2", "c3"]), (0.3, ["c0", "c2", "c3"]), (1.0, ["c0"]), (2.0, ["c0"])],
)
def test_it_chooses_as_the_test_vector_says(backlog, expected):
    policy = CafePolicy(weight=1.0, backlog=backlog)
    assert policy.select(seen(), np.random.default_rng(0)) == expected
    (record,) = policy.records
    assert record.choice.solver is Solver.EXACT
    assert record.carbon_g == pytest.approx(SHARES * SHARE_G)
    assert record.choice.planned_g == pytest.approx(
        sum(SHARES[int(name[1:])] for name in expected) * SHARE_G
    )


def test_the_queue_is_fed_with_what_was_measured_and_with_nothing_for_empty_slots():
    policy, rng = CafePolicy(weight=1.0, backlog=2.0), np.random.default_rng(0)
    assert policy.select(seen(1), rng) == ["c0"]
    # Planned were 10 g; 260 were measured, which is 5.2 shares.
    policy.observe(came(1, ["c0"], 260.0))
    assert policy.queue.backlog == pytest.approx(2.0 + 5.2 - 1)
    assert policy.records[-1].measured_g == 260.0
    for slot in range(3):
        # Too dear now; the slot before this one emitted nothing.
        assert policy.select(seen(2), rng) == []
        assert policy.queue.backlog == pytest.approx(6.2 - slot)
    # A round that was chosen and never begun is an empty slot, too.
    assert policy.select(seen(2, there=(0,), energy_kwh=np.full(4, 1e-9)), rng) == ["c0"]
    assert policy.select(seen(2), rng) == []
    assert policy.queue.backlog == pytest.approx(6.2 - 4)
    assert [r.measured_g for r in policy.records] == [260.0, None, None, None, None, None]


def test_a_run_keeps_the_identity_of_its_queue():
    policy, rng = CafePolicy(weight=3.0), np.random.default_rng(4)
    spent = 0.0
    for number in range(1, ROUNDS + 1):
        ids = policy.select(seen(number), rng)
        if ids:
            taken = policy.records[-1].choice.planned_g * float(np.exp(0.3 * rng.normal()))
            policy.observe(came(number, ids, taken))
            spent += taken
    queue = policy.queue if ids else policy.queue.after(0.0)
    assert spent / SOFT.total - 1 <= queue.backlog / ROUNDS + ROUNDING


def test_emissions_that_nobody_measured_are_an_error():
    for unknown in (None, np.nan):
        policy = CafePolicy()
        policy.select(seen(), np.random.default_rng(0))
        with pytest.raises(UsageError, match="Nobody knows what round 1 emitted"):
            policy.observe(came(1, ["c0"], unknown))


def test_who_asks_for_gradients_and_when():
    rng = np.random.default_rng(0)
    everybody = [0, 1, 2, 3]
    for source, later in (
        (GradientSource.FRESH, everybody),
        (GradientSource.PROBE_BATCH, everybody),
        (GradientSource.STALE, None),
    ):
        probes, policy = Vector(), CafePolicy(gradient=source)
        for number in (1, 2):
            policy.observe(came(number, policy.select(seen(number, probes=probes), rng), 50.0))
        asked = [(everybody, source)] + ([(later, source)] if later else [])
        assert probes.asked == asked


def test_stale_gradients_are_those_of_the_last_training():
    policy, rng = CafePolicy(weight=1.0, gradient=GradientSource.STALE), np.random.default_rng(0)
    policy.select(seen(1), rng)
    moved = GRADIENTS[::-1].copy()
    policy.observe(came(1, ["c0", "c3"], 65.0, gradients={"c0": moved[0], "c3": moved[3]}))
    policy.select(seen(2), rng)
    now = np.array([moved[0], GRADIENTS[1], GRADIENTS[2], moved[3]])
    assert policy.records[-1].cover == pytest.approx(measure_coreset(now).cover)
    # Fresh ones are what was just computed, whatever trainings followed.
    fresh = CafePolicy(weight=1.0, gradient=GradientSource.FRESH)
    fresh.select(seen(1), rng)
    fresh.observe(came(1, ["c0"], 50.0, gradients={"c0": moved[0]}))
    fresh.select(seen(2), rng)
    assert fresh.records[-1].cover == pytest.approx(measure_coreset(GRADIENTS).cover)


def test_with_stale_gradients_who_cannot_be_asked_trains_once():
    policy, rng = CafePolicy(backlog=2.0), np.random.default_rng(0)
    nobody = Vector(able=())
    unknown = {"energy_kwh": np.full(4, np.nan)}
    assert policy.select(seen(1, probes=nobody, **unknown), rng) == ["c0", "c1", "c2", "c3"]
    assert policy.records == []
    policy.observe(came(1, ["c0", "c1", "c2"], 100.0))
    # One was late; it is the only one whose gradient is not known.
    assert policy.select(seen(2, probes=nobody, **unknown), rng) == ["c3"]
    with pytest.raises(UsageError, match="nobody told which gradients"):
        policy.observe(came(2, ["c3"], 10.0, gradients={}))
    policy.observe(came(2, ["c3"], 10.0))
    with pytest.raises(UsageError, match="what energy 'c0' needs"):
        policy.select(seen(3, probes=nobody, **unknown), rng)
    assert policy.select(seen(3, probes=nobody), rng)


def test_with_fresh_gradients_who_gave_none_is_not_chosen_and_still_represented():
    policy, rng = CafePolicy(weight=1.0, gradient=GradientSource.FRESH), np.random.default_rng(0)
    assert policy.select(seen(1, probes=Vector(able=())), rng) == []
    assert policy.select(seen(1, probes=Vector(able=(1, 2))), rng) == ["c1", "c2"]
    assert policy.select(seen(1, there=(0, 3)), rng) == ["c0", "c3"]
    # All four stand in the rows by now, those who are there in the columns.
    assert policy.records[-1].cover.shape == (4, 2)


def test_a_hard_budget_leaves_room_for_probes():
    hard = replace(SOFT, mode=BudgetMode.HARD)
    policy, rng = CafePolicy(weight=1e6, gradient=GradientSource.FRESH), np.random.default_rng(0)
    plan_g = SHARES.sum() * SHARE_G
    assert len(policy.select(seen(1, budget=hard), rng)) == 4
    # Of what the round emitted, the work of the four was 20 g each: 42.5 g are half the plan.
    policy.observe(came(1, ["c0", "c1", "c2", "c3"], 80 + plan_g / 2, own_g=20.0))
    spent = replace(hard, spent=hard.total - 1.5 * plan_g)
    assert len(policy.select(seen(2, budget=spent), rng)) == 4
    policy.observe(came(2, ["c0", "c1", "c2", "c3"], 80 + plan_g / 2, own_g=20.0))
    less = replace(spent, spent=spent.spent + 1)
    chosen = policy.select(seen(3, budget=less), rng)
    assert 0 < len(chosen) < 4
    assert policy.records[-1].choice.planned_g <= plan_g - 1


def test_weights_of_the_average_may_be_those_of_the_represented():
    rng = np.random.default_rng(0)
    assert CafePolicy().weights is None
    policy = CafePolicy(weight=1.0, backlog=0.3, represented=True)
    policy.select(seen(samples=np.array([4.0, 3.0, 2.0, 1.0])), rng)
    # The second client is nearest to the first.
    assert policy.weights(["c0", "c2", "c3"]) == pytest.approx([0.7, 0.2, 0.1])
    assert policy.weights(["c2", "c3"]).sum() == pytest.approx(1.0)


def test_samples_of_some_clients_alone_are_an_error():
    some = seen(samples=np.array([4.0, np.nan, 2.0, 1.0]))
    with pytest.raises(UsageError, match="samples of 'c1'"):
        CafePolicy().select(some, np.random.default_rng(0))


def test_an_intensity_that_nobody_knows_is_an_error():
    dark = seen()
    signals = {Need.INTENSITY: frozen(np.array([1.0, np.nan, 1.0, 1.0]), NOW_S)}
    dark = replace(dark, outlook=replace(dark.outlook, signals=signals))
    with pytest.raises(UsageError, match="grid of 'c1' is not known"):
        CafePolicy().select(dark, np.random.default_rng(0))


def test_a_run_is_replayed_within_what_it_spent():
    policy, rng = CafePolicy(weight=2.0), np.random.default_rng(5)
    for number in range(1, 13):
        state = seen(number, energy_kwh=rng.uniform(0.02, 0.2, 4))
        ids = policy.select(state, rng)
        if ids:
            policy.observe(came(number, ids, policy.records[-1].choice.planned_g))
    found = replay(policy.records)
    assert found.slots == 12
    assert found.label == LABEL
    assert found.spent_g == pytest.approx(sum(r.measured_g or 0 for r in policy.records))
    assert found.everybody <= found.bound + ROUNDING
    assert found.reached <= found.bound + ROUNDING
    assert found.gap == pytest.approx(
        (found.bound - found.reached) / (found.bound - found.everybody)
    )
    # A larger total allows more; a choice of which no round came is none.
    assert replay(policy.records, 2 * found.total_g).bound >= found.bound
    policy.select(seen(13, energy_kwh=np.full(4, 1e-6)), rng)
    assert replay(policy.records).reached == found.reached
    # With all that everybody takes, there is nothing to gain.
    assert replay(policy.records, 1e9).gap is None
    with pytest.raises(UsageError, match="at least one round"):
        replay([])


def test_a_straight_line_counts_choices_and_keeps_what_was_left():
    line, budget = StraightLine(), replace(SOFT, reserve=0.0)
    assert line.next_allowance(seen(budget=budget)) == SHARE_G
    assert line.next_allowance(seen(budget=budget)) == 2 * SHARE_G
    assert line.next_allowance(seen(budget=replace(budget, spent=140.0))) == SHARE_G - 40
    assert line.next_allowance(seen(budget=replace(budget, spent=900.0))) == 0
    reserved = replace(budget, reserve=SOFT.total / 2)
    assert StraightLine().next_allowance(seen(budget=reserved)) == SHARE_G / 2
    for _ in range(100):
        last = line.next_allowance(seen(budget=budget))
    assert last == SOFT.total


def test_paced_random_draws_what_the_line_lets_on_average():
    rng, counts = np.random.default_rng(2), []
    policy, spent = PacedRandom(), 0.0
    for number in range(1, ROUNDS + 1):
        state = seen(number, budget=replace(SOFT, spent=spent))
        ids = policy.select(state, rng)
        counts.append(len(ids))
        spent += sum(SHARES[int(name[1:])] for name in ids) * SHARE_G
    # A client takes 0.425 of a share on average.
    assert np.mean(counts) == pytest.approx(1 / SHARES.mean(), rel=0.1)
    assert spent <= SOFT.total + SHARES.sum() * SHARE_G
    assert spent >= 0.9 * SOFT.total


def test_value_per_gram_takes_the_cheap_and_different_first():
    policy = UtilityPerGram(GradientSource.FRESH, rounds=ROUNDS)
    assert policy.select(seen(), np.random.default_rng(0)) == ["c0", "c3"]


def test_static_choices_stay():
    rng = np.random.default_rng(0)
    ahead = np.array([[300.0, 500], [200, 100], [400, 400], [100, 500]])
    state = seen()
    signals = {**state.outlook.signals, Need.INTENSITY_FORECAST: frozen(ahead, NOW_S)}
    state = replace(state, outlook=replace(state.outlook, signals=signals))
    policy = StaticCleanest(count=2)
    assert policy.select(state, rng) == ["c1", "c3"]
    turned = {**signals, Need.INTENSITY_FORECAST: frozen(ahead[::-1], NOW_S)}
    later = replace(state, outlook=replace(state.outlook, signals=turned))
    assert policy.select(later, rng) == ["c1", "c3"]
    # Without a number, the line says how many: 30 g of 50 for c1, and 20 for c3.
    assert StaticCleanest().select(state, rng) == ["c1", "c3"]
    zones = seen(zones=np.array(["A", "B", "C", "D"], dtype=object))
    means = dict(zip("ABCD", (4.0, 3.0, 2.0, 1.0), strict=True))
    assert StaticCleanest(3, means=means).select(zones, rng) == ["c1", "c2", "c3"]
    with pytest.raises(UsageError, match="no mean intensity of the zone 'D'"):
        StaticCleanest(3, means={"A": 1.0, "B": 2.0, "C": 3.0}).select(zones, rng)


def test_power_of_choice_keeps_the_largest_losses_of_those_drawn():
    rng = np.random.default_rng(0)
    table = ClientTable.empty([f"c{n}" for n in range(4)], samples=np.array([1.0, 1.0, 1.0, 97.0]))
    table.metrics["loss"] = np.array([3.0, 1.0, np.nan, 2.0])
    state = SelectionState(2, NOW_S, Candidates(table.shown()), 2)
    assert PowerOfChoice(drawn=4).select(state, rng) == ["c0", "c2"]
    draws = [PowerOfChoice(1, 1).select(state, rng)[0] for _ in range(500)]
    # A draw by samples: five standard deviations of a binomial with p = 0.97.
    assert abs(draws.count("c3") - 485) < 20
    with pytest.raises(UsageError, match="cannot be kept"):
        PowerOfChoice(3, 2)


def test_utility_and_low_carbon_are_weighed_and_later_rounds_have_fewer():
    rng = np.random.default_rng(0)
    # Carbon of 10, 30, 25 and 20 g; the third never answered, which is the largest utility.
    state = seen(utility=np.array([1.0, 9.0, np.nan, 3.0]))
    state = replace(state, wanted=2)
    assert EcoLearn(balance=1.0).select(state, rng) == ["c1", "c2"]
    assert EcoLearn(balance=0.0).select(state, rng) == ["c0", "c3"]
    fewer = EcoLearn(balance=0.0, least=1, until=10)
    assert fewer.select(state, rng) == ["c0", "c3"]
    assert fewer.select(replace(state, round=11), rng) == ["c0"]
    # The first hour is as clean as any; a dirtier one than all before adds nobody.
    more = EcoLearn(balance=0.0, extra=1.0)
    assert len(more.select(state, rng)) == 4
    doubled = {Need.INTENSITY: frozen(2 * state.outlook.intensity_now, NOW_S)}
    dirtier = replace(state, outlook=replace(state.outlook, signals=doubled))
    assert len(more.select(dirtier, rng)) == 2


def test_who_took_part_often_waits_for_a_cleaner_hour():
    rng = np.random.default_rng(0)
    ahead = np.full((4, 13 * 60), 300.0)
    ahead[2, 5 * 60 :] = 10.0  # much cleaner in five hours
    state = seen(answered=np.array([3, 4, 4, 4]))
    signals = {Need.INTENSITY_FORECAST: frozen(ahead, NOW_S)}
    state = replace(state, outlook=replace(state.outlook, signals=signals), wanted=3)
    assert Lowcarb().select(state, rng) == ["c0", "c1", "c3"]
    # It may not look so far ahead.
    assert Lowcarb(window=4).select(state, rng) == ["c0", "c1", "c2"]
    assert Lowcarb().horizon_s == 13 * 3600
