"""Bounds from scores of data quality."""

import math

import pytest

from footprint import _resources
from footprint.errors import UsageError
from footprint.factors import load_catalogue
from footprint.factors.pedigree import pedigree_band


def test_the_example_of_the_revised_matrix():
    assert pedigree_band((3, 2, 3, 3, 3), 1.05) == pytest.approx(2.02, abs=0.005)


def test_the_best_scores_leave_the_basic_uncertainty():
    for version in (1, 2):
        assert pedigree_band((1,) * 5, 1.5, version=version) == pytest.approx(1.5)
    assert pedigree_band((1,) * 5, 1.0) == 1.0


@pytest.mark.parametrize("place", range(6))
def test_a_worse_score_never_narrows_the_band(place):
    for version in (1, 2):
        bands = []
        for score in range(1, 6):
            scores = [1] * 6
            scores[place] = score
            bands.append(pedigree_band(scores, 1.05, version=version))
        assert bands == sorted(bands)
        assert all(math.isfinite(band) for band in bands)


@pytest.mark.parametrize(
    ("scores", "basic", "version"),
    [((1, 2, 3), 1.05, 2), ((0, 1, 1, 1, 1), 1.05, 2), ((6, 1, 1, 1, 1), 1.05, 2),
     ((1.5, 1, 1, 1, 1), 1.05, 2), ((1,) * 5, 0.9, 2), ((1,) * 5, 1.05, 3)],
)  # fmt: skip
def test_impossible_scores_are_refused(scores, basic, version):
    with pytest.raises(UsageError):
        pedigree_band(scores, basic, version=version)


def test_a_folder_of_factors_may_score_its_quality(tmp_path):
    band = """[[band]]
quantity = "embodied"
subject = "server"
pedigree = [3, 2, 3, 3, 3]
basic = 1.05
basis = "scored by us"
"""
    (tmp_path / "uncertainty.toml").write_text(band)
    shipped = _resources.emission_factors() / "hardware"
    for suffix in (".csv", ".toml"):
        (tmp_path / f"lab{suffix}").write_text((shipped / f"embodied{suffix}").read_text())
    catalogue = load_catalogue((tmp_path,))
    factor = catalogue.resolve("embodied", subject="server.rack_base").factor
    low, high, _ = catalogue.bounds(factor)
    assert high / factor.value == pytest.approx(2.02, abs=0.005)
    assert factor.value / low == pytest.approx(2.02, abs=0.005)
