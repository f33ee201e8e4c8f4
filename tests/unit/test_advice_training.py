"""Advice on use cases, cohorts, retraining and serving: what is weighed, and what is not."""

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from footprint.audit.run_tables import ActivityTable, RunTable
from footprint.errors import ManifestError
from footprint.management.advisor.architectures import advise_architectures
from footprint.management.advisor.cohorts import advise_cohorts
from footprint.management.advisor.needs import (
    LearningCurve,
    Need,
    Needs,
    RetrainingTable,
    ServingTable,
    SiloFolder,
    UseCaseTable,
    read_needs,
)
from footprint.management.advisor.overlaps import find_overlaps
from footprint.management.advisor.retrainings import advise_retrainings
from footprint.management.advisor.servings import advise_servings
from footprint.management.advisor.trainings import SKETCH_BYTES, train_alone
from footprint.management.advisor.use_cases import list_use_cases
from footprint.management.likeness import Likeness
from footprint.management.sketches import DistinctSketch, Estimate, RowSketch
from footprint.model import Access, Advice, Finding, Severity
from footprint.model.kinds import Currency
from footprint.model.scenario import Prices
from tests.managed_company import (
    GRIDS,
    YEAR_S,
    dataset,
    declared_run,
    duplicates,
    histogram,
    managed,
)

SIZES = {"lyon": 100.0, "leipzig": 200.0, "gdansk": 300.0}
CURVE = LearningCurve(limit=95.0, scale=100.0, exponent=0.5, source="made up")
CASE = UseCaseTable(
    name="wear",
    need=Need.MODEL,
    dataset="scans",
    current="federate",
    centre="lyon",
    centre_training_s=7200.0,
    centre_power_w=400.0,
    rounds=20,
    model_gb=0.1,
    epoch_s={"*": 600.0, "leipzig": 300.0},
    power_w={"*": 300.0},
    idle_w={"*": 90.0},
    points=2.0,
    worth_g=1e6,
    curve=CURVE,
)
DRIFT = RetrainingTable(
    model="fares",
    run="fares-1",
    before="old",
    now="new",
    column="fare",
    lower=0.0,
    upper=10.0,
    cells=5,
    points_per_drift=4.0,
    worth_g=100.0,
    source="made up",
)
RUNS = (declared_run("fares-1", lyon=3.0), declared_run("others", gdansk=1e6))
SERVING = ServingTable(
    name="wear",
    silos=("gdansk", "lyon"),
    clients=("turin",),
    calls=1e6,
    energy_kwh=1e-4,
    client_energy_kwh=1e-5,
    query_gb=1e-4,
    model_gb=0.5,
)


def company(case=CASE, rows=1000, **rest):
    datasets = {name: [dataset("scans", size, rows=rows)] for name, size in SIZES.items()}
    needs = Needs(horizon_s=YEAR_S, use_cases=(case,), origin="management.toml", prices=None)
    return managed(datasets, **({"needs": needs} | rest))


def only(found, kind):
    (one,) = found
    assert isinstance(one, kind), one
    return one


def architecture(**changes):
    return only(advise_architectures(company(replace(CASE, **changes))), Advice)


def finding_of(**changes):
    return only(advise_architectures(company(replace(CASE, **changes))), Finding)


def codes(advice):
    return {one.code for one in advice.findings}


def test_the_example_company_has_a_table_of_each():
    needs = read_needs(Path(__file__).parents[2] / "examples" / "company")
    assert {case.need for case in needs.use_cases} == set(Need)
    assert any(case.curve for case in needs.use_cases)
    assert needs.retrainings
    assert needs.servings


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("use-cases", 'name = "x"\nneed = "model"\ndataset = "scans"'),
        (
            "retrainings",
            'model = "x"\nrun = "r"\nbefore = "a"\nnow = "b"\ncolumn = "fare"\nlower = 0\n'
            'upper = 1\npoints-per-drift = 1\nworth = "1 gCO2e"\nsource = "made up"',
        ),
        (
            "jobs",
            'name = "x"\nsilos = ["lyon"]\nduration = "1 h"\npower = "1 W"\n'
            "after = 2026-11-20T00:00:00Z\nbefore = 2026-11-21T00:00:00Z",
        ),
        ("servings", 'name = "x"\nsilos = ["lyon"]\ncalls = 1\nenergy = "1 kWh"'),
    ],
)
def test_two_tables_of_one_name_are_refused(tmp_path, key, fields):
    path = tmp_path / "management.toml"
    once = f"[[{key}]]\n{fields}\n"
    path.write_text(f'horizon = "1 year"\n{once}')
    read_needs(path)
    path.write_text(f'horizon = "1 year"\n{once}{once}')
    with pytest.raises(ManifestError, match=rf"{key}\[2\]: 'x' is there twice"):
        read_needs(path)


