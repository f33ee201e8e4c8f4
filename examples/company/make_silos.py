"""Write the data of the silos of the example company: all of it is invented.

A few rows for each dataset, from formulas and one seed. The declarations beside them
(silo.toml) are written by hand and say what the whole would take: that is invented, too.

    python examples/company/make_silos.py
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
SEED = 2026
Rows = Iterator[tuple[object, ...]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "silos")
    output = parser.parse_args().output
    for (silo, dataset), make in DATASETS.items():
        # Each file has a stream of its own: a new one changes no other.
        rows = list(make(Random(f"{SEED}/{silo}/{dataset}")))  # noqa: S311 - no secrets
        write(output / silo / f"{dataset}.csv", rows)
    copy_shuffled(output / "leipzig" / "brake-logs.csv", output / "gdansk" / "brake-logs.csv")
    print(f"wrote {len(DATASETS) + 1} files below {output}")


def write(path: Path, rows: list[tuple[object, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def copy_shuffled(source: Path, target: Path) -> None:
    """Copy a table with its rows in another order: the same data, another file."""
    with source.open(encoding="utf-8", newline="") as file:
        head, *rows = [tuple(row) for row in csv.reader(file)]
    Random(SEED).shuffle(rows)  # noqa: S311 - no secrets
    write(target, [head, *rows])


def wheel_scans(site: int) -> Callable[[Random], Rows]:
    def make(random: Random) -> Rows:
        yield "wheel", "day", "diameter_mm", "roughness_um", "defect"
        for _ in range(100):
            wheel = f"W{site}{random.randrange(10_000):04d}"
            rough = math.exp(random.gauss(1.0 + 0.1 * site, 0.4))
            defect = random.random() < 0.03 * rough / math.e
            diameter = random.uniform(840, 920)
            yield (
                wheel,
                day(random, 2026),
                f"{diameter:.1f}",
                f"{rough:.2f}",
                str(defect).lower(),
            )

    return make


def ticket_sales(year: int, median_eur: float) -> Callable[[Random], Rows]:
    def make(random: Random) -> Rows:
        yield "day", "class", "fare"
        for _ in range(250):
            fare = median_eur * math.exp(random.gauss(0.0, 0.45))
            yield day(random, year), random.choice((1, 2, 2, 2)), f"{fare:.1f}"

    return make


def brake_logs(random: Random) -> Rows:
    yield "train", "day", "pressure_bar", "stop_s"
    for _ in range(150):
        train = f"T{random.randrange(60):02d}"
        pressure, stop = random.gauss(4.8, 0.2), random.gauss(38, 6)
        yield train, day(random, 2026), f"{pressure:.2f}", f"{stop:.1f}"


def door_events(random: Random) -> Rows:
    yield "door", "day", "open_s"
    for _ in range(80):
        door = f"D{random.randrange(400):03d}"
        yield door, day(random, 2024), f"{random.expovariate(1 / 25):.1f}"


def gate_counts(random: Random) -> Rows:
    yield "gate", "day", "passengers"
    for _ in range(80):
        yield random.randrange(1, 25), day(random, 2019), random.randrange(200, 4000)


def timetable(random: Random) -> Rows:
    yield "line", "leaves", "minutes"
    for line in range(1, 9):
        for hour in range(6, 22, 2):
            yield line, f"{hour:02d}:{random.randrange(60):02d}", 40 + 12 * line


def day(random: Random, year: int) -> date:
    """Draw a day of the first ten months."""
    return date(year, 1, 1) + timedelta(days=random.randrange(300))


DATASETS: dict[tuple[str, str], Callable[[Random], Rows]] = {
    ("lyon", "wheel-scans"): wheel_scans(1),
    ("leipzig", "wheel-scans"): wheel_scans(2),
    ("gdansk", "wheel-scans"): wheel_scans(3),
    ("amsterdam", "wheel-scans"): wheel_scans(4),
    ("leipzig", "brake-logs"): brake_logs,
    ("turin", "door-events"): door_events,
    ("amsterdam", "gate-counts-2019"): gate_counts,
    ("hub", "timetable"): timetable,
} | {
    (silo, f"ticket-sales-{year}"): ticket_sales(year, median_eur)
    for silo in ("lyon", "turin", "tampere")
    for year, median_eur in ((2025, 38.0), (2026, 50.0))
}


if __name__ == "__main__":
    main()
