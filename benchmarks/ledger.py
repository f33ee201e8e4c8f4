"""What a million activities cost a ledger, and whether two databases sum them alike.

The activities are drawn at random and written as CSV; that file is entered, summed and grouped:

* by a ledger in SQLite, and in PostgreSQL if an address of an empty database is given;
* by peers in the same run, which check nothing and keep no history: Python's `sqlite3` with
  `executemany` and GROUP BY, and pandas with `read_csv` and `groupby`.

    python benchmarks/ledger.py [--postgresql URL] [--activities 1000000]
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

from footprint.ledger import ingest, ledger_inventory, open_ledger, query

BAR_S = 60
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
    options = parser.parse_args()
    rows, load = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "activities.csv"
        write_activities(path, options.activities)
        size_mb = path.stat().st_size / 1e6
        expected = use_pandas(path, rows)
        use_sqlite3(path, folder, rows)
        found = {}
        found["SQLite"], whole_s = use_ledger("SQLite", f"sqlite:///{folder}/ledger.db", path, rows)
        stored_mb = (folder / "ledger.db").stat().st_size / 1e6
        if options.postgresql:
            found["PostgreSQL"], _ = use_ledger("PostgreSQL", options.postgresql, path, rows)
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
    console.print(f"entered and summed in SQLite: {whole_s:.1f} s by the wall (bar {BAR_S} s)")
    for database, sums in found.items():
        worst = max(abs(sums[n] / expected[n] - 1) for n in expected)
        console.print(f"{database}: largest relative difference of a sum to pandas {worst:.1e}")
        if worst > 1e-9:
            raise SystemExit("the sums differ")


if __name__ == "__main__":
    main()
