"""What a simulated run leaves in its journal: all energy, once, at virtual times."""

import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg, Result

import footprint as fp
from footprint.integrations.flower import (
    CarbonRun,
    DeviceProfile,
    NodeProfile,
    Task,
    VirtualClock,
    VirtualWorld,
    carbon_mod,
    simulate,
)
from footprint.journal import read_records
from footprint.model import Basis, Phase, Role

START_S = 1.73e9
DAY_S = 86_400.0
KWH = 3.6e6
ROUNDS = 4
DEADLINE_S = 3600.0


def profile(train_s, active_w=5.0, zone="FR", **changes):
    tasks = {"train": Task(fixed_s=train_s), "evaluate": Task(fixed_s=1.0)}
    device = DeviceProfile("phone", active_w, 1.0, 0.1, tasks, down_mbps=1e9, up_mbps=1e9)
    return NodeProfile(device, zone, **changes)


FAST, LATE, CUT, FAILING, DYING, AWAY = range(6)
PROFILES = (
    profile(600, zone="FR"),
    profile(5000, active_w=8.0, zone="DE"),
    # Away from the middle of the second round on.
    profile(600, windows=((START_S, START_S + DEADLINE_S + 200),)),
    profile(300, active_w=3.0, zone="PL"),
    profile(600, drop_probability=1.0),
    profile(600, windows=()),
)


class Run:
    """A run of FedAvg in virtual time, its journal, and how often each client trained."""

    def __init__(self, folder, profiles=PROFILES, mods=(), **options):
        self.trained = Counter()
        self.clock = VirtualClock(START_S)
        app, server = ClientApp(mods=list(mods)), ServerApp()

        @app.train()
        def train(message, context):
            partition = context.node_config["partition-id"]
            self.trained[partition] += 1
            if partition == FAILING:
                raise ValueError("no")
            metrics = MetricRecord({"num-examples": 1})
            content = {"arrays": message.content["arrays"], "metrics": metrics}
            return Message(RecordDict(content), reply_to=message)

        @server.main()
        def main(grid, context):
            strategy = FedAvg(fraction_evaluate=0.0, **{"min_train_nodes": len(profiles)} | options)
            run = CarbonRun(folder, run="virtual", zone="FR", device="desktop")
            run.start(strategy, grid, ArrayRecord([np.zeros(2)]), num_rounds=ROUNDS)

        world = VirtualWorld(self.clock, profiles, deadline_s=DEADLINE_S)
        simulate(server, app, len(profiles), world=world)
        self.journal = fp.read_journal(folder)
        self.clients = [a for a in self.journal.activities() if a.role is Role.CLIENT]

    def energies(self):
        found = defaultdict(float)
        for activity in self.clients:
            found[activity.actor] += activity.energy_kwh or 0.0
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("virtual"))


def test_all_simulated_energy_is_power_times_time(run):
    """Whether it brought a reply or not: late, cut off, failed."""
    energies = run.energies()
    by_hand = {
        FAST: 5.0 * 600 * ROUNDS,
        # At 0 s, 5,000 s and 10,000 s; the fourth message, of 10,800 s, waits until 15,000 s.
        LATE: 8.0 * 5000 * ROUNDS,
        CUT: 5.0 * (600 + 200),
        FAILING: 3.0 * 300 * ROUNDS,
    }
    assert run.trained[LATE] == ROUNDS
    for partition, energy_j in by_hand.items():
        assert energies[f"client-{partition}"] == pytest.approx(energy_j / KWH, rel=1e-6)
    assert 0 < energies[f"client-{DYING}"] < 5.0 * 600 * ROUNDS / KWH
    assert energies.get(f"client-{AWAY}", 0.0) == 0.0


def test_no_simulated_energy_is_called_measured(run):
    assert {a.basis for a in run.clients if a.energy_kwh is not None} == {Basis.SIMULATED}


