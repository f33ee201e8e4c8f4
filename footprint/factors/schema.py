"""What a row of a factor file must be.

`QUANTITIES` holds the closed list of what a factor can describe. A row outside
its plausible range is refused: the defects of well-known public tables (a lost
decimal point, a swapped pair, a zero for a missing value) all show up there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from footprint.errors import UnitError, UsageError
from footprint.factors.zones import Zones
from footprint.model import EmissionFactor, SignalKind, Source
from footprint.units import S_PER_H, S_PER_YEAR, conversion_factor


class Quantity(NamedTuple):
    """One kind of factor: canonical unit, plausible range in it, meaning."""

    unit: str
    smallest: float
    largest: float
    description: str


# Ranges are wide on purpose: they catch wrong units and lost decimal points,
# not unusual values.
QUANTITIES: dict[str, Quantity] = {
    "grid_intensity": Quantity(
        "gCO2e/kWh", 1.0, 2000.0, "emissions of one kWh from the grid of a zone"
    ),
    "generation_intensity": Quantity(
        "gCO2e/kWh", 0.0, 2000.0, "emissions of one kWh by what it is generated from"
    ),
    "cfe_share": Quantity(
        "1", 0.0, 1.0, "hourly carbon-free share incl. purchases (market; never location-based)"
    ),
    "network_energy": Quantity("kWh/GB", 1e-5, 10.0, "energy of a network segment per data"),
    "network_power_base": Quantity("W", 0.1, 100.0, "power of a network line or user at no load"),
    "network_power_slope": Quantity("kWh/GB", 1e-6, 1.0, "marginal energy of network traffic"),
    "power_idle": Quantity("W", 0.05, 2000.0, "power at no load (vcpu.*: per vCPU)"),
    "power_max": Quantity("W", 0.1, 20000.0, "power at full load (vcpu.*: per vCPU)"),
    "power_tdp": Quantity("W", 0.5, 3000.0, "rated thermal design power"),
    "power_average": Quantity("W", 0.5, 3000.0, "mean power in use"),
    "power_per_gb": Quantity("W/GB", 1e-5, 5.0, "power of allocated memory or storage"),
    "embodied": Quantity("gCO2e", 10.0, 2e7, "emissions of making one device or part"),
    "embodied_per_gb": Quantity("gCO2e/GB", 0.1, 5000.0, "emissions of making memory or storage"),
    "lifespan": Quantity("s", 0.5 * S_PER_YEAR, 30 * S_PER_YEAR, "time of service of a device"),
    "pue": Quantity("1", 1.0, 3.0, "facility energy over energy of the IT equipment"),
    "wue": Quantity("L/kWh", 0.0, 10.0, "water used on site per energy of the IT equipment"),
    "electricity_price_eur": Quantity("EUR/kWh", 0.005, 2.0, "price of electricity"),
    "electricity_price_usd": Quantity("USD/kWh", 0.005, 2.0, "price of electricity"),
    "cloud_price_instance_usd": Quantity(
        "USD/s", 1e-3 / S_PER_H, 1e3 / S_PER_H, "list price of a cloud instance"
    ),
    "cloud_price_transfer_usd": Quantity("USD/GB", 0.0, 1.0, "list price of data transfer"),
    "cloud_price_storage_usd": Quantity(
        "USD/GB/s", 1e-3 / S_PER_YEAR, 10.0 / S_PER_YEAR, "list price of object storage"
    ),
    "carbon_price_eur": Quantity("EUR/gCO2e", 1e-7, 5e-3, "price or cost of emissions"),
    "carbon_price_usd": Quantity("USD/gCO2e", 1e-7, 5e-3, "price or cost of emissions"),
}

WITH_SIGNAL = ("grid_intensity", "generation_intensity")
"""Quantities that are of a kind of signal."""

COLUMNS = (
    "id", "quantity", "subject", "zone", "valid_from", "valid_to", "value", "unit", "low", "high",
    "signal", "preferred", "method", "source", "source_url", "licence", "note",
)  # fmt: skip

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]*(?:/[A-Za-z0-9][A-Za-z0-9_.:+-]*)+")
# Reports make links of these: no other scheme gets in.
_URL = re.compile(r"(?:https?://|doi:|urn:)\S+")
_LARGEST_NUMBER = 64


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A factor, where it was written, and the years that it covers.

    `days` and `years`, first and last, are None for a fact that holds until another replaces
    it, such as the rated power of a processor.
    """

    factor: EmissionFactor
    days: tuple[date, date] | None
    place: str

    @property
    def years(self) -> tuple[int, int] | None:
        """First and last year that it covers, if only in part."""
        return None if self.days is None else (self.days[0].year, self.days[1].year)


@lru_cache(maxsize=256)
def unit_multiplier(unit: str, wanted: str) -> float:
    """Multiplier from `unit` to `wanted`; raises UnitError."""
    return 1.0 if unit == wanted else conversion_factor(unit, wanted)


@lru_cache(maxsize=64)
def _signal(text: str) -> SignalKind:
    return SignalKind.parse(text)


@lru_cache(maxsize=1024)
def _source(title: str, url: str, licence: str) -> Source:
    return Source(title, url, licence)


