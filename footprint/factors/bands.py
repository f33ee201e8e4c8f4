"""Default 95 % bands of factors whose source gives none (`uncertainty.toml`)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from footprint.errors import UsageError
from footprint.factors.pedigree import pedigree_band
from footprint.factors.schema import QUANTITIES

BandKey = tuple[str, str, str]
"""Quantity, zone, subject; an empty zone or subject means any."""

_FORMS = ({"factor"}, {"plus_minus"}, {"low", "high"}, {"none"}, {"pedigree", "basic"})
_FORM_KEYS = {"factor", "plus_minus", "low", "high", "none", "pedigree", "basic"}
_KEYS = {"quantity", "zone", "subject", "basis"} | _FORM_KEYS


@dataclass(frozen=True, slots=True)
class Band:
    """How far the true value may lie from a factor, at 95 %.

    Exactly one form is set: `factor` (value / factor to value x factor, read as
    log-normal), `plus_minus` (value - d to value + d), `low` and `high` (absolute);
    none of them means that no band is known. All in the canonical unit.
    """

    basis: str
    factor: float | None = None
    plus_minus: float | None = None
    low: float | None = None
    high: float | None = None

    def around(self, quantity: str, value: float) -> tuple[float, float] | None:
        """Bounds of `value`, kept inside the plausible range; None if unknown."""
        if self.factor is not None:
            low, high = value / self.factor, value * self.factor
        elif self.plus_minus is not None:
            low, high = value - self.plus_minus, value + self.plus_minus
        elif self.low is not None and self.high is not None:
            low, high = self.low, self.high
        else:
            return None
        limits = QUANTITIES[quantity]
        # A PUE below 1 cannot be; and a bound never excludes the value itself.
        return min(max(low, limits.smallest), value), max(min(high, limits.largest), value)


def find_band(
    bands: Mapping[BandKey, Band], quantity: str, zones: Sequence[str], subjects: Sequence[str]
) -> Band | None:
    """Most specific band: nearest subject, then nearest zone, then the quantity's own."""
    for subject in (*subjects, ""):
        for zone in (*zones, ""):
            band = bands.get((quantity, zone, subject))
            if band is not None:
                return band
    return None


def parse_bands(text: str) -> tuple[dict[BandKey, Band], list[str]]:
    """Read `uncertainty.toml`.

    Returns
    -------
    bands : dict
    faults : list of str
        One reason per fault; a faulty band is left out.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return {}, [f"not TOML: {error}"]
    bands: dict[BandKey, Band] = {}
    faults = [f"unknown key {key!r}" for key in document if key != "band"]
    entries = document.get("band", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return {}, [*faults, "'band' must be a list of tables, written [[band]]"]
    for number, entry in enumerate(entries, start=1):
        reasons = _entry_faults(entry)
        key = (*(str(entry.get(part, "")) for part in ("quantity", "zone", "subject")),)
        if key in bands:
            reasons.append("there is a band for this already")
        if reasons:
            faults += [f"band {number} ({entry.get('quantity', '?')}): {why}" for why in reasons]
            continue
        forms = {name: float(entry[name]) for name in ("factor", "plus_minus", "low", "high")
                 if name in entry}  # fmt: skip
        if "pedigree" in entry:
            forms["factor"] = pedigree_band(entry["pedigree"], float(entry["basic"]))
        bands[key[0], key[1], key[2]] = Band(basis=entry["basis"], **forms)
    return bands, faults


def _entry_faults(entry: Mapping[str, object]) -> list[str]:
    faults = [f"unknown key {key!r}" for key in entry if key not in _KEYS]
    texts = ("quantity", "zone", "subject")
    faults += [f"{key} must be text" for key in texts if not isinstance(entry.get(key, ""), str)]
    if str(entry.get("quantity")) not in QUANTITIES:
        faults.append(f"unknown quantity {entry.get('quantity')!r}")
    if not isinstance(entry.get("basis"), str) or not entry["basis"]:
        faults.append("basis is missing: say where the band comes from")
    forms = set(entry) & _FORM_KEYS
    if forms not in _FORMS:
        faults.append(
            "give exactly one of: factor; plus_minus; low and high; pedigree and basic; none = true"
        )
    if "none" in entry and entry["none"] is not True:
        faults.append("none can only be true")
    if forms == {"pedigree", "basic"}:
        try:
            pedigree_band(entry["pedigree"], entry["basic"])  # type: ignore[arg-type]
        except (UsageError, TypeError) as error:
            faults.append(f"pedigree and basic cannot be used: {error}")
    for name in sorted(forms - {"none", "pedigree"}):
        number = entry[name]
        least = 1.0 if name in ("factor", "basic") else 0.0
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            faults.append(f"{name} must be a number")
        elif not (math.isfinite(number) and number >= least):
            faults.append(f"{name} must be a finite number of at least {least:g}")
    low, high = entry.get("low"), entry.get("high")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        faults.append("low is above high")
    return faults
