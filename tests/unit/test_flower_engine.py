"""The in-process engine of Flower apps: the same apps, without processes."""

import logging
import random
import sys

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

from footprint.errors import UsageError
from footprint.integrations.flower.engines import simulate
from footprint.integrations.flower.identity import assumed_identity
from footprint.integrations.flower.local import FIRST_NODE, LocalGrid


def client_app(handler):
    app = ClientApp()
    app.train()(handler)
    return app


def server_app(main):
    app = ServerApp()
    app.main()(main)
    return app


def echo(message, context):
    return Message(message.content, reply_to=message)


def to(node, kind="train", **content):
    records = {name: ConfigRecord(record) for name, record in content.items()}
    return Message(RecordDict(records), FIRST_NODE + node, kind)


@pytest.fixture
def identity():
    with assumed_identity(1):
        yield


def fedavg(rounds=2, **options):
    """A server app that averages, and where its result will be."""
    found = {}

    def main(grid, context):
        random.seed(7)
        strategy = FedAvg(**{"fraction_evaluate": 0.0, **options})
        arrays = ArrayRecord([np.zeros(3)])
        found["grid"], found["context"] = grid, context
        found["result"] = strategy.start(grid, arrays, num_rounds=rounds)

    return server_app(main), found


def add_partition(message, context):
    """Train: add the partition to each weight, with as many examples as its number says."""
    partition = context.node_config["partition-id"]
    (old,) = message.content["arrays"].to_numpy_ndarrays()
    metrics = MetricRecord({"num-examples": partition + 1})
    content = {"arrays": ArrayRecord([old + partition]), "metrics": metrics}
    return Message(RecordDict(content), reply_to=message)


def test_replies_come_in_the_order_of_the_messages(identity):
    grid = LocalGrid(client_app(echo), 5)
    asked = [to(node) for node in (3, 0, 4)]
    replies = grid.send_and_receive(asked)
    assert [r.metadata.src_node_id for r in replies] == [FIRST_NODE + n for n in (3, 0, 4)]
    sent = [message.metadata.message_id for message in asked]
    assert [r.metadata.reply_to_message_id for r in replies] == sent
    assert len({reply.metadata.message_id for reply in replies} - {""}) == 3


def test_a_pushed_message_is_pulled_once(identity):
    grid = LocalGrid(client_app(echo), 2)
    numbers = grid.push_messages([to(0), to(1)])
    assert [r.metadata.src_node_id for r in grid.pull_messages(numbers[1:])] == [FIRST_NODE + 1]
    assert len(grid.pull_messages(numbers)) == 1
    assert grid.pull_messages(numbers) == []


def test_nodes_know_their_partition_and_what_else_we_say(identity):
    seen = []

    def look(message, context):
        seen.append((dict(context.node_config), dict(context.run_config)))
        return echo(message, context)

    grid = LocalGrid(
        client_app(look), 2, node_config=[{"zone": "FR"}, {"zone": "DE"}], run_config={"lr": 0.1}
    )
    grid.send_and_receive([to(1), to(0)])
    assert seen == [
        ({"zone": "DE", "partition-id": 1, "num-partitions": 2}, {"lr": 0.1}),
        ({"zone": "FR", "partition-id": 0, "num-partitions": 2}, {"lr": 0.1}),
    ]


def test_configuration_of_some_nodes_only_is_refused():
    with pytest.raises(UsageError, match="1 of 2"):
        LocalGrid(client_app(echo), 2, node_config=[{"zone": "FR"}])


def test_state_stays_with_its_node_unless_the_handler_raised(identity):
    def count(message, context):
        begun = context.state["n"]["n"] + 1 if "n" in context.state else 1
        context.state["n"] = MetricRecord({"n": begun})
        if message.content.get("do", {}).get("raise"):
            raise ValueError("no")
        return Message(RecordDict({"n": MetricRecord({"n": begun})}), reply_to=message)

    grid = LocalGrid(client_app(count), 2)
    grid.send_and_receive([to(0)])
    grid.send_and_receive([to(0, do={"raise": True})])
    (first, other) = grid.send_and_receive([to(0), to(1)])
    assert first.content["n"]["n"] == 2  # as in Flower: what the failed one counted is lost
    assert other.content["n"]["n"] == 1


def test_a_handler_cannot_change_what_others_get(identity):
    def spoil(message, context):
        found = message.content["config"]["list"][0]
        message.content["config"]["list"][0] = 99
        message.content["arrays"] = ArrayRecord()
        return Message(RecordDict({"m": MetricRecord({"found": found})}), reply_to=message)

    shared = RecordDict(
        {"config": ConfigRecord({"list": [1]}), "arrays": ArrayRecord([np.ones(2)])}
    )
    grid = LocalGrid(client_app(spoil), 3)
    replies = grid.send_and_receive(
        [Message(shared, node, "train") for node in grid.get_node_ids()]
    )
    assert [reply.content["m"]["found"] for reply in replies] == [1, 1, 1]
    assert shared["config"]["list"] == [1]
    assert len(shared["arrays"]) == 1


