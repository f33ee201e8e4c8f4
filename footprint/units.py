"""Units: the only room that knows pint, and the only one with conversion constants.

Inside the package every number is a float in a canonical unit that its name
carries. This module converts at the edge: text that people wrote into canonical
floats, canonical floats into text that people read.

=============  ======================  =====================
suffix         canonical unit          quantity
=============  ======================  =====================
``_s``         s                       time
``_w``         W                       power
``_kwh``       kWh                     energy
``_gb``        GB (10^9 bytes)         data
``_g``         gCO2e                   emissions
``_g_per_kwh`` gCO2e/kWh               grid intensity
``_kwh_per_gb`` kWh/GB                 transfer intensity
``_eur``, ``_usd``  EUR, USD           money, never mixed
``_l``         L                       water
=============  ======================  =====================
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

from footprint.errors import UnitError

if TYPE_CHECKING:
    import numpy as np
    import pint

    Numbers = TypeVar("Numbers", float, np.ndarray[Any, np.dtype[np.float64]])

J_PER_KWH = 3.6e6
WH_PER_KWH = 1e3
BYTES_PER_GB = 1e9
BYTES_PER_MIB = 1024 * 1024
S_PER_H = 3600.0
S_PER_DAY = 24 * S_PER_H
S_PER_YEAR = 365.25 * 24 * S_PER_H
UJ_PER_J = 1e6
US_PER_S = 1e6
UV_PER_V = 1e6
MJ_PER_J = 1e3
"""Millijoules in a joule."""
G_PER_KG = 1e3
MBIT_PER_GB = 8e3
NJ_PER_J = 1e9
BIT_PER_KBIT = 1e3
H_PER_MONTH = 365.25 * 24 / 12

CANONICAL_UNITS: dict[str, str] = {
    "time": "s",
    "power": "W",
    "energy": "kWh",
    "data": "GB",
    "emissions": "gCO2e",
    "grid_intensity": "gCO2e/kWh",
    "transfer_intensity": "kWh/GB",
}


def joules_to_kwh(energy_j: Numbers) -> Numbers:
    """Convert energy from joules (watt-seconds) to kilowatt-hours; numbers or arrays."""
    return energy_j / J_PER_KWH


def watt_seconds_to_kwh(power_w: float, duration_s: float) -> float:
    """Energy of a constant power over a time.

    Parameters
    ----------
    power_w : float
        Power [W].
    duration_s : float
        Time [s].

    Returns
    -------
    float
        Energy [kWh].
    """
    return power_w * duration_s / J_PER_KWH


def kwh_to_watts(energy_kwh: float, duration_s: float) -> float:
    """Mean power of an energy over a time above 0 [W]."""
    return energy_kwh * J_PER_KWH / duration_s


def bytes_to_gb(count: float) -> float:
    """Convert bytes to gigabytes (10^9 bytes, never GiB)."""
    return count / BYTES_PER_GB


def gb_to_bytes(volume_gb: float) -> int:
    """Convert gigabytes to whole bytes."""
    return round(volume_gb * BYTES_PER_GB)


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[float]:
    """Our own small pint registry, made once.

    Loading the 40 lines of ``units.txt`` takes a few milliseconds; pint's stock
    file takes over 200.
    """
    import pint

    definitions = resources.files("footprint").joinpath("units.txt").read_text("utf-8")
    return pint.UnitRegistry(definitions.splitlines(), cache_folder=None)


@lru_cache(maxsize=512)
def conversion_factor(found: str, wanted: str) -> float:
    """Multiplier that takes a number in `found` to the unit `wanted`.

    Raises
    ------
    UnitError
        If a unit is unknown or the two differ in dimension.
    """
    return parse_quantity(f"1 {found}" if found != "1" else "1", wanted)


# People think in these; everything inside is canonical.
_READABLE = {
    "s": "year",
    "gCO2e": "kgCO2e",
    "EUR/gCO2e": "EUR/tCO2e",
    "USD/gCO2e": "USD/tCO2e",
    "USD/s": "USD/h",
    "USD/GB/s": "USD/GB/month",
}


def readable(value: float, unit: str) -> tuple[float, str]:
    """Take the value of a factor to the unit in which people know it.

    Parameters
    ----------
    value : float
    unit : str
        Canonical unit of the factor.

    Returns
    -------
    value : float
    unit : str
    """
    wanted = _READABLE.get(unit)
    return (value, unit) if wanted is None else (value * conversion_factor(unit, wanted), wanted)


@lru_cache(maxsize=4096)
def parse_quantity(text: str, unit: str) -> float:
    """Read a quantity that a person wrote, as a float in `unit`.

    Parameters
    ----------
    text : str
        For example ``"250 W"``, ``"0.4 kgCO2e/kWh"``, ``"1.5 h"``.
    unit : str
        Unit of the result, for example ``"W"``; ``"1"`` for a pure number.

    Returns
    -------
    float
        The quantity in `unit`.

    Raises
    ------
    UnitError
        If the text does not parse, names an unknown unit, has another dimension
        than `unit`, or is not finite.

    Examples
    --------
    >>> parse_quantity("2 Wh", "kWh")
    0.002
    """
    import pint

    ureg = registry()
    expected = "a pure number" if unit == "1" else f"a quantity in units such as {unit!r}"
    # A number, then a unit: pint's own parser would also evaluate expressions.
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UnitError(
            f"{text!r} is not a quantity; expected {expected}.",
            "Write a number, a space and a unit, such as '250 W'.",
        )
    try:
        found = ureg.Unit(match["unit"] or "dimensionless")
        wanted = ureg.Unit("dimensionless" if unit == "1" else unit)
        value = float(match["number"]) * float(ureg.convert(1.0, found, wanted))
    except pint.UndefinedUnitError as error:
        raise UnitError(
            f"{text!r} uses an unknown unit; expected {expected}.",
            "Write emissions as kgCO2e (not kg), data as GB or MB, energy as kWh.",
        ) from error
    except pint.DimensionalityError as error:
        raise UnitError(
            f"{text!r} is {_dimension(error.units1)}, expected {expected}.",
            "Write the quantity with a unit of that dimension.",
        ) from error
    except (pint.PintError, TypeError, ValueError) as error:
        raise UnitError(
            f"{text!r} is not a quantity; expected {expected}.",
            "Write a number, a space and a unit, such as '250 W'.",
        ) from error
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is not finite; expected {expected}.", "Write a finite number.")
    return value


def split_quantity(text: str) -> tuple[str, str]:
    """Cut a quantity that a person wrote into its number, digit by digit, and its unit.

    Raises
    ------
    UnitError
        If it is none.

    Examples
    --------
    >>> split_quantity("0.020 kWh")
    ('0.020', 'kWh')
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UnitError(
            f"{text!r} is not a quantity.", "Write a number, a space and a unit, such as '250 W'."
        )
    return match["number"], match["unit"] or "1"


