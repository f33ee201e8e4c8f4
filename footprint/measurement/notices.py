"""What a reader must know of journals beyond their numbers."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from footprint.journal import TRUNCATED, ProcessRecords
from footprint.measurement.accounts import Account
from footprint.measurement.meter import part_of
from footprint.model import Finding, Severity

_USED_PARTS = ("package", "dram", "board", "gpu", "psys")
_USED_COUNTERS = ("cpu.", "memory.")


def record_findings(processes: Sequence[ProcessRecords]) -> Iterator[Finding]:
    """Say what concerns several processes together."""
    if len(processes) < 2:
        return
    # A run that was repeated into the same folder looks like processes that
    # follow each other; those of one run usually overlap.
    apart = not _overlap(processes)
    yield Finding(
        "journal-processes",
        f"The journals of {len(processes)} processes of the run {processes[0].run.name!r} "
        "were added up" + (", although they did not run at the same time." if apart else "."),
        Severity.WARNING if apart else Severity.INFO,
        "Use a fresh folder for each run if some are left from an earlier one.",
    )

    by_process: dict[tuple[int, str | None], list[ProcessRecords]] = defaultdict(list)
    for process in processes:
        by_process[process.process.pid, process.process.host].append(process)
    for same in by_process.values():
        if _overlap(same):
            yield Finding(
                "trackers-nested",
                f"{len(same)} trackers of one process ran at once; each counted all of it.",
                remedy="Use one tracker per process, and spans of it inside.",
                place=same[0].file,
            )


def _overlap(processes: Sequence[ProcessRecords]) -> bool:
    times = sorted(
        (min(s.start_s for s in p.spans), max(s.start_s + s.duration_s for s in p.spans))
        for p in processes
        if p.spans
    )
    return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(times))


def process_findings(process: ProcessRecords, accounts: Iterable[Account]) -> Iterator[Finding]:
    """Say what concerns one process."""
    known = {span.id for span in process.spans}
    cut = [span for span in process.spans if span.status == TRUNCATED]
    lost = [span for span in process.spans if span.parent is not None and span.parent not in known]
    if cut or lost:
        yield Finding(
            "truncated",
            "A process ended before its tracker did; phases that were open then end at "
            "its last heartbeat."
            if cut
            else "A process ended before its first heartbeat; what it did outside of finished "
            "phases is missing.",
            remedy="The true figures are higher.",
            place=process.file,
        )
    failed = [span for span in process.spans if span.status == "failed" and span.parent is not None]
    if failed:
        yield Finding(
            "phase-failed",
            f"{len(failed)} phase(s) ended with an error; what they used is counted.",
            place=", ".join(sorted({span.actor for span in failed})[:5]),
        )
    names = {name for account in accounts for name in account.counters}
    unused = sorted(
        name
        for name in names
        if not name.startswith(_USED_COUNTERS)
        and part_of(name) not in _USED_PARTS
        and not name.endswith(("-own_s", "-busy_s"))  # shares of a GPU
    )
    if unused:
        yield Finding(
            "counter-unused",
            f"Counters that this release cannot use: {', '.join(unused)}.",
            remedy="What they saw is not in the total.",
            place=process.file,
        )
    yield from _machine_findings(process)


def _machine_findings(process: ProcessRecords) -> Iterator[Finding]:
    seen = {"nvidia": "nvml", "amd": "amd"}
    accelerators = ", ".join(
        kind for kind in process.process.accelerators if seen.get(kind) not in process.process.tiers
    )
    if accelerators:
        yield Finding(
            "accelerator-unmetered",
            f"The process could use an accelerator ({accelerators}), which nothing measured.",
            remedy="If it did, the true figures are higher, maybe by far.",
            place=process.file,
        )
    machine = process.machine
    devices = {span.device or "" for span in process.spans}
    if machine.virtual and any(device.startswith("server") for device in devices):
        yield Finding(
            "virtual-server",
            f"{machine.label} is a virtual machine; the making of whole servers is charged.",
            remedy="Give the share of the server that it is with --resource-share.",
            place=machine.label,
        )
