"""What a server reported counts once, whoever else tells the same."""

import json
import zlib
from dataclasses import replace

import pytest

import footprint as fp
from footprint.errors import UsageError
from footprint.inventory import build_inventory
from footprint.journal import (
    Energy,
    JournalWriter,
    Process,
    ReportRecord,
    SpanRecord,
    Told,
    read_records,
)
from footprint.model import Basis, Phase, ReplyStatus, Role, Run, Severity, Tier
from tests.builders import MACHINE, START_S

KWH = Energy(2e-6, 1e-6, 4e-6)
SETUP = Energy(5e-6, 2.5e-6, 1e-5)
IDLE = Energy(7e-6, 3.5e-6, 1.4e-5)


def told(**changes):
    fields = {
        "start_s": START_S + 1,
        "duration_s": 3.0,
        "energy": KWH,
        "tier": Tier.E,
        "basis": Basis.MODELLED,
        "source": "cpu-table",
        **changes,
    }
    return Told(**fields)


def report(actor="client-0", **changes):
    fields = {
        "actor": actor,
        "node": "7",
        "role": Role.CLIENT,
        "phase": Phase.TRAIN,
        "status": ReplyStatus.OK,
        "start_s": START_S,
        "exchange_s": 5.0,
        "round": 1,
        "zone": "FR",
        "device": "laptop",
        **changes,
    }
    return ReportRecord(**fields)


def span(number, **changes):
    fields = {
        "id": number,
        "parent": None if number == 1 else 1,
        "actor": "server",
        "role": Role.SERVER,
        "phase": Phase.OTHER,
        "start_s": START_S + number,
        "duration_s": 30.0 - 2 * number,
        "begin": {"cpu.process_s": float(number)},
        "end": {"cpu.process_s": 2.0 + number},
        **changes,
    }
    return SpanRecord(**fields)


SERVER = span(1, zone="DE", device="server")


def written(folder, token, *records, run=None, host="host", **process):
    path = folder / f"{token}.jsonl"
    writer = JournalWriter(path)
    writer.open()
    who = {"pid": 1, "parent_pid": 0, "token": token, "host": host, **process}
    writer.header(run or Run("r"), MACHINE, Process(**who), "0")
    for record in records:
        if isinstance(record, ReportRecord):
            writer.report(record)
        else:
            writer.span(record)
    writer.close()
    return path


def read(folder, *reports):
    written(folder, "server", SERVER, *reports)
    return fp.read_journal(folder)


def of_clients(journal):
    return [activity for activity in journal.activities() if activity.role is Role.CLIENT]


def finding(journal, code):
    return next(found for found in journal.findings if found.code == code)


def codes(journal):
    return {found.code for found in journal.findings}


def used_kwh(journal, **which):
    return sum(
        activity.energy_kwh or 0.0
        for activity in of_clients(journal)
        if all(getattr(activity, name) == value for name, value in which.items())
    )


def moved_bytes(journal, phase):
    return round(1e9 * sum(a.data_gb for a in of_clients(journal) if a.phase is phase))


def test_a_report_is_read_back_as_it_was_written(tmp_path):
    whole = report(
        round=0,
        received_bytes=10,
        sent_bytes=20,
        record_bytes=3,
        received_objects=4,
        sent_objects=5,
        overhead_received_bytes=6,
        overhead_sent_bytes=7,
        connected_s=0.0,
        polling_bytes=8,
        wire="model",
        told=told(
            setup_s=2.0,
            setup=SETUP,
            idle=IDLE,
            token="t",
            settled=True,
            lost=1,
            contacts=2,
            unmetered=3,
        ),
    )
    bare = report(status=ReplyStatus.NO_REPLY, round=None, zone=None, device=None)
    path = written(tmp_path, "server", SERVER, whole, bare)
    assert read_records([path]).processes[0].reports == (whole, bare)


def test_a_torn_report_costs_only_itself(tmp_path):
    path = written(tmp_path, "server", SERVER, report(), report(round=2))
    data = path.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last + 1, len(data) - 1, 11):
        path.write_bytes(data[:cut])
        records = read_records([path])
        assert [r.round for r in records.processes[0].reports] == [1]
        assert [f.code for f in records.findings] == ["journal-torn"]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "splendid"},
        {"exchange_s": -1},
        {"sent_bytes": 1.5},
        {"told": {"kwh": 1}},
        {"told": None, "phase": "dance"},
    ],
)
def test_a_report_that_cannot_be_is_a_finding(tmp_path, change):
    path = written(tmp_path, "server", SERVER, report())
    line = path.read_bytes().splitlines()[-1]
    record = json.loads(line)
    record.pop("crc")
    body = json.dumps(record | change)
    line = f'{body[:-1]},"crc":"{zlib.crc32(body.encode()):08x}"}}\n'
    with path.open("a") as file:
        file.write(line)
    records = read_records([path])
    assert len(records.processes[0].reports) == 1
    assert [f.code for f in records.findings] == ["journal-line"]


