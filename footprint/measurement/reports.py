"""What servers reported of their clients: from reports to activities.

A report counts what nobody else does. Where the client's own journal is among the files
that are read, its spans win and the report's energy is left out; its bytes count once.
Where a virtual client was simulated, the figures of its profile win, and what the
machine that simulates it used for it is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from footprint.journal import Energy, ProcessRecords, ReportRecord, SpanRecord, Told
from footprint.model import Activity, Basis, Finding, Phase, ReplyStatus, Role, Severity, Tier
from footprint.units import bytes_to_gb

BYTES_SOURCE = "bytes"

_WORK = (Phase.TRAIN, Phase.EVALUATE, Phase.OTHER)
_ANSWERED = (ReplyStatus.OK, ReplyStatus.ERROR)
_MACHINERY = "(simulation)"
_NAMED = 5  # actors that a finding names

Place = tuple[str | None, str | None]
"""Zone and device class."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What the reports of a run add to its journals.

    Attributes
    ----------
    activities : tuple of Activity
    findings : tuple of Finding
    places : mapping of str to Place
        Zone and device of each actor, as far as somebody said.
    simulated : frozenset of str
        Clients whose figures are those of a profile.
    """

    activities: tuple[Activity, ...] = ()
    findings: tuple[Finding, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    simulated: frozenset[str] = frozenset()

    def placed(self, process: ProcessRecords) -> ProcessRecords:
        """Say where and on what a process ran, as far as the server knows."""
        if not (self.places or self.simulated):
            return process
        return replace(process, spans=tuple(self._placed(span) for span in process.spans))

    def _placed(self, span: SpanRecord) -> SpanRecord:
        if self.simulated and span.role is Role.SERVER and span.phase is Phase.WAIT:
            # While a server waits for virtual clients, its machine simulates them.
            return replace(span, actor=_MACHINERY, role=Role.OTHER)
        zone, device = self.places.get(span.actor, (None, None))
        if span.role is not Role.CLIENT:
            zone, device = span.zone or zone, span.device or device
        # A client that is simulated beside its server took over the server's place.
        return replace(span, zone=zone or span.zone, device=device or span.device)

    def is_replaced(self, activity: Activity) -> bool:
        """Whether a simulated figure stands for what was measured."""
        if activity.actor == _MACHINERY:
            return True
        return activity.role is Role.CLIENT and activity.actor in self.simulated


def read_reports(processes: Sequence[ProcessRecords]) -> Reported:
    """Turn the reports of a run into activities.

    Parameters
    ----------
    processes : sequence of ProcessRecords
        All of the run: also those of clients, which the reports then only complete.

    Returns
    -------
    Reported
        Data in GB, energies in kWh.
    """
    reports = [report for process in processes for report in _with_last_names(process.reports)]
    if not reports:
        return Reported()
    reader = _Reader(_Spans.of(processes), _settled(reports))
    activities = [activity for report in reports for activity in reader.activities(report)]
    return Reported(
        tuple(activities),
        (*reader.findings(), *_reply_findings(reports, reader.settled)),
        _places(processes, reports),
        frozenset(r.actor for r in reports if r.told and r.told.basis is Basis.SIMULATED),
    )


def _with_last_names(reports: Sequence[ReportRecord]) -> Iterator[ReportRecord]:
    """Call each client what it was called last: who and where it is, it says when it answers."""
    names = {report.node: report.actor for report in reports}
    zones = {report.node: report.zone for report in reports if report.zone}
    devices = {report.node: report.device for report in reports if report.device}
    for report in reports:
        yield replace(
            report,
            actor=names[report.node],
            zone=report.zone or zones.get(report.node),
            device=report.device or devices.get(report.node),
        )


def _settled(reports: Iterable[ReportRecord]) -> Mapping[str, float]:
    """Until when all that a client did is known, by actor [s]."""
    until: dict[str, float] = {}
    for report in reports:
        if report.told is not None and report.told.settled:
            until[report.actor] = max(until.get(report.actor, report.start_s), report.start_s)
    return until


def _places(
    processes: Iterable[ProcessRecords], reports: Iterable[ReportRecord]
) -> dict[str, Place]:
    places: dict[str, Place] = {}
    spans = [span for process in processes for span in process.spans]
    said: list[SpanRecord | ReportRecord] = [span for span in spans if span.role is Role.SERVER]
    for found in [*said, *reports]:
        zone, device = places.get(found.actor, (None, None))
        places[found.actor] = (found.zone or zone, found.device or device)
    return {actor: place for actor, place in places.items() if any(place)}


@dataclass(slots=True)
class _Spans:
    """What clients wrote into journals of their own."""

    tokens: frozenset[str]
    work: Counter[tuple[str, int | None, Phase]]
    actors: frozenset[str]
    moved: Counter[tuple[str, int | None, Phase, int]]

    @classmethod
    def of(cls, processes: Iterable[ProcessRecords]) -> _Spans:
        processes = list(processes)
        spans = [s for p in processes for s in p.spans if s.role is Role.CLIENT]
        work = [s for s in spans if s.phase in _WORK and s.parent is not None]
        return cls(
            frozenset(process.process.token for process in processes),
            Counter((s.actor, s.round, s.phase) for s in work),
            frozenset(s.actor for s in work),
            Counter(
                (s.actor, s.round, phase, size)
                for s in spans
                for phase, size in (
                    (Phase.DOWNLOAD, s.received_bytes),
                    (Phase.UPLOAD, s.sent_bytes),
                )
                if size
            ),
        )

    def hold(self, report: ReportRecord) -> bool:
        """Whether a client's own journal holds what a report tells of its work."""
        told = report.told
        if told is not None and told.token is not None:
            return told.token in self.tokens
        if report.round is None:
            return report.actor in self.actors
        return self.work[report.actor, report.round, report.phase] > 0

    def take_bytes(self, report: ReportRecord, phase: Phase, size: int) -> bool:
        """Whether a client's own journal holds a transfer; each is found once."""
        key = (report.actor, report.round, phase, size)
        found = self.moved[key] > 0
        self.moved[key] -= found
        return found


