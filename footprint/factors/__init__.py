"""Emission factors, prices and device facts: values with a birth certificate."""

from __future__ import annotations

from footprint.factors.catalogue import (
    FactorCatalogue,
    check_catalogue,
    find_device,
    find_zone,
    load_catalogue,
)
from footprint.factors.difference import Change, Difference, diff_catalogues
from footprint.factors.schema import QUANTITIES, Quantity
from footprint.factors.zones import Zone, Zones

__all__ = [
    "QUANTITIES",
    "Change",
    "Difference",
    "FactorCatalogue",
    "Quantity",
    "Zone",
    "Zones",
    "check_catalogue",
    "diff_catalogues",
    "find_device",
    "find_zone",
    "load_catalogue",
]
