"""Values of a journal line, each refused if it cannot be one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def optional(kind: Callable[[Any], T], value: Any) -> T | None:
    """Read a value that may be missing."""
    return None if value is None else kind(value)


def finite(value: Any) -> float:
    """Read a number.

    Raises
    ------
    ValueError
        If it is infinite or not a number; so do the others where a value is out of range.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number


def at_least_zero(value: Any) -> float:
    """Read a number that is not negative."""
    number = finite(value)
    if number < 0:
        raise ValueError(f"{value!r} is negative")
    return number


def count(value: Any) -> int:
    """Read a whole number that is not negative."""
    number = at_least_zero(value)
    if number != int(number):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def positive(value: Any) -> int:
    """Read a whole number from 1 on."""
    number = int(value)
    if number < 1:
        raise ValueError(f"{value!r} is not positive")
    return number


def share(value: Any) -> float:
    """Read a share, above 0 and up to 1."""
    number = finite(value)
    if not 0 < number <= 1:
        raise ValueError(f"{value!r} is no share")
    return number


def counters(value: Any) -> dict[str, float]:
    """Read counters by name.

    Raises
    ------
    TypeError
        If it is no mapping.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} holds no readings")
    return {str(name): finite(reading) for name, reading in value.items()}
