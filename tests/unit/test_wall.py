"""Wall-meter files: units, times, gaps, and what is refused."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import DataError
from footprint.measurement.wall import WallSeries, energy_between
from footprint.measurement.wall_csv import read_wall_csv
from footprint.units import J_PER_KWH
from tests.builders import START_S


@pytest.fixture
def write(tmp_path):
    def write(text, **options):
        path = tmp_path / "plug.csv"
        path.write_text(text, "utf-8")
        return read_wall_csv(path, **options)

    return write


def rows(header, *cells, first="time"):
    return "\n".join([f"{first},{header}", *(f"{START_S + t},{v}" for t, v in cells)])


@pytest.mark.parametrize(
    ("header", "cell", "power_w"),
    [
        ("power_w", "250", 250.0),
        ("Power [W]", "250", 250.0),
        ("watts", "250", 250.0),
        ("Power (kW)", "0.25", 250.0),
        ("power_mw", "250000", 250.0),
        ("Leistung_W", "1e2", 100.0),
        ("Power [MW]", "0.001", 1000.0),
    ],
)
def test_units_of_the_header(write, header, cell, power_w):
    series = write(rows(header, (0, cell), (1, cell)))
    assert series.power_w == pytest.approx([power_w, power_w])
    assert series.findings == ()
    assert "plug.csv" in series.source


def test_times_with_offset_and_unix_seconds_agree(write):
    text = dt.datetime.fromtimestamp(
        START_S, dt.timezone(dt.timedelta(hours=5, minutes=30))
    ).isoformat()
    series = write(f"timestamp;Power [W]\n{text};12,5\n{START_S + 1};13\n")
    assert series.time_s == pytest.approx([START_S, START_S + 1])
    assert series.power_w == pytest.approx([12.5, 13])


def test_a_time_without_offset_is_refused_unless_it_is_said_to_be_utc(write):
    text = "time,watts\n2024-11-01T00:00:00,1\n2024-11-01 00:00:01,2\n"
    with pytest.raises(DataError, match=r"plug\.csv:2: the time '2024-11-01T00:00:00' has no off"):
        write(text)
    assert write(text, utc=True).time_s[0] == 1730419200


def test_an_energy_counter_is_differenced_and_keeps_its_energy(write):
    series = write(rows("energy_wh", (0, 100), (10, 101), (20, 103)))
    assert series.power_w == pytest.approx([360, 360, 720, 720])
    for start, stop, wh in ((0, 10, 1), (10, 20, 2), (0, 20, 3), (5, 15, 1.5), (10, 10, 0)):
        assert energy_between(series, START_S + start, START_S + stop) == pytest.approx(wh / 1e3)


def test_a_counter_that_falls_is_a_gap(write):
    series = write(rows("energy_kwh", (0, 5), (1, 5.1), (2, 0), (3, 0.1)))
    assert {finding.code for finding in series.findings} == {"wall-reset", "wall-gaps"}
    assert energy_between(series, START_S, START_S + 1) == pytest.approx(0.1)
    assert energy_between(series, START_S, START_S + 3) is None


def test_power_is_preferred_to_a_counter_beside_it(write):
    series = write(f"time,power_w,energy_wh\n{START_S},5,0\n{START_S + 1},5,1\n")
    assert "power_w" in series.source


def test_order_and_duplicates_are_repaired_and_reported(write):
    series = write(rows("watts", (2, 30), (0, 10), (1, 20), (1, 40)))
    assert series.power_w == pytest.approx([10, 30, 30])
    assert [finding.code for finding in series.findings] == ["wall-order", "wall-duplicates"]


def test_gaps_are_reported_and_not_bridged(write):
    series = write(rows("watts", *((t, 100) for t in (*range(10), *range(20, 30)))))
    assert series.gaps == ((START_S + 9, START_S + 20),)
    assert [finding.code for finding in series.findings] == ["wall-gaps"]
    assert energy_between(series, START_S + 8, START_S + 12) is None
    assert energy_between(series, START_S + 8, START_S + 9) == pytest.approx(100 / J_PER_KWH)
    assert energy_between(series, START_S + 20, START_S + 21) is not None


def test_nothing_is_extrapolated(write):
    series = write(rows("watts", (0, 100), (1, 100)))
    assert energy_between(series, START_S - 0.1, START_S + 1) is None
    assert energy_between(series, START_S, START_S + 1.1) is None
    assert energy_between(series, START_S + 1, START_S) is None
    assert energy_between(WallSeries(np.array([]), np.array([])), 0, 1) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rows("watts", (0, 1), (1, -2)), r"plug\.csv:3: found '-2'"),
        (rows("watts", (0, 1), (1, "unavailable")), r":3: found 'unavailable'"),
        (rows("watts", (0, 1), (1, "nan")), r":3: found 'nan'"),
        (rows("watts", (0, 1), (1, "")), r":3: found ''"),
        ("time,watts\nyesterday,1\n", r":2: found 'yesterday'"),
        ("time,watts\n0,1\n1,1\n", r":2: '0' is no time in unix seconds"),
        (f"time,watts\n{START_S * 1e3:.0f},1\n", "no time in unix seconds"),
        (f"time,watts\n{START_S}\n", r":2: 1 cell"),
        (rows("watts", (0, 1)), r"has 1 reading"),
        (rows("watts", (0, 1), (0, 1)), "at one moment"),
        (rows("power", (0, 1), (1, 1)), r"'power' names no unit"),
        (rows("voltage", (0, 1), (1, 1)), r"no column looks like power"),
        (rows("power_w,watts", (0, "1,1"), (1, "1,1")), "more than one column looks like power"),
        ("", "no column looks like time"),
    ],
)
def test_bad_files_say_where_and_what(write, text, found):
    with pytest.raises(DataError, match=found) as caught:
        write(text)
    assert "plug.csv" in caught.value.message or "All readings" in caught.value.message


def test_milliseconds_need_a_column_that_says_so(write):
    series = write(f"time_ms,watts\n{START_S * 1e3:.0f},1\n{(START_S + 1) * 1e3:.0f},1\n")
    assert series.time_s == pytest.approx([START_S, START_S + 1])


def test_columns_and_unit_may_be_given(write):
    text = "entity,state,last_changed,date\nplug,40,2024-11-01T00:00Z,x\n"
    text += "plug,41,2024-11-01T00:01Z,x\n"
    series = write(text, time_column="last_changed", power_column="state", unit="W")
    assert series.power_w == pytest.approx([40, 41])
    with pytest.raises(DataError, match="no column 'power'"):
        write(text, time_column="last_changed", power_column="power")
    with pytest.raises(DataError, match="'V' is none"):
        write(text, time_column="last_changed", power_column="state", unit="V")


def test_a_file_that_is_not_text_or_not_there(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("x.csv", "y.csv"):
        with pytest.raises(DataError, match="cannot be read"):
            read_wall_csv(tmp_path / name)


@given(
    st.lists(st.floats(0, 1e4), min_size=3, max_size=30),
    st.tuples(*[st.floats(0, 1)] * 3).map(sorted),
)
def test_energy_of_neighbouring_windows_adds_up(power_w, cuts):
    series = WallSeries(START_S + np.arange(len(power_w)), np.array(power_w))
    a, b, c = (START_S + cut * (len(power_w) - 1) for cut in cuts)
    parts = [energy_between(series, *ends) for ends in ((a, b), (b, c), (a, c))]
    assert parts[0] + parts[1] == pytest.approx(parts[2], abs=1e-9)
