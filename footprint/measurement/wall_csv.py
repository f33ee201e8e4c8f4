"""CSV files that plug meters and power strips write.

Nothing is guessed: a column without a unit, a time without an offset and a cell
that is no number are refused, and a stretch without readings is never bridged.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from footprint.errors import DataError
from footprint.measurement.wall import Array, WallSeries
from footprint.model import Finding
from footprint.units import J_PER_KWH, conversion_factor

GAP_STEPS = 5.0
"""A step longer than so many median steps is a gap."""

_TIME_NAMES = frozenset(
    ("time", "timestamp", "datetime", "date", "unix", "epoch", "last_changed", "time_utc")
)
_QUANTITIES = frozenset(("power", "energy", "apower", "aenergy", "consumption", "load", "usage"))
_UNITS = {
    "w": "W",
    "watt": "W",
    "watts": "W",
    "kw": "kW",
    "kilowatt": "kW",
    "kilowatts": "kW",
    "mw": "mW",  # plugs write milliwatts; megawatts only where the case says so
    "milliwatt": "mW",
    "milliwatts": "mW",
    "wh": "Wh",
    "kwh": "kWh",
}
# Unix seconds of 1973 and of 5138: what lies outside is no date, or in milliseconds.
_FIRST_S, _LAST_S = 1e8, 1e11


def read_wall_csv(
    path: Path | str,
    *,
    time_column: str | None = None,
    power_column: str | None = None,
    unit: str | None = None,
    utc: bool = False,
) -> WallSeries:
    """Read what a wall meter wrote.

    Parameters
    ----------
    path : path
        A CSV file with a header; separated by commas, semicolons or tabs.
    time_column, power_column : str, optional
        Header of the columns. By default they are found by name: ``time``,
        ``timestamp``; ``power_w``, ``Power [W]``, ``watts``, ``energy_kwh``.
    unit : str, optional
        Unit of the power column, if its header names none. Energy (Wh, kWh) means a
        counter that only rises.
    utc : bool
        Take times without an offset as UTC.

    Returns
    -------
    WallSeries

    Raises
    ------
    DataError
        If the file cannot be read, a column is not found, or a cell cannot be used;
        says which line, and what stands there.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The wall meter's file {path} cannot be read: {error}.", "It must be CSV in UTF-8."
        ) from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]
    time_name = _column(path, header, time_column, _is_time, "time")
    power_name = _column(path, header, power_column, _is_power, "power")
    power_unit = _power_unit(path, power_name, unit)
    decimal = "," if delimiter != "," else "."
    places = (header.index(time_name), header.index(power_name))
    cells = np.array(list(_rows(path, rows, places, _has_ms(time_name), decimal, utc)))
    if len(cells) < 2:
        raise DataError(f"{path} has {len(cells)} reading(s); expected at least 2.", "")
    findings: list[Finding] = []
    time_s, values = _in_order(cells[:, 0], cells[:, 1], path.name, findings)
    gaps = _gaps(time_s)
    if power_unit in ("W", "kW", "mW", "MW"):
        power_w = values * conversion_factor(power_unit, "W")
    else:
        energy_kwh = values * conversion_factor(power_unit, "kWh")
        gaps = sorted(set(gaps) | _resets(time_s, energy_kwh, path.name, findings))
        time_s, power_w = _differences(time_s, energy_kwh)
    if gaps:
        longest_s = max(stop - start for start, stop in gaps)
        findings.append(
            Finding(
                "wall-gaps",
                f"The meter said nothing usable in {len(gaps)} stretch(es), the longest of "
                f"{longest_s:.0f} s; windows that touch one are left out.",
                place=path.name,
            )
        )
    source = f"{path.name}, column {power_name!r}"
    return WallSeries(time_s, power_w, tuple(gaps), tuple(findings), source)


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", name)


def _unit_of(name: str) -> str | None:
    """Find the unit that ends a header, such as ``Power [kW]`` or ``power_w``."""
    words = _words(name)
    if not words:
        return None
    return words[-1] if words[-1] == "MW" else _UNITS.get(words[-1].lower())


def _has_ms(name: str) -> bool:
    return _words(name)[-1:] == ["ms"]


def _is_time(name: str) -> bool:
    lower = name.lower()
    return lower in _TIME_NAMES or bool({"time", "timestamp"} & {w.lower() for w in _words(name)})


def _is_power(name: str) -> bool:
    words = {word.lower() for word in _words(name)}
    return _unit_of(name) is not None or bool(words & _QUANTITIES)


