"""A statement by hand: scopes, contracts, hardware, partners, the functional unit."""

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footprint.audit import read_deployment, state, verify
from footprint.documents import from_json, to_json
from footprint.errors import DocumentError
from footprint.model import Category, Quality, Severity, Stage
from footprint.model.statement_lines import TOTALS
from tests.companies import company, stated, total_g

EXAMPLE = Path(__file__).parents[2] / "examples" / "company"


@pytest.fixture(scope="module")
def example():
    return state(read_deployment(EXAMPLE))


# --- scope 2, twice -----------------------------------------------------------


def test_location_and_market_stand_side_by_side(tmp_path):
    statement = stated(tmp_path)
    # A: 1000 kWh x PUE 1.2; B: 1000 kWh. The contract covers 500 kWh of A.
    assert total_g(statement, "scope 2 location") == pytest.approx(1200 * 50 + 1000 * 60)
    market = 500 * 10 + 700 * 80 + 1000 * 700
    assert total_g(statement, "scope 2 market") == pytest.approx(market)
    assert statement.total("scope 2 market").energy_kwh == pytest.approx(2200)
    used = statement.instruments[0]
    assert (used.energy_kwh, used.used_kwh, used.refused) == (500, pytest.approx(500), "")


def test_without_a_residual_mix_the_location_factor_stands_in_and_says_so(tmp_path):
    statement = stated(tmp_path, residual_mix={})
    assert total_g(statement, "scope 2 market") == pytest.approx(500 * 10 + 700 * 50 + 1000 * 60)
    said = [f for f in statement.findings if f.code == "residual-mix-missing"]
    assert {finding.place for finding in said} == {"A", "B"}


@pytest.mark.parametrize("change", [{"vintage": 2025}, {"market": "DE", "sites": ["A"]}])
def test_an_instrument_of_another_year_or_market_counts_for_nothing(tmp_path, change):
    statement = stated(tmp_path, lambda m: m["instruments"][0].update(change))
    assert total_g(statement, "scope 2 market") == pytest.approx(1200 * 80 + 1000 * 700)
    assert statement.instruments[0].used_kwh == 0
    assert statement.instruments[0].refused


def test_no_instrument_enters_the_location_based_total_or_the_functional_unit(tmp_path):
    with_contract = stated(tmp_path / "with")
    without = stated(tmp_path / "without", instruments=[], residual_mix={})
    for name in ("location", "scope 2 location", "sci"):
        assert total_g(with_contract, name) == pytest.approx(total_g(without, name), rel=1e-12)
    assert with_contract.sci.intensity_g.value == pytest.approx(without.sci.intensity_g.value)


@pytest.mark.parametrize("sites", [["A", "B"], ["B", "A"]])
def test_the_order_of_sites_does_not_decide_what_an_instrument_covers(tmp_path, sites):
    """B is in another market: it gets nothing, and A all the same."""
    statement = stated(tmp_path, lambda m: m["instruments"][0].update(sites=sites))
    used = statement.instruments[0]
    assert used.used_kwh == pytest.approx(500)
    assert "'B' is in the market DE" in used.refused
    assert "instrument-market" in {finding.code for finding in statement.findings}


@pytest.mark.parametrize("sites", [[], ["A"], ["A", "A2"]])
def test_claims_are_all_that_an_instrument_covers(tmp_path, sites):
    def change(manifest):
        manifest["sites"].append({"name": "A2", "zone": "FR", "pue": 1.0})
        manifest["silos"].append({"name": "a2", "place": "A2", "device": "server", "records": 1})
        work = {"silo": "a2", "energy": "400 kWh", "tier": "A"}
        manifest["runs"][0]["activities"].append(work)
        manifest["instruments"][0] |= {"sites": sites, "claims": {"A": "100 kWh"}}

    statement = stated(tmp_path, change)
    used = statement.instruments[0]
    assert (used.claimed_kwh, used.used_kwh) == (pytest.approx(100), pytest.approx(100))
    market = 100 * 10 + (1100 + 400) * 80 + 1000 * 700
    assert total_g(statement, "scope 2 market") == pytest.approx(market)


def test_a_certificate_counts_for_the_first_instrument_alone(tmp_path):
    def change(manifest):
        again = {**manifest["instruments"][0], "name": "sun", "certificate": "one "}
        manifest["instruments"].append(again)

    statement = stated(tmp_path, change)
    assert [one.used_kwh for one in statement.instruments] == [pytest.approx(500), 0]
    assert "'wind'" in statement.instruments[1].refused


