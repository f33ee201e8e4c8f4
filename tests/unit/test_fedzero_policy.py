"""FedZero as a scheduler: what it asks, whom it chooses, when it waits."""

from functools import partial

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.scheduling.base import ClientOutcome, Outcome, SelectionState
from footprint.scheduling.candidates import Candidates, ClientTable
from footprint.scheduling.fedzero.blocklist import Blocklist
from footprint.scheduling.fedzero.policy import FedZero
from footprint.scheduling.fedzero.search import Solver
from footprint.scheduling.outlook import Need, Outlook, frozen
from footprint.scheduling.policies import make_policy

STEPS = 10


class Draws:
    """A generator whose numbers are known: released is who draws no more than its chance."""

    def __init__(self, value):
        self.value = value

    def random(self, size):
        return np.full(size, self.value)


NEVER, ALWAYS = Draws(1.0), Draws(0.0)


def table(domain, **known):
    """Clients that do 1 unit a step for 1 Ws, 2 to 6 of them a round."""
    number = len(domain)
    columns = {
        "domain": np.array(domain),
        "samples": np.full(number, 10.0),
        "least": np.full(number, 2.0),
        "most": np.full(number, 6.0),
        "speed": np.ones(number),
        "energy_per_unit_ws": np.ones(number),
        **known,
    }
    return ClientTable.empty([f"c{n}" for n in range(number)], **columns)


def state(clients, energy_ws, wanted, *, round_=1, now_s=0.0, here=None, spare=None, now_ws=None):
    """What a scheduler may know; energy is given by domain, the same in all steps."""
    here = np.arange(len(clients)) if here is None else np.array(here)
    coming = np.repeat(np.array(energy_ws, dtype=float)[:, None], STEPS, axis=1)
    spare = np.ones(len(here)) if spare is None else np.array(spare, dtype=float)
    signals = {
        Need.ENERGY_FORECAST: frozen(coming, now_s),
        Need.SPARE_FORECAST: frozen(np.repeat(spare[:, None], STEPS, axis=1), now_s),
        Need.ENERGY: frozen(energy_ws if now_ws is None else now_ws, now_s),
        Need.SPARE: frozen(spare, now_s),
    }
    names = tuple(f"site-{n}" for n in range(len(energy_ws)))
    outlook = Outlook(now_s, 60.0, STEPS, names, signals)
    return SelectionState(round_, now_s, Candidates(clients.shown(), here), wanted, outlook)


def outcome(ids, status=ReplyStatus.OK, round_=1):
    return Outcome(round_, 0.0, 60.0, [ClientOutcome(name, status) for name in ids])


@pytest.mark.parametrize("solver", Solver)
def test_the_clients_that_finish_soonest_together_are_chosen(solver):
    clients = table([0, 0, 1, 1])
    policy = FedZero(solver=solver)
    # Two of one domain would need 4 steps of 1 Ws; one of each domain needs 2.
    chosen = policy.select(state(clients, [1.0, 1.0], wanted=2), NEVER)
    assert sorted(clients.domain[[int(name[1]) for name in chosen]]) == [0, 1]
    assert policy.plan.duration_steps == 2
    assert policy.plan.gap <= 1e-4


def test_of_equally_fast_sets_the_most_useful_one_is_chosen():
    clients = table([0, 0, 0, 1, 1, 1], utility=np.array([5.0, 9.0, 1.0, 1.0, 2.0, 3.0]))
    assert FedZero().select(state(clients, [1.0, 1.0], wanted=2), NEVER) == ["c1", "c5"]
    # Samples stand for the utility of those that never answered: 10, more than all others.
    clients.utility[2] = np.nan
    assert FedZero().select(state(clients, [1.0, 1.0], wanted=2), NEVER) == ["c2", "c5"]
    # Unless all work counts alike.
    static = make_policy("fedzero-static")
    other = np.array([5.0, 9.0, 1.0, 1.0, 2.0, 3.0])[::-1]
    plain = table(clients.domain, utility=clients.utility)
    turned = table(clients.domain, utility=other)
    assert static.select(state(plain, [1.0, 1.0], wanted=2), NEVER) == static.select(
        state(turned, [1.0, 1.0], wanted=2), NEVER
    )


def test_utilities_are_scaled_over_all_clients_not_over_those_that_are_there():
    """The least useful of those present still counts, if somebody absent is less useful."""
    clients = table([0, 0, 0, 1], utility=np.array([4.0, 5.0, 1.0, 4.0]))
    # In two steps they do 3 and 2 units. Scaled over all four, these count 3/4 and 1 each, so
    # client 0 is worth more; over the two alone they would count 0 and 1.
    near = state(clients, [9.0, 0.0], wanted=1, here=[0, 1], spare=[1.5, 1.0])
    assert FedZero().select(near, NEVER) == ["c0"]


