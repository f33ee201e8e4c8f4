"""Outcomes measured in runs: dead meters, silos that are left out, other hours, other bounds."""

import itertools
from dataclasses import replace

import pytest

from footprint.errors import UsageError
from footprint.ledger import open_ledger
from footprint.management.advisor.windows import list_intensity_files
from footprint.management.records import write_outcome
from footprint.management.run_outcomes import RunChoice, measure_runs
from footprint.model import Phase, Severity
from footprint.settings import Supply
from tests.outcome_cases import (
    GRID,
    HORIZON_H,
    HORIZON_S,
    NOW_S,
    PUE,
    advise,
    architecture,
    enter,
    network_kwh_per_gb,
    option,
    plan_of,
    read_company,
    schedule,
    use,
    write_company,
)

ANSWERS = {"phase": "inference"}
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return write_company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    with open_ledger(f"sqlite:///{folder}/ledger.db", create=True) as ledger:
        yield ledger


@pytest.fixture
def run(ledger, tmp_path):
    """Enter a run, and give its name: no two are alike."""

    def give(*rows, **how):
        name = f"run-{next(NUMBERS)}"
        enter(ledger, tmp_path, name, *rows, **how)
        return name

    return give


def measure(company, plan, ledger, *runs, **words):
    choice = RunChoice(runs=runs, **words)
    return measure_runs(company, plan, plan.advice[0], ledger, choice)


def grams(silo, energy_kwh):
    return energy_kwh * PUE[silo] * GRID[silo]


def codes(outcome, severity=Severity.ERROR):
    return {one.code for one in outcome.findings if one.severity is severity}


def said(outcome, code):
    return " ".join(one.message for one in outcome.findings if one.code == code)


# --- meters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dead", [1, 4])
def test_trainings_of_no_energy_are_no_saving(company, ledger, run, dead):
    plan = architecture(company)
    energies = [0.0] * dead + [10.0] * (4 - dead)
    runs = [run(("lyon", kwh, 10 * dead + n, 2)) for n, kwh in enumerate(energies)]
    found = measure(company, plan, ledger, *runs)
    assert codes(found) == {"energy-zero"}
    assert (found.measured_g, found.inside) == (None, None)
    assert f"lyon train in {runs[0]}" in said(found, "energy-zero")
    assert runs[-1] in said(found, "energy-zero") or dead == 1
    done = measure(company, plan, ledger, *runs, without=(Phase.TRAIN,))
    assert "energy-zero" not in codes(done)


def serve(company, *silos):
    now = option(company, "gdansk", use(company, "gdansk", HORIZON_H, Phase.INFERENCE))
    each_kwh = HORIZON_H / len(silos)
    asked = [use(company, silo, each_kwh, Phase.INFERENCE) for silo in silos]
    return plan_of(company, advise("serving", "board", now, option(company, "then", *asked)))


def test_a_meter_that_shows_nothing_covers_no_time(company, ledger, run):
    plan = serve(company, "lyon")
    whole = run(("lyon", 0.0, 0, HORIZON_H, ANSWERS))
    found = measure(company, plan, ledger, whole)
    assert "energy-zero" in codes(found)
    assert (found.covered, found.measured_g) == (0.0, None)
    unknown = run(("lyon", None, 0, HORIZON_H, ANSWERS), ("lyon", 9.0, 0, 876, ANSWERS))
    found = measure(company, plan, ledger, unknown)
    assert found.covered == pytest.approx(0.1, rel=1e-9)


def test_every_silo_that_should_serve_has_to_be_metered(company, ledger, run):
    plan = serve(company, "lyon", "gdansk")
    lyon = ("lyon", HORIZON_H / 2, 0, HORIZON_H, ANSWERS)
    for length_h in (1.0, HORIZON_H):
        both = run(lyon, ("gdansk", length_h / 2, 0, length_h, ANSWERS))
        found = measure(company, plan, ledger, both)
        assert found.covered == pytest.approx(length_h / HORIZON_H, rel=1e-9)
        assert (found.measured_g is None) == (length_h < HORIZON_H)
    assert found.measured_g.value == pytest.approx(plan.advice[0].saving_g.value, rel=1e-9)


def test_silos_that_were_not_metered_for_as_long_are_not_scaled_alike(company, ledger, run):
    """One may answer in bursts: what the other did is whole all the same."""
    plan = serve(company, "lyon", "gdansk")
    lyon = ("lyon", HORIZON_H / 2, 0, HORIZON_H, ANSWERS)
    runs = run(lyon, ("gdansk", HORIZON_H / 2, 0, HORIZON_H / 10, ANSWERS))
    scaled = measure(company, plan, ledger, runs, scale=True)
    assert codes(scaled) == {"coverage-uneven"}
    assert scaled.measured_g is None
    known = measure(company, plan, ledger, runs, covers=1.0)
    assert known.measured_g.value == pytest.approx(plan.advice[0].saving_g.value, rel=1e-9)


