"""Numbers as text: digits follow the interval, one unit per column."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from footprint.model import Interval
from footprint.units import display_unit, format_number

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
NOT_KNOWN = "–"

# Characters that reorder text: a name that holds one could make a page show
# something else than what is there.
_BIDI = dict.fromkeys(
    [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C], "\ufffd"
)


def clean(text: str) -> str:
    """Make foreign text safe to lay out: one line, no reordering of characters."""
    spaced = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return spaced.translate(_BIDI)


def shorten(text: str, length: int) -> str:
    """Cut a label to `length` characters, visibly."""
    text = clean(text)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def pretty_unit(unit: str) -> str:
    """Write CO2e with its subscript."""
    return unit.replace("CO2e", "CO₂e")


def plural(count: int, noun: str) -> str:
    """Write ``'1 round'`` or ``'1,200 rounds'``."""
    return f"{count:,}{NBSP}{noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """Write a share as a whole percentage, without rounding to none or all."""
    if not math.isfinite(share):
        return NOT_KNOWN
    if 1e-12 < share < 0.005:
        return f"<{NBSP}1{NBSP}%"
    # Sums of parts miss their total by rounding.
    if 0.995 < share < 1 - 1e-9:
        return f">{NBSP}99{NBSP}%"
    return f"{round(100 * share)}{NBSP}%"


def share_of(part: float, total: float) -> float:
    """Quotient of two numbers; not a number if there is no total to share."""
    return part / total if total else math.nan


def number(value: float, width: float | None = None) -> str:
    """Write a number with a true minus sign; infinity as ``∞``."""
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    return format_number(value, width if width and math.isfinite(width) else None).replace(
        "-", MINUS
    )


def signed(text: str) -> str:
    """Put a plus sign before a number that has no sign."""
    return text if text == "0" or text.startswith((MINUS, "<", ">")) else f"+{text}"


def bounds(low: str, high: str) -> str:
    """Join the ends of an interval; negative ends need a word, not a dash."""
    return f"{low} to {high}" if MINUS in low + high else f"{low}–{high}"


def exact(value: float) -> str:
    """Write a factor as its source gives it, to six significant digits."""
    text = f"{value:.6g}"
    if "e" not in text:
        return text.replace("-", MINUS)
    mantissa, exponent = text.split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa.replace('-', MINUS)}×10{raised}"


@dataclass(frozen=True, slots=True)
class Scale:
    """The unit of a column or of a chart, and how many decimals it can need."""

    divisor: float
    unit: str
    places: int

    @classmethod
    def of(cls, quantity: str, values: Iterable[float]) -> Scale:
        """Choose the unit that suits the largest of the canonical `values`."""
        largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
        divisor, unit = display_unit(quantity, largest)
        magnitude = math.floor(math.log10(largest / divisor)) if largest else 0
        # Two more decimals than the largest number needs: smaller cells show as
        # "< 0.001" instead of a tail of zeros.
        return cls(divisor, pretty_unit(unit), max(0, 2 - magnitude) + 2)

    def scaled(self, value: float) -> float:
        """Take a canonical number to this unit."""
        return value / self.divisor

    def text(self, value: float, width: float | None = None) -> str:
        """Write a canonical number in this unit, without the unit."""
        shown = value / self.divisor
        if shown and math.isfinite(shown) and abs(shown) < 0.5 * 10.0**-self.places:
            least = f"{10.0**-self.places:.{self.places}f}"
            return f"<{NBSP}{least}" if shown > 0 else f">{NBSP}{MINUS}{least}"
        text = number(shown, None if width is None else width / self.divisor)
        decimals = len(text.partition(".")[2])
        if decimals <= self.places:
            return text
        return f"{shown:,.{self.places}f}".replace("-", MINUS)

    def range(self, interval: Interval) -> str:
        """Write the ends of an interval; empty if there is none to speak of."""
        if interval.width == 0:
            return ""
        low, high = (self.text(end, interval.width) for end in (interval.low, interval.high))
        # Two ends that are both "less than the least" say no more than the value does.
        return "" if low == high and low[0] in "<>" else bounds(low, high)

    def quantity(
        self, interval: Interval, *, sign: bool = False, width: float | None = None
    ) -> str:
        """Write value, unit and interval: ``'1.8 mg CO₂e (1.2–2.9)'``; `width` gives the digits."""
        text = self.text(interval.value, interval.width if width is None else width)
        ends = self.range(interval)
        value = f"{signed(text) if sign else text}{NBSP}{self.unit.replace(' ', NBSP)}"
        return f"{value} ({ends})" if ends else value
