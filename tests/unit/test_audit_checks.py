"""Each check finds what it is for, and nothing where all is well."""

import copy
import shutil
from datetime import date
from pathlib import Path

import pytest

from footprint.audit import CHECKS, audit, read_deployment, run_checks, state
from footprint.audit.manifest import deployment_catalogue
from footprint.model import Severity
from tests.companies import company, stated, total_g

JOURNAL = Path(__file__).parents[2] / "examples" / "company" / "journals" / "noise-study-lyon"
FACTORS = Path(__file__).parents[1] / "data" / "half_a_year"


def found_by_checks(path):
    deployment = read_deployment(path, outside=True)
    catalogue = deployment_catalogue(deployment)
    audited = audit(deployment, catalogue=catalogue)
    return [finding for check in CHECKS.values() for finding in check(audited, catalogue)]


def first(manifest, table):
    return manifest[table][0]


def work(manifest, silo="a"):
    return next(one for one in first(manifest, "runs")["activities"] if one["silo"] == silo)


def no_region(manifest):
    manifest["sites"].append({"name": "D", "zone": "", "pue": 1.0})
    manifest["silos"].append({"name": "d", "place": "D", "records": 1})
    first(manifest, "runs")["activities"].append({"silo": "d", "energy": "5 kWh", "tier": "A"})


def old_run(manifest):
    first(manifest, "runs")["start"] = date(2023, 5, 1)


def run_of_the_year_but_not_of_the_period(manifest):
    manifest["period"] = {"start": date(2026, 4, 1), "end": date(2027, 3, 31)}
    first(manifest, "runs")["start"] = date(2026, 1, 5)


def run_into_the_next_year(manifest):
    run = {"name": "late", "start": date(2026, 12, 31)}
    run["activities"] = [{"silo": "a", "duration": "30 h", "energy": "1 kWh", "tier": "A"}]
    manifest["runs"].append(run)


def hours_of_many_devices_as_those_of_one(manifest):
    """Of no known beginning: from the first day on, they would take longer than the year."""
    work(manifest).update(duration="24000 h", share=0.1)


def old_factor(manifest):
    work(manifest)["data"] = "1 GB"  # the factor of networks describes 2020


def declared_long_ago(manifest):
    manifest["intensity"]["FR"]["year"] = 1995


def mix_of_long_ago(manifest):
    manifest["residual_mix"]["DE"]["year"] = 1995


def nothing_to_divide_by(manifest):
    manifest["method"]["allocation"] = "compute share"
    manifest["sites"].append({"name": "P", "zone": "DE", "holding": "partner", "pue": 1.0})
    for activity in first(manifest, "runs")["activities"]:
        del activity["energy"], activity["tier"]


def run_without_energy(manifest):
    more = {"name": "s", "activities": [{"silo": "a", "duration": "1 h"}]}
    manifest["runs"].append(more)


def all_of_others(manifest):
    manifest["instruments"] = []
    for site in manifest["sites"]:
        site["controlled"] = False


def unknown_at_rest(manifest):
    del first(manifest, "hardware")["idle"]


def journal_twice(manifest):
    for name in ("one", "two"):
        manifest["runs"].append({"name": name, "journal": str(JOURNAL), "silo": "a"})
        manifest["runs"][-1]["actors"] = {"lyon": "a"}


def name_twice(manifest):
    manifest["runs"].append(copy.deepcopy(first(manifest, "runs")))
    for run in manifest["runs"]:
        for activity in run["activities"]:
            activity["duration"] = "3000 h"


def work_twice(manifest):
    for run in (first(manifest, "runs"), copy.deepcopy(first(manifest, "runs"))):
        for activity in run["activities"]:
            activity["duration"] = "3000 h"
    manifest["runs"].append({**first(manifest, "runs"), "name": "s"})


def cloud_as_site(manifest):
    manifest["sites"].append({"name": "D", "zone": "aws:eu-west-3", "pue": 1.0})


def same_energy_in_cloud(manifest):
    first(manifest, "runs")["activities"].append({**work(manifest), "silo": "c"})