def test_instruments_together_cover_no_more_than_was_used(tmp_path):
    def change(manifest):
        one = manifest["instruments"][0]
        manifest["instruments"] = [
            {**one, "name": name, "energy": "900 kWh", "certificate": name} for name in "xyz"
        ]

    statement = stated(tmp_path, change)
    assert sum(one.used_kwh for one in statement.instruments) == pytest.approx(1200)
    assert total_g(statement, "scope 2 market") == pytest.approx(1200 * 10 + 1000 * 700)


def test_a_generator_is_scope_1_and_leaves_the_rest_to_scope_2(tmp_path):
    def change(manifest):
        manifest["sites"][0]["generators"] = [
            {
                "name": "diesel",
                "energy": "200 kWh",
                "intensity": "900 gCO2e/kWh",
                "source": "made up",
            }
        ]

    statement = stated(tmp_path, change)
    assert total_g(statement, "scope 1") == pytest.approx(200 * 900)
    assert total_g(statement, "scope 2 location") == pytest.approx(1000 * 50 + 1000 * 60)
    assert total_g(statement, "scope 2 market") == pytest.approx(500 * 10 + 500 * 80 + 1000 * 700)


def test_a_generator_that_is_in_no_line_is_said_with_its_size(tmp_path):
    def made(manifest):
        generator = {"name": "g", "energy": "200 kWh", "source": "made up"}
        manifest["sites"][0]["generators"] = [generator | {"intensity": "900 gCO2e/kWh"}]

    def left_out(manifest):
        made(manifest)
        manifest["sites"][0]["zone"] = ""

    assert "generator-left-out" not in {one.code for one in stated(tmp_path / "a", made).findings}
    statement = stated(tmp_path / "b", left_out)
    (found,) = [one for one in statement.findings if one.code == "generator-left-out"]
    assert "200 kWh, 180 kgCO2e" in found.message
    assert "no grid zone" in found.message
    assert (found.severity, found.place) == (Severity.WARNING, "A")
    assert total_g(statement, "scope 1") == 0


@pytest.mark.parametrize(("approach", "share"), [("control", 0), ("share", 0), ("share", 0.4)])
def test_the_functional_unit_is_charged_alike_whoever_reports_a_site(tmp_path, approach, share):
    """200 kWh of a generator and 1000 kWh of the grid: all of it, of the company or of others."""

    def made(manifest):
        generator = {"name": "g", "energy": "200 kWh", "source": "made up"}
        manifest["sites"][0]["generators"] = [generator | {"intensity": "900 gCO2e/kWh"}]

    def of_others(manifest):
        made(manifest)
        if approach == "control":
            manifest["sites"][0]["controlled"] = False
        else:
            manifest["organisation"]["approach"] = "equity share"
            manifest["sites"][0]["equity_share"] = share

    ours, theirs = stated(tmp_path / "a", made), stated(tmp_path / "b", of_others)
    for name in ("sci operation", "sci"):
        assert total_g(theirs, name) == pytest.approx(total_g(ours, name), rel=1e-12)
    whole_g = 200 * 900 + 1000 * 50
    assert total_g(theirs, "outside") == pytest.approx((1 - share) * whole_g)
    assert total_g(theirs, "scope 1") == pytest.approx(share * 200 * 900)
    assert theirs.instruments[0].used_kwh == pytest.approx(min(500, share * 1000))
    assert "generator-left-out" not in {one.code for one in theirs.findings}


def test_an_exclusion_of_category_3_3_hides_what_it_covers_alone(tmp_path):
    def excluded(**more):
        own = {"what": "ours", "reason": "small", "estimate": "1 kgCO2e", "category": "3.3"}
        statement = stated(tmp_path, exclusions=[own | more])
        return [
            one.what.split()[0] for one in statement.exclusions if one.category == Category("3.3")
        ]

    assert excluded() == ["ours", "transmission", "upstream"]
    assert excluded(covers=["losses"]) == ["ours", "upstream"]
    assert excluded(covers=["fuel"]) == ["ours", "transmission"]
    assert excluded(covers=["losses", "fuel"]) == ["ours"]


