"""Jetson rails against fake sysfs trees, with real files."""

import pytest

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement import jetson
from footprint.measurement.jetson import JetsonMeter


def fake_hwmon(root, rails, chip="1-0040"):
    """Rails as ``{label: (mV, mA)}``, as JetPack 5 and later show them."""
    folder = root / "ina3221" / chip / "hwmon" / "hwmon3"
    folder.mkdir(parents=True)
    for number, (label, (voltage, current)) in enumerate(rails.items(), 1):
        (folder / f"in{number}_label").write_text(f"{label}\n")
        (folder / f"in{number}_input").write_text(f"{voltage}\n")
        (folder / f"curr{number}_input").write_text(f"{current}\n")
    (folder / "in7_label").write_text("sum of shunt voltages\n")
    return folder


def fake_iio(root, rails, chip="6-0040"):
    """The same, as JetPack 4 shows them."""
    folder = root / "ina3221x" / chip / "iio:device0"
    folder.mkdir(parents=True)
    for number, (label, (voltage, current)) in enumerate(rails.items()):
        (folder / f"rail_name_{number}").write_text(f"{label}\n")
        (folder / f"in_voltage{number}_input").write_text(f"{voltage}\n")
        (folder / f"in_current{number}_input").write_text(f"{current}\n")
    return folder


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 50.0

    monkeypatch.setattr(jetson, "perf_counter", lambda: Clock.now_s)
    return Clock


def energy_j(meter, clock, seconds=1.0):
    before = meter.read().counters["board-0_uj"]
    clock.now_s += seconds
    return (meter.read().counters["board-0_uj"] - before) / 1e6


def test_the_input_rail_holds_its_sub_rails(tmp_path, clock):
    rails = {"VDD_IN": (5000, 2000), "VDD_CPU_GPU_CV": (5000, 900), "VDD_SOC": (5000, 400)}
    fake_hwmon(tmp_path, rails)
    assert energy_j(JetsonMeter(tmp_path), clock) == pytest.approx(10)


def test_the_older_layout_reads_the_same(tmp_path, clock):
    fake_iio(tmp_path, {"POM_5V_IN": (5000, 800), "POM_5V_GPU": (5000, 100)})
    assert energy_j(JetsonMeter(tmp_path), clock, 2) == pytest.approx(8)


def test_siblings_of_agx_xavier_add_up(tmp_path, clock):
    fake_hwmon(tmp_path, {"GPU": (10000, 100), "CPU": (10000, 100), "SOC": (10000, 100)})
    fake_hwmon(tmp_path, {"CV": (5000, 100), "VDDRQ": (5000, 100), "SYS5V": (5000, 200)}, "1-0041")
    assert energy_j(JetsonMeter(tmp_path), clock) == pytest.approx(3 + 2)


def test_memory_of_agx_orin_is_inside_its_5v_rail(tmp_path, clock):
    rails = {"VDD_GPU_SOC": (10000, 300), "VDD_CPU_CV": (10000, 100), "VIN_SYS_5V0": (5000, 1000)}
    fake_hwmon(tmp_path, rails)
    fake_hwmon(tmp_path, {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (5000, 200)}, "1-0041")
    assert energy_j(JetsonMeter(tmp_path), clock) == pytest.approx(3 + 1 + 5)


def test_power_is_integrated_by_the_trapezoidal_rule(tmp_path, clock):
    folder = fake_hwmon(tmp_path, {"VDD_IN": (5000, 1000)})
    meter = JetsonMeter(tmp_path)
    clock.now_s += 2
    (folder / "curr1_input").write_text("3000")
    assert meter.read().counters["board-0_uj"] == pytest.approx((5 + 15) / 2 * 2 * 1e6)
    (folder / "curr1_input").write_text("-3")  # the sensor's offset
    clock.now_s += 1
    assert meter.read().counters["board-0_uj"] == pytest.approx((20 + 7.5) * 1e6)


@pytest.mark.parametrize("labels", [("GPU", "CPU"), ("VDD_NEW", "VDD_OTHER")])
def test_unknown_or_missing_rails_are_an_error_that_names_them(labels, tmp_path):
    fake_hwmon(tmp_path, dict.fromkeys(labels, (5000, 100)))
    with pytest.raises(MeterError, match=", ".join(sorted(labels))) as caught:
        JetsonMeter(tmp_path)
    assert not isinstance(caught.value, MeterAbsent)


@pytest.mark.parametrize("folder", ["", "nothing"])
def test_no_sensor_is_absence(tmp_path, folder):
    with pytest.raises(MeterAbsent, match="INA3221"):
        JetsonMeter(tmp_path / folder)


def test_a_rail_that_cannot_be_read_is_an_error_not_a_zero(tmp_path):
    folder = fake_hwmon(tmp_path, {"VDD_IN": (5000, 1000)})
    meter = JetsonMeter(tmp_path)
    (folder / "curr1_input").unlink()
    with pytest.raises(MeterError, match="curr1_input"):
        meter.read()
