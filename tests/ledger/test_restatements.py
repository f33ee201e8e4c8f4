"""What was corrected is right, and what it was is not lost."""

import math

import numpy as np
import pytest

from footprint.errors import LedgerError, UsageError
from footprint.ledger import (
    Cause,
    Correction,
    Note,
    Outcome,
    history,
    ingest,
    ledger_inventory,
    list_runs,
    query,
    record,
    restate,
    status,
    withdraw,
)
from footprint.model import Journal
from tests.ledger.samples import random_journal, span, write_journal, write_table

ERROR = Note(Cause.ERROR, "read off wrongly", "auditor")


def energies(ledger, **options):
    return query(ledger, ["actor"], **options)["energy_kwh"].tolist()


def test_restated_twice_keeps_three_values(ledger, tmp_path):
    spans = span(1), span(1, id=2, actor="client-2")
    ingest(ledger, write_journal(tmp_path / "a.jsonl", *spans))
    chosen = {"actor": "client-1", "phase": "train"}
    (first,) = energies(ledger, where=chosen)
    for value in (0.5, 0.25):
        restate(ledger, Correction(chosen, {"energy_kwh": value}), ERROR)
    assert energies(ledger, where=chosen) == [0.25]
    assert [energies(ledger, where=chosen, as_of=n) for n in (1, 2, 3)] == [
        [first],
        [0.5],
        [0.25],
    ]
    values = [
        (value.old_value, value.new_value)
        for change in history(ledger, "digits")
        for value in change.values
        if value.quantity == "energy_kwh"
    ]
    assert values == [(first, 0.5), (0.5, 0.25)]
    # The bounds of another value are not known.
    assert math.isnan(query(ledger, where=chosen)["energy_low_kwh"][0])


def test_words_are_told_as_they_were(ledger):
    record(ledger, random_journal(200, 1))
    before = dict(zip(*(query(ledger, ["zone"])[n] for n in ("zone", "activities")), strict=True))
    done = restate(ledger, Correction({"phase": ["train", "wait"]}, {"zone": "PL"}), ERROR)
    assert {value.old_value for value in done.values} == {"FR", "DE", "NA", None}
    assert {value.new_value for value in done.values} == {"PL"}
    after = dict(zip(*(query(ledger, ["zone"])[n] for n in ("zone", "activities")), strict=True))
    assert sum(after.values()) == sum(before.values()) == 200
    for value in done.values:
        assert before[value.old_value] - after[value.old_value] == value.activities
    finding = ledger_inventory(ledger, "table").findings[-1]
    assert (finding.code, finding.place) == ("restated", f"change {done.change}")


def test_scaling_an_energy_scales_its_bounds(ledger):
    record(ledger, random_journal(200, 2))
    names = ("energy_kwh", "energy_low_kwh", "energy_high_kwh", "data_gb")
    where = {"tier": ["B", "E"]}
    before, rest = query(ledger, ["tier"]), query(ledger, where={"tier": None})
    restate(ledger, Correction(where, scale={"energy_kwh": 1.25}), Note(Cause.METHOD))
    after = query(ledger, ["tier"])
    for name, factor in zip(names, (1.25, 1.25, 1.25, 1.0), strict=True):
        assert after[name][:2].tolist() == pytest.approx(
            (factor * before[name][:2]).tolist(), rel=1e-12, nan_ok=True
        )
    assert query(ledger, where={"tier": None})["energy_kwh"] == rest["energy_kwh"]


def test_bounds_that_are_all_known_are_scaled_too(ledger):
    journal = random_journal(3)
    bounds = {"energy_kwh": [1.0, 2.0, 4.0], "energy_low_kwh": [0.5, 1.0, 3.0]}
    bounds["energy_high_kwh"] = [2.0, 3.0, 8.0]
    columns = {name: np.array(values) for name, values in bounds.items()}
    record(ledger, Journal(journal.run, {**journal.columns, **columns}))
    restate(ledger, Correction({}, scale={"energy_kwh": 3.0}), Note(Cause.METHOD))
    found = query(ledger)
    assert [found[name].tolist() for name in bounds] == [[21.0], [13.5], [39.0]]


