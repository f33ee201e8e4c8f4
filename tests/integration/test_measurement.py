"""What measurement promises, with real processes, real signals and fake sysfs trees."""

import math
import multiprocessing
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import footprint as fp
from footprint.journal import read_records
from footprint.measurement.memory import MemoryMeter
from footprint.measurement.meter import counter_kwh
from footprint.measurement.others import OTHERS
from footprint.measurement.processor import ProcessorMeter
from footprint.measurement.pulse import Pulse
from footprint.measurement.rapl import RaplMeter
from footprint.model import Tier

# Clocks and counters of the host: other tests beside them would be measured, too.
pytestmark = pytest.mark.alone


def powercap(root):
    folder = root / "intel-rapl:0"
    folder.mkdir(parents=True)
    (folder / "name").write_text("package-0")
    (folder / "max_energy_range_uj").write_text("262143328850")
    (folder / "energy_uj").write_text("0")
    return folder / "energy_uj"


class Counter:
    """A process that lets an energy counter grow, as a machine would.

    One of its own, so that what the tests do cannot hold it up.
    """

    def __init__(self, root):
        self._file, self._log = powercap(root), root / "log"
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._process = context.Process(target=grow, args=(self._file, self._log, self._stop))

    def __enter__(self):
        self._process.start()
        while not self._log.is_file():
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._process.join()

    def kwh_between(self, start_s, stop_s):
        """What the machine used, apart from what any journal says."""
        times_s, energy_uj = np.loadtxt(self._log).T
        at_start, at_stop = np.interp((start_s, stop_s), times_s, energy_uj)
        return counter_kwh("rapl.package-0_uj", at_stop - at_start)

    def expected_kwh(self, start_s, stop_s):
        """The same, as a number to compare with.

        A reading is off by up to one step of the counter against the straight line between
        its steps; with three processes some eight readings begin and end what is added up.
        A busy machine holds up whoever reads, as it holds up the counter's process: the
        longest pause of that one says by how much. The gaps that these tests are about cost
        several times as much.
        """
        times_s, energy_uj = np.loadtxt(self._log).T
        uj_per_s = (energy_uj[-1] - energy_uj[0]) / (times_s[-1] - times_s[0])
        slack_uj = 8 * MOST_STEP_UJ + 2 * np.diff(times_s).max() * uj_per_s
        slack_kwh = counter_kwh("rapl.package-0_uj", slack_uj)
        return pytest.approx(self.kwh_between(start_s, stop_s), abs=slack_kwh)


MOST_STEP_UJ = 100_000


def grow(file, log, stop):
    energy_uj = 0
    with log.open("w", buffering=1) as lines:
        while not stop.wait(0.002):
            energy_uj += random.randint(20_000, MOST_STEP_UJ)
            part = file.with_name("part")
            part.write_text(str(energy_uj))
            part.replace(file)  # a reader never sees half a number
            lines.write(f"{time.time()} {energy_uj}\n")


def burn(seconds):
    stop = time.thread_time() + seconds
    while time.thread_time() < stop:
        pass


def meters(root):
    return [RaplMeter(root), ProcessorMeter(), MemoryMeter()]


def counted_kwh(journal):
    return math.fsum(a.energy_kwh for a in journal.activities() if a.source.startswith("rapl"))


def watched(folder):
    """First and last moment that any line of a folder tells of."""
    processes = read_records([folder]).processes
    spans = [(s.start_s, s.start_s + s.duration_s) for p in processes for s in p.spans]
    moments = [*np.ravel(spans), *(s.time_s for p in processes for s in p.samples)]
    return min(moments), max(moments)


def work_in_threads(folder, root):
    with fp.Tracker("r", journal=folder, zone="FR", meters=meters(root)) as tracker:

        def client(number):
            for turn in range(3):
                with tracker.span("train", actor=f"client-{number}", round=turn):
                    burn(0.05)

        threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def work_in_process(folder, root, number, together):
    with fp.Tracker("r", journal=folder, zone="FR", meters=meters(root)) as tracker:
        # A process that began after the others had ended would leave time between them in
        # which nobody reads.
        together.wait(timeout=60)
        with tracker.span("train", actor=f"client-{number}"):
            burn(0.3)


