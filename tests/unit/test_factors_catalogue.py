"""Looking factors up: the chain, its findings, bounds, overrides, differences."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint import _resources
from footprint.errors import FactorError, FactorNotFound, UsageError
from footprint.factors import QUANTITIES, diff_catalogues, load_catalogue
from footprint.factors.resolution import GroupKey, subject_lineage
from footprint.model import ResolvedBy, Severity, SignalKind
from tests.unit.test_factors_files import GOOD, write_rows

DIRECT = SignalKind.parse("average/location/direct")
CATALOGUE = load_catalogue()
KEYS = sorted({GroupKey.of(f) for f in CATALOGUE.factors.values()}, key=str)


def codes(resolution) -> list[str]:
    return [finding.code for finding in resolution.findings]


def test_the_built_in_catalogue_is_read_once():
    assert load_catalogue() is CATALOGUE
    assert CATALOGUE.version == "2026.11.1"
    assert len(CATALOGUE.digest) == 64


def test_importing_reads_no_file():
    script = (
        "import sys, footprint.factors as f\n"
        "from footprint.factors import catalogue\n"
        "assert catalogue._built_in.cache_info().currsize == 0\n"
        "assert not {'pint', 'pandas', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_exact_answer_has_no_findings():
    found = CATALOGUE.resolve("grid_intensity", zone="FR", year=2024)
    assert found.factor.id == "grid/FR/2024/ember"
    assert (found.resolved_by, found.findings) == (ResolvedBy.EXACT, ())


@pytest.mark.parametrize("text", ["FR", "fr", "FRA", "fra", " Fra "])
def test_zones_are_found_in_any_case_and_by_alpha_3(text):
    assert CATALOGUE.resolve("grid_intensity", zone=text, year=2024).factor.zone == "FR"


@pytest.mark.parametrize(
    ("year", "expected", "resolved_by", "finding"),
    [
        (2023, 2023, ResolvedBy.EXACT, []),
        (2022, 2023, ResolvedBy.NEAREST_YEAR, []),
        (2027, 2024, ResolvedBy.NEAREST_YEAR, []),
        (2028, 2024, ResolvedBy.NEAREST_YEAR, ["factor-year"]),
        (None, 2024, ResolvedBy.EXACT, []),
    ],
)
def test_years(year, expected, resolved_by, finding):
    found = CATALOGUE.resolve("grid_intensity", zone="FR", year=year)
    assert (found.factor.year, found.resolved_by, codes(found)) == (expected, resolved_by, finding)


def test_without_a_year_a_future_value_is_not_taken():
    assert CATALOGUE.resolve("carbon_price_usd", subject="us_epa_scc").factor.year == 2025


def test_a_region_falls_back_to_what_contains_it_and_names_both():
    found = CATALOGUE.resolve("grid_intensity", zone="aws:us-east-1", year=2024)
    assert found.factor.id == "grid/US/2024/ember"
    assert (found.resolved_by, codes(found)) == (ResolvedBy.PARENT_ZONE, ["zone-parent"])
    (finding,) = found.findings
    assert finding.severity is Severity.WARNING
    assert "aws:us-east-1 has only another signal kind: average/location/direct" in finding.message
    assert "is answered with US" in finding.message


def test_a_region_takes_the_state_before_the_country():
    found = CATALOGUE.resolve(
        "electricity_price_usd", subject="industrial", zone="aws:us-east-1", year=2023
    )
    assert found.factor.zone == "US-VA"


def test_a_fact_without_end_is_not_old():
    found = CATALOGUE.resolve("lifespan", subject="server", year=2040)
    assert (found.resolved_by, found.findings) == (ResolvedBy.EXACT, ())


def test_a_device_falls_back_to_its_class():
    found = CATALOGUE.resolve("embodied", subject="gpu.rtx4090")
    assert found.factor.id == "embodied/gpu/ccf"
    assert (found.resolved_by, codes(found)) == (ResolvedBy.CLASS_DEFAULT, ["device-class"])


@pytest.mark.parametrize(
    ("query", "message", "remedy"),
    [
        ({"quantity": "grid_intensity", "zone": "Frence"}, "no zone 'Frence'", "FR (France)"),
        ({"quantity": "grid_intensity", "zone": "germany"}, "no zone 'germany'", "DE (Germany)"),
        ({"quantity": "grid_intensity", "zone": "Atlantis"}, "no zone 'Atlantis'", "factors list"),
        ({"quantity": "grid_intensity"}, "No factor for grid_intensity", "factors list"),
        ({"quantity": "embodied", "subject": "laptob"}, "of 'laptob'", "laptop"),
        ({"quantity": "embodied", "subject": "edge.jetson"}, "of 'edge.jetson'", "desktop"),
        ({"quantity": "embodiment"}, "no quantity 'embodiment'", "embodied"),
        ({"quantity": "pue", "zone": "FR"}, "No factor for pue in FR", "factors list"),
        (
            {"quantity": "grid_intensity", "zone": "FR", "signal": DIRECT},
            "FR has only average/location/life-cycle",
            "Ask for that signal kind",
        ),
    ],
)
def test_what_is_not_there_is_an_error_that_helps(query, message, remedy):
    quantity = query.pop("quantity")
    with pytest.raises(FactorNotFound) as caught:
        CATALOGUE.resolve(quantity, **query)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_an_unknown_id_names_close_ones():
    with pytest.raises(FactorNotFound, match="Did you mean grid/FR/2024/ember"):
        CATALOGUE.get("grid/FR/2024/embr")


def test_a_signal_for_another_quantity_is_refused():
    with pytest.raises(UsageError, match="only grid_intensity and generation_intensity have one"):
        CATALOGUE.resolve("embodied", subject="gpu", signal=DIRECT)


@given(st.sampled_from(KEYS), st.one_of(st.none(), st.integers(1990, 2100)))
def test_an_answer_never_has_another_quantity_or_signal(key, year):
    query = {"zone": key.zone, "subject": key.subject, "signal": key.signal, "year": year}
    found = CATALOGUE.resolve(key.quantity, **query)
    assert GroupKey.of(found.factor) == key


@given(st.sampled_from(sorted(CATALOGUE.zones)), st.integers(1990, 2100), st.booleans())
def test_grid_answers_are_of_the_zone_or_its_parents(zone, year, direct):
    signal = DIRECT if direct else SignalKind()
    try:
        found = CATALOGUE.resolve("grid_intensity", zone=zone, year=year, signal=signal)
    except FactorNotFound:
        return
    assert found.factor.signal == signal
    assert found.factor.zone in CATALOGUE.zones.lineage(zone)
    assert (found.factor.zone == zone) == ("zone-parent" not in codes(found))
    # Nothing of the same zone and signal lies nearer, and the warning says when it is far.
    gaps = [
        abs(factor.year - year)
        for factor in CATALOGUE.factors.values()
        if GroupKey.of(factor) == GroupKey.of(found.factor)
    ]
    assert abs(found.factor.year - year) == min(gaps)
    assert ("factor-year" in codes(found)) == (min(gaps) > 3)


@given(st.sampled_from(sorted(CATALOGUE.factors)))
def test_bounds_contain_the_value(factor_id):
    factor = CATALOGUE.get(factor_id)
    low, high, kind = CATALOGUE.bounds(factor)
    assert 0 <= low <= factor.value <= high
    assert kind in ("source", "default band", "none")
    assert CATALOGUE.bounds_basis(factor)
    if kind == "none":
        assert low == factor.value == high


def test_every_quantity_has_a_default_band_or_says_that_there_is_none():
    assert {quantity for quantity, zone, subject in CATALOGUE._bands if not zone + subject} == set(
        QUANTITIES
    )


@pytest.mark.parametrize(
    ("factor_id", "low", "high", "kind"),
    [
        ("grid/DE/2024/ember", 1 / 1.5, 1.5, "default band"),
        ("grid/FR/2024/ember", 1 / 1.7, 1.7, "default band"),
        ("grid/aws:eu-west-3/2024", 1 / 1.7, 1.7, "default band"),
        ("network/fixed_core_access/carbon_trust", 1 / 5, 5, "default band"),
        ("power/gpu.a100/idle", 1 / 2, 2, "default band"),
        ("power/storage.ssd/per_gb", 1 / 3, 3, "default band"),
        ("pue/industry_average/2024", 1.1 / 1.56, 1.7 / 1.56, "default band"),
        ("pue/gcp/2023", 1.02 / 1.12, 1.22 / 1.12, "default band"),
        ("pue/ovhcloud/2023", 1 / 1.09, 1.19 / 1.09, "default band"),
        ("pue/end_user_device", 1, 1, "none"),
        (
            "embodied/desktop/pcf_median",
            148.3 / 301,
            617.5 / 301,
            "source",
        ),
        ("lifespan/server/ccf", 1, 1, "none"),
    ],
)
def test_bands(factor_id, low, high, kind):
    factor = CATALOGUE.get(factor_id)
    bounds = CATALOGUE.bounds(factor)
    assert bounds[:2] == pytest.approx((low * factor.value, high * factor.value))
    assert bounds[2] == kind


def test_values_are_in_canonical_units():
    assert all(f.unit == QUANTITIES[f.quantity].unit for f in CATALOGUE.factors.values())
    # 4 years; 301 kg; 0.05 W/Mbps is 0.05 J per 1e6 bit, so 400 J per 1e9 bytes; 210 USD/t.
    assert CATALOGUE.get("lifespan/server/ccf").value == 4 * 365.25 * 86400
    assert CATALOGUE.get("embodied/desktop/pcf_median").value == 301e3
    slope = CATALOGUE.get("network/fixed_line/slope/malmodin_2020").value
    assert slope == pytest.approx(400 / 3.6e6)
    assert CATALOGUE.get("carbon/us_epa_scc/2025").value == 0.00021


def test_signals_follow_the_sources():
    kinds = {
        "grid/FR/2024/ember": "average/location/life-cycle",
        "grid/US-CA/2023/egrid": "average/location/direct",
        "grid/CN-BJ/2023/mee": "average/location/direct",
        "grid/SE-SE1/2025/entsoe": "average/location/life-cycle",
        "grid/gcp:europe-west9/2023": "average/location/direct",
        "grid/gcp:europe-west1/2020": "average/location/life-cycle",
        "grid/aws:eu-west-3/2024": "average/location/life-cycle",
        "grid/azure:westus2/2023": "average/location/direct",
    }
    assert {key: str(CATALOGUE.get(key).signal) for key in kinds} == kinds


def test_what_must_not_be_shipped_is_not():
    text = "\n".join(
        f"{f.id} {f.source.title} {f.source.licence}" for f in CATALOGUE.factors.values()
    )
    for word in ("ademe", "lambda", "epyc_gen5", "a10g"):
        assert word not in text.casefold()
    groups = {zone.id for zone in CATALOGUE.zones.values() if zone.parent in ("WORLD", "EU")}
    assert groups == set()


def test_classes_of_a_subject():
    assert subject_lineage("vcpu.skylake.aws") == ["vcpu.skylake.aws", "vcpu.skylake", "vcpu"]
    assert subject_lineage("") == []


def test_an_own_row_overrides_by_id_and_shows(tmp_path):
    folder = write_rows(tmp_path, GOOD | {"id": "grid/FR/2024/ember"})
    catalogue = load_catalogue([folder])
    assert catalogue.get("grid/FR/2024/ember").value == 50
    assert catalogue.version == "2026.11.1+local"
    assert catalogue.digest != CATALOGUE.digest
    (finding,) = catalogue.findings
    assert finding.code == "factor-override"
    assert "44.18 becomes 50 gCO2e/kWh" in finding.message
    assert CATALOGUE.get("grid/FR/2024/ember").value == 44.18


def test_an_own_preferred_row_is_used_and_shows(tmp_path):
    catalogue = load_catalogue([write_rows(tmp_path, GOOD)])
    assert catalogue.resolve("grid_intensity", zone="FR", year=2024).factor.value == 50
    assert "grid/FR/2024/mine is used instead of grid/FR/2024/ember" in (
        catalogue.findings[0].message
    )


def test_own_zones_and_bands(tmp_path):
    row = GOOD | {"id": "grid/FR-LAB/2024/meter", "zone": "FR-LAB"}
    folder = write_rows(tmp_path, row)
    (folder / "zones.csv").write_text("zone,iso3,name,parent\nFR-LAB,,Laboratory,FR\n")
    (folder / "uncertainty.toml").write_text(
        '[[band]]\nquantity = "grid_intensity"\nzone = "FR-LAB"\nfactor = 1.1\nbasis = "meter"\n'
    )
    catalogue = load_catalogue([folder])
    found = catalogue.resolve("grid_intensity", zone="fr-lab", year=2024).factor
    assert catalogue.bounds(found)[:2] == pytest.approx((50 / 1.1, 55))
    assert catalogue.bounds_basis(found) == "meter"
    assert catalogue.findings == ()


def test_a_value_that_covers_several_years(tmp_path):
    row = GOOD | {"id": "grid/BR/old", "zone": "BR", "valid_from": "1990-01-01"}
    catalogue = load_catalogue([write_rows(tmp_path, row | {"valid_to": "1999-12-31"})])
    found = catalogue.resolve("grid_intensity", zone="BR", year=1995)
    assert (found.factor.id, found.resolved_by) == ("grid/BR/old", ResolvedBy.EXACT)


def test_overlapping_rows_that_answer_alike_are_ambiguous(tmp_path):
    years = {"valid_from": "1990-01-01", "valid_to": "1999-12-31"}
    first = GOOD | years | {"id": "grid/BR/a", "zone": "BR"}
    second = first | {"id": "grid/BR/b", "valid_from": "1995-01-01"}
    catalogue = load_catalogue([write_rows(tmp_path, first, second)])
    with pytest.raises(FactorError, match="ambiguous: grid/BR/a, grid/BR/b"):
        catalogue.resolve("grid_intensity", zone="BR", year=1996)


def test_differences(tmp_path):
    old = _resources.emission_factors()
    new = Path(shutil.copytree(old, tmp_path / "new"))
    table = new / "datacentre/pue.csv"
    lines = table.read_text("utf-8").splitlines()
    lines = [line.replace(",1.12,1,", ",1.13,1,") for line in lines if "ovhcloud" not in line]
    lines = [line.replace("pue/oracle/", "pue/oracle_cloud/") for line in lines]
    table.write_text("\n".join(lines) + "\n", "utf-8")
    result = diff_catalogues(old, new)
    assert result.added == ("pue/oracle_cloud/2023",)
    assert result.removed == ("pue/oracle/2023", "pue/ovhcloud/2023")
    changes = {change.id: (change.old, change.new, change.fields) for change in result.changed}
    moved = (1.12, 1.13, ("value",))
    assert changes == {"pue/azure/2023": moved, "pue/gcp/2023": moved}


def test_differences_need_sound_folders(tmp_path):
    folder = write_rows(tmp_path, GOOD | {"value": "x"})
    with pytest.raises(FactorError, match=r"mine\.csv, line 2"):
        diff_catalogues(folder, folder)
