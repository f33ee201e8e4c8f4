"""The value of a set of clients: normalised, monotone, submodular, blind to scale."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from footprint.scheduling.coreset import Phantom, measure_coreset
from footprint.scheduling.priced_cover import PricedCover
from footprint.scheduling.representatives import Representatives
from footprint.scheduling.submodular import Solver, solve

# Whole numbers make ties and equal gradients, where mistakes hide.
gradients = st.integers(2, 7).flatmap(
    lambda clients: hnp.arrays(
        float,
        st.tuples(st.just(clients), st.integers(1, 4)),
        elements=st.one_of(
            st.integers(-3, 3).map(float), st.floats(-10, 10, allow_subnormal=False)
        ),
    )
)


@given(gradients, st.sampled_from(Phantom), st.booleans(), st.data())
@settings(deadline=None)
def test_the_value_is_normalised_monotone_and_submodular(rows, phantom, normalise, data):
    clients = len(rows)
    weights = data.draw(
        st.lists(st.floats(0.01, 10), min_size=clients, max_size=clients), label="weights"
    )
    coreset = measure_coreset(rows, weights, phantom=phantom, normalise=normalise)
    members = st.sets(st.integers(0, clients - 1))
    small = data.draw(members, label="small")
    large = small | data.draw(members, label="more")
    one = data.draw(st.integers(0, clients - 1), label="one")
    slack = 1e-6 * (1 + np.abs(rows).max())
    assert coreset.value([]) == 0
    value, larger = coreset.value(sorted(small)), coreset.value(sorted(large))
    assert 0 <= value <= larger + slack
    gain = coreset.value(sorted(small | {one})) - value
    later = coreset.value(sorted(large | {one})) - larger
    assert later <= gain + slack
    if normalise:
        everybody = coreset.value(range(clients))
        assert everybody == 0 or abs(everybody - 1) < slack


@given(gradients, st.floats(1e-3, 1e3))
@example(np.array([[0.0], [0.0], [7e-158]]), 1e-3)
@settings(deadline=None)
def test_normalised_values_do_not_feel_how_long_gradients_are(rows, factor):
    one, other = measure_coreset(rows), measure_coreset(factor * rows)
    # Distances below 1e-7 of the largest are rounding.
    np.testing.assert_allclose(one.cover, other.cover, atol=1e-6)


@given(gradients, st.integers(0, 100), st.floats(0, 3))
@settings(deadline=None)
def test_what_solvers_return_cannot_be_improved_by_one_step(rows, seed, backlog):
    rng = np.random.default_rng(seed)
    coreset = measure_coreset(rows)
    problem = PricedCover.of(coreset.cover, backlog * rng.uniform(0, 0.5, len(rows)))
    best = solve(problem, Solver.EXACT)
    for solver in Solver:
        found = solve(problem, solver, rng=rng)
        assert 0 <= found.value <= best.value + 1e-9
        assert abs(found.value - problem.value(found.chosen)) < 1e-12
    local = solve(problem, Solver.GREEDY_LOCAL).chosen
    state = Representatives(problem.cover, local)
    assert np.all((state.gains() - problem.price)[~local] <= 1e-9)
    assert np.all((problem.price - state.losses())[local] <= 1e-9)
