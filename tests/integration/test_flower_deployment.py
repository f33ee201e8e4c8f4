"""A deployment of Flower on loopback, with what goes wrong in one: all of it has its row."""

import math
from dataclasses import replace

import pytest

import footprint as fp
from footprint.journal import read_records
from footprint.model import Phase, ReplyStatus, Role
from tests.integration.flower_fleet import Fleet, write_app

ZONES = ("DE", "FR", "PL")
ROUNDS = 3
SIZE = 300_000  # floats: 1.2 MB, beside which the protocol is small, and polling smaller
PATIENCE_S = 45  # a process is started for every message, on a machine that may be busy

APP = f"""
import os
import signal
import time

import numpy as np
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

from footprint.integrations.flower import CarbonRun, carbon_mod

client_app = ClientApp(mods=[carbon_mod("deployed")])


@client_app.train()
def train(message, context):
    number = message.content["config"]["server-round"]
    partition = context.node_config["partition-id"]
    used_s = time.process_time() + 0.2
    while time.process_time() < used_s:
        pass
    if (number, partition) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if (number, partition) == (1, 2):
        raise RuntimeError("this client fails")
    if (number, partition) == (2, 0):
        time.sleep({PATIENCE_S})
    # Of its own for each reply: what is there already, Flower does not send again.
    noise = np.random.default_rng(10 * number + partition)
    arrays = ArrayRecord([noise.random({SIZE}).astype(np.float32)])
    content = {{"arrays": arrays, "metrics": MetricRecord({{"num-examples": 3}})}}
    return Message(RecordDict(content), reply_to=message)


server_app = ServerApp()


@server_app.main()
def main(grid, context):
    run = CarbonRun(
        context.run_config["journal"],
        "deployed",
        zone="SE",
        device="server",
        timeout=lambda number: {PATIENCE_S} if number == 2 else 90,
    )
    arrays = ArrayRecord([np.random.default_rng(1).random({SIZE}).astype(np.float32)])
    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3)
    run.start(strategy, grid, initial_arrays=arrays, num_rounds={ROUNDS})
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Run the deployment once; its folder, and the bytes that each relay carried."""
    folder = tmp_path_factory.mktemp("deployment")
    app = write_app(folder / "app", APP)
    configs = [
        f'partition-id={n} num-partitions={len(ZONES)} region="{zone}" hardware="laptop"'
        for n, zone in enumerate(ZONES)
    ]
    with Fleet(folder / "fleet", configs) as fleet:
        before = [(relay.up, relay.down) for relay in fleet.relays]
        fleet.run(app, 600, journal=f'"{folder / "journal"}"')
        carried = [
            (relay.up - up) + (relay.down - down)
            for relay, (up, down) in zip(fleet.relays, before, strict=True)
        ]
    return folder, carried


@pytest.fixture(scope="module")
def rows(deployed):
    folder, _ = deployed
    found = [r for p in read_records([folder / "journal"]).processes for r in p.reports]
    journal = fp.read_journal(folder / "journal")  # gives clients their last names
    assert {a.actor for a in journal.activities() if a.role is Role.CLIENT} == {
        "client-0",
        "client-1",
        "client-2",
    }
    return found


def of(rows, actor, *statuses):
    return [r for r in rows if r.actor == actor and (not statuses or r.status in statuses)]


def test_every_node_has_a_row_in_every_round(rows):
    asked = [r for r in rows if r.status not in (ReplyStatus.IDLE, ReplyStatus.LATE)]
    # A client has its name once it has answered.
    names = {r.node: r.actor for r in rows}
    asked = [replace(r, actor=names[r.node]) for r in asked]
    assert sorted((r.actor, r.round) for r in asked) == sorted(
        (f"client-{n}", number) for n in range(3) for number in range(1, ROUNDS + 1)
    )
    status = {(r.actor, r.round): r.status for r in asked}
    odd = {key: value for key, value in status.items() if value is not ReplyStatus.OK}
    assert odd.pop(("client-1", 2)) in (ReplyStatus.NO_REPLY, ReplyStatus.ERROR)  # killed
    assert odd == {("client-2", 1): ReplyStatus.ERROR, ("client-0", 2): ReplyStatus.NO_REPLY}


