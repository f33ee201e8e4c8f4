"""Whatever a server does with virtual clients: what they spend is written once, all of it."""

import math
from unittest.mock import patch

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.integrations.flower.clients import VirtualClient
from footprint.integrations.flower.clock import VirtualClock
from footprint.integrations.flower.identity import assumed_identity
from footprint.integrations.flower.local import FIRST_NODE, LocalGrid
from footprint.integrations.flower.profiles import DeviceProfile, NodeProfile, Task
from footprint.integrations.flower.virtual import VirtualGrid, VirtualWorld
from footprint.model import Basis, ReplyStatus
from tests.flower_books import Books

START_S = 1.73e9


def answer(message, context):
    if context.node_config["partition-id"] in message.content["config"]["raising"]:
        raise ValueError("no")
    content = {"arrays": ArrayRecord([np.zeros(200)]), "metrics": MetricRecord({"num-examples": 3})}
    return Message(RecordDict(content), reply_to=message)


def profile(train_s, mbps, windows=None, dying=0.0, *, by_unit=False):
    device = DeviceProfile(
        "phone",
        active_w=5.0,
        idle_w=1.0,
        error=0.1,
        # Of an error nobody knows how much work there was.
        tasks={"train": Task(unit_s=train_s / 3) if by_unit else Task(fixed_s=train_s)},
        down_mbps=mbps,
        up_mbps=mbps / 3,
        spread=0.3,
    )
    return NodeProfile(device, "FR", windows, dying)


WINDOWS = st.one_of(
    st.none(),
    st.lists(st.integers(0, 600), max_size=6, unique=True).map(
        lambda edges: tuple(
            (START_S + a, START_S + b)
            for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
        )
    ),
)
PROFILES = st.lists(
    st.builds(
        profile,
        st.floats(0.0, 200.0),
        st.floats(1e-4, 1.0),  # transfers of seconds to minutes
        WINDOWS,
        st.sampled_from([0.0, 0.0, 0.5, 1.0]),
        by_unit=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
SOME = st.lists(st.integers(0, 4), max_size=5)  # also nodes that are not there, and twice
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), SOME, SOME, st.sampled_from([10.0, 100.0, None])),
        st.tuples(st.just("push"), SOME, SOME),
        st.tuples(st.just("pull"), st.integers(0, 6)),
        st.tuples(st.just("wait"), st.floats(0.0, 200.0)),
        st.tuples(st.just("look")),
    ),
    max_size=10,
)


class Play:
    """A server that takes some steps, and what its clients spent meanwhile."""

    def __init__(self, profiles, deadline_s):
        self.clock = VirtualClock(START_S)
        app = ClientApp()
        app.train()(answer)
        world = VirtualWorld(self.clock, profiles, deadline_s=deadline_s, seed=3)
        self.virtual = VirtualGrid(LocalGrid(app, len(profiles)), world)
        self.books = Books(self.virtual, self.clock, simulated=True)
        self.profiles, self.spent, self.busy, self.asked, self.ids = profiles, [], [], 0, []

    def watch(self, client, message, reply, sent_s):
        outcome = self.settle(client, message, reply, sent_s)
        self.spent.append(outcome.used.record)
        self.busy.append((client.partition, outcome.used.record.start_s, outcome.end_s))
        return outcome

    def run(self, steps):
        self.settle = VirtualClient.settle
        grid = self.books.grid
        with patch.object(VirtualClient, "settle", lambda *given: self.watch(*given)):
            for number, (step, *rest) in enumerate(steps, start=1):
                if step in ("send", "push"):
                    messages = [self.message(p, number, rest[1]) for p in rest[0]]
                    self.asked += len(messages)
                if step == "send":
                    grid.send_and_receive(messages, timeout=rest[2])
                elif step == "push":
                    self.ids.extend(grid.push_messages(messages))
                elif step == "pull":
                    grid.pull_messages(self.ids[: rest[0]])
                elif step == "wait":
                    self.clock.advance(rest[0])
                else:
                    grid.get_node_ids()
            grid.close()

    def message(self, partition, number, raising):
        config = ConfigRecord({"server-round": number, "raising": raising or [-1]})
        content = RecordDict({"arrays": ArrayRecord([np.zeros(500)]), "config": config})
        return Message(content, FIRST_NODE + partition, "train")

    def idle_s(self, partition):
        """For how long a client was there and idle in all of the run, second by second."""
        windows = self.profiles[partition].windows
        end_s = self.clock.now_s()
        there = [(START_S, end_s)] if windows is None else windows
        total_s = math.fsum(max(0.0, min(b, end_s) - max(a, START_S)) for a, b in there)
        busy = [(a, b) for who, a, b in self.busy if who == partition]
        return total_s - math.fsum(max(0.0, min(b, end_s) - max(a, START_S)) for a, b in busy)


