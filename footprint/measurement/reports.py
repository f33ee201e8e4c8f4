"""What servers reported of their clients: from reports to activities.

A report counts what nobody else does. Where the client's own journal is among the files
that are read, its spans win and the report's energy is left out; its bytes count once.
Where a virtual client was simulated, the figures of its profile win, and what the
machine that simulates it used for it is left out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from footprint.journal import TRUNCATED, Energy, ProcessRecords, ReportRecord, SpanRecord, Told
from footprint.measurement.contacts import Contacts, Held, find_held, own_names
from footprint.measurement.replies import names_of, reply_findings
from footprint.model import Activity, Basis, Finding, Phase, Role, Severity, Tier
from footprint.units import bytes_to_gb, format_quantity

BYTES_SOURCE = "bytes"

_MACHINERY = "(simulation)"

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
    names : mapping of str to str
        Name of each node.
    """

    activities: tuple[Activity, ...] = ()
    findings: tuple[Finding, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    simulated: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)

    def placed(self, process: ProcessRecords) -> ProcessRecords:
        """Say where and on what a process ran, as far as the server knows."""
        if not (self.places or self.simulated or self.names):
            return process
        return replace(process, spans=tuple(self._placed(span) for span in process.spans))

    def _placed(self, span: SpanRecord) -> SpanRecord:
        if self.simulated and span.role is Role.SERVER and span.phase is Phase.WAIT:
            # While a server waits for virtual clients, its machine simulates them.
            return replace(span, actor=_MACHINERY, role=Role.OTHER)
        if span.node is not None:
            span = replace(span, actor=self.names.get(span.node, span.actor))
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
    raw = [report for process in processes for report in process.reports]
    if not raw:
        return Reported()
    names = own_names(processes, raw)
    reports = list(_named(raw, names))
    contacts = Contacts.of(processes)
    held = find_held(reports, contacts)
    places = _places(processes, reports)
    server = next(
        (s.actor for p in processes if p.reports for s in p.spans if s.parent is None), "server"
    )
    own = {p.process.token for p in processes if p.reports or len(processes) == 1}
    reader = _Reader(contacts, frozenset(own), server, places.get(server, (None, None)))
    activities = [
        activity
        for report, hold in zip(reports, held, strict=True)
        for activity in reader.activities(report, hold)
    ]
    return Reported(
        tuple(activities),
        (
            *reader.findings(),
            *reply_findings(reports, held, _settled(reports)),
            *_killed(processes, names),
        ),
        places,
        frozenset(r.actor for r in reports if r.told and r.told.basis is Basis.SIMULATED),
        names,
    )


def _named(reports: Sequence[ReportRecord], names: Mapping[str, str]) -> Iterator[ReportRecord]:
    """Call each client by its name, and put it where it said last that it is."""
    zones = {report.node: report.zone for report in reports if report.zone}
    devices = {report.node: report.device for report in reports if report.device}
    for report in reports:
        yield replace(
            report,
            actor=names[report.node],
            zone=report.zone or zones.get(report.node),
            device=report.device or devices.get(report.node),
        )


