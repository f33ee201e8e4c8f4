"""Whatever is entered, in whatever order and as often as one likes: nothing lost, nothing twice."""

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from footprint.ledger import (
    Cause,
    Correction,
    Note,
    ingest,
    ledger_journal,
    list_runs,
    open_ledger,
    query,
    record,
    restate,
)
from footprint.model import Journal, Run
from tests.ledger.samples import ENERGIES, plain, random_journal, write_table

SUMS = ("duration_s", "data_gb", "energy_kwh")
FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # Each example has a database of its own: to make a failing one smaller takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@given(order=st.lists(st.integers(0, 3), min_size=1, max_size=8), silo=st.sampled_from([None, "x"]))
@FEW
def test_order_and_repetition_do_not_matter(make_url, order, silo):
    journals = [random_journal(30 + n, seed=n, name=f"run-{n}") for n in range(4)]
    with tempfile.TemporaryDirectory() as folder, open_ledger(make_url()) as ledger:
        tables = [
            write_table(Path(folder, f"{n}.csv"), journal, run=journal.run.name)
            for n, journal in enumerate(journals)
        ]
        for number in order:
            ingest(ledger, tables[number], silo=silo)
        entered = [journals[number] for number in sorted(set(order))]
        found = query(ledger, ["run"])
        assert found["run"].tolist() == [journal.run.name for journal in entered]
        for name in SUMS:
            sums = [math.fsum(v for v in plain(j.columns[name]) if v is not None) for j in entered]
            assert found[name].tolist() == pytest.approx(sums, rel=1e-12)
        assert len(list_runs(ledger)) == len(entered)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
@FEW
def test_growth_in_any_steps_ends_at_the_whole(make_url, lengths, seed):
    journal = random_journal(40, seed)
    with tempfile.TemporaryDirectory() as folder, open_ledger(make_url()) as ledger:
        whole = write_table(Path(folder, "whole.csv"), journal).read_text().splitlines(True)
        path = Path(folder, "table.csv")
        for length in sorted(set(lengths)):
            path.write_text("".join(whole[: length + 1]))
            ingest(ledger, path)
            assert query(ledger)["activities"][0] == length
        path.write_text("".join(whole))
        ingest(ledger, path)
        kept = ledger_journal(ledger, "table")
        for name in (*SUMS, *ENERGIES, "actor", "round", "start_s"):
            assert plain(kept.columns[name]) == plain(journal.columns[name])


# PostgreSQL refuses products that are too small for a float.
amounts = st.just(0.0) | st.floats(1e-30, 1e12)
words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)


@given(
    rows=st.lists(
        st.tuples(
            words, st.none() | words, st.none() | amounts, amounts, st.none() | st.integers(0, 9)
        ),
        min_size=1,
        max_size=20,
    ),
    factor=st.just(0.0) | st.floats(1e-30, 100),
)
@FEW
def test_nothing_is_lost_by_entering_correcting_or_looking_back(make_url, rows, factor):
    number = len(rows)
    actors, zones, energies, data, rounds = map(list, zip(*rows, strict=True))
    columns = {
        "actor": actors,
        "role": ["client"] * number,
        "device": [None] * number,
        "zone": zones,
        "phase": ["train"] * number,
        "round": rounds,
        "start_s": [1.7e9] * number,
        "duration_s": [1.0] * number,
        "energy_kwh": energies,
        "energy_low_kwh": [None] * number,
        "energy_high_kwh": [None] * number,
        "data_gb": data,
        "basis": ["declared"] * number,
        "tier": [None] * number,
        "source": ["x"] * number,
    }
    with open_ledger(make_url()) as ledger:
        record(ledger, Journal(Run("r"), columns))
        kept = ledger_journal(ledger, "r").columns
        for name in ("actor", "zone", "energy_kwh", "data_gb", "round"):
            assert list(kept[name]) == columns[name]
        known = [energy for energy in energies if energy is not None]
        restate(ledger, Correction({}, scale={"energy_kwh": factor}), Note(Cause.METHOD))
        for as_of, by in ((1, 1.0), (None, factor)):
            found = query(ledger, as_of=as_of)
            assert found["activities"][0] == number
            total = found["energy_kwh"][0]
            if known:
                assert total == pytest.approx(by * math.fsum(known), rel=1e-9)
            else:
                assert math.isnan(total)
