"""Flower apps measured in this process: every request has a row, every joule one place."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from flwr.app import (
    ArrayRecord,
    ConfigRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.client import NumPyClient
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.exception import InconsistentMessageReplies
from flwr.serverapp.strategy import FedAdam, FedAvg, Strategy

import footprint as fp
from footprint.errors import DataError, FootprintError, UsageError
from footprint.integrations.flower import CarbonRun, NodePlace, answer_facts, carbon_mod
from footprint.integrations.flower import contact as contact_module
from footprint.integrations.flower import run as run_module
from footprint.integrations.flower.engines import simulate
from footprint.integrations.flower.exchanges import Exchanges
from footprint.integrations.flower.identity import assumed_identity
from footprint.integrations.flower.identity import number as give_number
from footprint.integrations.flower.limits import Limits
from footprint.integrations.flower.local import LocalGrid
from footprint.integrations.flower.process import stop_clients
from footprint.integrations.flower.record import DEFAULT_FIELDS, FIELDS, RECORD_NAME
from footprint.journal import read_records
from footprint.model import Phase, ReplyStatus, Role
from footprint.model.method_costs import CostFigure, CostTable, MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.knobs import WithKnobs
from footprint.scheduling.uniform import Uniform

NODES = 5
PLACES = {n: NodePlace("FR" if n % 2 else "PL", "laptop") for n in range(NODES)}


@pytest.fixture(autouse=True)
def _closed_journals():
    yield
    stop_clients()


def arrays(size=50):
    return ArrayRecord([np.arange(size, dtype=np.float32), np.zeros(3, np.float32)])


def train(message, context):
    sum(range(20_000))
    content = RecordDict(
        {
            "arrays": message.content["arrays"],
            "metrics": MetricRecord({"num-examples": 3, "loss": 0.5}),
        }
    )
    return Message(content, reply_to=message)


def evaluate(message, context):
    content = RecordDict({"metrics": MetricRecord({"num-examples": 3, "accuracy": 0.75})})
    return Message(content, reply_to=message)


def client_app(*mods, handler=train, facts=False):
    app = ClientApp(mods=list(mods))
    app.train()(handler)
    app.evaluate()(evaluate)
    if facts:
        answer_facts(app)
    return app


def run_server(main, app, nodes=NODES, **options):
    server = ServerApp()
    results = []

    @server.main()
    def start(grid, context):
        results.append(main(grid))

    simulate(server, app, nodes, **options)
    return results[0]


def measured(folder, app=None, strategy=None, rounds=2, wrap=None, **options):
    """Train with a CarbonRun; the result of the strategy."""
    run = CarbonRun(folder, "r", zone="DE", device="server", **{"nodes": PLACES, **options})

    def main(grid):
        grid = wrap(grid) if wrap else grid
        return run.start(strategy or FedAvg(), grid, initial_arrays=arrays(), num_rounds=rounds)

    return run_server(main, app or client_app(carbon_mod("r", folder)))


def reports(folder):
    return [r for process in read_records([folder]).processes for r in process.reports]


def asked(folder):
    return [r for r in reports(folder) if r.status is not ReplyStatus.IDLE]


def codes(journal):
    return {finding.code for finding in journal.findings}


def client_kwh(journal):
    return math.fsum(a.energy_kwh or 0 for a in journal.activities() if a.role is Role.CLIENT)


def told_kwh(rows):
    """Energy that clients told, whatever it went into."""
    return math.fsum(
        part.kwh
        for row in rows
        if row.told
        for part in (row.told.energy, row.told.setup, row.told.idle)
        if part
    )


def ledger_kwh(folder, actor):
    (path,) = folder.glob(f"{actor}-*.ledger")
    return float(path.read_text().splitlines()[-1].split('"total_kwh":')[1].split(",")[0])


class Spy(Grid):
    """Passes everything on; keeps what came back, and may change it."""

    def __init__(self, inner, change=None):
        self.inner, self.change, self.replies = inner, change, []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    run = property(lambda self: self.inner.run)

    def set_run(self, run):
        self.inner.set_run(run)

    def create_message(self, *args, **kwargs):
        return self.inner.create_message(*args, **kwargs)

    def get_node_ids(self):
        return self.inner.get_node_ids()

    def push_messages(self, messages):
        return self.inner.push_messages(messages)

    def pull_messages(self, message_ids):
        return self.inner.pull_messages(message_ids)

    def send_and_receive(self, messages, *, timeout=None):
        replies = list(self.inner.send_and_receive(messages, timeout=timeout))
        if self.change:
            replies = self.change(replies)
        for reply in replies:
            if reply.has_content() and RECORD_NAME in reply.content:
                self.replies.append(dict(reply.content[RECORD_NAME]))
        return replies


class Anonymous(Spy):
    """As a deployment, where the server does not know who its nodes are."""

    partitions = None


class Careful(FedAvg):
    """Fails if it sees anything of ours, or not all replies."""

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        assert len(replies) == NODES
        assert all(set(r.content) == {"arrays", "metrics"} for r in replies)
        return super().aggregate_train(server_round, replies)


class OfItsOwn(Strategy):
    """Not of the FedAvg family: a content per node, and the API to push and pull."""

    def __init__(self, pulls=False):
        self.pulls = pulls

    def configure_train(self, server_round, arrays, config, grid):
        self.grid = grid
        return [
            Message(
                RecordDict(
                    {"arrays": arrays, "config": ConfigRecord({"server-round": server_round})}
                ),
                dst_node_id=node,
                message_type="train",
            )
            for node in grid.get_node_ids()
        ]

    def aggregate_train(self, server_round, replies):
        self.seen = [reply.metadata.src_node_id for reply in replies]
        return None, None

    def configure_evaluate(self, server_round, arrays, config, grid):
        return []

    def aggregate_evaluate(self, server_round, replies):
        return None

    def summary(self):
        pass

    def start(self, grid, initial_arrays, num_rounds=3, **rest):
        if not self.pulls:
            return super().start(grid, initial_arrays, num_rounds, **rest)
        for number in range(1, num_rounds + 1):
            messages = self.configure_train(number, initial_arrays, ConfigRecord(), grid)
            ids = grid.push_messages(messages)
            self.aggregate_train(number, grid.pull_messages(ids))
        from flwr.serverapp.strategy import Result

        return Result()


@pytest.mark.parametrize("strategy", [FedAvg, FedAdam, Careful, OfItsOwn])
def test_every_node_has_a_row_in_every_round(tmp_path, strategy):
    measured(tmp_path, strategy=strategy())
    phases = {Phase.TRAIN} if strategy is OfItsOwn else {Phase.TRAIN, Phase.EVALUATE}
    rows = [(r.actor, r.round, r.phase) for r in asked(tmp_path)]
    assert sorted(rows) == sorted(
        (f"client-{n}", number, phase)
        for n in range(NODES)
        for number in (1, 2)
        for phase in phases
    )
    assert {r.status for r in asked(tmp_path)} == {ReplyStatus.OK}
    assert all(r.told and r.told.energy and r.told.settled for r in asked(tmp_path))


def test_messages_that_are_pushed_and_pulled_have_rows_too(tmp_path):
    measured(tmp_path, strategy=OfItsOwn(pulls=True))
    rows = sorted((r.actor, r.round, r.status) for r in asked(tmp_path))
    assert rows == sorted((f"client-{n}", k, "ok") for n in range(NODES) for k in (1, 2))


def test_the_result_is_that_of_an_unmeasured_training(tmp_path):
    def plain(grid):
        return FedAvg().start(grid, initial_arrays=arrays(), num_rounds=2)

    expected = run_server(plain, client_app())
    found = measured(tmp_path)
    for theirs, ours in zip(expected.arrays.values(), found.arrays.values(), strict=True):
        assert np.array_equal(theirs.numpy(), ours.numpy())
    assert found.train_metrics_clientapp == expected.train_metrics_clientapp


def test_a_client_with_the_mod_serves_a_server_without_us(tmp_path):
    def main(grid):
        return FedAvg().start(grid, initial_arrays=arrays(), num_rounds=2)

    result = run_server(main, client_app(carbon_mod("r", tmp_path)))
    assert set(result.train_metrics_clientapp) == {1, 2}
    stop_clients()
    journal = fp.read_journal(tmp_path)
    assert client_kwh(journal) > 0
    assert {a.actor for a in journal.activities() if a.phase is Phase.TRAIN} == {
        f"client-{n}" for n in range(NODES)
    }


def test_a_server_with_us_counts_the_data_of_clients_without_the_mod(tmp_path):
    measured(tmp_path, client_app())
    journal = fp.read_journal(tmp_path)
    assert "client-unmeasured" in codes(journal)
    assert journal.total("data_gb") > 0
    assert all(a.energy_kwh is None for a in journal.activities() if a.role is Role.CLIENT)


def test_a_second_metric_record_would_break_fedavg():
    """Why our record is a ConfigRecord."""

    def also(message, context, call_next):
        reply = call_next(message, context)
        reply.content["ours"] = MetricRecord({"energy": 1.0})
        return reply

    with pytest.raises(InconsistentMessageReplies):
        run_server(
            lambda grid: FedAvg().start(grid, initial_arrays=arrays(), num_rounds=1),
            client_app(also),
        )


def test_a_client_of_the_old_kind_is_measured(tmp_path):
    class Old(NumPyClient):
        def fit(self, parameters, config):
            return parameters, 3, {}

        def evaluate(self, parameters, config):
            return 0.5, 3, {}

    app = ClientApp(lambda context: Old().to_client(), mods=[carbon_mod("r", tmp_path)])
    context = Context(1, 9, {"partition-id": 0, "num-partitions": 1}, RecordDict(), {})
    from flwr.common import FitIns, ndarrays_to_parameters
    from flwr.compat.common import recorddict_compat as compat

    with assumed_identity(1):
        ins = FitIns(ndarrays_to_parameters([np.zeros(3)]), {})
        content = compat.fitins_to_recorddict(ins, keep_input=True)
        message = Message(content, dst_node_id=9, message_type="train", group_id="4")
        give_number(message)
        reply = app(message, context)
    record = reply.content[RECORD_NAME]
    assert (record["phase"], record["round"], record["number"]) == ("train", 4, 1)


def test_bytes_of_mod_and_proxy_agree(tmp_path):
    measured(tmp_path)
    spans = [s for process in read_records([tmp_path]).processes for s in process.spans]
    moved = Counter(
        (s.actor, s.round, s.received_bytes, s.sent_bytes)
        for s in spans
        if s.received_bytes or s.sent_bytes
    )
    rows = asked(tmp_path)
    assert len(rows) == 4 * NODES
    assert moved == Counter(
        move
        for r in rows
        for move in (
            (r.actor, r.round, r.received_bytes, 0),
            (r.actor, r.round, 0, r.sent_bytes),
        )
    )
    assert all(row.record_bytes > 0 for row in rows)


def test_an_empty_text_in_a_config_can_be_counted(tmp_path):
    class Empty(FedAvg):
        def configure_train(self, server_round, arrays, config, grid):
            config["note"] = ""
            config["list"] = [1.5, 2.5]
            return super().configure_train(server_round, arrays, config, grid)

    measured(tmp_path, strategy=Empty())
    assert {r.status for r in asked(tmp_path)} == {ReplyStatus.OK}


def broken_in_round(which, partition, error):
    def handler(message, context):
        if (message.content["config"]["server-round"], context.node_config["partition-id"]) == (
            which,
            partition,
        ):
            sum(range(200_000))
            raise error
        return train(message, context)

    return handler


def test_a_handler_that_raises_is_recovered_at_the_next_contact(tmp_path):
    app = client_app(carbon_mod("r", tmp_path), handler=broken_in_round(1, 3, RuntimeError("boom")))
    measured(tmp_path, app)
    rows = [(r.status, r.round) for r in reports(tmp_path) if r.actor == "client-3"]
    assert rows[:3] == [
        (ReplyStatus.ERROR, 1),
        (ReplyStatus.LATE, 1),
        (ReplyStatus.OK, 1),  # the evaluation
    ]
    late = next(r for r in reports(tmp_path) if r.status is ReplyStatus.LATE)
    assert late.phase is Phase.TRAIN
    assert late.told.energy.kwh > 0
    journal = fp.read_journal(tmp_path)
    assert {"reply-error", "phase-failed"} <= codes(journal)
    told = told_kwh(r for r in reports(tmp_path) if r.actor == "client-3")
    assert told == pytest.approx(ledger_kwh(tmp_path, "client-3"))


def test_what_a_handler_raises_goes_on_unchanged(tmp_path):
    error = KeyError("mine")
    app = client_app(carbon_mod("r", tmp_path), handler=broken_in_round(1, 0, error))
    context = Context(1, 9, {"partition-id": 0}, RecordDict(), {})
    with assumed_identity(1):
        content = RecordDict({"arrays": arrays(), "config": ConfigRecord({"server-round": 1})})
        message = Message(content, dst_node_id=9, message_type="train")
        give_number(message)
        with pytest.raises(KeyError) as raised:
            app(message, context)
    assert raised.value is error


def test_a_failure_of_ours_breaks_nothing_and_is_told(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("no such table")

    monkeypatch.setattr(contact_module, "tally_span", broken)
    spies = []

    def wrap(grid):
        spies.append(Spy(grid))
        return spies[0]

    result = measured(tmp_path, wrap=wrap)
    assert set(result.train_metrics_clientapp) == {1, 2}
    journal = fp.read_journal(tmp_path)
    assert "client-mod" in codes(journal)
    # The spans of the clients are in the journal all the same.
    assert client_kwh(journal) > 0
    # Their messages began and ended.
    for path in tmp_path.glob("*.ledger"):
        events = [json.loads(line)["event"] for line in path.read_text().splitlines()]
        assert events == ["begin", "end"] * 4


def test_one_message_without_energy_leaves_the_rest_of_the_ledger(tmp_path, monkeypatch):
    tally, calls = contact_module.tally_span, []

    def broken_once(*what):
        calls.append(1)
        if len(calls) == 1:
            raise OSError("no such table")
        return tally(*what)

    spies = []

    def wrap(grid):
        spies.append(Spy(grid))
        return spies[0]

    monkeypatch.setattr(contact_module, "tally_span", broken_once)
    measured(tmp_path, wrap=wrap, nodes={})
    ledgers = {
        path.name: json.loads(path.read_text().splitlines()[-1])
        for path in tmp_path.glob("*.ledger")
    }
    assert all((one["begun"], one["finished"]) == (4, 4) for one in ledgers.values())
    ((name, last),) = [(name, one) for name, one in ledgers.items() if one["unmetered"]]
    assert last["unmetered"] == 1
    actor = "-".join(name.split("-")[:2])
    own = [r.told.energy.kwh for r in asked(tmp_path) if r.actor == actor and r.told.energy]
    assert len(own) == 3
    assert last["total_kwh"] >= math.fsum(own)
    # The server is told what is known, and how much is not.
    told = [r for r in spies[0].replies if f"client-{r['partition']}" == actor]
    assert [record["unmetered"] for record in told] == [1, 1, 1, 1]
    assert told[-1]["total_kwh"] == pytest.approx(last["total_kwh"])


def test_a_journal_that_cannot_be_written_breaks_nothing(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    spies = []

    def wrap(grid):
        spies.append(Spy(grid))
        return spies[0]

    def main(grid):
        return FedAvg().start(wrap(grid), initial_arrays=arrays(), num_rounds=2)

    result = run_server(main, client_app(carbon_mod("r", blocked)))
    assert set(result.train_metrics_clientapp) == {1, 2}
    told = [record for record in spies[0].replies if record["partition"] == 0]
    # The context of the client keeps the ledger instead.
    assert [record["number"] for record in told] == [1, 2, 3, 4]
    assert all("ledger" in record["problem"] for record in told)
    assert all(record["energy_kwh"] > 0 for record in told)


def test_a_server_that_cannot_write_its_journal_does_not_begin(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    trained = []

    def handler(message, context):
        trained.append(1)
        return train(message, context)

    with pytest.raises(UsageError, match=r"journal of the server cannot be written.*blocked"):
        measured(blocked, client_app(handler=handler))
    assert not trained


def test_books_that_fail_do_not_end_a_training(tmp_path, monkeypatch):
    def broken(*_):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(Exchanges, "book", broken)
    result = measured(tmp_path)
    assert set(result.train_metrics_clientapp) == {1, 2}
    assert "exchange-unbooked" in codes(fp.read_journal(tmp_path))


def test_a_client_tells_only_what_was_chosen(tmp_path):
    def told(**options):
        spies = []

        def wrap(grid):
            spies.append(Spy(grid))
            return spies[0]

        measured(
            tmp_path / str(len(options.get("fields", ()))),
            client_app(carbon_mod("r", **options)),
            wrap=wrap,
        )
        return set().union(*spies[0].replies)

    always = {"version", "number", "phase", "round", "basis"}
    coarse = told()
    assert not coarse & {"start_s", "pid", "host"}
    assert "energy_kwh" in coarse
    assert told(fields=("zone", "duration"), zone="FR") == always | {"zone", "duration_s"}
    assert "start_s" in told(fields=FIELDS)
    assert set(DEFAULT_FIELDS) < set(FIELDS)
    with pytest.raises(UsageError, match="Use some of: energy"):
        carbon_mod(fields=("energy", "shoe size"))


def test_a_zone_that_there_is_not_is_an_error_before_the_training():
    with pytest.raises(FootprintError, match="Atlantis"):
        carbon_mod(zone="Atlantis")


@pytest.mark.parametrize("fields", [("ledger",), ("ledger", "energy"), ("startup", "ledger")])
def test_totals_are_not_told_without_what_they_are_made_of(fields):
    """A server would take the rest for energy that came late, or for a lie."""
    with pytest.raises(UsageError, match="'ledger' is of no use without"):
        carbon_mod(fields=fields)
    assert carbon_mod(fields=(*fields, "energy", "startup")).fields


@pytest.mark.parametrize(
    ("options", "config", "place"),
    [
        ({}, {}, (None, None)),
        ({}, {"zone": "FR", "device": "laptop"}, ("FR", "laptop")),
        ({}, {"region": "PL", "hardware": "phone"}, ("PL", "phone")),
        ({"zone": "SE", "device": "server"}, {"region": "PL"}, ("SE", "server")),
    ],
)
def test_the_place_of_a_client_is_said_and_never_guessed(tmp_path, options, config, place):
    app = client_app(carbon_mod("r", **options))
    run = CarbonRun(tmp_path, "r", zone="DE", device="server")

    def main(grid):
        return run.start(FedAvg(), grid, initial_arrays=arrays(), num_rounds=1)

    run_server(main, app, 2, node_config=[config, config])
    assert {(r.zone, r.device) for r in asked(tmp_path)} == {place}


class Drops:
    """A grid whose replies come too late, at first: pulled later they are there."""

    def __init__(self, which):
        self.which = which

    def __call__(self, grid):
        drops = self

        class Dropping(Spy):
            def send_and_receive(self, messages, *, timeout=None):
                messages = list(messages)
                ids = self.inner.push_messages(messages)
                kept = [
                    i
                    for i, m in zip(ids, messages, strict=True)
                    if not drops.which(m, self.inner.partitions[m.metadata.dst_node_id])
                ]
                return self.inner.pull_messages(kept)

        return Dropping(grid)


def in_round(number, partition):
    return lambda message, node: (
        node == partition
        and message.metadata.message_type == "train"
        and message.content["config"]["server-round"] == number
    )


def test_a_reply_that_comes_too_late_is_recovered_once(tmp_path):
    result = measured(tmp_path, wrap=Drops(in_round(1, 2)), rounds=3)
    assert set(result.train_metrics_clientapp) == {1, 2, 3}
    rows = [(r.status, r.round, r.phase) for r in reports(tmp_path) if r.actor == "client-2"]
    assert rows[:3] == [
        (ReplyStatus.NO_REPLY, 1, Phase.TRAIN),
        (ReplyStatus.LATE, 1, Phase.TRAIN),
        (ReplyStatus.OK, 1, Phase.EVALUATE),
    ]
    # At the end the reply itself is fetched: its bytes count, its energy does not again.
    (_, fetched) = [r for r in reports(tmp_path) if r.status is ReplyStatus.LATE]
    assert fetched.sent_bytes > 0
    assert fetched.told is None
    told = told_kwh(r for r in reports(tmp_path) if r.actor == "client-2")
    assert told == pytest.approx(ledger_kwh(tmp_path, "client-2"))
    assert "reply-missing" in codes(fp.read_journal(tmp_path))


def test_a_reply_that_never_comes_is_a_row(tmp_path):
    class Deaf(Spy):
        def pull_messages(self, message_ids):
            return []

        def send_and_receive(self, messages, *, timeout=None):
            self.inner.push_messages(messages)
            return []

    measured(tmp_path, wrap=Deaf, rounds=1)
    assert [r.status for r in asked(tmp_path)] == [ReplyStatus.NO_REPLY] * 2 * NODES
    journal = fp.read_journal(tmp_path)
    finding = next(f for f in journal.findings if f.code == "reply-missing")
    assert "10 request(s)" in finding.message


def evil(change):
    """A mod around ours that forges what it tells."""

    def forge(message, context, call_next):
        reply = call_next(message, context)
        if context.node_config["partition-id"] == 0 and RECORD_NAME in reply.content:
            change(reply.content[RECORD_NAME])
        return reply

    return forge


FORGERIES = {
    "negative energy": {"energy_kwh": -1.0},
    "more than the sun": {"energy_kwh": 1e30, "energy_high_kwh": 1e30},
    "a replay": {"number": 1},
    "a huge ledger": {"total_kwh": 1e30},
    "a script": {"zone": "<script>alert(1)</script>", "device": "<img src=x onerror=alert(2)>"},
    "somebody else": {"partition": 1},
    "an unmeasured saint": {"energy_kwh": "none"},
    "a simulation": {"basis": "simulated"},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_malicious_client_raises_no_total(tmp_path, name):
    true_kwh = []

    def forge(record):
        true_kwh.append(record["energy_kwh"] + record["idle_kwh"])
        record.update(FORGERIES[name])

    def watch(message, context, call_next):
        reply = call_next(message, context)
        if context.node_config["partition-id"] != 0:
            record = reply.content[RECORD_NAME]
            true_kwh.append(record["energy_kwh"] + record["idle_kwh"])
        return reply

    run = CarbonRun(tmp_path, "r", zone="DE", device="server")

    def main(grid):
        return run.start(FedAvg(), grid, initial_arrays=arrays(), num_rounds=3)

    result = run_server(main, client_app(evil(forge), watch, carbon_mod("r")), 3)
    assert set(result.train_metrics_clientapp) == {1, 2, 3}
    assert 0 < told_kwh(reports(tmp_path)) <= math.fsum(true_kwh) * (1 + 1e-9)
    journal = fp.read_journal(tmp_path)
    assert "client-record" in codes(journal)
    page = tmp_path / "page.html"
    inventory = fp.build_inventory(journal)
    settings = fp.Settings(zones={"": "DE"})
    fp.write_report(fp.estimate(inventory, settings), page, assets="cdn")
    assert "<script>alert(1)" not in page.read_text()
    assert "<img src=x" not in page.read_text()


def test_two_nodes_cannot_be_one_client(tmp_path):
    app = client_app(evil(lambda r: r.update({"partition": 1})), carbon_mod("r"))
    run = CarbonRun(tmp_path, "r", zone="DE", device="server")

    def main(grid):
        return run.start(FedAvg(), Anonymous(grid), initial_arrays=arrays(), num_rounds=2)

    run_server(main, app, 3)
    nodes = {}
    for row in reports(tmp_path):
        nodes.setdefault(row.actor, set()).add(row.node)
    assert all(len(found) == 1 for found in nodes.values())
    assert "client-record" in codes(fp.read_journal(tmp_path))


@pytest.mark.parametrize("count", [0, 1, 2, NODES])
@pytest.mark.parametrize("strategy", [FedAvg, FedAdam, OfItsOwn])
def test_the_scheduler_chooses_whatever_the_strategy(tmp_path, strategy, count):
    choices = []

    class Watched(Uniform):
        def select(self, state, rng):
            choices.append(sorted(super().select(state, rng)))
            assert {c.zone for c in state.candidates} <= {"FR", "PL"}
            return choices[-1]

        def observe(self, outcome):
            assert sorted(c.id for c in outcome.clients) == choices[-1]
            assert all(c.energy_kwh > 0 for c in outcome.clients)

    app = client_app(carbon_mod("r", tmp_path), facts=True)
    measured(tmp_path, app, strategy(), scheduler=Watched(count=count), ask=True)
    for number in (1, 2):
        trained = sorted(
            r.actor for r in asked(tmp_path) if (r.phase, r.round) == (Phase.TRAIN, number)
        )
        assert trained == choices[number - 1]
        assert len(trained) == count


@pytest.mark.parametrize("strategy", [FedAvg, OfItsOwn])
def test_each_client_is_told_how_to_train(tmp_path, strategy):
    plain = MethodCost(TrainingMethod("plain"))
    half = MethodCost(TrainingMethod("half", width=0.5))
    wanted, told = [], []

    class Alternating(Uniform):
        def methods(self, ids, state):
            found = [(plain, half)[(place + state.round) % 2] for place in range(len(ids))]
            wanted.append({name: one.name for name, one in zip(ids, found, strict=True)})
            return found

    def listen(message, context, call_next):
        if message.metadata.message_type == "train":
            (config,) = message.content.config_records.values()
            name = f"client-{context.node_config['partition-id']}"
            told.append((int(config["server-round"]), name, config["footprint.method"]))
        return call_next(message, context)

    app = client_app(listen, carbon_mod("r", tmp_path))
    measured(tmp_path, app, strategy(), scheduler=Alternating(count=2))
    expected = {
        (number, name, method)
        for number, chosen in enumerate(wanted, start=1)
        for name, method in chosen.items()
    }
    assert len(wanted) == 2
    assert set(told) == expected
    assert len(told) == 4
    assert {method for _, _, method in told} == {"plain", "half"}


def test_knobs_turn_once_the_energy_of_clients_is_known(tmp_path):
    half = MethodCost(
        TrainingMethod("half", width=0.5),
        energy=CostFigure(0.5, 0.4, 0.6),
        loss=CostFigure(2.0, 1.0, 3.0),
    )
    table = CostTable("n", "d", "c", "s", (MethodCost(TrainingMethod("plain")), half))
    told = []

    def listen(message, context, call_next):
        if message.metadata.message_type == "train":
            (config,) = message.content.config_records.values()
            told.append((int(config["server-round"]), config["footprint.method"]))
        return call_next(message, context)

    # Nothing fits into an allowance of 0, so everybody who can be planned saves.
    knobs = WithKnobs(inner=Uniform(), table=table, allowance_g=0.0)
    app = client_app(listen, carbon_mod("r", tmp_path))
    grids = {"FR": 50.0, "PL": 650.0}
    measured(tmp_path, app, scheduler=knobs, intensities=grids, ask=True)
    assert {method for number, method in told if number == 1} == {"plain"}
    assert {method for number, method in told if number == 2} == {"half"}


def test_a_scheduler_observes_the_rounds_that_it_chose_for(tmp_path):
    """Once each; not one that the strategy trains nobody in."""

    class Skipping(OfItsOwn):
        def configure_train(self, server_round, arrays, config, grid):
            messages = super().configure_train(server_round, arrays, config, grid)
            return [] if server_round == 2 else messages

    chosen, observed = {}, {}

    class Watched(Uniform):
        def select(self, state, rng):
            chosen[state.round] = sorted(super().select(state, rng))
            return chosen[state.round]

        def observe(self, outcome):
            assert outcome.round not in observed
            observed[outcome.round] = sorted(one.id for one in outcome.clients)

    measured(tmp_path, strategy=Skipping(), rounds=3, scheduler=Watched(count=2))
    assert observed == chosen
    assert set(chosen) == {1, 3}


def test_a_strategy_that_samples_its_own_contents_gets_a_view(tmp_path):
    class Sampling(OfItsOwn):
        """Addresses the first two nodes that it sees, each with a content of its own."""

        def configure_train(self, server_round, arrays, config, grid):
            return super().configure_train(server_round, arrays, config, grid)[:2]

    class Last:
        def select(self, state, rng):
            return state.ids[-2:]

        def observe(self, outcome):
            pass

    measured(tmp_path, strategy=Sampling(), scheduler=Last())
    trained = {r.actor for r in asked(tmp_path) if r.phase is Phase.TRAIN}
    assert trained == {f"client-{NODES - 2}", f"client-{NODES - 1}"}


def test_a_scheduler_is_told_of_its_round_though_older_replies_come_meanwhile(tmp_path):
    """Replies to two rounds ago are pulled while a round goes on."""

    class Chatty(OfItsOwn):
        def aggregate_train(self, server_round, replies):
            super().aggregate_train(server_round, replies)
            self.grid.pull_messages(late)
            return None, None

    late, seen = [], []

    class Slow(Spy):
        """Of the first node, the first two replies are late."""

        def send_and_receive(self, messages, *, timeout=None):
            ids = self.inner.push_messages(messages)
            if len(late) < 2:
                late.append(ids[0])
                ids = ids[1:]
            return self.inner.pull_messages(ids)

        def pull_messages(self, message_ids):
            return self.inner.pull_messages(message_ids) if len(late) == 2 else []

    class Watched(Uniform):
        def observe(self, outcome):
            seen.append((outcome.round, sorted((c.id, c.status) for c in outcome.clients)))

    measured(
        tmp_path, strategy=Chatty(), rounds=3, wrap=Slow, scheduler=Watched(), ask=False, nodes={}
    )
    fine = [(f"client-{n}", ReplyStatus.OK) for n in range(1, NODES)]
    gone = ("client-0", ReplyStatus.NO_REPLY)
    came = ("client-0", ReplyStatus.OK)
    assert seen == [(1, [gone, *fine]), (2, [gone, *fine]), (3, [came, *fine])]


def test_a_strategy_that_waits_for_more_nodes_gets_an_error_and_does_not_hang(tmp_path):
    class Waiting(OfItsOwn):
        def configure_train(self, server_round, arrays, config, grid):
            while len(list(grid.get_node_ids())) < 3:
                pass
            return super().configure_train(server_round, arrays, config, grid)[:2]

    class Last:
        def select(self, state, rng):
            return state.ids[-2:]

        def observe(self, outcome):
            pass

    with pytest.raises(UsageError, match="waits for more nodes"):
        measured(tmp_path, strategy=Waiting(), scheduler=Last())
    # The journal says so, and is closed.
    assert "phase-failed" in codes(fp.read_journal(tmp_path))


def test_clients_say_who_they_are_before_the_first_round(tmp_path):
    seen = []

    class Watched(Uniform):
        def select(self, state, rng):
            seen.append((state.round, {c.id: (c.zone, c.device) for c in state.candidates}))
            return super().select(state, rng)

    app = client_app(carbon_mod("r", tmp_path, zone="SE"), facts=True)
    measured(tmp_path, app, wrap=Anonymous, scheduler=Watched(count=2))
    number, known = seen[0]
    assert number == 1
    # What the server knows itself goes before what a client says.
    assert known == {f"client-{n}": (PLACES[n].zone, "laptop") for n in range(NODES)}
    queries = [r for r in asked(tmp_path) if r.phase is Phase.OTHER]
    assert len(queries) == NODES
    assert all(r.told.energy.kwh >= 0 for r in queries)


def test_clients_that_do_not_answer_are_asked_nothing_twice(tmp_path):
    seen = []

    class Watched(Uniform):
        def select(self, state, rng):
            seen.append(set(state.ids))
            return super().select(state, rng)

    app = client_app(carbon_mod("r", tmp_path))
    measured(tmp_path, app, wrap=Anonymous, scheduler=Watched(count=NODES))
    # Nameless at first; the first round says who they are.
    assert all(name.startswith("node-") for name in seen[0])
    assert seen[1] == {f"client-{n}" for n in range(NODES)}
    assert "reply-error" not in codes(fp.read_journal(tmp_path))


def test_a_client_that_is_named_late_is_one_candidate(tmp_path):
    seen = []

    class Watched(Uniform):
        def select(self, state, rng):
            seen.append(state.candidates.everybody)
            return super().select(state, rng)

    app = client_app(carbon_mod("r", tmp_path))
    measured(tmp_path, app, wrap=Anonymous, scheduler=Watched(count=NODES))
    assert [len(everybody) for everybody in seen] == [NODES, NODES]
    # In the order in which they were first there, with what they did since.
    assert list(seen[1].ids) == [f"client-{n}" for n in range(NODES)]
    assert all(seen[1][n].answered == 1 for n in range(NODES))


def test_who_has_the_mod_and_is_never_chosen_is_not_called_unmeasured(tmp_path):
    app = client_app(carbon_mod("r", tmp_path))
    strategy = FedAvg(fraction_evaluate=0.0)
    measured(tmp_path, app, strategy, wrap=Anonymous, scheduler=Uniform(count=1))
    assert "client-unmeasured" not in codes(fp.read_journal(tmp_path))


def test_a_second_training_adds_nothing_of_the_first(tmp_path):
    """Its scheduler asks who the clients are, and their app has no answer."""
    app = client_app(carbon_mod("r", tmp_path / "clients"))

    def main(grid):
        for name in ("one", "two"):
            run = CarbonRun(tmp_path / name, "r", zone="DE", scheduler=Uniform(count=3))
            strategy = FedAvg(fraction_evaluate=0.0)
            run.start(strategy, Anonymous(grid), initial_arrays=arrays(), num_rounds=1)

    run_server(main, app, 3)
    assert ReplyStatus.LATE not in {r.status for r in reports(tmp_path / "two")}


def test_waiting_for_nodes_is_no_work_of_the_strategy(tmp_path, monkeypatch):
    """FedAvg wants five of which two are there at first."""
    monkeypatch.setattr(run_module, "_LOOK_S", 0.01)

    class Comes(Spy):
        looks = 0

        def get_node_ids(self):
            self.looks += 1
            return self.inner.get_node_ids()[: 2 if self.looks < 100 else None]

    strategy = FedAvg(min_available_nodes=NODES, min_train_nodes=NODES)
    measured(tmp_path, strategy=strategy, wrap=Comes, rounds=1)
    spans = [s for process in read_records([tmp_path]).processes for s in process.spans]
    waited = [s for s in spans if s.phase is Phase.WAIT and s.round is None]
    assert sum(s.duration_s for s in waited) > 0.9  # 0.01 s after each of 98 looks


def test_too_few_nodes_are_an_error_and_no_endless_wait(tmp_path):
    with pytest.raises(DataError, match="5 of 9 nodes"):
        measured(tmp_path, scheduler=Uniform(), expected=9, patience_s=0.1)


def test_a_node_that_was_started_again_is_the_same_client(tmp_path):
    """Its new node goes on with the ledger of its partition."""

    class Restarted(LocalGrid):
        """From the second message on, partition 0 lives on another node."""

        def push_messages(self, messages):
            sent = super().push_messages(messages)
            if 1001 in self._contexts:
                self._contexts[2001] = self._contexts.pop(1001)
                self.partitions[2001] = self.partitions.pop(1001)
            return sent

    run = CarbonRun(tmp_path, "r", zone="DE", device="server")
    app = client_app(carbon_mod("r", tmp_path))
    with assumed_identity(1):
        grid = Anonymous(Restarted(app, 2))
        run.start(OfItsOwn(), grid, initial_arrays=arrays(), num_rounds=2)
    rows = [(r.actor, r.node, r.round) for r in asked(tmp_path)]
    assert ("client-0", "1001", 1) in rows
    assert ("client-0", "2001", 2) in rows
    assert "client-record" not in codes(fp.read_journal(tmp_path))


def test_the_strategy_is_left_as_it_was(tmp_path):
    strategy = FedAvg()
    before = dict(vars(strategy))
    measured(tmp_path, strategy=strategy)
    assert vars(strategy) == before


def test_the_server_measures_its_own_phases(tmp_path):
    run = CarbonRun(tmp_path, "r", zone="DE", device="server", nodes=PLACES)

    def main(grid):
        return run.start(
            FedAvg(),
            grid,
            initial_arrays=arrays(),
            num_rounds=2,
            evaluate_fn=lambda number, arrays: MetricRecord({"accuracy": number / 2}),
        )

    run_server(main, client_app(carbon_mod("r", tmp_path)))
    spans = [s for p in read_records([tmp_path]).processes for s in p.spans]
    found = {(s.phase, s.round) for s in spans if s.role is Role.SERVER}
    rounds = {(phase, n) for phase in ("aggregate", "wait", "evaluate") for n in (1, 2)}
    assert found == rounds | {(Phase.OTHER, None), (Phase.EVALUATE, None)}
    journal = fp.read_journal(tmp_path)
    assert journal.run.results["accuracy"] == 1.0
    assert journal.run.architecture == "federated"


def test_a_grid_alone_can_be_measured(tmp_path):
    run = CarbonRun(tmp_path, "r", zone="DE")

    def main(grid):
        with run.wrap(grid) as wrapped:
            assert isinstance(wrapped, Grid)
            return FedAvg().start(wrapped, initial_arrays=arrays(), num_rounds=1)

    run_server(main, client_app(carbon_mod("r", tmp_path)))
    assert len(asked(tmp_path)) == 2 * NODES


def test_a_training_that_fails_leaves_a_journal(tmp_path):
    class Failing(FedAvg):
        def aggregate_train(self, server_round, replies):
            raise RuntimeError("no aggregate")

    with pytest.raises(RuntimeError, match="no aggregate"):
        measured(tmp_path, strategy=Failing())
    journal = fp.read_journal(tmp_path)
    assert "phase-failed" in codes(journal)
    assert client_kwh(journal) > 0


def test_the_time_limit_can_differ_from_round_to_round(tmp_path):
    limits = []

    class Timed(Spy):
        def send_and_receive(self, messages, *, timeout=None):
            limits.append(timeout)
            return super().send_and_receive(messages, timeout=timeout)

    measured(tmp_path, wrap=Timed, timeout=lambda number: 10.0 * number, strategy=OfItsOwn())
    assert limits == [10.0, 20.0]


def test_the_journals_of_client_and_server_count_once(tmp_path):
    """Read apart, both say what the clients used; read together, it is said once."""
    app = client_app(carbon_mod("r", tmp_path))
    measured(tmp_path, app)
    path = next(tmp_path.glob("*.jsonl"))
    both = client_kwh(fp.read_journal(path))
    whole = path.read_bytes().splitlines(keepends=True)
    without_reports = b"".join(line for line in whole if b'"type":"report"' not in line)
    path.write_bytes(without_reports)
    assert client_kwh(fp.read_journal(path)) == pytest.approx(both)


@pytest.mark.parametrize("fields", [("energy",), ("energy", "ledger", "startup"), ()])
def test_clients_that_do_not_say_who_they_are_count_once(tmp_path, fields, monkeypatch):
    """Some of them raise, and so tell nothing at all."""

    def handler(message, context):
        if context.node_config["partition-id"] == 3:
            raise ValueError("always")
        return train(message, context)

    app = client_app(carbon_mod("r", tmp_path / "clients", fields=fields), handler=handler)
    run = CarbonRun(tmp_path / "server", "r", zone="DE", device="server")
    # As in a deployment: what clients do is not in the journal of their server.
    monkeypatch.setattr(run_module, "enter_server", lambda _: None)
    monkeypatch.setattr(run_module, "leave_server", lambda _: None)

    def main(grid):
        run.start(FedAvg(), Anonymous(grid), initial_arrays=arrays(), num_rounds=2)

    run_server(main, app)
    stop_clients()
    alone = fp.read_journal(tmp_path / "clients")
    both = fp.read_journal(tmp_path / "clients", tmp_path / "server")
    used = [
        math.fsum(
            a.energy_kwh or 0
            for a in journal.activities()
            # The idle power of this machine is shared with the server.
            if a.role is Role.CLIENT and a.phase is not Phase.IDLE
        )
        for journal in (alone, both)
    ]
    assert used[1] == pytest.approx(used[0])
    assert {a.actor for a in both.activities() if a.role is Role.CLIENT} == {
        f"client-{n}" for n in range(NODES)
    }
    assert "client-twice" not in codes(both)


class TakesWhatever(FedAvg):
    """A strategy whose `start` names none of its arguments."""

    def start(self, *args, **kwargs):
        return super().start(*args, **kwargs)


def test_a_strategy_may_name_no_argument(tmp_path):
    seen = []

    def main(grid):
        run = CarbonRun(tmp_path, "r", zone="DE", device="server", nodes=PLACES)
        return run.start(
            TakesWhatever(),
            grid,
            initial_arrays=arrays(),
            num_rounds=1,
            evaluate_fn=lambda *_: seen.append(1),
        )

    run_server(main, client_app(carbon_mod("r", tmp_path)))
    assert seen
    phases = {s.phase for p in read_records([tmp_path]).processes for s in p.spans}
    assert Phase.EVALUATE in phases


def test_a_time_limit_by_round_is_not_asked_for_our_own_query(tmp_path):
    app = client_app(carbon_mod("r", tmp_path), facts=True)
    measured(tmp_path, app, scheduler=Uniform(), ask=True, timeout=lambda number: 10.0 * number)
    assert {r.status for r in asked(tmp_path)} == {ReplyStatus.OK}


@pytest.mark.parametrize(
    "options",
    [
        {"zone": "XX-NOWHERE"},
        {"device": "abacus"},
        {"device": "edge.abacus"},
        {"nodes": {0: NodePlace("ZZ", "laptop")}},
        {"scheduler": object()},
    ],
)
def test_a_slip_of_the_pen_is_an_error_before_the_training(options):
    with pytest.raises(UsageError):
        CarbonRun(**options)


class AnswersNothing(Uniform):
    def select(self, state, rng):
        return None


def test_a_scheduler_that_answers_nothing_is_a_clear_error(tmp_path):
    with pytest.raises(UsageError, match="sequence of ids"):
        measured(tmp_path, scheduler=AnswersNothing())


def test_limits_of_ones_own_leave_the_catalogue_in_charge(tmp_path):
    def forge(message, context, call_next):
        reply = call_next(message, context)
        reply.content[RECORD_NAME]["zone"] = "XX-NOWHERE"
        return reply

    app = client_app(forge, carbon_mod("r", tmp_path))
    measured(tmp_path, app, nodes={}, limits=Limits(power_w=10_000))
    assert "client-record" in codes(fp.read_journal(tmp_path))


def test_what_a_client_knows_nothing_of_is_not_called_told(tmp_path):
    """A request that did not arrive, or whose ledger is lost, is missing in no later total."""

    class Loses(Spy):
        def send_and_receive(self, messages, *, timeout=None):
            lost = in_round(2, 3)
            arriving = [
                m for m in messages if not lost(m, self.inner.partitions[m.metadata.dst_node_id])
            ]
            return super().send_and_receive(arriving, timeout=timeout)

    measured(tmp_path, wrap=Loses, rounds=3)
    journal = fp.read_journal(tmp_path)
    (finding,) = [f for f in journal.findings if f.code == "reply-missing"]
    assert "1 of them used is not known" in finding.message
