"""What a simulated fleet costs, and whether its sums are right.

Three parts, each with its bar:

* a week of 10,000 clients in steps of a minute, random policy: time and memory;
* a week of 10 sites, beside Vessim in the same run: their sums agree to 1e-6 (needs vessim);
* the control sums of the solar files that FedZero's evaluation uses (needs --data FOLDER).

    python benchmarks/simulation.py [--data FOLDER] [--quick] [--clients 10000]
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from footprint.scheduling.policies import make_policy
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.hardware import CLASSES, SIZES
from footprint.simulation.load import OnOffLoad
from footprint.simulation.trace_files import Reading, Stamp, read_trace
from footprint.simulation.traces import Trace, unix_seconds
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World
from footprint.units import J_PER_KWH

START_S = unix_seconds("2022-06-08")
DAY_S = 86_400
PEAK_W = 800.0
# Energy in kWh of the solar files from 2022-06-08 to 2022-06-14, at a peak of 800 W: sums that
# came with the files, to two decimals.
CONTROL_KWH = {
    "Berlin": 26.83,
    "Cape Town": 15.98,
    "Hong Kong": 11.90,
    "Lagos": 21.32,
    "Mexico City": 27.60,
    "Mumbai": 24.58,
    "San Francisco": 36.59,
    "Stockholm": 29.53,
    "Sydney": 28.23,
    "São Paulo": 17.52,
}
CONTROL_TOTAL_KWH = 240.06


def invented_sun(domains, days):
    """Half a sine a day, each place at another hour, 5-minute periods [W]."""
    minutes = 5 * np.arange(days * DAY_S // 300)[:, None]
    phase = 2 * np.pi * (minutes / 1440 + np.arange(domains)[None, :] / domains)
    values = PEAK_W * np.maximum(np.sin(phase), 0.0)
    return Trace(START_S, 300, tuple(f"site-{n}" for n in range(domains)), values, "W")


def invented_fleet(clients, domains, seed=1):
    rng = np.random.default_rng(seed)
    classes = [list(CLASSES.values())[n] for n in rng.integers(0, 3, clients)]
    size = SIZES["cifar100"]
    epoch = rng.integers(20, 80, clients).astype(float)
    return Fleet.of(
        domain=rng.integers(0, domains, clients),
        units_per_s=[one.units_per_s(size) for one in classes],
        energy_per_unit_ws=[one.energy_per_unit_ws(size) for one in classes],
        least_units=epoch,
        most_units=5 * epoch,
        samples=10 * epoch,
        idle_w=np.full(clients, 10.0),
    )


def week(clients, policy, days):
    """Simulate; prints a JSON line. Runs in a process of its own, so that memory is its own."""
    domains = max(10, clients // 10)
    sun = invented_sun(domains, days)
    supply = Supply(tuple(PowerDomain(name) for name in sun.columns), sun)
    world = World(invented_fleet(clients, domains), supply, OnOffLoad(1))
    rules = Rules(START_S, days * DAY_S)
    before = time.perf_counter(), time.process_time()
    run = simulate(world, make_policy(policy), rules)
    spent = time.perf_counter() - before[0], time.process_time() - before[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps([*spent, peak, len(run.rounds), run.energy_kwh]))


def week_rows(clients, days):
    """Rows of time and memory. A simulation has one thread; on a machine that others use,
    only its processor time says what it costs."""
    for number, policy, limits in (
        (clients, "random", (5.0, 300.0)),
        (clients, "random-1.3n", (None, None)),
        (clients // 100, "random", (1.0, None)),
    ):
        command = [sys.executable, __file__, "--week", str(number), policy, str(days)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        wall_s, cpu_s, peak_mb, rounds, energy_kwh = json.loads(done.stdout)
        what = f"{number:,} clients, {days} d, {policy}"
        note = f"{wall_s:.2f} s by the wall; {rounds} rounds, {energy_kwh:.1f} kWh"
        yield f"{what}, processor time", f"{cpu_s:.2f} s", cpu_s, limits[0], note
        yield f"{what}, memory", f"{peak_mb:.0f} MB", peak_mb, limits[1], "of the whole process"


DRAW_W = 300.0


def shared_scenario(days):
    """Ten sites that draw a constant power, from the sun first and from the grid for the rest."""
    sun = invented_sun(10, days)
    hours = np.arange(days * 24)[:, None] + 3 * np.arange(10)[None, :]
    values = 300 + 200 * np.cos(2 * np.pi * hours / 24)
    return sun, Trace(START_S, 3600, sun.columns, values, "gCO2e/kWh")


def our_sums(sun, grid, days):
    """Grid import [kWh] and its emissions [g] of each site, and the time it took [s]."""
    sites = len(sun.columns)
    domains = tuple(PowerDomain(name, name, Mode.BOTH) for name in sun.columns)
    fleet = Fleet.of(
        domain=np.arange(sites),
        units_per_s=np.full(sites, 1.0),
        energy_per_unit_ws=np.full(sites, DRAW_W),
        least_units=np.full(sites, 1e9),  # never done: every round lasts to its deadline
        most_units=np.full(sites, 1e9),
    )
    before = time.process_time()
    run = simulate(
        World(fleet, Supply(domains, sun, grid)),
        make_policy("all-until-spent"),
        Rules(START_S, days * DAY_S, updates=None),
    )
    spent = time.process_time() - before
    clients = run.clients
    return clients.energy_kwh - clients.excess_kwh, clients.emissions_g, spent


def vessim_sums(sun, grid, days):
    """Do the same with Vessim."""
    import pandas as pd
    import vessim as vs

    def signal(trace, number, factor=1.0):
        # Its traces end with their last stamp, so that one is repeated at the end.
        index = trace.step_s * np.arange(len(trace.values) + 1)
        values = np.append(trace.values[:, number], trace.values[-1, number]) * factor
        return vs.Trace(pd.Series(values, index=index))

    environment = vs.Environment(sim_start="2022-06-08", step_size=60)
    for number, site in enumerate(sun.columns):
        environment.add_microgrid(
            name=site,
            actors=[
                vs.Consumer("training", vs.StaticSignal(DRAW_W)),
                vs.Producer("sun", signal(sun, number)),
            ],
            dispatchables=[vs.GridConnection()],
            grid_signals={"carbon": signal(grid, number, 1e-3)},  # its metric wants kg/kWh
        )
    emissions = {site: [vs.GridImportEmissions(site, "carbon")] for site in sun.columns}
    recorder = vs.Recorder(
        timeseries=False, custom_metrics={f"emissions {s}": m for s, m in emissions.items()}
    )
    environment.add_controller(recorder)
    before = time.process_time()
    environment.run(until=days * DAY_S)
    spent = time.process_time() - before
    found = recorder.metrics["microgrids"]
    imports = [found[site]["grid_import"] / 1e3 for site in sun.columns]
    grams = [found[site][f"emissions {site}"] * 1e3 for site in sun.columns]
    return np.array(imports), np.array(grams), spent


def vessim_rows(days):
    try:
        import vessim  # noqa: F401
    except ImportError:
        yield "sums beside Vessim", "not run", 0.0, None, "vessim is not installed"
        return
    sun, grid = shared_scenario(days)
    ours, theirs = our_sums(sun, grid, days), vessim_sums(sun, grid, days)
    for what, unit, mine, peer in (
        ("grid import", "kWh", ours[0], theirs[0]),
        ("emissions", "g", ours[1], theirs[1]),
    ):
        off = float(np.abs(mine / peer - 1).max())
        note = f"ours {mine.sum():.6f} {unit}, Vessim {peer.sum():.6f} {unit}"
        yield f"10 sites, {what}: largest difference", f"{off:.1e}", off, 1e-6, note
    ratio = theirs[2] / ours[2]
    note = f"Vessim {theirs[2]:.2f} s: {ratio:.1f} times as long"
    yield "10 sites, processor time", f"{ours[2]:.2f} s", ours[2], None, note


def control_rows(folder):
    path = Path(folder) / "fedzero" / "solcast2022_global_actual.csv.gz"
    before = time.perf_counter()
    trace = read_trace(path, Reading(Stamp.END, "datetime"), unit="1").scaled(PEAK_W, "W")
    window = trace.window(START_S, 60, 7 * 1440)
    sums = dict(zip(trace.columns, window.sum(axis=0) * 60 / J_PER_KWH, strict=True))
    spent = time.perf_counter() - before
    yield "solar files read", f"{spent:.2f} s", spent, None, path.name
    for name, expected in (*CONTROL_KWH.items(), ("all", CONTROL_TOTAL_KWH)):
        found = sum(sums.values()) if name == "all" else sums[name]
        off = abs(found - expected)
        yield f"sun of {name}", f"{found:.4f} kWh", off, 0.01, f"control sum {expected} kWh"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder that holds fedzero/solcast2022_global_actual.csv.gz")
    parser.add_argument("--quick", action="store_true", help="two days, not seven")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--week", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.week:
        week(int(options.week[0]), options.week[1], int(options.week[2]))
        return
    days = 2 if options.quick else 7
    rows = [*week_rows(options.clients, days), *vessim_rows(days)]
    if options.data:
        rows += control_rows(options.data)
    table = Table("what", "measured", "bar", "in the same run")
    for what, shown, value, limit, note in rows:
        bar = "" if limit is None else f"{limit:g}"
        table.add_row(what, shown if limit is None or value <= limit else f"{shown} !", bar, note)
    Console().print(table)


if __name__ == "__main__":
    main()
