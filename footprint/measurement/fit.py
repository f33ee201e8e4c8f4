"""Fit the power line of a machine to what a wall meter showed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from footprint.errors import UsageError
from footprint.journal import ProcessRecords, read_records
from footprint.measurement.calibration import (
    MAX_BAND,
    MIN_SPREAD,
    MIN_WINDOWS,
    WINDOW_S,
    Calibration,
    Line,
)
from footprint.measurement.meter import counter_kwh
from footprint.measurement.supply import energy_counters
from footprint.model import Finding, Machine, Severity
from footprint.units import kwh_to_watts

if TYPE_CHECKING:
    from footprint.measurement.wall import WallSeries

# A machine that slept in between was neither idle nor busy.
_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Window:
    """Means over a stretch of time [s]: busy threads [1], counter [W]."""

    start_s: float
    stop_s: float
    busy: float
    counter_w: float | None
    counters: tuple[str, ...]


def fit_calibration(
    journal_paths: Iterable[Path | str],
    wall: WallSeries,
    *,
    window_s: float = WINDOW_S,
    shift_s: float = 0.0,
    idle: tuple[float, float] | None = None,
) -> Calibration:
    """Fit the power line of a machine.

    Parameters
    ----------
    journal_paths : iterable of path
        Journals of the machine, from the time that the meter covers.
    wall : WallSeries
    window_s : float
        Shortest window that is compared [s]; longer for a meter that lags or a
        counter with coarse steps.
    shift_s : float
        Added to the meter's times, if its clock is slow [s].
    idle : (float, float), optional
        Unix times between which nothing ran; its mean power is kept beside the
        line, and is not part of the fit [s].

    Returns
    -------
    Calibration

    Raises
    ------
    UsageError
        If the journals are of more than one class of machine, or no line can be
        fitted: too few windows, no spread of load, no rising line.
    """
    records = read_records(Path(path) for path in journal_paths)
    machines = {process.machine for process in records.processes}
    if len(machines) != 1:
        names = ", ".join(sorted(machine.label for machine in machines))
        raise UsageError(
            f"The journals come from different machines: {names}.",
            "Calibrate each machine with journals of its own.",
        )
    (machine,) = machines
    windows = _windows(records.processes, window_s)
    points = [
        (window, power_w)
        for window in windows
        if (power_w := _mean_w(wall, window.start_s - shift_s, window.stop_s - shift_s)) is not None
    ]
    if len(points) < MIN_WINDOWS:
        raise UsageError(
            f"{len(points)} window(s) of {window_s:g} s or more are covered by journal and meter "
            f"({len(windows)} by the journal); a line needs {MIN_WINDOWS}.",
            "Check that both were recorded at the same time, and the meter's time zone and "
            "clock; or record longer: footprint calibrate --load 60.",
        )
    walls_w = [power_w for _, power_w in points]
    busy = _fit([window.busy for window, _ in points], walls_w, MIN_SPREAD * machine.threads)
    findings = list(wall.findings)
    counter, counters = None, next((w.counters for w, _ in points if w.counters), ())
    if counters:
        # Windows of other counters would be another line.
        own = [(w.counter_w or 0.0, power_w) for w, power_w in points if w.counters == counters]
        try:
            counter = _fit([x for x, _ in own], [y for _, y in own], 0.0)
        except UsageError as error:
            message = f"No line over {', '.join(counters)}: {error.message}"
            findings.append(Finding("calibration-counter", message))
    findings += _cautions(machine, records.processes, busy)
    return Calibration(
        machine,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        source=wall.source,
        busy=busy,
        counter=counter,
        counters=() if counter is None else counters,
        idle_w=None if idle is None else _mean_w(wall, idle[0] - shift_s, idle[1] - shift_s),
        findings=tuple(dict.fromkeys(findings)),
    )


def _cautions(
    machine: Machine, processes: Sequence[ProcessRecords], line: Line
) -> Iterable[Finding]:
    if machine.virtual:
        yield Finding(
            "calibration-virtual",
            "This is a virtual machine: a meter sees the whole host, and the line holds only "
            "while nothing else runs on it.",
        )
    if any(process.process.accelerators for process in processes):
        yield Finding(
            "calibration-accelerator",
            "The machine has an accelerator: the line knows only loads of the processor.",
        )
    if line.x_high < 0.8 * machine.threads:
        yield Finding(
            "calibration-range",
            f"No window was busier than {line.x_high:.3g} of {machine.threads} threads; above "
            "that the line is extrapolated.",
            Severity.INFO,
            "Record a full load too: footprint calibrate --load 60.",
        )


def _mean_w(wall: WallSeries, start_s: float, stop_s: float) -> float | None:
    from footprint.measurement.wall import energy_between  # brings numpy

    energy_kwh = energy_between(wall, start_s, stop_s)
    return None if energy_kwh is None else kwh_to_watts(energy_kwh, stop_s - start_s)


def _windows(processes: Iterable[ProcessRecords], window_s: float) -> list[Window]:
    """Cut what was recorded into windows that do not overlap.

    Counters of energy begin at 0 in each process, so each has its own windows; the
    process with most readings comes first, the others fill what it leaves.
    """
    timelines = sorted((_timeline(process) for process in processes), key=len, reverse=True)
    taken: list[Window] = []
    for timeline in timelines:
        for window in _cut(timeline, max(window_s, 1.0)):
            if all(w.stop_s <= window.start_s or w.start_s >= window.stop_s for w in taken):
                taken.append(window)
    return taken


def _timeline(process: ProcessRecords) -> list[tuple[float, Mapping[str, float]]]:
    readings = [(sample.time_s, sample.readings) for sample in process.samples]
    for span in process.spans:
        readings.append((span.start_s, span.begin))
        readings.append((span.start_s + span.duration_s, span.end))
    readings.sort(key=lambda reading: reading[0])
    return [reading for reading in readings if "cpu.host_busy_s" in reading[1]]


def _cut(
    timeline: Sequence[tuple[float, Mapping[str, float]]], window_s: float
) -> Iterable[Window]:
    if not timeline:
        return
    start_s, before = timeline[0]
    # A meter that fails is dropped, and none is added: these are all there are.
    names = tuple(energy_counters(before))
    for time_s, after in timeline:
        lasted_s = time_s - start_s
        if lasted_s < window_s:
            continue
        busy_s = after["cpu.host_busy_s"] - before["cpu.host_busy_s"]
        seen = bool(names) and all(name in before and name in after for name in names)
        energy_kwh = sum(counter_kwh(n, after[n] - before[n]) for n in names) if seen else 0.0
        # The host's clock jitters in virtual machines, and may run backwards there.
        if lasted_s <= _LONGEST_S and busy_s >= 0 and energy_kwh >= 0:
            counter_w = kwh_to_watts(energy_kwh, lasted_s) if seen else None
            yield Window(start_s, time_s, busy_s / lasted_s, counter_w, names if seen else ())
        start_s, before = time_s, after


def _fit(xs: Sequence[float], ys: Sequence[float], min_spread: float) -> Line:
    import numpy as np

    if len(xs) < MIN_WINDOWS:
        raise UsageError(f"{len(xs)} window(s); a line needs {MIN_WINDOWS}.", "Record longer.")
    x, y = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    # One window alone at the end of a line would decide it, and never miss it.
    inner = np.sort(x)[1:-1]
    if inner[-1] - inner[0] <= min_spread:
        raise UsageError(
            f"The load hardly differs: {inner[0]:.3g} to {inner[-1]:.3g}, without the two "
            f"windows at the ends; a line needs more than {min_spread:.3g} between them.",
            "Record idle and full load, with nothing else running: footprint calibrate --load 60.",
        )
    away = x - x.mean()
    slope = float(away @ (y - y.mean()) / (away @ away))
    intercept_w = float(y.mean() - slope * x.mean())
    if slope <= 0 or intercept_w < 0:
        raise UsageError(
            f"The line is {intercept_w:.3g} W {slope:+.3g} x: "
            + ("power falls as load rises." if slope <= 0 else "an idle machine would give power."),
            "Check that the meter and the journal are of one machine, the meter's clock and "
            "time zone, and that nothing else hangs on the plug.",
        )
    fitted = intercept_w + slope * x
    # As far off as a line fitted without the window would have been.
    leverage = 1 / len(x) + away**2 / (away @ away)
    residuals = np.abs(y - fitted) / np.maximum(1 - leverage, 1e-6) / fitted
    p95 = float(np.quantile(residuals, 0.95, method="higher"))
    if p95 > MAX_BAND:
        raise UsageError(
            f"Windows lie up to {p95:.0%} off the line; a table of rated power is no worse.",
            "Check the meter's clock, take longer windows, or record steadier loads.",
        )
    scatter = (y - y.mean()) @ (y - y.mean())
    r_squared = 1 - float((y - fitted) @ (y - fitted) / scatter) if scatter > 0 else 1.0
    return Line(intercept_w, slope, p95, r_squared, len(x), float(x.min()), float(x.max()))