@settings(max_examples=150, deadline=None)
@given(PROFILES, STEPS, st.sampled_from([None, 60.0, 1000.0]))
def test_what_virtual_clients_spend_is_in_the_reports_once(profiles, steps, deadline_s):
    with assumed_identity(1):
        play = Play(profiles, deadline_s)
        play.run(steps)
    books = play.books
    # Of an error nobody knows how much work there was; nothing else is doubted.
    assert {code for code, _ in books.pages.doubts} <= {"client-duration", "client-problem"}
    spent_kwh = math.fsum(record.energy_kwh or 0.0 for record in play.spent)
    assert books.told_kwh() == pytest.approx(spent_kwh, rel=1e-9)
    for name in ("received_bytes", "sent_bytes"):
        assert books.sum(name) == sum(getattr(record, name) for record in play.spent)
    assert len(books.rows) == play.asked
    assert all(row.told.basis is Basis.SIMULATED for row in books.rows)
    for partition in range(len(profiles)):
        connected_s = books.sum("connected_s", FIRST_NODE + partition)
        assert connected_s == pytest.approx(play.idle_s(partition), abs=1e-3)


def play_of(profiles, *steps, deadline_s=None):
    with assumed_identity(1):
        play = Play(profiles, deadline_s)
        play.run(steps)
    return play


AWAY = ((START_S + 1e6, START_S + 2e6),)


def test_a_node_that_is_away_moves_nothing():
    play = play_of([profile(10, 1.0, AWAY)], ("send", [0], [], 100.0))
    (row,) = play.books.rows
    assert (row.status, row.received_bytes, row.received_objects) == (ReplyStatus.NO_REPLY, 0, 0)
    assert play.books.pages.reports == [row]  # nor was it idle
    assert row.told.energy.kwh == 0


def test_a_late_reply_moved_its_bytes():
    play = play_of([profile(500, 1.0)], ("send", [0], [], 100.0))
    (row,) = play.books.rows
    assert row.status is ReplyStatus.NO_REPLY
    assert row.received_bytes > 4000
    assert row.sent_bytes > 1600
    assert row.sent_objects > 0


@pytest.mark.parametrize("raising", [[], [0]])
def test_a_reply_that_nobody_pulls_was_paid_for(raising):
    play = play_of([profile(50, 1.0)], ("push", [0], raising))
    (row,) = play.books.rows
    assert row.status is ReplyStatus.NO_REPLY
    assert row.round == 1
    assert (row.sent_bytes > 0) is not bool(raising)
    (record,) = play.spent
    assert play.books.told_kwh() == record.energy_kwh > 0


def test_what_was_pushed_and_late_is_kept_when_others_are_sent_meanwhile():
    play = play_of(
        [profile(500, 1.0), profile(5, 1.0)],
        ("push", [0], []),
        ("send", [1], [], 100.0),
        ("send", [1], [], 100.0),
        deadline_s=100.0,
    )
    assert len(play.spent) == 3
    spent_kwh = math.fsum(record.energy_kwh for record in play.spent)
    assert play.books.told_kwh() == pytest.approx(spent_kwh)


def test_a_cut_off_transfer_moved_a_part():
    # 4 kB at 0.1 kB/s take 40 s; the client is there for 20 s of them.
    windows = ((START_S, START_S + 20.0),)
    play = play_of([profile(1.0, 0.0008, windows)], ("send", [0], [], 100.0))
    (row,) = play.books.rows
    assert row.received_bytes == pytest.approx(0.1e3 * 20, abs=1)
    assert 0 < row.received_objects < 5
    assert row.sent_bytes == 0
