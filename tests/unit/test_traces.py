"""Series over time: the clock, and files that are not as they should be."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from footprint.errors import DataError, MissingExtra, UsageError
from footprint.model.kinds import SignalScope
from footprint.simulation.trace_files import (
    Reading,
    Repair,
    Stamp,
    read_electricity_maps,
    read_trace,
    read_untimed,
)
from footprint.simulation.traces import Trace, moment, unix_seconds

NOON = unix_seconds("2022-06-08T12:00")
ENDS = Reading(Stamp.END)
STARTS = Reading(Stamp.START)


def write(folder, text, name="trace.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def three_rows(folder):
    text = "time,Zürich\n2022-06-08 12:05,1\n2022-06-08 12:10,2\n2022-06-08 12:15,4\n"
    return write(folder, text)


def at(trace, clock):
    return float(trace.at(unix_seconds(f"2022-06-08T{clock}"))[0])


def test_a_stamp_at_the_end_of_its_period_is_filled_backwards(tmp_path):
    trace = read_trace(three_rows(tmp_path), ENDS, unit="W")
    assert (trace.start_s, trace.step_s, trace.columns) == (NOON, 300, ("Zürich",))
    # Row 12:05 holds (12:00, 12:05]; the very start is served by the first row.
    expected = {"12:00": 1, "12:01": 1, "12:05": 1, "12:06": 2, "12:10": 2, "12:11": 4, "12:15": 4}
    assert {clock: at(trace, clock) for clock in expected} == expected


def test_a_stamp_at_the_start_of_its_period_holds_until_the_next(tmp_path):
    trace = read_trace(three_rows(tmp_path), STARTS, unit="W")
    assert trace.start_s == NOON + 300
    # The moment between two periods belongs to the one that ends.
    expected = {"12:05": 1, "12:06": 1, "12:10": 1, "12:11": 2, "12:15": 2, "12:16": 4, "12:20": 4}
    assert {clock: at(trace, clock) for clock in expected} == expected


def test_steps_within_a_period_have_its_value(tmp_path):
    trace = read_trace(three_rows(tmp_path), ENDS, unit="W")
    window = trace.window(NOON, 60, 15)[:, 0]
    assert window.tolist() == [1] * 5 + [2] * 5 + [4] * 5
    assert trace.window(NOON + 240, 60, 2)[:, 0].tolist() == [1, 2]


def test_a_step_of_several_periods_has_their_mean(tmp_path):
    trace = read_trace(three_rows(tmp_path), ENDS, unit="W")
    assert trace.window(NOON, 900, 1)[0, 0] == pytest.approx(7 / 3)
    assert trace.window(NOON + 300, 600, 1)[0, 0] == 3


def test_energy_is_the_same_in_steps_of_any_length():
    values = np.random.default_rng(1).random((288, 3))
    trace = Trace(NOON, 300, ("a", "b", "c"), values)
    for step_s in (60, 100, 300, 900, 3600):
        energy = trace.window(NOON, step_s, 86_400 // step_s).sum(axis=0) * step_s
        assert energy == pytest.approx(values.sum(axis=0) * 300)


@pytest.mark.parametrize(("start", "steps"), [(-60, 1), (0, 16), (900, 1)])
def test_a_trace_is_never_continued(tmp_path, start, steps):
    trace = read_trace(three_rows(tmp_path), ENDS, unit="W")
    with pytest.raises(DataError, match="does not cover"):
        trace.window(NOON + start, 60, steps)


def test_moments_outside_are_errors(tmp_path):
    trace = read_trace(three_rows(tmp_path), ENDS, unit="W")
    for moment_s in (NOON - 1, NOON + 901):
        with pytest.raises(DataError, match="does not cover"):
            trace.at(moment_s)


@pytest.mark.parametrize(("start", "step_s"), [(0, 70), (30, 60), (60, 300), (0, 450)])
def test_a_step_across_the_edge_of_a_period_is_an_error(tmp_path, start, step_s):
    trace = read_trace(three_rows(tmp_path), ENDS, unit="W")
    with pytest.raises(DataError, match="edges"):
        trace.window(NOON + start, step_s, 1)


def test_offsets_are_heeded_over_the_end_of_summer_time(tmp_path):
    text = "time,x\n2022-10-30T02:00+02:00,1\n2022-10-30T02:00+01:00,2\n2022-10-30T03:00+01:00,3\n"
    trace = read_trace(write(tmp_path, text), STARTS, unit="1")
    assert moment(trace.start_s) == "2022-10-30 00:00 UTC"
    assert trace.values[:, 0].tolist() == [1, 2, 3]


def test_local_times_are_read_if_their_zone_is_named(tmp_path):
    text = (
        "time,x\n2022-10-30 01:00,1\n2022-10-30 02:00,2\n2022-10-30 02:00,3\n2022-10-30 03:00,4\n"
    )
    path = write(tmp_path, text)
    trace = read_trace(path, Reading(Stamp.START, timezone="Europe/Berlin"), unit="1")
    assert moment(trace.start_s) == "2022-10-29 23:00 UTC"
    assert trace.values[:, 0].tolist() == [1, 2, 3, 4]
    # Taken for UTC, the hour that came twice shows.
    with pytest.raises(DataError, match="stand twice"):
        read_trace(path, STARTS, unit="1")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("time,x\n2022-03-27 01:00,1\n2022-03-27 02:00,2\n", "2022-03-27 02:00"),  # never was
        ("time,x\n2022-10-30 02:00,1\n2022-10-30 03:00,2\n", "2022-10-30 02:00"),  # which one?
    ],
)
def test_local_times_that_are_never_or_twice_are_errors(tmp_path, text, what):
    with pytest.raises(DataError, match="Europe/Berlin") as caught:
        read_trace(write(tmp_path, text), Reading(Stamp.START, timezone="Europe/Berlin"), unit="1")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ("2022-06-08 12:00,1\n2022-06-08 12:10,2\n2022-06-08 12:05,3\n", "before the one above"),
        ("2022-06-08 12:00,1\n2022-06-08 12:00,2\n2022-06-08 12:05,3\n", "stand twice"),
        ("2022-06-08 12:00,1\n2022-06-08 12:05,\n2022-06-08 12:10,3\n", "1 value.s. are missing"),
        ("2022-06-08 12:00,1\n2022-06-08 12:05,2\n2022-06-08 12:20,3\n", "gap is 600 s"),
        ("2022-06-08 12:00,1\n2022-06-08 12:05,2\n2022-06-08 12:08,3\n", "off the grid"),
        ("2022-06-08 12:00,1\n2022-06-08 12:05,many\n", "row 3, column 'x': 'many'"),
        ("2022-06-08 12:00,1\nlater,2\n", "cannot be read"),
        ("2022-06-08 12:00,1\n2022-06-08 12:05Z,2\n", "only some stamps"),
        ("2022-06-08 12:00,1\n,2\n", "row 3 has no stamp"),
        ("12,1\n13,2\n", "not times"),
        ("2022-06-08 12:00,1\n", "one row"),
        ("", "no rows"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(tmp_path, rows, what):
    with pytest.raises(DataError, match=what):
        read_trace(write(tmp_path, f"time,x\n{rows}"), ENDS, unit="1")


@pytest.mark.parametrize(
    ("rows", "stamps", "repair", "values"),
    [
        ("12:00,1\n12:10,3\n12:05,2\n", Stamp.END, Repair.SORT, [1, 2, 3]),
        ("12:00,1\n12:00,9\n12:05,2\n", Stamp.END, Repair.FIRST, [1, 2]),
        ("12:00,1\n12:05,2\n12:20,5\n", Stamp.START, Repair.HOLD, [1, 2, 2, 2, 5]),
        ("12:00,1\n12:05,2\n12:20,5\n", Stamp.END, Repair.HOLD, [1, 2, 5, 5, 5]),
        ("12:00,1\n12:05,2\n12:20,5\n", Stamp.END, Repair.INTERPOLATE, [1, 2, 3, 4, 5]),
        ("12:00,1\n12:05,\n12:10,5\n", Stamp.END, Repair.INTERPOLATE, [1, 3, 5]),
    ],
)
def test_a_repair_that_is_named_becomes_a_finding(tmp_path, rows, stamps, repair, values):
    lines = "".join(f"2022-06-08 {row}\n" for row in rows.splitlines())
    path = write(tmp_path, f"time,x\n{lines}")
    trace = read_trace(path, Reading(stamps, repair=[repair]), unit="1")
    assert trace.values[:, 0].tolist() == values
    assert [finding.code for finding in trace.findings] == [f"trace-{repair.value}"]


def test_a_repair_that_was_not_needed_is_no_finding(tmp_path):
    trace = read_trace(three_rows(tmp_path), Reading(Stamp.END, repair=list(Repair)), unit="W")
    assert trace.findings == ()


def test_a_file_that_begins_with_a_gap_cannot_be_filled(tmp_path):
    text = "time,x\n2022-06-08 12:00,\n2022-06-08 12:05,2\n"
    with pytest.raises(DataError, match="begins or ends with a gap"):
        read_trace(write(tmp_path, text), Reading(Stamp.END, repair=[Repair.HOLD]), unit="1")


def test_columns_are_chosen_by_name(tmp_path):
    text = "time,São Paulo,b\n2022-06-08 12:05,1,3\n2022-06-08 12:10,2,4\n"
    path = write(tmp_path, text)
    assert read_trace(path, ENDS, unit="W", columns=["b"]).values[:, 0].tolist() == [3, 4]
    trace = read_trace(path, ENDS, unit="W")
    assert trace.pick(["b", "São Paulo"]).values.tolist() == [[3, 1], [4, 2]]
    with pytest.raises(UsageError, match="no column 'c'"):
        trace.pick(["c"])
    with pytest.raises(DataError, match="no column 'c'"):
        read_trace(path, ENDS, unit="W", columns=["c"])
    with pytest.raises(DataError, match="no column 'when'"):
        read_trace(path, Reading(Stamp.END, "when"), unit="W")


def test_rows_without_stamps_follow_each_other(tmp_path):
    path = write(tmp_path, "step,a\n0,50\n1,100\n")
    trace = read_untimed(path, start_s=NOON, step_s=60, unit="1", drop=["step"])
    assert trace.scaled(0.01, "1").values[:, 0].tolist() == [0.5, 1.0]
    assert trace.stop_s == NOON + 120


def test_files_that_are_not_there_or_no_tables_are_errors(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read_trace(tmp_path / "none.csv", ENDS, unit="1")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no table"):
        read_trace(tmp_path / "b.csv", ENDS, unit="1")


def test_parquet_is_read_or_its_extra_is_named(tmp_path):
    path = tmp_path / "trace.parquet"
    if importlib.util.find_spec("pyarrow") is None:
        path.write_bytes(b"PAR1")
        with pytest.raises(MissingExtra, match=r"footprint\[parquet\]"):
            read_trace(path, ENDS, unit="W")
    else:
        times = pd.date_range("2022-06-08 12:05", periods=3, freq="5min", tz="UTC")
        pd.DataFrame({"time": times, "x": [1.0, 2.0, 4.0]}).to_parquet(path)
        trace = read_trace(path, ENDS, unit="W")
        assert (trace.start_s, trace.values[:, 0].tolist()) == (NOON, [1, 2, 4])


PORTAL = (
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
    "Carbon intensity gCO₂eq/kWh (Life cycle),Data source,Data estimated\n"
)


def portal(zone, values, first="2024-01-01 00:00:00", estimated="false"):
    hours = pd.date_range(first, periods=len(values), freq="h")
    return "".join(
        f"{hour},X,X,{zone},{value / 2},{value},src,{estimated}\n"
        for hour, value in zip(hours, values, strict=True)
    )


def test_files_of_the_data_portal_are_read(tmp_path):
    paths = [
        write(tmp_path, PORTAL + portal("FR", [40, 50, 60]), "fr.csv"),
        write(tmp_path, PORTAL + portal("DE", [400, 500, 600], estimated="True"), "de.csv"),
    ]
    trace = read_electricity_maps(paths)
    assert (trace.columns, trace.step_s, trace.unit) == (("FR", "DE"), 3600, "gCO2e/kWh")
    assert trace.values.tolist() == [[40, 400], [50, 500], [60, 600]]
    assert ["3 of 6" in finding.message for finding in trace.findings] == [True]
    direct = read_electricity_maps(paths, scope=SignalScope.DIRECT)
    assert direct.values[0].tolist() == [20, 200]


def test_older_headers_of_the_portal_are_known(tmp_path):
    header = PORTAL.replace("Carbon intensity", "Carbon Intensity").replace("Life cycle", "LCA")
    trace = read_electricity_maps([write(tmp_path, header + portal("FR", [40, 50]))])
    assert trace.values[:, 0].tolist() == [40, 50]


def test_portal_files_of_other_hours_do_not_mix(tmp_path):
    later = portal("DE", [1, 2], first="2024-01-02 00:00:00")
    paths = [
        write(tmp_path, PORTAL + portal("FR", [40, 50]), "fr.csv"),
        write(tmp_path, PORTAL + later, "de.csv"),
    ]
    with pytest.raises(DataError, match="same hours"):
        read_electricity_maps(paths)
    with pytest.raises(DataError, match="no file of the data portal"):
        read_electricity_maps([three_rows(tmp_path)])


def test_values_that_are_missing_or_do_not_fit_make_no_trace():
    with pytest.raises(
        DataError, match="no value for 'b' in the period that ends 2022-06-08 12:10"
    ):
        Trace(NOON, 300, ("a", "b"), np.array([[1, 2], [3, np.nan]]))
    with pytest.raises(DataError, match="2 columns"):
        Trace(NOON, 300, ("a", "b"), np.ones((3, 1)))
    with pytest.raises(DataError, match="one name"):
        Trace(NOON, 300, ("a", "a"), np.ones((3, 2)))


def test_moments_are_read_with_their_offset():
    assert unix_seconds("2022-06-08T14:00+02:00") == NOON
    assert unix_seconds("2022-06-08 12:00") == NOON
    for wrong in ("noon", "2022-06-08T12:00:00.5"):
        with pytest.raises(UsageError):
            unix_seconds(wrong)