# --- architecture -----------------------------------------------------------------------------


def test_counts_are_enough_for_statistics_and_not_for_a_model():
    counted = architecture(need=Need.STATISTICS, scan_s={"*": 60.0})
    assert (counted.current, counted.recommended) == ("federate", "analytics only")
    assert counted.option("analytics only").worth_g == counted.option("federate").worth_g
    trained = architecture()
    assert trained.option("analytics only").barrier
    assert trained.recommended in ("federate", "centralise")


def test_an_answer_is_as_large_as_the_largest_sketch():
    hashes = range(1, 40_000)
    sent = max(len(DistinctSketch.of(hashes).pack()), len(RowSketch.of(hashes).pack()))
    assert sent == SKETCH_BYTES
    counted = architecture(need=Need.STATISTICS, questions=7, scan_s={"*": 60.0})
    asked = counted.option("analytics only").assessment
    assert asked.data_gb == pytest.approx(7 * 3 * sent / 1e9, rel=1e-12)


def test_looking_through_the_data_is_counted():
    asked, twice = (
        architecture(need=Need.STATISTICS, questions=2, scan_s={"*": time_s})
        for time_s in (3600.0, 7200.0)
    )
    more_kwh = [one.option("analytics only").assessment.energy_kwh for one in (twice, asked)]
    # 2 h at 300 W in each silo, with the overheads of lyon, leipzig and gdansk.
    assert more_kwh[0] - more_kwh[1] == pytest.approx(0.6 * (1.4 + 1.5 + 1.6))


def test_looking_through_the_data_is_not_free_because_nobody_said_how_long_it_takes():
    told = {"lyon": 60.0, "gdansk": 60.0}
    unknown = architecture(need=Need.STATISTICS, scan_s=told)
    assert "analytics only" not in {one.name for one in unknown.options}
    (said,) = [one for one in unknown.findings if one.code == "option-unknown"]
    assert "analytics only is not weighed; its estimate lacks scan of leipzig" in said.message
    assert said.severity is Severity.WARNING
    today = finding_of(need=Need.STATISTICS, scan_s=told, current="analytics only")
    assert (today.code, "scan of leipzig" in today.message) == ("use-case-unknown", True)


def test_data_that_may_not_move_stay_and_the_advice_says_why():
    assert architecture(epoch_s={"*": 1e5}).recommended == "centralise"
    stays = architecture(epoch_s={"*": 1e5}, movable=False, barrier="a works agreement")
    assert stays.recommended == "federate"
    assert stays.option("centralise").barrier == "a works agreement"
    assert "a works agreement" in stays.reason


def test_nobody_federates_alone_and_what_does_not_move_may_be_trained_on():
    held = managed(
        {"turin": [dataset("scans", 100.0)]},
        Needs(
            horizon_s=YEAR_S,
            use_cases=(replace(CASE, centre="turin", movable=False, current="centralise"),),
        ),
    )
    advice = only(advise_architectures(held), Advice)
    assert advice.recommended == "centralise"
    assert advice.option("federate").barrier == "only turin has the data"
    assert advice.conditions == ()
    assert "All of it is at turin already" in advice.reason


def test_what_nobody_valued_is_not_weighed_against_doing_nothing():
    unknown = finding_of(worth_g=None, current="do not train")
    assert (unknown.code, unknown.remedy) == ("worth-unknown", "Add worth.")
    assert "points" in finding_of(points=None, current="do not train").remedy
    # What is done today is wanted: then only how it is done is weighed.
    valued = architecture(worth_g=None, current="federate")
    assert valued.option("do not train").barrier
    assert valued.recommended in ("federate", "centralise")


