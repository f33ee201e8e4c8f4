"""What measuring costs, loses and counts twice: ours beside three peers, in one run.

Each peer has a virtual environment of its own below a cache folder, made on first use;
each experiment runs in a fresh interpreter with a time limit, and cannot leave this
machine. Linux only. Times are minima or medians, as the row says: other load on the
machine makes them larger, never smaller.

    python benchmarks/measurement.py [--quick] [--json] [--tools ours,zeus] [--cache DIR]
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

PEERS = Path(__file__).resolve().parent / "peers"
CACHE = Path.home() / ".cache" / "footprint-benchmarks"
REQUIREMENTS = {
    "codecarbon": "codecarbon>=3.3,<3.4",
    "carbontracker": "carbontracker>=2.4,<2.5",
    "zeus": "zeus>=0.16,<0.17",
}
TOOLS = ("ours", *REQUIREMENTS)
# Should a peer ask for torch: this one, not the latest with its gigabytes.
CONSTRAINTS = "torch==2.13.0\n"

PACKAGE_W, DRAM_W = 8.0, 2.0
EXTRA_PROCESSES, WORKERS, FINISHED = 500, 4, 3
LIMIT_S = 120.0
START_BAR_S, EDGE_BAR_S, EDGE_P99_BAR_S, IDLE_BAR = 0.100, 0.0002, 0.005, 0.002
# What a tracker may not see of its own start and stop, and of the clock's steps.
ROUNDING = 0.01
# Helpers that watch their parent get so long to end.
HELPERS_END_S = 3.0
DEATHS = {"SIGTERM": signal.SIGTERM, "kill -9": signal.SIGKILL, "an exception": None}

# The first is the tool's own default where it has one; the others stand beside it.
COST_MODES = {
    "ours": ("default", "rapl"),
    "codecarbon": ("machine", "process"),
    "carbontracker": ("default",),
    "zeus": ("rapl", "nothing"),
}
# Ours writes through to the disk when a round ends: five phases a round, or one.
EDGE_MODES = COST_MODES | {"ours": ("default", "rapl", "rounds")}
ENERGY_MODES = {
    "ours": ("default", "rapl"),
    "codecarbon": ("forced", "forced-1s"),
    "carbontracker": ("forced",),
    "zeus": ("rapl",),
}
CHARGE_MODES = {
    "ours": ("default", "rapl"),
    "codecarbon": ("ceiling-machine", "ceiling-process"),
    "carbontracker": ("ceiling",),
    "zeus": ("rapl",),
}
MODE_NAMES = {
    "rapl": "RAPL",
    "rounds": "a round each",
    "machine": "machine",
    "process": "process mode",
    "nothing": "without a counter",
    "forced": "15-s samples",
    "forced-1s": "1-s samples",
    "ceiling-machine": "machine",
    "ceiling-process": "process mode",
}

NOTES = """\
Set-up. Ours: the meters of this machine, and beside it a simulated RAPL zone. codecarbon: \
OfflineEmissionsTracker, 1-s samples, machine mode (its default), and beside it process mode. \
carbontracker: epochs, 1-s samples. zeus: windows inside a window of the run, on the simulated \
RAPL zone, because without a counter it reads nothing.
Start. Fresh processes, bytecode cached; the constructor and start(), until it can record. \
Memory: resident, beyond the interpreter, in a phase, 3 s after the start; that of helpers \
includes what they share.
Idle. CPU time of the process and its helpers over wall time, while the main thread sleeps in a \
phase; codecarbon without one, because a task pauses its sampling.
Edges. One call each, of empty phases one after the other, beside sleeping processes. Ours: a \
span's enter and exit; codecarbon: start_task and stop_task of a started tracker; carbontracker: \
epoch_start and epoch_end; zeus: begin_window and end_window. Ours in rounds of five phases, as \
it writes through to the disk when a round ends; beside it a round for each phase, the worst \
case.
Lost in a run. 1 - (energy reported of the run) / (true energy from after start to before stop), \
for a lead of 6 s (--quick: 2 s), three 1-s phases with 0.5-s gaps, and a tail of 1 s. The truth \
is forced. Ours: processor energy of all activities against CPU time of the process x modelled \
power of a busy thread; on RAPL, all activities of the machine view against the counter. \
codecarbon: memory forced to 10 W, its memory energy against 10 W x wall. carbontracker: a \
simulated processor of 10 W, its PUE divided out, the sum of its epochs (it has no other total) \
against 10 W x wall. zeus: its window of the run against the counter. Lost in the phases: the \
same for the phases alone; ours on RAPL is left out, as a phase then holds a share of the host. \
Negative: start or stop counted as well.
Charged. Busy processes on one host, each with a tracker: the sum of what they are charged over \
the most that the host can draw (maximum power x wall, from the first start to the last stop). \
Processor alone. Ours: threads x power of a busy thread of its model. codecarbon: a processor of \
100 W. carbontracker: a simulated one of 100 W. RAPL: what the counter counts.
Death. In a fourth phase that has been open for 7 s, after three finished ones, inside the \
context manager where the tool has one. Records as its own reader or its CSV gives them \
afterwards. Ours: spans with an energy.
Network. Names and addresses outside of this machine that were tried from import to stop. Each \
try was refused at once, so no figure above holds a wait for the network."""


@dataclass
class Cell:
    """One figure of one tool, in each of its modes: a number, if there is one, and its text."""

    parts: list[tuple[float | None, str]]


@dataclass
class Row:
    """One figure of all tools."""

    what: str
    bar: str
    limit: float | None
    cells: dict[str, Cell]


class PeerFailed(Exception):
    """A tool could not do what was asked."""


# --- environments and processes -------------------------------------------------------


def python_of(tool, cache):
    """Return the interpreter of a tool; make its environment if it is not there."""
    if tool == "ours":
        return sys.executable
    folder, wanted = cache / tool, REQUIREMENTS[tool]
    marker, python = folder / "requirement.txt", folder / "bin" / "python"
    if marker.exists() and marker.read_text() == wanted and python.exists():
        return str(python)
    print(f"making {folder} for {wanted}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    constraints = cache / "constraints.txt"
    constraints.write_text(CONSTRAINTS)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(constraints), wanted]
    for command in ([sys.executable, "-m", "venv", str(folder)], pip):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired:
            raise PeerFailed("making its environment took more than 15 minutes") from None
        if done.returncode:
            raise PeerFailed(f"not installed: {last_line(done.stderr)}")
    marker.write_text(wanted)
    return str(python)


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1][:160] if lines else "no message"


@dataclass
class Bench:
    """What all experiments need: interpreters, a scratch folder, the simulated zone."""

    pythons: dict[str, str]
    scratch: Path
    rapl: Path
    made: int = 0

    def folder(self):
        self.made += 1
        folder = self.scratch / str(self.made)
        (folder / "home").mkdir(parents=True)
        return folder

    def popen(self, tool, experiment, mode, seconds, folder, name="result"):
        """Start one experiment in a session of its own."""
        result = folder / f"{name}.json"
        command = [self.pythons[tool], "-P", str(PEERS / "measure.py")]
        command += [tool, experiment, mode, str(seconds), str(folder), str(result)]
        # No configuration of this user, and none of a peer's own variables.
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
        extra = {
            "HOME": str(folder / "home"),
            "BENCHMARK_RAPL": str(self.rapl),
            "BENCHMARK_RAPL_W": str(PACKAGE_W + DRAM_W),
        }
        with (folder / f"{name}.err").open("w") as errors:
            process = subprocess.Popen(
                command,
                cwd=folder / "home",
                env=kept | extra,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        return process, result

    def run(self, tool, experiment, mode, seconds=0.0, folder=None):
        """Run one experiment to its end and return what it found."""
        folder = folder or self.folder()
        process, result = self.popen(tool, experiment, mode, seconds, folder, experiment)
        with ended(process):
            try:
                process.communicate(timeout=LIMIT_S + seconds)
            except subprocess.TimeoutExpired:
                raise PeerFailed(f"no end after {LIMIT_S + seconds:.0f} s") from None
        return read_result(process, result)


def read_result(process, result):
    if not result.exists():
        errors = result.with_suffix(".err").read_text()
        raise PeerFailed(f"{last_line(errors)} (exit {process.returncode})")
    return json.loads(result.read_text())


@contextlib.contextmanager
def ended(process):
    """Leave nothing of a process and its helpers behind."""
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def simulated_zone(folder):
    """Run a RAPL zone of constant power; it ends with us, however we end."""
    command = [sys.executable, str(PEERS / "counter.py"), str(folder)]
    command += [str(PACKAGE_W), str(DRAM_W)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with ended(process):
        process.stdout.readline()
        yield


@contextlib.contextmanager
def sleeping_processes(count):
    """Run processes that sleep until a pipe closes; a kill of ours closes it as well."""
    inside, outside = os.pipe()
    sleepers = []
    try:
        # extend keeps those made so far if one cannot be made
        sleepers.extend(
            subprocess.Popen(["cat"], stdin=inside, stdout=subprocess.DEVNULL) for _ in range(count)
        )
        yield
    finally:
        os.close(inside)
        os.close(outside)
        for sleeper in sleepers:
            try:
                sleeper.wait(timeout=10)
            except subprocess.TimeoutExpired:
                sleeper.kill()
                sleeper.wait()


# --- rows -----------------------------------------------------------------------------


def attempt(function, *arguments):
    """Return a result, or the error of the tool that could not give one."""
    try:
        return function(*arguments)
    except PeerFailed as error:
        return error


def row(what, found, show, bar="", limit=None):
    """Make one row; `show` gives the number and the text of one tool."""
    cells = {
        tool: Cell([(None, f"error: {result}")]) if isinstance(result, PeerFailed) else show(result)
        for tool, result in found.items()
    }
    return Row(what, bar, limit, cells)


def milliseconds(seconds):
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else f"{seconds:.2f} s"


def percent(share, digits):
    """Write a share, without a minus before a zero."""
    return f"{round(100 * share, digits) + 0.0:.{digits}f} %"


def by_mode(results, number, text):
    """Make a cell of several modes."""
    parts = []
    for mode, result in results.items():
        named = f" ({MODE_NAMES[mode]})" if mode in MODE_NAMES and len(results) > 1 else ""
        if isinstance(result, PeerFailed):
            parts.append((None, f"error: {result}{named}"))
        elif number(result) is not None:
            parts.append((number(result), f"{text(result)}{named}"))
    return Cell(parts)


def start_rows(bench, quick):
    found = {}
    for tool in bench.pythons:
        repeats = 2 if quick else 7 if tool == "ours" else 4
        mode = COST_MODES[tool][0]
        runs = [attempt(bench.run, tool, "first_start", mode) for _ in range(repeats)]
        good = [run for run in runs if not isinstance(run, PeerFailed)]
        found[tool] = good or runs[0]

    def least(*keys):
        def show(runs):
            value = min(sum(run[key] for key in keys) for run in runs)
            return Cell([(value, milliseconds(value))])

        return show

    def memory(runs):
        own, helpers = (
            statistics.median(run[k] for run in runs) for k in ("added_mb", "children_mb")
        )
        helper = f"\n+ {helpers:.0f} MB in helper processes" if helpers else ""
        return Cell([(own + helpers, f"{own:.0f} MB{helper}")])

    def network(runs):
        names = {name for run in runs for name in run["network"]}
        return Cell([(len(names), ", ".join(sorted(names)) or "none")])

    bar = f"< {START_BAR_S * 1e3:.0f} ms"
    yield row("import (minimum)", found, least("import_s"))
    yield row("first start (minimum)", found, least("start_s"), bar, START_BAR_S)
    yield row(
        "import + first start (minimum)", found, least("import_s", "start_s"), bar, START_BAR_S
    )
    yield row("first phase edge (minimum)", found, least("first_edge_s"))
    yield row("memory added (median)", found, memory)
    yield row("network tries, import to stop", found, network, "none", 0)


def idle_rows(bench, quick):
    seconds = 5 if quick else 20
    found = {
        tool: {mode: attempt(bench.run, tool, "idle", mode, seconds) for mode in COST_MODES[tool]}
        for tool in bench.pythons
    }

    def show(results):
        return by_mode(results, lambda r: r["share"], lambda r: percent(r["share"], 3))

    what = f"CPU while idle, 1-s samples, {seconds} s (of a core)"
    yield row(what, found, show, f"< {percent(IDLE_BAR, 1)}", IDLE_BAR)


def edge_rows(bench, quick):
    seconds = 2 if quick else 6
    with sleeping_processes(EXTRA_PROCESSES):
        found = {
            tool: {
                mode: attempt(bench.run, tool, "edges", mode, seconds) for mode in EDGE_MODES[tool]
            }
            for tool in bench.pythons
        }

    def timed(key):
        return lambda results: by_mode(results, lambda r: r[key], lambda r: milliseconds(r[key]))

    def counted(results):
        return by_mode(results, lambda r: r["count"], lambda r: f"{r['count']:,}")

    processes = [
        result["processes"]
        for results in found.values()
        for result in results.values()
        if not isinstance(result, PeerFailed)
    ]
    beside = f"{EXTRA_PROCESSES} extra processes"
    yield row(f"phase edge, {beside}: median", found, timed("median_s"), "< 0.2 ms", EDGE_BAR_S)
    yield row(f"phase edge, {beside}: p99", found, timed("p99_s"), "< 5 ms", EDGE_P99_BAR_S)
    machine = f"{min(processes):,} processes" if processes else "no process"
    yield row(f"edges timed in {seconds} s ({machine} on the machine)", found, counted)


def energy_rows(bench, quick):
    lead = 2 if quick else 6
    found = {
        tool: {mode: attempt(bench.run, tool, "energy", mode, lead) for mode in ENERGY_MODES[tool]}
        for tool in bench.pythons
    }

    def lost(part):
        def number(result):
            said = result[f"said_{part}"]
            return None if said is None else 1 - said / result[part]

        def text(result):
            said, true = result[f"said_{part}"], result[part]
            return f"{percent(number(result), 1)}: {said:.1f} of {true:.1f} J"

        return lambda results: by_mode(results, number, text)

    yield row("energy lost in a run with phases", found, lost("run"), "0 %", ROUNDING)
    yield row("energy lost in the phases alone", found, lost("phases"), "0 %", ROUNDING)


def charge(bench, tool, mode, seconds):
    """Let several busy processes be tracked at once, and add up what they are charged."""
    folder = bench.folder()
    (folder / "run").mkdir()
    with contextlib.ExitStack() as stack:
        started = [
            bench.popen(tool, "worker", mode, seconds, folder, f"worker-{number}")
            for number in range(WORKERS)
        ]
        for process, _ in started:
            stack.enter_context(ended(process))
        for process, result in started:
            # A tool may print as well; a worker that dies closes its output.
            while (line := process.stdout.readline()) != "ready\n":
                if not line:
                    process.wait()
                    read_result(process, result)
        for process, _ in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process, _ in started:
            try:
                process.communicate(timeout=LIMIT_S + seconds)
            except subprocess.TimeoutExpired:
                raise PeerFailed(f"no end after {LIMIT_S + seconds:.0f} s") from None
    workers = [read_result(process, result) for process, result in started]
    joined = bench.run(tool, "charged", mode, folder=folder)
    joules = joined["joules"]
    if joules is None:
        joules = sum(worker["joules"] for worker in workers)
    wall_s = max(w["end"] for w in workers) - min(w["begin"] for w in workers)
    return {"charged_j": joules, "ceiling_j": joined["ceiling_w"] * wall_s}


def charge_rows(bench, quick):
    seconds = 2 if quick else 5
    found = {
        tool: {mode: attempt(charge, bench, tool, mode, seconds) for mode in CHARGE_MODES[tool]}
        for tool in bench.pythons
    }

    def number(result):
        return result["charged_j"] / result["ceiling_j"]

    def text(result):
        share = percent(number(result), 0)
        return f"{share}: {result['charged_j']:.0f} of {result['ceiling_j']:.0f} J"

    what = f"charged by {WORKERS} trackers in {WORKERS} processes, of the host's ceiling"
    yield row(what, found, lambda results: by_mode(results, number, text), "<= 100 %", 1 + ROUNDING)


def die(bench, tool, deaths, seconds):
    """Kill one process per way of dying, and read what each of them left."""
    found, running = {}, {}
    with contextlib.ExitStack() as stack:
        for death, number in deaths.items():
            folder = bench.folder()
            open_s = seconds if number is None else LIMIT_S
            mode = COST_MODES[tool][0]
            process, result = bench.popen(tool, "victim", mode, open_s, folder, "victim")
            stack.enter_context(ended(process))
            running[death] = (process, result, folder)
        died_s = {}
        for death, (process, result, folder) in running.items():
            try:
                died_s[death] = kill(process, folder / "open.marker", deaths[death], seconds)
            except PeerFailed as error:
                errors = result.with_suffix(".err").read_text()
                found[death] = PeerFailed(f"{error}: {last_line(errors)}")
        for death in died_s:
            process, _, folder = running[death]
            found[death] = attempt(bench.run, tool, "records", COST_MODES[tool][0], 0.0, folder)
            if not isinstance(found[death], PeerFailed):
                found[death]["died_s"] = died_s[death]
                found[death]["helpers"] = helpers_left(process)
    return found


def kill(process, marker, number, seconds):
    """End a process that has had a phase open for so long; return how long that was."""
    limit = time.monotonic() + LIMIT_S
    while not marker.exists():
        if process.poll() is not None or time.monotonic() > limit:
            raise PeerFailed(f"it did not come to its open phase (exit {process.poll()})")
        time.sleep(0.02)
    opened_s = marker.stat().st_mtime
    if number is not None:
        time.sleep(max(0.0, opened_s + seconds - time.time()))
        died_s = time.time() - opened_s
        process.send_signal(number)
    try:
        process.wait(timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        raise PeerFailed("it did not die") from None
    return died_s if number is not None else seconds


def helpers_left(process):
    """Say whether a process that has ended left helpers running."""
    time.sleep(HELPERS_END_S)
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def death_rows(bench, _):
    found = {tool: die(bench, tool, DEATHS, 7.0) for tool in bench.pythons}

    def show(result):
        kept = [f"{result['phases']} of {FINISHED} finished phases"]
        if result["open_s"] is not None:
            kept.append(f"open one: {result['open_s']:.1f} of {result['died_s']:.1f} s")
        kept.append("run: yes" if result["run"] else "run: no")
        if result["note"]:
            kept.append(result["note"])
        if result["helpers"]:
            kept.append("a helper process goes on")
        # Negative, so that less is worse as in all rows.
        return Cell([(-result["phases"], "\n".join(kept))])

    for death in DEATHS:
        results = {tool: found[tool][death] for tool in found}
        yield row(f"records after {death}", results, show, f"{FINISHED} of {FINISHED}", -FINISHED)


# --- output ---------------------------------------------------------------------------


def versions(pythons):
    """Return the version of each tool, as its package says."""
    found = {}
    for tool, python in pythons.items():
        package = "footprint" if tool == "ours" else tool
        code = f"import importlib.metadata as m; print(m.version({package!r}))"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
        found[tool] = done.stdout.strip() or "unknown"
    return found


def machine_class():
    """Describe the machine without naming it."""
    from footprint.measurement.processor import describe_machine

    machine = describe_machine()
    kind = "virtual machine" if machine.virtual else "machine"
    powercap = any(Path("/sys/class/powercap").glob("intel-rapl:*"))
    return (
        f"{machine.threads} threads, {kind} ({machine.processor}), {machine.memory_gb:.0f} GB, "
        f"{'RAPL' if powercap else 'no RAPL'}, {machine.system}, Python {platform.python_version()}"
    )


def shown(tool, line):
    """Return the lines of one cell; of ours, those that miss the bar end in a mark."""
    for value, text in line.cells[tool].parts:
        missed = line.limit is not None and (value is None or value > line.limit)
        yield f"{text} !" if missed and tool == "ours" else text


def print_table(rows, header):
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(header, highlight=False)
    tools = list(rows[0].cells)
    table = Table("figure", "bar for ours", *tools, show_lines=True)
    for line in rows:
        texts = ["\n".join(shown(tool, line)) for tool in tools]
        table.add_row(line.what, line.bar, *texts)
    console.print(table)
    console.print("! misses its bar.\n\n" + NOTES, highlight=False, markup=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter and fewer runs")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--tools", default=",".join(TOOLS), help="some of: %(default)s")
    parser.add_argument("--cache", type=Path, default=CACHE, help="[default: %(default)s]")
    options = parser.parse_args()
    tools = options.tools.split(",")
    if unknown := set(tools) - set(TOOLS):
        parser.error(f"no such tool: {', '.join(sorted(unknown))}")
    pythons, missing = {}, {}
    for tool in tools:
        found = attempt(python_of, tool, options.cache)
        (missing if isinstance(found, PeerFailed) else pythons)[tool] = found
    sections = (start_rows, idle_rows, edge_rows, energy_rows, charge_rows, death_rows)
    rows = []
    with tempfile.TemporaryDirectory(prefix="footprint-benchmark-") as scratch:
        rapl = Path(scratch) / "powercap"
        with simulated_zone(rapl):
            bench = Bench(pythons, Path(scratch), rapl)
            for section in sections:
                print(section.__name__.replace("_", " "), file=sys.stderr)
                rows += section(bench, options.quick)
    for line in rows:
        absent = {tool: Cell([(None, f"n/a: {error}")]) for tool, error in missing.items()}
        line.cells = {tool: (line.cells | absent)[tool] for tool in tools}
    named = versions(pythons)
    if options.as_json:
        print(
            json.dumps(
                {
                    "machine": machine_class(),
                    "versions": named,
                    "rows": [asdict(line) for line in rows],
                    "notes": NOTES.splitlines(),
                },
                indent=1,
            )
        )
        return
    said = ", ".join(f"{tool} {version}" for tool, version in named.items())
    command = " ".join(["python benchmarks/measurement.py", *sys.argv[1:]])
    print_table(rows, f"{command}: {machine_class()}\n{said}")


if __name__ == "__main__":
    main()
