"""Whether files are what a ledger holds already, more of it, less of it, or something else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from footprint.errors import LedgerError
from footprint.ledger.schema import changes, run_states, runs, source_files
from footprint.ledger.sources import SourceFile, begins_with, ends_line


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that a run of the ledger was made from."""

    run_id: int
    run: str
    silo: str
    name: str
    size_bytes: int
    sha256: str
    token: str | None


@dataclass(slots=True)
class Succession:
    """How the files that are given follow on those that a run was made from."""

    new: list[str] = field(default_factory=list)
    grew: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def brings_nothing(self) -> bool:
        """Whether the ledger holds all of it, or more."""
        return not (self.new or self.grew or self.changed)

    @property
    def replaces(self) -> bool:
        """Whether the ledger holds something that is not in the files that are given."""
        return bool(self.changed or self.older or self.missing)

    def require_growth(self, run: str) -> None:
        """Refuse files that do not contain all that the run was made from.

        Raises
        ------
        LedgerError
        """
        if self.changed:
            raise LedgerError(
                f"{self.changed[0]} of the run {run!r} is not what was entered with more at its "
                "end: it was changed.",
                "If that is right, enter it with a cause: --restate error. If it is another run, "
                "give it another name: --run NAME.",
            )
        if self.older:
            raise LedgerError(
                f"{self.older[0]} of the run {run!r} is an older copy than what the ledger holds.",
                "Name the newest files of the run.",
            )
        if self.missing:
            more = f" and {len(self.missing) - 1} more" if self.missing[1:] else ""
            raise LedgerError(
                f"The ledger holds {self.missing[0]}{more} of the run {run!r} too.",
                "Name all journals of the run together: who shared a host is reckoned over all "
                "of them. If this is another run, give it another name: --run NAME.",
            )


def known_files(
    connection: Connection, sources: Iterable[SourceFile] = (), run_id: int | None = None
) -> list[KnownFile]:
    """Give the files of a run, or those with the content or the process of one of `sources`."""
    statement = _files().where(source_files.c.superseded_by.is_(None))
    if run_id is not None:
        found = connection.execute(statement.where(source_files.c.run_id == run_id))
        return [KnownFile(*row) for row in found]
    return _matching(connection, statement, sources)


def files_of(connection: Connection, run: str, silo: str) -> list[KnownFile]:
    """Give what a run is made of, by its name and the silo that it was entered in."""
    statement = _files().where(
        runs.c.name == run, runs.c.silo == silo, source_files.c.superseded_by.is_(None)
    )
    return [KnownFile(*row) for row in connection.execute(statement)]


def withdrawn_files(connection: Connection, sources: Iterable[SourceFile]) -> list[KnownFile]:
    """Give what runs were made of when they were withdrawn, as far as `sources` have it."""
    open_runs = select(run_states.c.run_id).where(run_states.c.superseded_by.is_(None))
    closed = (
        select(run_states.c.run_id, func.max(run_states.c.superseded_by).label("change"))
        .where(run_states.c.run_id.not_in(open_runs))
        .group_by(run_states.c.run_id)
        .subquery()
    )
    statement = _files().join(
        closed,
        and_(
            closed.c.run_id == source_files.c.run_id,
            closed.c.change == source_files.c.superseded_by,
        ),
    )
    contents = {source.sha256 for source in sources}
    return [f for f in _matching(connection, statement, sources) if f.sha256 in contents]


def older_copies(connection: Connection, sources: Iterable[SourceFile]) -> list[KnownFile]:
    """Give what runs grew out of, as far as `sources` have it: they hold it still.

    Of files that name a process the newest is found by that.
    """
    sources = [source for source in sources if source.token is None]
    if not sources:
        return []
    ended = (
        select(source_files.c.run_id, func.max(changes.c.id).label("change"))
        .join(changes, changes.c.id == source_files.c.superseded_by)
        .where(changes.c.kind.in_(["replace", "withdraw"]))
        .group_by(source_files.c.run_id)
        .subquery()
    )
    statement = (
        _files()
        .outerjoin(ended, ended.c.run_id == source_files.c.run_id)
        .where(source_files.c.superseded_by > func.coalesce(ended.c.change, 0))
    )
    return _matching(connection, statement, sources)


def _files() -> Select[Any]:
    return select(
        source_files.c.run_id,
        runs.c.name,
        runs.c.silo,
        source_files.c.name,
        source_files.c.size_bytes,
        source_files.c.sha256,
        source_files.c.token,
    ).join(runs, runs.c.id == source_files.c.run_id)


def _matching(
    connection: Connection, statement: Select[Any], sources: Iterable[SourceFile]
) -> list[KnownFile]:
    sources = list(sources)
    known: list[KnownFile] = []
    for start in range(0, len(sources), 500):  # databases limit how many values are bound
        some = sources[start : start + 500]
        tokens = [source.token for source in some if source.token is not None]
        same: list[ColumnElement[bool]] = [
            source_files.c.sha256.in_([source.sha256 for source in some])
        ]
        if tokens:
            same.append(source_files.c.token.in_(tokens))
        known += [KnownFile(*row) for row in connection.execute(statement.where(or_(*same)))]
    return list(dict.fromkeys(known))


def succession(
    known: Sequence[KnownFile], given: Sequence[SourceFile], outgrown: Collection[str] = ()
) -> Succession:
    """Say how files follow on those that the ledger knows of their run.

    Parameters
    ----------
    known : sequence of KnownFile
        All of the run.
    given : sequence of SourceFile
    outgrown : collection of str
        Hashes of what the run grew out of.
    """
    result = Succession()
    left = {file.sha256: file for file in known}
    rest = [source for source in given if left.pop(source.sha256, None) is None]
    for source in rest:
        before = _predecessor(list(left.values()), source)
        if before is not None:
            left.pop(before.sha256)
        if source.sha256 in outgrown:
            result.older.append(source.name)
        elif before is None:
            result.new.append(source.name)
        elif _has_more(source, before):
            result.grew.append(source.name)
        elif source.token is not None and source.size_bytes < before.size_bytes:
            result.older.append(source.name)
        else:
            result.changed.append(source.name)
    result.missing = sorted(file.name for file in left.values())
    return result


def _has_more(source: SourceFile, before: KnownFile) -> bool:
    """Whether a file is what it was with more at its end."""
    size = before.size_bytes
    if source.size_bytes <= size or not begins_with(source.path, size, before.sha256):
        return False
    # A line of a journal that is cut off says nothing; a cell of a table does, such as 20 of 200.
    return not source.is_table or (source.path.suffix == ".csv" and ends_line(source.path, size))


def _predecessor(known: Sequence[KnownFile], source: SourceFile) -> KnownFile | None:
    """Give what a file was, by the process that wrote it, or by its name."""
    for file in known:
        if source.token is not None and file.token == source.token:
            return file
    for file in known:
        # What had no header yet has no token.
        if file.name == source.name and (source.token is None or file.token is None):
            return file
    return None
