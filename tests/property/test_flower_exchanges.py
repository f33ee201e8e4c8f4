"""The books of a server against a network that delivers late, twice, out of order or never."""

from collections import deque

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Error, Message, RecordDict
from flwr.serverapp import Grid
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from footprint.integrations.flower.clock import VirtualClock
from footprint.integrations.flower.identity import assumed_identity
from footprint.integrations.flower.identity import number as give_number
from footprint.integrations.flower.payload import payload_bytes
from footprint.integrations.flower.record import RECORD_NAME, ClientRecord
from footprint.model import Basis, Phase, ReplyStatus, Tier
from tests.flower_books import WIRE, Books

START_S = 1.8e9
KWH = 1e-7
NODES = (11, 12)
STRANGE = "a message that nobody sent"
UNAVAILABLE = (3, 4, 5)  # codes of errors that come from Flower's server itself
FATES = ("answers", "answers", "fails", "dies", "silent", "unreached")
ORDER = st.integers(0, 7)
WORK = st.tuples(
    st.sampled_from(NODES), st.sampled_from(FATES), st.floats(0.0, 50.0), st.booleans()
)


class Client:
    """An honest client with a ledger, which takes its messages one after the other."""

    def __init__(self, node):
        self.node = node
        self.queue = deque()
        self.begun = self.finished = self.failed = 0
        self.total_kwh = self.worked_s = 0.0
        self.told_kwh = {0: 0.0}  # total by number of the contact

    def begin(self, work_s):
        self.begun += 1
        self.worked_s += work_s
        return self.queue.popleft()

    def use(self, *, failed=False):
        energy_kwh = self.begun * KWH
        self.total_kwh += energy_kwh
        self.failed += failed
        self.finished += not failed
        self.told_kwh[self.begun] = self.total_kwh
        return energy_kwh

    def answer(self, message, work_s, *, tells_time):
        energy_kwh = self.use()
        record = ClientRecord(
            number=self.begun,
            phase=Phase.TRAIN,
            duration_s=work_s if tells_time else None,
            energy_kwh=energy_kwh,
            energy_low_kwh=energy_kwh,
            energy_high_kwh=energy_kwh,
            tier=Tier.E,
            source="cpu-table",
            basis=Basis.MODELLED,
            total_kwh=self.total_kwh,
            finished=self.finished,
            failed=self.failed,
            lost=self.begun - self.finished - self.failed,
        )
        arrays = ArrayRecord([np.zeros(self.begun)])
        content = {"arrays": arrays, RECORD_NAME: ConfigRecord({**record.to_fields()})}
        return self.sent(Message(RecordDict(content), reply_to=message))

    def sent(self, reply):
        give_number(reply)
        return reply


class Post(Grid):
    """A grid that hands over what it is told to, when it is told to."""

    run = create_message = None

    def __init__(self):
        self.clients = {node: Client(node) for node in NODES}
        self.there, self.ready = [], []  # handed over with the next look; waiting for that
        self.messages = {}
        self.given = {}
        self.numbers = {}  # contact by message, of those whose reply tells
        self.known = dict.fromkeys(NODES, 0)  # highest contact that the server was told of

    def set_run(self, run):
        pass

    def get_node_ids(self):
        return list(self.clients)

    def push_messages(self, messages):
        messages = list(messages)
        for message in messages:
            self.messages[give_number(message)] = message
            self.clients[message.metadata.dst_node_id].queue.append(message)
        return [message.metadata.message_id for message in messages]

    def pull_messages(self, message_ids):
        asked = {*message_ids, STRANGE}
        found = [reply for reply in self.there if reply.metadata.reply_to_message_id in asked]
        self.there = [reply for reply in self.there if reply not in found]
        for reply in found:
            self.note(reply)
        return found

    def send_and_receive(self, messages, *, timeout=None):
        ids = self.push_messages(messages)
        self.meanwhile(ids)
        return self.pull_messages(ids)

    def note(self, reply):
        """Keep what the server has been given; the first time counts."""
        asked = reply.metadata.reply_to_message_id
        if asked == STRANGE or asked in self.given or unavailable(reply):
            return
        self.given[asked] = reply
        node = self.messages[asked].metadata.dst_node_id
        self.known[node] = max(self.known[node], self.numbers.get(asked, 0))


