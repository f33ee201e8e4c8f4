"""What a reader must know of journals beyond their numbers."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from footprint.journal import TRUNCATED, ProcessRecords
from footprint.measurement.accounts import Account
from footprint.measurement.meter import part_of
from footprint.measurement.nesting import NESTED
from footprint.measurement.supply import Supply
from footprint.model import Finding, Severity

_USED_PARTS = ("package", "dram", "board", "gpu", "psys")
_USED_COUNTERS = ("cpu.", "memory.", "cgroup.")

_CLOCK_S = 1e-2  # shorter stretches than this are the edges of readings
_MUCH = 0.05
# A reader cannot tell the two apart: what could not be written is not there to say so.
_BROKEN = (
    "A journal breaks off: its process was killed, or could no longer write (its disk was full, "
    "say; its log tells)"
)
_HIGHER = "The true figures are higher. Figures per round are those of the rounds that it holds."
_BEYOND = 1.1


def record_findings(processes: Sequence[ProcessRecords]) -> Iterator[Finding]:
    """Say what concerns several processes together."""
    if len(processes) < 2:
        return
    # A run that was repeated into the same folder looks like processes that
    # follow each other; those of one run usually overlap.
    known = {(p.process.pid, p.process.namespace, p.process.host) for p in processes}
    alike = len(known) == 1 and None not in next(iter(known))
    apart = not alike and not _overlap(processes)
    yield Finding(
        "journal-processes",
        f"The journals of {len(processes)} processes of the run {processes[0].run.name!r} "
        "were added up" + (", although they did not run at the same time." if apart else "."),
        Severity.WARNING if apart else Severity.INFO,
        "Use a fresh folder for each run if some are left from an earlier one.",
    )

    by_process: dict[tuple[object, ...], list[ProcessRecords]] = defaultdict(list)
    for process in processes:
        who = process.process
        by_process[who.pid, who.namespace, who.host].append(process)
    for same in by_process.values():
        if _overlap(same):
            yield Finding(
                NESTED,
                f"{len(same)} trackers of one process ran at once; each counted all of it.",
                remedy="Use one tracker per process, and spans of it inside.",
                place=same[0].file,
            )


def _overlap(processes: Sequence[ProcessRecords]) -> bool:
    times = sorted(
        (min(moments), max(moments))
        for p in processes
        if (
            moments := [
                *(s.start_s for s in p.spans),
                *(s.start_s + s.duration_s for s in p.spans),
                *(s.time_s for s in p.samples),
            ]
        )
    )
    return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(times))


def host_findings(
    processes: Sequence[ProcessRecords],
    accounts: Mapping[int, Sequence[Account]],
    supply: Supply | None,
) -> Iterator[Finding]:
    """Say what concerns the energy counters of one host."""
    if supply is None:
        return
    tracked_s = sum(account.host_s for own in accounts.values() for account in own)
    read_s = sum(account.metered_host_s for own in accounts.values() for account in own)
    missing_s = tracked_s - read_s
    if missing_s > _CLOCK_S:
        much = missing_s > _MUCH * tracked_s
        yield Finding(
            "host-unread",
            f"For {missing_s:.3g} s of {tracked_s:.3g} s no process read the energy counters of "
            f"its host ({supply.meter}), or they stood still; what tracked processes used then "
            "is modelled.",
            Severity.WARNING if much else Severity.INFO,
            "What other processes used then is in no total.",
            processes[0].file,
        )
    for process in processes:
        lines = process.calibration
        if lines is None or lines.counter is None or lines.counters != supply.counters:
            continue
        if supply.highest_w > _BEYOND * lines.counter.highest:
            yield Finding(
                "calibration-exceeded",
                f"The counters showed up to {supply.highest_w:.3g} W; the line to the wall was "
                f"fitted up to {lines.counter.highest:.3g} W.",
                remedy="Calibrate again, with a heavier load.",
                place=process.file,
            )


def process_findings(process: ProcessRecords, accounts: Iterable[Account]) -> Iterator[Finding]:
    """Say what concerns one process."""
    known = {span.id for span in process.spans}
    if not process.spans:
        yield Finding(
            "truncated",
            f"{_BROKEN}: nothing that its process did is counted.",
            remedy=_HIGHER,
            place=process.file,
        )
    cut = [span for span in process.spans if span.status == TRUNCATED]
    lost = [span for span in process.spans if span.parent is not None and span.parent not in known]
    if cut or lost:
        yield Finding(
            "truncated",
            f"{_BROKEN}: phases that were open then end at its last heartbeat."
            if cut
            else f"{_BROKEN}: what its process did outside of the finished phases that it "
            "holds is missing.",
            remedy=_HIGHER,
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
    whole = {span.device or "" for span in process.spans if span.resource_share is None}
    if machine.virtual and any(device.startswith("server") for device in whole):
        yield Finding(
            "virtual-server",
            f"{machine.label} is a virtual machine; the making of whole servers is charged.",
            remedy="Say which share of a server it is: --resource-share 0.25, here or tracking.",
            place=machine.label,
        )
