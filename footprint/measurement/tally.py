"""The energy of a span that has just ended, in the process that measured it.

`footprint.read_journal` gives the same figures afterwards, and better ones: it sees all
processes of a host, and shares its counters and its idle power between them. Here the
process stands for itself.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from footprint import _resources
from footprint._version import __version__
from footprint.factors import FactorCatalogue, load_catalogue
from footprint.journal import ProcessRecords, SpanRecord, WallLines
from footprint.measurement.attribution import attribute_spans
from footprint.measurement.power import EnergyModel, energy_model
from footprint.model import Activity, Basis, Machine, Phase, Tier


@dataclass(frozen=True, slots=True)
class Tally:
    """Energy of one span, memory included and idle power apart.

    Attributes
    ----------
    energy_kwh, low_kwh, high_kwh : float or None
        With 95 % bounds [kWh]; None if nothing could be measured.
    basis : Basis
    tier : Tier or None
        The weakest of its parts.
    source : str
        What it comes from, without the machine, such as ``"rapl"``.
    idle_kwh : float
        Idle power of the host in that time, as far as it is known [kWh].
    """

    energy_kwh: float | None
    low_kwh: float | None
    high_kwh: float | None
    basis: Basis
    tier: Tier | None
    source: str
    idle_kwh: float = 0.0

    @property
    def total_kwh(self) -> float | None:
        """Energy with the idle power [kWh]."""
        return None if self.energy_kwh is None else self.energy_kwh + self.idle_kwh


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
    return _sum(attribute_spans([alone], [model]))


_models: dict[tuple[Machine, WallLines | None], EnergyModel] = {}


def prepare_model(
    machine: Machine, calibration: WallLines | None, memo: Path | None = None
) -> EnergyModel:
    """Choose the power model of this machine, once per process.

    Parameters
    ----------
    machine : Machine
    calibration : WallLines or None
    memo : Path, optional
        File that keeps the model for the next process on this machine: the factor
        catalogue and the table of processors take a quarter of a second and more to
        read. Such a model holds its numbers, and not the factors behind them.

    Raises
    ------
    FactorError
        If the built-in catalogue cannot be read.
    """
    key = (machine, calibration)
    if key not in _models:
        _models[key] = _remember(*key, memo) if memo else energy_model(*_with_catalogue(*key))
    return _models[key]


def _with_catalogue(
    machine: Machine, calibration: WallLines | None
) -> tuple[Machine, FactorCatalogue, WallLines | None]:
    return machine, load_catalogue(), calibration


_NUMBERS = ("idle_w", "busy_w", "memory_w_per_gb", "tier", "band", "source")


def _remember(machine: Machine, calibration: WallLines | None, memo: Path) -> EnergyModel:
    """Read the model from its file, or choose it and write it there."""
    about = [
        __version__,
        _catalogue_version(),
        asdict(machine),
        calibration and asdict(calibration),
    ]
    digest = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    try:
        known = json.loads(memo.read_bytes())
        if known["digest"] == digest:
            low, high = known["band"]
            return EnergyModel(
                machine,
                idle_w=float(known["idle_w"]),
                busy_w=float(known["busy_w"]),
                memory_w_per_gb=known["memory_w_per_gb"],
                tier=Tier(known["tier"]),
                band=(float(low), float(high)),
                source=str(known["source"]),
                findings=(),
                factors=(),
                memory_factors=(),
            )
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is none yet, or not one of this release
    model = energy_model(*_with_catalogue(machine, calibration))
    numbers = {name: getattr(model, name) for name in _NUMBERS}
    try:
        memo.parent.mkdir(parents=True, exist_ok=True)
        own = memo.with_suffix(f".{os.getpid()}")
        own.write_text(json.dumps({"digest": digest, **numbers}))
        own.replace(memo)
    except OSError:
        pass  # the next process chooses again
    return model


def _catalogue_version() -> str:
    return (_resources.emission_factors() / "VERSION").read_text().strip()


def _sum(activities: Sequence[Activity]) -> Tally:
    known = [a for a in activities if a.energy_kwh is not None and a.phase is not Phase.IDLE]
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
        math.fsum(a.energy_kwh or 0.0 for a in activities if a.phase is Phase.IDLE),
    )
