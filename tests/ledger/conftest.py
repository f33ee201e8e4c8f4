"""Ledgers in SQLite and in PostgreSQL: the same tests run on both."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import text

from footprint.ledger import open_ledger
from footprint.ledger.schema import metadata

_NUMBERS = itertools.count()


def _programs():
    """Folder of PostgreSQL's programs; Debian keeps them off the PATH."""
    found = [Path(p).parent for p in [shutil.which("initdb")] if p]
    return next(iter([*found, *sorted(Path("/usr/lib/postgresql").glob("*/bin"))[::-1]]), None)


def _unprivileged():
    """How to run a program as somebody else: PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL of our own, on a socket in a temporary folder; gives the address of it."""
    programs = _programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail("NOT TESTED: ledgers in PostgreSQL; it is not installed")
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="footprint-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
    as_user = _unprivileged()
    run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    make = [programs / "initdb", "-D", folder / "data", "-U", "footprint", "-A", "trust"]
    subprocess.run([*as_user, *make, "-E", "UTF8", "--no-locale", "--no-sync"], **run)
    control = [*as_user, programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log"]
    options = f"-F -c listen_addresses='' -k {folder}"
    subprocess.run([*control, "-w", "-o", options, "start"], **run)
    try:
        yield f"postgresql://footprint@/{{}}?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """Empty ledgers to copy, made when they are first asked for."""
    return {"folder": tmp_path_factory.mktemp("ledgers")}


@pytest.fixture(params=["sqlite", "postgresql"])
def make_url(request, templates):
    """What gives the address of an empty ledger; with each call, the one before is over."""
    if request.param == "postgresql":
        server = request.getfixturevalue("server")
        return lambda: _emptied_database(server, templates)
    return lambda: _copy_of_file(templates)


def _copy_of_file(templates):
    folder = templates["folder"]
    if "file" not in templates:
        templates["file"] = folder / "empty.db"
        open_ledger(f"sqlite:///{templates['file']}", create=True).close()
    path = folder / f"{next(_NUMBERS)}.db"
    shutil.copy(templates["file"], path)
    return f"sqlite:///{path}"


def _emptied_database(server, templates):
    """One database for all tests, emptied for each: making a new one takes longer."""
    if "database" not in templates:
        templates["database"] = server.format("postgres")
        open_ledger(templates["database"], create=True).close()
    with open_ledger(templates["database"]) as ledger, ledger.writing() as connection:
        names = ", ".join(metadata.tables)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    return templates["database"]


@pytest.fixture
def url(make_url):
    return make_url()


@pytest.fixture
def ledger(url):
    with open_ledger(url) as ledger:
        yield ledger


@pytest.fixture
def sqlite_ledger(templates, tmp_path):
    """For what has nothing to do with the database."""
    path = shutil.copy(_copy_of_file(templates).removeprefix("sqlite:///"), tmp_path / "ledger.db")
    with open_ledger(f"sqlite:///{path}") as ledger:
        yield ledger
