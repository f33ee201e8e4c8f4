"""Schedulers of carbon in a live training: budgets, grids, and gradients from updates."""

from dataclasses import replace

import numpy as np
import pytest
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

import footprint as fp
from footprint.errors import UsageError
from footprint.integrations.flower import (
    CarbonRun,
    DeviceProfile,
    NodeProfile,
    Task,
    VirtualClock,
    VirtualWorld,
    simulate,
)
from footprint.integrations.flower.identity import assumed_identity
from footprint.integrations.flower.selection import METHOD
from footprint.integrations.flower.spending import Spending
from footprint.integrations.flower.updates import Updates
from footprint.model import ReplyStatus
from footprint.model.method_costs import CostFigure, CostTable, MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.base import ClientOutcome, Outcome, findings_of
from footprint.scheduling.budget import Budget, BudgetMode, Resource
from footprint.scheduling.cafe_policy import CafePolicy
from footprint.scheduling.everyone import Everyone
from footprint.scheduling.gradients import GradientSource
from footprint.scheduling.knobs import WithKnobs
from footprint.scheduling.policies import make_policy

START_S, KWH = 1.73e9, 3.6e6
ZONES = ("PL", "DE", "FR")
GRIDS = {"PL": 600.0, "DE": 300.0, "FR": 50.0}
# A round takes ten minutes at 60 W: 0.01 kWh.
ROUND_KWH = 60.0 * 600 / KWH


def profile(zone, **changes):
    device = DeviceProfile(
        "laptop", 60.0, 0.0, 0.0, {"train": Task(fixed_s=600)}, down_mbps=1e9, up_mbps=1e9
    )
    return NodeProfile(device, zone, **changes)


PROFILES = tuple(profile(zone) for zone in ZONES)
# What each client adds to the model in every round: the last two are alike.
STEPS = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.9, 0.1])


class Watching:
    """Passes on to a scheduler, and keeps what came by."""

    def __init__(self, inner):
        self.inner, self.states, self.outcomes, self.chosen = inner, [], [], []

    def select(self, state, rng):
        self.states.append(state)
        self.chosen.append(list(self.inner.select(state, rng)))
        return self.chosen[-1]

    @property
    def methods(self):
        return getattr(self.inner, "methods", None)

    def findings(self):
        return findings_of(self.inner)

    def observe(self, outcome):
        self.outcomes.append(outcome)
        self.inner.observe(outcome)


def train_with(folder, scheduler, *, rounds=6, profiles=PROFILES, examples=None, **options):
    app, server = ClientApp(), ServerApp()

    @app.train()
    def train(message, context):
        (old,) = message.content["arrays"].to_numpy_ndarrays()
        new = old + np.array(STEPS[context.node_config["partition-id"]])
        method = message.content["config"].get(METHOD, "plain")
        metrics = MetricRecord({"num-examples": (examples or {}).get(method, 10)})
        content = {"arrays": ArrayRecord([new]), "metrics": metrics}
        return Message(RecordDict(content), reply_to=message)

    @server.main()
    def main(grid, context):
        run = CarbonRun(folder, run="live", scheduler=scheduler, **options)
        strategy = FedAvg(fraction_evaluate=0.0)
        run.start(strategy, grid, ArrayRecord([np.zeros(3)]), num_rounds=rounds)

    world = VirtualWorld(VirtualClock(START_S), profiles, deadline_s=3600.0)
    simulate(server, app, len(profiles), world=world)
    return fp.read_journal(folder)


def test_cafe_chooses_in_a_live_training_by_what_it_measured(tmp_path):
    # A share of 4 g a round: PL alone takes 6 g, DE 3 g, FR 0.5 g.
    budget = Budget(Resource.CARBON_G, 24.0, BudgetMode.HARD, rounds=6)
    watching = Watching(make_policy("cafe", weight=2.0, gradient="stale"))
    train_with(tmp_path, watching, budget=budget, intensities=GRIDS)
    policy = watching.inner
    # Nobody's gradient is known at first; then all have told theirs, and the queue prices them.
    assert watching.chosen[0] == ["client-0", "client-1", "client-2"]
    first = watching.outcomes[0]
    assert first.energy_kwh == pytest.approx(3 * ROUND_KWH)
    assert first.emissions_g == pytest.approx(950 * ROUND_KWH)
    assert [c.emissions_g for c in first.clients] == pytest.approx(
        [GRIDS[zone] * ROUND_KWH for zone in ZONES]
    )
    for number, step in enumerate(STEPS):
        assert first.gradients[f"client-{number}"] == pytest.approx(-np.array(step))
    assert policy.records[0].choice.backlog == pytest.approx(9.5 / 4 - 1)
    # Two say the same; of them the one in France is dearer by nothing.
    assert watching.chosen[1] == ["client-2"]
    spent = sum(outcome.emissions_g for outcome in watching.outcomes)
    assert watching.states[-1].budget.spent == pytest.approx(
        spent - (watching.outcomes[-1].emissions_g if watching.chosen[-1] else 0)
    )
    assert spent <= budget.total


