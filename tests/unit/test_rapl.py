"""RAPL against fake powercap trees, with real files."""

import pytest

from footprint.errors import MeterAbsent, MeterError
from footprint.measurement import rapl
from footprint.measurement.meter import part_of
from footprint.measurement.rapl import RaplMeter
from footprint.measurement.supply import energy_counters


def zone(root, name, kind, energy_uj, range_uj=1_000_000):
    folder = root / name
    folder.mkdir()
    (folder / "name").write_text(f"{kind}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return folder / "energy_uj"


@pytest.fixture
def tree(tmp_path):
    return {
        "package-0": zone(tmp_path, "intel-rapl:0", "package-0", 100),
        "core": zone(tmp_path, "intel-rapl:0:0", "core", 100),
        "dram-0": zone(tmp_path, "intel-rapl:0:1", "dram", 100),
        "package-1": zone(tmp_path, "intel-rapl:1", "package-1", 100),
        "dram-1": zone(tmp_path, "intel-rapl:1:0", "dram", 100),
        "psys": zone(tmp_path, "intel-rapl:2", "psys", 100),
    }


def test_packages_and_dram_count_and_nothing_twice(tree, tmp_path):
    meter = RaplMeter(tmp_path)
    tree["package-0"].write_text("200")
    tree["core"].write_text("190")  # inside the package
    tree["dram-0"].write_text("120")
    tree["package-1"].write_text("150")
    tree["dram-1"].write_text("110")
    tree["psys"].write_text("900")  # around everything
    assert meter.read().counters == {
        "package-0_uj": 100,
        "dram-0_uj": 20,
        "package-1_uj": 50,
        "dram-1_uj": 10,
        "psys-0_uj": 800,
    }


def test_the_platform_is_a_part_of_its_own_and_never_added(tree, tmp_path):
    names = [f"rapl.{name}" for name in RaplMeter(tmp_path).read().counters]
    assert part_of("rapl.psys-0_uj") == "psys"
    assert "rapl.psys-0_uj" in names
    assert "rapl.psys-0_uj" not in energy_counters(names)


def test_a_wrapped_counter_goes_on(tree, tmp_path):
    meter = RaplMeter(tmp_path)
    for value, total in ((999_900, 999_800), (100, 1_000_000), (50_000, 1_049_900)):
        tree["package-0"].write_text(str(value))
        assert meter.read().counters["package-0_uj"] == total


def test_no_tree_is_a_clear_error(tmp_path):
    with pytest.raises(MeterError, match="no package energy counter"):
        RaplMeter(tmp_path / "nothing")


def test_an_unreadable_counter_says_which_file_and_what_to_do(tree, tmp_path, monkeypatch):
    meter = RaplMeter(tmp_path)
    from pathlib import Path

    real = Path.read_text

    def denied(self, *args, **kwargs):
        if self == tree["dram-0"]:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *args, **kwargs)

    # Root may read everything, so the refusal has to be made.
    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(MeterError) as caught:
        meter.read()
    assert str(tree["dram-0"]) in caught.value.message
    assert "chmod" in caught.value.remedy
    assert "until the next start" in caught.value.remedy
    assert "udev" in caught.value.remedy


def test_a_broken_counter_is_an_error_not_a_zero(tree, tmp_path):
    meter = RaplMeter(tmp_path)
    tree["package-1"].write_text("garbage")
    with pytest.raises(MeterError, match="cannot be read"):
        meter.read()


@pytest.fixture
def big(tmp_path):
    """One package with the usual range [uJ]."""
    return zone(tmp_path, "intel-rapl:0", "package-0", 100, range_uj=262_143_328_850)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 1000.0

    monkeypatch.setattr(rapl, "monotonic", lambda: Clock.now_s)
    return Clock


def test_only_a_platform_counter_is_no_package_counter(tmp_path):
    zone(tmp_path, "intel-rapl:0", "psys", 100)
    with pytest.raises(MeterAbsent):
        RaplMeter(tmp_path)


def test_a_wrap_that_power_explains_is_one(big, clock, tmp_path):
    big.write_text("262143328000")
    meter = RaplMeter(tmp_path)
    clock.now_s += 1
    big.write_text("99999150")
    assert meter.read().counters["package-0_uj"] == 100_000_000
    assert meter.suspect == ()