def certificate_twice(manifest):
    again = {**first(manifest, "instruments"), "name": "sun", "certificate": "one "}
    manifest["instruments"].append(again)


def overclaimed(manifest):
    first(manifest, "instruments")["claims"] = {"A": "600 kWh"}


def claimed_for_nothing(manifest):
    first(manifest, "instruments")["energy"] = "5 MWh"
    first(manifest, "instruments")["claims"] = {"A": "2 MWh"}


def old_vintage(manifest):
    first(manifest, "instruments")["vintage"] = 2024


def wrong_market(manifest):
    first(manifest, "instruments")["sites"] = ["B"]


def market_of_nobody(manifest):
    first(manifest, "instruments")["market"] = "ES"


def other_kind(manifest):
    manifest["intensity"]["FR"]["signal"] = "average/location/life-cycle"


def life_cycle(manifest):
    manifest["method"]["signal"] = "average/location/life-cycle"


def fuel_twice(manifest):
    life_cycle(manifest)
    manifest["upstream"] = {"fuel": {"FR": {**manifest["intensity"]["FR"]}}}


def rated(manifest):
    more = {"silo": "a", "duration": "1 h", "rated": "1 W"}
    first(manifest, "runs")["activities"].append(more)


def forgotten(manifest):
    del manifest["retention"]


def idle_cards(manifest):
    work(manifest, "b")["duration"] = "300 h"


def dirty(manifest):
    work(manifest)["duration"] = "100 h"
    manifest["intensity"]["DE"]["intensity"] = "500 gCO2e/kWh"


def bought_as_another(manifest):
    hardware = first(manifest, "hardware")
    hardware |= {"device": "server.dell_r740", "purchased": date(2026, 2, 1)}
    hardware |= {"embodied": "1 kgCO2e", "source": "made up"}


def unregistered(manifest):
    del manifest["hardware"][0]


def no_base_year(manifest):
    del manifest["base_year"]


def restated(manifest):
    change = {"what": "grid", "year": 2024, "old": "100 kgCO2e", "new": "90 kgCO2e"}
    manifest["restatements"] = [change | {"cause": "factor", "reason": "a later figure"}]


def log(manifest, *changes, total=None, day=None):
    """Log corrections of the base year, each as (old, new, figure), and declare its total [kg]."""
    said = {"year": 2024, "cause": "factor", "reason": "a later figure"}
    manifest["restatements"] = [
        {**said, "what": what, "old": f"{old} kgCO2e", "new": f"{new} kgCO2e"}
        | ({} if day is None else {"date": day(number)})
        for number, (old, new, what) in enumerate(changes)
    ]
    if total is not None:
        manifest["base_year"]["total"] = f"{total} kgCO2e"


def log_with_a_gap(manifest):
    log(manifest, (80, 90, "all"), (95, 100, "all"))


def log_of_another_figure(manifest):
    log(manifest, (20, 21, "scope 3"))


def base_year_of_this_one_with_another_total(manifest):
    manifest["base_year"] = {"year": 2026, "total": "50 kgCO2e"}


def contract_of_a_site_of_others(manifest):
    first(manifest, "sites")["controlled"] = False
    first(manifest, "instruments")["sites"] = ["A"]


def contract_after_another(manifest):
    first(manifest, "instruments")["energy"] = "5000 kWh"
    more = first(manifest, "instruments") | {"name": "sun", "certificate": "TWO"}
    manifest["instruments"].append(more)


def bought_for_a_cloud(manifest):
    more = {"name": "racks", "place": "C", "device": "server.rack_base", "idle": "0 W"}
    manifest["hardware"].append(more | {"purchased": date(2025, 6, 1)})


def large_exclusion(manifest):
    first(manifest, "exclusions")["estimate"] = "50 kgCO2e"


def many_exclusions(manifest):
    one = {"what": "dust", "reason": "small", "estimate": "1.05 kgCO2e"}
    manifest["exclusions"] = [one] * 7  # below 1 % each, above 5 % together


