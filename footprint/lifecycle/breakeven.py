"""Where two architectures emit the same.

Emissions are linear in a volume of data, a time of retention, a number of rounds and
a grid intensity, so each of these break-evens has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line: `fixed` + `slope` times a quantity."""

    fixed: float
    slope: float


def line_through(low: float, at_low: float, high: float, at_high: float) -> Line:
    """Line through two points (`low`, `at_low`) and (`high`, `at_high`)."""
    slope = (at_high - at_low) / (high - low)
    return Line(at_low - slope * low, slope)


def break_even(one: Line, other: Line) -> float | None:
    r"""Quantity at which two lines are equal.

    .. math:: x^* = \frac{a_2 - a_1}{b_1 - b_2}

    Parameters
    ----------
    one, other : Line
        Emissions or costs of two architectures, over the same quantity.

    Returns
    -------
    float or None
        None if they never meet at a quantity of 0 or more.
    """
    if one.slope == other.slope:
        return None
    quantity = (other.fixed - one.fixed) / (one.slope - other.slope)
    return quantity if quantity >= 0 else None