def test_losses_are_what_is_fed_in_and_never_arrives(tmp_path):
    statement = stated(tmp_path, upstream={"losses": {"FR": {"share": 0.2, "source": "made up"}}})
    # 1200 kWh arrive of 1500 fed in.
    assert total_g(statement, "3.3") == pytest.approx(300 * 50)
    assert total_g(statement, "sci operation") == pytest.approx(1200 * 50 + 1000 * 60)
    left_out = [one.what for one in statement.exclusions if one.category is Category.ENERGY_RELATED]
    assert left_out == [
        "transmission and distribution losses in DE",
        "upstream of the fuel of electricity in DE, FR",
    ]


def test_losses_are_a_factor_with_source_and_bounds(tmp_path):
    def lost(**bounds):
        table = {"share": 0.2, "year": 2024, "source": "the grid operator"} | bounds
        kept = {"silo": "a", "phase": "storage", "stored": "1 TB", "kept": "12 month"}

        def change(manifest):
            manifest["upstream"] = {"losses": {"FR": table}}
            manifest["runs"][0]["activities"].append(kept)

        return change

    statement = stated(tmp_path / "a", lost(low=0.1, high=0.25))
    (entry,) = [one for one in statement.register if one.quantity == "losses"]
    assert (entry.id, entry.source.title, entry.year) == ("losses/FR", "the grid operator", 2024)
    assert entry.zone == "FR"
    # Per kWh that arrives: 0.2 of 0.8, 0.1 of 0.9, 0.25 of 0.75.
    assert (entry.value, entry.low, entry.high) == pytest.approx((1 / 4, 1 / 9, 1 / 3))
    assert (entry.bounds, entry.version) == ("source", "manifest")
    lines = [one for one in statement.lines if one.component == "losses"]
    assert {one.stage for one in lines} == {Stage.OPERATION, Stage.STORAGE}
    assert all("losses/FR" in one.factors for one in lines)
    used_kwh = sum(one.energy_kwh or 0 for one in statement.lines if one.category.scope == "2")
    used_kwh -= 1000  # of B, where no losses are declared
    assert sum(one.energy_kwh for one in lines) == pytest.approx(used_kwh / 4)
    assert "losses/FR" in {one.factor for one in statement.drivers}

    def width(statement):
        found = statement.total("3.3").emissions_g
        return found.high - found.low

    exact = stated(tmp_path / "b", lost())
    (entry,) = [one for one in exact.register if one.quantity == "losses"]
    assert (entry.low, entry.high, entry.bounds) == (entry.value, entry.value, "none")
    assert total_g(exact, "3.3") == total_g(statement, "3.3")
    assert width(exact) < width(statement)


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        (lambda m: m.update(upstream={"fuel": {"FR": {**m["intensity"]["FR"]}}}), ["DE"]),
        (lambda m: m["method"].update(signal="average/location/life-cycle"), []),
    ],
)
def test_the_upstream_of_fuel_is_in_a_line_or_listed_as_left_out(tmp_path, change, left_out):
    statement = stated(tmp_path, change)
    fuel = [one.what for one in statement.exclusions if one.what.startswith("upstream")]
    assert [what.rpartition(" in ")[2] for what in fuel] == left_out


@given(
    made=st.floats(1e-3, 3000),
    bought=st.lists(st.floats(1e-3, 3000), max_size=4),
    lost=st.floats(0, 0.5),
    mixed=st.booleans(),
)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_electricity_is_lost_or_made_by_dividing_it(tmp_path, made, bought, lost, mixed):
    def change(manifest):
        manifest["method"]["draws"] = 0
        generator = {"name": "g", "energy": f"{made!r} kWh", "source": "made up"}
        manifest["sites"][0]["generators"] = [generator | {"intensity": "900 gCO2e/kWh"}]
        one = manifest["instruments"][0]
        manifest["instruments"] = [
            {**one, "name": f"i{n}", "certificate": f"{n}", "energy": f"{energy!r} kWh"}
            for n, energy in enumerate(bought)
        ]
        manifest["upstream"] = {"losses": {"FR": {"share": lost, "source": "made up"}}}
        if not mixed:
            manifest["residual_mix"] = {}

    statement = stated(tmp_path, change)
    of_a = [x for x in statement.lines if x.place == "A" and x.category.scope in ("1", "2")]
    assert math.fsum(x.energy_kwh for x in of_a) == pytest.approx(1200, rel=1e-12)
    assert min(x.energy_kwh for x in of_a) >= 0
    by_grid = sum(x.energy_kwh for x in of_a if x.category is Category.ELECTRICITY)
    assert by_grid == pytest.approx(max(0.0, 1200 - made), abs=1e-9)
    for one in statement.instruments:
        assert one.used_kwh <= one.energy_kwh * (1 + 1e-12)


