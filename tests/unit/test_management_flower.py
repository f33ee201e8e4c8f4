"""Silos and their coordinator over Flower's messages: what travels, and what the journal says."""

import shutil
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

import footprint as fp
from footprint.audit.manifest import deployment_catalogue, read_deployment
from footprint.factors import load_catalogue
from footprint.integrations.flower import CarbonRun, carbon_mod, simulate
from footprint.management.advisor.needs import read_needs
from footprint.management.agent import RECORD, answer_questions
from footprint.management.analytics import Came
from footprint.management.catalogue import read_catalogue, write_catalogue
from footprint.management.coordinator import Coordinator
from footprint.management.declaration import SECRET as VARIABLE
from footprint.management.declaration import read_silo
from footprint.management.gathering import gather_silos
from footprint.management.questions import Question, Statistic
from footprint.management.scanning import scan_silo
from footprint.model import Phase, Role
from tests.managed_folders import make_folders
from tests.management_silos import ROWS, SECRET, make_company

DISTINCT = Question(
    id="customers", statistic=Statistic.DISTINCT, dataset="bookings", column="customer"
)
COUNT = Question(id="count", statistic=Statistic.ROWS, dataset="bookings")


class Late:
    """A grid on which some nodes do not answer in time."""

    def __init__(self, inner, nodes):
        self.inner, self.nodes = inner, nodes

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def send_and_receive(self, messages, *, timeout=None):
        replies = list(self.inner.send_and_receive(messages, timeout=timeout))
        return [reply for reply in replies if reply.metadata.src_node_id not in self.nodes]


def run(company, folder, use, app=None, late=()):
    """Let a coordinator use the silos of a company."""
    client = app or ClientApp(mods=[carbon_mod(journal=folder / "silos")])
    if app is None:
        answer_questions(client)
    server, kept = ServerApp(), {}

    @server.main()
    def main(grid, context):
        nodes = list(grid.get_node_ids())
        wrapped = Late(grid, {nodes[one] for one in late})
        carbon = CarbonRun(folder / "journal", run="management", zone="FR", device="server")
        with carbon.wrap(wrapped) as measured:
            kept["result"] = use(Coordinator(measured, timeout_s=5, expected=("oslo",)), nodes)

    configs = [{"silo": str(path)} for path in company.folders.values()]
    simulate(server, client, len(configs), node_config=configs)
    return kept["result"]


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return make_company(tmp_path_factory.mktemp("company"))


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv(VARIABLE, SECRET)


def test_silos_answer_over_flower_and_the_books_are_kept(company, tmp_path):
    def use(coordinator, nodes):
        return coordinator.collect(), coordinator.ask(DISTINCT), coordinator.catalogues

    coverage, result, catalogues = run(company, tmp_path, use)
    assert {one.silo: one.came for one in coverage} == {
        "lisbon": Came.ANSWERED,
        "madrid": Came.ANSWERED,
        "nice": Came.ANSWERED,
        "oslo": Came.LATE,
    }
    assert catalogues["nice"].datasets[0].rows == ROWS
    (found,) = result.analysis.estimates
    assert found.value == pytest.approx(len(np.unique(company.customers)), rel=0.02)
    assert result.analysis.answered == 3

    journal = fp.read_journal(tmp_path / "journal")
    of_round = [one for one in journal.activities() if one.round == result.number]
    phases = defaultdict(set)
    for one in of_round:
        phases[one.role].add(one.phase)
    assert phases[Role.CLIENT] >= {Phase.EVALUATE, Phase.UPLOAD, Phase.DOWNLOAD}
    assert Phase.AGGREGATE in phases[Role.SERVER]
    # What moved by the journal is what the coordinator counted, and what the protocol adds.
    moved_gb = sum(one.data_gb or 0.0 for one in of_round)
    counted = result.traffic.asked_bytes + result.traffic.answered_bytes
    assert counted > 3 * (1 << 15)
    assert counted / 1e9 <= moved_gb < 2 * counted / 1e9
    evaluated = [one for one in of_round if one.phase is Phase.EVALUATE]
    assert {one.actor for one in evaluated} == {"client-0", "client-1", "client-2"}


def test_in_one_process_the_answer_is_the_same_as_over_flower(tmp_path):
    company = make_folders(tmp_path / "company")
    deployment = read_deployment(tmp_path / "company")
    needs = read_needs(tmp_path / "company")
    factors = deployment_catalogue(deployment)
    gathered = gather_silos(needs, deployment, factors, time.time())
    here = replace(gathered, secret=SECRET, missing={"oslo": Came.LATE}).ask(DISTINCT)

    def use(coordinator, nodes):
        coordinator.collect()
        return coordinator.ask(DISTINCT)

    there = run(company, tmp_path, use)
    assert here.analysis == there.analysis
    assert here.traffic.moved_bytes == pytest.approx(there.traffic.moved_bytes, rel=0.01)


