"""Estimating plans: ours beside a plain loop per line, and beside `uncertainties`.

    python benchmarks/lifecycle.py [--json]

The peers compute the same total of the same lines: a loop that draws two log-normals
per line, as life-cycle tools with one record per exchange do, and first-order error
propagation with the package uncertainties, if it is installed. The bars are those of
the architecture: 10,000 draws x 200 lines in 0.3 s, 10,000 scenarios in 30 s.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from footprint.assessment import estimate
from footprint.factors import load_catalogue
from footprint.inventory import build_inventory
from footprint.manifest import read_manifest
from footprint.model import Activity, Architecture, Basis, Journal, Phase, Role, Run, Tier
from footprint.scenarios import estimate_study, study_catalogue
from footprint.sensitivity import compare_study
from footprint.settings import Settings
from footprint.sweep import Axis, sweep

HOSPITALS = Path(__file__).parents[1] / "examples" / "manifests" / "ok" / "hospitals.toml"
LINES, DRAWS, SCENARIOS = 200, 10_000, 10_000
LINES_BAR_S, SWEEP_BAR_S = 0.3, 30.0


def best(call, times=5):
    """Least of some wall times [s]: other load makes them larger, never smaller."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def lines():
    """An inventory of 200 lines, each with an energy and a grid of its own."""
    catalogue = load_catalogue()
    zones = sorted(
        {f.zone for f in catalogue.factors.values() if f.quantity == "grid_intensity" and f.zone}
    )
    zones = [zone for zone in zones if len(zone) == 2][:LINES]
    activities = [
        Activity(
            actor=f"client-{number}",
            role=Role.CLIENT,
            device=None,
            zone=zones[number % len(zones)],
            phase=Phase.TRAIN,
            round=1,
            start_s=1.73e9,
            duration_s=60.0,
            energy_kwh=0.1,
            energy_low_kwh=0.05,
            energy_high_kwh=0.2,
            data_gb=0.0,
            basis=Basis.MODELLED,
            tier=Tier.E,
            source=f"cpu-table/{number}",
        )
        for number in range(LINES)
    ]
    return build_inventory(Journal.of(Run("lines"), activities)), catalogue


def plain_loop(count, draws):
    """Two log-normals a line, drawn and summed line by line."""
    rng = np.random.default_rng(1)
    total = np.zeros(draws)
    for _ in range(count):
        energy = 0.1 * np.exp(0.35 * rng.standard_normal(draws))
        grid = 300.0 * np.exp(0.2 * rng.standard_normal(draws))
        total += energy * grid
    return np.percentile(total, (5, 95))


def propagated(count):
    """First-order propagation, without draws: right for narrow factors only."""
    from uncertainties import ufloat

    total = sum(ufloat(0.1, 0.035) * ufloat(300.0, 60.0) for _ in range(count))
    return total.std_dev


def figures():
    inventory, catalogue = lines()
    chosen = Settings(draws=DRAWS)
    ours_s = best(lambda: estimate(inventory, chosen, catalogue=catalogue))
    loop_s = best(lambda: plain_loop(LINES, DRAWS))
    yield f"estimate, {LINES} lines x {DRAWS:,} draws", ours_s, LINES_BAR_S, {"plain loop": loop_s}

    try:
        peer = {"uncertainties (no draws)": best(lambda: propagated(LINES))}
    except ImportError:
        peer = {}
    central_s = best(lambda: estimate(inventory, replace(chosen, draws=0), catalogue=catalogue))
    yield "the same, central values alone", central_s, None, peer

    axes = [
        Axis("training.rounds", tuple(range(10, 10 + SCENARIOS // 200))),
        Axis("storage.horizon", tuple(f"{month} month" for month in range(1, 101))),
    ]
    start = time.perf_counter()
    count = sum(1 for _ in sweep(HOSPITALS, axes))
    sweep_s = time.perf_counter() - start
    name = f"sweep, {2 * count:,} scenarios: {count:,} plans in two architectures each"
    yield name, sweep_s, SWEEP_BAR_S, {}

    study = read_manifest(HOSPITALS)
    known = study_catalogue(study)
    yield (
        f"comparison of a manifest, {DRAWS:,} draws, break-evens, 9 networks",
        best(lambda: compare_study(study, catalogue=known), times=3),
        None,
        {},
    )
    thousands = read_manifest(HOSPITALS.with_name("ten_thousand.toml"))
    yield (
        "estimate of 10,300 clients x 1,000 rounds",
        best(lambda: estimate_study(thousands, Architecture.FEDERATED, catalogue=known)),
        None,
        {},
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = list(figures())
    if arguments.json:
        names = ("figure", "ours_s", "bar_s", "peers_s")
        print(json.dumps([dict(zip(names, row, strict=True)) for row in found], indent=1))
        return
    table = Table("figure", "ours", "bar", "in the same run", title="benchmarks/lifecycle.py")
    for name, ours_s, bar_s, peers in found:
        misses = " !" if bar_s is not None and ours_s > bar_s else ""
        beside = ", ".join(f"{peer} {s:.3g} s ({s / ours_s:.2g} x)" for peer, s in peers.items())
        bar = "" if bar_s is None else f"{bar_s:g} s"
        table.add_row(name, f"{ours_s:.3g} s{misses}", bar, beside)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
