"""Series of a manifest: from files, from a model, or made up and labelled so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from footprint.errors import DataError, ManifestError
from footprint.factors.series_files import read_certificate, read_series
from footprint.model import Finding, SignalKind
from footprint.model.kinds import SignalBasis, SignalMethod
from footprint.simulation.arrays import Floats
from footprint.simulation.forecasts import (
    AsIssued,
    Forecaster,
    Noisy,
    Perfect,
    Persistence,
    read_issued,
)
from footprint.simulation.load import Load, OnOffLoad, TraceLoad
from footprint.simulation.pv import SolarSite, model_excess
from footprint.simulation.trace_files import Reading, read_electricity_maps, read_trace
from footprint.simulation.traces import Trace
from footprint.simulation.world import Rules
from footprint.trials.plan import (
    ExcessTable,
    ForecastKind,
    ForecastTable,
    IntensityTable,
    LoadTable,
    MadeUpGrid,
    MadeUpSun,
    TraceFile,
)
from footprint.units import S_PER_H, conversion_factor

_DAY_S = 86_400
# Series that are computed reach back for persistence, and on for forecasts at the end.
_BEFORE_S, _AFTER_S = 2 * _DAY_S, 8 * _DAY_S
_SUN_STEP_S = 300


def read_excess(table: ExcessTable, rules: Rules, folder: Path) -> Trace:
    """Read the excess power of each domain [W]."""
    if table.file is not None:
        return _from_file(table.file, "W", folder)
    start_s, length_s = _reach(rules)
    if table.panels:
        sites = [
            SolarSite(name, one.latitude, one.longitude, one.peak_w, one.tilt, one.azimuth)
            for name, one in table.panels.items()
        ]
        return model_excess(sites, start_s, length_s, step_s=_SUN_STEP_S)
    curves = [sun_curve(one) for one in table.made_up.values()]
    return _made_up("excess power", tuple(table.made_up), curves, (start_s, length_s, "W"))


def sun_curve(sun: MadeUpSun) -> Callable[[Floats], Floats]:
    """Make the power by the hour of the day: half a sine from rise to set."""

    def power_w(hour: Floats) -> Floats:
        lit_h = (sun.sets - sun.rises) % 24.0 or 24.0
        since_h = (hour - sun.rises) % 24.0
        rising = sun.peak_w * np.sin(np.pi * since_h / lit_h)
        found: Floats = np.where(since_h < lit_h, np.maximum(rising, 0.0), 0.0)
        return found

    return power_w


def grid_curve(grid: MadeUpGrid) -> Callable[[Floats], Floats]:
    """Make the intensity by the hour of the day: a sine around the mean."""

    def intensity(hour: Floats) -> Floats:
        turn = 2 * np.pi * (hour - grid.dirtiest) / 24.0
        found: Floats = grid.mean_g_per_kwh * (1 + grid.swing * np.cos(turn))
        return found

    return intensity


def read_intensity(table: IntensityTable, rules: Rules, folder: Path) -> Trace:
    """Read the intensity of each zone [gCO2e/kWh].

    Raises
    ------
    DataError
        If a file is not as described, or its certificate names another kind of intensity.
    """
    if table.file is not None:
        return _certified(table, _from_file(table.file, "gCO2e/kWh", folder), folder)
    if table.electricity_maps:
        require_kind(table)
        paths = [folder / name for name in table.electricity_maps]
        scope = SignalKind.parse(table.signal).scope
        return read_electricity_maps(paths, scope=scope, repair=table.repair)
    start_s, length_s = _reach(rules)
    curves = [grid_curve(one) for one in table.made_up.values()]
    what = f"{table.signal} intensity"
    return _made_up(what, tuple(table.made_up), curves, (start_s, length_s, "gCO2e/kWh"))


def _certified(table: IntensityTable, trace: Trace, folder: Path) -> Trace:
    """Hold a file against what `footprint intensity fetch` wrote beside it, if it did."""
    assert table.file is not None
    path = folder / table.file.path
    if read_certificate(path) is None:
        return trace
    found = read_series(path, SignalKind.parse(table.signal))
    return replace(
        trace, findings=(*trace.findings, *(f for one in found for f in one.provenance.findings))
    )


def require_kind(table: IntensityTable) -> None:
    """Refuse averages of a place under the name of another kind of intensity.

    Raises
    ------
    DataError
    """
    kind = SignalKind.parse(table.signal)
    found = (kind.basis, kind.method)
    if table.electricity_maps and found != (SignalBasis.AVERAGE, SignalMethod.LOCATION):
        raise DataError(
            f"found {table.signal!r}, and files of Electricity Maps: they hold averages by "
            "location.",
            "Write average/location/direct or average/location/life-cycle, or take another file.",
        )


def read_load(table: LoadTable, folder: Path) -> Load:
    """Read what devices do beside the training."""
    made_up = table.made_up
    if made_up is not None:
        levels = (made_up.lowest, made_up.highest)
        # Runs take seeds of their own: see `footprint.trials.worlds.world_of_run`.
        seed = made_up.seed or 0
        return OnOffLoad(seed, made_up.busy, made_up.slot_s, levels, made_up.margin)
    assert table.used is not None
    reserved = None if table.reserved is None else _from_file(table.reserved, "1", folder)
    return TraceLoad(_from_file(table.used, "1", folder), reserved)


def make_forecast(
    table: ForecastTable, trace: Trace, file: TraceFile | None, folder: Path
) -> Forecaster:
    """Make what policies are told of a series."""
    match table.kind:
        case ForecastKind.PERFECT:
            return Perfect(trace)
        case ForecastKind.PERSISTENCE:
            return Persistence(trace)
        case ForecastKind.NOISY:
            noise = {"near": table.near, "far": table.far}
            known = {name: value for name, value in noise.items() if value is not None}
            return Noisy(trace, table.seed or 0, **known)
    if file is None:
        raise ManifestError(
            "Forecasts as they were issued need a series from a file.",
            "Take another kind of forecast for series that are computed.",
        )
    assert table.path is not None
    assert table.issue_column is not None
    assert table.target_column is not None
    issued: AsIssued = read_issued(
        folder / table.path,
        issue_column=table.issue_column,
        target_column=table.target_column,
        columns=trace.columns,
        repair=frozenset(table.repair),
    )
    return issued.scaled(_factor(file, trace.unit))


def _from_file(file: TraceFile, unit: str, folder: Path) -> Trace:
    reading = Reading(file.stamp, file.time_column, file.timezone, file.step_s, file.repair)
    trace = read_trace(folder / file.path, reading, unit=file.unit)
    return trace.scaled(_factor(file, unit), unit)


def _factor(file: TraceFile, unit: str) -> float:
    """Multiplier from what is in a file to a canonical unit."""
    if file.peak_w is not None:
        return conversion_factor(file.unit, "1") * file.peak_w
    return conversion_factor(file.unit, unit)


def _reach(rules: Rules) -> tuple[int, int]:
    """First moment and length of a series that is computed [s]."""
    length_s = rules.length_s + _BEFORE_S + _AFTER_S
    return rules.start_s - _BEFORE_S, -(-length_s // _DAY_S) * _DAY_S


def _made_up(
    what: str,
    names: Sequence[str],
    curves: Sequence[Callable[[Floats], Floats]],
    reach: tuple[int, int, str],
) -> Trace:
    """Series of formulas of the hour of the day, with a finding that says so."""
    start_s, length_s, unit = reach
    steps = length_s // _SUN_STEP_S
    middle_s: Floats = start_s + _SUN_STEP_S * (np.arange(steps, dtype=np.float64) + 0.5)
    hour: Floats = middle_s % _DAY_S / S_PER_H
    values = np.column_stack([np.asarray(curve(hour), np.float64) for curve in curves])
    finding = Finding(
        "series-made-up",
        f"The {what} of {', '.join(names)} is made up, the same every day.",
        remedy="Take measured series before you draw conclusions.",
    )
    return Trace(start_s, _SUN_STEP_S, tuple(names), values, unit, (finding,), "made up")


def hourly_means(trace: Trace, zones: Sequence[str | None], rules: Rules) -> Floats:
    """Intensity of some zones by the hours of a simulation.

    Parameters
    ----------
    trace : Trace
    zones : sequence of (str or None)
    rules : Rules

    Returns
    -------
    ndarray of shape (zones, hours)
        NaN for a zone that the trace does not have; an hour that only begins counts as far as
        the simulation goes.
    """
    steps = rules.length_s // rules.step_s
    hour = np.arange(steps) * rules.step_s // int(S_PER_H)
    counts = np.bincount(hour, minlength=rules.hours)
    values = trace.window(rules.start_s, rules.step_s, steps).astype(np.float64)
    found = np.full((len(zones), rules.hours), np.nan)
    for number, zone in enumerate(zones):
        if zone in trace.columns:
            column = values[:, trace.columns.index(zone)]
            sums = np.bincount(hour, column, minlength=rules.hours)
            found[number] = sums / counts
    return found
