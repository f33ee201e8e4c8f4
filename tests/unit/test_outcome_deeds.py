"""Outcomes of advice about data: what was advised is seen, or nothing is said to be saved."""

from dataclasses import replace

import pytest

from footprint.management.catalogue import ApplicationEntry
from footprint.management.catalogue_outcomes import measure_catalogues
from footprint.management.scan_windows import CatalogueChoice
from footprint.model import Phase, Severity
from tests.outcome_cases import (
    DAY_S,
    NOW_S,
    advise,
    dataset,
    keeping,
    keeping_g,
    option,
    plan_of,
    scanned,
    use,
    write_company,
)

SCALED = CatalogueChoice(decided_s=NOW_S + DAY_S, scale=True)
BEFORE = dataset("x", 1000.0)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return write_company(tmp_path_factory.mktemp("company"))


def measure(company, plan, series, choice=SCALED):
    return measure_catalogues(company, plan, plan.advice[0], series, choice)


def codes(outcome, severity=Severity.ERROR):
    return {one.code for one in outcome.findings if one.severity is severity}


def tier_down(company):
    cold = keeping(company, "tier down", gigabytes=1000.0, medium="storage.hdd", copies=1.0)
    now = keeping(company, "keep", gigabytes=1000.0)
    return plan_of(company, advise("dataset", "lyon/x", now, cold))


def delete(company):
    now, then = keeping(company, "keep", gigabytes=1000.0), keeping(company, "delete")
    return plan_of(company, advise("dataset", "lyon/x", now, then))


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ((), "lyon/x is no longer declared"),
        ((dataset("x", 100.0),), "lyon/x lies on storage.ssd"),
        ((dataset("x", 1000.0),), "lyon/x lies on storage.ssd"),
    ],
)
def test_another_thing_than_a_colder_medium_is_not_what_was_promised(company, later, said):
    series = {"lyon": [scanned("lyon", 0, BEFORE), scanned("lyon", 2, *later)]}
    found = measure(company, tier_down(company), series)
    assert (found.measured_g, found.inside) == (None, None)
    (error,) = (one for one in found.findings if one.severity is Severity.ERROR)
    assert error.code == "not-as-advised"
    assert said in error.message
    # A person may say that this is what became of it; the doubt stays.
    named = measure(company, tier_down(company), series, replace(SCALED, entries=("lyon/x",)))
    assert named.measured_g is not None
    assert "not-as-advised" in codes(named, Severity.WARNING)


def test_a_colder_medium_with_less_data_is_said_to_hold_less(company):
    for gigabytes, is_said in ((1000.0, False), (920.0, False), (100.0, True), (3000.0, True)):
        cold = dataset("x", gigabytes, "hdd")
        series = {"lyon": [scanned("lyon", 0, BEFORE), scanned("lyon", 2, cold)]}
        found = measure(company, tier_down(company), series)
        assert not codes(found)
        assert ("size-changed" in codes(found, Severity.WARNING)) is is_said


def test_what_is_still_there_was_not_deleted(company):
    series = {"lyon": [scanned("lyon", 0, BEFORE), scanned("lyon", 2, dataset("x", 10.0))]}
    found = measure(company, delete(company), series)
    assert codes(found) == {"not-as-advised"}
    # The last catalogue decides, not one in between.
    series["lyon"].append(scanned("lyon", 3))
    assert not codes(measure(company, delete(company), series))
    series["lyon"].append(scanned("lyon", 4, BEFORE))
    assert codes(measure(company, delete(company), series)) == {"not-as-advised"}


