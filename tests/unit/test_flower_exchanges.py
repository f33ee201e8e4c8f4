"""What the books of a Flower server make of single exchanges."""

import math

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Error, Message, RecordDict

from footprint.integrations.flower.clock import VirtualClock
from footprint.integrations.flower.exchanges import Exchanges
from footprint.integrations.flower.identity import assumed_identity
from footprint.integrations.flower.identity import number as give_number
from footprint.integrations.flower.nodes import NodePlace, Nodes
from footprint.integrations.flower.presence import Presence
from footprint.integrations.flower.record import ClientRecord
from footprint.integrations.flower.requests import OpenRequests, Reply, Request
from footprint.integrations.flower.wire import WireModel
from footprint.journal.reports import parse_report, report_fields
from footprint.measurement.reports import read_reports
from footprint.model import Basis, Phase, ReplyStatus, Tier
from tests.flower_books import LIMITS, WIRE, Books, Pages

START_S = 1.8e9
KWH = 1e-7
NODE = 11


@pytest.fixture
def identity():
    with assumed_identity(1):
        yield


def exchanges(wire=WIRE, places=None):
    return Exchanges(Pages(), Nodes(places or {}), LIMITS, wire, START_S)


def request(name, start_s=START_S, *, number=1, node=NODE, **changes):
    fields = {"bytes": 1000, "objects": 5, **changes}
    return Request(name, node, Phase.TRAIN, number, start_s, **fields)


def record(number, **changes):
    fields = {
        "phase": Phase.TRAIN,
        "duration_s": 5.0,
        "energy_kwh": KWH,
        "energy_low_kwh": KWH,
        "energy_high_kwh": KWH,
        "tier": Tier.E,
        "basis": Basis.MODELLED,
        "total_kwh": number * KWH,
        "finished": number,
        "failed": 0,
        "lost": 0,
        **changes,
    }
    return ClientRecord(number, **fields)


def reply(number, **changes):
    found = record(number, **changes).to_fields()
    return Reply(bytes=800, objects=4, record_bytes=100, found=found)


def activities(rows):
    """What a journal with these reports says, after a way through its lines."""

    class Process:
        spans, reports = (), [parse_report(report_fields(row)) for row in rows]

        class process:
            token = "server"

    return read_reports([Process])


class Answers:
    """A grid that answers everything with an error of Flower's own."""

    def __init__(self, code):
        self.code = code
        self.sent = []

    def get_node_ids(self):
        return [NODE]

    def push_messages(self, messages):
        self.sent = list(messages)
        return [give_number(message) for message in self.sent]

    def pull_messages(self, message_ids):
        found = [Message(Error(self.code, "no"), reply_to=message) for message in self.sent]
        for one in found:
            give_number(one)
        return found

    def send_and_receive(self, messages, *, timeout=None):
        return self.pull_messages(self.push_messages(messages))


@pytest.mark.parametrize("pushes", [False, True])
@pytest.mark.parametrize(
    ("code", "status"),
    [
        (0, ReplyStatus.ERROR),  # unknown
        (1, ReplyStatus.ERROR),  # the app could not be loaded
        (2, ReplyStatus.ERROR),  # it raised
        (3, ReplyStatus.NO_REPLY),  # message unavailable
        (4, ReplyStatus.NO_REPLY),  # reply unavailable
        (5, ReplyStatus.NO_REPLY),  # node unavailable
        (6, ReplyStatus.ERROR),  # a mod refused
        (7, ReplyStatus.ERROR),  # the app was not trusted
        (8, ReplyStatus.ERROR),  # it crashed
    ],
)
def test_what_the_superlink_says_itself_is_no_reply_of_a_client(identity, code, status, pushes):
    clock = VirtualClock(START_S)
    books = Books(Answers(code), clock, wire=WIRE)
    content = RecordDict({"arrays": ArrayRecord([np.zeros(9)])})
    books.grid.get_node_ids()
    clock.advance(100.0)
    messages = [Message(content, NODE, "train", group_id="1")]
    if pushes:
        ids = books.grid.push_messages(messages)
        clock.advance(50.0)
        books.grid.pull_messages(ids)
    else:
        books.grid.send_and_receive(messages)
    clock.advance(1000.0)
    books.grid.close()
    (row,) = books.rows
    assert row.status is status
    worked_s = sum(a.duration_s for a in activities(books.pages.reports).activities)
    assert worked_s == 0.0  # nobody knows
    if status is ReplyStatus.NO_REPLY:
        # Nobody knows whether the node was there.
        assert books.sum("connected_s") == 0


