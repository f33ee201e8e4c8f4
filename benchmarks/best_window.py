"""The best time for a job: beside every start of a year, and how often its interval holds.

    python benchmarks/best_window.py [--data FOLDER] [--trials 400]

FOLDER holds `carbon_intensity/` with the intensities of Germany and Great Britain in 2020 that
Wiesner et al. published (not part of this repository; the environment variable FOOTPRINT_DATA
may name it). Without it only the second part runs.

1. Jobs of four lengths over the whole year of 2020, through and interrupted, beside the least mean
   of all starts in steps of 5 min, or of the cheapest minutes. Where rows are half hours apart, the
   value of a half hour holds for both its quarters.
2. Made-up worlds, one per seed: a forecast with a daily swing and a drift, and what comes of it
   with log-normal AR(1) errors. How often the saving that came lay within its 90 % interval, from
   errors of past days and from an error that is stated as it is. The time is chosen on the
   forecast, so what comes is on average a little less than was expected: `bias`.
"""

import argparse
import csv
import gzip
from datetime import UTC, datetime

import numpy as np
from folders import data_folder
from rich.console import Console
from rich.table import Table

from footprint.factors.intensity import IntensitySeries, Provenance
from footprint.model import SignalKind, Source
from footprint.scheduling.best_window import Job, find_best_window
from footprint.scheduling.forecast_errors import DAY_S, PastErrors, StatedErrors

FIRST, LAST = 1_577_836_800, 1_609_459_200  # 2020
QUARTER_S, FINE_S = 900, 300
LENGTHS_H = (1, 2.75, 5.5, 24)
OF = Provenance("benchmark", Source("see the docstring", "", ""), "")


def series(values, start_s, step_s, *, forecast=False):
    marks = np.full(len(values), forecast)
    return IntensitySeries("XX", start_s, step_s, values, SignalKind(), OF, forecast=marks)


def read_year(path):
    """Quarter-hours of 2020."""
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.reader(file))[1:]
    stamps = [datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() for row in rows]
    grid = np.arange(FIRST, LAST, QUARTER_S)
    values = np.array([float(row[1]) for row in rows])
    return series(values[np.searchsorted(stamps, grid, side="right") - 1], FIRST, QUARTER_S)


def beside_every_start(folder, console):
    table = Table("grid", "job", "best [g/kWh]", "of all starts", "interrupted", "of all minutes")
    for name in ("germany", "great_britain"):
        year = read_year(folder / "carbon_intensity" / f"{name}_2020_ci.csv.gz")
        fine = np.repeat(year.values, QUARTER_S // FINE_S)
        for hours in LENGTHS_H:
            length_s = int(hours * 3600)
            many = length_s // FINE_S
            every = np.lib.stride_tricks.sliding_window_view(fine, many).mean(axis=1).min()
            cheapest = np.sort(fine)[:many].mean()
            found = [
                find_best_window(year, Job(length_s, FIRST, LAST, how)).best.g_per_kwh
                for how in (False, True)
            ]
            cells = (found[0], every, found[1], cheapest)
            table.add_row(name, f"{hours:g} h", *(f"{value:.6f}" for value in cells))
    console.print(table)


def errors(rng, steps, spread, correlation):
    z = rng.standard_normal(steps)
    z[1:] *= np.sqrt(1 - correlation**2)
    for step in range(1, steps):
        z[step] += correlation * z[step - 1]
    return np.exp(spread * z - spread**2 / 2)


def trial(seed, days, spread, correlation):
    """One world: the expected saving, the one that came, and whether two intervals held it."""
    rng = np.random.default_rng(seed)
    steps, past = (days + 1) * 48, days * 48
    swing = 60 * np.cos((np.arange(steps) / 2 - 19) / 24 * 2 * np.pi)
    told = np.clip(250 + swing + 4 * np.cumsum(rng.standard_normal(steps)), 50, 900)
    came = told * errors(rng, steps, spread, correlation)
    now_s = FIRST + days * DAY_S
    forecast = series(told[past:], now_s, 1800, forecast=True)
    actual = series(came[past:], now_s, 1800)
    job = Job(3 * 3600, now_s, now_s + DAY_S)
    known = PastErrors(
        series(came[:past], FIRST, 1800), series(told[:past], FIRST, 1800, forecast=True)
    )
    stated = StatedErrors(spread, correlation**2, seed=seed, draws=2000)
    found = [find_best_window(forecast, job, model) for model in (known, stated)]
    saved = 1 - actual.mean(*found[0].best.runs[0]) / actual.mean(*found[0].at_once.runs[0])
    held = [one.saving.low <= saved <= one.saving.high for one in found]
    return saved - found[0].saving.value, *held


def coverage(trials, console):
    table = Table("days", "error", "correlation of half hours", "past errors", "stated", "bias")
    for days in (30, 60):
        for spread, correlation in ((0.1, 0.95), (0.2, 0.8)):
            rows = np.array([trial(seed, days, spread, correlation) for seed in range(trials)])
            bias, past, stated = rows.mean(axis=0)
            cells = (f"{past:.1%}", f"{stated:.1%}", f"{bias:+.2%}")
            table.add_row(str(days), f"{spread:.0%}", f"{correlation:g}", *cells)
    console.print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--trials", type=int, default=400)
    arguments = parser.parse_args()
    console = Console(width=100)
    folder = data_folder(arguments.data)
    if folder is None:
        console.print("no folder of data: the real year is left out")
    else:
        beside_every_start(folder, console)
    coverage(arguments.trials, console)


if __name__ == "__main__":
    main()