def test_who_only_asks_needs_no_meter(company, ledger, run):
    asked = use(company, "gdansk", phase=Phase.DOWNLOAD, data_gb=5.0)
    now = option(company, "gdansk", use(company, "gdansk", HORIZON_H, Phase.INFERENCE), asked)
    then = option(company, "lyon", use(company, "lyon", HORIZON_H, Phase.INFERENCE), asked)
    plan = plan_of(company, advise("serving", "board", now, then))
    moved = ("gdansk", None, 0, 0, {"phase": "download", "data_gb": 5.0})
    whole = run(("lyon", HORIZON_H, 0, HORIZON_H, ANSWERS), moved)
    found = measure(company, plan, ledger, whole)
    assert found.covered == 1.0
    assert found.measured_g.value == pytest.approx(plan.advice[0].saving_g.value, rel=1e-9)


def test_fewer_answers_are_said_to_look_like_a_saving(company, ledger, run):
    plan = serve(company, "lyon")
    few = run(("lyon", HORIZON_H / 100, 0, HORIZON_H, ANSWERS))
    found = measure(company, plan, ledger, few)
    assert "answers-not-compared" in codes(found, Severity.WARNING)
    known = measure(company, plan, ledger, few, covers=0.01)
    assert codes(known) == {"coverage-differs"}
    assert "answers-not-compared" not in codes(known, Severity.WARNING)
    scaled = measure(company, plan, ledger, few, covers=0.01, scale=True)
    assert scaled.measured_g.value == pytest.approx(plan.advice[0].saving_g.value, rel=1e-9)


def test_what_has_no_energy_is_named_and_data_that_moves_needs_none(company, ledger, run):
    now = option(company, "centralise", use(company, "gdansk", 400.0))
    upload = use(company, "gdansk", phase=Phase.DATA_TRANSFER, data_gb=10.0)
    then = option(company, "federate", use(company, "lyon", 40.0), upload)
    plan = plan_of(company, advise("architecture", "defects", now, then))
    moved = {"phase": "data_transfer", "data_gb": 10.0}
    new = run(("lyon", 44.0, 24, 2), ("gdansk", None, 24, 3, moved))
    found = measure(company, plan, ledger, new, covers=1.0)
    moved_g = 10.0 * network_kwh_per_gb(company) * GRID["gdansk"]
    expected_g = grams("gdansk", 400) - grams("lyon", 44) - moved_g
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    # The time of the run is that of all of it.
    assert found.evidence[0].stop_s == NOW_S + 27 * 3600
    new = run(("lyon", 44.0, 24, 2), ("gdansk", None, 24, 3, {**moved, "data_gb": 0.0}))
    found = measure(company, plan, ledger, new, covers=1.0)
    assert "data_transfer of gdansk" in said(found, "energy-missing")


def test_as_much_of_nothing_ran_as_time_went_by(company, ledger):
    now = option(company, "centralise", use(company, "gdansk", 400.0))
    plan = plan_of(company, advise("architecture", "defects", now, option(company, "do not train")))
    for share in (0.25, 1.0, 3.0):
        later = replace(company, now_s=NOW_S + share * HORIZON_S)
        found = measure(later, plan, ledger)
        assert found.covered == pytest.approx(min(share, 1.0), rel=1e-12)
        assert (found.measured_g is None) == (share < 1)


# --- silos ----------------------------------------------------------------------------------


def test_silos_are_those_that_did_it_and_what_is_left_out_is_said(company, ledger, run):
    plan = architecture(company)
    both = run(("lyon", 10.0, 24, 1), ("gdansk", 5.0, 24, 1), silo="lyon")
    found = measure(company, plan, ledger, both, covers=1.0)
    expected_g = grams("gdansk", 400 - 5) - grams("lyon", 10)
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    lyon = measure(company, plan, ledger, both, covers=1.0, silos=("lyon",))
    expected_g = grams("gdansk", 400) - grams("lyon", 10)
    assert lyon.measured_g.value == pytest.approx(expected_g, rel=1e-12)
    assert "7.00 kg CO2e of gdansk are left out" in said(lyon, "stated")
    assert "are left out" not in said(
        measure(company, plan, ledger, both, covers=1.0, silos=("lyon", "gdansk")), "stated"
    )
    gdansk = measure(company, plan, ledger, both, covers=1.0, silos=("gdansk",))
    assert codes(gdansk) == {"not-measured"}
    with pytest.raises(UsageError, match="done by paris") as error:
        measure(company, plan, ledger, both, silos=("paris",))
    assert "gdansk, lyon" in error.value.remedy


