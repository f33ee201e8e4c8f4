"""Virtual time: slow, distant and unreliable clients, and what they cost."""

import math

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.integrations.flower.clock import VirtualClock
from footprint.integrations.flower.engines import simulate
from footprint.integrations.flower.identity import assumed_identity
from footprint.integrations.flower.local import FIRST_NODE, LocalGrid
from footprint.integrations.flower.profiles import DeviceProfile, NodeProfile, Task
from footprint.integrations.flower.record import RECORD_NAME, ClientRecord
from footprint.integrations.flower.virtual import VirtualGrid, VirtualWorld
from footprint.model import Basis, Phase

START_S = 1.73e9
DAY_S = 86_400.0
KWH = 3.6e6
FAST_LINK = 1e9  # [Mbit/s], next to no time for what is sent here


def record_of(found):
    """Read a record as it was told; words are those of their vocabularies."""
    words = {"phase": Phase(found["phase"]), "basis": Basis(found["basis"])}
    return ClientRecord(**{**found, **words})


@pytest.fixture(autouse=True)
def identity():
    with assumed_identity(1):
        yield


def device(train_s=100.0, **changes):
    fields = {
        "device": "phone",
        "active_w": 5.0,
        "idle_w": 1.0,
        "error": 0.1,
        "tasks": {"train": Task(fixed_s=train_s), "evaluate": Task(fixed_s=1.0)},
        "down_mbps": FAST_LINK,
        "up_mbps": FAST_LINK,
        **changes,
    }
    return DeviceProfile(**fields)


def node(train_s=100.0, *, windows=None, drop_probability=0.0, **changes):
    return NodeProfile(device(train_s, **changes), "FR", windows, drop_probability)


class World:
    """A grid over some nodes, and which of them have run."""

    def __init__(self, *profiles, handler=None, **options):
        self.ran = []
        self.clock = VirtualClock(START_S)
        app = ClientApp()
        app.train()(handler or self.train)
        world = VirtualWorld(self.clock, profiles, **options)
        self.grid = VirtualGrid(LocalGrid(app, len(profiles)), world)

    def train(self, message, context):
        partition = context.node_config["partition-id"]
        self.ran.append(partition)
        content = {
            "arrays": ArrayRecord([np.full(3, partition)]),
            "metrics": MetricRecord({"num-examples": partition + 1}),
        }
        return Message(RecordDict(content), reply_to=message)

    def send(self, *partitions, timeout=None, size=0, kind="train"):
        """Send to some, all by default; gives the messages and who answered."""
        chosen = partitions or range(len(self.grid.world.profiles))
        content = {"arrays": ArrayRecord([np.zeros(size)]), "config": ConfigRecord()}
        self.messages = {p: Message(RecordDict(content), FIRST_NODE + p, kind) for p in chosen}
        replies = self.grid.send_and_receive(self.messages.values(), timeout=timeout)
        self.replies = {reply.metadata.src_node_id - FIRST_NODE: reply for reply in replies}
        return list(self.replies)

    def record(self, partition):
        """What is known of the last message to a node."""
        reply = self.replies.get(partition)
        if reply is None or reply.has_error():
            return self.wasted(self.messages[partition])
        return record_of(reply.content[RECORD_NAME])

    def wasted(self, message):
        found = self.grid.wasted(message.metadata.message_id)
        return found and found.record

    @property
    def elapsed_s(self):
        return pytest.approx(self.clock.now_s() - START_S, abs=1e-5)


def test_a_slow_client_is_dropped_at_the_deadline_and_others_keep_their_replies():
    world = World(node(100), node(30 * DAY_S), node(300), deadline_s=DAY_S)
    assert world.send() == [0, 2]
    assert world.elapsed_s == DAY_S
    late = world.record(1)
    assert late.energy_kwh == pytest.approx(5 * 30 * DAY_S / KWH)  # it works on to its end
    assert (late.finished, late.lost) == (1, 0)
    assert world.wasted(world.messages[1]) is None  # it is told once


def test_the_clock_moves_to_the_last_reply_if_all_answer():
    world = World(node(100), node(400), node(50), deadline_s=DAY_S)
    assert world.send() == [2, 0, 1]  # as they arrive
    assert world.elapsed_s == 400


def test_a_reply_at_the_very_deadline_counts():
    world = World(node(100), deadline_s=100.001)
    assert world.send() == [0]


def test_without_a_deadline_the_timeout_of_the_strategy_holds():
    world = World(node(100), node(4000))
    assert world.send(timeout=3600) == [0]
    assert world.elapsed_s == 3600
    assert world.record(1).energy_kwh == pytest.approx(5 * 4000 / KWH)