def test_a_counter_that_falls_without_a_possible_wrap_is_flagged_and_never_falls(
    big, clock, tmp_path
):
    meter = RaplMeter(tmp_path)
    clock.now_s += 1000
    big.write_text("200000000100")
    assert meter.read().counters["package-0_uj"] == 200_000_000_000
    clock.now_s += 1
    big.write_text("100")  # a wrap would be 62 kJ in one second
    assert meter.read().counters["package-0_uj"] == 200_000_000_000
    (doubt,) = (text for text in meter.suspect if "set back" in text)
    assert "intel-rapl:0" in doubt
    big.write_text("600")
    assert meter.read().counters["package-0_uj"] == 200_000_000_500


@pytest.mark.parametrize("glitch", ["0", "50000000000"])
def test_one_odd_reading_moves_nothing(glitch, clock, tmp_path):
    """A counter that reads 0, or 50 kJ more, once, and then goes on."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    meter = RaplMeter(tmp_path)
    for value, total in (("31000000", 30_000_000), (glitch, 30_000_000), ("91000000", 90_000_000)):
        clock.now_s += 1
        counter.write_text(value)
        assert meter.read().counters["package-0_uj"] == total
    assert meter.suspect


def test_a_range_of_zero_explains_no_wrap(clock, tmp_path):
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 500, range_uj=0)
    meter = RaplMeter(tmp_path)
    clock.now_s += 10_000
    counter.write_text("100")
    assert meter.read().counters["package-0_uj"] == 0
    assert "set back" in meter.suspect[0]


def test_two_wraps_between_readings_are_suspected(big, clock, tmp_path):
    meter = RaplMeter(tmp_path)
    clock.now_s += 200  # at 1 kW this is 200 kJ: no wrap was missed
    meter.read()
    assert meter.suspect == ()
    for _ in range(2):
        clock.now_s += 300
        meter.read()
    (doubt,) = meter.suspect
    assert "300 s" in doubt
    assert "more than once" in doubt


def test_two_interfaces_of_one_package_count_once_and_mmio_wins(tmp_path):
    msr = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    dram = zone(tmp_path, "intel-rapl:0:0", "dram", 100)
    mmio = zone(tmp_path, "intel-rapl-mmio:0", "package-0", 200)
    meter = RaplMeter(tmp_path)
    msr.write_text("1100")
    mmio.write_text("1190")
    dram.write_text("107")
    assert meter.read().counters == {"package-0_uj": 990, "dram-0_uj": 7}


def test_an_interface_that_stands_still_loses_to_one_that_moves(tmp_path, monkeypatch):
    msr = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 200)
    monkeypatch.setattr(rapl, "sleep", lambda _: msr.write_text("150"))
    meter = RaplMeter(tmp_path)
    msr.write_text("400")
    assert meter.read().counters == {"package-0_uj": 250}


def test_an_interface_that_cannot_be_read_loses(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 100)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", "garbage")
    assert RaplMeter(tmp_path).read().counters == {"package-0_uj": 0}


def test_dies_that_mirror_one_counter_count_once(tmp_path):
    first = zone(tmp_path, "intel-rapl:0", "package-0-die-0", 5000)
    second = zone(tmp_path, "intel-rapl:1", "package-0-die-1", 5000)
    other = zone(tmp_path, "intel-rapl:2", "package-1-die-0", 5000)
    meter = RaplMeter(tmp_path)
    for file in (first, second, other):
        file.write_text("6000")
    assert meter.read().counters == {"package-0-die-0_uj": 1000, "package-1-die-0_uj": 1000}


def test_dies_with_counters_of_their_own_add_up(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0-die-0", 5000)
    zone(tmp_path, "intel-rapl:0:0", "dram", 1)
    zone(tmp_path, "intel-rapl:1", "package-0-die-1", 5003)
    zone(tmp_path, "intel-rapl:1:0", "dram", 2)
    assert set(RaplMeter(tmp_path).read().counters) == {
        "package-0-die-0_uj",
        "dram-0-die-0_uj",
        "package-0-die-1_uj",
        "dram-0-die-1_uj",
    }


def test_dies_that_part_after_a_while_are_two(tmp_path, monkeypatch):
    zone(tmp_path, "intel-rapl:0", "package-0-die-0", 5000)
    second = zone(tmp_path, "intel-rapl:1", "package-0-die-1", 5000)
    monkeypatch.setattr(rapl, "sleep", lambda _: second.write_text("5100"))
    assert len(RaplMeter(tmp_path).read().counters) == 2
