"""codecarbon: an offline tracker with tasks.

Modes: "machine" (its default), "process", "forced" (10 W of memory, its default
sampling of 15 s), "forced-1s", and "ceiling-machine", "ceiling-process" (a
processor of 100 W).
"""

import csv
import logging
import time
from contextlib import ExitStack
from pathlib import Path

SAMPLES_IN_PHASE = False  # an open task stops the periodic sampling
JOULES = 3.6e6
FORCED_W, CEILING_W = 10.0, 100.0

_phases_j = []


def load():
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    import codecarbon

    return codecarbon


def start(folder, mode):
    _phases_j.clear()
    tracker = load().OfflineEmissionsTracker(
        country_iso_code="FRA",
        project_name="bench",
        measure_power_secs=15 if mode == "forced" else 1,
        api_call_interval=-1,
        output_dir=folder,
        output_file="emissions.csv",
        save_to_file=True,
        save_to_api=False,
        save_to_logger=False,
        save_to_prometheus=False,
        save_to_logfire=False,
        tracking_mode="process" if mode.endswith("process") else "machine",
        log_level="critical",
        force_cpu_power=int(CEILING_W) if mode.startswith("ceiling") else None,
        force_ram_power=int(FORCED_W) if mode.startswith("forced") else None,
        pue=1.0,
        wue=0.0,
        allow_multiple_runs=True,
    )
    tracker.start()
    return tracker


class phase:  # noqa: N801 - used as a function
    def __init__(self, tracker, number):
        self.tracker, self.name = tracker, f"phase-{number}"

    def __enter__(self):
        self.tracker.start_task(self.name)

    def __exit__(self, kind, *_):
        if kind is None:
            _phases_j.append(self.tracker.stop_task().ram_energy * JOULES)


def stop(tracker):
    tracker.stop()


def guarded(tracker):
    stack = ExitStack()
    stack.push(tracker)
    return stack


def truth(_):
    return FORCED_W * time.perf_counter()


def reported(tracker, *_):
    return tracker.final_emissions_data.ram_energy * JOULES, sum(_phases_j)


def ceiling_w(_):
    return CEILING_W


def charged_here(tracker):
    return tracker.final_emissions_data.cpu_energy * JOULES


def records(folder):
    """Count the rows of its CSV files; one file holds runs, the other tasks."""
    run, phases = 0, 0
    for file in Path(folder).glob("*.csv"):
        with file.open() as lines:
            rows = list(csv.DictReader(lines))
        if file.name == "emissions.csv":
            run += len(rows)
        else:
            phases += sum(row.get("task_name") != "phase-4" for row in rows)
    return {"phases": phases, "open_s": None, "run": run > 0, "note": ""}
