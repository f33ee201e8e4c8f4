"""What a million activities and 2,000 small runs cost a ledger; do two databases sum them alike?

The activities are drawn at random and written as CSV; that file is entered, summed and grouped:

* by a ledger in SQLite, and in PostgreSQL if an address of an empty database is given;
* by peers in the same run, which check nothing and keep no history: Python's `sqlite3` with
  `executemany` and GROUP BY, and pandas with `read_csv` and `groupby`.

Then 2,000 runs of ten activities each, as one table and as a journal each, are entered in SQLite:
what is looked up for each run must not grow with their number. Ends with 1 if sums differ, or if
SQLite takes more than the bar of 60 s by the wall for the million, the table or the journals.

    python benchmarks/ledger.py [--postgresql URL] [--activities 1000000] [--runs 2000]
"""

import argparse
import csv
import os
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from footprint.journal import JournalWriter, Process, SpanRecord
from footprint.ledger import ingest, ledger_inventory, list_runs, open_ledger, query
from footprint.model import Architecture, Machine, Phase, Role, Run

BAR_S = 60
ACTIVITIES_PER_RUN = 10
GROUPS = ("zone", "phase", "actor")


def write_activities(path, number):
    """Write activities of one run; every tenth has no energy."""
    draw = np.random.default_rng(20260)

    def words(*choices):
        return np.array(choices, dtype=object)[draw.integers(0, len(choices), number)]

    energy = draw.lognormal(-8, 1, number)
    known = draw.random(number) < 0.9
    table = pd.DataFrame(
        {
            "actor": words(*(f"client-{n}" for n in range(200))),
            "role": "client",
            "device": words("desktop", "laptop", "phone"),
            "zone": words("DE", "FR", "PL"),
            "phase": words("download", "train", "upload", "evaluate"),
            "round": draw.integers(1, 101, number),
            "start_s": draw.uniform(1.7675e9, 1.7985e9, number),
            "duration_s": draw.uniform(0, 100, number),
            "energy_kwh": np.where(known, energy, np.nan),
            "energy_low_kwh": np.where(known, 0.5 * energy, np.nan),
            "energy_high_kwh": np.where(known, 2 * energy, np.nan),
            "data_gb": draw.uniform(0, 0.1, number),
            "basis": "measured",
            "tier": words("B", "E"),
            "source": words("rapl", "cpu-table/x"),
        }
    )
    table.to_csv(path, index=False)


class Clock:
    """Time by the wall and of the processor since the last look."""

    def __init__(self):
        self.look()

    def look(self):
        now = time.perf_counter(), time.process_time()
        spent = tuple(b - a for a, b in zip(getattr(self, "last", now), now, strict=True))
        self.last = now
        return spent


def use_ledger(name, url, path, rows):
    """Enter, sum and group; gives the sums."""
    with open_ledger(url, create=True) as ledger:
        clock = Clock()
        (result,) = ingest(ledger, path, silo="bench")
        entered = clock.look()
        total = query(ledger)
        groups = query(ledger, GROUPS)
        summed = clock.look()
        inventory = ledger_inventory(ledger, result.run)
        read = clock.look()
        again = ingest(ledger, path)[0].outcome
        twice = clock.look()
    rows += [
        (f"{name}: enter", entered, "read, checked, hashed, written"),
        (f"{name}: total, and {len(groups['zone'])} groups", summed, ""),
        (f"{name}: inventory for an estimate", read, f"{len(inventory.lines)} lines"),
        (f"{name}: the same file again", twice, str(again)),
    ]
    return (
        {n: float(total[n][0]) for n in ("energy_kwh", "duration_s", "data_gb")},
        entered[0] + summed[0],
    )


def write_runs(folder, number):
    """Write small runs twice: as one table, and as a journal each; gives both paths."""
    table, journals = folder / "runs.csv", folder / "journals"
    journals.mkdir()
    write_activities(table, number * ACTIVITIES_PER_RUN)
    rows = pd.read_csv(table, keep_default_na=False)
    rows["run"] = [f"run-{place // ACTIVITIES_PER_RUN}" for place in range(len(rows))]
    rows.to_csv(table, index=False)
    machine = Machine("Test CPU", 4, 1, 16.0, False, "Linux")
    for run in range(number):
        writer = JournalWriter(journals / f"{run}.jsonl")
        writer.open()
        described = Run(f"run-{run}", Architecture.FEDERATED, "one model")
        writer.header(described, machine, Process(12, 1, f"token-{run}", "host"), "0")
        for span in range(1, ACTIVITIES_PER_RUN + 1):
            writer.span(_span(span))
        writer.close()
    return table, journals