def test_energy_setup_and_bytes_become_activities_of_the_client(tmp_path):
    journal = read(
        tmp_path,
        report(
            received_bytes=1000,
            sent_bytes=500,
            record_bytes=40,
            overhead_received_bytes=100,
            overhead_sent_bytes=900,
            polling_bytes=70,
            wire="model",
            told=told(setup_s=2.0, setup=SETUP),
        ),
    )
    train = next(a for a in of_clients(journal) if a.phase is Phase.TRAIN)
    assert (train.energy_kwh, train.energy_low_kwh, train.energy_high_kwh) == (2e-6, 1e-6, 4e-6)
    assert (train.zone, train.device, train.round, train.duration_s) == ("FR", "laptop", 1, 3.0)
    assert (train.basis, train.tier) == (Basis.MODELLED, Tier.E)
    assert used_kwh(journal, phase=Phase.SETUP) == 5e-6
    assert moved_bytes(journal, Phase.DOWNLOAD) == 1100
    assert moved_bytes(journal, Phase.UPLOAD) == 500 + 40 + 900
    assert moved_bytes(journal, Phase.WAIT) == 70
    modelled = {a.phase for a in of_clients(journal) if a.source == "wire/model"}
    assert modelled == {Phase.DOWNLOAD, Phase.UPLOAD, Phase.WAIT}
    assert all(a.basis is Basis.MODELLED for a in of_clients(journal) if "wire" in a.source)


def test_idle_power_that_a_client_told_stands_apart(tmp_path):
    path = written(tmp_path, "server", SERVER, report(told=told(idle=IDLE)))
    assert used_kwh(fp.read_journal(path), phase=Phase.IDLE) == 7e-6
    assert used_kwh(fp.read_journal(path), phase=Phase.TRAIN) == 2e-6
    # Who asks for no idle power gets none, whoever told it.
    for without in ({"idle_policy": "none"}, {"view": "machine-less-idle"}):
        assert used_kwh(fp.read_journal(path, **without)) == 2e-6


def test_the_start_of_a_worker_is_that_of_its_server(tmp_path):
    """Whoever had its first message: the worker simulates clients by turns."""
    rows = [report(told=told(setup_s=9.0, setup=SETUP, worker=True))]
    journal = read(tmp_path, *rows)
    (setup,) = [a for a in journal.activities() if a.phase is Phase.SETUP]
    assert (setup.actor, setup.role, setup.zone, setup.device) == (
        "server",
        Role.SERVER,
        "DE",
        "server",
    )
    assert (setup.energy_kwh, setup.duration_s) == (5e-6, 9.0)
    assert used_kwh(journal) == 2e-6


def test_idle_power_of_several_clients_is_said_to_be_that_of_several_machines(tmp_path):
    one, other = report(told=told(idle=IDLE)), report("client-1", node="8", told=told(idle=IDLE))
    assert "client-idle" not in codes(read(tmp_path / "a", one))
    assert "14.0 mWh" in finding(read(tmp_path / "b", one, other), "client-idle").message


def interrupted(folder, *failed, **process):
    """Journal of a server that began with round 1 to 3, and failed in some of them."""
    spans = [
        span(n + 1, phase=Phase.WAIT, round=n, status="failed" if n in failed else "ok")
        for n in (1, 2, 3)
    ]
    rows = [report(round=n, received_bytes=10, start_s=START_S + n) for n in (1, 2, 3)]
    written(folder, "server", SERVER, *spans, *rows, **process)
    return fp.read_journal(folder)


def test_figures_per_round_are_those_of_rounds_that_ended(tmp_path):
    journal = interrupted(tmp_path / "a", 3, run_id="41")
    assert build_inventory(journal).rounds == 2
    assert "Round(s) 3 did not end" in finding(journal, "round-unfinished").message
    assert "run-trainings" not in codes(journal)
    journal = interrupted(tmp_path / "b", run_id="41")
    assert build_inventory(journal).rounds == 3
    assert "round-unfinished" not in codes(journal)
    assert build_inventory(interrupted(tmp_path / "c", 1, 2, 3, run_id="41")).rounds == 0


