"""What may be compared, and what is said about it."""

from dataclasses import replace

import pytest

from footprint.assessment import estimate
from footprint.comparison import compare
from footprint.errors import BoundaryMismatch, UsageError
from footprint.inventory import build_inventory
from footprint.model import SignalKind
from footprint.settings import Settings
from tests.builders import activity, journal, small_journal


def assess(what=None, **settings):
    return estimate(build_inventory(what or small_journal()), Settings(draws=200, **settings))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"network": "mobile"}, "network model"),
        ({"signal": SignalKind.parse("average/location/direct")}, "signal"),
    ],
)
def test_different_boundaries_are_refused_by_name(changed, named):
    us = journal(activity(zone="US-CA"), unit="one model")
    with pytest.raises(BoundaryMismatch, match=named) as caught:
        compare(assess(us), assess(us, **changed))
    assert caught.value.exit_code == 2
    assert caught.value.remedy


def test_different_functional_units_are_refused():
    with pytest.raises(BoundaryMismatch, match="'one model' against 'two models'"):
        compare(assess(), assess(small_journal(unit="two models")))


def test_different_factors_are_a_warning():
    other = replace(assess(), catalogue_digest="0" * 64, catalogue_version="2020.01.0")
    assert [f.code for f in compare(assess(), other).findings] == ["catalogue-differs"]


def test_no_functional_unit_is_a_warning():
    nameless = assess(small_journal(unit=""))
    assert "functional-unit-missing" in [f.code for f in compare(nameless, nameless).findings]


def test_a_baseline_that_emits_nothing_is_refused():
    nothing = journal(activity(energy_kwh=0.0, energy_low_kwh=0, energy_high_kwh=0, device=None))
    with pytest.raises(UsageError, match="emits nothing"):
        compare(assess(nothing), assess(nothing))


def test_a_clear_difference_is_certain():
    much = {"energy_kwh": 50.0, "energy_low_kwh": 25.0, "energy_high_kwh": 100.0}
    heavy = assess(journal(activity(**much)))
    comparison = compare(heavy, assess(journal(activity())))
    assert comparison.candidate_lower == 1.0
    assert comparison.ratio.high < 1
    assert comparison.difference_g.high < 0


def test_a_difference_lies_on_its_grid():
    """Ten times the intensity, the same energy: the interval follows the grids."""
    bare = {"device": None, "energy_kwh": 1.0, "energy_low_kwh": 0.5, "energy_high_kwh": 2.0}
    comparison = compare(
        assess(journal(activity(**bare, zone="FR"))), assess(journal(activity(**bare, zone="PL")))
    )
    assert comparison.ratio.value == pytest.approx(614.98 / 44.18)
    # The meter's factor of two is shared and cancels; the grids' own bands remain.
    assert comparison.ratio.low > comparison.ratio.value / 2
    assert comparison.ratio.high < comparison.ratio.value * 2


def test_a_gap_on_one_side_alone_is_refused():
    whole, partly = journal(activity()), journal(activity(device=None))
    with pytest.raises(BoundaryMismatch, match=r"gaps.*device-missing"):
        compare(assess(whole), assess(partly))


def test_different_declared_choices_are_a_warning():
    comparison = compare(assess(resource_share=0.5), assess(resource_share=0.25))
    assert [f.code for f in comparison.findings] == ["choice-differs"]
    server = journal(activity(device="server"))
    comparison = compare(assess(server, pue=1.1), assess(server, pue=1.5))
    assert [f.code for f in comparison.findings] == ["choice-differs"]