def test_an_option_without_an_estimate_is_left_out_and_said():
    without = architecture(epoch_s={"lyon": 600.0}, current="centralise")
    assert [one.name for one in without.options] == [
        "do not train",
        "analytics only",
        "centralise",
    ]
    (said,) = [one for one in without.findings if one.code == "option-unknown"]
    assert "epoch of gdansk, leipzig" in said.message
    nowhere = architecture(centre=None)
    assert "coordinator-unknown" in codes(nowhere)
    case = replace(CASE, centre=None, curve=None)
    drawn = only(advise_architectures(company(case, draws=100)), Advice)
    # What coordinates the silos is in no draw.
    assert (drawn.recommended, drawn.certainty) == ("federate", None)
    assert "centralise" not in {one.name for one in nowhere.options}
    assert finding_of(centre=None, epoch_s={}).code == "use-case-unknown"


def test_waiting_without_an_idle_power_is_not_free():
    # Leipzig needs half as long as the two others, and the hub of Lyon waits for all.
    today = finding_of(idle_w={})
    assert "federate lacks idle of leipzig, lyon" in today.message
    weighed = architecture(idle_w={}, current="centralise")
    assert "federate" not in {one.name for one in weighed.options}
    assert "option-unknown" in codes(weighed)
    # Who trains all the time does not wait.
    alike = {"idle_w": {"lyon": 90.0}, "epoch_s": {"*": 600.0}}
    assert architecture(**alike).option("federate")


def test_a_point_that_no_number_of_rounds_can_reach_is_not_given():
    """Epochs of a month: less than one round would have to do, and there is one at least."""
    advice = architecture(epoch_s={"*": 30 * 86_400.0}, rounds=2)
    federated, central = (
        advice.option(name).assessment.total_g.value for name in ("federate", "centralise")
    )
    assert advice.recommended == "centralise"
    assert central < federated / 2
    assert "rounds of one training" not in {one.quantity for one in advice.turning_points}


def test_a_dataset_that_nobody_has_and_a_word_that_nobody_knows():
    missing = finding_of(dataset="scams")
    assert missing.code == "dataset-missing"
    assert "'scams'" in missing.message
    with pytest.raises(ManifestError, match=r"use-cases\[1\].current: found 'federated'"):
        list(advise_architectures(company(replace(CASE, current="federated"))))
    for changes in ({"centre": "paris"}, {"epoch_s": {"*": 1.0, "paris": 2.0}}):
        with pytest.raises(ManifestError, match="no silo 'paris'"):
            list(advise_architectures(company(replace(CASE, **changes))))


def test_the_order_of_silos_changes_nothing():
    whole = company()
    told = dict(reversed(whole.catalogues.items()))
    turned = replace(whole, catalogues=told)
    for advisor in (advise_architectures, advise_cohorts):
        assert list(advisor(whole)) == list(advisor(turned))


def test_a_copy_is_sent_to_the_centre_once():
    pairs = duplicates((("gdansk", "scans"), ("leipzig", "scans"), 1.0))
    moved = {
        known: only(advise_architectures(company(duplicates=pairs if known else None)), Advice)
        .option("centralise")
        .assessment.data_gb
        for known in (False, True)
    }
    assert moved[False] == pytest.approx(500.0)
    assert moved[True] in (pytest.approx(200.0), pytest.approx(300.0))


def shared(likeness=Likeness.DUPLICATE, sampled=True, low=1.0, value=1.0, high=1.0):
    """Say that all rows of Gdansk are, or may be, in Leipzig."""
    found = duplicates((("gdansk", "scans"), ("leipzig", "scans"), 1.0))
    (pair,) = found.pairs
    inside = Estimate("containment", value, low, high)
    pair = replace(pair, likeness=likeness, sampled=sampled, containment=inside)
    return replace(found, pairs=(pair,))


def centralised(pairs, **changes):
    case = replace(CASE, centre="leipzig", epoch_s={"*": 1e5}, **changes)
    advice = only(advise_architectures(company(case, duplicates=pairs, draws=100)), Advice)
    assert advice.recommended == "centralise"
    return advice


