"""Excess power of solar panels under a clear sky: modelled, where nothing was measured.

Needs the extra `pv` (pvlib). Every trace from here bears the finding `excess-modelled`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from footprint.errors import MissingExtra, UsageError
from footprint.model import Finding
from footprint.simulation.arrays import Floats
from footprint.simulation.traces import Trace

_GAMMA = -0.0047  # power per K of a standard module, Dobos 2014, table 2 [1/K]
_AIR_C = 20.0  # air temperature; a clear sky says nothing of it


@dataclass(frozen=True, slots=True)
class SolarSite:
    """Panels at a place.

    Attributes
    ----------
    name : str
        Of its power domain.
    latitude, longitude : float
        North and east [degrees].
    peak_w : float
        Power under test conditions [W].
    tilt, azimuth : float or None
        From the horizontal, and clockwise from north [degrees]. None: tilted by the latitude,
        towards the equator.
    """

    name: str
    latitude: float
    longitude: float
    peak_w: float
    tilt: float | None = None
    azimuth: float | None = None

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180 and self.peak_w > 0):
            raise UsageError(f"There are no solar panels like this: {self!r}.")


def model_excess(
    sites: Sequence[SolarSite], start_s: int, length_s: int, *, step_s: int = 300
) -> Trace:
    """Model the power of panels under a clear sky.

    Parameters
    ----------
    sites : sequence of SolarSite
    start_s, length_s : int
        First moment (Unix time) and length [s].
    step_s : int
        Length of a period [s]; the sun stands as in its middle.

    Returns
    -------
    Trace
        A column per site [W], with a finding: no clouds, no load of the owner's, air of 20 degrees.

    Raises
    ------
    MissingExtra
        If pvlib is not installed.

    References
    ----------
    Clear sky after Ineichen and Perez, power after PVWatts (A. Dobos, NREL/TP-6A20-62641, 2014),
    both as pvlib has them; losses of 14 %, the default of PVWatts.
    """
    if length_s < step_s or length_s % step_s:
        raise UsageError(f"{length_s} s are no whole number of periods of {step_s} s.")
    periods = length_s // step_s
    middle_s: Floats = start_s + step_s * (np.arange(periods, dtype=np.float64) + 0.5)
    columns = [_power_w(site, middle_s) for site in sites]
    finding = Finding(
        "excess-modelled",
        f"The excess power of {len(sites)} place(s) is modelled for a clear sky, not measured.",
        remedy="Take measured power where there is any: clouds make most of the difference.",
    )
    names = tuple(site.name for site in sites)
    return Trace(start_s, step_s, names, np.column_stack(columns), "W", (finding,), "pvlib")


def _power_w(site: SolarSite, moments_s: Floats) -> Floats:
    pvlib = _pvlib()
    import pandas as pd

    times = pd.to_datetime(moments_s, unit="s", utc=True)
    place = pvlib.location.Location(site.latitude, site.longitude)
    sun = place.get_solarposition(times)
    with warnings.catch_warnings():
        # pvlib 0.16 reads an attribute that pandas 3.1 calls by another name.
        warnings.filterwarnings("ignore", message="DatetimeIndex.dayofyear")
        sky = place.get_clearsky(times, model="ineichen", solar_position=sun)
    towards = 180.0 if site.latitude >= 0 else 0.0
    light = pvlib.irradiance.get_total_irradiance(
        abs(site.latitude) if site.tilt is None else site.tilt,
        towards if site.azimuth is None else site.azimuth,
        sun["apparent_zenith"],
        sun["azimuth"],
        sky["dni"],
        sky["ghi"],
        sky["dhi"],
    )["poa_global"].fillna(0.0)
    cell_c = pvlib.temperature.faiman(light, temp_air=_AIR_C)
    power = pvlib.pvsystem.pvwatts_dc(light, cell_c, site.peak_w, _GAMMA)
    kept = 1 - pvlib.pvsystem.pvwatts_losses() / 100
    watts: Floats = np.maximum(power.to_numpy(dtype=np.float64) * kept, 0.0)
    return watts


def _pvlib() -> Any:
    try:
        import pvlib
    except ImportError as error:
        raise MissingExtra.of("pv", "Modelling solar power") from error
    return pvlib
