"""Figures of a statement that somebody else computes: intervals, shares, quality, idle time."""

import hashlib
import math
from datetime import date
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from footprint.audit import read_deployment, state
from footprint.model import Quality
from footprint.reporting.statements import view_statement
from tests.companies import company, stated, total_g

JOURNAL = Path(__file__).parents[2] / "examples" / "company" / "journals" / "noise-study-lyon"
Z95 = NormalDist().inv_cdf(0.975)
GENERATOR = {"name": "g", "intensity": "900 gCO2e/kWh", "source": "made up"}


def upstream(manifest):
    fuel = {"intensity": "20 gCO2e/kWh", "year": 2026, "source": "made up"}
    lost = {"share": 0.2, "low": 0.15, "high": 0.3, "source": "made up"}
    manifest["upstream"] = {"losses": {"FR": lost}, "fuel": {"FR": fuel}}


def ratios(entry, seed, draws):
    """Draw a factor by the rule of docs/methodology.md, once per id."""
    if entry.low == entry.high or entry.value <= 0:
        return np.ones(draws)
    key = hashlib.blake2b(f"{seed}:{entry.id}".encode(), digest_size=16).digest()
    generator = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "big")))
    z = generator.standard_normal(draws)
    above = math.log(entry.high / entry.value) / Z95
    below = math.log(entry.value / entry.low) / Z95 if entry.low > 0 else above
    return np.exp(np.where(z < 0, below, above) * z)


@pytest.mark.parametrize("total", ["location", "market", "amortised"])
def test_the_interval_of_a_total_is_that_of_its_own_draws(tmp_path, total):
    """All factors of a line vary, and one factor varies alike in all lines."""
    statement = stated(tmp_path, upstream)
    seed, draws = statement.reproduce.seed, statement.reproduce.draws
    drawn = {one.id: ratios(one, seed, draws) for one in statement.register}
    whole, spread = np.zeros(draws), set()
    for line in statement.lines:
        for factors, figure in line.figures(total):
            product = np.full(draws, figure.value)
            for name in factors:
                divides = name.startswith("1/")
                ratio = drawn[name.removeprefix("1/")]
                spread |= {name} if np.ptp(ratio) else set()
                product = product / ratio if divides else product * ratio
            whole += product
    assert len(spread) > 1
    found = statement.total(total).emissions_g
    low, high = np.percentile(whole, (5, 95))
    assert found.low == pytest.approx(min(low, found.value), rel=1e-9)
    assert found.high == pytest.approx(max(high, found.value), rel=1e-9)
    assert found.low < found.value < found.high


def test_a_driver_that_multiplies_is_low_at_its_low_bound(tmp_path):
    drivers = {one.factor: one for one in stated(tmp_path).drivers}
    grid = drivers["grid/FR/declared"]
    assert grid.at_low_g < grid.at_high_g


def test_losses_and_fuel_are_no_electricity_of_the_company(tmp_path):
    statement = stated(tmp_path, upstream)
    for total in ("location", "market"):
        assert statement.total(total).energy_kwh == pytest.approx(1200 + 1000)


def test_the_fuel_of_the_grid_is_not_counted_for_what_a_generator_makes(tmp_path):
    def change(manifest):
        upstream(manifest)
        manifest["upstream"]["losses"] = {}
        manifest["sites"][0]["generators"] = [{**GENERATOR, "energy": "200 kWh"}]

    assert total_g(stated(tmp_path, change), "3.3") == pytest.approx((1200 - 200) * 20)


def test_a_generator_of_several_owners_serves_each_by_its_share(tmp_path):
    """Of 400 kWh a quarter is the company's; so is a quarter of the site's 1200 kWh."""

    def change(manifest):
        manifest["organisation"]["approach"] = "equity share"
        manifest["sites"][0] |= {"equity_share": 0.25}
        manifest["sites"][0]["generators"] = [{**GENERATOR, "energy": "400 kWh"}]

    statement = stated(tmp_path, change)
    assert total_g(statement, "scope 1") == pytest.approx(100 * 900)
    assert total_g(statement, "scope 2 location") == pytest.approx(200 * 50 + 1000 * 60)