def test_what_is_only_possibly_at_the_centre_counts_by_its_lower_bound():
    bounds = {"low": 0.2, "value": 0.6, "high": 0.97}
    for pairs in (
        shared(Likeness.POSSIBLE, sampled=False, **bounds),
        shared(Likeness.DUPLICATE, **bounds),
    ):
        advice = centralised(pairs)
        # 100 GB from Lyon, and what is not surely shared of 300 GB from Gdansk.
        moved_gb = advice.option("centralise").assessment.data_gb
        assert moved_gb == pytest.approx(100 + 0.8 * 300)
        assert "overlap-unsure" in codes(advice)
    exact = centralised(shared(Likeness.CONTAINED, sampled=False, **bounds))
    assert exact.option("centralise").assessment.data_gb == pytest.approx(100 + 0.4 * 300)
    assert "overlap-unsure" not in codes(exact)
    assert exact.certainty is not None


def test_samples_do_not_say_that_all_data_are_at_the_centre():
    case = replace(CASE, centre="leipzig", epoch_s={"*": 1e5})
    whole = company(case, duplicates=shared(), draws=100)
    both = {name: whole.catalogues[name] for name in ("leipzig", "gdansk")}
    advice = only(advise_architectures(replace(whole, catalogues=both)), Advice)
    assert "By its samples, all of it is at leipzig already" in advice.reason
    assert any("compare all rows" in one for one in advice.conditions)
    assert "scans may be copied to leipzig." in advice.conditions
    assert advice.certainty is None
    # Nor that nothing moves where nothing may.
    stays = replace(whole.needs.use_cases[0], movable=False)
    needs = replace(whole.needs, use_cases=(stays,))
    barred = only(advise_architectures(replace(whole, catalogues=both, needs=needs)), Advice)
    assert barred.option("centralise").barrier


def test_costs_are_those_of_moving_and_keeping():
    prices = Prices(
        currency=Currency.EUR,
        electricity_per_kwh=0.0,
        egress_per_gb=0.1,
        storage_per_gb_month=0.02,
        staff_federated=50.0,
    )
    needs = Needs(horizon_s=YEAR_S, use_cases=(replace(CASE, copies=3),), prices=prices)
    advice = only(advise_architectures(company(needs=needs)), Advice)
    bills = {one.name: one.assessment.bill for one in advice.options}
    months = YEAR_S / 3600 / (365.25 * 2)
    # 500 GB thrice; of which two thirds are there on average.
    assert bills["centralise"].total.value == pytest.approx(1500 * 0.1 + 1000 * months * 0.02)
    # Silos download 0.1 GB in each of 20 rounds; what they upload is not charged.
    assert bills["federate"].total.value == pytest.approx(3 * 20 * 0.1 * 0.1 + 50)


def test_intervals_hold_the_saving():
    advice = only(advise_architectures(company(draws=200, device="server")), Advice)
    assert advice.saving_g.low <= advice.saving_g.value <= advice.saving_g.high
    assert 0 <= advice.certainty <= 1
    making = [
        line
        for line in advice.option("federate").assessment.contributions
        if line.stage == "embodied"
    ]
    assert {line.actor for line in making} == set(SIZES)


# --- cohorts ----------------------------------------------------------------------------------


def cohort(**rest):
    return only(advise_cohorts(company(**rest)), Advice)


def test_a_copy_brings_nothing():
    alone = cohort()
    assert (alone.recommended, codes(alone)) == ("all silos", {"duplicates-unknown"})
    pairs = duplicates((("gdansk", "scans"), ("leipzig", "scans"), 1.0))
    known = cohort(duplicates=pairs)
    assert known.recommended == "all but gdansk"
    assert "0 of its 1,000 records are new" in known.reason
    assert codes(known) == set()
    assert known.part_of is None
    # Samples of both are the same, and the rest may not be.
    by_samples = cohort(duplicates=shared(), draws=100)
    assert "0 of its 1,000 records are new, by samples" in by_samples.reason
    assert any("compare all rows" in one for one in by_samples.conditions)
    assert (by_samples.certainty, codes(by_samples)) == (None, {"overlap-unsure"})
    # Of another dataset, it changes nothing.
    other = duplicates((("gdansk", "logs"), ("leipzig", "logs"), 1.0))
    assert cohort(duplicates=other).recommended == "all silos"


def test_every_silo_has_its_lines():
    lines = cohort().option("all silos").assessment.contributions
    for silo in SIZES:
        assert {line.phase.value for line in lines if line.actor == silo} == {
            "train",
            "download",
            "upload",
        }


