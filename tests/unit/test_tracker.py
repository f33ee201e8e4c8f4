"""The tracker observes and never interferes."""

import asyncio
import errno
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import footprint as fp
from footprint.errors import MeterError, UsageError
from footprint.journal import read_records
from footprint.measurement.command import run_command
from footprint.measurement.meter import Reading
from footprint.model import Phase


def spans_of(path):
    (process,) = read_records([path]).processes
    return {span.id: span for span in process.spans}


def test_spans_nest_and_inherit_what_they_do_not_say(tmp_path):
    with (
        fp.Tracker("r", journal=tmp_path, zone="FR", device="desktop", actor="server") as tracker,
        tracker.span("train", round=2, actor="client-1", role="client", zone="DE"),
        tracker.span("upload") as inner,
    ):
        inner.sent_bytes += 100
    root, outer, upload = spans_of(tmp_path).values()
    by_phase = {span.phase: span for span in (root, outer, upload)}
    upload, train, root = by_phase["upload"], by_phase["train"], by_phase["other"]
    assert (upload.actor, upload.zone, upload.device, upload.round) == (
        "client-1",
        "DE",
        "desktop",
        2,
    )
    assert upload.parent == train.id
    assert train.parent == root.id
    assert root.actor == "server"
    assert upload.sent_bytes == 100


def test_readings_grow_and_a_busy_span_uses_its_time(tmp_path):
    with fp.Tracker("r", journal=tmp_path) as tracker, tracker.span("train"):
        stop = time.process_time() + 0.1
        while time.process_time() < stop:
            pass
    span = next(s for s in spans_of(tmp_path).values() if s.phase == "train")
    used = span.end["cpu.process_s"] - span.begin["cpu.process_s"]
    assert 0.1 <= used <= span.duration_s + 0.02
    assert span.end["memory.gb_s"] > span.begin["memory.gb_s"]


def test_an_exception_passes_through_and_is_recorded(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        fp.Tracker("r", journal=tmp_path) as tracker,
        tracker.span("train"),
    ):
        _ = 1 / 0
    assert {s.phase: s.status for s in spans_of(tmp_path).values()} == {
        "train": "failed",
        "other": "failed",
    }


class BreakingMeter:
    name = "breaking"
    tier = None

    def __init__(self, good_reads):
        self.left = good_reads

    def read(self):
        if self.left == 0:
            raise MeterError("The plug fell out.", "Put it back.")
        self.left -= 1
        return Reading({"total_uj": 1.0})


def test_a_meter_that_fails_harms_nothing_and_is_reported(tmp_path, caplog):
    with (
        caplog.at_level(logging.ERROR, "footprint"),
        fp.Tracker("r", journal=tmp_path, meters=[BreakingMeter(2)]) as tracker,
        tracker.span("train"),
    ):
        pass
    records = read_records([tmp_path])
    assert [f.code for f in records.findings] == ["meter-failed"]
    assert "The plug fell out" in records.findings[0].message
    assert "The plug fell out" in caplog.text


def test_a_full_disk_is_reported_and_training_goes_on(caplog, tmp_path):
    (tmp_path / "file").write_text("")
    done = []
    with (
        caplog.at_level(logging.ERROR, "footprint"),
        fp.Tracker("r", journal=tmp_path / "file" / "below") as tracker,
        tracker.span("train"),
    ):
        done.append(1)
    assert done == [1]
    assert "lost" in caplog.text
    assert "journal line" in caplog.text