def without_energy(manifest):
    manifest["runs"][0]["activities"].append({"silo": "a", "duration": "1 h"})


def test_what_has_no_meter_is_incomplete_and_is_said_once(tmp_path):
    statement = stated(tmp_path / "a", without_energy)
    used = [line for line in statement.lines if line.stage == "operation"]
    assert {(line.place, line.pedigree.completeness) for line in used} == {("A", 3), ("B", 1)}
    # Two pieces of electricity at A; where there is one alone, the same is said.
    whole = stated(tmp_path / "b", without_energy, instruments=[])
    said = [
        [finding.message for finding in one.findings if finding.code == "unmetered"]
        for one in (statement, whole)
    ]
    assert said[0] == said[1] != []


def test_a_share_of_a_device_is_busy_by_its_share(tmp_path):
    """6000 h of half a device are 3000 of the 8760 h of a year: two thirds idle."""
    statement = stated(tmp_path, lambda m: m["runs"][0]["activities"][1].update(share=0.5))
    assert "gpu-idle" in {one.code for one in statement.findings}


def test_an_unused_site_without_a_factor_fails_nothing(tmp_path):
    def change(manifest):
        manifest["sites"].append({"name": "D", "zone": "PL", "pue": 1.0})

    assert total_g(stated(tmp_path, change), "location") > 0


def test_a_correction_of_a_base_year_of_nothing_recalculates_it(tmp_path):
    def change(manifest):
        manifest["base_year"]["total"] = "0 kgCO2e"
        one = {"what": "x", "year": 2024, "old": "0 kgCO2e", "new": "5 kgCO2e"}
        manifest["restatements"] = [{**one, "cause": "error", "reason": "forgotten"}]

    assert "base-year-outdated" in {one.code for one in stated(tmp_path, change).findings}


def test_what_the_making_of_hardware_took_is_never_measured(tmp_path):
    actors = {"lyon": "a"}
    runs = [{"name": "r", "journal": str(JOURNAL), "actors": actors}]
    path = company(tmp_path, lambda m: m.update(hardware=[]), runs=runs)
    statement = state(read_deployment(path, outside=True))
    made = [line for line in statement.lines if line.stage == "embodied"]
    assert {line.quality for line in made} == {Quality.MODELLED}


def test_idle_time_is_of_the_share_that_is_reserved(tmp_path):
    def change(manifest):
        manifest["hardware"][1] |= {"share": 0.25, "idle": "100 W"}
        manifest["runs"][0]["activities"][1]["duration"] = "100 h"

    found = [one for one in stated(tmp_path, change).findings if one.code == "gpu-idle"]
    # A year has 8760 h, a quarter of it 2190 h, of which 100 h were work.
    assert "2090 device hours" in found[0].message
    assert "209 kWh" in found[0].message


def test_standby_that_no_run_holds_is_an_exclusion_with_its_size(tmp_path):
    """2090 device hours at 100 W with a PUE of 1 on 60 g/kWh: 209 kWh and 12.54 kg."""

    def change(manifest):
        del manifest["hardware"][0]["idle"]
        manifest["hardware"][1] |= {"share": 0.25, "idle": "100 W"}
        manifest["runs"][0]["activities"][1]["duration"] = "100 h"

    def hold(manifest):
        change(manifest)
        rest = {"silo": "b", "phase": "idle", "duration": "2090 h", "energy": "209 kWh"}
        manifest["runs"][0]["activities"].append(rest)

    bare, held = stated(tmp_path / "a", change), stated(tmp_path / "b", hold)
    sized = {one.what: one for one in bare.exclusions if one.estimate_g}
    rest = sized["209 kWh of 'cards' at rest"]
    assert rest.estimate_g == pytest.approx(12540)
    whole_g = total_g(bare, "location") + 12540 + 10
    assert rest.share == pytest.approx(12540 / whole_g)
    assert "cut-off-exceeded" in {one.code for one in bare.findings}
    assert "cut-off-exceeded" not in {one.code for one in held.findings}
    # Nobody said what the servers take at rest.
    assert [one for one in bare.exclusions if "'servers'" in one.what]
    assert not [one for one in held.exclusions if "'cards'" in one.what]
    remedies = [
        next(one.remedy for one in x.findings if one.code == "gpu-idle") for x in (bare, held)
    ]
    assert "as a run of its own" in remedies[0]
    assert "holds its idle energy already" in remedies[1]


