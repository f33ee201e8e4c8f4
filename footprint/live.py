"""What a run has used so far, while it goes on."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from footprint.assessment import estimate
from footprint.errors import FactorNotFound
from footprint.factors import FactorCatalogue
from footprint.inventory import build_inventory
from footprint.measurement.attribution import read_journal
from footprint.model import Stage
from footprint.settings import Settings

# Prices of electricity that the catalogue may have for a place, the likeliest first.
_PRICES = tuple(
    (f"electricity_price_{currency}", subject, currency.upper())
    for currency in ("eur", "usd")
    for subject in ("non_household", "commercial", "household")
)


@dataclass(frozen=True, slots=True)
class SoFar:
    """One phase, or all of them, up to now.

    Attributes
    ----------
    energy_kwh : float or None
        Electricity of the devices [kWh]; None if nothing of it was measured.
    emissions_g : float or None
        All stages [gCO2e]; None without a zone.
    cost : float or None
        Of the electricity, in `currency`; None without a price for the zone.
    """

    phase: str
    energy_kwh: float | None
    emissions_g: float | None
    cost: float | None
    currency: str


def run_so_far(path: Path, catalogue: FactorCatalogue) -> list[SoFar]:
    """Read a journal that is still being written.

    Parameters
    ----------
    path : Path
    catalogue : FactorCatalogue

    Returns
    -------
    list of SoFar
        One per phase in order of appearance, and the total at the end.

    Raises
    ------
    JournalError
        If there is nothing to read yet.
    """
    journal = read_journal(path, catalogue=catalogue)
    zone = next((zone for zone in journal.columns["zone"] if zone), None)
    known: dict[str, list[float]] = defaultdict(list)
    emissions: dict[str, float] = defaultdict(float)
    for activity in journal.activities():
        known[activity.phase] += () if activity.energy_kwh is None else (activity.energy_kwh,)
    if zone is not None:
        settings = Settings(zones={"": zone}, draws=100)
        assessment = estimate(build_inventory(journal), settings, catalogue=catalogue)
        for part in assessment.contributions:
            emissions[part.phase if part.stage is not Stage.EMBODIED else "embodied"] += (
                part.emissions_g.value
            )
    price, currency = _price(zone, catalogue)

    def row(phase: str, energies_kwh: list[float], emissions_g: float) -> SoFar:
        energy_kwh = math.fsum(energies_kwh) if energies_kwh else None
        cost = None if price is None or energy_kwh is None else energy_kwh * price
        return SoFar(phase, energy_kwh, None if zone is None else emissions_g, cost, currency)

    phases = dict.fromkeys([*known, *emissions])
    rows = [row(phase, known[phase], emissions[phase]) for phase in phases]
    return [
        *rows,
        row("total", [kwh for phase in known.values() for kwh in phase], sum(emissions.values())),
    ]


def _price(zone: str | None, catalogue: FactorCatalogue) -> tuple[float | None, str]:
    """Price of a kilowatt-hour in a zone and its currency, if the catalogue has one."""
    for quantity, subject, currency in _PRICES if zone else ():
        try:
            factor = catalogue.resolve(quantity, zone=zone, subject=subject).factor
        except FactorNotFound:
            continue  # the next currency or consumer may have one
        return factor.value, currency
    return None, ""
