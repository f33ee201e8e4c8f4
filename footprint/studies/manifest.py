"""Manifests of studies: the TOML files in which people name methods to be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic

from footprint.errors import ManifestError, ManifestIncomplete, UsageError
from footprint.model import Projection
from footprint.model.methods import TrainingMethod
from footprint.scheduling.curves import WINDOW
from footprint.studies.plan import DIGITS, StudyPlan
from footprint.tables import explain, flatten, missing_keys, read_toml, written_keys

# Where the file lies is nothing to write into it.
_UNWRITTEN = {"origin", "declared"}
_FOLDER = "folder"

Fault = tuple[str, str, str]
"""Key, what is wrong with it, and what to do."""


def read_study(path: Path | str) -> StudyPlan:
    """Read a manifest of a study.

    Parameters
    ----------
    path : path
        A TOML file; a folder that it names is relative to it.

    Raises
    ------
    ManifestError
        If it cannot be read or means nothing: says the file and the key, what was found
        and what is accepted.
    """
    path = Path(path)
    tables = read_toml(path, ManifestError)
    for key in sorted(_UNWRITTEN & set(tables)):
        raise ManifestError(f"{path}, {key}: this key is unknown.", "Leave it out.")
    checked = dict(tables)
    # These check themselves; what they say needs the place beside it.
    if isinstance(tables.get("method"), list):
        checked["method"] = [
            _read_table(path, f"method[{number}]", table, TrainingMethod)
            for number, table in enumerate(tables["method"], start=1)
        ]
    if isinstance(tables.get("projection"), Mapping):
        checked["projection"] = _read_table(path, "projection", tables["projection"], Projection)
    plan: StudyPlan = _validate(path, "", checked, StudyPlan, written_keys(StudyPlan) - _UNWRITTEN)
    plan = replace(plan, origin=str(path), declared=tuple(flatten(tables, ("name",))))
    require_sense(plan)
    return plan


def _read_table(path: Path, key: str, table: Any, kind: type[Any]) -> Any:
    if kind is TrainingMethod and isinstance(table, Mapping) and "name" not in table:
        raise ManifestError(f"{path}, {key}.name: this key is missing.", "Name each method once.")
    return _validate(path, key, table, kind, written_keys(kind))


def _validate(path: Path, key: str, table: Any, kind: type[Any], known: set[str]) -> Any:
    place = f"{path}, {key}" if key else str(path)
    try:
        return pydantic.TypeAdapter(kind).validate_python(table)
    except UsageError as error:
        raise ManifestError(f"{place}: {error.message}", error.remedy) from error
    except pydantic.ValidationError as error:
        message, remedy = explain(place, error, kind, known)
        message = message.replace(f"{place}, ", f"{place}.") if key else message
        keys = missing_keys(error)
        if keys:
            raise ManifestIncomplete(message, remedy, keys) from error
        raise ManifestError(message, remedy) from error


def require_sense(plan: StudyPlan) -> None:
    """Check what lies between keys that are right each on its own.

    Raises
    ------
    ManifestError
        Says the file and the key.
    """
    for key, message, remedy in _faults(plan):
        raise ManifestError(f"{plan.origin}, {key}: {message}", remedy)


def _faults(plan: StudyPlan) -> Iterable[Fault]:
    if not plan.method:
        yield "method", "there is no method.", "Add [[method]] tables, the reference first."
    for name, times in Counter(method.name for method in plan.method).items():
        if times > 1:
            yield "method", f"the name {name!r} is given to {times} methods.", "Name each once."
    if plan.clients_per_round > plan.clients:
        yield (
            "clients_per_round",
            f"{plan.clients_per_round} of {plan.clients} clients cannot be chosen.",
            "Choose as many as there are, or fewer.",
        )
    if not plan.place.zones:
        yield "place.zones", "there is no grid zone.", "Name one or more; clients take turns."
    if plan.data.source not in (DIGITS, _FOLDER):
        yield (
            "data.source",
            f"found {plan.data.source!r}, expected one of {DIGITS}, {_FOLDER}.",
            "",
        )
    if (plan.data.source == _FOLDER) != (plan.data.folder is not None):
        given = "is missing" if plan.data.folder is None else "is named, and not used"
        yield "data.folder", f"the folder {given}.", f'Write source = "{_FOLDER}" and a folder.'
    if plan.target is not None and plan.evaluations < WINDOW:
        yield (
            "target",
            f"a target is reached by the mean of {WINDOW} evaluations; {plan.rounds} round(s), "
            f"evaluated every {plan.evaluate_every}, have {plan.evaluations}.",
            "Give more rounds, evaluate more often, or leave the target out.",
        )
    if plan.training.momentum == 1:
        yield "training.momentum", "with a momentum of 1 nothing ever slows down.", "Give less."
    if plan.training.last_rate > plan.training.rate:
        yield (
            "training.last_rate",
            f"the rate would rise from {plan.training.rate:g} to {plan.training.last_rate:g}.",
            "Rates fall, or stay.",
        )
