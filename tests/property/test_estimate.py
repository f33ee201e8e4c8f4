"""Properties of the way from activities to emissions."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.assessment import estimate
from footprint.comparison import compare
from footprint.inventory import build_inventory
from footprint.model import Phase, Role, Stage
from footprint.settings import Settings
from footprint.uncertainty import Sampler, split_inverse
from tests.builders import activity, journal, moved, small_journal

FEW = Settings(draws=200)
amounts = st.floats(1e-9, 1e3)


@st.composite
def journals(draw):
    one = st.builds(
        lambda kwh, s, actor, zone, phase, device, number: activity(
            energy_kwh=kwh,
            energy_low_kwh=kwh / 2,
            energy_high_kwh=kwh * 2,
            duration_s=s,
            actor=actor,
            role=Role.CLIENT,
            zone=zone,
            phase=phase,
            device=device,
            round=number,
        ),
        amounts,
        amounts,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["FR", "DE", "US", "PL"]),
        st.sampled_from([Phase.TRAIN, Phase.EVALUATE, Phase.IDLE]),
        st.sampled_from(["desktop", "server", "phone"]),
        st.integers(1, 3),
    )
    transfer = st.builds(
        lambda gb, zone: moved(gb, zone=zone), amounts, st.sampled_from(["FR", "IN"])
    )
    return journal(*draw(st.lists(st.one_of(one, transfer), min_size=1, max_size=12)))


def assess(what, chosen=FEW):
    return estimate(build_inventory(what), chosen)


def stage_g(assessment, stage):
    return math.fsum(c.emissions_g.value for c in assessment.contributions if c.stage is stage)


@given(journals())
@settings(max_examples=30, deadline=None)
def test_contributions_add_up_and_are_products_of_their_terms(what):
    assessment = assess(what)
    total = math.fsum(c.emissions_g.value for c in assessment.contributions)
    assert math.isclose(total, assessment.total_g.value, rel_tol=1e-9)
    terms = {term.id: term for term in assessment.terms}
    for c in assessment.contributions:
        product = c.amount
        for name in c.terms:
            term_id, inverse = split_inverse(name)
            product = product / terms[term_id].value if inverse else product * terms[term_id].value
        assert math.isclose(product, c.emissions_g.value, rel_tol=1e-9)
        assert c.emissions_g.low <= c.emissions_g.value <= c.emissions_g.high


@given(journals(), st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_operation_grows_with_the_energy_and_nothing_else_does(what, factor):
    columns = dict(what.columns)
    for name in ("energy_kwh", "energy_low_kwh", "energy_high_kwh"):
        columns[name] = [None if v is None else v * factor for v in columns[name]]
    before, after = assess(what), assess(replace(what, columns=columns))
    operation = stage_g(before, Stage.OPERATION)
    assert math.isclose(stage_g(after, Stage.OPERATION), factor * operation, rel_tol=1e-9)
    for stage in (Stage.NETWORK, Stage.EMBODIED):
        assert math.isclose(stage_g(after, stage), stage_g(before, stage), rel_tol=1e-12)


@given(journals())
@settings(max_examples=20, deadline=None)
def test_splitting_an_activity_changes_nothing(what):
    halves = []
    for one in what.activities():
        half = {"duration_s": one.duration_s / 2, "data_gb": one.data_gb / 2}
        for name in ("energy_kwh", "energy_low_kwh", "energy_high_kwh"):
            value = getattr(one, name)
            half[name] = None if value is None else value / 2
        halves += [replace(one, **half), replace(one, **half)]
    whole, split = assess(what), assess(journal(*halves))
    assert math.isclose(split.total_g.value, whole.total_g.value, rel_tol=1e-9)
    assert math.isclose(split.total_g.high, whole.total_g.high, rel_tol=1e-9)


@given(journals())
@settings(max_examples=20, deadline=None)
def test_by_round_or_not_the_total_is_the_same(what):
    apart = estimate(build_inventory(what, by_round=True), FEW)
    assert math.isclose(apart.total_g.value, assess(what).total_g.value, rel_tol=1e-9)


@given(journals())
@settings(max_examples=20, deadline=None)
def test_two_equal_scenarios_differ_by_nothing_in_every_draw(what):
    one, other = assess(what), assess(what)
    draws = [Sampler(a.terms, seed=1, draws=200).total(a.contributions) for a in (one, other)]
    assert (draws[0] - draws[1] == 0).all()
    comparison = compare(one, other)
    assert comparison.difference_g.width == 0
    assert comparison.ratio == pytest.approx(type(comparison.ratio)(1.0, 1.0, 1.0))
    assert comparison.candidate_lower == 0


@given(journals(), journals())
@settings(max_examples=20, deadline=None)
def test_categories_add_up_and_comparing_the_other_way_turns_the_sign(one, other):
    forth = compare(assess(one), assess(other))
    back = compare(assess(other), assess(one))
    parts = math.fsum(c.difference_g.value for c in forth.categories)
    scale = forth.baseline.total_g.value + forth.candidate.total_g.value
    assert math.isclose(parts, forth.difference_g.value, rel_tol=1e-9, abs_tol=1e-9 * scale)
    assert math.isclose(back.difference_g.value, -forth.difference_g.value, rel_tol=1e-12)
    assert math.isclose(back.ratio.value, 1 / forth.ratio.value, rel_tol=1e-12)


def test_what_two_scenarios_share_does_not_blur_their_ratio():
    """Twice the energy on the same grid and meter: the ratio is known exactly."""
    twice = {"energy_kwh": 0.002, "energy_low_kwh": 0.001, "energy_high_kwh": 0.004}
    bare = {"device": None}
    comparison = compare(
        assess(journal(activity(**bare))), assess(journal(activity(**bare, **twice)))
    )
    assert comparison.ratio.value == pytest.approx(2)
    assert comparison.ratio.width == pytest.approx(0, abs=1e-9)
    assert comparison.baseline.total_g.width > 0


def test_a_seed_makes_a_result_reproducible_to_the_digit():
    assert assess(small_journal()) == assess(small_journal())
    other = assess(small_journal(), Settings(draws=200, seed=1))
    assert other.total_g.value == assess(small_journal()).total_g.value
    assert other.total_g.high != assess(small_journal()).total_g.high
