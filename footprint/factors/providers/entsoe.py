"""ENTSO-E's Transparency Platform: generation by type, times a factor for each; our reading.

The platform publishes no intensity. What a zone generates, by type, is taken through `entsoe-py`
and multiplied by the medians of the IPCC in the catalogue. Imports are not counted. Storage gives
back what was generated before and is left out. Types without a factor are left out of mean and
weights, and the share that is covered is said.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from footprint.errors import FactorNotFound, MissingExtra, SourceError, UsageError
from footprint.factors.catalogue import load_catalogue
from footprint.factors.intensity import Floats, IntensitySeries, Provenance, iso, require_span
from footprint.factors.providers.exchange import Answer, Request, Secrets
from footprint.factors.providers.setup import DAY_S, SETTLED_S, Setup, SourceInfo, merged
from footprint.factors.series_rows import Row, blocks, make_series
from footprint.model import Finding, SignalKind, Source
from footprint.model.kinds import SignalScope

if TYPE_CHECKING:
    import pandas as pd

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
_MEGAWATT = "MAW"
# By the names that entsoe-py gives to the platform's types B01 to B25. Hard coal and lignite share
# the one factor that the IPCC gives for coal; all sun counts as utility-scale.
SUBJECTS: Mapping[str, str] = {
    "Biomass": "biomass.dedicated",
    "Fossil Brown coal/Lignite": "coal",
    "Fossil Gas": "gas",
    "Fossil Hard coal": "coal",
    "Fossil Oil": "oil",
    "Geothermal": "geothermal",
    "Hydro Run-of-river and pondage": "hydro",
    "Hydro Water Reservoir": "hydro",
    "Nuclear": "nuclear",
    "Solar": "solar.pv_utility",
    "Wind Offshore": "wind.offshore",
    "Wind Onshore": "wind.onshore",
}
"""Subject of the factor of each type. Others have none: B15 Other renewable, B17 Waste, B20 Other,
and coal-derived gas, oil shale, peat and marine."""
_STORAGE = ("Hydro Pumped Storage", "Energy storage")


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
        session = _Session(self._setup, zone, now_s)
        mixes = [
            session.generation(begin_s, min(end_s, now_s))
            for begin_s, end_s in blocks(start_s, min(stop_s, now_s), _BLOCK_S)
        ]
        table, step_s = _joined([mix for mix in mixes if mix is not None])
        if table is None:
            raise SourceError(
                f"{NAME} has no generation of {zone!r} in that time.",
                "It publishes some hours after the fact; ask for an earlier stretch.",
            )
        values, finding = weigh(table, factors(self._signal))
        stamps = _stamps(table)
        rows = [
            Row(int(at), None if np.isnan(value) else float(value))
            for at, value in zip(stamps, values, strict=True)
        ]
        oldest_s, findings = merged(session.answers)
        of = Provenance(NAME, SOURCE, BOUNDARY, oldest_s, (*findings, finding))
        return make_series(zone, rows, (start_s, stop_s, step_s), self._signal, of)


def factors(signal: SignalKind) -> dict[str, float]:
    """Intensity of each type of generation that has one in the catalogue [gCO2e/kWh]."""
    catalogue = load_catalogue()
    found = {}
    for kind, subject in SUBJECTS.items():
        try:
            factor = catalogue.resolve("generation_intensity", subject=subject, signal=signal)
        except FactorNotFound:
            continue
        found[kind] = factor.factor.value
    return found


def weigh(table: pd.DataFrame, known: Mapping[str, float]) -> tuple[Floats, Finding]:
    """Mean intensity of a mix, weighted by generation.

    Parameters
    ----------
    table : DataFrame
        A column per type [MW], a row per step; NaN where a type was not reported.
    known : mapping of str to float
        Factor of each type [gCO2e/kWh].

    Returns
    -------
    values : ndarray of shape (rows,)
        NaN where a type was not reported, or nothing was generated.
    finding : Finding
        The share of generation that the factors cover, and what they leave out.
    """
    types = [kind for kind in table.columns if kind not in _STORAGE]
    power = np.maximum(table[types].to_numpy(dtype=np.float64), 0.0)
    weights = np.array([kind in known for kind in types], dtype=np.float64)
    rates = np.array([known.get(kind, 0.0) for kind in types])
    covered, everything = power @ weights, power.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values: Floats = np.where(covered > 0, power @ rates / covered, np.nan)
    whole = ~np.isnan(everything)
    share = float(covered[whole].sum() / everything[whole].sum()) if whole.any() else 0.0
    left = [kind for kind in types if kind not in known]
    storage = [kind for kind in _STORAGE if kind in table.columns]
    parts = [f"{share:.1%} of the generation has a factor"]
    parts += [f"none for {', '.join(left)}"] if left else []
    parts += [f"{', '.join(storage)} left out"] if storage else []
    return values, Finding(
        "generation-coverage",
        f"{NAME}: {'; '.join(parts)}; imports are not counted.",
        remedy="Take a source of consumption-based intensity where imports matter.",
    )


def _joined(mixes: list[pd.DataFrame]) -> tuple[pd.DataFrame | None, int]:
    """Put blocks together; types with longer steps hold through theirs, gaps stay gaps."""
    import pandas as pd

    if not mixes:
        return None, 0
    table = pd.concat(mixes)
    table = table[~table.index.duplicated()].sort_index()
    steps = {kind: _step_s(table[kind].dropna()) for kind in table.columns}
    finest_s = min(steps.values())
    grid = pd.date_range(table.index[0], table.index[-1], freq=f"{finest_s}s")
    table = table.reindex(grid)
    for kind, step_s in steps.items():
        if step_s > finest_s:
            table[kind] = table[kind].ffill(limit=step_s // finest_s - 1)
    return table, finest_s


def _stamps(table: pd.DataFrame | pd.Series[Any]) -> npt.NDArray[np.int64]:
    import pandas as pd

    return pd.DatetimeIndex(table.index).as_unit("s").asi8


def _step_s(column: pd.Series[Any]) -> int:
    stamps = _stamps(column)
    return int(np.diff(stamps).min()) if len(stamps) > 1 else 3600


class _Session:
    """Stands where entsoe-py expects a session of requests; its calls go through our transport.

    So limits, cache and checks are those of every source, and the client never holds the key.
    """

    def __init__(self, setup: Setup, zone: str, now_s: int) -> None:
        try:
            import pandas as pd
            from entsoe.entsoe import EntsoePandasClient
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
        self.answers: list[Answer] = []
        self.headers: dict[str, str] = {}
        self._block = (0, 0)
        self._client = EntsoePandasClient(
            api_key="in the hands of the transport",
            session=self,  # type: ignore[arg-type]
            retry_count=1,
            retry_delay=0,
        )

    def generation(self, begin_s: int, end_s: int) -> pd.DataFrame | None:
        """Ask for the generation of a block [MW], a column per type; None if there is none."""
        self._block = (begin_s, end_s)
        ends = [self._pandas.Timestamp(one, unit="s", tz="UTC") for one in self._block]
        try:
            with warnings.catch_warnings():
                # Of what the client itself does: it reads XML with a parser for HTML, in old ways
                # of pandas. What it reads is checked before, see `_fault`.
                warnings.simplefilter("ignore")
                table = self._client.query_generation(self._zone, start=ends[0], end=ends[1])
        except self._no_data:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, NotImplementedError):
            raise SourceError(
                f"{NAME}: the generation of {self._zone!r} from {iso(begin_s)} cannot be read by "
                "entsoe-py.",
                "The interface may have changed; look for a newer entsoe-py.",
            ) from None
        if table.columns.nlevels == 2:
            made = [name for name in table.columns if name[1] == "Actual Aggregated"]
            table = table[made].droplevel(1, axis=1)
        in_utc: pd.DataFrame = table.tz_convert("UTC")
        return in_utc

    def get(self, url: str, params: Mapping[str, str], **_: object) -> SimpleNamespace:
        """Ask as `requests.Session.get` would, for what `entsoe` does with the answer."""
        asked = tuple(sorted((k, v) for k, v in params.items() if k != "securityToken"))
        begin_s, _end = self._block
        address = self._setup.url or url
        part = f"{address} {self._area.code} {begin_s}"
        request = Request(NAME, address, asked, "history", part, accepted=(400,))
        over = begin_s + _BLOCK_S <= self._now_s - SETTLED_S

        def settled(body: str) -> bool:
            fault = None if _is_empty(body) else _fault(body, self._area.code)
            if fault is not None:
                raise SourceError(f"{NAME}: {fault}.", "Ask again later, or for other hours.")
            return over and not _is_empty(body)

        answer = self._setup.transport.get(request, self._secrets, settled=settled)
        self.answers.append(answer)
        return SimpleNamespace(
            text=answer.body, headers={"content-type": "text/xml"}, raise_for_status=lambda: None
        )

    def _secrets(self) -> Secrets:
        return Secrets(parameters={"securityToken": self._setup.key(KEY, NAME)})


def _is_empty(body: str) -> bool:
    return "No matching data found" in body


def _fault(body: str, area: str) -> str | None:
    """Say why a document is no generation of an area; the client's parser would not notice."""
    root = re.search(r"<([A-Za-z_][\w.]*)[\s>]", body)
    if root is None:
        return "the answer is no XML"
    if not body.rstrip().endswith(f"</{root[1]}>"):
        return "the answer was cut off"
    if root[1].startswith("Acknowledgement"):
        reason = next(iter(re.findall(r"<text>([^<]{1,200})", body)), "no reason given")
        return f"the platform refused: {reason}"
    zones = set(_texts(body, "inBiddingZone_Domain.mRID")) | set(
        _texts(body, "outBiddingZone_Domain.mRID")
    )
    if zones != {area}:
        return f"asked for the area {area}, and the answer is about {_some(zones)}"
    units = set(_texts(body, "quantity_Measure_Unit.name"))
    return None if units == {_MEGAWATT} else f"expected megawatts (MAW), found {_some(units)}"


def _texts(body: str, tag: str) -> Iterator[str]:
    return (found.strip() for found in re.findall(rf"<{re.escape(tag)}[^>]*>([^<]*)<", body))


def _some(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts))[:80] or "none"


INFO = SourceInfo(
    Entsoe,
    "generation by type times a factor for each; no forecast, no imports",
    SIGNALS,
    SOURCE,
    "FR, DE_LU, NO_2",
    (KEY,),
    "entsoe",
)
