"""What is entered is there once, whole, and to the last digit."""

import math
import shutil

import pytest

from footprint import build_inventory, estimate, read_journal
from footprint.errors import JournalError, LedgerError, UsageError
from footprint.ledger import (
    Cause,
    Note,
    Outcome,
    Reading,
    export,
    history,
    ingest,
    ledger_inventory,
    ledger_journal,
    list_runs,
    query,
    record,
    status,
    withdraw,
)
from footprint.model import IdlePolicy, Journal, Run, View
from tests.ledger.samples import ENERGIES, plain, random_journal, span, write_journal, write_table


def outcomes(results):
    return [result.outcome for result in results]


def test_an_estimate_from_the_ledger_is_that_of_the_journals(ledger, tmp_path):
    write_journal(tmp_path / "runs/a.jsonl", span(1), span(2), token="a")
    write_journal(tmp_path / "runs/b.jsonl", span(1, actor="client-2", zone="DE"), token="b")
    ingest(ledger, tmp_path / "runs", silo="lyon")
    direct = build_inventory(read_journal(tmp_path / "runs"))
    kept = ledger_inventory(ledger, "digits")
    assert kept.lines == direct.lines
    assert (kept.run, kept.rounds, kept.clients) == (direct.run, direct.rounds, direct.clients)
    assert (kept.factors, kept.findings) == (direct.factors, direct.findings)
    assert kept.inputs == direct.inputs
    assert estimate(kept) == estimate(direct)
    assert ledger_inventory(ledger, ["digits"], by_round=True).lines == (
        build_inventory(read_journal(tmp_path / "runs"), by_round=True).lines
    )


def test_activities_come_back_as_they_went_in(ledger):
    journal = random_journal(300)
    record(ledger, journal)
    kept = ledger_journal(ledger, "table")
    for name, column in journal.columns.items():
        assert plain(kept.columns[name]) == plain(column), name


def test_a_file_twice_changes_nothing(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1), span(2))
    assert outcomes(ingest(ledger, path, silo="lyon")) == [Outcome.ADDED]
    before = status(ledger)
    copy = shutil.copy(path, tmp_path / "renamed.jsonl")
    for again in (path, copy):
        (result,) = ingest(ledger, again)
        assert (result.outcome, result.change, result.silo) == (Outcome.UNCHANGED, None, "lyon")
    assert outcomes(ingest(ledger, path, copy, path)) == [Outcome.UNCHANGED]
    assert status(ledger) == before


def test_a_journal_that_grew_takes_its_own_place(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1), span(2), span(3), span(4))
    lines = path.read_bytes().splitlines(keepends=True)
    older = tmp_path / "older.jsonl"
    path.write_bytes(b"".join(lines[:3]))
    shutil.copy(path, older)
    ingest(ledger, path)
    path.write_bytes(b"".join(lines)[:-20])  # the last line is not yet whole
    (grown,) = ingest(ledger, path)
    assert grown.outcome is Outcome.GREW
    path.write_bytes(b"".join(lines))
    assert outcomes(ingest(ledger, path)) == [Outcome.GREW]
    assert ledger_inventory(ledger, "digits").lines == build_inventory(read_journal(path)).lines
    # What it was is there still.
    assert query(ledger, ["round"], as_of=1)["round"].tolist() == [1, 2]
    # An older copy brings nothing, under whatever name.
    assert outcomes(ingest(ledger, older)) == [Outcome.UNCHANGED]
    changes = history(ledger, "digits")
    assert [change.kind for change in changes] == ["ingest"] * 3
    (number,) = [v for v in changes[-1].values if v.quantity == "activities"]
    assert number.old_value < number.new_value == grown.activities + 2


def test_further_journals_of_a_run_need_those_that_are_there(ledger, tmp_path):
    first = write_journal(tmp_path / "runs/a.jsonl", span(1), token="a")
    ingest(ledger, first, silo="lyon")
    second = write_journal(tmp_path / "runs/b.jsonl", span(2, actor="client-2"), token="b")
    with pytest.raises(LedgerError, match=r"holds a\.jsonl of the run 'digits' too") as error:
        ingest(ledger, second, silo="lyon")
    assert "together" in error.value.remedy
    assert outcomes(ingest(ledger, tmp_path / "runs")) == [Outcome.GREW]
    assert [(run.silo, run.files) for run in list_runs(ledger)] == [("lyon", 2)]
    assert outcomes(ingest(ledger, second)) == [Outcome.UNCHANGED]


