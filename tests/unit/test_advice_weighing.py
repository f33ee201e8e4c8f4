"""Which option is best, how robust that is, and what its saving is known of."""

import re
from dataclasses import replace

import pytest

from footprint.errors import UsageError
from footprint.management.advisor.needs import Needs
from footprint.management.advisor.weighing import weigh
from footprint.model import DecisionKind, LifeCycle, Option, Phase
from footprint.model.kinds import Currency
from footprint.model.scenario import Prices
from tests.managed_company import PUES, YEAR_S, managed

DRAWS = 20_000


def company(draws=DRAWS, prices=None):
    return managed({}, Needs(horizon_s=YEAR_S, origin="m.toml", prices=prices), draws=draws)


def option(found, name, energy_kwh=None, *, stored_gb=0.0, **fields):
    """Declare what Lyon would use; nothing for an option without any amount.

    Each option is metered by itself: errors of their energy are independent and alike.
    """
    activities = []
    if energy_kwh is not None:
        activities.append(
            found.activity(
                "lyon",
                Phase.TRAIN,
                key="test",
                energy_kwh=energy_kwh,
                duration_s=3600.0,
                source=f"declared/{name}",
            )
        )
    if stored_gb:
        hours = stored_gb * YEAR_S / 3600
        activities.append(
            found.activity(
                "lyon", Phase.STORAGE, key="test", stored_gb_h=hours, life_cycle=LifeCycle.STORE
            )
        )
    return Option(name=name, assessment=found.assess(name, activities), **fields)


def unmetered(found, name, energy_kwh):
    """Declare an option of whose energy only a part is known."""
    activities = [
        found.activity("lyon", Phase.TRAIN, key="test", energy_kwh=one, duration_s=3600.0)
        for one in (energy_kwh, None)
    ]
    return Option(name=name, assessment=found.assess(name, activities))


def choose(options, current="a", kind=DecisionKind.SERVING):
    return weigh(kind, "x", options, current, reason="")


# --- robustness to the factors ------------------------------------------------------------------


def test_of_three_alike_each_is_best_in_a_third_of_the_draws():
    """By symmetry; of all four it would be a quarter, and one that beats any other, two thirds."""
    found = company()
    alike = [option(found, name, 10.0) for name in ("a", "b", "c")]
    barred = option(found, "d", 10.0, barrier="a law")
    advice = choose([*alike, barred])
    assert advice.recommended == "a"
    assert advice.certainty == pytest.approx(1 / 3, abs=0.02)


def test_what_is_better_in_most_draws_is_named():
    found = company()
    alike = [option(found, name, 10.0) for name in ("a", "b", "c")]
    (said,) = choose(alike).findings
    assert said.code == "choice-unsure"
    assert "'a' is best by the central values" in said.message
    assert re.search(r"in only 3[234] % of their draws; '[bc]' is in 3[2345] %", said.message)
    sure = choose([option(found, "a", 10.0), option(found, "b", 100.0)])
    assert sure.findings == ()


def test_what_an_option_may_cost_counts_in_every_draw():
    found = company()
    plain, worthy = option(found, "a", 10.0), option(found, "b", 10.0, worth_g=1e9)
    assert choose([plain, worthy]).certainty == 1.0
    # Twice 10 kWh less 10 kWh of worth is again like the other: about half.
    emitted_g = plain.assessment.total_g.value
    double = choose([plain, option(found, "b", 20.0, worth_g=emitted_g)])
    assert 0.4 < double.certainty < 0.6


def test_of_shared_factors_no_draw_says_otherwise():
    """The grid and the overhead of Lyon are the same for both, and so is the meter."""
    found = company()
    lesser, more = option(found, "a", 10.0), option(found, "b", 12.0)
    same = {"source": "declared/meter"}
    options = []
    for one, energy_kwh in ((lesser, 10.0), (more, 12.0)):
        activity = found.activity(
            "lyon", Phase.TRAIN, key="test", energy_kwh=energy_kwh, duration_s=3600.0, **same
        )
        options.append(replace(one, assessment=found.assess(one.name, [activity])))
    assert choose(options).certainty == 1.0
    assert choose([lesser, more]).certainty < 0.95


def test_what_no_draw_could_turn_has_no_certainty():
    found = company()
    something, nothing = option(found, "a", 10.0), option(found, "b")
    assert choose([something, nothing]).certainty is None
    # Something that may cost what it emits could be better, and in no draw is.
    small = replace(something, worth_g=1.0)
    assert choose([small, nothing]).certainty == 1.0
    assert choose([something, replace(nothing, barrier="a law")]).certainty is None
    bare = company(draws=0)
    assert choose([option(bare, "a", 2.0), option(bare, "b", 1.0)]).certainty is None
    # Of a forecast nobody knows the error.
    jobs = [option(found, "a", 10.0), option(found, "b", 5.0)]
    assert choose(jobs).certainty is not None
    assert choose(jobs, kind=DecisionKind.SCHEDULE).certainty is None


# --- what is not known --------------------------------------------------------------------------


def test_what_lacks_energy_is_not_recommended():
    found = company(draws=0)
    advice = choose(
        [option(found, "a", 12.0), option(found, "b", 11.0), unmetered(found, "c", 1.0)]
    )
    assert advice.recommended == "b"
    assert advice.option("c").barrier == "not all of its energy is known"
    with pytest.raises(UsageError, match="Of 'c' not all energy is known"):
        choose([option(found, "a", 12.0), unmetered(found, "c", 1.0)], current="c")


def test_a_saving_against_what_is_not_all_known_is_at_least_that_and_has_no_energy():
    found = company(draws=0, prices=Prices(currency=Currency.EUR, electricity_per_kwh=0.2))
    advice = choose([unmetered(found, "a", 12.0), option(found, "b", 10.0)])
    assert advice.recommended == "b"
    assert advice.saving_g.value == pytest.approx(2 * PUES["lyon"] * 50)
    assert (advice.saving_kwh, advice.saving_cost) == (None, None)


def test_doing_nothing_uses_nothing_and_what_is_unknown_is_not_nothing():
    found = company(draws=0)
    spared = choose([option(found, "a", 10.0), option(found, "b")])
    assert spared.saving_kwh == pytest.approx(14.0)
    used = option(found, "b", 1.0)
    # Such as the making of a machine whose electricity is in no line.
    dark = replace(used, assessment=replace(used.assessment, energy_kwh=None))
    assert choose([option(found, "a", 10.0), dark]).saving_kwh is None


def test_money_that_has_no_price_is_not_saved_for_nothing():
    def saved(prices):
        found = company(draws=0, prices=prices)
        kept = option(found, "a", stored_gb=1000.0)
        return choose([kept, option(found, "b")]).saving_cost

    assert saved(Prices(currency=Currency.EUR, electricity_per_kwh=0.2)) is None
    cost = saved(Prices(currency=Currency.EUR, storage_per_gb_month=0.02))
    assert cost.value == pytest.approx(1000 * 0.02 * YEAR_S / 3600 / (365.25 * 2), rel=0.01)
