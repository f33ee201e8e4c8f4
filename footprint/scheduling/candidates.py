"""Clients as columns, and as single candidates where that reads better.

One table holds everybody a run knows. The candidates of a round are some of its rows:
their columns are taken when they are asked for, so that a hundred thousand clients cost
a policy no more than the columns it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from footprint.errors import UsageError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.object_]

Kind = TypeVar("Kind", bound=np.generic)

NO_DOMAIN = -1
"""Domain of a client of which nobody knows where its power comes from."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A client that could work in this round, and what is known of it now.

    Attributes
    ----------
    id : str
        Stable over the run, for example ``"client-3"``.
    zone, device : str or None
        Grid zone and device class; None if nobody said.
    intensity_g_per_kwh : float or None
        Of its grid now [gCO2e/kWh].
    asked, answered : int
        How often it was selected, and how often it answered well.
    energy_kwh, duration_s : float or None
        Of the last round in which it answered [kWh] [s].
    metrics : mapping of str to float
        What it said then of its training, such as ``{"loss": 0.3, "num-examples": 600}``.
    domain : int or None
        Number of its power domain, from 0.
    samples : float or None
        Of its training data [1].
    utility : float or None
        Statistical utility of its last update [1].
    last_round : int or None
        In which it answered.
    """

    id: str
    zone: str | None = None
    device: str | None = None
    intensity_g_per_kwh: float | None = None
    asked: int = 0
    answered: int = 0
    energy_kwh: float | None = None
    duration_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    domain: int | None = None
    samples: float | None = None
    utility: float | None = None
    last_round: int | None = None


@dataclass(eq=False)
class ClientTable:
    """Everybody that a run knows, as columns of one length; NaN and None stand for unknown.

    Whoever runs the rounds owns the table and writes to it; policies get `Candidates`.

    Attributes
    ----------
    ids : ndarray of str
    zones, devices : ndarray of (str or None)
    domain : ndarray of int
        Number of the power domain; `NO_DOMAIN` if nobody said.
    samples : ndarray of float
        Training samples [1].
    least, most : ndarray of float
        Work below which an update does not count, and work that is enough [units per round].
    speed : ndarray of float
        Work at full speed [units per step].
    energy_per_unit_ws : ndarray of float
        Energy of a unit of work [Ws].
    from_grid : ndarray of float
        Part of the energy that plans count as coming from the grid: 0 where there is excess energy
        alone [1].
    intensity_g_per_kwh : ndarray of float
        Of the grid now [gCO2e/kWh].
    asked, answered : ndarray of int
        Rounds.
    last_round : ndarray of int
        Last round that was answered; 0 for none.
    energy_kwh, duration_s, utility : ndarray of float
        Of that round [kWh] [s] [1].
    metrics : dict of str to ndarray of float
        Of that round.
    """

    ids: Labels
    zones: Labels
    devices: Labels
    domain: Integers
    samples: Floats
    least: Floats
    most: Floats
    speed: Floats
    energy_per_unit_ws: Floats
    from_grid: Floats
    intensity_g_per_kwh: Floats
    asked: Integers
    answered: Integers
    last_round: Integers
    energy_kwh: Floats
    duration_s: Floats
    utility: Floats
    metrics: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def empty(cls, ids: Sequence[str], **known: Any) -> ClientTable:
        """Make a table in which only some columns are known.

        Raises
        ------
        UsageError
            If two clients have one id, or a column has another length.
        """
        number = len(ids)
        columns: dict[str, Any] = {"ids": labels(ids)}
        for name in _LABELS:
            columns[name] = np.full(number, None, dtype=object)
        for name in _FLOATS:
            columns[name] = np.full(number, np.nan)
        for name in _COUNTS:
            columns[name] = np.zeros(number, dtype=np.int64)
        columns["domain"] = np.full(number, NO_DOMAIN, dtype=np.int64)
        columns |= known
        for name, column in columns.items():
            if len(column) != number:
                raise UsageError(f"{number} clients have {len(column)} values of {name!r}.")
        table = cls(**columns)
        if len(table.numbers) < number:
            raise UsageError("Two clients have the same id.", "Ids name clients over the run.")
        return table

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Row of each id."""
        return {name: number for number, name in enumerate(self.ids.tolist())}

    def shown(self) -> ClientTable:
        """Make a table of what is known now, as policies get it: nobody can write to it."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)[:-1]}
        for name in _CHANGING:
            columns[name] = columns[name].copy()
        metrics = {name: _read_only(column.copy()) for name, column in self.metrics.items()}
        table = ClientTable(**{name: _read_only(c) for name, c in columns.items()}, metrics=metrics)
        table.__dict__["numbers"] = self.numbers  # ids do not change; once is enough
        return table


def _read_only(column: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    view = column.view()
    view.setflags(write=False)
    return view


_LABELS = ("zones", "devices")
_COUNTS = ("asked", "answered", "last_round")
_CHANGING = (*_COUNTS, "intensity_g_per_kwh", "energy_kwh", "duration_s", "utility")
_FLOATS = (
    "samples",
    "least",
    "most",
    "speed",
    "energy_per_unit_ws",
    "from_grid",
    "intensity_g_per_kwh",
    "energy_kwh",
    "duration_s",
    "utility",
)


class _Column(Generic[Kind]):
    """A column of the table, for the candidates alone: a copy, so nobody can write to it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, candidates: None, owner: type) -> _Column[Kind]: ...

    @overload
    def __get__(self, candidates: Candidates, owner: type) -> npt.NDArray[Kind]: ...

    def __get__(
        self, candidates: Candidates | None, owner: type
    ) -> _Column[Kind] | npt.NDArray[Kind]:
        if candidates is None:
            return self
        column: npt.NDArray[Kind] = getattr(candidates.table, self._name)
        return column[candidates.number]


