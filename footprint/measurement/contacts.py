"""Which requests of a server stand in the clients' own journals, too.

Client and server know a message by the node that was asked, its round and its phase: a
journal names the node in the spans of messages, and a report in each line. Names of
clients are of no use there: a server learns them late, or never. Journals of clients
that know no node are matched by name.

What a client told late is about all of its requests before that no record came for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from footprint.journal import ProcessRecords, ReportRecord, SpanRecord, Told
from footprint.model import Phase, ReplyStatus, Role

_WORK = (Phase.TRAIN, Phase.EVALUATE, Phase.OTHER)

Contact = tuple[str, str, int | None, Phase]
"""Whether it is a node or an actor, which one, round and phase."""


class Held(StrEnum):
    """Whether a client's own journal holds what a report is about."""

    NO = "no"
    SETUP = "setup"
    """Only the start of the process: the rest was cut off, or not yet there to be copied."""
    PARTLY = "partly"
    YES = "yes"


@dataclass(slots=True)
class Contacts:
    """What clients wrote into journals of their own; each message is found once."""

    tokens: set[str]
    """Of journals whose process nobody told the start of yet."""
    work: Mapping[Contact, Counter[str]]
    """So many messages, by the token of the journal."""
    moved: Counter[tuple[Contact, int]]

    @classmethod
    def of(cls, processes: Sequence[ProcessRecords]) -> Contacts:
        """Collect the messages that clients handled."""
        spans = [s for p in processes for s in p.spans if s.role is Role.CLIENT]
        work: defaultdict[Contact, Counter[str]] = defaultdict(Counter)
        for process in processes:
            for span in process.spans:
                if span.role is Role.CLIENT and span.phase in _WORK and span.parent is not None:
                    work[_own(span)][process.process.token] += 1
        return cls(
            {process.process.token for process in processes},
            work,
            Counter(
                (_own(span, phase), size)
                for span in spans
                for phase, size in (
                    (Phase.DOWNLOAD, span.received_bytes),
                    (Phase.UPLOAD, span.sent_bytes),
                )
                if size
            ),
        )

    def take(self, report: ReportRecord) -> bool:
        """Whether the work on a request is there."""
        wanted = report.told.token if report.told else None
        for key in _keys(report, report.phase):
            for token, count in self.work.get(key, {}).items():
                if count > 0 and wanted in (None, token):
                    self.work[key][token] -= 1
                    return True
        return False

    def take_start(self, told: Told | None) -> bool:
        """Whether the start of a process that a client told is there."""
        if told is None or told.setup is None or told.token not in self.tokens:
            return False
        self.tokens.remove(told.token)
        return True

    def knows(self, report: ReportRecord) -> bool:
        """Whether anything of a client is there."""
        return any(key[:2] == one[:2] for key in _keys(report, report.phase) for one in self.work)

    def take_bytes(self, report: ReportRecord, phase: Phase, size: int) -> bool:
        """Whether a transfer is there."""
        moves = ((key, size) for key in _keys(report, phase))
        found = next((move for move in moves if self.moved[move] > 0), None)
        if found is not None:
            self.moved[found] -= 1
        return found is not None


def _own(span: SpanRecord, phase: Phase | None = None) -> Contact:
    phase = phase or span.phase
    if span.node is not None:
        return "node", span.node, span.round, phase
    return "actor", span.actor, span.round, phase


def _keys(report: ReportRecord, phase: Phase) -> tuple[Contact, Contact]:
    return (
        ("node", report.node, report.round, phase),
        ("actor", report.actor, report.round, phase),
    )


def find_held(reports: Iterable[ReportRecord], contacts: Contacts) -> list[Held]:
    """Say of each report whether a client's own journal holds what it is about.

    Parameters
    ----------
    reports : iterable of ReportRecord
        In the order in which the server wrote them.
    contacts : Contacts
        Whose messages are taken.

    Returns
    -------
    list of Held
        One per report. What was told late is held partly if some of the requests that
        it may be about stand in journals, and it is not known to be about those only.
    """
    return list(_Search(contacts).run(reports))


@dataclass(slots=True)
class _Search:
    contacts: Contacts
    opened: defaultdict[str, list[tuple[ReportRecord, Held]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Requests of each client that no record came for, in order."""

    def run(self, reports: Iterable[ReportRecord]) -> Iterator[Held]:
        for report in reports:
            if report.status is ReplyStatus.IDLE:
                yield Held.NO
            elif report.status is ReplyStatus.LATE:
                yield self._late(report)
            else:
                yield self._request(report)
            if report.told is not None and report.told.settled:
                # What was sent after it may be open still.
                self.opened[report.actor] = [
                    one for one in self.opened[report.actor] if one[0].start_s > report.start_s
                ]

    def _request(self, report: ReportRecord) -> Held:
        held = self._work(report)
        if report.told is None and report.status is not ReplyStatus.REFUSED:
            self.opened[report.actor].append((report, held))
        return held

    def _work(self, report: ReportRecord) -> Held:
        # A journal that is known may still have been copied before this message, or be another's.
        starts = self.contacts.take_start(report.told)
        if self.contacts.take(report):
            return Held.YES
        return Held.SETUP if starts else Held.NO

    def _late(self, report: ReportRecord) -> Held:
        told = report.told
        about = self.opened[report.actor]
        if report.sent_objects:  # a reply that came late, and not a total
            about = [one for one in about if _is_same(one[0], report)]
            starts = self.contacts.take_start(told)
            if about and about[0][1] is not Held.YES:
                return Held.SETUP if starts else Held.NO
            if not about and self.contacts.take(report):
                return Held.YES
        if not about:  # a line of the server was lost
            return Held.PARTLY if self.contacts.knows(report) else Held.NO
        held = [held for _, held in about].count(Held.YES)
        if held == 0:
            return Held.NO
        # A request that never arrived is in no journal, and in no total either.
        known = told.contacts if told and told.contacts else len(about)
        return Held.YES if held >= known else Held.PARTLY


def _is_same(one: ReportRecord, other: ReportRecord) -> bool:
    return (one.node, one.round, one.phase, one.start_s) == (
        other.node,
        other.round,
        other.phase,
        other.start_s,
    )


def own_names(
    processes: Iterable[ProcessRecords], reports: Sequence[ReportRecord]
) -> Mapping[str, str]:
    """Name of each node: what its own journal says, unless the server calls another one so.

    Nodes without a journal are called what the server called them last: who it is, a
    client says when it answers.
    """
    names = {report.node: report.actor for report in reports}
    own = {
        span.node: span.actor
        for process in processes
        for span in process.spans
        if span.node is not None
    }
    counts = Counter(names.values())
    for node, called in list(names.items()):
        mine = own.get(node, called)
        taken = counts[mine] > (mine == called)
        names[node] = called if taken else mine
    return names