@pytest.mark.parametrize("energy_ws", [[0.0, 0.0], [1.0, 0.0], [0.3, 0.3]])
def test_it_waits_if_no_round_is_possible(energy_ws):
    """In the dark, with energy for one domain alone, and with too little for any deadline."""
    clients = table([0, 1, 1], least=np.full(3, 6.0))
    policy = FedZero()
    assert policy.select(state(clients, energy_ws, wanted=2), NEVER) == []
    assert policy.plan is None
    assert policy.select(state(clients, [1.0, 1.0], wanted=2), NEVER) != []


def test_a_domain_without_limit_serves_all_its_clients():
    clients = table([0, 0, 0, 1])
    policy = FedZero()
    chosen = policy.select(state(clients, [np.inf, 1.0], wanted=4), NEVER)
    assert chosen == ["c0", "c1", "c2", "c3"]
    assert policy.plan.duration_steps == 2


def test_who_took_part_steps_back_until_it_is_released():
    clients = table([0, 1, 2])
    policy = FedZero(blocklist=partial(Blocklist, level="cycles"))
    everywhere = [1.0, 1.0, 1.0]
    for round_ in range(1, 4):  # so that all have taken part more often than the level, 0
        ids = policy.select(state(clients, everywhere, wanted=3, round_=round_), ALWAYS)
        policy.observe(outcome(ids, round_=round_))
    # All are blocked; asking again changes nothing, until an hour has passed.
    assert policy.select(state(clients, everywhere, wanted=1, round_=4), NEVER) == []
    assert policy.select(state(clients, everywhere, 1, round_=4, now_s=300.0), ALWAYS) == []
    assert policy.select(state(clients, everywhere, 1, round_=4, now_s=3600.0), ALWAYS) != []
    # Without the list nobody steps back.
    free = FedZero(blocklist=None)
    for round_ in range(1, 4):
        ids = free.select(state(clients, everywhere, wanted=3, round_=round_), NEVER)
        free.observe(outcome(ids, round_=round_))
    assert len(ids) == 3


def test_late_and_lost_work_blocks_nobody():
    clients = table([0, 1, 2])
    policy = FedZero(blocklist=partial(Blocklist, alpha=0.01, level="cycles"))
    for round_, status in enumerate((ReplyStatus.LATE, ReplyStatus.NO_REPLY, ReplyStatus.OK)):
        ids = policy.select(state(clients, [1.0] * 3, wanted=3, round_=round_ + 1), NEVER)
        assert len(ids) == 3
        policy.observe(outcome(ids, status, round_ + 1))
    assert policy.select(state(clients, [1.0] * 3, wanted=1, round_=4), Draws(0.5)) == []


def test_of_the_blocked_the_others_take_the_place():
    clients = table([0, 0, 1, 1], samples=np.array([20.0, 10.0, 20.0, 10.0]))
    policy = FedZero(blocklist=partial(Blocklist, alpha=0.01, level="cycles"))
    first = policy.select(state(clients, [1.0, 1.0], wanted=2), NEVER)
    assert first == ["c0", "c2"]
    policy.observe(outcome(first))
    assert policy.select(state(clients, [1.0, 1.0], 2, round_=2), Draws(0.5)) == ["c1", "c3"]


def test_without_forecasts_the_present_is_taken_to_last():
    clients = table([0, 1])
    blind = FedZero(forecasts=False)
    assert blind.needs == {Need.ENERGY, Need.SPARE}
    told = state(clients, [1.0, 0.0], wanted=1, now_ws=[0.0, 1.0])
    assert blind.select(told, NEVER) == ["c1"]
    assert FedZero().select(told, NEVER) == ["c0"]


def test_as_many_as_can_finish_together_if_nobody_says_how_many():
    clients = table([0, 0, 0, 1, 1, 1], least=np.full(6, 5.0))
    # 10 Ws in ten steps: two clients of 5 Ws each; the other domain has none.
    assert len(FedZero().select(state(clients, [1.0, 0.0], wanted=None), NEVER)) == 2
    assert FedZero().select(state(clients, [0.0, 0.0], wanted=None), NEVER) == []
    assert FedZero().select(state(clients, [1.0, 1.0], wanted=0), NEVER) == []


def test_it_cannot_do_without_an_outlook_or_domains():
    clients = table([0, 1])
    with pytest.raises(UsageError, match="no such signals"):
        FedZero().select(SelectionState(1, 0.0, Candidates(clients.shown()), 1), NEVER)
    nowhere = table([-1, 0])
    with pytest.raises(UsageError, match="domains -1"):
        FedZero().select(state(nowhere, [1.0], wanted=1), NEVER)
