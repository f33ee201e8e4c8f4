"""Electricity Maps: average intensity of consumption, flow-traced, by the hour.

The interface is that of its API reference (v3): a key in the header ``auth-token``, hours in UTC
stamped with their start, ranges of ten days at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from footprint.factors.intensity import IntensitySeries, Provenance, iso, require_span
from footprint.factors.providers.exchange import Answer, Request, Secrets
from footprint.factors.providers.setup import (
    DAY_S,
    Setup,
    SourceInfo,
    field_of,
    full_horizon_h,
    is_settled,
    merged,
    number_of,
    require_echo,
    with_forecast,
)
from footprint.factors.series_rows import Row, blocks, make_series, read_moment
from footprint.model import Finding, SignalKind, Source
from footprint.model.kinds import SignalScope

NAME = "electricity-maps"
KEY = "ELECTRICITYMAPS_TOKEN"
URL = "https://api.electricitymaps.com"
SIGNALS = (SignalKind(), SignalKind(scope=SignalScope.DIRECT))
SOURCE = Source(
    "Electricity Maps API v3",
    "https://www.electricitymaps.com",
    "terms of your plan; not for redistribution",
)
BOUNDARY = "consumption, flow-traced"
_STEP_S = 3600
_BLOCK_S = 10 * DAY_S
# Where an answer has its rows; that of `past-range` is not confirmed.
_LISTS = {"history": "history", "past-range": "data", "forecast": "forecast"}
# Without this an unknown zone is answered with that of the caller's address.
_NO_GUESS = ("shouldUseFallbackCallerLookup", "false")
_FACTORS = {SignalScope.LIFE_CYCLE: "lifecycle", SignalScope.DIRECT: "direct"}


class ElectricityMaps:
    """Intensity by the API of Electricity Maps.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._signal = setup.choose(SIGNALS, NAME)
        self._url = (setup.url or URL).rstrip("/")

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Give all hours that touch a stretch of time: what happened, then the forecast."""
        require_span(start_s, stop_s)
        now_s = self._now_s()
        past: list[tuple[Answer, list[Row]]] = []
        ahead: list[tuple[Answer, list[Row]]] = []
        first_s = start_s // _STEP_S * _STEP_S
        if first_s <= now_s:  # also for the hour that is running
            past += self._past(zone, first_s, min(stop_s, now_s + 1), now_s)
        if stop_s > now_s:
            ahead.append(self._forecast(zone, stop_s - now_s))
        oldest_s, findings = merged(answer for answer, _ in (*past, *ahead))
        if ahead and self._signal.scope is SignalScope.DIRECT:
            findings += (_UNSAID,)
        forecast = [row._replace(forecast=True) for _, rows in ahead for row in rows]
        rows = with_forecast([row for _, rows in past for row in rows], forecast)
        of = Provenance(NAME, SOURCE, BOUNDARY, oldest_s, findings)
        return make_series(zone, rows, (start_s, stop_s, _STEP_S), self._signal, of)

    def _past(
        self, zone: str, start_s: int, stop_s: int, now_s: int
    ) -> Iterator[tuple[Answer, list[Row]]]:
        if start_s > now_s - DAY_S:  # of that `history` tells, on every plan
            yield self._ask("history", zone)
            return
        for begin_s, end_s in blocks(start_s, stop_s, _BLOCK_S):
            last_s = min(end_s, now_s // _STEP_S * _STEP_S + _STEP_S)
            span = (("start", iso(begin_s)), ("end", iso(last_s)))
            yield self._ask("past-range", zone, span, (begin_s, end_s))

    def _forecast(self, zone: str, ahead_s: int) -> tuple[Answer, list[Row]]:
        horizon = str(full_horizon_h(ahead_s))
        return self._ask("forecast", zone, (("horizonHours", horizon),))

    def _ask(
        self,
        endpoint: str,
        zone: str,
        further: tuple[tuple[str, str], ...] = (),
        block: tuple[int, int] | None = None,
    ) -> tuple[Answer, list[Row]]:
        factors = _FACTORS[self._signal.scope]
        url = f"{self._url}/v3/carbon-intensity/{endpoint}"
        asked = (("zone", zone), *further, ("emissionFactorType", factors), _NO_GUESS)
        # The end that is asked for moves with the clock; a block is kept under its own.
        part = " ".join(value for _, value in further) if block is None else f"{block}"
        request = Request(NAME, url, asked, endpoint, f"{url} {zone} {factors} {part}".strip())

        def read(answer: Answer) -> list[Row]:
            document = answer.json(request)
            require_echo(field_of(document, "zone", str, NAME), zone, "zone", NAME)
            rows = field_of(document, _LISTS[endpoint], list, NAME)
            return [_row(one, zone, factors) for one in rows]

        def settled(body: str) -> bool:
            rows = read(Answer(body, 0.0))
            return block is not None and is_settled(rows, block, _STEP_S, self._now_s())

        answer = self._setup.transport.get(request, self._secrets, settled=settled)
        return answer, read(answer)

    def _now_s(self) -> int:
        return int(self._setup.transport.clock.now_s())

    def _secrets(self) -> Secrets:
        return Secrets({"auth-token": self._setup.key(KEY, NAME)})


_UNSAID = Finding(
    "signal-unsaid",
    f"{NAME}: forecasts do not say whether they are direct or life-cycle; direct ones were asked "
    "for.",
    remedy="Compare the forecast with the hours before it.",
)


def _row(one: Any, zone: str, factors: str) -> Row:
    where = f"{NAME}, {zone}"
    if isinstance(one, dict):
        require_echo(one.get("zone", zone), zone, "zone", where)
        require_echo(one.get("emissionFactorType", factors), factors, "factor type", where)
    start_s = read_moment(field_of(one, "datetime", str, where))
    value = number_of(one, "carbonIntensity", where)
    return Row(start_s, value, estimated=one.get("isEstimated") is True)


INFO = SourceInfo(
    ElectricityMaps,
    "hourly average of consumption, with a forecast",
    SIGNALS,
    SOURCE,
    "DE, SE-SE3, US-CAL-CISO",
    (KEY,),
    "live",
    forecasts=True,
)