def test_a_journal_that_was_changed_is_refused_unless_with_a_cause(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1), span(2))
    ingest(ledger, path)
    before = query(ledger, ["round"])
    path.unlink()
    write_journal(path, span(1, duration_s=0.7), span(2), span(3))
    with pytest.raises(LedgerError, match="it was changed"):
        ingest(ledger, path)
    assert query(ledger, ["round"])["duration_s"].tolist() == before["duration_s"].tolist()
    note = Note(Cause.ERROR, "clock of the laptop", "auditor")
    assert outcomes(ingest(ledger, path, note=note)) == [Outcome.REPLACED]
    assert query(ledger)["duration_s"][0] > before["duration_s"].sum()
    last = history(ledger)[-1]
    assert (last.cause, last.reason, last.author) == ("error", "clock of the laptop", "auditor")


def test_a_change_that_keeps_the_size_of_a_journal_is_seen(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1), span(2))
    ingest(ledger, path)
    size = path.stat().st_size
    path.unlink()
    write_journal(path, span(1), span(2, device="netbook"))
    assert path.stat().st_size == size
    with pytest.raises(LedgerError, match="it was changed"):
        ingest(ledger, path)


def test_one_file_is_never_in_two_runs_or_silos(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1))
    ingest(ledger, path, silo="lyon")
    for other in ({"silo": "krakow"}, {"reading": Reading(run="other")}):
        with pytest.raises(LedgerError, match="it would count twice"):
            ingest(ledger, path, **other)
    longer = tmp_path / "longer.jsonl"
    extra = write_journal(tmp_path / "extra.jsonl", span(2)).read_bytes().splitlines()[-1]
    longer.write_bytes(path.read_bytes() + extra + b"\n")
    with pytest.raises(LedgerError, match="it would count twice"):
        ingest(ledger, longer, silo="krakow")
    assert status(ledger).runs == 1


def test_runs_of_one_name_in_two_silos_are_told_of(ledger, tmp_path):
    ingest(ledger, write_journal(tmp_path / "a.jsonl", span(1)), silo="lyon")
    path = write_journal(tmp_path / "b.jsonl", span(1, actor="client-2"))
    (result,) = ingest(ledger, path, silo="krakow")
    assert "run-in-two-silos" in [finding.code for finding in result.findings]
    both = ledger_inventory(ledger, "digits")
    assert (both.clients, both.rounds) == (2, 2)
    alone = ledger_inventory(ledger, "digits", where={"silo": "lyon"})
    assert alone.run.name == "digits"
    assert [line.actor for line in alone.lines] == ["client-1"] * len(alone.lines)


def test_views_do_not_mix(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1))
    ingest(ledger, path)
    other = Reading(view=View.MACHINE, idle_policy=IdlePolicy.NONE)
    (result,) = ingest(ledger, path, reading=other)
    assert result.outcome is Outcome.UNCHANGED
    assert "other-view" in [finding.code for finding in result.findings]
    second = write_journal(tmp_path / "b.jsonl", span(1), run="second")
    ingest(ledger, second, reading=other)
    with pytest.raises(UsageError, match="different views"):
        ledger_inventory(ledger, ["digits", "second"])
    ingest(ledger, path, reading=other, note=Note(Cause.METHOD))
    assert ledger_inventory(ledger, ["digits", "second"]).view is View.MACHINE


def test_one_broken_run_does_not_keep_the_others_out(ledger, tmp_path):
    write_journal(tmp_path / "runs/good/a.jsonl", span(1), run="good")
    broken = write_journal(tmp_path / "runs/broken/b.jsonl", span(1), run="broken")
    broken.write_bytes(broken.read_bytes().splitlines(keepends=True)[0])
    seen = []
    with pytest.raises(JournalError, match="1 other run was entered"):
        ingest(ledger, tmp_path / "runs", progress=seen.append)
    assert [result.run for result in seen] == ["good"]
    assert [run.run for run in list_runs(ledger)] == ["good"]