def test_a_correction_outlives_the_growth_of_its_run(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1), span(2), span(3))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    ingest(ledger, path, silo="lyon")
    for correction in (
        Correction({"zone": "FR", "silo": "lyon"}, {"zone": "PL"}),
        Correction({"run": "digits", "zone": "PL"}, {"silo": "krakow"}),
        Correction({"silo": "krakow", "phase": "train"}, scale={"energy_kwh": 2}),
    ):
        restate(ledger, correction, ERROR)
    before = query(ledger, ["silo", "zone", "round"], {"round": [1, 2]})
    path.write_bytes(b"".join(lines))
    (result,) = ingest(ledger, path)
    assert result.outcome is Outcome.GREW
    assert "corrected-again" in [finding.code for finding in result.findings]
    after = query(ledger, ["silo", "zone", "round"], {"round": [1, 2]})
    for name in ("silo", "zone", "round"):
        assert after[name].tolist() == before[name].tolist()
    # What a correction made of a run that it was not meant for is left alone.
    ingest(ledger, write_journal(tmp_path / "b.jsonl", span(1), run="other"), silo="lyon")
    assert query(ledger, ["zone"], {"run": "other"})["zone"].tolist() == ["FR"]


def test_a_file_that_was_itself_corrected_is_not_corrected_again(ledger, tmp_path):
    def written(*energies):
        journal = random_journal(3)
        none = [None] * len(energies)
        columns = {name: column[: len(energies)] for name, column in journal.columns.items()}
        columns |= {"energy_kwh": np.array(energies, dtype=float)}
        columns |= {"energy_low_kwh": none, "energy_high_kwh": none}
        return write_table(tmp_path / "bills.csv", Journal(journal.run, columns), run="bills")

    def total():
        return query(ledger)["energy_kwh"].tolist()

    ingest(ledger, written(2.0))
    restate(ledger, Correction({}, scale={"energy_kwh": 0.5}), ERROR)
    (result,) = ingest(ledger, written(1.0), note=ERROR)
    assert result.outcome is Outcome.REPLACED
    assert [f.code for f in result.findings] == ["corrections-dropped"]
    assert total() == [1.0]
    # Nor when it grows, unless it was corrected since.
    (result,) = ingest(ledger, written(1.0, 4.0))
    assert (result.outcome, result.findings, total()) == (Outcome.GREW, (), [5.0])
    restate(ledger, Correction({}, scale={"energy_kwh": 0.5}), ERROR)
    # Read anew, the same file needs the correction still.
    (result,) = ingest(ledger, tmp_path / "bills.csv", note=Note(Cause.METHOD))
    assert [f.code for f in result.findings] == ["corrected-again"]
    ingest(ledger, written(1.0, 4.0, 8.0))
    assert total() == [6.5]


def test_corrections_from_before_a_withdrawal_are_not_applied(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1))
    ingest(ledger, path)
    restate(ledger, Correction({}, {"zone": "PL"}), ERROR)
    withdraw(ledger, "digits", ERROR)
    (back,) = ingest(ledger, path, note=ERROR)
    assert (back.outcome, query(ledger, ["zone"])["zone"].tolist()) == (Outcome.ADDED, ["FR"])


def test_activities_that_were_moved_are_seen_where_their_run_is_listed(ledger):
    record(ledger, random_journal(20, 3, name="a"), silo="lyon")
    record(ledger, random_journal(20, 4, name="b"))
    assert [run.lies_in for run in list_runs(ledger)] == [(), ()]
    restate(ledger, Correction({"run": "a", "role": "client"}, {"silo": "krakow"}), ERROR)
    assert [(r.run, r.silo, r.lies_in) for r in list_runs(ledger)] == [
        ("b", "", ()),
        ("a", "lyon", ("krakow", "lyon")),
    ]
    restate(ledger, Correction({"run": "a"}, {"silo": None}), ERROR)
    assert [r.lies_in for r in list_runs(ledger)] == [(), (None,)]
    assert [r.lies_in for r in list_runs(ledger, as_of=2)] == [(), ()]


def test_a_change_of_sums_says_how_many_activities_it_touched(ledger, tmp_path):
    path = write_journal(tmp_path / "a.jsonl", span(1), span(2), span(3))
    (entered,) = ingest(ledger, path)
    path.unlink()
    write_journal(path, span(1))
    (fewer,) = ingest(ledger, path, note=ERROR)
    assert fewer.activities < entered.activities
    withdraw(ledger, "digits", ERROR)
    replaced, withdrawn = (change.values for change in history(ledger)[1:])
    assert {value.activities for value in replaced} == {entered.activities}
    assert {value.activities for value in withdrawn} == {fewer.activities}


