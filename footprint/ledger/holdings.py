"""What a ledger holds of files, and of runs that nothing is new of."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, exists, func, select

from footprint.errors import LedgerError
from footprint.ledger.entries import Reading
from footprint.ledger.outcomes import Ingested, Outcome
from footprint.ledger.schema import run_states, runs, source_files
from footprint.ledger.sources import SourceFile
from footprint.ledger.states import state_of
from footprint.ledger.succession import KnownFile, known_files, withdrawn_files
from footprint.ledger.totals import sum_up
from footprint.model import Finding


def held_runs(
    connection: Connection, sources: Sequence[SourceFile], silo: str | None, reading: Reading
) -> list[Ingested]:
    """Give the runs that files belong to, if the ledger holds each of the files.

    What was withdrawn is held too: the same file does not bring it back.

    Raises
    ------
    LedgerError
        If a file would count a second time, in another run or silo.
    """
    known = known_files(connection, sources)
    there = {(file.sha256, file.run) for file in known}
    gone = [
        file
        for file in withdrawn_files(connection, sources)
        if silo in (None, file.silo)
        and reading.run in (None, file.run)
        and (file.sha256, file.run) not in there
    ]
    if {source.sha256 for source in sources} - {file.sha256 for file in [*known, *gone]}:
        return []
    for file in known:
        if silo not in (None, file.silo) or reading.run not in (None, file.run):
            raise twice(file)
    return [
        *(as_it_is(connection, *run, reading) for run in _runs_of(known)),
        *(left_out(connection, *run) for run in _runs_of(gone)),
    ]


def _runs_of(files: Sequence[KnownFile]) -> list[tuple[int, str, str]]:
    return list(dict.fromkeys((file.run_id, file.run, file.silo) for file in files))


def home_of(
    connection: Connection,
    run: str,
    sources: Sequence[SourceFile],
    own: Collection[str],
    told: str | None = None,
) -> str:
    """Give the silo of a run: where its files were entered before, else what a table says.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    run : str
    sources : sequence of SourceFile
    own : collection of str
        Silos of runs of that name that have these files already.
    told : str, optional
        What a table says.
    """
    own = set(own)
    if not own:
        # What names no process, such as a table that grew, is known by its name.
        names = {source.name for source in sources if source.token is None}
        files = select(runs.c.silo, source_files.c.name, _is_open()).join(
            source_files, source_files.c.run_id == runs.c.id
        )
        found = list(connection.execute(files.where(runs.c.name == run)))
        same = [(silo, counts) for silo, name, counts in found if name in names]
        own = {silo for silo, counts in same if counts} or {silo for silo, _ in same}
    if not own and told is None:
        named = connection.execute(select(runs.c.silo, _is_open()).where(runs.c.name == run))
        is_open = {row[0]: row[1] for row in named}
        if not is_open.get(""):
            own = {silo for silo, counts in is_open.items() if not counts}
    if told is not None and (told in own or len(own) != 1):
        return told
    return own.pop() if len(own) == 1 else ""


def _is_open() -> ColumnElement[bool]:
    return exists().where(run_states.c.run_id == runs.c.id, run_states.c.superseded_by.is_(None))


def withdrawn_run(connection: Connection, run: str, silo: str) -> int | None:
    """Give the number of a run that was in the ledger and counts no more."""
    found = select(runs.c.id).where(runs.c.name == run, runs.c.silo == silo, ~_is_open())
    number: int | None = connection.execute(found).scalar()
    return number


def left_out(connection: Connection, run_id: int, run: str, silo: str) -> Ingested:
    """Say that a run was withdrawn, and when."""
    change = connection.execute(
        select(func.max(run_states.c.superseded_by)).where(run_states.c.run_id == run_id)
    ).scalar_one()
    place = f" of the silo {silo!r}" if silo else ""
    finding = Finding(
        "run-withdrawn",
        f"The run {run!r}{place} was withdrawn in change {change}: it is left out.",
        remedy="If it counts again, enter it with a cause, such as --restate structure; if it is "
        "another run, give it another name or silo.",
    )
    return Ingested(run, silo, Outcome.WITHDRAWN, None, 0, 0, 0, None, (finding,))


def as_it_is(
    connection: Connection, run_id: int, run: str, silo: str, reading: Reading
) -> Ingested:
    """Say what a ledger holds of a run that nothing is new of."""
    files = known_files(connection, run_id=run_id)
    totals = sum_up(connection, run_id)
    findings = other_view(connection, run_id, reading) if files[0].token else []
    return Ingested(
        run,
        silo,
        Outcome.UNCHANGED,
        None,
        len(files),
        totals.activities,
        0,
        totals.energy_kwh,
        tuple(findings),
    )


def other_view(connection: Connection, run_id: int, reading: Reading) -> list[Finding]:
    """Say that a ledger holds a run in another view than what is asked for."""
    state = state_of(connection, run_id)
    if (state.view, state.idle_policy) == (reading.view, reading.idle_policy):
        return []
    return [
        Finding(
            "other-view",
            f"The ledger holds the run {state.run.name!r} in the view {state.view} with idle power "
            f"{state.idle_policy}, not {reading.view} with {reading.idle_policy}.",
            remedy="To read it anew, enter it with a cause: --restate method.",
        )
    ]


def left_behind(
    connection: Connection,
    sources: Sequence[SourceFile],
    replaced: Sequence[KnownFile],
    homes: Sequence[tuple[str, str]],
) -> list[Finding]:
    """Find runs of a table that was restated that are no longer in it: they go on counting.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    sources : sequence of SourceFile
    replaced : sequence of KnownFile
        What the runs that are in it were made from.
    homes : sequence of (str, str)
        Name and silo of these.
    """
    tables = [source.name for source in sources if source.is_table]
    contents = {file.sha256 for file in replaced} - {source.sha256 for source in sources}
    # A run may have got another name, so that nothing of it is replaced: then by the file's.
    same = source_files.c.sha256.in_(contents) | (
        source_files.c.token.is_(None)
        & source_files.c.name.in_(tables)
        & runs.c.silo.in_({silo for _, silo in homes})
    )
    statement = (
        select(runs.c.name, runs.c.silo)
        .join(source_files, source_files.c.run_id == runs.c.id)
        .where(source_files.c.superseded_by.is_(None), same)
    )
    gone = {tuple(row) for row in connection.execute(statement)} if tables else set()
    return [
        Finding(
            "run-left-behind",
            f"The run {run!r}{f' of the silo {silo!r}' if silo else ''} came from an earlier "
            f"{tables[0]} and is not in this one: it goes on counting.",
            remedy="If it is no more, or has another name now, withdraw it: footprint ledger "
            "withdraw",
        )
        for run, silo in sorted(gone - set(homes))
    ]


def twice(file: KnownFile, *, outgrown: bool = False) -> LedgerError:
    """Give the error of a file that is in another run or silo already, or that it grew out of."""
    place = f"in the silo {file.silo!r}" if file.silo else "without a silo"
    return LedgerError(
        f"{file.name} is{' the beginning of what is' if outgrown else ''} in the ledger already, "
        f"in the run {file.run!r} {place}: it would count twice.",
        "Leave --silo and --run out, or withdraw that run first: footprint ledger withdraw",
    )
