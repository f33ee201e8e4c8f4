"""zeus: windows of a ZeusMonitor, one around the run.

Modes: "rapl" (a simulated zone; without a counter it reads nothing) and "nothing".
"""

import csv
import os
from contextlib import nullcontext
from pathlib import Path

SAMPLES_IN_PHASE = True

_phases_j, _run_j = [], []


def load():
    import zeus.monitor

    return zeus.monitor


def start(folder, mode):
    _phases_j.clear()
    _run_j.clear()
    if mode == "rapl":
        import zeus.device.cpu.rapl

        zeus.device.cpu.rapl.RAPL_DIR = str(Path(os.environ["BENCHMARK_RAPL"], "intel-rapl"))
    monitor = load().ZeusMonitor(log_file=Path(folder) / "zeus.csv")
    monitor.begin_window("run")
    return monitor


def joules(measurement):
    parts = (measurement.cpu_energy, measurement.dram_energy, measurement.gpu_energy)
    return sum(sum(part.values()) for part in parts if part)


class phase:  # noqa: N801 - used as a function
    def __init__(self, monitor, number):
        self.monitor, self.name = monitor, f"phase-{number}"

    def __enter__(self):
        self.monitor.begin_window(self.name)

    def __exit__(self, kind, *_):
        if kind is None:
            _phases_j.append(joules(self.monitor.end_window(self.name)))


def stop(monitor):
    _run_j.append(joules(monitor.end_window("run")))


def guarded(_):
    return nullcontext()


def truth(_):
    zone = Path(os.environ["BENCHMARK_RAPL"]) / "intel-rapl:0"
    files = (zone / "energy_uj", zone / "intel-rapl:0:0" / "energy_uj")
    return sum(int(file.read_text()) for file in files) / 1e6


def reported(*_):
    return sum(_run_j), sum(_phases_j)


def ceiling_w(_):
    return float(os.environ["BENCHMARK_RAPL_W"])


def charged_here(_):
    return sum(_run_j)


def records(folder):
    """Count the rows of its log, which has energies of GPUs only."""
    with (Path(folder) / "zeus.csv").open() as lines:
        names = [row["window_name"] for row in csv.DictReader(lines)]
    phases = sum(name != "run" for name in names)
    return {
        "phases": phases,
        "open_s": None,
        "run": "run" in names,
        "note": "times only, no energy",
    }
