"""The Carbon Intensity API of Great Britain: half-hours, actual and forecast; no key.

Its figures are CO2 of generation, imports and losses of the grid included. Zones are ``GB`` and
``GB-1`` to ``GB-17``, after the numbers of its regions, of which there are forecasts alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from footprint.errors import SourceError, UsageError
from footprint.factors.intensity import IntensitySeries, Provenance, require_span
from footprint.factors.providers.exchange import Answer, Request
from footprint.factors.providers.setup import (
    DAY_S,
    Setup,
    SourceInfo,
    field_of,
    is_settled,
    merged,
    number_of,
    require_echo,
    with_forecast,
)
from footprint.factors.series_rows import Row, blocks, make_series, read_moment
from footprint.model import Finding, Severity, SignalKind, Source
from footprint.model.kinds import SignalScope

NAME = "uk-carbon-intensity"
URL = "https://api.carbonintensity.org.uk"
SIGNALS = (SignalKind(scope=SignalScope.DIRECT),)
SOURCE = Source(
    "Carbon Intensity API, National Energy System Operator",
    "https://carbonintensity.org.uk",
    "CC BY 4.0",
)
BOUNDARY = "consumption, with imports and losses of transmission and distribution; CO2 only"
_STEP_S = 1800
# The service is said to take 14 days at most, which is not confirmed; half of it is safe.
_BLOCK_S = 7 * DAY_S
_ZONE = re.compile(r"GB(?:-([1-9]|1[0-7]))?")


class UkCarbonIntensity:
    """Intensity of Great Britain and its regions.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._signal = setup.choose(SIGNALS, NAME)
        self._url = (setup.url or URL).rstrip("/")

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Give all half-hours that touch a stretch of time: what happened, then the forecast."""
        region = _region(zone)
        now_s = self._now_s()
        found = list(self._fetched(region, start_s, stop_s, now_s))
        steps = [one for _, ones in found for one in ones]
        actual = [_actual(one, region) for one in steps if _edge(one, "to") <= now_s]
        ahead = [_forecast(one) for one in steps if _edge(one, "to") > now_s]
        oldest_s, findings = merged(answer for answer, _ in found)
        findings += () if region is None else (_REGIONAL,)
        of = Provenance(NAME, SOURCE, BOUNDARY, oldest_s, findings)
        rows = with_forecast(actual, ahead)
        return make_series(zone, rows, (start_s, stop_s, _STEP_S), self._signal, of)

    def past_forecasts(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Give what was forecast for half-hours that are over.

        The service keeps one forecast for each, and does not say how long before it was made.

        Raises
        ------
        UsageError
            For a region: nobody says what happened there.
        """
        if _region(zone) is not None:
            raise UsageError(f"{NAME} has no actual values of {zone!r} to hold forecasts against.")
        now_s = self._now_s()
        stop_s = min(stop_s, now_s)
        found = list(self._fetched(None, start_s, stop_s, now_s))
        rows = [_forecast(one) for _, ones in found for one in ones]
        of = Provenance(NAME, SOURCE, BOUNDARY, *merged(answer for answer, _ in found))
        return make_series(zone, rows, (start_s, stop_s, _STEP_S), self._signal, of)

    def _fetched(
        self, region: str | None, start_s: int, stop_s: int, now_s: int
    ) -> Iterator[tuple[Answer, list[Any]]]:
        require_span(start_s, stop_s)
        here_s = now_s // _STEP_S * _STEP_S
        for begin_s, end_s in blocks(start_s, min(stop_s, here_s), _BLOCK_S):
            last_s = min(end_s, here_s)
            span = f"{_stamp(begin_s)}/{_stamp(last_s)}"
            answer, steps = self._ask(span, region, (begin_s, end_s))
            # The service also gives the half-hour that ends where a span begins.
            yield answer, [one for one in steps if begin_s <= _edge(one, "from") < last_s]
        if stop_s > here_s:
            answer, steps = self._ask(f"{_stamp(here_s)}/fw48h", region)
            yield answer, [one for one in steps if _edge(one, "from") >= here_s]

    def _ask(
        self, span: str, region: str | None, block: tuple[int, int] | None = None
    ) -> tuple[Answer, list[Any]]:
        base = f"{self._url}/regional/intensity" if region else f"{self._url}/intensity"
        url = f"{base}/{span}" + (f"/regionid/{region}" if region else "")
        kind = "forecast" if block is None else "history"
        # The end that is asked for moves with the clock; a block is kept under its own.
        request = Request(NAME, url, (), kind, f"{base} {region or ''} {block or kind}")

        def settled(body: str) -> bool:
            rows = [_actual(one, region) for one in _steps(Answer(body, 0.0), request, region)]
            return block is not None and is_settled(rows, block, _STEP_S, self._now_s())

        answer = self._setup.transport.get(request, settled=settled)
        return answer, _steps(answer, request, region)

    def _now_s(self) -> int:
        return int(self._setup.transport.clock.now_s())


_REGIONAL = Finding(
    "intensity-forecast-only",
    f"{NAME}: of regions there are forecasts alone, also for what is past.",
    Severity.WARNING,
    "Take GB where measured values matter.",
)


def _region(zone: str) -> str | None:
    match = _ZONE.fullmatch(zone)
    if match is None:
        raise UsageError(
            f"{NAME} has no zone {zone!r}.", "Its zones are GB, and GB-1 to GB-17 for its regions."
        )
    return match[1]


def _steps(answer: Answer, request: Request, region: str | None) -> list[Any]:
    """Half-hours of an answer, checked for their length."""
    data = field_of(answer.json(request), "data", (list, dict), NAME)
    if region is not None:
        if isinstance(data, list) and len(data) == 1:
            data = data[0]  # both forms are in use for single regions
        number = data.get("regionid") if isinstance(data, dict) else None
        require_echo(str(number), region, "region", NAME)
        data = field_of(data, "data", list, NAME)
    for one in data:
        length_s = _edge(one, "to") - _edge(one, "from")
        if length_s != _STEP_S:
            raise SourceError(
                f"{NAME}: a step of {length_s} s; expected half an hour.",
                "The interface of the source may have changed; look for a newer footprint.",
            )
    return list(data)


def _edge(one: Any, key: str) -> int:
    return read_moment(field_of(one, key, str, NAME))


def _actual(one: Any, region: str | None) -> Row:
    if region is not None:
        return _forecast(one)
    intensity = field_of(one, "intensity", dict, NAME)
    return Row(_edge(one, "from"), number_of(intensity, "actual", NAME))


def _forecast(one: Any) -> Row:
    intensity = field_of(one, "intensity", dict, NAME)
    return Row(_edge(one, "from"), number_of(intensity, "forecast", NAME), forecast=True)


def _stamp(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%MZ}"


INFO = SourceInfo(
    UkCarbonIntensity,
    "half-hourly average of Great Britain, actual and forecast",
    SIGNALS,
    SOURCE,
    "GB, GB-1 to GB-17",
    (),
    "live",
    forecasts=True,
)