def net_by_hand(whole, rows, inside, worth_g):
    """Emissions of a cohort less what its points may cost; no two silos share records."""
    (use,) = list_use_cases(whole)
    own = [train_alone(replace(use, holders={silo: use.holders[silo]})) for silo in inside]
    points = CURVE.limit - CURVE.scale * sum(rows[silo] for silo in inside) ** -CURVE.exponent
    return sum(whole.assess("x", one).total_g.value for one in own) - worth_g * points


def test_no_cohort_is_better_than_the_chosen_one():
    """Whoever brings most for a gram need not be in it: seeds for which that was so."""
    rng = random.Random(2)
    for _ in range(8):
        rows = {silo: rng.choice([10, 100, 1000, 10_000, 100_000]) for silo in GRIDS}
        worth_g = 10 ** rng.uniform(1, 6)
        epochs = {silo: rng.uniform(10, 5000) for silo in GRIDS}
        case = replace(CASE, worth_g=worth_g, epoch_s=epochs)
        needs = Needs(horizon_s=YEAR_S, use_cases=(case,), origin="management.toml")
        whole = managed({k: [dataset("scans", rows=n)] for k, n in rows.items()}, needs)
        advice = only(advise_cohorts(whole), Advice)
        chosen = advice.option(advice.recommended).assessment.contributions
        least_g = min(
            net_by_hand(whole, rows, inside, worth_g)
            for count in range(1, 5)
            for inside in itertools.combinations(GRIDS, count)
        )
        found_g = net_by_hand(whole, rows, {line.actor for line in chosen}, worth_g)
        assert found_g == pytest.approx(least_g)


def test_a_silo_that_lies_within_another_leaves_though_it_brings_most_for_a_gram():
    case = replace(CASE, worth_g=1e4, epoch_s={"*": 600.0, "lyon": 250.0})
    rows = {"lyon": 1000, "leipzig": 3000}
    needs = Needs(horizon_s=YEAR_S, use_cases=(case,), origin="management.toml")
    pairs = duplicates((("lyon", "scans"), ("leipzig", "scans"), 1.0))
    datasets = {silo: [dataset("scans", rows=count)] for silo, count in rows.items()}
    advice = only(advise_cohorts(managed(datasets, needs, duplicates=pairs)), Advice)
    assert advice.recommended == "leipzig"
    assert "lyon stays out: it would add 0 points" in advice.reason
    assert advice.option("all silos").gain == advice.option("leipzig").gain


def test_records_are_counted_once_whoever_is_the_first():
    """What Gdansk has the two others have too, in parts: behind one of them it brings nothing."""
    held = [("gdansk", "leipzig", 0.8), ("gdansk", "lyon", 0.8), ("leipzig", "lyon", 0.6)]
    pairs = duplicates(*(((one, "scans"), (two, "scans"), share) for one, two, share in held))
    advice = cohort(case=replace(CASE, worth_g=1e9), duplicates=pairs)
    # Beginning with Gdansk all are 1,000, 200 and 200; with Leipzig 1,000, 400 and 200.
    points = [CURVE.limit - CURVE.scale * rows**-CURVE.exponent for rows in (1000, 1400)]
    for name in ("all but gdansk", "all silos"):
        assert advice.option(name).gain == pytest.approx(points[1] - points[0])
    assert advice.recommended == "all but gdansk"


def test_what_a_cohort_cannot_be_weighed_without():
    for changes, named in (({"worth_g": None}, "worth"), ({"power_w": {}}, "power of gdansk")):
        unknown = only(advise_cohorts(company(replace(CASE, **changes))), Finding)
        assert unknown.code == "cohort-unknown"
        assert named in unknown.message
    assert only(advise_cohorts(company(rows=0)), Finding).code == "cohort-unknown"
    assert list(advise_cohorts(company(replace(CASE, curve=None)))) == []


