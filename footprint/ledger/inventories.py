"""From the rows of a ledger back to journals and inventories: the one path goes on from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from footprint.errors import LedgerError, UsageError
from footprint.inventory import build_inventory
from footprint.ledger.columns import VOCABULARIES, Columns, read_columns
from footprint.ledger.connections import Ledger
from footprint.ledger.schema import activities, changes, restatements
from footprint.ledger.selections import conditions
from footprint.ledger.states import KnownRun, read_runs, valid
from footprint.model import (
    ACTIVITY_COLUMNS,
    Architecture,
    Finding,
    Inventory,
    Journal,
    Phase,
    Role,
    Run,
    Severity,
)


def ledger_inventory(
    ledger: Ledger,
    runs: str | Sequence[str],
    *,
    silos: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    as_of: int | None = None,
    by_round: bool = False,
) -> Inventory:
    """Sum the activities of runs, ready for `estimate`.

    Parameters
    ----------
    ledger : Ledger
    runs : str or sequence of str
        Names of runs; a name stands for the runs of that name in every silo.
    silos : sequence of str, optional
        Under which the runs were entered; default: any. What an activity says of its own
        silo is another thing: `where` chooses by that.
    where : mapping, optional
        Which of their activities, as for `query`; for example ``{"silo": "lyon"}``.
    as_of : int, optional
        Number of a change: the ledger as it was after it.
    by_round : bool
        Keep the rounds apart; of one run only.

    Returns
    -------
    Inventory
        Of one run: that of its journal, with what was restated since. Of several: their
        sum, named after all; its rounds are theirs together.

    Raises
    ------
    LedgerError
        If there is no such run, or no such change.
    UsageError
        If the runs differ in whose energy they hold, so that no sum means anything.
    """
    journal = ledger_journal(ledger, runs, silos=silos, where=where, as_of=as_of)
    several = not isinstance(runs, str) and len(set(runs)) > 1
    if by_round and several:
        raise UsageError(
            "Rounds of several runs cannot be kept apart: each begins with round 1.",
            "Name one run.",
        )
    return build_inventory(journal, by_round=by_round)


def ledger_journal(
    ledger: Ledger,
    runs: str | Sequence[str],
    *,
    silos: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    as_of: int | None = None,
) -> Journal:
    """Read the activities of runs as one journal. Parameters as of `ledger_inventory`."""
    names = [runs] if isinstance(runs, str) else list(dict.fromkeys(runs))
    if not names:
        raise UsageError("No run is named.", "Name at least one run of the ledger.")
    with ledger.reading() as connection:
        known = read_runs(connection, names, silos=silos, as_of=as_of)
        known, columns, members = _read_activities(connection, known, where or {}, as_of)
        findings = _restated(connection, known, as_of)
    first = known[0].state
    for run in known[1:]:
        if (run.state.view, run.state.idle_policy) != (first.view, first.idle_policy):
            raise UsageError(
                f"The runs {known[0].name!r} and {run.name!r} hold the energy of different views: "
                f"{first.view}/{first.idle_policy} and {run.state.view}/{run.state.idle_policy}.",
                "Ingest them again with the same --view and --idle-policy, or name one of them.",
            )
    whole = not where
    return Journal(
        _common_run(known),
        columns,
        first.view,
        first.idle_policy,
        factors=tuple({r.factor.id: r for run in known for r in run.state.factors}.values()),
        catalogue_digest=first.catalogue_digest,
        findings=(
            *(_placed(f, run, known) for run in known for f in run.state.findings),
            *findings,
        ),
        inputs=tuple(dict.fromkeys(file for run in known for file in run.state.inputs)),
        rounds=_rounds(known, columns, members, whole=whole),
        clients=_clients(known, columns, members, whole=whole),
    )


def _read_activities(
    connection: Connection, known: list[KnownRun], where: Mapping[str, Any], as_of: int | None
) -> tuple[list[KnownRun], Columns, list[int]]:
    """Give the runs that anything is left of, their activities, and whose each one is."""
    statement = (
        select(activities.c.run_id, *(activities.c[name] for name in ACTIVITY_COLUMNS))
        .where(
            valid(activities, as_of),
            activities.c.run_id.in_([run.id for run in known]),
            *conditions(where),
        )
        .order_by(activities.c.id)
    )
    columns = read_columns(connection, statement, ("run_id", *ACTIVITY_COLUMNS))
    members = columns.pop("run_id")
    there = set(members)
    if not there:
        raise LedgerError(
            "The ledger holds no such activity of " + ", ".join(repr(r.name) for r in known) + ".",
            "See what there is with: footprint ledger query",
        )
    for name, parse in VOCABULARIES.items():
        words = {word: None if word is None else parse(word) for word in set(columns[name])}
        columns[name] = [words[word] for word in columns[name]]
    return [run for run in known if run.id in there], columns, members


def _common_run(known: Sequence[KnownRun]) -> Run:
    names = list(dict.fromkeys(run.name for run in known))
    described = [run.state.run for run in known]
    if len(known) == 1:
        return replace(described[0], name=names[0])
    architectures = {run.architecture for run in described}
    units = {run.functional_unit for run in described}
    return Run(
        names[0] if len(names) == 1 else f"{len(names)} runs: {', '.join(names)}",
        architectures.pop() if len(architectures) == 1 else Architecture.OTHER,
        units.pop() if len(units) == 1 else "",
    )


def _placed(finding: Finding, run: KnownRun, known: Sequence[KnownRun]) -> Finding:
    """Say of which of several runs a finding is."""
    if len(known) == 1:
        return finding
    return replace(finding, place=f"{run.name}: {finding.place}".rstrip(": "))


def _rounds(
    known: Sequence[KnownRun], columns: Columns, members: Sequence[int], *, whole: bool
) -> int | None:
    if len(known) == 1:
        return known[0].state.rounds if whole else None
    counted: dict[int, set[int]] = {run.id: set() for run in known}
    for member, number in set(zip(members, columns["round"], strict=True)):
        if number is not None:
            counted[member].add(number)
    said = {run.id: run.state.rounds if whole else None for run in known}
    return sum(len(counted[run]) if number is None else number for run, number in said.items())


def _clients(
    known: Sequence[KnownRun], columns: Columns, members: Sequence[int], *, whole: bool
) -> int | None:
    """Clients of runs whose activities are sums over them; None leaves it to be counted."""
    said = {run.id: run.state.clients if whole else None for run in known}
    if all(number is None for number in said.values()):
        return None
    there = {
        (member, actor)
        for member, actor, role, phase in zip(
            members, columns["actor"], columns["role"], columns["phase"], strict=True
        )
        if said[member] is None and role is Role.CLIENT and phase is not Phase.WAIT
    }
    return len({actor for _, actor in there}) + sum(n for n in said.values() if n is not None)


def _restated(
    connection: Connection, known: Sequence[KnownRun], as_of: int | None
) -> list[Finding]:
    """Say which runs were restated, and why."""
    statement = (
        select(changes.c.id, changes.c.cause, changes.c.reason)
        .join(restatements, restatements.c.change_id == changes.c.id)
        .where(
            restatements.c.run_id.in_([run.id for run in known]),
            changes.c.cause.is_not(None),
        )
        .distinct()
        .order_by(changes.c.id)
    )
    if as_of is not None:
        statement = statement.where(changes.c.id <= as_of)
    return [
        Finding(
            "restated",
            f"The ledger holds a restatement of this run (cause: {change.cause})"
            + (f": {change.reason}" if change.reason else "."),
            Severity.INFO,
            "See old and new values with: footprint ledger history",
            f"change {change.id}",
        )
        for change in connection.execute(statement)
    ]