def test_grids_may_change_with_time(tmp_path):
    def by_hour(zone, now_s):
        return GRIDS[zone] + (now_s - START_S) / 600

    watching = Watching(Everyone())
    train_with(tmp_path, watching, rounds=3, intensities=by_hour)
    assert [o.emissions_g / ROUND_KWH for o in watching.outcomes] == pytest.approx(
        [950, 953, 956], rel=1e-4
    )
    seen = watching.states[1].candidates.intensity_g_per_kwh
    assert seen == pytest.approx([601, 301, 51], rel=1e-4)


@pytest.mark.parametrize(
    ("resource", "total", "rounds"),
    [(Resource.CARBON_G, 20.0, 2), (Resource.ENERGY_KWH, 0.1, 3), (Resource.TIME_S, 1201.0, 3)],
)
def test_no_round_begins_that_a_hard_budget_does_not_allow(tmp_path, resource, total, rounds):
    watching = Watching(Everyone())
    train_with(tmp_path, watching, budget=Budget(resource, total), intensities=GRIDS)
    # Time is known when it has passed; carbon and energy are planned by the round before.
    assert len(watching.outcomes) == rounds
    assert len(watching.chosen) == 6


def test_a_paced_budget_lets_rounds_pass(tmp_path):
    # Each round may spend half of what everybody takes.
    paced = Budget(Resource.ENERGY_KWH, 3 * 3.03 * ROUND_KWH, BudgetMode.PACED, rounds=6)
    watching = Watching(Everyone())
    train_with(tmp_path, watching, budget=paced)
    # The first cannot be planned; it takes the line of two.
    assert [outcome.round for outcome in watching.outcomes] == [1, 4, 6]


def test_methods_are_chosen_before_a_round_is_refused(tmp_path):
    """Plain rounds are 9.5 g: one fits into 14.4 g, and then one by half the energy."""
    half = MethodCost(
        TrainingMethod("half", width=0.5),
        CostFigure(0.5, 0.5, 0.5),
        CostFigure(0.5, 0.5, 0.5),
        loss=CostFigure(2.0, 1.0, 3.0),
    )
    table = CostTable("net", "device", "c", "s", (MethodCost(TrainingMethod("plain")), half))
    device = replace(PROFILES[0].device, tasks={"train": Task(unit_s=60.0)})
    watching = Watching(WithKnobs(inner=Everyone(), table=table))
    budget = Budget(Resource.CARBON_G, 14.4, BudgetMode.HARD, rounds=2)
    journal = train_with(
        tmp_path,
        watching,
        profiles=tuple(NodeProfile(device, zone) for zone in ZONES),
        budget=budget,
        intensities=GRIDS,
        examples={"plain": 10, "half": 5},
    )
    spent = [one.emissions_g / ROUND_KWH for one in watching.outcomes]
    assert spent == pytest.approx([950, 475])
    # Nobody had worked before the first round; the journal says so.
    (said,) = [one for one in journal.findings if one.code == "methods-unplanned"]
    assert said.message.startswith("3 of 6 trainings")


def test_who_does_not_say_is_taken_to_have_used_what_it_used_before(tmp_path):
    # The second client goes away in the second round, and does not answer.
    away = profile("DE", windows=((START_S, START_S + 900),))
    watching = Watching(Everyone())
    budget = Budget(Resource.CARBON_G, 1e3)
    journal = train_with(
        tmp_path,
        watching,
        rounds=3,
        profiles=(PROFILES[0], away, PROFILES[2]),
        budget=budget,
        intensities=GRIDS,
    )
    second = {c.id: c for c in watching.outcomes[1].clients}
    lost = second["client-1"]
    assert lost.status is not ReplyStatus.OK
    said = "spending-assumed" in {finding.code for finding in journal.findings}
    assert said == (lost.energy_kwh is None)
    used_kwh = ROUND_KWH if lost.energy_kwh is None else lost.energy_kwh
    assert watching.outcomes[1].emissions_g == pytest.approx(650 * ROUND_KWH + 300 * used_kwh)


def outcome(*clients, start_s=START_S, stop_s=START_S + 600.0):
    return Outcome(1, start_s, stop_s, clients)