def test_a_handler_that_raises_answers_with_an_error_and_harms_nobody(identity, caplog):
    def fragile(message, context):
        if context.node_config["partition-id"] == 1:
            raise ValueError("no memory")
        return echo(message, context)

    grid = LocalGrid(client_app(fragile), 3)
    first, failed, last = grid.send_and_receive([to(0), to(1), to(2)])
    assert first.has_content()
    assert last.has_content()
    assert failed.error.code == 2
    assert "no memory" in failed.error.reason
    assert failed.metadata.src_node_id == FIRST_NODE + 1
    assert "no memory" in caplog.text


def test_a_message_without_a_handler_is_an_error_of_its_node(identity):
    (reply,) = LocalGrid(client_app(echo), 1).send_and_receive([to(0, "query.facts")])
    assert "No query function registered with name 'facts'" in reply.error.reason


def test_a_handler_that_gives_no_message_is_an_error_of_its_node(identity):
    (reply,) = LocalGrid(client_app(lambda m, c: None), 1).send_and_receive([to(0)])
    assert reply.has_error()


def test_a_message_to_nobody_is_told_and_dropped(identity, caplog):
    grid = LocalGrid(client_app(echo), 1)
    with caplog.at_level(logging.ERROR):
        assert grid.send_and_receive([to(7)]) == []
    assert f"no node {FIRST_NODE + 7}" in caplog.text


def test_fedavg_averages_what_the_clients_trained():
    """Weights n+1 of clients that add n: (0 + 2 + 6 + 12) / 10 = 2 a round."""
    server, found = fedavg(rounds=3)
    simulate(server, client_app(add_partition), 4)
    (weights,) = found["result"].arrays.to_numpy_ndarrays()
    np.testing.assert_allclose(weights, [6, 6, 6])


def test_a_server_goes_on_without_a_client_that_raises():
    def fragile(message, context):
        if context.node_config["partition-id"] == 3:
            raise ValueError("no")
        return add_partition(message, context)

    server, found = fedavg(rounds=1)
    simulate(server, client_app(fragile), 4)
    (weights,) = found["result"].arrays.to_numpy_ndarrays()
    np.testing.assert_allclose(weights, (0 + 2 + 6) / 6)


def test_choosing_one_client_does_not_hang():
    server, found = fedavg(rounds=2, fraction_train=0.01, min_train_nodes=1, min_available_nodes=1)
    simulate(server, client_app(add_partition), 4)
    assert len(found["result"].train_metrics_clientapp) == 2


def test_choosing_nobody_does_not_hang_and_trains_nothing():
    server, found = fedavg(rounds=2, fraction_train=0.0)
    simulate(server, client_app(add_partition), 4)
    assert found["result"].train_metrics_clientapp == {}


def test_the_configuration_of_a_run_reaches_server_and_clients():
    seen = []

    def look(message, context):
        seen.append(context.run_config["lr"])
        return add_partition(message, context)

    server, found = fedavg(rounds=1)
    context = simulate(server, client_app(look), 2, run_config={"lr": 0.25})
    assert seen == [0.25, 0.25]
    assert context is found["context"]
    assert context.run_config["lr"] == 0.25


def test_what_a_server_app_raises_comes_out():
    def main(grid, context):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        simulate(server_app(main), client_app(echo), 1)


def test_apps_of_the_older_interface_run_too():
    from flwr.client import NumPyClient
    from flwr.server import ServerAppComponents, ServerConfig
    from flwr.server.strategy import FedAvg as OlderFedAvg

    fitted = []

    class Adder(NumPyClient):
        def get_parameters(self, config):
            return [np.zeros(2)]

        def fit(self, parameters, config):
            fitted.append(parameters[0][0])
            return [parameters[0] + 1], 1, {}

    def components(context):
        strategy = OlderFedAvg(fraction_evaluate=0.0)
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=3))

    simulate(ServerApp(server_fn=components), ClientApp(lambda context: Adder().to_client()), 2)
    assert fitted == [0, 0, 1, 1, 2, 2]


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="local, ray"):
        simulate(*[None] * 2, 1, engine="dask")


def can_make_messages():
    try:
        to(0)
    except RuntimeError:
        return False
    return True


def test_messages_can_be_made_inside_of_an_identity_only():
    assert not can_make_messages()
    with assumed_identity(5):
        assert to(0).metadata.run_id == 5
        with assumed_identity(6):
            assert to(0).metadata.run_id == 6
        assert to(0).metadata.run_id == 5
    assert not can_make_messages()


def test_an_identity_ends_when_the_app_raises():
    with pytest.raises(KeyError), assumed_identity(5):
        raise KeyError
    assert not can_make_messages()


def test_a_flower_without_identities_needs_none(monkeypatch):
    """Where the internal module is not there, nothing is asked of it."""
    monkeypatch.setitem(sys.modules, "flwr.supercore.task_identity", None)
    with assumed_identity(5):
        ran = True
    assert ran
    monkeypatch.undo()
    assert not can_make_messages()  # nothing was set behind its back
