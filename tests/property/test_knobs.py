"""Which method each client gets: what holds for every table, fleet and allowance."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.model.method_costs import CostFigure, CostTable, Kind, MethodCost
from footprint.model.methods import TrainingMethod
from footprint.scheduling.assignments import assign_options
from footprint.scheduling.method_choices import PlannedWork, choose_methods

ratios = st.floats(0.05, 3.0)
points = st.floats(-2.0, 20.0)


def figure(value, kind=Kind.MEASURED):
    return CostFigure(value, value, value, kind)


@st.composite
def tables(draw):
    costs = [MethodCost(TrainingMethod("plain"))]
    for number in range(draw(st.integers(0, 5))):
        time, up, down = (figure(draw(ratios)) for _ in range(3))
        energy = figure(time.value, Kind.MODELLED_FROM_TIME)
        method = TrainingMethod(f"method {number}", width=0.5)
        costs.append(MethodCost(method, time, energy, up, down, figure(draw(points))))
    return CostTable("network", "device", "conditions", "source", tuple(costs))


@st.composite
def works(draw, most=6):
    number = draw(st.integers(1, most))

    def column(low, high):
        found = draw(st.lists(st.floats(low, high), min_size=number, max_size=number))
        return np.array(found)

    down, up = draw(st.floats(0, 0.05)), draw(st.floats(0, 0.05))
    return PlannedWork(column(0.001, 0.1), column(5, 800), column(10, 500), down, up)


@settings(deadline=None, max_examples=40)
@given(tables(), works(), st.floats(0, 1.2))
def test_the_sum_is_within_the_allowance_or_it_is_said_that_none_fits(table, work, part):
    full_g = float(work.emissions_g(table.costs)[:, 0].sum())
    choice = choose_methods(table, work, part * full_g)
    own = np.array([table.costs.index(cost) for cost in choice.costs])
    grams = work.emissions_g(table.costs)[np.arange(len(own)), own]
    assert choice.expected_g == pytest.approx(float(grams.sum()))
    assert choice.reference_g == pytest.approx(full_g)
    if choice.fits:
        assert choice.expected_g <= choice.allowance_g * (1 + 1e-8)
    else:
        least_g = work.emissions_g(table.costs).min(axis=1).sum()
        assert choice.expected_g == pytest.approx(float(least_g))
        assert least_g > choice.allowance_g
    # The same question has the same answer.
    assert choose_methods(table, work, part * full_g) == choice


@settings(deadline=None, max_examples=40)
@given(tables(), works(), st.floats(0, 1.2), st.floats(0, 1.0))
def test_a_smaller_allowance_never_emits_more(table, work, part, less):
    full_g = float(work.emissions_g(table.costs)[:, 0].sum())
    wide, narrow = (choose_methods(table, work, x * full_g) for x in (part, part * less))
    assert narrow.expected_g <= wide.expected_g * (1 + 1e-9)
    if narrow.fits:
        assert narrow.loss_points >= wide.loss_points - 1e-9


@settings(deadline=None, max_examples=40)
@given(tables(), works(), st.floats(1.0, 3.0))
def test_an_allowance_that_suffices_and_a_clean_grid_give_the_reference(table, work, part):
    full_g = float(work.emissions_g(table.costs)[:, 0].sum())
    clean = PlannedWork(work.energy_kwh, 0 * work.intensity_g_per_kwh, work.samples)
    for choice in (
        choose_methods(table, work, part * full_g),
        choose_methods(table, work, np.inf),
        choose_methods(table, clean, 0.0),
    ):
        assert choice.fits
        assert {cost.name for cost in choice.costs} == {"plain"}
        assert choice.loss_points == 0.0


@settings(deadline=None, max_examples=40)
@given(tables(), st.lists(st.floats(5, 800), min_size=2, max_size=7), st.floats(0, 1.1))
def test_a_dirtier_grid_never_gets_a_dearer_method_all_else_equal(table, intensity, part):
    alike = np.full(len(intensity), 0.02)
    work = PlannedWork(alike, np.array(intensity), 1000 * alike, 0.001, 0.002)
    grams = work.emissions_g(table.costs)
    choice = choose_methods(table, work, part * float(grams[:, 0].sum()))
    at_one_intensity = grams[0] / intensity[0]
    price = [at_one_intensity[table.costs.index(cost)] for cost in choice.costs]
    by_intensity = [price[place] for place in np.argsort(intensity, kind="stable")]
    for cleaner, dirtier in pairwise(by_intensity):
        assert dirtier <= cleaner * (1 + 1e-9) or len(set(intensity)) < len(intensity)


@settings(deadline=None, max_examples=40)
@given(works(most=5), st.floats(0, 1.0), points)
def test_what_is_dearer_without_a_gain_is_never_chosen(work, part, lost):
    """An emulated path takes longer than plain training and sends as much."""
    emulated = MethodCost(
        TrainingMethod("emulated", "emulated", 0.9),
        figure(1.3),
        figure(1.3, Kind.MODELLED_FROM_TIME),
        loss=figure(lost),
    )
    half = MethodCost(TrainingMethod("half", width=0.5), figure(0.5), figure(0.5), loss=figure(4.0))
    plain = MethodCost(TrainingMethod())
    table = CostTable("network", "device", "conditions", "source", (plain, emulated, half))
    full_g = float(work.emissions_g(table.costs)[:, 0].sum())
    choice = choose_methods(table, work, part * full_g)
    assert "emulated" not in {cost.name for cost in choice.costs}


def solve_by_highs(loss, cost, limit):
    """The same problem as a program of whole numbers, solved by others."""
    highspy = pytest.importorskip("highspy")
    model = highspy.Highs()
    model.silent()
    model.setOptionValue("mip_rel_gap", 0.0)
    model.setOptionValue("mip_abs_gap", 1e-9)
    take = [[model.addBinary(obj=one) for one in row] for row in loss]
    for row in take:
        model.addConstr(sum(row[1:], row[0] + 0) == 1)
    spent = [
        x * c for row, own in zip(take, cost, strict=True) for x, c in zip(row, own, strict=True)
    ]
    model.addConstr(sum(spent[1:], spent[0] + 0) <= limit)
    model.solve()
    return model.getInfo().objective_function_value


@pytest.mark.parametrize("seed", range(8))
def test_the_least_loss_is_that_of_a_solver(seed):
    rng = np.random.default_rng(seed)
    number, options = int(rng.integers(5, 25)), int(rng.integers(2, 8))
    loss = rng.uniform(0, 10, (number, options)).round(3)
    cost = rng.uniform(0.1, 9, (number, options)).round(3)
    limit = float(rng.uniform(cost.min(axis=1).sum(), cost.max(axis=1).sum()))
    found = assign_options(loss, cost, limit)
    assert (found.fits, found.gap) == (True, 0.0)
    assert found.loss == pytest.approx(solve_by_highs(loss, cost, limit), abs=1e-5)
    # The steps of the relaxation alone are within the gap that they state, and no better.
    steps = assign_options(loss, cost, limit, most_states=0)
    assert steps.cost <= limit
    assert steps.loss - steps.gap - 1e-9 <= found.loss <= steps.loss + 1e-9


def test_a_thousand_clients_are_within_a_small_gap():
    rng = np.random.default_rng(1)
    energy, intensity = rng.uniform(0.001, 0.1, 1000), rng.uniform(20, 700, 1000)
    costs = [MethodCost(TrainingMethod("plain"))]
    for number, (ratio, lost) in enumerate(((0.8, 0.5), (0.6, 2.0), (0.5, 4.0), (0.3, 9.0))):
        method = TrainingMethod(f"method {number}", width=0.5)
        costs.append(MethodCost(method, figure(ratio), figure(ratio), loss=figure(lost)))
    table = CostTable("network", "device", "conditions", "source", tuple(costs))
    work = PlannedWork(energy, intensity, rng.uniform(10, 500, 1000))
    choice = choose_methods(table, work, 0.6 * float((energy * intensity).sum()))
    assert choice.fits
    assert 0 < choice.gap_points < 0.02
