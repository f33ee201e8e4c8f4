"""Whether the figures of a client can be believed: they come over a network.

A client may be broken, may lie, or may be somebody else. What it tells is checked
against what the server saw itself: when it asked, when it had the answer, and what it
accepted before. What fails is refused and becomes a finding; it never enters a total.

What cannot be found out here: figures that are too low, or made up within the bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from footprint.integrations.flower.doubts import LARGEST, Doubts, Refused
from footprint.integrations.flower.history import ClientHistory, Exchange, Verdict
from footprint.integrations.flower.limits import MODEL_MARGIN, Limits
from footprint.integrations.flower.record import NAMES, RECORD_VERSION, ClientRecord
from footprint.integrations.flower.settlement import KEPT, ROUNDING, Settlement, latest
from footprint.model import Basis, Phase, Tier

_LONGEST = 64  # of a text

_TEXTS = ("source", "zone", "device", "token", "problem")
_ENERGY = ("energy_kwh", "energy_low_kwh", "energy_high_kwh")
_STARTUP = ("startup_kwh", "startup_low_kwh", "startup_high_kwh")


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
    doubts = Doubts(exchange, limits)
    check = _Check(doubts)
    try:
        record = check.read(found)
        if record.number in seen.closed:
            return Verdict(None, (), seen)  # a reply so late that its energy is known already
        check.order(record, seen)
        claimed = record
        record = check.energies(check.times(record, seen))
        return Settlement(doubts).settle(check.places(record), seen, claimed)
    except Refused:
        return Verdict(None, tuple(doubts.findings), _refused(found.get("number"), seen))


@dataclass(slots=True)
class _Check:
    """Compares the fields of a record with what the server saw."""

    doubts: Doubts

    def read(self, found: Mapping[str, Any]) -> ClientRecord:
        """Take the fields that are what they should be; a number that is not is fatal."""
        if found.get("version") != RECORD_VERSION:
            raise self.doubts.refuse("version", found.get("version"), str(RECORD_VERSION))
        taken: dict[str, Any] = {}
        for name, value in found.items():
            if name not in NAMES:
                self.doubts.find(
                    "a field", name, "one that this release knows", "It was passed over."
                )
            elif name in _TEXTS:
                taken |= self._text(name, value)
            else:
                taken[name] = self._value(name, value)
        for name in ("number", "phase"):
            if name not in taken:
                raise self.doubts.refuse(name, None, "a value")
        return ClientRecord(**taken)

    def _text(self, name: str, value: object) -> dict[str, str]:
        if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST:
            return {name: value}
        self.doubts.find(
            name, value, f"a printable text of up to {_LONGEST} characters", "It is lost."
        )
        return {}

    def _value(self, name: str, value: object) -> object:
        if name in _VOCABULARIES:
            words = [
                w for w in _VOCABULARIES[name] if self.doubts.exchange.simulated or w != "simulated"
            ]
            if not isinstance(value, str) or value not in words:
                raise self.doubts.refuse(name, value, f"one of {', '.join(words)}")
            return next(word for word in words if word == value)
        whole = name in _WHOLE
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise self.doubts.refuse(name, value, "a whole number" if whole else "a number")
        low = 1 if name == "number" else 0
        # False for what is not a number, too.
        if not low <= value <= LARGEST:
            raise self.doubts.refuse(name, value, self._range(name, low))
        return value if whole else float(value)

    def _range(self, name: str, low: int) -> str:
        """Say what a number could have been."""
        exchange, limits = self.doubts.exchange, self.doubts.limits
        longest_s = exchange.elapsed_s + limits.exchange_s
        if name == "duration_s":
            return f"{low} to {longest_s:.3g}"
        if name in (*_ENERGY, "idle_kwh"):
            return f"{low} to {limits.energy_kwh(exchange.device, longest_s):.3g}"
        return f"{low} or more"

    def order(self, record: ClientRecord, seen: ClientHistory) -> None:
        """Refuse what was told before."""
        if record.number > seen.number + KEPT:
            raise self.doubts.refuse("number", record.number, f"at most {seen.number + KEPT}")
        if record.number <= seen.number and record.number not in seen.skipped:
            raise self.doubts.refuse("number", record.number, f"more than {seen.number}: a replay")

    def times(self, record: ClientRecord, seen: ClientHistory) -> ClientRecord:
        """Compare times with those that the server saw."""
        longest_s = self.doubts.exchange.elapsed_s + self.doubts.limits.exchange_s
        if record.duration_s is not None and record.duration_s > longest_s:
            raise self.doubts.refuse(
                "duration_s",
                record.duration_s,
                f"up to {longest_s:.3g}: the request was out no longer",
            )
        earliest_s = self.doubts.exchange.start_s - self.doubts.limits.clock_s
        latest_s = self.doubts.exchange.stop_s + self.doubts.limits.clock_s
        if record.start_s is not None and not earliest_s <= record.start_s <= latest_s:
            self.doubts.find(
                "start_s",
                record.start_s,
                f"{earliest_s:.0f} to {latest_s:.0f}",
                "The time of the request is used.",
            )
            record = replace(record, start_s=None)
        run_s = self.doubts.longest_s(seen)
        if record.startup_s is not None and record.startup_s > run_s:
            self.doubts.find("startup_s", record.startup_s, f"up to {run_s:.3g}", "It is lost.")
            record = _without(record, "startup_s", "idle_kwh", *_STARTUP)
        return record

    def energies(self, record: ClientRecord) -> ClientRecord:
        """Compare energies with what the device can draw in that time."""
        longest_s = self.doubts.exchange.elapsed_s + self.doubts.limits.exchange_s
        duration_s = longest_s if record.duration_s is None else record.duration_s
        self._energy(record, _ENERGY, duration_s)
        most_kwh = self.doubts.most_kwh(record, duration_s + (record.startup_s or 0.0))
        if (record.used_kwh or 0.0) > most_kwh:
            raise self.doubts.refuse(
                "idle_kwh", record.idle_kwh, f"so that all is up to {most_kwh:.3g}"
            )
        if record.startup_s is None and record.startup_kwh is not None:
            raise self.doubts.refuse("startup_kwh", record.startup_kwh, "a startup_s beside it")
        self._energy(record, _STARTUP, record.startup_s or 0.0)
        used_kwh, total_kwh = record.used_kwh or 0.0, record.total_kwh
        if total_kwh is not None and used_kwh > total_kwh * (1 + ROUNDING):
            raise self.doubts.refuse(
                "energy of the message", used_kwh, f"up to {total_kwh:.3g}, its own total_kwh"
            )
        return record

    def _energy(self, record: ClientRecord, names: Iterable[str], duration_s: float) -> None:
        named = {name: getattr(record, name) for name in names}
        if all(value is None for value in named.values()):
            return
        (name, value), (low_name, low), (high_name, high) = named.items()
        for one, number in named.items():
            if number is None:
                raise self.doubts.refuse(
                    one, number, "a number, as the others of its kind are there"
                )
        if not low <= value <= high:
            raise self.doubts.refuse(name, value, f"{low_name} {low:.3g} to {high_name} {high:.3g}")
        most_kwh = self.doubts.most_kwh(record, duration_s)
        if value > most_kwh:
            raise self.doubts.refuse(
                name, value, f"up to {most_kwh:.3g}: {self.doubts.power(record)}"
            )
        if high > MODEL_MARGIN * most_kwh:
            raise self.doubts.refuse(high_name, high, f"up to {MODEL_MARGIN * most_kwh:.3g}")

    def places(self, record: ClientRecord) -> ClientRecord:
        """Drop a zone or a device that no estimate could use."""
        for name, knows in (
            ("zone", self.doubts.limits.knows_zone),
            ("device", self.doubts.limits.knows_device),
        ):
            value = getattr(record, name)
            if value is not None and not knows(value):
                self.doubts.find(name, value, "one that the factor catalogue knows", "It is lost.")
                record = _without(record, name)
        return record


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


def _refused(number: object, seen: ClientHistory) -> ClientHistory:
    """Keep the number of a contact whose record was refused; the next one if it is not new."""
    whole = number if isinstance(number, int) and not isinstance(number, bool) else 0
    if not seen.number < whole <= seen.number + KEPT and whole not in seen.skipped:
        whole = max(seen.refused | {seen.number}) + 1
    return replace(seen, refused=latest(seen.refused | {whole}))


def _without(record: ClientRecord, *names: str) -> ClientRecord:
    nothing: dict[str, Any] = dict.fromkeys(names)
    return replace(record, **nothing)
