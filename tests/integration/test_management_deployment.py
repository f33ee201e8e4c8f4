"""Three silos in processes of their own: what is answered, and what is on the wire."""

import json

import numpy as np
import pytest

import footprint as fp
from footprint.model import Phase
from tests.integration.flower_fleet import Fleet, write_app
from tests.management_silos import ROWS, SECRET, make_company

PATIENCE_S = 90  # a process is started for every message, on a machine that may be busy

APP = f"""
import json
from pathlib import Path

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from footprint.integrations.flower import CarbonRun, carbon_mod
from footprint.integrations.flower.facts import wait_for_nodes
from footprint.management import Coordinator, Question, Statistic, answer_questions
from footprint.management.agent import RECORD


def wicked(message, context, call_next):
    # In the last analysis one silo forges its sketch and one fails.
    reply = call_next(message, context)
    asked = message.content.config_records.get(RECORD) or {{}}
    if '"last"' in asked.get("question", ""):
        if context.node_config["silo"].endswith("nice"):
            record = dict(reply.content.config_records[RECORD])
            record["sketches"] = [b"\\xff" * (1 << 15)]
            return Message(RecordDict({{RECORD: ConfigRecord(record)}}), reply_to=message)
        if context.node_config["silo"].endswith("lisbon"):
            raise RuntimeError("this silo fails")
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
        wait_for_nodes(measured, 3, {PATIENCE_S})
        coordinator = Coordinator(measured, timeout_s={PATIENCE_S})
        found = {{"catalogues": [[one.silo, one.came, one.rows] for one in coordinator.collect()]}}
        for question in questions:
            result = coordinator.ask(question)
            found[question.id] = {{
                "number": result.number,
                "rows": result.analysis.rows,
                "values": [one.value for one in result.analysis.estimates],
                "coverage": {{one.silo: one.came for one in result.analysis.coverage}},
            }}
    (folder / "found.json").write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Run the deployment once: the company, what was found, the journal, and what was sent."""
    folder = tmp_path_factory.mktemp("management")
    company = make_company(folder / "company")
    app = write_app(folder / "app", APP)
    configs = [f'silo="{path}"' for path in company.folders.values()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOOTPRINT_SILO_SECRET", SECRET)
        with Fleet(folder / "fleet", configs) as fleet:
            fleet.run(app, 600, journal=f'"{folder / "journal"}"')
            sent = b"\n\n".join(relay.sent for relay in fleet.relays)
    found = json.loads((folder / "journal" / "found.json").read_text())
    return company, found, fp.read_journal(folder / "journal"), sent


def test_catalogues_and_quantiles_come_from_three_processes(deployed):
    company, found, *_ = deployed
    assert sorted(found["catalogues"]) == [
        [name, "answered", ROWS] for name in ("lisbon", "madrid", "nice")
    ]
    exact = np.sort(company.fares)
    assert found["fares"]["rows"] == 3 * ROWS
    for rank, value in zip((0.25, 0.5, 0.75), found["fares"]["values"], strict=True):
        assert abs(np.searchsorted(exact, value) / len(exact) - rank) < 0.01


def test_a_silo_that_fails_and_one_that_forges_are_said_and_left_out(deployed):
    company, found, *_ = deployed
    coverage = found["last"]["coverage"]
    assert coverage == {"lisbon": "failed", "madrid": "answered", "nice": "forged"}
    customers = company.customers[ROWS : 2 * ROWS]
    assert found["last"]["values"][0] == pytest.approx(len(np.unique(customers)), rel=0.02)


def test_no_record_is_on_the_wire(deployed):
    company, _, _, sent = deployed
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
    _, found, journal, _ = deployed
    number = found["fares"]["number"]
    silos = [
        one for one in journal.activities() if one.round == number and one.phase is Phase.EVALUATE
    ]
    assert len({one.actor for one in silos}) == 3
    assert all(one.energy_kwh is not None for one in silos)