def unsized_exclusion(manifest):
    del first(manifest, "exclusions")["estimate"]


def no_pue(manifest):
    del first(manifest, "sites")["pue"]


def unmetered(manifest):
    for silo in ("a", "b"):
        work(manifest, silo)["tier"] = "E"


def no_unit(manifest):
    del manifest["functional_unit"]


def no_audience(manifest):
    manifest["organisation"]["audience"] = " "


def half_a_year(manifest):
    manifest["period"]["end"] = date(2026, 6, 30)
    for activity in first(manifest, "runs")["activities"]:
        activity["duration"] = "3000 h"


def period_to_come(manifest):
    manifest["period"]["as_of"] = date(2025, 12, 1)


def base_year_to_come(manifest):
    manifest["base_year"]["year"] = 2027


def losses_of_unknown_origin(manifest):
    manifest["upstream"] = {"losses": {"FR": {"share": 0.05, "source": " "}}}


def old_hardware(manifest):
    first(manifest, "hardware")["purchased"] = date(2018, 1, 1)


def archive(manifest, kept="5 year"):
    kept_there = {"silo": "a", "phase": "storage", "stored": "1 GB", "kept": kept}
    first(manifest, "runs")["activities"].append(kept_there)


def too_many_hours(manifest):
    work(manifest).update(devices=2, duration="4500 h")


def factor_of_half_a_year(manifest):
    manifest["factors"] = [str(FACTORS)]
    del manifest["intensity"]["FR"]


def mix_of_the_future(manifest):
    manifest["residual_mix"]["FR"]["year"] = 2035


def mix_of_nobody(manifest):
    manifest["residual_mix"]["UK"] = {**manifest["residual_mix"]["FR"]}


def losses_of_nobody(manifest):
    manifest["upstream"] = {"losses": {"PL": {"share": 0.05, "source": "made up"}}}


def runs_at_once(manifest):
    """Twelve runs of 300 h on one server, all from the same day: 3,600 h in 300 h."""
    work(manifest)["duration"] = "3000 h"
    work(manifest)["phase"] = "idle"
    for number in range(12):
        run = {"name": f"s{number}", "start": date(2026, 3, 1), "activities": []}
        energy = f"{30 + number} kWh"
        one = {"silo": "a", "duration": "300 h", "energy": energy, "tier": "A", "meter": "m"}
        run["activities"].append(one)
        manifest["runs"].append(run)


def more_than_any_server_draws(manifest):
    work(manifest)["duration"] = "30 h"


