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
from footprint.model import Finding, IdlePolicy, Severity

METERED_PARTS = ("package", "board")
"""Parts whose energy holds what the processor used."""

_END, _BEGIN, _END_EMPTY = 0, 1, 2

# Counters are sums of ticks: their last digits may fall without anything falling.
_ROUNDING = 1e-6

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
    metered_s, metered_children_s, metered_busy_s, metered_host_s : float
        The part of the CPU time of the process, of that of its waited children, of
        that of the whole host, and of `host_s` in which an energy counter of the
        processor was read [s].
    """

    reserved_s: float = 0.0
    host_s: float = 0.0
    owner_s: float = 0.0
    counters: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    metered_s: float = 0.0
    metered_children_s: float = 0.0
    metered_busy_s: float = 0.0
    metered_host_s: float = 0.0
    pending_host_s: float = 0.0
    """Time since the last edge of the process, which that edge will classify."""

    def idle_s(self, policy: IdlePolicy) -> tuple[float, float]:
        """Time for which the account is charged idle power, by a counter and without one [s]."""
        if policy is IdlePolicy.NONE or self.host_s <= 0:
            return 0.0, 0.0
        charged_s = self.host_s if policy is IdlePolicy.BY_TIME else self.owner_s
        metered_s = charged_s * self.metered_host_s / self.host_s
        return metered_s, charged_s - metered_s


@dataclass(slots=True)
class Sharing:
    """The accounts of one host, and what was found while sharing."""

    accounts: dict[Key, Account] = field(default_factory=dict)
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


def share(processes: Sequence[ProcessRecords]) -> Sharing:
    """Share the time and the counters of one host between its spans.

    Parameters
    ----------
    processes : sequence of ProcessRecords
        All of one host.

    Returns
    -------
    Sharing
        The counters of the accounts of a process add up to what its edges saw.
    """
    sharing = Sharing(
        {(n, span.id): Account() for n, process in enumerate(processes) for span in process.spans}
    )
    opened = [_Open() for _ in processes]
    previous_s = 0.0
    for time_s, kind, number, span in _edges(processes):
        _credit_time(sharing, opened, time_s - previous_s)
        previous_s = time_s
        own = opened[number]
        reading = span.begin if kind == _BEGIN else span.end
        if own.reading is not None and own.innermost:
            sharing.overlapped |= len(own.innermost) > 1
            holders = [sharing.accounts[number, span_id] for span_id in own.innermost]
            _credit_counters(sharing, holders, own.reading, reading)
        own.reading = reading
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


def _credit_time(sharing: Sharing, opened: Sequence[_Open], elapsed_s: float) -> None:
    holders = [
        ((number, span_id), (span.actor, span.device))
        for number, own in enumerate(opened)
        for span_id, span in own.innermost.items()
    ]
    owners = Counter(owner for _, owner in holders)
    for key, owner in holders:
        account = sharing.accounts[key]
        account.host_s += elapsed_s / len(holders)
        account.pending_host_s += elapsed_s / len(holders)
        account.reserved_s += elapsed_s / owners[owner]
        account.owner_s += elapsed_s / (len(owners) * owners[owner])


def _credit_counters(
    sharing: Sharing,
    holders: Sequence[Account],
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> None:
    steps = {name: after[name] - before[name] for name in after if name in before}
    metered = any(part_of(name) in METERED_PARTS for name in steps)
    # The host's own clock jitters in virtual machines; it matters beside a counter only.
    sharing.backwards |= {
        name
        for name, step in steps.items()
        if step < -_ROUNDING and (metered or name != "cpu.host_busy_s")
    }
    steps = {name: max(0.0, step) for name, step in steps.items() if step >= -_ROUNDING}
    for account in holders:
        for name, step in steps.items():
            account.counters[name] += step / len(holders)
        if metered:
            account.metered_s += steps.get("cpu.process_s", 0.0) / len(holders)
            account.metered_children_s += steps.get("cpu.children_s", 0.0) / len(holders)
            account.metered_busy_s += steps.get("cpu.host_busy_s", 0.0) / len(holders)
            account.metered_host_s += account.pending_host_s
        account.pending_host_s = 0.0
