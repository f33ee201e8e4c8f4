"""Properties of FedZero's plans, weights and draws, for any fleet."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from footprint.scheduling.fedzero.blocklist import release_probability
from footprint.scheduling.fedzero.candidates import candidates_of
from footprint.scheduling.fedzero.decomposition import is_feasible, plan_by_domains
from footprint.scheduling.fedzero.milp import plan_by_milp
from footprint.scheduling.fedzero.problem import Effort, RoundProblem
from footprint.scheduling.fedzero.search import least_duration, shortest_plan
from footprint.scheduling.fedzero.utility import normalised
from tests.fedzero_rounds import best_of_set, violations

# Whole and halved numbers make ties and equalities, which are the hard cases.
AMOUNT = st.one_of(st.integers(0, 8).map(float), st.floats(0.0, 8.0, allow_subnormal=False))


def vector(draw, size, values=AMOUNT):
    return draw(arrays.arrays(np.float64, size, elements=values))


@st.composite
def rounds(draw):
    clients, domains = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    steps = draw(st.integers(1, 6))
    least = vector(draw, clients)
    return RoundProblem(
        spare=vector(draw, (clients, steps)),
        energy_ws=vector(draw, (domains, steps)) * 2,
        domain=np.array(
            draw(st.lists(st.integers(0, domains - 1), min_size=clients, max_size=clients))
        ),
        energy_per_batch_ws=vector(draw, clients, st.floats(0.5, 4.0)),
        least=least,
        most=least + vector(draw, clients),
        weight=vector(draw, clients, st.floats(0.0, 1.0, allow_subnormal=False)),
        count=draw(st.integers(1, 4)),
    )


@given(rounds())
@settings(max_examples=150, deadline=None)
def test_every_plan_holds_the_constraints_and_its_set_can_do_no_better(problem):
    plan = shortest_plan(problem)
    if plan is None:
        assert not is_feasible(problem)
        return
    assert violations(problem, plan) == []
    alone = best_of_set(problem.first(plan.duration_steps), plan.chosen)
    assert alone is None or plan.value >= alone - 1e-6 * (1 + alone)
    assert plan.bound >= plan.value


@given(rounds())
@settings(max_examples=150, deadline=None)
def test_no_round_is_shorter_than_the_bound_of_durations(problem):
    bound = least_duration(problem)
    longest = problem.steps if bound is None else bound - 1
    assert longest == 0 or not is_feasible(problem.first(longest))


@given(rounds())
@settings(max_examples=60, deadline=None)
def test_both_solvers_find_plans_of_the_same_worth(problem):
    ours, theirs = plan_by_domains(problem), plan_by_milp(problem, Effort(gap=1e-9))
    # Least work that is only just possible is for each to accept within its tolerance.
    if (ours.plan is None) != (theirs.plan is None):
        roomy = dataclasses.replace(problem, least=problem.least * (1 - 1e-6))
        tight = dataclasses.replace(
            problem, least=problem.least * (1 + 1e-6), most=problem.most * (1 + 1e-5)
        )
        assert is_feasible(roomy)
        assert not is_feasible(tight)
        return
    if ours.plan is not None:
        assert violations(problem, theirs.plan, tolerance=1e-5) == []
        assert abs(ours.plan.value - theirs.plan.value) <= 1e-4 * (1 + theirs.plan.value)


@given(rounds())
@settings(max_examples=60, deadline=None)
def test_another_step_never_makes_a_round_impossible_or_worth_less(problem):
    shorter = plan_by_domains(problem.first(problem.steps - 1)).plan
    if shorter is not None:
        longer = plan_by_domains(problem).plan
        assert longer.value >= shorter.value * (1 - 1e-4)


@given(rounds(), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_steps_that_are_cut_into_equal_parts_change_nothing(problem, parts):
    cut = dataclasses.replace(
        problem,
        spare=np.repeat(problem.spare / parts, parts, axis=1),
        energy_ws=np.repeat(problem.energy_ws / parts, parts, axis=1),
    )
    whole, pieces = plan_by_domains(problem).plan, plan_by_domains(cut).plan
    if whole is not None and pieces is not None:  # else it is a matter of rounding
        assert abs(whole.value - pieces.value) <= 1e-6 * (1 + whole.value)
    candidates = candidates_of(cut)
    for domain in range(len(candidates.energy_ws)):
        block = candidates.block(domain)
        merged = block.merged()
        assert merged.rate_ws.shape[1] <= problem.steps
        assert np.allclose(merged.rate_ws.sum(axis=1), block.rate_ws.sum(axis=1))


@given(
    arrays.arrays(np.int64, st.integers(1, 20), elements=st.integers(0, 500)),
    st.floats(0.0, 400.0),
    st.floats(0.1, 5.0),
    st.sampled_from(["factor", "exponent"]),
)
def test_who_took_part_more_often_is_released_less_often(counts, reference, alpha, form):
    chance = release_probability(np.sort(counts), reference, alpha, form)
    assert np.all((chance > 0) & (chance <= 1))
    assert np.all(np.diff(chance) <= 0)


@given(arrays.arrays(np.float64, st.integers(1, 20), elements=st.floats(0.0, 1e300)))
def test_weights_keep_the_order_of_utilities(utilities):
    weights = normalised(utilities)
    assert np.all((weights >= 0) & (weights <= 1))
    assert weights.max() == 1.0
    assert np.all(np.diff(weights[np.argsort(utilities, kind="stable")]) >= 0)
