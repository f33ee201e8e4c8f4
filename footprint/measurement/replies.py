"""What came of a server's requests, as findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from footprint.journal import ReportRecord
from footprint.measurement.contacts import Held
from footprint.model import Finding, ReplyStatus, Severity

_NAMED = 5  # actors that a finding names

_FAILURES = (
    (
        ReplyStatus.NO_REPLY,
        "reply-missing",
        "had no reply in time",
        "Give the round more time, or read the clients' own journals too.",
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
    by_status: dict[ReplyStatus, list[ReportRecord]] = defaultdict(list)
    open_: dict[ReplyStatus, list[ReportRecord]] = defaultdict(list)
    """Those that no journal of a client holds."""
    for report, hold in zip(reports, held, strict=True):
        by_status[report.status].append(report)
        if hold is not Held.YES:
            open_[report.status].append(report)
    # A request that never arrived, or whose ledger was lost, is missing in a later total, too.
    late = {r.actor for r in by_status[ReplyStatus.LATE] if r.told is not None}
    for status, code, what, remedy in _FAILURES:
        found = by_status[status]
        unknown = [r for r in open_[status] if _is_unknown(r, late, settled)]
        if found:
            yield Finding(
                code,
                f"{len(found)} request(s) to {_names_of(found)} {what}; "
                + _known(len(found), len(open_[status]), len(unknown)),
                Severity.WARNING if unknown else Severity.INFO,
                remedy if unknown else "",
            )
    if refused := by_status[ReplyStatus.REFUSED]:
        counted = len(refused) - len(open_[ReplyStatus.REFUSED])
        yield Finding(
            "reply-refused",
            f"The figures in {len(refused)} reply(ies) of {_names_of(refused)} cannot be "
            "believed; they are in no total."
            + f" The clients' own journals hold {counted} of them, and were counted."
            * bool(counted),
            remedy="See the findings named client-record.",
        )
    untold = [
        r
        for r in open_[ReplyStatus.OK]
        if r.told is None and not r.own and r.start_s >= settled.get(r.actor, r.start_s)
    ]
    untold += [
        r
        for r in by_status[ReplyStatus.OK]
        if r.told is not None and r.told.energy is None and r.told.duration_s is None
    ]
    if untold:
        yield Finding(
            "client-unmeasured",
            f"{len(untold)} reply(ies) of {_names_of(untold)} told no figures; only their data is "
            "counted.",
            remedy="Give the ClientApp the mod: ClientApp(mods=[carbon_mod()]).",
        )
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
