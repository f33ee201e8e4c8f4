"""Let's Wait Awhile: what shifting in time saved in 2020, as published and as found here.

    python benchmarks/wait_awhile.py [--data FOLDER] [--json]

FOLDER holds `carbon_intensity/` with the intensities of Germany and Great Britain in 2020 that
Wiesner et al. published (not part of this repository; the environment variable FOOTPRINT_DATA
may name it).

Jobs, windows and errors are those of the authors' public code (dos-group/lets-wait-awhile,
commits 6f58b9e9 and 52672f2c), written anew from what it does:

- 3,387 jobs, drawn once with seed 0: so many per weekday of 2020, beginning at half hours from
  9:00 to 16:30, lasting from 4 h to *below 90 h* in half hours;
- intensities are the rows of :00 and :30, not means over half hours; times are UTC;
- a forecast is what comes, plus normal errors of 5 % of the mean from 2020-01-01 to the end of
  the file; ten draws, seeds 0 to 9; emissions are means over them;
- a window also holds the half hour that begins at its deadline. So does that of the baseline: of
  the two half hours in which a job could begin there, the cheaper one is taken;
- a job that ends from Monday to Friday between 9:00 and 17:00 sharp is not moved, any other may end
  by the next working day at 9:00; after 17:00 on a Friday that is *Saturday* at 9:00.
"""

import argparse
import csv
import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from folders import data_folder
from rich.console import Console
from rich.table import Table

from footprint.scheduling.everyone import Everyone
from footprint.scheduling.temporal import cheapest_slots, cheapest_window, next_workday
from footprint.scheduling.wait_awhile import Delivery, WaitAwhile
from footprint.simulation.engine import simulate
from footprint.simulation.fleet import Fleet
from footprint.simulation.forecasts import Perfect
from footprint.simulation.traces import Trace
from footprint.simulation.world import Mode, PowerDomain, Rules, Supply, World

SLOT = timedelta(minutes=30)
SLOT_S = 1800
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 366
JOBS, DRAWS, ERROR = 3387, 10, 0.05
SHORTEST_H, BELOW_H, FOUR_DAYS_H = 4, 90, 96
OPENS, CLOSES = 9, 17
# In one piece and in several, next workday, 5 % error: the authors' public notebook.
PUBLISHED = {"germany": (5.91, 7.93), "great_britain": (6.56, 9.03)}
SIMULATED = 100


def read_half_hours(path):
    """Intensities of :00 and :30 from 2020 on [gCO2e/kWh]."""
    found = []
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            moment = datetime.fromisoformat(row["time_utc"]).replace(tzinfo=UTC)
            if moment >= FIRST and moment.minute in (0, 30):
                found.append((moment, float(row["carbon_intensity_gco2eq_per_kwh"])))
    steps = {after - before for (before, _), (after, _) in pairwise(found)}
    if found[0][0] != FIRST or steps != {SLOT}:
        raise SystemExit(f"{path.name}: half hours are missing.")
    return np.array([value for _, value in found])


def draw_jobs(below_h=BELOW_H):
    """Slots of starts, and lengths in slots, drawn in the order of the public code."""
    rng = np.random.default_rng(0)
    weekdays = [day for day in range(DAYS) if (FIRST + timedelta(days=day)).weekday() < 5]
    per_day = rng.multinomial(JOBS, [1 / len(weekdays)] * len(weekdays))
    starts = [
        48 * day + np.sort(rng.choice(np.arange(2 * OPENS, 2 * CLOSES), size=count))
        for day, count in zip(weekdays, per_day, strict=True)
    ]
    return np.concatenate(starts), rng.choice(np.arange(2 * SHORTEST_H, 2 * below_h), size=JOBS)


def deadline_of(start, length, *, quirk):
    finish = FIRST + (int(start) + int(length)) * SLOT
    return (next_workday(finish, friday_quirk=quirk) - FIRST) // SLOT


def bill(actual, known, jobs, *, quirk, beyond):
    """Sums over jobs that run at once, in one piece and in several, decided on what is known."""
    sums = np.zeros(3)
    for start, length in zip(*jobs, strict=True):
        window = slice(start, deadline_of(start, length, quirk=quirk) + beyond)
        came, seen = actual[window], known[window]
        at_once = cheapest_window(came[: length + beyond], length)
        sums += (
            came[at_once].sum(),
            came[cheapest_window(seen, length)].sum(),
            came[cheapest_slots(seen, length)].sum(),
        )
    return sums