# --- hardware, twice ----------------------------------------------------------


def test_check_value_of_the_software_carbon_intensity(tmp_path):
    """ISO/IEC 21031: 1,000 kg over 4 years, used for 1 h, gives 28.5 g."""
    runs = [{"name": "r", "activities": [{"silo": "c", "duration": "1 h"}]}]
    statement = stated(
        tmp_path, runs=runs, hardware=[], functional_unit={"name": "hour", "count": 1}
    )
    assert statement.sci.embodied_g.value == pytest.approx(28.5, abs=0.05)
    assert statement.sci.intensity_g.value == pytest.approx(28.5, abs=0.05)


def test_a_purchase_counts_whole_in_its_year_and_by_its_life_beside(tmp_path):
    bought = {
        "name": "box",
        "place": "A",
        "device": "server",
        "count": 3,
        "purchased": date(2026, 7, 2),
        "life": "1461 day",
        "embodied": "1000 kgCO2e",
        "source": "made up",
    }
    statement = stated(tmp_path, hardware=[bought])
    served_days = (date(2027, 1, 1) - date(2026, 7, 2)).days
    assert total_g(statement, "3.2") == pytest.approx(3e6)
    assert total_g(statement, "purchase") == pytest.approx(3e6)
    whole = [line for line in statement.lines if line.id.startswith("hardware / box")]
    amortised = [line.amortised_g.value for line in whole if line.amortised_g]
    assert amortised == [pytest.approx(3e6 * served_days / 1461)]


def test_the_years_of_a_life_add_up_to_the_purchase(tmp_path):
    bought = {
        "name": "box",
        "place": "A",
        "device": "server",
        "purchased": date(2024, 3, 1),
        "life": "1000 day",
        "embodied": "500 kgCO2e",
        "source": "made up",
    }
    amortised, purchases = [], []
    for year in range(2024, 2028):
        period = {"start": date(year, 1, 1), "end": date(year, 12, 31)}
        statement = stated(tmp_path / str(year), hardware=[bought], period=period)
        lines = [line for line in statement.lines if line.id.startswith("hardware / box")]
        amortised += [line.amortised_g.value for line in lines if line.amortised_g]
        purchases += [line.purchase_g.value for line in lines if line.purchase_g]
    assert math.fsum(amortised) == pytest.approx(500e3)
    assert purchases == [pytest.approx(500e3)]


def test_purchase_and_amortised_are_never_summed(example):
    for total in TOTALS:
        for line in example.lines:
            shown = {id(figure) for _, figure in line.figures(total)}
            assert not {id(line.purchase_g), id(line.amortised_g)} <= shown
    for line in example.lines:
        kinds = (line.location_g, line.purchase_g, line.amortised_g)
        assert sum(kind is not None for kind in kinds) == 1
    assert total_g(example, "purchase") > 0 < total_g(example, "amortised")
    purchased = total_g(example, "3.2")
    assert purchased == pytest.approx(total_g(example, "purchase"))


def test_hardware_in_a_place_without_a_zone_was_made_all_the_same(tmp_path):
    def bought(zone):
        def change(manifest):
            manifest["sites"].append({"name": "D", "zone": zone, "pue": 1.0})
            manifest["silos"].append({"name": "d", "place": "D", "device": "gpu", "records": 1})
            one = {"name": "x", "place": "D", "device": "server", "purchased": date(2026, 3, 1)}
            manifest["hardware"].append({**one, "embodied": "800 kgCO2e", "source": "made up"})
            work = {"silo": "d", "duration": "100 h", "energy": "5 kWh", "tier": "A"}
            manifest["runs"][0]["activities"].append(work)

        return change

    there, nowhere = stated(tmp_path / "a", bought("FR")), stated(tmp_path / "b", bought(""))
    assert total_g(nowhere, "3.2") == pytest.approx(800e3)
    for name in ("3.2", "purchase", "amortised", "sci embodied"):
        assert total_g(nowhere, name) == pytest.approx(total_g(there, name))
    assert not any(line.energy_kwh for line in nowhere.lines if line.place == "D")
    assert any("5 kWh in D" in one.what for one in nowhere.exclusions)