def test_what_clients_did_stands_at_virtual_times_with_their_places(run):
    end_s = START_S + ROUNDS * DEADLINE_S
    assert run.clock.now_s() == pytest.approx(end_s)
    fast = [a for a in run.clients if a.actor == f"client-{FAST}" and a.energy_kwh]
    assert sorted(a.start_s for a in fast) == pytest.approx(
        [START_S + n * DEADLINE_S for n in range(ROUNDS)], abs=1.0
    )
    assert {a.round for a in fast} == set(range(1, ROUNDS + 1))
    places = {(a.actor, a.zone, a.device) for a in run.clients if a.energy_kwh}
    assert (f"client-{FAST}", "FR", "phone") in places
    assert (f"client-{LATE}", "DE", "phone") in places


def test_nothing_that_was_simulated_is_doubted(run):
    assert [f for f in run.journal.findings if f.code == "client-record"] == []


def test_a_mod_in_the_app_changes_nothing(run, tmp_path):
    measured = Run(tmp_path / "server", mods=[carbon_mod(journal=tmp_path / "clients")])
    assert measured.energies() == pytest.approx(run.energies(), rel=1e-9)
    assert not (tmp_path / "clients").exists()


class Recorder:
    """A scheduler that takes everybody it is offered, and keeps what it saw."""

    def __init__(self):
        self.offered, self.outcomes = [], []

    def select(self, state, rng):
        self.offered.append((state.now_s, {c.id: c.zone for c in state.candidates}))
        return state.ids

    def observe(self, outcome):
        self.outcomes.append(outcome)


def run_scheduled(folder, scheduler, world, rounds):
    app, server = ClientApp(), ServerApp()

    @app.train()
    def train(message, context):
        metrics = MetricRecord({"num-examples": 1})
        content = {"arrays": message.content["arrays"], "metrics": metrics}
        return Message(RecordDict(content), reply_to=message)

    @server.main()
    def main(grid, context):
        run = CarbonRun(folder, run="virtual", scheduler=scheduler)
        strategy = FedAvg(fraction_evaluate=0.0)
        run.start(strategy, grid, ArrayRecord([np.zeros(2)]), num_rounds=rounds)

    simulate(server, app, len(world.profiles), world=world)


class Pulling(FedAvg):
    """Pushes the messages of a round, and pulls their replies."""

    def start(self, grid, initial_arrays, num_rounds=3, **_):
        for number in range(1, num_rounds + 1):
            config = ConfigRecord({"server-round": number})
            messages = self.configure_train(number, initial_arrays, config, grid)
            names = list(grid.push_messages(messages))
            replies = list(grid.pull_messages(names))
            self.aggregate_train(number, replies)
        return Result()


@pytest.mark.parametrize("strategy", [FedAvg, Pulling])
def test_what_simulates_clients_is_in_no_total_however_they_are_asked(tmp_path, strategy):
    def busy(message, context):
        until_s = time.process_time() + 0.5
        while time.process_time() < until_s:
            pass
        content = {
            "metrics": MetricRecord({"num-examples": 1}),
            "arrays": ArrayRecord([np.ones(1)]),
        }
        return Message(RecordDict(content), reply_to=message)

    train_in(tmp_path, [profile(600)], busy, strategy)
    journal = fp.read_journal(tmp_path)
    spans = [s for p in read_records([tmp_path]).processes for s in p.spans]
    waiting = [s for s in spans if s.phase is Phase.WAIT]
    assert sum(s.end["cpu.process_s"] - s.begin["cpu.process_s"] for s in waiting) >= 0.5
    assert {a.actor for a in journal.activities()} == {"server", "client-0"}
    assert not [a for a in journal.activities() if a.phase is Phase.WAIT and a.energy_kwh]
    assert {a.source for a in journal.activities() if a.basis is Basis.SIMULATED} >= {
        "profile/phone"
    }


def test_a_profile_may_draw_more_than_a_socket_gives(tmp_path):
    train_in(tmp_path, [profile(600, active_w=10_200.0)])
    journal = fp.read_journal(tmp_path)
    used_kwh = sum(a.energy_kwh or 0.0 for a in journal.activities() if a.actor == "client-0")
    assert used_kwh == pytest.approx(10_200.0 * 600 / KWH, rel=1e-3)
    assert "client-record" not in {f.code for f in journal.findings}


