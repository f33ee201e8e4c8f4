"""What a client's ledger adds to its records: what came late, and what can never have been."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace

from footprint.integrations.flower.doubts import Doubts
from footprint.integrations.flower.history import ClientHistory, Verdict
from footprint.integrations.flower.record import ClientRecord
from footprint.model import Basis

ROUNDING = 1e-9
"""Two sums of the same energies differ by so small a part."""
KEPT = 1000
"""Numbers of contacts that are remembered."""


@dataclass(slots=True)
class Settlement:
    """Compares the totals of a client with what it told."""

    doubts: Doubts

    def settle(self, record: ClientRecord, seen: ClientHistory, claimed: ClientRecord) -> Verdict:
        """Compare the ledger of the client with what it told; find what came late."""
        if seen.number == 0 and self.doubts.exchange.missing is not None:
            seen = _since(seen, record, claimed, self.doubts.exchange.missing + len(seen.refused))
        newest = record.number > seen.number
        skipped = (seen.skipped | set(range(seen.number + 1, record.number))) - {record.number}
        # A total that was told has it already.
        expected = seen if record.number in seen.mixed else _after(seen, claimed)
        believed = settles = False
        late_kwh, parts, mixed = 0.0, (0.0, 0.0), seen.mixed & skipped
        # A simulation tells what each message took, whether a reply came or not.
        totals = newest and record.basis is not Basis.SIMULATED
        if totals and record.total_kwh is not None:
            late_kwh = record.total_kwh - expected.total_kwh
            believed = self._is_consistent(record, seen, late_kwh, skipped)
            # What was refused cannot be told from the rest of the total: all of it is lost.
            settles = believed and not skipped & (seen.refused | seen.mixed)
            parts = self._parts(record, expected, late_kwh) if settles else parts
            expected = _at_least(expected, record)
            mixed = frozenset() if settles else latest(skipped)
        if not settles or late_kwh <= ROUNDING * expected.total_kwh:
            late_kwh, parts = 0.0, (0.0, 0.0)
        accepted_kwh = math.fsum((seen.accepted_kwh, record.used_kwh or 0.0, late_kwh))
        self._bound(record, seen, accepted_kwh)
        history = replace(
            expected,
            last_s=self.doubts.exchange.stop_s,
            number=max(seen.number, record.number),
            accepted_kwh=accepted_kwh,
            skipped=frozenset() if settles else latest(skipped),
            closed=latest(seen.closed | skipped) if settles else seen.closed,
            refused=seen.refused - {record.number},
            mixed=mixed,
        )
        if believed:
            history = replace(
                history,
                finished=record.finished or 0,
                failed=record.failed or 0,
                lost=record.lost or 0,
                unmetered=record.unmetered or 0,
            )
        return Verdict(
            record,
            tuple(self.doubts.findings),
            history,
            late_kwh or None,
            *parts,
            len(skipped) if late_kwh else 0,
            settles,
            history.lost - seen.lost,
            history.unmetered - seen.unmetered,
        )

    def _parts(
        self, record: ClientRecord, expected: ClientHistory, late_kwh: float
    ) -> tuple[float, float]:
        """Start-up and idle power in what came late; nothing if they do not fit in it."""
        setup_kwh = (record.total_setup_kwh or 0.0) - expected.setup_kwh
        idle_kwh = (record.total_idle_kwh or 0.0) - expected.idle_kwh
        rounding = ROUNDING * (record.total_kwh or 0.0)
        if min(setup_kwh, idle_kwh) >= -rounding and setup_kwh + idle_kwh <= late_kwh + rounding:
            return max(0.0, setup_kwh), max(0.0, idle_kwh)
        if late_kwh > rounding:
            self.doubts.find(
                "total_setup_kwh + total_idle_kwh",
                setup_kwh + idle_kwh,
                f"0 to {late_kwh:.3g} more than before",
                "What came late is not divided.",
            )
        return 0.0, 0.0

    def _is_consistent(
        self, record: ClientRecord, seen: ClientHistory, late_kwh: float, skipped: Set[int]
    ) -> bool:
        """Whether the cumulative figures can be believed; say so if not."""
        for name, value, expected in self._ledger_faults(record, seen, late_kwh, skipped):
            self.doubts.find(name, value, expected, "What came late is not known.")
            return False
        return True

    def _ledger_faults(
        self, record: ClientRecord, seen: ClientHistory, late_kwh: float, skipped: Set[int]
    ) -> Iterator[tuple[str, object, str]]:
        for name in ("finished", "failed", "lost"):
            value, before = getattr(record, name), getattr(seen, name)
            if value is None or value < before:
                yield name, value, f"at least {before}: it never falls"
        unmetered = record.unmetered or 0
        if not seen.unmetered <= unmetered <= record.number:
            yield "unmetered", unmetered, f"{seen.unmetered} to {record.number}: it never falls"
        counted = sum(getattr(record, name) or 0 for name in ("finished", "failed", "lost"))
        if counted != record.number:
            yield "finished + failed + lost", counted, f"{record.number}, the messages so far"
        total_kwh = record.total_kwh or 0.0
        if late_kwh < -ROUNDING * total_kwh:
            yield "total_kwh", total_kwh, f"at least {total_kwh - late_kwh:.6g}, told before"
        if late_kwh > ROUNDING * total_kwh and not skipped:
            yield "total_kwh", total_kwh, f"{total_kwh - late_kwh:.6g}: no message is missing"
        exchange = self.doubts.exchange
        missing, open_ = exchange.missing, len(skipped - seen.refused - seen.mixed)
        if late_kwh > ROUNDING * total_kwh and missing is not None and open_ > missing:
            most = record.number - open_ + missing
            yield "number", record.number, f"up to {most}: {missing or 'no'} replies are missing"
        since_s = max(0.0, exchange.stop_s - seen.last_s)
        most_kwh = self.doubts.most_kwh(record, since_s + self.doubts.limits.exchange_s)
        if late_kwh > most_kwh:
            yield "total_kwh", total_kwh, f"up to {total_kwh - late_kwh + most_kwh:.6g}"

    def _bound(self, record: ClientRecord, seen: ClientHistory, energy_kwh: float) -> None:
        """Refuse what the device cannot have drawn since the run began."""
        most_kwh = self.doubts.most_kwh(record, self.doubts.longest_s(seen))
        if energy_kwh > most_kwh:
            raise self.doubts.refuse(
                "energy of the whole run",
                energy_kwh,
                f"up to {most_kwh:.3g}: {self.doubts.power(record)}",
            )


def _since(
    seen: ClientHistory, record: ClientRecord, claimed: ClientRecord, asked: int
) -> ClientHistory:
    """Begin with a client that worked before anybody asked it here: that is not ours.

    Of the contacts before, the last `asked` can be ours. If there are more, nobody can
    tell what they used from what those before them did.
    """
    if asked > 0 and record.number - 1 <= asked:
        return seen
    before_kwh = (record.total_kwh or 0.0) - (claimed.used_kwh or 0.0)
    if record.total_kwh is None or before_kwh < 0 or record.lost is None:
        return seen
    mixed = latest(range(record.number - asked, record.number))
    return replace(
        seen,
        number=record.number - 1,
        total_kwh=before_kwh,
        setup_kwh=max(0.0, (record.total_setup_kwh or 0.0) - (claimed.startup_kwh or 0.0)),
        idle_kwh=max(0.0, (record.total_idle_kwh or 0.0) - (claimed.idle_kwh or 0.0)),
        lost=record.lost,
        unmetered=record.unmetered or 0,
        skipped=mixed,
        mixed=mixed,
    )


def _after(seen: ClientHistory, claimed: ClientRecord) -> ClientHistory:
    """Add what a record tells of its own message."""
    return replace(
        seen,
        total_kwh=seen.total_kwh + (claimed.used_kwh or 0.0),
        setup_kwh=seen.setup_kwh + (claimed.startup_kwh or 0.0),
        idle_kwh=seen.idle_kwh + (claimed.idle_kwh or 0.0),
    )


def _at_least(expected: ClientHistory, record: ClientRecord) -> ClientHistory:
    """Go on from the totals that a client told, whether they were believed or not."""
    return replace(
        expected,
        total_kwh=max(expected.total_kwh, record.total_kwh or 0.0),
        setup_kwh=max(expected.setup_kwh, record.total_setup_kwh or 0.0),
        idle_kwh=max(expected.idle_kwh, record.total_idle_kwh or 0.0),
    )


def latest(numbers: Iterable[int]) -> frozenset[int]:
    """Keep the highest numbers."""
    return frozenset(sorted(numbers)[-KEPT:])
