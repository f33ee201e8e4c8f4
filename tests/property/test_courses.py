"""What is emitted when, and where two architectures emit the same."""

import bisect
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from footprint.breakevens import break_evens, time_trajectory
from footprint.documents import from_json, to_json
from footprint.errors import DocumentError, UsageError
from footprint.manifest import read_manifest
from footprint.model import (
    Architecture,
    BreakEven,
    Interval,
    LifeCycle,
    Phase,
    Stage,
    Trajectory,
    Work,
)
from footprint.scenarios import estimate_study, study_catalogue
from footprint.sensitivity import compare_study
from footprint.simulation.course import MOST_POINTS, course_times, share_by, training_times
from footprint.simulation.rounds import round_duration
from footprint.uncertainty import Sampler

MANIFESTS = Path(__file__).parents[2] / "examples" / "manifests" / "ok"
CENTRALISED, FEDERATED = BOTH = (Architecture.CENTRALISED, Architecture.FEDERATED)
MONTH_S = 8766 * 3600 / 12


def plan(name, **changes):
    return replace(read_manifest(MANIFESTS / f"{name}.toml"), **{"draws": 0, **changes})


@pytest.fixture(scope="module")
def year():
    """Hospitals for 400 s: 4 refreshes, 3 retrainings, 2 runs to tune; a training takes 20 s."""
    study = plan("hospitals")
    return replace(
        study,
        storage=replace(study.storage, horizon_s=400.0, refreshes=4),
        training=replace(study.training, retrainings=3, runs=3),
        centralised=replace(study.centralised, training_s=20.0),
    )


