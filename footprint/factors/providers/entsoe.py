"""ENTSO-E's Transparency Platform: generation by type, times a factor for each; our reading.

The platform publishes no intensity. What a zone generates, by type, is taken through `entsoe-py`
and multiplied by the medians of the IPCC in the catalogue. Imports are not counted. Storage gives
back what was generated before and is left out. Types without a factor are left out of mean and
weights, and the share that is covered is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import SimpleNamespace

from footprint.errors import MissingExtra, SourceError, UsageError
from footprint.factors.intensity import IntensitySeries, Provenance, iso, require_span
from footprint.factors.providers.exchange import Answer, Request, Secrets
from footprint.factors.providers.generation_mix import (
    Mix,
    factors,
    fault_of,
    is_empty,
    joined,
    read_mix,
    rows_of,
    weigh,
)
from footprint.factors.providers.setup import DAY_S, Setup, SourceInfo, is_settled, merged
from footprint.factors.series_rows import blocks, make_series
from footprint.model import SignalKind, Source
from footprint.model.kinds import SignalScope

NAME = "entsoe"
KEY = "ENTSOE_API_KEY"
SIGNALS = (SignalKind(), SignalKind(scope=SignalScope.DIRECT))
SOURCE = Source(
    "ENTSO-E Transparency Platform, actual generation per type (A75), times IPCC 2014 medians",
    "https://transparency.entsoe.eu",
    "ENTSO-E terms of use; attribution",
)
BOUNDARY = "generation within the zone, imports not counted"
_BLOCK_S = 7 * DAY_S


class Entsoe:
    """Intensity of generation, from the Transparency Platform.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._signal = setup.choose(SIGNALS, NAME)

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Give all steps that touch a stretch of time; the platform forecasts no mix of types."""
        require_span(start_s, stop_s)
        now_s = int(self._setup.transport.clock.now_s())
        if start_s >= now_s:
            raise SourceError(
                f"{NAME} forecasts no generation by type.", "Take a source that forecasts."
            )
        session = _Session(self._setup, zone, self._signal, now_s)
        asked = blocks(start_s, min(stop_s, now_s), _BLOCK_S)
        mixes = [mix for mix in map(session.generation, asked) if mix is not None]
        if not mixes:
            raise SourceError(
                f"{NAME} has no generation of {zone!r} in that time.",
                "It publishes some hours after the fact; ask for an earlier stretch.",
            )
        table, step_s, lacking = joined(mixes, now_s)
        values, coverage = weigh(table, factors(self._signal))
        oldest_s, findings = merged(session.answers)
        of = Provenance(NAME, SOURCE, BOUNDARY, oldest_s, (*findings, *lacking, coverage))
        span = (start_s, stop_s, step_s)
        return make_series(zone, rows_of(table, values), span, self._signal, of)


class _Session:
    """Stands where entsoe-py expects a session of requests; its calls go through our transport.

    So limits, cache and checks are those of every source, and the client never holds the key.
    """

    def __init__(self, setup: Setup, zone: str, signal: SignalKind, now_s: int) -> None:
        try:
            import pandas as pd
            from entsoe.entsoe import EntsoeRawClient
            from entsoe.exceptions import NoMatchingDataError
            from entsoe.mappings import lookup_area
        except ImportError as error:
            raise MissingExtra.of("entsoe", "Asking ENTSO-E") from error
        try:
            self._area = lookup_area(zone)
        except (ValueError, KeyError):
            raise UsageError(
                f"{NAME} has no zone {zone!r}.",
                "Its zones are named like FR, DE_LU, NO_2; see entsoe.mappings.Area.",
            ) from None
        self._pandas, self._no_data = pd, NoMatchingDataError
        self._setup, self._zone, self._now_s = setup, zone, now_s
        self._factors = factors(signal)
        self.answers: list[Answer] = []
        self.headers: dict[str, str] = {}
        self._block = (0, 0)
        # An answer is read to say whether it is settled, and then for what it says.
        self._read = lru_cache(maxsize=1)(self._mix)
        self._client = EntsoeRawClient(
            api_key="in the hands of the transport",
            session=self,  # type: ignore[arg-type]
            retry_count=1,
            retry_delay=0,
        )

    def generation(self, block: tuple[int, int]) -> Mix | None:
        """Ask for the generation of a block, or of what of it has passed; None if there is none."""
        self._block = block
        ends = (block[0], min(block[1], self._now_s))
        start, end = (self._pandas.Timestamp(one, unit="s", tz="UTC") for one in ends)
        try:
            body = self._client.query_generation(self._zone, start=start, end=end)
        except self._no_data:
            return None
        return self._read(body, *ends)

    def get(self, url: str, params: Mapping[str, str], **_: object) -> SimpleNamespace:
        """Ask as `requests.Session.get` would, for what `entsoe` does with the answer."""
        asked = tuple(sorted((k, v) for k, v in params.items() if k != "securityToken"))
        begin_s, end_s = self._block
        address = self._setup.url or url
        part = f"{address} {self._area.code} {begin_s}"
        request = Request(NAME, address, asked, "history", part, accepted=(400,))

        def settled(body: str) -> bool:
            if is_empty(body):
                return False
            fault = fault_of(body, self._area.code)
            if fault is not None:
                raise SourceError(f"{NAME}: {fault}.", "Ask again later, or for other hours.")
            mix = self._read(body, begin_s, min(end_s, self._now_s))
            table = mix.on_grid(mix.step_s)
            rows = rows_of(table, weigh(table, self._factors)[0])
            return is_settled(rows, self._block, mix.step_s, self._now_s)

        answer = self._setup.transport.get(request, self._secrets, settled=settled)
        self.answers.append(answer)
        return SimpleNamespace(
            text=answer.body, headers={"content-type": "text/xml"}, raise_for_status=lambda: None
        )

    def _mix(self, body: str, begin_s: int, end_s: int) -> Mix:
        try:
            return read_mix(body, begin_s, end_s)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, NotImplementedError):
            raise SourceError(
                f"{NAME}: the generation of {self._zone!r} from {iso(begin_s)} cannot be read by "
                "entsoe-py.",
                "The interface may have changed; look for a newer entsoe-py.",
            ) from None

    def _secrets(self) -> Secrets:
        return Secrets(parameters={"securityToken": self._setup.key(KEY, NAME)})


INFO = SourceInfo(
    Entsoe,
    "generation by type times a factor for each; no forecast, no imports",
    SIGNALS,
    SOURCE,
    "FR, DE_LU, NO_2",
    (KEY,),
    "entsoe",
)