def test_a_cohort_is_measured_by_what_silos_do_themselves(company, ledger, run):
    now = option(company, "all", use(company, "gdansk", 100.0), use(company, "lyon", 100.0))
    then = option(company, "lyon", use(company, "lyon", 100.0))
    plan = plan_of(company, advise("cohort", "defects", now, then))
    wait, merge = {"phase": "wait"}, {"phase": "aggregate"}
    runs = [
        run(("lyon", 25.0, n, 1), ("lyon", 10.0, n, 1, wait), ("gdansk", 5.0, n, 1, merge))
        for n in range(4)
    ]
    found = measure(company, plan, ledger, *runs)
    assert found.measured_g.value == pytest.approx(grams("gdansk", 100), rel=1e-12)
    # 4 times 10 kWh in Lyon, and 5 in Gdansk.
    assert "aggregate nor wait: 31.0 kg CO2e" in said(found, "left-out")
    # Who merges is no member of a cohort, so nobody joined it.
    assert "beyond-the-promise" not in codes(found, Severity.WARNING)
    rows = ("lyon", 25.0, 9, 1), ("gdansk", 25.0, 9, 1)
    more = measure(company, plan, ledger, *runs[:3], run(*rows))
    assert "gdansk took part" in said(more, "beyond-the-promise")


# --- hours ----------------------------------------------------------------------------------


def test_data_of_a_job_moves_at_the_mean_of_the_year_on_its_own_grid_too(ledger, run, tmp_path):
    write_company(tmp_path / "company")
    manifest = tmp_path / "company" / "deployment.toml"
    silos = '[[sites]]\nname = "Paris"\nzone = "FR"\npue = 1.25\n[[silos]]\nname = "paris"\n'
    text = manifest.read_text().replace("[[silos]]", f'{silos}place = "Paris"\n[[silos]]', 1)
    manifest.write_text(text)
    company = read_company(tmp_path / "company")
    sent = use(company, "lyon", phase=Phase.DATA_TRANSFER, data_gb=100.0)
    now, then = (
        option(company, name, *activities, intensities={"FR": grid}, supplies=supplies)
        for name, activities, grid, supplies in (
            ("now", [use(company, "lyon", 8.0, Phase.OTHER)], 90.0, {}),
            ("paris", [use(company, "paris", 8.0, Phase.OTHER), sent], 30.0,
             {"lyon": Supply("mean of FR", 50.0, "FR")}),
        )
    )  # fmt: skip
    plan = plan_of(company, advise("schedule", "nightly", now, then))
    job = ("paris", 8.0, 26, 2, {"phase": "other"})
    exact = run(job, ("lyon", None, 26, 0, {"phase": "data_transfer", "data_gb": 100.0}))
    found = measure(company, plan, ledger, exact)
    expected_g = 8 * 1.5 * 90 - 8 * 1.25 * 30 - 100 * network_kwh_per_gb(company) * 50
    assert found.measured_g.value == pytest.approx(expected_g, rel=1e-9)
    assert found.promised_g.value == pytest.approx(expected_g, rel=1e-9)
    # What ran keeps its hours, wherever its data went.
    worked = ("lyon", 8.0, 25, 2, {"phase": "other"})
    both = run(worked, ("lyon", None, 25, 0, {"phase": "data_transfer", "data_gb": 100.0}))
    (after,) = measure(company, plan, ledger, both).after
    worked_g = sum(
        one.emissions_g.value for one in after.assessment.contributions if one.phase is Phase.OTHER
    )
    assert worked_g == pytest.approx(8 * 1.5 * 30, rel=1e-9)


def test_data_that_moves_before_a_job_is_not_its_beginning(company, ledger, run):
    plan = schedule(company)
    name = "lyon from 2026-11-20 03:00 UTC"
    now, then = plan.advice[0].options
    advice = replace(plan.advice[0], options=(now, replace(then, name=name)), recommended=name)
    plan = replace(plan, advice=(advice,))
    moved = {"phase": "data_transfer", "data_gb": 1.0}
    for hour, is_doubted in ((3.1, False), (1.1, True)):
        job = run(("lyon", 8.0, hour, 2, {"phase": "other"}), ("lyon", None, 0.5, 0.1, moved))
        found = measure(company, plan, ledger, job)
        assert ("another-time" in codes(found, Severity.WARNING)) is is_doubted


def test_another_series_than_that_of_the_plan_is_said_to_be_one(ledger, run, tmp_path):
    company = write_company(tmp_path / "company")
    plan = replace(schedule(company), inputs=tuple(list_intensity_files(company)))
    job = run(("lyon", 8.0, 26, 2, {"phase": "other"}))
    assert "intensity-changed" not in codes(measure(company, plan, ledger, job), Severity.WARNING)
    series = tmp_path / "company" / "fr.csv"
    series.write_text(series.read_text().replace(",30", ",10"))
    found = measure(company, plan, ledger, job)
    assert "intensity-changed" in codes(found, Severity.WARNING)
    assert "fr.csv" in said(found, "intensity-changed")


def test_no_outcome_names_a_folder_of_this_machine(company, ledger, run, tmp_path):
    folders = str(company.needs.folder), str(tmp_path)
    training, job = architecture(company), schedule(company)
    training = replace(training, advice=(replace(training.advice[0], subject="other"),))
    late = run(("lyon", 9.0, 24 * 20, 2, {"phase": "other"}))
    for plan, code in ((training, "coverage-unknown"), (job, "intensity-missing")):
        found = measure(company, plan, ledger, late)
        assert code in codes(found)
        assert not [one for one in folders if one in write_outcome(found)]