def test_tables_hold_runs_and_silos(ledger, tmp_path):
    path = tmp_path / "all.csv"
    write_table(path, random_journal(40, 1), run="a", silo="lyon")
    rows = write_table(tmp_path / "b.csv", random_journal(30, 2), run="b", silo="krakow")
    with path.open("a") as file:
        file.write(rows.read_text().partition("\n")[2])
    results = ingest(ledger, path)
    assert [(r.run, r.activities) for r in results] == [("a", 40), ("b", 30)]
    found = query(ledger, ["run", "silo"])
    assert list(zip(found["run"], found["silo"], found["activities"], strict=True)) == [
        ("a", "lyon", 40),
        ("b", "krakow", 30),
    ]
    assert outcomes(ingest(ledger, path)) == [Outcome.UNCHANGED] * 2
    # Rows that are appended extend their runs.
    with path.open("a") as file:
        file.write(rows.read_text().splitlines()[1] + "\n")
    assert outcomes(ingest(ledger, path)) == [Outcome.GREW] * 2
    assert query(ledger)["activities"][0] == 71


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_export_can_be_entered_elsewhere(ledger, sqlite_ledger, tmp_path, suffix):
    journal = random_journal(200, 3)
    record(ledger, journal, silo="lyon")
    path = tmp_path / f"out{suffix}"
    assert export(ledger, path) == 200
    ingest(sqlite_ledger, path)
    kept = ledger_journal(sqlite_ledger, "table")
    for name, column in journal.columns.items():
        assert plain(kept.columns[name]) == plain(column), name
    assert kept.run == journal.run
    assert query(sqlite_ledger, ["silo"])["silo"].tolist() == ["lyon"]


def test_runs_of_one_name_stay_apart_in_an_export(ledger, sqlite_ledger, tmp_path):
    for number, silo in ((20, "lyon"), (30, "krakow")):
        record(ledger, random_journal(number, number), silo=silo)
    path = tmp_path / "out.csv"
    export(ledger, path)
    with pytest.raises(LedgerError, match="of several silos"):
        ingest(sqlite_ledger, path, silo="lyon")
    ingest(sqlite_ledger, path)
    found = [(run.run, run.silo, run.activities) for run in list_runs(sqlite_ledger)]
    assert found == [("table", "krakow", 30), ("table", "lyon", 20)]
    assert outcomes(ingest(sqlite_ledger, path)) == [Outcome.UNCHANGED] * 2


def test_a_table_of_silos_says_where_its_runs_are(sqlite_ledger, tmp_path):
    path = write_table(tmp_path / "a.csv", random_journal(4), run="a", silo="lyon")
    (result,) = ingest(sqlite_ledger, path)
    assert (result.silo, result.findings) == ("lyon", ())
    first, *rows = path.read_text().splitlines()
    mixed = [first, rows[0], *(row.replace("lyon", "krakow") for row in rows[1:])]
    other = tmp_path / "b.csv"
    other.write_text("\n".join(mixed).replace(",a,", ",b,"))
    (result,) = ingest(sqlite_ledger, other)
    assert (result.silo, [f.code for f in result.findings]) == ("", ["run-across-silos"])


def test_sums_know_what_is_not_known(ledger):
    journal = random_journal(500, 4)
    record(ledger, journal)
    zones, energies = journal.columns["zone"], plain(journal.columns["energy_kwh"])
    found = query(ledger, ["zone"])
    assert found["zone"].tolist() == ["DE", "FR", "NA", None]
    for zone, total, unmetered in zip(
        found["zone"], found["energy_kwh"], found["unmetered"], strict=True
    ):
        here = [e for e, z in zip(energies, zones, strict=True) if z == zone]
        assert total == pytest.approx(math.fsum(e for e in here if e is not None), rel=1e-12)
        assert unmetered == sum(e is None for e in here)
    # Of some energies no bounds are known, so none are of their sum.
    assert math.isnan(query(ledger)["energy_low_kwh"][0])
    nothing = query(ledger, where={"zone": "XX"})
    assert nothing["activities"][0] == 0
    assert math.isnan(nothing["energy_kwh"][0])


def test_what_took_no_time_needs_no_energy(ledger):
    journal = random_journal(4)
    columns = {name: [None] * 4 for name in ENERGIES} | {"duration_s": [0.0, 5.0, 0.0, 1e-9]}
    record(ledger, Journal(journal.run, {**journal.columns, **columns}))
    assert query(ledger)["unmetered"].tolist() == [2]


def test_who_only_waits_is_no_client(ledger):
    journal = random_journal(4)
    columns = {
        "actor": ["client-1", "client-2", "client-2", "server"],
        "role": ["client", "client", "client", "server"],
        "phase": ["train", "wait", "wait", "aggregate"],
    }
    record(ledger, Journal(Run("sums"), journal.columns, clients=3))
    record(ledger, Journal(Run("each"), {**journal.columns, **columns}))
    assert ledger_journal(ledger, ["sums", "each"]).clients == 3 + 1


