"""Opening a ledger: which database, in which version, and how it is read and written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from footprint.addresses import hide_secrets
from footprint.errors import LedgerError, MissingExtra, UsageError
from footprint.ledger.read_only import ReadOnlyFile
from footprint.ledger.schema import SCHEMA_VERSION, VERSION_TABLE, metadata

DEFAULT_URL = "sqlite:///footprint-ledger.db"
_WAIT_S = 60  # for another process that writes
_LOCK = 0x666F6F74  # advisory lock of PostgreSQL: "foot"
_EXAMPLES = "Write sqlite:///ledger.db or postgresql://USER:PASSWORD@HOST/DATABASE."


@dataclass(frozen=True, slots=True)
class Ledger:
    """A database of many journals, runs and silos.

    Attributes
    ----------
    url : str
        Where it is, without a password.
    engine : sqlalchemy.Engine
    file : ReadOnlyFile or None
        Of a SQLite ledger that was opened for reading alone.
    """

    url: str
    engine: Engine
    file: ReadOnlyFile | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees the ledger as of one moment.

        Raises
        ------
        LedgerError
            If the database fails.
        """
        unchanged = nullcontext() if self.file is None else self.file.unchanged()
        with unchanged, _explained(self.engine.url), self.engine.connect() as connection:
            if self.engine.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self, *, dry_run: bool = False) -> Iterator[Connection]:
        """Give a connection that alone may write; all that it does is kept, or nothing.

        Another process that writes is waited for.

        Parameters
        ----------
        dry_run : bool
            Keep nothing.

        Raises
        ------
        LedgerError
            If the database fails, or another process keeps it for a minute.
        """
        with _explained(self.engine.url), self.engine.connect() as connection:
            connection = connection.execution_options(footprint_writes=True)
            with connection.begin() as transaction:
                if self.engine.dialect.name == "postgresql":
                    connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))
                    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                yield connection
                if dry_run:
                    transaction.rollback()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(url: str = DEFAULT_URL, *, create: bool = False, read_only: bool = False) -> Ledger:
    """Open a ledger.

    Parameters
    ----------
    url : str
        ``sqlite:///ledger.db`` or ``postgresql://user:password@host/database``.
    create : bool
        Make it if there is none, and bring an older one to the schema of this release.
    read_only : bool
        Write nothing, neither into the database nor, where that may not be, beside SQLite's
        file: for readers who may not write.

    Raises
    ------
    UsageError
        If the address is none, or a ledger is to be made and only read.
    LedgerError
        If there is no ledger, it has another schema, or the database cannot be reached.
    MissingExtra
        For PostgreSQL without psycopg.
    """
    if create and read_only:
        raise UsageError("A ledger that is only read cannot be made.", "Choose one of the two.")
    address = _parse(url)
    shown = _shown(address)
    database = address.database
    is_file = address.get_backend_name() == "sqlite" and database not in (None, "", ":memory:")
    if is_file and not create and not Path(str(database)).exists():
        raise LedgerError(f"There is no ledger at {shown}.", _init_line(shown))
    file = ReadOnlyFile(Path(str(database))) if is_file and read_only else None
    engine = _engine(address, file)
    if read_only and engine.dialect.name == "postgresql":
        engine = engine.execution_options(postgresql_readonly=True)
    ledger = Ledger(shown, engine, file)
    try:
        if create:
            with ledger.writing() as connection:
                _migrate(connection, shown)
        else:
            with ledger.reading() as connection:
                _require_schema(connection, shown)
        if not read_only:
            _use_wal(ledger)
    except BaseException:
        ledger.close()
        raise
    return ledger


def schema_version(connection: Connection) -> str | None:
    """Give the schema that a database has; None if it is no ledger."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found.scalar()


def _shown(address: URL) -> str:
    """Write an address as people do, without its secrets."""
    plain = address.set(drivername=address.get_backend_name())
    return hide_secrets(plain.render_as_string(hide_password=False))


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
        backend = address.get_backend_name()
    except (ArgumentError, ValueError):
        # What does not parse may hold a password, so it is not repeated.
        raise UsageError("The address of the ledger cannot be read.", _EXAMPLES) from None
    if backend in ("postgres", "postgresql"):
        if url.count("@") > 1:
            # Nobody can tell where such a password ends; a part of it would pass for a host.
            raise UsageError(
                "The address of the ledger has more than one '@'.",
                "Write each one that is part of a name or a password as %40.",
            )
        return address.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise UsageError(f"A ledger cannot be kept in {backend!r}.", _EXAMPLES)
    return address.set(drivername="sqlite")


def _engine(address: URL, file: ReadOnlyFile | None) -> Engine:
    if address.get_backend_name() == "sqlite":
        how = {} if file is None else {"creator": file.connect}
        engine = create_engine(address, hide_parameters=True, **how)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(
            address, hide_parameters=True, connect_args={"client_encoding": "utf8"}
        )
    except ImportError as error:
        raise MissingExtra.of("postgres", "A ledger in PostgreSQL") from error


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver would begin transactions where it thinks fit.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {1000 * _WAIT_S}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "cache_size = -65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(ledger: Ledger) -> None:
    """Let readers of a ledger in SQLite go on while one process writes.

    The file keeps it, so it is said only of what is known to be a ledger.
    """
    if ledger.engine.dialect.name != "sqlite":
        return
    with (
        _explained(ledger.engine.url),
        closing(ledger.engine.raw_connection()) as connection,
        suppress(sqlite3.OperationalError),  # a file that may not be written is read as it is
    ):
        connection.cursor().execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # Whoever is going to write says so at once: two that read first could never both write.
    writes = connection.get_execution_options().get("footprint_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _explained(address: URL) -> Iterator[None]:
    """Turn what a database says into an error for the reader, without secrets."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        reason = " ".join(reason.split("\n")[0].split())
        if address.password:
            reason = reason.replace(str(address.password), "***")
        remedy = "Nothing was changed."
        if isinstance(error, OperationalError):
            remedy += " Check the address, and that the database runs and is not in use elsewhere."
        raise LedgerError(
            f"The ledger at {_shown(address)} cannot be used: {reason}.", remedy
        ) from error


def _require_schema(connection: Connection, shown: str) -> None:
    found = schema_version(connection)
    if found is None:
        raise LedgerError(f"The database at {shown} holds no ledger.", _init_line(shown))
    if found < SCHEMA_VERSION:
        raise LedgerError(
            f"The ledger at {shown} has the schema {found}; this release uses {SCHEMA_VERSION}.",
            "Back it up, then bring it up to date with: footprint ledger init (whoever may write "
            "it).",
        )
    _refuse_newer(found, shown)


def _refuse_newer(found: str | None, shown: str) -> None:
    if found is not None and found > SCHEMA_VERSION:
        raise LedgerError(
            f"The ledger at {shown} has the schema {found}; this release knows {SCHEMA_VERSION}.",
            "Use the release of footprint that made it, or a newer one.",
        )


def _migrate(connection: Connection, shown: str) -> None:
    """Bring a database to the newest schema, in the transaction that is open."""
    found = schema_version(connection)
    _refuse_newer(found, shown)
    if found == SCHEMA_VERSION:
        return
    if found is None:
        strange = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
        if strange:
            raise LedgerError(
                f"The database at {shown} has a table {strange[0]!r} of something else.",
                "Give the ledger a database of its own.",
            )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _init_line(shown: str) -> str:
    return f"Make one with: footprint ledger init --url {shown}"
