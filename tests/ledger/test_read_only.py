"""Readers of a SQLite ledger: they need no leave to write, and write nothing."""

import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from footprint.cli import main
from footprint.errors import LedgerError, UsageError
from footprint.ledger import Cause as LedgerCause
from footprint.ledger import Note, list_runs, open_ledger, query, record, status, withdraw
from tests.ledger.samples import random_journal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
NOBODY = 65534


@contextmanager
def without_leave(folder):
    """Take the right to write into a folder and its files from this process."""
    names = sorted(folder.iterdir())
    modes = {name: name.stat().st_mode for name in (folder, *names)}
    for name in names:
        name.chmod(0o444)
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        for name, mode in modes.items():
            if name.exists():
                name.chmod(mode)


@pytest.fixture
def folder():
    """A folder that other users may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def path(folder, sqlite_ledger):
    record(sqlite_ledger, random_journal(20), silo="lyon")
    sqlite_ledger.close()
    return Path(shutil.copy(sqlite_ledger.url.removeprefix("sqlite:///"), folder / "plain #1.db"))


@pytest.fixture
def opened(path):
    """Whoever keeps the ledger, and has it open."""
    with open_ledger(f"sqlite:///{path}") as ledger:
        yield ledger


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def test_a_ledger_is_read_where_nothing_may_be_written(folder, path):
    url = f"sqlite:///{path}"
    before = path.read_bytes()
    with without_leave(folder):
        with open_ledger(url, read_only=True) as ledger:
            assert status(ledger).activities == 20
            with pytest.raises(LedgerError, match="readonly"):
                record(ledger, random_journal(3, 1, "other"))
        assert names(folder) == [path.name]
    assert path.read_bytes() == before


def test_a_reader_with_leave_writes_nothing_either(folder, path):
    before = path.read_bytes()
    with open_ledger(f"sqlite:///{path}", read_only=True) as ledger:
        assert query(ledger)["activities"].tolist() == [20]
        with pytest.raises(LedgerError, match="readonly"):
            withdraw(ledger, "table", Note(LedgerCause.ERROR))
    assert names(folder) == [path.name]
    assert path.read_bytes() == before


def test_a_reader_sees_what_another_process_keeps_beside_the_file(folder, path, opened):
    record(opened, random_journal(5, 1, "more"))
    assert path.with_name(f"{path.name}-wal").stat().st_size
    with without_leave(folder), open_ledger(opened.url, read_only=True) as reader:
        assert {run.run for run in list_runs(reader)} == {"table", "more"}


def test_changes_that_cannot_be_read_are_not_left_out(folder, path, opened):
    """A ledger that was copied while it was open, without the index of its log."""
    record(opened, random_journal(5, 1, "more"))
    copied = folder / "copied"
    copied.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(folder / f"{path.name}{suffix}", copied)
    url = f"sqlite:///{copied}/{path.name}"
    with without_leave(copied), pytest.raises(LedgerError, match="-wal"):
        open_ledger(url, read_only=True)
    with open_ledger(url, read_only=True) as reader:
        assert len(list_runs(reader)) == 2


def test_what_was_read_while_another_wrote_is_refused(folder, path):
    with without_leave(folder):
        reader = open_ledger(f"sqlite:///{path}", read_only=True)
    writer = open_ledger(f"sqlite:///{path}")
    with pytest.raises(LedgerError, match="written while it was read"), reader.reading():
        record(writer, random_journal(5, 1, "more"))
    writer.close()
    reader.close()


def test_a_reader_makes_no_ledger(folder):
    url = f"sqlite:///{folder}/none.db"
    with pytest.raises(LedgerError, match="There is no ledger"):
        open_ledger(url, read_only=True)
    with pytest.raises(UsageError):
        open_ledger(url, create=True, read_only=True)
    assert names(folder) == []


def test_the_ledger_of_another_release_is_said_to_a_reader(folder, path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE footprint_ledger_version SET version_num = '0000'")
    connection.close()
    with without_leave(folder), pytest.raises(LedgerError, match="has the schema 0000"):
        open_ledger(f"sqlite:///{path}", read_only=True)


def test_commands_that_read_need_no_leave_to_write(folder, path, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FOOTPRINT_LEDGER", f"sqlite:///{path}")
    out = tempfile.mkdtemp()
    Path(out).chmod(0o777)
    monkeypatch.chdir(out)
    reads = [
        ["ledger", "status"],
        ["ledger", "runs"],
        ["ledger", "query", "--by", "silo"],
        ["ledger", "history"],
        ["ledger", "export", "-o", "out.csv"],
        [
            "estimate",
            "table",
            "--from",
            "ledger",
            "--draws",
            "0",
            "--zone",
            "FR",
            "--device",
            "laptop",
        ],
    ]
    for words in reads:
        monkeypatch.setattr("sys.argv", ["footprint", *words, "--json"])
        # First as whoever may: what it imports may lie where nobody else may read.
        for leave in (nullcontext(), without_leave(folder)):
            with leave:
                found = main._run()
            printed = capsys.readouterr()
            assert not found, (words, printed.err)
            json.loads(printed.out)
            Path("out.csv").unlink(missing_ok=True)
    assert names(folder) == [path.name]
    shutil.rmtree(out)
