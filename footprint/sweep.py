"""Many variants of one manifest: any of its keys over a range or a grid."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from footprint.errors import UsageError
from footprint.factors import FactorCatalogue
from footprint.manifest import read_tables, study_of
from footprint.model import Architecture, Assessment
from footprint.scenarios import check_names, estimate_study, study_catalogue

MOST_VARIANTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Axis:
    """A key of a manifest, and the values that it takes.

    Attributes
    ----------
    key : str
        Path in the manifest, such as ``"training.rounds"`` or ``"clients.lyon.zone"``:
        a table of a list goes by its name, or by its number from 1.
    values : tuple of str or float
    """

    key: str
    values: tuple[Any, ...]

    @classmethod
    def parse(cls, text: str) -> Axis:
        """Read ``"KEY=VALUES"``.

        Values are a list (``"10,20,50"``, ``"FR,DE"``, ``"10 MB,1 GB"``), or a range with the
        number of its points (``"10..200/20"``, ``"1..9/5 TB"``).

        Raises
        ------
        UsageError
            If it is neither.
        """
        key, equals, values = text.partition("=")
        if not equals or not key.strip() or not values.strip():
            raise UsageError(
                f"{text!r} sets nothing.", "Write KEY=VALUES, such as training.rounds=10,20,50."
            )
        span = _RANGE.fullmatch(values.strip())
        if span is None:
            return cls(_dotted(key), tuple(_plain(value.strip()) for value in values.split(",")))
        count = int(span["count"])
        if count < 2:
            raise UsageError(f"{text!r} has {count} point(s).", "A range takes two or more.")
        numbers = np.linspace(float(span["low"]), float(span["high"]), count)
        unit = span["unit"].strip()
        return cls(
            _dotted(key),
            tuple(f"{float(n):.12g} {unit}" if unit else _whole(float(n)) for n in numbers),
        )


_NUMBER = r"-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER})/(?P<count>\d+)(?P<unit>\D*)")


def _dotted(key: str) -> str:
    """Key as a path: ``"clients[1].count"``, as messages write it, is ``"clients.1.count"``."""
    return re.sub(r"\[(\d+)\]", r".\1", key.strip())


def _plain(text: str) -> Any:
    """Value as TOML would have it: a number, a truth value, or text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return _whole(number) if np.isfinite(number) else text


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value


@dataclass(frozen=True, slots=True)
class Variant:
    """One point of a sweep.

    Attributes
    ----------
    values : mapping of str to value
        What was set, by key.
    federated : Assessment
    centralised : Assessment or None
        None if the manifest has no centralised training.
    """

    values: Mapping[str, Any]
    federated: Assessment
    centralised: Assessment | None


def count_variants(axes: Sequence[Axis]) -> int:
    """Count the points of a grid.

    Raises
    ------
    UsageError
        If they are too many.
    """
    keys = [axis.key for axis in axes]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice!r} is set twice.", "Give all of its values at once.")
    count = int(np.prod([len(axis.values) for axis in axes], dtype=np.float64))
    if count > MOST_VARIANTS:
        raise UsageError(f"{count:,} variants are too many.", f"Use up to {MOST_VARIANTS:,}.")
    return count


def sweep(
    path: Path | str,
    axes: Sequence[Axis],
    *,
    draws: int = 0,
    catalogue: FactorCatalogue | None = None,
    on_variant: Callable[[], object] | None = None,
) -> Iterator[Variant]:
    """Estimate every point of a grid over the keys of a manifest.

    Parameters
    ----------
    path : path
        A manifest.
    axes : sequence of Axis
    draws : int
        Of the intervals; 0 for central values alone.
    catalogue : FactorCatalogue, optional
        Default: `study_catalogue`.
    on_variant : callable, optional
        Called after each point.

    Yields
    ------
    Variant
        The last axis varies fastest.

    Raises
    ------
    UsageError
        If a key leads nowhere.
    ManifestError
        If a value is not accepted; says which key.
    """
    path = Path(path)
    tables = read_tables(path)
    known = catalogue
    for values in itertools.product(*(axis.values for axis in axes)):
        changed = _copied(tables)
        chosen = {axis.key: value for axis, value in zip(axes, values, strict=True)}
        for key, value in chosen.items():
            _set(changed, key, value)
        study = replace(study_of(changed, path), draws=draws)
        if known is None:
            known = study_catalogue(study)
        else:
            check_names(study, known)
        federated = estimate_study(study, catalogue=known)
        centralised = None
        if study.centralised is not None:
            centralised = estimate_study(study, Architecture.CENTRALISED, catalogue=known)
        yield Variant(chosen, federated, centralised)
        if on_variant is not None:
            on_variant()


def with_settings(tables: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Copy the tables of a manifest with settings such as ``"training.rounds=5; year=2024"``.

    Raises
    ------
    UsageError
        If a setting has more than one value, or leads nowhere.
    """
    changed: dict[str, Any] = _copied(tables)
    for setting in filter(None, (part.strip() for part in text.split(";"))):
        axis = Axis.parse(setting)
        if len(axis.values) != 1:
            raise UsageError(f"{setting!r} has more than one value.", "An option has one of each.")
        _set(changed, axis.key, axis.values[0])
    return changed


def _copied(node: Any) -> Any:
    """Copy of nested tables; their values are never changed in place."""
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(value) for value in node] if isinstance(node, list) else node


def _set(tables: dict[str, Any], key: str, value: Any) -> None:
    """Set a key of nested tables; of a list, in the table of a name or a number."""
    *way, last = key.split(".")
    node: Any = tables
    for step in way:
        node = _enter(node, step, key)
    if isinstance(node, list):
        raise UsageError(f"{key!r} names no single table.", f"Write {'.'.join(way)}.NAME.{last}.")
    node[last] = value


def _enter(node: Any, step: str, key: str) -> Any:
    if isinstance(node, list):
        named = [table for table in node if table.get("name") == step]
        if not named and step.isdecimal() and 1 <= int(step) <= len(node):
            named = [node[int(step) - 1]]
        if not named:
            names = ", ".join(str(table.get("name")) for table in node)
            raise UsageError(f"{key!r}: there is no table {step!r}.", f"They are: {names}.")
        return named[0]
    found = node.setdefault(step, {})
    if not isinstance(found, dict | list):
        raise UsageError(f"{key!r} leads nowhere: {step!r} is no table.", "Check the key.")
    return found
