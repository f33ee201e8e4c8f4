"""What the page of an evaluation says, and what it does not."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from footprint.model import (
    BudgetLimit,
    Contrast,
    Course,
    DomainSummary,
    EvaluatedWorld,
    Evaluation,
    Finding,
    Metric,
    PolicyResult,
    SeedResult,
    SignalKind,
    Spread,
)
from footprint.reporting import extract_document, render_report
from footprint.reporting.evaluations import view_evaluation
from footprint.reporting.numbers import NBSP
from footprint.reporting.terminal import print_result
from footprint.scheduling.spreads import contrast_of, spread_of

TO_G, TO_SECOND = Metric.EMISSIONS_TO_TARGET_G, Metric.SECOND_TO_TARGET_G


def course(end_g):
    return Course((1, 2), (60.0, 120.0), (10.0, 20.0), (end_g / 2, end_g), (), (0.4, 0.8))


def policy(name, figures, baseline=None, world_end_g=100.0):
    """A policy with these values per seed; None for what a seed lacks."""
    seeds = range(len(next(iter(figures.values()))))
    results = tuple(
        SeedResult(
            seed,
            "length",
            {metric: values[seed] for metric, values in figures.items()},
            course(world_end_g),
            (0.0, 0.5, 1.0),
            (0.5,),
        )
        for seed in seeds
    )
    spreads = tuple(spread_of(m, values, reached_last=m is TO_G) for m, values in figures.items())
    contrasts = ()
    if baseline is not None:
        pairs = (
            contrast_of(m, dict(enumerate(values)), dict(enumerate(baseline[m])))
            for m, values in figures.items()
        )
        contrasts = tuple(one for one in pairs if one is not None)
    return PolicyResult(name, name, (), results, (), spreads, contrasts)


def evaluation(*policies, deciding=TO_G, **changes):
    world = EvaluatedWorld(
        start_s=0,
        length_s=86_400,
        step_s=60,
        updates=5,
        domains=(DomainSummary("Lyon", "FR", "grid", 4),),
        signal=SignalKind.parse("average/location/life-cycle"),
        second_signal=SignalKind.parse("marginal/location/life-cycle"),
        forecasts=(("grid intensity", "persistence"),),
        learner="digits",
        currency="",
        budgets=(BudgetLimit("carbon_g", 5000.0, "hard"),),
    )
    count = max(len(one.seeds) for one in policies)
    settings = {"target": 0.8, "oracle": None, "shared_g": (10.0, 90.0), **changes}
    return Evaluation(
        name="trial",
        world=world,
        policies=policies,
        baseline=policies[0].name,
        deciding=deciding,
        seeds=tuple(range(count)),
        **settings,
    )


RANDOM = {TO_G: [1000.0, 1200.0, 1100.0], TO_SECOND: [1000.0, 1200.0, 1100.0]}
BETTER = {TO_G: [760.0, 940.0, 850.0], TO_SECOND: [965.0, 1150.0, 1055.0]}


def verdict(result):
    return view_evaluation(result).verdict.replace(NBSP, " ")


def test_the_first_sentence_says_who_where_to_what_and_how_sure():
    result = evaluation(policy("random", RANDOM), policy("fedzero", BETTER, RANDOM))
    said = verdict(result)
    assert said.startswith(
        "To an accuracy of 80 % within a budget of 5 kg CO₂e, fedzero emits 0.85 kg CO₂e (95 %: "
    )
    # Seed by seed 240, 260 and 250 g less, of 1,100 g: 250 g +- 4.303 * 10 g / sqrt(3).
    assert "22.7 % less (95 %: 20.5–25.0)" in said
    assert said.endswith("than random, over 3 seeds.")


def test_both_signals_are_told_side_by_side():
    result = evaluation(policy("random", RANDOM), policy("fedzero", BETTER, RANDOM))
    remarks = " ".join(view_evaluation(result).remarks).replace(NBSP, " ")
    assert re.search(r"22\.7 % less \(95 %: .*\) by average intensity, 3\.9 % less", remarks)
    assert "by marginal intensity" in remarks
    assert "avoided" not in render_report(result, assets="cdn").partition("application/json")[0]


def test_a_difference_that_may_be_chance_is_no_saving():
    noisy = {TO_G: [700.0, 1500.0, 900.0], TO_SECOND: [700.0, 1500.0, 900.0]}
    said = verdict(evaluation(policy("random", RANDOM), policy("fedzero", noisy, RANDOM)))
    assert "fedzero emits 1.0 kg" in said
    assert "not clearly apart from random: −6.1 % (95 %: −79 to +67)" in said
    assert "less" not in said


def test_the_baseline_may_be_the_best():
    said = verdict(evaluation(policy("random", BETTER), policy("oort", RANDOM, BETTER)))
    assert "random, the baseline, emits 0.85 kg" in said
    assert re.search(r"oort, the next, has \d+(\.\d)? % more", said)


def test_one_seed_is_no_certainty():
    one = {TO_G: [1000.0], TO_SECOND: [900.0]}
    said = verdict(evaluation(policy("random", one)))
    assert said.endswith("with one seed, which says nothing of chance.")
    assert "95 %" not in said


def test_one_seed_makes_no_difference_that_looks_like_a_result():
    one = {TO_G: [1000.0], TO_SECOND: [900.0]}
    less = {TO_G: [770.0], TO_SECOND: [750.0]}
    result = evaluation(policy("random", one), policy("fedzero", less, one))
    said = verdict(result)
    assert "fedzero emits 0.770 kg CO₂e, with one seed, which says nothing of chance." in said
    assert "clearly" not in said
    remarks = " ".join(view_evaluation(result).remarks).replace(NBSP, " ")
    assert "23.0 % less (one seed, which says nothing of chance) by average" in remarks
    # The baseline may be the best as well.
    said = verdict(evaluation(policy("random", less), policy("fedzero", one, less)))
    assert "fedzero comes next, with one seed" in said


def test_a_terminal_shows_each_message_of_a_kind():
    findings = tuple(
        Finding("series-made-up", f"The {what} intensity of FR is made up.")
        for what in ("average", "marginal")
    )
    result = evaluation(policy("random", RANDOM), findings=findings)
    console = Console(record=True, width=200, file=io.StringIO())
    print_result(result, console)
    said = console.export_text()
    for finding in findings:
        assert f"warning: {finding.message}" in said
    assert "more such" not in said


def test_nothing_emitted_has_a_plain_unit():
    none = {TO_G: [0.0, 0.0, 0.0]}
    assert "emits 0 g CO₂e" in verdict(evaluation(policy("random", none)))


def test_policies_that_share_no_seed_are_not_ranked():
    first, second = policy("random", RANDOM), policy("better", BETTER)
    halves = [replace(first, seeds=first.seeds[:1]), replace(second, seeds=second.seeds[1:])]
    result = evaluation(*(replace(one, spreads=()) for one in halves))
    result = replace(result, seeds=(0, 1, 2))
    assert verdict(result) == "No seed ran with every policy, so nothing is compared."
    assert "better 2 of 3" in view_evaluation(result).remarks[0]


def test_who_did_not_reach_the_target_is_not_ranked():
    missed = {TO_G: [100.0, None, 110.0], TO_SECOND: [100.0, None, 110.0]}
    result = evaluation(policy("random", RANDOM), policy("lucky", missed, RANDOM))
    assert "random, the baseline, emits" in verdict(result)
    page = view_evaluation(result)
    row = next(row for row in page.results[0].rows if row[0].text == "lucky")
    assert (row[1].text, row[1].sub[0]) == ("not reached", f"in 1 of 3{NBSP}seeds")
    assert row[1].sub[1] == "median 0.110"
    assert result.policy("lucky").contrast(TO_G) is None


def test_a_baseline_that_did_not_reach_the_target_is_told():
    missed = {TO_G: [100.0, None, 110.0], TO_SECOND: [100.0, None, 110.0]}
    said = verdict(evaluation(policy("random", missed), policy("fedzero", BETTER, missed)))
    assert "fedzero emits 850 g" in said
    assert "; random did not reach it with every seed, over 3 seeds." in said


def test_nobody_reaching_the_target_is_a_result():
    some = {TO_G: [100.0, None], TO_SECOND: [100.0, None]}
    none = {TO_G: [None, None], TO_SECOND: [None, None]}
    said = verdict(evaluation(policy("random", none), policy("lucky", some, none)))
    assert said == "No policy reaches an accuracy of 80 % with every seed: lucky does in 1 of 2."


def test_without_the_target_what_equal_emissions_bring_decides():
    at = Metric.ACCURACY_AT_SHARED
    plain, more = {at: [0.7, 0.72]}, {at: [0.75, 0.78]}
    result = evaluation(policy("random", plain), policy("oort", more, plain), deciding=at)
    said = verdict(result)
    assert said.startswith(
        "No policy reaches an accuracy of 80 %; after the same 90.0 g CO₂e within a budget of "
        "5 kg CO₂e, oort is at an accuracy of 76"
    )
    assert "points" in said


def test_who_is_not_clearly_apart_from_the_best_by_pairs_of_seeds_is_named():
    near = {TO_G: [760.0, 960.0, 860.0], TO_SECOND: [760.0, 960.0, 860.0]}
    # Its mean lies within the interval of the best, but it is worse with every seed.
    apart = {TO_G: [780.0, 961.0, 870.0], TO_SECOND: [780.0, 961.0, 870.0]}
    result = evaluation(
        policy("random", RANDOM),
        policy("fedzero", BETTER, RANDOM),
        policy("oort", near, RANDOM),
        policy("round-robin", apart, RANDOM),
    )
    best = result.policy("fedzero").spread(TO_G)
    assert best.low < result.policy("round-robin").spread(TO_G).mean < best.high
    (said,) = [one for one in view_evaluation(result).remarks if "the best" in one]
    assert said == "Not clearly apart from the best, seed by seed: oort."


def test_unequal_budgets_are_pointed_at():
    left = {**RANDOM, Metric.BUDGET_UNUSED: [0.4, 0.35, 0.45]}
    used = {**BETTER, Metric.BUDGET_UNUSED: [0.01, 0.0, 0.01]}
    result = evaluation(policy("random", left), policy("fedzero", used, left))
    (said,) = [one for one in view_evaluation(result).remarks if "alike" in one]
    assert f"random 40{NBSP}%" in said
    assert "fedzero" not in said


def test_what_is_made_up_is_said_at_the_top():
    result = evaluation(policy("random", RANDOM))
    invented = replace(result, findings=(Finding("series-made-up", "Made up."),))
    assert view_evaluation(invented).remarks[0].startswith("Series are made up")
    assert not any("made up" in one for one in view_evaluation(result).remarks)


def test_oracles_are_no_rivals():
    best = {TO_G: [10.0, 12.0, 11.0], TO_SECOND: [10.0, 12.0, 11.0]}
    result = evaluation(
        policy("random", RANDOM),
        policy("fedzero", BETTER, RANDOM),
        policy("prophet", best, RANDOM),
        oracle="prophet",
    )
    assert "fedzero emits" in verdict(result)
    ranking = view_evaluation(result).figures[0].table
    assert ("knows the future",) in [row[0].sub for row in ranking.rows]


def test_the_page_holds_its_result():
    result = evaluation(policy("random", RANDOM), policy("fedzero", BETTER, RANDOM))
    page = render_report(result, assets="cdn")
    held = json.loads(extract_document(page))
    assert held["format"] == "footprint-evaluation"
    assert page == render_report(result, assets="cdn")
    for wanted in ("<figcaption>", "Participation", "Settings", "Seeds"):
        assert wanted in page


def test_numbers_that_cannot_be_are_refused():
    from footprint.errors import UsageError

    with pytest.raises(UsageError, match="does not rest on all"):
        Spread(TO_G, 1.0, None, None, None, 1, 2)
    with pytest.raises(UsageError, match="one end"):
        Spread(TO_G, 1.0, 0.5, None, None, 1, 1)
    with pytest.raises(UsageError, match="column"):
        Course((1, 2), (1.0,), (1.0, 2.0))
    with pytest.raises(UsageError, match="one twice"):
        evaluation(policy("random", RANDOM), policy("random", RANDOM))
    assert Contrast(TO_G, True, -0.1, None, None, 1).low is None
