"""One experiment with one tool, in an interpreter of its own.

    python -P measure.py TOOL EXPERIMENT MODE SECONDS FOLDER RESULT

Writes a JSON object into the file RESULT. Nothing heavy is imported before the tool
is, so that its import can be timed. Names outside of this machine are not looked up
and addresses outside of it are not connected to: each try fails at once, and is counted.
"""

import os
import sys
import time

SETTLE_S = 1.5
PHASES = 3
PHASES_PER_ROUND = 5
LOOPBACK = (None, "", "localhost", "127.0.0.1", "::1", b"localhost")

tries = []


def no_network(event, args):
    """Refuse to leave this machine, as an audit hook."""
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            tries.append(f"{address[0]}:{address[1]}")
            raise OSError(101, "Network is unreachable")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and args[0] not in LOOPBACK:
        tries.append(str(args[0]))
        raise sys.modules["_socket"].gaierror(-2, "Name or service not known")


def resident_mb(pid="self"):
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123 - pathlib is not imported yet
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def children():
    """Return the processes that descend from this one."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        try:
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
                parents[int(pid)] = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


def cpu_s(pid):
    """Return CPU time of all threads of another process [s], finer than clock ticks."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:  # noqa: PTH123
            total += int(file.read().split()[0])
    return total / 1e9


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1000))


def first_start(tool, folder, mode, _):
    """Time the import, the first start and the first edge; weigh what they added."""
    bare_mb = resident_mb()
    begin = time.perf_counter()
    tool.load()
    imported = time.perf_counter()
    handle = tool.start(folder, mode)
    started = time.perf_counter()
    time.sleep(SETTLE_S)
    phase = tool.phase(handle, 1)
    before = time.perf_counter()
    phase.__enter__()
    edge_s = time.perf_counter() - before
    time.sleep(SETTLE_S)
    added_mb = resident_mb() - bare_mb
    children_mb = sum(resident_mb(pid) for pid in children())
    phase.__exit__(None, None, None)
    tool.stop(handle)
    return {
        "import_s": imported - begin,
        "start_s": started - imported,
        "first_edge_s": edge_s,
        "added_mb": added_mb,
        "children_mb": children_mb,
    }


def idle(tool, folder, mode, seconds):
    """Measure CPU time while nothing happens, of this process and of its helpers."""
    tool.load()
    handle = tool.start(folder, mode)
    phase = tool.phase(handle, 1)
    if tool.SAMPLES_IN_PHASE:
        phase.__enter__()
    time.sleep(2 * SETTLE_S)
    helpers = children()
    helped_s = sum(cpu_s(pid) for pid in helpers)
    used_s, begin = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    used_s, wall_s = time.process_time() - used_s, time.perf_counter() - begin
    helped_s = sum(cpu_s(pid) for pid in helpers) - helped_s
    if tool.SAMPLES_IN_PHASE:
        phase.__exit__(None, None, None)
    tool.stop(handle)
    return {"share": (used_s + helped_s) / wall_s, "helpers": len(helpers)}


def edges(tool, folder, mode, seconds):
    """Time both edges of empty phases, one after the other, after one to warm up."""
    tool.load()
    handle = tool.start(folder, mode)
    with tool.phase(handle, 0):
        time.sleep(SETTLE_S)
    spent = []
    # Ours alone has rounds; the others name their phases by number.
    per_round = PHASES_PER_ROUND if hasattr(tool, "HAS_ROUNDS") and mode != "rounds" else None
    number, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        number += 1
        phase = tool.phase(handle, number // per_round if per_round else number)
        before = time.perf_counter()
        phase.__enter__()
        inside = time.perf_counter()
        phase.__exit__(None, None, None)
        after = time.perf_counter()
        spent += [inside - before, after - inside]
    processes = sum(map(str.isdigit, os.listdir("/proc")))  # noqa: PTH208
    tool.stop(handle)
    spent.sort()
    return {
        "median_s": spent[len(spent) // 2],
        "p99_s": spent[int(len(spent) * 0.99)],
        "count": len(spent),
        "processes": processes,
    }


def energy(tool, folder, mode, seconds):
    """Compare what is reported of a run and of its phases with the truth."""
    tool.load()
    tool.truth(mode)  # warm
    handle = tool.start(folder, mode)
    begin = tool.truth(mode)
    phases = 0.0
    spin(seconds / 3)
    time.sleep(seconds * 2 / 3)
    for number in range(1, PHASES + 1):
        with tool.phase(handle, number):
            before = tool.truth(mode)
            spin(0.5)
            time.sleep(0.5)
            phases += tool.truth(mode) - before
        spin(0.25)
        time.sleep(0.25)
    time.sleep(1.0)
    run = tool.truth(mode) - begin
    tool.stop(handle)
    said_run, said_phases = tool.reported(handle, folder, mode)
    return {"run": run, "phases": phases, "said_run": said_run, "said_phases": said_phases}


def worker(tool, folder, mode, seconds):
    """Be one of several busy processes, each with a tracker of its own."""
    from pathlib import Path

    tool.load()
    # Once before, so that all can begin at the same time.
    warm = Path(folder) / f"warm-{os.getpid()}"
    warm.mkdir()
    handle = tool.start(warm, mode)
    tool.stop(handle)
    mine = Path(folder) / "run" if hasattr(tool, "charged") else warm
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.time()
    handle = tool.start(mine, mode)
    phase = tool.phase(handle, 1)
    if tool.SAMPLES_IN_PHASE:
        phase.__enter__()
    spin(seconds)
    if tool.SAMPLES_IN_PHASE:
        phase.__exit__(None, None, None)
    tool.stop(handle)
    joules = None if hasattr(tool, "charged") else tool.charged_here(handle)
    return {"begin": begin, "end": time.time(), "joules": joules}


def charged(tool, folder, mode, _):
    """Read the ceiling, and what all workers together were charged if that is joined."""
    from pathlib import Path

    joined = tool.charged(Path(folder) / "run", mode) if hasattr(tool, "charged") else None
    return {"ceiling_w": tool.ceiling_w(mode), "joules": joined}


def victim(tool, folder, mode, seconds):
    """Finish some phases, open another, and die in it."""
    from pathlib import Path

    tool.load()
    handle = tool.start(folder, mode)
    with tool.guarded(handle):
        for number in range(1, PHASES + 1):
            with tool.phase(handle, number):
                time.sleep(1.1)
        with tool.phase(handle, PHASES + 1):
            Path(folder, "open.marker").touch()
            time.sleep(seconds)
            raise RuntimeError("as planned")


def records(tool, folder, *_):
    """Count what a dead process left."""
    tool.load()
    return tool.records(folder)


EXPERIMENTS = (first_start, idle, edges, energy, worker, charged, victim, records)


def main():
    name, experiment, mode, seconds, folder, result = sys.argv[1:]
    sys.addaudithook(no_network)
    sys.path.append(__file__.rpartition("/")[0])
    tool = __import__(f"tool_{name}")
    (chosen,) = (function for function in EXPERIMENTS if function.__name__ == experiment)
    found = chosen(tool, folder, mode, float(seconds))
    import json

    with open(result, "w") as file:  # noqa: PTH123
        json.dump(found | {"network": tries}, file)


if __name__ == "__main__":
    main()
