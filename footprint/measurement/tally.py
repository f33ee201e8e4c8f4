"""The energy of a span that has just ended, in the process that measured it.

`footprint.read_journal` gives the same figures afterwards, and better ones: it sees all
processes of a host, and shares its counters and its idle power between them. Here the
process stands for itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from footprint.factors import load_catalogue
from footprint.journal import ProcessRecords, SpanRecord, WallLines
from footprint.measurement.attribution import attribute
from footprint.measurement.power import EnergyModel, energy_model
from footprint.model import Activity, Basis, Machine, Tier


@dataclass(frozen=True, slots=True)
class Tally:
    """Energy of one span, idle power and memory included.

    Attributes
    ----------
    energy_kwh, low_kwh, high_kwh : float or None
        With 95 % bounds [kWh]; None if nothing could be measured.
    basis : Basis
    tier : Tier or None
        The weakest of its parts.
    source : str
        What it comes from, without the machine, such as ``"rapl"``.
    """

    energy_kwh: float | None
    low_kwh: float | None
    high_kwh: float | None
    basis: Basis
    tier: Tier | None
    source: str


def tally_span(process: ProcessRecords, span: SpanRecord) -> Tally:
    """Say how much energy a span took.

    Parameters
    ----------
    process : ProcessRecords
        Of the process that recorded it.
    span : SpanRecord
        Which has ended. What is nested in it is part of it.

    Raises
    ------
    FactorError
        If the built-in catalogue cannot be read.
    """
    model = prepare_model(process.machine, process.calibration)
    alone = replace(process, spans=(replace(span, parent=None),))
    return _sum(attribute([alone], [model]).activities)


@lru_cache(maxsize=4)
def prepare_model(machine: Machine, calibration: WallLines | None) -> EnergyModel:
    """Choose the power model of this machine once per process; reads the catalogue."""
    return energy_model(machine, load_catalogue(), calibration)


def _sum(activities: Sequence[Activity]) -> Tally:
    known = [activity for activity in activities if activity.energy_kwh is not None]
    if not known:
        return Tally(None, None, None, Basis.MEASURED, None, "")
    bases = {activity.basis for activity in known}
    weakest = (Basis.DEFAULT, Basis.MODELLED, Basis.MEASURED)
    return Tally(
        math.fsum(activity.energy_kwh or 0.0 for activity in known),
        math.fsum(activity.energy_low_kwh or 0.0 for activity in known),
        math.fsum(activity.energy_high_kwh or 0.0 for activity in known),
        next(basis for basis in weakest if basis in bases),
        max((a.tier for a in known if a.tier is not None), default=None),
        "+".join(dict.fromkeys(activity.source.partition("/")[0] for activity in known)),
    )
