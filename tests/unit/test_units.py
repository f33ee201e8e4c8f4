"""Units: what is read, what is refused, how numbers are written."""

import math

import pytest

from footprint import units
from footprint.errors import UnitError


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("2 kWh", "J", 7.2e6),
        ("0.4 kgCO2e/kWh", "gCO2e/kWh", 400),
        ("3 d", "h", 72),
        ("50 %", "1", 0.5),
        ("1 GiB", "B", 2**30),
        ("8 Mbit", "MB", 1),
        ("1 GB", "Mbit", 8000),
        ("4 year", "h", 4 * 8766),
        ("1.5W", "mW", 1500),
        ("-2.5e3 W", "kW", -2.5),
        ("7", "1", 7),
    ],
)
def test_quantities_are_read_in_the_wanted_unit(text, unit, expected):
    assert units.parse_quantity(text, unit) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "reason"),
    [
        ("3 kWh", "kgCO2e", "kilowatt_hour"),  # energy is not an emission
        ("3 kg", "gCO2e", "unknown unit"),  # a kilogram of steel is no kilogram of CO2e
        ("1 furlong", "s", "unknown unit"),
        ("3", "W", "pure number"),
        ("nan W", "W", "not a quantity"),
        ("1e400 W", "W", "not finite"),
        ("9**9**9 W", "W", "not a quantity"),
        ("__import__('os')", "W", "not a quantity"),
        ("1 EUR", "USD", "euro"),
        ("", "W", "not a quantity"),
    ],
)
def test_other_text_is_refused_with_the_reason(text, unit, reason):
    with pytest.raises(UnitError, match=reason) as caught:
        units.parse_quantity(text, unit)
    assert caught.value.remedy


def test_energy_times_intensity_is_an_emission():
    ureg = units.registry()
    emission = ureg.Quantity("2 kWh") * ureg.Quantity("56 gCO2e/kWh")
    assert emission.to("kgCO2e").magnitude == pytest.approx(0.112)


def test_constants_agree_with_the_definition_file():
    assert units.parse_quantity("1 kWh", "J") == units.J_PER_KWH
    assert units.parse_quantity("1 year", "s") == units.S_PER_YEAR
    assert units.parse_quantity("1 GB", "B") == units.BYTES_PER_GB


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        (1234.5, 300, "1,230"),
        (1.23456, 0.4, "1.23"),
        (0.0123, 0.02, "0.012"),
        (123456.0, None, "123,000"),
        (0.0, 1.0, "0"),
        (math.inf, None, "–"),
    ],
)
def test_digits_follow_the_interval(value, width, text):
    assert units.format_number(value, width) == text


def test_one_unit_per_column():
    divisor, unit = units.display_unit("emissions", 0.0042)
    assert (divisor, unit) == (1e-3, "mg CO2e")
    assert units.format_quantity("energy", 0.00012) == "120 mWh"
    assert units.format_quantity("data", 0.035) == "35.0 MB"
