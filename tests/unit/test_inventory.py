"""Aggregation loses nothing, and keeps apart what an estimate must see apart."""

import numpy as np
import pandas as pd
import pytest

from footprint.inventory import build_inventory
from footprint.model import Basis, Journal, Phase, Run
from tests.builders import START_S, activity, journal, moved, small_journal


def test_alike_activities_become_one_line():
    inventory = build_inventory(journal(activity(), activity(), activity(round=2)))
    (line,) = inventory.lines
    assert line.activities == 3
    assert line.energy_kwh == pytest.approx(0.003)
    assert line.duration_s == pytest.approx(180)
    assert (inventory.rounds, inventory.clients) == (2, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "other"},
        {"zone": "DE"},
        {"zone": None},
        {"device": None},
        {"phase": Phase.EVALUATE},
        {"basis": Basis.DECLARED},
        {"tier": None},
        {"source": "other"},
        {"start_s": START_S + 366 * 86400},
    ],
)
def test_what_an_estimate_looks_at_stays_apart(change):
    assert len(build_inventory(journal(activity(), activity(**change))).lines) == 2


def test_rounds_can_be_kept_apart():
    inventory = build_inventory(small_journal(), by_round=True)
    assert {line.round for line in inventory.lines} == {1, 2, None}


def test_unknown_energy_stays_unknown():
    nothing = {"energy_kwh": None, "energy_low_kwh": None, "energy_high_kwh": None}
    inventory = build_inventory(journal(activity(**nothing), activity(**nothing)))
    assert inventory.lines[0].energy_kwh is None
    assert inventory.lines[0].unmetered == 2
    mixed = build_inventory(journal(activity(**nothing), activity()))
    assert mixed.lines[0].energy_kwh == pytest.approx(0.001)
    assert mixed.lines[0].unmetered == 1
    assert build_inventory(journal(moved(1.0))).lines[0].unmetered == 0


def test_an_empty_journal_gives_an_empty_inventory():
    inventory = build_inventory(journal())
    assert (inventory.lines, inventory.rounds, inventory.clients) == ((), 0, 0)


def test_columns_of_arrays_and_categoricals_give_the_same():
    rows = list(small_journal().activities()) * 3
    plain = Journal.of(Run("r"), rows)
    words = ("actor", "role", "device", "zone", "phase", "basis", "tier", "source")
    columns = dict(plain.columns)
    for name in words:
        columns[name] = pd.Categorical(columns[name])
    for name in ("start_s", "duration_s", "energy_kwh", "energy_low_kwh", "energy_high_kwh"):
        columns[name] = np.array([np.nan if v is None else v for v in columns[name]])
    columns["data_gb"] = np.array(columns["data_gb"])
    assert build_inventory(Journal(Run("r"), columns)).lines == build_inventory(plain).lines


def test_many_distinct_values_do_not_overflow_the_group_key():
    rows = [
        activity(actor=f"a{n}", zone=f"z{n}", device=f"d{n}", source=f"s{n}", round=n)
        for n in range(3000)
    ]
    inventory = build_inventory(Journal.of(Run("r"), rows * 2), by_round=True)
    assert len(inventory.lines) == 3000
    assert all(line.activities == 2 for line in inventory.lines)