def test_a_cohort_is_for_what_is_federated():
    slow = replace(CASE, epoch_s={"*": 1e5}, worth_g=1e7)
    today = cohort(case=slow)
    assert "Only if it stays federated" in today.conditions[-1]
    assert "'centralise'" in today.conditions[-1]
    assert today.part_of == "architecture/wear"
    never = only(advise_cohorts(company(replace(slow, current="centralise"))), Finding)
    assert "the advice on it is: centralise" in never.message
    wanted = replace(slow, movable=False)
    stays = cohort(case=wanted)
    assert (len(stays.conditions), stays.part_of) == (1, None)
    later = cohort(case=replace(wanted, current="do not train"))
    assert "Only once wear is federated" in later.conditions[-1]
    assert later.part_of == "architecture/wear"
    # What is not known to be worth federating has no cohort.
    nobody = replace(wanted, idle_w={}, current="do not train")
    unknown = only(advise_cohorts(company(nobody)), Finding)
    assert "whether it should be federated is not known" in unknown.message


def test_a_silo_without_records_stays_out():
    whole = company()
    (entry,) = whole.catalogues["lyon"].datasets
    bare = replace(whole.catalogues["lyon"], datasets=(replace(entry, rows=0),))
    advice = only(
        advise_cohorts(replace(whole, catalogues={**whole.catalogues, "lyon": bare})), Advice
    )
    assert advice.recommended == "all but lyon"


# --- silos that could not be read -------------------------------------------------------------

NAMED = tuple(SiloFolder(name=name) for name in SIZES)


def unread(silo, case=CASE, *, whole=True, **rest):
    """Build a company of which a silo, or only its dataset, could not be read."""
    known = company(case, **rest)
    catalogues = dict(known.catalogues)
    lost = catalogues.pop(silo)
    if not whole:
        catalogues[silo] = replace(lost, datasets=(), left_out=("scans",))
    needs = replace(known.needs, silos=NAMED)
    return replace(known, needs=needs, catalogues=catalogues)


@pytest.mark.parametrize("whole", [True, False])
def test_who_could_not_be_read_is_not_forgotten(whole):
    said = "gdansk is not in this advice" if whole else "Nothing of gdansk/scans is in this advice"
    part = unread("gdansk", whole=whole, draws=100)
    for advisor in (advise_architectures, advise_cohorts):
        advice = only(advisor(part), Advice)
        assert any(one.startswith(said) for one in advice.conditions)
        assert advice.certainty is None
        everybody = only(advisor(company(draws=100)), Advice)
        assert not any(said in one for one in everybody.conditions)
    assert only(advise_cohorts(part), Advice).current == "all that could be read"
    # With it training would emit more still: what is best without it is so with it.
    cheap = only(advise_architectures(unread("gdansk", replace(CASE, worth_g=1.0))), Advice)
    assert cheap.recommended == "do not train"


@pytest.mark.parametrize("whole", [True, False])
def test_nobody_has_the_data_alone_while_others_could_not_be_read(whole):
    part = unread("leipzig", whole=whole)
    alone = replace(part, catalogues={**part.catalogues})
    alone.catalogues.pop("lyon")
    said = only(advise_architectures(alone), Finding)
    assert said.code == "use-case-unknown"
    assert "federate lacks what" in said.message
    assert "leipzig" in said.message
    # All others being readable, nobody else has them.
    sure = replace(alone, needs=replace(alone.needs, silos=()))
    if whole:
        assert "only gdansk has" in only(advise_architectures(sure), Advice).reason


@pytest.mark.parametrize("whole", [True, False])
def test_nothing_is_copied_to_a_centre_that_could_not_be_read(whole):
    advice = only(advise_architectures(unread("lyon", whole=whole)), Advice)
    assert "centralise" not in [one.name for one in advice.options]
    assert any("lacks what lyon has of scans" in one.message for one in advice.findings)


def test_that_nobody_readable_has_the_data_is_said_so():
    part = unread("lyon")
    part = replace(part, catalogues={})
    said = only(advise_architectures(part), Finding)
    assert said.message.startswith("No catalogue that could be read has the dataset 'scans'")
    assert "gdansk, leipzig, lyon" in said.remedy


def test_a_drift_without_a_silo_is_said():
    whole = aged(as_company=True)
    needs = replace(whole.needs, silos=(SiloFolder(name="turin"),))
    advice = only(advise_retrainings(replace(whole, needs=needs)), Advice)
    assert any("turin is not in this advice" in one for one in advice.conditions)
    assert len(only(advise_retrainings(whole), Advice).conditions) == 1


# --- retraining -------------------------------------------------------------------------------