def saved(actual, jobs, *, quirk, beyond, error=ERROR):
    """Per cent saved in one piece and in several."""
    width = error * actual.mean()
    sums = [
        bill(
            actual,
            actual + np.random.default_rng(seed).normal(0, width, len(actual)),
            jobs,
            quirk=quirk,
            beyond=beyond,
        )
        for seed in range(DRAWS if error else 1)
    ]
    total = np.mean(sums, axis=0)
    return 100 * (1 - total[1:] / total[0])


READINGS = (
    # What, longest job [h], Friday to Saturday, slots beyond the deadline, error.
    ("as the public code", BELOW_H, True, 1, ERROR),
    ("windows end at the deadline", BELOW_H, True, 0, ERROR),
    ("windows end at the deadline, no error", BELOW_H, True, 0, 0.0),
    ("and Friday evening until Monday", BELOW_H, False, 0, ERROR),
    ("as the public code, but jobs below 96 h", FOUR_DAYS_H, True, 1, ERROR),
)


def reading_rows(folder):
    for zone, published in PUBLISHED.items():
        actual = read_half_hours(folder / "carbon_intensity" / f"{zone}_2020_ci.csv.gz")
        for name, below_h, quirk, beyond, error in READINGS:
            found = saved(actual, draw_jobs(below_h), quirk=quirk, beyond=beyond, error=error)
            yield zone, name, published if name == READINGS[0][0] else None, found


# --- The same through the policy, in a simulation --------------------------------------------


def simulated_sums(trace, jobs):
    """Emissions of trainings of one client with a round each half hour, at 1 kWh a round."""
    fleet = Fleet.of(
        domain=np.zeros(1, dtype=int),
        units_per_s=np.full(1, 1.0),
        energy_per_unit_ws=np.full(1, 2000.0),
        least_units=np.full(1, 1800.0),
        most_units=np.full(1, 1800.0),
        idle_w=np.zeros(1),
    )
    domain = PowerDomain("grid", "zone", Mode.GRID)
    world = World(fleet, Supply((domain,), None, trace, None, Perfect(trace)))
    sums = np.zeros(3)
    for start, length in zip(*jobs, strict=True):
        rounds = int(length)
        slots = int(deadline_of(start, length, quirk=False) - start)
        rules = Rules(
            int(FIRST.timestamp()) + int(start) * SLOT_S,
            slots * SLOT_S,
            updates=None,
            step_s=SLOT_S,
            deadline=1,
            retry=1,
            most_rounds=rounds,
        )
        waits = {"rounds": rounds, "delivery": Delivery.NEXT_WORKDAY, "slot_s": SLOT_S}
        policies = (
            Everyone(),
            WaitAwhile(Everyone(), **waits, interrupting=False),
            WaitAwhile(Everyone(), **waits),
        )
        for place, policy in enumerate(policies):
            run = simulate(world, policy, rules)
            if len(run.rounds) != rounds:
                raise SystemExit(f"A training of {rounds} rounds had {len(run.rounds)}.")
            sums[place] += run.emissions_g
    return sums


def simulated_rows(folder):
    starts, lengths = draw_jobs()
    some = np.sort(np.random.default_rng(1).choice(JOBS, SIMULATED, replace=False))
    jobs = (starts[some], lengths[some])
    for zone in PUBLISHED:
        actual = read_half_hours(folder / "carbon_intensity" / f"{zone}_2020_ci.csv.gz")
        trace = Trace(int(FIRST.timestamp()), SLOT_S, ("zone",), actual[:, None], "gCO2e/kWh")
        total = simulated_sums(trace, jobs)
        core = saved(actual, jobs, quirk=False, beyond=0, error=0.0)
        yield zone, 100 * (1 - total[1:] / total[0]), core


# --- Output ----------------------------------------------------------------------------------


def pair(values):
    return " / ".join(f"{value:.2f}" for value in values)


def show(found):
    console = Console(width=120)
    table = Table(
        "zone",
        "reading",
        "published",
        "found",
        title=f"next workday, {JOBS} jobs of 2020, per cent saved in one piece / in several",
    )
    for zone, name, published, ours in found["readings"]:
        table.add_row(zone, name, pair(published) if published else "", pair(ours))
    console.print(table)
    table = Table(
        "zone",
        "policy, simulated",
        "core, same jobs",
        title=f"{SIMULATED} of these jobs as trainings, no error, until Monday, per cent saved",
    )
    for zone, policy, core in found["simulated"]:
        table.add_row(zone, pair(policy), pair(core))
    console.print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds carbon_intensity/")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = data_folder(arguments.data)
    if folder is None:
        raise SystemExit("Nothing was run: name the folder of the intensities with --data.")
    found = {"readings": list(reading_rows(folder)), "simulated": list(simulated_rows(folder))}
    if arguments.json:
        print(json.dumps(found, indent=1, default=lambda array: array.tolist()))
        return
    show(found)


if __name__ == "__main__":
    main()