def test_hardware_bought_in_a_run_does_not_hide_its_hours_before(tmp_path):
    def bought(day):
        def change(manifest):
            manifest["runs"][0]["start"] = date(2026, 3, 1)
            manifest["hardware"][0]["purchased"] = day

        return change

    def reserved(statement):
        return [line for line in statement.lines if line.silo == "a" and line.stage == "embodied"]

    assert not reserved(stated(tmp_path / "a", bought(date(2026, 3, 1))))
    # The run takes 250 days; half of them lie before 4 July.
    half = reserved(stated(tmp_path / "b", bought(date(2026, 7, 4))))
    assert [line.activity for line in half] == [pytest.approx(3000 * 3600)]
    late = reserved(stated(tmp_path / "c", bought(date(2026, 11, 6))))
    assert [line.activity for line in late] == [pytest.approx(6000 * 3600)]


def test_device_hours_of_several_devices_are_no_time_by_the_clock(tmp_path):
    """Ten servers for 500 h from 5 January are over before the one that is bought in June."""

    def change(manifest):
        manifest["hardware"][0]["purchased"] = date(2026, 6, 1)
        work = {"silo": "a", "devices": 10, "duration": "500 h", "energy": "9 kWh", "tier": "A"}
        run = {"name": "s", "start": date(2026, 1, 5), "activities": [work]}
        manifest["runs"] = [run]

    lines = [x for x in stated(tmp_path, change).lines if x.run and x.stage == "embodied"]
    assert [line.activity for line in lines] == [pytest.approx(5000 * 3600)]


def test_purchases_carry_no_doubt_about_the_life(tmp_path):
    def change(manifest):
        manifest["hardware"][0]["purchased"] = date(2026, 1, 1)

    statement = stated(tmp_path, change)
    lines = [line for line in statement.lines if line.purchase_g is not None]
    assert len(lines) == 1
    assert not any("lifespan" in name for name in lines[0].factors)


# --- others -------------------------------------------------------------------