def test_who_was_never_asked_took_no_part(tmp_path):
    idle = report(status=ReplyStatus.IDLE, phase=Phase.WAIT, polling_bytes=9, round=None)
    assert build_inventory(read(tmp_path / "a", idle)).clients == 0
    assert build_inventory(read(tmp_path / "b", idle, report(received_bytes=9))).clients == 1


def test_what_clients_did_not_tell_is_missing_in_the_boundary(tmp_path):
    journal = read(tmp_path, report(received_bytes=10))
    assessment = fp.estimate(build_inventory(journal))
    assert "client-unmeasured" in assessment.boundary.gaps


def test_clients_that_write_into_the_journal_of_their_server_are_no_second_source(tmp_path):
    work = span(2, actor="client-0", role=Role.CLIENT, phase=Phase.TRAIN, round=1, node="7")
    row = report(told=told(token="server"))
    written(tmp_path / "a", "server", SERVER, work, row)
    alone = fp.read_journal(tmp_path / "a")
    assert "client-journal" not in codes(alone)
    assert used_kwh(alone) > 0
    written(tmp_path / "b", "server", SERVER, row)
    told_kwh = used_kwh(fp.read_journal(tmp_path / "b"))
    assert told_kwh == 2e-6


def test_a_client_that_died_at_work_is_named(tmp_path):
    node_journal(tmp_path, 1, status="truncated")
    journal = read(tmp_path, unnamed(1, ReplyStatus.ERROR))
    assert "1 message(s) of client-0" in finding(journal, "client-lost").message


def client_journal(folder, token="client", **changes):
    root = span(1, actor="client-0", role=Role.CLIENT)
    work = span(2, actor="client-0", role=Role.CLIENT, phase=Phase.TRAIN, round=1, **changes)
    return written(folder, token, root, work, host="other host")


def test_the_journal_of_a_client_wins_over_what_it_told(tmp_path):
    client_journal(tmp_path)
    alone = used_kwh(fp.read_journal(tmp_path))
    journal = read(tmp_path, report(told=told(token="client")))
    assert used_kwh(journal) == pytest.approx(alone)
    assert finding(journal, "client-journal").severity is Severity.INFO


def test_what_a_journal_that_was_cut_off_lacks_counts_as_it_was_told(tmp_path):
    """It holds round 1 and the start of the process, which went on with rounds 2 and 3."""
    node_journal(tmp_path, 1)
    first = told(token="client", setup=SETUP, setup_s=9.0)
    rest = [unnamed(n, told=told(token="client", settled=True)) for n in (2, 3)]
    alone, journal = both(tmp_path, unnamed(1, told=first), *rest)
    assert used_kwh(journal) == pytest.approx(alone + 2 * 2e-6)


def test_the_start_of_a_process_counts_once_if_its_journal_ends_there(tmp_path):
    node_journal(tmp_path)
    starting = told(token="client", setup=SETUP, setup_s=9.0, idle=IDLE)
    alone, journal = both(tmp_path, unnamed(1, told=starting))
    # Idle power in the time of work, 3 s of 12 s.
    assert used_kwh(journal) == pytest.approx(alone + 2e-6 + 7e-6 * 3 / 12)


def test_who_names_the_journal_of_another_does_not_vanish(tmp_path):
    node_journal(tmp_path, 1)
    own = told(token="client", setup=SETUP)
    alone, journal = both(
        tmp_path, unnamed(1, told=own), report("client-5", node="8", told=own, received_bytes=9)
    )
    assert used_kwh(journal) == pytest.approx(alone + 2e-6 + 5e-6)


def test_a_late_reply_that_the_journal_lacks_counts(tmp_path):
    node_journal(tmp_path, 1)
    missing = unnamed(2, ReplyStatus.NO_REPLY)
    late = unnamed(2, ReplyStatus.LATE, sent_objects=3, told=told(token="client"))
    alone, journal = both(tmp_path, missing, late)
    assert used_kwh(journal) == pytest.approx(alone + 2e-6)


def test_what_a_client_told_counts_without_its_journal(tmp_path):
    client_journal(tmp_path)
    alone = used_kwh(fp.read_journal(tmp_path))
    journal = read(tmp_path, report(told=told(token="another")))
    assert used_kwh(journal) == pytest.approx(alone + 2e-6)
    assert "client-journal" not in codes(journal)