def test_a_disk_that_ran_full_is_named_when_the_journal_is_read(monkeypatch, tmp_path):
    """Nothing could be written that says so: the reader must think of it."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with fp.Tracker("r", journal=tmp_path) as tracker:
        for number in range(3):
            with tracker.span("train", round=number):
                pass
            if number == 1:
                monkeypatch.setattr(os, "write", full)
    monkeypatch.undo()
    (found,) = [f for f in fp.read_journal(tmp_path).findings if f.code == "truncated"]
    assert "disk was full" in found.message
    assert "per round" in found.remedy


def test_threads_belong_to_the_process_span(tmp_path):
    with fp.Tracker("r", journal=tmp_path) as tracker:

        def work(name):
            with tracker.span("train", actor=name):
                time.sleep(0.02)

        threads = [threading.Thread(target=work, args=(f"client-{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    spans = spans_of(tmp_path)
    (root,) = (s for s in spans.values() if s.parent is None)
    trains = [s for s in spans.values() if s.phase == "train"]
    assert {s.actor for s in trains} == {f"client-{n}" for n in range(4)}
    assert all(s.parent == root.id for s in trains)


def test_two_trackers_do_not_mix_their_spans(tmp_path):
    with (
        fp.Tracker("a", journal=tmp_path / "a") as first,
        first.span("train"),
        fp.Tracker("b", journal=tmp_path / "b") as second,
        second.span("evaluate"),
    ):
        pass
    assert {s.phase for s in spans_of(tmp_path / "a").values()} == {"other", "train"}
    b = spans_of(tmp_path / "b")
    assert {s.phase for s in b.values()} == {"other", "evaluate"}
    assert all(s.parent is None or s.parent in b for s in b.values())


def test_kill_9_keeps_every_finished_phase(tmp_path):
    code = textwrap.dedent(
        f"""
        import footprint as fp, os, signal
        with fp.Tracker("r", journal={str(tmp_path)!r}) as tracker:
            for number in range(1, 6):
                with tracker.span("train", round=number):
                    sum(range(100_000))
            with tracker.span("train", round=99):
                os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    journal = fp.read_journal(tmp_path)
    assert sorted({a.round for a in journal.activities()}) == [1, 2, 3, 4, 5]
    assert "truncated" in [f.code for f in journal.findings]


class RudeMeter:
    name = "rude"
    tier = None

    def read(self):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_odd_numbers_of_the_training_do_not_break_it(tmp_path, value, caplog):
    with (
        caplog.at_level(logging.ERROR, "footprint"),
        fp.Tracker("r", journal=tmp_path, meters=[RudeMeter()]) as tracker,
        tracker.span("upload", round=np.int64(3)) as span,
    ):
        span.sent_bytes += np.int64(500)
        tracker.result("loss", value)
        tracker.result("accuracy", np.float32(0.5))
    (process,) = read_records([tmp_path]).processes
    upload = next(s for s in process.spans if s.phase == "upload")
    assert (upload.sent_bytes, upload.round) == (500, 3)
    assert process.run.results == {"accuracy": 0.5}
    assert "Input/output error" in caplog.text
    assert "lost 1 journal line" in caplog.text


