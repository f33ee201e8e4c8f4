"""Scenarios from files: what they become, and what is wrong in them."""

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.simulation.fleet_files import deal_samples
from footprint.simulation.fleet_scenario_files import read_fleet_scenario
from footprint.simulation.forecasts import AsIssued, Perfect
from footprint.simulation.load import LoadForecast, OnOffLoad, TraceLoad, Unloaded, deal_days
from footprint.simulation.traces import Trace, unix_seconds

SCENARIO = """
name = "coast"
start = "2023-11-05"
days = 0.25
updates = 2

[solar]
actual = "actual.csv"
forecast = "forecast.csv"
issue_column = "issued"
target_column = "end"
stamps = "end"
peak_w = 600

[clients]
path = "clients.csv"
task = "speech"
samples = { total = 900, classes = 3, concentration = 0.5 }

[load]
used = "used.csv"
reserved = "reserved.csv"
"""
CLIENTS = "client_id,power_domain,size\n0,1,small\n1,0,mid\n2,1,large\n"
STOPS = [f"2023-11-05 {m // 60:02}:{m % 60:02}" for m in range(5, 365, 5)]


@pytest.fixture
def folder(tmp_path):
    """Two sites, the second one in the dark; an hour ahead is forecast at each full period."""
    lines = [f"{stop},0.5,0" for stop in STOPS]
    (tmp_path / "actual.csv").write_text("end,Århus,Ærø\n" + "\n".join(lines), encoding="utf-8")
    rows = []
    for place in range(len(STOPS) - 13):
        issued = "2023-11-05 00:00" if place == 0 else STOPS[place - 1]
        rows += [f"{issued},{STOPS[place + lead]},0.25,0.125" for lead in range(13)]
    text = "issued,end,Århus,Ærø\n" + "\n".join(rows)
    (tmp_path / "forecast.csv").write_text(text, encoding="utf-8")
    (tmp_path / "clients.csv").write_text(CLIENTS)
    for name, percent in (("used", 20), ("reserved", 40)):
        row = f"{percent},0,{percent}\n"
        (tmp_path / f"{name}.csv").write_text("a,b,c\n" + row * 360)
    (tmp_path / "coast.toml").write_text(SCENARIO, encoding="utf-8")
    return tmp_path


def changed(folder, old, new):
    assert old in SCENARIO
    (folder / "coast.toml").write_text(SCENARIO.replace(old, new), encoding="utf-8")
    return read_fleet_scenario(folder / "coast.toml")


def test_files_become_a_world(folder):
    scenario = read_fleet_scenario(folder / "coast.toml")
    rules, world = scenario.rules, scenario.world(seed=4)
    assert (rules.start_s, rules.length_s) == (unix_seconds("2023-11-05"), 6 * 3600)
    assert (rules.updates, rules.step_s, rules.deadline, rules.retry) == (2, 60, 60, 5)
    assert [domain.name for domain in world.supply.domains] == ["Århus", "Ærø"]
    # 0.5 of 600 W for a minute.
    assert world.excess_ws(rules.start_s, 60, 2).tolist() == [[18_000, 0], [18_000, 0]]
    told = world.supply.excess_forecast.forecast(rules.start_s + 600, 60, 60)
    assert told.values[0].tolist() == [150, 75]
    assert world.fleet.domain.tolist() == [1, 0, 1]
    assert world.fleet.samples.sum() == 900
    assert (world.fleet.most_units == 5 * world.fleet.least_units).all()
    everybody = np.arange(3)
    used = world.load.used(everybody, rules.start_s, 60, 1)
    assert used[0].tolist() == pytest.approx([0.2, 0, 0.2])
    assert world.load.reserved(everybody, rules.start_s, 60, 1)[0].tolist() == pytest.approx(
        [0.4, 0, 0.4]
    )


@pytest.mark.parametrize(
    ("word", "forecaster", "load"),
    [
        ("error", AsIssued, LoadForecast.RESERVED),
        ("no_error", Perfect, LoadForecast.PERFECT),
        ("error_no_load_fc", AsIssued, LoadForecast.NONE),
    ],
)
def test_the_three_variants_of_forecasts(folder, word, forecaster, load):
    scenario = changed(folder, "updates = 2", f'updates = 2\nforesight = "{word}"')
    world = scenario.world(seed=1)
    assert isinstance(world.supply.excess_forecast, forecaster)
    assert world.load_forecast is load


def test_a_domain_without_limits_has_energy_capacity_and_speed(folder):
    plain = read_fleet_scenario(folder / "coast.toml").world(seed=1)
    text = SCENARIO + '\n[unlimited]\ndomains = ["Ærø"]\nspeed = 1e12\n'
    (folder / "coast.toml").write_text(text, encoding="utf-8")
    world = read_fleet_scenario(folder / "coast.toml").world(seed=1)
    assert world.supply.unlimited.tolist() == [False, True]
    faster = world.fleet.units_per_s / plain.fleet.units_per_s
    assert faster == pytest.approx([1e12, 1, 1e12])
    start_s = unix_seconds("2023-11-05")
    full = plain.fleet.units_per_s * 60
    # Client 1 has no load in the files.
    assert world.spare(np.arange(3), start_s, 60, 1)[0] == pytest.approx(full * faster)
    (folder / "coast.toml").write_text(text.replace('["Ærø"]', '"all"'), encoding="utf-8")
    assert read_fleet_scenario(folder / "coast.toml").world(seed=1).supply.unlimited.all()
    (folder / "coast.toml").write_text(text.replace("Ærø", "Fanø"), encoding="utf-8")
    with pytest.raises(UsageError, match="no power domain 'Fanø'"):
        read_fleet_scenario(folder / "coast.toml").world(seed=1)


