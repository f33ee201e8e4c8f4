"""Questions to a ledger: sums by group, its runs, its history; answers in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Table, func, select, true

from footprint.errors import UsageError
from footprint.ledger.connections import Ledger, schema_version
from footprint.ledger.restatements import Restated, restated_values
from footprint.ledger.schema import (
    activities,
    catalogues,
    changes,
    decisions,
    outcomes,
    plans,
    restatements,
    run_states,
    runs,
    source_files,
)
from footprint.ledger.selections import WORDS, conditions
from footprint.ledger.states import KnownRun, read_runs, require_change, valid
from footprint.ledger.totals import MEASURES

GROUPS: dict[str, ColumnElement[Any]] = {
    "run": runs.c.name,
    "silo": activities.c.silo,
    **{name: activities.c[name] for name in WORDS},
    "round": activities.c.round,
    "month": activities.c.month,
    "year": activities.c.month // 100,
}
"""What sums can be grouped by."""
_COUNTS = ("activities", "unmetered")

Answer = dict[str, npt.NDArray[Any]]


def query(
    ledger: Ledger,
    group_by: Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
    *,
    as_of: int | None = None,
) -> Answer:
    """Sum activities by group.

    Parameters
    ----------
    ledger : Ledger
    group_by : sequence of str
        Of `GROUPS`; none for one line of totals.
    where : mapping, optional
        Which activities: ``{"zone": ["FR", "DE"], "phase": "train", "round": None}``; None
        stands for "not known". ``since_s`` and ``until_s`` are Unix times [s].
    as_of : int, optional
        Number of a change: the ledger as it was after it.

    Returns
    -------
    dict of str to array
        A column per group and per sum, in the order of the groups, ready for
        `pandas.DataFrame`. Counts are integers. Sums are floats, NaN for what is known of no
        activity; bounds are NaN if those of one energy are unknown. ``unmetered`` counts
        activities that took time and have no energy.

    Raises
    ------
    UsageError
        If a group or a key of `where` is unknown.
    LedgerError
        If there is no such change.
    """
    unknown = [name for name in group_by if name not in GROUPS]
    if unknown or len(set(group_by)) < len(group_by):
        what = f"by {unknown[0]!r}" if unknown else "twice by the same"
        raise UsageError(
            f"Activities cannot be grouped {what}.", f"Use some of: {', '.join(GROUPS)}."
        )
    groups = [GROUPS[name].label(name) for name in group_by]
    statement = (
        select(*groups, *(measure.label(name) for name, measure in MEASURES.items()))
        .select_from(activities)
        .where(valid(activities, as_of), *conditions(where or {}))
    )
    if "run" in group_by:
        statement = statement.join(runs, runs.c.id == activities.c.run_id)
    if groups:
        statement = statement.group_by(*(GROUPS[name] for name in group_by))
    with ledger.reading() as connection:
        require_change(connection, as_of)
        rows = [tuple(row) for row in connection.execute(statement)]
    # Databases sort text in different ways, and what is missing to different ends.
    rows.sort(key=lambda row: [(v is None, "" if v is None else v) for v in row[: len(groups)]])
    columns = list(zip(*rows, strict=True)) or [()] * (len(groups) + len(MEASURES))
    answer: Answer = {}
    for name, column in zip((*group_by, *MEASURES), columns, strict=True):
        if name in group_by:
            answer[name] = np.array(column, dtype=object)
        elif name in _COUNTS:
            answer[name] = np.array([value or 0 for value in column], dtype=np.int64)
        else:
            answer[name] = np.array(column, dtype=np.float64)
    return answer


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run of a ledger.

    Attributes
    ----------
    run, silo : str
        Its name, and the silo under which it was entered; empty if none was named.
    architecture, functional_unit : str
    activities, files : int
    energy_kwh : float or None
    start_s, stop_s : float
        From the first start to the last end of an activity, as Unix times [s].
    change : int
        By which it came to be what it is.
    lies_in : tuple of str or None
        Silos that its activities say, if it is not the one that it was entered under: they were
        restated, or a table said so. None stands for "not known".
    """

    run: str
    silo: str
    architecture: str
    functional_unit: str
    activities: int
    files: int
    energy_kwh: float | None
    start_s: float
    stop_s: float
    change: int
    lies_in: tuple[str | None, ...] = ()


def list_runs(ledger: Ledger, *, as_of: int | None = None) -> list[RunSummary]:
    """List the runs of a ledger, by silo and name."""
    a = activities.c
    sums = (
        select(
            a.run_id,
            func.count(),
            func.sum(a.energy_kwh),
            func.min(a.start_s),
            func.max(a.start_s + a.duration_s),
            func.max(a.added_by),
        )
        .where(valid(activities, as_of))
        .group_by(a.run_id)
    )
    files = (
        select(source_files.c.run_id, func.count())
        .where(valid(source_files, as_of))
        .group_by(source_files.c.run_id)
    )
    silos = select(a.run_id, a.silo).where(valid(activities, as_of)).distinct()
    with ledger.reading() as connection:
        known = read_runs(connection, as_of=as_of)
        places: dict[int, set[str | None]] = {}
        for run_id, silo in connection.execute(silos):
            places.setdefault(run_id, set()).add(silo)
        by_run = {row[0]: row[1:] for row in connection.execute(sums)}
        number = {row[0]: row[1] for row in connection.execute(files)}
    return [
        _summary(run, by_run[run.id], number.get(run.id, 0), places[run.id])
        for run in known
        if run.id in by_run
    ]