def test_a_factor_of_a_class_has_a_technological_score_of_three(tmp_path):
    def change(manifest):
        manifest["hardware"][1]["device"] = "gpu.l4"
        manifest["hardware"][1]["life"] = "5 year"

    statement = stated(tmp_path, change)
    scores = {
        line.device: line.pedigree.technological
        for line in statement.lines
        if line.stage == "embodied" and line.id.startswith("hardware")
    }
    assert scores == {"server": 3, "gpu.l4": 1}


def test_of_what_is_lost_the_making_of_the_fuel_counts_too(tmp_path):
    """1200 kWh arrive of 1500 fed in: 300 are burnt for nothing, and the fuel of 1500 is made."""
    statement = stated(tmp_path, upstream)
    assert total_g(statement, "3.3") == pytest.approx(300 * 50 + 1500 * 20)
    fuel = [line for line in statement.lines if line.component == "upstream fuel"]
    assert math.fsum(line.energy_kwh for line in fuel) == pytest.approx(1500)
    (lost,) = [line for line in fuel if line.energy_kwh < 500]
    assert {"losses/FR", "supply/upstream-fuel/FR"} <= set(lost.factors)


def test_losses_and_fuel_of_a_country_reach_its_parts(tmp_path):
    def change(manifest):
        here = {**manifest["intensity"]["FR"]}
        manifest["intensity"]["US-CA"] = here
        manifest["sites"][0] |= {"zone": "US-CA", "market": "FR"}
        fuel = {"intensity": "20 gCO2e/kWh", "year": 2026, "source": "made up"}
        lost = {"share": 0.2, "source": "made up"}
        manifest["upstream"] = {"losses": {"US": lost}, "fuel": {"US": fuel}}

    statement = stated(tmp_path, change)
    assert total_g(statement, "3.3") == pytest.approx(300 * 50 + 1500 * 20)
    entries = {one.id: one.source.title for one in statement.register}
    assert entries["losses/US"] == entries["supply/upstream-fuel/US"] == "made up"
    left_out = [one.what for one in statement.exclusions if one.category == "3.3"]
    assert left_out
    assert not any("US" in what for what in left_out)


def keep(manifest):
    kept = {"silo": "a", "phase": "storage", "stored": "1000 TB", "kept": "8000 h"}
    manifest["runs"][0]["activities"].append(kept)


def disks(statement):
    return [one for one in statement.lines if (one.device or "").startswith("storage")]


def test_supplies_divide_the_electricity_of_a_store_and_not_the_making_of_its_medium(tmp_path):
    def several(manifest):
        keep(manifest)
        upstream(manifest)
        manifest["sites"][0]["generators"] = [{**GENERATOR, "energy": "200 kWh"}]

    alone = stated(tmp_path / "a", keep, instruments=[], residual_mix={})
    divided = stated(tmp_path / "b", several)
    (one,), (other,) = disks(alone), disks(divided)
    assert one.activity == pytest.approx(1e6 * 8000 * 3600)  # GB s
    assert (one.activity, one.amortised_g) == (other.activity, other.amortised_g)
    assert other.supply == ""
    # No energy of the store is counted again by the line of its medium.
    found = [
        math.fsum(x.energy_kwh for x in s.lines if x.stage == "storage" and x.component != "losses")
        for s in (alone, divided)
    ]
    fuel_kwh = math.fsum(
        x.energy_kwh
        for x in divided.lines
        if x.component == "upstream fuel" and x.stage == "storage"
    )
    assert found[1] - fuel_kwh == pytest.approx(found[0])


