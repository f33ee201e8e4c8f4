"""Accuracy and emissions together, in three forms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import BoundaryMismatch, DataError, UsageError
from footprint.manifest import read_manifest
from footprint.pareto import (
    Choice,
    LearningCurve,
    best_accuracy,
    choices,
    emission_rate,
    emissions_per_accuracy,
    first_reach,
    least_emissions,
    pareto_front,
    plan_curves,
    read_learning_curves,
    records,
    stop_at_rate,
)
from footprint.scenarios import estimate_study

HOSPITALS = Path(__file__).parents[2] / "examples" / "manifests" / "ok" / "hospitals.toml"


def curve(option, accuracy, grams_per_round, s_per_round=1.0):
    rounds = np.arange(1, len(accuracy) + 1)
    return LearningCurve(
        option,
        tuple(accuracy),
        tuple((grams_per_round * rounds).tolist()),
        tuple((s_per_round * rounds).tolist()),
    )


SLOW = curve("slow", [0.3, 0.5, 0.6, 0.65, 0.67], 1.0)
QUICK = curve("quick", [0.6, 0.7, 0.72, 0.72, 0.73], 4.0)


def test_an_accuracy_that_is_touched_once_is_not_held():
    wavy = curve("wavy", [0.5, 0.9, 0.5, 0.9, 0.91, 0.92], 1.0)
    assert first_reach(wavy, 0.9).rounds == 2
    assert first_reach(wavy, 0.9, held=3).rounds == 6
    assert first_reach(wavy, 0.9, held=4) is None
    assert least_emissions([wavy, SLOW], 0.9, held=3).emissions_g == 6.0
    with pytest.raises(UsageError):
        first_reach(wavy, 0.9, held=0)


def test_grams_per_accuracy_in_all():
    chosen = first_reach(SLOW, 0.5)
    assert emissions_per_accuracy(chosen) == pytest.approx(2.0 / 0.5)
    with pytest.raises(UsageError):
        emissions_per_accuracy(replace(chosen, accuracy=0.0))


def test_least_emissions_for_an_accuracy():
    found = least_emissions([SLOW, QUICK], 0.6)
    assert (found.option, found.rounds, found.emissions_g) == ("slow", 3, 3.0)
    assert least_emissions([SLOW, QUICK], 0.7).option == "quick"
    assert least_emissions([SLOW, QUICK], 0.99) is None


def test_best_accuracy_within_a_budget():
    assert best_accuracy([SLOW, QUICK], 3.5).option == "slow"
    assert best_accuracy([SLOW, QUICK], 8.0).accuracy == 0.7
    # A round that gains nothing is not paid for.
    assert best_accuracy([curve("flat", [0.5, 0.5], 1.0)], 10.0).rounds == 1
    assert best_accuracy([SLOW], 0.5) is None


def test_training_stops_before_a_point_becomes_too_dear():
    rate = emission_rate(SLOW, window=1)
    assert np.isnan(rate[0])
    assert rate[1:] == pytest.approx([1 / 0.2, 1 / 0.1, 1 / 0.05, 1 / 0.02])
    assert stop_at_rate(SLOW, 10.5, window=1).rounds == 3
    assert stop_at_rate(SLOW, 1000, window=1).rounds == 5
    assert emission_rate(QUICK, window=1)[3] == np.inf


points = st.builds(
    Choice,
    option=st.just("o"),
    rounds=st.integers(1, 9),
    accuracy=st.sampled_from([0.1, 0.2, 0.3, 0.4]),
    emissions_g=st.sampled_from([1.0, 2.0, 3.0, 4.0]),
    duration_s=st.sampled_from([1.0, 2.0, 3.0]),
)


@given(st.lists(points, min_size=1, max_size=25))
def test_the_front_holds_all_that_nothing_beats_and_nothing_else(found):
    def beats(a, b):
        no_worse = (
            a.accuracy >= b.accuracy
            and a.emissions_g <= b.emissions_g
            and a.duration_s <= b.duration_s
        )
        return no_worse and (a.accuracy, a.emissions_g, a.duration_s) != (
            b.accuracy,
            b.emissions_g,
            b.duration_s,
        )

    def key(choice):
        return choice.accuracy, choice.emissions_g, choice.duration_s

    wanted = {key(b) for b in found if not any(beats(a, b) for a in found)}
    front = pareto_front(found)
    assert {key(choice) for choice in front} == wanted
    assert len(front) == len(wanted)


def test_emissions_of_a_curve_are_those_of_its_plan():
    study = replace(read_manifest(HOSPITALS), prices=None)
    options = {
        f"epochs={epochs}": replace(study, training=replace(study.training, local_epochs=epochs))
        for epochs in (1, 5)
    }
    accuracies = {"epochs=1": [0.5, 0.6, 0.7], "epochs=5": [0.7, 0.75]}
    curves = plan_curves(options, accuracies)
    for one in curves:
        for number, emitted_g in enumerate(one.emissions_g, start=1):
            training = replace(options[one.option].training, rounds=number)
            alone = estimate_study(replace(options[one.option], training=training, draws=0))
            assert emitted_g == pytest.approx(alone.total_g.value)
    assert curves[1].duration_s[0] > 3 * curves[0].duration_s[0]
    assert len(choices(curves)) == 5
    with pytest.raises(UsageError, match="no learning curve"):
        plan_curves(options, {"epochs=1": [0.5]})


def test_learning_curves_are_read_and_gaps_refused(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("option,round,accuracy\na,2,0.5\na,1,0.25\nb,1,0.75\n")
    assert read_learning_curves(path) == {"a": [0.25, 0.5], "b": [0.75]}
    for text, message in (
        ("option,round\na,1\n", "accuracy"),
        ("option,round,accuracy\na,x,1\n", ":2:"),
        ("option,round,accuracy\na,1,nan\n", ":2:"),
        ("option,round,accuracy\na,1,47.5\n", "0.475"),
        ("option,round,accuracy\na,1,0.5\na,1,0.6\n", "twice"),
        ("option,round,accuracy\na,1,0.5\na,3,0.6\n", "1, 2, 3"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_learning_curves(path)


def test_a_curve_must_be_whole():
    with pytest.raises(UsageError, match="lengths"):
        LearningCurve("x", (0.1,), (1.0, 2.0), (1.0,))
    with pytest.raises(UsageError, match="fall"):
        LearningCurve("x", (0.1, 0.2), (2.0, 1.0), (1.0, 2.0))


def test_records_give_the_front_of_all_rounds():
    rng = np.random.default_rng(3)
    curves = [
        curve(str(n), np.clip(rng.normal(0.6, 0.2, 60), 0, 1).tolist(), 1.0 + n, 2.0 - n / 4)
        for n in range(5)
    ]
    assert pareto_front(records(curves)) == pareto_front(choices(curves))


def test_smoothed_accuracy_forgives_one_bad_round():
    wavy = curve("wavy", [0.9, 0.9, 0.8, 0.9, 0.9, 0.9], 1.0)
    assert first_reach(wavy, 0.85, held=4) is None
    assert first_reach(wavy, 0.85, held=4, smooth=2).rounds == 5


def test_options_that_count_something_else_are_no_options():
    study = read_manifest(HOSPITALS)
    other = replace(study, network="by-access")
    with pytest.raises(BoundaryMismatch):
        plan_curves({"a": study, "b": other}, {"a": [0.5], "b": [0.6]})