def test_a_forked_child_keeps_its_own_journal(tmp_path):
    """The child's time is its own, the parent's spans stay the parent's."""
    code = textwrap.dedent(
        f"""
        import os, time
        import footprint as fp

        def burn(seconds):
            stop = time.process_time() + seconds
            while time.process_time() < stop:
                pass

        with fp.Tracker("r", journal={str(tmp_path)!r}) as tracker:
            with tracker.span("train", actor="parent"):
                burn(0.1)
                pid = os.fork()
                if pid == 0:
                    with tracker.span("evaluate", actor="child"):
                        burn(0.4)
                    os._exit(0)
                os.waitpid(pid, 0)
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    processes = read_records([tmp_path]).processes
    assert sorted(len(p.spans) for p in processes) == [1, 2]
    used = {}
    for activity in fp.read_journal(tmp_path).activities():
        if activity.source.startswith("cpu-table") and activity.phase != "idle":
            used[activity.actor] = used.get(activity.actor, 0.0) + activity.energy_kwh
    # Four times as long; the parent also waited for the child and must not count it.
    assert used["child"] / used["parent"] == pytest.approx(4, rel=0.25)


def burn(seconds):
    stop = time.thread_time() + seconds
    while time.thread_time() < stop:
        pass


def test_calls_that_overlap_share_one_tracker(tmp_path):
    """Recursion and threads: the time of the process is counted once."""

    @fp.track(journal=tmp_path / "recursion")
    def down(depth):
        burn(0.05)
        if depth:
            down(depth - 1)

    before = time.process_time()
    down(3)
    recursion_s = time.process_time() - before

    @fp.track(journal=tmp_path / "threads")
    def work():
        burn(0.05)

    before = time.process_time()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    threads_s = time.process_time() - before
    for name, spent_s in (("recursion", recursion_s), ("threads", threads_s)):
        counted_s = sum(
            s.end["cpu.process_s"] - s.begin["cpu.process_s"]
            for process in read_records([tmp_path / name]).processes
            for s in process.spans
            if s.parent is None
        )
        assert counted_s == pytest.approx(spent_s, abs=0.03), name


def test_a_phase_that_outlives_its_tracker_ends_with_it(tmp_path, caplog):
    tracker = fp.Tracker("r", journal=tmp_path)
    tracker.start()
    phase = tracker.span("train")
    phase.__enter__()
    tracker.stop()
    phase.__exit__(None, None, None)
    assert {s.phase: s.status for s in spans_of(tmp_path).values()} == {
        "train": "failed",
        "other": "ok",
    }
    assert "lost" not in caplog.text


def test_a_tracker_can_be_started_again(tmp_path):
    tracker = fp.Tracker("r", journal=tmp_path)
    for number in (1, 2):
        with tracker, tracker.span("train", round=number):
            pass
    rounds = {s.round for p in read_records([tmp_path]).processes for s in p.spans}
    assert rounds == {None, 1, 2}
    with pytest.raises(UsageError, match="not running"):
        tracker.result("accuracy", 0.9)


def test_a_forked_child_that_ends_the_tracker_hangs_nothing(tmp_path):
    code = textwrap.dedent(
        f"""
        import os, time
        import footprint as fp
        from footprint.measurement import recorder
        recorder.SAMPLE_S = 0.001  # so that the pulse often holds its lock
        for turn in range(20):
            with fp.Tracker("r", journal={str(tmp_path)!r}) as tracker:
                time.sleep(0.01)
                pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    processes = read_records([tmp_path]).processes
    assert len(processes) == 20  # the children recorded nothing, and spoilt nothing
    assert fp.read_journal(tmp_path).total("energy_kwh") > 0


def test_bytes_that_are_no_number_harm_nothing(tmp_path, caplog):
    with fp.Tracker("r", journal=tmp_path) as tracker, tracker.span("upload") as span:
        span.sent_bytes = float("nan")
    assert len(spans_of(tmp_path)) == 2
    assert "number of bytes" in caplog.text


def test_start_up_counts_once(tmp_path):
    for number in range(3):
        with fp.Tracker("r", journal=tmp_path / str(number), include_startup=True):
            pass
    phases = [s.phase for n in range(1, 3) for s in spans_of(tmp_path / str(n)).values()]
    assert "setup" not in phases


def test_a_generator_sees_what_its_consumer_throws(tmp_path):
    @fp.track(journal=tmp_path)
    def patient():
        try:
            yield 1
        except ValueError:
            yield 2

    iterator = patient()
    assert next(iterator) == 1
    assert iterator.throw(ValueError("x")) == 2


def test_a_share_belongs_to_its_device(tmp_path):
    where = {"zone": "FR", "device": "server", "resource_share": 0.25}
    with (
        fp.Tracker("r", journal=tmp_path, **where) as tracker,
        tracker.span("train", actor="client-1"),
    ):
        with tracker.span("upload"):
            pass
        with tracker.span("evaluate", device="laptop"):
            pass
    shares = {s.phase: s.resource_share for s in spans_of(tmp_path).values()}
    assert shares == {"other": 0.25, "train": 0.25, "upload": 0.25, "evaluate": None}
    parts = fp.estimate(fp.build_inventory(fp.read_journal(tmp_path))).contributions
    made = {p.phase: p.terms for p in parts if p.stage == "embodied"}
    assert "resource-share/0.25" in made["train"]
    assert not any(term.startswith("resource-share") for term in made["evaluate"])
    for wrong in (0, 1.5, float("nan")):
        with pytest.raises(UsageError, match="resource share"):
            fp.Tracker("r", resource_share=wrong)


def test_naming_an_actor_makes_it_a_client(tmp_path):
    with fp.Tracker("r", journal=tmp_path) as tracker, tracker.span("train", actor="client-1"):
        pass
    inventory = fp.build_inventory(fp.read_journal(tmp_path))
    assert inventory.clients == 1
    assert {line.actor: line.role for line in inventory.lines} == {
        "client-1": "client",
        "process": "other",
    }


def test_the_decorator_keeps_the_function(tmp_path):
    @fp.track(journal=tmp_path, zone="FR", phase="evaluate")
    def score(x, *, y=1):
        """Say it."""
        return x + y

    assert score(2, y=3) == 5
    assert (score.__name__, score.__doc__) == ("score", "Say it.")
    assert {s.phase for s in spans_of(tmp_path).values()} == {"evaluate", "other"}
    assert read_records([tmp_path]).processes[0].run.name == "score"


def test_the_decorator_awaits_coroutines(tmp_path):
    @fp.track(journal=tmp_path)
    async def wait():
        await asyncio.sleep(0.05)
        return 7

    assert asyncio.run(wait()) == 7
    train = next(s for s in spans_of(tmp_path).values() if s.phase == "train")
    assert train.duration_s >= 0.045


def test_the_decorator_measures_the_steps_of_generators(tmp_path):
    @fp.track(journal=tmp_path)
    def numbers(count):
        received = []
        for number in range(count):
            burn(0.02)
            received.append((yield number))
        return received

    iterator = numbers(3)
    assert next(iterator) == 0
    burn(0.2)  # the consumer's time is not the generator's
    assert iterator.send("a") == 1
    assert iterator.send("b") == 2
    with pytest.raises(StopIteration) as stop:
        iterator.send("c")
    assert stop.value.value == ["a", "b", "c"]
    steps = [s for s in spans_of(tmp_path).values() if s.phase == "train"]
    assert len(steps) == 4
    assert all(s.status == "ok" for s in steps)
    used = sum(s.end["cpu.process_s"] - s.begin["cpu.process_s"] for s in steps)
    assert used == pytest.approx(0.06, abs=0.03)


def test_the_decorator_measures_asynchronous_generators(tmp_path):
    @fp.track(journal=tmp_path)
    async def numbers():
        for number in range(2):
            await asyncio.sleep(0.01)
            yield number

    async def consume():
        return [number async for number in numbers()]

    assert asyncio.run(consume()) == [0, 1]
    assert [s.phase for s in spans_of(tmp_path).values()].count("train") == 3


def test_start_up_is_a_phase_of_its_own_on_request(tmp_path):
    code = textwrap.dedent(
        f"""
        import time
        while time.process_time() < 0.3:
            pass
        import footprint as fp
        with fp.Tracker("r", journal={str(tmp_path)!r}, include_startup=True) as tracker:
            with tracker.span("train"):
                pass
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    setup = next(s for s in spans_of(tmp_path).values() if s.phase == "setup")
    assert setup.end["cpu.process_s"] - setup.begin["cpu.process_s"] >= 0.3
    assert setup.duration_s >= 0.3
    phases = {a.phase: a for a in fp.read_journal(tmp_path).activities() if a.duration_s}
    assert phases["setup"].energy_kwh > phases["train"].energy_kwh


def test_wrong_use_is_an_error_before_training_starts(tmp_path):
    with pytest.raises(UsageError, match="cannot name a run"):
        fp.Tracker("a/b")
    with pytest.raises(UsageError, match="Unknown phase"):
        fp.track(phase="dance")(burn)
    with pytest.raises(UsageError, match="'king'"):
        fp.Tracker("r", role="king")
    tracker = fp.Tracker("r", journal=tmp_path)
    with pytest.raises(UsageError, match="not running"), tracker.span("train"):
        pass
    with tracker, pytest.raises(UsageError, match="runs already"):
        tracker.start()


def test_tracking_opens_no_socket(tmp_path, monkeypatch):
    import socket

    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with fp.Tracker("r", journal=tmp_path) as tracker, tracker.span("train"):
        pass
    assert len(spans_of(tmp_path)) == 2


def test_trackers_inside_of_each_other_share_one_journal(tmp_path):
    """What the process used counts once, whoever opened the tracker."""
    before = time.process_time()
    with (
        fp.Tracker("r", journal=tmp_path, zone="FR", actor="outer") as outer,
        outer.span("train", actor="client-1"),
    ):
        burn(0.1)
        with fp.Tracker("r", journal=tmp_path, zone="DE") as inner, inner.span("evaluate"):
            burn(0.1)
        assert outer.path == inner.path
        with outer.span("upload"):
            burn(0.05)
    spent_s = time.process_time() - before
    journal = fp.read_journal(tmp_path)
    assert "trackers-nested" not in {f.code for f in journal.findings}
    spans = spans_of(tmp_path)
    (root,) = (s for s in spans.values() if s.parent is None)
    assert root.end["cpu.process_s"] - root.begin["cpu.process_s"] <= spent_s
    evaluate = next(s for s in spans.values() if s.phase == "evaluate")
    assert (evaluate.actor, evaluate.zone) == ("client-1", "DE")
    assert {s.phase for s in spans.values()} == {"other", "train", "evaluate", "upload"}


def test_the_outer_tracker_may_end_first(tmp_path):
    outer, inner = (fp.Tracker("r", journal=tmp_path, actor=name) for name in "ab")
    outer.start()
    inner.start()
    outer.stop()
    with inner.span("train"):
        pass
    inner.stop()
    assert [s.status for s in spans_of(tmp_path).values()] == ["ok", "ok", "ok"]


def test_meters_that_were_given_count_the_child_after_a_fork(tmp_path):
    code = textwrap.dedent(
        f"""
        import os
        import footprint as fp
        from footprint.measurement.memory import MemoryMeter
        from footprint.measurement.processor import ProcessorMeter
        ballast = bytearray(300_000_000)
        meters = [ProcessorMeter(children=True), MemoryMeter(children=True)]
        with fp.Tracker("r", journal={str(tmp_path)!r}, meters=meters) as tracker:
            pid = os.fork()
            if pid == 0:
                del ballast  # the parent keeps its own
                with tracker.span("train", actor="child"):
                    sum(range(3_000_000))
                os._exit(0)
            os.waitpid(pid, 0)
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    (child,) = (
        s for p in read_records([tmp_path]).processes for s in p.spans if s.actor == "child"
    )
    held_gb = (child.end["memory.gb_s"] - child.begin["memory.gb_s"]) / child.duration_s
    assert 0 < held_gb < 0.3


def test_heartbeats_of_many_open_phases_are_short(tmp_path):
    with fp.Tracker("r", journal=tmp_path) as tracker:
        opened = [tracker.span("train", actor=f"client-{n}", round=n) for n in range(200)]
        spans = [span.__enter__() for span in opened]
        tracker.heartbeat()
        before = tracker.path.stat().st_size
        spans[7].sent_bytes = 700
        tracker.heartbeat()
        size = tracker.path.stat().st_size - before
        assert size < 200 * 20
        cut = tmp_path / "cut" / tracker.path.name
        cut.parent.mkdir()
        cut.write_bytes(tracker.path.read_bytes())
        for span in reversed(opened):
            span.__exit__(None, None, None)
    (process,) = read_records([cut]).processes
    assert {s.actor for s in process.spans} >= {f"client-{n}" for n in range(200)}
    assert {s.status for s in process.spans} == {"truncated"}
    assert [s.sent_bytes for s in process.spans if s.actor == "client-7"] == [700]


def test_a_tracker_of_a_thread_lies_inside_of_the_first_one(tmp_path):
    with fp.Tracker("r", journal=tmp_path, zone="FR", actor="server"):

        def work():
            with fp.Tracker("r", journal=tmp_path, zone="FR", actor="client-1"):
                burn(0.1)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    spans = spans_of(tmp_path)
    (root,) = (s for s in spans.values() if s.parent is None)
    (inner,) = (s for s in spans.values() if s.actor == "client-1")
    assert inner.parent == root.id


def test_a_handler_inside_of_a_reading_hangs_nothing(tmp_path):
    """A signal arrives while a meter is being read, and its handler records a phase."""

    class Slow:
        name = "slow"
        tier = None
        tracker = None

        def read(self):
            if self.tracker is not None:
                tracker, self.tracker = self.tracker, None
                with tracker.span("evaluate"):
                    tracker.heartbeat()
            return Reading({"x_s": 1.0})

    meter = Slow()
    with fp.Tracker("r", journal=tmp_path, meters=[meter]) as tracker:
        meter.tracker = tracker
        with tracker.span("train"):
            pass
    assert {s.phase for s in spans_of(tmp_path).values()} == {"other", "train", "evaluate"}


def test_a_tracker_that_has_stopped_records_nothing(tmp_path):
    tracker = fp.Tracker("r", journal=tmp_path)
    with tracker:
        pass
    tracker.heartbeat()
    with pytest.raises(UsageError, match="not running"):
        tracker.doubt("x", "y")
    with pytest.raises(UsageError, match="not running"):
        _ = tracker.token
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_a_folder_that_is_gone_is_reported_and_training_goes_on(tmp_path):
    code = textwrap.dedent(
        f"""
        import os, footprint as fp
        os.chdir({str(tmp_path / "gone")!r})
        os.rmdir({str(tmp_path / "gone")!r})
        with fp.Tracker("r") as tracker, tracker.span("train"):
            print("trained")
        """
    )
    (tmp_path / "gone").mkdir()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "trained\n"
    assert "lost" in done.stderr


def test_a_damaged_heartbeat_costs_what_it_held_alone(tmp_path):
    with fp.Tracker("r", journal=tmp_path / "whole") as tracker, tracker.span("train"):
        for _ in range(14):
            tracker.heartbeat()
        lines = tracker.path.read_text().splitlines()
    beats = [number for number, line in enumerate(lines) if '"type":"heartbeat"' in line]
    lines[beats[0]] = lines[beats[0]].replace("train", "trxxx")
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines) + "\n")
    (process,) = read_records([cut]).processes
    assert {s.phase for s in process.spans} == {"other", "train"}