CASES = [
    (no_region, "region-missing", Severity.ERROR),
    (old_run, {"run-outside-period", "gpu-idle"}, None),
    (run_into_the_next_year, "run-beyond-period", Severity.WARNING),
    (hours_of_many_devices_as_those_of_one, "run-beyond-period", Severity.WARNING),
    (run_of_the_year_but_not_of_the_period, "run-outside-period", Severity.ERROR),
    (old_factor, "factor-expired", Severity.WARNING),
    (
        nothing_to_divide_by,
        {
            "allocation-of-nothing",
            "primary-share-low",
            "cut-off-exceeded",
            "energy-missing",
            "instrument-unused",
        },
        None,
    ),
    (run_without_energy, "energy-missing", Severity.WARNING),
    (all_of_others, {"nothing-reported", "cut-off-exceeded", "primary-share-low"}, None),
    (unknown_at_rest, "exclusion-unsized", Severity.WARNING),
    (declared_long_ago, "factor-expired", Severity.WARNING),
    (mix_of_long_ago, "factor-expired", Severity.WARNING),
    (journal_twice, {"run-twice", "hours-overlap"}, None),
    (name_twice, "run-twice", Severity.ERROR),
    (work_twice, "run-alike", Severity.WARNING),
    (cloud_as_site, "cloud-in-scope-2", Severity.ERROR),
    (same_energy_in_cloud, "energy-in-two-scopes", Severity.ERROR),
    (certificate_twice, "instrument-twice", Severity.ERROR),
    (overclaimed, "instrument-overclaimed", Severity.ERROR),
    (claimed_for_nothing, "claim-unused", Severity.WARNING),
    (contract_of_a_site_of_others, "instrument-unused", Severity.WARNING),
    (contract_after_another, "instrument-unused", Severity.WARNING),
    (bought_for_a_cloud, "hardware-in-cloud", Severity.ERROR),
    (old_vintage, "instrument-vintage", Severity.ERROR),
    (wrong_market, "instrument-market", Severity.ERROR),
    (market_of_nobody, "instrument-market", Severity.ERROR),
    (other_kind, "signals-mixed", Severity.ERROR),
    (life_cycle, "scope-2-life-cycle", Severity.WARNING),
    (fuel_twice, {"fuel-twice", "scope-2-life-cycle"}, None),
    (rated, "energy-rated", Severity.WARNING),
    (forgotten, "retention-missing", Severity.WARNING),
    (idle_cards, "gpu-idle", Severity.WARNING),
    (dirty, "dirty-zone", Severity.WARNING),
    (bought_as_another, "purchase-and-amortised", Severity.ERROR),
    (unregistered, "hardware-missing", Severity.WARNING),
    (no_base_year, "base-year-missing", Severity.WARNING),
    (restated, "base-year-outdated", Severity.ERROR),
    (log_with_a_gap, "restatement-broken", Severity.ERROR),
    (log_of_another_figure, "restatement-apart", Severity.WARNING),
    (base_year_of_this_one_with_another_total, "base-year-differs", Severity.ERROR),
    (large_exclusion, "cut-off-exceeded", Severity.ERROR),
    (many_exclusions, "cut-off-exceeded", Severity.ERROR),
    (unsized_exclusion, "exclusion-unsized", Severity.WARNING),
    (no_pue, "pue-default", Severity.WARNING),
    (unmetered, "primary-share-low", Severity.WARNING),
    (no_unit, "functional-unit-missing", Severity.WARNING),
    (no_audience, "goal-missing", Severity.WARNING),
    (half_a_year, "period-not-a-year", Severity.WARNING),
    (period_to_come, "period-open", Severity.WARNING),
    (base_year_to_come, "base-year-later", Severity.ERROR),
    (losses_of_unknown_origin, "source-missing", Severity.WARNING),
    (old_hardware, "life-over", Severity.INFO),
    (archive, "kept-beyond-period", Severity.ERROR),
    (too_many_hours, "hours-exceeded", Severity.WARNING),
    (factor_of_half_a_year, "factor-expired", Severity.WARNING),
    (mix_of_the_future, "factor-later", Severity.WARNING),
    (mix_of_nobody, "declared-unused", Severity.WARNING),
    (losses_of_nobody, "declared-unused", Severity.WARNING),
    (runs_at_once, "hours-overlap", Severity.WARNING),
    (more_than_any_server_draws, "power-implausible", Severity.WARNING),
]


def test_nothing_is_found_where_all_is_well(tmp_path):
    assert found_by_checks(company(tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "code", "severity"), CASES, ids=[change.__name__ for change, _, _ in CASES]
)
def test_a_check_finds_what_it_is_for_and_nothing_else(tmp_path, change, code, severity):
    found = found_by_checks(company(tmp_path, change))
    assert {finding.code for finding in found} == (code if severity is None else {code})
    assert severity is None or {finding.severity for finding in found} == {severity}
    for finding in found:
        assert finding.message.endswith(".")
        assert finding.remedy.endswith((".", ")"))


def test_every_check_has_a_case(tmp_path):
    deployments = [
        read_deployment(company(tmp_path / str(number), change), outside=True)
        for number, (change, _, _) in enumerate(CASES)
    ]
    seen = set()
    for deployment in deployments:
        catalogue = deployment_catalogue(deployment)
        audited = audit(deployment, catalogue=catalogue)
        seen |= {name for name, check in CHECKS.items() if any(check(audited, catalogue))}
    assert seen == set(CHECKS)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2025, 12, 31), "had not begun"),
        (date(2026, 12, 30), "had 1 day(s) left"),
        (date(2026, 12, 31), ""),
    ],
)
def test_a_period_that_is_not_over_is_told_as_of_the_day_of_the_manifest(tmp_path, day, said):
    path = company(tmp_path, lambda manifest: manifest["period"].update(as_of=day))
    messages = [one.message for one in found_by_checks(path) if one.code == "period-open"]
    assert len(messages) == bool(said)
    assert all(said in message for message in messages)