def sized(name, gigabytes, rows):
    return replace(dataset(name, gigabytes), rows=rows)


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        pytest.param((), [sized("a", 500, 500), sized("b", 500, 500)], "ab", id="split in two"),
        pytest.param((), [sized("all", 1200, 1200)], ["all"], id="put into a larger one"),
        pytest.param([sized("y", 1000, 1000)], [sized("y", 2000, 2000)], "y", id="appended"),
        pytest.param([sized("y", 1000, 1000)], [sized("y", 900, 900)], "", id="shrunk"),
        pytest.param([sized("y", 1000, 1000)], [sized("y", 1800, 1800)], "", id="grown by less"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("silo", ["lyon", "gdansk"])
def test_what_went_into_other_data_was_not_deleted(company, silo, before, after, names):
    there = {"lyon": [BEFORE], "gdansk": []}
    there[silo] += before
    series = {name: [scanned(name, 0, *entries)] for name, entries in there.items()}
    for name in there:
        series[name].append(scanned(name, 2, *(after if name == silo else ())))
    found = measure(company, delete(company), series)
    assert codes(found) == ({"renamed"} if names else set())
    whole_g = keeping_g(company, "lyon", 1000.0 * (365 - 2) * 24)
    others = tuple(f"{silo}/{name}" for name in names)
    other = measure(company, delete(company), series, replace(SCALED, others=others))
    assert other.measured_g.value == pytest.approx(whole_g, rel=1e-9)
    for one in others:
        assert one in str(found.findings)
    if names:
        both = replace(SCALED, entries=("lyon/x", *others))
        assert measure(company, delete(company), series, both).measured_g.value < whole_g / 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([sized("y", 9000, 9000)], [sized("y", 11000, 11000)], id="a log that goes on"),
        pytest.param(
            [sized(f"y{n}", 9000, 9000) for n in range(6)],
            [sized(f"y{n}", 9200, 9200) for n in range(6)],
            id="six that each grow a little",
        ),
        pytest.param(None, [sized("y", 9000, 9000)], id="a silo that joins"),
    ],
)
def test_data_that_grows_as_data_do_is_said_and_refuses_no_saving(company, before, after):
    series = {"lyon": [scanned("lyon", 0, BEFORE), scanned("lyon", 2)], "gdansk": []}
    if before is not None:
        series["gdansk"].append(scanned("gdansk", 0, *before))
    series["gdansk"].append(scanned("gdansk", 2, *after))
    found = measure(company, delete(company), series)
    assert not codes(found)
    assert "grown-since" in codes(found, Severity.WARNING)
    whole_g = keeping_g(company, "lyon", 1000.0 * (365 - 2) * 24)
    assert found.measured_g.value == pytest.approx(whole_g, rel=1e-9)


def test_what_a_silo_has_that_was_not_looked_at_before_may_be_what_went(company):
    series = {"lyon": [scanned("lyon", 0, BEFORE), scanned("lyon", 2)]}
    series["gdansk"] = [scanned("gdansk", 5, dataset("x2", 1000.0))]
    found = measure(company, delete(company), series)
    assert codes(found) == {"renamed"}
    assert "gdansk/x2" in str(found.findings)
    series["gdansk"] = [scanned("gdansk", 5, sized("x2", 10.0, 10))]
    assert not codes(measure(company, delete(company), series))


def test_of_two_applications_that_were_merged_the_right_one_stays(company):
    year_kwh = 365 / 30 * 3.0
    both = [use(company, silo, year_kwh, Phase.INFERENCE) for silo in ("lyon", "gdansk")]
    merged = use(company, "lyon", 2 * year_kwh, Phase.INFERENCE)
    now, then = option(company, "keep both", *both), option(company, "merge into lyon/a", merged)
    plan = plan_of(company, advise("application", "gdansk/b + lyon/a", now, then))
    a, b = (
        ApplicationEntry(id=name, models=(name,), calls=10, period_days=30.0, energy_kwh=3.0)
        for name in "ab"
    )
    for in_lyon, in_gdansk, is_done in (((a,), (), True), ((), (b,), False), ((a,), (b,), False),
                                        ((), (), False)):  # fmt: skip
        series = {
            "lyon": [scanned("lyon", 0, a), scanned("lyon", 2, *in_lyon)],
            "gdansk": [scanned("gdansk", 0, b), scanned("gdansk", 2, *in_gdansk)],
        }
        assert codes(measure(company, plan, series)) == (set() if is_done else {"not-as-advised"})


def test_nothing_is_shown_as_seen_before_anybody_looked_again(company):
    found = measure(company, delete(company), {"lyon": [scanned("lyon", 0, BEFORE)]})
    assert codes(found) == {"catalogue-after-missing"}
    assert (found.before, found.after) == ((), ())
    assert (found.covered, found.scaled) == (0.0, False)


def test_time_before_the_plan_is_not_counted(company):
    series = {"lyon": [scanned("lyon", -100, BEFORE), scanned("lyon", 20), scanned("lyon", 30)]}
    found = measure(company, delete(company), series, replace(SCALED, scale=False))
    assert found.covered == pytest.approx(30 / 365, rel=1e-12)
    assert found.before_g.value == pytest.approx(keeping_g(company, "lyon", 1000.0 * 30 * 24))
