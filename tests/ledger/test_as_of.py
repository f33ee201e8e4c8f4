"""A ledger as it was after a change: one that was made."""

import pytest

from footprint.errors import LedgerError
from footprint.ledger import (
    Cause,
    Correction,
    Note,
    export,
    ingest,
    ledger_inventory,
    list_runs,
    query,
    restate,
)
from tests.ledger.samples import write_rows


@pytest.mark.parametrize("as_of", [-1, 0, 2, 99])
def test_a_change_that_was_not_made_pins_nothing(ledger, tmp_path, as_of):
    """What a later change will be nobody knows: a figure as of it may still change."""
    ingest(ledger, write_rows(tmp_path / "acts.csv", ("r", "", "a", 10)))
    answers = (
        lambda: query(ledger, as_of=as_of),
        lambda: list_runs(ledger, as_of=as_of),
        lambda: ledger_inventory(ledger, "r", as_of=as_of),
        lambda: export(ledger, tmp_path / "out.csv", as_of=as_of),
    )
    for answer in answers:
        with pytest.raises(LedgerError, match=rf"no change {as_of}: its last one is 1"):
            answer()
    assert not (tmp_path / "out.csv").exists()
    restate(ledger, Correction({}, scale={"energy_kwh": 0.5}), Note(Cause.ERROR, "test"))
    assert [query(ledger, as_of=n)["energy_kwh"][0] for n in (1, 2)] == [10, 5]


def test_a_ledger_without_changes_says_so(ledger):
    with pytest.raises(LedgerError, match="no change 1: it has none"):
        query(ledger, as_of=1)


def test_runs_are_chosen_by_the_silo_that_they_were_entered_under(ledger, tmp_path):
    """The silo of an activity is another thing: a run of one home may hold several."""
    rows = (("x", "hq", "lyon", 10), ("x", "hq", "krakow", 20), ("x", "other", "lyon", 5))
    ingest(ledger, write_rows(tmp_path / "acts.csv", *rows))

    def energy_kwh(**chosen):
        return sum(line.energy_kwh for line in ledger_inventory(ledger, "x", **chosen).lines)

    assert energy_kwh() == 35
    assert energy_kwh(silos=["hq"]) == 30
    assert energy_kwh(silos=["other"]) == 5
    assert energy_kwh(silos=["hq"], where={"silo": "lyon"}) == 10
    with pytest.raises(LedgerError, match="no run 'x' in 'lyon'"):
        energy_kwh(silos=["lyon"])
