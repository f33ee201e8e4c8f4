"""What single policies aim at."""

import numpy as np
import pytest

from footprint.errors import UsageError
from footprint.model import ReplyStatus
from footprint.scheduling.base import ClientOutcome, Need, Outcome, Outlook, SelectionState
from footprint.scheduling.candidates import Candidates, ClientTable
from footprint.scheduling.feasible import can_finish
from footprint.scheduling.oort import Edge, Oort, score_of
from footprint.scheduling.outlook import frozen
from footprint.scheduling.policies import make_policy
from footprint.scheduling.uniform import Uniform, over_selected

ENERGY_WS = 100.0
NOW_S = 1.8e9


def table(number, **columns):
    known = {
        "domain": np.zeros(number, dtype=np.int64),
        "samples": np.full(number, 100.0),
        "least": np.full(number, 10.0),
        "energy_per_unit_ws": np.full(number, ENERGY_WS),
    }
    return ClientTable.empty([f"c{n}" for n in range(number)], **{**known, **columns})


def veterans(utility, last_round=None):
    """Clients that have all answered before."""
    number = len(utility)
    last = np.array(last_round or [1] * number, dtype=np.int64)
    return table(
        number,
        utility=np.array(utility, dtype=float),
        asked=np.ones(number, dtype=np.int64),
        answered=np.ones(number, dtype=np.int64),
        last_round=last,
    )


def seen(clients, number=5, wanted=2, **signals):
    told = {Need(name.replace("_", "-")): frozen(v, NOW_S) for name, v in signals.items()}
    outlook = Outlook(NOW_S, 60.0, 60, ("sun",), told) if told else None
    return SelectionState(number, NOW_S, Candidates(clients), wanted, outlook)


def counts(policy, state, draws=2000, seed=1):
    rng = np.random.default_rng(seed)
    found = dict.fromkeys(state.ids, 0)
    for _ in range(draws):
        for name in policy.select(state, rng):
            found[name] += 1
    return found