def work_in_processes(folder, root, method):
    context = multiprocessing.get_context(method)
    together = context.Barrier(3)
    workers = [
        context.Process(target=work_in_process, args=(folder, root, n, together)) for n in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0


@pytest.mark.parametrize("how", ["threads", "spawn", "fork"])
def test_accounts_add_up_to_the_host(how, tmp_path):
    folder, root = tmp_path / "journal", tmp_path / "powercap"
    with Counter(root) as host:
        if how == "threads":
            work_in_threads(folder, root)
        else:
            work_in_processes(folder, root, how)
    machine = fp.read_journal(folder, view="machine")
    expected = host.expected_kwh(*watched(folder))
    assert counted_kwh(machine) == expected
    assert "host-unread" not in {f.code for f in machine.findings}
    actors = {a.actor for a in machine.activities()}
    assert {f"client-{n}" for n in range(3)} < actors
    process = fp.read_journal(folder)
    assert OTHERS not in {a.actor for a in process.activities()}
    assert counted_kwh(process) <= counted_kwh(machine)


STEADY = """
import sys, time, footprint as fp
from footprint.measurement.processor import ProcessorMeter
from footprint.measurement.rapl import RaplMeter
from pathlib import Path
meters = [RaplMeter(Path(sys.argv[2])), ProcessorMeter()]
with fp.Tracker("r", journal=sys.argv[1], zone="FR", meters=meters) as tracker:
    print("ready", flush=True)
    with tracker.span("train"):
        sys.stdin.readline()
"""


@contextmanager
def steady(folder, root):
    """A process that is tracked until it is told to stop."""
    command = [sys.executable, "-c", STEADY, folder, root]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        yield process


def test_a_sampler_that_is_killed_loses_nothing_of_the_host(tmp_path):
    """The one with the lock dies; the other one takes over up to a second later."""
    folder, root = tmp_path / "journal", tmp_path / "powercap"
    with Counter(root) as host, steady(folder, root) as sampler, steady(folder, root) as other:
        time.sleep(1.3)
        sampler.kill()
        sampler.wait()
        time.sleep(1.3)
        other.communicate("stop\n")
    journal = fp.read_journal(folder, view="machine")
    expected = host.expected_kwh(*watched(folder))
    assert counted_kwh(journal) == expected
    assert "host-unread" not in {f.code for f in journal.findings}


def test_one_process_of_a_run_samples_the_host(tmp_path):
    folder, root = tmp_path / "journal", tmp_path / "powercap"
    with Counter(root):
        work_in_processes(folder, root, "spawn")
    processes = read_records([folder]).processes
    assert len(processes) == 3
    spans = [[(s.time_s) for s in p.samples] for p in processes if p.samples]
    # Those that sampled did so one after the other, never at the same time.
    spans.sort()
    assert all(a[-1] <= b[0] for a, b in pairwise(spans))


def test_the_views_differ_by_what_they_say(tmp_path, monkeypatch):
    from footprint.measurement import recorder

    monkeypatch.setattr(recorder, "SAMPLE_S", 0.01)  # enough windows for an idle level
    folder, root = tmp_path / "journal", tmp_path / "powercap"
    with (
        Counter(root),
        fp.Tracker("r", journal=folder, zone="FR", meters=meters(root)) as tracker,
        tracker.span("train"),
    ):
        burn(0.2)
        time.sleep(0.3)
    total = {
        view: fp.read_journal(folder, view=view).total("energy_kwh")
        for view in ("process", "machine", "machine-less-idle")
    }
    assert total["process"] <= total["machine"]
    assert total["machine-less-idle"] < total["machine"]


def test_short_phases_add_up_to_the_processor_time(tmp_path):
    with fp.Tracker("r", journal=tmp_path, zone="FR") as tracker:
        before = time.process_time()
        for number in range(100):
            with tracker.span("train", round=number):
                burn(0.05)
        spent_s = time.process_time() - before
    trains = [s for p in read_records([tmp_path]).processes for s in p.spans if s.phase == "train"]
    counted_s = sum(s.end["cpu.process_s"] - s.begin["cpu.process_s"] for s in trains)
    assert len(trains) == 100
    assert counted_s == pytest.approx(spent_s, rel=0.02)


def test_overlapping_phases_share_the_threads_of_blas(tmp_path):
    """Two clients multiply matrices at once, each with a library that uses all threads."""
    data = np.random.default_rng(1).random((600, 600))
    with fp.Tracker("r", journal=tmp_path, zone="FR") as tracker:

        def client(name):
            with tracker.span("train", actor=name):
                for _ in range(10):
                    data @ data

        before = time.process_time()
        threads = [threading.Thread(target=client, args=(name,)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent_s = time.process_time() - before
    journal = fp.read_journal(tmp_path)
    assert "overlap" in [f.code for f in journal.findings]
    energies = {"a": 0.0, "b": 0.0, "process": 0.0}
    for activity in journal.activities():
        if activity.source.startswith("cpu-table") and activity.phase != "idle":
            energies[activity.actor] += activity.energy_kwh
    per_second = (energies["a"] + energies["b"]) / spent_s
    reference = fp.load_catalogue()
    busy_w = (
        reference.resolve("power_max", subject="vcpu.aws_average").factor.value
        - reference.resolve("power_idle", subject="vcpu.aws_average").factor.value
    )
    (model,) = {p.machine for p in read_records([tmp_path]).processes}
    if model.virtual:  # elsewhere the power of the machine's own processor holds
        assert per_second * 3.6e6 == pytest.approx(busy_w, rel=0.05)


def test_no_figure_without_tier_and_bounds(tmp_path):
    with fp.Tracker("r", journal=tmp_path, zone="FR") as tracker, tracker.span("train"):
        burn(0.05)
    for activity in fp.read_journal(tmp_path, view="machine").activities():
        if activity.energy_kwh is not None:
            assert activity.tier in Tier
            assert activity.energy_low_kwh <= activity.energy_kwh <= activity.energy_high_kwh
            assert activity.energy_low_kwh < activity.energy_high_kwh or not activity.energy_kwh


VICTIM = """
import sys, footprint as fp
from footprint.measurement import recorder
recorder.SAMPLE_S, recorder.BEATS_PER_HEARTBEAT = 0.05, 1
with fp.Tracker("r", journal=sys.argv[1], zone="FR") as tracker:
    number = 0
    while True:
        number += 1
        with tracker.span("train", round=number):
            sum(range(150_000))
        print(number, flush=True)
"""


@contextmanager
def victim(folder):
    """A tracked process that goes on until somebody kills it."""
    command = [sys.executable, "-c", VICTIM, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "1\n"
        yield process


def kill_at_random(folder, after_s, how):
    with victim(folder) as process:
        time.sleep(after_s)
        process.send_signal(how)
        rest = process.stdout.read().split()
    return int(rest[-1]) if rest else 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_at_any_moment_every_finished_phase_is_kept(how, tmp_path):
    """A hundred times kill -9, twenty times SIGTERM, at random moments; two at a time."""
    rng = random.Random(7)
    times = 100 if how == signal.SIGKILL else 20
    moments_s = [rng.uniform(0.0, 0.25) for _ in range(times)]
    folders = [tmp_path / str(number) for number in range(times)]
    with ThreadPoolExecutor(2) as pool:
        finished = pool.map(partial(kill_at_random, how=how), folders, moments_s)
        for folder, after_s, number in zip(folders, moments_s, finished, strict=True):
            check_what_is_kept(folder, after_s, number)


def check_what_is_kept(folder, after_s, finished):
    (process,) = read_records([folder]).processes
    kept = {s.round for s in process.spans if s.phase == "train" and s.status == "ok"}
    assert set(range(1, finished + 1)) <= kept
    journal = fp.read_journal(folder)
    assert "truncated" in [f.code for f in journal.findings]
    if after_s > 0.15:
        # The span of the process was closed at the last heartbeat, not long ago.
        (root,) = (s for s in process.spans if s.parent is None)
        assert root.status == "truncated"
        last_s = max(s.start_s + s.duration_s for s in process.spans)
        # A heartbeat, and a busy machine.
        assert last_s - (root.start_s + root.duration_s) < 0.5
    assert journal.total("energy_kwh") > 0


def test_with_a_hostile_resolver_starting_and_stopping_is_quick_and_opens_no_socket(tmp_path):
    code = textwrap.dedent(
        """
        import socket, sys, time

        def refuse(*_args, **_kwargs):
            raise SystemExit("a socket was opened")

        def hang(*_args, **_kwargs):
            time.sleep(30)

        socket.socket = refuse
        socket.getaddrinfo = socket.gethostbyname = hang
        import footprint as fp
        start = time.perf_counter()
        with fp.Tracker("r", journal=sys.argv[1], zone="FR") as tracker, tracker.span("train"):
            pass
        print(time.perf_counter() - start)
        """
    )

    def spent_s(turn):
        done = subprocess.run(
            [sys.executable, "-c", code, tmp_path / str(turn)],
            check=True,
            capture_output=True,
            text=True,
        )
        return float(done.stdout)

    # Once in twenty is enough: a busy machine is slow now and then, a resolver every time.
    assert any(spent_s(turn) < 0.2 for turn in range(20))
    assert socket.socket is not None


def test_stopping_while_a_beat_goes_on_leaves_no_thread():
    before = threading.active_count()
    beats = []
    for _ in range(1000):
        pulse = Pulse(lambda: beats.append(1), 1e-5)
        pulse.start()
        pulse.stop()
        done = len(beats)
        assert len(beats) == done
    assert threading.active_count() == before
    assert [t.name for t in threading.enumerate() if "footprint" in t.name] == []


def test_a_sampler_that_dies_is_replaced(tmp_path, monkeypatch):
    from footprint.measurement import recorder

    monkeypatch.setattr(recorder, "SAMPLE_S", 0.02)
    folder = tmp_path / "journal"
    with victim(folder) as process, fp.Tracker("r", journal=folder, zone="FR") as tracker:
        time.sleep(0.1)
        before = read_samples(tracker.path)
        process.kill()
        process.wait()
        time.sleep(0.3)
        after = read_samples(tracker.path)
    assert before == 0
    assert after > 3


def read_samples(path: Path) -> int:
    return path.read_text().count('"type":"sample"')


def test_a_journal_stays_readable_while_it_is_written(tmp_path):
    with fp.Tracker("r", journal=tmp_path, zone="FR") as tracker:
        with tracker.span("train", round=1):
            burn(0.01)
        assert tracker.path.stat().st_size > 0
        assert fp.read_journal(tmp_path).total("energy_kwh") > 0
