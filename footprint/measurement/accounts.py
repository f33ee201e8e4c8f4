"""Who held the counters of a process, and when.

Between two neighbouring edges of a process, what its counters advanced belongs
to the innermost spans that are open. With one such span it gets everything;
where spans overlap (threads), they share equally, and a finding says so. So
nothing is lost between phases, a child never takes more than its parent holds,
and cutting a span in two changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from footprint.journal import SpanRecord
from footprint.model import Finding, Severity

_END, _BEGIN, _END_EMPTY = 0, 1, 2


@dataclass(slots=True)
class Account:
    """What one span holds of the time and the counters of its process."""

    reserved_s: float = 0.0
    """Time in which it was innermost; overlapping spans count it each."""
    host_s: float = 0.0
    """The same time, shared between overlapping spans."""
    counters: dict[str, float] = field(default_factory=lambda: defaultdict(float))


def share_counters(
    spans: Iterable[SpanRecord], report: Callable[[Finding], None]
) -> dict[int, Account]:
    """Give every interval between two edges to the innermost open spans.

    Parameters
    ----------
    spans : iterable of SpanRecord
        Of one process.
    report : callable
        Takes a finding for overlaps and for counters that ran backwards.

    Returns
    -------
    dict
        Account per span id. The counters add up to what the process's edges saw.
    """
    by_id = {span.id: span for span in spans}
    accounts = {span_id: Account() for span_id in by_id}
    edges = sorted(
        [(span.start_s, _BEGIN, span.id, span) for span in by_id.values()]
        + [
            # Where edges fall together, spans end before others begin, the inner
            # one first; only a span without duration ends after it began.
            (
                span.start_s + span.duration_s,
                _END if span.duration_s else _END_EMPTY,
                -span.id,
                span,
            )
            for span in by_id.values()
        ],
        key=lambda edge: edge[:3],
    )
    children: dict[int, int] = {}
    innermost: dict[int, None] = {}
    previous: tuple[float, dict[str, float]] | None = None
    overlapped, backwards = False, set()
    for time_s, kind, _, span in edges:
        reading = dict(span.begin if kind == _BEGIN else span.end)
        if previous is not None and innermost:
            overlapped |= len(innermost) > 1
            backwards |= _credit(accounts, innermost, previous, (time_s, reading))
        previous = (time_s, reading)
        if kind == _BEGIN:
            _open(span, children, innermost)
        else:
            _close(span, children, innermost)
    if overlapped:
        report(
            Finding(
                "overlap",
                "Phases overlapped in one process; what it used is shared equally between them.",
                Severity.INFO,
            )
        )
    for name in sorted(backwards):
        report(
            Finding(
                "counter-backwards", f"The counter {name} ran backwards; that step was left out."
            )
        )
    return accounts


def _credit(
    accounts: dict[int, Account],
    innermost: Iterable[int],
    before: tuple[float, dict[str, float]],
    after: tuple[float, dict[str, float]],
) -> set[str]:
    holders = [accounts[span_id] for span_id in innermost]
    elapsed_s = after[0] - before[0]
    for account in holders:
        account.reserved_s += elapsed_s
        account.host_s += elapsed_s / len(holders)
    backwards = set()
    for name, value in after[1].items():
        step = value - before[1].get(name, value)
        if step < 0:
            backwards.add(name)
            continue
        for account in holders:
            account.counters[name] += step / len(holders)
    return backwards


def _open(span: SpanRecord, children: dict[int, int], innermost: dict[int, None]) -> None:
    children[span.id] = 0
    innermost[span.id] = None
    if span.parent in children:
        children[span.parent] += 1
        innermost.pop(span.parent, None)


def _close(span: SpanRecord, children: dict[int, int], innermost: dict[int, None]) -> None:
    children.pop(span.id, None)
    innermost.pop(span.id, None)
    if span.parent in children:
        children[span.parent] -= 1
        if children[span.parent] == 0:
            innermost[span.parent] = None
