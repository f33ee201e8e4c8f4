"""What lies where in a company, and what it costs: sums, units, and what nobody said."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.management.advisor.datasets import advise_datasets
from footprint.management.advisor.needs import Needs
from footprint.management.advisor.state import state_of
from footprint.model import Advice, AssetKind, Currency, Prices
from tests.advice_plans import company
from tests.managed_company import (
    CATALOGUE,
    GRIDS,
    NOW_S,
    PUES,
    YEAR_S,
    application,
    dataset,
    managed,
)

HOURS = 8760.0


def factor(quantity, subject):
    return CATALOGUE.resolve(quantity, subject=subject, year=2026).factor.value


def state(datasets, applications=None, **needs):
    fields = {"horizon_s": YEAR_S, "origin": "management.toml", **needs}
    return state_of(managed(datasets, Needs(**fields), applications=applications))


def named(found, name):
    return next(line for line in found.lines if line.name == name)


def test_dataset_is_stored_for_the_horizon_in_its_place():
    prices = Prices(currency=Currency.EUR, storage_per_gb_month=0.02)
    entry = dataset("scans", 300, storage_class="ssd")
    found = state({"gdansk": [entry]}, prices=prices, replication={"ssd": 2.0})
    (line,) = found.lines
    used_kwh = factor("power_per_gb", "storage.ssd") * 300 * HOURS / 1000 * 2 * PUES["gdansk"]
    made_g = factor("embodied_per_gb", "ssd") * 300 * 2 * YEAR_S / factor("lifespan", "storage")
    assert line.energy_kwh == pytest.approx(used_kwh)
    assert line.emissions_g.value == pytest.approx(used_kwh * GRIDS["gdansk"] + made_g)
    assert line.cost.value == pytest.approx(0.02 * 300 * 12 * 365 / 365.25)
    assert (line.medium, line.size_gb, line.zone) == ("storage.ssd", 300.0, "PL")


def test_application_goes_on_as_it_was_metered():
    board = application("board", calls=900, period_days=36.5, energy_kwh=2.0, used_s=NOW_S)
    (line,) = state({}, {"lyon": [board]}).lines
    assert line.kind is AssetKind.APPLICATION
    assert line.calls == pytest.approx(9000)
    assert line.energy_kwh == pytest.approx(20 * PUES["lyon"])
    assert line.emissions_g.value == pytest.approx(20 * PUES["lyon"] * GRIDS["lyon"])


def test_what_nobody_said_is_a_finding_and_no_number():
    found = state(
        {"turin": [dataset("doors", storage_class=None)]},
        {"turin": [application("finder", calls=3, period_days=1.0)]},
    )
    for line in found.lines:
        assert line.emissions_g is line.energy_kwh is line.cost is None
    (finding,) = found.findings
    assert finding.code == "state-incomplete"
    assert "turin/finder, turin/doors" in finding.message
    assert found.energy_kwh is None
    assert found.emissions_g.value == 0


def test_two_media_with_other_copies_are_one_register():
    found = state(
        {"lyon": [dataset("a", storage_class="hdd"), dataset("b", storage_class="ssd")]},
        replication={"hdd": 3.0, "ssd": 2.0},
    )
    copies = {term.value for term in found.terms if term.quantity == "replication"}
    assert copies == {2.0, 3.0}
    assert len({term.id for term in found.terms}) == len(found.terms)


def test_copies_that_no_storage_class_says_are_those_of_the_deployment():
    held = managed({"lyon": [dataset("a", 100, storage_class="ssd", read_s=NOW_S - 9e8)]})
    needs = replace(held.needs, cold_after_s=9.0, cold_medium="storage.hdd")
    method = replace(held.deployment.method, replication=5.0)
    held = replace(held, needs=needs, deployment=replace(held.deployment, method=method))
    (line,) = state_of(held).lines
    used_kwh = factor("power_per_gb", "storage.ssd") * 100 * HOURS / 1000 * 5 * PUES["lyon"]
    assert line.energy_kwh == pytest.approx(used_kwh)
    (advice,) = [one for one in advise_datasets(held) if isinstance(one, Advice)]
    for name in ("keep", "tier down"):
        terms = advice.option(name).assessment.terms
        assert {term.value for term in terms if term.quantity == "replication"} == {5.0}


def test_money_that_nobody_priced_is_not_known_and_never_nothing():
    held = {"lyon": [dataset("a")]}
    board = {"lyon": [application("board", period_days=30.0, energy_kwh=2.0)]}
    free = state(held, prices=Prices(currency=Currency.EUR))
    assert free.cost is free.lines[0].cost is None
    assert "price-missing" in {one.code for one in free.findings}
    part = state(held, board, prices=Prices(currency=Currency.EUR, electricity_per_kwh=0.5))
    assert named(part, "a").cost is None
    used_kwh = 2.0 * 365 / 30 * PUES["lyon"]
    assert part.cost.value == pytest.approx(0.5 * used_kwh)


def test_what_one_entry_causes_nearly_alone_is_said():
    small = application("small", period_days=30.0, energy_kwh=1.0)
    # Four fifths of all: 4 times what 1 kWh emits in Lyon and in Turin, in kWh of Lyon.
    used_g = {silo: PUES[silo] * GRIDS[silo] for silo in ("lyon", "turin")}
    limit_kwh = 4 * sum(used_g.values()) / used_g["lyon"]
    for factor, said in ((0.999, []), (1.001, ["lyon/most"])):
        most = application("most", period_days=30.0, energy_kwh=limit_kwh * factor)
        found = state({}, {"lyon": [small, most], "turin": [small]})
        assert [one.place for one in found.findings] == said


def test_what_one_silo_causes_nearly_alone_is_said_with_the_rest():
    small = application("small", period_days=365.0, energy_kwh=1.0)
    used_g = {silo: PUES[silo] * GRIDS[silo] for silo in ("lyon", "turin")}
    # Nine tenths of all, in three equal parts.
    limit_kwh = 9 * used_g["turin"] / used_g["lyon"] / 3
    for factor, said in ((0.999, []), (1.001, ["lyon"])):
        parts = [
            application(f"{k}", period_days=365.0, energy_kwh=limit_kwh * factor) for k in (1, 2, 3)
        ]
        found = state({}, {"lyon": parts, "turin": [small]})
        assert [one.place for one in found.findings] == said
    (finding,) = found.findings
    assert (
        finding.message
        == f"lyon causes 90 % of what all of it emits; the rest is {used_g['turin']:.0f} g CO2e."
    )
    assert state({}, {"lyon": parts}).findings == ()


def test_total_holds_every_line_and_draws_shared_factors_once():
    found = state_of(company(draws=400))
    parts = [line.emissions_g for line in found.lines if line.emissions_g is not None]
    assert found.emissions_g.value == pytest.approx(sum(one.value for one in parts))
    # Ends of sums lie within the sums of ends: not all factors are at their ends at once.
    assert sum(one.low for one in parts) <= found.emissions_g.low
    assert found.emissions_g.high <= sum(one.high for one in parts)
    one = state_of(managed({"lyon": [dataset("a", 9)]}, draws=400))
    two = state_of(managed({"lyon": [dataset("a", 4), dataset("b", 5)]}, draws=400))
    assert two.emissions_g.high == pytest.approx(one.emissions_g.high)


def test_unknown_storage_class_is_not_guessed():
    found = state({"lyon": [dataset("a", storage_class="attic"), dataset("b")]})
    assert named(found, "a").emissions_g is named(found, "a").medium is None
    assert named(found, "b").emissions_g == found.emissions_g
    assert "1 of 2" in found.findings[0].message


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_order_of_silos_and_entries_changes_nothing(random):
    found = company(draws=0)
    names = list(found.catalogues)
    random.shuffle(names)
    mixed = {}
    for name in names:
        catalogue = found.catalogues[name]
        datasets, applications = list(catalogue.datasets), list(catalogue.applications)
        random.shuffle(datasets)
        random.shuffle(applications)
        mixed[name] = replace(catalogue, datasets=tuple(datasets), applications=tuple(applications))
    assert state_of(replace(found, catalogues=mixed)) == state_of(found)