def aged(shift=2.0, table=DRIFT, now_silos=("lyon", "turin"), as_company=False, **rest):
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 8, 500)
    grid = (0.0, 10.0, 5)
    fields = {
        "needs": Needs(horizon_s=YEAR_S, retrainings=(table,), origin="management.toml"),
        "runs": RUNS,
        "histograms": {
            ("old", "fare"): histogram("old", "fare", values, grid),
            ("new", "fare"): histogram("new", "fare", values + shift, grid, now_silos),
        },
        **rest,
    }
    whole = managed({}, **fields)
    return whole if as_company else advise_retrainings(whole)


def test_only_what_drifted_is_trained_again_at_the_price_of_its_run():
    stays, drifted = only(aged(0.0), Advice), only(aged(2.0), Advice)
    assert (stays.recommended, drifted.recommended) == ("keep the model", "retrain")
    # 3 kWh in Lyon, and nothing of the other runs.
    emitted = drifted.option("retrain").assessment.total_g.value
    assert emitted == pytest.approx(3.0 * 1.4 * 50)
    assert drifted.option("retrain").assessment.contributions[0].actor == "lyon"
    # Without drift no price of a point would do.
    assert {one.quantity for one in stays.turning_points} == {"drift of the column (PSI)"}


def test_a_drift_that_is_not_known_is_no_reason():
    assert only(aged(histograms={}), Finding).code == "drift-unknown"
    finer = only(aged(table=replace(DRIFT, cells=7)), Finding)
    assert "another grid" in finer.message
    grid = (0.0, 10.0, 5)
    refused = replace(histogram("old", "fare", [1.0], grid), refused="1 of 3 silos.", merged=None)
    told = {("old", "fare"): refused, ("new", "fare"): histogram("new", "fare", [1.0], grid)}
    assert "1 of 3 silos" in only(aged(histograms=told), Finding).message


def test_drift_between_cohorts_is_said():
    assert codes(only(aged(), Advice)) == set()
    assert codes(only(aged(now_silos=("lyon",)), Advice)) == {"drift-of-others"}
    # One that came only now is another cohort as well.
    more = only(aged(now_silos=("gdansk", "lyon", "turin")), Advice)
    (said,) = more.findings
    assert "gdansk answered about only one of old and new" in said.message


def test_a_training_of_which_not_all_energy_is_known_has_no_price():
    known = ActivityTable(silo="lyon", energy_kwh=0.001, meter="m", tier="A")
    unknown = ActivityTable(silo="gdansk", duration_s=360_000.0, phase="train")
    run = RunTable(name="fares-1", activities=(known, unknown))
    said = only(aged(runs=(run,)), Finding)
    assert said.code == "energy-missing"
    assert "of the run 'fares-1' not all energy is" in said.message


def test_cells_that_silos_tell_only_together_are_said():
    grid = (0.0, 10.0, 5)
    told = {
        (name, "fare"): histogram(name, "fare", values, grid)
        for name, values in (
            ("old", [1] * 50 + [3] * 50 + [9] * 4),
            ("new", [1] * 50 + [3] * 20 + [5] * 30),
        )
    }
    hidden = told["old", "fare"]
    hidden = replace(hidden, merged=hidden.merged.suppress(5))
    advice = only(aged(histograms=told | {("old", "fare"): hidden}), Advice)
    (said,) = [one for one in advice.findings if one.code == "drift-hidden"]
    assert "2 groups of the 7 cells" in said.message
    # 50 and 54 before, 50 and 50 now: nobody can say that 30 of these have moved.
    assert "stability index of 0.001" in advice.reason


def test_one_sum_of_all_cells_gives_no_drift():
    grid = (0.0, 10.0, 5)
    told = {
        (name, "fare"): histogram(name, "fare", [1] * 50 + [9] * 4, grid) for name in ("old", "new")
    }
    hidden = told["old", "fare"]
    hidden = replace(hidden, merged=hidden.merged.suppress(5))
    assert "one sum" in only(aged(histograms=told | {("old", "fare"): hidden}), Finding).message


def test_a_run_that_the_deployment_does_not_have():
    with pytest.raises(ManifestError, match=r"retrainings\[1\].run: .* has no run 'x'") as error:
        list(aged(table=replace(DRIFT, run="x")))
    assert "fares-1, others" in error.value.remedy


# --- serving ----------------------------------------------------------------------------------


