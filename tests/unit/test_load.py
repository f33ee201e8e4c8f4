"""What devices do beside the training."""

import numpy as np
import pytest

from footprint.errors import DataError, UsageError
from footprint.simulation.load import OnOffLoad, TraceLoad
from footprint.simulation.traces import Trace, unix_seconds

START = unix_seconds("2022-06-08")
EVERYBODY = np.arange(400)


def test_what_is_used_lies_below_what_is_reserved():
    load = OnOffLoad(seed=2, busy=0.4, levels=(0.3, 0.9), margin=0.4)
    reserved = load.reserved(EVERYBODY, START, 60, 600)
    used = load.used(EVERYBODY, START, 60, 600)
    busy = reserved > 0
    assert (used <= reserved).all()
    assert (used[busy] >= 0.6 * reserved[busy]).all()
    assert (used[~busy] == 0).all()
    assert 0.3 <= reserved[busy].min() <= reserved.max() <= 0.9
    # 400 clients times some ten slots: a standard error of 0.008.
    assert busy.mean() == pytest.approx(0.4, abs=0.04)


def test_load_is_the_same_in_whatever_pieces_it_is_asked_for():
    load = OnOffLoad(seed=2)
    whole = load.used(EVERYBODY, START, 60, 120)
    for steps in (1, 7, 60):
        piece = load.used(EVERYBODY[100:200], START + 600, 60, steps)
        assert (piece == whole[10 : 10 + steps, 100:200]).all()


def test_load_stays_for_a_while_and_clients_differ():
    reserved = OnOffLoad(seed=3, slot_s=3600).reserved(EVERYBODY, START, 60, 1440)
    changes = (np.diff(reserved > 0, axis=0) != 0).sum(axis=0)
    # Slots last evenly from half an hour to one and a half: 24 ln 3 of them a day in the mean,
    # and every second edge is a change. Four standard errors of the mean of 400 clients.
    assert changes.mean() == pytest.approx(12 * np.log(3), abs=1.0)
    assert len({tuple(column) for column in (reserved > 0).T.tolist()}) == len(EVERYBODY)


def test_another_seed_is_another_load():
    one, two = (OnOffLoad(seed).used(EVERYBODY, START, 60, 10) for seed in (1, 2))
    assert (one != two).any()


@pytest.mark.parametrize(
    "wrong", [{"busy": 1.2}, {"levels": (0.5, 0.4)}, {"margin": -0.1}, {"slot_s": 60}]
)
def test_load_that_cannot_be_is_an_error(wrong):
    with pytest.raises(UsageError):
        OnOffLoad(1, **wrong)


def test_load_from_files_goes_by_the_number_of_the_client():
    trace = Trace(START, 60, ("a", "b", "c"), np.arange(30).reshape(10, 3) / 30)
    load = TraceLoad(trace)
    assert load.used(np.array([2, 0]), START + 60, 60, 2).tolist() == [
        [5 / 30, 3 / 30],
        [8 / 30, 6 / 30],
    ]
    with pytest.raises(DataError, match="client 3 has none"):
        load.used(np.array([3]), START, 60, 1)
    with pytest.raises(UsageError, match="no series of what is reserved"):
        load.reserved(np.array([0]), START, 60, 1)


def test_percent_are_not_taken_for_shares():
    trace = Trace(START, 60, ("a",), np.array([[0.0], [50.0]]))
    with pytest.raises(DataError, match=r"0 to 50"):
        TraceLoad(trace)
    assert TraceLoad(trace.scaled(0.01, "1")).used(np.array([0]), START, 60, 2)[1, 0] == 0.5