def test_a_run_that_was_withdrawn_counts_no_more_and_can_come_back(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1))
    ingest(ledger, path, silo="lyon")
    withdraw(ledger, "digits", Note(Cause.STRUCTURE, "site sold"))
    assert list_runs(ledger) == []
    assert query(ledger)["activities"][0] == 0
    assert [run.run for run in list_runs(ledger, as_of=1)] == ["digits"]
    with pytest.raises(LedgerError, match="holds no run 'digits'"):
        ledger_inventory(ledger, "digits")
    assert ledger_inventory(ledger, "digits", as_of=1).lines
    assert outcomes(ingest(ledger, path, silo="krakow")) == [Outcome.ADDED]
    assert [run.silo for run in list_runs(ledger)] == ["krakow"]


def test_a_withdrawn_run_of_a_table_comes_back_only_with_a_cause(ledger, tmp_path):
    path = write_table(tmp_path / "all.csv", random_journal(40, 1), run="a", silo="lyon")
    rows = write_table(tmp_path / "b.csv", random_journal(30, 2), run="b", silo="krakow")
    more = rows.read_text().splitlines(keepends=True)[1:]
    path.write_text(path.read_text() + "".join(more))
    ingest(ledger, path, silo="all")
    withdraw(ledger, "a", Note(Cause.STRUCTURE, "site sold"))

    def left(found):
        return {(r.run, r.silo, str(r.outcome), *(f.code for f in r.findings)) for r in found}

    gone = ("a", "all", "withdrawn", "run-withdrawn")
    # The same file says that one of its runs is left out, and one that grew does too.
    before = status(ledger)
    assert left(ingest(ledger, path)) == {("b", "all", "unchanged"), gone}
    assert status(ledger) == before
    path.write_text(path.read_text() + more[0])
    assert left(ingest(ledger, path)) == {("b", "all", "grew"), gone}
    assert [run.run for run in list_runs(ledger)] == ["b"]
    assert query(ledger)["activities"][0] == 31
    found = ingest(ledger, path, note=Note(Cause.STRUCTURE, "bought back"))
    assert left(found) == {("a", "all", "added"), ("b", "all", "replaced")}
    assert query(ledger, ["run"])["activities"].tolist() == [40, 31]
    assert outcomes(ingest(ledger, path)) == [Outcome.UNCHANGED] * 2


def test_a_withdrawn_journal_stays_withdrawn_as_it_grows(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1), span(2))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    ingest(ledger, path, silo="lyon")
    withdraw(ledger, "digits", Note(Cause.ERROR))
    assert outcomes(ingest(ledger, path)) == [Outcome.WITHDRAWN]
    path.write_bytes(b"".join(lines))
    assert outcomes(ingest(ledger, path)) == [Outcome.WITHDRAWN]
    assert list_runs(ledger) == []
    (back,) = ingest(ledger, path, note=Note(Cause.ERROR, "it was right"))
    assert (back.outcome, back.silo) == (Outcome.ADDED, "lyon")


def test_names_are_data_whatever_they_say(ledger, tmp_path):
    evil = 'x\'; DROP TABLE activities; -- <script>alert(1)</script> "%s" 🌍 :name'
    path = write_journal(tmp_path / "a.jsonl", span(1, actor=evil, zone="FR"), run=evil)
    ingest(ledger, path, silo=evil)
    for by in ("run", "silo", "actor"):
        assert query(ledger, [by], {by: evil})[by].tolist() == [evil]
        assert query(ledger, where={by: "' OR '1'='1"})["activities"][0] == 0
    assert [run.run for run in list_runs(ledger)] == [evil]
    assert export(ledger, tmp_path / "out.csv") == query(ledger)["activities"][0]
    assert ledger_inventory(ledger, evil).run.name == evil
    for wrong in ("zone; DROP TABLE runs", "id", "silo--"):
        with pytest.raises(UsageError):
            query(ledger, [wrong])
        with pytest.raises(UsageError):
            query(ledger, where={wrong: "x"})


def test_journals_of_different_runs_are_entered_apart(ledger, tmp_path):
    for run in ("a", "b"):
        write_journal(tmp_path / "runs" / run / f"{run}.jsonl", span(1), run=run)
    assert [result.run for result in ingest(ledger, tmp_path / "runs")] == ["a", "b"]
    both = ledger_inventory(ledger, ["a", "b"])
    assert both.run.name == "2 runs: a, b"
    assert both.rounds == 2
    assert both.clients == 1
    with pytest.raises(UsageError, match="each begins with round 1"):
        ledger_inventory(ledger, ["a", "b"], by_round=True)
    with pytest.raises(UsageError, match="cannot all be named"):
        ingest(ledger, tmp_path / "runs", reading=Reading(run="one"))
