"""Entering runs: idempotent, all or nothing per run, and without loss of what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, exists, insert, select

from footprint.errors import FootprintError, LedgerError
from footprint.ledger.changes import Note, add_change
from footprint.ledger.columns import check_text, insert_activities
from footprint.ledger.connections import Ledger
from footprint.ledger.corrections import correct_again
from footprint.ledger.entries import Batch, Entry, Reading, digest_of, find_batches, make_entry
from footprint.ledger.holdings import (
    as_it_is,
    held_runs,
    home_of,
    left_behind,
    left_out,
    other_view,
    twice,
    withdrawn_run,
)
from footprint.ledger.outcomes import Ingested, Outcome
from footprint.ledger.remarks import remark
from footprint.ledger.restatements import note_totals, supersede
from footprint.ledger.schema import run_states, runs, source_files
from footprint.ledger.sources import SourceFile, find_sources, held_still
from footprint.ledger.states import RunState
from footprint.ledger.succession import (
    KnownFile,
    Succession,
    files_of,
    known_files,
    older_copies,
    succession,
)
from footprint.ledger.totals import sum_up
from footprint.model import Journal


def ingest(
    ledger: Ledger,
    *paths: Path | str,
    silo: str | None = None,
    reading: Reading | None = None,
    note: Note | None = None,
    progress: Callable[[Ingested], None] | None = None,
) -> tuple[Ingested, ...]:
    """Enter the runs of journals, or of tables of activities.

    A file whose content is in the ledger changes nothing. A journal that was appended to
    since takes the place of what came from its beginning. Each run is entered whole or not
    at all, and several processes may enter at once.

    Parameters
    ----------
    ledger : Ledger
    *paths : path
        Journals, folders and archives of them (``.zip``, ``.tar.gz``), tables of activities
        (``.csv``, ``.parquet``). All journals of one run have to be named together: who
        shared a host is reckoned over all of them.
    silo : str, optional
        Whose runs these are. Left out, a run that grew stays in its silo.
    reading : Reading, optional
    note : Note, optional
        With a cause: runs that are there already are read again, and restated; runs that
        were withdrawn come back.
    progress : callable, optional
        Called with what came of each run.

    Raises
    ------
    LedgerError, JournalError
        If a run cannot be entered. Others are entered nevertheless.
    """
    reading, note = reading or Reading(), note or Note()
    silo = None if silo is None else check_text(silo, "silo")
    done: list[Ingested] = []
    failed: list[FootprintError] = []
    with find_sources(map(Path, paths)) as sources:
        for batch in find_batches(sources, reading):
            try:
                results = _enter(ledger, batch, silo, reading, note)
            except FootprintError as error:
                failed.append(error)
                continue
            done += results
            if progress is not None:
                for result in results:
                    progress(result)
    if failed:
        raise _together(failed, len(done))
    return tuple(done)


def record(
    ledger: Ledger, journal: Journal, *, silo: str | None = None, note: Note | None = None
) -> Ingested:
    """Enter a journal that is no file, such as that of a simulation.

    Parameters
    ----------
    ledger : Ledger
    journal : Journal
    silo : str, optional
    note : Note, optional
        As for `ingest`.

    Raises
    ------
    LedgerError
        If a value cannot be kept, or another journal of this run is in the ledger.
    """
    entry = make_entry(journal)
    source = SourceFile(Path(), "journal", 0, digest_of(entry), journal.run.name)
    silo = None if silo is None else check_text(silo, "silo")
    reading = Reading(view=journal.view, idle_policy=journal.idle_policy)
    with ledger.writing() as connection:
        return _write(connection, [entry], [source], silo, reading, note or Note())[0]


def _together(failed: Sequence[FootprintError], done: int) -> FootprintError:
    """Make one error of all, that of the first with the number of the others."""
    first = failed[0]
    if len(failed) == 1 and not done:
        return first
    rest = f" {len(failed) - 1} more failed." if failed[1:] else ""
    others = "1 other run was" if done == 1 else f"{done} other runs were"
    message = f"{first.message}{rest} {others} entered."
    return type(first)(message, first.remedy)


def _enter(
    ledger: Ledger, batch: Batch, silo: str | None, reading: Reading, note: Note
) -> list[Ingested]:
    """Enter files, unless the ledger holds them: only that is looked at before they are read."""
    if note.cause is None:
        with ledger.reading() as connection:
            found = held_runs(connection, batch.sources, silo, reading)
        if found:
            return found
    with held_still(batch.sources) as copies:
        entries = batch.load(copies)
        with ledger.writing() as connection:
            return _write(connection, entries, copies, silo, reading, note)


def _write(
    connection: Connection,
    entries: Sequence[Entry],
    sources: Sequence[SourceFile],
    silo: str | None,
    reading: Reading,
    note: Note,
) -> list[Ingested]:
    """Enter runs in a transaction that nobody else writes in."""
    known = known_files(connection, sources)
    homes = _homes(connection, entries, (sources, known), silo, reading.run)
    outgrown = older_copies(connection, sources)
    told = set(homes)
    for files, is_outgrown in ((known, False), (outgrown, True)):
        for file in files:
            if (file.run, file.silo) not in told:
                raise twice(file, outgrown=is_outgrown)
    before = [files_of(connection, *home) for home in homes]
    follows = _successions(homes, before, sources, outgrown)
    replaces = any(one.replaces for one in follows)
    change: int | None = None
    results = []
    for entry, (name, home), files, follow in zip(entries, homes, before, follows, strict=True):
        state = replace(entry.state, run=replace(entry.state.run, name=name))
        if note.cause is None:
            idle = _nothing_new(connection, state, home, (files, follow), reading)
            if idle is not None:
                results.append(idle)
                continue
        change = change or add_change(connection, "replace" if replaces else "ingest", note)
        run_id = _run_id(connection, name, home)
        result = _replace(connection, run_id, replace(entry, state=state), sources, change, home)
        is_restated = result.outcome is Outcome.GREW and note.cause is not None
        results.append(replace(result, outcome=Outcome.REPLACED) if is_restated else result)
    if note.cause is not None:
        left = left_behind(connection, sources, [f for files in before for f in files], homes)
        results[0] = replace(results[0], findings=(*results[0].findings, *left))
    return results


def _homes(
    connection: Connection,
    entries: Sequence[Entry],
    files: tuple[Sequence[SourceFile], Sequence[KnownFile]],
    silo: str | None,
    run: str | None,
) -> list[tuple[str, str]]:
    """Give the name and the silo of each run: as they are told, as a table says, as before."""
    sources, known = files
    names = [run or entry.state.run.name for entry in entries]
    often = Counter(names)
    own: dict[str, set[str]] = {}
    for file in known:
        own.setdefault(file.run, set()).add(file.silo)
    homes: dict[tuple[str, str], None] = {}
    for name, entry in zip(names, entries, strict=True):
        home = entry.home if silo is None else silo
        if silo is None and often[name] == 1:
            home = home_of(connection, name, sources, own.get(name, ()), entry.home)
        if (name, home or "") in homes:
            raise LedgerError(
                f"{sources[0].name} holds runs {name!r} of several silos: they cannot all be in "
                f"the silo {home or ''!r}.",
                "Leave --silo out.",
            )
        homes[name, home or ""] = None
    return list(homes)


def _successions(
    homes: Sequence[tuple[str, str]],
    before: Sequence[Sequence[KnownFile]],
    sources: Sequence[SourceFile],
    outgrown: Sequence[KnownFile],
) -> list[Succession]:
    """Say how files follow on those that each run was made from."""
    older: dict[tuple[str, str], set[str]] = {}
    for file in outgrown:
        older.setdefault((file.run, file.silo), set()).add(file.sha256)
    return [
        succession(files, sources, older.get(home, ()))
        for home, files in zip(homes, before, strict=True)
    ]


def _nothing_new(
    connection: Connection,
    state: RunState,
    home: str,
    held: tuple[Sequence[KnownFile], Succession],
    reading: Reading,
) -> Ingested | None:
    """Say that a run is left as it is, if it is; refuse what only a cause may change."""
    name = state.run.name
    gone = withdrawn_run(connection, name, home)
    if gone is not None:
        return left_out(connection, gone, name, home)
    before, follows = held
    if not before:
        return None
    run_id = before[0].run_id
    if follows.brings_nothing:
        return as_it_is(connection, run_id, name, home, reading)
    follows.require_growth(name)
    as_read = Reading(view=state.view, idle_policy=state.idle_policy)
    if other := other_view(connection, run_id, as_read):
        raise LedgerError(other[0].message, other[0].remedy)
    return None


def _replace(
    connection: Connection,
    run_id: int,
    entry: Entry,
    sources: Sequence[SourceFile],
    change: int,
    silo: str,
) -> Ingested:
    """Put a run in the place of what the ledger holds of it, if anything."""
    # A new run has nothing to look for: of many small ones that would take most of the time.
    is_known = connection.scalar(select(exists().where(run_states.c.run_id == run_id)))
    old = sum_up(connection, run_id) if is_known else None
    had_files = is_known and bool(known_files(connection, run_id=run_id))
    superseded = supersede(connection, run_id, change) if is_known else 0
    connection.execute(
        insert(run_states).values(run_id=run_id, document=entry.state.to_json(), added_by=change)
    )
    connection.execute(
        insert(source_files),
        [
            {
                "run_id": run_id,
                "name": check_text(source.name, "name of a file"),
                "size_bytes": source.size_bytes,
                "sha256": source.sha256,
                "token": source.token,
                "added_by": change,
            }
            for source in sources
        ],
    )
    number = len(entry.columns["actor"])
    columns = {"silo": [silo or None] * number, **entry.columns}
    insert_activities(connection, columns, run_id=run_id, change=change)
    corrections = correct_again(connection, run_id, change) if is_known else (0, 0)
    if old is not None:
        note_totals(connection, run_id, change, old)
    totals = sum_up(connection, run_id)
    return Ingested(
        entry.state.run.name,
        silo,
        Outcome.GREW if had_files else Outcome.ADDED,
        change,
        len(sources),
        totals.activities,
        superseded,
        totals.energy_kwh,
        (*entry.state.findings, *remark(connection, run_id, entry, corrections)),
    )


def _run_id(connection: Connection, name: str, silo: str) -> int:
    """Give the number of a run; a new one if there is none."""
    found = connection.execute(
        select(runs.c.id).where(runs.c.name == name, runs.c.silo == silo)
    ).scalar()
    if found is not None:
        return int(found)
    result = connection.execute(insert(runs).values(name=name, silo=silo))
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])
