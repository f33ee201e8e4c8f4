"""What may be advised on data, applications and jobs, and what is said where nothing is."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from footprint.errors import ManifestError
from footprint.factors.series_files import read_series, write_series
from footprint.management.advisor.advisory import advise
from footprint.management.advisor.applications import advise_applications
from footprint.management.advisor.datasets import advise_datasets
from footprint.management.advisor.needs import (
    JobTable,
    Need,
    Needs,
    RetrainingTable,
    SiloFolder,
    UseCaseTable,
    read_needs,
)
from footprint.management.advisor.schedules import advise_schedules
from footprint.management.doubts import doubt_catalogue
from footprint.management.likeness import Likeness
from footprint.management.sketches import Estimate
from footprint.model import Advice, Currency, DecisionKind, Prices
from tests.managed_company import (
    DAY_S,
    GRIDS,
    NOW_S,
    YEAR_S,
    application,
    dataset,
    duplicates,
    managed,
    network_kwh_per_gb,
)

NEEDS = Needs(
    horizon_s=YEAR_S,
    origin="management.toml",
    cold_after_s=180 * DAY_S,
    cold_medium="storage.hdd",
    media={"ssd": "storage.ssd", "hdd": "storage.hdd"},
)


def ago(days):
    return NOW_S - days * DAY_S


def split(found):
    """Advice by subject, and findings by code."""
    found = list(found)
    advice = {one.subject: one for one in found if isinstance(one, Advice)}
    return advice, {one.code: one for one in found if not isinstance(one, Advice)}


OVER = {"written_s": ago(900), "retention_days": 365.0, "read_s": ago(800)}
OTHER = application("other", datasets=("y",))


def deletable(needs=NEEDS, readers=(OTHER,), **changes):
    entry = dataset("x", 10, **(OVER | changes))
    company = managed({"turin": [entry]}, needs, applications={"lyon": readers})
    return split(advise_datasets(company))


# --- datasets ---------------------------------------------------------------------------------


def test_what_is_deleted_can_never_come_back_and_a_person_must_check_it():
    needs = replace(NEEDS, silos=(SiloFolder(name="turin"), SiloFolder(name="gdansk")))
    advice, _ = deletable(needs, owner="stations", legal="concession 2015", read_s=None)
    one = advice["turin/x"]
    assert (one.recommended, one.irreversible) == ("delete", True)
    told = " ".join(one.conditions)
    for word in ("stations", "concession 2015", "gdansk", "last read"):
        assert word in told


def test_a_silo_that_says_nothing_of_law_is_asked():
    said = "Neither a contract, nor a proceeding, nor a law on personal data forbids that"
    for told, asked in ((None, True), ("concession 2015", False)):
        held, _ = deletable(legal=told)
        spare, _ = copies(duplicates((A, B, 1)), legal=told)
        for one in (*held.values(), *spare.values()):
            assert one.irreversible
            assert any(condition.startswith(said) for condition in one.conditions) == asked


@pytest.mark.parametrize(
    ("low", "told"), [(1.0, "All distinct rows"), (0.99961, "At least 99.9 % of the distinct rows")]
)
def test_a_share_is_never_rounded_up_to_all(low, told):
    found = duplicates((A, B, 1))
    (pair,) = found.pairs
    pair = replace(pair, jaccard=Estimate("jaccard", 1.0, low, 1.0))
    (one,) = copies(replace(found, pairs=(pair,)))[0].values()
    assert one.reason.startswith(told)


@pytest.mark.parametrize(
    ("changes", "readers", "barrier"),
    [
        ({}, [application("reader", datasets=("x",))], "lyon/reader reads it"),
        ({}, [], "no silo says which applications it has"),
        ({"retention_days": None}, [OTHER], "nobody said how long it must be kept"),
        ({"written_s": None}, [OTHER], "nobody said when it was written"),
        ({"retention_days": 901.0}, [OTHER], "it must be kept until 2026-11-21"),
        ({"read_s": ago(20)}, [OTHER], "it was read 20 days ago"),
    ],
)
def test_nothing_is_deleted_of_which_too_little_is_known(changes, readers, barrier):
    advice, findings = deletable(readers=readers, **changes)
    assert not advice
    assert findings["datasets-kept"].message.startswith("Nothing is to be done about 1 of 1 ")
    # Where something else is advised, the option says why it is not possible.
    cold = {"storage_class": "ssd", **changes}
    if "read_s" not in changes:
        advice, _ = deletable(readers=readers, **cold)
        assert advice["turin/x"].recommended == "tier down"
        assert advice["turin/x"].option("delete").barrier == barrier


CASE = UseCaseTable(name="faults", need=Need.MODEL, dataset="x", current="federate")
DRIFT = RetrainingTable(
    model="fares",
    run="r",
    before="old",
    now="x",
    column="a",
    lower=0.0,
    upper=1.0,
    points_per_drift=1.0,
    worth_g=1.0,
    source="made up",
)


@pytest.mark.parametrize(
    ("needs", "reader"),
    [
        (replace(NEEDS, use_cases=(CASE,)), "the use case faults"),
        (replace(NEEDS, retrainings=(DRIFT,)), "the retraining of fares"),
        (
            replace(NEEDS, retrainings=(replace(DRIFT, before="x", now="new"),)),
            "the retraining of fares",
        ),
    ],
)
def test_nothing_is_deleted_that_the_company_trains_on(needs, reader):
    assert not deletable(needs)[0]
    advice, _ = deletable(needs, storage_class="ssd")
    assert advice["turin/x"].option("delete").barrier == f"{reader} reads it"
    assert advice["turin/x"].conditions[0].startswith(f"{reader.capitalize()} can wait")


def test_a_copy_goes_only_if_what_is_trained_on_it_can_do_with_the_other():
    needs = replace(NEEDS, use_cases=(CASE,), retrainings=(DRIFT,))
    advice, _ = copies(duplicates((A, B, 1)), needs=needs)
    (one,) = advice.values()
    told = "The use case faults, the retraining of fares can do with lyon/x instead."
    assert told in one.conditions


@pytest.mark.parametrize(
    ("read_s", "told"),
    [
        (None, "when it was last read is not known"),
        (ago(10), "it was last read 10 days ago"),
        (ago(1 / 24), "it was last read less than a day ago"),
    ],
)
def test_a_copy_goes_only_if_nobody_reads_it_and_how_much_is_read_is_not_made_up(read_s, told):
    advice, _ = copies(duplicates((A, B, 1)), read_s=read_s)
    (one,) = advice.values()
    assert f"Nobody reads it in gdansk: {told}." in one.conditions
    assert "No application of gdansk, turin reads it: none is declared there." in (one.conditions)
    (reads,) = [point for point in one.turning_points if point.quantity.startswith("data read")]
    assert reads.present is None


def test_what_a_colder_medium_saves_in_money_is_not_taken_for_nothing():
    prices = Prices(currency=Currency.EUR, storage_per_gb_month=0.02)
    entry = dataset("x", 500, storage_class="ssd", read_s=ago(400.9))
    company = managed({"turin": [entry]}, replace(NEEDS, prices=prices))
    one = split(advise_datasets(company))[0]["turin/x"]
    assert one.recommended == "tier down"
    assert one.saving_cost is None
    assert "prices.storage" in one.findings[0].message
    assert "for 400 days" in one.reason  # whole days, like those of the page


def test_of_two_copies_the_one_stays_that_is_trained_on():
    held = {"lyon": [dataset("spare", 300)], "gdansk": [dataset("x", 300)]}
    pairs = duplicates((("lyon", "spare"), B, 1))
    company = managed(held, replace(NEEDS, use_cases=(CASE,)), duplicates=pairs)
    advice, _ = split(advise_datasets(company))
    assert {name: one.recommended for name, one in advice.items()} == {"lyon/spare": "deduplicate"}
    assert "that one is what the use case faults reads" in advice["lyon/spare"].reason
    points = [point.quantity for point in advice["lyon/spare"].turning_points]
    assert "grid intensity of FR" not in points  # it would go on a cleaner grid, too


def test_what_was_read_an_hour_ago_is_not_deleted_if_nobody_said_what_cold_is():
    needs = replace(NEEDS, cold_after_s=None)
    assert not deletable(needs, read_s=ago(1 / 24))[0]
    assert deletable(needs, read_s=None)[0]


def test_silos_that_declare_no_application_are_named_before_something_is_deleted():
    one = deletable()[0]["turin/x"]
    assert "no application that a silo declares reads it" in one.reason
    assert "its 2 copies of 10.0 GB on storage.hdd emit" in one.reason
    assert "No application of turin reads it: none is declared there." in one.conditions


@pytest.mark.parametrize(("retention", "told"), [(10.0, ""), (900.0, " until 2028-05-08 at least")])
def test_no_day_is_promised_that_is_past(retention, told):
    reader = {"leipzig": [application("reader", datasets=("x",))]}
    written = {"written_s": ago(365), "retention_days": retention}
    advice, _ = copies(duplicates((A, B, 1)), reader, **written)
    (one,) = advice.values()
    assert f"lyon/x stays{told}: ask whoever answers for it." in one.conditions


@pytest.mark.parametrize(
    ("needs", "read_s"),
    [
        (replace(NEEDS, cold_after_s=None), ago(900)),
        (replace(NEEDS, cold_medium=None), ago(900)),
        (NEEDS, None),
        (NEEDS, ago(100)),
    ],
)
def test_nothing_is_moved_that_is_not_known_to_be_cold(needs, read_s):
    entry = dataset("x", 500, storage_class="ssd", read_s=read_s)
    advice, findings = split(advise_datasets(managed({"turin": [entry]}, needs)))
    assert not advice
    if read_s is None:
        assert "turin/x" in findings["read-unknown"].message
    if needs is not NEEDS:
        assert "cold-after" in findings["cold-undefined"].remedy


def test_a_medium_that_nobody_knows_is_said_and_stops_nothing_else():
    company = managed(
        {
            "turin": [dataset("a", storage_class="tape"), dataset("b", storage_class=None)],
            "lyon": [dataset("x", 100, storage_class="ssd", read_s=ago(400))],
        },
        NEEDS,
    )
    advice, _ = split(advise_datasets(company))
    assert list(advice) == ["lyon/x"]
    _, findings = split(doubt_catalogue(company, company.catalogues["turin"]))
    assert "'tape'" in findings["medium-unknown"].message
    assert findings["medium-unknown"].place == "turin"
    assert "'turin' does not say on what it keeps b" in findings["medium-missing"].message


def test_two_numbers_of_copies_on_the_cold_medium_are_refused():
    needs = replace(
        NEEDS, media={**NEEDS.media, "old": "storage.hdd"}, replication={"old": 3.0, "hdd": 2.0}
    )
    entry = dataset("x", storage_class="ssd", read_s=ago(400))
    with pytest.raises(ManifestError, match="different numbers of copies"):
        list(advise_datasets(managed({"turin": [entry]}, needs)))


def copies(pairs, readers=None, needs=NEEDS, **changes):
    held = {
        "lyon": [dataset("x", 300, **changes)],
        "gdansk": [dataset("x", 300, **changes)],
        "turin": [dataset("x", 300, **changes)],
    }
    company = managed(held, needs, applications=readers, duplicates=pairs)
    return split(advise_datasets(company))


A, B, C = ("lyon", "x"), ("gdansk", "x"), ("turin", "x")


def test_of_several_copies_one_stays():
    advice, _ = copies(duplicates((A, B, 1), (B, C, 1), (A, C, 1)))
    assert {name: one.recommended for name, one in advice.items()} == {
        "gdansk/x": "deduplicate",
        "turin/x": "deduplicate",
    }
    assert all(one.irreversible and "lyon/x" in one.reason for one in advice.values())


def test_nothing_goes_for_the_sake_of_what_goes_too():
    # Lyon is like Gdansk, Gdansk like Turin, but Lyon and Turin are not alike.
    advice, _ = copies(duplicates((A, B, 1), (B, C, 1)))
    assert list(advice) == ["gdansk/x"]


def test_the_copy_that_is_read_where_it_is_stays_even_if_it_emits_more():
    readers = {"gdansk": [application("reader", datasets=("x",))]}
    advice, _ = copies(duplicates((A, B, 1)), readers)
    assert list(advice) == ["lyon/x"]
    assert "gdansk/reader" in advice["lyon/x"].reason
    assert not [one for one in advice["lyon/x"].turning_points if "grid" in one.quantity]


def test_two_copies_that_are_both_read_stay_and_that_is_said():
    reader = [application("reader", datasets=("x",))]
    advice, findings = copies(duplicates((A, B, 1)), {"lyon": reader, "gdansk": reader})
    assert not advice
    assert "gdansk/reader" in findings["copy-read"].message


def test_what_is_only_contained_or_perhaps_a_copy_is_said_and_not_advised():
    pairs = duplicates((A, B, 0.5), (B, C, 0.4))
    possible = replace(pairs.pairs[1], likeness=Likeness.POSSIBLE)
    advice, findings = copies(replace(pairs, pairs=(pairs.pairs[0], possible)))
    assert not advice
    assert "lyon/x in gdansk/x" in findings["datasets-contained"].message
    assert "gdansk/x and turin/x" in findings["datasets-alike"].message


def test_of_two_copies_that_need_not_be_kept_neither_stands_for_the_other():
    readers = {"leipzig": [OTHER]}
    advice, _ = copies(duplicates((A, B, 1)), readers, **OVER)
    assert {one.recommended for one in advice.values()} == {"delete"}
    assert len(advice) == 3


def test_no_copy_goes_because_of_one_that_is_to_be_deleted():
    held = {"lyon": [dataset("x", 300, **OVER)], "gdansk": [dataset("x", 300)]}
    company = managed(
        held, NEEDS, applications={"leipzig": [OTHER]}, duplicates=duplicates((A, B, 1))
    )
    advice, _ = split(advise_datasets(company))
    assert {name: one.recommended for name, one in advice.items()} == {"lyon/x": "delete"}


def test_what_another_silo_reads_under_its_name_is_not_deleted():
    held = {"lyon": [dataset("x", 300, **OVER)], "gdansk": [dataset("x", 300)]}
    readers = {"gdansk": [application("reader", datasets=("x",))]}
    advice, _ = split(advise_datasets(managed(held, NEEDS, applications=readers)))
    assert not advice


def test_a_refused_question_about_copies_is_said():
    refused = replace(duplicates((A, B, 1)), pairs=(), refused="two silos have another key")
    _, findings = copies(refused)
    assert "two silos have another key" in findings["copies-unknown"].message


# --- applications -----------------------------------------------------------------------------

SAME = {"models": ("m",), "datasets": ("d",), "period_days": 30.0}


def applied(*entries, needs=NEEDS):
    return split(advise_applications(managed({}, needs, applications={"turin": entries})))


def test_what_is_unused_is_retired_and_not_merged_too():
    advice, findings = applied(
        application("a", calls=100, energy_kwh=5.0, **SAME),
        application("b", calls=0, energy_kwh=5.0, owner="ops", **SAME),
    )
    assert {name: one.recommended for name, one in advice.items()} == {"turin/b": "retire"}
    assert "ops" in advice["turin/b"].conditions[0]
    assert findings["applications-kept"].message.startswith("Nothing is to be done about 1 of 2 ")


def test_the_last_use_alone_can_show_that_an_application_is_unused():
    entry = application("x", used_s=ago(400), period_days=30.0, energy_kwh=8.0, datasets=("d",))
    advice, _ = applied(entry)
    (point,) = advice["turin/x"].turning_points
    assert (point.present, point.value, point.unit) == (400, 180, "d")
    assert "Nobody else reads d" in advice["turin/x"].conditions[1]


@pytest.mark.parametrize(
    "entry",
    [
        application("x", calls=4, period_days=30.0, used_s=ago(400), energy_kwh=8.0),
        application("x", calls=0, period_days=30.0, used_s=ago(3), energy_kwh=8.0),
    ],
)
def test_calls_that_contradict_the_last_use_are_not_believed(entry):
    advice, findings = applied(entry)
    assert not advice
    assert findings["application-contradicts"].place == "turin/x"


def test_energy_that_nobody_said_is_not_guessed():
    advice, findings = applied(application("x", calls=0, period_days=30.0))
    assert not advice
    assert "turin/x" in findings["application-energy-unknown"].message
    advice, findings = applied(
        application("a", calls=100, energy_kwh=5.0, **SAME), application("b", calls=9, **SAME)
    )
    assert not advice
    assert "turin/b" in findings["application-energy-unknown"].message
    _, findings = applied(application("x"))
    assert "turin/x" in findings["use-unknown"].message


def test_applications_that_name_no_models_are_not_taken_for_the_same():
    entries = [
        application(name, calls=9, energy_kwh=kwh, datasets=("d",), period_days=30.0)
        for name, kwh in (("a", 1.0), ("b", 2.0))
    ]
    advice, _ = applied(*entries)
    assert not advice


@pytest.mark.parametrize(("similarity", "merged"), [(0.6, 1), (0.7, 0)])
def test_how_much_two_applications_must_share_is_said_by_the_company(similarity, merged):
    both = {"models": ("m",), "calls": 9, "period_days": 30.0}
    advice, _ = applied(
        application("a", datasets=("d", "e"), energy_kwh=1.0, **both),
        application("b", datasets=("d", "e", "f"), energy_kwh=2.0, **both),
        needs=replace(NEEDS, similarity=similarity),
    )
    assert len(advice) == merged


def test_each_of_three_applications_goes_into_the_one_that_stays():
    advice, _ = applied(
        *(
            application(name, calls=90, energy_kwh=kwh, **SAME)
            for name, kwh in (("a", 3.0), ("b", 1.0), ("c", 2.0))
        )
    )
    assert {one.recommended for one in advice.values()} == {"merge into turin/b"}
    rate = YEAR_S / (30 * DAY_S) * 300.0  # of calls, times grid and overhead of Turin
    saved = sum(one.saving_g.value for one in advice.values())
    assert saved == pytest.approx(rate * (2.0 + 1.0), rel=1e-12)


# --- schedules --------------------------------------------------------------------------------

INTENSITY = Path(__file__).parents[2] / "examples" / "company" / "intensity"
DAY = datetime(2026, 11, 21, tzinfo=UTC)
HOURLY = "start_utc,DE,FR\n" + "".join(
    f"2026-11-21T{hour:02d}:00:00Z,{300 if hour == 12 else 400},{'' if hour < 6 else 50}\n"
    for hour in range(24)
)


def schedule(folder, files=("DE", "FR"), text=HOURLY, **changes):
    (folder / "hourly.csv").write_text(text)
    job = {
        "name": "job",
        "silos": ("leipzig",),
        "duration_s": 3600.0,
        "power_w": 1000.0,
        "after": DAY,
        "before": DAY + timedelta(days=1),
        **changes,
    }
    needs = replace(
        NEEDS,
        origin=str(folder / "management.toml"),
        intensity_files=dict.fromkeys(files, "hourly.csv"),
        jobs=(JobTable(**job),),
    )
    return managed({}, needs)


def test_a_job_that_runs_at_the_best_time_already_is_told_so(tmp_path):
    company = schedule(tmp_path, start=DAY + timedelta(hours=12))
    advice, _ = split(advise_schedules(company))
    one = advice["job"]
    assert not one.changes
    assert len(one.options) == 1
    assert one.saving_g.value == 0
    assert "emits less" in one.reason


def test_a_job_runs_neither_in_the_past_nor_before_it_may(tmp_path):
    noon = DAY + timedelta(hours=12)
    late = replace(schedule(tmp_path), now_s=(noon + timedelta(minutes=20)).timestamp())
    for company in (late, schedule(tmp_path, after=noon + timedelta(minutes=20))):
        one = split(advise_schedules(company))[0]["job"]
        assert [option.name for option in one.options] == ["leipzig from 2026-11-21 12:20 UTC"]
        # 40 minutes at 300, and 20 at 400.
        grid = (40 * 300 + 20 * 400) / 60
        assert one.options[0].assessment.total_g.value == pytest.approx(1.5 * grid, rel=1e-12)
    early = replace(schedule(tmp_path, before=noon), now_s=ago(1))
    one = split(advise_schedules(early))[0]["job"]
    assert one.recommended == "leipzig from 2026-11-21 00:00 UTC"


def test_data_moves_at_the_mean_intensity_also_within_a_zone(tmp_path):
    company = schedule(tmp_path, silos=("leipzig", "turin"), moved_gb=10.0)
    sites = tuple(replace(site, zone="DE") for site in company.deployment.sites)
    company = replace(company, deployment=replace(company.deployment, sites=sites))
    one = split(advise_schedules(company))[0]["job"]
    away = one.option("turin from 2026-11-21 12:00 UTC").assessment
    # 1 kWh at noon in a building of 1.0; and 10 GB at the 400 that are declared of DE.
    sent_g = 10 * network_kwh_per_gb() * GRIDS["leipzig"]
    assert away.total_g.value == pytest.approx(300 + sent_g, rel=1e-12)


def test_a_job_that_can_stop_runs_in_parts(tmp_path):
    text = HOURLY.replace("T20:00:00Z,400", "T20:00:00Z,310")
    company = schedule(tmp_path, text=text, duration_s=7200.0, interruptible=True)
    one = split(advise_schedules(company))[0]["job"]
    assert one.recommended == "leipzig from 2026-11-21 12:00 UTC to 2026-11-21 21:00 UTC in 2 parts"
    # 2 kWh in a building of 1.5: at 400 today, at 300 and 310 then.
    assert one.saving_g.value == pytest.approx(2 * 1.5 * 400 - 1.5 * (300 + 310), rel=1e-12)
    assert any("stop and go on" in condition for condition in one.conditions)


@pytest.mark.parametrize("start", [None, DAY + timedelta(hours=12)])  # the latter is best there
def test_what_is_wrong_with_any_series_that_was_weighed_is_said(tmp_path, start):
    company = schedule(tmp_path, silos=("leipzig", "lyon"), start=start)
    table = tmp_path / "hourly.csv"
    for one in read_series(table, company.settings().signal):
        write_series([one], tmp_path / f"{one.zone}.csv")
    for changed in ("DE.csv", "FR.csv"):
        path = tmp_path / changed
        before = path.read_text()
        path.write_text(before.replace("400.0", "390.0").replace("50.0", "51.0"))
        assert path.read_text() != before
        needs = replace(company.needs, intensity_files={"DE": "DE.csv", "FR": "FR.csv"})
        one = split(advise_schedules(replace(company, needs=needs)))[0]["job"]
        assert one.recommended.startswith("lyon")
        said = [found.message for found in one.findings if found.code == "series-changed"]
        assert [changed in message for message in said] == [True]
        (gap,) = [found for found in one.findings if found.code == "window-gap"]
        assert gap.message.startswith("FR: 6 h")
        path.write_text(before)


def test_a_job_has_whole_seconds_alone(tmp_path):
    """It may not begin in a second that has begun, nor end in one that the deadline cuts."""
    after, before = (DAY + timedelta(seconds=one) for one in (0.5, 3600.9))
    for duration_s, fits in ((3600.0, False), (3599.0, True)):
        company = schedule(tmp_path, after=after, before=before, duration_s=duration_s)
        advice, findings = split(advise_schedules(company))
        assert ("job" in advice, "job-unfit" in findings) == (fits, not fits)


def test_a_place_without_hourly_intensity_is_an_option_with_a_barrier(tmp_path):
    one = split(advise_schedules(schedule(tmp_path, silos=("leipzig", "gdansk"))))[0]["job"]
    assert "no hourly intensity of PL" in one.option("gdansk").barrier
    assert one.recommended.startswith("leipzig")


def test_a_job_where_nothing_is_known_gets_no_advice(tmp_path):
    _, findings = split(advise_schedules(schedule(tmp_path, silos=("gdansk", "leipzig"))))
    assert "PL" in findings["intensity-missing"].message
    # In Lyon the first hours have no value.
    _, findings = split(advise_schedules(schedule(tmp_path, silos=("lyon",))))
    assert "gap" in findings["intensity-gap"].message
    # As a place to go to, it is known from 6 on.
    one = split(advise_schedules(schedule(tmp_path, silos=("leipzig", "lyon"))))[0]["job"]
    assert one.recommended == "lyon from 2026-11-21 06:00 UTC"
    assert "window-gap" in {finding.code for finding in one.findings}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"before": DAY - timedelta(days=2), "after": DAY - timedelta(days=3)}, "does not fit"),
        ({"duration_s": 90_000.0}, "does not fit"),
        ({"duration_s": 86_400.2}, "does not fit"),
        ({"duration_s": 86_399.2, "after": DAY + timedelta(seconds=0.5)}, "does not fit"),
        ({"start": DAY - timedelta(days=2)}, "it began"),
        ({"start": DAY + timedelta(hours=23, minutes=30)}, "not lie between"),
    ],
)
def test_a_job_without_a_choice_is_said(tmp_path, changes, why):
    advice, findings = split(advise_schedules(schedule(tmp_path, **changes)))
    assert not advice
    assert why in findings["job-unfit"].message


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"text": "start_utc,DE\n2026-11-21T00:00:00Z,400\n"}, "two or more"),
        ({"text": "\x00"}, "hourly.csv"),
        ({"files": ("DE", "IT")}, "no zone 'IT'"),
        ({"silos": ()}, "can run nowhere"),
        ({"silos": ("rome",)}, "no silo 'rome'"),
    ],
)
def test_what_a_manifest_says_wrongly_about_jobs_is_refused(tmp_path, changes, why):
    with pytest.raises(ManifestError, match=why):
        list(advise_schedules(schedule(tmp_path, **changes)))


def test_two_jobs_of_one_name_are_refused(tmp_path):
    company = schedule(tmp_path)
    needs = replace(company.needs, jobs=company.needs.jobs * 2)
    with pytest.raises(ManifestError, match="'job' is there twice"):
        list(advise_schedules(replace(company, needs=needs)))


def test_series_of_another_kind_are_refused(tmp_path):
    company = schedule(tmp_path)
    for file in INTENSITY.glob("hourly.csv*"):
        shutil.copy(file, tmp_path)
    assert split(advise_schedules(company))[0]
    method = replace(company.deployment.method, signal="average/location/direct")
    deployment = replace(company.deployment, method=method)
    with pytest.raises(ManifestError, match=r"intensity-files.DE: .* intensity, and .* asked for"):
        list(advise_schedules(replace(company, deployment=deployment)))


def test_series_are_read_from_the_folder_of_the_manifest_alone(tmp_path):
    company = schedule(tmp_path)
    needs = replace(company.needs, intensity_files={"DE": "../hourly.csv"})
    with pytest.raises(ManifestError, match="outside"):
        list(advise_schedules(replace(company, needs=needs)))
    needs = replace(company.needs, intensity_files={"DE": "none.csv"})
    with pytest.raises(ManifestError, match=r"intensity-files.DE: there is no 'none.csv'"):
        list(advise_schedules(replace(company, needs=needs)))


# --- the needs, and the plan ------------------------------------------------------------------


def test_moments_without_an_offset_are_refused_and_secrets_are_not_published(tmp_path):
    text = 'horizon = "1 year"\nledger = "postgresql://user:secret@host/books"\n'
    (tmp_path / "management.toml").write_text(f"{text}today = 2026-11-20T08:00:00Z\n")
    assert dict(read_needs(tmp_path).declared)["ledger"] == "postgresql://***/books"
    (tmp_path / "management.toml").write_text(f"{text}today = 2026-11-20T08:00:00\n")
    with pytest.raises(ManifestError, match="no offset"):
        read_needs(tmp_path)


def test_a_plan_holds_what_it_was_made_from(tmp_path):
    prices = Prices(currency=Currency.EUR, storage_per_gb_month=0.02)
    company = schedule(tmp_path)
    over = {"written_s": ago(500), "retention_days": 30.0, "read_s": ago(400)}
    company = managed(
        {"lyon": [dataset("x", 100, storage_class="ssd", **over)]},
        replace(company.needs, prices=prices),
        applications={"lyon": [OTHER]},
        draws=100,
    )
    plan = advise(company)
    assert {one.kind for one in plan.advice} == {DecisionKind.DATASET, DecisionKind.SCHEDULE}
    assert [one.name for one in plan.inputs] == ["hourly.csv"]
    assert (plan.seed, plan.draws) == (company.seed, 100)
    (deleted,) = [one for one in plan.advice if one.kind is DecisionKind.DATASET]
    assert deleted.recommended == "delete"
    assert deleted.saving_cost.value == pytest.approx(100 * 0.02 * 12 * 365 / 365.25)
    only = advise(company, [DecisionKind.SCHEDULE])
    assert {one.kind for one in only.advice} == {DecisionKind.SCHEDULE}


def test_a_forged_entry_is_in_no_total_of_a_plan():
    forged = application("z", calls=0, period_days=1e-6, energy_kwh=1e12, datasets=("x",))
    honest = application("a", calls=10, period_days=30.0, energy_kwh=3.0)
    plain, poisoned = (
        advise(managed(held, NEEDS, applications={"lyon": (honest,), "turin": more}))
        for more, held in (((), {}), ((forged,), {"turin": [dataset("x", 10, **OVER)]}))
    )
    assert poisoned.advice == plain.advice == ()  # it may read x, which is not deleted
    (mine,) = plain.state.lines
    assert mine in poisoned.state.lines
    (forged_line,) = [one for one in poisoned.state.lines if one.name == "z"]
    assert forged_line.emissions_g is forged_line.calls is None
    assert "use-unknown" not in {one.code for one in poisoned.findings}
    assert "turin/z" in {one.place for one in poisoned.findings}


def test_silos_without_a_device_are_named_where_one_can_be_declared(tmp_path):
    """Once for all options, and with what they are counted as."""
    company = schedule(tmp_path, silos=("leipzig", "lyon"))
    stored = managed({"turin": [dataset("x", 3000)]})
    company = replace(company, catalogues=stored.catalogues)

    def doubt(whole):
        return [one for one in advise(whole).findings if one.code == "silo-device-missing"]

    (bare,) = doubt(company)
    assert "of leipzig, lyon: the making" in bare.message
    assert "pue" not in bare.message  # their places say what the overhead is
    assert bare.remedy.endswith("under [[silos]] in deployment.toml.")
    sites = tuple(replace(site, pue=None) for site in company.deployment.sites)
    homeless = replace(company, deployment=replace(company.deployment, sites=sites))
    (said,) = doubt(homeless)
    assert "leipzig, lyon, turin have no device and no pue" in said.message
    assert "or the pue of their places" in said.remedy
    (alike,) = doubt(replace(homeless, catalogues={}))
    assert "They have no device and no pue" in alike.message
    silos = tuple(replace(silo, device="server") for silo in company.deployment.silos)
    told = replace(homeless, deployment=replace(homeless.deployment, silos=silos))
    assert not doubt(told)
    for option in advise(company).advice[0].options:
        assert "device-missing" in option.assessment.boundary.gaps
        assert "device-missing" not in {one.code for one in option.assessment.findings}


def test_every_saving_can_be_followed_to_lines_of_estimates(tmp_path):
    company = schedule(tmp_path, silos=("leipzig", "lyon"), moved_gb=4.0)
    company = replace(company, catalogues=managed(
        {"turin": [dataset("x", 80, storage_class="ssd", read_s=ago(400))]},
        applications={"turin": [application("a", calls=0, period_days=9.0, energy_kwh=3.0)]},
    ).catalogues)  # fmt: skip
    plan = advise(company)
    kinds = {DecisionKind.DATASET, DecisionKind.APPLICATION, DecisionKind.SCHEDULE}
    assert {one.kind for one in plan.advice} == kinds
    for one in plan.advice:
        sums = {}
        for option in one.options:
            values = {term.id: term.value for term in option.assessment.terms}
            sums[option.name] = 0.0
            for part in option.assessment.contributions:
                product = part.amount
                for term in part.terms:
                    over = term.startswith("1/")
                    product = product / values[term[2:]] if over else product * values[term]
                sums[option.name] += product
        saving = sums[one.current] - sums[one.recommended]
        assert one.saving_g.value == pytest.approx(saving, rel=1e-12)
