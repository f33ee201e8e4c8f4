"""RAPL against fake powercap trees, with real files."""

import pytest

from footprint.errors import MeterError
from footprint.measurement.rapl import RaplMeter


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
    }


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


def test_a_broken_counter_is_an_error_not_a_zero(tree, tmp_path):
    meter = RaplMeter(tmp_path)
    tree["package-1"].write_text("garbage")
    with pytest.raises(MeterError, match="cannot be read"):
        meter.read()