def test_an_app_that_was_never_run_had_no_contact():
    """What its node tells later is of somebody else's request."""
    book = exchanges()
    for name, handled in (("a", True), ("b", False)):
        one = request(name)
        book.ask(one)
        book.book(one, Reply(error=True, handled=handled), START_S + 10)
    asked = request("c", START_S + 60, number=2)
    book.ask(asked)
    book.book(asked, reply(3, failed=2, finished=1), START_S + 70)
    # One request is missing, the client tells of two contacts: they cannot be told apart.
    assert not [row for row in book.tracker.reports if row.status is ReplyStatus.LATE]


def test_our_own_query_that_an_app_does_not_know_explains_no_earlier_contact():
    """Of a run before this one: the client has had a contact that nobody here asked for."""
    books = exchanges()
    query = request("query", own=True)
    books.ask(query)
    books.book(query, Reply(error=True), START_S + 1)
    books.ask(request("first", START_S + 2))
    books.book(request("first", START_S + 2), reply(2, total_kwh=50 * KWH), START_S + 12)
    assert ReplyStatus.LATE not in {row.status for row in books.tracker.reports}
    assert read_rows(books, "client-unmeasured") == []


def read_rows(books, code):
    return [f for f in activities(books.tracker.reports).findings if f.code == code]


def test_metrics_that_are_no_numbers_reach_no_scheduler():
    books = exchanges()
    metrics = {"loss": math.nan, "utility": -math.inf, "num-examples": 3.0}
    books.ask(request("one"))
    books.book(request("one"), Reply(metrics=metrics), START_S + 12)
    (outcome,) = books.rounds.take(Phase.TRAIN, 1).clients.values()
    assert outcome.metrics == {"num-examples": 3.0}
    doubts = [text for code, text in books.tracker.doubts if code == "client-metric"]
    assert len(doubts) == 2
    assert "'loss' is nan" in doubts[0]


@pytest.mark.parametrize("value", [10**400, -math.inf])
def test_a_metric_beyond_all_numbers_leaves_the_reply_in_the_books(identity, value):
    class Metrics(dict):
        def values(self):
            return [{"utility": value}]

    class Found(RecordDict):
        metric_records = Metrics()

    class Boasts(Answers):
        def pull_messages(self, message_ids):
            found = [Message(Found(), reply_to=message) for message in self.sent]
            for one in found:
                give_number(one)
            return found

    books = Books(Boasts(None), VirtualClock(START_S))
    books.grid.send_and_receive([Message(RecordDict(), NODE, "train", group_id="1")])
    assert [row.status for row in books.rows] == [ReplyStatus.OK]
    assert {code for code, _ in books.pages.doubts} == {"client-metric"}


def test_doubts_that_are_not_written_out_are_counted():
    books = exchanges()
    for number in range(1, 9):
        one = request(f"{number}", START_S + 20 * number, number=number)
        books.ask(one)
        books.book(one, reply(number, energy_kwh=-1.0), START_S + 20 * number + 10)
    books.close()
    texts = [text for code, text in books.tracker.doubts if code == "client-record"]
    assert len(texts) == 4
    assert texts[-1].endswith("5 more of this kind.")


def test_what_a_client_says_of_its_own_problems_is_a_finding():
    books = exchanges()
    books.ask(request("one"))
    books.book(request("one"), reply(1, problem="MeterError"), START_S + 12)
    ((code, text),) = books.tracker.doubts
    assert code == "client-problem"
    assert "MeterError" in text


def test_a_refused_reply_is_no_time_of_work():
    book = exchanges()
    asked = request("a")
    book.ask(asked)
    book.book(asked, reply(1, energy_kwh=1.0), START_S + 600)
    (row,) = book.tracker.reports
    assert row.status is ReplyStatus.REFUSED
    assert sum(a.duration_s for a in activities([row]).activities) == 0


def test_a_client_that_does_not_say_how_long_it_worked_is_not_charged_the_exchange():
    book = exchanges()
    asked = request("a")
    book.ask(asked)
    book.book(asked, reply(1, duration_s=None), START_S + 600)
    (row,) = book.tracker.reports
    assert row.told.duration_s is None
    assert row.exchange_s == 600  # at most
    found = activities([row]).activities
    assert sum(a.duration_s for a in found) == 0
    assert sum(a.energy_kwh or 0 for a in found) == pytest.approx(KWH)
    book.close()
    assert [code for code, _ in book.tracker.doubts] == ["client-duration"]
    assert "at most 600 s" in book.tracker.doubts[0][1]