def test_hardware_alone_in_a_zone_without_a_factor_fails_nothing(tmp_path):
    """No grid is asked for where nothing is used: its making counts all the same."""

    def change(manifest):
        manifest["sites"].append({"name": "D", "zone": "PL", "pue": 1.0})
        one = {"name": "spare", "place": "D", "device": "server", "purchased": date(2026, 2, 1)}
        one |= {"embodied": "800 kgCO2e", "source": "made up", "idle": "10 W"}
        manifest["hardware"].append(one)

    statement = stated(tmp_path, change)
    assert total_g(statement, "3.2") == pytest.approx(800e3)
    (rest,) = [one for one in statement.exclusions if "'spare'" in one.what]
    assert rest.estimate_g is None


def test_a_share_of_hardware_is_bought_as_it_is_spread(tmp_path):
    """Over its life the making of what is reserved adds up to what is counted when bought."""

    def bought(share):
        one = {"name": "box", "place": "A", "device": "server", "count": 2, "share": share}
        one |= {"purchased": date(2026, 1, 1), "life": "365 day"}
        return [one | {"embodied": "1000 kgCO2e", "source": "made up"}]

    statement = stated(tmp_path, hardware=bought(0.25), runs=runs_of("b"))
    assert total_g(statement, "3.2") == pytest.approx(2e6 / 4)
    ours = [x for x in statement.lines if x.id.startswith("hardware / box")]
    assert [x.amortised_g.value for x in ours if x.amortised_g] == [pytest.approx(2e6 / 4)]


def runs_of(silo):
    work = {"silo": silo, "duration": "100 h", "energy": "10 kWh", "tier": "A", "meter": "m"}
    return [{"name": "r", "activities": [work]}]


def test_all_that_a_place_without_a_zone_used_is_named(tmp_path):
    def change(manifest):
        manifest["sites"].append({"name": "U", "zone": "", "pue": 1.0})
        manifest["silos"].append({"name": "u", "place": "U", "device": "server", "records": 1})
        moved = {"silo": "u", "data": "500 GB"}
        kept = {"silo": "u", "phase": "storage", "stored": "2 TB", "kept": "10 h"}
        manifest["runs"][0]["activities"] += [moved, kept, {"silo": "u", "duration": "1 h"}]

    statement = stated(tmp_path, change)
    what = "500 GB moved, 20000 GB h stored, 1 activities without an energy figure"
    assert f"{what} in U" in {one.what for one in statement.exclusions}
    (found,) = [one for one in statement.findings if one.code == "region-missing"]
    assert what in found.message


def test_the_fuel_of_a_generator_has_an_upstream_that_is_listed(tmp_path):
    def change(manifest):
        manifest["sites"][0]["generators"] = [{**GENERATOR, "energy": "200 kWh"}]

    def covered(manifest):
        change(manifest)
        manifest["exclusions"][0] |= {"category": "3.3", "covers": ["generators"]}

    def of_others(manifest):
        change(manifest)
        manifest["sites"][0]["controlled"] = False

    def listed(statement):
        return [one for one in statement.exclusions if "generators at A" in one.what]

    (found,) = listed(stated(tmp_path / "a", change))
    assert (found.category, found.estimate_g) == ("3.3", None)
    assert not listed(stated(tmp_path / "b", covered))
    assert not listed(stated(tmp_path / "c", of_others))
    assert not listed(stated(tmp_path / "d"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(hardware=[], runs=[unmetered_run()]), "is not known"),
        (lambda m: [site.update(controlled=False) for site in m["sites"]], "are of others"),
    ],
)
def test_what_nobody_measured_or_reports_is_not_headed_as_nothing(tmp_path, change, said):
    statement = stated(tmp_path, change, instruments=[])
    assert said in view_statement(statement).verdict
    assert "emitted 0" not in view_statement(statement).verdict


def unmetered_run():
    return {"name": "r", "activities": [{"silo": "a", "duration": "1 h"}]}


def of_capital(share):
    def change(manifest):
        manifest["organisation"]["approach"] = "equity share"
        manifest["sites"][1]["equity_share"] = share
        box = {"name": "box", "place": "B", "device": "server", "purchased": date(2026, 1, 1)}
        box |= {"idle": "100 W", "embodied": "1000 kgCO2e", "source": "made up"}
        manifest["hardware"].append(box)

    return change