def test_bytes_that_client_and_server_saw_count_once(tmp_path):
    client_journal(tmp_path, received_bytes=1000, sent_bytes=500)
    seen = {"received_bytes": 1000, "sent_bytes": 500, "told": told(token="client")}
    journal = read(tmp_path, report(**seen), report(**seen, start_s=START_S + 9))
    total = round(1e9 * sum(a.data_gb for a in of_clients(journal)))
    assert total == 2 * 1500  # two exchanges, of which the client kept one


def test_late_energy_is_left_out_if_the_journal_of_that_round_is_there(tmp_path):
    missing = report(status=ReplyStatus.NO_REPLY)
    late = report(status=ReplyStatus.LATE, told=told(token=None))
    assert used_kwh(read(tmp_path / "a", missing, late)) == 2e-6
    client_journal(tmp_path / "b")
    alone = used_kwh(fp.read_journal(tmp_path / "b"))
    journal = read(tmp_path / "b", missing, late)
    assert used_kwh(journal) == pytest.approx(alone)
    assert finding(journal, "reply-missing").severity is Severity.INFO


# --- clients whose name the server does not know ---------------------------------------


def node_journal(folder, *rounds, token="client", actor="client-0", node="7", **changes):
    """Journal of a client, as the mod writes it: spans of messages name the node."""
    here = {"actor": actor, "role": Role.CLIENT}
    work = [
        span(number, phase=Phase.TRAIN, round=round_, node=node, **here, **changes)
        for number, round_ in enumerate(rounds, start=2)
    ]
    return written(folder, token, span(1, **here), *work, host="host of " + token)


def unnamed(round_, status=ReplyStatus.OK, **changes):
    at_s = START_S + 10 * round_
    return report("node-7", status=status, round=round_, start_s=at_s, **changes)


def both(folder, *reports):
    """What clients used by their own journals alone, and the journal of all together."""
    alone = used_kwh(fp.read_journal(folder))
    return alone, read(folder, *reports)


def test_figures_without_a_partition_count_once(tmp_path):
    node_journal(tmp_path, 1, 2)
    alone, journal = both(tmp_path, unnamed(1, told=told()), unnamed(2, told=told()))
    assert used_kwh(journal) == pytest.approx(alone)
    assert {a.actor for a in of_clients(journal)} == {"client-0"}


def test_only_rounds_that_the_own_journal_holds_are_left_out(tmp_path):
    node_journal(tmp_path, 2)
    alone, journal = both(tmp_path, unnamed(1, told=told()), unnamed(2, told=told()))
    assert used_kwh(journal) == pytest.approx(alone + 2e-6)


def test_a_client_that_always_raises_counts_once(tmp_path):
    node_journal(tmp_path, 1, 2, status="failed", received_bytes=1000)
    failed = [unnamed(n, ReplyStatus.ERROR, received_bytes=1000) for n in (1, 2)]
    alone = fp.read_journal(tmp_path)
    journal = read(tmp_path, *failed)
    for what in ("energy_kwh", "duration_s", "data_gb"):
        sums = [sum(getattr(a, what) or 0 for a in of_clients(j)) for j in (alone, journal)]
        assert sums[0] == pytest.approx(sums[1])
    assert {a.actor for a in of_clients(journal)} == {"client-0"}
    assert finding(journal, "reply-error").severity is Severity.INFO


def test_a_client_that_was_killed_counts_up_to_its_last_heartbeat(tmp_path):
    node_journal(tmp_path, 1, status="truncated")
    alone, journal = both(tmp_path, unnamed(1, ReplyStatus.NO_REPLY))
    assert used_kwh(journal) == pytest.approx(alone)
    assert finding(journal, "reply-missing").severity is Severity.INFO


def test_a_late_reply_without_a_token_counts_once(tmp_path):
    node_journal(tmp_path, 1)
    missing = unnamed(1, ReplyStatus.NO_REPLY)
    late = unnamed(1, ReplyStatus.LATE, sent_objects=3, told=told())
    alone, journal = both(tmp_path, missing, late)
    assert used_kwh(journal) == pytest.approx(alone)


def late_total(**changes):
    """What a later reply tells of several rounds together."""
    whole = {"phase": Phase.OTHER, "round": None, "status": ReplyStatus.LATE}
    return report("node-7", **whole, told=told(**changes), start_s=START_S + 10)


