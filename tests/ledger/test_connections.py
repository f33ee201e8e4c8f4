"""Addresses, schemas, and what a database says when it cannot be used."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

import footprint
from footprint.errors import LedgerError, UsageError
from footprint.ledger import open_ledger, query, record
from footprint.ledger.schema import ACTIVITY_COLUMNS, SCHEMA_VERSION, VERSION_TABLE, metadata
from tests.ledger.samples import random_journal


def test_migrations_end_at_the_tables_of_this_release(ledger):
    folder = Path(footprint.__file__).parent / "ledger" / "migrations"
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]
    with ledger.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        found = {column["name"] for column in inspect(connection).get_columns("activities")}
    assert set(ACTIVITY_COLUMNS) < found


def test_init_twice_changes_nothing(ledger, url):
    record(ledger, random_journal(3))
    with open_ledger(url, create=True) as again:
        assert query(again)["activities"][0] == 3


def test_a_reader_changes_nothing(ledger, url):
    record(ledger, random_journal(3))
    with open_ledger(url, read_only=True) as reader:
        assert query(reader)["activities"].tolist() == [3]
        with pytest.raises(LedgerError, match=r"read-?only"):
            record(reader, random_journal(4, 1, "other"))
    assert query(ledger)["activities"].tolist() == [3]


def test_what_is_no_ledger_is_said_and_left_alone(tmp_path):
    with pytest.raises(LedgerError, match="There is no ledger") as error:
        open_ledger(f"sqlite:///{tmp_path}/none.db")
    assert "footprint ledger init" in error.value.remedy
    assert not list(tmp_path.iterdir())
    text = tmp_path / "text.db"
    text.write_text("this is no database, however long it may be " * 50)
    for create in (False, True):
        with pytest.raises(LedgerError, match="not a database"):
            open_ledger(f"sqlite:///{text}", create=create)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE runs (mine)")
    connection.close()
    before = other.read_bytes()
    with pytest.raises(LedgerError, match="holds no ledger"):
        open_ledger(f"sqlite:///{other}")
    with pytest.raises(LedgerError, match="'runs' of something else"):
        open_ledger(f"sqlite:///{other}", create=True)
    assert other.read_bytes() == before
    with pytest.raises(LedgerError, match="unable to open"):
        open_ledger(f"sqlite:///{tmp_path}/nowhere/x.db", create=True)


def test_readers_of_a_copied_ledger_do_not_wait(sqlite_ledger, tmp_path):
    with sqlite_ledger.engine.connect() as connection:
        connection.connection.cursor().execute(f"VACUUM INTO '{tmp_path}/copy.db'")
    for name in ("ledger.db", "copy.db"):
        open_ledger(f"sqlite:///{tmp_path}/{name}").close()
        with sqlite3.connect(tmp_path / name) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        connection.close()


def test_another_schema_is_refused(tmp_path):
    address = f"sqlite:///{tmp_path}/l.db"
    open_ledger(address, create=True).close()
    for version, message in (("0000", "bring it up to date"), ("9999", "or a newer one")):
        with sqlite3.connect(tmp_path / "l.db") as connection:
            connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", [version])
        connection.close()
        with pytest.raises(LedgerError, match=message):
            open_ledger(address)
    with pytest.raises(LedgerError, match="or a newer one"):
        open_ledger(address, create=True)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ledger.db",
        "mysql://u:secret@h/d",
        "http://secret",
        "://",
        "postgresql://u:pw@secret@127.0.0.1:1/d",
        "postgresql://u:pw@se/cret@127.0.0.1:1/d",
        "postgresql://u:pw@se?cret@127.0.0.1:1/d",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError) as error:
        open_ledger(address)
    assert "cret" not in str(error.value)


def test_passwords_are_never_shown():
    address = "postgresql://me:secret%2Fpw@127.0.0.1:1/d?connect_timeout=1&password=secret2"
    with pytest.raises(LedgerError, match="cannot be used") as error:
        open_ledger(address)
    shown = "postgresql://me:***@127.0.0.1:1/d?connect_timeout=1&password=***"
    assert shown in str(error.value)
    assert "secret" not in str(error.value)
    assert "secret" not in repr(open_ledger("sqlite://", create=True))


def test_postgresql_without_its_driver_names_the_extra():
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from footprint.errors import MissingExtra\n"
        "from footprint.ledger import open_ledger\n"
        "try: open_ledger('postgresql://h/d')\n"
        "except MissingExtra as error: print(error)\n"
        "sys.modules['sqlalchemy'] = None\n"
        "for name in [n for n in sys.modules if n.startswith('footprint.ledger')]:\n"
        "    del sys.modules[name]\n"
        "try: import footprint.ledger\n"
        "except MissingExtra as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "footprint[postgres]" in done.stdout
    assert "footprint[ledger]" in done.stdout