def parse_row(
    cells: Mapping[str, str], zones: Zones, place: str
) -> tuple[FactorRow | None, list[str]]:
    """Check one row and convert it to the canonical unit.

    Parameters
    ----------
    cells : mapping of str to str
        One text per name of `COLUMNS`.
    zones : Zones
        The zones that a row may name.
    place : str
        Where the row stands, for messages.

    Returns
    -------
    row : FactorRow or None
        None if there is any fault.
    faults : list of str
        One reason per fault.
    """
    faults = [
        f"{column} is missing"
        for column in ("id", "quantity", "value", "unit", "source", "source_url", "licence")
        if not cells[column]
    ]
    if any(ord(sign) < 32 or ord(sign) == 127 for text in cells.values() for sign in text):
        faults.append("a cell holds a control character")
    if cells["id"] and not _ID.fullmatch(cells["id"]):
        faults.append("id must be words joined by '/', such as 'grid/FR/2024/ember'")
    if cells["source_url"] and not _URL.fullmatch(cells["source_url"]):
        faults.append("source_url must start with https://, http://, doi: or urn:")
    if cells["preferred"] not in ("yes", "no"):
        faults.append(f"preferred must be yes or no, not {cells['preferred']!r}")
    days, year = _days(cells, faults)
    signal = _check_signal(cells, faults)
    zone = _check_zone(cells, zones, faults)
    numbers = _numbers(cells, faults)
    if faults or numbers is None:
        return None, faults
    value, low, high = numbers
    factor = EmissionFactor(
        id=cells["id"],
        quantity=cells["quantity"],
        subject=cells["subject"],
        zone=zone,
        value=value,
        unit=QUANTITIES[cells["quantity"]].unit,
        low=low,
        high=high,
        year=year,
        signal=signal,
        preferred=cells["preferred"] == "yes",
        method=cells["method"],
        source=_source(cells["source"], cells["source_url"], cells["licence"]),
        note=cells["note"],
    )
    return FactorRow(factor, days, place), []


def _days(
    cells: Mapping[str, str], faults: list[str]
) -> tuple[tuple[date, date] | None, int | None]:
    dates: dict[str, date] = {}
    for column in ("valid_from", "valid_to"):
        text = cells[column]
        if not text:
            continue
        day = _day(text)
        if day is None:
            faults.append(f"{column} {text!r} is not a date such as 2024-12-31")
        else:
            dates[column] = day
    if cells["valid_to"] and not cells["valid_from"]:
        faults.append("valid_to needs a valid_from")
    if len(dates) == 2 and dates["valid_from"] > dates["valid_to"]:
        faults.append(f"valid_from {cells['valid_from']} is after valid_to {cells['valid_to']}")
    year = dates["valid_from"].year if "valid_from" in dates else None
    if year is None or "valid_to" not in dates:
        return None, year
    return (dates["valid_from"], dates["valid_to"]), year


def _day(text: str) -> date | None:
    try:
        # fromisoformat alone would also take '20240101' and week dates.
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _check_signal(cells: Mapping[str, str], faults: list[str]) -> SignalKind | None:
    text = cells["signal"]
    if cells["quantity"] in WITH_SIGNAL:
        try:
            return _signal(text)
        except UsageError as error:
            faults.append(f"signal: {error.message}")
    elif text:
        faults.append(f"signal {text!r} is for intensities only")
    return None


def _check_zone(cells: Mapping[str, str], zones: Zones, faults: list[str]) -> str | None:
    text = cells["zone"]
    if text:
        if text not in zones:
            faults.append(f"zone {text!r} is not in zones.csv")
        return text
    if cells["quantity"] == "grid_intensity":
        faults.append("grid_intensity needs a zone")
    return None


def _numbers(
    cells: Mapping[str, str], faults: list[str]
) -> tuple[float, float | None, float | None] | None:
    """Read value, low and high in the canonical unit."""
    name = cells["quantity"]
    quantity = QUANTITIES.get(name)
    if quantity is None:
        if name:
            faults.append(f"unknown quantity {name!r}; known: {', '.join(QUANTITIES)}")
        return None
    found: dict[str, float] = {}
    for column in ("value", "low", "high"):
        text = cells[column]
        if text and len(text) <= _LARGEST_NUMBER and _NUMBER.fullmatch(text):
            found[column] = float(text)
        elif text:
            faults.append(f"{column} {text!r} is not a number")
    if bool(cells["low"]) != bool(cells["high"]):
        faults.append("low and high come together or not at all")
    if "value" not in found or not cells["unit"]:
        return None
    try:
        multiplier = unit_multiplier(cells["unit"], quantity.unit)
    except UnitError as error:
        faults.append(f"unit {cells['unit']!r}: {error.message}")
        return None
    found = {column: _convert(number, multiplier) for column, number in found.items()}
    value = found["value"]
    if not quantity.smallest <= value <= quantity.largest:
        faults.append(
            f"value {cells['value']} {cells['unit']} is outside the plausible range of {name}, "
            f"{quantity.smallest:g} to {quantity.largest:g} {quantity.unit}"
        )
    if "low" not in found or "high" not in found:
        return value, None, None
    if not 0 <= found["low"] <= found["value"] <= found["high"]:
        faults.append(
            f"low <= value <= high does not hold: {cells['low']}, {cells['value']}, {cells['high']}"
        )
    return value, found["low"], found["high"]


def _convert(number: float, multiplier: float) -> float:
    # Rounding removes the last-digit noise of the product: 210 USD/t is 0.00021 USD/g.
    return number if multiplier == 1.0 else float(f"{number * multiplier:.15g}")