def test_moving_the_raw_data_is_put_beside_what_moved(company, tmp_path):
    def use(coordinator, nodes):
        coordinator.collect()
        return coordinator.ask(COUNT)

    traffic = run(company, tmp_path, use).traffic
    sizes = [(folder / "bookings.csv").stat().st_size for folder in company.folders.values()]
    assert traffic.raw_bytes == sum(sizes)
    moved, raw = traffic.energy(load_catalogue(), "datacenter_to_datacenter")
    assert raw.value == pytest.approx(sum(sizes) / 1e9 * 0.001)  # kWh/GB of this factor
    assert moved.value < raw.value / 50


def test_a_late_silo_is_said_and_the_result_is_that_of_the_others(company, tmp_path):
    def use(coordinator, nodes):
        coordinator.collect()
        coordinator.grid.inner.nodes = {nodes[1]}
        return coordinator.ask(COUNT)

    analysis = run(company, tmp_path, use).analysis
    came = {one.silo: one.came for one in analysis.coverage}
    assert came == {
        "lisbon": Came.ANSWERED,
        "madrid": Came.LATE,
        "nice": Came.ANSWERED,
        "oslo": Came.LATE,
    }
    assert analysis.rows == 2 * ROWS


def test_a_silo_whose_files_are_gone_fails_alone(company, tmp_path):
    folders = {}
    for name, folder in company.folders.items():
        folders[name] = shutil.copytree(folder, tmp_path / name)

    def use(coordinator, nodes):
        coordinator.collect()
        (folders["madrid"] / "silo.toml").unlink()
        (folders["nice"] / "bookings.csv").unlink()
        return coordinator.ask(COUNT)

    copied = type(company)(folders, company.fares, company.customers, company.countries)
    analysis = run(copied, tmp_path, use).analysis
    came = {one.silo: one.came for one in analysis.coverage}
    assert (came["madrid"], came["nice"]) == (Came.FAILED, Came.REFUSED)
    assert analysis.refused.startswith("1 of 4")


@pytest.mark.parametrize(
    "forge",
    [
        lambda sent: b"\xff",
        lambda sent: sent.replace(b'"nice"', b'"madrid"'),
        lambda sent: sent.replace(b'"rows": 4000', b'"rows": -4000'),
        lambda sent: sent.replace(b'"customer"', b'"other"'),
        lambda sent: sent.decode(),
    ],
)
def test_a_forged_catalogue_is_refused_and_its_silo_is_not_asked(company, tmp_path, forge):
    app = ClientApp()
    honest = ClientApp()
    answer_questions(honest)
    nice = write_catalogue(scan_silo(read_silo(company.folders["nice"]), 1.7e9 + 1e8))

    @app.query("footprint_catalogue")
    def catalogue(message, context):
        if context.node_config["partition-id"] != 2:
            return honest(message, context)
        record = ConfigRecord({"catalogue": forge(nice)})
        return Message(RecordDict({RECORD: record}), reply_to=message)

    @app.query("footprint_analysis")
    def analysis(message, context):
        assert context.node_config["partition-id"] != 2
        return honest(message, context)

    def use(coordinator, nodes):
        return coordinator.collect(), coordinator.ask(COUNT), coordinator.catalogues

    coverage, result, catalogues = run(company, tmp_path, use, app)
    assert set(catalogues) == {"lisbon", "madrid"}
    assert [one.came for one in coverage].count(Came.FORGED) == 1
    came = [one.came for one in result.analysis.coverage]
    assert sorted(came) == ["answered", "answered", "forged", "late"]
    assert result.analysis.rows == 2 * ROWS
    assert read_catalogue(nice, 1.9e9).silo == "nice"  # unforged it is one


def test_an_answer_of_other_records_is_forged(company, tmp_path):
    app, honest = ClientApp(), ClientApp()
    answer_questions(honest)
    app.query("footprint_catalogue")(lambda message, context: honest(message, context))

    @app.query("footprint_analysis")
    def analysis(message, context):
        records = [
            RecordDict({RECORD: ConfigRecord({"answer": 1, "sketches": [1, 2]})}),
            RecordDict(),
            RecordDict({RECORD: ConfigRecord({"answer": "{}", "sketches": ["text"]})}),
        ]
        return Message(records[int(context.node_config["partition-id"])], reply_to=message)

    def use(coordinator, nodes):
        coordinator.collect()
        return coordinator.ask(COUNT)

    found = run(company, tmp_path, use, app).analysis
    assert [one.came for one in found.coverage][:3] == [Came.FORGED] * 3
    assert found.refused


def test_names_come_when_they_are_touched_and_miss_their_extras_with_the_way_out():
    code = (
        "import sys; sys.modules['flwr'] = sys.modules['datasketches'] = None\n"
        "import footprint.management as m; from footprint.errors import MissingExtra\n"
        "assert m.__all__ == sorted(m.__all__) and m.read_silo and m.merge_answers\n"
        "def missed(extra, touch):\n"
        "    try: touch()\n"
        "    except MissingExtra as error: assert f'footprint[{extra}]' in error.remedy\n"
        "    else: raise SystemExit(extra)\n"
        "missed('flower', lambda: m.Coordinator)\n"
        "missed('flower', lambda: m.answer_questions)\n"
        "from footprint.management.sketches import DistinctSketch\n"
        "missed('management', lambda: DistinctSketch.of([1]))\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