def _span(number):
    return SpanRecord(
        id=number,
        parent=None,
        actor="client-1",
        role=Role.CLIENT,
        phase=Phase.TRAIN,
        start_s=1.8e9 + number,
        duration_s=0.5,
        begin={"cpu.process_s": float(number)},
        end={"cpu.process_s": number + 0.4},
        round=number,
        zone="FR",
        device="desktop",
    )


def use_many_runs(folder, number, rows):
    """Enter many small runs; gives how long it took by the wall, by what they came from."""
    took = {}
    for path in write_runs(folder, number):
        name = f"{number:,} runs in {'one table' if path.suffix else 'journals'}"
        with open_ledger(f"sqlite:///{folder}/{path.stem}.db", create=True) as ledger:
            clock = Clock()
            ingest(ledger, path)
            entered = clock.look()
            listed = len(list_runs(ledger))
            looked = clock.look()
            ingest(ledger, path)
            twice = clock.look()
        if listed != number:
            raise SystemExit(f"{listed} of {number} runs are there")
        rows += [
            (f"SQLite: {name}: enter", entered, ""),
            (f"SQLite: {name}: list", looked, ""),
            (f"SQLite: {name}: again", twice, "unchanged"),
        ]
        took[name] = entered[0] + looked[0]
    return took


def use_sqlite3(path, folder, rows):
    clock = Clock()
    connection = sqlite3.connect(folder / "plain.db")
    with path.open(newline="") as file:
        reader = csv.reader(file)
        names = next(reader)
        connection.execute(f"CREATE TABLE activities ({', '.join(names)})")
        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO activities VALUES ({marks})", reader)
    connection.commit()
    entered = clock.look()
    connection.execute("SELECT sum(energy_kwh), sum(duration_s) FROM activities").fetchall()
    by = ", ".join(GROUPS)
    connection.execute(f"SELECT {by}, sum(energy_kwh) FROM activities GROUP BY {by}").fetchall()
    rows += [
        ("sqlite3: enter", entered, "all as text, nothing checked"),
        ("sqlite3: total and groups", clock.look(), ""),
    ]
    connection.close()


def use_pandas(path, rows):
    clock = Clock()
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    read = clock.look()
    names = ["energy_kwh", "duration_s", "data_gb"]
    sums = table[names].sum()
    table.groupby(list(GROUPS))[names].sum()
    rows += [
        ("pandas: read", read, "into memory, nothing kept"),
        ("pandas: total and groups", clock.look(), ""),
    ]
    return {name: float(sums[name]) for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--postgresql", help="address of an empty database")
    parser.add_argument("--activities", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=2_000)
    options = parser.parse_args()
    rows, load = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "activities.csv"
        write_activities(path, options.activities)
        size_mb = path.stat().st_size / 1e6
        expected = use_pandas(path, rows)
        use_sqlite3(path, folder, rows)
        found, took = {}, {}
        found["SQLite"], took[f"{options.activities:,} activities"] = use_ledger(
            "SQLite", f"sqlite:///{folder}/ledger.db", path, rows
        )
        stored_mb = (folder / "ledger.db").stat().st_size / 1e6
        if options.postgresql:
            found["PostgreSQL"], _ = use_ledger("PostgreSQL", options.postgresql, path, rows)
        took |= use_many_runs(folder, options.runs, rows)
    table = Table("what", "by the wall", "processor time of Python", "")
    for what, (wall_s, own_s), remark in rows:
        table.add_row(what, f"{wall_s:.2f} s", f"{own_s:.2f} s", remark)
    console = Console(width=110)
    console.print(table)
    console.print(
        f"{options.activities:,} activities, CSV of {size_mb:.0f} MB, ledger of "
        f"{stored_mb:.0f} MB; load of the machine {load:.1f} at the start and "
        f"{os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores"
    )
    if not (agree(found, expected, console) & hold_bar(took, console)):
        raise SystemExit(1)


def agree(found, expected, console):
    """Say how far the sums of each database are from those of pandas; whether they are the same."""
    worst = {
        database: max(abs(sums[n] / expected[n] - 1) for n in expected)
        for database, sums in found.items()
    }
    for database, error in worst.items():
        console.print(f"{database}: largest relative difference of a sum to pandas {error:.1e}")
    return max(worst.values()) <= 1e-9


def hold_bar(took, console):
    """Say how long what took in SQLite; whether all of it was within the bar."""
    for what, wall_s in took.items():
        verdict = "held" if wall_s <= BAR_S else "NOT held"
        console.print(
            f"{what} entered and summed or listed in SQLite: {wall_s:.1f} s by the wall (bar "
            f"{BAR_S} s, {verdict})"
        )
    return max(took.values()) <= BAR_S


if __name__ == "__main__":
    main()