def test_a_client_that_tells_neither_energy_nor_time_is_unmeasured():
    book = exchanges()
    asked = request("a")
    book.ask(asked)
    found = dict.fromkeys(("energy_kwh", "energy_low_kwh", "energy_high_kwh", "tier"))
    book.book(asked, reply(1, duration_s=None, total_kwh=None, **found), START_S + 600)
    codes = {finding.code for finding in activities(book.tracker.reports).findings}
    assert codes == {"client-unmeasured"}


def test_bytes_of_a_message_count_once_although_its_reply_is_late():
    wire = WireModel(up_polling_bytes_per_s=0.0, down_polling_bytes_per_s=0.0)
    sums = {}
    for late in (False, True):
        book = exchanges(wire)
        asked = request("a")
        book.ask(asked)
        if late:
            book.book(asked, None, START_S + 10)
            book.late(asked, reply(1), START_S + 20)
        else:
            book.book(asked, reply(1), START_S + 10)
        names = ("received_bytes", "sent_bytes", "record_bytes", "overhead_received_bytes")
        names += ("overhead_sent_bytes", "received_objects", "sent_objects")
        sums[late] = [sum(getattr(row, name) for row in book.tracker.reports) for name in names]
    assert sums[True] == sums[False]


def test_the_outcome_of_a_client_is_all_that_taking_part_took():
    book = exchanges()
    asked = request("a")
    book.ask(asked)
    startup = {"startup_s": 2.0, "startup_kwh": 3 * KWH}
    startup |= {"startup_low_kwh": 3 * KWH, "startup_high_kwh": 3 * KWH, "idle_kwh": 2 * KWH}
    book.book(asked, reply(1, total_kwh=6 * KWH, **startup), START_S + 10)
    outcome = book.rounds.take(Phase.TRAIN, 1).clients[NODE]
    assert outcome.energy_kwh == pytest.approx(6 * KWH)


def test_late_replies_leave_the_outcomes_of_other_rounds_alone():
    book = exchanges()
    for number in (1, 2):
        for name, node in (("late", NODE), ("fine", NODE + 1)):
            asked = request(f"{name}{number}", START_S + 100 * number, number=number, node=node)
            book.ask(asked)
            found = None if name == "late" else reply(number)
            book.book(asked, found, START_S + 100 * number + 10)
    for number in (2, 1):
        asked = request(f"late{number}", START_S + 100 * number, number=number)
        book.late(asked, reply(number), START_S + 300)
    for number in (1, 2):
        found = book.rounds.take(Phase.TRAIN, number)
        statuses = {node: one.status for node, one in found.clients.items()}
        assert statuses == {NODE: ReplyStatus.NO_REPLY, NODE + 1: ReplyStatus.OK}
        assert found.stop_s == START_S + 100 * number + 10
    assert book.rounds.take(Phase.TRAIN, 2) is None


def test_who_was_asked_twice_in_a_round_took_part_twice():
    book = exchanges()
    for number in (1, 2):
        asked = request(str(number))
        book.ask(asked)
        book.book(asked, reply(number), START_S + 20 * number)
    (outcome,) = book.rounds.take(Phase.TRAIN, 1).clients.values()
    assert outcome.energy_kwh == pytest.approx(2 * KWH)
    assert outcome.duration_s == pytest.approx(10.0)


def test_a_request_that_was_sent_after_a_contact_covers_nothing_before_it():
    """Two clients' worth of lies: a contact that nobody asked for, and a request still out."""
    for sent_s, late in ((20.0, False), (1.0, True)):
        book = exchanges()
        first, asked, other = (
            request("a"),
            request("b", START_S + 10, number=2),
            request("c", START_S + 10 + sent_s, number=3),
        )
        book.ask(first)
        book.book(first, reply(1), START_S + 6)
        book.ask(asked)
        book.ask(other)
        # It worked for the last 5 s of 25: from 20 s after the begin on, at the latest.
        book.book(asked, reply(3, total_kwh=4 * KWH), START_S + 25)
        rows = [row for row in book.tracker.reports if row.status is ReplyStatus.LATE]
        assert bool(rows) is late
        assert any("no replies are missing" in text for _, text in book.tracker.doubts) is not late


def test_a_missing_request_covers_one_contact_and_no_second():
    book = exchanges()
    lost = [request(name, START_S, number=1) for name in "ab"]
    for one in lost:
        book.ask(one)
        book.book(one, None, START_S + 10)
    # A first reply: one of the two was a contact, the other one never will be.
    for number, contact in ((2, 2), (3, 4)):
        asked = request(f"r{number}", START_S + 60 * number, number=number)
        book.ask(asked)
        book.book(asked, reply(contact), START_S + 60 * number + 10)
    late = [row for row in book.tracker.reports if row.status is ReplyStatus.LATE]
    assert [row.told.energy.kwh for row in late] == [pytest.approx(KWH)]
    assert "number is 4; expected up to 3" in book.tracker.doubts[0][1]