def test_without_any_timeout_a_server_waits_as_long_as_its_messages_live():
    world = World(node(100, windows=()))
    assert world.send() == []
    assert world.elapsed_s == 12 * 3600  # Flower's default


def test_nobody_asked_takes_no_time():
    world = World(node())
    assert world.grid.send_and_receive([]) == []
    assert world.elapsed_s == 0


def test_a_late_client_begins_its_next_message_when_it_is_done():
    world = World(node(150), node(10), deadline_s=100)
    assert world.send() == [1]  # the other is busy until 150 s
    assert world.grid.available_nodes() == [FIRST_NODE + 1]
    assert world.send(0) == []  # from 150 s to 300 s; the deadline was 200 s
    assert world.record(0).start_s == pytest.approx(START_S + 150)
    world.clock.advance(100)
    assert world.grid.available_nodes() == [FIRST_NODE, FIRST_NODE + 1]
    assert world.send(0) == []


def test_a_client_that_is_away_gets_nothing_and_spends_nothing():
    away = ((START_S + 1000, START_S + 2000),)
    world = World(node(10), node(10, windows=away), deadline_s=500)
    assert world.grid.available_nodes() == [FIRST_NODE]
    assert world.grid.get_node_ids() == [FIRST_NODE, FIRST_NODE + 1]
    assert world.send() == [0]
    assert world.ran == [0]
    assert world.record(1) is None
    assert world.elapsed_s == 500
    world.clock.advance(500)
    assert world.send(1) == [1]
    assert world.record(1).number == 1


def test_what_a_client_does_when_its_window_closes_is_lost_and_charged():
    world = World(node(100, windows=((START_S, START_S + 40),)), deadline_s=500)
    assert world.send() == []
    lost = world.record(0)
    assert lost.duration_s == pytest.approx(40)
    assert lost.energy_kwh == pytest.approx(5 * 40 / KWH)
    assert (lost.finished, lost.failed, lost.lost) == (0, 0, 1)


def test_a_client_that_dies_spends_some_of_what_it_would_have():
    world = World(*[node(100, drop_probability=1.0)] * 20, deadline_s=500)
    assert world.send() == []
    spent = [world.record(partition).energy_kwh for partition in range(20)]
    assert all(0 <= one < 5 * 100 / KWH for one in spent)
    assert len(set(spent)) == 20  # not all at one moment


def test_as_many_die_as_the_probability_says():
    world = World(*[node(10, drop_probability=0.3)] * 400, deadline_s=500)
    assert 400 * 0.7 - 50 < len(world.send()) < 400 * 0.7 + 50  # five standard deviations


def test_energy_is_power_times_time_with_the_bounds_of_the_profile():
    world = World(node(100, down_mbps=8.0, up_mbps=0.8), deadline_s=DAY_S)
    world.send(size=100_000)
    record = world.record(0)
    # 800 kB and what describes it go down at 1 MB/s; the reply goes up at 0.1 MB/s.
    idle_s = record.received_bytes / 1e6 + record.sent_bytes / 1e5
    assert 800_000 < record.received_bytes < 801_000
    assert record.duration_s == pytest.approx(100 + idle_s)
    assert record.energy_kwh == pytest.approx((5 * 100 + 1 * idle_s) / KWH)
    assert record.energy_low_kwh == pytest.approx(0.9 * record.energy_kwh)
    assert record.energy_high_kwh == pytest.approx(1.1 * record.energy_kwh)
    assert world.elapsed_s == 100 + idle_s


def test_bytes_are_those_of_the_records_without_ours():
    world = World(node())
    world.send(size=10)
    reply, record = world.replies[0], world.record(0)
    sizes = {name: one.count_bytes() for name, one in reply.content.items()}
    assert record.sent_bytes == sizes["arrays"] + sizes["metrics"]
    assert record.received_bytes == sum(
        one.count_bytes() for one in world.messages[0].content.values()
    )


def test_simulated_figures_replace_what_a_client_measured():
    def boast(message, context):
        measured = ClientRecord(number=77, phase="train", energy_kwh=1e30, token="mine")
        content = {RECORD_NAME: ConfigRecord({**measured.to_fields()})}
        return Message(RecordDict(content), reply_to=message)

    world = World(node(100), handler=boast)
    world.send()
    record = world.record(0)
    assert (record.number, record.token, record.basis) == (1, None, "simulated")
    assert record.sent_bytes == 0
    assert record.energy_kwh == pytest.approx(5 * 100 / KWH)
    assert (record.zone, record.device, record.partition) == ("FR", "phone", 0)


def test_work_is_what_the_reply_says_it_was():
    per_example = {"train": Task(fixed_s=1.0, unit_s=10.0)}
    world = World(node(tasks=per_example), node(tasks=per_example))
    world.send()
    assert world.record(0).duration_s == pytest.approx(1 + 10 * 1)
    assert world.record(1).duration_s == pytest.approx(1 + 10 * 2)