def served(**changes):
    needs = Needs(horizon_s=YEAR_S, servings=(replace(SERVING, **changes),), origin="m.toml")
    return advise_servings(managed({}, needs))


def test_a_model_answers_where_it_emits_least():
    advice = only(served(), Advice)
    assert (advice.current, advice.recommended) == ("gdansk", "at the clients")
    assert [one.name for one in advice.options] == ["gdansk", "lyon", "at the clients"]
    central = only(served(client_energy_kwh=None), Advice)
    assert central.recommended == "lyon"
    assert codes(central) == {"option-unknown"}
    assert only(served(current="lyon", client_energy_kwh=1.0), Advice).changes is False


def test_a_question_moves_over_the_network_unless_the_silo_asks_itself():
    def moved(name, **changes):
        return only(served(**changes), Advice).option(name).assessment.data_gb

    assert moved("lyon") == pytest.approx(100.0)
    assert moved("lyon", clients=("turin", "lyon")) == pytest.approx(50.0)
    assert moved("at the clients", releases=4, clients=("turin", "lyon")) == pytest.approx(4.0)


def test_a_link_that_the_network_of_all_does_not_describe_is_said():
    needs = Needs(horizon_s=YEAR_S, servings=(SERVING,), origin="m.toml")
    whole = managed({}, needs)
    silos = tuple(
        replace(silo, access=Access.MOBILE_4G if silo.name == "turin" else silo.access)
        for silo in whole.deployment.silos
    )
    mobile = replace(whole, deployment=replace(whole.deployment, silos=silos))
    assert codes(only(advise_servings(whole), Advice)) == set()
    (said,) = only(advise_servings(mobile), Advice).findings
    assert "turin (mobile_4g) is counted by fixed_core_access" in said.message
    # As the remedy says.
    method = replace(mobile.deployment.method, network="by-access")
    mended = replace(mobile, deployment=replace(mobile.deployment, method=method))
    assert codes(only(advise_servings(mended), Advice)) == set()


def test_where_it_is_answered_does_not_change_the_grid_of_those_who_ask():
    """Nobody said who they are: the network of their questions is in no option."""
    nobody = only(served(clients=()), Advice)
    assert [one.assessment.data_gb for one in nobody.options] == [0.0, 0.0]
    assert codes(nobody) == {"askers-unknown"}
    somebody = only(served(client_energy_kwh=None), Advice)
    assert nobody.saving_g.value == pytest.approx(somebody.saving_g.value)
    # Without a size of questions nothing is left out.
    assert codes(only(served(clients=(), query_gb=0.0), Advice)) == set()


def test_clients_share_the_answers():
    advice = only(served(clients=("turin", "gdansk")), Advice)
    lines = advice.option("at the clients").assessment.contributions
    energies = {line.actor: line.energy_kwh for line in lines if line.phase.value == "inference"}
    # 10 kWh for all answers; Gdansk's stand in a building of 1.6.
    assert energies == pytest.approx({"turin": 5.0, "gdansk": 5.0 * 1.6})


@pytest.mark.parametrize(
    ("own", "other", "share"), [(1000, 2000, 0.25), (1000, 800, 0.625), (1000, 250, 1.0)]
)
def test_a_share_of_one_silo_is_another_share_of_the_other(own, other, share):
    rows = {"lyon": own, "leipzig": other}
    pairs = duplicates((("lyon", "scans"), ("leipzig", "scans"), 0.5))
    datasets = {silo: [dataset("scans", rows=count)] for silo, count in rows.items()}
    needs = Needs(horizon_s=YEAR_S, use_cases=(CASE,), origin="management.toml")
    (use,) = list_use_cases(managed(datasets, needs, duplicates=pairs))
    # Bounds and samples may tell of more records than the other has.
    assert find_overlaps(use) == pytest.approx(
        {("lyon", "leipzig"): 0.5, ("leipzig", "lyon"): share}
    )


def test_one_place_or_no_question_is_nothing_to_decide():
    assert only(served(silos=("lyon",), clients=()), Finding).code == "serving-undecided"
    assert only(served(calls=0.0), Finding).code == "serving-undecided"
    with pytest.raises(ManifestError, match=r"servings\[1\].current: found 'turin'"):
        list(served(current="turin"))
    with pytest.raises(ManifestError, match="can answer nowhere"):
        list(served(silos=(), clients=()))
