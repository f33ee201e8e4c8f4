"""WattTime v3: marginal and average operating emissions, in steps of five minutes.

Rates are pounds of CO2 per megawatt-hour; `footprint.units` converts them. A login with name and
password gives a token for half an hour, which stays in memory; one that has expired is renewed.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from footprint.errors import KeyRefused, SourceError
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
from footprint.model import SignalKind, Source
from footprint.model.kinds import SignalBasis, SignalScope
from footprint.units import conversion_factor

NAME = "watttime"
USER, PASSWORD = "WATTTIME_USER", "WATTTIME_PASSWORD"
URL = "https://api.watttime.org"
SIGNALS = (
    SignalKind(SignalBasis.MARGINAL, scope=SignalScope.DIRECT),
    SignalKind(SignalBasis.AVERAGE, scope=SignalScope.DIRECT),
)
SOURCE = Source(
    "WattTime API v3", "https://watttime.org", "terms of your plan; not for redistribution"
)
BOUNDARY = "generation in the region of a balancing authority; CO2 only"
_TYPES = {SignalBasis.MARGINAL: "co2_moer", SignalBasis.AVERAGE: "co2_aoer"}
_UNIT = "lbs_co2_per_mwh"
_STEP_S = 300
# The client of WattTime asks for at most 30 days at a time.
_BLOCK_S = 7 * DAY_S


class WattTime:
    """Intensity by the API of WattTime.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._signal = setup.choose(SIGNALS, NAME)
        self._type = _TYPES[self._signal.basis]
        self._url = (setup.url or URL).rstrip("/")
        self._token = ""

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Give all steps that touch a stretch of time: what happened, then the forecast."""
        require_span(start_s, stop_s)
        now_s = self._now_s()
        past: list[tuple[Answer, list[Row]]] = []
        ahead: list[tuple[Answer, list[Row]]] = []
        first_s = start_s // _STEP_S * _STEP_S
        if first_s < now_s:  # also for the step that is running
            past += self._past(zone, first_s, min(stop_s, now_s), now_s)
        if stop_s > now_s:
            # Forecasts begin with the step that is running.
            horizon = str(full_horizon_h(stop_s - now_s // _STEP_S * _STEP_S))
            ahead.append(self._ask("forecast", zone, (("horizon_hours", horizon),)))
        of = Provenance(NAME, SOURCE, BOUNDARY, *merged(answer for answer, _ in (*past, *ahead)))
        forecast = [row._replace(forecast=True) for _, rows in ahead for row in rows]
        rows = with_forecast([row for _, rows in past for row in rows], forecast)
        return make_series(zone, rows, (start_s, stop_s, _STEP_S), self._signal, of)

    def _past(
        self, zone: str, start_s: int, stop_s: int, now_s: int
    ) -> Iterator[tuple[Answer, list[Row]]]:
        for begin_s, end_s in blocks(start_s, stop_s, _BLOCK_S):
            # Ends are included in the answer: the last step begins one before.
            last_s = min(end_s, now_s // _STEP_S * _STEP_S + _STEP_S) - _STEP_S
            span = (("start", iso(begin_s)), ("end", iso(last_s)))
            yield self._ask("historical", zone, span, (begin_s, end_s))

    def _ask(
        self,
        endpoint: str,
        zone: str,
        further: tuple[tuple[str, str], ...],
        block: tuple[int, int] | None = None,
    ) -> tuple[Answer, list[Row]]:
        url = f"{self._url}/v3/{endpoint}"
        asked = (("region", zone), ("signal_type", self._type), *further)
        # The end that is asked for moves with the clock; a block is kept under its own.
        part = " ".join(value for _, value in further) if block is None else f"{block}"
        request = Request(NAME, url, asked, endpoint, f"{url} {zone} {self._type} {part}")

        def settled(body: str) -> bool:
            rows = self._rows(Answer(body, 0.0).json(request), zone)
            return block is not None and is_settled(rows, block, _STEP_S, self._now_s())

        had_one = bool(self._token)
        try:
            answer = self._setup.transport.get(request, self._bearer, settled=settled)
        except KeyRefused:
            if not had_one:
                raise  # a token of this very moment was refused
            self._token = ""
            answer = self._setup.transport.get(request, self._bearer, settled=settled)
        return answer, self._rows(answer.json(request), zone)

    def _now_s(self) -> int:
        return int(self._setup.transport.clock.now_s())

    def _bearer(self) -> Secrets:
        """Give the token, and log in for one where there is none."""
        if not self._token:
            self._token = self._login()
        password = self._setup.key(PASSWORD, NAME)
        return Secrets({"authorization": f"Bearer {self._token}"}, words=(self._token, password))

    def _login(self) -> str:
        user, password = (self._setup.key(name, NAME) for name in (USER, PASSWORD))
        pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        hidden = Secrets({"authorization": f"Basic {pair}"}, words=(pair, password))
        request = Request(NAME, f"{self._url}/login", (), "login")
        try:
            # Past the cache: a token never goes onto the disk.
            reply = self._setup.transport.send(request, hidden)
        except KeyRefused as error:
            raise KeyRefused(error.message, f"Check {USER} and {PASSWORD}.") from None
        token = field_of(Answer(reply.body, 0.0).json(request), "token", str, NAME).strip()
        if not token or not token.isascii() or not token.isprintable():
            raise SourceError(f"{NAME}: the login gave no token.", f"Check {USER} and {PASSWORD}.")
        return str(token)

    def _rows(self, document: Any, zone: str) -> list[Row]:
        meta = field_of(document, "meta", dict, NAME)
        require_echo(meta.get("region"), zone, "region", NAME)
        require_echo(meta.get("signal_type"), self._type, "signal", NAME)
        require_echo(meta.get("units"), _UNIT, "unit", NAME)
        g_per_kwh = conversion_factor("lbCO2e/MWh", "gCO2e/kWh")
        rows = []
        for one in field_of(document, "data", list, NAME):
            value = number_of(one, "value", NAME)
            start_s = read_moment(field_of(one, "point_time", str, NAME))
            imputed = one.get("imputed_data_used") is True
            rows.append(
                Row(start_s, None if value is None else value * g_per_kwh, estimated=imputed)
            )
        return rows


INFO = SourceInfo(
    WattTime,
    "marginal (or average) operating emissions every five minutes, with a forecast",
    SIGNALS,
    SOURCE,
    "CAISO_NORTH (free of charge), PJM_DC, DE",
    (USER, PASSWORD),
    "live",
    forecasts=True,
)
