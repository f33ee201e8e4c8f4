"""Whether the figures of a client can be believed: they come over a network.

A client may be broken, may lie, or may be somebody else. What it tells is checked
against what the server saw itself: when it asked, when it had the answer, and what it
accepted before. What fails is refused and becomes a finding; it never enters a total.

What cannot be found out here: figures that are too low, or made up within the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from footprint.integrations.flower.history import ClientHistory, Exchange, Verdict
from footprint.integrations.flower.limits import MODEL_MARGIN, Limits
from footprint.integrations.flower.record import NAMES, RECORD_VERSION, ClientRecord
from footprint.model import Basis, Finding, Phase, Severity, Tier

_LONGEST = 64  # of a text
_LARGEST = 2**53  # of a whole number that floats can count
_ROUNDING = 1e-9  # two sums of the same energies differ by so small a part
_KEPT = 1000  # skipped numbers that are remembered
_SHOWN = 40  # characters of a text that a finding shows

_TEXTS = ("source", "zone", "device", "token", "problem")
_ENERGY = ("energy_kwh", "energy_low_kwh", "energy_high_kwh")
_STARTUP = ("startup_kwh", "startup_low_kwh", "startup_high_kwh")


class _Refused(Exception):
    """The whole record cannot be believed."""


def check_record(
    found: Mapping[str, Any], seen: ClientHistory, exchange: Exchange, limits: Limits
) -> Verdict:
    """Check what a client told about one message.

    Parameters
    ----------
    found : mapping
        Fields of the record as they came.
    seen : ClientHistory
        What was accepted of this client before.
    exchange : Exchange
        What the server saw of this one.
    limits : Limits

    Returns
    -------
    Verdict
        Never raises, whatever was found.

    Notes
    -----
    The energies that are accepted of one client, late ones included, never exceed its
    highest power times the time since the run began (and `Limits.startup_s`,
    `Limits.exchange_s`, `Limits.slack_s`). Each alone is bounded by the time of its own exchange.
    """
    check = _Check(exchange, limits)
    try:
        record = check.read(found)
        if record.number in seen.closed:
            return Verdict(None, (), seen)  # a reply so late that its energy is known already
        check.order(record, seen)
        claimed = record
        record = check.energies(check.times(record, seen))
        return check.settle(check.places(record), seen, claimed)
    except _Refused:
        return Verdict(None, tuple(check.findings), _refused(found.get("number"), seen))


@dataclass(slots=True)
class _Check:
    """One check under way."""

    exchange: Exchange
    limits: Limits
    findings: list[Finding] = field(default_factory=list)

    def find(self, name: str, found: object, expected: str, lost: str) -> None:
        """Say what cannot be believed, where, and what could have been."""
        where = self.exchange.actor
        if self.exchange.round is not None:
            where += f", round {self.exchange.round}"
        self.findings.append(
            Finding(
                "client-record",
                f"{where}: {name} is {_shown(found)}; expected {expected}. {lost}",
                Severity.WARNING,
                "Update footprint on the client; if it goes on, do not trust this client.",
                self.exchange.actor,
            )
        )

    def refuse(self, name: str, found: object, expected: str) -> _Refused:
        """Refuse the record."""
        self.find(name, found, expected, "Nothing that it told of this message is counted.")
        return _Refused()

    def read(self, found: Mapping[str, Any]) -> ClientRecord:
        """Take the fields that are what they should be; a number that is not is fatal."""
        if found.get("version") != RECORD_VERSION:
            raise self.refuse("version", found.get("version"), str(RECORD_VERSION))
        taken: dict[str, Any] = {}
        for name, value in found.items():
            if name not in NAMES:
                self.find("a field", name, "one that this release knows", "It was passed over.")
            elif name in _TEXTS:
                taken |= self._text(name, value)
            else:
                taken[name] = self._value(name, value)
        for name in ("number", "phase"):
            if name not in taken:
                raise self.refuse(name, None, "a value")
        return ClientRecord(**taken)

    def _text(self, name: str, value: object) -> dict[str, str]:
        if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST:
            return {name: value}
        self.find(name, value, f"a printable text of up to {_LONGEST} characters", "It is lost.")
        return {}

    def _value(self, name: str, value: object) -> object:
        if name in _VOCABULARIES:
            words = [w for w in _VOCABULARIES[name] if self.limits.simulated or w != "simulated"]
            if not isinstance(value, str) or value not in words:
                raise self.refuse(name, value, f"one of {', '.join(words)}")
            return next(word for word in words if word == value)
        if name == "first_in_process":
            if not isinstance(value, bool):
                raise self.refuse(name, value, "true or false")
            return value
        whole = name in _WHOLE
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise self.refuse(name, value, "a whole number" if whole else "a number")
        low = 1 if name == "number" else 0
        # False for what is not a number, too.
        if not low <= value <= _LARGEST:
            raise self.refuse(name, value, f"{low} to {_LARGEST}")
        return value if whole else float(value)

    def order(self, record: ClientRecord, seen: ClientHistory) -> None:
        """Refuse what was told before."""
        if record.number > seen.number + _KEPT:
            raise self.refuse("number", record.number, f"at most {seen.number + _KEPT}")
        if record.number <= seen.number and record.number not in seen.skipped:
            raise self.refuse("number", record.number, f"more than {seen.number}: a replay")

    def times(self, record: ClientRecord, seen: ClientHistory) -> ClientRecord:
        """Compare times with those that the server saw."""
        longest_s = self.exchange.elapsed_s + self.limits.exchange_s
        if record.duration_s is not None and record.duration_s > longest_s:
            raise self.refuse(
                "duration_s",
                record.duration_s,
                f"up to {longest_s:.3g}: the request was out no longer",
            )
        earliest_s = self.exchange.start_s - self.limits.clock_s
        latest_s = self.exchange.stop_s + self.limits.clock_s
        if record.start_s is not None and not earliest_s <= record.start_s <= latest_s:
            self.find(
                "start_s",
                record.start_s,
                f"{earliest_s:.0f} to {latest_s:.0f}",
                "The time of the request is used.",
            )
            record = replace(record, start_s=None)
        run_s = self._longest_s(seen)
        if record.startup_s is not None and record.startup_s > run_s:
            self.find("startup_s", record.startup_s, f"up to {run_s:.3g}", "It is lost.")
            record = _without(record, "startup_s", "startup_cpu_s", "idle_kwh", *_STARTUP)
        return record

    def _longest_s(self, seen: ClientHistory) -> float:
        """For how long the client can have been at work for this run by now [s]."""
        run_s = max(0.0, self.exchange.stop_s - seen.begin_s)
        return run_s + self.limits.startup_s + self.limits.exchange_s

    def energies(self, record: ClientRecord) -> ClientRecord:
        """Compare energies with what the device can draw in that time."""
        longest_s = self.exchange.elapsed_s + self.limits.exchange_s
        duration_s = longest_s if record.duration_s is None else record.duration_s
        self._energy(record, _ENERGY, duration_s)
        device = self.exchange.device or record.device
        whole_s = duration_s + (record.startup_s or 0.0)
        if (record.used_kwh or 0.0) > self.limits.energy_kwh(device, whole_s):
            most_kwh = self.limits.energy_kwh(device, whole_s)
            raise self.refuse("idle_kwh", record.idle_kwh, f"so that all is up to {most_kwh:.3g}")
        if record.startup_s is None and record.startup_kwh is not None:
            raise self.refuse("startup_kwh", record.startup_kwh, "a startup_s beside it")
        self._energy(record, _STARTUP, record.startup_s or 0.0)
        return record

    def _energy(self, record: ClientRecord, names: Iterable[str], duration_s: float) -> None:
        named = {name: getattr(record, name) for name in names}
        if all(value is None for value in named.values()):
            return
        (name, value), (low_name, low), (high_name, high) = named.items()
        for one, number in named.items():
            if number is None:
                raise self.refuse(one, number, "a number, as the others of its kind are there")
        if not low <= value <= high:
            raise self.refuse(name, value, f"{low_name} {low:.3g} to {high_name} {high:.3g}")
        device = self.exchange.device or record.device
        most_kwh = self.limits.energy_kwh(device, duration_s)
        if value > most_kwh:
            raise self.refuse(name, value, f"up to {most_kwh:.3g}: {self._power(device)}")
        if high > MODEL_MARGIN * most_kwh:
            raise self.refuse(high_name, high, f"up to {MODEL_MARGIN * most_kwh:.3g}")

    def _power(self, device: str | None) -> str:
        return f"{self.limits.device_w(device):.4g} W for that time"

    def places(self, record: ClientRecord) -> ClientRecord:
        """Drop a zone or a device that no estimate could use."""
        for name, knows in (
            ("zone", self.limits.knows_zone),
            ("device", self.limits.knows_device),
        ):
            value = getattr(record, name)
            if value is not None and not knows(value):
                self.find(name, value, "one that the factor catalogue knows", "It is lost.")
                record = _without(record, name)
        return record

    def settle(self, record: ClientRecord, seen: ClientHistory, claimed: ClientRecord) -> Verdict:
        """Compare the ledger of the client with what it told; find what came late."""
        if seen.number == 0 and self.exchange.missing is not None:
            seen = _since(seen, record, claimed, self.exchange.missing + len(seen.refused))
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
            mixed = frozenset() if settles else _newest(skipped)
        if not settles or late_kwh <= _ROUNDING * expected.total_kwh:
            late_kwh, parts = 0.0, (0.0, 0.0)
        accepted_kwh = math.fsum((seen.accepted_kwh, record.used_kwh or 0.0, late_kwh))
        self._bound(record, seen, accepted_kwh)
        history = replace(
            expected,
            last_s=self.exchange.stop_s,
            number=max(seen.number, record.number),
            accepted_kwh=accepted_kwh,
            skipped=frozenset() if settles else _newest(skipped),
            closed=_newest(seen.closed | skipped) if settles else seen.closed,
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
            tuple(self.findings),
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
        rounding = _ROUNDING * (record.total_kwh or 0.0)
        if min(setup_kwh, idle_kwh) >= -rounding and setup_kwh + idle_kwh <= late_kwh + rounding:
            return max(0.0, setup_kwh), max(0.0, idle_kwh)
        if late_kwh > rounding:
            self.find(
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
            self.find(name, value, expected, "What came late is not known.")
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
        if late_kwh < -_ROUNDING * total_kwh:
            yield "total_kwh", total_kwh, f"at least {total_kwh - late_kwh:.6g}, told before"
        if late_kwh > _ROUNDING * total_kwh and not skipped:
            yield "total_kwh", total_kwh, f"{total_kwh - late_kwh:.6g}: no message is missing"
        missing, open_ = self.exchange.missing, len(skipped - seen.refused - seen.mixed)
        if late_kwh > _ROUNDING * total_kwh and missing is not None and open_ > missing:
            most = record.number - open_ + missing
            yield "number", record.number, f"up to {most}: {missing or 'no'} replies are missing"
        device = self.exchange.device or record.device
        since_s = max(0.0, self.exchange.stop_s - seen.last_s)
        most_kwh = self.limits.energy_kwh(device, since_s + self.limits.exchange_s)
        if late_kwh > most_kwh:
            yield "total_kwh", total_kwh, f"up to {total_kwh - late_kwh + most_kwh:.6g}"

    def _bound(self, record: ClientRecord, seen: ClientHistory, energy_kwh: float) -> None:
        """Refuse what the device cannot have drawn since the run began."""
        run_s = self._longest_s(seen)
        most_kwh = self.limits.energy_kwh(self.exchange.device or record.device, run_s)
        if energy_kwh > most_kwh:
            raise self.refuse(
                "energy of the whole run",
                energy_kwh,
                f"up to {most_kwh:.3g}: {self._power(self.exchange.device or record.device)}",
            )


_VOCABULARIES: Mapping[str, Iterable[Any]] = {
    "phase": (Phase.TRAIN, Phase.EVALUATE, Phase.OTHER),
    "basis": (Basis.MEASURED, Basis.MODELLED, Basis.DEFAULT, Basis.SIMULATED),
    "tier": tuple(Tier),
}
_WHOLE = frozenset(
    (
        "version",
        "number",
        "round",
        "partition",
        "received_bytes",
        "sent_bytes",
        "finished",
        "failed",
        "lost",
        "unmetered",
    )
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
    mixed = _newest(range(record.number - asked, record.number))
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


def _refused(number: object, seen: ClientHistory) -> ClientHistory:
    """Keep the number of a contact whose record was refused; the next one if it is not new."""
    whole = number if isinstance(number, int) and not isinstance(number, bool) else 0
    if not seen.number < whole <= seen.number + _KEPT and whole not in seen.skipped:
        whole = max(seen.refused | {seen.number}) + 1
    return replace(seen, refused=_newest(seen.refused | {whole}))


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


def _newest(numbers: Iterable[int]) -> frozenset[int]:
    return frozenset(sorted(numbers)[-_KEPT:])


def _without(record: ClientRecord, *names: str) -> ClientRecord:
    nothing: dict[str, Any] = dict.fromkeys(names)
    return replace(record, **nothing)


def _shown(found: object) -> str:
    """Show a value that anybody may have sent, in few and harmless characters."""
    if isinstance(found, str):
        return ascii(found[:_SHOWN]) + "..." * (len(found) > _SHOWN)
    if isinstance(found, float | bool | None):
        return repr(found)
    if isinstance(found, int):
        return repr(found) if abs(found) <= _LARGEST else "a huge number"
    return type(found).__name__
