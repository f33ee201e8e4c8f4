"""Silos in processes of their own: what is answered, what is on the wire, and who is missing."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from typer.testing import CliRunner

import footprint as fp
from footprint.cli.manage import app
from footprint.management.results import read_result
from footprint.model import Phase
from tests.integration.flower_fleet import Fleet, write_app
from tests.management_silos import ROWS, SECRET, Company, make_company

PATIENCE_S = 90  # a process is started for every message, on a machine that may be busy
SILOS = ("lisbon", "madrid", "nice", "turku")

APP = f"""
import json
import time
from pathlib import Path

import psutil
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from footprint.integrations.flower import CarbonRun, carbon_mod
from footprint.integrations.flower.facts import wait_for_nodes
from footprint.management import Coordinator, Question, Statistic, answer_questions
from footprint.management.agent import RECORD
from footprint.management.results import Catalogues, write_catalogues, write_result


def wicked(message, context, call_next):
    # In the last analysis one silo forges its sketch, one is killed while it answers, and one
    # answers when nobody waits any more.
    silo = Path(context.node_config["silo"]).name
    reply = call_next(message, context)
    asked = message.content.config_records.get(RECORD) or {{}}
    if '"last"' not in asked.get("question", ""):
        return reply
    if silo == "nice":
        record = dict(reply.content.config_records[RECORD])
        record["sketches"] = [b"\\xff" * (1 << 15)]
        return Message(RecordDict({{RECORD: ConfigRecord(record)}}), reply_to=message)
    if silo == "lisbon":
        this = psutil.Process()
        (node,) = (one for one in this.parents() if "flower-supernode" in " ".join(one.cmdline()))
        node.kill()
        this.kill()
    while silo == "turku" and not Path(context.run_config["journal"], "found.json").exists():
        time.sleep(0.1)
    return reply


client_app = ClientApp(mods=[carbon_mod("management"), wicked])
answer_questions(client_app)
server_app = ServerApp()


@server_app.main()
def main(grid, context):
    folder = Path(context.run_config["journal"])
    fares = {{"column": "fare", "lower": 0.0, "upper": 2000.0, "cells": 4000}}
    questions = [
        Question(id="fares", statistic=Statistic.QUANTILES, dataset="bookings", **fares),
        Question(
            id="last",
            statistic=Statistic.DISTINCT,
            dataset="bookings",
            column="customer",
            minimum_silos=1,
        ),
    ]
    run = CarbonRun(folder, "management", zone="SE", device="server")
    with run.wrap(grid) as measured:
        wait_for_nodes(measured, {len(SILOS)}, {PATIENCE_S})
        coordinator = Coordinator(measured, timeout_s={PATIENCE_S})
        collected = coordinator.collect()
        known = Catalogues.of(coordinator.catalogues, collected)
        (folder / "catalogues.json").write_text(write_catalogues(known))
        found = {{"catalogues": [[one.silo, one.came, one.rows] for one in collected]}}
        for question in questions:
            began_s = time.monotonic()
            result = coordinator.ask(question)
            # Half as long again as all silos needed, and more: who is honest has answered then.
            coordinator.timeout_s = 5 + 1.5 * (time.monotonic() - began_s)
            (folder / f"{{question.id}}.json").write_text(write_result(result))
            found[question.id] = {{
                "number": result.number,
                "rows": result.analysis.rows,
                "values": [one.value for one in result.analysis.estimates],
                "coverage": {{one.silo: one.came for one in result.analysis.coverage}},
            }}
    (folder / "found.json").write_text(json.dumps(found))
"""


class Deployed(NamedTuple):
    company: Company
    found: dict
    journal: fp.model.Journal
    sent: bytes
    folder: Path


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Run the deployment once."""
    folder = tmp_path_factory.mktemp("management")
    company = make_company(folder / "company", SILOS)
    flower_app = write_app(folder / "app", APP)
    configs = [f'silo="{path}"' for path in company.folders.values()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOOTPRINT_SILO_SECRET", SECRET)
        with Fleet(folder / "fleet", configs) as fleet:
            fleet.run(flower_app, 600, journal=f'"{folder / "journal"}"')
            sent = b"\n\n".join(relay.sent for relay in fleet.relays)
    found = json.loads((folder / "journal" / "found.json").read_text())
    return Deployed(company, found, fp.read_journal(folder / "journal"), sent, folder / "journal")


def test_catalogues_and_quantiles_come_from_four_processes(deployed):
    company, found, *_ = deployed
    assert sorted(found["catalogues"]) == [[name, "answered", ROWS] for name in SILOS]
    exact = np.sort(company.fares)
    assert found["fares"]["rows"] == len(SILOS) * ROWS
    for rank, value in zip((0.25, 0.5, 0.75), found["fares"]["values"], strict=True):
        assert abs(np.searchsorted(exact, value) / len(exact) - rank) < 0.01


def test_silos_that_forge_die_or_are_slow_are_said_and_left_out(deployed):
    company, found, *_ = deployed
    coverage = found["last"]["coverage"]
    assert found["last"]["rows"] == ROWS
    assert coverage == {
        "lisbon": "late",
        "madrid": "answered",
        "nice": "forged",
        "turku": "late",
    }
    customers = company.customers[ROWS : 2 * ROWS]
    assert found["last"]["values"][0] == pytest.approx(len(np.unique(customers)), rel=0.02)


def test_no_record_is_on_the_wire(deployed):
    company, sent = deployed.company, deployed.sent
    assert b"footprint-silo-catalogue" in sent  # it can be read at all
    assert len(sent) > 2 * (1 << 15)
    lines = [
        line
        for folder in company.folders.values()
        for line in (folder / "bookings.csv").read_bytes().splitlines()[1:]
    ]
    customers = {line.split(b",")[0] for line in lines}
    assert b"@example.org" not in sent
    assert not customers & {sent[k : k + 28] for k in range(len(sent) - 27)}
    # Texts so long that no time of a message looks like one: its seconds have six digits.
    texts = {fare for fare in (line.split(b",")[1] for line in lines) if len(fare) > 11}
    fares = texts | {fare.tobytes() for fare in company.fares}
    assert len(texts) > 0.9 * len(lines)
    for length in {len(fare) for fare in fares}:
        found = fares & {sent[k : k + length] for k in range(len(sent) - length + 1)}
        assert not found, [(one, sent[sent.find(one) - 60 :][:120]) for one in found]


def test_the_energy_of_an_analysis_is_in_the_journal(deployed):
    found, journal = deployed.found, deployed.journal
    number = found["fares"]["number"]
    silos = [
        one for one in journal.activities() if one.round == number and one.phase is Phase.EVALUATE
    ]
    assert len({one.actor for one in silos}) == len(SILOS)
    assert all(one.energy_kwh is not None for one in silos)


def test_what_the_coordinator_wrote_is_printed_by_the_commands(deployed):
    listed = CliRunner().invoke(app, ["catalogue", str(deployed.folder / "catalogues.json")])
    assert listed.exit_code == 0
    for name in SILOS:
        assert name in listed.stdout
    result = read_result((deployed.folder / "last.json").read_text(), "last.json")
    assert result.number == deployed.found["last"]["number"]
    assert result.analysis.rows == ROWS
    printed = CliRunner().invoke(app, ["analyse", str(deployed.folder / "last.json")])
    assert printed.exit_code == 1  # silos are missing
    assert "1 of 4 silos, 4,000 rows" in printed.stdout
    for word in ("forged", "late", "What moved by fixed_core_access"):
        assert word in printed.stdout
