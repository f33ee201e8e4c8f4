"""A ledger knows what a client did, whatever happened to its processes."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from footprint.integrations.flower.ledger import Ledger, Totals, open_ledger


def ending(energy_kwh, *, failed=False, **parts):
    """End a message that took so much; None if nobody knows how much."""
    metered = energy_kwh is not None
    return lambda totals: totals.end(energy_kwh or 0.0, failed=failed, metered=metered, **parts)


def book(path, *energies, failed=False):
    """Begin and end one message per energy, each in a ledger of its own as in a new process."""
    for energy_kwh in energies:
        ledger = Ledger(path)
        ledger.update("begin", Totals.begin)
        ledger.update("end", ending(energy_kwh, failed=failed))
    return Ledger(path).read()


def test_totals_go_on_from_process_to_process(tmp_path):
    path = tmp_path / "folder" / "client.ledger"
    totals = book(path, 1e-6, 2e-6)
    totals = book(path, 4e-6, failed=True)
    assert totals == Totals(3, 2, 1, pytest.approx(7e-6), 0)


def test_start_up_and_idle_power_are_kept_apart(tmp_path):
    ledger = Ledger(tmp_path / "c.ledger")
    ledger.update("begin", Totals.begin)
    ledger.update("end", ending(9e-6, setup_kwh=4e-6, idle_kwh=3e-6))
    assert ledger.read() == Totals(1, 1, 0, 9e-6, 0, 4e-6, 3e-6)


def test_a_message_without_energy_is_counted_as_such(tmp_path):
    assert book(tmp_path / "c.ledger", 1e-6, None) == Totals(2, 2, 0, 1e-6, 1)


def test_a_killed_process_leaves_a_beginning_without_an_end(tmp_path):
    path = tmp_path / "c.ledger"
    book(path, 1e-6)
    code = f"""
from pathlib import Path
from footprint.integrations.flower.ledger import Ledger, Totals, open_ledger
ledger = Ledger(Path({str(path)!r}))
ledger.update("begin", Totals.begin)
print("began", flush=True)
import time; time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "began\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    totals = Ledger(path).read()
    assert (totals.begun, totals.ended) == (2, 1)
    after = book(path, 2e-6)
    assert (after.begun, after.ended, after.total_kwh) == (3, 2, pytest.approx(3e-6))


def test_a_torn_line_costs_itself_and_not_the_next(tmp_path):
    path = tmp_path / "c.ledger"
    book(path, 1e-6, 2e-6)
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole) - 1, 9):
        path.write_bytes(whole[:cut])
        assert Ledger(path).read() == Totals(2, 1, 0, 1e-6, 0)
        after = book(path, 5e-6)
        assert (after.begun, after.finished, after.total_kwh) == (3, 2, pytest.approx(6e-6))


def test_garbage_is_no_total(tmp_path):
    path = tmp_path / "c.ledger"
    path.write_bytes(b"\xff\x00garbage\n" * 1000)
    assert Ledger(path).read() == Totals()
    assert book(path, 1e-6).begun == 1


def test_a_long_ledger_is_read_from_its_end(tmp_path):
    path = tmp_path / "c.ledger"
    totals = book(path, *[1e-9] * 400)
    assert totals.begun == 400
    assert path.stat().st_size > 10 * 4096


def test_the_context_serves_where_the_file_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    state = {}
    for energy_kwh in (1e-6, 2e-6):
        ledger = Ledger(blocked / "c.ledger")
        ledger.update("begin", Totals.begin, state)
        ledger.update("end", ending(energy_kwh), state)
        assert ledger.problem
    assert Ledger(blocked / "c.ledger").read(state) == Totals(2, 2, 0, pytest.approx(3e-6), 0)


def test_the_one_that_went_on_longer_counts(tmp_path):
    path = tmp_path / "c.ledger"
    book(path, 1e-6, 1e-6)
    behind, ahead = ({"ledger": json.dumps(asdict(Totals(n, 1, 0, 9.0)))} for n in (1, 7))
    assert Ledger(path).read(behind).begun == 2
    assert Ledger(path).read(ahead).begun == 7


@pytest.mark.parametrize(
    "state",
    [
        "",
        "[]",
        '{"begun": 3}',
        json.dumps(asdict(Totals(-1))),
        json.dumps(asdict(Totals(1, 2))),
        json.dumps(asdict(Totals(1)) | {"idle_kwh": -1.0}),
    ],
)
def test_what_is_no_ledger_in_the_context_is_said(tmp_path, state):
    ledger = Ledger(Path(tmp_path / "c.ledger"))
    assert ledger.read({"ledger": state}) == Totals()
    assert ledger.problem


def test_processes_that_overlap_lose_nothing(tmp_path):
    """A client that was given up goes on while the next message begins."""
    path = tmp_path / "c.ledger"
    slow, quick = Ledger(path), Ledger(path)
    assert slow.update("begin", Totals.begin).begun == 1
    assert quick.update("begin", Totals.begin).begun == 2
    assert slow.update("end", ending(1e-6)).ended == 1
    assert quick.update("end", ending(2e-6)) == Totals(2, 2, 0, pytest.approx(3e-6))
    assert Ledger(path).read().ended == 2


def test_changes_at_the_same_moment_all_count(tmp_path):
    path = tmp_path / "c.ledger"
    code = f"""
from pathlib import Path
from footprint.integrations.flower.ledger import Ledger, Totals, open_ledger
for _ in range(50):
    ledger = Ledger(Path({str(path)!r}))
    ledger.update("begin", Totals.begin)
    ledger.update("end", lambda totals: totals.end(1e-6, failed=False))
"""
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert Ledger(path).read() == Totals(150, 150, 0, pytest.approx(150e-6))


def test_what_another_process_wrote_is_seen_by_one_that_goes_on(tmp_path):
    path = tmp_path / "c.ledger"
    own = open_ledger(path)
    assert open_ledger(path) is own
    own.update("begin", Totals.begin)
    book(path, 2e-6)
    assert own.update("end", ending(1e-6)) == Totals(2, 2, 0, pytest.approx(3e-6))
    path.unlink()  # somebody tidied up: what this process knows is not lost
    assert own.update("begin", Totals.begin).begun == 3
    assert Ledger(path).read().begun == 3
