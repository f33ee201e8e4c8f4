"""Scenarios from TOML files. Paths in a file are relative to it; unknown keys are errors."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from footprint.errors import DataError
from footprint.simulation.fleet_scenarios import (
    ClientFiles,
    Dealt,
    FleetScenario,
    Foresight,
    LoadFiles,
    SolarFiles,
)
from footprint.simulation.load import OnOffLoad
from footprint.simulation.trace_files import Repair, Stamp
from footprint.simulation.traces import unix_seconds
from footprint.units import S_PER_H

_NUMBER = (int, float)


def read_fleet_scenario(path: Path | str) -> FleetScenario:
    """Read a scenario.

    Raises
    ------
    DataError
        If the file cannot be read, or a key is missing, unknown or of the wrong kind.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        return fleet_scenario_of(tomllib.loads(text), Path(path).parent, source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path} is no TOML: {error}.") from error


def fleet_scenario_of(
    given: Mapping[str, Any], folder: Path, *, source: str = "scenario"
) -> FleetScenario:
    """Make a scenario of the tables of a file; paths are relative to a folder.

    Raises
    ------
    DataError
        If a key is missing, unknown or of the wrong kind.
    """
    top = _Table(given, folder, source)
    unlimited = top.table("unlimited")
    free: Any = ()
    speed = 1.0
    if unlimited is not None:
        free = unlimited.take("domains", (list, str))
        free = None if free == "all" else tuple(free)
        speed = float(unlimited.take("speed", _NUMBER, 1.0))
        unlimited.end()
    scenario = FleetScenario(
        name=top.take("name", str),
        start_s=unix_seconds(top.take("start", str)),
        length_s=round(top.take("days", _NUMBER) * 24 * S_PER_H),
        solar=_solar(top.needed("solar")),
        clients=_clients(top.needed("clients")),
        load=_load(top.table("load")),
        updates=top.take("updates", int),
        foresight=Foresight.parse(top.take("foresight", str, Foresight.ERROR)),
        unlimited=free,
        speed=speed,
    )
    top.end()
    return scenario


class _Table:
    """A table of a file, whose keys are taken one by one until none is left."""

    def __init__(self, given: Mapping[str, Any], folder: Path, name: str) -> None:
        self._left, self._folder, self._name = dict(given), folder, name

    def take(self, key: str, kind: Any, default: Any = ...) -> Any:
        """Take a value; an error if it is missing and has no default."""
        value = self._left.pop(key, default)
        if value is ...:
            raise DataError(f"{self._name}: {key!r} is missing.")
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            raise DataError(f"{self._name}: {key!r} cannot be {value!r}.")
        return value

    def flag(self, key: str) -> bool:
        """Take a yes or no; no if it is missing."""
        value = self._left.pop(key, False)
        if not isinstance(value, bool):
            raise DataError(f"{self._name}: {key!r} is true or false, not {value!r}.")
        return value

    def path(self, key: str, default: Any = ...) -> Any:
        """Take a path; None if that is the default and there is none."""
        value = self.take(key, str, default)
        return value if value is default else self._folder / value

    def table(self, key: str) -> _Table | None:
        """Take a table; None if there is none."""
        value = self.take(key, dict, None)
        return None if value is None else _Table(value, self._folder, f"{self._name}: [{key}]")

    def needed(self, key: str) -> _Table:
        """Take a table; an error if there is none."""
        found = self.table(key)
        if found is None:
            raise DataError(f"{self._name}: the table [{key}] is missing.")
        return found

    def end(self) -> None:
        """Say what is left over."""
        if self._left:
            raise DataError(f"{self._name}: there is no key {sorted(self._left)[0]!r}.")


def _solar(table: _Table) -> SolarFiles:
    forecast = table.path("forecast", None)
    column: Any = "" if forecast is None else ...
    files = SolarFiles(
        actual=table.path("actual"),
        stamps=Stamp.parse(table.take("stamps", str)),
        peak_w=table.take("peak_w", (*_NUMBER, dict)),
        forecast=forecast,
        time_column=table.take("time_column", str, None),
        issue_column=table.take("issue_column", str, column),
        target_column=table.take("target_column", str, column),
        repair=frozenset(Repair.parse(word) for word in table.take("repair", list, [])),
    )
    table.end()
    return files


def _clients(table: _Table) -> ClientFiles:
    path, task = table.path("path"), table.take("task", str, None)
    samples, dealt = table.table("samples"), None
    if samples is not None:
        dealt = Dealt(
            samples.take("total", int),
            samples.take("classes", int),
            float(samples.take("concentration", _NUMBER)),
        )
        samples.end()
    table.end()
    return ClientFiles(path, task, dealt)


def _load(table: _Table | None) -> LoadFiles | OnOffLoad | None:
    if table is None:
        return None
    load: LoadFiles | OnOffLoad
    if table.flag("invented"):
        load = OnOffLoad(0)
    else:
        load = LoadFiles(
            used=table.path("used"),
            reserved=table.path("reserved", None),
            one_day=table.flag("one_day"),
            drop=tuple(table.take("drop", list, [])),
        )
    table.end()
    return load