def test_a_share_of_the_capital_is_one_of_purchases_energy_and_rest(tmp_path):
    statement = stated(tmp_path, of_capital(0.25))
    assert total_g(statement, "purchase") == pytest.approx(0.25 * 1e6)
    assert statement.total("scope 2 location").energy_kwh == pytest.approx(1200 + 250)
    assert statement.total("outside").energy_kwh == pytest.approx(750)
    # A server of which no run took an hour: 8760 h at 100 W.
    (rest,) = [one for one in statement.exclusions if "'box'" in one.what]
    assert rest.what.startswith("219 kWh")
    assert rest.estimate_g == pytest.approx(219 * 60)


def test_an_intensity_per_unit_is_divided_with_its_bounds(tmp_path):
    statement = stated(tmp_path, functional_unit={"name": "model", "count": 40})
    whole, found = statement.total("sci").emissions_g, statement.sci.intensity_g
    bounds = (found.low, found.value, found.high)
    assert bounds == pytest.approx((whole.low / 40, whole.value / 40, whole.high / 40))
    assert found.low < found.value < found.high


def test_what_is_rented_is_never_bought(tmp_path):
    def change(manifest):
        rented = {"name": "box", "place": "A", "device": "server", "acquired": "rented"}
        manifest["hardware"].append(rented | {"purchased": date(2026, 3, 1)})

    statement = stated(tmp_path, change)
    assert total_g(statement, "purchase") == total_g(statement, "3.2") == 0
    assert total_g(statement, "3.8") > 0


def test_records_of_participants_divide_nothing_among_partners(tmp_path):
    """Own silos have 200 records and the partner 600; 8000 are on devices of participants."""

    def change(manifest):
        manifest["sites"].append({"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0})
        manifest["participants"] = [{"name": "phones", "zone": "FR"}]
        manifest["silos"] += [
            {"name": "p", "place": "P", "device": "server", "records": 600},
            {"name": "q", "place": "phones", "device": "phone", "records": 8000},
        ]

    statement = stated(tmp_path, change)
    (share,) = [one.reported_share for one in statement.places if one.name == "P"]
    assert share == pytest.approx(200 / 800)


@pytest.mark.parametrize(("last", "score"), [(2026, 1), (2021, 2), (2017, 3)])
def test_a_factor_of_several_years_is_as_old_as_its_last_one(tmp_path, last, score):
    names = "id,quantity,subject,zone,valid_from,valid_to,value,unit,low,high,signal,preferred,"
    row = f"grid/FR/old,grid_intensity,,FR,2015-01-01,{last}-12-31,50,gCO2e/kWh,,,"
    row += "average/location/direct,yes,x,made up,https://example.org,own data,"
    (tmp_path / "own").mkdir()
    text = f"{names}method,source,source_url,licence,note\n{row}\n"
    (tmp_path / "own" / "grid.csv").write_text(text, encoding="utf-8")
    statement = stated(tmp_path, lambda m: m["intensity"].pop("FR"), factors=["own"])
    entry = next(one for one in statement.register if one.id == "grid/FR/old")
    assert (entry.year, entry.valid_to) == (2015, last)
    lines = [line for line in statement.lines if line.place == "A" and line.energy_kwh]
    assert {line.pedigree.temporal for line in lines} == {score}


def test_what_was_used_before_a_purchase_took_no_hour_of_it(tmp_path):
    """Bought on 1 December and at rest since: 744 h at 100 W, whatever ran until November."""

    def change(manifest):
        manifest["hardware"][0] |= {"purchased": date(2026, 12, 1), "idle": "100 W"}
        manifest["runs"][0]["start"] = date(2026, 1, 1)

    statement = stated(tmp_path, change)
    (rest,) = [one for one in statement.exclusions if "'servers'" in one.what]
    assert rest.what.startswith("74.4 kWh")
    assert rest.estimate_g == pytest.approx(74.4 * 1.2 * 50)
    assert "hours-exceeded" not in {one.code for one in statement.findings}