class Candidates(Sequence[Candidate]):
    """Clients that can be chosen now, in a stable order.

    As a sequence it holds a `Candidate` each, made when it is asked for. Its columns are
    those of `ClientTable`, for these clients, in this order.

    Parameters
    ----------
    table : ClientTable
    number : ndarray of int, optional
        Their rows of the table; a client keeps its number over the run. Everybody if left out.
    """

    ids = _Column[np.object_]()
    zones = _Column[np.object_]()
    devices = _Column[np.object_]()
    domain = _Column[np.int64]()
    samples = _Column[np.float64]()
    least = _Column[np.float64]()
    most = _Column[np.float64]()
    speed = _Column[np.float64]()
    energy_per_unit_ws = _Column[np.float64]()
    from_grid = _Column[np.float64]()
    intensity_g_per_kwh = _Column[np.float64]()
    asked = _Column[np.int64]()
    answered = _Column[np.int64]()
    last_round = _Column[np.int64]()
    energy_kwh = _Column[np.float64]()
    duration_s = _Column[np.float64]()
    utility = _Column[np.float64]()

    def __init__(self, table: ClientTable, number: Integers | None = None) -> None:
        self.table = table
        self.number = np.arange(len(table)) if number is None else number

    @classmethod
    def of(
        cls, candidates: Sequence[Candidate], *, everybody: Sequence[Candidate] | None = None
    ) -> Candidates:
        """Make columns of single candidates.

        Parameters
        ----------
        candidates : sequence of Candidate
        everybody : sequence of Candidate, optional
            All that the run has seen, in an order that only grows; the candidates alone
            if left out.

        Raises
        ------
        UsageError
            If two have one id, or a candidate is not among everybody.
        """
        rows = candidates if everybody is None else everybody
        table = _table_of(rows)
        if everybody is None:
            return cls(table)
        strangers = [c.id for c in candidates if c.id not in table.numbers]
        if strangers:
            raise UsageError(f"The candidate {strangers[0]!r} is not among everybody.")
        index = np.array([table.numbers[c.id] for c in candidates], dtype=np.int64)
        return cls(table, index)

    @property
    def everybody(self) -> Candidates:
        """All clients that the run knows, also those that cannot be chosen now."""
        return Candidates(self.table)

    def metric(self, name: str) -> Floats:
        """Give what each said of its last training; NaN where it said nothing."""
        column = self.table.metrics.get(name)
        return np.full(len(self), np.nan) if column is None else column[self.number]

    def names(self, places: npt.ArrayLike) -> list[str]:
        """Ids of the candidates at some places of this sequence."""
        found: list[str] = self.table.ids[self.number[np.asarray(places, dtype=np.int64)]].tolist()
        return found

    def find(self, ids: Sequence[str]) -> Integers:
        """Find the numbers of some ids; -1 for those that are no candidates."""
        numbers = self.table.numbers
        rows = np.array([numbers.get(name, -1) for name in ids], dtype=np.int64)
        here = np.zeros(len(self.table) + 1, dtype=bool)  # its last place is that of -1
        here[self.number] = True
        return np.where(here[rows], rows, -1)

    def __len__(self) -> int:
        return len(self.number)

    @overload
    def __getitem__(self, place: int) -> Candidate: ...

    @overload
    def __getitem__(self, place: slice) -> Candidates: ...

    def __getitem__(self, place: int | slice) -> Candidate | Candidates:
        if isinstance(place, slice):
            return Candidates(self.table, self.number[place])
        return _candidate(self.table, int(self.number[place]))

    def __iter__(self) -> Iterator[Candidate]:
        return (_candidate(self.table, row) for row in self.number.tolist())


def labels(words: Sequence[str | None]) -> Labels:
    """Words as a column."""
    column = np.empty(len(words), dtype=object)
    column[:] = words
    return column


def _candidate(table: ClientTable, row: int) -> Candidate:
    def known(column: Floats) -> float | None:
        return None if np.isnan(column[row]) else float(column[row])

    said = {name: known(column) for name, column in table.metrics.items()}
    return Candidate(
        table.ids[row],
        table.zones[row],
        table.devices[row],
        known(table.intensity_g_per_kwh),
        int(table.asked[row]),
        int(table.answered[row]),
        known(table.energy_kwh),
        known(table.duration_s),
        {name: value for name, value in said.items() if value is not None},
        None if table.domain[row] == NO_DOMAIN else int(table.domain[row]),
        known(table.samples),
        known(table.utility),
        int(table.last_round[row]) or None,
    )


def _table_of(rows: Sequence[Candidate]) -> ClientTable:
    columns: dict[str, Any] = {}
    for attribute in fields(Candidate):
        values = [getattr(row, attribute.name) for row in rows]
        if attribute.name in ("zone", "device"):
            columns[f"{attribute.name}s"] = labels(values)
        elif attribute.name == "domain":
            values = [NO_DOMAIN if value is None else value for value in values]
            columns["domain"] = np.array(values, dtype=np.int64)
        elif attribute.name in _COUNTS:
            columns[attribute.name] = np.array([value or 0 for value in values], dtype=np.int64)
        elif attribute.name not in ("id", "metrics"):
            columns[attribute.name] = np.array(values, dtype=np.float64)
    said = dict.fromkeys(name for row in rows for name in row.metrics)
    metrics = {
        name: np.array([row.metrics.get(name) for row in rows], dtype=np.float64) for name in said
    }
    table = ClientTable.empty([row.id for row in rows], **columns)
    table.metrics.update(metrics)
    return table
