"""Traces from files: one column of stamps, one column per series.

Nothing is guessed. Whoever reads a file says what its stamps mean and in which zone they are
written; stamps that are missing, doubled, out of order or off the grid are errors, unless
a repair is named. Each repair that was needed becomes a finding of the trace.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from footprint.errors import DataError, MissingExtra, UsageError
from footprint.model import Finding
from footprint.model.kinds import SignalScope, Vocabulary
from footprint.simulation.traces import Floats, Trace, moment

if TYPE_CHECKING:
    import pandas as pd

Seconds = npt.NDArray[np.int64]


class Stamp(Vocabulary):
    """Which end of its period a row is stamped with."""

    START = "start"
    END = "end"


class Repair(Vocabulary):
    """What may be done to rows that are not as they should be."""

    SORT = "sort"
    """Put rows into the order of their stamps."""
    FIRST = "first"
    """Of rows with one stamp, keep the first."""
    HOLD = "hold"
    """Let the row next to a gap last longer: the one before it if rows are stamped with the
    start of their period, the one after it if with the end."""
    INTERPOLATE = "interpolate"
    """Bridge a gap with a straight line."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a file.

    Attributes
    ----------
    stamps : Stamp
    time_column : str or None
        None for the first one.
    timezone : str
        Of stamps without an offset, for example ``"Europe/Berlin"``.
    step_s : int or None
        Length of a period [s]; None for the shortest distance of two stamps.
    repair : collection of Repair
        What may be repaired.
    """

    stamps: Stamp
    time_column: str | None = None
    timezone: str = "UTC"
    step_s: int | None = None
    repair: Collection[Repair] = ()


def read_trace(
    path: Path | str, reading: Reading, *, unit: str, columns: Sequence[str] | None = None
) -> Trace:
    """Read a CSV file (also compressed) or a Parquet file.

    Parameters
    ----------
    path : path
    reading : Reading
    unit : str
        Of all values, for example ``"gCO2e/kWh"``; ``"1"`` for shares.
    columns : sequence of str, optional
        Those to read; all but the stamps if left out.

    Raises
    ------
    DataError
        If the file is not as described, naming the row.
    MissingExtra
        For a Parquet file without pyarrow.
    """
    table = load_table(path)
    time = time_column(table, reading.time_column, path)
    names = [str(name) for name in table.columns if name != time]
    if columns is not None:
        unknown = [name for name in columns if name not in names]
        if unknown:
            raise DataError(f"{path}: no column {unknown[0]!r}; there are {', '.join(names[:12])}.")
        names = list(columns)
    stamps = read_stamps(table[time], reading.timezone, str(path))
    values = np.column_stack([_numbers(table[name], str(path)) for name in names])
    return trace_of(stamps, values, tuple(names), reading, unit=unit, source=Path(path).name)


def read_untimed(
    path: Path | str, *, start_s: int, step_s: int, unit: str, drop: Collection[str] = ()
) -> Trace:
    """Read a file whose rows follow each other and bear no stamps, such as FedZero's load.

    Parameters
    ----------
    path : path
    start_s, step_s : int
        Begin of the first row's period, and length of each [s].
    unit : str
    drop : collection of str
        Columns that hold no values, such as a counter of rows.
    """
    table = load_table(path)
    names = [str(name) for name in table.columns if name not in drop]
    values = np.column_stack([_numbers(table[name], str(path)) for name in names])
    return Trace(start_s, step_s, tuple(names), values, unit, source=Path(path).name)


def read_electricity_maps(
    paths: Sequence[Path | str],
    *,
    scope: SignalScope = SignalScope.LIFE_CYCLE,
    repair: Collection[Repair] = (),
) -> Trace:
    """Read hourly CSV files of the Electricity Maps data portal, one or several zones.

    Stamps are taken to be the starts of hours, in UTC as the column says.

    Parameters
    ----------
    paths : sequence of path
    scope : SignalScope
        Which of the two intensities of the file.
    repair : collection of Repair

    Returns
    -------
    Trace
        One column per zone id [gCO2e/kWh]; a finding says how many values the publisher
        estimated.
    """
    import pandas as pd

    tables = pd.concat([_renamed(load_table(path), scope, path) for path in paths])
    reading = Reading(Stamp.START, repair=repair)
    zones, found = [], []
    for zone, rows in tables.groupby("zone", sort=False):
        stamps = read_stamps(rows["time"], "UTC", str(zone))
        values = _numbers(rows["intensity"], str(zone))[:, None]
        found.append(trace_of(stamps, values, (str(zone),), reading, unit="gCO2e/kWh"))
        zones.append(str(zone))
    first = found[0]
    for other in found[1:]:
        if (other.start_s, other.stop_s, other.step_s) != (first.start_s, first.stop_s, 3600):
            raise DataError(
                f"The files of {first.columns[0]} and {other.columns[0]} do not cover the same "
                "hours.",
                "Take files of the same year.",
            )
    findings = [finding for trace in found for finding in trace.findings]
    estimated = int((tables["estimated"].astype(str).str.lower() == "true").sum())
    if estimated:
        findings.append(
            Finding(
                "trace-estimated",
                f"{estimated} of {len(tables)} intensities were estimated by their publisher.",
            )
        )
    return Trace(
        first.start_s,
        first.step_s,
        tuple(zones),
        np.column_stack([trace.values for trace in found]),
        "gCO2e/kWh",
        tuple(findings),
        ", ".join(Path(path).name for path in paths),
    )


def trace_of(
    stamps: Seconds,
    values: Floats,
    columns: tuple[str, ...],
    reading: Reading,
    *,
    unit: str,
    source: str = "",
) -> Trace:
    """Make a trace of stamped rows.

    Parameters
    ----------
    stamps : ndarray of shape (rows,)
        Unix times [s].
    values : ndarray of shape (rows, columns)
        NaN for a cell that is missing.
    """
    repair = frozenset(reading.repair)
    findings: list[Finding] = []
    stamps, values = _ordered(stamps, values, repair, findings, source)
    if len(stamps) < 2 and reading.step_s is None:
        raise DataError(f"{source}: one row does not say how long its period is.", "Give step_s.")
    step_s = reading.step_s or int(np.diff(stamps).min())
    places, off = np.divmod(stamps - stamps[0], step_s)
    if off.any():
        wrong = moment(int(stamps[np.flatnonzero(off)[0]]))
        raise DataError(
            f"{source}: the stamp {wrong} is off the grid of {step_s} s from the first one.",
            "Give another step_s.",
        )
    full = np.full((int(places[-1]) + 1, values.shape[1]), np.nan)
    full[places] = values
    full = _filled(full, reading, repair, findings, (int(stamps[0]), step_s, source))
    start_s = int(stamps[0]) - (step_s if reading.stamps is Stamp.END else 0)
    return Trace(start_s, step_s, columns, full, unit, tuple(findings), source)


def load_table(path: Path | str) -> pd.DataFrame:
    """Read a file as it is, all columns."""
    import pandas as pd

    if not Path(path).exists():
        raise DataError(f"There is no file {str(path)!r}.")
    try:
        if Path(path).suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, encoding="utf-8")
    except ImportError as error:
        raise MissingExtra.of("parquet", "Reading Parquet files") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: this is no table: {error}") from error


def time_column(table: pd.DataFrame, name: str | None, path: Path | str) -> str:
    """Name of the column of stamps."""
    found = str(table.columns[0]) if name is None else name
    if found not in table.columns:
        raise DataError(f"{path}: no column {found!r}; there are {', '.join(table.columns[:12])}.")
    return found


_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")


def read_stamps(column: pd.Series[Any], timezone: str, source: str) -> Seconds:
    """Turn stamps into Unix times [s].

    Raises
    ------
    DataError
        If one is no time, only some have an offset, or a local time happens twice or never.
    """
    import pandas as pd

    if column.dtype.kind not in "OUSTM" and not isinstance(column.dtype, pd.StringDtype):
        raise DataError(
            f"{source}: the column {column.name!r} holds {column.dtype}, not times.",
            "Name the column of stamps, or read the file as one without stamps.",
        )
    try:
        if column.dtype.kind == "M":
            times = pd.DatetimeIndex(column)
            has_offset = times.tz is not None
        else:
            offsets = column.astype(str).str.contains(_OFFSET)
            if offsets.any() and not offsets.all():
                raise DataError(f"{source}: only some stamps have an offset from UTC.")
            has_offset = bool(offsets.all())
            times = pd.DatetimeIndex(pd.to_datetime(column, format="ISO8601", utc=has_offset))
        if times.hasnans:
            raise DataError(f"{source}: row {int(np.argmax(times.isna())) + 2} has no stamp.")
        if not has_offset:
            times = times.tz_localize(timezone, ambiguous="infer", nonexistent="raise")
    except ValueError as error:
        raise DataError(
            f"{source}: the stamps cannot be read as times in {timezone}: {error}",
            "Write them in UTC, or with their offsets.",
        ) from error
    except KeyError as error:  # of zoneinfo
        raise UsageError(f"There is no time zone {timezone!r}.") from error
    seconds: Seconds = times.tz_convert("UTC").as_unit("s").asi8
    return seconds


def _numbers(column: pd.Series[Any], source: str) -> Floats:
    import pandas as pd

    if column.dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64)
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = numbers.isna() & column.notna()
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise DataError(
            f"{source}: row {row + 2}, column {column.name!r}: {column.iloc[row]!r} is no number."
        )
    return numbers.to_numpy(dtype=np.float64)


def _ordered(
    stamps: Seconds, values: Floats, repair: frozenset[Repair], findings: list[Finding], source: str
) -> tuple[Seconds, Floats]:
    """Rows in the order of their stamps, one each."""
    if not len(stamps):
        raise DataError(f"{source}: no rows.")
    back = np.flatnonzero(np.diff(stamps) < 0)
    if len(back):
        where = moment(int(stamps[back[0] + 1]))
        _allow(
            Repair.SORT,
            f"{source}: {len(back)} stamp(s) lie before the one above, the first is {where}.",
            repair,
            findings,
        )
        order = np.argsort(stamps, kind="stable")
        stamps, values = stamps[order], values[order]
    same = np.flatnonzero(np.diff(stamps) == 0)
    if len(same):
        where = moment(int(stamps[same[0]]))
        _allow(
            Repair.FIRST,
            f"{source}: {len(same)} stamp(s) stand twice, the first is {where}.",
            repair,
            findings,
        )
        keep = np.append(True, np.diff(stamps) != 0)
        stamps, values = stamps[keep], values[keep]
    return stamps, values


def _filled(
    full: Floats,
    reading: Reading,
    repair: frozenset[Repair],
    findings: list[Finding],
    place: tuple[int, int, str],
) -> Floats:
    """Values without gaps."""
    start_s, step_s, source = place
    missing = ~np.isfinite(full)
    if not missing.any():
        return full
    rows = np.flatnonzero(missing.any(axis=1))
    longest = max(_longest(missing[:, column]) for column in range(full.shape[1]))
    rule = Repair.INTERPOLATE if Repair.INTERPOLATE in repair else Repair.HOLD
    _allow(
        rule,
        f"{source}: {int(missing.sum())} value(s) are missing, the first at "
        f"{moment(start_s + int(rows[0]) * step_s)}; the longest gap is {longest * step_s} s.",
        repair,
        findings,
    )
    grid = np.arange(len(full))
    for column in np.flatnonzero(missing.any(axis=0)):
        known = np.flatnonzero(~missing[:, column])
        if not len(known) or missing[0, column] or missing[-1, column]:
            raise DataError(f"{source}: a column begins or ends with a gap; it cannot be filled.")
        if rule is Repair.INTERPOLATE:
            full[:, column] = np.interp(grid, known, full[known, column])
        elif reading.stamps is Stamp.START:
            full[:, column] = full[known[np.searchsorted(known, grid, side="right") - 1], column]
        else:
            full[:, column] = full[known[np.searchsorted(known, grid)], column]
    return full


def _longest(missing: npt.NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], missing.view(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _allow(rule: Repair, what: str, repair: frozenset[Repair], findings: list[Finding]) -> None:
    if rule not in repair:
        raise DataError(what, f"Repair the file, or allow the repair {rule.value!r}.")
    findings.append(Finding(f"trace-{rule.value}", what, remedy=f"Repaired by {rule.value!r}."))


def _renamed(table: pd.DataFrame, scope: SignalScope, path: Path | str) -> pd.DataFrame:
    """Columns of the data portal, by what they hold; its releases write them differently."""
    wanted = {
        "time": r"datetime \(utc\)",
        "zone": r"zone id",
        "intensity": r"carbon intensity gco.eq/kwh \("
        + (r"direct" if scope is SignalScope.DIRECT else r"(?:life.?cycle.*|lca)")
        + r"\)",
        "estimated": r"data estimated",
    }
    names = {}
    for short, pattern in wanted.items():
        found = [name for name in table.columns if re.fullmatch(pattern, str(name).lower())]
        if len(found) == 1:
            names[found[0]] = short
        elif short != "estimated":
            raise DataError(
                f"{path}: no column like {pattern!r}; this is no file of the data portal.",
                "Read it with read_trace.",
            )
    kept = table.rename(columns=names)
    if "estimated" not in kept.columns:
        kept["estimated"] = ""
    return kept[["time", "zone", "intensity", "estimated"]]
