"""What a ledger keeps of a run beside its activities: a document per state of the run."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pydantic
from sqlalchemy import ColumnElement, Connection, Table, func, select

from footprint.errors import LedgerError
from footprint.ledger.columns import check_text
from footprint.ledger.schema import changes, run_states, runs
from footprint.model import Finding, IdlePolicy, InputFile, Journal, Resolution, Run, View


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as a whole. Fields as in `Journal`."""

    run: Run
    view: View
    idle_policy: IdlePolicy
    factors: tuple[Resolution, ...]
    catalogue_digest: str
    findings: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]
    rounds: int | None
    clients: int | None

    @classmethod
    def of(cls, journal: Journal) -> RunState:
        """Take it from a journal."""
        return cls(
            journal.run,
            journal.view,
            journal.idle_policy,
            journal.factors,
            journal.catalogue_digest,
            journal.findings,
            journal.inputs,
            journal.rounds,
            journal.clients,
        )

    def to_json(self) -> str:
        """Write it as JSON."""
        return _adapter().dump_json(self).decode()


@functools.cache
def _adapter() -> pydantic.TypeAdapter[RunState]:
    return pydantic.TypeAdapter(RunState)


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run of a ledger: its number, where it was entered, and its state."""

    id: int
    silo: str
    name: str
    state: RunState


def valid(table: Table, as_of: int | None) -> ColumnElement[bool]:
    """Rows that count now, or that counted after a change."""
    if as_of is None:
        return table.c.superseded_by.is_(None)
    return (table.c.added_by <= as_of) & (
        table.c.superseded_by.is_(None) | (table.c.superseded_by > as_of)
    )


def require_change(connection: Connection, as_of: int | None) -> None:
    """Refuse a change that was not made yet: what it will be, nobody knows.

    Raises
    ------
    LedgerError
        If there is no change of that number.
    """
    if as_of is None:
        return
    last = connection.execute(select(func.max(changes.c.id))).scalar_one() or 0
    if not 1 <= as_of <= last:
        there = f"its last one is {last}" if last else "it has none"
        raise LedgerError(
            f"The ledger has no change {as_of}: {there}.",
            "See them with: footprint ledger history",
        )


def read_runs(
    connection: Connection,
    names: Sequence[str] | None = None,
    *,
    silos: Sequence[str] | None = None,
    as_of: int | None = None,
    latest: bool = False,
) -> list[KnownRun]:
    """Read the runs of a ledger, all or those with a name.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    names : sequence of str, optional
    silos : sequence of str, optional
        Under which they were entered; default: any.
    as_of : int, optional
        Number of a change: the runs as they were after it.
    latest : bool
        Runs that were withdrawn too, as they were last.

    Raises
    ------
    LedgerError
        If there is no run of a name, or no such change.
    """
    require_change(connection, as_of)
    statement = (
        select(runs.c.id, runs.c.silo, runs.c.name, run_states.c.document)
        .join(run_states, run_states.c.run_id == runs.c.id)
        .order_by(runs.c.silo, runs.c.name, run_states.c.id)
    )
    if not latest:
        statement = statement.where(valid(run_states, as_of))
    if names is not None:
        names = [check_text(name, "run") for name in names]
        statement = statement.where(runs.c.name.in_(names))
    if silos is not None:
        statement = statement.where(runs.c.silo.in_([check_text(one, "silo") for one in silos]))
    found = list({row.id: _known(row) for row in connection.execute(statement)}.values())
    missing = sorted(set(names or ()) - {run.name for run in found})
    where = "" if silos is None else f" in {' or '.join(repr(one) for one in silos)}"
    when = "" if as_of is None else f" as of change {as_of}"
    if missing:
        raise LedgerError(
            f"The ledger holds no run {missing[0]!r}{where}{when}.",
            "See its runs with: footprint ledger runs",
        )
    return found


def silos_of(connection: Connection, name: str, *, but: int) -> list[str]:
    """Give the silos of the runs of a name, but of one of them, without reading what they hold."""
    statement = (
        select(runs.c.silo)
        .join(run_states, run_states.c.run_id == runs.c.id)
        .where(runs.c.name == name, runs.c.id != but, run_states.c.superseded_by.is_(None))
        .order_by(runs.c.silo)
    )
    return list(connection.execute(statement).scalars())


def _known(row: Any) -> KnownRun:
    try:
        state = _adapter().validate_json(row.document)
    except pydantic.ValidationError as error:
        raise LedgerError(
            f"The run {row.name!r} of the ledger cannot be read: {error.errors()[0]['msg']}.",
            "The database was changed by hand or damaged; restore a copy.",
        ) from error
    return KnownRun(row.id, row.silo, row.name, state)


def state_of(connection: Connection, run_id: int) -> RunState:
    """Read what counts now of a run as a whole."""
    statement = select(run_states.c.document).where(
        run_states.c.run_id == run_id, run_states.c.superseded_by.is_(None)
    )
    return _adapter().validate_json(connection.execute(statement).scalar_one())