def test_hours_and_years_that_just_fit_are_no_findings(tmp_path):
    def change(manifest):
        archive(manifest, kept="12 month")
        work(manifest).update(devices=2, duration="8760 h", share=0.5)
        manifest["base_year"] = {"year": 2026, "total": "123 kgCO2e"}
        manifest["upstream"] = {"losses": {"FR": {"share": 0.05, "source": "made up"}}}

    assert {one.code for one in found_by_checks(company(tmp_path, change))} <= {"factor-expired"}


def test_a_journal_that_somebody_edited_is_an_error(tmp_path):
    shutil.copytree(JOURNAL, tmp_path / "j")
    file = next((tmp_path / "j").glob("*.jsonl"))
    lines = file.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("1", "2", 1)
    file.write_text("".join(lines))
    run = {"name": "r", "journal": "j", "actors": {"lyon": "a"}}
    statement = state(read_deployment(company(tmp_path, runs=[run])))
    found = [one.severity for one in statement.findings if one.code == "journal-line"]
    assert found == [Severity.ERROR]


def test_errors_come_first(tmp_path):
    def change(manifest):
        no_unit(manifest)
        old_vintage(manifest)

    deployment = read_deployment(company(tmp_path, change))
    catalogue = deployment_catalogue(deployment)
    statement = run_checks(audit(deployment, catalogue=catalogue), catalogue)
    order = [finding.severity for finding in statement.findings]
    assert order == sorted(order, key=list(reversed(Severity)).index)
    assert Severity.ERROR in order


def test_devices_side_by_side_take_their_time_together(tmp_path):
    """Six servers over four weeks: 4032 device hours, and nothing after the period."""

    def at_rest(manifest):
        rest = {"silo": "a", "phase": "idle", "devices": 6, "duration": "672 h", "rated": "100 W"}
        run = {"name": "rest", "start": date(2026, 12, 1), "activities": [rest]}
        manifest["runs"].append(run)
        first(manifest, "hardware")["count"] = 6

    def alone(manifest):
        at_rest(manifest)
        manifest["runs"][-1]["activities"][0].update(devices=1, duration="4032 h")

    together = stated(tmp_path / "a", at_rest)
    energies_kwh = [one.activity for one in together.lines if one.run == "rest"]
    assert sum(energies_kwh) == pytest.approx(403.2)
    assert "run-beyond-period" not in {one.code for one in together.findings}
    other = stated(tmp_path / "b", alone)
    assert "run-beyond-period" in {one.code for one in other.findings}
    assert total_g(other, "location") == total_g(together, "location")


def test_idle_devices_whose_energy_is_declared_are_not_to_be_declared_again(tmp_path):
    """The card of B works 2000 h; the rest of the year is declared, or is not."""

    def mostly_idle(manifest):
        work(manifest, "b")["duration"] = "2000 h"

    def declared(manifest):
        mostly_idle(manifest)
        rest = {"silo": "b", "phase": "idle", "duration": "6760 h", "rated": "16 W"}
        manifest["runs"].append({"name": "rest", "activities": [rest]})

    for name, change, said in (("a", mostly_idle, True), ("b", declared, False)):
        findings = stated(tmp_path / name, change).findings
        (found,) = [one for one in findings if one.code == "gpu-idle"]
        assert ("declare its idle energy" in found.remedy) is said


def test_a_factor_of_a_year_that_begins_in_april_is_one_of_a_year(tmp_path):
    text = (FACTORS / "grid.csv").read_text(encoding="utf-8")
    text = text.replace("2026-01-01,2026-06-30", "2025-04-01,2026-03-31")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "grid.csv").write_text(text, encoding="utf-8")

    def change(manifest):
        factor_of_half_a_year(manifest)
        manifest["factors"] = ["own"]

    assert found_by_checks(company(tmp_path, change)) == []


