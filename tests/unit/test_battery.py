"""Batteries against fake power supply trees, with real files."""

import pytest

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement.battery import BatteryMeter

WH_UJ = 3600e6  # microjoules in a watt-hour


def fake_battery(root, name="BAT0", **attributes):
    folder = root / name
    folder.mkdir()
    found = {"type": "Battery", "status": "Discharging", "present": 1, **attributes}
    if len(found) == 3:
        found["energy_now"] = 40_000_000
    for key, value in found.items():
        (folder / key).write_text(f"{value}\n")
    return folder


def fake_plug(root, online, kind="Mains"):
    (root / "AC").mkdir()
    (root / "AC" / "type").write_text(kind)
    (root / "AC" / "online").write_text(f"{online}\n")
    return root / "AC" / "online"


def read(meter):
    return meter.read().counters


def test_energy_counters_in_microwatt_hours(tmp_path):
    folder = fake_battery(tmp_path, energy_now=40_000_000)
    fake_plug(tmp_path, 0)
    meter = BatteryMeter(tmp_path)
    assert read(meter) == {"board-0_uj": 0}
    (folder / "energy_now").write_text("39000000")
    assert read(meter) == {"board-0_uj": pytest.approx(1 * WH_UJ)}


def test_charge_counts_with_the_mean_voltage(tmp_path):
    folder = fake_battery(tmp_path, charge_now=3_000_000, voltage_now=12_000_000)
    meter = BatteryMeter(tmp_path)
    (folder / "charge_now").write_text("2000000")
    (folder / "voltage_now").write_text("11000000")
    assert read(meter)["board-0_uj"] == pytest.approx(11.5 * WH_UJ)
    (folder / "voltage_now").write_text("13000000")  # a voltage alone is no energy
    assert read(meter)["board-0_uj"] == pytest.approx(11.5 * WH_UJ)


@pytest.mark.parametrize(
    "full", [{"energy_full": 50_000_000}, {"charge_full": 5_000_000, "voltage_now": 10_000_000}]
)
def test_a_percentage_steps_by_a_hundredth_of_the_battery(tmp_path, full):
    folder = fake_battery(tmp_path, capacity=80, **full)
    meter = BatteryMeter(tmp_path)
    (folder / "capacity").write_text("78")
    assert read(meter)["board-0_uj"] == pytest.approx(1 * WH_UJ)


def test_a_level_that_recovers_counts_once(tmp_path):
    folder = fake_battery(tmp_path, energy_now=40_000_000)
    meter = BatteryMeter(tmp_path)
    for level, total in ((39_000_000, 1), (39_010_000, 1), (39_000_000, 1), (38_000_000, 2)):
        (folder / "energy_now").write_text(str(level))
        assert read(meter)["board-0_uj"] == pytest.approx(total * WH_UJ)


def test_two_batteries_count_each_while_one_rests(tmp_path):
    first = fake_battery(tmp_path, "BAT0", energy_now=20_000_000)
    second = fake_battery(tmp_path, "BAT1", energy_now=30_000_000, status="Not charging")
    meter = BatteryMeter(tmp_path)
    (first / "energy_now").write_text("19000000")
    assert read(meter) == {"board-0_uj": pytest.approx(WH_UJ), "board-1_uj": 0}
    (first / "status").write_text("Unknown")
    (second / "status").write_text("Discharging")
    (second / "energy_now").write_text("28000000")
    assert sum(read(meter).values()) == pytest.approx(3 * WH_UJ)


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging", "Unknown"])
def test_on_mains_there_is_no_figure(tmp_path, status):
    fake_battery(tmp_path, status=status)
    with pytest.raises(MeterAbsent, match="on mains"):
        BatteryMeter(tmp_path)


@pytest.mark.parametrize("kind", ["Mains", "USB"])
def test_a_weak_plug_hides_a_part_of_the_use(tmp_path, kind):
    fake_battery(tmp_path)
    fake_plug(tmp_path, 1, kind)
    with pytest.raises(MeterAbsent, match="on mains"):
        BatteryMeter(tmp_path)


@pytest.mark.parametrize("plug", [True, False])
def test_plugged_in_later_is_an_error_that_says_so(tmp_path, plug):
    folder = fake_battery(tmp_path)
    online = fake_plug(tmp_path, 0)
    meter = BatteryMeter(tmp_path)
    if plug:
        online.write_text("1")
    else:
        (folder / "status").write_text("Charging")
    with pytest.raises(MeterError, match="plugged in") as caught:
        meter.read()
    assert caught.value.remedy
    assert not isinstance(caught.value, MeterAbsent)


def test_batteries_of_other_devices_and_empty_bays_do_not_count(tmp_path):
    fake_battery(tmp_path, "mouse", scope="Device", energy_now=1)
    fake_battery(tmp_path, "BAT1", present=0, energy_now=1)
    with pytest.raises(MeterAbsent, match="no battery"):
        BatteryMeter(tmp_path)


def test_no_folder_is_absence(tmp_path):
    with pytest.raises(MeterAbsent, match="no battery"):
        BatteryMeter(tmp_path / "nothing")


def test_a_battery_that_tells_no_level_is_an_error_that_names_it(tmp_path):
    fake_battery(tmp_path, capacity=50)
    with pytest.raises(MeterError, match="BAT0"):
        BatteryMeter(tmp_path)


def test_a_broken_level_is_an_error_not_a_zero(tmp_path):
    folder = fake_battery(tmp_path)
    meter = BatteryMeter(tmp_path)
    (folder / "energy_now").write_text("")
    with pytest.raises(MeterError, match="cannot be read"):
        meter.read()