def train_in(folder, profiles, handler=None, strategy=FedAvg):
    """Train once in virtual time."""
    app, server = ClientApp(), ServerApp()

    @app.train()
    def train(message, context):
        if handler:
            return handler(message, context)
        content = {
            "metrics": MetricRecord({"num-examples": 1}),
            "arrays": ArrayRecord([np.ones(1)]),
        }
        return Message(RecordDict(content), reply_to=message)

    @server.main()
    def main(grid, context):
        fed = strategy(fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=1)
        run = CarbonRun(folder, zone="FR", device="desktop")
        run.start(fed, grid, initial_arrays=ArrayRecord([np.zeros(1)]), num_rounds=1)

    world = VirtualWorld(VirtualClock(START_S), profiles)
    simulate(server, app, len(profiles), world=world)


def test_two_simulations_of_one_process_are_two_runs(tmp_path, monkeypatch):
    """Neither was given a name or a folder."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        train_in(None, [profile(600)])
    folders = list((tmp_path / "footprint-journal").iterdir())
    assert len(folders) == 2
    assert all(
        "run-trainings" not in {f.code for f in fp.read_journal(one).findings} for one in folders
    )


def test_a_scheduler_sees_virtual_time_and_who_is_there(tmp_path):
    scheduler = Recorder()
    profiles = (
        profile(DAY_S, zone="FR"),
        profile(DAY_S, zone="DE", windows=((START_S + 1.5 * DAY_S, START_S + 9 * DAY_S),)),
    )
    world = VirtualWorld(VirtualClock(START_S), profiles, deadline_s=2 * DAY_S)
    run_scheduled(tmp_path, scheduler, world, rounds=3)
    days = [(round((now_s - START_S) / DAY_S, 3), who) for now_s, who in scheduler.offered]
    assert days == [
        (0, {"client-0": "FR"}),
        (1, {"client-0": "FR"}),
        (2, {"client-0": "FR", "client-1": "DE"}),
    ]
    first = scheduler.outcomes[0].clients[0]
    assert first.duration_s == pytest.approx(DAY_S)
    assert first.energy_kwh == pytest.approx(5 * DAY_S / KWH)


class Waiting(Recorder):
    """A scheduler that lets hours pass before it chooses one client."""

    def __init__(self, clock, until_s):
        super().__init__()
        self.clock, self.until_s = clock, until_s

    def select(self, state, rng):
        super().select(state, rng)
        if state.now_s >= self.until_s:
            return state.ids[:1]
        self.clock.advance(3600)
        return ()


def test_a_scheduler_can_choose_nobody_for_hours_and_then_one(tmp_path):
    clock = VirtualClock(START_S)
    scheduler = Waiting(clock, START_S + 2 * 3600)
    world = VirtualWorld(clock, [profile(600), profile(600)])
    run_scheduled(tmp_path, scheduler, world, rounds=4)
    asked = [[one.id for one in outcome.clients] for outcome in scheduler.outcomes]
    # Only rounds are observed for which it chose somebody.
    assert asked == [["client-0"], ["client-0"]]
    assert [outcome.round for outcome in scheduler.outcomes] == [3, 4]
    assert clock.now_s() == pytest.approx(START_S + 2 * 3600 + 2 * 600)


def test_the_example_of_the_documentation_runs(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "virtual_clients.md").read_text()
    (code,) = (
        block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "phone" in block
    )
    answered = []
    client, server = ClientApp(), ServerApp()

    @client.train()
    def train(message, context):
        content = RecordDict({"metrics": MetricRecord({"num-examples": 500})})
        return Message(content, reply_to=message)

    @server.main()
    def main(grid, context):
        asked = [Message(RecordDict(), node, "train") for node in grid.get_node_ids()]
        answered.extend(grid.send_and_receive(asked))
        assert grid.clock.now_s() > 1.76e9 + 5

    exec(code, {"server_app": server, "client_app": client})
    assert len(answered) == 3