@dataclass(slots=True)
class _Reader:
    """Turns reports into activities, and counts what others hold already."""

    spans: _Spans
    settled: Mapping[str, float]
    held: set[str] = field(default_factory=set)
    simulated: set[str] = field(default_factory=set)

    def activities(self, report: ReportRecord) -> Iterator[Activity]:
        """Give the data and the energy of one report."""
        yield from self._data(report)
        told = report.told
        simulated = told is not None and told.basis is Basis.SIMULATED
        if self.spans.hold(report) and not simulated:
            if told is not None and (told.energy or told.setup or told.idle):
                self.held.add(report.actor)
            return
        if simulated:
            self.simulated.add(report.actor)
        if told is not None:
            yield from _told(report, told)
        elif report.status in _ANSWERED and not self._is_settled(report):
            # It answered, so it was at work, for this long at most.
            yield _activity(report, report.phase, duration_s=report.exchange_s)

    def _is_settled(self, report: ReportRecord) -> bool:
        return report.start_s < self.settled.get(report.actor, report.start_s)

    def _data(self, report: ReportRecord) -> Iterator[Activity]:
        told = report.told
        basis = Basis.SIMULATED if told and told.basis is Basis.SIMULATED else Basis.MEASURED
        for phase, size, always, overhead in (
            (Phase.DOWNLOAD, report.received_bytes, 0, report.overhead_received_bytes),
            (Phase.UPLOAD, report.sent_bytes, report.record_bytes, report.overhead_sent_bytes),
        ):
            once = 0 if self.spans.take_bytes(report, phase, size) else size
            for moved_bytes, source, kind in (
                (once + always, BYTES_SOURCE, basis),
                (overhead, f"wire/{report.wire}", Basis.MODELLED),
            ):
                if moved_bytes:
                    moved = _activity(report, phase, basis=kind, source=source)
                    yield replace(moved, data_gb=bytes_to_gb(moved_bytes))
        if report.polling_bytes:
            polled = _activity(
                report, Phase.WAIT, basis=Basis.MODELLED, source=f"wire/{report.wire}"
            )
            yield replace(polled, data_gb=bytes_to_gb(report.polling_bytes), round=None)

    def findings(self) -> Iterator[Finding]:
        """Say what counts once although two tell it."""
        if self.held:
            yield Finding(
                "client-journal",
                f"Journals of their own hold what {_names(self.held)} told the server; the "
                "journals were counted, and what was told was not.",
                Severity.INFO,
            )
        if self.simulated:
            yield Finding(
                "client-simulated",
                f"Figures of {_names(self.simulated)} are those of profiles; what this machine "
                "used to simulate them is not in the total.",
                Severity.INFO,
            )


