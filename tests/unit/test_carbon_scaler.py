"""Elastic jobs, against all plans that there are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import UsageError
from footprint.scheduling.carbon_scaler import ElasticJob, scale_workers

HOUR_S = 3600.0


def least_emissions(intensity, job, work):
    """Least of all plans [gCO2e], of which one slot may run its last step for a part."""
    sizes = len(job.throughput) + 1
    done = np.concatenate([[0.0], job.throughput])
    watts = np.concatenate([[0.0], job.power_w])
    best = np.inf
    for plan in product(range(sizes), repeat=len(intensity)):
        places = list(plan)
        surplus = done[places].sum() - work
        if surplus < -1e-9:
            continue
        emitted = watts[places] * intensity / 1000
        saved = 0.0
        for slot, size in enumerate(plan):
            if size:
                gain, watt = done[size] - done[size - 1], watts[size] - watts[size - 1]
                share = min(1.0, surplus / gain)
                saved = max(saved, share * watt * intensity[slot] / 1000)
        best = min(best, emitted.sum() - saved)
    return best


@st.composite
def diminishing_jobs(draw):
    """Jobs of which every further worker does less and draws as much."""
    first = draw(st.floats(1.0, 4.0))
    shares = draw(st.lists(st.floats(0.2, 1.0), min_size=0, max_size=2))
    added = np.cumprod([first, *shares])
    watts = 100.0 * np.arange(1, len(added) + 1)
    return ElasticJob(tuple(np.cumsum(added)), tuple(watts), least=draw(st.integers(1, 3)))


@given(
    diminishing_jobs(), st.lists(st.floats(1, 500), min_size=1, max_size=5), st.floats(0.05, 1.0)
)
@settings(max_examples=60, deadline=None)
def test_plans_emit_as_little_as_the_best_of_all_plans(job, intensity, part):
    series = np.array(intensity)
    work = part * len(series) * job.throughput[-1]
    plan = scale_workers(series, job, work)
    assert plan.optimal
    found = plan.emissions(job, series, HOUR_S)
    assert found == pytest.approx(least_emissions(series, job, work), rel=1e-9)
    assert found <= plan.emissions(job, series, HOUR_S, whole=True) + 1e-12


@given(
    diminishing_jobs(), st.lists(st.floats(0, 500), min_size=1, max_size=30), st.floats(0.05, 1.0)
)
@settings(deadline=None)
def test_plans_do_the_work_and_keep_the_smallest_size(job, intensity, part):
    work = part * len(intensity) * job.throughput[-1]
    plan = scale_workers(intensity, job, work)
    done = np.concatenate([[0.0], job.throughput])
    steps = np.maximum(0, plan.workers - job.least + 1)
    assert np.all((plan.workers == 0) | (plan.workers >= job.least))
    last = steps[plan.last_slot]
    unused = (1 - plan.last_share) * (done[last] - done[last - 1])
    assert done[steps].sum() - unused == pytest.approx(work)


def test_the_first_workers_are_one_block():
    # Two workers are needed to run at all, and do 1 per 100 W; a third adds 0.9 per 100 W.
    job = ElasticJob((2.0, 2.9), (200.0, 300.0), least=2)
    close = scale_workers([100.0, 105.0, 400.0], job, 4.0)
    assert close.workers.tolist() == [2, 2, 0]
    assert close.last_share == 1.0
    assert close.emissions(job, [100.0, 105.0, 400.0], HOUR_S) == pytest.approx(20 + 21)
    # At 115 a block gives less per gram than a third worker at 100.
    assert scale_workers([100.0, 115.0, 400.0], job, 4.0).workers.tolist() == [3, 2, 0]


def test_a_plan_that_may_not_be_the_best_says_so():
    # The second step does more per power than the block before it.
    job = ElasticJob((1.0, 2.0), (300.0, 400.0), least=2)
    assert not job.diminishing
    assert not scale_workers([100.0, 100.0], job, 1.5).optimal


def test_steady_work_on_a_flat_grid_emits_the_same_wherever_it_runs():
    job = ElasticJob((1.0, 2.0, 3.0), (100.0, 200.0, 300.0))
    plan = scale_workers(np.full(10, 50.0), job, 12.5)
    assert plan.emissions(job, np.full(10, 50.0), 1800.0) == pytest.approx(12.5 * 0.1 * 0.5 * 50)


@pytest.mark.parametrize("work", [0.0, -1.0, 6.1, float("nan")])
def test_work_that_cannot_be_done_is_refused(work):
    with pytest.raises(UsageError, match="work"):
        scale_workers([1.0, 1.0], ElasticJob((1.0, 3.0), (10.0, 20.0)), work)


def test_sizes_that_do_not_grow_are_refused():
    for throughput, power in (((1.0, 1.0), (1.0, 2.0)), ((1.0, 2.0), (2.0, 1.0)), ((), ())):
        with pytest.raises(UsageError):
            ElasticJob(throughput, power)
    with pytest.raises(UsageError):
        ElasticJob((1.0,), (1.0,), least=0)