def test_an_older_request_of_the_same_moment_may_be_answered_yet():
    opened = OpenRequests()
    first, second, third, own = (
        request("a", 1.0),
        request("b", 2.0),
        request("c", 2.0),
        request("d", 2.0),
    )
    for one in (first, second, third, own):
        opened.add(one)
    assert opened.before([NODE], 1.5, own) == [first]
    found = opened.before([NODE], 2.0, own)
    assert found == [first, second, third]
    opened.explain(found, 0, own)
    assert opened.before([NODE], 9.0, own) == [second, third]
    opened.explain([second, third], 1, own)
    assert opened.before([NODE], 9.0, own) == [third]


def test_the_history_of_a_node_goes_on_when_it_says_its_partition():
    book = exchanges(places={7: NodePlace("FR", "laptop")})
    for number, partition in ((1, None), (2, 7)):
        asked = request(str(number), START_S + 60 * number, number=number)
        book.ask(asked)
        found = reply(number, partition=partition)
        book.book(asked, found, START_S + 60 * number + 10)
    again = request("3", START_S + 200, number=3)
    book.ask(again)
    book.book(again, reply(1, partition=7), START_S + 210)  # a replay
    statuses = [row.status for row in book.tracker.reports]
    assert statuses == [ReplyStatus.OK, ReplyStatus.OK, ReplyStatus.REFUSED]
    assert book.tracker.reports[-1].actor == "client-7"


def test_who_claims_another_partition_in_a_refused_record_changes_nothing_there():
    book = exchanges()
    liar = request("a", node=NODE + 1)
    book.ask(liar)
    book.book(liar, reply(1, partition=7, energy_kwh=1.0), START_S + 10)
    honest = request("b", START_S + 60)
    book.ask(honest)
    book.book(honest, reply(1, partition=7), START_S + 70)
    lost = request("c", START_S + 80, number=2)
    book.ask(lost)
    book.book(lost, None, START_S + 90)
    last = request("d", START_S + 120, number=3)
    book.ask(last)
    book.book(last, reply(3, partition=7), START_S + 130)
    late = [row for row in book.tracker.reports if row.status is ReplyStatus.LATE]
    assert [row.told.energy.kwh for row in late] == [pytest.approx(KWH)]


def test_a_message_that_the_server_of_flower_does_not_take_went_nowhere(identity):
    class Refuses(Answers):
        def push_messages(self, messages):
            ids = super().push_messages(messages)
            return [ids[0], None]

    books = Books(Refuses(2), VirtualClock(START_S))
    content = RecordDict({"config": ConfigRecord({"server-round": 1, "text": "x" * 100})})
    books.grid.push_messages([Message(content, NODE, "train"), Message(content, 12, "train")])
    books.grid.close()
    taken, refused = sorted(books.rows, key=lambda row: row.node)
    assert (taken.node, refused.node) == ("11", "12")
    assert taken.received_bytes > 0
    assert (refused.status, refused.received_bytes) == (ReplyStatus.NO_REPLY, 0)


def test_polling_counts_while_a_node_is_there_and_idle():
    there = Presence()
    there.listed([1, 2], 0.0)
    there.asked(1, 100.0)
    there.answered(1, 160.0, 50.0)
    assert there.take(1, 160.0) == 110.0
    assert there.take(1, 160.0) == 0.0
    # Nobody says how long it worked: only the time before is known.
    there.asked(1, 200.0)
    there.answered(1, 300.0, None)
    assert there.take(1, 300.0) == 40.0
    # It went away at some time between, and came back.
    there.listed([2], 500.0)
    there.listed([1, 2], 900.0)
    there.listed([1, 2], 1000.0)
    assert there.take(1, 1000.0) == 100.0
    assert there.take(2, 1000.0) == 1000.0


def test_a_node_that_does_not_answer_may_be_anywhere_until_it_does():
    there = Presence()
    there.listed([1], 0.0)
    there.asked(1, 10.0)
    there.silent(1)
    there.listed([1], 100.0)
    there.listed([1], 200.0)
    assert there.take(1, 200.0) == 0.0
    there.asked(1, 200.0)
    there.answered(1, 230.0, 5.0)
    there.listed([1], 300.0)
    assert there.take(1, 300.0) == 70.0
