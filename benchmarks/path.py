"""What the path costs: import, tracking, inventory, estimate, report.

Each line gives our figure, the limit that the architecture sets, and where there
is one a peer measured in the same run. Run it on a quiet machine.

    python benchmarks/path.py [--quick]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

import footprint as fp
from footprint.model import Basis, Journal, Phase, Role, Run, Tier
from footprint.settings import Settings


def best_of(repeats, function):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def process_s(*arguments, repeats=7):
    """Wall time of a fresh interpreter [s], the least of several."""
    command = [sys.executable, *arguments]
    return best_of(repeats, lambda: subprocess.run(command, check=True, capture_output=True))


def import_rows():
    bare = process_s("-c", "pass")
    for module, limit in (("footprint", 0.060), ("codecarbon", None)):
        spent = process_s("-c", f"import {module}") - bare
        yield f"import {module} (beyond the interpreter)", spent, limit, ""
    yield "footprint --help", process_s("-m", "footprint", "--help"), 0.250, ""


PEER_START = """
import logging, time
logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
from codecarbon import OfflineEmissionsTracker
start = time.perf_counter()
tracker = OfflineEmissionsTracker(
    country_iso_code="FRA", save_to_file=False, log_level="critical", allow_multiple_runs=True
)
tracker.start()
print(time.perf_counter() - start)
tracker.stop()
"""
OUR_START = """
import sys, time, footprint as fp
start = time.perf_counter()
tracker = fp.Tracker("r", journal=sys.argv[1], zone="FR")
tracker.start()
print(time.perf_counter() - start)
tracker.stop()
"""


def tracking_rows():
    with tempfile.TemporaryDirectory() as folder:

        def started(code):
            done = subprocess.run(
                [sys.executable, "-c", code, folder], check=True, capture_output=True, text=True
            )
            return float(done.stdout.split()[-1])

        ours = min(started(OUR_START) for _ in range(5))
        peer = min(started(PEER_START) for _ in range(2))
        yield "first tracker started", ours, 0.100, f"codecarbon {peer:.2f} s"
        edges = []
        with fp.Tracker("r", journal=Path(folder) / "edges") as tracker:
            for number in range(2000):
                start = time.perf_counter()
                with tracker.span("train", round=number):
                    pass
                edges.append((time.perf_counter() - start) / 2)
        yield "one phase edge, median", statistics.median(edges), 0.0002, ""
        yield "one phase edge, 99th percentile", float(np.percentile(edges, 99)), 0.005, ""


def many_activities(count):
    rng = np.random.default_rng(1)

    def words(choices):
        return pd.Categorical.from_codes(rng.integers(0, len(choices), count), list(choices))

    energy = rng.random(count)
    columns = {
        "actor": words([f"client-{n}" for n in range(100)]),
        "role": words([Role.CLIENT]),
        "device": words(["phone", "laptop"]),
        "zone": words(["FR", "DE", "US", "PL"]),
        "phase": words([Phase.TRAIN, Phase.UPLOAD, Phase.IDLE]),
        "round": rng.integers(1, 500, count).astype(float),
        "start_s": 1.73e9 + rng.random(count),
        "duration_s": rng.random(count),
        "energy_kwh": energy,
        "energy_low_kwh": energy / 2,
        "energy_high_kwh": energy * 2,
        "data_gb": rng.random(count),
        "basis": words([Basis.SIMULATED]),
        "tier": words([Tier.E]),
        "source": words(["simulation"]),
    }
    return Journal(Run("r"), columns)


def inventory_rows(count):
    journal = many_activities(count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours = best_of(2, lambda: fp.build_inventory(journal))
    peak_gb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e9
    frame = pd.DataFrame(dict(journal.columns))
    keys = ["actor", "role", "device", "zone", "phase", "basis", "tier", "source"]
    sums = ["duration_s", "energy_kwh", "energy_low_kwh", "energy_high_kwh", "data_gb"]
    peer = best_of(1, lambda: frame.groupby(keys, observed=True)[sums].sum())
    note = f"pandas groupby {peer:.2f} s; {peak_gb:.2f} GB more at the peak"
    yield f"inventory of {count:,} activities", ours, 3.0 * count / 5e6, note


def estimate_rows():
    rows = many_activities(50_000)
    inventory = fp.build_inventory(rows)
    inventory = type(inventory)(
        inventory.run, inventory.lines[:200], inventory.rounds, inventory.clients
    )
    catalogue = fp.load_catalogue()
    settings = Settings(draws=10_000)
    ours = best_of(3, lambda: fp.estimate(inventory, settings, catalogue=catalogue))

    def plain_loop():
        rng = np.random.default_rng(1)
        total = np.zeros(10_000)
        for line in inventory.lines:
            total += line.energy_kwh * rng.lognormal(0, 0.3, 10_000) * rng.lognormal(0, 0.2, 10_000)

    peer = best_of(3, plain_loop)
    note = f"a plain loop of two draws a line {peer:.2f} s"
    yield "estimate, 200 lines x 10,000 draws", ours, 0.3, note
    assessment = fp.estimate(inventory, settings, catalogue=catalogue)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        spent = best_of(3, lambda: fp.write_report(assessment, page))
        size = f"{page.stat().st_size / 1e6:.2f} MB; "
        beside = fp.write_report(assessment, Path(folder) / "d" / "page.html", assets="directory")
        size += f"{beside.stat().st_size / 1e3:.0f} kB beside a shared library"
    yield f"report of {len(assessment.contributions)} contributions", spent, 1.0, size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer activities")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    rows = [
        *import_rows(),
        *tracking_rows(),
        *inventory_rows(200_000 if options.quick else 5_000_000),
        *estimate_rows(),
    ]
    if options.as_json:
        keys = ("what", "seconds", "limit_s", "note")
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=1))
        return
    table = Table("what", "measured", "limit", "in the same run")
    for what, seconds, limit, note in rows:
        shown = f"{seconds * 1e3:,.2f} ms"
        bound = "" if limit is None else f"{limit * 1e3:,.1f} ms"
        table.add_row(
            what, shown if limit is None or seconds <= limit else f"{shown} !", bound, note
        )
    Console().print(table)


if __name__ == "__main__":
    main()