def _killed(processes: Iterable[ProcessRecords], names: Mapping[str, str]) -> Iterator[Finding]:
    """Say which clients' journals break off in a message."""
    killed = [
        names.get(span.node or "", span.actor)
        for process in processes
        for span in process.spans
        if span.role is Role.CLIENT and span.status == TRUNCATED and span.round is not None
    ]
    if killed:
        yield Finding(
            "client-lost",
            f"{len(killed)} message(s) of {names_of(killed)} have no end in their journals: the "
            "process died at work, or its journal was copied too early. They are counted up to "
            "the last heartbeat.",
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
class _Reader:
    """Turns reports into activities, and counts what others hold already."""

    contacts: Contacts
    own: frozenset[str]
    """Tokens of the server's journals."""
    server: str = "server"
    place: Place = (None, None)
    """Of the server."""
    idle_kwh: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    held: set[str] = field(default_factory=set)
    twice: list[ReportRecord] = field(default_factory=list)
    simulated: set[str] = field(default_factory=set)

    def activities(self, report: ReportRecord, held: Held) -> Iterator[Activity]:
        """Give the data and the energy of one report."""
        yield from self._data(report)
        told = report.told
        simulated = told is not None and told.basis is Basis.SIMULATED
        if held is Held.YES and not simulated:
            told_of = told is not None and (told.energy or told.setup or told.idle)
            # Beside their server, clients write into its journal.
            if told is not None and told_of and told.token not in self.own:
                self.held.add(report.actor)
            return
        if simulated:
            self.simulated.add(report.actor)
        if told is not None and held is Held.PARTLY and not simulated:
            self.twice.append(report)
            yield from self._told(report, _from_zero(told))
        elif told is not None:
            yield from self._told(report, _started(told) if held is Held.SETUP else told)

    def _told(self, report: ReportRecord, told: Told) -> Iterator[Activity]:
        """Give the energy that a client told."""
        if told.idle is not None:
            self.idle_kwh[report.actor] += told.idle.kwh
        for activity in _told(report, told):
            if told.worker and activity.phase is Phase.SETUP:
                zone, device = self.place
                yield replace(
                    activity, actor=self.server, role=Role.SERVER, zone=zone, device=device
                )
            else:
                yield activity

    def _data(self, report: ReportRecord) -> Iterator[Activity]:
        told = report.told
        basis = Basis.SIMULATED if told and told.basis is Basis.SIMULATED else Basis.MEASURED
        for phase, size, always, overhead in (
            (Phase.DOWNLOAD, report.received_bytes, 0, report.overhead_received_bytes),
            (Phase.UPLOAD, report.sent_bytes, report.record_bytes, report.overhead_sent_bytes),
        ):
            once = 0 if self.contacts.take_bytes(report, phase, size) else size
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
                f"Journals of their own hold what {names_of(self.held)} told the server; the "
                "journals were counted, and what was told was not.",
                Severity.INFO,
            )
        if len(self.idle_kwh) > 1:
            idle = format_quantity("energy", math.fsum(self.idle_kwh.values()))
            yield Finding(
                "client-idle",
                f"{names_of(self.idle_kwh)} told {idle} of energy at idle "
                "power, each that of its own machine; if several were on one machine, it "
                "counts once for each of them.",
                Severity.INFO,
                "Read the clients' own journals, too: then each machine has its idle power once.",
            )
        if self.twice:
            energies = [e for r in self.twice if r.told for e in (r.told.energy, r.told.setup)]
            kwh = math.fsum(energy.kwh for energy in energies if energy)
            names = names_of(report.actor for report in self.twice)
            yield Finding(
                "client-twice",
                f"Journals of {names} hold some of what these told late, and "
                f"nobody knows how much of it: up to {kwh:.3g} kWh may be counted twice. Its "
                "lower bound is 0.",
                remedy="Read all journals of these clients, or none of them.",
            )
        if self.simulated:
            yield Finding(
                "client-simulated",
                f"Figures of {names_of(self.simulated)} are those of profiles; what this machine "
                "used to simulate them is not in the total.",
                Severity.INFO,
            )


def _from_zero(told: Told) -> Told:
    """Figures of which somebody else may have counted all."""

    def widened(energy: Energy | None) -> Energy | None:
        return None if energy is None else replace(energy, low_kwh=0.0)

    return replace(
        told,
        energy=widened(told.energy),
        setup=widened(told.setup),
        idle=widened(told.idle),
    )


def _started(told: Told) -> Told:
    """Figures without those of the start of the process, which its own journal holds."""
    at_work = 1.0
    if told.duration_s is not None and told.duration_s + told.setup_s > 0:
        at_work = told.duration_s / (told.duration_s + told.setup_s)  # idle power goes on alike
    idle = told.idle and Energy(
        told.idle.kwh * at_work, told.idle.low_kwh * at_work, told.idle.high_kwh * at_work
    )
    return replace(told, setup=None, setup_s=0.0, idle=idle)


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