def test_a_dry_run_and_a_correction_of_nothing_change_nothing(ledger):
    record(ledger, random_journal(50, 3))
    before = status(ledger)
    correction = Correction({"zone": "FR"}, {"zone": "DE"})
    tried = restate(ledger, correction, ERROR, dry_run=True)
    assert (tried.change, status(ledger)) == (None, before)
    done = restate(ledger, correction, ERROR)
    assert done.values == tried.values
    restate(ledger, Correction({"zone": "DE"}, {"zone": "FR"}), ERROR)
    before = status(ledger)
    assert restate(ledger, Correction({"zone": "FR"}, {"zone": "FR"}), ERROR).change is None
    assert status(ledger) == before


def test_a_zone_or_device_that_no_factor_knows_is_said(sqlite_ledger):
    record(sqlite_ledger, random_journal(50, 3))
    slips = Correction({}, {"zone": "Germny", "device": "labtop"})
    for dry_run in (True, False):
        found = restate(sqlite_ledger, slips, ERROR, dry_run=dry_run).findings
        assert [one.code for one in found] == ["zone-unknown", "device-unknown"]
        assert "DE (Germany)" in found[0].remedy
        assert "laptop" in found[1].remedy
    known = Correction({}, {"zone": "DEU", "device": "gpu.of.ours"})
    assert restate(sqlite_ledger, known, ERROR).findings == ()
    assert restate(sqlite_ledger, Correction({}, {"zone": None}), ERROR).findings == ()


REFUSED = [
    (Correction({"zone": "XX"}, {"zone": "FR"}), "No activity"),
    (Correction({}, {}), "changes nothing"),
    (Correction({}, {"start_s": 1.0}), "cannot be restated"),
    (Correction({}, {"id": 1}), "cannot be restated"),
    (Correction({}, {"phase": "nonsense"}), "Unknown phase"),
    (Correction({}, {"phase": None}), "cannot be missing"),
    (Correction({}, {"energy_kwh": -1}), "cannot be -1"),
    (Correction({}, {"energy_kwh": math.nan}), "cannot be nan"),
    (Correction({}, {"zone": "F\0R"}), "zero byte"),
    (Correction({}, {"energy_kwh": 1, "energy_low_kwh": 2}), "outside of its bounds"),
    (Correction({}, {"energy_low_kwh": 1e9}), "outside of its bounds"),
    (Correction({}, scale={"zone": 2}), "cannot be restated"),
    (Correction({}, scale={"energy_kwh": math.inf}), "cannot be multiplied"),
    (Correction({}, {"data_gb": 1}, {"data_gb": 2}), "set and scaled"),
    (Correction({"round": "one"}, {"zone": "FR"}), "round cannot be"),
    (Correction({"round": 10**20}, {"zone": "FR"}), "round cannot be"),
    (Correction({"round": math.inf}, {"zone": "FR"}), "round cannot be"),
    (Correction({"year": 10**12}, {"zone": "FR"}), "year cannot be"),
    (Correction({"since_s": "abc"}, {"zone": "FR"}), "since_s cannot be"),
    (Correction({"until_s": math.nan}, {"zone": "FR"}), "until_s cannot be"),
    (Correction({"zone": "\ud800"}, {"zone": "FR"}), "not valid text"),
    (Correction({"run": "\ud800"}, {"zone": "FR"}), "not valid text"),
    (Correction({}, {"zone": "\ud800"}), "not valid text"),
    (Correction({}, {"round": 10**30}), "round cannot be"),
    (Correction({}, {"round": math.inf}), "round cannot be"),
    (Correction({}, {"energy_kwh": 1e300}), "energy_kwh cannot be"),
    (Correction({}, {"resource_share": 25}), "resource_share cannot be"),
    (Correction({}, {"resource_share": 0}), "resource_share cannot be"),
    (Correction({}, scale={"energy_kwh": 1e300}), "energy_kwh would be"),
    (Correction({}, scale={"duration_s": 1e308}), "duration_s would be"),
]


def test_what_cannot_be_meant_is_refused_and_changes_nothing(ledger):
    record(ledger, random_journal(20, 4))
    before = status(ledger)
    for correction, message in REFUSED:
        with pytest.raises((UsageError, LedgerError), match=message):
            restate(ledger, correction, ERROR)
    assert status(ledger) == before


def test_a_restatement_needs_a_cause(ledger):
    record(ledger, random_journal(5))
    with pytest.raises(LedgerError, match="not valid text"):
        withdraw(ledger, "\ud800", ERROR)
    with pytest.raises(UsageError, match="needs a cause"):
        restate(ledger, Correction({}, {"zone": "FR"}), Note())