def test_a_late_total_counts_once_if_journals_hold_all_that_it_is_about(tmp_path):
    node_journal(tmp_path, 1, 2)
    missing = [unnamed(n, ReplyStatus.NO_REPLY) for n in (1, 2)]
    alone, journal = both(tmp_path, *missing, late_total())
    assert used_kwh(journal) == pytest.approx(alone)
    assert "client-twice" not in codes(journal)


def test_a_late_total_counts_if_no_journal_holds_any_of_it(tmp_path):
    node_journal(tmp_path, 3)
    missing = [unnamed(n, ReplyStatus.ERROR) for n in (1, 2)]
    settled = unnamed(3, told=told(token="client", settled=True))
    alone, journal = both(tmp_path, *missing, late_total(), settled)
    assert used_kwh(journal) == pytest.approx(alone + 2e-6)
    assert "client-twice" not in codes(journal)


def test_what_may_count_twice_is_said_and_bounded(tmp_path):
    node_journal(tmp_path, 2)
    missing = [unnamed(n, ReplyStatus.ERROR) for n in (1, 2)]
    journal = read(tmp_path, *missing, late_total())
    assert finding(journal, "client-twice").severity is Severity.WARNING
    late = next(a for a in of_clients(journal) if a.source.startswith("cpu-table/laptop"))
    assert (late.energy_low_kwh, late.energy_kwh, late.energy_high_kwh) == (0.0, 2e-6, 4e-6)


def test_a_request_that_never_arrived_is_in_no_total(tmp_path):
    node_journal(tmp_path, 2)
    missing = [unnamed(n, ReplyStatus.NO_REPLY) for n in (1, 2)]
    alone, journal = both(tmp_path, *missing, late_total(contacts=1))
    assert used_kwh(journal) == pytest.approx(alone)
    assert "client-twice" not in codes(journal)


def test_messages_without_an_energy_figure_are_said(tmp_path):
    journal = read(tmp_path / "a", unnamed(1, told=told(unmetered=2)))
    assert "2 message(s) of node-7" in finding(journal, "client-unmetered").message
    node_journal(tmp_path / "b", 1)
    journal = read(tmp_path / "b", unnamed(1, told=told(token="client", unmetered=2)))
    assert "client-unmetered" not in codes(journal)


def test_two_nodes_of_one_name_stay_apart(tmp_path):
    """A second node that claims a partition is not called by it."""
    node_journal(tmp_path, 1, node="7")
    node_journal(tmp_path, 1, node="8", token="second")
    alone, journal = both(
        tmp_path,
        report("client-0", node="7", told=told(token="client")),
        report("node-8", node="8", told=told(token="second")),
    )
    assert used_kwh(journal) == pytest.approx(alone)
    trained = {a.actor for a in of_clients(journal) if a.phase is Phase.TRAIN}
    assert trained == {"client-0", "node-8"}


def test_simulated_figures_stand_for_what_the_simulation_used(tmp_path):
    client_journal(tmp_path)
    simulated = told(token="client", basis=Basis.SIMULATED, tier=None)
    journal = read(tmp_path, report(told=simulated, sent_bytes=5))
    assert used_kwh(journal) == 2e-6
    assert {a.basis for a in of_clients(journal)} == {Basis.SIMULATED}
    assert "client-simulated" in codes(journal)
    assert any(a.role is Role.SERVER and a.energy_kwh for a in journal.activities())


def test_what_simulates_clients_is_no_waiting_of_the_server(tmp_path):
    waiting = span(2, phase=Phase.WAIT, round=1)
    written(tmp_path / "real", "server", SERVER, waiting, report(told=told()))
    written(
        tmp_path / "virtual", "server", SERVER, waiting, report(told=told(basis=Basis.SIMULATED))
    )
    real, virtual = (fp.read_journal(tmp_path / name) for name in ("real", "virtual"))
    used_kwh = [
        sum(a.energy_kwh or 0.0 for a in journal.activities() if a.role is not Role.CLIENT)
        for journal in (real, virtual)
    ]
    assert 0 < used_kwh[1] < used_kwh[0]
    assert {a.actor for a in virtual.activities()} == {"server", "client-0"}


def test_a_client_is_called_what_it_was_called_last(tmp_path):
    nowhere = {"zone": None, "device": None, "received_bytes": 10}
    missing = report("node-7", status=ReplyStatus.NO_REPLY, **nowhere)
    journal = read(tmp_path, missing, report(round=2, told=told()))
    places = {(a.actor, a.zone, a.device) for a in of_clients(journal)}
    assert places == {("client-0", "FR", "laptop")}