_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_UNIT = r"(?:[A-Za-zµ_][A-Za-z0-9µ_]*|%)"
_QUANTITY = re.compile(
    rf"\s*(?P<number>{_NUMBER})\s*(?P<unit>(?:{_UNIT}(?:\s?[/*]\s?{_UNIT})*)?)\s*"
)


def _dimension(units: object) -> str:
    text = str(units)
    return "a pure number" if text == "dimensionless" else f"in {text}"


_EMISSION_STEPS = ((1e-6, "µg"), (1e-3, "mg"), (1.0, "g"), (1e3, "kg"), (1e6, "t"))
_ENERGY_STEPS = (
    (1e-9, "µWh"),
    (1e-6, "mWh"),
    (1e-3, "Wh"),
    (1.0, "kWh"),
    (1e3, "MWh"),
    (1e6, "GWh"),
)
_DATA_STEPS = ((1e-9, "B"), (1e-6, "kB"), (1e-3, "MB"), (1.0, "GB"), (1e3, "TB"))
_TIME_STEPS = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "d"))
_LADDERS = {
    "emissions": (_EMISSION_STEPS, " CO2e"),
    "energy": (_ENERGY_STEPS, ""),
    "data": (_DATA_STEPS, ""),
    "time": (_TIME_STEPS, ""),
}


def display_unit(quantity: str, largest: float) -> tuple[float, str]:
    """Choose one unit for a column of canonical numbers.

    Parameters
    ----------
    quantity : {'emissions', 'energy', 'data', 'time'}
    largest : float
        Largest magnitude of the column, in the canonical unit.

    Returns
    -------
    divisor : float
        Divide a canonical number by it.
    unit : str
        Name of the unit after the division, such as ``"mg CO2e"``.
    """
    steps, suffix = _LADDERS[quantity]
    # Nothing is nothing in any unit, but 0 ug reads as if somebody had weighed it.
    chosen = steps[0] if largest else next((one for one in steps if one[0] == 1.0), steps[0])
    for step in steps:
        if abs(largest) >= step[0]:
            chosen = step
    return chosen[0], chosen[1] + suffix


def format_number(value: float, width: float | None = None) -> str:
    """Write a number with no more digits than its uncertainty supports.

    Parameters
    ----------
    value : float
    width : float, optional
        Width of the interval in the same unit. Without it three significant
        digits are written.
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    digits = 2 - magnitude
    if width is not None and width > 0:
        digits = min(digits, 1 - math.floor(math.log10(width)))
        # Two digits at least: of one alone a reader could not tell 85 from 94.
        digits = max(digits, 1 - magnitude)
    # Dropping digits left of the point would turn 1234 into 1200: round there,
    # but print the integer in full.
    rounded = round(value, digits)
    return f"{rounded:,.{max(digits, 0)}f}"


def format_quantity(quantity: str, value: float) -> str:
    """Write one canonical number with a readable unit, such as ``'1.24 mg CO2e'``."""
    divisor, unit = display_unit(quantity, value)
    return f"{format_number(value / divisor)} {unit}"