def test_work_that_a_reply_does_not_tell_is_refused():
    world = World(node(tasks={"train": Task(unit_s=10.0)}), work_key="num-batches")
    with pytest.raises(UsageError, match="num-batches"):
        world.send()


def fail(message, context):
    raise ValueError("no")


def test_a_handler_that_raises_is_charged_and_its_error_arrives():
    world = World(node(100), handler=fail, deadline_s=500)
    assert world.send() == [0]
    assert world.replies[0].has_error()
    assert world.elapsed_s == 100
    record = world.record(0)
    assert record.energy_kwh == pytest.approx(5 * 100 / KWH)
    assert (record.finished, record.failed, record.lost) == (0, 1, 0)


def test_energy_of_a_failure_whose_work_nobody_knows_is_missing_not_zero():
    world = World(node(tasks={"train": Task(unit_s=10.0)}), handler=fail, deadline_s=500)
    world.send()
    record = world.record(0)
    assert record.energy_kwh is None
    assert record.problem


class Silent(Grid):
    """An engine that never answers."""

    set_run = run = create_message = get_node_ids = push_messages = pull_messages = None

    @property
    def partitions(self):
        return {FIRST_NODE: 0}

    def send_and_receive(self, messages, *, timeout=None):
        return []


def test_an_engine_that_loses_a_message_is_no_reply():
    clock = VirtualClock(START_S)
    grid = VirtualGrid(Silent(), VirtualWorld(clock, [node(10)], deadline_s=50))
    message = Message(RecordDict(), FIRST_NODE, "train")
    assert grid.send_and_receive([message]) == []
    assert clock.now_s() == START_S + 50
    assert grid.wasted(message.metadata.message_id).record.lost == 1


def test_the_ledger_adds_up_over_everything_that_happened():
    profiles = [node(100, spread=0.5, drop_probability=0.3) for _ in range(5)]
    world = World(*profiles, deadline_s=120)
    told = {partition: [] for partition in range(5)}
    for _ in range(20):
        world.send()
        for partition in range(5):
            told[partition].append(world.record(partition))
        world.clock.advance(DAY_S)  # so that nobody is busy
    for records in told.values():
        assert [record.number for record in records] == list(range(1, 21))
        for n, record in enumerate(records, 1):
            assert record.finished + record.failed + record.lost == n
            total = math.fsum(earlier.energy_kwh for earlier in records[:n])
            assert record.total_kwh == pytest.approx(total)
    lost = sum(records[-1].lost for records in told.values())
    assert 0 < lost < 100


def history(seed, order=(0, 1, 2)):
    """Durations of three clients over three rounds."""
    world = World(*[node(100, spread=0.5, drop_probability=0.2)] * 3, seed=seed)
    found = {}
    for number in range(3):
        world.send(*order, timeout=DAY_S)
        found |= {(number, p): world.record(p).duration_s for p in order}
    return found


def test_a_seed_gives_the_same_course_in_any_order():
    assert history(1) == history(1) == history(1, order=(2, 0, 1))
    assert history(1) != history(2)


def test_clients_draw_apart_from_each_other():
    durations = list(history(1).values())
    assert len(set(durations)) == len(durations)


def test_two_messages_to_a_node_are_done_one_after_the_other():
    world = World(node(100), node(100), deadline_s=DAY_S)
    messages = [Message(RecordDict(), FIRST_NODE + p, "train") for p in (0, 1, 0)]
    replies = world.grid.send_and_receive(messages)
    starts = [dict(reply.content[RECORD_NAME])["start_s"] - START_S for reply in replies]
    assert starts == pytest.approx([0, 0, 100], abs=1e-3)
    assert world.elapsed_s == 200


def test_numbers_of_pushed_messages_are_in_the_order_of_the_messages():
    world = World(node(100), node(100))
    messages = [Message(RecordDict(), FIRST_NODE + p, "train") for p in (1, 1, 7, 0)]
    ids = world.grid.push_messages(messages)
    assert ids == [messages[n].metadata.message_id for n in (0, 1, 3)]


def test_pulling_moves_the_clock_to_the_next_reply():
    world = World(node(100), node(10 * DAY_S), node(100, windows=()))
    messages = [Message(RecordDict(), FIRST_NODE + p, "train") for p in range(3)]
    numbers = world.grid.push_messages(messages)
    assert world.elapsed_s == 0
    (first,) = world.grid.pull_messages(numbers)
    assert first.metadata.src_node_id == FIRST_NODE
    assert world.elapsed_s == 100
    (second,) = world.grid.pull_messages(numbers)
    assert second.metadata.src_node_id == FIRST_NODE + 1
    assert world.elapsed_s == 10 * DAY_S
    assert world.grid.pull_messages(numbers) == []


