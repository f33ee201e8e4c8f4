"""Which grid intensities stand behind a printed table of emissions.

Where the same energy is used in two countries, the ratio of the printed grams is the ratio
of their intensities: one division tells sets of digits apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.papercases.cases import Printed
from footprint.papercases.grades import Grade
from footprint.units import conversion_factor


@dataclass(frozen=True, slots=True)
class IntensitySet:
    """Grid intensities of one source [gCO2e/kWh], by zone.

    Attributes
    ----------
    grade : Grade
        Of these digits.
    half_digit_g_per_kwh : float
        Half a unit in the last digit that a user of the set may have written.
    """

    name: str
    grade: Grade
    values_g_per_kwh: Mapping[str, float]
    half_digit_g_per_kwh: float
    note: str


INTENSITY_SETS = (
    IntensitySet(
        "Brander 2011",
        Grade.VERIFIED,
        {"CN": 974.624913, "FR": 70.927465, "US": 547.096737},
        0.05,
        "Brander et al. 2011 (Ecometrica), as an old table of the ECAM water-utility tool "
        "cites it (icra/ecam, dataModel/countries.js): CO2 of generation, about 2009",
    ),
    IntensitySet(
        "second set",
        Grade.UNCONFIRMED,
        {"CN": 974.6, "FR": 79.0, "US": 574.1},
        0.05,
        "digits that are also attributed to Qiu et al.; not confirmed, possibly transposed",
    ),
)
"""Sets that are told apart; whoever finds another one in print adds it here."""


def intensity_set(printed: Mapping[str, str]) -> tuple[IntensitySet, ...]:
    """Find the sets of digits whose ratio is that of printed emissions.

    Parameters
    ----------
    printed : mapping of str to str
        Zone (``"CN"``, ``"FR"`` or ``"US"``) and the printed emissions there, as text with a
        unit, of two zones in which the same energy was used.

    Returns
    -------
    tuple of IntensitySet
        One set; none if neither fits; several if the digits are too few to tell.

    Raises
    ------
    UsageError
        If there are not two zones, a zone is in no set, or a figure is 0 as far as it is printed.

    Examples
    --------
    >>> [one.name for one in intensity_set({"CN": "121.68 gCO2e", "US": "68.30 gCO2e"})]
    ['Brander 2011']
    """
    if len(printed) != 2:
        raise UsageError(f"A ratio takes two zones, not {len(printed)}.", "Give two of one row.")
    known = set.intersection(*(set(one.values_g_per_kwh) for one in INTENSITY_SETS))
    strange = sorted(set(printed) - known)
    if strange:
        raise UsageError(
            f"No set has the zone {strange[0]!r}.", f"They have: {', '.join(sorted(known))}."
        )
    low, high = _ratio_range(*(_bounds(Printed.read(text)) for text in printed.values()))
    found = []
    for one in INTENSITY_SETS:
        half = one.half_digit_g_per_kwh
        values = (one.values_g_per_kwh[zone] for zone in printed)
        least, most = _ratio_range(*((value - half, value + half) for value in values))
        if least <= high and low <= most:
            found.append(one)
    return tuple(found)


Bounds = tuple[float, float]


def _bounds(printed: Printed) -> Bounds:
    """Range of what may have been rounded to a printed figure [gCO2e]."""
    grams = conversion_factor(printed.unit, "gCO2e")
    low, high = printed.value - printed.half_digit, printed.value + printed.half_digit
    if low <= 0:
        raise UsageError(f"{printed.text!r} has too few digits for a ratio.", "Take another row.")
    return low * grams, high * grams


def _ratio_range(over: Bounds, under: Bounds) -> Bounds:
    return over[0] / under[1], over[1] / under[0]
