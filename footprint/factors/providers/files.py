"""Providers that read files, and ask nobody.

Files that `footprint intensity fetch` writes, one's own, and the older download of Electricity
Maps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.factors.intensity import IntensitySeries, Provenance, moment, require_span
from footprint.factors.providers.setup import Setup, SourceInfo
from footprint.factors.series_files import read_series
from footprint.factors.series_rows import Row, make_series
from footprint.model import SignalKind, Source
from footprint.model.kinds import SignalScope
from footprint.simulation.trace_files import read_electricity_maps

_AVERAGES = (SignalKind(), SignalKind(scope=SignalScope.DIRECT))


class SeriesFiles:
    """Series of tables with stamps and a column per zone, with or without a certificate.

    Parameters
    ----------
    setup : Setup
        Names the files, and the signal where no certificate does.
    """

    def __init__(self, setup: Setup) -> None:
        paths = _require_files(setup, "file")
        self._series = [one for path in paths for one in read_series(path, setup.signal)]

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Cut a stretch out of the series of a zone."""
        found = self._of(zone)
        covering = [one for one in found if one.start_s <= start_s and stop_s <= one.stop_s]
        return (covering or found)[0].between(start_s, stop_s)

    def span(self, zone: str) -> tuple[int, int]:
        """When the first file of a zone begins and ends [s]."""
        first = self._of(zone)[0]
        return first.start_s, first.stop_s

    def _of(self, zone: str) -> list[IntensitySeries]:
        found = [one for one in self._series if one.zone == zone]
        if not found:
            raise UsageError(
                f"No file has a zone {zone!r}.",
                f"There is: {', '.join(sorted({one.zone for one in self._series})[:12])}.",
            )
        return found


class ElectricityMapsFiles:
    """Hourly files of the data portal of Electricity Maps, by the names of their older columns.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup) -> None:
        paths = _require_files(setup, "electricity-maps-csv")
        self._signal = setup.choose(_AVERAGES, "electricity-maps-csv")
        self._trace = read_electricity_maps(paths, scope=self._signal.scope)

    def series(self, zone: str, start_s: int, stop_s: int) -> IntensitySeries:
        """Cut a stretch out of the series of a zone."""
        require_span(start_s, stop_s)
        trace = self._trace
        values = trace.pick([zone]).values[:, 0]
        if start_s < trace.start_s or stop_s > trace.stop_s:
            raise DataError(
                f"The files reach from {moment(trace.start_s)} to {moment(trace.stop_s)}.",
                "Series are never continued: take files of more years, or ask for less.",
            )
        source = Source(
            f"Electricity Maps download {trace.source}", "https://www.electricitymaps.com", "ODbL"
        )
        of = Provenance(
            "electricity-maps-csv", source, "consumption, flow-traced", None, trace.findings
        )
        starts = trace.start_s + trace.step_s * np.arange(len(values))
        rows = [Row(int(at), float(value)) for at, value in zip(starts, values, strict=True)]
        return make_series(zone, rows, (start_s, stop_s, trace.step_s), self._signal, of)

    def span(self, zone: str) -> tuple[int, int]:
        """When the files begin and end [s]."""
        self._trace.pick([zone])
        return self._trace.start_s, self._trace.stop_s


def _require_files(setup: Setup, name: str) -> tuple[Path, ...]:
    if not setup.files:
        raise UsageError(f"The source {name!r} reads files, and none is named.", "Give --file.")
    return setup.files


FILES = SourceInfo(
    SeriesFiles, "files that `fetch` wrote, or one's own: start_utc, a column per zone"
)
ELECTRICITY_MAPS_FILES = SourceInfo(
    ElectricityMapsFiles,
    "hourly files of the Electricity Maps data portal",
    _AVERAGES,
    zones="DE, SE-SE3, US-CAL-CISO",
)
