"""Fitting the power line of a machine, refusing to, and keeping it where it belongs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footprint.errors import DataError, UsageError
from footprint.factors import load_catalogue
from footprint.journal import JournalWriter, Process, SpanRecord
from footprint.measurement.calibration import (
    TIER,
    calibration_for,
    calibration_path,
    is_same_machine,
    machine_token,
    modelled_power_w,
    save_calibration,
)
from footprint.measurement.fit import fit_calibration
from footprint.measurement.power import energy_model
from footprint.measurement.wall import WallSeries
from footprint.model import Architecture, Phase, Role, Run
from tests.builders import MACHINE, START_S

LOADS = (0, 0, 0, 2, 2, 2, 4, 4, 4)
STEP_S = 10.0


def write_journal(path, loads=LOADS, *, machine=MACHINE, rapl=None, token="t", accelerators=()):
    """A journal with a sample at the end of every step; `rapl` gives W of a load."""
    writer = JournalWriter(path)
    writer.open()
    writer.header(
        Run("r", Architecture.OTHER, ""), machine, Process(1, 0, token, "host", accelerators), "0"
    )
    busy_s, energy_uj, time_s = 1000.0, 0.0, START_S
    for load in (None, *loads):
        if load is not None:
            time_s, busy_s = time_s + STEP_S, busy_s + load * STEP_S
            energy_uj += (rapl(load) if rapl else 0.0) * STEP_S * 1e6
        readings = {"cpu.host_busy_s": busy_s}
        if rapl:
            readings["rapl.package-0_uj"] = energy_uj
            readings["rapl.psys-0_uj"] = 3 * energy_uj  # overlaps it
        writer.sample(time_s, readings)
    ends = {"cpu.host_busy_s": 1000.0}, readings
    writer.span(SpanRecord(1, None, "a", Role.OTHER, Phase.OTHER, START_S, time_s - START_S, *ends))
    writer.close()
    return path


def meter(power_w, loads=LOADS, noise=0.0, seed=1, until=None):
    """What a meter reads that sees every step of the load at once."""
    per_step = np.random.default_rng(seed).normal(1, noise, len(loads))
    steps = np.array([power_w(load) for load in loads]) * per_step
    edges = START_S + STEP_S * np.arange(len(loads) + 1)
    series = WallSeries(np.repeat(edges, 2)[1:-1], np.repeat(steps, 2), source="plug.csv")
    if until is None:
        return series
    return replace(series, time_s=series.time_s[:until], power_w=series.power_w[:until])


@pytest.fixture
def journal(tmp_path):
    return write_journal(tmp_path / "a.jsonl")


def test_a_line_without_noise_is_found_exactly(journal):
    line = fit_calibration([journal], meter(lambda x: 45 + 12 * x)).busy
    assert line.intercept_w == pytest.approx(45)
    assert line.slope == pytest.approx(12)
    assert line.r_squared == pytest.approx(1)
    assert line.residual_p95 == pytest.approx(0, abs=1e-9)
    assert (line.windows, line.x_low, line.x_high) == (9, 0, 4)
    assert line.band == (0.97, 1.03)
    assert line.power_w(4) == pytest.approx(93)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(10, 200), st.floats(0.1, 2), st.floats(0, 0.03), st.integers(0, 2**31), st.data())
def test_a_noisy_line_is_found_within_its_noise(journal, intercept_w, share, noise, seed, data):
    slope = share * intercept_w  # flatter lines drown in the noise, and are refused
    line = fit_calibration(
        [journal], meter(lambda x: intercept_w + slope * x, noise=noise, seed=seed)
    ).busy
    x = data.draw(st.sampled_from((0, 2, 4)))
    truth_w = intercept_w + slope * x
    # Six standard errors, of the noisiest window, at the least supported load.
    tolerance = 6 * noise * (intercept_w + 4 * slope) * 0.7 + 1e-6
    assert abs(line.power_w(x) - truth_w) <= tolerance
    assert 0 <= line.residual_p95 <= 0.5
    low, high = line.band
    assert low <= 0.97 < 1.03 <= high


def test_the_band_is_the_residual_of_a_rough_line(journal):
    line = fit_calibration([journal], meter(lambda x: 50 + 20 * x, noise=0.1)).busy
    assert line.residual_p95 > 0.05
    assert line.band == (1 - line.residual_p95, 1 + line.residual_p95)


def test_power_at_the_wall_follows_the_counter_too(tmp_path):
    path = write_journal(tmp_path / "a.jsonl", rapl=lambda load: 10 + 15 * load)
    calibration = fit_calibration([path], meter(lambda x: 30 + 1.2 * (10 + 15 * x)))
    assert calibration.counter.intercept_w == pytest.approx(30)
    assert calibration.counter.slope == pytest.approx(1.2)
    assert calibration.counters == ("rapl.package-0_uj",)
    assert calibration.busy.slope == pytest.approx(18)
    saved = save_calibration(calibration, "here", tmp_path / "c.json")
    assert calibration_for(MACHINE, "here", saved) == calibration
    assert (calibration.counter.x_low, calibration.counter.x_high) == pytest.approx((10, 70))


def test_a_counter_that_says_nothing_leaves_the_line_over_busy_threads(tmp_path):
    path = write_journal(tmp_path / "a.jsonl", rapl=lambda load: 10)
    calibration = fit_calibration([path], meter(lambda x: 30 + 10 * x))
    assert calibration.counter is None
    assert [finding.code for finding in calibration.findings] == ["calibration-counter"]


def test_journals_of_one_time_are_counted_once(journal, tmp_path):
    other = write_journal(tmp_path / "b.jsonl", token="u")
    both = fit_calibration([journal, other], meter(lambda x: 45 + 12 * x))
    assert both.busy.windows == 9


def test_windows_may_be_longer_than_readings(journal):
    loads = (0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4)
    path = write_journal(journal.with_name("b.jsonl"), loads)
    line = fit_calibration([path], meter(lambda x: 45 + 12 * x, loads), window_s=15).busy
    assert (line.windows, line.slope) == (6, pytest.approx(12))


def test_a_slow_clock_is_shifted(journal):
    true = meter(lambda x: 45 + 12 * x)
    slow = replace(true, time_s=true.time_s - 7)
    line = fit_calibration([journal], slow, shift_s=7).busy
    assert line.slope == pytest.approx(12)
    assert line.residual_p95 == pytest.approx(0, abs=1e-4)


def test_an_idle_window_is_kept_beside_the_line(journal):
    series = meter(lambda x: 45 + 12 * x)
    calibration = fit_calibration([journal], series, idle=(START_S, START_S + 20))
    assert calibration.idle_w == pytest.approx(45)
    assert fit_calibration([journal], series, idle=(0, 10)).idle_w is None


def refuses(paths, series, match):
    with pytest.raises(UsageError, match=match) as caught:
        fit_calibration(paths, series)
    assert caught.value.remedy


def test_too_few_windows_are_refused(journal):
    refuses([journal], meter(lambda x: 45 + x, until=8), r"4 window\(s\) .* \(9 by the journal\)")
    far = meter(lambda x: 45 + x)
    refuses([journal], replace(far, time_s=far.time_s + 3600), r"^0 window")


def test_windows_in_a_gap_of_the_meter_do_not_count(journal):
    gap = (START_S, START_S + 5 * STEP_S)
    refuses([journal], replace(meter(lambda x: 45 + x), gaps=(gap,)), r"^4 window")


@pytest.mark.parametrize("loads", [(2,) * 9, (0,) + (2,) * 8, (0, 2, 2, 2, 2, 2, 2, 2, 4)])
def test_a_load_without_spread_is_refused(tmp_path, loads):
    path = write_journal(tmp_path / "a.jsonl", loads)
    refuses([path], meter(lambda x: 45 + x, loads), "load hardly differs")


def test_impossible_lines_are_refused(journal):
    refuses([journal], meter(lambda x: 100 - 5 * x), "falls as load rises")
    refuses([journal], meter(lambda x: 30 * max(0, x - 1)), "idle machine would give")
    wild = dict(enumerate((10, 200, 10, 200, 10, 210, 300, 10, 300)))
    series = meter(lambda n: wild[n], range(9))
    refuses([journal], series, "off the line")


def test_two_machines_are_refused(journal, tmp_path):
    other = write_journal(tmp_path / "b.jsonl", machine=replace(MACHINE, threads=8), token="u")
    refuses([journal, other], meter(lambda x: 45 + x), "Test CPU x4, Test CPU x8")


def test_what_the_line_does_not_hold_for_is_said(tmp_path):
    loads = (0, 0, 0, 1, 1, 1, 2, 2, 2)
    machine = replace(MACHINE, virtual=True)
    path = write_journal(tmp_path / "a.jsonl", loads, machine=machine, accelerators=("nvidia",))
    calibration = fit_calibration([path], meter(lambda x: 45 + 12 * x, loads))
    assert {finding.code for finding in calibration.findings} == {
        "calibration-virtual",
        "calibration-accelerator",
        "calibration-range",
    }


def test_a_stored_line_is_found_on_its_machine_only(journal, tmp_path):
    path = tmp_path / "config" / "calibration.json"
    made = fit_calibration([journal], meter(lambda x: 45 + 12 * x))
    assert calibration_for(MACHINE, "here", path) is None
    save_calibration(made, "here", path)
    assert calibration_for(MACHINE, "here", path) == made
    assert calibration_for(MACHINE, "there", path) is None
    assert calibration_for(MACHINE, None, path) is None
    for changes in ({"processor": "Other"}, {"threads": 8}, {"memory_gb": 32.0}, {"virtual": True}):
        assert calibration_for(replace(MACHINE, **changes), "here", path) is None
    assert calibration_for(replace(MACHINE, memory_gb=15.9), "here", path) == made
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_holds_several_machines_and_the_last_line_of_each(journal, tmp_path):
    path = tmp_path / "calibration.json"
    for slope, token in ((12, "here"), (5, "there"), (9, "here")):
        save_calibration(
            fit_calibration([journal], meter(lambda x, b=slope: 45 + b * x)), token, path
        )
    assert calibration_for(MACHINE, "here", path).busy.slope == pytest.approx(9)
    assert calibration_for(MACHINE, "there", path).busy.slope == pytest.approx(5)
    assert sorted(file.name for file in tmp_path.glob("calib*")) == ["calibration.json"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": "other"}',
        '{"format": "footprint-calibration", "version": 9}',
        '{"format": "footprint-calibration", "version": 1}',
        '{"format": "footprint-calibration", "version": 1, "machines": {"here": {}}}',
    ],
)
def test_a_broken_store_is_named(tmp_path, text):
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"calibration\.json cannot be used"):
        calibration_for(MACHINE, "here", path)


def test_a_store_that_cannot_be_written_is_named(journal, tmp_path):
    made = fit_calibration([journal], meter(lambda x: 45 + 12 * x))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be (written|used)"):
        save_calibration(made, "here", tmp_path / "file" / "calibration.json")


def test_the_path_follows_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert calibration_path() == tmp_path / "footprint" / "calibration.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert calibration_path() == tmp_path / "home/.config/footprint/calibration.json"


def test_the_token_of_a_machine_hides_its_id(tmp_path):
    path, machine_id = tmp_path / "machine-id", "0123456789abcdef" * 2
    path.write_text(machine_id + "\n")
    token = machine_token(path)
    assert len(token) == 32
    assert token != machine_id
    assert token == machine_token(path)
    for text in ("", "uninitialized\n", "é"):
        path.write_text(text)
        assert machine_token(path) is None
    assert machine_token(tmp_path / "absent") is None


def test_memory_decides_only_where_it_is_known():
    unknown = replace(MACHINE, memory_gb=None)
    assert is_same_machine(unknown, unknown)
    assert not is_same_machine(unknown, MACHINE)


def test_the_tier_and_what_the_default_model_says(journal):
    assert TIER == "D"
    model = energy_model(MACHINE, load_catalogue())
    assert modelled_power_w(model, 4) - modelled_power_w(model, 0) == pytest.approx(
        4 * model.busy_w
    )


def test_the_stored_file_holds_no_findings(tmp_path):
    journal = write_journal(tmp_path / "a.jsonl", machine=replace(MACHINE, virtual=True))
    path = save_calibration(
        fit_calibration([journal], meter(lambda x: 45 + 12 * x)), "here", tmp_path / "c.json"
    )
    entry = json.loads(path.read_text())["machines"]["here"]
    assert set(entry) == {"machine", "made", "source", "busy", "counter", "counters", "idle_w"}
