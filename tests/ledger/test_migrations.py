"""Ledgers that earlier releases made: refused until they are brought up, and nothing is lost."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import footprint
from footprint.errors import LedgerError
from footprint.ledger import (
    Outcome,
    history,
    ingest,
    ledger_journal,
    list_runs,
    open_ledger,
    query,
    record,
    status,
)
from footprint.ledger.schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from tests.ledger.samples import random_journal

CONFIG = Config()
CONFIG.set_main_option("path_separator", "os")
CONFIG.set_main_option(
    "script_location", str(Path(footprint.__file__).parent / "ledger" / "migrations")
)
SCHEMAS = sorted(script.revision for script in ScriptDirectory.from_config(CONFIG).walk_revisions())
BILLS = (
    "actor,role,phase,start_s,duration_s,data_gb,basis,source,energy_kwh,zone\n"
    "a,client,train,1700000000,5,0.25,declared,bill,2,FR\n"
)
SHA256 = "ff3b06883dcb9946cd464060c44c9636e78392652f57c6e8917b07d687a0f8e7"
STATE = (
    '{"run":{"name":"bills","architecture":"other","functional_unit":"one model"},'
    '"view":"process","idle_policy":"by-time","factors":[],"catalogue_digest":"","findings":[],'
    f'"inputs":[{{"name":"bills.csv","sha256":"{SHA256}"}}],"rounds":null,"clients":null}}'
)
# As the first schema had them. They stay as they are: of them every later one has to make sense.
FIRST_ROWS = [
    ("changes", {"made_s": 1.79e9, "kind": "ingest", "release": "0.1"}),
    (
        "changes",
        {
            "made_s": 1.8e9,
            "kind": "restate",
            "cause": "error",
            "reason": "wall meter",
            "release": "0.1",
            "correction": '{"where": {}, "values": {}, "scale": {"energy_kwh": 1.5}}',
        },
    ),
    ("runs", {"silo": "lyon", "name": "bills"}),
    ("run_states", {"run_id": 1, "document": STATE, "added_by": 1}),
    (
        "source_files",
        {
            "run_id": 1,
            "name": "bills.csv",
            "size_bytes": len(BILLS),
            "sha256": SHA256,
            "added_by": 1,
        },
    ),
    *(
        (
            "activities",
            {
                "run_id": 1,
                "silo": "lyon",
                "month": 202311,
                "actor": "a",
                "role": "client",
                "zone": "FR",
                "phase": "train",
                "start_s": 1.7e9,
                "duration_s": 5.0,
                "energy_kwh": energy_kwh,
                "data_gb": 0.25,
                "basis": "declared",
                "source": "bill",
                "life_cycle": "train",
                "transfer_s": 0.0,
                "stored_gb_h": 0.0,
                "added_by": added,
                "superseded_by": superseded,
            },
        )
        for energy_kwh, added, superseded in ((2.0, 1, 2), (3.0, 2, None))
    ),
    (
        "restatements",
        {
            "change_id": 2,
            "run_id": 1,
            "quantity": "energy_kwh",
            "old_value": "2.0",
            "new_value": "3.0",
            "activities": 1,
        },
    ),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """The address of a database in which there is nothing."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.db"
        return
    server = request.getfixturevalue("server")
    engine = create_engine(_driver(server.format("postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE old"))
        yield server.format("old")
        connection.execute(text("DROP DATABASE old WITH (FORCE)"))
    engine.dispose()


def _driver(address):
    return address.replace("postgresql://", "postgresql+psycopg://")


def make_old(address, schema):
    """A ledger of an earlier schema, with what was entered and corrected in the first one."""
    engine = create_engine(_driver(address))
    with engine.begin() as connection:
        CONFIG.attributes["connection"] = connection
        command.upgrade(CONFIG, SCHEMAS[0])
        for table, row in FIRST_ROWS:
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
        command.upgrade(CONFIG, schema)
    engine.dispose()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_ledger_of_an_earlier_schema_is_brought_up_and_loses_nothing(empty, schema, tmp_path):
    make_old(empty, schema)
    for read_only in (False, True):
        if schema == SCHEMA_VERSION:
            continue
        with pytest.raises(LedgerError, match=f"has the schema {schema}") as error:
            open_ledger(empty, read_only=read_only)
        assert "footprint ledger init" in error.value.remedy
    with open_ledger(empty, create=True) as ledger:
        with ledger.reading() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            assert compare_metadata(context, metadata) == []
        assert status(ledger).schema == SCHEMA_VERSION
        assert [query(ledger, as_of=n)["energy_kwh"].tolist() for n in (1, 2, None)] == [
            [2.0],
            [3.0],
            [3.0],
        ]
        (run,) = list_runs(ledger)
        assert (run.run, run.silo, run.files, run.change) == ("bills", "lyon", 1, 2)
        entered, corrected = history(ledger)
        assert (entered.kind, entered.release, corrected.cause) == ("ingest", "0.1", "error")
        assert [(v.old_value, v.new_value) for v in corrected.values] == [(2.0, 3.0)]
        assert ledger_journal(ledger, "bills").run.functional_unit == "one model"
        # It goes on as any other: what is in it is known, what grows is corrected again.
        path = tmp_path / "bills.csv"
        path.write_text(BILLS)
        assert [result.outcome for result in ingest(ledger, path)] == [Outcome.UNCHANGED]
        path.write_text(BILLS + BILLS.splitlines()[1] + "\n")
        assert [result.outcome for result in ingest(ledger, path)] == [Outcome.GREW]
        assert query(ledger)["energy_kwh"].tolist() == [6.0]
        record(ledger, random_journal(3))
        assert status(ledger).changes == 4


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(empty, monkeypatch):
    make_old(empty, SCHEMAS[0])
    upgrade = command.upgrade

    def failing(config, revision):
        upgrade(config, revision)
        raise OSError("power cut")

    monkeypatch.setattr(command, "upgrade", failing)
    with pytest.raises(OSError, match="power cut"):
        open_ledger(empty, create=True)
    monkeypatch.undo()
    with pytest.raises(LedgerError, match=f"has the schema {SCHEMAS[0]}"):
        open_ledger(empty)
    with open_ledger(empty, create=True) as ledger:
        assert query(ledger)["energy_kwh"].tolist() == [3.0]
