"""What `footprint intensity` prints: tables, a chart of blocks, and the best time for a job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from footprint.factors.intensity import iso, moment
from footprint.factors.series_files import UNIT
from footprint.factors.series_summary import plain_values, summarise, thin
from footprint.units import S_PER_H, format_quantity

if TYPE_CHECKING:
    from footprint.factors.intensity import IntensitySeries
    from footprint.model import Interval
    from footprint.scheduling.best_window import BestWindow, Plan

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT = 60, 5


def print_sources(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what is known of each source; of keys only whether they are set."""
    for row in rows:
        needs = [f"{key} ({'set' if there else 'not set'})" for key, there in row["keys"].items()]
        if row["extra"]:
            state = "installed" if row["installed"] else "not installed"
            needs.append(f"extra {row['extra']!r} ({state})")
        _print_pairs(
            {
                row["source"]: row["what"],
                "  signals": ", ".join(row["signals"]) or "of the file",
                "  zones": row["zones"] or "of the file",
                "  needs": ", ".join(needs) or "--file",
                "  licence": row["licence"],
            }
        )


def print_series(series: IntensitySeries, now_s: float) -> None:
    """Print the latest value, the range and a chart."""
    found, of = summarise(series), series.provenance
    pairs = {
        "zone": series.zone,
        "latest": "none: all of it is a forecast, or missing",
        "range": f"{found.low:.0f} to {found.high:.0f}, mean {found.mean:.0f} {UNIT}",
        "signal": str(series.signal),
        "counted": of.boundary,
        "source": of.source.title,
        "licence": of.source.licence,
        "time": f"{moment(series.start_s)} to {moment(series.stop_s)}, steps of "
        f"{series.step_s // 60} min",
        "gaps": f"{found.missing} of {len(series.values)} steps" if found.missing else "",
    }
    if found.latest is not None:
        start_s, value, was_estimated = found.latest
        pairs["latest"] = f"{value:.0f} {UNIT}, from {moment(start_s)}"
        pairs["latest"] += ", estimated" if was_estimated else ""
    if found.forecast_until_s is not None:
        pairs["forecast"] = f"to {moment(found.forecast_until_s)}"
    if of.fetched_s is not None and now_s - of.fetched_s > S_PER_H:
        age_h = (now_s - of.fetched_s) / S_PER_H
        pairs["fetched"] = f"{moment(of.fetched_s)}, {age_h:.1f} h ago"
    _print_pairs(pairs)
    for line in chart_lines(series):
        _console().print(_text(line), soft_wrap=True)


def chart_lines(series: IntensitySeries) -> list[str]:
    """Draw a series with blocks, from 0 to its largest value; gaps stay empty.

    A line below marks what is forecast.
    """
    parts = thin(series, _WIDTH)
    top = max([mean for mean, _ in parts if not math.isnan(mean)] + [1e-9])
    levels = [-1 if math.isnan(mean) else round(mean / top * 8 * _HEIGHT) for mean, _ in parts]
    lines = []
    for row in reversed(range(_HEIGHT)):
        drawn = "".join(_BLOCKS[min(max(level - 8 * row, 0), 8)] for level in levels)
        label = f"{top:6.0f} " if row == _HEIGHT - 1 else " " * 7
        lines.append(f"{label}{drawn}".rstrip())
    marks = [" " if math.isnan(mean) else "f" if ahead else "-" for mean, ahead in parts]
    lines.append(f"     0 {''.join(marks)}".rstrip())
    first, last = (f"{moment(one)[5:16]}" for one in (series.start_s, series.stop_s))
    lines.append(f"       {first}{last:>{max(len(parts) - len(first), len(last) + 1)}} UTC")
    if any(ahead for _, ahead in parts):
        lines.append("       f: forecast")
    return lines