def _told(report: ReportRecord, told: Told) -> Iterator[Activity]:
    source = f"{told.source or 'client'}/{report.device or 'client'}"
    start_s = told.start_s
    for phase, begin_s, duration_s, energy in (
        (Phase.SETUP, start_s - told.setup_s, told.setup_s, told.setup),
        (report.phase, start_s, told.duration_s or 0.0, told.energy),
        (Phase.IDLE, start_s, 0.0, told.idle),
    ):
        if energy is not None or duration_s > 0:
            used = _activity(
                report,
                phase,
                duration_s=duration_s,
                energy=energy,
                basis=told.basis,
                tier=told.tier,
                source=source,
            )
            yield replace(used, start_s=begin_s)


def _activity(
    report: ReportRecord,
    phase: Phase,
    *,
    duration_s: float = 0.0,
    energy: Energy | None = None,
    basis: Basis = Basis.MEASURED,
    tier: Tier | None = None,
    source: str = "none",
) -> Activity:
    return Activity(
        actor=report.actor,
        role=report.role,
        device=report.device,
        zone=report.zone,
        phase=phase,
        round=report.round,
        start_s=report.start_s,
        duration_s=duration_s,
        energy_kwh=None if energy is None else energy.kwh,
        energy_low_kwh=None if energy is None else energy.low_kwh,
        energy_high_kwh=None if energy is None else energy.high_kwh,
        data_gb=0.0,
        basis=basis,
        tier=None if energy is None else tier,
        source=source,
    )


def _reply_findings(
    reports: Sequence[ReportRecord], settled: Mapping[str, float]
) -> Iterator[Finding]:
    """Say which requests came to nothing, and what is known of them."""
    by_status: dict[ReplyStatus, list[ReportRecord]] = defaultdict(list)
    for report in reports:
        by_status[report.status].append(report)
    # A request that never arrived, or whose ledger was lost, is missing in a later total, too.
    late = {r.actor for r in by_status[ReplyStatus.LATE] if r.told is not None}
    for status, code, what, remedy in (
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
    ):
        unknown = [
            r
            for r in by_status[status]
            if (r.told is None and not (r.actor in late and r.start_s < settled.get(r.actor, 0.0)))
            or (r.told is not None and r.told.energy is None)
        ]
        if by_status[status]:
            yield Finding(
                code,
                f"{len(by_status[status])} request(s) to {_names_of(by_status[status])} {what}; "
                + (
                    f"what {len(unknown)} of them used is not known."
                    if unknown
                    else "what they used was told later."
                ),
                Severity.WARNING if unknown else Severity.INFO,
                remedy if unknown else "",
            )
    if refused := by_status[ReplyStatus.REFUSED]:
        yield Finding(
            "reply-refused",
            f"The figures in {len(refused)} reply(ies) of {_names_of(refused)} cannot be "
            "believed; they are in no total.",
            remedy="See the findings named client-record.",
        )
    untold = [
        r
        for r in by_status[ReplyStatus.OK]
        if (r.told is None and r.start_s >= settled.get(r.actor, r.start_s))
        or (r.told is not None and r.told.energy is None and r.told.duration_s is None)
    ]
    if untold:
        yield Finding(
            "client-unmeasured",
            f"{len(untold)} reply(ies) of {_names_of(untold)} told no figures; only their data is "
            "counted.",
            remedy="Give the ClientApp the mod: ClientApp(mods=[carbon_mod()]).",
        )
    lost = [r for r in reports if r.told is not None and r.told.lost]
    if lost:
        yield Finding(
            "client-lost",
            f"{sum(r.told.lost for r in lost if r.told)} process(es) of {_names_of(lost)} died at "
            "work; what they used is not in what they told.",
            remedy="The journals of these clients hold it up to their last heartbeat.",
        )


def _names_of(reports: Iterable[ReportRecord]) -> str:
    return _names({report.actor for report in reports})


def _names(actors: Iterable[str]) -> str:
    names = sorted(set(actors))
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
