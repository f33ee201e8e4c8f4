"""Figures of a life cycle, by the same path as those of any manifest.

The inputs of such a case are the tables of a manifest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from footprint.errors import ManifestIncomplete
from footprint.manifest import study_of
from footprint.model import Architecture, Assessment, Contribution, LifeCycle, Stage, Study
from footprint.model.scenario import manifest_key
from footprint.papercases.formulas import Figure, unit_of
from footprint.scenarios import estimate_study
from footprint.simulation.analytic import SERVER

STUDY = "life-cycle"
"""Name of this model."""


def _sum(assessment: Assessment, belongs: Callable[[Contribution], bool]) -> float:
    return math.fsum(c.emissions_g.value for c in assessment.contributions if belongs(c))


def _network(assessment: Assessment) -> float:
    return _sum(assessment, lambda c: c.stage is Stage.NETWORK)


def _storage(assessment: Assessment) -> float:
    return _sum(assessment, lambda c: c.stage is Stage.STORAGE)


def _use(assessment: Assessment) -> float:
    """Everything but the making of hardware."""
    return _sum(assessment, lambda c: c.stage is not Stage.EMBODIED)


def _server(assessment: Assessment) -> float:
    return _sum(assessment, lambda c: c.stage is Stage.OPERATION and c.actor == SERVER)


def _clients(assessment: Assessment) -> float:
    return _sum(assessment, lambda c: c.stage is Stage.OPERATION and c.actor != SERVER)


def _of_life_cycle(assessment: Assessment, stage: LifeCycle) -> float:
    return _sum(assessment, lambda c: c.life_cycle is stage)


_OF_ONE: Mapping[str, Callable[[Assessment], float | None]] = {
    "total_g": lambda assessment: assessment.total_g.value,
    "energy_kwh": lambda assessment: assessment.energy_kwh,
    "use_g": _use,
    "network_g": _network,
    "storage_g": _storage,
    "clients_g": _clients,
    "server_g": _server,
    **{f"{stage}_g": partial(_of_life_cycle, stage=stage) for stage in LifeCycle},
}
_COST = "cost"


def study_figures() -> set[str]:
    """Keys of the figures of a study: ``"federated_total"``, ``"centralised_store"``."""
    names = [*map(manifest_key, _OF_ONE), _COST]
    return {f"{architecture}_{name}" for architecture in Architecture for name in names}


def read_study(tables: Mapping[str, Any], place: str) -> Study | tuple[str, ...]:
    """Check the tables of a manifest; keys that it lacks are no error here.

    Parameters
    ----------
    tables : mapping
    place : str
        File and tables, for messages.

    Raises
    ------
    ManifestError
        If anything else is wrong.
    """
    try:
        study = study_of(tables, Path(place))
    except ManifestIncomplete as error:
        return error.keys
    # Only central values count here.
    return replace(study, draws=0)


def compute_study(tables: Mapping[str, Any], place: str, keys: Iterable[str]) -> dict[str, Figure]:
    """Compute figures of a study, by their keys."""
    study = read_study(tables, place)
    if not isinstance(study, Study):
        return {key: Figure(None, "1", study) for key in keys}
    assessments: dict[Architecture, Assessment] = {}
    found = {}
    for key in keys:
        name, _, what = key.partition("_")
        architecture = Architecture(name)
        if architecture is Architecture.CENTRALISED and study.centralised is None:
            found[key] = Figure(None, "1", ("centralised",))
            continue
        if architecture not in assessments:
            assessments[architecture] = estimate_study(study, architecture)
        found[key] = _figure(assessments[architecture], what)
    return found


def _figure(assessment: Assessment, what: str) -> Figure:
    if what == _COST:
        bill = assessment.bill
        return Figure(bill.total.value, bill.currency) if bill else Figure(None, "1", ("prices",))
    name = next(name for name in _OF_ONE if manifest_key(name) == what)
    value = _OF_ONE[name](assessment)
    return Figure(value, unit_of(name), () if value is not None else (what,))