def test_peaks_may_differ_and_load_may_be_made_up_or_none(folder):
    scenario = changed(folder, "peak_w = 600", 'peak_w = { "Århus" = 100, "Ærø" = 900 }')
    assert scenario.world(seed=1).excess_ws(scenario.start_s, 60, 1)[0].tolist() == [3000, 0]
    scenario = changed(folder, "peak_w = 600", 'peak_w = { "Århus" = 100 }')
    with pytest.raises(DataError, match="peak powers there is none for 'Ærø'"):
        scenario.world(seed=1)
    load = '[load]\nused = "used.csv"\nreserved = "reserved.csv"'
    made_up = changed(folder, load, "[load]\ninvented = true").world(seed=3).load
    assert made_up == OnOffLoad(3)
    assert changed(folder, load, "").world(seed=3).load is None


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('name = "coast"', "", "'name' is missing"),
        ("updates = 2", "updates = 2\nrounds = 3", "there is no key 'rounds'"),
        ("days = 0.25", 'days = "a week"', "'days' cannot be 'a week'"),
        ("days = 0.25", "days = true", "'days' cannot be True"),
        ('issue_column = "issued"', "", r"\[solar\]: 'issue_column' is missing"),
        ("peak_w = 600", "peak_w = 600\npeak = 3", r"\[solar\]: there is no key 'peak'"),
        ("[clients]", "[fleet]", r"the table \[clients\] is missing"),
        ('used = "used.csv"', "", r"\[load\]: 'used' is missing"),
        ('used = "used.csv"', 'used = "used.csv"\none_day = 1', "'one_day' is true or false"),
        ("days = 0.25", "days = ", "is no TOML"),
    ],
)
def test_what_is_wrong_in_a_scenario_is_said(folder, old, new, what):
    with pytest.raises(DataError, match=what):
        changed(folder, old, new)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('stamps = "end"', 'stamps = "middle"', "Unknown stamp 'middle'"),
        ('start = "2023-11-05"', 'start = "today"', "'today' is no moment"),
        ("updates = 2", 'updates = 2\nforesight = "all"', "Unknown foresight 'all'"),
    ],
)
def test_words_that_there_are_not_are_said(folder, old, new, what):
    with pytest.raises(UsageError, match=what):
        changed(folder, old, new)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_fleet_scenario(tmp_path / "none.toml")


def test_samples_are_dealt_class_by_class():
    samples = deal_samples(50_000, 100, 100, seed=1)
    assert samples.sum() == 50_000
    # Of each class a client gets a share of variance a (A - a) / (A^2 (A + 1)), with a = 0.5 for
    # it and A = 50 for all: in sum 70 samples. Four standard errors of a standard deviation.
    assert samples.std() == pytest.approx(70, abs=20)
    assert deal_samples(50_000, 100, 100, seed=2).tolist() != samples.tolist()
    assert deal_samples(3, 40, 2, seed=1).min() == 1
    with pytest.raises(UsageError, match="cannot be dealt"):
        deal_samples(10, 0, 1, seed=1)


def day_of(devices, rows=1441, step_s=60):
    """A day in which the load of device d is d percent and a trifle that grows with time."""
    values = np.arange(devices)[None, :] / 100 + np.arange(rows)[:, None] / 1e7
    return Trace(0, step_s, tuple(f"gpu-{n}" for n in range(devices)), values, "1")


def test_a_day_of_other_devices_is_dealt_anew_to_each_client_and_day():
    load = deal_days(day_of(7), None, clients=30, days=3, seed=5)
    everybody = np.arange(30)
    noons = np.stack([load.used(everybody, d * 86_400 + 43_200, 60, 1)[0] for d in range(3)])
    devices = noons * 100
    assert np.abs(devices - devices.round()).max() < 0.1  # all at the same hour
    assert set(devices.round().ravel()) == set(range(7))
    assert (devices[0].round() != devices[1].round()).any()
    assert load.actual.stop_s == 3 * 86_400
    both = deal_days(day_of(7), day_of(7), clients=30, days=3, seed=5)
    assert (both.booked.values == both.actual.values).all()
    with pytest.raises(DataError, match="no whole day"):
        deal_days(day_of(7, rows=1000), None, clients=3, days=1, seed=1)


def test_some_are_free_of_a_load():
    trace = Trace(0, 60, ("a", "b"), np.full((5, 2), 0.5), "1")
    load = Unloaded(TraceLoad(trace, trace), np.array([False, True]))
    for shares in (load.used, load.reserved):
        assert shares(np.array([1, 0]), 0, 60, 2).tolist() == [[0, 0.5], [0, 0.5]]