def test_other_packages_bring_policies_by_entry_points(tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text(
        "from footprint.scheduling.uniform import Uniform\nclass Mine(Uniform): pass\n"
    )
    information = tmp_path / "elsewhere-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[footprint.schedulers]\nmine = elsewhere:Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = make_policy("mine", count="3")
    assert (type(made).__name__, made.count) == ("Mine", 3)
    with pytest.raises(UsageError, match="no policy 'yours'") as told:
        make_policy("yours")
    assert "mine" in told.value.remedy


def test_over_selection_is_rounded_down():
    assert [over_selected(n, 1.3) for n in (10, 100, 3, 1)] == [13, 130, 3, 1]


def test_patient_policies_rather_choose_nobody_than_too_few():
    rng = np.random.default_rng(0)
    few = seen(veterans([1.0] * 3), wanted=3)
    for name in ("random", "round-robin", "oort"):
        assert len(make_policy(name).select(few, rng)) == 3
    # 1.3 times 3 is still 3; four of three cannot be had.
    four = seen(veterans([1.0] * 3), wanted=4)
    for name in ("random", "random-1.3n", "round-robin", "oort"):
        assert list(make_policy(name).select(four, rng)) == []
    assert len(Uniform().select(four, rng)) == 3


def test_everyone_is_everyone_and_turns_are_taken():
    clients = table(5)
    assert list(make_policy("all-until-spent").select(seen(clients), None)) == list(
        seen(clients).ids
    )
    turns = []
    for _ in range(5):
        names = make_policy("round-robin").select(seen(clients), None)
        turns += names
        clients.asked[[int(name[1:]) for name in names]] += 1
    assert sorted(turns) == sorted([f"c{n}" for n in range(5)] * 2)


def test_only_who_can_finish_alone_is_drawn():
    energy = np.zeros((1, 60))
    energy[0, :20] = 50.0  # half a unit a step for a client that has it for itself: 10 in all
    spare = np.array([[1.0] * 60, [0.4] * 60, [1.0] * 60])
    clients = table(3, least=np.array([10.0, 10.0, 10.1]))
    state = seen(clients, wanted=1, energy_forecast=energy, spare_forecast=spare)
    assert can_finish(state).tolist() == [True, False, False]
    policy = make_policy("random-fc")
    assert policy.select(state, np.random.default_rng(0)) == ["c0"]
    assert (
        policy.select(
            seen(clients, wanted=2, energy_forecast=energy, spare_forecast=spare),
            np.random.default_rng(0),
        )
        == []
    )


def test_scores_are_utility_and_how_long_ago():
    clients = veterans([1.0, 2.0, 4.0], last_round=[1, 4, 4])
    state = seen(clients, number=5)
    bonus = np.sqrt(0.1 * np.log(5) / np.array([1, 4, 4]))
    utility = np.minimum([1.0, 2.0, 4.0], np.percentile([1, 2, 4], 98))
    expected = (utility - 0.999) / (utility.max() - 0.999) + bonus
    assert score_of(state, np.arange(3)) == pytest.approx(expected)
    equal = seen(veterans([3.0] * 4), number=5)
    assert score_of(equal, np.arange(4)) == pytest.approx(
        np.full(4, score_of(equal, np.arange(1))[0])
    )


def exploiting(**options):
    """Oort that does not explore, since everybody is known."""
    return Oort(**options)


def test_oort_prefers_those_whose_data_teaches():
    state = seen(veterans([1.0, 1.0, 1.0, 10.0, 10.0]))
    found = counts(exploiting(), state)
    assert found["c3"] == found["c4"] == 2000  # the others lie below the edge
    wide = counts(exploiting(edge=Edge.LOWEST), state)
    assert min(wide.values()) > 0
    assert wide["c3"] > 2 * wide["c0"]


def test_oort_holds_slowness_against_a_client():
    # The first would take a hundred times as long as the others.
    state = seen(
        veterans([5.0] * 5),
        energy=np.array([1e6]),
        spare=np.array([0.1, 10.0, 10.0, 10.0, 10.0]),
    )
    found = counts(exploiting(edge=Edge.LOWEST), state)
    assert found["c0"] < 5
    assert min(found[f"c{n}"] for n in range(1, 5)) > 600


def test_oort_with_forecasts_knows_when_the_sun_sets():
    spare = np.full((4, 60), 1.0)
    energy = np.zeros((1, 60))
    energy[0, :12] = 1e4
    clients = veterans([5.0] * 4)
    clients.least[:] = [10.0, 10.0, 13.0, 10.0]
    state = seen(clients, energy_forecast=energy, spare_forecast=spare)
    assert counts(exploiting(forecasts=True, edge=Edge.LOWEST), state, 300)["c2"] > 0
    spare[2, :] = 0.1  # never done
    state = seen(clients, energy_forecast=energy, spare_forecast=spare)
    assert counts(exploiting(forecasts=True, edge=Edge.LOWEST), state, 300)["c2"] == 0


def test_oort_explores_less_from_round_to_round():
    clients = table(40)
    old = np.arange(20)
    clients.answered[old] = clients.asked[old] = clients.last_round[old] = 1
    clients.utility[old] = 5.0
    policy, rng = Oort(), np.random.default_rng(2)

    def newcomers():
        names = policy.select(seen(clients, wanted=10), rng)
        assert len(names) == 10
        return sum(int(name[1:]) >= 20 for name in names)

    assert newcomers() == 9
    for number in range(40):
        policy.observe(Outcome(number, NOW_S, NOW_S, ()))
    assert newcomers() == 2


def test_oort_begins_at_random_until_enough_are_known():
    clients = table(10)
    clients.answered[0] = clients.last_round[0] = 1
    clients.utility[0] = 1e9
    found = counts(Oort(), seen(clients, wanted=2), draws=2000)
    # A fifth each: five standard deviations are 90.
    assert all(abs(number - 400) < 90 for number in found.values())


def observe(policy, utility, rounds):
    for number in range(rounds):
        policy._asked = {"c0": utility}
        outcome = ClientOutcome("c0", ReplyStatus.OK)
        policy.observe(Outcome(number, NOW_S, NOW_S, (outcome,)))


def test_oort_grows_patient_while_nothing_changes_and_strict_after_a_leap():
    policy = Oort()
    observe(policy, 1.0, 40)
    assert policy._percentile == 15.0
    observe(policy, 3.0, 20)  # three times as much: neither still nor a leap
    assert policy._percentile == 15.0
    observe(policy, 100.0, 20)
    assert policy._percentile == 10.0


def test_numbers_that_cannot_be_are_errors():
    with pytest.raises(UsageError):
        Uniform(over=0.5)
