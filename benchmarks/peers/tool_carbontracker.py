"""carbontracker: epochs, sampled every second.

Modes: "default", "forced" (a simulated processor of 10 W) and "ceiling" (100 W).
Its constant overhead of the data centre (PUE 1.58) is divided out.
"""

import time
from contextlib import nullcontext

SAMPLES_IN_PHASE = True
JOULES = 3.6e6
FORCED_W, CEILING_W = 10.0, 100.0

_energies_j = []


def load():
    from carbontracker.tracker import CarbonTracker

    return CarbonTracker


def start(folder, mode):
    _energies_j.clear()
    power_w = {"forced": FORCED_W, "ceiling": CEILING_W}.get(mode)
    forced = power_w and {"sim_cpu": "bench", "sim_cpu_tdp": power_w, "sim_cpu_util": 1.0}
    return load()(
        epochs=10_000_000,
        epochs_before_pred=0,
        monitor_epochs=-1,
        update_interval=1,
        interpretable=False,
        ignore_errors=True,
        components="all" if power_w is None else "cpu",
        log_dir=str(folder),
        verbose=0,
        **(forced or {}),
    )


class phase:  # noqa: N801 - used as a function
    def __init__(self, tracker, _):
        self.tracker = tracker

    def __enter__(self):
        self.tracker.epoch_start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.tracker.epoch_end()


def stop(tracker):
    from carbontracker.constants import PUE_2023

    thread = tracker.tracker  # gone after stop
    _energies_j.extend(JOULES * kwh / PUE_2023 for kwh in thread.total_energy_per_epoch())
    tracker.stop()


def guarded(_):
    return nullcontext()


def truth(_):
    return FORCED_W * time.perf_counter()


def reported(*_):
    total = float(sum(_energies_j))
    return total, total  # the run is the sum of its epochs


def ceiling_w(_):
    return CEILING_W


def charged_here(_):
    return float(sum(_energies_j))


def records(folder):
    """Count what its own parser gives for its logs: epochs with a time and an energy."""
    from carbontracker import parser

    phases, run = 0, False
    try:
        for log in parser.parse_all_logs(str(folder)):
            run = run or bool(log["actual"])
            for part in log["components"].values():
                energies = part["avg_energy_usages (J)"]
                phases += 0 if energies is None else len(energies)
    except Exception as error:  # noqa: BLE001 - the outcome is what is asked for
        return {"phases": 0, "open_s": None, "run": False, "note": f"its parser: {error!r}"}
    return {"phases": phases, "open_s": None, "run": run, "note": ""}
