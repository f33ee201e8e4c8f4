"""Who held the counters of a host, and when.

Between two neighbouring edges of a process, what its counters advanced belongs
to the innermost spans that are open in it. With one such span it gets
everything; where spans overlap (threads), they share equally, and a finding says
so. So nothing is lost between phases, a child never takes more than its parent
holds, and cutting a span in two changes nothing.

Time is shared over the whole host, because idle power is the host's: each moment
is divided among the innermost spans of all its processes. A device is reserved by
the actor that owns it, once, however many of its spans are open.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from footprint.journal import ProcessRecords, SpanRecord
from footprint.measurement.meter import part_of
from footprint.measurement.timeline import HOST_BUSY, ROUNDING, Timeline
from footprint.model import Finding, IdlePolicy, Severity

_END, _BEGIN, _END_EMPTY = 0, 1, 2

Key = tuple[int, int]
"""Number of the process in its host, and id of the span."""


@dataclass(slots=True)
class Account:
    """What one span holds of the time and the counters.

    Attributes
    ----------
    reserved_s : float
        Time in which it was innermost, shared with spans of the same actor and
        device alone [s].
    host_s : float
        The same, shared with all spans of the host [s].
    owner_s : float
        The same, shared with all actors of the host that have a span open, and
        among their spans [s].
    counters : mapping of str to float
        Only those that were read at both ends of at least one of its intervals.
    equal_kwh : mapping of str to float
        Of energy counters of GPUs: an equal part for each process that could use it
        at the time [kWh].
    used_kwh : mapping of str to float
        Of energy counters of GPUs: by the time that kernels of the process ran [kWh].
    metered_s, metered_children_s, metered_host_s, metered_owner_s : float
        The part of the CPU time of the process, of that of its waited children, of
        `host_s` and of `owner_s` in which the energy counters of the host were read, by whichever
        process [s].
    """

    reserved_s: float = 0.0
    host_s: float = 0.0
    owner_s: float = 0.0
    counters: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    equal_kwh: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    used_kwh: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    metered_s: float = 0.0
    metered_children_s: float = 0.0
    metered_host_s: float = 0.0
    metered_owner_s: float = 0.0

    def idle_s(self, policy: IdlePolicy) -> tuple[float, float]:
        """Time for which the account is charged idle power, by a counter and without one [s]."""
        if policy is IdlePolicy.NONE or self.host_s <= 0:
            return 0.0, 0.0
        if policy is IdlePolicy.BY_TIME:
            return self.metered_host_s, self.host_s - self.metered_host_s
        return self.metered_owner_s, self.owner_s - self.metered_owner_s


@dataclass(frozen=True, slots=True)
class Step:
    """Between two neighbouring edges of one process: its readings, and who held them."""

    process: int
    start_s: float
    stop_s: float
    before: Mapping[str, float]
    after: Mapping[str, float]
    holders: tuple[Account, ...]


@dataclass(slots=True)
class Sharing:
    """The accounts of one host, and what was found while sharing."""

    accounts: dict[Key, Account] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    """Only those in which a GPU was read, in order of their ends."""
    overlapped: bool = False
    backwards: set[str] = field(default_factory=set)

    def findings(self) -> Iterator[Finding]:
        """Say what a reader of the result must know."""
        if self.overlapped:
            yield Finding(
                "overlap",
                "Phases overlapped in one process; what it used is shared equally between them.",
                Severity.INFO,
            )
        for name in sorted(self.backwards):
            yield Finding(
                "counter-backwards", f"The counter {name} ran backwards; that step was left out."
            )


@dataclass(slots=True)
class _Open:
    """The open spans of one process while edges go by."""

    children: dict[int, int] = field(default_factory=dict)
    innermost: dict[int, SpanRecord] = field(default_factory=dict)
    spans: dict[int, SpanRecord] = field(default_factory=dict)
    reading: Mapping[str, float] | None = None
    read_s: float = 0.0

    def begin(self, span: SpanRecord) -> None:
        self.spans[span.id], self.innermost[span.id] = span, span
        self.children[span.id] = 0
        if span.parent in self.children:
            self.children[span.parent] += 1
            self.innermost.pop(span.parent, None)

    def end(self, span: SpanRecord) -> None:
        self.children.pop(span.id, None)
        self.innermost.pop(span.id, None)
        if span.parent in self.children:
            self.children[span.parent] -= 1
            if self.children[span.parent] == 0:
                self.innermost[span.parent] = self.spans[span.parent]


def share(processes: Sequence[ProcessRecords], timeline: Timeline | None = None) -> Sharing:
    """Share the time and the counters of one host between its spans.

    Parameters
    ----------
    processes : sequence of ProcessRecords
        All of one host.
    timeline : Timeline, optional
        When the energy counters of the host were read. Default: never.

    Returns
    -------
    Sharing
        The counters of the accounts of a process add up to what its edges saw.
    """
    timeline = timeline or Timeline()
    sharing = Sharing(
        {(n, span.id): Account() for n, process in enumerate(processes) for span in process.spans}
    )
    opened = [_Open() for _ in processes]
    launched = [
        [n for n, child in enumerate(processes) if child.process.is_under(process.process)]
        for process in processes
    ]
    previous_s = 0.0
    for time_s, kind, number, span in _edges(processes):
        covered = timeline.covered_share(previous_s, time_s)
        # While what it launched is tracked itself, `footprint track` only waits for it.
        working = [
            n
            for n, own in enumerate(opened)
            if own.innermost and not any(opened[child].innermost for child in launched[n])
        ]
        _credit_time(sharing, opened, working, time_s - previous_s, covered)
        previous_s = time_s
        own = opened[number]
        reading = span.begin if kind == _BEGIN else span.end
        if own.innermost:
            sharing.overlapped |= len(own.innermost) > 1
            holders = [sharing.accounts[number, span_id] for span_id in own.innermost]
            _credit_counters(
                sharing, holders, own, reading, timeline.covered_share(own.read_s, time_s)
            )
            if any(part_of(name) == "gpu" for name in reading):
                step = Step(number, own.read_s, time_s, own.reading or {}, reading, tuple(holders))
                sharing.steps.append(step)
        own.reading, own.read_s = reading, time_s
        if kind == _BEGIN:
            own.begin(span)
        else:
            own.end(span)
    return sharing


def _edges(processes: Sequence[ProcessRecords]) -> list[tuple[float, int, int, SpanRecord]]:
    edges = [
        edge
        for number, process in enumerate(processes)
        for span in process.spans
        for edge in (
            (span.start_s, _BEGIN, span.id, number, span),
            # Where edges fall together, spans end before others begin, the inner one
            # first; only a span without duration ends after it began.
            (
                span.start_s + span.duration_s,
                _END if span.duration_s else _END_EMPTY,
                -span.id,
                number,
                span,
            ),
        )
    ]
    edges.sort(key=lambda edge: edge[:4])
    return [(time_s, kind, number, span) for time_s, kind, _, number, span in edges]


def _credit_time(
    sharing: Sharing,
    opened: Sequence[_Open],
    working: Sequence[int],
    elapsed_s: float,
    covered: float,
) -> None:
    holders = [
        ((number, span_id), (span.actor, span.device))
        for number in working
        for span_id, span in opened[number].innermost.items()
    ]
    owners = Counter(owner for _, owner in holders)
    for key, owner in holders:
        account = sharing.accounts[key]
        account.host_s += elapsed_s / len(holders)
        account.metered_host_s += covered * elapsed_s / len(holders)
        account.reserved_s += elapsed_s / owners[owner]
        account.owner_s += elapsed_s / (len(owners) * owners[owner])
        account.metered_owner_s += covered * elapsed_s / (len(owners) * owners[owner])


def _credit_counters(
    sharing: Sharing,
    holders: Sequence[Account],
    own: _Open,
    after: Mapping[str, float],
    covered: float,
) -> None:
    before = own.reading or {}
    steps = {name: after[name] - before[name] for name in after if name in before}
    # The host's own clock jitters in virtual machines; it matters beside a counter only.
    sharing.backwards |= {
        name for name, step in steps.items() if step < -ROUNDING and (covered or name != HOST_BUSY)
    }
    steps = {name: max(0.0, step) for name, step in steps.items() if step >= -ROUNDING}
    if "cgroup.usage_s" in steps and "cpu.process_s" in steps:
        # A group of our own also counts children that nobody waited for.
        others_s = steps["cgroup.usage_s"] - steps["cpu.process_s"]
        steps["cpu.children_s"] = max(0.0, others_s)
    for account in holders:
        for name, step in steps.items():
            account.counters[name] += step / len(holders)
        account.metered_s += covered * steps.get("cpu.process_s", 0.0) / len(holders)
        account.metered_children_s += covered * steps.get("cpu.children_s", 0.0) / len(holders)
