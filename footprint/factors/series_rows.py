"""From what a source answers to a series: rows on a grid, blocks of time, moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from footprint.errors import DataError, SourceError, UsageError
from footprint.factors.intensity import (
    Flags,
    Floats,
    IntensitySeries,
    Provenance,
    moment,
    require_span,
    stretches,
)
from footprint.model import Finding, Severity, SignalKind

MOST_BLOCKS = 200
"""Requests for one series: years of hours, and not a slip in the year. Our choice."""


class Row(NamedTuple):
    """One step as a source gives it; `value` in g/kWh, None where it says nothing."""

    start_s: int
    value: float | None
    estimated: bool = False
    forecast: bool = False


def make_series(
    zone: str, rows: Iterable[Row], span: tuple[int, int, int], signal: SignalKind, of: Provenance
) -> IntensitySeries:
    """Put the rows of a source onto a grid of steps.

    Parameters
    ----------
    zone : str
    rows : iterable of Row
        In any order; what lies outside the span is left out.
    span : tuple of int
        First moment and last one that are wanted, and length of a step [s].
    signal : SignalKind
    of : Provenance

    Raises
    ------
    SourceError
        If a row is off the grid, or two rows of one step disagree.
    DataError
        If no row lies within the span.
    """
    start_s, stop_s, step_s = span
    require_span(start_s, stop_s)
    first_s = start_s // step_s * step_s
    steps = -((first_s - stop_s) // step_s)
    values = np.full(steps, np.nan)
    estimated, forecast = np.zeros(steps, np.bool_), np.zeros(steps, np.bool_)
    seen: dict[int, Row] = {}
    last_s, out_of_order, doubled = None, 0, 0
    for row in rows:
        place, off = divmod(row.start_s - first_s, step_s)
        if off:
            raise SourceError(
                f"{of.provider}: the step of {zone!r} at {moment(row.start_s)} is off the grid of "
                f"{step_s} s.",
                "The source changed its steps; ask for a shorter stretch of time.",
            )
        out_of_order += last_s is not None and row.start_s < last_s
        last_s = row.start_s
        if not 0 <= place < steps:
            continue
        if place in seen:
            if seen[place].value != row.value:
                raise SourceError(
                    f"{of.provider}: two values of {zone!r} for {moment(row.start_s)}: "
                    f"{seen[place].value} and {row.value}.",
                    "Nobody can tell which is right; ask again later, or take another source.",
                )
            doubled += 1
        seen[place] = row
        values[place] = np.nan if row.value is None else row.value
        estimated[place], forecast[place] = row.estimated, row.forecast
    if np.isnan(values).all():
        raise DataError(
            f"{of.provider} knows nothing of {zone!r} from {moment(start_s)} to {moment(stop_s)}.",
            "Ask for another stretch of time, or check the name of the zone.",
        )
    findings = [
        *_on_order(of.provider, zone, out_of_order, doubled),
        *_on_gaps(values, estimated, (first_s, step_s), zone),
    ]
    of = replace(of, findings=(*of.findings, *findings))
    return IntensitySeries(zone, first_s, step_s, values, signal, of, estimated, forecast)


def _on_order(provider: str, zone: str, out_of_order: int, doubled: int) -> Iterator[Finding]:
    for many, what in ((out_of_order, "out of order"), (doubled, "given twice, with one value")):
        if many:
            yield Finding(
                "intensity-order",
                f"{provider}: {many} step(s) of {zone!r} were {what}.",
                Severity.INFO,
            )


def _on_gaps(
    values: Floats, estimated: Flags, grid: tuple[int, int], zone: str
) -> Iterator[Finding]:
    missing = np.isnan(values)
    if missing.any():
        holes = stretches(missing, *grid)
        yield Finding(
            "intensity-gap",
            f"{int(missing.sum())} of {len(values)} steps of {zone!r} have no value, the first "
            f"from {moment(holes[0][0])} to {moment(holes[0][1])}.",
            remedy="Nothing was filled in; whatever needs these steps is refused.",
        )
    if estimated.any():
        yield Finding(
            "intensity-estimated",
            f"{int(estimated.sum())} of {len(values)} values of {zone!r} were estimated by their "
            "publisher.",
            Severity.INFO,
        )


def blocks(start_s: int, stop_s: int, length_s: int) -> Iterator[tuple[int, int]]:
    """Cut a stretch of time at fixed edges, so that the same requests come back.

    Raises
    ------
    UsageError
        If there would be too many.

    Examples
    --------
    >>> list(blocks(5, 25, 10))
    [(0, 10), (10, 20), (20, 30)]
    """
    if start_s >= stop_s:
        return
    many = -((start_s - stop_s) // length_s)
    if many > MOST_BLOCKS:
        raise UsageError(
            f"{moment(start_s)} to {moment(stop_s)} would take {many} requests; {MOST_BLOCKS} are "
            "the limit.",
            "Ask for it in parts, if you mean it.",
        )
    for begin_s in range(start_s // length_s * length_s, stop_s, length_s):
        yield begin_s, begin_s + length_s


def read_moment(text: object) -> int:
    """Read a moment that a source wrote; without an offset it is UTC.

    Raises
    ------
    SourceError
        If it is none.
    """
    try:
        when = datetime.fromisoformat(text)  # type: ignore[arg-type]
        return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError):
        raise SourceError(f"{str(text)[:40]!r} is no moment in time.") from None