# By hand. Begun at 0, 100, 200, 300 s: 1/4, 2/4, 3/4, 4/4 of the data. Kept by then: 0;
# 100; 100 + 200; 100 + 200 + 300; in the end 100 + 200 + 300 + 400 = 1000 times the data
# of one refresh. Tuned after 40 s, trained after 60 s, used for 340 s. Retrained at 100,
# 200, 300 s.
MOMENTS = (0, 20, 40, 50, 60, 99.999999, 100, 150, 199.999999, 200, 299.999999, 300, 350, 400)
BY_HAND = {
    "collect": (0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 0.5, 0.75, 0.75, 1, 1, 1),
    "store": (0, 0.02, 0.04, 0.05, 0.06, 0.1, 0.1, 0.2, 0.3, 0.3, 0.6, 0.6, 0.8, 1),
    "experiment": (0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
    "train": (0, 0, 0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
    "deploy": (0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
    "infer": (0, 0, 0, 0, 0, *(x / 340 for x in (40, 40, 90, 140, 140, 240, 240, 290)), 1),
    "retrain": (0, 0, 0, 0, 0, 0, *(x / 3 for x in (1, 1, 1, 2, 2, 3, 3, 3))),
    "retire": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
}
BY_HAND |= dict.fromkeys(("prepare", "transfer"), BY_HAND["collect"])


@pytest.mark.parametrize("stage", LifeCycle)
def test_shares_are_those_counted_by_hand(year, stage):
    found = [share_by(year, CENTRALISED, stage, at_s) for at_s in MOMENTS]
    assert found == pytest.approx(BY_HAND[stage.value], abs=1e-6)


def test_each_architecture_has_its_own_clock(year):
    once_s = year.training.rounds * round_duration(year)
    assert training_times(year, CENTRALISED) == (40.0, 60.0)
    assert training_times(year, FEDERATED) == pytest.approx((2 * once_s, 3 * once_s))


@pytest.mark.parametrize("count", [3, 7, 49, 52, 365])
@pytest.mark.parametrize("horizon_s", [0.1, 400.0, 12 * MONTH_S])
def test_refreshes_and_retrainings_begin_exactly_at_their_moments(year, count, horizon_s):
    """In floating point, k / n of a time times n / time is not always k."""
    study = replace(
        year,
        storage=replace(year.storage, horizon_s=horizon_s, refreshes=count),
        training=replace(year.training, retrainings=count - 1),
    )
    points = course_times(study)
    steps = [(at_s, asked_s) for at_s, asked_s in points if at_s != asked_s]
    for stage, steps_of in ((LifeCycle.TRANSFER, count), (LifeCycle.RETRAIN, count - 1)):
        risen = [
            share_by(study, FEDERATED, stage, at_s) - share_by(study, FEDERATED, stage, before_s)
            for at_s, before_s in steps
            if at_s < horizon_s
        ]
        jumps = [rise for rise in risen if rise > 1e-9]
        if 2 * count < MOST_POINTS - 10:
            assert jumps == pytest.approx([1 / steps_of] * (count - 1))
        else:  # thinned evenly, and each is a step of one
            assert len(jumps) > MOST_POINTS / 4
            assert jumps == pytest.approx([1 / steps_of] * len(jumps))


@pytest.mark.parametrize("refreshes", [1, 2, 12, 52, 60, 365, 8766])
@pytest.mark.parametrize("retrainings", [0, 1, 51, 364])
def test_a_course_has_few_points_and_no_gap(refreshes, retrainings):
    study = plan("clouds")
    study = replace(
        study,
        storage=replace(study.storage, refreshes=refreshes),
        training=replace(study.training, retrainings=retrainings),
    )
    points = course_times(study)
    at = [at_s for at_s, _ in points]
    assert len(points) <= MOST_POINTS
    assert at == sorted(at)
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (study.storage.horizon_s, study.storage.horizon_s)
    for architecture in BOTH:
        assert {*training_times(study, architecture)} <= {*at}
    assert max(b - a for a, b in itertools.pairwise(at)) <= study.storage.horizon_s / 20


def fine_course(study, architecture, times_s):
    """Emissions up to each time: every contribution with its share; nothing is dedicated."""
    parts = estimate_study(study, architecture).contributions
    stages = {one.life_cycle for one in parts}
    sums = {
        stage: math.fsum(one.emissions_g.value for one in parts if one.life_cycle is stage)
        for stage in stages
    }
    return np.array(
        [
            math.fsum(sums[stage] * share_by(study, architecture, stage, at_s) for stage in stages)
            for at_s in times_s
        ]
    )


def read_off(at, values, x):
    """Value of a line that has steps, after the step."""
    place = min(bisect.bisect_right(at, x), len(at) - 1)
    (x0, y0), (x1, y1) = ((at[i], values[i]) for i in (place - 1, place))
    return y1 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def crossings(at, gaps):
    """Where a gap changes its sign."""
    return [
        x0 if x1 == x0 else x0 + (x1 - x0) * g0 / (g0 - g1)
        for (x0, g0), (x1, g1) in itertools.pairwise(zip(at, gaps, strict=True))
        if g0 * g1 < 0
    ]


def course_of(study):
    return time_trajectory(study, *(estimate_study(study, one) for one in BOTH))


@pytest.mark.parametrize(
    ("name", "known"), [("banks", (0.0004, 0.364, 0.462, 0.479)), ("clouds", (0.003, 0.054))]
)
def test_a_course_is_that_of_a_fine_grid(name, known):
    """`known`: months found beforehand, with a grid much finer than this."""
    study = plan(name)
    course = course_of(study)
    times_s = np.linspace(0, study.storage.horizon_s, 2001)[:-1]
    months = times_s / MONTH_S
    for architecture, side in ((CENTRALISED, course.baseline), (FEDERATED, course.candidate)):
        fine = fine_course(study, architecture, times_s)
        values = [one.value for one in side]
        # Beside a step the two may round it to either side.
        steps = [a for a, b in itertools.pairwise(course.at) if a == b]
        clear = [i for i, x in enumerate(months) if all(abs(x - s) > 1e-9 for s in steps)]
        assert len(clear) > 1900
        read = [read_off(course.at, values, months[i]) for i in clear]
        assert read == pytest.approx(list(fine[clear]), rel=1e-9, abs=1e-9 * fine[-1])
    gaps = [b.value - a.value for a, b in zip(course.baseline, course.candidate, strict=True)]
    assert crossings(course.at, gaps) == pytest.approx(known, abs=6e-4)


def test_a_training_beyond_the_horizon_is_drawn_to_its_end():
    study = plan("clouds", work=(work("retire"),))
    once_s = study.training.rounds * round_duration(study)
    study = replace(
        study,
        storage=replace(study.storage, horizon_s=once_s / 2),
        centralised=replace(study.centralised, training_s=once_s / 4),
    )
    course = course_of(study)
    assert course.at[-1] == pytest.approx(study.training.runs * once_s / MONTH_S)
    values = [one.value for one in course.candidate]
    total_g = estimate_study(study).total_g.value
    assert values[-1] == pytest.approx(total_g, rel=1e-12)
    # All is training here but the retirement: as much in each second.
    retired_g = retirement_g(study)
    for share in (0.25, 0.5, 0.9):
        found = read_off(course.at, values, share * course.at[-1])
        late = share * study.training.runs * once_s > study.storage.horizon_s
        assert found == pytest.approx(share * (total_g - retired_g) + late * retired_g)


def work(stage):
    return Work(name=stage, stage=LifeCycle(stage), zone="FR", energy_kwh=100.0)


def retirement_g(study):
    parts = estimate_study(study).contributions
    return math.fsum(one.emissions_g.value for one in parts if one.life_cycle == "retire")


def test_declared_work_on_retraining_is_spread_evenly():
    study = plan("clouds", work=(work("retrain"),))
    for at, expected in ((0.0, 0.0), (0.25, 0.25), (0.9, 0.9), (1.0, 1.0)):
        at_s = at * study.storage.horizon_s
        assert share_by(study, FEDERATED, LifeCycle.RETRAIN, at_s) == pytest.approx(expected)


# --- what is dedicated -------------------------------------------------------


def dedicated(study, **more):
    """Server and centre bought for this alone."""
    return replace(
        study,
        server=replace(study.server, dedicated=True),
        centralised=replace(study.centralised, dedicated=True, idle_w=100.0),
        **more,
    )


def test_what_is_dedicated_is_reserved_evenly_and_the_rest_follows_its_course():
    """A quarter after the beginning, part by part."""
    study = dedicated(plan("hospitals"))
    quarter_s = study.storage.horizon_s / 4
    course = course_of(study)
    round_idle_kwh = 60.0 * study.training.rounds * (round_duration(study) - 20.0) / 3.6e6
    for architecture, side in ((CENTRALISED, course.baseline), (FEDERATED, course.candidate)):
        expected_g, reserved_g = 0.0, 0.0
        for part in estimate_study(study, architecture).contributions:
            share = share_by(study, architecture, part.life_cycle, quarter_s)
            left = 0.0
            if (part.phase, part.life_cycle) == (Phase.IDLE, LifeCycle.TRAIN):
                left = 1.0
                if part.actor == "server" and part.stage is Stage.OPERATION:
                    left = 1 - round_idle_kwh / part.amount
                    assert 0 < left < 1
            reserved_g += left * part.emissions_g.value
            expected_g += (left / 4 + (1 - left) * share) * part.emissions_g.value
        assert reserved_g > 0
        values = [one.value for one in side]
        found_g = read_off(course.at, values, quarter_s / MONTH_S)
        assert found_g == pytest.approx(expected_g, rel=1e-9)
        # The first day holds what is copied, and nothing of what is reserved.
        assert values[0] < side[-1].value - reserved_g


def test_the_medium_of_a_dedicated_centre_is_charged_as_it_fills():
    study = dedicated(plan("banks"))
    parts = estimate_study(study, CENTRALISED).contributions
    stored = [one for one in parts if one.life_cycle is LifeCycle.STORE]
    assert {one.stage for one in stored} == {Stage.STORAGE, Stage.EMBODIED}
    course = course_of(study)
    plain = course_of(replace(study, storage=replace(study.storage, replication=4.0)))
    stored_g = math.fsum(one.emissions_g.value for one in stored)
    half_s = study.storage.horizon_s * 0.505  # between refreshes
    gained = [
        read_off(one.at, [side.value for side in one.baseline], half_s / MONTH_S)
        for one in (course, plain)
    ]
    # Twice the copies: once more what is stored, at the course of what is stored.
    share = share_by(study, CENTRALISED, LifeCycle.STORE, half_s)
    assert share < 0.3
    assert gained[1] - gained[0] == pytest.approx(share * stored_g, rel=1e-6)


SCALED = {
    "retention": lambda s, x: replace(
        s, storage=replace(s.storage, horizon_s=s.storage.horizon_s * x)
    ),
    "rounds": lambda s, x: replace(
        s, training=replace(s.training, rounds=round(s.training.rounds * x))
    ),
    "data_volume": lambda s, x: replace(
        s, clients=tuple(replace(g, data_gb=g.data_gb * x) for g in s.clients)
    ),
}


def gap(study, catalogue):
    totals = [estimate_study(study, one, catalogue=catalogue).total_g.value for one in BOTH]
    return totals[1] - totals[0]


@pytest.mark.parametrize("months", [0.01, 0.05, 1.0, 12.0])
@pytest.mark.parametrize("name", ["hospitals", "clouds"])
def test_break_evens_with_dedicated_sites_are_true_or_absent(name, months):
    study = plan(name)
    groups = tuple(replace(g, dedicated=True) for g in study.clients)
    kept = replace(study.storage, horizon_s=months * MONTH_S)
    study = dedicated(study, clients=groups, storage=kept)
    catalogue = study_catalogue(study)
    found = {one.quantity: (one, course) for one, course in break_evens(study, catalogue)}
    if months >= 1:
        # What is left of the reservation is 0 without one, and grows only beyond the work.
        one, course = found["retention"]
        assert (one.value, one.low, one.high, one.exists) == (None, None, None, 0.0)
        assert course is None
    for quantity, scaled in SCALED.items():
        one, course = found[quantity]
        if one.value is not None and quantity != "rounds":
            at_it = gap(scaled(study, one.value / one.present), catalogue)
            assert abs(at_it) < 1e-5 * abs(gap(study, catalogue)) + 1e-3
        if course is not None:
            twice = [
                estimate_study(scaled(study, 2.0), a, catalogue=catalogue).total_g.value
                for a in BOTH
            ]
            sides = (course.baseline, course.candidate)
            read = [read_off(course.at, [i.value for i in side], 2 * one.present) for side in sides]
            assert read == pytest.approx(twice, rel=1e-5)


def test_a_break_even_that_a_reservation_leaves_alone_is_found():
    """Idle for most of a year: the rounds take nothing but idle time away, evenly."""
    study = dedicated(plan("hospitals"))
    catalogue = study_catalogue(study)
    found = {one.quantity: (one, course) for one, course in break_evens(study, catalogue)}
    one, course = found["data_volume"]
    assert one.exists in (0.0, 1.0)
    assert course is not None
    _, of_rounds = found["rounds"]
    assert of_rounds is not None


# --- draws -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hospitals", "banks", "clouds"])
@pytest.mark.parametrize("quantity", ["data_volume", "retention"])
def test_ends_of_a_break_even_are_percentiles_of_a_loop_over_draws(name, quantity):
    study = plan(name, draws=300, prices=None)
    catalogue = study_catalogue(study)
    found = {one.quantity: one for one, _ in break_evens(study, catalogue)}[quantity]
    drawn = []
    for scale in (0.0, 1.0):
        for architecture in BOTH:
            a = estimate_study(SCALED[quantity](study, scale), architecture, catalogue=catalogue)
            sampler = Sampler(a.terms, seed=a.seed, draws=a.draws)
            drawn.append(sampler.total(a.contributions))
    solved = []
    for none, none_other, now, now_other in zip(*drawn, strict=True):
        before, after = none_other - none, now_other - now
        # The gap is `before` without any, `after` with what there is, and 0 at the solution.
        solution = found.present * before / (before - after)
        if solution >= 0:
            solved.append(solution)
    assert found.exists == pytest.approx(len(solved) / 300)
    low, high = np.percentile(solved, (5, 95))
    values = [] if found.value is None else [found.value]
    assert found.low == pytest.approx(min([low, *values]))
    assert found.high == pytest.approx(max([high, *values]))


def test_a_break_even_below_nothing_is_none():
    """Clients of little power: from the first day on they emit less, in every draw."""
    study = plan("clouds", draws=300)
    groups = tuple(replace(g, power_w=0.1 * g.power_w, idle_w=0.0) for g in study.clients)
    study = replace(study, clients=groups)
    catalogue = study_catalogue(study)
    one = {one.quantity: one for one, _ in break_evens(study, catalogue)}["retention"]
    # Centralised, emissions grow with the time; at no time they were less.
    assert gap(SCALED["retention"](study, 0.0), catalogue) < 0
    assert (one.value, one.low, one.high, one.exists) == (None, None, None, 0.0)


def test_bands_of_a_course_are_those_of_its_draws():
    study = plan("clouds", draws=300)
    both = [estimate_study(study, one) for one in BOTH]
    course = time_trajectory(study, *both)
    place = len(course.at) // 2
    at_s = course.at[place] * MONTH_S
    parts = both[0].contributions
    sampler = Sampler(both[0].terms, seed=both[0].seed, draws=300)
    draws = sum(
        share_by(study, CENTRALISED, one.life_cycle, at_s) * sampler.total([one]) for one in parts
    )
    low, high = np.percentile(draws, (5, 95))
    there = course.baseline[place]
    assert (there.low, there.high) == pytest.approx((low, high), rel=1e-6)
    assert course.baseline[-1].low == pytest.approx(both[0].total_g.low)
    assert course.candidate[-1].high == pytest.approx(both[1].total_g.high)


# --- what is refused ---------------------------------------------------------

ONE = Interval(1.0, 0.5, 2.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"at": (0.0,), "baseline": (ONE,), "candidate": (ONE,)},
        {"at": (), "baseline": (), "candidate": ()},
        {"baseline": (ONE,)},
        {"candidate": (ONE, ONE, ONE)},
        {"at": (1.0, 0.0)},
        {"at": (0.0, math.inf)},
        {"at": (math.nan, 1.0)},
        {"candidate": (ONE, Interval(1.0, 0.5, math.inf))},
    ],
)
def test_a_course_that_means_nothing_is_refused(changes):
    fields = {"at": (0.0, 1.0), "baseline": (ONE, ONE), "candidate": (ONE, ONE)}
    Trajectory("time", "month", **fields)
    Trajectory("time", "month", **(fields | {"at": (1.0, 1.0)}))
    with pytest.raises(UsageError):
        Trajectory("time", "month", **(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"present": -1.0},
        {"present": math.nan},
        {"exists": -0.1},
        {"exists": 1.1},
        {"exists": math.nan},
        {"low": 4.0},
        {"low": None},
        {"high": None},
        {"high": math.inf},
        {"value": math.nan},
    ],
)
def test_a_break_even_that_means_nothing_is_refused(changes):
    fields = {"present": 1.0, "value": 2.0, "low": 1.0, "high": 3.0, "exists": 0.5}
    BreakEven("rounds", "round", **fields)
    with pytest.raises(UsageError):
        BreakEven("rounds", "round", **(fields | changes))