def with_partner(rule, **site):
    def change(manifest):
        manifest["method"]["allocation"] = rule
        partner = {"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0, **site}
        manifest["sites"].append(partner)
        manifest["silos"].append({"name": "p", "place": "P", "device": "server", "records": 600})
        manifest["runs"][0]["activities"].append(
            {"silo": "p", "duration": "10 h", "energy": "2000 kWh", "tier": "A"}
        )

    return change


@pytest.mark.parametrize(
    ("rule", "site", "share"),
    [
        ("equal", {}, 1 / 2),
        ("data share", {}, 200 / 800),
        ("compute share", {}, 2000 / 4000),
        ("declared", {"reported_share": 0.1}, 0.1),
    ],
)
def test_partners_keep_their_scopes_and_the_coordinator_reports_its_share(
    tmp_path, rule, site, share
):
    alone, statement = stated(tmp_path / "a"), stated(tmp_path / "b", with_partner(rule, **site))
    whole_g = 2000 * 60
    assert total_g(statement, "3.1") == pytest.approx(share * whole_g)
    assert total_g(statement, "outside") == pytest.approx((1 - share) * whole_g)
    assert total_g(statement, "scope 2 location") == pytest.approx(
        total_g(alone, "scope 2 location")
    )
    # The functional unit is charged with all of it, whoever reports it.
    more_g = total_g(statement, "sci operation") - total_g(alone, "sci operation")
    assert more_g == pytest.approx(whole_g)


def test_equity_share_divides_a_site_with_its_other_owners(tmp_path):
    def change(manifest):
        manifest["organisation"]["approach"] = "equity share"
        manifest["sites"][0]["equity_share"] = 0.25

    statement = stated(tmp_path, change)
    assert total_g(statement, "scope 2 location") == pytest.approx(0.25 * 60e3 + 60e3)
    assert total_g(statement, "outside") == pytest.approx(0.75 * 60e3)
    # The contract covers what is the company's: 300 kWh, and 200 kWh are left over.
    assert statement.instruments[0].used_kwh == pytest.approx(300)
    assert total_g(statement, "scope 2 market") == pytest.approx(300 * 10 + 1000 * 700)


def test_a_site_without_control_is_of_others(tmp_path):
    statement = stated(tmp_path, lambda m: m["sites"][0].update(controlled=False))
    assert total_g(statement, "scope 2 location") == pytest.approx(60e3)
    assert total_g(statement, "outside") == pytest.approx(60e3)
    assert statement.instruments[0].used_kwh == 0


def test_clouds_rented_rooms_and_participants_have_categories_of_their_own(tmp_path):
    def change(manifest):
        manifest["sites"].append({"name": "R", "zone": "DE", "holding": "rented", "pue": 1.0})
        manifest["participants"] = [{"name": "phones", "zone": "FR"}]
        manifest["silos"] += [
            {"name": "r", "place": "R", "device": "server", "records": 1},
            {"name": "p", "place": "phones", "device": "phone"},
        ]
        manifest["runs"][0]["activities"] += [
            {"silo": "c", "energy": "100 kWh", "tier": "E"},
            {"silo": "r", "energy": "100 kWh", "tier": "B"},
            {"silo": "p", "energy": "10 kWh", "tier": "F", "duration": "100 h"},
        ]

    statement = stated(tmp_path, change)
    assert total_g(statement, "3.1") == pytest.approx(110 * 50)
    assert total_g(statement, "3.8") == pytest.approx(100 * 60)
    assert total_g(statement, "3.11") == pytest.approx(10 * 50)
    phones = [line for line in statement.lines if line.place == "phones"]
    assert [line.quality for line in phones if line.energy_kwh] == [Quality.DEFAULT]
    made = [line for line in phones if line.amortised_g is not None]
    assert len(made) == 1  # for the functional unit, in no total of the company


# --- the whole ----------------------------------------------------------------


def test_the_example_is_as_large_as_it_says(example):
    deployment = read_deployment(EXAMPLE)
    assert len(deployment.sites) >= 5
    assert len(deployment.clouds) == 3
    assert len(deployment.runs) >= 20
    assert sum(run.journal is not None for run in deployment.runs) >= 5
    recorded = {line.run for line in example.lines if line.run and line.basis != "declared"}
    assert recorded == {run.name for run in deployment.runs if run.journal}
    assert not [f for f in example.findings if f.severity == "error"]
    assert "does not exist" in example.organisation.about


def test_parts_add_up_to_totals(example):
    scopes = [total_g(example, f"scope {n}") for n in ("1", "2 location", "3")]
    assert math.fsum(scopes) == pytest.approx(total_g(example, "location"), rel=1e-12)
    scopes[1] = total_g(example, "scope 2 market")
    assert math.fsum(scopes) == pytest.approx(total_g(example, "market"), rel=1e-12)
    categories = [total_g(example, one.value) for one in Category if one.scope == "3"]
    assert math.fsum(categories) == pytest.approx(total_g(example, "scope 3"), rel=1e-12)
    sci = total_g(example, "sci operation") + total_g(example, "sci embodied")
    assert sci == pytest.approx(total_g(example, "sci"), rel=1e-12)
    for total in example.totals:
        assert total.emissions_g.low <= total.emissions_g.value <= total.emissions_g.high


def test_every_factor_is_in_the_register_with_a_hash(example):
    names = {entry.id for entry in example.register}
    used = {
        name.removeprefix("1/")
        for line in example.lines
        for name in (*line.factors, *line.market_factors)
    }
    assert used == names
    for entry in example.register:
        assert len(entry.sha256) == 64
        assert entry.version
        assert entry.source.title


def test_nothing_names_the_machine(example):
    import getpass
    import socket

    text = to_json(example)
    assert socket.gethostname() not in text
    assert str(EXAMPLE.parent) not in text
    assert f"/{getpass.getuser()}/" not in text


def test_a_statement_reads_back_to_the_last_digit(example):
    assert from_json(to_json(example)) == example


def test_a_statement_is_made_again_to_the_last_digit(example):
    found = verify(example, state(read_deployment(EXAMPLE)))
    assert found.reproduced
    assert not found.recipe
    assert found.compared > 10 * len(example.lines)


def test_one_digit_that_differs_is_named(example):
    total = example.totals[0]
    g = total.emissions_g
    forged = replace(total, emissions_g=replace(g, value=math.nextafter(g.value, 0)))
    found = verify(replace(example, totals=(forged, *example.totals[1:])), example)
    assert [one.place for one in found.deviations] == [f"totals[{total.name}].emissions_g.value"]
    assert 0 < found.deviations[0].by < 1e-15


def test_a_line_that_went_missing_does_not_shift_the_others(example):
    found = verify(example, replace(example, lines=example.lines[1:]))
    assert [one.place for one in found.deviations] == [f"lines[{example.lines[0].id}]"]


def test_a_forged_document_is_refused(example):
    total = example.totals[0]
    more = replace(total.emissions_g, value=total.emissions_g.value * 1.001)
    forged = replace(example, totals=(replace(total, emissions_g=more), *example.totals[1:]))
    with pytest.raises(DocumentError, match="give"):
        from_json(to_json(forged))


@pytest.mark.parametrize("table", ["lines", "totals", "register", "places", "drivers"])
def test_an_entry_that_is_there_twice_hides_nothing(example, table):
    """A reader takes the first of two; the second, true one must not stand for it."""
    entries = getattr(example, table)
    forged = replace(example, **{table: (entries[0], *entries)})
    assert not verify(forged, example).reproduced
    with pytest.raises(DocumentError, match="more than once"):
        from_json(to_json(forged))


@pytest.mark.parametrize(
    "forged",
    [
        {"manifest_sha256": "0" * 64},
        {"seed": 1},
        {"inputs": ()},
    ],
)
def test_a_statement_is_not_reproduced_from_other_inputs(example, forged):
    stated = replace(example, reproduce=replace(example.reproduce, **forged))
    found = verify(stated, example)
    assert not found.deviations
    assert found.unpinned
    assert not found.reproduced


def test_another_machine_and_another_release_may_reproduce_it(example):
    elsewhere = replace(example.reproduce, environment=(("python", "9"),), tool_version="0.0.1")
    assert verify(replace(example, reproduce=elsewhere), example).reproduced


def test_the_same_manifest_elsewhere_gives_the_same_statement(tmp_path):
    one, other = stated(tmp_path / "one"), stated(tmp_path / "a much longer name")
    assert to_json(one) == to_json(other)


@pytest.mark.parametrize(("year", "score"), [(2023, 1), (2022, 2), (2012, 4), (1995, 5)])
def test_an_intensity_of_old_is_old_though_it_was_declared(tmp_path, year, score):
    statement = stated(tmp_path, lambda m: m["intensity"]["FR"].update(year=year))
    entry = next(one for one in statement.register if one.id == "grid/FR/declared")
    assert (entry.year, entry.valid_to) == (year, year)
    lines = [line for line in statement.lines if line.place == "A" and line.energy_kwh]
    assert {line.pedigree.temporal for line in lines} == {score}


def test_drivers_share_the_variance(tmp_path):
    path = company(tmp_path)
    drivers = state(read_deployment(path)).drivers
    assert math.fsum(one.variance_share for one in drivers) == pytest.approx(1.0)
    assert {"grid/FR/declared", "grid/DE/declared"} <= {one.factor for one in drivers}


def test_hardware_that_a_partner_buys_is_no_capital_good_of_the_company(tmp_path):
    def change(manifest):
        with_partner("data share")(manifest)
        manifest["hardware"].append(
            {"name": "theirs", "place": "P", "device": "server", "purchased": date(2026, 3, 1)}
        )

    statement = stated(tmp_path, change)
    theirs = [line for line in statement.lines if line.id.startswith("hardware / theirs")]
    assert {line.category for line in theirs} == {Category.SERVICES, Category.OTHERS}
    assert all(line.purchase_g is None for line in theirs)
    assert total_g(statement, "purchase") == 0


def test_deviations_come_by_weight_and_without_the_words_of_the_program(tmp_path):
    def change(manifest):
        manifest["runs"][0]["activities"][0]["energy"] = "1100 kWh"
        manifest["hardware"] = []

    old, new = stated(tmp_path / "a"), stated(tmp_path / "b", change)
    found = verify(old, new)
    places = [one.place for one in found.deviations]
    ends = [place.startswith("totals") for place in places]
    assert ends == sorted(ends, reverse=True)
    assert ends[0]
    said = [str(one) for one in (*found.deviations, *found.recipe)]
    assert not any("Finding(" in one or "StatementLine(" in one for one in said)
    assert any(place.startswith("findings[hardware-missing A]") for place in places)
    assert any(one.startswith("declared[runs.r.activities.1.energy]") for one in said)


def test_a_partners_share_is_said_to_be_one_for_the_period(tmp_path):
    statement = stated(tmp_path, with_partner("data share"))
    theirs = next(one for one in statement.places if one.name == "P")
    assert "one for the whole period" in theirs.reason