@pytest.mark.parametrize(
    ("start", "days", "said"),
    [
        (date(2026, 1, 1), 181, None),  # to the end of June
        (date(2026, 1, 1), 182, "used for 2026-01-01 to 2026-07-01"),
        (date(2026, 10, 1), 1, "used for 2026-10-01 to 2026-10-01"),
    ],
)
def test_a_factor_of_a_part_of_the_year_is_of_its_days_alone(tmp_path, start, days, said):
    def change(manifest):
        factor_of_half_a_year(manifest)
        first(manifest, "runs")["start"] = start
        for activity in first(manifest, "runs")["activities"]:
            activity["duration"] = f"{24 * days} h"

    found = [x for x in found_by_checks(company(tmp_path, change)) if x.code == "factor-expired"]
    assert [one.place for one in found] == ([] if said is None else ["grid/FR/2026/half"])
    assert said is None or said in found[0].message


@pytest.mark.parametrize(
    ("changes", "total", "found"),
    [
        # Was 100, is 105, then 109: left to calculate is what the total does not hold yet.
        ([(100, 105, "all"), (105, 109, "all")], 100, {"base-year-outdated"}),
        ([(100, 105, "all"), (105, 109, "all")], 105, set()),
        ([(100, 105, "all"), (105, 109, "all")], 109, set()),
        # There and back again.
        ([(100, 200, "all"), (200, 100, "all")], 100, set()),
        ([(100, 200, "all"), (200, 100, "all")], 200, {"base-year-outdated"}),
        # Parts count by what each was changed by, until the total is logged.
        (
            [(10, 13, "scope 2"), (20, 23, "scope 3")],
            100,
            {"base-year-outdated", "restatement-apart"},
        ),
        ([(10, 13, "scope 2"), (20, 17, "scope 3"), (99, 100, "all")], 100, set()),
    ],
)
def test_a_base_year_that_was_calculated_again_is_no_error_for_ever(
    tmp_path, changes, total, found
):
    path = company(tmp_path, lambda manifest: log(manifest, *changes, total=total))
    assert {one.code for one in found_by_checks(path)} == found


def test_a_log_with_days_is_read_by_them(tmp_path):
    def change(manifest):
        changes = (105, 109, "all"), (100, 105, "all")
        log(manifest, *changes, total=109, day=lambda number: date(2026, 3 - number, 1))

    statement = stated(tmp_path, change)
    assert {one.date for one in statement.restatements} == {"2026-03-01", "2026-02-01"}
    assert not {one.code for one in statement.findings} & {"restatement-broken"}
    assert not statement.base_year.recalculate


def test_a_base_year_that_is_this_one_has_its_total_by_either_method(tmp_path):
    both = [total_g(stated(tmp_path / "a"), name) for name in ("location", "market")]
    for number, total in enumerate(both):

        def change(manifest, total=total):
            manifest["base_year"] = {"year": 2026, "total": f"{total!r} gCO2e"}

        assert found_by_checks(company(tmp_path / str(number), change)) == []


def test_a_contract_of_the_market_of_a_site_of_others_is_of_no_wrong_market(tmp_path):
    """A is an own site in FR, which the company does not control."""

    def change(manifest):
        first(manifest, "sites")["controlled"] = False

    (found,) = [f for f in found_by_checks(company(tmp_path, change)) if "instrument" in f.code]
    assert found.code == "instrument-unused"
    assert "reports no part of A" in found.message


def test_hardware_that_is_rented_with_a_cloud_is_no_purchase(tmp_path):
    def change(manifest):
        bought_for_a_cloud(manifest)
        del manifest["hardware"][-1]["purchased"]
        manifest["hardware"][-1]["acquired"] = "rented"

    codes = {one.code for one in found_by_checks(company(tmp_path, change))}
    assert codes == {"primary-share-low"}  # its making weighs more than what was metered