@pytest.fixture(scope="module")
def document():
    return json.loads(to_json(compare_study(plan("clouds", draws=100))))


def without_last(course):
    for key in ("at", "baseline", "candidate"):
        course[key].pop()


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d["trajectories"][-1]["baseline"][-1].update(value=1.0),
        lambda d: d["trajectories"][-1]["candidate"][-1].update(value=1.0),
        lambda d: without_last(d["trajectories"][-1]),
        lambda d: d["trajectories"][0]["at"].pop(),
        lambda d: d["trajectories"][0]["at"].reverse(),
        lambda d: d["break_evens"][0].update(exists=7.0),
        lambda d: d["break_evens"][0].update(present=-1.0),
    ],
)
def test_a_damaged_document_is_refused(document, damage):
    whole = json.dumps(document)
    assert to_json(from_json(whole)) == to_json(from_json(whole))
    damaged = json.loads(whole)
    damage(damaged)
    with pytest.raises(DocumentError):
        from_json(json.dumps(damaged))


def test_a_quantity_that_nobody_knows_yet_is_read(document):
    changed = json.loads(json.dumps(document))
    changed["trajectories"][0]["quantity"] = changed["break_evens"][0]["quantity"] = "novelty"
    assert from_json(json.dumps(changed)).break_evens[0].quantity == "novelty"