def test_rounds_and_actors_may_be_numbers_and_begin_at_0(tmp_path):
    with fp.Tracker("r", journal=tmp_path, zone="FR", actor="server", role="server") as tracker:
        for number in range(3):
            with tracker.span("train", actor=number, round=number) as span:
                span.sent_bytes += 100
        with tracker.span("evaluate", actor=np.int64(7), round=5), tracker.span("load", round=0):
            pass
    inventory = fp.build_inventory(fp.read_journal(tmp_path), by_round=True)
    assert inventory.clients == 4
    assert inventory.rounds == 4
    moved = {line.actor: line.data_gb for line in inventory.lines if line.data_gb}
    assert moved == {"0": 1e-7, "1": 1e-7, "2": 1e-7}
    with pytest.raises(UsageError, match="empty"):
        fp.Tracker("r", actor="")


def test_what_cannot_be_used_is_a_finding_and_training_goes_on(tmp_path, caplog):
    with fp.Tracker("r", journal=tmp_path) as tracker:
        tracker.result("accuracy", "high")
        with tracker.span("upload", round="two") as span:
            span.sent_bytes = -5
        tracker.transfer("upload", sent_bytes="many")
    found = [f for f in fp.read_journal(tmp_path).findings if f.code == "value-unusable"]
    assert len(found) == 4
    assert "'high'" in caplog.text
    assert len(spans_of(tmp_path)) == 3


