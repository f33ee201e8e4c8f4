"""Cohorts of more silos than can all be tried as the first."""

from types import SimpleNamespace

import pytest

from footprint.management.advisor import chains
from footprint.management.advisor.needs import LearningCurve

ROWS = {"a": 100, "b": 900, "c": 500, "d": 400}
OWN_G = {"a": 1.0, "b": 3.0, "c": 1.0, "d": 8.0}


@pytest.fixture
def use(monkeypatch):
    """Silos that share no records, whose own emissions are given."""
    monkeypatch.setattr(chains, "find_overlaps", lambda _: {})
    monkeypatch.setattr(chains, "_own", lambda _, silo: OWN_G[silo])
    holders = {silo: SimpleNamespace(rows=rows) for silo, rows in ROWS.items()}
    return SimpleNamespace(silos=[*ROWS], holders=holders)


@pytest.mark.parametrize(("steps", "firsts"), [(1, "c"), (2 * 4**2, "cb"), (10**6, "abcd")])
def test_those_with_most_records_for_a_gram_are_tried(use, monkeypatch, steps, firsts):
    monkeypatch.setattr(chains, "_MOST_STEPS", steps)
    curve = LearningCurve(limit=10.0, scale=50.0, exponent=0.2, source="made up")
    found = chains.find_cohorts(use, curve)
    assert {one.chain[0].silo for one in found if one.taken == 1} == set(firsts)
    (whole,) = [one for one in found if not one.outside]
    assert whole.emissions_g == pytest.approx(sum(OWN_G.values()))
    assert whole.points == pytest.approx(10.0 - 50.0 * sum(ROWS.values()) ** -0.2)