class Network(RuleBasedStateMachine):
    """Requests, replies in any order, late, lost, twice, and of nobody."""

    def __init__(self):
        super().__init__()
        self.identity = assumed_identity(1)
        self.identity.__enter__()
        self.clock = VirtualClock(START_S)
        self.post = Post()
        self.books = Books(self.post, self.clock, wire=WIRE)
        self.round = 0
        self.asked = []
        self.ids = []
        self.books.grid.get_node_ids()  # all of them are there from the start

    def teardown(self):
        self.books.grid.close()
        self.check_rows()
        self.check_energy()
        self.identity.__exit__(None, None, None)

    def made(self, nodes):
        self.round += 1
        config = {"server-round": self.round}
        content = RecordDict({"a": ArrayRecord([np.zeros(9)]), "c": ConfigRecord(config)})
        messages = [Message(content, node, "train") for node in nodes]
        self.asked.extend((str(node), self.round) for node in nodes)
        return messages

    @rule(nodes=st.lists(st.sampled_from(NODES), min_size=1, max_size=3))
    def push(self, nodes):
        self.ids.extend(self.books.grid.push_messages(self.made(nodes)))

    @rule(nodes=st.lists(st.sampled_from(NODES), min_size=1, max_size=3), data=st.data())
    def send(self, nodes, data):
        def meanwhile(ids):
            self.ids.extend(ids)
            self.clock.advance(60.0)
            for _ in nodes:
                if data.draw(st.booleans(), label="works"):
                    self.take(*data.draw(WORK, label="how"))
            if data.draw(st.booleans(), label="in time"):
                self.hand_over(data.draw(ORDER, label="order"))

        self.post.meanwhile = meanwhile
        self.books.grid.send_and_receive(self.made(nodes))

    @rule(hows=st.lists(WORK, min_size=1, max_size=5), order=ORDER)
    def work(self, hows, order):
        """Clients take their next messages; what comes of them is there to be pulled."""
        for how in hows:
            self.take(*how)
        self.hand_over(order)

    @rule(nodes=st.lists(st.sampled_from(NODES), min_size=2, max_size=4), order=ORDER)
    def train(self, nodes, order):
        """What goes well: all of them answer, and are heard."""
        self.push(nodes)
        for node in nodes:
            self.take(node, "answers", 20.0, tells_time=True)
        self.hand_over(order)
        self.pull()

    def take(self, node, fate, work_s, tells_time):
        client = self.post.clients[node]
        if not client.queue:
            return
        if fate == "unreached":
            client.queue.popleft()
            return
        message = client.begin(work_s)
        self.clock.advance(work_s)
        if fate == "dies":
            return
        if fate == "fails":
            client.use(failed=True)
            reply = client.sent(Message(Error(2, "raised"), reply_to=message))
        else:
            reply = client.answer(message, work_s, tells_time=tells_time)
            self.post.numbers[message.metadata.message_id] = client.begun
        if fate != "silent":
            self.post.ready.append(reply)

    def hand_over(self, order):
        """Let the server see what waits: in order, turned, or the last one first."""
        ready, self.post.ready = self.post.ready, []
        turn = order % (len(ready) or 1)
        self.post.there.extend(ready[turn:] + ready[:turn])
        if order > 3:
            self.post.there.reverse()

    @rule(count=st.integers(1, 9))
    def pull(self, count=9):
        """Look for the replies to the last messages."""
        self.books.grid.pull_messages(self.ids[-count:])

    @precondition(lambda self: self.ids)
    @rule(place=st.integers(0, 9), what=st.sampled_from([*UNAVAILABLE, "again", "of nobody"]))
    def disturb(self, place, what):
        """Flower's server says that there is no reply; or one comes twice, or of nobody."""
        asked = self.ids[-1 - place % len(self.ids)]
        if what == "again":
            replies = [self.post.given[asked]] if asked in self.post.given else []
        elif what == "of nobody":
            message = Message(RecordDict(), NODES[0], "train")
            message.metadata.__dict__["_message_id"] = STRANGE
            content = RecordDict({"a": ArrayRecord([np.zeros(99)])})
            replies = [Message(content, reply_to=message)]
        else:
            replies = [Message(Error(what, "unavailable"), reply_to=self.post.messages[asked])]
        for reply in replies:
            give_number(reply)
        self.post.there.extend(replies)
        self.books.grid.pull_messages(self.ids)

    @rule(pause_s=st.floats(0.0, 1000.0))
    def look(self, pause_s):
        self.books.grid.get_node_ids()
        self.clock.advance(pause_s)

    @invariant()
    def nobody_is_doubted(self):
        assert self.books.pages.doubts == []

    def check_rows(self):
        rows = sorted((row.node, row.round) for row in self.books.rows)
        assert rows == sorted(self.asked)
        assert ReplyStatus.REFUSED not in {row.status for row in self.books.rows}
        sizes = [
            payload_bytes(reply.content)
            for reply in self.post.given.values()
            if reply.has_content()
        ]
        assert self.books.sum("sent_bytes") == sum(sizes)
        sent = [payload_bytes(message.content) for message in self.post.messages.values()]
        assert self.books.sum("received_bytes") == sum(sent)
        objects = self.books.sum("received_objects") + self.books.sum("sent_objects")
        overhead = WIRE.up_per_object_bytes * objects + WIRE.up_per_message_bytes * len(self.asked)
        assert self.books.sum("overhead_sent_bytes") == pytest.approx(overhead, abs=len(rows) + 1)

    def check_energy(self):
        """All that a client used up to the last reply that the server has, and no more."""
        elapsed_s = self.clock.now_s() - START_S
        for node, client in self.post.clients.items():
            known_kwh = client.told_kwh[self.post.known[node]]
            assert self.books.told_kwh(node) == pytest.approx(known_kwh, rel=1e-6, abs=1e-15)
            connected_s = self.books.sum("connected_s", node)
            assert 0 <= connected_s <= elapsed_s - client.worked_s + 1e-3


ORDER = st.integers(0, 7)


def unavailable(reply):
    return reply.has_error() and reply.error.code in UNAVAILABLE


TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