def test_missing_replies_are_said_until_they_are_settled(tmp_path):
    missing = report(status=ReplyStatus.NO_REPLY)
    later = {"start_s": START_S + 60, "round": 2}
    journal = read(tmp_path / "a", missing, report(**later, told=told()))
    assert finding(journal, "reply-missing").severity is Severity.WARNING
    # A total that has nothing of it: the request may never have arrived.
    settling = report(**later, told=told(settled=True))
    journal = read(tmp_path / "b", missing, settling)
    assert finding(journal, "reply-missing").severity is Severity.WARNING
    late = report(status=ReplyStatus.LATE, told=told())
    journal = read(tmp_path / "c", missing, late, settling)
    assert finding(journal, "reply-missing").severity is Severity.INFO


@pytest.mark.parametrize("status", [ReplyStatus.OK, ReplyStatus.ERROR])
def test_how_long_a_request_was_out_is_no_time_of_work(tmp_path, status):
    journal = read(tmp_path, report(status=status, received_bytes=10))
    assert [(a.phase, a.duration_s) for a in of_clients(journal)] == [(Phase.DOWNLOAD, 0.0)]


def test_no_reply_reserves_nothing(tmp_path):
    assert of_clients(read(tmp_path, report(status=ReplyStatus.NO_REPLY))) == []


def test_places_come_from_the_server_where_spans_have_none(tmp_path):
    client_journal(tmp_path)
    pool = span(1, start_s=START_S)  # a worker process of the server, without a place
    written(tmp_path, "pool", pool)
    journal = read(tmp_path, report(told=told(token="client")))
    places = {a.actor: (a.zone, a.device) for a in journal.activities()}
    assert places == {"client-0": ("FR", "laptop"), "server": ("DE", "server")}


def test_a_virtual_client_is_not_where_its_server_is(tmp_path):
    """Beside its server, its spans took over the place of the span around them."""
    root, work = SERVER, span(2, actor="client-0", role=Role.CLIENT, phase=Phase.TRAIN, round=1)
    inherited = replace(work, zone=root.zone, device=root.device)
    written(tmp_path, "server", root, inherited, report(told=told(token="server")))
    journal = fp.read_journal(tmp_path)
    assert {(a.zone, a.device) for a in of_clients(journal)} == {("FR", "laptop")}


def test_clients_need_not_know_the_functional_unit(tmp_path):
    written(tmp_path, "client", span(1), run=Run("r"))
    written(tmp_path, "server", SERVER, run=Run("r", "federated", "one model"))
    assert fp.read_journal(tmp_path).run.functional_unit == "one model"
    written(tmp_path, "other", span(1), run=Run("r", "federated", "another model"))
    with pytest.raises(UsageError, match="different functional units"):
        fp.read_journal(tmp_path)


# --- two runs of one name ----------------------------------------------------------------


def test_runs_of_one_name_are_not_added_up(tmp_path):
    written(tmp_path, "first", SERVER, report(), run_id="41")
    written(tmp_path, "client", span(1), run_id="41")
    written(tmp_path, "second", SERVER, report(), run_id="42")
    with pytest.raises(UsageError, match=r"2 runs of the name 'r': .*and 1 more.*second") as raised:
        fp.read_journal(tmp_path)
    assert "name its files" in raised.value.remedy
    alone = fp.read_journal(tmp_path / "first.jsonl", tmp_path / "client.jsonl")
    assert "run-trainings" not in codes(alone)


def test_servers_of_two_processes_are_two_runs(tmp_path):
    """A simulation that is started again has the number of the first one."""
    for pid in (11, 12):
        written(tmp_path, f"server-{pid}", SERVER, report(), run_id="1", pid=pid)
    with pytest.raises(UsageError, match="2 runs of the name"):
        fp.read_journal(tmp_path)


def test_trainings_of_one_run_have_rounds_of_their_own(tmp_path):
    rounds = [report(round=number, received_bytes=10) for number in (1, 2, 3)]
    for token in ("warm-up", "training"):
        written(tmp_path, token, SERVER, *rounds, run_id="41")
    journal = fp.read_journal(tmp_path)
    assert build_inventory(journal).rounds == 6
    assert finding(journal, "run-trainings").severity is Severity.WARNING
    alone = fp.read_journal(tmp_path / "training.jsonl")
    assert build_inventory(alone).rounds == 3