def test_a_pushed_message_that_is_late_never_comes():
    world = World(node(100), node(300), deadline_s=200)
    messages = [Message(RecordDict(), FIRST_NODE + p, "train") for p in range(2)]
    numbers = world.grid.push_messages(messages)
    assert len(world.grid.pull_messages(numbers)) == 1
    assert world.grid.pull_messages(numbers) == []
    assert world.wasted(messages[1]).energy_kwh == pytest.approx(5 * 300 / KWH)


def test_a_message_to_nobody_is_told_and_waited_for_by_nobody(caplog):
    world = World(node(10), deadline_s=500)
    asked = [Message(RecordDict(), FIRST_NODE + p, "train") for p in (0, 5)]
    assert len(world.grid.send_and_receive(asked)) == 1
    assert world.elapsed_s == 10
    assert "no node" in caplog.text


def test_a_world_must_fit_its_nodes():
    profiles = [node()]
    with pytest.raises(UsageError, match="2 nodes and 1 profiles"):
        simulate(ServerApp(), ClientApp(), 2, world=VirtualWorld(VirtualClock(0), profiles))
    with pytest.raises(UsageError, match="deadline"):
        VirtualWorld(VirtualClock(0), profiles, deadline_s=0)


def test_a_grid_without_partitions_is_refused():
    class Bare(Silent):
        @property
        def partitions(self):
            raise AttributeError

    with pytest.raises(UsageError, match="partitions"):
        VirtualGrid(Bare(), VirtualWorld(VirtualClock(0), [node()]))


@settings(max_examples=50, deadline=None)
@given(
    times=st.lists(st.floats(0, 1e4), min_size=1, max_size=6),
    deadline_s=st.floats(1, 1e4),
    dying=st.floats(0, 1),
)
def test_nothing_is_lost_between_replies_and_waste(times, deadline_s, dying):
    """Every addressed node is told of once, and nobody's reply is later than the clock."""
    world = World(*[node(t, drop_probability=dying) for t in times], deadline_s=deadline_s)
    answered = world.send()
    records = [world.record(partition) for partition in range(len(times))]
    assert all(record is not None for record in records)
    elapsed_s = world.clock.now_s() - START_S
    assert elapsed_s <= deadline_s + 1e-5
    for partition, record in enumerate(records):
        end_s = record.start_s + record.duration_s - START_S
        assert (partition in answered) == (record.lost == 0 and end_s <= deadline_s + 1e-5)
        if partition in answered:
            assert end_s <= elapsed_s + 1e-5
        assert 0 <= record.energy_kwh <= 5 * times[partition] / KWH * (1 + 1e-9) + 1e-12


def test_the_same_run_in_virtual_time_by_a_strategy_of_flower():
    """Ten rounds over days of slow clients, chosen by FedAvg, in no time of ours."""
    clock = VirtualClock(START_S)
    profiles = [node(DAY_S / 4 * (1 + p)) for p in range(4)]
    ran = []

    def train(message, context):
        assert context.node_config["zone"] == "FR"
        assert context.node_config["device"] == "phone"
        ran.append(context.node_config["partition-id"])
        metrics = MetricRecord({"num-examples": 1})
        content = {"arrays": message.content["arrays"], "metrics": metrics}
        return Message(RecordDict(content), reply_to=message)

    app, server = ClientApp(), ServerApp()
    app.train()(train)

    @server.main()
    def main(grid, context):
        arrays = ArrayRecord([np.zeros(2)])
        FedAvg(fraction_evaluate=0.0).start(grid, arrays, num_rounds=10, timeout=0.6 * DAY_S)

    simulate(server, app, 4, world=VirtualWorld(clock, profiles))
    assert clock.now_s() == pytest.approx(START_S + 10 * 0.6 * DAY_S)
    assert len(ran) < 40  # who is late is busy, and does not get every message


def test_the_mod_of_a_virtual_client_measures_nothing(tmp_path):
    """It would measure the machine of the simulation."""
    from footprint.integrations.flower.mod import carbon_mod

    found = []
    app, server = ClientApp(mods=[carbon_mod(journal=tmp_path)]), ServerApp()
    app.train()(lambda message, context: Message(message.content, reply_to=message))

    @server.main()
    def main(grid, context):
        asked = [Message(RecordDict(), number, "train") for number in grid.get_node_ids()]
        found.extend(grid.send_and_receive(asked))

    simulate(server, app, 1, world=VirtualWorld(VirtualClock(START_S), [node(100)]))
    assert dict(found[0].content[RECORD_NAME])["basis"] == "simulated"
    assert list(tmp_path.iterdir()) == []
