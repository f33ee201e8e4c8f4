"""Figures in the units of reports, without a digit lost: grams become kilograms and tonnes."""

from __future__ import annotations

from decimal import Decimal

_KILO = -3
_MEGA = -6


def tonnes(value_g: float) -> Decimal:
    """Emissions [tCO2e] of those in grams, exactly."""
    return _shifted(value_g, _MEGA)


def kilograms(value_g: float) -> Decimal:
    """Emissions [kgCO2e] of those in grams, exactly."""
    return _shifted(value_g, _KILO)


def megawatt_hours(energy_kwh: float) -> Decimal:
    """Energy [MWh] of that in kilowatt-hours, exactly."""
    return _shifted(energy_kwh, _KILO)


def decimal_text(value: float | Decimal) -> str:
    """Write a number with all its digits and without an exponent."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shifted(value: float, places: int) -> Decimal:
    # The shortest text of a float names it exactly; a decimal point moves without rounding.
    exact = Decimal(repr(value)).scaleb(places)
    return Decimal(decimal_text(exact))