def _column(
    path: Path, header: Sequence[str], given: str | None, fits: Callable[[str], bool], what: str
) -> str:
    there = ", ".join(repr(name) for name in header) or "nothing"
    if given is not None:
        if given not in header:
            raise DataError(f"{path}:1: no column {given!r}; the header has {there}.", "Name one.")
        return given
    found = [name for name in header if fits(name)]
    # A meter that writes both power and a counter: power is the finer of the two.
    powers = [name for name in found if (_unit_of(name) or "").endswith("W")]
    if what == "power" and len(powers) == 1:
        return powers[0]
    if len(found) != 1:
        raise DataError(
            f"{path}:1: {'more than one' if found else 'no'} column looks like {what}; "
            f"the header has {there}.",
            f"Name the column: --{what}-column on the command line, {what}_column in Python.",
        )
    return found[0]


def _power_unit(path: Path, name: str, given: str | None) -> str:
    unit = _unit_of(name) if given is None else _unit_of(given)
    if unit is None:
        raise DataError(
            f"{path}:1: the column {name!r} names no unit of power or energy"
            + (f", and {given!r} is none." if given else "."),
            "Rename it, to 'power_w' say, or give its unit: W, kW, mW, Wh or kWh.",
        )
    return unit


def _rows(
    path: Path,
    rows: Iterator[list[str]],
    places: tuple[int, int],
    milliseconds: bool,  # noqa: FBT001
    decimal: str,
    utc: bool,  # noqa: FBT001
) -> Iterator[tuple[float, float]]:
    number = 1
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}:{number}"
        if len(row) <= max(places):
            raise DataError(f"{where}: {len(row)} cell(s), expected more.", "Repair the line.")
        time_text, value_text = (row[place].strip() for place in places)
        time_s = _unix_s(where, time_text, milliseconds=milliseconds, utc=utc)
        try:
            value = float(value_text.replace(decimal, "."))
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise DataError(
                f"{where}: found {value_text!r}, expected a number of at least 0.",
                "Remove the line or repair it; a gap is better than a made-up figure.",
            )
        yield time_s, value


def _unix_s(where: str, text: str, *, milliseconds: bool, utc: bool) -> float:
    try:
        time_s = float(text) / (1e3 if milliseconds else 1.0)
    except ValueError:
        pass
    else:
        if _FIRST_S < time_s < _LAST_S:
            return time_s
        raise DataError(
            f"{where}: {text!r} is no time in unix seconds.",
            "Milliseconds need a column whose name ends in '_ms'; times that count from the "
            "start of a recording cannot be placed.",
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(
            f"{where}: found {text!r}, expected a time such as 2026-03-01T12:00:00+01:00.",
            "Write times in ISO 8601 with an offset, or as unix seconds.",
        ) from None
    if moment.tzinfo is None:
        if not utc:
            raise DataError(
                f"{where}: the time {text!r} has no offset; which hour that was depends on the "
                "place and the season.",
                "Add the offset (Z or +01:00). If it is UTC, say so: --utc, or utc=True.",
            )
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _in_order(
    time_s: Array, values: Array, name: str, findings: list[Finding]
) -> tuple[Array, Array]:
    backwards = int(np.sum(np.diff(time_s) < 0))
    if backwards:
        message = f"{backwards} row(s) stand before an earlier one; they were sorted by time."
        findings.append(Finding("wall-order", message, place=name))
    # Rows of one moment are averaged: meters write whole seconds and read faster.
    unique_s, places, counts = np.unique(time_s, return_inverse=True, return_counts=True)
    if len(unique_s) < len(time_s):
        message = (
            f"{len(time_s) - len(unique_s)} row(s) repeat the time of another; their mean is used."
        )
        findings.append(Finding("wall-duplicates", message, place=name))
    if len(unique_s) < 2:
        raise DataError(f"All readings of {name} stand at one moment.", "Export their times.")
    return unique_s, np.bincount(places, weights=values) / counts


def _gaps(time_s: Array) -> list[tuple[float, float]]:
    steps = np.diff(time_s)
    (places,) = np.nonzero(steps > GAP_STEPS * np.median(steps))
    return [(float(time_s[place]), float(time_s[place + 1])) for place in places]


def _resets(
    time_s: Array, energy_kwh: Array, name: str, findings: list[Finding]
) -> set[tuple[float, float]]:
    (places,) = np.nonzero(np.diff(energy_kwh) < 0)
    if len(places):
        message = f"The energy counter fell {len(places)} time(s); it was set back, or replaced."
        findings.append(Finding("wall-reset", message, place=name))
    return {(float(time_s[place]), float(time_s[place + 1])) for place in places}


def _differences(time_s: Array, energy_kwh: Array) -> tuple[Array, Array]:
    """Mean power between readings of a counter, as steps that keep its energy."""
    steps_w = np.maximum(np.diff(energy_kwh), 0.0) * J_PER_KWH / np.diff(time_s)
    return np.repeat(time_s, 2)[1:-1], np.repeat(steps_w, 2)