def test_phases_may_end_in_another_order_than_they_began(tmp_path):
    """A generator holds a phase open while its consumer begins another one."""

    def batches(tracker):
        with tracker.span("load"):
            yield 1

    with fp.Tracker("r", journal=tmp_path, zone="FR") as tracker:
        iterator = batches(tracker)
        next(iterator)
        with tracker.span("train"):
            iterator.close()
            burn(0.05)
        with tracker.span("evaluate"):
            burn(0.05)
        with tracker.span("aggregate"):
            burn(0.05)
    spans = {s.phase: s for s in spans_of(tmp_path).values()}
    assert spans["evaluate"].parent == spans["aggregate"].parent == spans["other"].id
    used = {a.phase: a.energy_kwh for a in fp.read_journal(tmp_path).activities() if a.duration_s}
    assert used["evaluate"] == pytest.approx(used["aggregate"], rel=0.3)


def test_a_program_that_forgets_to_stop_loses_nothing(tmp_path):
    code = textwrap.dedent(
        f"""
        import footprint as fp
        tracker = fp.Tracker("r", journal={str(tmp_path)!r})
        tracker.start()
        with tracker.span("train"):
            pass
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {s.phase: s.status for s in spans_of(tmp_path).values()} == {
        "train": "ok",
        "other": "ok",
    }


def test_a_tracker_inside_of_another_one_leaves_out_what_that_one_said(tmp_path):
    about = {"architecture": "federated", "functional_unit": "model"}
    with (
        fp.Tracker("r", journal=tmp_path, zone="FR", **about),
        fp.Tracker("r", journal=tmp_path, actor="inner") as inner,
        inner.span("train"),
    ):
        pass
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    assert fp.read_journal(tmp_path).run.functional_unit == "model"


def test_a_source_that_fails_for_a_while_comes_back(tmp_path, monkeypatch):
    from footprint.measurement import recorder

    monkeypatch.setattr(recorder, "SAMPLE_S", 0.02)

    class Moody:
        name = "moody"
        tier = None
        broken = False
        value = 0.0

        def read(self):
            if self.broken:
                raise MeterError("Not now.")
            self.value += 1
            return Reading({"x_s": self.value})

    meter = Moody()
    with fp.Tracker("r", journal=tmp_path, meters=[meter]) as tracker:
        with tracker.span("train"):
            meter.broken = True
            time.sleep(0.1)
        meter.broken = False
        time.sleep(0.1)
        with tracker.span("evaluate"):
            pass
    spans = {s.phase: s for s in spans_of(tmp_path).values()}
    assert "moody.x_s" not in spans["train"].end
    assert "moody.x_s" in spans["evaluate"].begin


def test_the_decorator_takes_the_phase_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    @fp.track("evaluate", journal="j")
    def score():
        return 1

    assert score() == 1
    assert score() == 1
    assert {s.phase for p in read_records([tmp_path / "j"]).processes for s in p.spans} == {
        "evaluate",
        "other",
    }
    assert not [
        f
        for f in fp.read_journal(tmp_path / "j").findings
        if f.severity == "warning" and f.code == "journal-processes"
    ]


def doubts_of(folder):
    return [f for f in fp.read_journal(folder).findings if f.code == "trackers-nested"]


def test_a_tracker_of_another_run_inside_says_that_both_count_the_same(tmp_path, caplog):
    """Each journal is read alone: the one that came second must say it."""
    with fp.Tracker("outer", journal=tmp_path / "outer"):
        for _ in range(2):
            with fp.Tracker("inner", journal=tmp_path / "inner"):
                pass
    with fp.Tracker("later", journal=tmp_path / "later"):
        pass
    assert [*doubts_of(tmp_path / "outer"), *doubts_of(tmp_path / "later")] == []
    said = doubts_of(tmp_path / "inner")
    assert len(said) == 2
    assert "'outer'" in said[0].message
    warned = [r for r in caplog.records if "'outer'" in r.getMessage()]
    assert len(warned) == 1


@pytest.mark.parametrize(("run", "times"), [("outer", 0), ("inner", 1)])
def test_what_a_tracked_command_tracks_itself_is_said_unless_it_is_the_same_run(
    tmp_path, run, times
):
    inside = tmp_path / "inside"
    script = f"import footprint as fp\nwith fp.Tracker({run!r}, journal={str(inside)!r}): pass\n"
    with fp.Tracker("outer", journal=tmp_path / "outer", children=True) as tracker:
        assert run_command([sys.executable, "-c", script], tracker, Phase.TRAIN) == 0
    assert len(doubts_of(inside)) == times


def test_a_place_or_device_that_nobody_knows_is_said_before_the_training(tmp_path, caplog):
    for _ in range(2):
        with fp.Tracker("r", journal=tmp_path, zone="ZZ", device="lapto"):
            pass
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 2
    assert "--zone ZZ=NEW" in said[0]
    assert "--device lapto=NEW" in said[1]
    assert "Did you mean laptop?" in said[1]
    caplog.clear()
    with fp.Tracker("r", journal=tmp_path, zone="aws:eu-west-3", device="server.gpu"):
        pass
    assert not caplog.records