def test_places_come_from_the_nodes(rows):
    answered = [r for r in rows if r.told]
    assert {(r.actor, r.zone, r.device) for r in answered} == {
        (f"client-{n}", zone, "laptop") for n, zone in enumerate(ZONES)
    }


def test_start_up_is_apart_from_training(rows):
    for row in rows:
        if row.status is ReplyStatus.OK:
            assert row.told.setup_s > 0
            assert row.told.setup.kwh > 0
            assert row.told.energy.kwh > 0


@pytest.mark.parametrize(("actor", "number"), [("client-0", 2), ("client-2", 1)])
def test_late_energy_is_recovered_at_the_next_contact(rows, actor, number):
    late = next(r for r in of(rows, actor, ReplyStatus.LATE) if r.told)
    assert (late.round, late.phase) == (number, Phase.TRAIN)
    assert late.told.energy.kwh > 0
    assert late.told.setup.kwh > 0  # a process was started for it
    assert of(rows, actor, ReplyStatus.OK)[-1].told.settled


@pytest.mark.parametrize("actor", ["client-0", "client-1", "client-2"])
def test_what_the_server_knows_is_what_the_client_wrote_down(deployed, rows, actor):
    folder, _ = deployed
    told_kwh = [
        energy.kwh
        for r in of(rows, actor)
        if r.told
        for energy in (r.told.energy, r.told.setup, r.told.idle)
        if energy
    ]
    (ledger,) = folder.glob(f"fleet/**/{actor}-*.ledger")
    last = ledger.read_text().splitlines()[-1]
    total_kwh = float(last.split('"total_kwh":')[1].split(",")[0])
    assert math.fsum(told_kwh) == pytest.approx(total_kwh)


def test_a_killed_client_is_known_at_the_next_contact(deployed, rows):
    folder, _ = deployed
    assert sum(r.told.lost for r in of(rows, "client-1") if r.told) == 1
    journal = fp.read_journal(folder / "journal")
    assert {"client-lost", "reply-missing", "reply-error"} <= {f.code for f in journal.findings}


def test_the_journal_accounts_for_the_bytes_of_each_link(deployed, rows):
    """Payload as counted, and the protocol as modelled, beside what a relay counted."""
    _, carried = deployed
    names = {r.node: r.actor for r in rows}
    for number, relayed in enumerate(carried):
        counted = sum(
            r.received_bytes
            + r.sent_bytes
            + r.record_bytes
            + r.overhead_received_bytes
            + r.overhead_sent_bytes
            + r.polling_bytes
            for r in rows
            if names[r.node] == f"client-{number}"
        )
        assert counted == pytest.approx(relayed, rel=0.02)


def test_read_with_the_clients_journals_nothing_counts_twice(deployed):
    folder, _ = deployed
    alone = fp.read_journal(folder / "journal")
    own = [path.parent for path in folder.glob("fleet/**/*.jsonl")]
    both = fp.read_journal(folder / "journal", *dict.fromkeys(own))
    assert "client-journal" in {f.code for f in both.findings}
    # The clients' journals add what they did outside of their handlers, and no byte.
    assert both.total("data_gb") == pytest.approx(alone.total("data_gb"))

    def kwh(journal):
        return math.fsum(
            a.energy_kwh or 0.0
            for a in journal.activities()
            # The idle power of this machine is shared with the server.
            if a.role is Role.CLIENT and a.phase is not Phase.IDLE
        )

    # What is told is in the clients' journals, too: it adds nothing to them.
    assert kwh(both) == pytest.approx(kwh(fp.read_journal(*dict.fromkeys(own))))


def test_the_page_is_written(deployed, tmp_path):
    folder, _ = deployed
    assessment = fp.estimate(fp.build_inventory(fp.read_journal(folder / "journal")))
    page = fp.write_report(assessment, tmp_path / "page.html", assets="cdn")
    text = page.read_text()
    assert all(f"client-{n}" in text for n in range(3))
