"""What changed between two versions of a factor folder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from footprint import _resources
from footprint.errors import FactorError
from footprint.factors.files import FactorFolder, read_folder
from footprint.model import EmissionFactor


@dataclass(frozen=True, slots=True)
class Change:
    """One factor that differs; values in `unit`, the canonical one.

    `fields` names every field that differs, so that a new source with an equal
    value shows too.
    """

    id: str
    old: float
    new: float
    unit: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids that were added and removed, and factors that changed; each sorted by id."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Change, ...]


def diff_catalogues(old_folder: Path, new_folder: Path) -> Difference:
    """Compare two factor folders row by row.

    Raises
    ------
    FactorError
        If a folder is missing or broken.
    """
    old, new = (_read(folder).rows for folder in (old_folder, new_folder))
    changed = []
    for key in sorted(old.keys() & new.keys()):
        before, after = old[key].factor, new[key].factor
        names = _differing(before, after)
        if old[key].years != new[key].years and "year" not in names:
            names = (*names, "validity")
        if names:
            changed.append(Change(key, before.value, after.value, after.unit, names))
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(changed),
    )


def _read(path: Path) -> FactorFolder:
    folder = read_folder(path)
    if not folder.version:  # an addition may name the built-in zones
        folder = read_folder(path, read_folder(_resources.emission_factors()).zones)
    if folder.faults:
        raise FactorError(folder.faults[0].message, folder.faults[0].remedy)
    return folder


def _differing(before: EmissionFactor, after: EmissionFactor) -> tuple[str, ...]:
    names = (item.name for item in fields(EmissionFactor))
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))
