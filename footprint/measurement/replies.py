"""What came of a server's requests, as findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from footprint.journal import ReportRecord
from footprint.measurement.contacts import Held
from footprint.model import Finding, ReplyStatus, Severity

_NAMED = 5  # actors that a finding names

_FAILURES = (
    (
        ReplyStatus.NO_REPLY,
        "reply-missing",
        "had no reply in time, or before the training was stopped",
        "Read the clients' own journals too; if the training was not stopped, give the round "
        "more time.",
    ),
    (
        ReplyStatus.ERROR,
        "reply-error",
        "were answered with an error",
        "See the log of the client.",
    ),
)


def reply_findings(
    reports: Sequence[ReportRecord], held: Sequence[Held], settled: Mapping[str, float]
) -> Iterator[Finding]:
    """Say which requests came to nothing, and what is known of them.

    Parameters
    ----------
    reports : sequence of ReportRecord
    held : sequence of Held
        Whether clients' own journals hold them, one per report.
    settled : mapping of str to float
        Until when all that a client did is known, by actor (Unix time [s]).
    """
    books = _Books(settled)
    for report, hold in zip(reports, held, strict=True):
        books.all[report.status].append(report)
        if hold is not Held.YES:
            books.open[report.status].append(report)
    yield from books.failures()
    yield from books.refused()
    yield from books.unmeasured()
    unmetered = [r for r, hold in zip(reports, held, strict=True) if _lacks(r, hold)]
    if unmetered:
        yield Finding(
            "client-unmetered",
            f"{sum(r.told.unmetered for r in unmetered if r.told)} message(s) of "
            f"{_names_of(unmetered)} have no energy figure; what these used is in no total.",
            remedy="See the log of the client; its journal says why.",
        )
    lost = [r for r in reports if r.told is not None and r.told.lost]
    if lost:
        yield Finding(
            "client-lost",
            f"{sum(r.told.lost for r in lost if r.told)} process(es) of {_names_of(lost)} died at "
            "work; what they used is not in what they told.",
            remedy="The journals of these clients hold it up to their last heartbeat.",
        )


def _by_status() -> defaultdict[ReplyStatus, list[ReportRecord]]:
    return defaultdict(list)


@dataclass(slots=True)
class _Books:
    """Reports by their status; `open` are those that no journal of a client holds."""

    settled: Mapping[str, float]
    all: defaultdict[ReplyStatus, list[ReportRecord]] = field(default_factory=_by_status)
    open: defaultdict[ReplyStatus, list[ReportRecord]] = field(default_factory=_by_status)

    def failures(self) -> Iterator[Finding]:
        """Say of requests without a reply, or with an error for one, what is known."""
        # A request that never arrived, or whose ledger was lost, is missing in a later total, too.
        late = {r.actor for r in self.all[ReplyStatus.LATE] if r.told is not None}
        for status, code, what, remedy in _FAILURES:
            found, opened = self.all[status], self.open[status]
            unknown = [r for r in opened if _is_unknown(r, late, self.settled)]
            if found:
                yield Finding(
                    code,
                    f"{len(found)} request(s) to {_names_of(found)} {what}; "
                    + _known(len(found), len(opened), len(unknown)),
                    Severity.WARNING if unknown else Severity.INFO,
                    remedy if unknown else "",
                )

    def refused(self) -> Iterator[Finding]:
        """Count the replies with figures that cannot be believed."""
        refused = self.all[ReplyStatus.REFUSED]
        if refused:
            counted = len(refused) - len(self.open[ReplyStatus.REFUSED])
            yield Finding(
                "reply-refused",
                f"The figures in {len(refused)} reply(ies) of {_names_of(refused)} cannot be "
                "believed; they are in no total."
                + f" The clients' own journals hold {counted} of them, and were counted."
                * bool(counted),
                remedy="See the findings named client-record.",
            )

    def unmeasured(self) -> Iterator[Finding]:
        """Name who told no figures; to our own query an app may know no answer."""
        untold = [
            r
            for r in self.open[ReplyStatus.OK]
            if r.told is None and not r.own and r.start_s >= self.settled.get(r.actor, r.start_s)
        ]
        untold += [
            r
            for r in self.all[ReplyStatus.OK]
            if r.told is not None and r.told.energy is None and r.told.duration_s is None
        ]
        if untold:
            yield Finding(
                "client-unmeasured",
                f"{len(untold)} reply(ies) of {_names_of(untold)} told no figures; only their "
                "data is counted.",
                remedy="Give the ClientApp the mod: ClientApp(mods=[carbon_mod()]).",
            )


def _lacks(report: ReportRecord, hold: Held) -> bool:
    return report.told is not None and report.told.unmetered > 0 and hold is not Held.YES


def _is_unknown(report: ReportRecord, late: set[str], settled: Mapping[str, float]) -> bool:
    """Whether nobody told what a request used."""
    if report.told is not None:
        return report.told.energy is None
    return not (report.actor in late and report.start_s < settled.get(report.actor, 0.0))


def _known(count: int, opened: int, unknown: int) -> str:
    if unknown:
        return f"what {unknown} of them used is not known."
    if opened == 0:
        return "what they used stands in the clients' own journals."
    if opened < count:
        return "what they used was told later, or stands in the clients' own journals."
    return "what they used was told later."


def _names_of(reports: Iterable[ReportRecord]) -> str:
    return names_of(report.actor for report in reports)


def names_of(actors: Iterable[str]) -> str:
    """Name some actors, and count the rest."""
    names = sorted(set(actors))
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
