"""Checks that energies fit the devices that are said to have used them."""

from __future__ import annotations

from collections.abc import Iterator

from footprint.audit.statement import Audited
from footprint.factors import FactorCatalogue
from footprint.model import Finding, Severity
from footprint.units import kwh_to_watts

MOST_W = {
    "phone": 50.0,
    "tablet": 100.0,
    "iot": 100.0,
    "edge": 500.0,
    "laptop": 500.0,
    "desktop": 3000.0,
    "gpu": 5000.0,
    "tpu": 5000.0,
    "server": 30000.0,
    "board": 30000.0,
}
"""Mean power that no device of a class has, with its share of the host [W]; our choice.

Far above any that we know: what passes them is another unit, or the energy of many devices.
"""


def check_power(audited: Audited, _catalogue: FactorCatalogue) -> Iterator[Finding]:
    """No device draws more than any of its class can."""
    for record in audited.records:
        for line in record.inventory.lines:
            most_w = MOST_W.get((line.device or "").partition(".")[0])
            if most_w is None or not line.energy_kwh or not line.duration_s:
                continue
            mean_w = kwh_to_watts(line.energy_kwh, line.duration_s)
            if mean_w > most_w:
                yield Finding(
                    "power-implausible",
                    f"{line.actor!r} in {record.table.name!r}: {line.energy_kwh:.6g} kWh is "
                    f"{mean_w:.6g} W for all of its time; no {line.device} draws {most_w:g} W.",
                    Severity.WARNING,
                    "Correct the unit or the meter, or give the device hours of all devices.",
                    f"{record.table.name} / {line.actor}",
                )
