"""footprint: a Tracker with spans; its journal is read afterwards.

Modes: "default" (the meters of this machine), "rapl" (a simulated zone), and "rounds"
(the default, for phases that each are a round of their own).
"""

import os
import time
from contextlib import ExitStack
from pathlib import Path

SAMPLES_IN_PHASE = HAS_ROUNDS = True
JOULES = 3.6e6

_models = []


def load():
    import footprint as fp

    return fp


def start(folder, mode):
    meters = None
    if mode == "rapl":
        from footprint.measurement.memory import MemoryMeter
        from footprint.measurement.processor import ProcessorMeter
        from footprint.measurement.rapl import RaplMeter

        root = Path(os.environ["BENCHMARK_RAPL"])
        meters = [RaplMeter(root), ProcessorMeter(), MemoryMeter()]
    tracker = load().Tracker("bench", journal=folder, zone="FR", device="server", meters=meters)
    tracker.start()
    return tracker


def phase(tracker, number):
    return tracker.span("train", round=number)


def stop(tracker):
    tracker.stop()


def guarded(tracker):
    stack = ExitStack()
    stack.push(tracker)  # what `with Tracker()` does when it ends
    return stack


def power_model():
    from footprint.factors import load_catalogue
    from footprint.measurement.power import energy_model
    from footprint.measurement.processor import describe_machine

    if not _models:
        _models.append(energy_model(describe_machine(), load_catalogue()))
    return _models[0]


def truth(mode):
    """Return energy so far [J]: of the zone, or of this process's CPU time in the model."""
    if mode == "rapl":
        zone = Path(os.environ["BENCHMARK_RAPL"]) / "intel-rapl:0"
        files = (zone / "energy_uj", zone / "intel-rapl:0:0" / "energy_uj")
        return sum(int(file.read_text()) for file in files) / 1e6
    return time.process_time() * power_model().busy_w


def reported(_, folder, mode):
    """Return energy of the run and of its phases [J]."""
    if mode == "rapl":
        return JOULES * load().read_journal(folder, view="machine").total("energy_kwh"), None
    used = [
        activity
        for activity in load().read_journal(folder).activities()
        if activity.source.startswith("cpu-table") and activity.phase != "idle"
    ]
    phases = [activity for activity in used if activity.phase == "train"]
    return tuple(JOULES * sum(a.energy_kwh for a in some) for some in (used, phases))


def ceiling_w(mode):
    """Return the most that this host can draw [W]."""
    if mode == "rapl":
        return float(os.environ["BENCHMARK_RAPL_W"])
    model = power_model()
    return model.machine.threads * (model.idle_w + model.busy_w)


def charged(folder, mode):
    """Return what all trackers of the folder were charged together [J], memory apart."""
    activities = load().read_journal(folder).activities()
    source = "rapl" if mode == "rapl" else "cpu-table"
    return JOULES * sum(a.energy_kwh for a in activities if a.source.startswith(source))


def records(folder):
    """Return finished phases, seconds kept of the open one, whether the run is there."""
    try:
        journal = load().read_journal(folder)
    except load().FootprintError as error:
        return {"phases": 0, "open_s": None, "run": False, "note": str(error)}
    rounds = {}
    for activity in journal.activities():
        if activity.phase == "train" and activity.energy_kwh is not None:
            rounds[activity.round] = rounds.get(activity.round, 0.0) + activity.duration_s
    run = any(a.phase == "other" for a in journal.activities())
    finished = sum(number <= 3 for number in rounds)
    return {"phases": finished, "open_s": rounds.get(4), "run": run, "note": ""}