def client(name, energy_kwh):
    return ClientOutcome(name, ReplyStatus.OK, energy_kwh)


def test_energy_that_nobody_ever_told_is_not_zero():
    spending = Spending(GRIDS)
    spending.look("a", "PL", START_S)
    spending.look("b", "DE", START_S)
    assert spending.settle(outcome(client("a", 0.1), client("b", None))).emissions_g is None
    told = []
    spending.assume = told.append
    later = spending.settle(outcome(client("a", None), client("b", 0.2)))
    assert told == ["a"]
    assert later.emissions_g == pytest.approx(0.1 * 600 + 0.2 * 300)
    assert later.clients[0].energy_kwh is None
    kept = Spending(GRIDS, Budget(Resource.CARBON_G, 100.0))
    with pytest.raises(UsageError, match="The energy of a is not known"):
        kept.settle(outcome(client("a", None)))
    with pytest.raises(UsageError, match="The grid intensity of a is not known"):
        kept.settle(outcome(client("a", 0.1)))


def test_an_unknown_zone_has_no_intensity_and_a_wrong_one_is_an_error():
    spending = Spending(GRIDS)
    assert spending.look("a", "XX", START_S) is None
    assert spending.look("a", None, START_S) is None
    for wrong in (-1.0, float("nan")):
        with pytest.raises(UsageError, match="expected 0 or more"):
            Spending({"PL": wrong}).look("a", "PL", START_S)


def test_gradients_that_a_live_training_does_not_have_are_an_error(tmp_path):
    for source in (GradientSource.FRESH, GradientSource.PROBE_BATCH):
        with pytest.raises(UsageError, match=f"no {source} gradients.*gradient='stale'"):
            Updates(0).gradients(np.array([0]), source)
    policy = CafePolicy(gradient=GradientSource.FRESH)
    budget = Budget(Resource.CARBON_G, 20.0, rounds=6)
    with pytest.raises(UsageError, match="no fresh gradients"):
        train_with(tmp_path, policy, budget=budget, intensities=GRIDS)


@pytest.fixture
def identity():
    with assumed_identity(1):
        yield


@pytest.mark.usefixtures("identity")
def test_updates_of_another_form_are_none():
    updates = Updates(0)
    begin = ArrayRecord([np.ones((2, 3)), np.arange(4)])

    def replies(*records):
        return [
            Message(RecordDict({"arrays": record}), dst_node_id=1, message_type="train")
            for record in records
        ]

    assert updates.followed(replies(begin), str) == {}
    updates.gradients(np.array([0]), GradientSource.STALE)
    updates.begin(begin)
    good = ArrayRecord([np.full((2, 3), 0.5), np.arange(4) + 1])
    (row,) = updates.followed(replies(good), str).values()
    assert row.tolist() == [0.5] * 6  # whole numbers are no parameters
    for wrong in (
        ArrayRecord([np.ones((3, 2)), np.arange(4)]),
        ArrayRecord([np.ones((2, 3)), np.ones(4)]),
        ArrayRecord([np.full((2, 3), np.nan), np.arange(4)]),
    ):
        assert updates.followed(replies(wrong), str) == {}


@pytest.mark.usefixtures("identity")
def test_long_updates_are_shortened_alike():
    updates, rng = Updates(3), np.random.default_rng(0)
    updates.gradients(np.array([0]), GradientSource.STALE)
    updates.begin(ArrayRecord([np.zeros(5000)]))
    moved = rng.normal(size=(2, 5000))

    def row(vector):
        message = Message(
            RecordDict({"arrays": ArrayRecord([vector])}), dst_node_id=1, message_type="train"
        )
        return next(iter(updates.followed([message], str).values()))

    short = [row(vector) for vector in moved]
    assert short[0].shape == (256,)
    # The relative deviation of a squared distance is about sqrt(2 / 256).
    apart = np.linalg.norm(short[0] - short[1]) / np.linalg.norm(moved[0] - moved[1])
    assert apart == pytest.approx(1.0, abs=0.25)
    assert (row(moved[0]) == short[0]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": Budget(Resource.ENERGY_KWH, 1.0)}, "needs a scheduler"),
        (
            {"budget": Budget(Resource.CARBON_G, 1.0), "scheduler": Everyone()},
            "needs the intensities",
        ),
        (
            {"budget": Budget(Resource.MONEY_EUR, 1.0), "scheduler": Everyone()},
            "has no prices",
        ),
        ({"scheduler": CafePolicy(represented=True)}, "CafePolicy weighs updates"),
    ],
)
def test_what_cannot_be_kept_is_said_before_the_training(options, message):
    with pytest.raises(UsageError, match=message):
        CarbonRun("nowhere", **options)
