"""Generation by type, as the Transparency Platform writes it, and the intensity of such a mix.

Each block of time is read by itself: its types, and how long each value holds. So an hour has the
same intensity whatever else was asked for.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from footprint.errors import FactorNotFound, SourceError
from footprint.factors.catalogue import load_catalogue
from footprint.factors.intensity import Floats, moment
from footprint.factors.providers.setup import SETTLED_S
from footprint.factors.series_rows import Row, read_moment
from footprint.model import Finding, SignalKind

if TYPE_CHECKING:
    import pandas as pd

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


@dataclass(frozen=True, slots=True)
class Mix:
    """What a zone generated in a block of time.

    Attributes
    ----------
    begin_s, end_s : int
        The block, or what of it has passed [s].
    table : DataFrame
        A column per type [MW], a row per moment that the document names, in UTC.
    periods : mapping of str to tuple of tuple
        Stretches of each type, and how long a value of them holds: begin, end, step [s].
    """

    begin_s: int
    end_s: int
    table: pd.DataFrame
    periods: Mapping[str, tuple[tuple[int, int, int], ...]]

    @property
    def step_s(self) -> int:
        """The shortest time that a value holds [s]."""
        return min(step_s for spans in self.periods.values() for _, _, step_s in spans)

    def on_grid(self, step_s: int) -> pd.DataFrame:
        """Put it on a grid: values hold through their own steps, gaps stay gaps.

        Raises
        ------
        SourceError
            If a value begins between two steps.
        """
        import pandas as pd

        starts_s = range(self.begin_s, self.end_s, step_s)
        found = {kind: np.full(len(starts_s), np.nan) for kind in self.table.columns}
        for kind, values in found.items():
            for at_s, holds_s, power in self._points(kind):
                first, off = divmod(at_s - self.begin_s, step_s)
                if off:
                    raise SourceError(
                        f"entsoe: {kind} at {moment(at_s)} is off the grid of {step_s} s.",
                        "The interface may have changed; look for a newer footprint.",
                    )
                if first >= 0:
                    values[first : first + holds_s // step_s] = power
        return pd.DataFrame(found, index=pd.to_datetime(list(starts_s), unit="s", utc=True))

    def _points(self, kind: str) -> Iterator[tuple[int, int, float]]:
        """When each value of a type begins, how long it holds [s], and the value [MW]."""
        stamps = stamps_s(self.table)
        power = self.table[kind].to_numpy(dtype=np.float64)
        for start_s, stop_s, holds_s in self.periods.get(kind, ()):
            told = (stamps >= start_s) & (stamps < stop_s) & ~np.isnan(power)
            for at_s, value in zip(stamps[told], power[told], strict=True):
                yield int(at_s), holds_s, float(value)


def stamps_s(table: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Begin of each row of a table [s]."""
    import pandas as pd

    return pd.DatetimeIndex(table.index).as_unit("s").asi8


def read_mix(body: str, begin_s: int, end_s: int) -> Mix:
    """Read a document of generation by type.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError, IndexError, NotImplementedError
        If entsoe-py cannot read it.
    SourceError
        If it names what is no moment.
    """
    import pandas as pd
    from entsoe.mappings import PSRTYPE_MAPPINGS
    from entsoe.parsers import parse_generation

    with warnings.catch_warnings():
        # Of what entsoe-py itself does: it reads XML with a parser for HTML, in old ways of
        # pandas. What it reads is checked before, see `fault_of`.
        warnings.simplefilter("ignore")
        table = pd.DataFrame(parse_generation(body))
    if table.columns.nlevels == 2:
        made = [name for name in table.columns if name[1] == "Actual Aggregated"]
        table = table.loc[:, made].droplevel(1, axis=1)
    periods: dict[str, list[tuple[int, int, int]]] = {}
    for series in re.findall(r"<TimeSeries[ >].*?</TimeSeries>", body, re.DOTALL):
        if "<outBiddingZone_Domain.mRID" not in series:  # that is what storage takes in
            kind = PSRTYPE_MAPPINGS[_text(series, "psrType")]
            periods.setdefault(kind, []).extend(_periods(series))
    if not periods:
        raise ValueError("no generation of any type")
    return Mix(begin_s, end_s, table, {kind: tuple(spans) for kind, spans in periods.items()})


def _periods(series: str) -> Iterator[tuple[int, int, int]]:
    for period in re.findall(r"<Period[ >].*?</Period>", series, re.DOTALL):
        start_s, stop_s = (read_moment(_text(period, name)) for name in ("start", "end"))
        minutes = re.fullmatch(r"PT(\d+)M", _text(period, "resolution"))
        if minutes is None:
            raise NotImplementedError("generation in steps of no known length")
        yield start_s, stop_s, int(minutes[1]) * 60


def joined(mixes: Sequence[Mix], now_s: float) -> tuple[pd.DataFrame, int, tuple[Finding, ...]]:
    """Put blocks together on the grid of the shortest step.

    A type that a whole block lacks was not generated there, as if that block were asked for
    alone; in one that is not over for long it may come yet, so it is a gap.

    Returns
    -------
    table : DataFrame
        A column per type [MW], a row per step.
    step_s : int
    findings : tuple of Finding
        Types that a whole block lacks.
    """
    import pandas as pd

    step_s = min(mix.step_s for mix in mixes)
    kinds = list(dict.fromkeys(kind for mix in mixes for kind in mix.table.columns))
    parts, findings = [], []
    for mix in mixes:
        part = mix.on_grid(step_s).reindex(columns=kinds)
        lacking = sorted({*kinds} - {*mix.table.columns, *_STORAGE})
        if lacking and mix.end_s <= now_s - SETTLED_S:
            part[lacking] = 0.0
            findings.append(_on_lacking(lacking, mix))
        parts.append(part)
    return pd.concat(parts), step_s, tuple(findings)


def _on_lacking(kinds: list[str], mix: Mix) -> Finding:
    return Finding(
        "generation-type",
        f"entsoe: no {', '.join(kinds)} was reported from {moment(mix.begin_s)} to "
        f"{moment(mix.end_s)}, as it was before or after; counted as none.",
        remedy="If such plants neither closed nor opened, take these hours from another source.",
    )


def rows_of(table: pd.DataFrame, values: Floats) -> list[Row]:
    """Give the steps of a table with their intensity."""
    return [
        Row(int(at), None if np.isnan(value) else float(value))
        for at, value in zip(stamps_s(table), values, strict=True)
    ]


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
        f"entsoe: {'; '.join(parts)}; imports are not counted.",
        remedy="Take a source of consumption-based intensity where imports matter.",
    )


def is_empty(body: str) -> bool:
    """Whether the platform says that it has nothing."""
    return "No matching data found" in body


def fault_of(body: str, area: str) -> str | None:
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


def _text(body: str, tag: str) -> str:
    found = next(_texts(body, tag), None)
    if found is None:
        raise ValueError(f"no {tag}")
    return found


def _texts(body: str, tag: str) -> Iterator[str]:
    return (found.strip() for found in re.findall(rf"<{re.escape(tag)}[^>]*>([^<]*)<", body))


def _some(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts))[:80] or "none"