def print_window(found: BestWindow, series: IntensitySeries) -> None:
    """Print when to start, and what that saves."""
    job, best = found.job, found.best
    first = best.runs[0][0]
    pairs = {
        "start": _times(first),
        "runs": "\n".join(f"{moment(a)} to {moment(b)}" for a, b in best.runs),
        "intensity": f"{best.g_per_kwh:.0f} {UNIT}",
    }
    if found.at_once is not None:
        pairs["if started at once"] = f"{found.at_once.g_per_kwh:.0f} {UNIT}"
    if found.saving is not None:
        pairs["expected saving"] = _share(found.saving, with_ends=found.has_interval)
    if job.energy_kwh is not None and found.saved_g is not None:
        grams = found.saved_g
        text = format_quantity("emissions", grams.value)
        if found.has_interval:
            ends = (format_quantity("emissions", one) for one in (grams.low, grams.high))
            text += f" ({' to '.join(ends)})"
        pairs["that is"] = f"{text}, of {format_quantity('energy', job.energy_kwh)}"
    pairs["interval"] = found.error
    pairs["signal"] = f"{series.signal}, {series.provenance.boundary}"
    pairs["source"] = series.provenance.source.title
    _print_pairs(pairs)


def window_document(found: BestWindow, series: IntensitySeries) -> dict[str, Any]:
    """Write the best time for programs."""
    job = found.job

    def plan(one: Plan | None) -> dict[str, Any] | None:
        if one is None:
            return None
        return {
            "runs": [[iso(start), iso(stop)] for start, stop in one.runs],
            "g_per_kwh": one.g_per_kwh,
            "emissions_g": found.grams(one),
        }

    return {
        "zone": series.zone,
        "signal": str(series.signal),
        "source": series.provenance.source.title,
        "job": {
            "duration_s": job.duration_s,
            "release": iso(job.release_s),
            "deadline": iso(job.deadline_s),
            "interruptible": job.interruptible,
            "power_w": job.power_w,
            "energy_kwh": job.energy_kwh,
        },
        "start": iso(found.best.runs[0][0]),
        "best": plan(found.best),
        "at_once": plan(found.at_once),
        "saving": _ends(found.saving, with_ends=found.has_interval),
        "saved_g": _ends(found.saved_g, with_ends=found.has_interval),
        "interval": found.error,
        "findings": [{"code": one.code, "message": one.message} for one in found.findings],
    }


def values_document(series: IntensitySeries) -> dict[str, Any]:
    """Write the values of a series for programs."""
    return {
        "signal": str(series.signal),
        "unit": "gCO2e/kWh",
        "start": iso(series.start_s),
        "step_s": series.step_s,
        "values": plain_values(series),
    }


def summary_line(series: IntensitySeries) -> str:
    """Say in one line what a series is."""
    found = summarise(series)
    return (
        f"{series.zone}: {len(series.values)} steps of {series.step_s // 60} min from "
        f"{moment(series.start_s)} to {moment(series.stop_s)}, {series.signal}, mean "
        f"{found.mean:.0f} ({found.low:.0f} to {found.high:.0f}) gCO2e/kWh"
    )


def _ends(one: Interval | None, *, with_ends: bool) -> dict[str, float | None] | None:
    if one is None:
        return None
    low, high = (one.low, one.high) if with_ends else (None, None)
    return {"value": one.value, "low": low, "high": high}


def _share(one: Interval, *, with_ends: bool) -> str:
    return f"{one.value:.1%}" + (f" ({one.low:.1%} to {one.high:.1%})" if with_ends else "")


def _times(unix_s: int) -> str:
    """Write a moment in UTC, and in the time of this machine where that differs."""
    here = datetime.fromtimestamp(unix_s, UTC).astimezone()
    local = f", {here:%Y-%m-%d %H:%M %Z} here" if here.utcoffset() else ""
    return f"{moment(unix_s)}{local}"


def _text(text: str) -> Any:
    from rich.text import Text

    return Text(text)  # what a source says is never read as markup


def _console() -> Any:
    from rich.console import Console

    return Console()


def _print_pairs(pairs: Mapping[str, str]) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in pairs.items():
        if text:
            grid.add_row(name, _text(text))
    _console().print(grid)
