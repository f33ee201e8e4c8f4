"""Measured against promised: savings that are computed by hand, and those that do not exist."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footprint.errors import LedgerError, UsageError
from footprint.ledger import open_ledger, record
from footprint.management.catalogue import ApplicationEntry, Column, ColumnKind, hash_schema
from footprint.management.catalogue_outcomes import measure_catalogues
from footprint.management.run_outcomes import RunChoice, measure_runs
from footprint.management.scan_windows import CatalogueChoice
from footprint.model import Journal, LifeCycle, Phase, Run, Severity, View
from tests.outcome_cases import (
    DAY_S,
    GRID,
    HORIZON_H,
    HOUR_S,
    NEEDS,
    NOW_S,
    PUE,
    advise,
    architecture,
    dataset,
    enter,
    keeping,
    keeping_g,
    network_kwh_per_gb,
    option,
    plan_of,
    scanned,
    schedule,
    use,
    write_company,
)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return write_company(tmp_path_factory.mktemp("company"))


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        yield ledger


def grams(silo, energy_kwh):
    return energy_kwh * PUE[silo] * GRID[silo]


def codes(outcome, severity=Severity.ERROR):
    return {one.code for one in outcome.findings if one.severity is severity}


def four_runs(ledger, folder, energy_kwh=11.0):
    names = tuple(f"fed-{n}" for n in range(4))
    for n, name in enumerate(names):
        enter(ledger, folder, name, ("lyon", energy_kwh, 24 + n, 2))
    return names


# --- runs -----------------------------------------------------------------------------------


def test_all_trainings_against_the_option_of_today(company, ledger, tmp_path):
    plan = architecture(company)
    advice = plan.advice[0]
    runs = four_runs(ledger, tmp_path)
    found = measure_runs(company, plan, advice, ledger, RunChoice(runs=runs))
    # 400 kWh in Gdansk as planned; 44 kWh in Lyon were measured, where 40 had been promised.
    expected_g = grams("gdansk", 400) - grams("lyon", 44)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    assert found.measured_kwh == pytest.approx(400 * 2.0 - 44 * 1.5, rel=1e-12)
    assert found.measured_g.low < expected_g < found.measured_g.high
    assert found.before_g.value == found.planned_before_g.value == grams("gdansk", 400)
    assert found.after_g.value == pytest.approx(grams("lyon", 44), rel=1e-12)
    assert found.planned_after_g.value == pytest.approx(grams("lyon", 40), rel=1e-12)
    assert (found.promised_g, found.promised_kwh) == (advice.saving_g, advice.saving_kwh)
    assert (found.covered, found.scaled, found.inside) == (1.0, False, True)
    assert not codes(found)


def test_a_saving_beside_the_promised_interval_is_said_to_be_outside(company, ledger, tmp_path):
    plan = architecture(company, energies_kwh=(40.0, 40.0))
    runs = four_runs(ledger, tmp_path, energy_kwh=2000.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=runs))
    assert found.measured_g.value < 0 < plan.advice[0].saving_g.low
    assert found.inside is False


def test_one_of_four_trainings_is_no_saving_unless_a_person_lets_it_stand(
    company, ledger, tmp_path
):
    plan = architecture(company)
    one = four_runs(ledger, tmp_path)[:1]
    found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=one))
    assert (found.measured_g, found.measured_kwh, found.inside) == (None, None, None)
    assert (found.before_g, found.after_g, found.measured_cost) == (None, None, None)
    assert found.covered == 0.25
    assert codes(found) == {"coverage-differs"}
    scaled = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=one, scale=True))
    expected_g = grams("gdansk", 400) - 4 * grams("lyon", 11)
    assert scaled.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    assert (scaled.scaled, scaled.inside) == (True, True)
    assert "stated" in codes(scaled, Severity.WARNING)
    word = RunChoice(runs=one, covers=1.0)
    believed = measure_runs(company, plan, plan.advice[0], ledger, word)
    expected_g = grams("gdansk", 400) - grams("lyon", 11)
    assert believed.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    assert "stated" in codes(believed, Severity.WARNING)


def test_a_run_of_before_takes_the_place_of_the_plan(company, ledger, tmp_path):
    plan = architecture(company)
    enter(ledger, tmp_path, "old", ("gdansk", 90.0, -100, 2))
    enter(ledger, tmp_path, "new", ("lyon", 12.0, 24, 2))
    choice = RunChoice(runs=("new",), before=("old",))
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert found.measured_g.value == pytest.approx(grams("gdansk", 90) - grams("lyon", 12))
    # One training against one; four were promised, so it is neither inside nor outside.
    assert (found.covered, found.inside) == (0.25, None)
    assert [(one.side, one.name, one.change) for one in found.evidence] == [
        ("before", "old", 1), ("after", "new", 2),
    ]  # fmt: skip
    assert found.evidence[1].stop_s - found.evidence[1].start_s == 2 * HOUR_S
    scaled = measure_runs(company, plan, plan.advice[0], ledger, replace(choice, scale=True))
    for end in ("value", "low", "high"):
        one, four = (getattr(outcome.measured_g, end) for outcome in (found, scaled))
        assert four == pytest.approx(4 * one, rel=1e-9)
    assert scaled.inside is not None


def test_a_run_from_before_the_plan_is_doubted(company, ledger, tmp_path):
    plan = architecture(company)
    enter(ledger, tmp_path, "old", ("lyon", 12.0, -100, 2))
    choice = RunChoice(runs=("old",), scale=True)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert "earlier-than-plan" in codes(found, Severity.WARNING)


def test_a_run_from_before_the_decision_is_doubted(company, ledger, tmp_path):
    plan = architecture(company)
    enter(ledger, tmp_path, "new", ("lyon", 12.0, 24, 2))
    choice = RunChoice(runs=("new",), scale=True, decided_s=NOW_S + 24 * HOUR_S + 1)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert "earlier-than-decision" in codes(found, Severity.WARNING)
    choice = replace(choice, decided_s=NOW_S + 24 * HOUR_S)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert "earlier-than-decision" not in codes(found, Severity.WARNING)


@pytest.mark.parametrize(("hour", "said"), [(2.0, False), (2.9, False), (4.0, True), (0.5, True)])
def test_a_job_that_began_at_another_time_than_advised_is_said_to(
    company, ledger, tmp_path, hour, said
):
    plan = schedule(company)
    advice = plan.advice[0]
    name = "lyon from 2026-11-20 02:00 UTC"
    options = (advice.options[0], replace(advice.options[1], name=name))
    advice = replace(advice, options=options, recommended=name)
    enter(ledger, tmp_path, "job", ("lyon", 8.0, hour, 2, {"phase": "other"}))
    found = measure_runs(company, plan, advice, ledger, RunChoice(runs=("job",)))
    assert ("another-time" in codes(found, Severity.WARNING)) is said
    assert found.measured_g is not None


def test_actors_get_the_place_of_the_silo_under_which_they_were_entered(company, ledger, tmp_path):
    plan = architecture(company)
    enter(ledger, tmp_path, "new", ("client-1", 12.0, 24, 2), ("lyon", 1.0, 24, 2), silo="lyon")
    choice = RunChoice(runs=("new",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    expected_g = grams("gdansk", 400) - grams("lyon", 13)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([("lyon", None, 24, 2)], "energy-missing"),
        ([("lyon", 11.0, 24, 2), ("lyon", None, 26, 2)], "energy-missing"),
        ([("gdansk", 11.0, 24, 2)], "not-measured"),
        ([("lyon", 11.0, 24, 2, {"phase": "evaluate"})], "not-measured"),
    ],
)
def test_what_is_missing_is_said_and_makes_no_saving(company, ledger, tmp_path, rows, code):
    plan = architecture(company)
    enter(ledger, tmp_path, "new", *rows)
    choice = RunChoice(runs=("new",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert code in codes(found)
    assert (found.measured_g, found.measured_kwh, found.inside) == (None, None, None)
    assert all(one.remedy for one in found.findings if one.severity is Severity.ERROR)


def test_a_silo_stands_where_its_deployment_says(company, ledger, tmp_path):
    plan = architecture(company)
    moved = Journal.of(Run("new"), [replace(use(company, "lyon", 11.0), zone="PL")] * 2)
    record(ledger, moved, silo="lyon")
    choice = RunChoice(runs=("new",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    expected_g = grams("gdansk", 400) - grams("lyon", 22)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    said = [one.message for one in found.findings if one.code == "zone-differs"]
    assert len(said) == 1
    assert "'PL'" in said[0]


def test_parts_of_one_run_in_two_silos_are_one_training(company, ledger, tmp_path):
    now = option(company, "centralise", use(company, "gdansk", 400.0))
    then = option(company, "federate", use(company, "lyon", 40.0), use(company, "gdansk", 4.0))
    plan = plan_of(company, advise("architecture", "defects", now, then))
    for silo, energy_kwh in (("lyon", 44.0), ("gdansk", 5.0)):
        # Clients of one name in two silos are two.
        activity = replace(use(company, silo, energy_kwh), actor="client-1", zone=None)
        record(ledger, Journal.of(Run("new"), [activity]), silo=silo)
    choice = RunChoice(runs=("new",), scale=True)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    expected_g = grams("gdansk", 400) - 4 * (grams("lyon", 44) + grams("gdansk", 5))
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    assert found.covered == 0.25
    alone = replace(choice, silos=("lyon",))
    found = measure_runs(company, plan, plan.advice[0], ledger, alone)
    assert codes(found) == {"not-measured"}


def test_an_actor_of_no_silo_is_refused(company, ledger, tmp_path):
    plan = architecture(company)
    enter(ledger, tmp_path, "new", ("lyon", 1.0, 24, 2), ("client-1", 11.0, 24, 2), silo="")
    with pytest.raises(LedgerError, match="in which silo client-1"):
        measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=("new",)))


def test_what_was_promised_of_the_network_has_to_be_measured(company, ledger, tmp_path):
    now = option(company, "centralise", use(company, "gdansk", 400.0))
    upload = use(company, "lyon", phase=Phase.UPLOAD, data_gb=10.0)
    then = option(company, "federate", use(company, "lyon", 40.0), upload)
    plan = plan_of(company, advise("architecture", "defects", now, then))
    enter(ledger, tmp_path, "new", ("lyon", 44.0, 24, 2))
    choice = RunChoice(runs=("new",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert found.measured_g is None
    (missing,) = (one for one in found.findings if one.code == "not-measured")
    assert "lyon network" in missing.message
    # A person may say that it was not done; or its data is entered.
    said = replace(choice, without=(Phase.UPLOAD,))
    found = measure_runs(company, plan, plan.advice[0], ledger, said)
    expected_g = grams("gdansk", 400) - grams("lyon", 44)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    moved = {"phase": "upload", "data_gb": 20.0}
    enter(ledger, tmp_path, "moved", ("lyon", 0.0, 26, 1, moved))
    both = replace(choice, runs=("new", "moved"))
    found = measure_runs(company, plan, plan.advice[0], ledger, both)
    moved_g = 20.0 * network_kwh_per_gb(company) * GRID["lyon"]
    assert found.measured_g.value == pytest.approx(expected_g - moved_g, rel=1e-9)


def test_who_idles_waits(company, ledger, tmp_path):
    now = option(company, "centralise", use(company, "gdansk", 400.0))
    idle = use(company, "gdansk", 5.0, Phase.IDLE)
    then = option(company, "federate", use(company, "lyon", 40.0), idle)
    plan = plan_of(company, advise("architecture", "defects", now, then))
    waiting = ("gdansk", 2.0, 24, 2, {"phase": "wait"})
    enter(ledger, tmp_path, "new", ("lyon", 44.0, 24, 2), waiting)
    choice = RunChoice(runs=("new",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    expected_g = grams("gdansk", 400 - 2) - grams("lyon", 44)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-12)


def test_another_view_is_another_boundary(company, ledger):
    plan = architecture(company)
    seen = Journal.of(Run("new"), [use(company, "lyon", 11.0)], view=View.MACHINE)
    record(ledger, seen, silo="lyon")
    choice = RunChoice(runs=("new",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert "boundary-differs" in codes(found)
    assert found.measured_g is None
    assert "machine" in next(f.message for f in found.findings if f.code == "boundary-differs")


def test_what_the_plan_does_not_count_is_left_out_of_the_run_too(company, ledger, tmp_path):
    plan = architecture(company)
    more = {"phase": "upload", "data_gb": 20.0}
    enter(ledger, tmp_path, "new", ("lyon", 44.0, 24, 2), ("lyon", None, 26, 0, more))
    choice = RunChoice(runs=("new",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert found.measured_g.value == pytest.approx(grams("gdansk", 400) - grams("lyon", 44))
    assert "left-out" in codes(found, Severity.WARNING)


def test_a_run_counts_once(company, ledger, tmp_path):
    for twice in ({"runs": ("a",) * 4}, {"runs": ("a",), "before": ("b", "b")},
                  {"runs": ("a", "b"), "before": ("b",)}):  # fmt: skip
        with pytest.raises(UsageError, match="named twice"):
            RunChoice(**twice)


def serve(company):
    now, then = (
        option(company, silo, use(company, silo, HORIZON_H, Phase.INFERENCE))
        for silo in ("gdansk", "lyon")
    )
    return plan_of(company, advise("serving", "board", now, then))


def test_hours_in_which_nothing_was_metered_are_not_covered(company, ledger, tmp_path):
    plan, answers = serve(company), {"phase": "inference"}
    enter(ledger, tmp_path, "first", ("lyon", 1.0, 0, 1, answers))
    enter(ledger, tmp_path, "last", ("lyon", 1.0, HORIZON_H - 1, 1, answers))
    choice = RunChoice(runs=("first", "last"))
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert found.covered == pytest.approx(2 / HORIZON_H, rel=1e-9)
    assert (found.measured_g, found.inside) == (None, None)
    assert codes(found) == {"coverage-differs"}
    # What overlaps, or lies within the other, is no more time.
    half_h = HORIZON_H / 2
    first = ("lyon", 4000.0, 0, half_h + 5, answers)
    last = ("lyon", 4700.0, half_h, half_h, answers)
    enter(ledger, tmp_path, "whole", first, last, ("lyon", 60.0, 9, 2, answers))
    found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=("whole",)))
    assert found.covered == pytest.approx(1.0, rel=1e-12)
    expected_g = grams("gdansk", HORIZON_H) - grams("lyon", 8760)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert found.inside is True


def test_hardware_that_was_promised_and_is_not_known_of_the_run_is_no_saving(company, ledger):
    now = option(company, "centralise", use(company, "gdansk", 400.0))
    trained = use(company, "lyon", 40.0, duration_s=9000.0, device="desktop")
    plan = plan_of(
        company, advise("architecture", "defects", now, option(company, "federate", trained))
    )
    for name, device in (("known", "desktop"), ("unknown", None)):
        activity = replace(use(company, "lyon", 44.0, duration_s=9000.0), device=device)
        record(ledger, Journal.of(Run(name), [activity]), silo="lyon")
    choice = RunChoice(runs=("known",), covers=1.0)
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert not codes(found)
    # The making of what trained is in it.
    assert found.measured_g.value < grams("gdansk", 400) - grams("lyon", 44)
    choice = replace(choice, runs=("unknown",))
    found = measure_runs(company, plan, plan.advice[0], ledger, choice)
    assert "boundary-differs" in codes(found)
    assert found.measured_g is None
    (said,) = (one.message for one in found.findings if one.code == "boundary-differs")
    assert "not counted, and promised: " in said


def test_nothing_ran_rests_on_a_persons_word(company, ledger):
    now = option(company, "train again", use(company, "gdansk", 100.0))
    plan = plan_of(company, advise("retraining", "demand", now, option(company, "keep")))
    found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=()))
    assert found.measured_g.value == pytest.approx(grams("gdansk", 100), rel=1e-12)
    assert [(one.what, one.name) for one in found.evidence] == [("word", "nothing was run")]
    assert "stated" in codes(found, Severity.WARNING)
    other = architecture(company)
    with pytest.raises(UsageError, match="something that runs"):
        measure_runs(company, other, other.advice[0], ledger, RunChoice(runs=()))


def test_what_cannot_be_meant_is_refused(company, ledger, tmp_path):
    plan = architecture(company)
    with pytest.raises(LedgerError, match="no run 'none'"):
        measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=("none",)))
    enter(ledger, tmp_path, "new", ("lyon", 44.0, 24, 2))
    with pytest.raises(UsageError, match="cover"):
        measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=("new",), covers=0.0))
    unknown = plan_of(company, replace(plan.advice[0], subject="other", id="architecture/other"))
    found = measure_runs(company, unknown, unknown.advice[0], ledger, RunChoice(runs=("new",)))
    assert (found.covered, found.measured_g) == (None, None)
    assert codes(found) == {"coverage-unknown"}


@pytest.mark.parametrize(
    ("hour", "intensity"), [(26.0, 30.0), (29.0, 60.0), (36.0, 90.0), (28.5, 45.0)]
)
def test_a_job_is_measured_by_the_intensity_of_its_hours(
    company, ledger, tmp_path, hour, intensity
):
    plan = schedule(company)
    enter(ledger, tmp_path, "nightly-1", ("lyon", 9.0, hour, 2, {"phase": "other"}))
    found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=("nightly-1",)))
    # Until 6:00 the grid has 30 g/kWh, later 90.
    expected_g = 8.0 * 1.5 * 90.0 - 9.0 * 1.5 * intensity
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert found.promised_g.value == pytest.approx(8.0 * 1.5 * 60.0, rel=1e-12)
    assert found.covered == 1.0


def test_a_job_whose_hours_no_series_knows_saved_nothing_known(company, ledger, tmp_path):
    plan = schedule(company)
    enter(ledger, tmp_path, "late", ("lyon", 9.0, 24 * 20, 2))
    enter(ledger, tmp_path, "elsewhere", ("gdansk", 9.0, 26, 2))
    for name in ("late", "elsewhere"):
        found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=(name,)))
        assert "intensity-missing" in codes(found)
        assert found.measured_g is None


@given(
    then_kwh=st.lists(st.floats(0.1, 1e4), min_size=4, max_size=4),
    known=st.lists(st.booleans(), min_size=4, max_size=4),
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_measured_saving_is_that_of_all_or_there_is_none(
    company, tmp_path_factory, then_kwh, known
):
    plan = architecture(replace(company, deployment=no_draws(company)))
    folder = tmp_path_factory.mktemp("ledger")
    with open_ledger(f"sqlite:///{folder}/l.db", create=True) as ledger:
        names = []
        for n, (energy_kwh, there) in enumerate(zip(then_kwh, known, strict=True)):
            names.append(f"run-{n}")
            enter(ledger, folder, names[-1], ("lyon", energy_kwh if there else None, 24 + n, 1))
        found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=tuple(names)))
    if all(known):
        expected_g = grams("gdansk", 400) - sum(grams("lyon", one) for one in then_kwh)
        assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9, abs=1e-6)
    else:
        assert found.measured_g is None
        assert "energy-missing" in codes(found)
    assert found.promised_g == plan.advice[0].saving_g


def no_draws(company):
    return replace(company.deployment, method=replace(company.deployment.method, draws=0))


PRICES = """
[prices]
currency = "EUR"
electricity = "0.2 EUR/kWh"
storage = "0.02 EUR/GB/month"
"""


def test_money_is_measured_only_if_all_of_it_is_known(ledger, tmp_path):
    company = write_company(tmp_path / "priced", NEEDS.replace("[intens", f"{PRICES}[intens"))
    plan = architecture(company)
    runs = four_runs(ledger, tmp_path)
    found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=runs))
    # Electricity, with the overhead of the buildings.
    expected = 0.2 * (400 * 2.0 - 44 * 1.5)
    assert found.measured_cost.value == pytest.approx(expected, rel=1e-9)
    assert found.promised_cost.value == pytest.approx(0.2 * (400 * 2.0 - 40 * 1.5), rel=1e-9)
    staffed = option(company, "federate", use(company, "lyon", 40.0), staff=1000.0)
    now = plan.advice[0].option("centralise")
    plan = plan_of(company, advise("architecture", "defects", now, staffed))
    found = measure_runs(company, plan, plan.advice[0], ledger, RunChoice(runs=runs))
    assert found.measured_cost is None
    assert "cost-not-measured" in codes(found, Severity.WARNING)
    assert found.measured_g is not None


# --- catalogues -----------------------------------------------------------------------------


def delete(company):
    now, then = keeping(company, "keep", gigabytes=500.0), keeping(company, "delete")
    return plan_of(company, advise("dataset", "lyon/old-scans", now, then))


DECIDED = CatalogueChoice(decided_s=NOW_S + DAY_S)


def test_a_dataset_counts_as_kept_until_the_first_scan_without_it(company):
    plan = delete(company)
    series = {
        "lyon": [
            scanned("lyon", -10, dataset("old-scans", 400.0)),
            scanned("lyon", 0, dataset("old-scans", 500.0), dataset("other", 70.0)),
            scanned("lyon", 30, dataset("old-scans", 500.0), dataset("other", 90.0)),
            scanned("lyon", 65, dataset("other", 500.0)),
            scanned("lyon", 73),
        ]
    }
    found = measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
    # Gone on day 65, and still on day 73: eight days are sure.
    expected_g = keeping_g(company, "lyon", 500.0 * 8 * 24)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert found.covered == pytest.approx(73 / 365, rel=1e-12)
    assert found.inside is None
    assert found.promised_g.value == pytest.approx(
        keeping_g(company, "lyon", 500.0 * HORIZON_H), rel=1e-9
    )
    scaled = measure_catalogues(company, plan, plan.advice[0], series, replace(DECIDED, scale=True))
    expected_g = keeping_g(company, "lyon", 500.0 * (365 - 65) * 24)
    assert scaled.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert scaled.inside is True
    assert "stated" in codes(scaled, Severity.WARNING)


def test_a_dataset_that_shrank_or_grew_before_it_went_is_seen_as_it_was(company):
    plan = delete(company)
    for gigabytes in (100.0, 700.0):
        series = {
            "lyon": [
                scanned("lyon", 0, dataset("old-scans", 500.0)),
                scanned("lyon", 40, dataset("old-scans", gigabytes)),
                scanned("lyon", 50),
            ]
        }
        still = replace(DECIDED, after_s=NOW_S + 45 * DAY_S)
        found = measure_catalogues(company, plan, plan.advice[0], series, still)
        assert codes(found) == {"not-as-advised"}
        found = measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
        saved_gb_h = (500.0 - gigabytes) * 10 * 24
        expected_g = keeping_g(company, "lyon", abs(saved_gb_h))
        assert abs(found.measured_g.value) == pytest.approx(expected_g, rel=1e-9)
        assert (found.measured_g.value > 0) == (gigabytes < 500)


def test_a_colder_medium_saves_the_difference_of_both(company):
    now = keeping(company, "keep", gigabytes=500.0)
    then = keeping(company, "tier down", gigabytes=500.0, medium="storage.hdd", copies=1.0)
    plan = plan_of(company, advise("dataset", "lyon/old-scans", now, then))
    series = {
        "lyon": [
            scanned("lyon", 0, dataset("old-scans", 500.0)),
            scanned("lyon", 1.5, dataset("old-scans", 500.0, "hdd")),
        ]
    }
    found = measure_catalogues(company, plan, plan.advice[0], series, replace(DECIDED, scale=True))
    gb_h = 500.0 * (365 - 1.5) * 24
    expected_g = keeping_g(company, "lyon", gb_h) - keeping_g(
        company, "lyon", gb_h, "storage.hdd", 1.0
    )
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert found.inside is True


def test_what_moving_costs_is_taken_off_as_planned(company):
    now = keeping(company, "keep", gigabytes=500.0)
    gone = keeping(company, "move")
    move = use(company, "lyon", phase=Phase.DATA_TRANSFER, data_gb=500.0)
    then = replace(gone, assessment=company.assess("move", [move]))
    plan = plan_of(company, advise("dataset", "lyon/old-scans", now, then))
    series = {"lyon": [scanned("lyon", 0, dataset("old-scans", 500.0)), scanned("lyon", 10)]}
    found = measure_catalogues(company, plan, plan.advice[0], series, replace(DECIDED, scale=True))
    moved_g = 500.0 * network_kwh_per_gb(company) * GRID["lyon"]
    kept_g = keeping_g(company, "lyon", 500.0 * 355 * 24)
    assert found.measured_g.value == pytest.approx(kept_g - moved_g, rel=1e-9)
    assert "as-planned" in codes(found, Severity.WARNING)


@pytest.mark.parametrize(
    ("scans", "code"),
    [
        ([(0, dataset("old-scans", 500.0))], "catalogue-after-missing"),
        ([(0, dataset("old-scans", 500.0)), (400,)], "catalogue-after-missing"),
        ([(2, dataset("old-scans", 500.0)), (30,)], "catalogue-before-missing"),
        ([(0, dataset("old-scans", 500.0, None)), (30,)], "catalogue-incomplete"),
        (
            [(0, dataset("old-scans", 500.0)), (30, dataset("old-scans", 1.0, None))],
            "catalogue-incomplete",
        ),
    ],
)
def test_what_no_catalogue_says_is_no_saving(company, scans, code):
    plan = delete(company)
    series = {"lyon": [scanned("lyon", day, *entries) for day, *entries in scans]}
    for scale in (False, True):
        choice = replace(DECIDED, scale=scale)
        found = measure_catalogues(company, plan, plan.advice[0], series, choice)
        assert code in codes(found)
        assert (found.measured_g, found.measured_kwh, found.inside) == (None, None, None)


def test_an_advice_that_no_catalogue_knows_is_refused(company):
    plan = delete(company)
    series = {"lyon": [scanned("lyon", 0, dataset("other", 1.0))]}
    with pytest.raises(UsageError, match="No catalogue") as error:
        measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
    assert "--entry" in error.value.remedy
    choice = replace(DECIDED, entries=("lyon/none",))
    with pytest.raises(UsageError, match="'lyon/none'"):
        measure_catalogues(company, plan, plan.advice[0], series, choice)
    named = replace(DECIDED, entries=("lyon/other",), scale=True)
    series["lyon"].append(scanned("lyon", 10))
    found = measure_catalogues(company, plan, plan.advice[0], series, named)
    assert found.measured_g.value == pytest.approx(keeping_g(company, "lyon", 355 * 24), rel=1e-9)


def application(name, energy_kwh, period_days=30.0, models=("m",)):
    return ApplicationEntry(
        id=name, models=models, calls=10, period_days=period_days, energy_kwh=energy_kwh
    )


def retire(company, subject="lyon/board-old"):
    asked = use(company, "lyon", 12 * 10.0, Phase.INFERENCE, life_cycle=LifeCycle.INFER)
    then = option(company, "retire")
    if "+" in subject:
        answered = use(company, "lyon", 12 * 6.0, Phase.INFERENCE, life_cycle=LifeCycle.INFER)
        then = option(company, "merge into lyon/board", answered)
    return plan_of(company, advise("application", subject, option(company, "keep", asked), then))


def test_the_energy_of_an_application_that_was_retired(company):
    plan = retire(company)
    before, other = application("board-old", 10.0), application("board", 20.0)
    grown = application("board", 26.0)
    series = {
        "lyon": [
            scanned("lyon", 0, before, other),
            scanned("lyon", 60, grown),
            scanned("lyon", 90, grown),
        ]
    }
    found = measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
    assert found.measured_g.value == pytest.approx(grams("lyon", 10.0), rel=1e-9)
    # If it was merged, the one that answers in its place is looked at too.
    plan = retire(company, "lyon/board + lyon/board-old")
    found = measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
    assert found.measured_g.value == pytest.approx(grams("lyon", 10.0 - 6.0), rel=1e-9)
    unmetered = scanned("lyon", 60, application("board-old", None))
    series["lyon"][1] = unmetered
    found = measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
    assert "catalogue-incomplete" in codes(found)
    assert found.measured_g is None


# --- several silos, and other names ---------------------------------------------------------


def merge(company):
    """3 kWh in 30 days in each silo today, 6 kWh in Lyon from now on."""
    kwh = 365 / 30 * 3.0
    now = option(
        company,
        "keep both",
        use(company, "lyon", kwh, Phase.INFERENCE),
        use(company, "gdansk", kwh, Phase.INFERENCE),
    )
    then = option(company, "merge into lyon/a", use(company, "lyon", 2 * kwh, Phase.INFERENCE))
    return plan_of(company, advise("application", "gdansk/b + lyon/a", now, then))


@pytest.mark.parametrize(("lyon_day", "gdansk_day"), [(30, 360), (360, 30)])
def test_silos_count_for_the_time_in_which_all_of_them_were_looked_at(
    company, lyon_day, gdansk_day
):
    plan = merge(company)
    series = {
        "lyon": [
            scanned("lyon", -1, application("a", 3.0)),
            scanned("lyon", 5, application("a", 3.0)),
            scanned("lyon", 6, application("a", 6.0)),
            scanned("lyon", lyon_day, application("a", 6.0)),
        ],
        # Of the same day as the decision, and so after the first look at Lyon.
        "gdansk": [
            scanned("gdansk", 2, application("b", 3.0)),
            scanned("gdansk", 10),
            scanned("gdansk", gdansk_day),
        ],
    }
    choice = replace(DECIDED, decided_s=NOW_S + 2 * DAY_S)
    found = measure_catalogues(company, plan, plan.advice[0], series, choice)
    # From day 2 to day 30, for both: b is gone on day 10, and a has its calls from day 6.
    expected_g = grams("gdansk", 0.1 * (30 - 10)) - grams("lyon", 0.1 * (30 - 6))
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert found.covered == pytest.approx(28 / 365, rel=1e-12)
    assert "scans-differ" in codes(found, Severity.WARNING)
    (said,) = (one.message for one in found.findings if one.code == "scans-differ")
    assert ("lyon" if lyon_day == 30 else "gdansk") in said.partition(":")[0]
    scaled = measure_catalogues(company, plan, plan.advice[0], series, replace(choice, scale=True))
    expected_g = grams("gdansk", 0.1 * (365 - 10)) - grams("lyon", 0.1 * (365 - 6))
    assert scaled.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert scaled.covered == pytest.approx(28 / 365, rel=1e-12)
    assert "scans-differ" not in codes(scaled, Severity.WARNING)


def with_columns(entry, *names):
    columns = tuple(Column(name, ColumnKind.NUMBER) for name in names)
    return replace(entry, columns=columns, schema_hash=hash_schema(columns))


def renamed(company, new, silo="lyon", **how):
    plan = delete(company)
    old = dataset("old-scans", 500.0)
    series = {
        "lyon": [scanned("lyon", 0, old, dataset("other", 500.0)), scanned("lyon", 10)],
        "gdansk": [scanned("gdansk", 0, dataset("copy", 500.0)), scanned("gdansk", 9)],
    }
    last = series[silo][-1]
    series[silo][-1] = replace(last, datasets=(*series[silo][0].datasets[1:], new))
    choice = replace(DECIDED, scale=True, **how)
    return measure_catalogues(company, plan, plan.advice[0], series, choice)


@pytest.mark.parametrize("silo", ["lyon", "gdansk"])
@pytest.mark.parametrize(
    "new", [dataset("x", 500.0), dataset("x", 501.0), replace(dataset("x", 500.0), rows=7)]
)
def test_another_name_saves_nothing_unless_a_person_says_that_it_is_another_thing(
    company, silo, new
):
    found = renamed(company, new, silo)
    assert codes(found) == {"renamed"}
    assert found.measured_g is None
    (said,) = (one for one in found.findings if one.code == "renamed")
    assert f"--other {silo}/x" in said.remedy
    other = renamed(company, new, silo, others=(f"{silo}/x",))
    saved_g = keeping_g(company, "lyon", 500.0 * 355 * 24)
    assert other.measured_g.value == pytest.approx(saved_g, rel=1e-9)
    assert "stated" in codes(other, Severity.WARNING)
    assert "whether it is gone it does not" in str(other.findings)
    both = renamed(company, new, silo, entries=("lyon/old-scans", f"{silo}/x"))
    assert not codes(both)
    assert both.measured_g.value < saved_g


@pytest.mark.parametrize(
    ("new", "is_asked"),
    [
        (replace(dataset("x", 460.0), rows=7), True),
        (replace(dataset("x", 440.0), rows=7), False),
        (replace(dataset("x", 440.0), rows=910), True),
        (with_columns(dataset("x", 500.0), "b"), False),
    ],
)
def test_what_has_its_columns_and_most_of_its_rows_or_bytes_is_asked_about(company, new, is_asked):
    found = renamed(company, new)
    assert codes(found) == ({"renamed"} if is_asked else set())
    assert (found.measured_g is None) == is_asked


def test_an_application_of_another_name_is_not_retired(company):
    plan = retire(company)
    series = {
        "lyon": [
            scanned("lyon", 0, application("board-old", 10.0)),
            scanned("lyon", 60, application("board-2", 10.0)),
        ]
    }
    found = measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
    assert codes(found) == {"renamed"}
    series["lyon"][1] = scanned("lyon", 60, application("board-2", 10.0, models=("n",)))
    found = measure_catalogues(company, plan, plan.advice[0], series, DECIDED)
    assert not codes(found)
