"""Estimates: what they need, what they say, what they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from footprint.assessment import estimate
from footprint.errors import FactorNotFound, MissingPlace, UsageError
from footprint.inventory import build_inventory
from footprint.model import Basis, Phase, ResolvedBy, SignalKind, Stage
from footprint.settings import Settings
from tests.builders import START_S, activity, journal, moved, small_journal

FEW = {"draws": 200}


def assess(*activities, **settings):
    return estimate(build_inventory(journal(*activities)), Settings(**FEW, **settings))


def codes(assessment):
    return [finding.code for finding in assessment.findings]


def term(assessment, quantity):
    (found,) = (t for t in assessment.terms if t.quantity == quantity)
    return found


def test_an_activity_becomes_operation_and_embodied_share():
    assessment = assess(activity(energy_kwh=1.0, energy_low_kwh=0.5, energy_high_kwh=2.0))
    operation, embodied = assessment.contributions
    assert operation.emissions_g.value == pytest.approx(44.18)  # Ember, France 2024
    # 301 kg (median of product footprints) over 6 years, for one minute.
    assert embodied.emissions_g.value == pytest.approx(301e3 / (6 * 365.25 * 24 * 60))
    assert operation.category == "train"
    assert embodied.category == "embodied"
    assert assessment.energy_kwh == pytest.approx(1.0)


def test_data_cost_what_the_network_and_the_grid_say():
    (network,) = assess(moved(2.0, zone="DE")).contributions
    assert network.stage is Stage.NETWORK
    assert network.emissions_g.value == pytest.approx(2.0 * 0.0065 * 342.06)
    assert network.category == "upload"
    assert network.basis is Basis.MEASURED


def test_a_data_centre_carries_its_overhead_and_a_desktop_does_not():
    # 1.56: average of the Uptime Institute's survey of 2024.
    server = assess(activity(device="server", energy_kwh=1.0))
    assert server.contributions[0].emissions_g.value == pytest.approx(44.18 * 1.56)
    assert server.energy_kwh == pytest.approx(1.56)
    declared = assess(activity(device="server", energy_kwh=1.0), pue=1.1)
    assert declared.contributions[0].emissions_g.value == pytest.approx(44.18 * 1.1)
    assert term(declared, "pue").resolved_by is ResolvedBy.DECLARED
    desktop = assess(activity(energy_kwh=1.0), pue=1.1)
    assert desktop.contributions[0].emissions_g.value == pytest.approx(44.18)


def test_a_missing_place_is_an_error_that_names_the_actor():
    with pytest.raises(MissingPlace, match="client-7") as caught:
        assess(activity(zone=None, actor="client-7"))
    assert "--zone" in caught.value.remedy
    assert caught.value.exit_code == 2


def test_places_and_devices_can_be_given_or_corrected_afterwards():
    given = assess(activity(zone=None, device=None), zones={"": "FR"}, devices={"": "desktop"})
    assert given.total_g == assess(activity()).total_g
    corrected = assess(
        activity(zone="Paris", device="box"), zones={"Paris": "FR"}, devices={"box": "desktop"}
    )
    assert corrected.total_g == assess(activity()).total_g


@pytest.mark.parametrize(
    ("change", "settings", "hint"),
    [
        ({"zone": "Atlantis"}, {}, "Atlantis"),
        ({"device": "quantum"}, {}, "quantum"),
        ({}, {"network": "pigeon"}, "pigeon"),
    ],
)
def test_unknown_names_are_errors_that_name_them(change, settings, hint):
    with pytest.raises(FactorNotFound, match=hint) as caught:
        assess(activity(**change), **settings)
    assert caught.value.remedy


def test_an_unknown_device_leaves_a_gap_that_is_said():
    assessment = assess(activity(device=None))
    assert [c.stage for c in assessment.contributions] == [Stage.OPERATION]
    assert "device-missing" in codes(assessment)


def test_energy_that_nobody_measured_is_said_and_is_not_zero():
    nothing = {"energy_kwh": None, "energy_low_kwh": None, "energy_high_kwh": None}
    assessment = assess(activity(**nothing))
    assert [c.stage for c in assessment.contributions] == [Stage.EMBODIED]
    assert "unmetered" in codes(assessment)


def test_a_fallback_to_the_parent_zone_is_a_warning():
    # California's own figure is direct; a life-cycle estimate takes the country's.
    assessment = assess(activity(zone="US-CA"))
    assert "zone-parent" in codes(assessment)
    assert term(assessment, "grid_intensity").resolved_by is ResolvedBy.PARENT_ZONE
    assert term(assessment, "grid_intensity").zone == "US"
    direct = assess(activity(zone="US-CA"), signal=SignalKind.parse("average/location/direct"))
    assert term(direct, "grid_intensity").zone == "US-CA"
    assert "zone-parent" not in codes(direct)


def test_an_old_factor_is_a_warning_and_the_register_names_both_years():
    recent = assess(activity(start_s=START_S + 2 * 366 * 86400))
    assert term(recent, "grid_intensity").resolved_by is ResolvedBy.NEAREST_YEAR
    assert term(recent, "grid_intensity").requested == "FR 2026"
    assert "factor-year" not in codes(recent)
    assert "factor-year" in codes(assess(activity(start_s=START_S + 6 * 366 * 86400)))


def test_a_market_signal_is_never_answered_by_a_location_factor():
    with pytest.raises(FactorNotFound):
        assess(activity(), signal=SignalKind.parse("average/market/life-cycle"))


def test_the_error_of_one_meter_is_one_term():
    assessment = assess(activity(), activity(actor="client-2"), activity(source="rapl/x"))
    errors = [t for t in assessment.terms if t.quantity == "energy_error"]
    assert {t.id for t in errors} == {"energy/cpu-table/test", "energy/rapl/x"}
    assert all((t.low, t.value, t.high) == (0.5, 1.0, 2.0) for t in errors)


@pytest.mark.parametrize(
    "settings",
    [{"pue": 0.9}, {"pue": float("nan")}, {"resource_share": 0}, {"resource_share": 1.5}],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(UsageError):
        assess(activity(), **settings)


def test_too_few_draws_are_refused():
    with pytest.raises(UsageError, match="too few"):
        Settings(draws=5)


def test_a_resource_share_scales_the_embodied_part_alone():
    whole, half = assess(activity()), assess(activity(), resource_share=0.5)
    assert half.contributions[0] == whole.contributions[0]
    assert half.contributions[1].emissions_g.value == pytest.approx(
        whole.contributions[1].emissions_g.value / 2
    )


def test_every_term_has_a_birth_certificate():
    assessment = estimate(build_inventory(small_journal()), Settings(**FEW))
    assert len(assessment.terms) > 8
    for one in assessment.terms:
        assert one.source.title
        assert one.source.licence
        assert one.unit
        assert one.low <= one.value <= one.high
    assert len(assessment.catalogue_digest) == 64
    assert assessment.catalogue_version


def test_phases_keep_their_names():
    assessment = estimate(build_inventory(small_journal()), Settings(**FEW))
    assert {c.category for c in assessment.contributions} == {
        Phase.TRAIN,
        Phase.IDLE,
        Phase.AGGREGATE,
        Phase.UPLOAD,
        Phase.DOWNLOAD,
        "embodied",
    }


@pytest.mark.parametrize(
    ("zone", "device", "settings", "pue"),
    [
        ("FR", "desktop", {}, 1.0),
        ("FR", "desktop", {"pue": 1.5}, 1.0),  # and a warning, see below
        ("FR", "server", {}, 1.56),
        ("FR", "server.dell_r740", {"pue": 1.3}, 1.3),
        ("gcp:europe-west1", "server", {}, 1.09),  # Google's own figure of 2024
        ("aws:eu-west-3", None, {"pue": 1.2}, 1.2),
        ("gcp:europe-west1", None, {}, 1.09),
    ],
)
def test_whatever_stands_in_a_data_centre_carries_its_overhead(zone, device, settings, pue):
    assessment = assess(activity(zone=zone, device=device), **settings)
    assert term(assessment, "pue").value == pytest.approx(pue)


def test_choices_that_change_nothing_are_said():
    found = codes(
        assess(activity(), pue=1.5, zones={"Paris": "FR", "": "DE"}, devices={"": "laptop"})
    )
    assert found.count("zone-unused") == 2
    assert {"pue-unused", "device-unused"} <= set(found)


def test_bounds_that_nobody_gave_are_not_zero():
    nothing = {"energy_low_kwh": None, "energy_high_kwh": None}
    tiered = assess(activity(**nothing), activity(**nothing, actor="b"))
    assert (term(tiered, "energy_error").low, term(tiered, "energy_error").high) == (0.5, 2.0)
    bare = assess(activity(**nothing, tier=None, basis=Basis.DECLARED))
    assert (term(bare, "energy_error").low, term(bare, "energy_error").high) == (1.0, 1.0)
    assert "energy-unbounded" in codes(bare)


def test_declared_energy_keeps_its_bounds():
    declared = {"tier": None, "basis": Basis.DECLARED, "source": "meter reading"}
    assessment = assess(activity(**declared, energy_low_kwh=0.0001, energy_high_kwh=0.01))
    found = term(assessment, "energy_error")
    assert (found.low, found.high) == pytest.approx((0.1, 10.0))
    assert found.id in assessment.contributions[0].terms


def test_an_old_network_figure_is_a_warning():
    later = assess(moved(1.0, start_s=START_S + 2 * 366 * 86400))
    assert "factor-year" in codes(later)
    assert term(later, "network_energy").resolved_by is ResolvedBy.NEAREST_YEAR


def test_a_device_without_a_footprint_is_a_gap_and_not_an_error():
    assessment = assess(activity(device="edge.jetson_nano"))
    assert "embodied-unknown" in codes(assessment)
    assert assessment.boundary.gaps == ("embodied-unknown",)


def test_nothing_metered_is_unknown_energy():
    nothing = {"energy_kwh": None, "energy_low_kwh": None, "energy_high_kwh": None}
    assert assess(activity(**nothing)).energy_kwh is None


def test_other_factors_than_those_of_the_journal_are_a_warning():
    made = replace(build_inventory(journal(activity())), catalogue_digest="0" * 64)
    assert "catalogue-differs" in codes(estimate(made, Settings(**FEW)))


def test_an_interval_is_what_an_independent_simulation_gives():
    """Operation and embodied share of one activity, drawn by plain numpy."""
    assessment = assess(activity(energy_kwh=1.0, energy_low_kwh=0.5, energy_high_kwh=2.0))
    exact = estimate(
        build_inventory(journal(activity(energy_kwh=1.0, energy_low_kwh=0.5, energy_high_kwh=2.0))),
        Settings(draws=200_000),
    )
    rng = np.random.default_rng(5)

    def lognormal(factor):
        return np.exp(rng.standard_normal(400_000) * np.log(factor) / 1.959964)

    z = rng.standard_normal(400_000)
    made = np.exp(z * np.where(z < 0, np.log(301 / 148.3), np.log(617.5 / 301)) / 1.959964)
    total = (
        44.18 * lognormal(2) * lognormal(1.7) + assessment.contributions[1].emissions_g.value * made
    )
    assert np.percentile(total, [5, 95]) == pytest.approx(
        [exact.total_g.low, exact.total_g.high], rel=0.01
    )