def run_changes(ledger: Ledger, names: Sequence[str]) -> dict[str, int]:
    """Give the change by which the runs of each name came to be what they are."""
    statement = (
        select(runs.c.name, func.max(activities.c.added_by))
        .join(activities, activities.c.run_id == runs.c.id)
        .where(valid(activities, None), runs.c.name.in_(names))
        .group_by(runs.c.name)
    )
    with ledger.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(statement)}


def _summary(run: KnownRun, sums: Any, files: int, silos: set[str | None]) -> RunSummary:
    activities_now, energy_kwh, start_s, stop_s, change = sums
    is_home = silos == {run.silo or None}
    return RunSummary(
        run.name,
        run.silo,
        run.state.run.architecture,
        run.state.run.functional_unit,
        activities_now,
        files,
        energy_kwh,
        start_s,
        stop_s,
        change,
        () if is_home else tuple(sorted(silos, key=lambda silo: silo or "")),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log of a ledger.

    Attributes
    ----------
    id : int
        Its number; `as_of` takes it.
    made_s : float
        When, as a Unix time [s].
    kind : str
        ``"ingest"``, ``"replace"`` (of files that were changed), ``"restate"``, ``"withdraw"``,
        ``"catalogue"``, ``"plan"``, ``"approve"``, ``"reject"`` or ``"outcome"``.
    cause, reason, author : str or None
    release : str
        Of footprint.
    runs : tuple of str
        That it touched.
    values : tuple of Restated
    subjects : tuple of str
        Silos that were catalogued, companies of plans, and advice that was decided or measured.
    """

    id: int
    made_s: float
    kind: str
    cause: str | None
    reason: str | None
    author: str | None
    release: str
    runs: tuple[str, ...]
    values: tuple[Restated, ...]
    subjects: tuple[str, ...] = ()


def history(ledger: Ledger, run: str | None = None) -> list[Change]:
    """Give the log of a ledger, oldest first: all changes, or those of the runs of a name."""
    with ledger.reading() as connection:
        values: dict[int, list[Restated]] = {}
        for change, value in restated_values(connection):
            values.setdefault(change, []).append(value)
        touched = _touched(connection)
        subjects = _subjects(connection)
        rows = connection.execute(select(changes).order_by(changes.c.id)).all()
    found = [
        Change(
            row.id,
            row.made_s,
            row.kind,
            row.cause,
            row.reason,
            row.author,
            row.release,
            tuple(sorted(touched.get(row.id, ()))),
            tuple(one for one in values.get(row.id, ()) if run in (None, one.run)),
            subjects.get(row.id, ()),
        )
        for row in rows
    ]
    return [change for change in found if run is None or run in change.runs]


def _touched(connection: Connection) -> dict[int, set[str]]:
    """Names of the runs that each change entered, restated or withdrew."""
    touched: dict[int, set[str]] = {}
    for key, table in (
        (run_states.c.added_by, run_states),
        (restatements.c.change_id, restatements),
    ):
        statement = select(key, runs.c.name).join_from(table, runs, runs.c.id == table.c.run_id)
        for change, name in connection.execute(statement.distinct()):
            touched.setdefault(change, set()).add(name)
    return touched


def _subjects(connection: Connection) -> dict[int, tuple[str, ...]]:
    """Give what each change of management was about."""
    asked = decisions.c.id == outcomes.c.decision_id
    found: dict[int, tuple[str, ...]] = {}
    for statement in (
        select(catalogues.c.added_by, catalogues.c.silo),
        select(plans.c.added_by, plans.c.company),
        select(decisions.c.added_by, decisions.c.advice),
        select(outcomes.c.added_by, decisions.c.advice).join_from(outcomes, decisions, asked),
    ):
        found |= {change: (name,) for change, name in connection.execute(statement)}
    return found


@dataclass(frozen=True, slots=True)
class Status:
    """What a ledger holds.

    Attributes
    ----------
    url : str
        Without a password.
    schema : str
        Version of its tables.
    runs, files, activities : int
        That count now.
    superseded : int
        Activities that something took the place of; none is ever deleted.
    changes : int
    last_change_s : float or None
        When the last one was made, as a Unix time [s].
    catalogues, plans, decisions, outcomes : int
        Of management, that count now.
    """

    url: str
    schema: str
    runs: int
    files: int
    activities: int
    superseded: int
    changes: int
    last_change_s: float | None
    catalogues: int = 0
    plans: int = 0
    decisions: int = 0
    outcomes: int = 0


def status(ledger: Ledger) -> Status:
    """Say what a ledger holds."""
    with ledger.reading() as connection:
        runs_now, files_now, activities_now = (
            _count(connection, table, valid(table, None))
            for table in (run_states, source_files, activities)
        )
        managed = {
            table.name: _count(connection, table, wanted)
            for table, wanted in (
                *((table, valid(table, None)) for table in (catalogues, decisions, outcomes)),
                (plans, true()),  # nothing takes the place of a plan
            )
        }
        everything = connection.execute(select(func.count()).select_from(activities)).scalar_one()
        number, last_s = connection.execute(select(func.count(), func.max(changes.c.made_s))).one()
        return Status(
            ledger.url,
            schema_version(connection) or "",
            runs_now,
            files_now,
            activities_now,
            everything - activities_now,
            number,
            last_s,
            **managed,
        )


def _count(connection: Connection, table: Table, wanted: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(wanted)).scalar_one()
