"""Tables of measured costs of training methods, as TOML files.

Keys of a method are those of `TrainingMethod`, which may be left out where they are its defaults,
and ``time``, ``energy``, ``up``, ``down`` and ``loss``: see `MethodCost`. The reference may leave
these out.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import pydantic

from footprint.errors import DataError, FootprintError
from footprint.model.factors import STRICT
from footprint.model.method_costs import CostFigure, CostTable, MethodCost
from footprint.model.methods import (
    Positions,
    Scheme,
    TrainingMethod,
    TrainingPath,
    Values,
)
from footprint.tables import explain, read_toml, written_keys

_FORMAT = "footprint-method-costs"
_ABOUT = ("network", "device", "conditions", "source")
_FIGURES = ("time", "energy", "up", "down", "loss")
_HEAD = """\
# Costs of training methods beside plain training (the first method), as measured.
# time, energy: of a unit of work; up, down: bytes [parts of the reference].
# loss: accuracy lost at equal rounds [percentage points]. Each with bounds and its kind:
# measured, or for energy also modelled_from_time. Nothing else may pay into a budget.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    value: float
    low: float
    high: float
    kind: str

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    path: TrainingPath = TrainingPath.DENSE
    sparsity: float = 0.0
    activation_sparsity: float | None = None
    width: float = 1.0
    scheme: Scheme = Scheme.FULL
    mask_ratio: float | None = None
    values: Values = Values.FLOAT32
    positions: Positions = Positions.SMALLEST
    feedback: bool = False
    local_epochs: int = 1
    time: _Figure | None = None
    energy: _Figure | None = None
    up: _Figure | None = None
    down: _Figure | None = None
    loss: _Figure | None = None

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    format: str
    format_version: int
    network: str
    device: str
    conditions: str
    source: str
    method: tuple[_Row, ...]

    __pydantic_config__ = STRICT


@functools.cache
def _adapter() -> pydantic.TypeAdapter[_File]:
    return pydantic.TypeAdapter(_File)


def read_costs(path: Path | str) -> CostTable:
    """Read a table of costs.

    Parameters
    ----------
    path : path
        A TOML file, as `write_costs` writes it.

    Raises
    ------
    DataError
        If it cannot be read, or says what cannot be: with the file and the method.
    """
    path = Path(path)
    tables = read_toml(path, DataError)
    try:
        found: _File = _adapter().validate_python(tables)
    except pydantic.ValidationError as error:
        raise DataError(*explain(path, error, _File, written_keys(_File))) from error
    if (found.format, found.format_version) != (_FORMAT, 1):
        raise DataError(
            f"{path}, format: found {found.format!r}, version {found.format_version}.",
            f"Expected {_FORMAT!r}, version 1.",
        )
    costs = tuple(
        _cost(f"{path}, method[{number}]", row, is_reference=number == 1)
        for number, row in enumerate(found.method, start=1)
    )
    try:
        return CostTable(**{name: getattr(found, name) for name in _ABOUT}, costs=costs)
    except FootprintError as error:
        raise DataError(f"{path}: {error.message}", error.remedy) from error


def _cost(place: str, row: _Row, *, is_reference: bool) -> MethodCost:
    given = {name: getattr(row, name) for name in _FIGURES if getattr(row, name) is not None}
    missing = [name for name in _FIGURES if name not in given]
    if missing and not is_reference:
        raise DataError(
            f"{place}.{missing[0]}: nobody says what {row.name!r} costs.",
            "Measure it: what is not measured is not chosen.",
        )
    try:
        figures = {
            name: CostFigure(one.value, one.low, one.high, one.kind) for name, one in given.items()
        }
        method = TrainingMethod(
            **{one.name: getattr(row, one.name) for one in fields(TrainingMethod)}
        )
        return MethodCost(method, **figures)
    except FootprintError as error:
        raise DataError(f"{place}: {error.message}", error.remedy) from error


def write_costs(table: CostTable, path: Path | str) -> None:
    """Write a table of costs.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    text = "\n".join(_lines(table)) + "\n"
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}.", "Name another file.") from error


def _lines(table: CostTable) -> Iterator[str]:
    yield _HEAD.rstrip()
    yield f"format = {_written(_FORMAT)}"
    yield "format_version = 1"
    for name in _ABOUT:
        yield f"{name} = {_written(getattr(table, name))}"
    for cost in table.costs:
        yield "\n[[method]]"
        for one in fields(TrainingMethod):
            value = getattr(cost.method, one.name)
            if one.name == "name" or one.default is MISSING or value != one.default:
                yield f"{one.name} = {_written(value)}"
        if cost is not table.reference:
            for name in _FIGURES:
                yield f"{name} = {_figure(getattr(cost, name))}"


def _figure(figure: CostFigure) -> str:
    numbers = [f"{name} = {_written(getattr(figure, name))}" for name in ("value", "low", "high")]
    return f"{{ {', '.join(numbers)}, kind = {_written(str(figure.kind))} }}"


def _written(value: Any) -> str:
    # What JSON writes of texts, numbers and truths is TOML as well.
    text: str = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")
