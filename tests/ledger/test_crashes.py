"""Processes that are killed while they enter a run, and several that enter the same one."""

import contextlib
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from footprint.ledger import Note, Outcome, ingest, open_ledger, query, record, status
from footprint.ledger.changes import add_change
from footprint.ledger.schema import changes
from tests.ledger.samples import plain, random_journal, write_table

NUMBER = 15_000


@pytest.fixture(scope="module")
def journal():
    return random_journal(NUMBER, 5)


@pytest.fixture(scope="module")
def table(journal, tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tables") / "table.csv", journal)


@pytest.fixture(scope="module")
def children(tmp_path_factory):
    """Start children that enter a file; gives their process numbers, then how they ended."""
    command = [sys.executable, "-m", "tests.ledger.processes"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # Who is killed leaves its copies of files behind.
    own = {**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("copies"))}
    with subprocess.Popen(command, text=True, env=own, **pipes) as parent:

        def start(number, address, file):
            parent.stdin.write(f"{number} {address} {file}\n")
            parent.stdin.flush()
            return [int(word) for word in parent.stdout.readline().split()]

        def ends():
            return [int(word) for word in parent.stdout.readline().split()]

        start(0, "none", "none")  # until it is ready
        ends()
        yield start, ends
        parent.stdin.close()


def require_everything(ledger, journal):
    found = query(ledger)
    energies = [energy for energy in plain(journal.columns["energy_kwh"]) if energy is not None]
    assert found["activities"].tolist() == [NUMBER]
    assert found["energy_kwh"][0] == pytest.approx(math.fsum(energies), rel=1e-9)
    held = status(ledger)
    assert (held.runs, held.files, held.superseded) == (1, 1, 0)


def test_a_kill_loses_nothing_and_doubles_nothing(make_url, children, table, journal):
    start, ends = children
    address = make_url()
    begun = time.monotonic()
    start(1, address, table)
    assert ends() == [0]
    whole_s = time.monotonic() - begun
    killed = 0
    for share in (0.3, 0.6, 0.85):
        address = make_url()
        (child,) = start(1, address, table)
        time.sleep(share * whole_s)
        with contextlib.suppress(ProcessLookupError):  # it was faster
            os.kill(child, signal.SIGKILL)
        (end,) = ends()
        killed += end == signal.SIGKILL
        with open_ledger(address) as ledger:
            held = status(ledger)
            # All or nothing.
            assert (held.runs, held.activities) in ((0, 0), (1, NUMBER))
            (result,) = ingest(ledger, table)
            assert result.outcome is (Outcome.UNCHANGED if held.runs else Outcome.ADDED)
            require_everything(ledger, journal)
    assert killed


def test_copies_of_a_killed_process_are_deleted_by_the_next(sqlite_ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import sys, time\n"
        "from footprint.ledger.scratch import scratch_folder\n"
        "with scratch_folder() as folder:\n"
        "    (folder / 'copy').touch()\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    own = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdout": subprocess.PIPE, "text": True}
    file = write_table(tmp_path / "table.csv", random_journal(3))
    with subprocess.Popen([sys.executable, "-c", code], env=own, **pipes) as child:
        folder = Path(child.stdout.readline().strip()).parent
        old = time.time() - 3600
        os.utime(folder, (old, old))
        ingest(sqlite_ledger, file)
        assert (folder / "copies" / "copy").exists()
        child.kill()
        child.wait()
    assert folder.exists()
    os.utime(folder, (old, old))
    stranger = tmp_path / "footprint-ledger-x"
    stranger.symlink_to(tmp_path)
    record(sqlite_ledger, random_journal(3, name="no file"))
    ingest(sqlite_ledger, write_table(tmp_path / "other.csv", random_journal(4)))
    assert not folder.exists()
    assert file.exists()


def test_several_processes_enter_the_same_file_once(url, children, table, journal):
    start, ends = children
    start(3, url, table)
    assert ends() == [0, 0, 0]
    with open_ledger(url) as ledger:
        require_everything(ledger, journal)
        assert status(ledger).changes == 1


def test_who_writes_sees_all_that_was_written_before(url):
    entered = threading.Event()
    seen = []

    def write():
        with open_ledger(url) as second, second.writing() as connection:
            seen.append(connection.execute(select(func.count(changes.c.id))).scalar())
            entered.set()
            add_change(connection, "ingest", Note())

    with open_ledger(url) as first, ThreadPoolExecutor(1) as pool:
        with first.writing() as connection:
            assert connection.execute(select(func.count(changes.c.id))).scalar() == 0
            other = pool.submit(write)
            assert not entered.wait(0.3)
            add_change(connection, "ingest", Note())
        other.result()
        assert seen == [1]
        assert status(first).changes == 2


def test_readers_see_a_ledger_while_another_process_writes(url):
    with open_ledger(url) as writer, open_ledger(url) as reader:
        record(writer, random_journal(10, 1, name="a"))
        with writer.writing() as connection:
            connection.exec_driver_sql("UPDATE activities SET data_gb = 0")
            assert query(reader)["activities"][0] == 10
            assert query(reader)["data_gb"][0] > 0
        assert query(reader)["data_gb"][0] == 0
