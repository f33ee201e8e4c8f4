r"""Mean grid intensity of the zones of a journal, each kWh at its own hour.

.. math:: \bar c_z = \frac{\sum_i E_i \bar c_z(t_i, t_i + d_i)}{\sum_i E_i}

over the activities of a zone, whose power counts as constant while they last. An estimate takes it
as the intensity of the zone: `footprint.settings.Settings.intensities`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from footprint.errors import DataError, UsageError
from footprint.factors.intensity import IntensitySeries
from footprint.model import Finding, Journal, Severity, SignalKind


def weigh_intensities(
    journal: Journal,
    series: Sequence[IntensitySeries],
    signal: SignalKind,
    zones: Mapping[str, str] | None = None,
) -> tuple[dict[str, float], tuple[Finding, ...]]:
    """Weigh the intensity of each zone with the energy that was used there.

    Parameters
    ----------
    journal : Journal
    series : sequence of IntensitySeries
    signal : SignalKind
        Of the estimate.
    zones : mapping of str to str, optional
        Replacements of zones, as in `footprint.settings.Settings.zones`.

    Returns
    -------
    intensities : dict of str to float
        Of zones with a series [gCO2e/kWh].
    findings : tuple of Finding
        What the publishers of the series say, and which part of a zone was weighed by time.

    Raises
    ------
    DataError
        If a series is of another kind, does not reach over the journal, or has a gap there.
    UsageError
        If nothing of the journal lies in the zone of a series.
    """
    places = [(zones or {}).get(zone or "", zone) for zone in journal.columns["zone"]]
    starts, lengths, energies = (
        np.array([np.nan if one is None else one for one in journal.columns[name]], np.float64)
        for name in ("start_s", "duration_s", "energy_kwh")
    )
    found: dict[str, float] = {}
    findings: list[Finding] = []
    for one in series:
        if one.signal != signal:
            raise DataError(
                f"{one.name} is {one.signal}, and the estimate is asked for {signal}.",
                f"Kinds of intensity are never mixed: fetch the other one, or give --signal "
                f"{one.signal}.",
            )
        if one.zone in found:
            raise UsageError(f"Two series are of {one.zone!r}.", "Give one per zone.")
        here = np.array([place == one.zone for place in places], dtype=np.bool_)
        if not here.any():
            known = ", ".join(sorted({str(place) for place in places if place})) or "none"
            raise UsageError(
                f"Nothing of the journal lies in {one.zone!r}; its zones are: {known}.",
                "Name the zone of the series as the journal does: --intensity ZONE=FILE.",
            )
        weights = np.nan_to_num(energies[here])
        if not weights.sum() > 0:
            weights = lengths[here]
            findings.append(
                Finding(
                    "intensity-by-time",
                    f"No energy is known of {one.zone!r}: its intensity is a mean over time.",
                )
            )
        used = weights > 0
        means = [
            one.mean(start_s, start_s + length_s)
            for start_s, length_s in zip(starts[here][used], lengths[here][used], strict=True)
        ]
        found[one.zone] = float(np.average(means, weights=weights[used]))
        findings += one.provenance.findings
        findings.append(_origin(one))
    return found, tuple(findings)


def _origin(one: IntensitySeries) -> Finding:
    return Finding(
        "intensity-series",
        f"The intensity of {one.zone!r} is {one.signal} from {one.provenance.source.title}, each "
        f"kWh at its own {'hour' if one.step_s == 3600 else f'{one.step_s / 60:g} min'}.",
        Severity.INFO,
    )
