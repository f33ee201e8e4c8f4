"""How reasons of advice write numbers, days and names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from footprint.model import Finding, Severity
from footprint.units import S_PER_DAY, format_number, format_quantity

_SHOWN = 5


def grams(emissions_g: float) -> str:
    """Write emissions with a readable unit."""
    return format_quantity("emissions", emissions_g)


def volume(gigabytes: float) -> str:
    """Write a volume of data with a readable unit."""
    return format_quantity("data", gigabytes)


def days(time_s: float) -> str:
    """Write a time in days, the whole ones of ten or more."""
    count = time_s / S_PER_DAY
    if count < 1:
        return "less than a day"
    return f"{f'{math.floor(count):,}' if count >= 10 else format_number(count)} days"


def date(unix_s: float) -> str:
    """Write the day of a moment, in UTC."""
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d}"


def at_least(share: float, what: str) -> str:
    """Say that a share of things is surely so: ``"all rows"``, ``"at least 99.9 % of the rows"``.

    Shares are cut and never rounded up: 99.96 % is not all.
    """
    if share >= 1:
        return f"all {what}"
    return f"at least {math.floor(1000 * share) / 10:.1f} % of the {what}"


def listed(names: Sequence[str]) -> str:
    """List names, the first few of many."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def missing(code: str, what: str, names: Sequence[str], remedy: str) -> Finding:
    """Say of which entries something is not known; `what` ends in "of"."""
    return Finding(code, f"{what} {listed(names)}.", Severity.WARNING, remedy)
