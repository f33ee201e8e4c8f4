"""What every scheduler keeps, whatever it aims at."""

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.scheduling.base import (
    Candidate,
    Candidates,
    ClientOutcome,
    Outcome,
    Scheduler,
    SelectionState,
    chosen,
)
from footprint.scheduling.uniform import Uniform

# Every policy, in the forms in which it can be made. A new one is entered here.
SCHEDULERS = {
    "uniform": Uniform,
    "uniform, 3": lambda: Uniform(count=3),
    "uniform, a third": lambda: Uniform(share=1 / 3),
    "uniform, nobody": lambda: Uniform(count=0),
}

every = pytest.mark.parametrize("make", SCHEDULERS.values(), ids=SCHEDULERS)


def state(number, round_=1, wanted=None):
    clients = [Candidate(f"client-{n}", "FR" if n % 2 else None) for n in range(number)]
    return SelectionState(round_, 1.8e9 + round_, Candidates.of(clients), wanted)


def outcome(ids, round_=1):
    statuses = list(ReplyStatus)
    clients = tuple(
        ClientOutcome(name, statuses[n % len(statuses)], 1e-6 if n % 2 else None, None)
        for n, name in enumerate(ids)
    )
    return Outcome(round_, 1.8e9, 1.8e9 + 60, clients)


@every
def test_it_has_the_two_methods(make):
    assert isinstance(make(), Scheduler)


@every
@pytest.mark.parametrize("number", [0, 1, 2, 10])
def test_it_chooses_candidates_each_once(make, number):
    scheduler, rng = make(), np.random.default_rng(1)
    for round_ in range(1, 6):
        ids = chosen(scheduler, state(number, round_), rng)
        scheduler.observe(outcome(ids, round_))


@every
def test_the_same_seed_gives_the_same_choices(make):
    runs = []
    for _ in range(2):
        scheduler, rng = make(), np.random.default_rng(7)
        ids = []
        for round_ in range(1, 6):
            ids.append(chosen(scheduler, state(10, round_), rng))
            scheduler.observe(outcome(ids[-1], round_))
        runs.append(ids)
    assert runs[0] == runs[1]


@every
def test_it_lives_with_clients_that_come_and_go(make):
    scheduler, rng = make(), np.random.default_rng(3)
    for round_, number in enumerate((5, 0, 12, 1), start=1):
        ids = chosen(scheduler, state(number, round_), rng)
        # And with outcomes of clients that are gone.
        scheduler.observe(outcome([*ids, "client-99"], round_))


@pytest.mark.parametrize("ids", [["client-9"], ["client-0", "client-0"]])
def test_a_choice_that_cannot_be_is_an_error(ids):
    class Wrong(Uniform):
        def select(self, state, rng):
            return ids

    with pytest.raises(UsageError, match="Wrong chose"):
        chosen(Wrong(), state(2), np.random.default_rng(0))


def test_uniform_takes_what_it_was_told_to():
    rng = np.random.default_rng(5)
    assert len(Uniform(count=3).select(state(10), rng)) == 3
    assert len(Uniform(count=30).select(state(10), rng)) == 10
    assert len(Uniform(share=0.25).select(state(10), rng)) == 3
    assert len(Uniform().select(state(10, wanted=4), rng)) == 4
    assert len(Uniform().select(state(10), rng)) == 10
    for wrong in ({"count": 1, "share": 0.5}, {"count": -1}, {"share": 0.0}):
        with pytest.raises(UsageError):
            Uniform(**wrong)


def test_uniform_gives_everybody_the_same_chance():
    rng = np.random.default_rng(11)
    draws = 4000
    counts = dict.fromkeys(state(8).ids, 0)
    for _ in range(draws):
        for name in Uniform(count=2).select(state(8), rng):
            counts[name] += 1
    # Binomial with p = 1/4: five standard deviations around the mean.
    spread = 5 * (draws * 0.25 * 0.75) ** 0.5
    assert all(abs(count - draws / 4) < spread for count in counts.values())
